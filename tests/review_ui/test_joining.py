"""Invitations of riders in the room: made for one's own area, printed, counted, ended."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from intake.identity.invitations import find_invitation, make_invitation, use_invitation
from intake.riders.resealing import sealed_columns
from schemas.access import Role
from schemas.errors import NotFound
from schemas.tables import AuditEntry, Invitation

SHENHE, SHENYANG, XIHU = "210103", "210100", "330106"
WISH = {"unit": SHENHE, "platform": "美团", "station": "中街站", "days": "14", "riders": "2"}


@pytest.fixture
def dana(world):
    return world.person("dana", (Role.DISPATCHER, SHENYANG))


@pytest.fixture
def client(browse, dana):
    return browse(dana)


def send(client, path, **fields):
    page = client.get("/invitations").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    return client.post(path, data={"csrf_token": token} | fields, follow_redirects=True)


def only(world):
    with world.database.reading() as session:
        return session.scalars(select(Invitation)).one()


def token_on(page):
    return re.search(r"/join/(join_[\w-]+)", page)[1]


def test_an_invitation_is_made_hung_up_used_and_ended(world, client, dana) -> None:
    poster = send(client, "/invitations", **WISH).text
    made = only(world)
    assert made.unit_id == world.unit(SHENHE).id
    assert made.made_by == dana.staff_id
    token = token_on(poster)
    assert "<svg" in poster
    # It can be printed again, and its secret stands nowhere in the open.
    assert token_on(client.get(f"/invitations/{made.id}").text) == token
    assert token.encode() not in made.sealed_token
    with world.database.writing() as session:
        welcome = find_invitation(session, token=token, now=world.now)
        assert (welcome.platform, welcome.station) == ("美团", "中街站")
        assert use_invitation(session, invitation_id=welcome.id)
    page = client.get("/invitations").text
    assert token not in page
    assert "1 / 2" in page
    assert "已停用" in send(client, f"/invitations/{made.id}/end").text
    ended = only(world)
    assert (ended.ended_by, ended.sealed_token) == (dana.staff_id, None)
    with world.database.reading() as session, pytest.raises(NotFound):
        find_invitation(session, token=token, now=world.now)
    over = client.get(f"/invitations/{made.id}").text
    assert "请把海报撤下" in over
    assert '<svg class="qr' not in over
    assert send(client, f"/invitations/{made.id}/end").status_code == 409
    with world.database.reading() as session:
        entries = session.scalars(
            select(AuditEntry).where(AuditEntry.subject_id == made.id).order_by(AuditEntry.id)
        ).all()
    assert [entry.action for entry in entries] == [
        "invitation_made", "invitation_shown", "invitation_shown", "invitation_ended",
    ]  # fmt: skip
    assert {entry.actor_id for entry in entries} == {dana.staff_id}


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"unit": XIHU}, "没有这个机构"),
        ({"platform": " "}, "平台"),
        ({"station": ""}, "站点"),
        ({"days": "91"}, "1 到 90"),
        ({"days": "十天"}, "1 到 90"),
        ({"riders": "0"}, "1 到 5000"),
    ],
    ids=str,
)
def test_a_wrong_wish_is_refused_and_kept(world, client, change, words) -> None:
    refused = send(client, "/invitations", **WISH | change)
    assert refused.status_code == 422
    assert words in refused.text
    with world.database.reading() as session:
        assert session.scalars(select(Invitation)).all() == []


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_what_is_full_or_too_old_is_told_and_not_hung_up(world, client) -> None:
    unit_id = world.unit(SHENHE).id
    full, old = world.invitation(unit_id), world.invitation(unit_id)
    with world.database.writing() as session:
        row = session.get_one(Invitation, full)
        row.used = row.allowed
        session.get_one(Invitation, old).expires_at = world.now - timedelta(days=1)
    page = client.get("/invitations").text
    assert "人满了" in page
    assert "已过期" in page
    for each in (full, old):
        assert "请把海报撤下" in client.get(f"/invitations/{each}").text


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_what_another_area_or_the_operator_made_does_not_exist(world, client) -> None:
    foreign = world.invitation(world.unit(XIHU).id)
    with world.database.writing() as session:
        command, _ = make_invitation(
            session, platform="京东", station="北站", days=3, riders=5, now=world.now
        )
    page = client.get("/invitations").text
    assert "北站" not in page
    for each in (foreign, command.id):
        assert str(each) not in page
        assert client.get(f"/invitations/{each}").status_code == 404
        assert send(client, f"/invitations/{each}/end").status_code == 404


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_programs_make_and_end_by_the_same_rules(world, app, dana) -> None:
    client = app.test_client()
    token = {"Authorization": f"Bearer {world.token(dana)}"}
    wish = WISH | {"days": 14, "riders": 2}
    made = client.post("/api/v1/invitations", json=wish, headers=token)
    assert made.status_code == 201
    assert "/join/join_" in made.json["address"]
    path = f"/api/v1/invitations/{made.json['id']}"
    (listed,) = client.get("/api/v1/invitations", headers=token).json["items"]
    assert "address" not in listed
    assert (listed["joined"], listed["riders"], listed["stands"]) == (0, 2, True)
    assert client.post(f"{path}/end", headers=token).json["stands"] is False
    again = client.post(f"{path}/end", headers=token)
    assert (again.status_code, again.json["type"].split(":")[-1]) == (409, "invitation-ended")
    wrong = client.post("/api/v1/invitations", json=wish | {"unit": XIHU}, headers=token)
    assert wrong.json["type"].endswith("unit-unknown")
    # Not for whoever decides on points.
    rita = world.token(world.person("rita", (Role.REWARD_OFFICER, SHENYANG)))
    refused = client.get("/api/v1/invitations", headers={"Authorization": f"Bearer {rita}"})
    assert refused.status_code == 404


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_its_token_is_sealed_anew_with_the_other_secrets(dialect) -> None:
    assert "invitations" in {each.table.name for each in sealed_columns()}

"""Thanks beside the points: supplies that were given, and lists of honour made public."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from intake.rewards.honouring import (
    TERMS_VERSION,
    agree_to_be_named,
    published_rolls,
    stop_being_named,
)
from intake.riders.erasure import erase_rider
from review_ui.rewards.decisions import approve
from schemas import audit
from schemas.access import Role
from schemas.sealing import Sealer
from schemas.tables import (
    AuditEntry,
    HonourConsent,
    HonourRoll,
    PointAccount,
    PointEntry,
    Supply,
)
from schemas.workdays import local_date

SHENHE, SHENYANG, XIHU = "210103", "210100", "330106"
SQLITE = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


@pytest.fixture
def rita(world):
    return world.person("rita", (Role.REWARD_OFFICER, SHENYANG))


@pytest.fixture
def officer(browse, rita):
    return browse(rita)


@pytest.fixture
def before(world):
    """A moment of last month, and that month's name."""
    last = world.now.replace(day=1) - timedelta(days=3)
    return last, f"{local_date(last):%Y-%m}"


@pytest.fixture
def earners(world, rita, before):
    """The accounts of four riders whose points were approved last month."""
    case = world.case()
    made = [world.award(case) for _ in range(4)]
    with world.database.writing() as session:
        for each in made:
            approve(session, award_id=each["award_id"], staff_id=rita.staff_id, now=before[0])
    return [each["pseudonym"] for each in made]


def send(client, path, **fields):
    page = client.get("/rewards").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    return client.post(path, data={"csrf_token": token} | fields, follow_redirects=True)


def rolls(world):
    with world.database.reading() as session:
        return published_rolls(session, sealer=Sealer(world.settings))


def rider_of(world, pseudonym):
    with world.database.reading() as session:
        return session.scalars(
            select(PointAccount.rider_id).where(PointAccount.pseudonym == pseudonym)
        ).one()


def gift(world, account, **change):
    today = local_date(world.now).isoformat()
    return {
        "account": account, "unit": SHENHE, "title": "保温杯", "quantity": "2",
        "occasion": "冬至慰问", "given_on": today,
    } | change  # fmt: skip


def test_supplies_are_recorded_and_a_mistake_is_cancelled_with_its_reason(
    world, officer, earners
) -> None:
    page = send(officer, "/rewards/supplies", **gift(world, earners[0].lower()))
    assert "已登记" in page.text
    assert earners[0] in page.text
    with world.database.reading() as session:
        supply = session.scalars(select(Supply)).one()
    path = f"/rewards/supplies/{supply.id}/cancel"
    assert send(officer, path, reason=" ").status_code == 422
    assert "写错了户" in send(officer, path, reason="写错了户").text
    assert send(officer, path, reason="再来").status_code == 409
    with world.database.reading() as session:
        actions = session.scalars(
            select(AuditEntry.action).where(AuditEntry.subject_id == supply.id)
        ).all()
        assert sorted(actions) == ["supply_cancelled", "supply_given"]
        # What is given in thanks is no points: the ledger knows nothing of it.
        assert session.scalar(select(func.count()).select_from(PointEntry)) == 8


@SQLITE
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"account": "0000-0000"}, "没有这个积分户"),
        ({"unit": XIHU}, "没有这个机构"),
        ({"title": " "}, "请写明给了什么"),
        ({"quantity": "1001"}, "1 到 1000"),
        ({"quantity": "两个"}, "整数"),
        ({"given_on": "2099-01-01"}, "不能晚于今天"),
        ({"given_on": ""}, "请填写日期"),
    ],
    ids=str,
)
def test_a_wrong_record_of_supplies_is_refused_and_kept(
    world, officer, earners, change, words
) -> None:
    refused = send(officer, "/rewards/supplies", **gift(world, earners[0]) | change)
    assert refused.status_code == 422
    assert words in refused.text
    assert 'value="冬至慰问"' in refused.text
    with world.database.reading() as session:
        assert session.scalars(select(Supply)).all() == []


def test_a_list_shows_pseudonyms_until_a_rider_agrees_and_at_once_when_they_withdraw(
    world, officer, earners, before
) -> None:
    wish = {"unit": SHENHE, "period": before[1], "size": "10"}
    assert "光荣榜已公布" in send(officer, "/rewards/honours/published", **wish).text
    (roll,) = rolls(world)
    halves = sorted(f"{each.partition('-')[0]}-····" for each in earners)
    assert (roll.period, sorted(roll.names)) == (before[1], halves)
    rider, sealer = rider_of(world, earners[1]), Sealer(world.settings)
    for name in ("小王", " 王 师傅 "):
        with world.database.writing() as session:
            agree_to_be_named(
                session, sealer=sealer, rider_id=rider, version=TERMS_VERSION, name=name,
                now=world.now,
            )  # fmt: skip
    assert "王 师傅" in rolls(world)[0].names
    with world.database.writing() as session:
        assert stop_being_named(session, rider_id=rider, now=world.now)
        assert not stop_being_named(session, rider_id=rider, now=world.now)
    assert sorted(rolls(world)[0].names) == halves
    with world.database.reading() as session:
        # That there was a consent stays; the name itself is gone.
        assert set(session.scalars(select(HonourConsent.sealed_name))) == {b""}


def test_one_list_stands_for_a_unit_and_a_period_until_it_is_taken_down(
    world, officer, earners, before
) -> None:
    wish = {"unit": SHENHE, "period": before[1], "size": "3"}
    send(officer, "/rewards/honours/published", **wish)
    again = send(officer, "/rewards/honours/published", **wish)
    assert again.status_code == 409
    assert "已经公布" in again.text
    (roll,) = rolls(world)
    assert len(roll.names) == 3
    with world.database.reading() as session:
        roll_id = session.scalars(select(HonourRoll.id)).one()
    assert "已撤下" in send(officer, f"/rewards/honours/{roll_id}/end").text
    assert rolls(world) == []
    assert send(officer, f"/rewards/honours/{roll_id}/end").status_code == 409
    assert "光荣榜已公布" in send(officer, "/rewards/honours/published", **wish).text


@SQLITE
def test_an_erased_rider_is_named_nowhere(world, officer, earners, before) -> None:
    send(officer, "/rewards/honours/published", unit=SHENHE, period=before[1], size="10")
    rider = rider_of(world, earners[0])
    with world.database.writing() as session:
        agree_to_be_named(
            session, sealer=Sealer(world.settings), rider_id=rider, version=TERMS_VERSION,
            name="小王", now=world.now,
        )  # fmt: skip
    assert "小王" in rolls(world)[0].names
    with world.database.writing() as session:
        erase_rider(
            session, rider_id=rider, reason="own-request", now=world.now, actor=audit.OPERATOR
        )
    assert "小王" not in rolls(world)[0].names


@SQLITE
@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"period": "2026-13"}, 422, "时间段写成"),
        ({"period": "2099"}, 422, "还没结束"),
        ({"size": "2"}, 422, "3 到 50"),
        ({"unit": XIHU}, 422, "没有这个机构"),
        # Nobody earned anything then; and in another county of the city neither.
        ({"period": "2025"}, 409, "不到 3 名"),
        ({"unit": "210102"}, 409, "不到 3 名"),
    ],
    ids=str,
)
def test_a_list_that_says_too_much_or_nothing_is_not_published(
    world, officer, earners, before, change, status, words
) -> None:
    wish = {"unit": SHENHE, "period": before[1], "size": "10"} | change
    refused = send(officer, "/rewards/honours/published", **wish)
    assert refused.status_code == status
    assert words in refused.text
    assert rolls(world) == []


@SQLITE
def test_another_areas_thanks_do_not_exist(world, officer) -> None:
    foreign = world.thanked(world.unit(XIHU).id)
    assert "保温杯" not in officer.get("/rewards/supplies").text
    cancel = f"/rewards/supplies/{foreign['supply_id']}/cancel"
    assert send(officer, cancel, reason="写错了").status_code == 404
    assert send(officer, f"/rewards/honours/{foreign['roll_id']}/end").status_code == 404


@SQLITE
def test_programs_thank_by_the_same_rules(world, app, rita, earners, before) -> None:
    client = app.test_client()
    token = {"Authorization": f"Bearer {world.token(rita)}"}
    body = gift(world, earners[0]) | {"quantity": 2}
    made = client.post("/api/v1/rewards/supplies", json=body, headers=token)
    assert made.status_code == 201
    (item,) = client.get("/api/v1/rewards/supplies", headers=token).json["items"]
    assert item == made.json
    path = f"/api/v1/rewards/supplies/{item['id']}/cancel"
    ended = client.post(path, json={"reason": "写错了"}, headers=token)
    assert (ended.json["cancelled"], ended.json["reason"]) == (True, "写错了")
    unknown = client.post(
        "/api/v1/rewards/supplies", json=body | {"account": "0000-0000"}, headers=token
    )
    assert unknown.status_code == 404
    wish = {"unit": SHENHE, "period": before[1], "size": 4}
    roll = client.post("/api/v1/rewards/rolls", json=wish, headers=token)
    assert (roll.status_code, roll.json["ended"]) == (201, False)
    assert client.get("/api/v1/rewards/rolls", headers=token).json["items"] == [roll.json]
    again = client.post("/api/v1/rewards/rolls", json=wish, headers=token)
    assert (again.status_code, again.json["type"].split(":")[-1]) == (409, "honours-published")
    path = f"/api/v1/rewards/rolls/{roll.json['id']}/end"
    assert client.post(path, headers=token).json["ended"] is True
    assert client.post(path, headers=token).status_code == 409

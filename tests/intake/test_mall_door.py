"""The points mall at the door: a rider takes a piece, a terminal hands it out, once."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from intake.identity.entrance import COOKIE, STATION_COOKIE
from intake.identity.stations import add_station
from intake.rewards.ledger import Posting, balance_of, post
from schemas.audit import PIPELINE
from schemas.database import now_utc
from schemas.points import AccountKind, EntryKind
from schemas.tables import PointOffer, PointRedemption, Rider, RiderToken, Staff, Unit
from schemas.workdays import local_date

NOBODYS = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def dialect() -> str:
    """What the database judges is tried on both in test_mall.py."""
    return "sqlite"


@pytest.fixture
def counter(door) -> str:
    """The token of the terminal of a station that has an offer."""
    with door.database.writing() as session:
        station, token = add_station(
            session, name="青年大街驿站", place="青年大街 1 号", now=now_utc()
        )
        staff = Staff(sign_in="rita", name="孙丽", password_hash="x")
        session.add(staff)
        session.flush()
        today = local_date(now_utc())
        session.add(
            PointOffer(
                station_id=station.id, title="热饭一份", terms="11 点到 20 点", price_points=30,
                unit_id=session.scalars(select(Unit.id)).first(), stock=2, starts_on=today,
                ends_on=today + timedelta(days=9), hold_days=7, made_by=staff.id,
            )
        )  # fmt: skip
    return token


@pytest.fixture
def rich(door, token) -> str:
    """The token of a rider with fifty points."""
    with door.database.writing() as session:
        rider = session.scalars(select(Rider)).one()
        for kind, source, target in (
            (EntryKind.EARNED, AccountKind.ISSUE, AccountKind.PENDING),
            (EntryKind.APPROVED, AccountKind.PENDING, AccountKind.RIDER),
        ):
            post(
                session,
                Posting(
                    key=kind.value, kind=kind, rider_id=rider.id, source=source, target=target,
                    points=50, actor=PIPELINE, now=now_utc(),
                ),
            )  # fmt: skip
    return token


def bearer(token, **more):
    return {"Authorization": f"Bearer {token}"} | more


def balance(door):
    with door.database.reading() as session:
        return balance_of(session, rider_id=session.scalars(select(Rider.id)).one())


def test_a_program_takes_a_piece_and_the_terminal_hands_it_out_once(
    client, door, rich, counter, code_of
) -> None:
    me = bearer(rich)
    offers = client.get("/api/v1/me/offers", headers=me).json
    (offer,) = offers["items"]
    assert (offers["balance"], offer["title"], offer["left"]) == (50, "热饭一份", 2)
    key = bearer(rich, **{"Idempotency-Key": str(uuid4())})
    wish = {"offer_id": offer["id"]}
    made = client.post("/api/v1/me/redemptions", json=wish, headers=key)
    assert made.status_code == 201
    again = client.post("/api/v1/me/redemptions", json=wish, headers=key)
    assert again.json == made.json
    assert balance(door) == 20
    poor = client.post(
        "/api/v1/me/redemptions", json=wish,
        headers=bearer(rich, **{"Idempotency-Key": str(uuid4())}),
    )  # fmt: skip
    assert (poor.status_code, code_of(poor)) == (409, "points-not-enough")
    shown = {"code": made.json["code"]}
    handed = client.post("/api/v1/station/redemptions", json=shown, headers=bearer(counter))
    assert handed.json == {"title": "热饭一份", "text": "有效，请发放：热饭一份"}
    twice = client.post("/api/v1/station/redemptions", json=shown, headers=bearer(counter))
    assert (twice.status_code, code_of(twice)) == (409, "redemption-collected")
    (mine,) = client.get("/api/v1/me/redemptions", headers=me).json["items"]
    assert (mine["status"], mine["code"]) == ("spent", None)
    lines = client.get("/api/v1/me/points", headers=me).json["lines"]
    assert [(line["points"], line["text"]) for line in lines][:1] == [(-30, "兑换：热饭一份")]


def test_what_is_given_back_returns_the_points_and_is_told(client, door, rich, counter) -> None:
    me = bearer(rich)
    (offer,) = client.get("/api/v1/me/offers", headers=me).json["items"]
    made = client.post(
        "/api/v1/me/redemptions", json={"offer_id": offer["id"]},
        headers=bearer(rich, **{"Idempotency-Key": str(uuid4())}),
    ).json  # fmt: skip
    back = client.delete(f"/api/v1/me/redemptions/{made['id']}", headers=me).json
    assert (back["status"], back["code"], balance(door)) == ("returned", None, 50)
    texts = [line["text"] for line in client.get("/api/v1/me/points", headers=me).json["lines"]]
    assert "兑换未领取，积分退回：热饭一份" in texts


@pytest.mark.parametrize(
    ("wish", "key", "status", "code"),
    [
        ({"offer_id": NOBODYS}, NOBODYS, 404, "offer-unknown"),
        ({"offer_id": NOBODYS}, None, 400, "idempotency-key-missing"),
        ({"offer_id": "x"}, NOBODYS, 422, "value-invalid"),
    ],
)
def test_a_wish_that_can_not_be_is_refused(
    client, rich, counter, code_of, wish, key, status, code
) -> None:
    headers = bearer(rich, **({"Idempotency-Key": key} if key else {}))
    refused = client.post("/api/v1/me/redemptions", json=wish, headers=headers)
    assert (refused.status_code, code_of(refused)) == (status, code)


def test_another_riders_piece_does_not_exist(client, door, rich, counter, code_of) -> None:
    refused = client.delete(f"/api/v1/me/redemptions/{NOBODYS}", headers=bearer(rich))
    assert (refused.status_code, code_of(refused)) == (404, "redemption-unknown")


def test_no_rider_opens_the_counter_and_no_terminal_a_riders_points(client, rich, counter) -> None:
    code = {"code": "AAAA-AAAA-AAAA-AAAA"}
    wrong = client.post("/api/v1/station/redemptions", json=code, headers=bearer(rich))
    assert wrong.status_code == 401
    assert client.get("/api/v1/me/redemptions", headers=bearer(counter)).status_code == 401


def form_of(client, path):
    page = client.get(path).text
    return dict(re.findall(r'name="(csrf_token|offer|key)" value="([^"]+)"', page))


def test_the_pages_do_it_without_a_script(client, app, door, rich, counter) -> None:
    with door.database.writing() as session:
        session.scalars(select(RiderToken)).one().kind = "browser"
    client.set_cookie(COOKIE, rich)
    form = form_of(client, "/points/mall")
    assert "还有 2 份" in client.get("/points/mall").text
    shown = client.post("/points/redemptions", data=form, follow_redirects=True)
    code = re.search(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}", shown.text)[0]
    assert "<svg" in shown.text
    # Sending the page again is the same piece; a new wish is beyond the balance.
    client.post("/points/redemptions", data=form)
    assert balance(door) == 20
    mall = client.get("/points/mall").text
    assert "还差 10 分" in mall
    poor = client.post("/points/redemptions", data=form | {"key": str(uuid4())})
    assert poor.status_code == 409
    assert "积分不够" in poor.text
    assert client.post("/points/redemptions", data={"offer": "x"}).status_code == 403
    terminal = app.test_client()
    terminal.set_cookie(STATION_COOKIE, counter)
    token = form_of(terminal, "/station/redemptions")
    handed = terminal.post("/station/redemptions", data=token | {"code": code})
    assert "有效，请发放：热饭一份" in handed.text
    assert "李小四" not in handed.text
    again = terminal.post("/station/redemptions", data=token | {"code": code})
    assert again.status_code == 409
    assert "已经领取过" in again.text
    with door.database.reading() as session:
        row = session.scalars(select(PointRedemption)).one()
    page = client.get(f"/points/redemptions/{row.id}").text
    assert "已领取" in page
    assert code not in page


def test_a_piece_is_given_back_on_its_page(client, door, rich, counter) -> None:
    with door.database.writing() as session:
        session.scalars(select(RiderToken)).one().kind = "browser"
    client.set_cookie(COOKIE, rich)
    form = form_of(client, "/points/mall")
    path = client.post("/points/redemptions", data=form).location
    done = client.post(
        f"{path}/return", data={"csrf_token": form["csrf_token"]}, follow_redirects=True
    )
    assert "已退回，30 分还给您了" in done.text
    assert balance(door) == 50

"""Joining by an invitation, consents, leaving and stations, as phones and terminals see them."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from intake.door import Door
from intake.identity.gateways import codes_to_show
from intake.identity.invitations import make_invitation
from intake.identity.sessions import open_session
from intake.identity.stations import add_station
from intake.riders.registering import appoint_supervisor
from schemas.database import now_utc
from schemas.tables import Claim, Rider, StationVisit

OWN = {"Sec-Fetch-Site": "same-origin"}
BROWSER = {"Accept": "text/html"}
ADDRESS = {"premises_address": "中街路 1 号"}
Code = Callable[[TestResponse], str]
Sender = Callable[..., TestResponse]


@pytest.fixture
def dialect() -> str:
    """The core's own statements are tried on both databases in test_identity.py."""
    return "sqlite"


@pytest.fixture
def signed_in(client: FlaskClient, door: Door, token: str) -> FlaskClient:
    """A browser in which the rider of `token` is signed in."""
    with door.database.writing() as session:
        rider = session.scalars(select(Rider)).one()
        cookie = open_session(session, rider_id=rider.id, device="Chrome", now=now_utc())
    client.set_cookie("rider_session", cookie)
    return client


@pytest.fixture
def terminal(door: Door) -> str:
    """The token of a station's terminal."""
    with door.database.writing() as session:
        return add_station(session, name="中街站", place="中街路 1 号", now=now_utc())[1]


def csrf_of(client: FlaskClient, path: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path, headers=BROWSER).text)
    assert found
    return found[1]


def sources(door: Door) -> list[str]:
    with door.database.reading() as session:
        return sorted(session.scalars(select(Claim.source)))


def test_a_qr_code_leads_a_rider_to_be_registered(client: FlaskClient, door: Door) -> None:
    with door.database.writing() as session:
        _, token = make_invitation(
            session, platform="美团", station="沈河站", days=1, riders=1, now=now_utc()
        )
    page = client.get(f"/join/{token}", headers=BROWSER)
    assert "沈河站" in page.text
    form = {
        "csrf_token": csrf_of(client, f"/join/{token}"),
        "invitation": token,
        "name": "王五",
        "phone": "13911112222",
        "next": "/me",
    }
    nameless = client.post("/sign-in/code", data=form | {"name": " "}, headers=BROWSER)
    assert nameless.status_code == 422
    assert "缺少姓名" in nameless.text
    assert "沈河站" in nameless.text
    asked = client.post("/sign-in/code", data=form, headers=BROWSER)
    assert 'name="name" value="王五"' in asked.text
    door.messenger.drain()
    with door.database.reading() as session:
        (shown,) = codes_to_show(session, sealer=door.sealer, now=now_utc())
    entered = client.post("/sign-in", data=form | {"code": shown.code}, headers=BROWSER)
    assert entered.headers["Location"] == "/me"
    account = client.get("/me", headers=BROWSER).text
    assert "沈河站" in account
    assert "平台尚未确认" in account
    over = client.get(f"/join/{token}", headers=BROWSER)
    assert over.status_code == 404
    assert "邀请码已经失效" in over.text


def test_a_program_registers_by_an_invitation_too(
    client: FlaskClient, door: Door, code_of: Code
) -> None:
    with door.database.writing() as session:
        _, token = make_invitation(
            session, platform="美团", station="沈河站", days=1, riders=1, now=now_utc()
        )
    wanted = {"phone": "13911112222", "invitation": token}
    assert client.post("/api/v1/sign-in/codes", json=wanted).status_code == 202
    bad = client.post("/api/v1/sign-in/codes", json=wanted | {"invitation": "join_no"})
    assert (bad.status_code, code_of(bad)) == (404, "invitation-over")
    door.messenger.drain()
    with door.database.reading() as session:
        (shown,) = codes_to_show(session, sealer=door.sealer, now=now_utc())
    body = wanted | {"code": shown.code}
    unnamed = client.post("/api/v1/sessions", json=body)
    assert (unnamed.status_code, code_of(unnamed)) == (422, "rider-field-missing")
    entered = client.post("/api/v1/sessions", json=body | {"name": "王五"})
    assert entered.json["verification"] == "unverified"


def test_without_consent_a_tip_goes_without_the_phones_place(
    signed_in: FlaskClient, door: Door, send: Sender, code_of: Code
) -> None:
    nowhere = send(headers=OWN)
    assert (nowhere.status_code, code_of(nowhere)) == (422, "location-consent-missing")
    assert send(headers=OWN, **ADDRESS).status_code == 201
    assert send(headers=OWN, pin_latitude="41.8", pin_longitude="123.43").status_code == 201
    assert sources(door) == ["map_pin", "server_receipt", "server_receipt", "shop_address"]


def test_with_consent_the_place_is_kept_until_it_is_withdrawn(
    signed_in: FlaskClient, door: Door, send: Sender, code_of: Code, token: str
) -> None:
    asked = signed_in.get("/api/v1/me/consents").json["consents"][0]
    assert (asked["agreed"], asked["agreed_on"]) == (False, None)
    assert "5 年" in " ".join(asked["paragraphs"])
    given = signed_in.put(
        "/api/v1/me/consents/location", json={"version": asked["version"]}, headers=OWN
    )
    assert given.json["consents"][0]["agreed"] is True
    key = "0195e2a4-7d3c-7b1a-9c55-2f6f0a1b2c3d"
    first = send(headers=OWN, key=key)
    assert first.status_code == 201
    assert sources(door) == ["device_gps", "server_receipt"]
    gone = signed_in.delete("/api/v1/me/consents/location", headers=OWN)
    assert gone.json["consents"][0]["agreed"] is False
    # Whatever was withdrawn since: a repeat gets the answer that stands.
    assert send(headers=OWN, key=key).data == first.data
    # A token of the station sends as its platform does, until its rider withdraws.
    assert code_of(send(token=token)) == "location-consent-missing"
    old = signed_in.put("/api/v1/me/consents/location", json={"version": "1"}, headers=OWN)
    assert (old.status_code, code_of(old)) == (409, "consent-outdated")


def test_the_account_page_takes_and_withdraws_consent(signed_in: FlaskClient) -> None:
    csrf = {"csrf_token": csrf_of(signed_in, "/me")}
    version = re.search(r'name="version" value="([^"]+)"', signed_in.get("/me").text)
    assert version
    form = csrf | {"version": version[1]}
    assert signed_in.post("/me/consents/location", data=form).status_code == 303
    assert "今天同意" in signed_in.get("/me").text
    assert signed_in.post("/me/consents/location", data=csrf).status_code == 303
    assert "您还没有同意" in signed_in.get("/me").text
    stale = signed_in.post("/me/consents/location", data=csrf | {"version": "1"}, headers=BROWSER)
    assert stale.status_code == 409
    assert "说明已经更新" in stale.text


def test_the_account_page_ends_devices(signed_in: FlaskClient, code_of: Code, token: str) -> None:
    csrf = {"csrf_token": csrf_of(signed_in, "/me")}
    unknown = signed_in.post("/me/devices/end", data=csrf | {"device": "x"}, headers=BROWSER)
    assert unknown.status_code == 404
    assert "没有这台设备" in unknown.text
    assert signed_in.post("/me/devices/end", data=csrf).status_code == 303
    answer = signed_in.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert code_of(answer) == "token-unknown"
    assert signed_in.get("/me").status_code == 200


def test_an_account_is_deleted_on_its_page(signed_in: FlaskClient, door: Door) -> None:
    page = signed_in.get("/me/leave", headers=BROWSER).text
    assert "留下的是" in page
    csrf = {"csrf_token": csrf_of(signed_in, "/me/leave")}
    wrong = signed_in.post("/me/leave", data=csrf | {"phone_ending": "0000"}, headers=BROWSER)
    assert wrong.status_code == 422
    assert "没有删除" in wrong.text
    left = signed_in.post("/me/leave", data=csrf | {"phone_ending": "1111"}, headers=BROWSER)
    assert "账号已删除" in left.text
    assert signed_in.get_cookie("rider_session") is None
    with door.database.reading() as session:
        assert session.scalars(select(Rider)).one().erased_at is not None


def test_an_account_is_deleted_over_the_api(client: FlaskClient, token: str, code_of: Code) -> None:
    bearer = {"Authorization": f"Bearer {token}"}
    wrong = client.delete("/api/v1/me", headers=bearer)
    assert (wrong.status_code, code_of(wrong)) == (422, "phone-ending-wrong")
    assert client.delete("/api/v1/me", headers=bearer | {"Phone-Ending": "1111"}).status_code == 204
    assert code_of(client.get("/api/v1/me", headers=bearer)) == "token-unknown"


def test_the_last_four_digits_can_not_be_tried_through(
    signed_in: FlaskClient, token: str, code_of: Code
) -> None:
    bearer = {"Authorization": f"Bearer {token}"}
    csrf = {"csrf_token": csrf_of(signed_in, "/me/leave")}
    for ending in ("0000", "0001", "0002"):
        sent = signed_in.delete("/api/v1/me", headers=bearer | {"Phone-Ending": ending})
        assert code_of(sent) == "phone-ending-wrong"
    for ending in ("0003", "0004"):
        form = csrf | {"phone_ending": ending}
        assert signed_in.post("/me/leave", data=form, headers=BROWSER).status_code == 422
    # The right one comes too late, too, whichever way it comes.
    sent = signed_in.delete("/api/v1/me", headers=bearer | {"Phone-Ending": "1111"})
    assert (sent.status_code, code_of(sent)) == (429, "confirmations-too-often")
    assert int(sent.headers["Retry-After"]) > 0
    page = signed_in.post("/me/leave", data=csrf | {"phone_ending": "1111"}, headers=BROWSER)
    assert page.status_code == 429
    assert "没有删除" in page.text
    assert signed_in.get("/api/v1/me", headers=bearer).status_code == 200


def test_a_terminal_takes_a_personal_code_once(
    app: Flask, signed_in: FlaskClient, door: Door, terminal: str, code_of: Code
) -> None:
    with door.database.writing() as session:
        rider = session.scalars(select(Rider)).one()
        appoint_supervisor(session, rider=rider, appointed=True)
    shown = signed_in.post("/api/v1/me/personal-code", headers=OWN)
    assert shown.status_code == 201
    scanner, bearer = app.test_client(), {"Authorization": f"Bearer {terminal}"}
    body = {"code": shown.json["code"]}
    told = scanner.post("/api/v1/station/visits", json=body, headers=bearer)
    assert told.json == {
        "registered": True,
        "is_supervisor": True,
        "is_verified": True,
        "text": "有效：已登记的骑手，食品安全监督员。",
    }
    again = scanner.post("/api/v1/station/visits", json=body, headers=bearer)
    assert (again.status_code, code_of(again)) == (409, "personal-code-used")
    for headers in ({}, {"Authorization": "Bearer station_no"}, {"Authorization": terminal}):
        refused = scanner.post("/api/v1/station/visits", json=body, headers=headers)
        assert (refused.status_code, code_of(refused)) == (401, "station-token-unknown")
    with door.database.reading() as session:
        assert len(session.scalars(select(StationVisit)).all()) == 1


def test_a_terminals_page_works_without_javascript(
    app: Flask, signed_in: FlaskClient, terminal: str
) -> None:
    page = signed_in.get("/me/code", headers=BROWSER)
    assert int(page.headers["Refresh"]) < 120
    assert "<svg" in page.text
    shown = re.search(r'class="code big">([^<]+)<', page.text)
    assert shown
    counter = app.test_client()
    assert counter.get("/station", headers=BROWSER).headers["Location"] == "/station/token"
    csrf = {"csrf_token": csrf_of(counter, "/station/token")}
    wrong = counter.post("/station/token", data=csrf | {"token": "no"}, headers=BROWSER)
    assert wrong.status_code == 401
    assert "令牌无效" in wrong.text
    good = counter.post("/station/token", data=csrf | {"token": terminal}, headers=BROWSER)
    assert good.headers["Location"] == "/station"
    assert "HttpOnly" in good.headers["Set-Cookie"]
    welcome = counter.post("/station", data=csrf | {"code": shown[1]}, headers=BROWSER)
    assert "有效：已登记的骑手。" in welcome.text
    for secret in ("李小四", "1111", "美团"):
        assert secret not in welcome.text
    again = counter.post("/station", data=csrf | {"code": shown[1]}, headers=BROWSER)
    assert again.status_code == 409
    assert "已经用过一次" in again.text
    assert counter.post("/station", data={"code": shown[1]}, headers=BROWSER).status_code == 403

"""Signing in with a phone and a one-time code: each refusal, each limit, and what nobody learns."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from intake.app import create_app
from intake.door import Door
from intake.identity import codes
from intake.identity.gateways import codes_to_show
from schemas.database import now_utc
from schemas.settings import Settings
from schemas.tables import AuditEntry, Report, Rider, RiderToken, SignInCode

PHONE, STRANGER = "13800001111", "13911112222"
OWN = {"Sec-Fetch-Site": "same-origin"}
Code = Callable[[TestResponse], str]


@pytest.fixture
def dialect() -> str:
    """The core's own statements are tried on both databases in test_identity.py."""
    return "sqlite"


def ask(client: FlaskClient, phone: str = PHONE, **headers: str) -> TestResponse:
    return client.post("/api/v1/sign-in/codes", json={"phone": phone}, headers=headers)


def enter(client: FlaskClient, code: str, phone: str = PHONE, **headers: str) -> TestResponse:
    return client.post("/api/v1/sessions", json={"phone": phone, "code": code}, headers=headers)


def shown_codes(door: Door) -> list[tuple[str, str]]:
    """Return what the operator's console shows, once everything that is to be sent is sent."""
    door.messenger.drain()
    with door.database.reading() as session:
        return [
            (each.phone, each.code)
            for each in codes_to_show(session, sealer=door.sealer, now=now_utc())
        ]


def age_codes(door: Door, by: timedelta) -> None:
    """Make every code older than it is."""
    with door.database.writing() as session:
        for row in session.scalars(select(SignInCode)):
            row.asked_at, row.expires_at = row.asked_at - by, row.expires_at - by


def sign_in(client: FlaskClient, door: Door) -> str:
    assert ask(client).status_code == 202
    ((_, code),) = shown_codes(door)
    assert enter(client, code).status_code == 201
    return code


def test_a_rider_signs_in_with_the_code_that_the_console_shows(
    client: FlaskClient, door: Door, token: str
) -> None:
    asked = ask(client)
    ((phone, code),) = shown_codes(door)
    assert (phone, len(code)) == ("138****1111", 6)
    entered = enter(client, code, **{"User-Agent": "Mozilla/5.0 (Linux; Android 14) Chrome/99"})
    assert entered.status_code == 201
    assert entered.json["phone"] == "138****1111"
    assert PHONE not in asked.text + entered.text
    (cookie,) = [c for c in entered.headers.getlist("Set-Cookie") if "rider_session" in c]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert client.get("/api/v1/me").json["platform"] == "美团"
    names = [each["name"] for each in client.get("/api/v1/me/devices").json["devices"]]
    assert names == ["Chrome · Android", "站点发放的凭证"]
    secret = re.search(r"rider_session=([^;]+)", cookie)
    with door.database.reading() as session:
        assert secret
        assert secret[1] not in session.scalars(select(RiderToken.token_hash)).all()
        assert code not in session.scalars(select(SignInCode.code_digest)).one()


def test_an_answer_tells_nobody_whether_a_phone_is_registered(
    client: FlaskClient, door: Door, token: str
) -> None:
    known, unknown = ask(client), ask(client, STRANGER)
    assert known.status_code == unknown.status_code == 202
    assert known.json["text"] == unknown.json["text"]
    wrong = [enter(client, "000000x", phone) for phone in (PHONE, STRANGER, "13700000000")]
    assert len({answer.status_code for answer in wrong}) == 1
    assert len({answer.json["detail"] for answer in wrong}) == 1
    # Both have a row, only the rider's code was sent.
    assert [phone for phone, _ in shown_codes(door)] == ["138****1111"]
    with door.database.reading() as session:
        assert len(session.scalars(select(SignInCode)).all()) == 2


def test_a_code_is_good_once(client: FlaskClient, door: Door, token: str, code_of: Code) -> None:
    code = sign_in(client, door)
    again = enter(client, code)
    assert (again.status_code, code_of(again)) == (422, "code-wrong")
    assert shown_codes(door) == []


def test_a_code_is_good_for_five_minutes(
    client: FlaskClient, door: Door, token: str, code_of: Code
) -> None:
    ask(client)
    ((_, code),) = shown_codes(door)
    age_codes(door, codes.LIFE)
    assert code_of(enter(client, code)) == "code-wrong"
    assert shown_codes(door) == []


def test_after_five_wrong_attempts_the_right_code_is_wrong_too(
    client: FlaskClient, door: Door, token: str, code_of: Code
) -> None:
    ask(client)
    ((_, code),) = shown_codes(door)
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    assert [code_of(enter(client, wrong)) for _ in range(codes.ATTEMPTS)] == ["code-wrong"] * 5
    assert code_of(enter(client, code)) == "code-wrong"


def test_a_second_code_makes_the_first_one_wrong(
    client: FlaskClient, door: Door, token: str, code_of: Code
) -> None:
    ask(client)
    ((_, first),) = shown_codes(door)
    age_codes(door, codes.PAUSE)
    ask(client)
    ((_, second),) = shown_codes(door)
    assert code_of(enter(client, first)) == "code-wrong"
    assert enter(client, second).status_code == 201


def test_a_phone_is_sent_another_code_only_after_a_minute_and_five_an_hour(
    app: Flask, door: Door, token: str, code_of: Code
) -> None:
    # Without cookies, so that no device is counted.
    client = app.test_client(use_cookies=False)
    for _ in range(5):
        assert ask(client).status_code == 202
        soon = ask(client)
        assert (soon.status_code, code_of(soon)) == (429, "codes-too-often")
        assert 0 < int(soon.headers["Retry-After"]) <= 60
        age_codes(door, codes.PAUSE)
    for phone in (PHONE, "+86 138 0000 1111"):
        late = ask(client, phone)
        assert code_of(late) == "codes-too-often"
        assert 3000 < int(late.headers["Retry-After"]) <= 3600
        assert re.search(r"请在 (明天 )?\d\d:\d\d 以后再试", late.json["detail"])
    assert ask(client, STRANGER).status_code == 202


def test_a_device_may_ask_for_ten_codes_an_hour(client: FlaskClient, code_of: Code) -> None:
    assert ask(client, "13700000000").status_code == 202
    asked = [ask(client, f"1370000001{number}") for number in range(10)]
    # The first of all had no cookie yet, and was counted by its address alone.
    assert {answer.status_code for answer in asked} == {202}
    late = ask(client, "13700000020")
    assert (late.status_code, code_of(late)) == (429, "codes-too-often")
    assert "以后再试" in late.json["detail"]


def test_an_address_may_ask_for_as_many_codes_as_the_operator_lets_it(
    door_settings: Settings, code_of: Code
) -> None:
    app = create_app(door_settings.model_copy(update={"address_codes_per_hour": 2}))
    asked = [ask(app.test_client(), f"1370000000{number}") for number in range(3)]
    assert [answer.status_code for answer in asked] == [202, 202, 429]
    tried = [enter(app.test_client(), "000000", "13700000000") for _ in range(11)]
    assert [answer.status_code for answer in tried] == [422] * 10 + [429]
    assert code_of(tried[-1]) == "tries-too-often"
    app.extensions["door"].database.close()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"phone": "12"}, "phone-invalid"),
        ({"phone": "13800001111\0"}, "text-invalid"),
        ({}, "field-missing"),
        ({"phone": PHONE, "name": "x"}, "field-unknown"),
    ],
)
def test_what_is_no_phone_is_refused(
    client: FlaskClient, code_of: Code, body: dict[str, str], code: str
) -> None:
    answer = client.post("/api/v1/sign-in/codes", json=body)
    assert (answer.status_code, code_of(answer)) == (422, code)
    assert PHONE not in answer.text


def test_a_form_of_a_foreign_page_can_not_sign_anybody_in(
    client: FlaskClient, code_of: Code
) -> None:
    # Such a form can't send this type without asking first, and is never allowed.
    answer = client.post("/api/v1/sessions", data={"phone": PHONE, "code": "000000"})
    assert (answer.status_code, code_of(answer)) == (415, "content-type-unsupported")


def test_the_cookie_writes_only_for_pages_of_this_site(
    client: FlaskClient, door: Door, token: str, code_of: Code, send: Callable[..., TestResponse]
) -> None:
    sign_in(client, door)
    foreign = (
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    )
    for headers in foreign:
        answer = send(headers=headers)
        assert (answer.status_code, code_of(answer)) == (403, "cross-site")
    place = {"premises_address": "中街路 1 号"}
    assert send(headers=OWN, **place).status_code == 201
    number = send(headers={"Origin": "http://localhost"}, **place).json["number"]
    # Whoever only reads needs no such proof, and the report is the rider's own.
    assert client.get(f"/api/v1/reports/{number}").status_code == 200
    assert send(token=token, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 201


def test_an_ended_session_is_told_and_never_becomes_an_anonymous_tip(
    client: FlaskClient, door: Door, token: str, code_of: Code, send: Callable[..., TestResponse]
) -> None:
    sign_in(client, door)
    with door.database.writing() as session:
        session.execute(
            update(RiderToken).where(RiderToken.kind == "browser").values(expires_at=now_utc())
        )
    for answer in (send(headers=OWN), client.get("/api/v1/me")):
        assert (answer.status_code, code_of(answer)) == (401, "session-ended")
    assert "还在" in answer.json["detail"] or "都在" in answer.json["detail"]


def test_without_a_session_there_is_no_me(client: FlaskClient, code_of: Code) -> None:
    answer = client.get("/api/v1/me")
    assert (answer.status_code, code_of(answer)) == (401, "sign-in-needed")


def test_a_rider_ends_one_device_or_all_others(
    app: Flask, client: FlaskClient, door: Door, token: str, code_of: Code
) -> None:
    sign_in(client, door)
    devices = client.get("/api/v1/me/devices").json["devices"]
    (this,) = [each["id"] for each in devices if each["is_this"]]
    assert client.delete(f"/api/v1/me/devices/{this[:-4]}0000", headers=OWN).status_code == 404
    ended = client.delete("/api/v1/me/devices", headers=OWN)
    assert ended.json == {"ended": 1}
    other = app.test_client()
    gone = other.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert code_of(gone) == "token-unknown"
    assert client.delete(f"/api/v1/me/devices/{this}", headers=OWN).status_code == 204
    assert code_of(client.get("/api/v1/me")) == "session-ended"
    with door.database.reading() as session:
        actions = session.scalars(select(AuditEntry.action)).all()
    assert actions.count("rider.devices_ended") == 2


def test_a_device_of_somebody_else_is_not_found(
    client: FlaskClient, door: Door, token: str, code_of: Code
) -> None:
    sign_in(client, door)
    with door.database.writing() as session:
        stranger = Rider(sealed_profile=b"x", phone_digest="y")
        session.add(stranger)
        session.flush()
        theirs = RiderToken(rider_id=stranger.id, token_hash="z")
        session.add(theirs)
        session.flush()
        device = theirs.id
    answer = client.delete(f"/api/v1/me/devices/{device}", headers=OWN)
    assert (answer.status_code, code_of(answer)) == (404, "device-unknown")
    with door.database.reading() as session:
        assert session.get_one(RiderToken, device).revoked_at is None


def test_signing_out_ends_the_session_on_the_server(
    client: FlaskClient, door: Door, token: str, code_of: Code
) -> None:
    sign_in(client, door)
    kept = client.get_cookie("rider_session")
    assert client.delete("/api/v1/sessions", headers=OWN).status_code == 204
    assert client.get_cookie("rider_session") is None
    client.set_cookie("rider_session", kept.value)
    assert code_of(client.get("/api/v1/me")) == "session-ended"
    # One that ended by itself is signed out of as well, and so is none at all.
    assert client.delete("/api/v1/sessions").status_code == 403
    for _ in range(2):
        assert client.delete("/api/v1/sessions", headers=OWN).status_code == 204
        assert client.get_cookie("rider_session") is None
    bearer = {"Authorization": f"Bearer {token}"}
    assert code_of(client.delete("/api/v1/sessions", headers=bearer)) == "session-missing"
    unknown = client.delete("/api/v1/sessions", headers={"Authorization": "Bearer no"})
    assert (unknown.status_code, code_of(unknown)) == (401, "token-unknown")


def test_the_day_of_use_is_kept_and_puts_the_end_off(
    client: FlaskClient, door: Door, token: str
) -> None:
    sign_in(client, door)
    browser = select(RiderToken).where(RiderToken.kind == "browser")
    with door.database.writing() as session:
        row = session.scalars(browser).one()
        row.last_used_on -= timedelta(days=9)
        row.expires_at = before = now_utc() + timedelta(days=1)
    client.get("/api/v1/me")
    with door.database.reading() as session:
        row = session.scalars(browser).one()
        assert row.expires_at > before + timedelta(days=170)
        used_on = row.last_used_on
        bearer = session.scalars(select(RiderToken).where(RiderToken.kind == "bearer")).one()
    assert bearer.last_used_on is None
    client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    with door.database.reading() as session:
        bearer = session.get_one(RiderToken, bearer.id)
        # A token of the station ends only when somebody ends it.
        assert (bearer.last_used_on, bearer.expires_at) == (used_on, None)


def test_where_the_operator_allows_it_a_phone_and_its_code_register(
    door_settings: Settings, code_of: Code
) -> None:
    app = create_app(door_settings.model_copy(update={"phone_registration": True}))
    door, client = app.extensions["door"], app.test_client()
    ask(client, STRANGER)
    ((_, code),) = shown_codes(door)
    assert enter(client, code, STRANGER).json["phone"] == "139****2222"
    with door.database.reading() as session:
        rider = session.scalars(select(Rider)).one()
        assert door.sealer.open(rider.sealed_profile)["phone"] == STRANGER
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "rider.registered")
        ).one()
    assert entry.actor_kind == "anonymous"
    door.database.close()


def token_in(page: TestResponse) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found
    return found[1]


BROWSER = {"Accept": "text/html"}


def test_the_pages_sign_in_without_javascript(
    client: FlaskClient, door: Door, token: str, send: Callable[..., TestResponse]
) -> None:
    sent_away = client.get("/me", headers=BROWSER)
    assert sent_away.headers["Location"] == "/sign-in?next=/me"
    csrf = token_in(client.get(sent_away.headers["Location"], headers=BROWSER))
    form = {"csrf_token": csrf, "phone": PHONE, "next": "/me"}
    asked = client.post("/sign-in/code", data=form, headers=BROWSER)
    assert "短信里的 6 位数字" in asked.text
    wrong = client.post("/sign-in", data=form | {"code": "1"}, headers=BROWSER)
    assert wrong.status_code == 422
    assert "验证码不对" in wrong.text
    assert "短信里的 6 位数字" in wrong.text
    ((_, code),) = shown_codes(door)
    entered = client.post("/sign-in", data=form | {"code": code}, headers=BROWSER)
    assert (entered.status_code, entered.headers["Location"]) == (303, "/me")
    account = client.get("/me", headers=BROWSER)
    assert "138****1111" in account.text
    assert "李小四" not in account.text
    assert PHONE not in account.text
    page = client.get("/", headers=BROWSER)
    kept = {"csrf_token": token_in(page), "premises_address": "中街路 1 号"}
    named = send(path="/reports", key=None, headers=BROWSER, idempotency_key=KEY, **kept)
    assert named.status_code == 201
    # The second time the session has ended already, as one that is years old.
    for _ in range(2):
        ended = client.get_cookie("rider_session")
        assert client.post("/sign-out", data={"csrf_token": csrf}).status_code == 303
        assert client.get("/me", headers=BROWSER).status_code == 302
        client.set_cookie("rider_session", ended.value)
    with door.database.reading() as session:
        assert session.scalars(select(AuditEntry.actor_kind)).all().count("rider") == 3


KEY = "0195e2a4-7d3c-7b1a-9c55-2f6f0a1b2c3d"


def test_a_form_without_its_token_is_refused(
    client: FlaskClient, door: Door, token: str, send: Callable[..., TestResponse]
) -> None:
    for path in ("/sign-in/code", "/sign-in"):
        answer = client.post(path, data={"phone": PHONE, "code": "1"}, headers=BROWSER)
        assert answer.status_code == 403
        assert "表单已失效" in answer.text
    sign_in(client, door)
    for path in ("/sign-out", "/me/devices/end"):
        assert client.post(path, headers=BROWSER).status_code == 403
    tip = send(path="/reports", key=None, headers=BROWSER, idempotency_key=KEY)
    assert tip.status_code == 403
    # Without a name there is nobody whose browser could be misused.
    nameless = send(path="/reports", key=None, headers=BROWSER, idempotency_key=KEY, anonymous="1")
    assert nameless.status_code == 201


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example", "/\\evil"])
def test_nobody_is_sent_to_another_site_after_signing_in(
    client: FlaskClient, elsewhere: str
) -> None:
    page = client.get("/sign-in", query_string={"next": elsewhere}, headers=BROWSER)
    assert "evil" not in page.text


def test_a_page_of_an_ended_session_forgets_the_cookie(client: FlaskClient) -> None:
    client.set_cookie("rider_session", "rider_nothing")
    assert client.get("/", headers=BROWSER).status_code == 200
    assert client.get("/me", headers=BROWSER).headers["Location"] == "/sign-in?next=/me"
    client.get("/sign-in", headers=BROWSER)
    assert client.get_cookie("rider_session") is None


def test_behind_tls_every_cookie_of_signing_in_is_secure(door_settings: Settings) -> None:
    app = create_app(
        door_settings.model_copy(update={"behind_tls": True, "phone_registration": True})
    )
    door, client = app.extensions["door"], app.test_client()
    page = client.get("/sign-in", headers=BROWSER)
    ask(client, STRANGER)
    ((_, code),) = shown_codes(door)
    entered = enter(client, code, STRANGER)
    cookies = page.headers.getlist("Set-Cookie") + entered.headers.getlist("Set-Cookie")
    names = {cookie.split("=")[0] for cookie in cookies}
    assert names >= {"rider_session", "rider_device", "rider_form"}
    for cookie in cookies:
        for mark in ("Secure", "HttpOnly", "SameSite=Lax"):
            assert mark in cookie, cookie
    door.database.close()


def test_a_page_says_once_that_the_session_ended_and_keeps_what_was_written(
    client: FlaskClient, door: Door, token: str, send: Callable[..., TestResponse]
) -> None:
    sign_in(client, door)
    tip = {"path": "/reports", "key": None, "headers": BROWSER, "idempotency_key": KEY}
    tip |= {"csrf_token": token_in(client.get("/", headers=BROWSER)), "description": "地上有油污"}
    with door.database.writing() as session:
        session.execute(
            update(RiderToken).where(RiderToken.kind == "browser").values(revoked_at=now_utc())
        )
    # Over the API nothing is forgotten: a program must not become anonymous unawares.
    for _ in range(2):
        assert send(headers=OWN).status_code == 401
    refused = send(**tip)
    assert refused.status_code == 401
    assert "登录已过期" in refused.text
    assert "地上有油污" in refused.text
    assert "用手机号登录" in refused.text
    # The page has forgotten the cookie by now, and still nothing goes out as nobody's.
    assert client.get_cookie("rider_session") is None
    again = send(**tip, as_rider="1")
    assert again.status_code == 401
    assert "不会替您匿名发出" in again.text
    assert 'name="as_rider" value="1"' in again.text
    assert send(**tip, as_rider="1", anonymous="1").status_code == 201
    with door.database.reading() as session:
        assert session.scalars(select(Report)).one().rider_id is None

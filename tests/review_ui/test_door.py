"""Coming in: sign-in, lock-out, sessions, CSRF, language, headers, refusals as pages."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from sqlalchemy import select

from intake.browsers import local_path
from intake.doorway import Entry
from review_ui.access.attempts import PER_ADDRESS, PER_NAME, AttemptLimits
from review_ui.access.entrance import COOKIE
from review_ui.access.sessions import end_all_sessions
from review_ui.app import create_app
from schemas.access import Role
from schemas.errors import TooMany
from schemas.tables import StaffSession

SHENHE = "210103"
PASSWORD = "a long enough password"

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


def token_of(client, path="/sign-in"):
    page = client.get(path, follow_redirects=True).text
    return re.search(r'name="csrf_token" value="([^"]+)"', page)[1]


def sign_in(client, name="anna", password=PASSWORD, **more):
    fields = {"csrf_token": token_of(client), "sign_in": name, "password": password} | more
    return client.post("/sign-in", data=fields)


def test_name_and_password_open_the_room(visitor, world) -> None:
    world.person("anna", (Role.INSPECTOR, SHENHE))
    client = visitor
    away = client.get("/?tab=mine")
    assert away.status_code == 302
    assert away.location == "/sign-in?next=/?tab%3Dmine"
    answer = sign_in(client, " Anna ", next="/?tab=mine")
    assert (answer.status_code, answer.location) == (302, "/?tab=mine")
    (cookie,) = [c for c in answer.headers.getlist("Set-Cookie") if c.startswith(COOKIE)]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert client.get("/").status_code == 200
    assert client.get("/sign-in").status_code == 302


def test_behind_tls_the_cookie_is_secure(settings, world) -> None:
    world.person("anna", (Role.INSPECTOR, SHENHE))
    app = create_app(settings.model_copy(update={"behind_tls": True}))
    client = app.test_client()
    # Browsers that keep our Referrer-Policy send no referrer: the form must pass without.
    page = client.get("/sign-in", base_url="https://localhost")
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]
    answer = client.post(
        "/sign-in",
        data={"csrf_token": token, "sign_in": "anna", "password": PASSWORD},
        base_url="https://localhost",
    )
    assert answer.status_code == 302
    assert all("Secure" in cookie for cookie in answer.headers.getlist("Set-Cookie"))
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    app.extensions["room"].database.close()


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(visitor, world) -> None:
    world.person("anna", (Role.INSPECTOR, SHENHE))
    client = visitor
    known = sign_in(client, "anna", "wrong wrong wrong")
    unknown = sign_in(client, "nobody", "wrong wrong wrong")
    assert known.status_code == unknown.status_code == 401
    plain = [
        re.sub(r'value="[^"]*"', "", page.text.replace("anna", "").replace("nobody", ""))
        for page in (known, unknown)
    ]
    assert plain[0] == plain[1]


def test_five_wrong_passwords_lock_the_account_over_the_door(visitor, world) -> None:
    world.person("anna", (Role.INSPECTOR, SHENHE))
    client = visitor
    for _ in range(5):
        assert sign_in(client, "anna", "wrong wrong wrong").status_code == 401
    locked = sign_in(client)
    assert locked.status_code == 401
    assert "锁定 15 分钟" in locked.text


def test_a_flood_of_attempts_is_slowed_down_in_all_processes_at_once(settings, redis_url) -> None:
    shared = settings.model_copy(update={"redis_url": redis_url})
    one, other = AttemptLimits(shared), AttemptLimits(shared)
    for n in range(PER_NAME.amount):
        (one, other)[n % 2].check(address=f"203.0.113.{n}", name="anna")
    for limits in (one, other):
        with pytest.raises(TooMany, match="sign-in-too-often"):
            limits.check(address="203.0.113.200", name="anna")
    client = Redis.from_url(redis_url)
    kept = b" ".join(client.keys())
    client.close()
    assert kept
    assert b"anna" not in kept
    assert b"203.0.113" not in kept


def test_while_the_queue_server_is_away_each_process_counts_for_itself(settings) -> None:
    limits = AttemptLimits(settings)
    for _ in range(PER_NAME.amount):
        limits.check(address="203.0.113.7", name="anna")
    with pytest.raises(TooMany, match="sign-in-too-often"):
        limits.check(address="203.0.113.8", name="anna")
    for n in range(PER_ADDRESS.amount - PER_NAME.amount):
        limits.check(address="203.0.113.7", name=f"name{n}")
    with pytest.raises(TooMany, match="sign-in-too-often") as refusal:
        limits.check(address="203.0.113.7", name="carl")
    assert refusal.value.facts["retry_after_s"] == 60


def test_a_flood_is_answered_429_with_retry_after(app, visitor, world) -> None:
    client = visitor
    for _ in range(PER_NAME.amount):
        app.extensions["room"].attempts.check(address="127.0.0.1", name="anna")
    answer = sign_in(client)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "60"


def test_signing_out_ends_the_session_on_the_server(app, world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    stolen = client.get_cookie(COOKIE).value
    answer = client.post("/sign-out", data={"csrf_token": token_of(client, "/")})
    assert answer.location == "/sign-in"
    other = app.test_client()
    other.environ_base = client.environ_base
    other.set_cookie(COOKIE, stolen)
    assert other.get("/").status_code == 302


def test_a_session_that_was_revoked_opens_nothing(world, browse) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENHE))
    client = browse(person)
    assert client.get("/").status_code == 200
    with world.database.writing() as session:
        end_all_sessions(session, staff_id=person.staff_id, now=datetime.now(UTC))
    assert client.get("/").status_code == 302
    assert client.get("/", headers={"Accept": "application/json"}).status_code == 401


def test_being_there_is_noted_now_and_then(world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    with world.database.writing() as session:
        row = session.scalars(select(StaffSession)).one()
        begun = row.created_at
        row.seen_at = begun - timedelta(hours=1)
    client.get("/")
    with world.database.reading() as session:
        assert session.scalars(select(StaffSession)).one().seen_at >= begun


def forms_of(app):
    return [
        rule
        for rule in app.url_map.iter_rules()
        if "POST" in rule.methods and not rule.rule.startswith("/api/")
    ]


def test_every_form_is_refused_without_its_token(app, world, browse) -> None:
    client = browse(world.person("anna", *((role, SHENHE) for role in Role)))
    case = world.case()
    forms = forms_of(app)
    assert len(forms) >= 8
    for rule in forms:
        _, path = rule.build(
            {name: case.number if name == "number" else case.id for name in rule.arguments}
        )
        for fields in ({}, {"csrf_token": "guess"}):
            answer = client.post(path, data=fields, headers={"Accept": "text/html"})
            assert answer.status_code == 403, path
            assert "表单已失效" in answer.text
    assert world.fresh(case).version == 2


def test_a_token_from_before_signing_in_is_no_longer_good(visitor, world) -> None:
    world.person("anna", (Role.INSPECTOR, SHENHE))
    client = visitor
    before = token_of(client)
    client.post("/sign-in", data={"csrf_token": before, "sign_in": "anna", "password": PASSWORD})
    answer = client.post("/sign-out", data={"csrf_token": before})
    assert answer.status_code == 403


def test_what_was_typed_outlives_the_session(app, world, browse) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENHE))
    client = browse(person)
    case = world.case()
    fields = {
        "csrf_token": token_of(client, "/"),
        "version": "2",
        "to": "dispatch",
        "reason": "店在浑南区，<b>不归</b>我们管",
    }
    with world.database.writing() as session:
        end_all_sessions(session, staff_id=person.staff_id, now=datetime.now(UTC))
    path = f"/cases/{case.number}/moves"
    late = client.post(path, data=fields, headers={"Accept": "text/html"})
    assert late.status_code == 401
    assert "内容还在" in late.text
    assert world.fresh(case).version == 2
    kept = re.search(r'name="kept" value="([^"]+)"', late.text)[1]
    kept = kept.replace("&#34;", '"').replace("&lt;", "<").replace("&gt;", ">")
    assert "csrf_token" not in kept
    token = re.search(r'name="csrf_token" value="([^"]+)"', late.text)[1]
    resumed = client.post(
        "/sign-in",
        data={
            "csrf_token": token, "sign_in": "anna", "password": PASSWORD,
            "next": path, "kept": kept,
        },
    )  # fmt: skip
    assert resumed.status_code == 200
    assert "店在浑南区，&lt;b&gt;不归" in resumed.text
    token = re.search(r'name="csrf_token" value="([^"]+)"', resumed.text)[1]
    sent = client.post(path, data=fields | {"csrf_token": token})
    assert sent.status_code == 302
    assert world.fresh(case).state == "dispatch"


def test_a_foreign_page_can_not_leave_a_form_behind(visitor, world, browse) -> None:
    client = visitor
    answer = client.post(
        "/cases/AJ20261121-000000-0/moves",
        data={"reason": "from elsewhere"},
        headers={"Accept": "text/html"},
    )
    assert answer.status_code == 401
    assert "from elsewhere" not in answer.text


@pytest.mark.parametrize("kept", ["[", "[]", "{}", '{"a": 1}', "9" * 5000, "[" * 100_000])
def test_a_kept_form_that_is_none_is_let_go(visitor, world, kept) -> None:
    world.person("anna", (Role.INSPECTOR, SHENHE))
    answer = sign_in(visitor, kept=kept)
    assert answer.status_code in (200, 302)


@pytest.mark.parametrize(
    ("given", "goes"),
    [
        ("/cases/x?tab=1", "/cases/x?tab=1"),
        ("https://elsewhere.example/", "/"),
        ("//elsewhere.example/", "/"),
        ("/\\elsewhere.example", "/"),
        ("/a\nb", "/"),
        ("", "/"),
    ],
)
def test_nobody_is_sent_to_another_site(dialect, given, goes) -> None:
    assert local_path(given) == goes


def test_the_language_is_remembered_and_the_page_says_which_it_is(visitor, world) -> None:
    client = visitor
    assert '<html lang="zh-CN">' in client.get("/sign-in").text
    fields = {"csrf_token": token_of(client), "locale": "en", "back": "/sign-in"}
    assert client.post("/language", data=fields).location == "/sign-in"
    english = client.get("/sign-in").text
    assert '<html lang="en">' in english
    assert "Password" in english
    fields = {"csrf_token": token_of(client), "locale": "xx", "back": "//x"}
    assert client.post("/language", data=fields).location == "/"
    assert '<html lang="en">' in client.get("/sign-in").text


def test_no_page_allows_inline_code_and_none_has_any(app, world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    case = world.case(flags=("no-exif",))
    for path in ("/sign-in", "/", f"/cases/{case.number}", "/week", "/nothing"):
        answer = client.get(path, headers={"Accept": "text/html"}, follow_redirects=True)
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'self'" in policy
        assert not re.search(r"<[^>]+\s(style|on\w+)=", answer.text)
        assert "<script>" not in answer.text
        assert "<style" not in answer.text
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_tile_server_is_let_into_the_policy_and_no_other(settings, world) -> None:
    tiles = "https://{s}.tiles.example/{z}/{x}/{y}.png"
    app = create_app(settings.model_copy(update={"tile_url": tiles}))
    policy = app.test_client().get("/sign-in").headers["Content-Security-Policy"]
    assert "img-src 'self' data: blob: https://*.tiles.example;" in policy
    app.extensions["room"].database.close()


def test_refusals_are_pages_with_a_way_back(app, world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    missing = client.get("/cases/AJ20261121-000000-0", headers={"Accept": "text/html"})
    assert missing.status_code == 404
    assert "没有找到" in missing.text
    assert 'href="/"' in missing.text
    assert missing.headers["X-Request-ID"] in missing.text
    wrong = client.get("/week?week=nonsense", headers={"Accept": "text/html"})
    assert wrong.status_code == 422
    assert "2026-W47" in wrong.text


def test_health_readiness_and_metrics(visitor, world) -> None:
    world.case()
    client = visitor
    assert client.get("/healthz").json == {"status": "ok"}
    ready = client.get("/readyz")
    assert ready.status_code == 503
    # No queue runs in this test; the front end may or may not be bundled.
    assert set(ready.json["missing"]) <= {"queue", "pages"}
    assert "queue" in ready.json["missing"]
    client.get("/nothing")
    metrics = client.get("/metrics").text
    assert 'suishoupai_cases{state="assigned"} 1.0' in metrics
    assert "suishoupai_cases_overdue 0.0" in metrics
    assert 'suishoupai_review_refused_total{reason="not-found"} 1.0' in metrics
    assert "suishoupai_cases_due_provisional" in metrics
    away = client.get("/metrics", environ_base={"REMOTE_ADDR": "203.0.113.9"})
    assert away.status_code == 404


def test_every_route_says_who_may_enter(app) -> None:
    silent = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static"
        and not isinstance(getattr(app.view_functions[rule.endpoint], "entry", None), Entry)
    ]
    assert silent == []

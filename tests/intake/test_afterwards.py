"""What became of it, on pages without JavaScript: my tips, notices, suggestions."""

import re
import uuid
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from sqlalchemy import select

from intake.app import create_app
from intake.identity.entrance import COOKIE
from intake.identity.sessions import open_session
from intake.notices import add_answer_notice, add_report_notice
from intake.riders.registering import RiderProfile, add_rider, issue_token
from intake.suggestions import suggest
from schemas.database import new_id, now_utc
from schemas.lifecycle import State
from schemas.settings import Settings
from schemas.tables import (
    CaseHistory,
    MessengerLink,
    Notice,
    Photo,
    Report,
    RiderToken,
    Suggestion,
    Supplement,
    Withdrawal,
)

PAGE = {"Accept": "text/html", "Accept-Language": "zh-CN"}
STRICT = {"rules": {"color-contrast-enhanced": {"enabled": True}}}
ENGLISH = PAGE | {"Accept-Language": "en"}


@pytest.fixture
def dialect() -> str:
    """What is asked here does not depend on the database."""
    return "sqlite"


@pytest.fixture
def door_settings(settings: Settings, redis_url: str) -> Settings:
    """A door with a messenger gateway."""
    return settings.model_copy(
        update={
            "redis_url": redis_url,
            "webhook_url": "https://gateway.example/hook",
            "webhook_secret": "whsec_a2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
        }
    )


@pytest.fixture
def rider_id(door, token):
    with door.database.reading() as session:
        return session.scalars(select(RiderToken.rider_id)).one()


@pytest.fixture
def session_token(door, rider_id):
    with door.database.writing() as session:
        return open_session(session, rider_id=rider_id, device="Chrome", now=now_utc())


@pytest.fixture
def at_home(client, session_token):
    """The browser of a signed-in rider."""
    client.set_cookie(COOKIE, session_token)
    return client


@pytest.fixture
def csrf(client):
    def read(path="/me/suggestions"):
        page = client.get(path, headers=PAGE).text
        return re.search(r'name="csrf_token" value="([^"]+)"', page)[1]

    return read


@pytest.fixture
def fill(door, open_case, rider_id):
    """Give a tip a case that goes through states, and tell its reporter."""

    def call(number, *states, due_on=None):
        now = now_utc()
        with door.database.reading() as session:
            report = session.scalars(select(Report).where(Report.number == number)).one()
        case = open_case(
            report.id,
            states=tuple((state, now) for state in states),
            due_on=due_on or (now + timedelta(days=12)).date(),
        )
        with door.database.writing() as session:
            for change in session.scalars(select(CaseHistory).order_by(CaseHistory.version)):
                add_report_notice(
                    session, report=report, history_id=change.id, department="market",
                    code=change.to_state, now=now,
                )  # fmt: skip
        return case

    return call


def test_my_tips_and_one_of_them_say_what_matters_and_nothing_of_the_office(
    at_home, send, token, fill
) -> None:
    number = send(token=token, premises_name="张记麻辣烫").json["number"]
    case_number = fill(number, State.ASSIGNED, State.VERIFYING)
    for path in ("/me/tips", f"/me/tips/{number}"):
        page = at_home.get(path, headers=PAGE).text
        assert number in page
        assert "正在核查。" in page
        assert "还剩" in page
        for secret in (case_number, "赵检查", "举报人 B", "绝密", "210103"):
            assert secret not in page
    english = at_home.get(f"/me/tips/{number}", headers=ENGLISH).text
    assert "art. 18" in english
    assert "not a legal" in english


def test_what_is_late_is_owned_up_to(at_home, send, token, fill, door) -> None:
    number = send(token=token).json["number"]
    fill(number, State.VERIFYING)
    # Only time makes it late, and nobody's receipt can be moved: the table is append-only.
    with door.database.writing() as session:
        other = Report(
            number="JB20260101-000000-0", receipt_hash="0" * 64, categories=["PEST"],
            rider_id=session.scalars(select(Report.rider_id)).first(),
            received_at=now_utc() - timedelta(days=90),
        )  # fmt: skip
        session.add(other)
    fill(other.number, State.VERIFYING, due_on=(now_utc() - timedelta(days=30)).date())
    page = at_home.get("/me/tips", headers=PAGE).text
    assert "已超过" in page


def test_the_list_goes_on_to_earlier_tips(at_home, send, token) -> None:
    numbers = [send(token=token).json["number"] for _ in range(12)]
    first = at_home.get("/me/tips", headers=PAGE).text
    following = re.search(r'href="(/me/tips\?before=[^"]+)"', first)[1]
    second = at_home.get(following, headers=PAGE).text
    assert [n for n in numbers if n in first] == numbers[2:]
    assert [n for n in numbers if n in second] == numbers[:2]


def test_pages_of_mine_ask_a_stranger_to_sign_in(client, send, token) -> None:
    number = send(token=token).json["number"]
    for path in ("/me/tips", f"/me/tips/{number}", "/me/notices", "/me/suggestions"):
        answer = client.get(path, headers=PAGE)
        assert answer.status_code == 302, path
        assert answer.location.startswith("/sign-in"), path
    for path in ("/me/notices/read", "/me/messenger", "/me/suggestions"):
        assert client.post(path, headers=PAGE).status_code == 401, path


def test_another_riders_tip_is_not_found(at_home, send, door) -> None:
    with door.database.writing() as session:
        other = add_rider(session, sealer=door.sealer, profile=RiderProfile("王", "13800003333"))
        token = issue_token(session, rider_id=other.id)
    number = send(token=token).json["number"]
    assert at_home.get(f"/me/tips/{number}", headers=PAGE).status_code == 404
    assert number not in at_home.get("/me/tips", headers=PAGE).text


@pytest.fixture
def add(client, send, csrf):
    """Send the form of an addition."""

    def call(number, *, files=(), csrf_token=None, **fields):
        given = {
            "category": None, "latitude": None, "longitude": None, "number": number,
            "idempotency_key": str(uuid.uuid4()), "description": "又看到了",
            "csrf_token": csrf("/me/suggestions") if csrf_token is None else csrf_token,
        }  # fmt: skip
        return send(
            path="/supplements", key=None, headers=PAGE, files=list(files), **(given | fields)
        )

    return call


def test_a_rider_adds_text_and_photos_and_takes_a_tip_back(
    at_home, send, token, add, csrf, jpeg, door
) -> None:
    number = send(token=token).json["number"]
    done = add(number, files=[jpeg(7)])
    assert (done.status_code, done.location) == (303, f"/me/tips/{number}")
    page = at_home.get(done.location, headers=PAGE).text
    assert "补充已收到" in page
    assert "您补充了情况。" in page
    fields = {"csrf_token": csrf(), "number": number, "reason": "看错了"}
    back = at_home.post("/withdrawals", data=fields, headers=PAGE)
    assert back.status_code == 303
    page = at_home.get(back.location, headers=PAGE).text
    assert "您已撤回这条举报" in page
    # Nothing is left to be done with it.
    assert "/withdrawals" not in page
    assert "/supplements" not in page
    with door.database.reading() as session:
        assert session.scalars(select(Supplement)).one().description == "又看到了"
        assert len(session.scalars(select(Photo)).all()) == 2
        assert session.scalars(select(Withdrawal)).one().reason == "看错了"


def test_the_holder_of_a_receipt_code_does_the_same_without_a_session(
    client, send, add, door
) -> None:
    sent = send().json
    code = {"number": sent["number"], "receipt_code": sent["receipt_code"]}
    page = client.post("/status", data=code, headers=PAGE).text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    assert sent["receipt_code"] in page
    done = add(sent["number"], receipt_code=sent["receipt_code"], csrf_token=token)
    assert done.status_code == 200
    assert "补充已收到" in done.text
    back = client.post("/withdrawals", data=code | {"csrf_token": token}, headers=PAGE)
    assert back.status_code == 200
    assert "您已撤回这条举报" in back.text
    wrong = {"number": sent["number"], "receipt_code": "0000-0000-0000-0000"}
    assert (
        client.post("/withdrawals", data=wrong | {"csrf_token": token}, headers=PAGE).status_code
        == 404
    )
    assert add(sent["number"], receipt_code="0000", csrf_token=token).status_code == 404


def test_a_refused_addition_shows_the_tip_with_what_was_written(
    at_home, send, token, add, door
) -> None:
    number = send(token=token).json["number"]
    refused = add(number, files=[b"no photo"])
    assert refused.status_code == 422
    assert 'id="refusal"' in refused.text
    assert "又看到了" in refused.text
    assert number in refused.text
    empty = add(number, description=" ")
    assert (empty.status_code, 'id="refusal"' in empty.text) == (422, True)
    foreign = add(number, csrf_token="x")
    assert foreign.status_code == 403
    with door.database.reading() as session:
        assert session.scalars(select(Supplement)).all() == []


def test_no_foreign_page_writes_for_a_rider(at_home, send, token, door) -> None:
    number = send(token=token).json["number"]
    for path, fields in (
        ("/withdrawals", {"number": number}),
        ("/me/notices/read", {}),
        ("/me/messenger", {"wanted": "1"}),
        ("/me/suggestions", {"body": "建议", "idempotency_key": str(uuid.uuid4())}),
    ):
        assert at_home.post(path, data=fields, headers=PAGE).status_code == 403, path
    with door.database.reading() as session:
        for table in (Withdrawal, MessengerLink, Suggestion):
            assert session.scalars(select(table)).all() == []


def test_notices_are_shown_and_marked_read(at_home, send, token, fill, csrf, door) -> None:
    number = send(token=token, premises_name="张记麻辣烫").json["number"]
    fill(number, State.ASSIGNED, State.VERIFYING)
    assert ">2</b>" in at_home.get("/me", headers=PAGE).text
    assert "有 2 条新消息" in at_home.get("/me/tips", headers=PAGE).text
    page = at_home.get("/me/notices", headers=PAGE).text
    assert "张记麻辣烫" in page
    assert page.index("正在核查。") < page.index("已分给负责的")
    at_home.post("/me/notices/read", data={"csrf_token": csrf()}, headers=PAGE)
    with door.database.reading() as session:
        assert None not in session.scalars(select(Notice.read_at)).all()
    assert "is-new" not in at_home.get("/me/notices", headers=PAGE).text


def test_a_messenger_is_turned_on_with_a_code_and_off_again(at_home, csrf, door) -> None:
    on = at_home.post("/me/messenger", data={"csrf_token": csrf(), "wanted": "1"}, headers=PAGE)
    assert on.status_code == 201
    assert re.search(r"to_[\w-]{43}", on.text)
    assert not re.search(r"to_[\w-]{43}", at_home.get("/me/notices", headers=PAGE).text)
    at_home.post("/me/messenger", data={"csrf_token": csrf(), "wanted": "0"}, headers=PAGE)
    with door.database.reading() as session:
        assert session.scalars(select(MessengerLink)).all() == []


def test_without_a_gateway_there_is_nothing_to_turn_on(
    settings, redis_url, session_token, code_of
) -> None:
    app = create_app(settings.model_copy(update={"redis_url": redis_url}))
    client = app.test_client()
    client.set_cookie(COOKIE, session_token)
    page = client.get("/me/notices", headers=PAGE)
    assert "/me/messenger" not in page.text
    page = client.get("/me/suggestions", headers=PAGE).text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    answer = client.post("/me/messenger", data={"csrf_token": token, "wanted": "1"})
    assert code_of(answer) == "messenger-not-set-up"
    app.extensions["door"].database.close()


def test_a_suggestion_is_sent_once_answered_and_kept_when_refused(
    at_home, csrf, door, rider_id
) -> None:
    fields = {
        "csrf_token": csrf(), "idempotency_key": str(uuid.uuid4()), "kind": "request",
        "body": "站点能不能多放几个充电口？",
    }  # fmt: skip
    for _ in range(2):
        done = at_home.post("/me/suggestions", data=fields, headers=PAGE)
        assert (done.status_code, done.location) == (303, "/me/suggestions")
    page = at_home.get("/me/suggestions", headers=PAGE).text
    assert page.count("站点能不能多放几个充电口？") == 1
    assert "已送到办公室" in page
    with door.database.writing() as session:
        row = session.scalars(select(Suggestion)).one()
        row.answer, row.answered_at = "下周装四个。", now_utc()
        add_answer_notice(session, suggestion=row, now=now_utc())
    assert "下周装四个。" in at_home.get("/me/suggestions", headers=PAGE).text
    assert "您的建议或诉求有回复了。" in at_home.get("/me/notices", headers=PAGE).text
    long = fields | {"body": "长" * 1001, "idempotency_key": str(uuid.uuid4())}
    refused = at_home.post("/me/suggestions", data=long, headers=PAGE)
    assert refused.status_code == 422
    assert "长" * 1001 in refused.text
    assert long["idempotency_key"] in refused.text
    reused = at_home.post("/me/suggestions", data=fields | {"body": "别的"}, headers=PAGE)
    assert reused.status_code == 422
    # The next try must not meet the same refusal.
    assert fields["idempotency_key"] not in reused.text


@pytest.mark.browser
def test_the_pages_read_well_aloud_in_both_languages_and_work_without_javascript(
    serve, door_settings, send, token, session_token, fill, door, rider_id, browser
) -> None:
    number = send(token=token, premises_name="张记麻辣烫").json["number"]
    fill(number, State.ASSIGNED, State.VERIFYING, State.VERIFIED)
    with door.database.writing() as session:
        row = suggest(
            session, rider_id=rider_id, key=new_id(), kind="request", body="多放几个充电口",
            now=now_utc(),
        )  # fmt: skip
        row.answer, row.answered_at = "下周装四个。", now_utc()
        add_answer_notice(session, suggestion=row, now=now_utc())
    address = serve(door_settings)
    for locale, scheme in (("zh-CN", "light"), ("en", "dark")):
        context = browser.new_context(
            viewport={"width": 360, "height": 740}, locale=locale, color_scheme=scheme
        )
        context.add_cookies([{"name": COOKIE, "value": session_token, "url": address}])
        page = context.new_page()
        for path in ("/me/tips", f"/me/tips/{number}", "/me/notices", "/me/suggestions"):
            page.goto(address + path)
            for summary in page.locator("summary").all():
                summary.click()
            found = Axe().run(page, options=STRICT)
            assert found.violations_count == 0, found.generate_report()
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
        context.close()
    context = browser.new_context(locale="zh-CN", java_script_enabled=False)
    context.add_cookies([{"name": COOKIE, "value": session_token, "url": address}])
    page = context.new_page()
    page.goto(f"{address}/me/tips")
    page.get_by_role("link", name="张记麻辣烫").click()
    page.get_by_text("补充情况或照片").click()
    page.get_by_label("想补充的情况").fill("老板把垃圾桶盖上了")
    page.get_by_role("button", name="发送补充").click()
    page.get_by_text("补充已收到").wait_for()
    page.goto(f"{address}/me/suggestions")
    page.get_by_label("诉求").check()
    page.get_by_label("写几句").fill("楼道太黑，装个灯吧")
    page.get_by_role("button", name="送出").click()
    page.get_by_text("已送到办公室").wait_for()
    context.close()
    with door.database.reading() as session:
        assert session.scalars(select(Supplement)).one().description == "老板把垃圾桶盖上了"
        assert [row.kind for row in session.scalars(select(Suggestion))] == ["request"] * 2

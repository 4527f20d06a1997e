"""What became of my tips, over the API: the list, notices, ways to be told, suggestions."""

import uuid
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import event, select

from intake.app import create_app
from intake.notices import add_answer_notice, add_report_notice
from intake.riders.erasure import erase_rider
from intake.riders.registering import RiderProfile, add_rider, issue_token
from intake.subscriptions import MOST_PER_OWNER, is_push_service
from intake.suggestions import MOST_PER_DAY
from schemas import audit
from schemas.database import now_utc
from schemas.lifecycle import FOUND_TRUE, OPEN_STATES, State, thanks_for
from schemas.settings import Settings
from schemas.tables import (
    CaseHistory,
    Delivery,
    MessengerLink,
    Notice,
    PushSubscription,
    Report,
    Rider,
    Staff,
    Suggestion,
)
from schemas.vapid import new_private_key, public_key_of, to_base64url

SECRET = "whsec_" + "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="


@pytest.fixture
def dialect() -> str:
    """What is asked here does not depend on the database; the core is tried on both."""
    return "sqlite"


@pytest.fixture
def door_settings(settings: Settings, redis_url: str) -> Settings:
    """A door with every way out set up."""
    return settings.model_copy(
        update={
            "redis_url": redis_url,
            "vapid_private_key": new_private_key(),
            "vapid_subject": "mailto:operator@example.cn",
            "webhook_url": "https://gateway.example/hook",
            "webhook_secret": SECRET,
        }
    )


@pytest.fixture
def other_token(door):
    with door.database.writing() as session:
        rider = add_rider(session, sealer=door.sealer, profile=RiderProfile("王五", "13800002222"))
        return issue_token(session, rider_id=rider.id)


@pytest.fixture
def ask(client, token):
    """Ask as the rider, or as somebody else."""

    def call(method, path, *, who=token, headers=None, **more):
        head = {"Authorization": f"Bearer {who}"} if who else {}
        return client.open(f"/api/v1{path}", method=method, headers=head | (headers or {}), **more)

    return call


def subscription(endpoint="https://fcm.googleapis.com/fcm/send/abc", **keys):
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    good = {
        "p256dh": to_base64url(point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)),
        "auth": to_base64url(b"a" * 16),
    }
    return {"endpoint": endpoint, "expirationTime": None, "keys": good | keys}


def report_of(door, number):
    with door.database.reading() as session:
        return session.scalars(select(Report).where(Report.number == number)).one()


def rider_of(door):
    with door.database.reading() as session:
        return session.scalars(select(Rider).order_by(Rider.id)).first()


def test_my_reports_say_how_they_stand_what_is_due_and_what_i_may_do(
    ask, send, token, door, open_case
) -> None:
    number = send(token=token, premises_name="张记").json["number"]
    now = now_utc()
    due_on = (now + timedelta(days=300)).date()
    open_case(
        report_of(door, number).id,
        states=((State.ASSIGNED, now), (State.VERIFYING, now)),
        due_on=due_on,
    )
    (item,) = ask("GET", "/me/reports", headers={"Accept-Language": "en"}).json["reports"]
    assert item["number"] == number
    assert item["premises_name"] == "张记"
    assert item["status"] == {"code": "verifying", "text": "It is being checked on site."}
    assert item["last"]["text"] == "It is being checked on site."
    assert item["thanks"] is None
    assert [action["code"] for action in item["actions"]] == ["supplement", "withdraw"]
    due = item["due"]
    assert due["on"] == due_on.isoformat()
    assert due["feedback_on"] > due["on"]
    assert due["left"] > 150
    # The year after next has no published calendar.
    assert due["provisional"] is True
    assert "art. 18" in due["basis"]
    assert "not a legal" in due["feedback_basis"]


def test_what_was_found_true_is_thanked_for_and_can_no_longer_be_taken_back(
    ask, send, token, door, open_case
) -> None:
    number, now = send(token=token).json["number"], now_utc()
    open_case(report_of(door, number).id, states=((State.VERIFIED, now), (State.CLOSED, now)))
    (item,) = ask("GET", "/me/reports").json["reports"]
    assert "查实" in item["thanks"]
    assert item["due"] is None
    assert [action["code"] for action in item["actions"]] == ["supplement"]
    detail = ask("GET", f"/reports/{number}").json
    assert (detail["thanks"], detail["actions"]) == (item["thanks"], item["actions"])


@pytest.mark.parametrize("state", State)
def test_every_state_has_the_thanks_that_fit_it(state: State) -> None:
    thanks = thanks_for([State.ASSIGNED, state])
    assert (thanks is None) == (state in OPEN_STATES - FOUND_TRUE)
    assert thanks_for([State.VERIFIED, state]) == thanks_for([State.VERIFIED])


def test_another_department_is_not_said_to_be_bound_by_the_market_regulators_rule(
    ask, send, token, door, open_case
) -> None:
    number, now = send(token=token, category="FIRE_SAFETY").json["number"], now_utc()
    open_case(report_of(door, number).id, states=((State.ASSIGNED, now),), department="fire")
    (item,) = ask("GET", "/me/reports").json["reports"]
    assert "不是法定期限" in item["due"]["basis"]


def test_my_reports_come_page_by_page_without_repeats_and_are_mine_alone(
    ask, send, token, other_token
) -> None:
    mine = [send(token=token).json["number"] for _ in range(5)]
    send(token=other_token)
    send()
    met, before = [], ""
    while True:
        page = ask("GET", f"/me/reports?limit=2&before={before}").json
        met += [item["number"] for item in page["reports"]]
        assert len(page["reports"]) <= 2
        before = page["next"]
        if before is None:
            break
    assert met == mine[::-1]
    assert ask("GET", f"/me/reports?before={mine[0]}", who=other_token).status_code == 404


def test_a_list_needs_a_rider_and_a_page_that_makes_sense(ask, code_of) -> None:
    assert code_of(ask("GET", "/me/reports", who=None)) == "sign-in-needed"
    for query in ("limit=0", "limit=101", "limit=x", "limit=-1", "limit=00019999"):
        assert code_of(ask("GET", f"/me/reports?{query}")) == "value-invalid", query
    assert code_of(ask("GET", "/me/notices?before=x")) == "value-invalid"


def test_a_list_takes_the_same_number_of_statements_however_long_it_is(
    ask, send, token, door, open_case, count_statements
) -> None:
    def fill(times):
        for _ in range(times):
            number = send(token=token).json["number"]
            open_case(report_of(door, number).id, states=((State.ASSIGNED, now_utc()),))

    fill(1)
    ask("GET", "/me/reports")
    short = count_statements(lambda: ask("GET", "/me/reports"))
    fill(4)
    assert count_statements(lambda: ask("GET", "/me/reports")) == short


@pytest.fixture
def count_statements(door):
    def count(act):
        met = []

        def note(_connection, _cursor, statement, *_rest):
            met.append(statement)

        event.listen(door.database.engine, "before_cursor_execute", note)
        act()
        event.remove(door.database.engine, "before_cursor_execute", note)
        return len(met)

    return count


@pytest.fixture
def tell(door, open_case):
    """Tell the reporter of each state that a case of theirs went through."""

    def call(number, *states):
        report, now = report_of(door, number), now_utc()
        open_case(report.id, states=tuple((state, now) for state in states))
        with door.database.writing() as session:
            for change in session.scalars(select(CaseHistory).order_by(CaseHistory.version)):
                add_report_notice(
                    session,
                    report=report,
                    history_id=change.id,
                    department="market",
                    code=change.to_state,
                    now=now,
                )

    return call


def test_notices_are_read_in_my_language_and_marked(ask, send, token, other_token, tell) -> None:
    number = send(token=token).json["number"]
    tell(number, State.ASSIGNED, State.VERIFYING, State.VERIFIED)
    page = ask("GET", "/me/notices?limit=2", headers={"Accept-Language": "en"}).json
    assert page["unread"] == 3
    assert [item["code"] for item in page["notices"]] == ["verified", "verifying"]
    first = page["notices"][0]
    assert first["text"] == "Checked and found true. Thank you."
    assert (first["about"], first["number"], first["read"]) == ("report", number, False)
    (last,) = ask("GET", f"/me/notices?before={page['next']}").json["notices"]
    assert last["code"] == "assigned"
    body = {"up_to": page["notices"][1]["id"]}
    assert ask("POST", "/me/notices/read", json=body).json == {"unread": 1}
    assert ask("GET", "/me/notices/unread").json == {"unread": 1}
    # Nobody reads for anybody else.
    assert ask("POST", "/me/notices/read", who=other_token, json={}).json == {"unread": 0}
    assert ask("GET", "/me/notices", who=other_token).json["notices"] == []
    assert ask("POST", "/me/notices/read", json={}).json == {"unread": 0}
    assert [item["read"] for item in ask("GET", "/me/notices").json["notices"]] == [True] * 3


def test_a_browser_subscribes_is_sealed_and_unsubscribes(ask, door, door_settings, token) -> None:
    key = ask("GET", "/push-key", who=None).json["public_key"]
    assert key == public_key_of(door_settings.vapid_private_key)
    first = ask("POST", "/me/push-subscriptions", json=subscription())
    assert first.status_code == 201
    again = ask("POST", "/me/push-subscriptions", json=subscription())
    assert again.json == first.json
    with door.database.reading() as session:
        (row,) = session.scalars(select(PushSubscription))
    assert b"fcm.googleapis" not in row.sealed_subscription
    path = f"/me/push-subscriptions/{first.json['id']}"
    assert ask("DELETE", path).status_code == 204
    assert ask("DELETE", path).status_code == 404


def test_nobody_ends_a_subscription_of_another(ask, other_token, code_of) -> None:
    made = ask("POST", "/me/push-subscriptions", json=subscription()).json["id"]
    answer = ask("DELETE", f"/me/push-subscriptions/{made}", who=other_token)
    assert code_of(answer) == "subscription-unknown"


def test_beyond_the_most_the_oldest_browser_is_let_go(ask, door) -> None:
    for number in range(MOST_PER_OWNER + 2):
        endpoint = f"https://fcm.googleapis.com/{number}"
        ask("POST", "/me/push-subscriptions", json=subscription(endpoint))
    with door.database.reading() as session:
        assert len(session.scalars(select(PushSubscription)).all()) == MOST_PER_OWNER


def test_the_holder_of_a_receipt_code_is_woken_for_that_report_alone(
    ask, send, door, tell, code_of
) -> None:
    sent = send().json
    path = f"/reports/{sent['number']}/push-subscriptions"
    assert code_of(ask("POST", path, who=None, json=subscription())) == "report-not-found"
    code = {"Receipt-Code": sent["receipt_code"]}
    made = ask("POST", path, who=None, headers=code, json=subscription()).json["id"]
    tell(sent["number"], State.ASSIGNED, State.VERIFYING)
    with door.database.reading() as session:
        # What follows on sending at once wakes nobody.
        assert [str(row.target_id) for row in session.scalars(select(Delivery))] == [made]
    assert ask("DELETE", f"{path}/{made}", who=None, headers=code).status_code == 204


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://169.254.169.254/",
        "http://127.0.0.1:6379/",
        "https://localhost/",
        "http://fcm.googleapis.com/abc",
        "https://fcm.googleapis.com:22/abc",
        "https://fcm.googleapis.com@evil.example/",
        "https://user@fcm.googleapis.com/",
        "https://fcm.googleapis.com.evil.example/",
        "https://evilpush.apple.com/",
        "file:///etc/passwd",
        "https://[::1/",
        "",
        # What one program reads as that host and another does not, or not at all.
        "https://evil.example\\.push.apple.com/",
        "https://fcm.googleapis.com/a\nb",
        "https://fcm.googleapis.com/\x7f",
        "https://fcm.googleapis.com/é",
        "https://x..push.apple.com/",
        "https://☃.push.apple.com/",
        f"https://{'a' * 64}.push.apple.com/",
    ],
)
def test_no_stranger_says_which_address_is_called(ask, code_of, endpoint) -> None:
    answer = ask("POST", "/me/push-subscriptions", json=subscription(endpoint))
    assert code_of(answer) == "push-endpoint-unknown"


def test_any_host_below_a_named_one_is_a_push_service(door_settings) -> None:
    assert is_push_service("https://web.push.apple.com/QGu", door_settings)
    assert is_push_service("https://updates.push.services.mozilla.com/wpush/v2/x", door_settings)


@pytest.mark.parametrize(
    "keys", [{"auth": "AA"}, {"p256dh": "AA"}, {"p256dh": "B" + "A" * 86}, {"auth": "!" * 22}]
)
def test_keys_that_are_none_are_refused(ask, code_of, keys) -> None:
    answer = ask("POST", "/me/push-subscriptions", json=subscription(**keys))
    assert code_of(answer) == "push-keys-invalid"


def test_what_the_operator_has_not_set_up_says_so(settings, redis_url, token, code_of) -> None:
    app = create_app(settings.model_copy(update={"redis_url": redis_url}))
    client, head = app.test_client(), {"Authorization": f"Bearer {token}"}
    assert code_of(client.get("/api/v1/push-key")) == "push-not-set-up"
    answer = client.post("/api/v1/me/push-subscriptions", json=subscription(), headers=head)
    assert code_of(answer) == "push-not-set-up"
    answer = client.post("/api/v1/me/messenger", headers=head)
    assert code_of(answer) == "messenger-not-set-up"
    assert client.get("/api/v1/me/messenger", headers=head).json == {
        "available": False,
        "linked": False,
    }
    app.extensions["door"].database.close()


def test_a_messenger_is_linked_by_a_token_that_is_shown_once_and_sealed(ask, door) -> None:
    assert ask("GET", "/me/messenger").json == {"available": True, "linked": False}
    recipient = ask("POST", "/me/messenger").json["recipient"]
    assert ask("GET", "/me/messenger").json == {"available": True, "linked": True}
    with door.database.reading() as session:
        (link,) = session.scalars(select(MessengerLink))
    assert recipient.encode() not in link.sealed_recipient
    assert door.sealer.open(link.sealed_recipient) == recipient
    assert ask("DELETE", "/me/messenger").status_code == 204
    assert ask("DELETE", "/me/messenger").status_code == 204
    assert ask("GET", "/me/messenger").json["linked"] is False


def test_an_erased_rider_is_told_nothing_any_more(ask, door, send, token) -> None:
    ask("POST", "/me/push-subscriptions", json=subscription())
    # The app asks for the news of one tip by its receipt code.
    sent = send(headers={"Authorization": f"Bearer {token}"}).json
    code = {"Receipt-Code": sent["receipt_code"]}
    path = f"/reports/{sent['number']}/push-subscriptions"
    assert ask("POST", path, who=None, headers=code, json=subscription()).status_code == 201
    ask("POST", "/me/messenger")
    rider = rider_of(door)
    with door.database.writing() as session:
        erase_rider(session, rider_id=rider.id, reason="请求", now=now_utc(), actor=audit.OPERATOR)
    with door.database.reading() as session:
        assert session.scalars(select(PushSubscription)).all() == []
        assert session.scalars(select(MessengerLink)).all() == []


def key(text=None):
    return {"Idempotency-Key": text or str(uuid.uuid4())}


def test_a_suggestion_is_taken_once_and_answered_with_a_notice(ask, door, other_token) -> None:
    body, same = {"kind": "request", "body": " 站点能不能多放几个充电口？ "}, key()
    first = ask("POST", "/me/suggestions", json=body, headers=same)
    assert first.status_code == 201
    assert first.json["body"] == "站点能不能多放几个充电口？"
    assert first.json["answer"] is None
    number = first.json["number"]
    assert number.startswith("JY")
    assert ask("POST", "/me/suggestions", json=body, headers=same).json == first.json
    assert [each["number"] for each in ask("GET", "/me/suggestions").json["suggestions"]] == [
        number
    ]
    with door.database.writing() as session:
        staff = Staff(sign_in="chen", name="陈分派", password_hash="x")
        session.add(staff)
        session.flush()
        row = session.scalars(select(Suggestion)).one()
        row.answer, row.answered_at, row.answered_by = "下周装四个。", now_utc(), staff.id
        add_answer_notice(session, suggestion=row, now=now_utc())
    shown = ask("GET", f"/me/suggestions/{number}").json
    assert shown["answer"] == "下周装四个。"
    assert "陈" not in str(shown)
    (notice,) = ask("GET", "/me/notices").json["notices"]
    assert (notice["code"], notice["about"]) == ("suggestion_answered", "suggestion")
    assert notice["number"] == number
    assert ask("GET", f"/me/suggestions/{number}", who=other_token).status_code == 404
    assert ask("GET", "/me/suggestions", who=other_token).json["suggestions"] == []


def test_a_suggestion_that_cannot_be_taken_says_why(ask, code_of) -> None:
    def sent(body, headers=None):
        return code_of(ask("POST", "/me/suggestions", json=body, headers=headers or key()))

    assert sent({}) == "field-missing"
    assert sent({"body": " "}) == "field-missing"
    assert sent({"body": "长" * 1001}) == "text-too-long"
    assert sent({"body": "a\0b"}) == "text-invalid"
    assert sent({"body": "好", "kind": "tip"}) == "value-invalid"
    assert sent({"body": "好", "more": 1}) == "field-unknown"
    assert sent({"body": "好"}, {"Idempotency-Key": "x"}) == "idempotency-key-invalid"
    same = key()
    ask("POST", "/me/suggestions", json={"body": "一"}, headers=same)
    assert sent({"body": "二"}, same) == "idempotency-key-reused"
    answer = ask("POST", "/me/suggestions", who=None, json={"body": "好"}, headers=key())
    assert code_of(answer) == "sign-in-needed"


def test_a_day_has_room_for_a_few_suggestions_and_a_repeat_always_passes(
    ask, code_of, door
) -> None:
    first = key()
    for headers in (first, *(key() for _ in range(MOST_PER_DAY - 1))):
        answer = ask("POST", "/me/suggestions", json={"body": "建议"}, headers=headers)
        assert answer.status_code == 201
    refused = ask("POST", "/me/suggestions", json={"body": "又一条"}, headers=key())
    assert code_of(refused) == "suggestions-too-many"
    assert 86_000 < int(refused.headers["Retry-After"]) <= 86_400
    again = ask("POST", "/me/suggestions", json={"body": "建议"}, headers=first)
    assert again.status_code == 201
    with door.database.writing() as session:
        for row in session.scalars(select(Suggestion)):
            row.received_at -= timedelta(days=1)
    assert ask("POST", "/me/suggestions", json={"body": "新"}, headers=key()).status_code == 201


def test_an_answer_is_told_of_once(door, ask) -> None:
    ask("POST", "/me/suggestions", json={"body": "建议"}, headers=key())
    with door.database.writing() as session:
        row = session.scalars(select(Suggestion)).one()
        assert add_answer_notice(session, suggestion=row, now=now_utc())
        assert not add_answer_notice(session, suggestion=row, now=now_utc())
    with door.database.reading() as session:
        assert len(session.scalars(select(Notice)).all()) == 1


def test_what_could_not_be_delivered_is_seen_by_the_operator(client, door, ask) -> None:
    assert client.get("/readyz").json["notices"] == {"undelivered_notices": 0}
    ask("POST", "/me/messenger")
    ask("POST", "/me/suggestions", json={"body": "建议"}, headers=key())
    with door.database.writing() as session:
        add_answer_notice(
            session, suggestion=session.scalars(select(Suggestion)).one(), now=now_utc()
        )
        row = session.scalars(select(Delivery)).one()
        row.due_at, row.outcome, row.ended_at = None, "failed", now_utc()
    assert client.get("/readyz").json["notices"] == {"undelivered_notices": 1}
    assert (
        'suishoupai_deliveries{channel="webhook",state="failed"} 1.0' in client.get("/metrics").text
    )

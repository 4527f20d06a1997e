"""Notices on their way out: a real server plays the push service and the gateway."""

import base64
import json
import threading
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import func, select
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from intake.notices import (
    add_answer_notice,
    add_campaign_notices,
    delivery_counts,
    stuck_deliveries,
)
from intake.subscriptions import (
    link_messenger,
    read_subscription,
    subscribe,
    unlink_messenger,
    unsubscribe,
)
from schemas.database import new_id, now_utc
from schemas.sealing import Sealer
from schemas.tables import (
    Campaign,
    CampaignInvitation,
    Delivery,
    Notice,
    PushSubscription,
    Rider,
    Staff,
    Suggestion,
    Unit,
)
from schemas.vapid import new_private_key, to_base64url
from schemas.workdays import local_date
from workers.deliver import (
    AWAY_FOR,
    BACKOFF,
    KEPT_FOR,
    LENT_FOR,
    MOST_AGE,
    Message,
    _send,
    deliver,
    forget_old,
)

CAMPAIGN = "元旦前随机访餐厅"
SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


@pytest.fixture
def dialect() -> str:
    """What is asked here does not depend on the database; test_notify tries both."""
    return "sqlite"


class Outside:
    """A server of somebody else: it keeps what it is sent and answers as it is told, else 201."""

    def __init__(self):
        self.requests, self.answers = [], Queue()
        # At this request it says nothing until it is let go on.
        self.silent_at, self.reached, self.go_on = 0, threading.Event(), threading.Event()
        outside = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outside.requests.append((self.path, dict(self.headers), body))
                if len(outside.requests) == outside.silent_at:
                    outside.reached.set()
                    outside.go_on.wait(60)
                    self.close_connection = True
                    return
                status, headers = (201, {}) if outside.answers.empty() else outside.answers.get()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_parts):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.name = f"127.0.0.1:{self.server.server_address[1]}"

    def answer(self, *replies):
        for reply in replies:
            self.answers.put(reply if isinstance(reply, tuple) else (reply, {}))

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def outside():
    server = Outside()
    yield server
    server.close()


class Phone:
    """A browser that subscribed, and what it makes of a message (RFC 8291 section 3)."""

    def __init__(self, endpoint):
        self.endpoint, self.key, self.auth = (
            endpoint,
            ec.generate_private_key(ec.SECP256R1()),
            b"a" * 16,
        )

    @property
    def point(self):
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def texts(self):
        return {
            "endpoint": self.endpoint,
            "p256dh": to_base64url(self.point),
            "auth": to_base64url(self.auth),
        }

    def read(self, body):
        salt, record, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        sender, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(body) <= record == 4096
        shared = self.key.exchange(
            ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        )
        secret = derive(shared, self.auth, b"WebPush: info\0" + self.point + sender, 32)
        key = derive(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
        nonce = derive(secret, salt, b"Content-Encoding: nonce\0", 12)
        return AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\0").removesuffix(b"\x02")


def derive(secret, salt, info, length):
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)


@pytest.fixture
def post(machine, tips, outside):
    return Post(machine, tips, outside)


class Post:
    """A rider, what they are told, and the clock's deliveries."""

    def __init__(self, machine, tips, outside):
        settings = machine.settings.model_copy(
            update={
                "vapid_private_key": new_private_key(),
                "vapid_subject": "mailto:operator@example.cn",
                "push_hosts": (outside.name,),
                "webhook_url": f"http://{outside.name}/hook",
                "webhook_secret": SECRET,
            }
        )
        self.machine, self.outside = replace(machine, settings=settings), outside
        self.sealer, self.rider, self.now = Sealer(settings), tips.rider(), now_utc()

    def phone(self, path="/push/1"):
        phone = Phone(f"http://{self.outside.name}{path}")
        kept = read_subscription(**phone.texts(), settings=self.machine.settings)
        with self.machine.database.writing() as session:
            phone.id = subscribe(
                session, sealer=self.sealer, owner_id=self.rider, kept=kept, now=self.now
            )
        return phone

    def link(self):
        with self.machine.database.writing() as session:
            return link_messenger(session, sealer=self.sealer, rider_id=self.rider, now=self.now)

    def news(self, times=1):
        for _ in range(times):
            with self.machine.database.writing() as session:
                suggestion = Suggestion(
                    number=f"JY-{new_id().hex[:20]}",
                    rider_id=self.rider,
                    request_key=new_id(),
                    kind="request",
                    body="站点能不能多放几个充电口",
                )
                session.add(suggestion)
                session.flush()
                assert add_answer_notice(session, suggestion=suggestion, now=self.now)
                assert not add_answer_notice(session, suggestion=suggestion, now=self.now)

    def invitation(self, **change):
        """Ask the rider to take part in a campaign; `change` is what became of it since."""
        with self.machine.database.writing() as session:
            staff = Staff(sign_in="dora", name="孙丽", password_hash="-")
            session.add(staff)
            session.flush()
            today = local_date(self.now)
            campaign = Campaign(
                unit_id=session.scalars(select(Unit.id)).first(), kind="random_visit",
                name=CAMPAIGN, starts_on=today - timedelta(days=3),
                ends_on=today + timedelta(days=6), made_by=staff.id,
            )  # fmt: skip
            session.add(campaign)
            session.flush()
            asked = CampaignInvitation(campaign_id=campaign.id, rider_id=self.rider)
            session.add(asked)
            session.flush()
            rider = session.get_one(Rider, self.rider)
            rider.is_supervisor = True
            ask = {"campaign": campaign, "riders": [self.rider], "now": self.now}
            assert add_campaign_notices(session, **ask) == 1
            assert add_campaign_notices(session, **ask) == 0
            for name, value in change.items():
                (row,) = (each for each in (asked, campaign, rider) if hasattr(each, name))
                setattr(row, name, value)

    def run(self, later=timedelta()):
        return dict(deliver(self.machine, now=self.now + later))

    def rows(self):
        with self.machine.database.reading() as session:
            return list(session.scalars(select(Delivery).order_by(Delivery.id)))

    def stuck(self, later=timedelta()):
        with self.machine.database.reading() as session:
            return stuck_deliveries(session, now=self.now + later)


def test_a_phone_is_woken_with_nothing_but_that_there_is_news(post):
    phone = post.phone()
    post.news()
    assert post.run() == {"sent": 1}
    assert post.run() == {}
    ((path, headers, body),) = post.outside.requests
    assert path == "/push/1"
    assert headers["Content-Encoding"] == "aes128gcm"
    assert headers["TTL"] == "86400"
    assert headers["Authorization"].startswith("vapid t=")
    (row,) = post.rows()
    assert headers["Topic"] == row.id.hex
    # A topic has 32 characters of URL-safe base64 at most (RFC 8030 section 5.4).
    assert len(headers["Topic"]) <= 32
    assert json.loads(phone.read(body)) == {"type": "news", "id": str(row.id)}


@pytest.mark.parametrize("status", [404, 410])
def test_a_phone_that_unsubscribed_is_forgotten(post, status):
    post.phone()
    post.news(2)
    post.outside.answer(status)
    assert post.run() == {"gone": 2}
    assert {row.outcome for row in post.rows()} == {"gone"}
    assert len(post.outside.requests) == 1
    with post.machine.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(PushSubscription)) == 0
    post.news()
    assert post.run() == {}


def test_a_gateway_that_fails_first_gets_the_same_again_under_the_same_id(post):
    recipient = post.link()
    post.news()
    post.outside.answer(500, 503)
    assert post.run() == {"later": 1}
    assert post.run(BACKOFF[0] - timedelta(seconds=1)) == {}
    assert post.run(BACKOFF[0]) == {"later": 1}
    assert post.run(BACKOFF[0] + BACKOFF[1]) == {"sent": 1}
    heads = [
        {name.lower(): text for name, text in each[1].items()} for each in post.outside.requests
    ]
    assert len({head["webhook-id"] for head in heads}) == 1
    assert len({body for _, _, body in post.outside.requests}) == 1
    assert len({head["webhook-timestamp"] for head in heads}) == 3
    _, headers, body = post.outside.requests[0]
    told = Webhook(SECRET).verify(body, headers)
    assert told["type"] == "notice.created"
    assert set(told["data"]) == {"recipient", "text"}
    assert told["data"]["recipient"] == recipient
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body.replace(b"notice", b"notise"), headers)
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + base64.b64encode(b"x" * 32).decode()).verify(body, headers)


def test_the_gateway_learns_nothing_but_the_token_the_rider_gave_it(post):
    post.link()
    post.news()
    post.run()
    (_, headers, body), told = post.outside.requests[0], post.outside.requests[0][2].decode()
    with post.machine.database.reading() as session:
        notice = session.scalars(select(Notice)).one()
        suggestion = session.scalars(select(Suggestion)).one()
    for secret in (post.rider, notice.id, suggestion.id):
        assert secret.hex not in told + str(headers)
        assert str(secret) not in told + str(headers)
    assert suggestion.number not in told
    assert suggestion.body not in body.decode()


def test_a_rider_who_did_not_opt_in_is_not_told_of_to_anybody(post):
    post.news()
    assert post.rows() == []
    assert post.run() == {}
    assert post.outside.requests == []


def test_an_invitation_says_nothing_else_than_any_news_does(post):
    post.link()
    phone = post.phone()
    post.news()
    post.invitation()
    assert post.run() == {"sent": 4}
    hooks, pushed = [], []
    for path, _, body in post.outside.requests:
        if path == "/hook":
            hooks.append(json.loads(body))
        else:
            pushed.append(json.loads(phone.read(body)))
    assert hooks[0]["data"] == hooks[1]["data"]
    assert set(hooks[0]) == set(hooks[1])
    assert [set(each) for each in pushed] == [{"type", "id"}] * 2
    told = str(hooks) + str(pushed)
    for secret in ("走访", "campaign", "监督员", "visit", CAMPAIGN):
        assert secret not in told


@pytest.mark.parametrize(
    "change",
    [
        {"accepted": False},
        {"accepted": True},
        {"closed_at": now_utc() - timedelta(minutes=1)},
        {"ends_on": local_date(now_utc()) - timedelta(days=1)},
        {"is_supervisor": False},
    ],
    ids=["declined", "accepted", "closed", "ended", "dismissed"],
)
def test_nobody_is_woken_for_an_invitation_that_matters_no_more(post, change):
    post.link()
    post.phone()
    post.invitation(**change)
    assert post.run() == {"gone": 2}
    assert post.outside.requests == []
    assert {row.outcome for row in post.rows()} == {"gone"}


def test_who_opts_out_is_told_no_more_even_of_what_waits(post):
    post.link()
    phone = post.phone()
    post.news()
    with post.machine.database.writing() as session:
        assert unlink_messenger(session, rider_id=post.rider, now=post.now)
        unsubscribe(session, owner_id=post.rider, subscription_id=phone.id, now=post.now)
    assert post.run() == {}
    assert {row.outcome for row in post.rows()} == {"gone"}
    assert post.outside.requests == []


def test_a_new_token_takes_the_place_of_the_last(post):
    first = post.link()
    second = post.link()
    post.news()
    post.run()
    assert first != second
    assert [json.loads(body)["data"]["recipient"] for _, _, body in post.outside.requests] == [
        second
    ]


def test_a_redirect_is_not_followed(post, outside):
    post.link()
    post.news()
    outside.answer((307, {"Location": f"http://{outside.name}/elsewhere"}))
    assert post.run() == {"later": 1}
    assert [path for path, _, _ in outside.requests] == ["/hook"]
    assert post.rows()[0].last_error == "status-307"


def test_who_asks_to_be_left_alone_is(post):
    post.link()
    post.news()
    post.outside.answer((429, {"Retry-After": "3600"}))
    post.run()
    assert post.rows()[0].due_at == post.now + timedelta(hours=1)


@pytest.mark.parametrize(
    "text", ["soon", "-5", "99999999999", "Wed, 21 Oct 2015 07:28:00 GMT", "²"]
)
def test_a_wait_that_makes_no_sense_changes_little(post, text):
    post.link()
    post.news()
    post.outside.answer((503, {"Retry-After": text.encode("utf-8").decode("latin-1")}))
    assert post.run() == {"later": 1}
    assert BACKOFF[0] <= post.rows()[0].due_at - post.now <= BACKOFF[-1]


def test_a_server_that_is_away_is_tried_once_and_holds_up_nobody_else(post, outside):
    post.link()
    post.phone()
    post.news(3)
    gone = Outside()
    gone.close()
    settings = post.machine.settings.model_copy(update={"webhook_url": f"http://{gone.name}/hook"})
    post.machine = replace(post.machine, settings=settings)
    assert post.run() == {"sent": 3, "later": 3}
    hooks = [row for row in post.rows() if row.channel == "webhook"]
    assert sorted(row.attempts for row in hooks) == [0, 0, 1]
    assert {row.last_error for row in hooks} == {None, "unreachable"}
    assert {row.due_at for row in hooks if not row.attempts} == {post.now + AWAY_FOR}


def test_an_address_that_can_not_be_written_out_holds_up_nobody_else(post):
    # Such a one is refused today; this one was kept before.
    bad = post.phone("/push/bad")
    post.phone("/push/good")
    texts = bad.texts() | {"endpoint": f"http://{post.outside.name}/a\nb"}
    with post.machine.database.writing() as session:
        row = session.get_one(PushSubscription, bad.id)
        row.sealed_subscription = post.sealer.seal(texts)
    post.news(3)
    assert post.run() == {"sent": 3, "gone": 3}
    assert {path for path, _, _ in post.outside.requests} == {"/push/good"}


def test_what_no_key_opens_waits_and_holds_up_nobody_else(post):
    sealed = post.phone("/push/sealed")
    post.phone("/push/good")
    with post.machine.database.writing() as session:
        row = session.get_one(PushSubscription, sealed.id)
        row.sealed_subscription = b"sealed with a key that is gone"
    post.news()
    assert post.run() == {"sent": 1, "later": 1}
    waiting = [row for row in post.rows() if row.due_at is not None]
    assert [(row.attempts, row.last_error) for row in waiting] == [(1, "secret-keys-wrong")]


@pytest.mark.parametrize(
    "url", ["http://[::1", "https://x..example/", f"https://{'a' * 70}.example/"]
)
def test_a_request_that_can_not_be_made_is_an_outcome_and_no_crash(url):
    message = Message(new_id(), "push", new_id(), url, {}, b"")
    with httpx.Client(trust_env=False) as client:
        assert _send(client, message).code == "address-unusable"


def test_what_is_too_old_fails_and_stays_to_be_seen(post):
    post.link()
    post.news()
    post.outside.answer(*[500] * 20)
    later, tries = timedelta(), 0
    for wait in (timedelta(), *BACKOFF):
        later += wait
        if later >= MOST_AGE:
            break
        assert post.run(later) == {"later": 1}
        tries += 1
        assert post.stuck(later) == (tries >= 3)
    assert tries >= 5
    post.run(MOST_AGE + timedelta(seconds=1))
    (row,) = post.rows()
    assert (row.outcome, row.due_at, row.attempts) == ("failed", None, tries)
    assert post.stuck(MOST_AGE + timedelta(hours=1)) == 1
    with post.machine.database.reading() as session:
        assert delivery_counts(session) == [("webhook", "failed", 1)]
    forget_old(post.machine, now=post.now + MOST_AGE + KEPT_FOR + timedelta(days=1))
    assert post.rows() == []


def test_what_was_lent_to_a_clock_that_died_goes_out_again_under_its_id(post):
    post.link()
    post.news()
    with post.machine.database.writing() as session:
        # What a clock leaves that is killed between sending and writing it down.
        session.scalars(select(Delivery)).one().due_at = post.now + LENT_FOR
    assert post.run() == {}
    assert post.run(LENT_FOR) == {"sent": 1}
    assert post.outside.requests[0][1]["webhook-id"] == str(post.rows()[0].id)


def test_a_way_out_that_is_not_set_up_is_not_taken(post):
    post.link()
    post.phone()
    post.news()
    bare = post.machine.settings.model_copy(update={"vapid_private_key": "", "webhook_url": ""})
    post.machine = replace(post.machine, settings=bare)
    assert post.run() == {}
    assert post.outside.requests == []


def test_a_push_service_that_the_operator_no_longer_names_is_not_called(post):
    post.phone()
    post.news()
    named = post.machine.settings.model_copy(update={"push_hosts": ("push.example",)})
    post.machine = replace(post.machine, settings=named)
    assert post.run() == {"gone": 1}
    assert post.outside.requests == []


def test_the_clock_killed_in_the_middle_of_a_delivery_sends_it_again_and_no_other(
    post, queued, start, wait_until, monkeypatch
):
    post.link()
    post.news(8)
    monkeypatch.setenv("WEBHOOK_URL", post.machine.settings.webhook_url)
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    post.outside.silent_at = 3
    clock = start("workers.schedule", queued.settings)
    assert post.outside.reached.wait(60)
    # Two are written down as sent; the third was sent, and nobody knows of it.
    wait_until(lambda: sum(row.outcome == "sent" for row in post.rows()) == 2)
    clock.kill()
    post.outside.go_on.set()
    assert post.run(LENT_FOR + timedelta(minutes=1)) == {"sent": 6}
    ids = [headers["webhook-id"] for _, headers, _ in post.outside.requests]
    assert sorted(set(ids)) == sorted(str(row.id) for row in post.rows())
    assert [each for each in ids if ids.count(each) > 1] == [ids[2]] * 2
    again = {body for _, head, body in post.outside.requests if head["webhook-id"] == ids[2]}
    assert len(again) == 1

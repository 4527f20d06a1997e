"""Bulletins on their way out: a real mail server and a real receiver of webhooks."""

import base64
import json
import socket
import threading
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select
from standardwebhooks.webhooks import Webhook

from intake.bulletins.subscribers import (
    first_sending,
    subscribe,
    undelivered,
    unsigned,
    unsubscribe,
)
from schemas.access import Role
from schemas.bulletins.issues import publish
from schemas.bulletins.parameters import present_parameters
from schemas.database import now_utc
from schemas.errors import ConfigurationError, InvalidInput
from schemas.settings import load_settings
from schemas.tables import (
    BulletinDelivery,
    BulletinIssue,
    BulletinSubscriber,
    Staff,
    StaffRole,
    Unit,
)
from schemas.weeks import week_of
from workers.bulletin_mail import BACKOFF, MOST_AGE, plan, send_bulletins

SHENYANG = "210100"
SECRET = "whsec_" + base64.b64encode(b"b" * 32).decode()
MAILBOX, SENDER = "office@example.cn", "bulletin@example.cn"
WEEK = week_of(now_utc()).after(-1)
MONDAY = first_sending(WEEK)


class Mailroom:
    """Takes mails, or refuses with what it is told to say."""

    def __init__(self):
        self.mails, self.refusals = [], []

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - aiosmtpd's name
        if self.refusals:
            return self.refusals.pop(0)
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 taken"


@pytest.fixture
def mailroom():
    room = Mailroom()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        room.port = probe.getsockname()[1]
    room.server = Controller(room, hostname="127.0.0.1", port=room.port)
    room.server.start()
    yield room
    room.server.stop()


@pytest.fixture
def receiver():
    requests = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            requests.append(
                (dict(self.headers), self.rfile.read(int(self.headers["Content-Length"])))
            )
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_parts):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    server.requests = requests
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def clock(machine, mailroom):
    settings = machine.settings.model_copy(
        update={
            "smtp_url": f"smtp://127.0.0.1:{mailroom.port}",
            "mail_from": SENDER,
            "bulletin_hosts": ("127.0.0.1",),
            "bulletin_secret": SECRET,
        }
    )
    return replace(machine, settings=settings)


@pytest.fixture
def signer(clock):
    with clock.database.writing() as session:
        unit = session.scalars(
            select(Unit).where(Unit.division_code == SHENYANG, Unit.department == "market")
        ).one()
        staff = Staff(sign_in="stan", name="统计员", password_hash="x")
        session.add(staff)
        session.flush()
        session.add(StaffRole(staff_id=staff.id, role=Role.STATISTICIAN.value, unit_id=unit.id))
        return staff.id


def add(clock, signer, address=MAILBOX, channel="mail", *, is_internal=True):
    with clock.database.writing() as session:
        return subscribe(
            session, settings=clock.settings, scope=SHENYANG, channel=channel, name="市食安办",
            address=address, is_internal=is_internal, staff_id=signer, now=WEEK.begins_at,
        ).id  # fmt: skip


def sign(clock, signer, at=WEEK.ends_at + timedelta(hours=1)):
    with clock.database.writing() as session:
        return publish(
            session, week=WEEK, scope=SHENYANG, signer_id=signer, now=at,
            parameters=present_parameters(small_cell=5),
        ).number  # fmt: skip


def deliveries(clock):
    with clock.database.reading() as session:
        return list(session.scalars(select(BulletinDelivery)))


def test_an_issue_goes_out_on_monday_at_eight_once_to_each_subscriber(
    clock, signer, mailroom, receiver
) -> None:
    url = f"http://127.0.0.1:{receiver.server_address[1]}/bulletins"
    add(clock, signer)
    add(clock, signer, "public@example.cn", is_internal=False)
    add(clock, signer, url, "webhook")
    number = sign(clock, signer)
    assert send_bulletins(clock, now=MONDAY - timedelta(minutes=1)) == {}
    assert send_bulletins(clock, now=MONDAY) == {"sent": 3}
    assert send_bulletins(clock, now=MONDAY + timedelta(days=2)) == {}

    mails = {mail["To"]: mail for mail in mailroom.mails}
    assert set(mails) == {MAILBOX, "public@example.cn"}
    mail = mails[MAILBOX]
    assert number in mail["Subject"]
    assert "收到举报：0" in mail.get_body().get_content()
    files = {part.get_filename(): part.get_content() for part in mail.iter_attachments()}
    assert set(files) == {f"{number}.pdf", f"{number}.xlsx"}
    assert files[f"{number}.pdf"].startswith(b"%PDF-")
    public = [part.get_filename() for part in mails["public@example.cn"].iter_attachments()]
    assert public == [f"{number}.json"]

    ((headers, body),) = receiver.requests
    lowered = {name.lower(): value for name, value in headers.items()}
    said = json.loads(body)
    assert said["type"] == "bulletin.published"
    assert said["data"]["number"] == number
    expected = Webhook(SECRET).sign(lowered["webhook-id"], MONDAY, body.decode())
    assert lowered["webhook-signature"] == expected


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_what_is_not_taken_is_tried_again_and_seen(clock, signer, mailroom) -> None:
    add(clock, signer)
    sign(clock, signer)
    mailroom.refusals = ["451 try later"] * 3
    at = MONDAY
    for attempt in range(3):
        assert send_bulletins(clock, now=at) == {"later": 1}
        at += BACKOFF[attempt]
    (row,) = deliveries(clock)
    assert row.last_error == "smtp-451"
    with clock.database.reading() as session:
        assert undelivered(session, now=at) == 1
    assert send_bulletins(clock, now=at) == {"sent": 1}
    with clock.database.reading() as session:
        assert undelivered(session, now=at) == 0
    assert len(mailroom.mails) == 1


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_what_nobody_takes_for_days_is_given_up_and_stays_visible(clock, signer) -> None:
    add(clock, signer)
    sign(clock, signer)
    nobody = clock.settings.model_copy(update={"smtp_url": "smtp://127.0.0.1:1"})
    clock = replace(clock, settings=nobody)
    assert send_bulletins(clock, now=MONDAY) == {"later": 1}
    end = MONDAY + MOST_AGE + timedelta(hours=1)
    assert send_bulletins(clock, now=end) == {"failed": 1}
    with clock.database.reading() as session:
        assert undelivered(session, now=end) == 1


def test_two_clocks_plan_each_issue_once(clock, signer) -> None:
    add(clock, signer)
    sign(clock, signer)
    with clock.database.writing() as session:
        assert plan(session, now=MONDAY) == 1
    with clock.database.writing() as session:
        assert plan(session, now=MONDAY) == 0
    assert len(deliveries(clock)) == 1


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_who_is_let_go_gets_nothing_more(clock, signer, mailroom) -> None:
    subscriber = add(clock, signer)
    sign(clock, signer)
    with clock.database.writing() as session:
        plan(session, now=MONDAY)
        row = session.get_one(BulletinSubscriber, subscriber)
        unsubscribe(session, row=row, staff_id=signer, now=MONDAY)
    assert send_bulletins(clock, now=MONDAY) == {"gone": 1}
    assert mailroom.mails == []


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_an_unsigned_week_is_told_and_never_sent(clock, signer, mailroom) -> None:
    add(clock, signer)
    with clock.database.reading() as session:
        assert unsigned(session, now=MONDAY - timedelta(minutes=1)) == []
        assert list(unsigned(session, now=MONDAY)) == [SHENYANG]
    assert send_bulletins(clock, now=MONDAY) == {}
    sign(clock, signer, at=MONDAY + timedelta(hours=3))
    with clock.database.reading() as session:
        assert list(unsigned(session, now=MONDAY + timedelta(hours=3))) == []
        assert session.scalars(select(BulletinIssue)).one()
    assert send_bulletins(clock, now=MONDAY + timedelta(hours=3)) == {"sent": 1}
    assert len(mailroom.mails) == 1


@pytest.mark.parametrize(
    ("channel", "address", "code"),
    [
        ("mail", "no mailbox", "address-invalid"),
        ("mail", "a@b.cn\nBcc: c@d.cn", "address-invalid"),
        ("webhook", "https://elsewhere.example/x", "address-invalid"),
        ("webhook", "ftp://127.0.0.1/x", "address-invalid"),
        ("webhook", "http://[broken", "address-invalid"),
        ("pigeon", MAILBOX, "channel-not-set-up"),
    ],
)
@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_an_address_that_cannot_be_used_is_refused(clock, signer, channel, address, code) -> None:
    with pytest.raises(InvalidInput) as refused:
        add(clock, signer, address, channel)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "environ",
    [
        {"SMTP_URL": "smtp://mail.example", "MAIL_FROM": SENDER},
        {"SMTP_URL": "smtps://mail.example"},
        {"BULLETIN_HOSTS": "a.example"},
    ],
)
def test_half_a_way_out_or_an_open_one_is_refused(environ, tmp_path) -> None:
    with pytest.raises(ConfigurationError):
        load_settings(environ | {"DATA_DIR": str(tmp_path)})

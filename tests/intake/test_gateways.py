"""How a code reaches its phone over a real gateway, and what no log ever holds."""

import base64
import hashlib
import hmac
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from intake.app import create_app
from intake.door import Door
from intake.identity.invitations import make_invitation
from intake.riders.registering import RiderProfile, add_rider
from schemas.database import now_utc
from schemas.errors import ConfigurationError
from schemas.settings import Settings, load_settings
from schemas.tables import SignInCode

PHONE, NAME = "13987654321", "司徒骑手"
SECRET = "a secret of the gateway"
OWN = {"Sec-Fetch-Site": "same-origin"}
BROWSER = {"Accept": "text/html"}


@pytest.fixture
def dialect() -> str:
    """What is asked here does not depend on the database."""
    return "sqlite"


class Gateway:
    """An operator's SMS gateway: keeps what it is sent, and answers as it is told."""

    def __init__(self) -> None:
        self.status, self.taken = 204, list[tuple[dict[str, str], bytes]]()
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                gateway.taken.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(gateway.status)
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/sms"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    made = Gateway()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def sending(door_settings: Settings, gateway: Gateway) -> Iterator[Door]:
    """A door that sends codes through the gateway, with one rider."""
    app = create_app(
        door_settings.model_copy(
            update={"sms_gateway_url": gateway.url, "sms_gateway_secret": SECRET}
        )
    )
    door: Door = app.extensions["door"]
    with door.database.writing() as session:
        add_rider(session, sealer=door.sealer, profile=RiderProfile(NAME, PHONE))
    # Only the rider is sent one; the stranger is answered alike.
    for phone in (PHONE, "13700000000"):
        asked = app.test_client().post("/api/v1/sign-in/codes", json={"phone": phone})
        assert asked.status_code == 202
    door.messenger.drain()
    yield door
    door.database.close()


def test_the_gateway_is_sent_a_signed_message_with_the_code(
    sending: Door, gateway: Gateway
) -> None:
    ((headers, body),) = gateway.taken
    told = json.loads(body)
    assert told["phone"] == PHONE
    assert re.fullmatch(r"\d{6}", told["code"])
    assert told["code"] in told["text"]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(mac).decode()}"
    with sending.database.reading() as session:
        row = session.get_one(SignInCode, UUID(headers["webhook-id"]))
    # Where a gateway sends, nothing of the code stays that could be read.
    assert row.sealed_message is None


@pytest.mark.parametrize("url", ["answers 500", "http://127.0.0.1:9/sms"])
def test_a_gateway_that_fails_is_logged_without_the_phone_and_told_to_nobody(
    door_settings: Settings, gateway: Gateway, url: str
) -> None:
    gateway.status = 500
    address = url if url.startswith("http") else gateway.url
    app = create_app(
        door_settings.model_copy(update={"sms_gateway_url": address, "sms_gateway_secret": SECRET})
    )
    door: Door = app.extensions["door"]
    with door.database.writing() as session:
        add_rider(session, sealer=door.sealer, profile=RiderProfile(NAME, PHONE))
    with capture_logs() as logs:
        asked = app.test_client().post("/api/v1/sign-in/codes", json={"phone": PHONE})
        door.messenger.drain()
    assert asked.status_code == 202
    assert [entry["reason"] for entry in logs if entry["event"] == "sms_not_sent"] == ["sms-away"]
    assert PHONE not in str(logs)
    assert "suishoupai_sms_failed_total 1.0" in app.test_client().get("/metrics").text
    door.database.close()


@pytest.mark.parametrize(
    "given",
    [
        {"sms_gateway_url": "https://sms.example"},
        {"sms_gateway_secret": "x"},
        {"sms_gateway_url": "http://sms.example", "sms_gateway_secret": "x"},
    ],
)
def test_a_gateway_is_set_up_whole_and_safe(given: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_settings({}, **given)
    assert "SMS_GATEWAY" in refused.value.words.en


def test_neither_phone_nor_name_is_in_any_log_answer_or_metric(
    client: FlaskClient, door: Door, send: Callable[..., TestResponse]
) -> None:
    """A rider joins, signs in, reports, shows a code and leaves; everything is listened to."""
    with door.database.writing() as session:
        _, invitation = make_invitation(
            session, platform="某外卖平台", station="太原街第七站", days=1, riders=9, now=now_utc()
        )
    wanted = {"phone": f"+86 {PHONE}", "invitation": invitation}
    heard: list[TestResponse] = []
    with capture_logs() as logs:
        heard.append(client.post("/api/v1/sign-in/codes", json=wanted))
        heard.append(client.post("/api/v1/sign-in/codes", json=wanted))
        door.messenger.drain()
        with door.database.reading() as session:
            row = session.scalars(select(SignInCode)).one()
            assert row.sealed_message
            code = door.sealer.open(row.sealed_message)["code"]
        body = wanted | {"code": code, "name": NAME}
        heard.append(client.post("/api/v1/sessions", json=body | {"code": "000000x"}))
        heard.append(client.post("/api/v1/sessions", json=body))
        assert heard[-1].status_code == 201
        heard.append(send(headers=OWN, premises_address="中街路 1 号"))
        heard.append(client.post("/api/v1/me/personal-code", headers=OWN))
        for path in ("/api/v1/me", "/api/v1/me/devices", "/api/v1/me/consents"):
            heard.append(client.get(path))
        for path in ("/", "/me", "/me/code", "/me/leave", "/status"):
            heard.append(client.get(path, headers=BROWSER))
        heard.append(client.get("/metrics"))
        heard.append(client.delete("/api/v1/me", headers=OWN | {"Phone-Ending": "4321"}))
        assert heard[-1].status_code == 204
    said = "\n".join([*(answer.text for answer in heard), str(logs)])
    for secret in (PHONE, PHONE[3:], NAME, code):
        assert secret not in said
    # The station stands on the rider's own page and nowhere else.
    assert "太原街第七站" not in str(logs) + client.get("/metrics").text
    assert [entry for entry in logs if entry["event"] == "refused"]

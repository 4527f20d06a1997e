"""How a one-time code reaches a phone: an operator's SMS gateway, or the operator's console.

Codes are sent beside the request, on a thread of their own: how long the gateway takes
would else tell whether a phone is registered. One that is lost with the process is
simply asked for again.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import structlog
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from intake.identity.codes import ATTEMPTS, NewCode
from schemas.database import Database
from schemas.errors import Unavailable
from schemas.sealing import Sealer
from schemas.settings import Settings
from schemas.tables import SignInCode
from schemas.words import Words

log = structlog.get_logger()
TIMEOUT_S = 5.0
SENDERS = 2
TEXT = Words(
    "【随手拍】验证码 {code}，5 分钟内有效。请不要告诉任何人。",
    "Suishoupai: your code is {code}, good for five minutes. Tell it to nobody.",
)


class SmsGateway(Protocol):
    """Brings a code to its phone; raises Unavailable `sms-away` where it can't."""

    def send(self, code: NewCode, *, locale: str) -> None:
        """Send one code, in the language of whoever asked."""


class HttpGateway:
    """Posts JSON to the operator's address, signed as by the Standard Webhooks specification 1.0.

    The body has `phone`, `code` and `text`; `webhook-id` is the code's id, by which a
    gateway can tell a repeat.
    """

    def __init__(self, settings: Settings) -> None:
        self._url = settings.sms_gateway_url
        self._secret = settings.sms_gateway_secret
        # A loopback is never reached through a proxy that the environment may name.
        self._is_here = urlsplit(self._url).hostname in ("127.0.0.1", "::1", "localhost")

    def send(self, code: NewCode, *, locale: str) -> None:
        """Post the code; any answer but 2xx is a failure."""
        text = (TEXT.en if locale == "en" else TEXT.zh).format(code=code.code)
        body = json.dumps(
            {"phone": code.phone, "code": code.code, "text": text}, ensure_ascii=False
        ).encode()
        headers = signed_headers(
            self._secret, message_id=str(code.id), timestamp_s=int(time.time()), body=body
        )
        try:
            with httpx.Client(timeout=TIMEOUT_S, trust_env=not self._is_here) as client:
                client.post(self._url, content=body, headers=headers).raise_for_status()
        except httpx.HTTPError as error:
            # Neither address nor body goes into the log: only what kind of failure it was.
            raise Unavailable(
                "sms-away",
                Words("短信没有发出。", f"The SMS was not sent ({type(error).__name__})."),
            ) from None


class ConsoleGateway:
    """Seals the code beside its row, where `riders codes` and `up` show it to the operator."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database, self._sealer = database, sealer

    def send(self, code: NewCode, *, locale: str) -> None:
        """Keep the code for the console until it is used or expires."""
        sealed = self._sealer.seal({"phone": mask_phone(code.phone), "code": code.code})
        with self._database.writing() as session:
            session.execute(
                update(SignInCode).where(SignInCode.id == code.id).values(sealed_message=sealed)
            )


class Messenger:
    """Sends codes one after another beside the requests; what fails is counted and logged."""

    def __init__(self, gateway: SmsGateway, *, on_failure: Callable[[], None]) -> None:
        self._gateway = gateway
        self._on_failure = on_failure
        self._threads = ThreadPoolExecutor(SENDERS, thread_name_prefix="sms")
        self._under_way: set[Future[None]] = set()

    def send(self, code: NewCode, *, locale: str) -> None:
        """Take the code to be sent, and return at once."""
        taken = self._threads.submit(self._send, code, locale)
        self._under_way.add(taken)
        taken.add_done_callback(self._under_way.discard)

    def drain(self) -> None:
        """Return once everything that was taken is sent or has failed."""
        wait(set(self._under_way))

    def _send(self, code: NewCode, locale: str) -> None:
        try:
            self._gateway.send(code, locale=locale)
        except (Unavailable, DBAPIError) as error:
            reason = error.code if isinstance(error, Unavailable) else "database-away"
            log.warning("sms_not_sent", reason=reason)
            self._on_failure()


def make_gateway(settings: Settings, database: Database, sealer: Sealer) -> SmsGateway:
    """Return the gateway that the settings name."""
    if settings.sms_gateway_url:
        return HttpGateway(settings)
    return ConsoleGateway(database, sealer)


@dataclass(frozen=True)
class ShownCode:
    """A code as the operator's console shows it, its phone masked."""

    id: UUID
    phone: str
    code: str
    expires_at: datetime


def codes_to_show(session: Session, *, sealer: Sealer, now: datetime) -> Iterator[ShownCode]:
    """Give the codes that are good and wait on the console, the oldest first."""
    for row in session.scalars(
        select(SignInCode)
        .where(
            SignInCode.sealed_message.is_not(None),
            SignInCode.used_at.is_(None),
            SignInCode.expires_at > now,
            SignInCode.attempts < ATTEMPTS,
        )
        .order_by(SignInCode.asked_at)
    ):
        opened = sealer.open(row.sealed_message or b"")
        yield ShownCode(row.id, opened["phone"], opened["code"], row.expires_at)


def mask_phone(phone: str) -> str:
    """Return a phone by which its owner knows it and nobody else: 138****1111."""
    return f"{phone[:3]}****{phone[-4:]}"


def signed_headers(
    secret: str, *, message_id: str, timestamp_s: int, body: bytes
) -> dict[str, str]:
    """Return the headers of a signed message (Standard Webhooks 1.0, scheme `v1`).

    The signature is HMAC-SHA256, base64, over id, timestamp and body joined by dots.
    """
    signed = b".".join((message_id.encode(), str(timestamp_s).encode(), body))
    mac = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }

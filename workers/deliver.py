"""Carries notices out of the house: Web Push to browsers, a signed webhook to a gateway.

At least once, under the same id on every attempt: a delivery is lent to one clock for a
while, sent without any transaction open, and its outcome written afterwards. A clock
killed in between leaves it lent, and it goes out again when that time is over.
"""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session
from standardwebhooks.webhooks import Webhook

from intake.notices import PUSH, WEBHOOK, still_wakes
from intake.subscriptions import (
    FAILED,
    GONE,
    SENT,
    is_push_service,
    let_go,
    opened_keys,
)
from schemas.database import now_utc
from schemas.errors import ConfigurationError
from schemas.sealing import Sealer
from schemas.settings import Settings
from schemas.tables import Delivery, MessengerLink, PushSubscription
from schemas.vapid import authorization
from schemas.words import Words
from workers.machine import Machine
from workers.webpush import encrypt

log = structlog.get_logger()

# The pace that the Standard Webhooks specification recommends; the last wait repeats.
BACKOFF = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
# News that is older than this is found by whoever opens the app.
MOST_AGE = timedelta(days=3)
# Longer than any attempt can take, so that nobody else takes up what is under way.
LENT_FOR = timedelta(minutes=5)
# When a server does not answer at all, the rest that is meant for it waits this long.
AWAY_FOR = timedelta(minutes=1)
BATCH = 20
# After so many the clock looks whether it is to stop.
MOST_BATCHES = 5
# How long it can be looked up what became of a delivery.
KEPT_FOR = timedelta(days=90)
UNUSABLE = "address-unusable"
TIMEOUT = httpx.Timeout(10, connect=5)
PUSH_TTL_S = 86_400
# All that a gateway or a phone is told, whatever the news: not how a tip stands, nor that
# somebody is a supervisor and was asked to visit shops.
NEWS = Words("随手拍有给您的新消息，请打开查看。", "There is news for you: open Suishoupai.")


@dataclass(frozen=True)
class Message:
    """One delivery as an HTTP request, made while the database was read."""

    delivery_id: UUID
    channel: str
    target_id: UUID
    url: str
    headers: dict[str, str]
    body: bytes

    @property
    def server(self) -> str:
        """Whom it goes to."""
        return urlsplit(self.url).netloc


@dataclass(frozen=True)
class Reply:
    """How an attempt went: a status, or why there was none; `retry_after` by the other side."""

    status: int | None = None
    error: str = ""
    retry_after: timedelta | None = None

    @property
    def is_taken(self) -> bool:
        """Whether the other side has it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_silence(self) -> bool:
        """Whether the server itself does not answer, whatever it is sent."""
        return self.status is None and self.error != UNUSABLE

    @property
    def code(self) -> str:
        """A short code for what went wrong."""
        return f"status-{self.status}" if self.status is not None else self.error


def deliver(machine: Machine, *, now: datetime | None = None) -> Counter[str]:
    """Send whatever is due; return how many were sent, gone, failed or put off."""
    sealer, done = Sealer(machine.settings), Counter[str]()
    if not _has_work(machine, now or now_utc()):
        return done
    give_up_old(machine, now=now or now_utc())
    away: set[str] = set()
    gone: set[UUID] = set()
    with httpx.Client(timeout=TIMEOUT, follow_redirects=False, trust_env=False) as client:
        for _ in range(MOST_BATCHES):
            for message in _lend(machine, sealer, now or now_utc(), done):
                # Whoever was let go a moment ago took the rest of theirs along.
                if message.target_id in gone:
                    done[GONE] += 1
                    continue
                if message.server in away:
                    _put_off(machine, message, now or now_utc())
                    done["later"] += 1
                    continue
                reply = _send(client, message)
                if reply.is_silence:
                    away.add(message.server)
                outcome = _write_down(machine, message, reply, now or now_utc())
                if outcome == GONE:
                    gone.add(message.target_id)
                done[outcome] += 1
    if done:
        log.info("notices_delivered", **done)
    return done


def _has_work(machine: Machine, now: datetime) -> bool:
    """Look, without any lock, whether something is due or too old."""
    is_due = (Delivery.due_at <= now) & Delivery.channel.in_(_channels(machine.settings))
    is_old = Delivery.due_at.is_not(None) & (Delivery.created_at < now - MOST_AGE)
    with machine.database.reading() as session:
        return session.scalar(select(Delivery.id).where(is_due | is_old).limit(1)) is not None


def give_up_old(machine: Machine, *, now: datetime) -> None:
    """Stop trying what is too old; it stays visible as failed."""
    with machine.database.writing() as session:
        old = session.execute(
            update(Delivery)
            .where(Delivery.due_at.is_not(None), Delivery.created_at < now - MOST_AGE)
            .values(due_at=None, outcome=FAILED, ended_at=now)
            .returning(Delivery.id)
        ).all()
    if old:
        log.error("notices_given_up", deliveries=len(old))


def forget_old(machine: Machine, *, now: datetime) -> None:
    """Remove what was over long ago."""
    with machine.database.writing() as session:
        session.execute(delete(Delivery).where(Delivery.ended_at < now - KEPT_FOR))


def _lend(machine: Machine, sealer: Sealer, now: datetime, done: Counter[str]) -> list[Message]:
    """Take the next that are due and make them into requests; those for nobody are over."""
    while True:
        with machine.database.writing() as session:
            due = session.scalars(
                select(Delivery)
                .where(
                    Delivery.due_at <= now,
                    Delivery.channel.in_(_channels(machine.settings)),
                )
                .order_by(Delivery.due_at)
                .limit(BATCH)
                .with_for_update(skip_locked=True)
            ).all()
            messages = []
            for row in due:
                try:
                    message = _message(session, row, machine.settings, sealer, now)
                except ConfigurationError as error:
                    # Sealed with a key that is missing; the others' news does not wait for it.
                    done[_later(row, error.code, now)] += 1
                    continue
                if message:
                    messages.append(message)
                    row.due_at = now + LENT_FOR
                else:
                    row.due_at, row.outcome, row.ended_at = None, GONE, now
                    done[GONE] += 1
        if messages or not due:
            return messages


def _channels(settings: Settings) -> list[str]:
    """Return the ways out that the operator has set up."""
    ways = {PUSH: settings.vapid_private_key, WEBHOOK: settings.webhook_url}
    return [channel for channel, is_set_up in ways.items() if is_set_up]


def _message(
    session: Session, row: Delivery, settings: Settings, sealer: Sealer, now: datetime
) -> Message | None:
    if not still_wakes(session, notice_id=row.notice_id, now=now):
        return None
    make = _push if row.channel == PUSH else _webhook
    return make(session, row, settings, sealer, now)


def _push(
    session: Session, row: Delivery, settings: Settings, sealer: Sealer, now: datetime
) -> Message | None:
    subscription = session.get(PushSubscription, row.target_id)
    if subscription is None:
        return None
    keys = opened_keys(sealer.open(subscription.sealed_subscription))
    # Whom the operator no longer names is no longer called.
    if not is_push_service(keys.endpoint, settings):
        return None
    content = json.dumps({"type": "news", "id": str(row.id)}).encode()
    return Message(
        delivery_id=row.id,
        channel=PUSH,
        target_id=row.target_id,
        url=keys.endpoint,
        headers={
            "Authorization": authorization(
                keys.endpoint,
                private_key=settings.vapid_private_key,
                subject=settings.vapid_subject,
                now=now,
            ),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(PUSH_TTL_S),
            "Urgency": "normal",
            # What was not fetched yet is replaced: of two attempts a phone shows one.
            "Topic": row.id.hex,
        },
        body=encrypt(content, p256dh=keys.p256dh, auth=keys.auth),
    )


def _webhook(
    session: Session, row: Delivery, settings: Settings, sealer: Sealer, now: datetime
) -> Message | None:
    link = session.get(MessengerLink, row.target_id)
    if link is None:
        return None
    content = {
        "type": "notice.created",
        # When it happened, not when it was tried, so that every attempt is the same.
        "timestamp": row.created_at.isoformat(),
        "data": {
            "recipient": sealer.open(link.sealed_recipient),
            "text": {"zh": NEWS.zh, "en": NEWS.en},
        },
    }
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Message(
        delivery_id=row.id,
        channel=WEBHOOK,
        target_id=row.target_id,
        url=settings.webhook_url,
        headers={
            "Content-Type": "application/json",
            "webhook-id": str(row.id),
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(settings.webhook_secret).sign(str(row.id), now, body),
        },
        body=body.encode(),
    )


def _send(client: httpx.Client, message: Message) -> Reply:
    """Send it and return how that went; the answer's body is nobody's to read."""
    try:
        with client.stream(
            "POST", message.url, headers=message.headers, content=message.body
        ) as response:
            return Reply(response.status_code, retry_after=_retry_after(response))
    except httpx.TimeoutException:
        return Reply(error="timeout")
    except httpx.HTTPError:
        return Reply(error="unreachable")
    except (httpx.InvalidURL, ValueError):
        # Of a name or an address that can't be written out; nobody else's news waits for it.
        return Reply(error=UNUSABLE)


def _retry_after(response: httpx.Response) -> timedelta | None:
    """Return for how long the other side asks to be left alone (RFC 9110 section 10.2.3)."""
    text = response.headers.get("Retry-After", "")
    try:
        if text.isascii() and text.isdigit():
            wait = timedelta(seconds=int(text[:9]))
        else:
            wait = parsedate_to_datetime(text) - now_utc()
    except (TypeError, ValueError):
        return None
    return min(max(wait, timedelta()), BACKOFF[-1])


def _put_off(machine: Machine, message: Message, now: datetime) -> None:
    """Give back what was not tried, since its server did not answer a moment ago."""
    with machine.database.writing() as session:
        session.execute(
            update(Delivery)
            .where(Delivery.id == message.delivery_id, Delivery.due_at.is_not(None))
            .values(due_at=now + AWAY_FOR)
        )


def _write_down(machine: Machine, message: Message, reply: Reply, now: datetime) -> str:
    """Write an attempt's outcome and return it: sent, gone or later."""
    with machine.database.writing() as session:
        row = session.get_one(Delivery, message.delivery_id, with_for_update=True)
        if reply.is_taken:
            row.attempts += 1
            row.due_at, row.outcome, row.ended_at = None, SENT, now
            row.last_error = None
            return SENT
        if message.channel == PUSH and reply.status in (404, 410):
            # The browser has unsubscribed (RFC 8030 section 7.3).
            row.attempts += 1
            row.last_error = reply.code
            session.flush()
            let_go(session, subscription_id=message.target_id, now=now)
            return GONE
        return _later(row, reply.code, now, reply.retry_after or timedelta())


def _later(row: Delivery, reason: str, now: datetime, at_least: timedelta = timedelta()) -> str:
    """Count an attempt that failed and say when the next one is due."""
    row.attempts += 1
    row.last_error = reason
    # What was given up meanwhile is not taken up again.
    if row.due_at is not None:
        row.due_at = now + max(BACKOFF[min(row.attempts, len(BACKOFF)) - 1], at_least)
    log.warning(
        "notice_not_delivered",
        delivery=str(row.id),
        channel=row.channel,
        attempts=row.attempts,
        reason=reason,
    )
    return "later"

"""Sends published issues of the bulletin to their subscribers: by mail, or to a program.

On the Monday after its week at eight, or when it is signed after that; one delivery for
each subscriber and issue, tried again until it is taken or too old. A draft never goes out.
"""

import json
import smtplib
import ssl
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit
from uuid import UUID

import httpx
import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session
from standardwebhooks.webhooks import Webhook

from intake.bulletins.choropleth import map_of
from intake.bulletins.editions import TYPES, Edition, Format, as_document, edition_of
from intake.bulletins.figures import figure
from intake.bulletins.print import as_pdf
from intake.bulletins.subscribers import Channel, channels, first_sending, is_allowed_host
from intake.bulletins.workbook import as_xlsx
from intake.fonts import find_chinese_font
from intake.inserting import insert_if_new
from schemas.bulletins.definitions import HEADLINES, INDICATORS
from schemas.database import new_id, now_utc
from schemas.divisions import full_name
from schemas.errors import ConfigurationError
from schemas.outlines import Outlines
from schemas.sealing import Sealer
from schemas.settings import Settings
from schemas.tables import BulletinDelivery, BulletinIssue, BulletinSubscriber
from schemas.weeks import read_week
from schemas.workdays import local_date
from workers.machine import Machine

log = structlog.get_logger()

BACKOFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360))
MOST_AGE = timedelta(days=5)
# Longer than an attempt takes, so that nobody else takes up what is under way.
LENT_FOR = timedelta(minutes=10)
# Issues signed longer ago than this are no news for a subscriber.
NEWS_FOR = timedelta(days=30)
TIMEOUT_S = 30
BATCH = 10
SENT, FAILED, GONE = "sent", "failed", "gone"


@dataclass(frozen=True, slots=True)
class Parcel:
    """One issue for one subscriber."""

    delivery_id: UUID
    channel: str
    address: str
    is_internal: bool
    edition: Edition
    public_document: str


def send_bulletins(machine: Machine, *, now: datetime | None = None) -> Counter[str]:
    """Send what is due; return how many were sent, put off, gone or failed."""
    moment, done = now or now_utc(), Counter[str]()
    ways = channels(machine.settings)
    if not ways:
        return done
    with machine.database.writing() as session:
        plan(session, now=moment)
    for parcel in _lend(machine, [way.value for way in ways], moment, done):
        done[_write_down(machine, parcel, _sent(machine, parcel, moment), moment)] += 1
    if done:
        log.info("bulletins_sent", **done)
    return done


def plan(session: Session, *, now: datetime) -> int:
    """Write down which issue goes to whom and when; return how many are new."""
    rows = session.execute(
        select(BulletinSubscriber.id, BulletinIssue.id, BulletinIssue.week)
        .join(BulletinIssue, BulletinIssue.scope_code == BulletinSubscriber.scope_code)
        .where(
            BulletinSubscriber.ended_at.is_(None),
            BulletinIssue.published_at >= BulletinSubscriber.created_at,
            BulletinIssue.published_at > now - NEWS_FOR,
            ~select(BulletinDelivery.id)
            .where(
                BulletinDelivery.subscriber_id == BulletinSubscriber.id,
                BulletinDelivery.issue_id == BulletinIssue.id,
            )
            .exists(),
        )
    ).all()
    wanted = [
        {
            "id": new_id(),
            "subscriber_id": subscriber,
            "issue_id": issue,
            "attempts": 0,
            "created_at": now,
            "due_at": max(now, first_sending(read_week(week))),
        }
        for subscriber, issue, week in rows
    ]
    # Two clocks may plan at the same moment: the database lets one row stand.
    return len(
        insert_if_new(session, BulletinDelivery, wanted, conflict=("subscriber_id", "issue_id"))
    )


def _lend(machine: Machine, ways: list[str], now: datetime, done: Counter[str]) -> list[Parcel]:
    """Take what is due; nothing of it is held while others' servers are waited for."""
    sealer, parcels = Sealer(machine.settings), []
    with machine.database.writing() as session:
        due = session.execute(
            select(BulletinDelivery, BulletinSubscriber, BulletinIssue)
            .join(BulletinSubscriber, BulletinSubscriber.id == BulletinDelivery.subscriber_id)
            .join(BulletinIssue, BulletinIssue.id == BulletinDelivery.issue_id)
            .where(BulletinDelivery.due_at <= now, BulletinSubscriber.channel.in_(ways))
            .order_by(BulletinDelivery.due_at)
            .limit(BATCH)
            .with_for_update(skip_locked=True, of=BulletinDelivery)
        )
        for delivery, subscriber, issue in due.all():
            if subscriber.ended_at is not None:
                delivery.due_at, delivery.outcome, delivery.ended_at = None, GONE, now
                done[GONE] += 1
                continue
            try:
                address = str(sealer.open(subscriber.sealed_address))
            except ConfigurationError as error:
                # Sealed with a key that is missing; the others do not wait for it.
                done[_later(delivery, error.code, now)] += 1
                continue
            delivery.due_at = now + LENT_FOR
            parcels.append(
                Parcel(
                    delivery.id, subscriber.channel, address, subscriber.is_internal,
                    edition_of(issue), issue.public_document,
                )
            )  # fmt: skip
            # One issue may go to several; it is read on after the session is closed.
            if issue in session:
                session.expunge(issue)
    return parcels


def _sent(machine: Machine, parcel: Parcel, now: datetime) -> str:
    """Send it and return what went wrong, empty if nothing did."""
    try:
        if parcel.channel != Channel.MAIL:
            return _post(machine.settings, parcel, now)
        _mail(machine, parcel, now)
    except (OSError, httpx.HTTPError, httpx.InvalidURL, ConfigurationError) as error:
        # What smtplib raises is an OSError, too.
        return _reason(error)
    return ""


def _reason(error: Exception) -> str:
    """Return a short code for what went wrong."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "recipient-refused"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"smtp-{error.smtp_code}"
    if isinstance(error, ConfigurationError):
        return error.code[:40]
    return "timeout" if isinstance(error, httpx.TimeoutException | TimeoutError) else "unreachable"


def _post(settings: Settings, parcel: Parcel, now: datetime) -> str:
    # Whom the operator no longer names is no longer sent anything.
    if not is_allowed_host(parcel.address, settings):
        return "host-not-allowed"
    issue = parcel.edition.issue
    document = (
        as_document(parcel.edition) if parcel.is_internal else json.loads(parcel.public_document)
    )
    content = {
        "type": "bulletin.published",
        "timestamp": issue.published_at.isoformat() if issue else None,
        "data": {"number": parcel.edition.name, "document": document},
    }
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    key = str(parcel.delivery_id)
    answer = httpx.post(
        parcel.address,
        content=body.encode(),
        headers={
            "Content-Type": "application/json",
            "webhook-id": key,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(settings.bulletin_secret).sign(key, now, body),
        },
        timeout=TIMEOUT_S,
        follow_redirects=False,
        trust_env=False,
    )
    return "" if answer.is_success else f"status-{answer.status_code}"


def _mail(machine: Machine, parcel: Parcel, now: datetime) -> None:
    message = _message(machine, parcel, now)
    parts = urlsplit(machine.settings.smtp_url)
    host, context = parts.hostname or "", ssl.create_default_context()
    made: smtplib.SMTP = (
        smtplib.SMTP_SSL(host, parts.port or 465, timeout=TIMEOUT_S, context=context)
        if parts.scheme == "smtps"
        else smtplib.SMTP(host, parts.port or 587, timeout=TIMEOUT_S)
    )
    with made as server:
        if parts.scheme == "smtp+starttls":
            server.starttls(context=context)
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(message)


def _message(machine: Machine, parcel: Parcel, now: datetime) -> EmailMessage:
    """Return the mail: headline figures in words, the issue attached."""
    found, name = parcel.edition.bulletin, parcel.edition.name
    area = full_name(found.scope)
    message = EmailMessage()
    message["Subject"] = f"{area}“随手拍”周报 {found.week.name}（{name}）"
    message["From"], message["To"] = machine.settings.mail_from, parcel.address
    message["Date"] = format_datetime(now)
    # The same on every attempt, so that a mailbox can tell a second copy.
    domain = machine.settings.mail_from.rpartition("@")[2].rstrip(">")
    message["Message-ID"] = f"<{parcel.delivery_id}@{domain}>"
    public = json.loads(parcel.public_document)
    totals = found.totals if parcel.is_internal else public["totals"]
    lines = [
        f"{INDICATORS[key].words.zh}：{figure(key, totals[key]) if key in totals else '不公布'}"
        for key in HEADLINES
    ]
    message.set_content(
        f"{area}“随手拍”周报，{found.week.monday} 至 {found.week.sunday}。\n\n"
        + "\n".join(lines)
        + "\n\n每个数字怎么算，见附件。办结不等于停业。\n"
    )
    if parcel.is_internal:
        _attach(message, machine, parcel, now)
    else:
        text = json.dumps(public, ensure_ascii=False, indent=1)
        message.add_attachment(text.encode(), "application", "json", filename=f"{name}.json")
    return message


def _attach(message: EmailMessage, machine: Machine, parcel: Parcel, now: datetime) -> None:
    found, name = parcel.edition.bulletin, parcel.edition.name
    with machine.database.reading() as session:
        drawn = map_of(session, outlines=Outlines(), bulletin=found, on=local_date(now))
    files = {
        Format.PDF: as_pdf(
            parcel.edition, map_of_areas=drawn, font=find_chinese_font(), locale="zh"
        ),
        Format.XLSX: as_xlsx(parcel.edition, locale="zh"),
    }
    for kind, data in files.items():
        main, _, sub = TYPES[kind].partition("/")
        message.add_attachment(data, main, sub, filename=f"{name}.{kind.value}")


def _write_down(machine: Machine, parcel: Parcel, error: str, now: datetime) -> str:
    with machine.database.writing() as session:
        row = session.get_one(BulletinDelivery, parcel.delivery_id, with_for_update=True)
        if not error:
            row.attempts += 1
            row.due_at, row.outcome, row.ended_at, row.last_error = None, SENT, now, None
            return SENT
        return _later(row, error, now)


def _later(row: BulletinDelivery, reason: str, now: datetime) -> str:
    """Count an attempt that failed: it is tried again, or given up where it is too old."""
    row.attempts += 1
    row.last_error = reason
    is_over = now - row.created_at > MOST_AGE
    row.due_at = None if is_over else now + BACKOFF[min(row.attempts, len(BACKOFF)) - 1]
    if is_over:
        row.outcome, row.ended_at = FAILED, now
    log.warning(
        "bulletin_not_delivered", delivery=str(row.id), attempts=row.attempts, reason=reason
    )
    return FAILED if is_over else "later"

"""Who is sent the bulletin: added and let go by the statistician, sent to by the clock."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from schemas import audit
from schemas.database import new_id
from schemas.errors import InvalidInput
from schemas.sealing import Sealer
from schemas.settings import Settings
from schemas.tables import BulletinDelivery, BulletinIssue, BulletinSubscriber
from schemas.weeks import Week, week_of
from schemas.words import Words

# On Monday at this hour of Shanghai an issue goes out, or when it is signed after that.
SENT_AT = timedelta(hours=8)
NOTED_FOR = timedelta(days=14)
ATTEMPTS_TO_NOTE = 3
_LONGEST = 200
_MAILBOX = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,120}\.?[A-Za-z0-9]{1,63}")


class Channel(StrEnum):
    """How a subscriber is reached."""

    MAIL = "mail"
    WEBHOOK = "webhook"


CHANNEL_NAMES = {
    Channel.MAIL: Words("电子邮件", "Mail"),
    Channel.WEBHOOK: Words("系统接口（webhook）", "Webhook"),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """A subscriber with their address and how the last delivery to them stands."""

    row: BulletinSubscriber
    address: str
    last: BulletinDelivery | None


def channels(settings: Settings) -> tuple[Channel, ...]:
    """Return the ways out that the operator has set up."""
    ways = {Channel.MAIL: settings.smtp_url, Channel.WEBHOOK: settings.bulletin_hosts}
    return tuple(channel for channel, is_set_up in ways.items() if is_set_up)


def subscribe(
    session: Session,
    *,
    settings: Settings,
    scope: str,
    channel: str,
    name: str,
    address: str,
    is_internal: bool,
    staff_id: UUID,
    now: datetime,
) -> BulletinSubscriber:
    """Add a subscriber of an area's bulletin, audited.

    Raises InvalidInput `subscriber-name-missing`, `channel-not-set-up`, `address-invalid`.
    """
    name, address = name.strip()[:80], address.strip()
    if not name:
        raise InvalidInput(
            "subscriber-name-missing",
            Words("请写明收件人是谁。", "Say who the subscriber is."),
            field="name",
        )
    if channel not in channels(settings):
        raise InvalidInput(
            "channel-not-set-up",
            Words(
                "这种发送方式还没有开通，请联系运维。", "This way is not set up: ask the operator."
            ),
            field="channel",
        )
    if not _is_usable(Channel(channel), address, settings):
        raise InvalidInput(
            "address-invalid",
            Words(
                "地址不能用：邮箱写成 name@example.cn；接口地址用 https，"
                "主机须在 BULLETIN_HOSTS 中。",
                "This address can't be used: a mailbox like name@example.cn, or an https address "
                "whose host is in BULLETIN_HOSTS.",
            ),
            field="address",
        )
    row = BulletinSubscriber(
        id=new_id(),
        scope_code=scope,
        channel=channel,
        name=name,
        sealed_address=Sealer(settings).seal(address),
        is_internal=is_internal,
        created_at=now,
        created_by=staff_id,
    )
    session.add(row)
    session.flush()
    _note(session, row, "bulletin_subscriber_added", staff_id)
    return row


def unsubscribe(
    session: Session, *, row: BulletinSubscriber, staff_id: UUID, now: datetime
) -> None:
    """Let a subscriber go, audited; what is under way to them ends."""
    if row.ended_at is None:
        row.ended_at = now
        _note(session, row, "bulletin_subscriber_ended", staff_id)


def is_allowed_host(address: str, settings: Settings) -> bool:
    """Whether a program's address lies on a host that the operator names."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    is_here = parts.scheme == "http" and host in ("127.0.0.1", "localhost")
    return (parts.scheme == "https" or is_here) and host in settings.bulletin_hosts


def standings(session: Session, *, settings: Settings, scope: str) -> list[Standing]:
    """Return an area's subscribers that were not let go, each with the last delivery."""
    sealer, found = Sealer(settings), []
    rows = session.scalars(
        select(BulletinSubscriber)
        .where(BulletinSubscriber.scope_code == scope, BulletinSubscriber.ended_at.is_(None))
        .order_by(BulletinSubscriber.created_at)
    )
    for row in rows.all():
        last = session.scalars(
            select(BulletinDelivery)
            .where(BulletinDelivery.subscriber_id == row.id)
            .order_by(BulletinDelivery.created_at.desc(), BulletinDelivery.id.desc())
            .limit(1)
        ).one_or_none()
        found.append(Standing(row, str(sealer.open(row.sealed_address)), last))
    return found


def first_sending(week: Week) -> datetime:
    """Return when a week's issue goes out at the earliest: the Monday after, at eight."""
    return week.ends_at + SENT_AT


def undelivered(session: Session, *, now: datetime) -> int:
    """Count issues that lately failed for good, or were tried several times in vain."""
    return (
        session.scalar(
            select(func.count())
            .select_from(BulletinDelivery)
            .where(
                or_(
                    and_(
                        BulletinDelivery.outcome == "failed",
                        BulletinDelivery.ended_at > now - NOTED_FOR,
                    ),
                    and_(
                        BulletinDelivery.due_at.is_not(None),
                        BulletinDelivery.attempts >= ATTEMPTS_TO_NOTE,
                    ),
                )
            )
        )
        or 0
    )


def unsigned(session: Session, *, now: datetime) -> Sequence[str]:
    """Return the areas whose subscribers wait for last week's issue that nobody has signed."""
    last = week_of(now).after(-1)
    if now < first_sending(last):
        return []
    signed = select(BulletinIssue.scope_code).where(BulletinIssue.week == last.name)
    return session.scalars(
        select(BulletinSubscriber.scope_code)
        .where(
            BulletinSubscriber.ended_at.is_(None),
            BulletinSubscriber.created_at < last.ends_at,
            BulletinSubscriber.scope_code.not_in(signed),
        )
        .distinct()
    ).all()


def _is_usable(channel: Channel, address: str, settings: Settings) -> bool:
    if len(address) > _LONGEST:
        return False
    if channel is Channel.MAIL:
        return _MAILBOX.fullmatch(address) is not None
    try:
        return is_allowed_host(address, settings)
    except ValueError:
        return False


def _note(session: Session, row: BulletinSubscriber, action: str, staff_id: UUID) -> None:
    after: dict[str, Any] = {
        "scope": row.scope_code, "channel": row.channel, "name": row.name,
        "is_internal": row.is_internal,
    }  # fmt: skip
    audit.record(
        session,
        actor=audit.Actor("staff", staff_id),
        action=action,
        subject=("bulletin_subscriber", row.id),
        after=after,
    )

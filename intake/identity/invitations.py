"""Invitations: a QR at a station by which riders register themselves, so many and so long."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from intake.riders.registering import check_cell
from schemas import audit
from schemas.errors import InvalidInput, NotFound
from schemas.sealing import new_token, token_hash
from schemas.tables import Invitation
from schemas.words import Words

PREFIX = "join"
MAX_DAYS, MAX_RIDERS = 90, 5000


@dataclass(frozen=True)
class Welcome:
    """What an invitation that still stands says: whose station it is for."""

    id: UUID
    platform: str
    station: str


def make_invitation(
    session: Session,
    *,
    platform: str,
    station: str,
    days: int,
    riders: int,
    now: datetime,
    actor: audit.Actor = audit.OPERATOR,
) -> tuple[Invitation, str]:
    """Make an invitation for `days` and so many `riders`; its token is shown once.

    Raises InvalidInput `rider-field-missing`, `rider-field-invalid` or `number-out-of-range`.
    """
    for value, limit, zh, en in (
        (days, MAX_DAYS, "天数", "days"),
        (riders, MAX_RIDERS, "人数", "riders"),
    ):
        if not 1 <= value <= limit:
            raise InvalidInput(
                "number-out-of-range",
                Words(f"{zh}应在 1 到 {limit} 之间。", f"Give 1 to {limit} {en}."),
                field=en,
            )
    token = new_token(PREFIX)
    invitation = Invitation(
        token_hash=token_hash(token),
        platform=check_cell("platform", platform, needed=True),
        station=check_cell("station", station, needed=True),
        made_at=now,
        expires_at=now + timedelta(days=days),
        allowed=riders,
    )
    session.add(invitation)
    session.flush()
    audit.record(
        session,
        actor=actor,
        action="invitation_made",
        subject=("invitation", invitation.id),
        after={"days": days, "riders": riders},
    )
    return invitation, token


def find_invitation(session: Session, *, token: str, now: datetime) -> Welcome:
    """Return what an invitation says; raises NotFound `invitation-over` for one that ended.

    Which it was, unknown, ended, too old or used up, is not told.
    """
    row = session.scalars(
        select(Invitation).where(
            Invitation.token_hash == token_hash(token),
            Invitation.ended_at.is_(None),
            Invitation.expires_at > now,
            Invitation.used < Invitation.allowed,
        )
    ).one_or_none()
    if row is None:
        raise invitation_over()
    return Welcome(row.id, row.platform, row.station)


def use_invitation(session: Session, *, invitation_id: UUID) -> bool:
    """Count one registration; False when somebody else was the last that it allows."""
    used = session.execute(
        update(Invitation)
        .where(Invitation.id == invitation_id, Invitation.used < Invitation.allowed)
        .values(used=Invitation.used + 1)
        .returning(Invitation.id)
    )
    return used.one_or_none() is not None


def end_invitation(
    session: Session,
    *,
    invitation_id: UUID,
    now: datetime,
    actor: audit.Actor = audit.OPERATOR,
) -> None:
    """End an invitation; raises NotFound `invitation-over` for one that is not there."""
    row = session.get(Invitation, invitation_id, with_for_update=True)
    if row is None or row.ended_at:
        raise invitation_over()
    row.ended_at = now
    audit.record(
        session,
        actor=actor,
        action="invitation_ended",
        subject=("invitation", invitation_id),
    )


def invitation_over() -> NotFound:
    """Return the refusal of an invitation that is none, or none any more."""
    return NotFound(
        "invitation-over",
        Words(
            "这个邀请码已经失效。请向站点要一个新的；登记过的骑手可以直接用手机号登录。",
            "This invitation is no longer good: ask the station for a new one. Riders who are "
            "registered sign in with their phone.",
        ),
    )

"""Invitations of riders that a unit makes for its own area: a QR to hang up at a station.

What is counted is how many joined; nobody learns who (docs/decisions/2026-11-22-riders.md).
Those that the operator makes by command belong to no unit and are not among them.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from intake.doorway import not_found
from intake.identity.invitations import end_invitation, make_invitation
from review_ui.access.scope import unit_by_text
from review_ui.access.staff import SignedIn
from schemas import audit
from schemas.access import Right
from schemas.errors import Conflict, NotFound
from schemas.sealing import Sealer
from schemas.tables import Invitation, Staff, Unit
from schemas.units import below
from schemas.words import Words

SHOWN = 200


@dataclass(frozen=True)
class Poster:
    """An invitation as the room shows it."""

    row: Invitation
    unit: Unit
    made_by: str
    stands: bool


def invitations_of(session: Session, *, staff: SignedIn, now: datetime) -> list[Poster]:
    """Return the invitations of the person's trees: what stands first, then the newest."""
    rows = session.execute(
        select(Invitation, Unit, Staff.name)
        .join(Unit, Unit.id == Invitation.unit_id)
        .join(Staff, Staff.id == Invitation.made_by)
        .where(_within(staff))
        .order_by(Invitation.made_at.desc())
        .limit(SHOWN)
    )
    posters = [Poster(row, unit, name, stands(row, now=now)) for row, unit, name in rows]
    return sorted(posters, key=lambda each: not each.stands)


def find_poster(session: Session, *, invitation_id: UUID, staff: SignedIn, now: datetime) -> Poster:
    """Return an invitation of the person's trees; raises NotFound for any other."""
    found = session.execute(
        select(Invitation, Unit, Staff.name)
        .join(Unit, Unit.id == Invitation.unit_id)
        .join(Staff, Staff.id == Invitation.made_by)
        .where(Invitation.id == invitation_id, _within(staff))
    ).one_or_none()
    if found is None:
        raise not_found()
    row, unit, name = found
    return Poster(row, unit, name, stands(row, now=now))


def stands(row: Invitation, *, now: datetime) -> bool:
    """Whether riders can still register by an invitation."""
    return row.ended_at is None and row.expires_at > now and row.used < row.allowed


def join_address(
    session: Session, *, sealer: Sealer, poster: Poster, origin: str, staff: SignedIn
) -> str:
    """Return the address that a poster's QR leads to, and note who looked.

    Empty for one that is good no longer: nothing is hung up that leads nowhere.
    """
    if not poster.stands or poster.row.sealed_token is None:
        return ""
    audit.record(
        session,
        actor=audit.Actor("staff", staff.staff_id),
        action="invitation_shown",
        subject=("invitation", poster.row.id),
    )
    return f"{origin}/join/{sealer.open(poster.row.sealed_token)}"


def invite(
    session: Session,
    *,
    sealer: Sealer,
    staff: SignedIn,
    unit: str,
    platform: str,
    station: str,
    days: int,
    riders: int,
    now: datetime,
) -> Invitation:
    """Make an invitation for a unit of the person's trees.

    Raises InvalidInput `unit-unknown`, `unit-ambiguous`, `rider-field-missing`,
    `rider-field-invalid` or `number-out-of-range`.
    """
    found = unit_by_text(session, paths=staff.paths(Right.INVITE_RIDERS), text=unit)
    row, token = make_invitation(
        session,
        platform=platform,
        station=station,
        days=days,
        riders=riders,
        now=now,
        actor=audit.Actor("staff", staff.staff_id),
    )
    row.unit_id, row.made_by, row.sealed_token = found.id, staff.staff_id, sealer.seal(token)
    session.flush()
    return row


def take_down(
    session: Session, *, invitation_id: UUID, staff: SignedIn, now: datetime
) -> Invitation:
    """End an invitation of the person's trees; raises NotFound, Conflict `invitation-ended`."""
    poster = find_poster(session, invitation_id=invitation_id, staff=staff, now=now)
    try:
        end_invitation(
            session,
            invitation_id=invitation_id,
            now=now,
            actor=audit.Actor("staff", staff.staff_id),
        )
    except NotFound:
        raise Conflict(
            "invitation-ended",
            Words("这个邀请码已经停用。", "This invitation was ended before."),
        ) from None
    poster.row.ended_by = staff.staff_id
    # Nothing has to be shown again.
    poster.row.sealed_token = None
    session.flush()
    return poster.row


def _within(staff: SignedIn) -> ColumnElement[bool]:
    return below(Invitation.unit_id, staff.paths(Right.INVITE_RIDERS))

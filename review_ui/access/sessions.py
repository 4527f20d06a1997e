"""Sessions of browsers, kept on the server.

The cookie is random and means nothing by itself; the database holds its hash, so
that every session can be ended from here at any moment.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from review_ui.access.staff import SignedIn, signed_in_as
from schemas import audit
from schemas.sealing import new_token, token_hash
from schemas.tables import Staff, StaffSession

WHOLE_LIMIT = timedelta(days=7)
# How long the second question may stand open after the password.
WAITING_LIMIT = timedelta(minutes=10)
# A glance now and then is enough to know that a session is in use; writing at each
# page would make every reader a writer.
SEEN_EVERY = timedelta(minutes=1)


class Awaits(StrEnum):
    """What a session still asks for after the password, before it opens anything."""

    CODE = "code"
    ENROLMENT = "enrolment"


def question_after_password(staff: Staff, *, factor_required: bool) -> Awaits | None:
    """Return what is asked next of someone whose password was right."""
    if staff.sealed_totp is not None:
        return Awaits.CODE
    return Awaits.ENROLMENT if factor_required else None


def open_session(
    session: Session,
    *,
    staff_id: UUID,
    now: datetime,
    browser: str | None = None,
    awaits: Awaits | None = None,
) -> str:
    """Begin a browser's session and return the token for its cookie."""
    token = new_token("session")
    session.add(
        StaffSession(
            staff_id=staff_id,
            token_hash=token_hash(token),
            created_at=now,
            seen_at=now,
            browser=browser,
            awaits=awaits.value if awaits else None,
        )
    )
    session.flush()
    return token


def find_session(
    session: Session, *, token: str, now: datetime, idle_limit: timedelta
) -> tuple[StaffSession, SignedIn] | None:
    """Return a session that still stands and whose it is; None when it ended in any way.

    One that still waits for a second factor opens nothing and is none.
    """
    row = session.scalars(
        select(StaffSession).where(
            StaffSession.token_hash == token_hash(token), _stands(now, idle_limit)
        )
    ).one_or_none()
    person = signed_in_as(session, staff_id=row.staff_id) if row else None
    return (row, person) if row and person else None


def find_waiting(
    session: Session, *, token: str, now: datetime
) -> tuple[StaffSession, Staff] | None:
    """Return a session that waits for a second factor, and whose; None when there is none."""
    row = session.execute(
        select(StaffSession, Staff)
        .join(Staff, Staff.id == StaffSession.staff_id)
        .where(
            StaffSession.token_hash == token_hash(token),
            StaffSession.ended_at.is_(None),
            StaffSession.awaits.is_not(None),
            StaffSession.created_at >= now - WAITING_LIMIT,
            Staff.is_active,
        )
    ).one_or_none()
    return (row[0], row[1]) if row else None


def sessions_of(
    session: Session, *, staff_id: UUID, now: datetime, idle_limit: timedelta
) -> list[StaffSession]:
    """Return someone's sessions that still stand, the one last seen first."""
    return list(
        session.scalars(
            select(StaffSession)
            .where(StaffSession.staff_id == staff_id, _stands(now, idle_limit))
            .order_by(StaffSession.seen_at.desc())
        )
    )


def is_due_a_glance(row: StaffSession, *, now: datetime) -> bool:
    """Whether it is time to write down that the session is in use."""
    return now - row.seen_at >= SEEN_EVERY


def note_seen(session: Session, *, session_id: UUID, now: datetime) -> None:
    """Write down that the session is in use, which puts its idle limit off."""
    session.execute(
        update(StaffSession)
        .where(StaffSession.id == session_id, StaffSession.ended_at.is_(None))
        .values(seen_at=now)
    )


def end_session(session: Session, *, token: str, now: datetime) -> None:
    """End one browser's session; an unknown or ended one is no error."""
    session.execute(
        update(StaffSession)
        .where(StaffSession.token_hash == token_hash(token), StaffSession.ended_at.is_(None))
        .values(ended_at=now)
    )


def end_own_session(session: Session, *, staff_id: UUID, session_id: UUID, now: datetime) -> bool:
    """End one of someone's own sessions by its id; says whether there was one to end."""
    ended = session.execute(
        update(StaffSession)
        .where(
            StaffSession.id == session_id,
            StaffSession.staff_id == staff_id,
            StaffSession.ended_at.is_(None),
        )
        .values(ended_at=now)
        .returning(StaffSession.id)
    ).all()
    if ended:
        audit.record(
            session,
            actor=audit.Actor("staff", staff_id),
            action="session_ended",
            subject=("staff", staff_id),
        )
    return bool(ended)


def end_all_sessions(
    session: Session,
    *,
    staff_id: UUID,
    now: datetime,
    actor: audit.Actor = audit.OPERATOR,
    but: UUID | None = None,
) -> None:
    """End every session of someone, on whichever machine it was begun; `but` the one given."""
    condition = (StaffSession.staff_id == staff_id) & StaffSession.ended_at.is_(None)
    if but is not None:
        condition &= StaffSession.id != but
    session.execute(update(StaffSession).where(condition).values(ended_at=now))
    audit.record(session, actor=actor, action="sessions_ended", subject=("staff", staff_id))


def _stands(now: datetime, idle_limit: timedelta) -> ColumnElement[bool]:
    return (
        StaffSession.ended_at.is_(None)
        & StaffSession.awaits.is_(None)
        & (StaffSession.seen_at >= now - idle_limit)
        & (StaffSession.created_at >= now - WHOLE_LIMIT)
    )

"""Who is knocking: sessions of browsers and tokens of programs, both kept on the server.

The cookie and the bearer token are random and mean nothing by themselves; the
database holds their hashes, so that both can be ended from here at any moment.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from review_ui.staff import SignedIn, signed_in_as
from schemas import audit
from schemas.sealing import new_token, token_hash
from schemas.tables import StaffSession, StaffToken

IDLE_LIMIT = timedelta(hours=12)
WHOLE_LIMIT = timedelta(days=7)
# A glance every few minutes is enough to know that a session is in use; writing at
# each page would make every reader a writer.
SEEN_EVERY = timedelta(minutes=5)


def open_session(session: Session, *, staff_id: UUID, now: datetime) -> str:
    """Begin a browser's session and return the token for its cookie."""
    token = new_token("session")
    session.add(
        StaffSession(staff_id=staff_id, token_hash=token_hash(token), created_at=now, seen_at=now)
    )
    session.flush()
    return token


def find_session(
    session: Session, *, token: str, now: datetime
) -> tuple[StaffSession, SignedIn] | None:
    """Return a session that still stands and whose it is; None when it ended in any way."""
    row = session.scalars(
        select(StaffSession).where(StaffSession.token_hash == token_hash(token))
    ).one_or_none()
    if row is None or row.ended_at is not None:
        return None
    if now - row.seen_at > IDLE_LIMIT or now - row.created_at > WHOLE_LIMIT:
        return None
    person = signed_in_as(session, staff_id=row.staff_id)
    return (row, person) if person else None


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


def end_all_sessions(
    session: Session, *, staff_id: UUID, now: datetime, actor: audit.Actor = audit.OPERATOR
) -> None:
    """End every session of someone, on whichever machine it was begun."""
    session.execute(
        update(StaffSession)
        .where(StaffSession.staff_id == staff_id, StaffSession.ended_at.is_(None))
        .values(ended_at=now)
    )
    audit.record(session, actor=actor, action="sessions_ended", subject=("staff", staff_id))


def find_token(session: Session, *, token: str) -> SignedIn | None:
    """Return whose API token this is; None when it is unknown or revoked."""
    row = session.scalars(
        select(StaffToken).where(
            StaffToken.token_hash == token_hash(token), StaffToken.revoked_at.is_(None)
        )
    ).one_or_none()
    return signed_in_as(session, staff_id=row.staff_id) if row else None


def revoke_token(
    session: Session, *, token_id: UUID, now: datetime, actor: audit.Actor = audit.OPERATOR
) -> None:
    """Revoke an API token; one that was revoked before is no error."""
    session.execute(
        update(StaffToken)
        .where(StaffToken.id == token_id, StaffToken.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    audit.record(
        session, actor=actor, action="staff_token_revoked", subject=("staff_token", token_id)
    )

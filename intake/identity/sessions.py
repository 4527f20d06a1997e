"""Sessions of riders' browsers, and the list of devices that are known for a rider.

The cookie is random and means nothing by itself; the database holds its hash, so that
every session can be ended at any moment. It lives as long as it is used: a rider who
sends a tip a month never signs in again.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from intake.riders.registering import TOKEN_PREFIX, token_stands
from schemas import audit
from schemas.errors import NotFound
from schemas.sealing import new_token, token_hash
from schemas.tables import RiderToken
from schemas.words import Words
from schemas.workdays import local_date

UNUSED_LIMIT = timedelta(days=180)
BROWSER = "browser"


def open_session(session: Session, *, rider_id: UUID, device: str | None, now: datetime) -> str:
    """Begin a browser's session and return the token for its cookie."""
    token = new_token(TOKEN_PREFIX)
    session.add(
        RiderToken(
            rider_id=rider_id,
            token_hash=token_hash(token),
            kind=BROWSER,
            device=device,
            created_at=now,
            last_used_on=local_date(now),
            expires_at=now + UNUSED_LIMIT,
        )
    )
    audit.record(
        session,
        actor=audit.Actor("rider", rider_id),
        action="rider.signed_in",
        subject=("rider", rider_id),
    )
    session.flush()
    return token


def is_due_a_note(row: RiderToken, *, now: datetime) -> bool:
    """Whether it is time to write down that a token is in use: once a day, and no finer."""
    return row.last_used_on != local_date(now)


def note_used(session: Session, *, token_id: UUID, now: datetime) -> None:
    """Write down the day on which a token is used; a session lives so much longer."""
    stands = (RiderToken.id == token_id) & token_stands(now)
    session.execute(update(RiderToken).where(stands).values(last_used_on=local_date(now)))
    session.execute(
        update(RiderToken)
        .where(stands, RiderToken.kind == BROWSER)
        .values(expires_at=now + UNUSED_LIMIT)
    )


def devices_of(session: Session, *, rider_id: UUID, now: datetime) -> list[RiderToken]:
    """Return what is signed in for a rider, what was used last first."""
    return list(
        session.scalars(
            select(RiderToken)
            .where(RiderToken.rider_id == rider_id, token_stands(now))
            .order_by(RiderToken.last_used_on.desc().nulls_last(), RiderToken.created_at.desc())
        )
    )


def end_device(session: Session, *, rider_id: UUID, token_id: UUID, now: datetime) -> None:
    """End one of a rider's own devices; raises NotFound `device-unknown` for any other."""
    if not _end(session, RiderToken.id == token_id, rider_id=rider_id, now=now):
        raise NotFound(
            "device-unknown",
            Words("没有这台设备，可能已经退出。", "There is no such device; it may have ended."),
        )


def end_other_devices(session: Session, *, rider_id: UUID, but: UUID | None, now: datetime) -> int:
    """End all of a rider's devices `but` the one given; return how many."""
    condition = RiderToken.id != but if but else RiderToken.id.is_not(None)
    return _end(session, condition, rider_id=rider_id, now=now)


def _end(session: Session, condition: ColumnElement[bool], *, rider_id: UUID, now: datetime) -> int:
    ended = session.execute(
        update(RiderToken)
        .where(condition, RiderToken.rider_id == rider_id, token_stands(now))
        .values(revoked_at=now)
        .returning(RiderToken.id)
    ).all()
    if ended:
        audit.record(
            session,
            actor=audit.Actor("rider", rider_id),
            action="rider.devices_ended",
            subject=("rider", rider_id),
            after={"devices": len(ended)},
        )
    return len(ended)

"""From a phone and its one-time code to a session; the rider is made where that is allowed."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.identity.codes import take_code
from intake.identity.sessions import open_session
from intake.riders import RiderProfile, add_rider, normal_phone
from schemas import audit
from schemas.sealing import Sealer
from schemas.tables import Rider


@dataclass(frozen=True)
class Arrival:
    """Somebody who signed in: which rider, and the token of the new session."""

    rider_id: UUID
    token: str
    is_new: bool


def may_have_code(session: Session, *, sealer: Sealer, phone: str, may_register: bool) -> bool:
    """Whether a code is really sent to a phone: to riders, and to whoever may become one."""
    return may_register or _rider_of(session, sealer, phone) is not None


def arrive(
    session: Session,
    *,
    sealer: Sealer,
    phone: str,
    code: str,
    device: str | None,
    may_register: bool,
    now: datetime,
) -> Arrival | None:
    """Begin a session with a phone and its code; None when the code is not good.

    The caller commits in both cases, since a wrong code costs an attempt. Raises
    InvalidInput `phone-invalid`.
    """
    if not take_code(session, sealer=sealer, phone=phone, code=code, now=now):
        return None
    rider = _rider_of(session, sealer, phone)
    is_new = rider is None
    if rider is None:
        if not may_register:
            return None
        rider = _register(session, sealer, phone)
    token = open_session(session, rider_id=rider.id, device=device, now=now)
    return Arrival(rider.id, token, is_new)


def _rider_of(session: Session, sealer: Sealer, phone: str) -> Rider | None:
    digests = sealer.digests("phone", normal_phone(phone))
    return session.scalars(select(Rider).where(Rider.phone_digest.in_(digests))).first()


def _register(session: Session, sealer: Sealer, phone: str) -> Rider:
    return add_rider(
        session,
        sealer=sealer,
        profile=RiderProfile(name="", phone=phone),
        needs_name=False,
        actor=audit.ANONYMOUS,
    )

"""From a phone and its one-time code to a session; the rider is made where that is allowed."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.identity.codes import take_code
from intake.identity.invitations import Welcome, invitation_over, use_invitation
from intake.identity.sessions import open_session
from intake.riders.registering import UNVERIFIED, RiderProfile, add_rider, normal_phone
from schemas import audit
from schemas.sealing import Sealer
from schemas.tables import Rider


@dataclass(frozen=True)
class Arrival:
    """Somebody who signed in: which rider, and the token of the new session."""

    rider_id: UUID
    token: str
    is_new: bool


@dataclass(frozen=True)
class Joining:
    """How somebody who is not registered may become a rider: by an invitation, or by phone."""

    welcome: Welcome | None = None
    name: str = ""
    by_phone: bool = False

    @property
    def is_allowed(self) -> bool:
        """Whether a new rider may come in this way."""
        return self.welcome is not None or self.by_phone


def may_have_code(session: Session, *, sealer: Sealer, phone: str, joining: Joining) -> bool:
    """Whether a code is really sent to a phone: to riders, and to whoever may become one."""
    return rider_of_phone(session, sealer=sealer, phone=phone) is not None or joining.is_allowed


def arrive(
    session: Session,
    *,
    sealer: Sealer,
    phone: str,
    code: str,
    device: str | None,
    joining: Joining,
    now: datetime,
) -> Arrival | None:
    """Begin a session with a phone and its code; None when the code is not good.

    The caller commits in both cases, since a wrong code costs an attempt. Raises
    InvalidInput as check_profile does, and NotFound `invitation-over` when the invitation
    ended meanwhile; the code is then good for another attempt.
    """
    if not take_code(session, sealer=sealer, phone=phone, code=code, now=now):
        return None
    rider = rider_of_phone(session, sealer=sealer, phone=phone)
    is_new = rider is None
    if rider is None:
        if not joining.is_allowed:
            return None
        rider = _register(session, sealer, phone, joining)
    token = open_session(session, rider_id=rider.id, device=device, now=now)
    return Arrival(rider.id, token, is_new)


def rider_of_phone(session: Session, *, sealer: Sealer, phone: str) -> Rider | None:
    """Return the rider of a phone number, if any."""
    digests = sealer.digests("phone", normal_phone(phone))
    return session.scalars(select(Rider).where(Rider.phone_digest.in_(digests))).first()


def _register(session: Session, sealer: Sealer, phone: str, joining: Joining) -> Rider:
    welcome = joining.welcome
    if welcome and not use_invitation(session, invitation_id=welcome.id):
        raise invitation_over()
    profile = RiderProfile(
        name=joining.name,
        phone=phone,
        platform=welcome.platform if welcome else "",
        station=welcome.station if welcome else "",
    )
    return add_rider(
        session,
        sealer=sealer,
        profile=profile,
        needs_name=welcome is not None,
        verification=UNVERIFIED,
        actor=audit.ANONYMOUS,
    )

"""The two steps of signing in, as the API and the pages take them."""

from dataclasses import dataclass
from datetime import datetime

from flask import request

from intake.browsers import device_name
from intake.door import Door
from intake.doorway import request_locale
from intake.identity.arriving import Arrival, Joining, arrive, may_have_code
from intake.identity.codes import PAUSE, ask_code, code_wrong
from intake.identity.entrance import device_of_request
from intake.identity.invitations import find_invitation
from intake.riders.registering import normal_phone
from schemas.database import now_utc


@dataclass(frozen=True)
class AskedCode:
    """A code was asked for; nothing here depends on whether the phone is registered."""

    expires_at: datetime
    again_at: datetime


def ask_for_code(door: Door, *, phone: str, invitation: str = "") -> AskedCode:
    """Make a code and send it where the phone may sign in.

    Raises InvalidInput `phone-invalid`, NotFound `invitation-over`, TooMany `codes-too-often`.
    """
    phone, now = normal_phone(phone), now_utc()
    joining = _joining(door, invitation=invitation, name="")
    door.sign_in_limits.ask(device=device_of_request(), address=request.remote_addr or "")
    made = door.commit(lambda session: ask_code(session, sealer=door.sealer, phone=phone, now=now))
    with door.database.reading() as session:
        welcome = may_have_code(session, sealer=door.sealer, phone=phone, joining=joining)
    if welcome:
        door.messenger.send(made, locale=request_locale())
    return AskedCode(made.expires_at, now + PAUSE)


def sign_in(door: Door, *, phone: str, code: str, invitation: str = "", name: str = "") -> Arrival:
    """Begin a session of the browser that asks; with an invitation also of a new rider.

    Raises InvalidInput `phone-invalid`, `code-wrong`, or, for who registers, as
    check_cell does; NotFound `invitation-over`; TooMany `tries-too-often`.
    """
    phone = normal_phone(phone)
    joining = _joining(door, invitation=invitation, name=name)
    door.sign_in_limits.attempt(device=device_of_request(), address=request.remote_addr or "")
    arrival = door.commit(
        lambda session: arrive(
            session,
            sealer=door.sealer,
            phone=phone,
            code=code,
            device=device_name(request.headers.get("User-Agent", "")),
            joining=joining,
            now=now_utc(),
        )
    )
    if arrival is None:
        raise code_wrong()
    return arrival


def _joining(door: Door, *, invitation: str, name: str) -> Joining:
    by_phone = door.settings.phone_registration
    if not invitation:
        return Joining(by_phone=by_phone)
    with door.database.reading() as session:
        welcome = find_invitation(session, token=invitation, now=now_utc())
    return Joining(welcome=welcome, name=name, by_phone=by_phone)

"""The pages of a rider's own account: devices, consents, the personal code, leaving."""

from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from intake.door import present_door
from intake.doorway import Entry, enters, request_locale
from intake.drawing import qr_code
from intake.identity import entrance, present
from intake.identity.consents import (
    LOCATION,
    give_consent,
    standing_consent,
    withdraw_consent,
)
from intake.identity.leaving import WHAT_GOES, WHAT_STAYS, delete_account
from intake.identity.sessions import devices_of, end_device, end_other_devices
from intake.identity.stations import CODE_LIFE, make_personal_code
from intake.notices import unread_count
from intake.routes.signing import MAX_FORM_BYTES
from schemas.database import now_utc
from schemas.errors import SuishoupaiError

account = Blueprint("account", __name__, url_prefix="/me")
entrance.guard_forms(account, max_bytes=MAX_FORM_BYTES)


@account.get("")
@enters(Entry.RIDER)
def show_me() -> str:
    """Show the rider's own account."""
    return _page(error=None)


@account.post("/devices/end")
@enters(Entry.RIDER)
def end_devices() -> Response:
    """Sign out one device, or all but this one."""
    rider_id, this, now = entrance.rider_of_request(), entrance.token_of_request().id, now_utc()
    which = request.form.get("device", "")
    door = present_door()
    if which:
        door.commit(
            lambda session: end_device(session, rider_id=rider_id, token_id=_uuid(which), now=now)
        )
    else:
        door.commit(
            lambda session: end_other_devices(session, rider_id=rider_id, but=this, now=now)
        )
    return redirect(url_for("account.show_me", _anchor="devices"), 303)


@account.post("/consents/location")
@enters(Entry.RIDER)
def decide_location() -> Response:
    """Agree to the use of the phone's place, or withdraw."""
    rider_id, now = entrance.rider_of_request(), now_utc()
    version = request.form.get("version", "")
    door = present_door()
    if version:
        door.commit(
            lambda session: give_consent(session, rider_id=rider_id, version=version, now=now)
        )
    else:
        door.commit(lambda session: withdraw_consent(session, rider_id=rider_id, now=now))
    return redirect(url_for("account.show_me", _anchor="consents"), 303)


@account.get("/code")
@enters(Entry.RIDER)
def show_code() -> Response:
    """Show the personal code as a QR; the page asks for a new one before it expires."""
    door, rider_id = present_door(), entrance.rider_of_request()
    shown = door.commit(
        lambda session: make_personal_code(
            session, sealer=door.sealer, rider_id=rider_id, now=now_utc()
        )
    )
    answer = make_response(
        render_template("personal_code.html", code=shown.text, qr=qr_code(shown.text))
    )
    # Without a script: the browser itself asks anew, ten seconds before the end.
    answer.headers["Refresh"] = str(int(CODE_LIFE.total_seconds()) - 10)
    return answer


@account.get("/leave")
@enters(Entry.RIDER)
def ask_to_leave() -> str:
    """Say what goes and what stays, and ask once more."""
    return _leaving(error=None)


@account.post("/leave")
@enters(Entry.RIDER)
def leave() -> Response:
    """Erase who the rider is."""
    door, rider_id = present_door(), entrance.rider_of_request()
    door.sign_in_limits.confirm(rider_id=rider_id)
    door.commit(
        lambda session: delete_account(
            session,
            sealer=door.sealer,
            rider_id=rider_id,
            phone_ending=request.form.get("phone_ending", ""),
            now=now_utc(),
        )
    )
    answer = make_response(render_template("left.html", stays=WHAT_STAYS))
    entrance.take_cookie_back(answer)
    return answer


def page_for(error: SuishoupaiError) -> str | None:
    """Return a refusal of these pages as a page."""
    if request.blueprint != "account" or not entrance.is_rider_known():
        return None
    return _leaving(error=error) if request.endpoint == "account.leave" else _page(error=error)


def _page(*, error: SuishoupaiError | None) -> str:
    door, rider_id, locale = present_door(), entrance.rider_of_request(), request_locale()
    with door.database.reading() as session:
        me = present.me(session, sealer=door.sealer, rider_id=rider_id)
        rows = devices_of(session, rider_id=rider_id, now=now_utc())
        standing = standing_consent(session, rider_id=rider_id, kind=LOCATION)
        unread = unread_count(session, rider_id=rider_id)
    this = entrance.token_of_request().id
    years = door.settings.retention_years
    return render_template(
        "me.html",
        me=me,
        unread=unread,
        verified=present.VERIFICATION[me.verification].say(locale),
        devices=present.device_list(rows, this=this, locale=locale).devices,
        consents=present.consent_list(standing, retention_years=years, locale=locale).consents,
        error=error,
    )


def _leaving(*, error: SuishoupaiError | None) -> str:
    return render_template("leave.html", goes=WHAT_GOES, stays=WHAT_STAYS, error=error)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        # No device has this id, so the refusal is that of an unknown one.
        return UUID(int=0)

"""Signing in at the office's OpenID provider; without one configured these pages don't exist."""

from flask import Blueprint, request, session, url_for
from werkzeug.wrappers import Response

from intake.browsers import local_path
from intake.doorway import Entry, enters, not_found
from review_ui.access.arrival import Way, arrive, go_on, way_of_request
from review_ui.access.provider import Provider, refused, staff_of_claims
from review_ui.access.staff import come_in, lock_account
from review_ui.room import moment, room

provider_pages = Blueprint("provider", __name__, url_prefix="/sign-in/provider")
TARGET = "provider_target"


@provider_pages.get("")
@enters(Entry.PUBLIC)
def leave() -> Response:
    """Send the browser to the provider."""
    provider = _provider()
    answer = provider.send_there(url_for("provider.come_back", _external=True))
    session[TARGET] = way_of_request().target
    return answer


@provider_pages.get("/back")
@enters(Entry.PUBLIC)
def come_back() -> Response:
    """Take who comes back from the provider; what is asked after a password is asked here too."""
    provider = _provider()
    room().attempts.check(address=request.remote_addr or "", name=request.args.get("state", ""))
    target = local_path(str(session.get(TARGET, "/")))
    claims = provider.claims_of_request()
    with room().database.reading() as db:
        known = staff_of_claims(db, claims)
    with room().database.writing() as db:
        staff = lock_account(db, staff_id=known.id, now=moment())
        if staff is None:
            raise refused()
        if staff.sealed_totp is None:
            come_in(db, staff=staff, by="provider")
        arrival = arrive(db, staff=staff)
    return go_on(arrival, Way(target))


def _provider() -> Provider:
    found = room().provider
    if found is None:
        raise not_found()
    return found

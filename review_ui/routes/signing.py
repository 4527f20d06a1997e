"""Signing in with name and password, signing out, and the language of the pages."""

from flask import Blueprint, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from intake.browsers import local_path
from intake.doorway import Entry, enters
from review_ui.access.arrival import Arrival, arrive, go_on, way_of_request
from review_ui.access.entrance import COOKIE, idle_limit
from review_ui.access.passwords import password_matches
from review_ui.access.sessions import end_session, find_session
from review_ui.access.staff import find_credentials, normal_sign_in, settle_attempt
from review_ui.room import moment, room

signing = Blueprint("signing", __name__)
LANGUAGE_FOR_S = 365 * 86_400
# Longer passwords than anybody has are cut, so that trying one costs no more than it must.
TRIED_CHARACTERS = 1000


@signing.get("/sign-in")
@enters(Entry.PUBLIC)
def sign_in() -> str | Response:
    """Show the form; who is signed in already is sent on."""
    token, way = request.cookies.get(COOKIE, ""), way_of_request()
    with room().database.reading() as db:
        if token and find_session(db, token=token, now=moment(), idle_limit=idle_limit()):
            return redirect(way.target)
    return render_template("sign_in.html", next=way.target)


@signing.post("/sign-in")
@enters(Entry.PUBLIC)
def try_to_sign_in() -> Response | tuple[str, int]:
    """Take name and password; the answer to a wrong one says neither which nor whether locked."""
    name = normal_sign_in(request.form.get("sign_in", ""))
    password = request.form.get("password", "")[:TRIED_CHARACTERS]
    way = way_of_request()
    room().attempts.check(address=request.remote_addr or "", name=name)
    arrival = _try_password(name, password)
    if arrival is None:
        page = render_template(
            "sign_in.html", next=way.target, kept=way.kept, sign_in=name, failed=True
        )
        return page, 401
    return go_on(arrival, way)


def _try_password(name: str, password: str) -> Arrival | None:
    """Return a new session, or None; the password is tried outside of a transaction."""
    with room().database.reading() as db:
        known = find_credentials(db, sign_in=name)
    matches = password_matches(known.password_hash if known else None, password)
    if known is None:
        return None
    with room().database.writing() as db:
        staff = settle_attempt(
            db, staff_id=known.staff_id, password=password, matches=matches, now=moment()
        )
        return arrive(db, staff=staff) if staff else None


@signing.post("/sign-out")
@enters(Entry.SIGNED_IN)
def sign_out() -> Response:
    """End the session, here and on the server."""
    with room().database.writing() as db:
        end_session(db, token=request.cookies.get(COOKIE, ""), now=moment())
    session.clear()
    answer = redirect(url_for("signing.sign_in"))
    answer.delete_cookie(COOKIE)
    return answer


@signing.post("/language")
@enters(Entry.PUBLIC)
def choose_language() -> Response:
    """Remember the language and go back to where the person was."""
    answer = redirect(local_path(request.form.get("back", "/")))
    if request.form.get("locale") in ("zh", "en"):
        answer.set_cookie(
            "locale",
            request.form["locale"],
            max_age=LANGUAGE_FOR_S,
            httponly=True,
            samesite="Lax",
            secure=room().settings.behind_tls,
        )
    return answer

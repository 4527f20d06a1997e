"""Signing in and out, and the language of the pages."""

import json

from flask import Blueprint, make_response, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from intake.doorway import Entry, enters
from review_ui.entrance import COOKIE, hand_out_cookie, local_path
from review_ui.room import moment, room
from review_ui.sessions import end_session, find_session, open_session
from review_ui.staff import find_credentials, normal_sign_in, password_matches, settle_attempt
from schemas.records import FIELDS

signing = Blueprint("signing", __name__)
LANGUAGE_FOR_S = 365 * 86_400


@signing.get("/sign-in")
@enters(Entry.PUBLIC)
def sign_in() -> str | Response:
    """Show the form; who is signed in already is sent on."""
    token = request.cookies.get(COOKIE, "")
    with room().database.reading() as db:
        if token and find_session(db, token=token, now=moment()):
            return redirect(local_path(request.args.get("next", "/")))
    return render_template("sign_in.html", next=local_path(request.args.get("next", "/")))


@signing.post("/sign-in")
@enters(Entry.PUBLIC)
def try_to_sign_in() -> Response | tuple[str, int]:
    """Take name and password; the answer to a wrong one says neither which nor whether locked."""
    name = normal_sign_in(request.form.get("sign_in", ""))
    password = request.form.get("password", "")[:1000]
    target = local_path(request.form.get("next", "/"))
    kept = request.form.get("kept", "")
    room().attempts.check(address=request.remote_addr or "", name=name)
    token = _session_for(name, password)
    if token is None:
        page = render_template("sign_in.html", next=target, kept=kept, sign_in=name, failed=True)
        return page, 401
    # What the form session held belonged to whoever sat here before.
    session.clear()
    answer = _resumed(kept, target) if kept else redirect(target)
    hand_out_cookie(answer, token)
    return answer


def _session_for(name: str, password: str) -> str | None:
    """Return a new session's token, or None; the password is tried outside of a transaction."""
    with room().database.reading() as db:
        known = find_credentials(db, sign_in=name)
    matches = password_matches(known.password_hash if known else None, password)
    if known is None:
        return None
    with room().database.writing() as db:
        staff = settle_attempt(
            db, staff_id=known.staff_id, password=password, matches=matches, now=moment()
        )
        return open_session(db, staff_id=staff.id, now=moment()) if staff else None


def _resumed(kept: str, target: str) -> Response:
    """Show what was typed before the session ended, ready to be sent where it was going."""
    try:
        fields = json.loads(kept)
        pairs = [(str(name), str(value)) for name, values in fields.items() for value in values]
    except (ValueError, AttributeError, TypeError, RecursionError):
        return redirect("/")
    shown = [(FIELDS[name].words, value) for name, value in pairs if name in FIELDS and value]
    return make_response(render_template("resume.html", target=target, pairs=pairs, shown=shown))


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

"""How somebody arrives after the first question: asked the second one, or let in.

Where the person was going, and what they had typed when their session ended, goes
with them through every step.
"""

import json
from dataclasses import dataclass

from flask import make_response, redirect, render_template, request, session, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from intake.browsers import browser_family, local_path
from intake.drawing import qr_code
from review_ui.access.entrance import COOKIE, hand_out_cookie
from review_ui.access.factors import carry_secret, enrolment_address, new_secret
from review_ui.access.sessions import (
    Awaits,
    find_waiting,
    open_session,
    question_after_password,
)
from review_ui.room import moment, room
from schemas.records import FIELDS
from schemas.sealing import Sealer
from schemas.tables import Staff, StaffSession
from schemas.words import Words


@dataclass(frozen=True, slots=True)
class Way:
    """Where somebody is going, and the form as JSON that they could not send before."""

    target: str = "/"
    kept: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A session that was just opened: its token, whose it is, and what it still asks."""

    token: str
    staff: Staff
    awaits: Awaits | None


def way_of_request() -> Way:
    """Return where the present request says that the person is going."""
    return Way(local_path(request.values.get("next", "/")), request.form.get("kept", ""))


def arrive(db: Session, *, staff: Staff) -> Arrival:
    """Open a session for someone who answered the first question."""
    awaits = question_after_password(staff, factor_required=room().settings.require_second_factor)
    return let_in(db, staff=staff, awaits=awaits)


def let_in(db: Session, *, staff: Staff, awaits: Awaits | None = None) -> Arrival:
    """Open a session in the present browser."""
    token = open_session(
        db,
        staff_id=staff.id,
        now=moment(),
        browser=browser_family(request.headers.get("User-Agent", "")),
        awaits=awaits,
    )
    return Arrival(token, staff, awaits)


def go_on(arrival: Arrival, way: Way) -> Response:
    """Show the next question, or go where the person was going."""
    # What the form session held belonged to whoever sat here before.
    session.clear()
    if arrival.awaits is Awaits.CODE and not way.kept:
        answer: Response = redirect(url_for("second_step.ask_code", next=way.target))
    elif arrival.awaits is Awaits.CODE:
        answer = make_response(code_page(way))
    elif arrival.awaits is Awaits.ENROLMENT:
        answer = make_response(enrolment_page(arrival.staff, way))
    else:
        answer = resumed(way)
    hand_out_cookie(answer, arrival.token)
    return answer


def waiting(db: Session, awaits: Awaits) -> tuple[StaffSession, Staff] | None:
    """Return the session of the present browser if it waits for just this."""
    found = find_waiting(db, token=request.cookies.get(COOKIE, ""), now=moment())
    return found if found and found[0].awaits == awaits.value else None


def code_page(way: Way, *, failed: bool = False) -> str:
    """Return the page that asks for a code."""
    return render_template("code.html", way=way, failed=failed)


def enrolment_page(
    staff: Staff, way: Way, *, secret: str | None = None, fault: Words | None = None
) -> str:
    """Return the page on which a second factor is set up before anything else opens."""
    return render_template(
        "enrolment.html", way=way, fault=fault, **enrolment_values(staff, secret=secret)
    )


def enrolment_values(staff: Staff, *, secret: str | None = None) -> dict[str, object]:
    """Return what the form for a new second factor shows; a new secret unless one is given."""
    chosen = secret or new_secret()
    return {
        "secret": chosen,
        "sealed": carry_secret(Sealer(room().settings), staff_id=staff.id, secret=chosen),
        "qr": qr_code(enrolment_address(chosen, sign_in=staff.sign_in)),
    }


def resumed(way: Way) -> Response:
    """Go where the person was going, or show what they had typed, ready to be sent."""
    pairs = kept_pairs(way)
    if pairs is None:
        return redirect(way.target if not way.kept else "/")
    shown = [(FIELDS[name].words, value) for name, value in pairs if name in FIELDS and value]
    return make_response(
        render_template("resume.html", target=way.target, pairs=pairs, shown=shown)
    )


def kept_pairs(way: Way) -> list[tuple[str, str]] | None:
    """Return the fields of the kept form; None when there is none that can be read."""
    if not way.kept:
        return None
    try:
        fields = json.loads(way.kept)
        return [(str(name), str(value)) for name, values in fields.items() for value in values]
    except (ValueError, AttributeError, TypeError, RecursionError):
        return None

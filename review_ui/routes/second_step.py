"""What is asked after the password: a code, or that a second factor is set up; and links.

Nobody is signed in here yet: each view looks for the browser's own session that
waits for just this question, and sends everybody else to the sign-in page.
"""

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from intake.doorway import Entry, enters
from review_ui.access.arrival import (
    Arrival,
    Way,
    code_page,
    enrolment_page,
    go_on,
    kept_pairs,
    let_in,
    waiting,
    way_of_request,
)
from review_ui.access.entrance import COOKIE, hand_out_cookie
from review_ui.access.factors import carried_secret, enrol, take_code
from review_ui.access.invitations import find_link, use_link
from review_ui.access.sessions import Awaits, end_session
from review_ui.access.staff import come_in
from review_ui.presenting import say
from review_ui.room import moment, room
from schemas.errors import InvalidInput
from schemas.sealing import Sealer
from schemas.tables import Staff
from schemas.words import Words

second_step = Blueprint("second_step", __name__, url_prefix="/sign-in")


@second_step.get("/code")
@enters(Entry.PUBLIC)
def ask_code() -> str | Response:
    """Ask for the code of the authenticator app."""
    way = way_of_request()
    with room().database.reading() as db:
        if waiting(db, Awaits.CODE) is None:
            return _back_to_start(way)
    return code_page(way)


@second_step.post("/code")
@enters(Entry.PUBLIC)
def try_code() -> Response | tuple[str, int]:
    """Take a code; a wrong one counts towards the lock of the account."""
    way, arrival = way_of_request(), None
    with room().database.reading() as db:
        found = waiting(db, Awaits.CODE)
    if found is None:
        return _back_to_start(way)
    _, staff = found
    room().attempts.check(address=request.remote_addr or "", name=staff.sign_in)
    with room().database.writing() as db:
        entered = take_code(
            db,
            staff_id=staff.id,
            sealer=Sealer(room().settings),
            code=request.form.get("code", "")[:40],
            now=moment(),
        )
        if entered:
            # A new token: whoever saw the one that waited does not come in with it.
            end_session(db, token=request.cookies.get(COOKIE, ""), now=moment())
            arrival = let_in(db, staff=entered)
    return go_on(arrival, way) if arrival else (code_page(way, failed=True), 401)


@second_step.get("/enrolment")
@enters(Entry.PUBLIC)
def ask_enrolment() -> str | Response:
    """Show how a second factor is set up."""
    way = way_of_request()
    with room().database.reading() as db:
        found = waiting(db, Awaits.ENROLMENT)
    return enrolment_page(found[1], way) if found else _back_to_start(way)


@second_step.post("/enrolment")
@enters(Entry.PUBLIC)
def try_enrolment() -> Response | tuple[str, int]:
    """Set up the second factor with a first code, show the recovery codes, and let in."""
    way, sealer, secret = way_of_request(), Sealer(room().settings), None
    with room().database.reading() as db:
        found = waiting(db, Awaits.ENROLMENT)
    if found is None:
        return _back_to_start(way)
    _, staff = found
    try:
        secret = carried_secret(sealer, staff_id=staff.id, sealed=request.form.get("sealed", ""))
        with room().database.writing() as db:
            entering = db.get_one(Staff, staff.id)
            codes = enrol(
                db,
                staff=entering,
                sealer=sealer,
                secret=secret,
                code=request.form.get("code", ""),
                now=moment(),
            )
            come_in(db, staff=entering, by="second_factor")
            end_session(db, token=request.cookies.get(COOKIE, ""), now=moment())
            arrival = let_in(db, staff=entering)
    except InvalidInput as error:
        return enrolment_page(staff, way, secret=secret, fault=error.words), 422
    return _codes_page(arrival, codes, way)


@second_step.get("/link/<token>")
@enters(Entry.PUBLIC)
def open_link(token: str) -> str | tuple[str, int]:
    """Ask for a password, by a link that an administrator handed over; looking uses nothing up."""
    with room().database.reading() as db:
        staff = find_link(db, token=token, now=moment())
    return _link_page(staff.sign_in if staff else None)


@second_step.post("/link/<token>")
@enters(Entry.PUBLIC)
def use_sign_in_link(token: str) -> Response | str | tuple[str, int]:
    """Set the password and use the link up; the person then signs in as always."""
    room().attempts.check(address=request.remote_addr or "", name=token)
    with room().database.reading() as db:
        staff = find_link(db, token=token, now=moment())
    if staff is None:
        return _link_page(None)
    new, again = request.form.get("new_password", ""), request.form.get("again", "")
    try:
        with room().database.writing() as db:
            use_link(db, token=token, password=new, again=again, now=moment())
    except InvalidInput as error:
        return _link_page(staff.sign_in, fault=error.words)
    flash(say(Words("密码已设置，请登录。", "The password is set: sign in now.")))
    return redirect(url_for("signing.sign_in"))


def _back_to_start(way: Way) -> Response:
    return redirect(url_for("signing.sign_in", next=way.target))


def _codes_page(arrival: Arrival, codes: list[str], way: Way) -> Response:
    answer = make_response(
        render_template(
            "recovery_codes.html", codes=codes, target=way.target, pairs=kept_pairs(way)
        )
    )
    hand_out_cookie(answer, arrival.token)
    return answer


def _link_page(sign_in: str | None, fault: Words | None = None) -> str | tuple[str, int]:
    page = render_template("link.html", sign_in=sign_in, fault=fault)
    return (page, 422) if fault else (page, 404) if sign_in is None else page

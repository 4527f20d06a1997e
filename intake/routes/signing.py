"""The pages of signing in and of joining by an invitation; they work without JavaScript."""

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from intake.browsers import local_path
from intake.door import present_door
from intake.doorway import Entry, enters, request_locale
from intake.identity import entrance, present
from intake.identity.invitations import find_invitation
from intake.identity.signing import ask_for_code
from intake.identity.signing import sign_in as begin_session
from intake.riders.registering import check_cell
from schemas.database import now_utc
from schemas.errors import SuishoupaiError

signing = Blueprint("signing", __name__)
MAX_FORM_BYTES = 16 * 1024
entrance.guard_forms(signing, max_bytes=MAX_FORM_BYTES)


@signing.get("/sign-in")
@enters(Entry.PUBLIC)
def sign_in() -> Response:
    """Ask for the phone number; who is signed in already is sent on."""
    door, back = present_door(), _way_back()
    if entrance.present_rider(door):
        return redirect(back)
    answer = make_response(_page(back=back))
    entrance.know_device(answer, door.settings)
    if request.cookies.get(entrance.COOKIE):
        entrance.take_cookie_back(answer)
    return answer


@signing.post("/sign-in/code")
@enters(Entry.PUBLIC)
def send_code() -> Response:
    """Send the code, and ask for it."""
    phone, invitation = request.form.get("phone", ""), request.form.get("invitation", "")
    if invitation:
        # Before a code is spent on it: the name is what registering may fail by.
        check_cell("name", request.form.get("name", ""), needed=True)
    asked = ask_for_code(present_door(), phone=phone, invitation=invitation)
    text = present.code_on_its_way(asked, request_locale()).text
    return make_response(
        _page(
            back=_way_back(),
            phone=phone,
            invitation=invitation,
            name=request.form.get("name", ""),
            text=text,
        )
    )


@signing.post("/sign-in")
@enters(Entry.PUBLIC)
def take_code() -> Response:
    """Take the code and begin a session."""
    door = present_door()
    arrival = begin_session(
        door,
        phone=request.form.get("phone", ""),
        code=request.form.get("code", ""),
        invitation=request.form.get("invitation", ""),
        name=request.form.get("name", ""),
    )
    answer = redirect(_way_back(), 303)
    entrance.hand_out_cookie(answer, arrival.token, door.settings)
    return answer


@signing.post("/sign-out")
@enters(Entry.PUBLIC)
def sign_out() -> Response:
    """End this browser's session, or forget one that ended by itself."""
    entrance.sign_out(present_door())
    answer = redirect(url_for("pages.show_form"), 303)
    entrance.take_cookie_back(answer)
    return answer


@signing.get("/join/<token>")
@enters(Entry.PUBLIC)
def join(token: str) -> Response:
    """Show whose invitation this is, and ask for name and phone."""
    door = present_door()
    answer = make_response(_page(back=url_for("account.show_me"), invitation=token))
    entrance.know_device(answer, door.settings)
    return answer


def page_for(error: SuishoupaiError) -> str | None:
    """Return a refusal of these pages as a page: the same form with what was written."""
    if request.endpoint in ("signing.send_code", "signing.take_code"):
        phone = request.form.get("phone", "")[:40]
        # A number that was refused is asked for again; a wrong code only the code.
        asks_code = request.endpoint == "signing.take_code" and error.field == "code"
        return _page(
            back=_way_back(),
            phone=phone,
            # One that is over leads to signing in without it.
            invitation="" if error.code == "invitation-over" else _given_invitation(),
            name=request.form.get("name", "")[:80],
            asks_code=asks_code,
            error=error,
        )
    return None


def _given_invitation() -> str:
    return request.form.get("invitation", "")[:80]


def _page(
    *,
    back: str,
    phone: str = "",
    invitation: str = "",
    name: str = "",
    text: str = "",
    asks_code: bool = False,
    error: SuishoupaiError | None = None,
) -> str:
    welcome = None
    if invitation:
        with present_door().database.reading() as session:
            welcome = find_invitation(session, token=invitation, now=now_utc())
    return render_template(
        "sign_in.html",
        back=back,
        phone=phone,
        invitation=invitation,
        welcome=welcome,
        name=name,
        text=text,
        asks_code=asks_code or bool(text),
        may_register=present_door().settings.phone_registration,
        error=error,
    )


def _way_back() -> str:
    return local_path(request.values.get("next", "") or url_for("pages.show_form"))

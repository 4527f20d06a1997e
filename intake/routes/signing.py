"""The pages of signing in and of the rider's own account; they work without JavaScript."""

from uuid import UUID

from flask import Blueprint, g, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from intake.browsers import local_path
from intake.door import present_door
from intake.doorway import Entry, enters, request_locale
from intake.identity import entrance, present
from intake.identity.sessions import devices_of, end_device, end_other_devices
from intake.identity.signing import ask_for_code
from intake.identity.signing import sign_in as begin_session
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
    phone = request.form.get("phone", "")
    asked = ask_for_code(present_door(), phone=phone)
    text = present.code_on_its_way(asked, request_locale()).text
    return make_response(_page(back=_way_back(), phone=phone, text=text))


@signing.post("/sign-in")
@enters(Entry.PUBLIC)
def take_code() -> Response:
    """Take the code and begin a session."""
    door = present_door()
    arrival = begin_session(
        door, phone=request.form.get("phone", ""), code=request.form.get("code", "")
    )
    answer = redirect(_way_back(), 303)
    entrance.hand_out_cookie(answer, arrival.token, door.settings)
    return answer


@signing.post("/sign-out")
@enters(Entry.RIDER)
def sign_out() -> Response:
    """End this browser's session."""
    entrance.sign_out(present_door())
    answer = redirect(url_for("pages.show_form"), 303)
    entrance.take_cookie_back(answer)
    return answer


@signing.get("/me")
@enters(Entry.RIDER)
def show_me() -> str:
    """Show the rider's own account."""
    return _account(error=None)


@signing.post("/me/devices/end")
@enters(Entry.RIDER)
def end_devices() -> Response:
    """Sign out one device, or all but this one."""
    rider_id, this, now = entrance.rider_of_request(), entrance.token_of_request().id, now_utc()
    which = request.form.get("device", "")
    door = present_door()
    if which:
        token_id = _uuid(which)
        door.commit(
            lambda session: end_device(session, rider_id=rider_id, token_id=token_id, now=now)
        )
    else:
        door.commit(
            lambda session: end_other_devices(session, rider_id=rider_id, but=this, now=now)
        )
    return redirect(url_for("signing.show_me", _anchor="devices"), 303)


def page_for(error: SuishoupaiError) -> str | None:
    """Return a refusal of these pages as a page: the same form with what was written."""
    if request.endpoint in ("signing.send_code", "signing.take_code"):
        phone = request.form.get("phone", "")[:40]
        # A number that was refused is asked for again; a wrong code only the code.
        asks_code = request.endpoint == "signing.take_code" and error.field == "code"
        return _page(back=_way_back(), phone=phone, asks_code=asks_code, error=error)
    if request.blueprint == "signing" and "reporter" in g and g.reporter.rider_id:
        return _account(error=error)
    return None


def _page(
    *,
    back: str,
    phone: str = "",
    text: str = "",
    asks_code: bool = False,
    error: SuishoupaiError | None = None,
) -> str:
    return render_template(
        "sign_in.html",
        back=back,
        phone=phone,
        text=text,
        asks_code=asks_code or bool(text),
        may_register=present_door().settings.phone_registration,
        error=error,
    )


def _account(*, error: SuishoupaiError | None) -> str:
    door, rider_id = present_door(), entrance.rider_of_request()
    with door.database.reading() as session:
        me = present.me(session, sealer=door.sealer, rider_id=rider_id)
        rows = devices_of(session, rider_id=rider_id, now=now_utc())
    this = entrance.token_of_request().id
    devices = present.device_list(rows, this=this, locale=request_locale()).devices
    return render_template("me.html", me=me, devices=devices, error=error)


def _way_back() -> str:
    return local_path(request.values.get("next", "") or url_for("pages.show_form"))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)

"""Who stands at the rider's door: a program by its bearer token, a browser by its cookie.

A request that is borne by the cookie alone and changes something must come from a page
of ours: over the API the browser itself says so (Fetch Metadata, or Origin where a
browser is too old for it), a form of a page brings its CSRF token.
"""

import secrets
from urllib.parse import urlsplit
from uuid import UUID

from flask import Blueprint, Flask, abort, g, redirect, request, url_for
from flask_wtf.csrf import ValidationError, validate_csrf
from werkzeug.wrappers import Response

from intake.answers import Reporter
from intake.browsers import form_expired
from intake.door import Door
from intake.doorway import wants_page
from intake.identity.sessions import BROWSER, end_device, is_due_a_note, note_used
from intake.identity.stations import authenticate_station
from intake.riders import registering as riders
from schemas.database import now_utc
from schemas.errors import Conflict, NotAllowed, NotSignedIn
from schemas.settings import Settings
from schemas.tables import RiderToken
from schemas.words import Words

COOKIE = "rider_session"
DEVICE_COOKIE = "rider_device"
STATION_COOKIE = "station_terminal"
# The longest that Chromium keeps a cookie. Whether the session stands is the server's to say.
COOKIE_FOR_S = 400 * 86_400
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def find_reporter(door: Door) -> None:
    """Find out who sends; raises NotSignedIn for what is not, or no longer, good.

    Whoever shows a token or a cookie means to be known by it: falling back to «anonymous»
    would take the tip from the rider's account without a word. An app that sends without
    a name leaves the cookie out (fetch with `credentials: "omit"`).
    """
    given = request.headers.get("Authorization", "")
    if given:
        scheme, _, token = given.partition(" ")
        _remember(door, token.strip() if scheme.lower() == "bearer" else "", is_cookie=False)
    elif request.cookies.get(COOKIE):
        if request.method not in SAFE and request.path.startswith("/api/"):
            _require_own_page()
        _remember(door, request.cookies[COOKIE], is_cookie=True)
    else:
        g.reporter, g.token = Reporter(), None


def require_rider(door: Door) -> None:
    """Find out which rider it is; a browser that is none is shown where to sign in."""
    try:
        find_reporter(door)
    except NotSignedIn:
        _show_the_way()
        raise
    if g.reporter.rider_id is None:
        _show_the_way()
        raise NotSignedIn(
            "sign-in-needed", Words("请先用手机号登录。", "Sign in with your phone number first.")
        )


def require_station(door: Door) -> None:
    """Find out which station's terminal asks: by its token, on its page by the cookie."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if request.path.startswith("/api/"):
        token = token.strip() if scheme.lower() == "bearer" else ""
    else:
        token = request.cookies.get(STATION_COOKIE, "")
    try:
        with door.database.reading() as session:
            g.station = authenticate_station(session, token=token)
    except NotSignedIn:
        if request.method in SAFE and wants_page():
            abort(redirect(url_for("station_pages.ask_token")))
        raise


def _show_the_way() -> None:
    if request.method in SAFE and wants_page():
        abort(redirect(url_for("signing.sign_in", next=request.path)))


def _remember(door: Door, token: str, *, is_cookie: bool) -> None:
    now = now_utc()
    with door.database.reading() as session:
        found = riders.find_token(session, token=token, now=now)
        if found is None and not is_cookie:
            riders.authenticate(session, token=token)
    if found is None:
        g.session_ended = True
        raise session_ended()
    row, rider = found
    g.reporter, g.token = Reporter(rider.id, by_browser=row.kind == BROWSER), row
    if is_due_a_note(row, now=now):
        door.commit(lambda session: note_used(session, token_id=row.id, now=now))


def session_ended() -> NotSignedIn:
    """Return the refusal of a session that ended; what was written stays on the phone."""
    return NotSignedIn(
        "session-ended",
        Words(
            "登录已过期，请重新登录。手机里还没发出的举报都在，登录后会接着发。",
            "Your session has ended: sign in again. What is not sent yet stays on the phone "
            "and goes out afterwards.",
        ),
    )


def present_rider(door: Door) -> UUID | None:
    """Return who is signed in on a page that is open to everybody; None for nobody."""
    token = request.cookies.get(COOKIE)
    if not token:
        return None
    with door.database.reading() as session:
        found = riders.find_token(session, token=token, now=now_utc())
    return found[1].id if found else None


def rider_of_request() -> UUID:
    """Return the id of the rider whom `require_rider` let in."""
    rider_id: UUID = g.reporter.rider_id
    return rider_id


def is_rider_known() -> bool:
    """Whether `require_rider` let somebody in at the present request."""
    return "reporter" in g and g.reporter.rider_id is not None


def token_of_request() -> RiderToken:
    """Return the row of the token by which the rider came in."""
    row: RiderToken = g.token
    return row


def came_by_cookie() -> bool:
    """Whether the present caller is known by the cookie, not by a token."""
    return g.token is not None and "Authorization" not in request.headers


def sign_out(door: Door) -> None:
    """End the browser's session; one that has ended already is only forgotten.

    Raises Conflict `session-missing` for a bearer token, NotSignedIn for one that is none.
    """
    try:
        find_reporter(door)
    except NotSignedIn:
        if "Authorization" in request.headers:
            raise
        return
    if g.token is None:
        return
    if not came_by_cookie():
        raise Conflict(
            "session-missing",
            Words(
                "这个请求用的是凭证，不是浏览器登录。要停用凭证，请在设备列表里退出它。",
                "This request came with a token and not with a browser's session. To end a "
                "token, end its device in the list.",
            ),
        )
    row = token_of_request()
    door.commit(
        lambda session: end_device(session, rider_id=row.rider_id, token_id=row.id, now=now_utc())
    )


def _require_own_page() -> None:
    """Raise NotAllowed `cross-site` unless the browser says that a page of ours asks.

    Browsers since Chromium 76, Firefox 90 and Safari 16.4 send Sec-Fetch-Site, which no
    page can set; older ones send Origin with every fetch that writes. Its host alone is
    compared, since a proxy may have ended TLS.
    """
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin", "")
    if site == "same-origin" or (site is None and urlsplit(origin).netloc == request.host):
        return
    raise NotAllowed(
        "cross-site",
        Words(
            "这个请求不是从随手拍的页面发出的，没有执行。",
            "This request does not come from a page of Suishoupai and was not carried out.",
        ),
    )


def hand_out_cookie(
    response: Response, token: str, settings: Settings, *, name: str = COOKIE
) -> None:
    """Give the browser its session; the cookie says nothing by itself."""
    response.set_cookie(
        name,
        token,
        max_age=COOKIE_FOR_S,
        httponly=True,
        samesite="Lax",
        secure=settings.behind_tls,
    )


def forget_ended_sessions(app: Flask) -> None:
    """Take the cookie of an ended session back once a page has said that it ended.

    Else a form without JavaScript, sent again, would be refused for ever. Over the API the
    cookie stays: a program that did not read the refusal must not become anonymous by it.
    """

    @app.after_request
    def _forget(response: Response) -> Response:
        if g.get("session_ended") and wants_page():
            take_cookie_back(response)
        return response


def take_cookie_back(response: Response) -> None:
    """Tell the browser to forget its session."""
    response.delete_cookie(COOKIE, httponly=True, samesite="Lax")


def know_device(response: Response, settings: Settings) -> None:
    """Give a browser a random name by which limits count it, unless it has one."""
    if request.cookies.get(DEVICE_COOKIE):
        return
    response.set_cookie(
        DEVICE_COOKIE,
        secrets.token_urlsafe(16),
        max_age=COOKIE_FOR_S,
        httponly=True,
        samesite="Lax",
        secure=settings.behind_tls,
    )


def device_of_request() -> str:
    """Return the name by which limits count this browser; empty for one that has none."""
    return request.cookies.get(DEVICE_COOKIE, "")


def guard_forms(blueprint: Blueprint, *, max_bytes: int) -> None:
    """Refuse every form of a blueprint's pages that is too long or brings no CSRF token."""

    @blueprint.before_request
    def _guard() -> None:
        request.max_content_length = max_bytes
        if request.method not in SAFE:
            check_form(request.form.get("csrf_token", ""))


def check_form(token: str) -> None:
    """Raise NotAllowed `form-expired` unless this is the token of a page of ours."""
    try:
        validate_csrf(token)
    except ValidationError:
        raise form_expired() from None

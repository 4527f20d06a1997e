"""A station's terminal: the page and the API by which it takes riders' personal codes."""

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from intake.bodies import as_json, read_body
from intake.door import present_door
from intake.doorway import Entry, enters, request_locale
from intake.identity import entrance
from intake.identity.stations import Visitor, authenticate_station, receive_visitor
from intake.routes.riders_api import BODY_CODES, BODY_REFUSALS
from intake.routes.signing import MAX_FORM_BYTES
from schemas.database import now_utc
from schemas.errors import SuishoupaiError
from schemas.wire.openapi import Answered, Described, describes
from schemas.wire.riders import CodeShown, VisitorKnown
from schemas.words import Words

stations_api = Blueprint("stations_api", __name__, url_prefix="/api/v1/station")
station_pages = Blueprint("station_pages", __name__, url_prefix="/station")
entrance.guard_forms(station_pages, max_bytes=MAX_FORM_BYTES)

RIDER = Words("有效：已登记的骑手。", "Valid: a registered rider.")
SUPERVISOR = Words(
    "有效：已登记的骑手，食品安全监督员。",
    "Valid: a registered rider and appointed food-safety supervisor.",
)


@stations_api.post("/visits")
@enters(Entry.STATION)
@describes(
    Described(
        summary="Take a rider's personal code at a station's terminal",
        body=CodeShown,
        answer=Answered(200, "A registered rider; the visit is noted for its day", VisitorKnown),
        refusals=BODY_REFUSALS
        | {
            401: "station-token-unknown",
            409: "personal-code-used, personal-code-expired",
            422: f"personal-code-unknown, {BODY_CODES}",
        },
        security=("station",),
    )
)
def create_visit() -> Response:
    """Take a code from a terminal's program."""
    visitor = _receive(read_body(CodeShown).code)
    return as_json(
        VisitorKnown(
            registered=True,
            is_supervisor=visitor.is_supervisor,
            is_verified=visitor.is_verified,
            text=_words(visitor).say(request_locale()),
        )
    )


@station_pages.get("/token")
@enters(Entry.PUBLIC)
def ask_token() -> str:
    """Ask for the terminal's token, once a machine."""
    return render_template("station_token.html", error=None)


@station_pages.post("/token")
@enters(Entry.PUBLIC)
def take_token() -> Response:
    """Keep the terminal's token in a cookie that pages can't read."""
    door, token = present_door(), request.form.get("token", "").strip()
    with door.database.reading() as session:
        authenticate_station(session, token=token)
    answer = redirect(url_for("station_pages.show_terminal"), 303)
    entrance.hand_out_cookie(answer, token, door.settings, name=entrance.STATION_COOKIE)
    return answer


@station_pages.get("")
@enters(Entry.STATION)
def show_terminal() -> str:
    """Wait for a code."""
    return _terminal()


@station_pages.post("")
@enters(Entry.STATION)
def take_code() -> str:
    """Take a code that was scanned or typed."""
    return _terminal(welcome=_words(_receive(request.form.get("code", "")[:40])))


def page_for(error: SuishoupaiError) -> str | None:
    """Return a refusal of these pages as a page."""
    if request.endpoint == "station_pages.take_token":
        return render_template("station_token.html", error=error)
    if request.endpoint == "station_pages.take_code" and "station" in g:
        return _terminal(error=error)
    return None


def _receive(code: str) -> Visitor:
    door, station_id = present_door(), g.station.id
    return door.commit(
        lambda session: receive_visitor(
            session, sealer=door.sealer, station_id=station_id, code=code, now=now_utc()
        )
    )


def _words(visitor: Visitor) -> Words:
    return SUPERVISOR if visitor.is_supervisor else RIDER


def _terminal(*, welcome: Words | None = None, error: SuishoupaiError | None = None) -> str:
    return render_template("station.html", station=g.station.name, welcome=welcome, error=error)

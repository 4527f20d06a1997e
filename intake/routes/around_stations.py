"""Stations at the rider's door: the list for everybody, and what a terminal's people change.

Nobody's place is asked: the phone has the whole list and says itself which are near.
"""

from flask import Blueprint, Response, g, render_template, request

from intake.bodies import as_json, read_body
from intake.door import present_door
from intake.doorway import Entry, enters
from intake.identity import entrance
from intake.rewards.stations import (
    Listed,
    change_offering,
    entry_fields,
    hours_of_form,
    listed_stations,
)
from intake.routes.riders_api import BODY_CODES, BODY_REFUSALS
from intake.routes.signing import MAX_FORM_BYTES
from schemas import audit
from schemas.database import now_utc
from schemas.errors import SuishoupaiError
from schemas.stations import SERVICES, WEEKDAYS
from schemas.wire.openapi import Answered, Described, describes
from schemas.wire.stations import OfferingRequest, StationEntry, StationList
from schemas.workdays import local_date

around_stations = Blueprint("around_stations", __name__)
around_stations_api = Blueprint("around_stations_api", __name__, url_prefix="/api/v1")
entrance.guard_forms(around_stations, max_bytes=MAX_FORM_BYTES)
GOOD_FOR_S = 300


@around_stations.get("/stations")
@enters(Entry.PUBLIC)
def show_stations() -> str:
    """Show the stations by area."""
    return render_template(
        "stations.html",
        stations=_listed(),
        services=SERVICES,
        weekdays=WEEKDAYS,
        weekday=local_date(now_utc()).weekday(),
    )


@around_stations_api.get("/stations")
@enters(Entry.PUBLIC)
@describes(
    Described(
        summary="All stations: where they lie, what they offer, what can be had for points there",
        answer=Answered(
            200,
            "The stations that stand, by area and name",
            StationList,
            {"Cache-Control": "good for five minutes"},
        ),
        refusals={503: "database-away"},
    )
)
def list_stations() -> Response:
    """List the stations for a phone to keep."""
    entries = [StationEntry(**entry_fields(each)) for each in _listed()]
    answer = as_json(StationList(as_of=now_utc().replace(microsecond=0), stations=entries))
    answer.headers["Cache-Control"] = f"public, max-age={GOOD_FOR_S}"
    return answer


@around_stations.get("/station/offering")
@enters(Entry.STATION)
def show_offering() -> str:
    """Show at the terminal what the station offers, to be changed."""
    return _page()


@around_stations.post("/station/offering")
@enters(Entry.STATION)
def change_at_terminal() -> str:
    """Change what the station offers."""
    form = request.form
    _commit(form.getlist("services"), hours_of_form(form), form.get("note", ""))
    return _page(is_saved=True)


@around_stations_api.put("/station/offering")
@enters(Entry.STATION)
@describes(
    Described(
        summary="Say at a station's terminal what it offers and when it is open",
        body=OfferingRequest,
        answer=Answered(200, "The station as riders see it", StationEntry),
        refusals=BODY_REFUSALS
        | {
            401: "station-token-unknown",
            409: "station-without-office",
            422: f"station-service-unknown, station-hours-invalid, {BODY_CODES}",
        },
        security=("station",),
    )
)
def change_by_program() -> Response:
    """Change what the station offers."""
    wanted = read_body(OfferingRequest)
    _commit(
        wanted.services,
        [(day.opens, day.closes) if day else None for day in wanted.hours],
        wanted.note,
    )
    return as_json(StationEntry(**entry_fields(_own())))


def page_for(error: SuishoupaiError) -> str | None:
    """Return a refusal of these pages as a page."""
    if request.endpoint == "around_stations.change_at_terminal" and "station" in g:
        return _page(error=error)
    return None


def _commit(services: list[str], hours: list[tuple[str, str] | None], note: str) -> None:
    station_id = g.station.id

    present_door().commit(
        lambda session: change_offering(
            session,
            station_id=station_id,
            services=services,
            hours=hours,
            note=note,
            actor=audit.Actor("station", station_id),
            now=now_utc(),
        )
    )


def _listed() -> list[Listed]:
    with present_door().database.reading() as session:
        return listed_stations(session, now=now_utc())


def _own() -> Listed:
    return next(each for each in _listed() if each.station.id == g.station.id)


def _page(*, error: SuishoupaiError | None = None, is_saved: bool = False) -> str:
    profile = _own().profile
    typed = hours_of_form(request.form) if error else profile.hours if profile else []
    return render_template(
        "offering.html",
        station=g.station.name,
        chosen=request.form.getlist("services") if error else profile.services if profile else [],
        hours=typed,
        note=request.form.get("note", "") if error else profile.note if profile else "",
        services=SERVICES,
        weekdays=WEEKDAYS,
        error=error,
        is_saved=is_saved,
    )

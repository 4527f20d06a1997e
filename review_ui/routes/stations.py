"""The stations of one's own area, on pages and over the API."""

from uuid import UUID

from flask import Blueprint, Response, flash, make_response, redirect, render_template, url_for
from flask import request as asked
from sqlalchemy.orm import Session

from intake.bodies import as_json, read_body
from intake.doorway import Entry, enters
from intake.rewards.stations import Listed, entry_fields, hours_of_form
from review_ui.access.scope import unit_by_text, units_within
from review_ui.presenting import say
from review_ui.rewards import stations as core
from review_ui.room import moment, person, room
from schemas.access import Right
from schemas.errors import InvalidInput, SuishoupaiError
from schemas.places import Datum, given_place
from schemas.stations import SERVICES, WEEKDAYS, Hours
from schemas.wire.openapi import Answered, Described, Given, describes
from schemas.wire.problems import status_of
from schemas.wire.stations import StaffStation, StaffStationList, StationRequest
from schemas.words import Words

stations = Blueprint("stations", __name__, url_prefix="/rewards/stations")
stations_api = Blueprint("stations_api", __name__, url_prefix="/api/v1/rewards/stations")
_STATION = Given("station_id", "path", "the station's id", format="uuid")
_AWAY = {401: "token-unknown", 404: "not-found", 503: "database-away"}
_Coordinates = tuple[float | None, float | None, Datum]
_SAVED = Words("已保存，骑手几分钟内就能看到。", "Saved: riders will see it within some minutes.")


@stations.get("")
@enters(Entry.MANAGE_REWARDS)
def list_stations() -> str:
    """Show the stations of the person's trees, and those nobody looks after yet."""
    with room().database.reading() as db:
        found = _all(db)
        names = core.unit_names(db, found)
        rows = [(each, names.get(each.station.id)) for each in found]
    return render_template("stations.html", rows=rows, services=SERVICES)


@stations.get("/<uuid:station_id>")
@enters(Entry.MANAGE_REWARDS)
def show_station(station_id: UUID) -> str:
    """Show one to be changed."""
    return _page(station_id)


@stations.post("/<uuid:station_id>")
@enters(Entry.MANAGE_REWARDS)
def change_station(station_id: UUID) -> Response:
    """Say whose it is, where it lies, what it offers."""
    form = asked.form
    try:
        _look_after(
            station_id,
            unit=form.get("unit", ""),
            place=(
                _degrees(form.get("latitude", ""), "latitude"),
                _degrees(form.get("longitude", ""), "longitude"),
                _datum(form.get("datum", "")),
            ),
            services=form.getlist("services"),
            hours=hours_of_form(form),
            note=form.get("note", ""),
        )
    except InvalidInput as error:
        room().metrics.observe_refusal(error.code)
        return make_response(_page(station_id, refusal=error), status_of(error))
    flash(say(_SAVED))
    return make_response(redirect(url_for("stations.list_stations"), 303))


@stations_api.get("")
@enters(Entry.MANAGE_REWARDS)
@describes(
    Described(
        summary="The stations of one's own area, and those that nobody looks after yet",
        answer=Answered(200, "By area and name", StaffStationList),
        refusals=_AWAY,
        security=("staff",),
    )
)
def list_for_program() -> Response:
    """List the stations."""
    with room().database.reading() as db:
        items = _answers(db, _all(db))
    return as_json(StaffStationList(items=items))


@stations_api.put("/<uuid:station_id>")
@enters(Entry.MANAGE_REWARDS)
@describes(
    Described(
        summary="Say whose a station is, where it lies, what it offers and when it is open",
        body=StationRequest,
        given=(_STATION,),
        answer=Answered(200, "The station as it is now", StaffStation),
        refusals={
            **_AWAY,
            400: "body-unreadable",
            413: "too-large",
            415: "content-type-unsupported",
            422: "unit-unknown, unit-ambiguous, place-incomplete, coordinates-out-of-range, "
            "station-service-unknown, station-hours-invalid, field-unknown, field-missing, "
            "value-invalid, text-too-long, too-many-values",
        },
        security=("staff",),
    )
)
def change_by_program(station_id: UUID) -> Response:
    """Say whose it is, where it lies, what it offers."""
    wanted = read_body(StationRequest)
    _look_after(
        station_id,
        unit=wanted.unit.replace("\0", ""),
        place=(wanted.latitude, wanted.longitude, Datum(wanted.datum)),
        services=wanted.services,
        hours=[(day.opens, day.closes) if day else None for day in wanted.hours],
        note=wanted.note,
    )
    with room().database.reading() as db:
        (answer,) = _answers(db, [_one(db, station_id)])
    return as_json(answer)


def _look_after(
    station_id: UUID,
    *,
    unit: str,
    place: _Coordinates,
    services: list[str],
    hours: Hours,
    note: str,
) -> None:
    with room().database.writing() as db:
        # What is foreign is not there, whatever was written about it.
        _one(db, station_id)
        core.look_after(
            db,
            station_id=station_id,
            staff=person(),
            unit=unit_by_text(db, paths=person().paths(Right.MANAGE_REWARDS), text=unit),
            point=given_place(*place),
            services=services,
            hours=hours,
            note=note,
            outlines=room().outlines,
            now=moment(),
        )


def _all(db: Session) -> list[Listed]:
    return core.stations_of(db, staff=person(), now=moment())


def _one(db: Session, station_id: UUID) -> Listed:
    return core.station_of(db, station_id=station_id, staff=person(), now=moment())


def _answers(db: Session, found: list[Listed]) -> list[StaffStation]:
    names = core.unit_names(db, found)
    return [StaffStation(**entry_fields(each), unit=names.get(each.station.id)) for each in found]


def _degrees(text: str, field: str) -> float | None:
    plain = text.strip()
    if not plain:
        return None
    try:
        return float(plain)
    except ValueError:
        words = Words("请填小数度数，如 41.7968。", "Give decimal degrees such as 41.7968.")
        raise InvalidInput("value-invalid", words, field=field) from None


def _datum(text: str) -> Datum:
    try:
        return Datum(text)
    except ValueError:
        words = Words("请选坐标来自哪种地图。", "Say from which kind of map the place is.")
        raise InvalidInput("value-invalid", words, field="datum") from None


def _page(station_id: UUID, *, refusal: SuishoupaiError | None = None) -> str:
    with room().database.reading() as db:
        found = _one(db, station_id)
        unit = core.unit_names(db, [found]).get(station_id)
        units = units_within(db, paths=person().paths(Right.MANAGE_REWARDS))
    profile, form = found.profile, asked.form
    return render_template(
        "station.html",
        found=found,
        unit=form.get("unit", "") if refusal else unit or "",
        units=units,
        latitude=form.get("latitude", "")
        if refusal
        else _shown(profile.latitude if profile else None),
        longitude=form.get("longitude", "")
        if refusal
        else _shown(profile.longitude if profile else None),
        datum=form.get("datum", Datum.WGS84.value),
        chosen=form.getlist("services") if refusal else profile.services if profile else [],
        hours=hours_of_form(form) if refusal else profile.hours if profile else [],
        note=form.get("note", "") if refusal else profile.note if profile else "",
        services=SERVICES,
        weekdays=WEEKDAYS,
        refusal=refusal,
    )


def _shown(degrees: float | None) -> str:
    return "" if degrees is None else f"{degrees:.6f}"

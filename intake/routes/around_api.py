"""What lies around a place: county outlines for the app's map, which needs no tiles."""

from flask import Blueprint, Response, request
from pydantic import ValidationError

from intake.bodies import as_json
from intake.door import present_door
from intake.doorway import Entry, enters
from schemas.database import now_utc
from schemas.places import Point
from schemas.wire.around import CELL_DIGITS, Cell, OutlineList
from schemas.wire.faults import explain
from schemas.wire.openapi import Answered, Described, Given, describes
from schemas.workdays import local_date

around_api = Blueprint("around_api", __name__, url_prefix="/api/v1")
DAY_S = 86_400


@around_api.get("/outlines")
@enters(Entry.PUBLIC)
@describes(
    Described(
        summary="The outlines of the counties around a tenth of a degree, to draw a map on",
        given=(
            Given("latitude", "query", "WGS-84 degrees, one decimal", required=True),
            Given("longitude", "query", "WGS-84 degrees, one decimal", required=True),
        ),
        answer=Answered(
            200,
            "GeoJSON (RFC 7946), simplified: for the eye, never for deciding a territory",
            OutlineList,
            {"Cache-Control": "good for a day"},
        ),
        refusals={422: "coordinates-out-of-range, value-invalid, field-missing"},
    )
)
def show_outlines() -> Response:
    """Give the counties around; asked with one decimal, so that no log holds a place."""
    try:
        cell = Cell.model_validate(request.args.to_dict())
    except ValidationError as error:
        raise explain(error) from None
    point = Point(round(cell.latitude, CELL_DIGITS), round(cell.longitude, CELL_DIGITS))
    door, today = present_door(), local_date(now_utc())
    with door.database.reading() as session:
        shapes = door.outlines.around(session, points=[point], on=today)
    answer = as_json(OutlineList.model_validate(shapes))
    answer.headers["Cache-Control"] = f"public, max-age={DAY_S}"
    return answer

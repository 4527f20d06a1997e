"""What lies around a place: county outlines for a map without tiles, names of shops."""

from flask import Blueprint, Response, request
from pydantic import ValidationError

from intake.bodies import as_json
from intake.door import present_door
from intake.doorway import Entry, enters
from intake.shops import SQUARE_DEGREES, published_shops
from schemas.database import now_utc
from schemas.places import Point
from schemas.wire.around import CELL_DIGITS, Cell, OutlineList, ShopList, ShopNearby
from schemas.wire.faults import explain
from schemas.wire.openapi import Answered, Described, Given, describes
from schemas.workdays import local_date

around_api = Blueprint("around_api", __name__, url_prefix="/api/v1")
DAY_S = 86_400
CELL = (
    Given("latitude", "query", "WGS-84 degrees, one decimal", required=True),
    Given("longitude", "query", "WGS-84 degrees, one decimal", required=True),
)


@around_api.get("/outlines")
@enters(Entry.PUBLIC)
@describes(
    Described(
        summary="The outlines of the counties around a tenth of a degree, to draw a map on",
        given=CELL,
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
    point = _middle_of_cell()
    door, today = present_door(), local_date(now_utc())
    with door.database.reading() as session:
        shapes = door.outlines.around(session, points=[point], on=today)
    answer = as_json(OutlineList.model_validate(shapes))
    answer.headers["Cache-Control"] = f"public, max-age={DAY_S}"
    return answer


@around_api.get("/shops")
@enters(Entry.PUBLIC)
@describes(
    Described(
        summary="Names of shops around a tenth of a degree whose penalties are published by law",
        given=CELL,
        answer=Answered(
            200,
            "By name, each in a coarse square: nearer than that is for the phone to say",
            ShopList,
            {"Cache-Control": "good for a day"},
        ),
        refusals={
            422: "coordinates-out-of-range, value-invalid, field-missing",
            429: "shops-too-often",
            503: "database-away",
        },
    )
)
def show_shops() -> Response:
    """Name the shops whose penalties are public; asked as coarsely as the outlines are."""
    middle, door = _middle_of_cell(), present_door()
    door.limits.look_around(request.remote_addr or "")
    with door.database.reading() as session:
        shops = published_shops(session, middle=middle, on=local_date(now_utc()))
    found = [ShopNearby(name=s.name, latitude=s.latitude, longitude=s.longitude) for s in shops]
    answer = as_json(ShopList(square_degrees=SQUARE_DEGREES, shops=found))
    answer.headers["Cache-Control"] = f"public, max-age={DAY_S}"
    return answer


def _middle_of_cell() -> Point:
    try:
        cell = Cell.model_validate(request.args.to_dict())
    except ValidationError as error:
        raise explain(error) from None
    return Point(round(cell.latitude, CELL_DIGITS), round(cell.longitude, CELL_DIGITS))

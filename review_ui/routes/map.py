"""The map of open cases over the unit's own counties, and the same cases as a list beside it."""

import time
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request, url_for

from intake.doorway import Entry, enters
from review_ui.casefile.choices import filter_choices
from review_ui.lists.filters import read_filters
from review_ui.lists.mapping import read_box
from review_ui.lists.queue import page_of_cases
from review_ui.presenting import category_name, state_name
from review_ui.room import person, room, today
from review_ui.routes.queue import read_query, read_tab
from schemas.access import RIGHTS, Right
from schemas.database import now_utc

case_map = Blueprint("map", __name__)
_OUTLINES_FOR_S = 3600


@case_map.get("/map")
@enters(Entry.SEE_CASES)
def show_cases_map() -> str:
    """Show the map and the list."""
    tab, filters = read_tab(), read_filters(request.args)
    with room().database.reading() as db:
        page = page_of_cases(
            db,
            staff=person(),
            tab=tab,
            filters=filters,
            cursor=None,
            today=today(),
            calendar=room().calendar,
        )
    return render_template(
        "map.html",
        page=page,
        tab=tab,
        filters=filters,
        query=read_query(),
        tile_url=room().settings.tile_url,
        action=url_for("map.show_cases_map"),
        **filter_choices(staff=person(), filters=filters),
    )


@case_map.get("/map/cases.json")
@enters(Entry.SEE_CASES)
def show_box() -> Response:
    """Return the cases of the list that lie in a box."""
    with room().database.reading() as db:
        view = room().overviews.look(
            db,
            staff=person(),
            tab=read_tab(),
            filters=read_filters(request.args),
            box=read_box(request.args.get("box", "")),
            today=today(),
            now=now_utc(),
            at_s=time.monotonic(),
        )
    points: list[dict[str, Any]] = [
        {
            "number": point.number,
            "state": point.state,
            "words": f"{'、'.join(category_name(code) for code in point.categories)} · "
            f"{state_name(point.state)}",
            "shop": point.premises_name,
            "latitude": point.latitude,
            "longitude": point.longitude,
        }
        for point in view.points
    ]
    groups = [
        {"count": each.count, "latitude": each.latitude, "longitude": each.longitude}
        for each in view.groups
    ]
    return jsonify(points=points, groups=groups)


@case_map.get("/map/outlines.json")
@enters(Entry.SEE_CASES)
def show_outlines() -> Response:
    """Return the outlines of the counties that the person's units stand for."""
    codes = {
        held.division_code[:6] for held in person().held if held.role in RIGHTS[Right.SEE_CASES]
    }
    with room().database.reading() as db:
        shapes = room().outlines.within(db, codes=codes, on=today())
    answer = jsonify(shapes)
    answer.headers["Cache-Control"] = f"private, max-age={_OUTLINES_FOR_S}"
    return answer

"""Which earlier photos are worth comparing closely: same shop, rider, spot or moment."""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, bindparam, func, select
from sqlalchemy.orm import Session

from schemas.places import METRES_PER_DEGREE, Point
from schemas.tables import Case, CaseReport, Photo, PhotoExamination, Report
from workers.claims import choose_place, load_places

CELL_M = 300.0
# Who sends one picture twice, or to two riders' chats, does so within minutes.
MOMENT = timedelta(minutes=15)
# Of each kind, the nearest in time first; a chain's name or a food street has thousands.
REPORTS_A_KIND = 12
MOST_PHOTOS = 60


def _newest(*conditions: ColumnElement[bool]) -> Select[UUID, datetime]:
    return (
        select(Report.id, Report.received_at)
        .where(*conditions, Report.id != bindparam("own"))
        .order_by(Report.received_at.desc(), Report.id)
        .limit(REPORTS_A_KIND)
    )


def _of_cases(*conditions: ColumnElement[bool]) -> Select[UUID, datetime]:
    return (
        select(Report.id, func.max(Report.received_at))
        .join(CaseReport, CaseReport.report_id == Report.id)
        .join(Case, Case.id == CaseReport.case_id)
        .where(*conditions, Report.id != bindparam("own"))
        .group_by(Report.id)
        .order_by(func.max(Report.received_at).desc(), Report.id)
        .limit(REPORTS_A_KIND)
    )


# Made once: for each photo anew, making them took longer than their answers.
_OF_RIDER = _newest(Report.rider_id == bindparam("rider_id"))
_OF_MOMENT = _newest(Report.received_at.between(bindparam("since"), bindparam("until")))
_OF_SHOP = _of_cases(Case.premises_name == bindparam("premises_name"))
_OF_SPOT = _of_cases(
    Case.latitude.between(bindparam("south"), bindparam("north")),
    Case.longitude.between(bindparam("west"), bindparam("east")),
)
_PHOTOS = (
    select(Photo.id, Photo.report_id)
    .join(PhotoExamination, PhotoExamination.photo_id == Photo.id)
    .where(
        Photo.report_id.in_(bindparam("report_ids", expanding=True)),
        PhotoExamination.unreadable_reason.is_(None),
    )
)


def related_photos(session: Session, *, report: Report) -> list[tuple[UUID, UUID]]:
    """Return photo and report of what shares shop, rider, 300 m or a quarter of an hour.

    The nearest in time first, `MOST_PHOTOS` at most, none of the report's own.
    """
    related: dict[UUID, float] = {}
    for query, asked in _questions(session, report):
        for other_id, received_at in session.execute(query, {**asked, "own": report.id}):
            apart_s = abs((report.received_at - received_at).total_seconds())
            related[other_id] = min(apart_s, related.get(other_id, apart_s))
    if not related:
        return []
    rows = session.execute(_PHOTOS, {"report_ids": list(related)}).all()
    nearest = sorted(rows, key=lambda row: (related[row[1]], row[0]))
    return [(photo_id, other_id) for photo_id, other_id in nearest[:MOST_PHOTOS]]


def _questions(
    session: Session, report: Report
) -> Iterator[tuple[Select[UUID, datetime], dict[str, Any]]]:
    if report.rider_id is not None:
        yield _OF_RIDER, {"rider_id": report.rider_id}
    if report.premises_name:
        yield _OF_SHOP, {"premises_name": report.premises_name}
    place = choose_place(load_places(session, report_ids=[report.id])[report.id])
    if place:
        yield _OF_SPOT, _around(place.claim.point)
    yield (
        _OF_MOMENT,
        {"since": report.received_at - MOMENT, "until": report.received_at + MOMENT},
    )


def _around(centre: Point) -> dict[str, float]:
    """Return the square around a place; its corners are farther away, which does no harm."""
    north = CELL_M / METRES_PER_DEGREE
    east = north / max(0.01, math.cos(math.radians(centre.latitude)))
    return {
        "south": centre.latitude - north,
        "north": centre.latitude + north,
        "west": centre.longitude - east,
        "east": centre.longitude + east,
    }

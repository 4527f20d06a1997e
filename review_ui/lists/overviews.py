"""The map of a country, which is not counted anew at every look.

Counting a hundred thousand open cases takes longer than all else on that page. All open
cases of a tree are read from squares that the clock has counted (workers.squares); a list
that is narrowed is counted here and kept. What is told is at most as old as the live list's
own poll lets the list be. Boxes of a city are never kept.
"""

import math
from collections.abc import Hashable
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from review_ui.access.scope import tops, unit_of
from review_ui.access.staff import SignedIn
from review_ui.lists.filters import Filters, Tab
from review_ui.lists.mapping import Group, MapView, cases_in_box, is_wide, side_of_groups
from schemas.cells import COUNTED_SIDE, ROW, Box, ranges_of
from schemas.tables import OpenSquare, OpenSquaresCount

# As long as a browser waits before it asks whether its list has changed.
_KEPT_S = 15.0
_MOST_KEPT = 100
# The clock counts every fifteen seconds; older than this it stands still, or was never there.
_COUNT_HOLDS = timedelta(seconds=45)
# Below this the counted squares, half a degree a side, would be too coarse a picture.
_COUNTED_FROM_SIDE = COUNTED_SIDE // 2
# The counted trees are those of the nation and the provinces.
_COUNTED_DEPTH = 2


class Overviews:
    """Wide boxes as they were a few seconds ago."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[float, MapView]] = {}

    def look(
        self,
        session: Session,
        *,
        staff: SignedIn,
        tab: Tab,
        filters: Filters,
        box: Box,
        today: date,
        now: datetime,
        at_s: float,
    ) -> MapView:
        """Return what `cases_in_box` does; `at_s` is a clock that only runs on, in seconds."""
        if tab is Tab.UNIT and filters == Filters():
            counted = _counted(session, staff=staff, box=box, now=now)
            if counted is not None:
                return counted

        def fresh() -> MapView:
            return cases_in_box(
                session, staff=staff, tab=tab, filters=filters, box=box, today=today
            )

        if not is_wide(box):
            return fresh()
        # Two who see the same cases see the same map, unless a tab is about themselves.
        own = staff.staff_id if tab in (Tab.MINE, Tab.SIGN) else None
        key = (tops(staff), own, tab, filters, box, today)
        made_s, view = self._kept.get(key, (-math.inf, MapView()))
        if at_s - made_s < _KEPT_S:
            return view
        view = fresh()
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[key] = (at_s, view)
        return view


def _counted(session: Session, *, staff: SignedIn, box: Box, now: datetime) -> MapView | None:
    """Return the groups of all open cases from the counted squares that a box touches.

    None where the box is too small for them, a tree is not counted, or the clock stands still.
    """
    above = tops(staff)
    if side_of_groups(box) < _COUNTED_FROM_SIDE or not all(map(_is_counted, above)):
        return None
    counted_at = session.scalar(select(OpenSquaresCount.counted_at))
    if counted_at is None or now - counted_at > _COUNT_HOLDS:
        return None
    runs = ranges_of(box)
    first, last = (run // (ROW * COUNTED_SIDE) for run in (runs[0][0], runs[-1][0]))
    west, east = (run % ROW // COUNTED_SIDE for run in runs[0])
    side = max(1, side_of_groups(box) // COUNTED_SIDE)
    row, column = OpenSquare.square // (ROW * side), OpenSquare.square % ROW // side
    cases = func.sum(OpenSquare.cases)
    found = session.execute(
        select(
            cases,
            func.sum(OpenSquare.latitude_sum) / cases,
            func.sum(OpenSquare.longitude_sum) / cases,
        )
        .where(
            OpenSquare.tree_id.in_([unit_of(path) for path in above]),
            OpenSquare.square.between(first * ROW + west, last * ROW + east),
            (OpenSquare.square % ROW).between(west, east),
        )
        .group_by(row, column)
    )
    return MapView(groups=tuple(Group(int(each), *middle) for each, *middle in found))


def _is_counted(path: str) -> bool:
    return path.count("/") - 1 <= _COUNTED_DEPTH

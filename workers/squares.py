"""Counts where the open cases lie, so that a country's map need not count them at each look.

Always recounted from the cases themselves, never by adding to what stands: what a
killed clock or a restored backup left is right again at the next turn.
"""

from collections import defaultdict
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, insert, select, tuple_
from sqlalchemy.orm import Session

from schemas.cells import COUNTED_SIDE, ROW
from schemas.database import Database, now_utc
from schemas.tables import Case, OpenSquare, OpenSquaresCount
from workers.machine import Machine

EVERY_S = 15.0
# Under SQLite's and PostgreSQL's limits of parameters in one statement.
_BATCH = 1_000

Squares = dict[tuple[UUID, int], tuple[int, float, float]]


def count_squares(machine: Machine) -> int | None:
    """Bring the counted squares up to date, as the clock does; see `recount`."""
    return recount(machine.database, now=now_utc())


def recount(database: Database, *, now: datetime) -> int | None:
    """Bring `open_squares` up to date; return how many rows changed, None if it was just done.

    Counts while others write, and then writes only what differs. Of several clocks one
    writes: the others wait for the row of `open_squares_counts` and find it new.
    """
    with database.reading() as session:
        if not _is_due(session.get(OpenSquaresCount, 1), now):
            return None
        stood, found = _standing(session), _counted(session)
    gone = [key for key, value in stood.items() if found.get(key) != value]
    new = [key for key, value in found.items() if stood.get(key) != value]
    with database.writing() as session:
        mark = session.get(OpenSquaresCount, 1, with_for_update=True)
        if mark is None or not _is_due(mark, now):
            return None
        for first in range(0, len(gone), _BATCH):
            key = tuple_(OpenSquare.tree_id, OpenSquare.square)
            session.execute(delete(OpenSquare).where(key.in_(gone[first : first + _BATCH])))
        if new:
            session.execute(insert(OpenSquare), [_row(*key, found[key]) for key in new])
        mark.counted_at = now
    return len({*gone, *new})


def _is_due(mark: OpenSquaresCount | None, now: datetime) -> bool:
    # A little less than the turn, so that a clock that is a moment early still counts.
    return mark is not None and now - mark.counted_at >= timedelta(seconds=0.9 * EVERY_S)


def _row(tree_id: UUID, square: int, counted: tuple[int, float, float]) -> dict[str, object]:
    cases, latitude_sum, longitude_sum = counted
    return {
        "tree_id": tree_id,
        "square": square,
        "cases": cases,
        "latitude_sum": latitude_sum,
        "longitude_sum": longitude_sum,
    }


def _standing(session: Session) -> Squares:
    rows = session.execute(
        select(
            OpenSquare.tree_id,
            OpenSquare.square,
            OpenSquare.cases,
            OpenSquare.latitude_sum,
            OpenSquare.longitude_sum,
        )
    )
    return {(tree_id, square): (cases, north, east) for tree_id, square, cases, north, east in rows}


def _counted(session: Session) -> Squares:
    """Return the sums for each tree and square: all from the index of squares alone."""
    row, column = Case.open_cell // (ROW * COUNTED_SIDE), Case.open_cell % ROW // COUNTED_SIDE
    trees = (Case.tree_1, Case.tree_2)
    sums = (func.count(), func.sum(Case.latitude), func.sum(Case.longitude))
    rows = session.execute(
        select(row * ROW + column, *sums, *trees)
        .where(Case.open_cell.is_not(None))
        .group_by(row, column, *trees)
    )
    found: defaultdict[tuple[UUID, int], tuple[int, float, float]] = defaultdict(
        lambda: (0, 0.0, 0.0)
    )
    for square, cases, latitude_sum, longitude_sum, *above in rows:
        if square is None or latitude_sum is None or longitude_sum is None:
            continue  # Never so: the condition is that they have a place.
        for tree_id in filter(None, above):
            had, north, east = found[tree_id, square]
            found[tree_id, square] = (had + cases, north + latitude_sum, east + longitude_sum)
    return dict(found)

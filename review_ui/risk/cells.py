"""Hot squares: where more was verified than the county's own base leads to expect.

`Base.TIPS` takes a square's share of the county's incidents that riders reported, so that
it does not tell where they ride most; `Base.EVEN` the same share for each square from which
any report came. The probability is that of review_ui.risk.statistic.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, func, literal, select, union_all
from sqlalchemy.orm import Session

from review_ui.risk.asking import Asked, Base
from review_ui.risk.facts import concluded, counted, middle_of, square
from review_ui.risk.statistic import at_least, discovered
from schemas.tables import Case, CaseHistory


@dataclass(frozen=True, slots=True)
class Cell:
    """One square within one county.

    `tips` are incidents that were reported or verified in the period, `verified` those
    verified; `probability` that so many would be by chance. Degrees are WGS-84.
    """

    number: int
    county: str
    latitude: float
    longitude: float
    tips: int
    verified: int
    expected: float
    probability: float
    is_hot: bool = False

    @property
    def times(self) -> float | None:
        """How many times as many as expected; None where nothing was."""
        return self.verified / self.expected if self.expected else None


@dataclass(frozen=True, slots=True)
class Squares:
    """All squares with anything in them, the least likely first, and what has no place."""

    cells: tuple[Cell, ...]
    tips: int
    verified: int
    without_place: int

    @property
    def hot(self) -> int:
        """How many are hot."""
        return sum(each.is_hot for each in self.cells)

    def shown_to(self, *, sees_cases: bool, small_cell: int) -> tuple[Cell, ...]:
        """Return the squares for somebody; who sees no cases gets none with a small figure."""
        if sees_cases:
            return self.cells
        return tuple(each for each in self.cells if min(each.tips, each.verified) >= small_cell)


Row = tuple[str | None, int | None, int, int]


def squares(session: Session, *, asked: Asked, where: ColumnElement[bool]) -> Squares:
    """Count the squares of a territory: one grouped statement over two ranges of time."""
    rows = _rows(session, asked, where)
    return Squares(
        cells=tuple(judged(rows, asked.base)),
        tips=sum(row[2] for row in rows),
        verified=sum(row[3] for row in rows),
        without_place=sum(row[2] for row in rows if row[0] is None or row[1] is None),
    )


def judged(rows: Iterable[Row], base: Base) -> list[Cell]:
    """Return the squares with what was to be expected, the least likely first.

    What has no place is left out.
    """
    counties: defaultdict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for county, number, tips, verified in rows:
        if county is not None and number is not None:
            counties[county].append((number, tips, verified))
    found: list[tuple[str, int, int, int, float, float]] = []
    for county, each in counties.items():
        reported = sum(tips for _, tips, _ in each)
        verified = sum(number for _, _, number in each)
        for number, tips, here in each:
            share = tips / reported if base is Base.TIPS else 1 / len(each)
            chance = at_least(here, verified, share)
            found.append((county, number, tips, here, verified * share, chance))
    flags = discovered([row[-1] for row in found])
    marked = [_cell(*row, is_hot) for row, is_hot in zip(found, flags, strict=True)]
    return sorted(marked, key=lambda each: (each.probability, -each.verified, each.number))


def _cell(
    county: str,
    number: int,
    tips: int,
    verified: int,
    expected: float,
    probability: float,
    is_hot: bool,  # noqa: FBT001 - the last of a row
) -> Cell:
    latitude, longitude = middle_of(number)
    return Cell(number, county, latitude, longitude, tips, verified, expected, probability, is_hot)


def _rows(session: Session, asked: Asked, where: ColumnElement[bool]) -> list[Row]:
    narrowed = counted(where, asked.category)
    facts = (Case.incident_id, Case.county_code, square(session).label("square"))
    reported = select(*facts, literal(0).label("is_verified")).where(
        Case.opened_at >= asked.begins_at, Case.opened_at < asked.ends_at, *narrowed
    )
    verified = (
        select(*facts, literal(1).label("is_verified"))
        .join(CaseHistory, CaseHistory.case_id == Case.id)
        .where(*concluded(asked.begins_at, asked.ends_at), *narrowed)
    )
    both = union_all(reported, verified).subquery()
    only_verified = case((both.c.is_verified == 1, both.c.incident_id))
    rows = session.execute(
        select(
            both.c.county_code,
            both.c.square,
            func.count(both.c.incident_id.distinct()),
            func.count(only_verified.distinct()),
        ).group_by(both.c.county_code, both.c.square)
    )
    return [
        (county, number, tips, number_verified) for county, number, tips, number_verified in rows
    ]

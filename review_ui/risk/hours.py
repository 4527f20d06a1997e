"""At which hours of the week verified incidents had been reported, so coarse that nobody is told.

When a report came in is the reporter's own moment and is shown of none (Order 121 art. 37).
So only whole quarters of thirteen ISO weeks are counted, which are over and never overlap:
two views that differ by a day or a week would tell, subtracted, of single reports. And no
count is shown as such: each stands for a step as wide as the bulletin's threshold, and
what is below it looks the same, none included.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from review_ui.risk.asking import Asked
from review_ui.risk.facts import concluded, counted, hour_of_week
from schemas.tables import Case, CaseHistory
from schemas.weeks import Week

_WEEKS, _QUARTERS = 13, 4


@dataclass(frozen=True, slots=True)
class Quarter:
    """Thirteen ISO weeks of a year, from its 1st, 14th, 27th or 40th; the last has also a 53rd."""

    first: Week
    last: Week

    @property
    def name(self) -> str:
        """What it is called, such as 2026-W27—2026-W39."""
        return f"{self.first.name}—{self.last.name}"


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours of a quarter's week: the lower end of each step, None for one below all.

    `steps[weekday][hour]`, Monday first; `width` is how wide a step is.
    """

    quarter: Quarter
    width: int
    steps: tuple[tuple[int | None, ...], ...]

    @property
    def is_empty(self) -> bool:
        """Whether no hour has as many as are shown."""
        return all(each is None for line in self.steps for each in line)


def quarter_before(day: date) -> Quarter:
    """Return the last quarter that is over when a day ends."""
    year, week, weekday = day.isocalendar()
    # A week counts when its Sunday is over.
    ended = week if weekday == 7 else week - 1
    weeks = date(year, 12, 28).isocalendar().week
    number = _QUARTERS if ended == weeks else min(ended // _WEEKS, _QUARTERS - 1)
    if number == 0:
        year, number = year - 1, _QUARTERS
        weeks = date(year, 12, 28).isocalendar().week
    first = (number - 1) * _WEEKS + 1
    last = weeks if number == _QUARTERS else number * _WEEKS
    return Quarter(
        Week(date.fromisocalendar(year, first, 1)), Week(date.fromisocalendar(year, last, 1))
    )


def hours(session: Session, *, asked: Asked, where: ColumnElement[bool], small_cell: int) -> Hours:
    """Count the last quarter that is over when the asked period ends."""
    quarter, width = quarter_before(asked.last), max(small_cell, 1)
    hour = hour_of_week(session, Case.received_at)
    rows = session.execute(
        select(hour, func.count(Case.incident_id.distinct()))
        .join(CaseHistory, CaseHistory.case_id == Case.id)
        .where(
            *concluded(quarter.first.begins_at, quarter.last.ends_at),
            *counted(where, asked.category),
        )
        .group_by(hour)
    ).all()
    found = dict(rows)
    return Hours(
        quarter,
        width,
        tuple(
            tuple(_step(found.get(day * 24 + each, 0), width) for each in range(24))
            for day in range(7)
        ),
    )


def _step(number: int, width: int) -> int | None:
    return number // width * width if number >= width else None

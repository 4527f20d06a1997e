"""All that a bulletin is counted with besides the facts, kept with it so that it can be repeated.

The calendar as it was known then, the department and severity of each category, and the
smallest cell that is shown: another edition of the program or a file that an operator
exchanged must not change a figure of years ago.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from schemas.tables import LoadedCalendar
from schemas.taxonomy import CATEGORIES, Department
from schemas.workdays import (
    NO_OVERRIDES,
    CalendarOverrides,
    last_published_year,
    merged,
    unpublished,
)

# The order in which departments lead where a report went to several: reception is the market's.
_RANKS = {department.value: rank for rank, department in enumerate(Department)}


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a bulletin was counted with. `taxonomy`: category → (department, severity)."""

    small_cell: int
    last_published_year: int
    file_days: Mapping[str, bool] = field(default_factory=dict)
    file_years: tuple[int, ...] = ()
    taxonomy: Mapping[str, tuple[str, int]] = field(default_factory=dict)

    def department(self, category: str) -> str:
        """Return the department that has the power over a category."""
        return self.taxonomy[category][0] if category in self.taxonomy else Department.MARKET.value

    def severity(self, category: str) -> int:
        """Return how severe a category is, from 1 to 5."""
        return self.taxonomy[category][1] if category in self.taxonomy else 1

    def calendar(self, session: Session, *, known_at: datetime) -> CalendarOverrides:
        """Return the calendar of working days as it was known at a moment."""
        base = unpublished(after=self.last_published_year)
        days = {date.fromisoformat(day): works for day, works in self.file_days.items()}
        found = merged(base, CalendarOverrides(days, frozenset(self.file_years)))
        rows = session.scalars(
            select(LoadedCalendar)
            .where(LoadedCalendar.loaded_at <= known_at)
            .order_by(LoadedCalendar.loaded_at, LoadedCalendar.id)
        )
        for row in rows:
            loaded = {date.fromisoformat(day): works for day, works in row.days.items()}
            found = merged(found, CalendarOverrides(loaded, frozenset(row.years)))
        return found

    def document(self) -> dict[str, Any]:
        """Return the parameters as they stand in the bulletin's document."""
        return {
            "small_cell": self.small_cell,
            "last_published_year": self.last_published_year,
            "file_days": dict(self.file_days),
            "file_years": list(self.file_years),
            "taxonomy": {code: list(pair) for code, pair in self.taxonomy.items()},
        }


def read_parameters(document: Mapping[str, Any]) -> Parameters:
    """Return the parameters of a bulletin's document."""
    return Parameters(
        small_cell=document["small_cell"],
        last_published_year=document["last_published_year"],
        file_days=document["file_days"],
        file_years=tuple(document["file_years"]),
        taxonomy={code: (pair[0], pair[1]) for code, pair in document["taxonomy"].items()},
    )


def present_parameters(
    *, small_cell: int, calendar: CalendarOverrides = NO_OVERRIDES
) -> Parameters:
    """Return what a bulletin is counted with now; `calendar` is the operator's WORKDAYS_FILE."""
    return Parameters(
        small_cell=small_cell,
        last_published_year=last_published_year(),
        file_days={day.isoformat(): works for day, works in sorted(calendar.days.items())},
        file_years=tuple(sorted(calendar.years)),
        taxonomy={each.code: (each.department.value, each.severity) for each in CATEGORIES},
    )


def rank_of(department: str) -> int:
    """Return the rank of a department where several have a share of one report."""
    return _RANKS.get(department, len(_RANKS))

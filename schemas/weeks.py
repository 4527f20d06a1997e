"""ISO weeks by the clock of Shanghai: Monday 00:00 to the next Monday 00:00, half-open."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from schemas.errors import InvalidInput
from schemas.words import Words
from schemas.workdays import SHANGHAI, local_date


@dataclass(frozen=True, slots=True, order=True)
class Week:
    """One ISO week, by its Monday."""

    monday: date

    @property
    def name(self) -> str:
        """The week's ISO 8601 name, such as 2026-W47: its year is the week's own."""
        year, number, _ = self.monday.isocalendar()
        return f"{year}-W{number:02d}"

    @property
    def begins_at(self) -> datetime:
        """The first moment of the week."""
        return datetime.combine(self.monday, time(), SHANGHAI)

    @property
    def ends_at(self) -> datetime:
        """The first moment that no longer belongs to the week."""
        return self.after(1).begins_at

    @property
    def sunday(self) -> date:
        """The last day of the week."""
        return self.monday + timedelta(days=6)

    def after(self, weeks: int) -> "Week":
        """Return the week so many weeks later, or earlier if negative."""
        return Week(self.monday + timedelta(weeks=weeks))

    def year_before(self) -> "Week | None":
        """Return the ISO week of the same number a year before.

        None for a week 53 whose year before has none: there is nothing to compare it with.
        """
        year, number, _ = self.monday.isocalendar()
        try:
            return Week(date.fromisocalendar(year - 1, number, 1))
        except ValueError:
            return None


def week_of(moment: datetime) -> Week:
    """Return the week in which a moment lies, by the clock of Shanghai."""
    day = local_date(moment)
    return Week(day - timedelta(days=day.weekday()))


def read_week(name: str) -> Week:
    """Return the week of an ISO 8601 name such as 2026-W47; raises InvalidInput `week-invalid`."""
    found = re.fullmatch(r"(20\d\d)-W(\d\d)", name)
    try:
        if found:
            return Week(date.fromisocalendar(int(found[1]), int(found[2]), 1))
    except ValueError:
        pass
    raise InvalidInput(
        "week-invalid",
        Words("请写成 2026-W47 的形式。", "Write the week like 2026-W47."),
        field="week",
    )

"""Working days counted from a table made once: a bulletin asks for them many thousand times."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from itertools import accumulate

from schemas.workdays import (
    CalendarOverrides,
    Span,
    due_date,
    is_working_day,
    working_days_between,
)


@lru_cache(maxsize=8)
def _counted(
    days: tuple[tuple[date, bool], ...], years: frozenset[int], first: date, last: date
) -> list[int]:
    """Return how many working days there were from the first day up to each one."""
    calendar = CalendarOverrides(dict(days), years)
    every = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return list(accumulate(is_working_day(day, overrides=calendar) for day in every))


class WorkingDays:
    """Answers as schemas.workdays does, for days of `first_year` to `last_year` at once."""

    def __init__(self, calendar: CalendarOverrides, *, first_year: int, last_year: int) -> None:
        self.calendar = calendar
        self._first = date(first_year, 1, 1)
        days = tuple(sorted(calendar.days.items()))
        self._counted = _counted(days, calendar.years, self._first, date(last_year, 12, 31))

    def due_on(self, start: date, working_days: int, *, paused: Sequence[Span] = ()) -> date:
        """Return the last day of a period, as schemas.workdays.due_date does."""
        at = self._at(start)
        if not paused and at is not None:
            found = bisect_left(self._counted, self._counted[at] + working_days)
            if found < len(self._counted):
                return self._first + timedelta(days=found)
        return due_date(start, working_days, overrides=self.calendar, paused=paused).date

    def between(self, start: date, end: date) -> int:
        """Count the working days after `start` up to and including `end`."""
        first, last = self._at(start), self._at(end)
        if first is None or last is None:
            return working_days_between(start, end, overrides=self.calendar)
        return self._counted[last] - self._counted[first]

    def _at(self, day: date) -> int | None:
        at = (day - self._first).days
        return at if 0 <= at < len(self._counted) else None

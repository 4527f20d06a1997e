"""The table of working days answers as the arithmetic does, holidays and make-up days included."""

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.bulletins.working_days import WorkingDays
from schemas.workdays import (
    CalendarOverrides,
    due_date,
    is_working_day,
    last_published_year,
    unpublished,
    working_days_between,
)

CALENDAR = CalendarOverrides({date(2026, 11, 23): False, date(2026, 11, 28): True})
DAYS = WorkingDays(CALENDAR, first_year=2024, last_year=2027)
dates = st.dates(date(2023, 11, 1), date(2028, 3, 1))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(start=dates, length=st.integers(1, 60), span=st.integers(0, 200))
def test_it_answers_as_the_arithmetic_does(start, length, span) -> None:
    assert DAYS.due_on(start, length) == due_date(start, length, overrides=CALENDAR).date
    end = start + timedelta(days=span)
    assert DAYS.between(start, end) == working_days_between(start, end, overrides=CALENDAR)
    pause = [(start + timedelta(days=3), start + timedelta(days=9))]
    assert (
        DAYS.due_on(start, length, paused=pause)
        == due_date(start, length, overrides=CALENDAR, paused=pause).date
    )


def test_an_earlier_edition_of_the_calendar_can_be_counted_with() -> None:
    # The National Day of 2026 is free only for whoever knows the calendar of 2026.
    day = date(2026, 10, 1)
    assert last_published_year() >= 2026
    assert not is_working_day(day)
    assert is_working_day(day, overrides=unpublished(after=2025))
    assert not is_working_day(date(2026, 1, 1), overrides=unpublished(after=2025))

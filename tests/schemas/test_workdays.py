import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InvalidInput
from schemas.workdays import (
    NO_OVERRIDES,
    CalendarOverrides,
    due_date,
    is_working_day,
    local_date,
    read_calendar,
    working_days_between,
)

D = dt.date
PUBLISHED_DAYS = st.dates(D(2010, 1, 1), D(2026, 8, 31))


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (D(2025, 9, 28), True),  # Sunday, made up for National Day
        (D(2025, 10, 11), True),  # Saturday, likewise
        (D(2025, 10, 1), False),
        (D(2025, 10, 8), False),  # Wednesday, the last of eight free days
        (D(2025, 10, 9), True),
        (D(2025, 10, 12), False),  # an ordinary Sunday
        (D(2026, 1, 4), True),  # Sunday, made up for New Year
        (D(2026, 2, 14), True),  # Saturday, made up for Spring Festival
        (D(2026, 2, 16), False),
        (D(2026, 2, 28), True),
        (D(2026, 5, 9), True),
        (D(2026, 9, 25), False),  # Mid-autumn
        (D(2026, 10, 10), True),
        (D(2026, 11, 23), True),
    ],
)
def test_published_days_are_as_the_state_council_announced(day, works):
    assert is_working_day(day) is works


def test_the_start_day_is_not_counted():
    assert due_date(D(2026, 11, 2), 1).date == D(2026, 11, 3)


def test_national_day_2025_is_skipped_and_the_made_up_sunday_and_saturday_count():
    due = due_date(D(2025, 9, 26), 5)
    # 28 (Sunday), 29, 30 September, 9, 10 October.
    assert due.date == D(2025, 10, 10)
    assert due.make_up_days_counted == (D(2025, 9, 28),)
    assert due.holidays_skipped == tuple(D(2025, 10, n) for n in (1, 2, 3, 6, 7, 8))
    assert not due.provisional
    following = due_date(D(2025, 9, 26), 6)
    assert following.date == D(2025, 10, 11)
    assert following.make_up_days_counted == (D(2025, 9, 28), D(2025, 10, 11))


def test_a_period_that_begins_on_a_free_day_counts_from_the_next_working_day():
    assert due_date(D(2026, 11, 21), 1).date == D(2026, 11, 23)


@given(PUBLISHED_DAYS, st.integers(1, 60))
def test_a_due_date_is_what_walking_day_by_day_finds(start, working_days):
    due = due_date(start, working_days)
    walked = [start + dt.timedelta(days=n) for n in range(1, (due.date - start).days + 1)]
    worked = [day for day in walked if is_working_day(day)]
    assert len(worked) == working_days
    assert worked[-1] == due.date
    assert due.make_up_days_counted == tuple(d for d in worked if d.weekday() > 4)
    free = [day for day in walked if day not in worked]
    assert due.holidays_skipped == tuple(d for d in free if d.weekday() <= 4)


@given(PUBLISHED_DAYS, st.integers(1, 60))
def test_what_is_left_until_the_due_date_is_what_was_given(start, working_days):
    due = due_date(start, working_days)
    assert working_days_between(start, due.date) == working_days
    assert working_days_between(due.date, start) == -working_days


def test_nothing_is_left_on_the_day_itself_and_overdue_days_are_negative():
    assert working_days_between(D(2026, 11, 23), D(2026, 11, 23)) == 0
    assert working_days_between(D(2026, 11, 25), D(2026, 11, 20)) == -3


def test_a_due_date_in_an_unpublished_year_is_provisional():
    due = due_date(D(2026, 12, 21), 15)
    assert due.provisional
    # Weekends and 1 January only: 22 December to 12 January.
    assert due.date == D(2027, 1, 12)
    assert due.holidays_skipped == (D(2027, 1, 1),)


def test_a_due_date_before_the_end_of_the_last_published_year_is_settled():
    assert not due_date(D(2026, 11, 20), 15).provisional


def test_the_last_three_days_of_a_year_wait_for_the_notice_of_the_next():
    # The notice for 2019 made Saturday 29 December 2018 a working day.
    assert is_working_day(D(2018, 12, 29))
    assert not due_date(D(2026, 12, 25), 1).provisional
    assert due_date(D(2026, 12, 28), 1).provisional
    assert not due_date(D(2025, 12, 29), 1).provisional


def test_a_year_before_the_published_ones_is_provisional_too():
    assert due_date(D(2003, 5, 6), 1).provisional


def test_a_loaded_year_settles_the_due_date():
    loaded = CalendarOverrides(
        {D(2027, 1, 1): False, D(2027, 1, 2): False, D(2027, 1, 4): False, D(2027, 1, 9): True},
        frozenset({2027}),
    )
    due = due_date(D(2026, 12, 28), 8, overrides=loaded)
    # 29, 30, 31 December, 5, 6, 7, 8, 9 (Saturday) January.
    assert due.date == D(2027, 1, 9)
    assert not due.provisional
    assert due.holidays_skipped == (D(2027, 1, 1), D(2027, 1, 4))
    assert due.make_up_days_counted == (D(2027, 1, 9),)


def test_an_operators_day_wins_over_the_published_calendar():
    closed = CalendarOverrides({D(2026, 11, 24): False}, frozenset())
    assert due_date(D(2026, 11, 23), 1, overrides=closed).date == D(2026, 11, 25)
    assert working_days_between(D(2026, 11, 23), D(2026, 11, 25), overrides=closed) == 1


@pytest.mark.parametrize("working_days", [0, -1, 2601])
def test_a_senseless_number_of_working_days_is_refused(working_days):
    with pytest.raises(InvalidInput) as refused:
        due_date(D(2026, 11, 21), working_days)
    assert refused.value.code == "working-days-out-of-range"


def test_the_day_is_that_of_shanghai():
    assert local_date(dt.datetime(2026, 11, 20, 15, 59, tzinfo=dt.UTC)) == D(2026, 11, 20)
    assert local_date(dt.datetime(2026, 11, 20, 16, 0, tzinfo=dt.UTC)) == D(2026, 11, 21)


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(InvalidInput) as refused:
        local_date(dt.datetime(2026, 11, 20, 16, 0))  # noqa: DTZ001 - this is what is refused.
    assert refused.value.code == "time-without-zone"


def test_a_calendar_file_is_read(tmp_path):
    file = tmp_path / "2027.json"
    content = {"years": [2027], "2027-01-01": False, "2027-01-09": True, "2026-12-31": False}
    file.write_text(json.dumps(content), "utf-8")
    loaded = read_calendar(file)
    assert loaded.years == {2027}
    assert loaded.days == {D(2027, 1, 1): False, D(2027, 1, 9): True, D(2026, 12, 31): False}
    assert not is_working_day(D(2026, 12, 31), overrides=loaded)
    assert is_working_day(D(2027, 1, 8), overrides=loaded)
    assert not is_working_day(D(2027, 1, 10), overrides=loaded)


def test_an_empty_set_of_overrides_changes_nothing():
    assert NO_OVERRIDES.days == {}
    assert NO_OVERRIDES.years == frozenset()


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        pytest.param("{", "not valid JSON", id="broken"),
        pytest.param("[" * 100_000, "not valid JSON", id="nested"),
        pytest.param("[2027]", "one JSON object", id="a list"),
        pytest.param('{"2027-01-01": false}', "years", id="no years"),
        pytest.param('{"years": ["2027"]}', "years", id="year as text"),
        pytest.param('{"years": [true]}', "years", id="year as truth"),
        pytest.param('{"years": [27]}', "years", id="two-digit year"),
        pytest.param('{"years": [2027], "1 Jan": false}', "1 Jan", id="no date"),
        pytest.param('{"years": [2027], "2027-02-30": false}', "2027-02-30", id="no such day"),
        pytest.param('{"years": [2027], "2027-01-01": "休"}', "2027-01-01", id="no truth"),
        pytest.param('{"years": [2027], "2028-01-01": false}', "2028-01-01", id="other year"),
        pytest.param(
            '{"years": [2027], "2027-01-01": false, "2027-01-01": true}', "twice", id="said twice"
        ),
    ],
)
def test_a_calendar_file_that_is_wrong_is_refused_with_the_place(tmp_path, text, hint):
    file = tmp_path / "calendar.json"
    file.write_text(text, "utf-8")
    with pytest.raises(InvalidInput) as refused:
        read_calendar(file)
    assert refused.value.code == "calendar-file-invalid"
    assert hint in refused.value.words.en


def test_a_calendar_file_that_is_not_there_or_not_utf_8_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="can't be read"):
        read_calendar(tmp_path / "none.json")
    file = tmp_path / "gbk.json"
    file.write_bytes('{"years": [2027], "春节": false}'.encode("gbk"))
    with pytest.raises(InvalidInput, match="UTF-8"):
        read_calendar(file)

"""Working-day arithmetic over the published calendars of the State Council, Asia/Shanghai."""

import datetime as dt
import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import chinese_calendar

from schemas.errors import InvalidInput
from schemas.words import Words

SHANGHAI = ZoneInfo("Asia/Shanghai")
_ONE_DAY = dt.timedelta(days=1)
# Ten years of working days; a longer period is a mistake and would only loop.
_LONGEST = 2_600


@dataclass(frozen=True)
class CalendarOverrides:
    """What an operator loaded: day → is it a working day, and the years thereby published."""

    days: Mapping[dt.date, bool] = field(default_factory=lambda: MappingProxyType({}))
    years: frozenset[int] = frozenset()


NO_OVERRIDES = CalendarOverrides()


@dataclass(frozen=True, slots=True)
class DueDate:
    """The last day of a period, and what was counted to reach it.

    `provisional` means that the period reaches days whose calendar is not yet
    published. `holidays_skipped` are the days from Monday to Friday that were not
    counted, `make_up_days_counted` the Saturdays and Sundays that were, and
    `paused_days` the days that would have counted but lay in a pause.
    """

    date: dt.date
    provisional: bool
    holidays_skipped: tuple[dt.date, ...]
    make_up_days_counted: tuple[dt.date, ...]
    paused_days: tuple[dt.date, ...] = ()


# The first and the last day of a time that a period leaves out, both included.
Span = tuple[dt.date, dt.date]


def due_date(
    start: dt.date,
    working_days: int,
    *,
    overrides: CalendarOverrides = NO_OVERRIDES,
    paused: Sequence[Span] = (),
) -> DueDate:
    """Return the last day of a period of so many working days that begins on `start`.

    The start day is not counted (Civil Code art. 201), statutory holidays and
    weekends are not either (Administrative Penalty Law art. 85), make-up working
    days are; days in a pause (testing, appraisal: penalty procedure art. 18) are not.
    Raises InvalidInput when `working_days` is not from 1 to 2,600.
    """
    if not 1 <= working_days <= _LONGEST:
        raise InvalidInput(
            "working-days-out-of-range",
            Words(
                f"工作日天数须在 1 到 {_LONGEST} 之间。",
                f"The number of working days must be from 1 to {_LONGEST}.",
            ),
            field="working_days",
        )
    counted = 0
    provisional = False
    skipped: list[dt.date] = []
    made_up: list[dt.date] = []
    left_out: list[dt.date] = []
    day = start
    while counted < working_days:
        day += _ONE_DAY
        provisional = provisional or not _is_published(day, overrides)
        if is_working_day(day, overrides=overrides):
            if _in_a_span(day, paused):
                left_out.append(day)
                continue
            counted += 1
            if _is_weekend(day):
                made_up.append(day)
        elif not _is_weekend(day):
            skipped.append(day)
    return DueDate(day, provisional, tuple(skipped), tuple(made_up), tuple(left_out))


def calendar_due_date(start: dt.date, days: int, *, paused: Sequence[Span] = ()) -> DueDate:
    """Return the last day of a period of so many calendar days; days in a pause do not count."""
    day, left_out = start, []
    while days > 0:
        day += _ONE_DAY
        if _in_a_span(day, paused):
            left_out.append(day)
        else:
            days -= 1
    return DueDate(
        day,
        holidays_skipped=(),
        make_up_days_counted=(),
        provisional=False,
        paused_days=tuple(left_out),
    )


def merged(base: CalendarOverrides, later: CalendarOverrides) -> CalendarOverrides:
    """Return both calendars as one; `later` wins, day by day."""
    return CalendarOverrides(
        MappingProxyType({**base.days, **later.days}), base.years | later.years
    )


def _in_a_span(day: dt.date, spans: Sequence[Span]) -> bool:
    return any(first <= day <= last for first, last in spans)


def working_days_between(
    start: dt.date, end: dt.date, *, overrides: CalendarOverrides = NO_OVERRIDES
) -> int:
    """Count the working days after `start` up to and including `end`; negative when `end` is past.

    So `working_days_between(today, due)` is what is left of a period, and the
    inverse of `due_date`.
    """
    if end < start:
        return -working_days_between(end, start, overrides=overrides)
    return sum(is_working_day(day, overrides=overrides) for day in _days_after(start, end))


def is_working_day(day: dt.date, *, overrides: CalendarOverrides = NO_OVERRIDES) -> bool:
    """Whether offices work: the operator's file, else the published calendar, else the week.

    Without a published calendar only weekends and 1 January are free.
    """
    if day in overrides.days:
        return overrides.days[day]
    if day.year in overrides.years:
        return not _is_weekend(day)
    published = _published(day)
    if published is not None:
        return published
    return not _is_weekend(day) and (day.month, day.day) != (1, 1)


def last_published_year() -> int:
    """Return the last year whose calendar the package knows."""
    year = dt.date.today().year + 1  # noqa: DTZ011 - any day near today will do to begin at
    while _published(dt.date(year, 1, 1)) is None:
        year -= 1
    return year


def unpublished(*, after: int) -> CalendarOverrides:
    """Return a calendar in which the package knows no year after `after`.

    For counting as somebody counted who had an earlier edition of the package.
    """
    days = {
        day: not _is_weekend(day) and (day.month, day.day) != (1, 1)
        for year in range(after + 1, last_published_year() + 1)
        for day in _days_after(dt.date(year - 1, 12, 31), dt.date(year, 12, 31))
    }
    return CalendarOverrides(MappingProxyType(days))


def last_night(now: dt.datetime) -> dt.datetime:
    """Return the last three o'clock in the morning in Shanghai at or before `now`, in UTC."""
    local = now.astimezone(SHANGHAI)
    three = local.replace(hour=3, minute=0, second=0, microsecond=0)
    return (three if three <= local else three - _ONE_DAY).astimezone(dt.UTC)


def local_date(moment: dt.datetime) -> dt.date:
    """Return the day it is in Shanghai at an aware `moment`; InvalidInput without a time zone."""
    if moment.tzinfo is None:
        raise InvalidInput(
            "time-without-zone",
            Words("时间缺少时区，请注明时区后再试。", "The time has no zone; send it with one."),
        )
    return moment.astimezone(SHANGHAI).date()


def _is_weekend(day: dt.date) -> bool:
    return day.weekday() >= 5


def _days_after(start: dt.date, end: dt.date) -> Iterator[dt.date]:
    for days in range(1, (end - start).days + 1):
        yield start + dt.timedelta(days=days)


@functools.lru_cache(maxsize=4096)
def _published(day: dt.date) -> bool | None:
    """Whether the package's calendar says this is a working day; None where it has no year."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return None


def _is_published(day: dt.date, overrides: CalendarOverrides) -> bool:
    """Whether a State Council notice that settles this day is known.

    The notice of a year has also moved working days into the last days of
    December before it (29 December 2007 and 2018), so these wait for it.
    """
    years = {day.year}
    if (day.month, day.day) >= (12, 29):
        years.add(day.year + 1)
    return all(
        year in overrides.years or _published(dt.date(year, 1, 1)) is not None for year in years
    )


def read_calendar(path: Path) -> CalendarOverrides:
    """Read an operator's calendar file; raises InvalidInput saying what to mend.

    JSON: `{"years": [2027], "2027-01-01": false, "2027-02-14": true, …}`, where
    `true` is a working day. A year listed under `years` counts as published:
    what is not named in it follows the week.
    """
    try:
        content = json.loads(path.read_text("utf-8-sig"), object_pairs_hook=_no_key_twice)
    except OSError as error:
        raise _bad_calendar(
            f"无法读取日历文件 {path.name}，请检查路径和权限。",
            f"The calendar file {path.name} can't be read; check its path and permissions.",
        ) from error
    except (ValueError, RecursionError) as error:
        raise _bad_calendar(
            f"日历文件 {path.name} 不是有效的 UTF-8 JSON：{error}",
            f"The calendar file {path.name} is not valid JSON in UTF-8: {error}",
        ) from error
    if not isinstance(content, dict):
        raise _bad_calendar(
            "日历文件应为一个 JSON 对象，例如 {\"years\": [2027], \"2027-01-01\": false}。",
            'The calendar file must be one JSON object such as {"years": [2027], '
            '"2027-01-01": false}.',
        )  # fmt: skip
    years = _years(content.pop("years", None))
    days = dict(_day(key, value) for key, value in content.items())
    _nothing_outside(days, years)
    return CalendarOverrides(MappingProxyType(days), years)


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"{twice} stands twice")
    return found


def _years(value: object) -> frozenset[int]:
    if not isinstance(value, list) or not all(
        type(year) is int and 1949 <= year <= 2200 for year in value
    ):
        raise _bad_calendar(
            '日历文件缺少 "years"，或其中不全是年份；请写明已公布的年份，如 [2027]。',
            'The calendar file needs "years", a list of the years it publishes, such as [2027].',
        )
    return frozenset(value)


def _day(key: str, value: object) -> tuple[dt.date, bool]:
    try:
        day = dt.date.fromisoformat(key)
    except ValueError as error:
        raise _bad_calendar(
            f"“{key}”不是日期，请写成 2027-02-06 的形式。",
            f"“{key}” is not a date; write it like 2027-02-06.",
        ) from error
    if not isinstance(value, bool):
        raise _bad_calendar(
            f"{key} 的值须为 true（上班）或 false（放假）。",
            f"The value of {key} must be true (working day) or false (free).",
        )
    return day, value


def _nothing_outside(days: Mapping[dt.date, bool], years: frozenset[int]) -> None:
    # A day in a year that is not listed is most often a slip of the year, except
    # the last days of the year before, which a notice may move.
    for day in days:
        listed = day.year in years or (day.month == 12 and day.year + 1 in years)
        if not listed and _published(day) is None:
            raise _bad_calendar(
                f"{day} 不在 years 所列的年份内；请补上年份或改正日期。",
                f"{day} lies in no year listed under years; add the year or mend the date.",
            )


def _bad_calendar(zh: str, en: str) -> InvalidInput:
    return InvalidInput("calendar-file-invalid", Words(zh, en), field="calendar")

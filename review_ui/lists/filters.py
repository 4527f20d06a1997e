"""What a list is narrowed to: tabs, stages and filters, and their words in an address.

The page, the map, the export, saved views and the API read the same names, so that an
address can be carried from one to another.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, literal, select

from schemas.divisions import Level, divisions
from schemas.errors import InvalidInput
from schemas.flags import FLAGS
from schemas.lifecycle import State
from schemas.stages import ENDED_STATES, RUNNING, UNENDED, Stage, stage_of
from schemas.tables import Case, CaseReport, Report
from schemas.tables.wording import (
    area_token,
    category_token,
    flag_token,
    platform_tokens,
    severity_token,
    state_token,
)
from schemas.taxonomy import CATEGORIES
from schemas.words import Words
from schemas.workdays import SHANGHAI

SEVERITIES = range(1, 6)
_LONGEST_WORDS = 80


class Tab(StrEnum):
    """Which part of the cases in scope a list shows."""

    UNIT = "unit"
    MINE = "mine"
    DISPATCH = "dispatch"
    OVERDUE = "overdue"
    SIGN = "sign"


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; a state names also ended cases, which are else left out.

    `county` is a division code of six digits, of a city or province too; dates are
    days in Shanghai, both ends included.
    """

    state: State | None = None
    category: str | None = None
    severity: int | None = None
    county: str | None = None
    platform: str | None = None
    flag: str | None = None
    received_from: date | None = None
    received_to: date | None = None
    due_from: date | None = None
    due_to: date | None = None
    words: str = ""

    def __bool__(self) -> bool:
        """Whether anything is narrowed at all."""
        return bool(self.as_query())

    def as_query(self) -> dict[str, str]:
        """Return the filters as they stand in an address; `q` are the words."""
        found = {
            each.name: getattr(self, each.name) for each in fields(self) if getattr(self, each.name)
        }
        words = found.pop("words", None)
        return {name: str(value) for name, value in found.items()} | ({"q": words} if words else {})


def stages_of(tab: Tab, state: State | None) -> tuple[Stage, ...]:
    """Return the piles in which the cases of a tab lie, given the state they are narrowed to."""
    piles: dict[Tab, tuple[Stage, ...]] = {
        Tab.UNIT: UNENDED if state is None else tuple(Stage),
        Tab.MINE: UNENDED,
        Tab.DISPATCH: (Stage.DISPATCH, Stage.SIGNING),
        Tab.OVERDUE: RUNNING,
        Tab.SIGN: (Stage.SIGNING,),
    }
    possible = set(Stage) if state is None else {stage_of(state), stage_of(state, is_proposed=True)}
    return tuple(stage for stage in piles[tab] if stage in possible)


def conditions(filters: Filters) -> list[ColumnElement[bool]]:
    """Return the conditions on Case of every filter but the words."""
    found: list[ColumnElement[bool]] = []
    if filters.state:
        found.append(Case.state == filters.state.value)
    for column, code in ((Case.categories, filters.category), (Case.flags, filters.flag)):
        if code:
            # No code holds a character that JSON writes otherwise, so that quoting is exact.
            found.append(cast(column, Text).contains(f'"{code}"', autoescape=True))
    if filters.severity:
        found.append(Case.severity == filters.severity)
    if filters.county:
        found.append(_in_area(filters.county))
    if filters.platform:
        found.append(_from_platform(filters.platform))
    return found + _between_days(filters)


def facets(filters: Filters) -> list[str]:
    """Return the tokens that every case of a list narrowed so has, by schemas.tables.wording.

    Dates and words have none; a platform has them as far as its name has pairs.
    """
    found: list[str] = []
    # Of ended cases every third is in a given state: no index of words helps to find them.
    if filters.state and filters.state not in ENDED_STATES:
        found.append(state_token(filters.state.value))
    if filters.category:
        found.append(category_token(filters.category))
    if filters.flag:
        found.append(flag_token(filters.flag))
    if filters.severity:
        found.append(severity_token(filters.severity))
    if filters.county:
        found.append(area_token(filters.county))
    if filters.platform:
        found += platform_tokens(filters.platform)
    return found


def read_filters(given: Mapping[str, str]) -> Filters:
    """Return the filters of an address; what can't be a filter filters nothing."""

    def lenient(name: str) -> Any:
        try:
            return _READERS[name](given.get(name, ""))
        except (ValueError, KeyError):
            return None

    return _filters(given, lenient)


def read_filters_strictly(given: Mapping[str, str]) -> Filters:
    """Return the filters of a program's address; raises InvalidInput `value-invalid`."""

    def strict(name: str) -> Any:
        text = given.get(name, "")
        try:
            return _READERS[name](text) if text else None
        except (ValueError, KeyError):
            raise InvalidInput(
                "value-invalid",
                Words(f"{name} 不能是“{text[:40]}”。", f"{name} can't be “{text[:40]}”."),
                field=name,
            ) from None

    return _filters(given, strict)


def _filters(given: Mapping[str, str], read: Callable[[str], Any]) -> Filters:
    words = given.get("q", "").replace("\0", "").strip()[:_LONGEST_WORDS]
    return Filters(**{name: read(name) for name in _READERS}, words=words)


def _one_of(codes: Mapping[str, Any]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in codes:
            raise ValueError(text)
        return text

    return read


def _severity(text: str) -> int:
    if text not in {str(each) for each in SEVERITIES}:
        raise ValueError(text)
    return int(text)


def _area(text: str) -> str:
    found = divisions()[text]
    if found.level in (Level.STREET, Level.NATION):
        raise ValueError(text)
    return text


def _platform(text: str) -> str | None:
    return text.replace("\0", "").strip()[:_LONGEST_WORDS] or None


_READERS: dict[str, Callable[[str], Any]] = {
    "state": State,
    "category": _one_of({each.code: each for each in CATEGORIES}),
    "severity": _severity,
    "county": _area,
    "platform": _platform,
    "flag": _one_of(FLAGS),
    "received_from": date.fromisoformat,
    "received_to": date.fromisoformat,
    "due_from": date.fromisoformat,
    "due_to": date.fromisoformat,
}
FILTER_NAMES = (*_READERS, "q")


def _in_area(code: str) -> ColumnElement[bool]:
    prefix = code
    while prefix.endswith("00"):
        prefix = prefix[:-2]
    return Case.county_code == code if len(prefix) == 6 else Case.county_code.startswith(prefix)


def _from_platform(name: str) -> ColumnElement[bool]:
    # One value and not EXISTS, which PostgreSQL may turn into a walk through every report.
    return (
        select(literal(1))
        .select_from(CaseReport)
        .join(Report, Report.id == CaseReport.report_id)
        .where(
            CaseReport.case_id == Case.id,
            CaseReport.unlinked_at.is_(None),
            Report.platform.contains(name, autoescape=True),
        )
        .limit(1)
        .scalar_subquery()
        .is_not(None)
    )


def _between_days(filters: Filters) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if filters.received_from:
        found.append(Case.received_at >= _midnight(filters.received_from))
        # Nothing is due before it came in: the list's own order begins there.
        found.append(Case.due_on >= filters.received_from)
    if filters.received_to:
        found.append(Case.received_at < _midnight(filters.received_to) + timedelta(days=1))
    if filters.due_from:
        found.append(Case.due_on >= filters.due_from)
    if filters.due_to:
        found.append(Case.due_on <= filters.due_to)
    return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)

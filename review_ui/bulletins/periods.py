"""Several weeks together: a year's trend, and months and years made of whole weeks.

A month is made of the ISO weeks whose Thursday lies in it, as ISO 8601 gives weeks to
years: so that each week belongs to one month, and no day is counted twice.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Result, select
from sqlalchemy.orm import Session

from schemas.bulletins.definitions import INDICATORS
from schemas.bulletins.documents import Bulletin
from schemas.bulletins.indicators import Nature, Unit
from schemas.bulletins.tallies import Figures, basis_points
from schemas.errors import InvalidInput
from schemas.tables import BulletinDraft, BulletinIssue
from schemas.weeks import Week
from schemas.words import Words

# A year of weeks, so that the same week a year ago is the first of them.
TREND_WEEKS = 53
_THURSDAY = timedelta(days=3)
# Who reported, or a shop that was found, in two weeks would count twice.
_NOT_ADDED = frozenset({"active_riders", "repeat_shops"})


@dataclass(frozen=True, slots=True)
class WeekFigures:
    """One week's totals: of its latest issue, else of its draft, else None."""

    week: Week
    totals: Figures | None
    is_published: bool = False


@dataclass(frozen=True, slots=True)
class Period:
    """A month (2026-11) or a year (2026) as whole weeks."""

    name: str
    weeks: tuple[Week, ...]

    @property
    def is_year(self) -> bool:
        """Whether it is a year."""
        return len(self.name) == len("2026")


def trend(session: Session, *, scope: str, weeks: Sequence[Week]) -> list[WeekFigures]:
    """Return the totals of weeks as far as they were counted, in the same order."""
    first, last = weeks[0].name, weeks[-1].name
    drafts = session.execute(
        select(BulletinDraft.week, BulletinDraft.document).where(
            BulletinDraft.scope_code == scope, BulletinDraft.week.between(first, last)
        )
    )
    issues = session.execute(
        select(BulletinIssue.week, BulletinIssue.document)
        .where(BulletinIssue.scope_code == scope, BulletinIssue.week.between(first, last))
        .order_by(BulletinIssue.revision)
    )
    drafted, published = _totals(drafts), _totals(issues)
    return [
        WeekFigures(
            week, published.get(week.name) or drafted.get(week.name), week.name in published
        )
        for week in weeks
    ]


def _totals(rows: Result[str, str]) -> dict[str, Figures]:
    return {week: json.loads(document)["totals"] for week, document in rows}


def year_until(session: Session, bulletin: Bulletin) -> list[WeekFigures]:
    """Return the year that ends with a bulletin's week, with what that knows of other weeks."""
    weeks = [bulletin.week.after(number) for number in range(1 - TREND_WEEKS, 1)]
    known = {bulletin.week: bulletin.totals}
    for other in (bulletin.previous, bulletin.last_year):
        if other:
            known[other.week] = other.totals
    return [
        each
        if each.totals is not None and each.week != bulletin.week
        else WeekFigures(each.week, known.get(each.week), each.is_published)
        for each in trend(session, scope=bulletin.scope, weeks=weeks)
    ]


def read_period(name: str) -> Period:
    """Return the period of a name such as 2026-11 or 2026; raises InvalidInput `period-invalid`."""
    found = re.fullmatch(r"(20\d\d)(?:-(\d\d))?", name)
    if not found or not 1 <= int(found[2] or 1) <= 12:
        raise InvalidInput(
            "period-invalid",
            Words("请写成 2026 或 2026-11 的形式。", "Write the period like 2026 or 2026-11."),
            field="period",
        )
    year, month = int(found[1]), int(found[2]) if found[2] else None
    thursday = date(year, month or 1, 1)
    thursday += timedelta(days=(3 - thursday.weekday()) % 7)
    weeks = []
    while thursday.year == year and month in (None, thursday.month):
        weeks.append(Week(thursday - _THURSDAY))
        thursday += timedelta(weeks=1)
    return Period(name, tuple(weeks))


def period_of(week: Week, *, year: bool) -> str:
    """Return the name of the month or year that a week belongs to."""
    thursday = week.monday + _THURSDAY
    return f"{thursday:%Y}" if year else f"{thursday:%Y-%m}"


def neighbours(period: Period, *, present: Week) -> tuple[str, str | None]:
    """Return the names of the period before and of the one after, None where that has not begun."""
    before = period_of(period.weeks[0].after(-1), year=period.is_year)
    after = period.weeks[-1].after(1)
    return before, period_of(after, year=period.is_year) if after <= present else None


def summed(weeks: Sequence[WeekFigures]) -> dict[str, int | None]:
    """Return the figures of several weeks: flows added, stocks of the last, rates of the sums.

    None for what can't be made from weeks: medians, means and people.
    """
    known = [each.totals for each in weeks if each.totals is not None]
    found: dict[str, int | None] = {
        key: _together(key, known) for key, each in INDICATORS.items() if not each.whole
    }
    for key, each in INDICATORS.items():
        if each.part and each.whole:
            part, whole = found[each.part], found[each.whole]
            found[key] = None if part is None or whole is None else basis_points(part, whole)
    return found


def _together(key: str, known: Sequence[Mapping[str, int | None]]) -> int | None:
    indicator = INDICATORS[key]
    if not known or indicator.unit is Unit.HUNDREDTHS_OF_DAYS or key in _NOT_ADDED:
        return None
    if indicator.nature is Nature.STOCK:
        return known[-1].get(key)
    return sum(each.get(key) or 0 for each in known)

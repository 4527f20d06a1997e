"""The week in numbers, recomputed from the rows each time, by county.

A week runs from Monday 00:00 to the next Monday 00:00 in Asia/Shanghai, half-open,
and is named by ISO 8601 (2026-W47).
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, String, cast, func, literal, null, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from review_ui.access.scope import visible_cases
from review_ui.access.staff import SignedIn
from schemas.access import Right
from schemas.lifecycle import State
from schemas.tables import Case, CaseHistory, CaseReport, Report
from schemas.weeks import Week
from schemas.words import Words


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: its name and exactly what is counted."""

    words: Words
    definition: Words


FIGURES: dict[str, Figure] = {
    "received": Figure(
        Words("收到举报", "Reports received"),
        Words(
            "本周内系统收到、现在属于本县区案件的举报份数；一份举报分给几个部门时，只计一次。",
            "Reports received by the server in the week that now stand in a case of the county; "
            "a report that went to several departments counts once.",
        ),
    ),
    "opened": Figure(
        Words("立为案件", "Cases opened"),
        Words(
            "本周内建立的案件数；几份举报反映同一线索的，合为一案。",
            "Cases opened in the week; several reports of one incident make one case.",
        ),
    ),
    "verified": Figure(
        Words("查实", "Verified"),
        Words(
            "本周内由两名执法人员签字查实的案件数；责令改正后的复查不重复计。",
            "Cases verified in the week with two signatures; a re-inspection after "
            "rectification is not counted again.",
        ),
    ),
    "penalised": Figure(
        Words("处罚", "Penalised"),
        Words(
            "本周内作出处罚决定的案件数；责令改正不是处罚，不计入。",
            "Cases with a penalty decision in the week; an order to rectify is no penalty and "
            "is not counted.",
        ),
    ),
    "closed": Figure(
        Words("办结", "Closed"),
        Words(
            "本周内办结的案件数；办结不等于停业。",
            "Cases closed in the week; a closed case does not mean a closed shop.",
        ),
    ),
}


# What is counted over all counties at once, beside the figures by county.
_WHOLE = "received in all"


@dataclass(frozen=True, slots=True)
class CountyCounts:
    """One county's figures of a week; `county_code` is None while the territory is undecided."""

    county_code: str | None
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class WeekCounts:
    """A week's figures by county, those with none left out, and their sums."""

    week: Week
    counties: tuple[CountyCounts, ...]
    totals: dict[str, int]


def week_counts(session: Session, *, staff: SignedIn, week: Week) -> WeekCounts:
    """Count one week by county, over the cases in the person's tree, in one statement."""
    by_county: dict[str | None, dict[str, int]] = defaultdict(lambda: dict.fromkeys(FIGURES, 0))
    scope = visible_cases(staff, Right.SEE_COUNTS)
    parts = _statements(week, scope) | {_WHOLE: _received_in_all(week, scope)}
    named = (part.add_columns(literal(name)) for name, part in parts.items())
    received = 0
    for county_code, number, name in session.execute(union_all(*named)):
        if name == _WHOLE:
            received = number
        else:
            by_county[county_code][name] = number
    # The undecided come last: they are about to become some county's.
    ordered = sorted(by_county, key=lambda code: (code is None, code))
    counties = tuple(CountyCounts(code, by_county[code]) for code in ordered)
    totals = {name: sum(county.counts[name] for county in counties) for name in FIGURES}
    return WeekCounts(week, counties, totals | {"received": received})


def _statements(week: Week, scope: ColumnElement[bool]) -> dict[str, Select[str | None, int]]:
    county = Case.county_code
    received = (
        select(county, func.count(Report.id.distinct()))
        .join(CaseReport, CaseReport.case_id == Case.id)
        .join(Report, Report.id == CaseReport.report_id)
        .where(scope, CaseReport.unlinked_at.is_(None), *_within(Report.received_at, week))
        .group_by(county)
    )
    opened = (
        select(county, func.count(Case.id))
        .where(scope, *_within(Case.opened_at, week))
        .group_by(county)
    )
    return {
        "received": received,
        "opened": opened,
        "verified": _moved(week, scope, State.VERIFIED, source=State.VERIFYING),
        "penalised": _moved(week, scope, State.PENALISED),
        "closed": _moved(week, scope, State.CLOSED),
    }


def _moved(
    week: Week, scope: ColumnElement[bool], target: State, *, source: State | None = None
) -> Select[str | None, int]:
    statement = (
        select(Case.county_code, func.count(Case.id.distinct()))
        .join(CaseHistory, CaseHistory.case_id == Case.id)
        .where(
            scope,
            CaseHistory.to_state == target.value,
            *_within(CaseHistory.occurred_at, week),
        )
        .group_by(Case.county_code)
    )
    return statement.where(CaseHistory.from_state == source.value) if source else statement


def _within(column: InstrumentedAttribute[datetime], week: Week) -> tuple[ColumnElement[bool], ...]:
    return column >= week.begins_at, column < week.ends_at


def _received_in_all(week: Week, scope: ColumnElement[bool]) -> Select[str | None, int]:
    """Return the statement of how many reports were received, without a county.

    A report can stand in cases of two counties after it was assigned anew: the sum of the
    counties would count it twice.
    """
    return (
        select(cast(null(), String(6)), func.count(Report.id.distinct()))
        .join(CaseReport, CaseReport.report_id == Report.id)
        .join(Case, Case.id == CaseReport.case_id)
        .where(scope, CaseReport.unlinked_at.is_(None), *_within(Report.received_at, week))
    )

"""Counts a week of a territory as it was known at a moment: the same answer for ever.

compute() is a function of append-only facts and of its parameters. It reads no present
column of a case and no draft, so that whoever asks again years later gets the same.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import chain
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

from schemas.bulletins.campaigns import campaign_counts
from schemas.bulletins.candidates import cases_of_week
from schemas.bulletins.counting import Count, Frame, counts_of
from schemas.bulletins.definitions import INDICATORS
from schemas.bulletins.documents import Bulletin, Cohort, Compared
from schemas.bulletins.facts import read_files
from schemas.bulletins.methods import PRESENT, Method
from schemas.bulletins.parameters import Parameters
from schemas.bulletins.tallies import Figures, Tallies, Tally, cohort_figures
from schemas.bulletins.territory import Scope, Table, read_scope
from schemas.bulletins.working_days import WorkingDays
from schemas.points import EntryKind
from schemas.tables import (
    CaseReport,
    PointAward,
    PointEntry,
    PointOffer,
    PointRedemption,
    Report,
    ShopFinding,
)
from schemas.weeks import Week

_POINTS: dict[str, str] = {
    EntryKind.EARNED.value: "points_earned",
    EntryKind.APPROVED.value: "points_approved",
    EntryKind.REFUSED.value: "points_reversed",
    EntryKind.REVERSED.value: "points_reversed",
    EntryKind.SPENT.value: "points_spent",
}
# How far back a shop that was verified before is a repeated one.
REPEAT_WEEKS = 52
# A case can wait for years; for what lies outside, days are counted one by one.
_YEARS_BACK, _YEARS_AHEAD = 3, 2


def compute(
    session: Session,
    *,
    week: Week,
    scope: str,
    known_at: datetime,
    parameters: Parameters,
    method: Method = PRESENT,
) -> Bulletin:
    """Count a week of a territory, and the weeks that it is compared with.

    `scope` is a GB/T 2260 code, 000000 for the country; `method` that of the issue that is
    proved or revised. Raises InvalidInput `scope-unknown`.
    """
    territory = read_scope(session, scope)
    frame = frame_of(
        session,
        week=week,
        scope=territory,
        known_at=known_at,
        parameters=parameters,
        method=method,
    )
    found = tallies_of(session, frame)
    before = week.year_before()
    return Bulletin(
        method=method.name,
        scope=scope,
        week=week,
        as_of=frame.as_of,
        known_at=known_at,
        parameters=parameters,
        totals=method.cut(found.total.figures()),
        tables=_tables(found, frame),
        cohorts=tuple(
            Cohort(each, method.cut(cohort_figures(found.cohorts[each])))
            for each in sorted(found.cohorts)
        ),
        previous=_compared(session, frame, week.after(-1)),
        last_year=_compared(session, frame, before) if before else None,
    )


def frame_of(
    session: Session,
    *,
    week: Week,
    scope: Scope,
    known_at: datetime,
    parameters: Parameters,
    method: Method = PRESENT,
) -> Frame:
    """Return the frame in which a week is counted, with its calendar made ready."""
    calendar = parameters.calendar(session, known_at=known_at)
    year = week.monday.year
    days = WorkingDays(calendar, first_year=year - _YEARS_BACK, last_year=year + _YEARS_AHEAD)
    return Frame(week, scope, known_at, parameters, days, method)


def tallies_of(session: Session, frame: Frame) -> Tallies:
    """Count one week; of the cases some hundred are in memory at a time."""
    found = Tallies()
    for count in counts_in(session, frame, cases_of_week(session, frame)):
        found.add(count, week=frame.week)
    aside = (_points, _repeat_shops, campaign_counts)
    for count in chain.from_iterable(each(session, frame) for each in aside):
        found.add(count, week=frame.week)
    if frame.scope.is_nation:
        number = _unprocessed(session, frame)
        found.add(Count("unprocessed", number, ()), week=frame.week)
        found.add(Count("received", number, ()), week=frame.week)
        found.add(Count("received_waiting", number, ()), week=frame.week)
    return found


def counts_in(session: Session, frame: Frame, case_ids: Iterable[UUID]) -> Iterator[Count]:
    """Yield what these cases add to the frame's week."""
    for file in read_files(session, case_ids):
        yield from counts_of(file, frame)


def _compared(session: Session, frame: Frame, week: Week) -> Compared:
    other = replace(frame, week=week, with_cohorts=False)
    found = tallies_of(session, other)
    return Compared(week, frame.method.cut(found.total.figures()), _tables(found, frame))


def _tables(found: Tallies, frame: Frame) -> dict[str, dict[str, Figures]]:
    names = (*frame.scope.areas, Table.CATEGORY, Table.PLATFORM, Table.SEVERITY)
    return {
        name.value: {
            row: figures
            for row, tally in sorted(found.tables[name].items())
            for figures in (_row(tally, frame.method),)
            if figures
        }
        for name in names
    }


def _row(tally: Tally, method: Method) -> Figures:
    # A count of zero goes without saying; a rate of zero is a figure.
    return {
        key: value
        for key, value in method.cut(tally.figures()).items()
        if value or (value == 0 and not INDICATORS[key].is_count)
    }


def _points(session: Session, frame: Frame) -> Iterator[Count]:
    """Count the points of the week: those of awards by the award's unit, of the mall by its own."""
    unit_id = func.coalesce(PointAward.unit_id, PointOffer.unit_id)
    rows = session.execute(
        select(unit_id, PointEntry.kind, func.sum(PointEntry.points))
        .outerjoin(PointAward, PointAward.id == PointEntry.award_id)
        .outerjoin(PointRedemption, PointRedemption.id == PointEntry.redemption_id)
        .outerjoin(PointOffer, PointOffer.id == PointRedemption.offer_id)
        .where(
            PointEntry.posted_at >= frame.week.begins_at,
            PointEntry.posted_at < frame.as_of,
            PointEntry.posted_at <= frame.known_at,
        )
        .group_by(unit_id, PointEntry.kind)
    )
    for unit, kind, points in rows:
        key = _POINTS.get(kind)
        if key and unit in frame.scope.units:
            areas = tuple((table, frame.scope.row_of(table, unit)) for table in frame.scope.areas)
            yield Count(key, int(points), areas)


def _repeat_shops(session: Session, frame: Frame) -> Iterator[Count]:
    """Count the shops verified in the week that another case had found before."""
    earlier = aliased(ShopFinding)
    begins_at, units = frame.week.begins_at, frame.scope.units
    rows = session.execute(
        select(ShopFinding.shop_key, ShopFinding.unit_id, earlier.unit_id)
        .join(earlier, earlier.shop_key == ShopFinding.shop_key)
        .where(
            ShopFinding.occurred_at >= begins_at,
            ShopFinding.occurred_at < frame.as_of,
            ShopFinding.recorded_at <= frame.known_at,
            earlier.occurred_at >= frame.week.after(-REPEAT_WEEKS).begins_at,
            earlier.occurred_at < begins_at,
            earlier.recorded_at <= frame.known_at,
            earlier.case_id != ShopFinding.case_id,
        )
        .distinct()
    )
    for key, unit, earlier_unit in rows:
        if unit in units and earlier_unit in units:
            areas = tuple((table, frame.scope.row_of(table, unit)) for table in frame.scope.areas)
            yield Count("repeat_shops", 1, areas, one_of=key)


def _unprocessed(session: Session, frame: Frame) -> int:
    """Count the week's reports that stood in no case, as far as was known."""
    return (
        session.scalar(
            select(func.count(Report.id)).where(
                Report.received_at >= frame.week.begins_at,
                Report.received_at < frame.as_of,
                ~exists().where(CaseReport.report_id == Report.id, _stood(frame.known_at)),
            )
        )
        or 0
    )


def _stood(known_at: datetime) -> ColumnElement[bool]:
    ended = CaseReport.unlinked_at
    return (CaseReport.linked_at <= known_at) & (ended.is_(None) | (ended > known_at))

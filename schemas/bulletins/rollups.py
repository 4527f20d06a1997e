"""Weeks counted ahead: the drafts that a year's page is read from, counted anew where facts came.

A rollup is a whole week counted from its facts and never a counter that is moved. What
has to be known is only which weeks a fact touches: one that happened at a moment touches
its own week and those after it, and a report that is linked or unlinked those from its
receipt on. A test holds that after any history the rollups equal the recount.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from schemas.bulletins.issues import SETTLES_WITHIN, draft
from schemas.bulletins.methods import PRESENT
from schemas.bulletins.parameters import Parameters
from schemas.bulletins.tallies import Figures
from schemas.bulletins.territory import Scope, read_scope
from schemas.tables import (
    BulletinDraft,
    BulletinIssue,
    CampaignEvent,
    CaseAct,
    CaseHistory,
    CaseReport,
    CaseSpan,
    LoadedCalendar,
    PointEntry,
    Report,
    ShopFinding,
)
from schemas.weeks import Week, week_of


def refresh(
    session: Session,
    *,
    scope: str,
    now: datetime,
    parameters: Parameters,
    weeks: Sequence[Week],
) -> list[Week]:
    """Count those of the weeks anew whose draft is missing or was touched; return them."""
    counted = stale(session, scope=scope, weeks=weeks)
    for week in counted:
        draft(session, week=week, scope=scope, now=now, parameters=parameters)
    mark_checked(session, scope=scope, weeks=weeks, now=now)
    return counted


def stale(session: Session, *, scope: str, weeks: Sequence[Week]) -> list[Week]:
    """Return those of the weeks whose draft is missing, was made before their end, or is touched.

    So are those that an earlier program counted by another method.

    Of weeks before the first report there is nothing to count.
    """
    begun = session.scalar(select(func.min(Report.received_at)))
    if begun is None:
        return []
    known = _drafts(session, scope, weeks)
    checked = min((row.checked_at for row in known.values()), default=None)
    # What was recorded a moment before the last look may have come in after it.
    touched = checked and _touched_since(
        session, read_scope(session, scope), checked - SETTLES_WITHIN
    )
    first = week_of(touched) if touched else None
    return [
        week
        for week in weeks
        if week >= week_of(begun)
        and (
            week.name not in known
            or known[week.name].known_at < week.ends_at
            or _counted_otherwise(known[week.name])
            or (first is not None and week >= first)
        )
    ]


def mark_checked(session: Session, *, scope: str, weeks: Sequence[Week], now: datetime) -> None:
    """Note that all drafts of these weeks are as good as counted at a moment."""
    session.execute(
        update(BulletinDraft)
        .where(
            BulletinDraft.scope_code == scope,
            BulletinDraft.week.in_([week.name for week in weeks]),
        )
        .values(checked_at=now)
    )


def trend(session: Session, *, scope: str, weeks: Sequence[Week]) -> dict[Week, Figures]:
    """Return the totals of weeks as they were counted last; a week without a draft is left out."""
    rows = session.execute(
        select(BulletinDraft.week, BulletinDraft.totals).where(
            BulletinDraft.scope_code == scope,
            BulletinDraft.week.in_([week.name for week in weeks]),
        )
    )
    found = {row.week: row.totals for row in rows}
    return {week: found[week.name] for week in weeks if week.name in found}


def published_weeks(session: Session, *, scope: str) -> Mapping[str, int]:
    """Return the latest revision of each week that was published."""
    rows = session.execute(
        select(BulletinIssue.week, func.max(BulletinIssue.revision))
        .where(BulletinIssue.scope_code == scope)
        .group_by(BulletinIssue.week)
    )
    return {row[0]: row[1] for row in rows}


def _drafts(session: Session, scope: str, weeks: Sequence[Week]) -> dict[str, BulletinDraft]:
    rows = session.scalars(
        select(BulletinDraft).where(
            BulletinDraft.scope_code == scope,
            BulletinDraft.week.in_([week.name for week in weeks]),
        )
    )
    return {row.week: row for row in rows}


def _counted_otherwise(row: BulletinDraft) -> bool:
    # Canonical JSON stands without spaces, so that a year of drafts need not be parsed.
    return f'"method":"{PRESENT.name}"' not in row.document


def _touched_since(session: Session, scope: Scope, since: datetime) -> datetime | None:
    """Return the earliest moment that anything recorded since then belongs to, or None."""
    moments = [session.scalar(each) for each in _earliest(scope, since)]
    return min((each for each in moments if each is not None), default=None)


def _earliest(scope: Scope, since: datetime) -> Iterator[Select[datetime]]:
    """Yield a statement for each kind of fact: the earliest moment to which a new one belongs."""

    def here(case_id: InstrumentedAttribute[object]) -> ColumnElement[bool]:
        inside = select(CaseSpan.case_id).where(CaseSpan.case_id == case_id)
        if not scope.is_nation:
            inside = inside.where(CaseSpan.unit_id.in_(scope.units))
        return inside.exists()

    for table in (CaseHistory, CaseAct):
        yield select(func.min(table.occurred_at)).where(
            table.recorded_at >= since, here(table.case_id)
        )
    yield (
        select(func.min(Report.received_at))
        .join(CaseReport, CaseReport.report_id == Report.id)
        .where(
            or_(CaseReport.linked_at >= since, CaseReport.unlinked_at >= since),
            here(CaseReport.case_id),
        )
    )
    yield select(func.min(PointEntry.posted_at)).where(PointEntry.posted_at >= since)
    yield select(func.min(CampaignEvent.occurred_at)).where(CampaignEvent.recorded_at >= since)
    yield select(func.min(ShopFinding.occurred_at)).where(ShopFinding.recorded_at >= since)
    if scope.is_nation:
        yield select(func.min(Report.received_at)).where(Report.received_at >= since)
    # A calendar may move any due date: the weeks are all counted anew.
    yield select(func.min(Report.received_at)).where(
        select(LoadedCalendar.id).where(LoadedCalendar.loaded_at >= since).exists()
    )

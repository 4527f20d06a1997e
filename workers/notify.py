"""Tells reporters what changed: from a case's history to notices, each change once.

What waits stands in case_news, put there by the database in the change's own
transaction. It is taken away in the transaction that writes the notices, so that a
clock killed at any moment has either told of a change or will.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from intake.notices import add_report_notice
from intake.status import PHOTOS_UNREADABLE, Standing, standing_of, statuses_of
from schemas.database import now_utc
from schemas.lifecycle import PUBLIC_STATUS, State
from schemas.tables import (
    CaseHistory,
    CaseNews,
    CaseReport,
    Report,
    ReportNews,
    Withdrawal,
)
from workers.machine import Machine

log = structlog.get_logger()
BATCH = 200


def tell(machine: Machine, *, now: datetime | None = None) -> int:
    """Write the notices for every change that waits; return how many were written."""
    told = 0
    # A look costs no lock, which on SQLite the door's tips would wait for.
    with machine.database.reading() as session:
        if session.scalar(select(CaseNews.id).limit(1)) is None:
            return told
    while True:
        with machine.database.writing() as session:
            seen, written = _tell_some(session, now or now_utc())
        told += written
        if seen < BATCH:
            break
    if told:
        log.info("reporters_told", notices=told)
    return told


def _tell_some(session: Session, now: datetime) -> tuple[int, int]:
    """Work through some of what waits; return how many rows, and how many notices they made."""
    # A second clock waits here for the first one's transaction and finds its rows gone.
    waiting = session.execute(
        select(CaseNews.id, CaseNews.case_id).order_by(CaseNews.id).limit(BATCH).with_for_update()
    ).all()
    if not waiting:
        return 0, 0
    cases = {case_id for _, case_id in waiting}
    reports = session.scalars(
        select(Report)
        .where(
            Report.id.in_(
                select(CaseReport.report_id).where(
                    CaseReport.case_id.in_(cases), CaseReport.unlinked_at.is_(None)
                )
            )
        )
        .order_by(Report.id)
    ).all()
    standing = standing_of(session, [report.id for report in reports])
    withdrawn = _withdrawn(session, reports)
    written = 0
    for report in reports:
        for item in standing.get(report.id, ()):
            if item.case.id in cases:
                written += _tell(session, report, item, now, withdrawn=report.id in withdrawn)
    session.execute(delete(CaseNews).where(CaseNews.id.in_([row.id for row in waiting])))
    return len(waiting), written


def _withdrawn(session: Session, reports: Sequence[Report]) -> set[UUID]:
    """Return those whose reporters asked to hear no more of them."""
    ids = [report.id for report in reports]
    return set(session.scalars(select(Withdrawal.report_id).where(Withdrawal.report_id.in_(ids))))


def _tell(
    session: Session, report: Report, item: Standing, now: datetime, *, withdrawn: bool
) -> int:
    """Tell one reporter what is new in one department's handling."""
    key = (report.id, item.link.department)
    known = session.get(ReportNews, key, with_for_update=True)
    fresh = _fresh(item, known)
    if not fresh:
        return 0
    is_first, written = known is None, 0
    previous = PUBLIC_STATUS[State(known.state)] if known else None
    for change in fresh:
        state = State(change.to_state)
        words = PUBLIC_STATUS[state]
        if words != previous and state is not State.RECEIVED and not withdrawn:
            written += add_report_notice(
                session,
                report=report,
                history_id=change.id,
                department=item.link.department,
                code=_code(session, report, state, is_first=is_first),
                now=now,
            )
        previous = words
    session.merge(
        ReportNews(
            report_id=report.id,
            department=item.link.department,
            case_id=item.case.id,
            version=fresh[-1].version,
            state=fresh[-1].to_state,
        )
    )
    session.flush()
    return written


def _fresh(item: Standing, known: ReportNews | None) -> list[CaseHistory]:
    """Return the changes that were not told, in order.

    Of a case that the report came to later, what was before is told as the one state in
    which it found it: more would tell that others had reported it earlier.
    """
    if known and known.case_id == item.case.id:
        return [change for change in item.changes if change.version > known.version]
    earlier = [each for each in item.changes if each.occurred_at <= item.link.linked_at]
    later = [each for each in item.changes if each.occurred_at > item.link.linked_at]
    return [*earlier[-1:], *later]


def _code(session: Session, report: Report, state: State, *, is_first: bool) -> str:
    """Return what the change means to the reporter; photos that won't open come first."""
    if is_first and state is State.DISPATCH:
        (status,) = statuses_of(session, reports=[report])
        if status.code == PHOTOS_UNREADABLE:
            return PHOTOS_UNREADABLE
    return state.value

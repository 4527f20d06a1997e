"""What campaigns add to a week's figures: totals alone, from events that are never altered.

No row of a table and no case is told: a single visit that found something would lead from
the case to the few who were asked to go there (docs/decisions/2026-11-22-campaigns.md).
"""

from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from schemas.bulletins.counting import Count, Frame, counts_of
from schemas.bulletins.facts import CaseFile, read_files
from schemas.campaigns import EventKind
from schemas.lifecycle import State
from schemas.tables import CampaignEvent, CampaignTip, CaseHistory, CaseReport

_VISITS = {EventKind.FOUND: "campaign_found", EventKind.CLEAN: "campaign_clean"}


def campaign_counts(session: Session, frame: Frame) -> Iterator[Count]:
    """Yield the week's tasks due, visits and cases verified of campaigns, as they were known."""
    for key, number in (
        ("campaign_due", _due(session, frame)),
        *_visits(session, frame),
        ("campaign_verified", _verified(session, frame)),
    ):
        if number:
            yield Count(key, number, ())


def _due(session: Session, frame: Frame) -> int:
    """Count the tasks whose campaign ended in the week, by its last day or closed before."""
    made, closed = aliased(CampaignEvent), aliased(CampaignEvent)
    due_at = func.coalesce(closed.due_at, made.due_at)
    rows = session.execute(
        select(made.unit_id, made.tasks)
        .outerjoin(
            closed,
            (closed.campaign_id == made.campaign_id)
            & (closed.kind == EventKind.CLOSED.value)
            & (closed.occurred_at < frame.as_of)
            & (closed.recorded_at <= frame.known_at),
        )
        .where(
            made.kind == EventKind.MADE.value,
            made.recorded_at <= frame.known_at,
            due_at >= frame.week.begins_at,
            due_at < frame.as_of,
        )
    )
    return sum(tasks or 0 for unit_id, tasks in rows if unit_id in frame.scope.units)


def _visits(session: Session, frame: Frame) -> Iterator[tuple[str, int]]:
    """Count the visits of the week that had not been rejected by its end."""
    visit, rejected = aliased(CampaignEvent), aliased(CampaignEvent)
    rows = session.execute(
        select(visit.unit_id, visit.kind, func.count(visit.id))
        .outerjoin(
            rejected,
            (rejected.task_id == visit.task_id)
            & (rejected.kind == EventKind.REJECTED.value)
            & (rejected.occurred_at < frame.as_of)
            & (rejected.recorded_at <= frame.known_at),
        )
        .where(
            visit.kind.in_([kind.value for kind in _VISITS]),
            visit.occurred_at >= frame.week.begins_at,
            visit.occurred_at < frame.as_of,
            visit.recorded_at <= frame.known_at,
            rejected.id.is_(None),
        )
        .group_by(visit.unit_id, visit.kind)
    )
    for unit_id, kind, number in rows:
        if unit_id in frame.scope.units:
            yield _VISITS[EventKind(kind)], int(number)


def _verified(session: Session, frame: Frame) -> int:
    """Count the cases verified in the week in which a tip of a campaign stood."""
    rows = session.execute(
        select(CampaignTip.report_id, CaseReport.case_id)
        .join(CaseReport, CaseReport.report_id == CampaignTip.report_id)
        .join(CaseHistory, CaseHistory.case_id == CaseReport.case_id)
        .where(
            CampaignTip.recorded_at <= frame.known_at,
            CaseHistory.to_state == State.VERIFIED.value,
            CaseHistory.occurred_at >= frame.week.begins_at,
            CaseHistory.occurred_at < frame.as_of,
        )
    ).all()
    # One report may stand in a case of each of several departments: all of these count.
    tips = {report_id for report_id, _ in rows}
    files = read_files(session, sorted({case_id for _, case_id in rows}))
    return sum(_verifications(file, frame, tips) for file in files)


def _verifications(file: CaseFile, frame: Frame, tips: set[UUID]) -> int:
    stood = file.as_known(frame.known_at).tips
    if not any(each.id in tips and each.received_at < frame.as_of for each in stood):
        return 0
    return sum(count.number for count in counts_of(file, frame) if count.key == "verified")

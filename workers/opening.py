"""Opens a case for a report, or links the report to one that is there.

These are the only writes of a case by the machine: its birth, and what a link adds.
Whoever calls holds the routing lock, so that two reports that resemble each other
and are routed at the same moment end in one case.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.rewards.awards import settle_case
from schemas import audit
from schemas.calendars import present_calendar
from schemas.database import hourly_id
from schemas.deadlines import VERIFY_WORKING_DAYS, renew
from schemas.flags import in_order
from schemas.lifecycle import State, transition
from schemas.numbers import ALPHABET, CASE_PREFIX, new_number
from schemas.records import check_record
from schemas.tables import Case, CaseHistory, CaseReport, Report, RouteDecision
from schemas.taxonomy import severity_of
from schemas.units import dispatch_desk
from schemas.workdays import CalendarOverrides, due_date, local_date
from workers.linking import Link
from workers.route import POLICY, Decision, Place


@dataclass(frozen=True, kw_only=True)
class Share:
    """One department's share of a report: what it is about, where it goes, what looks odd."""

    report: Report
    department: str
    categories: tuple[str, ...]
    place: Place
    decision: Decision
    flags: frozenset[str]


def standing_cases(session: Session, *, report_id: UUID) -> list[Case]:
    """Return the cases in which a report stands, one a department at most."""
    return list(
        session.scalars(
            select(Case)
            .join(CaseReport, CaseReport.case_id == Case.id)
            .where(CaseReport.report_id == report_id, CaseReport.unlinked_at.is_(None))
            .order_by(Case.opened_at, Case.id)
        )
    )


def open_case(
    session: Session,
    *,
    share: Share,
    incident_id: UUID,
    calendar: CalendarOverrides,
    now: datetime,
) -> Case:
    """Open a case at the decision's unit, or at the dispatch desk for its candidates.

    Its birth is two rows of history: received, and at once assigned or in dispatch.
    """
    report, decision = share.report, share.decision
    unit_id = decision.unit_id or dispatch_desk(session, list(decision.desk_codes)).id
    due = due_date(
        local_date(report.received_at),
        VERIFY_WORKING_DAYS,
        overrides=present_calendar(session, base=calendar),
    )
    chosen = share.place.chosen.claim if share.place.chosen else None
    state = State.ASSIGNED if decision.unit_id else State.DISPATCH
    case = Case(
        id=hourly_id(),
        number=_free_number(session, report.received_at),
        incident_id=incident_id,
        department=share.department,
        unit_id=unit_id,
        state=state,
        version=2,
        categories=list(share.categories),
        severity=severity_of(share.categories),
        premises_name=report.premises_name,
        county_code=decision.county_code,
        latitude=chosen.point.latitude if chosen else None,
        longitude=chosen.point.longitude if chosen else None,
        accuracy_m=chosen.accuracy_m if chosen else None,
        flags=in_order(set(share.flags)),
        received_at=report.received_at,
        opened_at=now,
        due_on=due.date,
        due_provisional=due.provisional,
    )
    session.add(case)
    session.flush()
    _write_birth(session, case, share, state, now)
    _write_link(session, case, share, Link(case.id, "first", "first", None), now)
    audit.record(
        session,
        actor=audit.PIPELINE,
        action="case_opened",
        subject=("case", case.id),
        after={
            "number": case.number,
            "state": state,
            "unit_id": str(unit_id),
            "department": share.department,
            "categories": list(share.categories),
            "report_id": str(report.id),
            "version": case.version,
        },
    )
    session.flush()
    return case


def link_report(
    session: Session, *, share: Share, link: Link, calendar: CalendarOverrides, now: datetime
) -> Case:
    """Link a report to a case, which keeps its state and its unit.

    Categories and severity are widened; a missing name or place is filled in. The
    earlier receipt's clock stands, whichever of the two that is.
    """
    # The row was locked when it was chosen, perhaps with older values in this session.
    case = session.get_one(Case, link.case_id, with_for_update=True, populate_existing=True)
    before = _visible(case)
    report = share.report
    case.categories = list(dict.fromkeys([*case.categories, *share.categories]))
    case.severity = severity_of(case.categories)
    case.premises_name = case.premises_name or report.premises_name
    case.flags = in_order({*case.flags, *share.flags})
    if case.latitude is None and share.place.chosen:
        claim = share.place.chosen.claim
        case.latitude, case.longitude = claim.point.latitude, claim.point.longitude
        case.accuracy_m = claim.accuracy_m
    case.county_code = case.county_code or share.decision.county_code
    if report.received_at < case.received_at:
        _begin_earlier(session, case, report.received_at, calendar)
    case.version += 1
    _write_link(session, case, share, link, now)
    audit.record(
        session,
        actor=audit.PIPELINE,
        action="case_linked",
        subject=("case", case.id),
        before=before,
        after={
            **_visible(case),
            "report_id": str(report.id),
            "kind": link.kind,
            "rule": link.rule,
        },
    )
    session.flush()
    if case.verified_at:
        # A tip that was received first and examined late may be the one that earns.
        settle_case(session, case=case, actor=audit.PIPELINE, now=now)
    return case


def flag_cases(session: Session, *, report_id: UUID, flag: str, action: str) -> None:
    """Set a flag on every case in which a report stands, with an audit entry each."""
    for case in standing_cases(session, report_id=report_id):
        session.refresh(case, with_for_update=True)
        before = _visible(case)
        case.flags = in_order({*case.flags, flag})
        # What the report's sender added is not on the screen that someone has open.
        case.version += 1
        audit.record(
            session,
            actor=audit.PIPELINE,
            action=action,
            subject=("case", case.id),
            before=before,
            after={**_visible(case), "report_id": str(report_id)},
        )
    session.flush()


def write_decision(
    session: Session, *, share: Share, case: Case, linked: bool, now: datetime
) -> RouteDecision:
    """Store why this share went where it went, in place of an earlier decision on it."""
    place, decision = share.place, share.decision
    claim = place.chosen.claim if place.chosen else None
    location = place.location
    runner_up = location.runner_up if location else None
    row = session.scalars(
        select(RouteDecision).where(
            RouteDecision.report_id == share.report.id,
            RouteDecision.department == share.department,
        )
    ).one_or_none() or RouteDecision(report_id=share.report.id, department=share.department)
    row.outcome = "linked" if linked else decision.outcome
    row.case_id, row.unit_id = case.id, case.unit_id
    row.rule = f"{decision.rule}/{place.chosen.rule if place.chosen else 'no-place'}"
    row.point_source = claim.source if claim else None
    row.latitude = claim.point.latitude if claim else None
    row.longitude = claim.point.longitude if claim else None
    row.accuracy_m = claim.accuracy_m if claim else None
    row.county_code = location.code if location else None
    row.street_code = location.street_code if location else None
    row.border_distance_m = location.border_distance_m if location else None
    row.runner_up_code = runner_up.code if runner_up else None
    row.runner_up_distance_m = runner_up.distance_m if runner_up else None
    row.candidates, row.reasons = list(decision.candidates), list(decision.reasons)
    row.boundary_version, row.policy = place.boundary_version[:120], POLICY.version
    row.decided_at = now
    session.add(row)
    session.flush()
    return row


def _write_birth(session: Session, case: Case, share: Share, state: State, now: datetime) -> None:
    move = transition(State.RECEIVED, state)
    if move is None:
        raise LookupError(f"the table of transitions has no way from received to {state}")
    given: Mapping[str, Any] = {
        "unit_id": str(case.unit_id),
        "boundary_version": share.place.boundary_version[:120],
        "route_reasons": [reason["code"] for reason in share.decision.reasons],
    }
    wanted = {name: given[name] for name in move.required}
    record = check_record(move, wanted, today=local_date(now))
    session.add(
        CaseHistory(
            case_id=case.id,
            version=1,
            from_state=None,
            to_state=State.RECEIVED,
            unit_id=case.unit_id,
            record={},
            occurred_at=share.report.received_at,
            recorded_at=now,
        )
    )
    session.add(
        CaseHistory(
            case_id=case.id,
            version=2,
            from_state=State.RECEIVED,
            to_state=state,
            unit_id=case.unit_id,
            record=record,
            occurred_at=now,
            recorded_at=now,
        )
    )


def _write_link(session: Session, case: Case, share: Share, link: Link, now: datetime) -> None:
    session.add(
        CaseReport(
            case_id=case.id,
            report_id=share.report.id,
            department=share.department,
            kind=link.kind,
            pseudonym=_pseudonym(session, case.id, share.report),
            match_id=link.match_id,
            linked_at=now,
        )
    )


def _pseudonym(session: Session, case_id: UUID, report: Report) -> str:
    """Return what inspectors call the reporter in this case; in another case it is another."""
    used = session.execute(
        select(Report.rider_id, CaseReport.pseudonym)
        .join(CaseReport, CaseReport.report_id == Report.id)
        .where(CaseReport.case_id == case_id)
    ).all()
    for rider_id, pseudonym in used:
        if rider_id is not None and rider_id == report.rider_id:
            return pseudonym
    taken = {pseudonym for _, pseudonym in used}
    word = "匿名" if report.rider_id is None else "骑手"
    while True:
        drawn = f"{word}-{''.join(secrets.choice(ALPHABET) for _ in range(3))}"
        if drawn not in taken:
            return drawn


def _free_number(session: Session, moment: datetime) -> str:
    """Return a case number nobody has; under the routing lock nobody takes it meanwhile."""
    while True:
        number = new_number(CASE_PREFIX, moment)
        if session.scalar(select(Case.id).where(Case.number == number)) is None:
            return number


def _begin_earlier(
    session: Session, case: Case, received_at: datetime, calendar: CalendarOverrides
) -> None:
    """Let the case's clock begin at an earlier receipt; extension and pauses stay counted."""
    case.received_at = received_at
    renew(session, case=case, calendar=calendar)


def _visible(case: Case) -> dict[str, Any]:
    """Return what a link may change, for the audit log."""
    return {
        "categories": list(case.categories),
        "severity": case.severity,
        "flags": list(case.flags),
        "received_at": case.received_at.isoformat(),
        "due_on": case.due_on.isoformat(),
        "version": case.version,
    }

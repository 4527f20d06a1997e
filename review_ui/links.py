"""Which reports a case holds: undo a link, or take over a report that resembles its own."""

import secrets
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.doorway import not_found
from review_ui.casework import advance
from review_ui.locking import lock_case
from review_ui.scope import roles_over, visible_cases
from review_ui.staff import SignedIn
from schemas import audit
from schemas.access import Right
from schemas.errors import Conflict, InvalidInput, NotAllowed
from schemas.lifecycle import OPEN_STATES, State, transition
from schemas.numbers import ALPHABET
from schemas.tables import Case, CaseReport, Match, Report, ReportProgress
from schemas.taxonomy import by_department, severity_of
from schemas.words import Words


def unlink_report(
    session: Session,
    *,
    case_id: UUID,
    link_id: UUID,
    staff: SignedIn,
    version: int,
    now: datetime,
) -> UUID:
    """Take a report out of a case and return its id, which has to be queued after the commit.

    The link is ended, not deleted, and the pipeline opens another case for the
    report; it never makes this link again. Raises NotFound, Conflict `case-changed`,
    InvalidInput `last-report` for the only report of a case.
    """
    case = lock_case(session, case_id=case_id, staff=staff, version=version)
    standing = _standing_links(session, case_id)
    link = next((each for each in standing if each.id == link_id), None)
    if link is None:
        raise not_found()
    if len(standing) == 1:
        raise InvalidInput(
            "last-report",
            Words(
                "案件至少要有一份举报，不能移出最后一份。",
                "A case holds at least one report: the last one can't be taken out.",
            ),
        )
    _end(link, staff, now)
    progress = session.get_one(ReportProgress, link.report_id)
    progress.routed_at = progress.finished_at = progress.queued_at = None
    session.flush()
    _recount(session, case)
    _note(session, case, "case_unlinked", link.report_id, staff)
    return link.report_id


def accept_suggestion(
    session: Session,
    *,
    case_id: UUID,
    match_id: UUID,
    staff: SignedIn,
    version: int,
    now: datetime,
) -> Case:
    """Take the report that a match suggests over from its case into this one.

    The earlier receipt and the earlier due date stand. A case that is left without a
    report ends as «merged», which is a dispatcher's move of the transition table.
    Raises NotFound, Conflict `case-changed`, `case-ended` or `other-case-under-way`,
    NotAllowed `merge-not-yours`.
    """
    match = session.get(Match, match_id)
    if match is None:
        raise not_found()
    other = _case_of_the_other(session, match=match, case_id=case_id, staff=staff)
    # Both rows in one order, so that two who merge crosswise wait and do not block.
    session.execute(
        select(Case.id).where(Case.id.in_([case_id, other.id])).order_by(Case.id).with_for_update()
    )
    case = lock_case(session, case_id=case_id, staff=staff, version=version)
    other = lock_case(session, case_id=other.id, staff=staff, version=other.version)
    if State(case.state) not in OPEN_STATES:
        raise Conflict(
            "case-ended",
            Words("案件已有结论，不能再并入举报。", "The case is concluded: nothing can join it."),
        )
    links = _standing_links(session, other.id)
    link = next(
        each for each in links if each.report_id in (match.report_id, match.other_report_id)
    )
    if len(links) == 1:
        _close_emptied(session, other, staff, now)
    _end(link, staff, now)
    session.flush()
    session.add(
        CaseReport(
            case_id=case.id,
            report_id=link.report_id,
            department=case.department,
            kind="same_incident",
            pseudonym=_pseudonym(session, case, link),
            match_id=match.id,
            linked_at=now,
            linked_by=staff.staff_id,
        )
    )
    case.received_at = min(case.received_at, other.received_at)
    if other.due_on < case.due_on and case.filed_at is None:
        case.due_on, case.due_provisional = other.due_on, other.due_provisional
    session.flush()
    _recount(session, case)
    _note(session, case, "case_linked", link.report_id, staff)
    return case


def reject_suggestion(
    session: Session, *, case_id: UUID, match_id: UUID, staff: SignedIn, version: int, now: datetime
) -> None:
    """Say that a suggested match is another incident, so that it is asked no more.

    Raises NotFound, Conflict `case-changed`.
    """
    case = lock_case(session, case_id=case_id, staff=staff, version=version)
    match = session.get(Match, match_id)
    reports = {link.report_id for link in _standing_links(session, case_id)}
    if match is None or not reports & {match.report_id, match.other_report_id}:
        raise not_found()
    match.facts = {
        **match.facts,
        "rejected_by": str(staff.staff_id),
        "rejected_at": now.isoformat(),
    }
    audit.record(
        session,
        actor=audit.Actor("staff", staff.staff_id),
        action="match_rejected",
        subject=("match", match.id),
        after={"case_id": str(case.id)},
    )
    session.flush()


def _standing_links(session: Session, case_id: UUID) -> list[CaseReport]:
    return list(
        session.scalars(
            select(CaseReport)
            .join(Report, Report.id == CaseReport.report_id)
            .where(CaseReport.case_id == case_id, CaseReport.unlinked_at.is_(None))
            .order_by(Report.received_at, Report.id)
        )
    )


def _case_of_the_other(session: Session, *, match: Match, case_id: UUID, staff: SignedIn) -> Case:
    """Return the case, visible to the person, in which the match's other report stands."""
    here = session.get(Case, case_id)
    ends = {match.report_id, match.other_report_id}
    if here is None or not ends & {link.report_id for link in _standing_links(session, case_id)}:
        raise not_found()
    found = session.scalars(
        select(Case)
        .join(CaseReport, CaseReport.case_id == Case.id)
        .where(
            CaseReport.report_id.in_(ends),
            CaseReport.unlinked_at.is_(None),
            CaseReport.department == here.department,
            Case.id != case_id,
            visible_cases(staff, Right.WORK_CASES),
        )
    ).one_or_none()
    if found is None:
        raise not_found()
    return found


def _close_emptied(session: Session, other: Case, staff: SignedIn, now: datetime) -> None:
    """End a case whose only report goes to another one, by the table's own move."""
    move = transition(State(other.state), State.INVALID)
    if move is None:
        raise Conflict(
            "other-case-under-way",
            Words(
                f"案件 {other.number} 已在办理，只有这一份举报：请到那个案件里并入本案的举报。",
                f"Case {other.number} is under way with this one report: open it and take over "
                "this case's report there.",
            ),
        )
    if not roles_over(session, staff=staff, unit_id=other.unit_id) & move.roles:
        raise NotAllowed(
            "merge-not-yours",
            Words(
                f"并入后案件 {other.number} 就没有举报了，须由分派员办理。",
                f"Case {other.number} would be left without a report: a dispatcher has to do this.",
            ),
        )
    advance(
        session,
        case_id=other.id,
        staff=staff,
        to=State.INVALID,
        version=other.version,
        record={"reason_code": "merged"},
        now=now,
    )


def _pseudonym(session: Session, case: Case, link: CaseReport) -> str:
    """Return what the reporter is called in this case: as before if they stand in it already.

    Another case has another pseudonym, so that nobody follows a rider from shop to shop.
    """
    rider_id = session.get_one(Report, link.report_id).rider_id
    rows = session.execute(
        select(Report.rider_id, CaseReport.pseudonym)
        .join(CaseReport, CaseReport.report_id == Report.id)
        .where(CaseReport.case_id == case.id)
    )
    taken = {pseudonym: theirs for theirs, pseudonym in rows}
    if rider_id is not None:
        for pseudonym, theirs in taken.items():
            if theirs == rider_id:
                return pseudonym
    word = link.pseudonym.partition("-")[0]
    while True:
        drawn = f"{word}-{''.join(secrets.choice(ALPHABET) for _ in range(3))}"
        if drawn not in taken:
            return drawn


def _end(link: CaseReport, staff: SignedIn, now: datetime) -> None:
    link.unlinked_at, link.unlinked_by = now, staff.staff_id


def _recount(session: Session, case: Case) -> None:
    """Make the case's categories and severity those of the reports that stand in it."""
    rows = session.scalars(
        select(Report)
        .join(CaseReport, CaseReport.report_id == Report.id)
        .where(CaseReport.case_id == case.id, CaseReport.unlinked_at.is_(None))
        .order_by(Report.received_at, Report.id)
    )
    codes = dict.fromkeys(
        code
        for report in rows
        for department, group in by_department(report.categories).items()
        if department == case.department
        for code in group
    )
    case.categories = list(codes)
    case.severity = severity_of(codes)


def _note(session: Session, case: Case, action: str, report_id: UUID, staff: SignedIn) -> None:
    case.version += 1
    audit.record(
        session,
        actor=audit.Actor("staff", staff.staff_id),
        action=action,
        subject=("case", case.id),
        after={
            "report_id": str(report_id),
            "version": case.version,
            "role": min(roles_over(session, staff=staff, unit_id=case.unit_id)).value,
        },
    )
    session.flush()

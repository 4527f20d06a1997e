"""Which reports a case holds: undo a link, or take over a report that resembles its own."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.doorway import not_found
from intake.rewards.awards import settle_case
from review_ui.access.scope import roles_over, visible_cases
from review_ui.access.staff import SignedIn
from review_ui.casework.advancing import advance
from review_ui.casework.case_links import (
    earliest_receipt,
    end_link,
    move_link,
    recount,
    standing_links,
)
from review_ui.casework.locking import lock_case
from review_ui.casework.merging import MERGED
from schemas import audit
from schemas.access import Right
from schemas.deadlines import renew
from schemas.errors import Conflict, InvalidInput, NotAllowed
from schemas.lifecycle import OPEN_STATES, State, transition
from schemas.routing_lock import lock_routing
from schemas.tables import Case, CaseReport, Match, ReportProgress
from schemas.words import Words
from schemas.workdays import NO_OVERRIDES, CalendarOverrides


def unlink_report(
    session: Session,
    *,
    case_id: UUID,
    link_id: UUID,
    staff: SignedIn,
    version: int,
    now: datetime,
    calendar: CalendarOverrides = NO_OVERRIDES,
) -> UUID:
    """Take a report out of a case and return its id, which has to be queued after the commit.

    The link is ended, not deleted, and the pipeline opens another case for the
    report; it never makes this link again. Raises NotFound, Conflict `case-changed`,
    InvalidInput `last-report` for the only report of a case.
    """
    lock_routing(session)
    case = lock_case(session, case_id=case_id, staff=staff, version=version)
    standing = standing_links(session, case_id)
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
    end_link(link, staff, now)
    progress = session.get_one(ReportProgress, link.report_id)
    progress.routed_at = progress.finished_at = progress.queued_at = None
    session.flush()
    # What stands counts: a report that never belonged here sets no clock, and the next
    # one in the order of receipt is the first.
    case.received_at = earliest_receipt(session, case)
    recount(session, case)
    renew(session, case=case, calendar=calendar)
    _note(session, case, "case_unlinked", link.report_id, staff, now)
    return link.report_id


def accept_suggestion(
    session: Session,
    *,
    case_id: UUID,
    match_id: UUID,
    staff: SignedIn,
    version: int,
    now: datetime,
    calendar: CalendarOverrides = NO_OVERRIDES,
) -> Case:
    """Take the report that a match suggests over from its case into this one.

    The clock runs from the earliest receipt that stands. A case that would be left
    without a report is merged, which is a dispatcher's move of the transition table.
    Raises NotFound, Conflict `case-changed`, `case-ended` or `other-case-under-way`,
    NotAllowed `merge-not-yours`, InvalidInput `merge-into-older`, and what
    review_ui.casework.merging adds.
    """
    lock_routing(session)
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
    links = standing_links(session, other.id)
    if len(links) == 1:
        _join(session, case, other, staff=staff, now=now, calendar=calendar)
        return case
    link = next(
        each for each in links if each.report_id in (match.report_id, match.other_report_id)
    )
    move_link(session, link=link, into=case, staff=staff, now=now, match_id=match.id)
    for each in (case, other):
        each.received_at = earliest_receipt(session, each)
        recount(session, each)
        renew(session, case=each, calendar=calendar)
    _note(session, case, "case_linked", link.report_id, staff, now)
    _note(session, other, "case_unlinked", link.report_id, staff, now)
    return case


def reject_suggestion(
    session: Session, *, case_id: UUID, match_id: UUID, staff: SignedIn, version: int, now: datetime
) -> None:
    """Say that a suggested match is another incident, so that it is asked no more.

    Raises NotFound, Conflict `case-changed`.
    """
    case = lock_case(session, case_id=case_id, staff=staff, version=version)
    match = session.get(Match, match_id)
    reports = {link.report_id for link in standing_links(session, case_id)}
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


def _case_of_the_other(session: Session, *, match: Match, case_id: UUID, staff: SignedIn) -> Case:
    """Return the case, visible to the person, in which the match's other report stands."""
    here = session.get(Case, case_id)
    ends = {match.report_id, match.other_report_id}
    if here is None or not ends & {link.report_id for link in standing_links(session, case_id)}:
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


def _join(
    session: Session,
    case: Case,
    other: Case,
    *,
    staff: SignedIn,
    now: datetime,
    calendar: CalendarOverrides,
) -> None:
    """Merge a case whose only report goes to another one, by the table's own move."""
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
    if (other.received_at, other.opened_at) < (case.received_at, case.opened_at):
        raise InvalidInput(
            "merge-into-older",
            Words(
                f"案件 {other.number} 比本案早收到：请打开那个案件，在那里并入本案的举报。",
                f"Case {other.number} was received before this one: open it and take over this "
                "case's report there.",
            ),
        )
    advance(
        session,
        case_id=other.id,
        staff=staff,
        to=State.INVALID,
        version=other.version,
        record={"reason_code": MERGED, "merged_into": case.number},
        now=now,
        calendar=calendar,
    )


def _note(
    session: Session, case: Case, action: str, report_id: UUID, staff: SignedIn, now: datetime
) -> None:
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
    settle_case(session, case=case, actor=audit.Actor("staff", staff.staff_id), now=now)

"""Two cases of one incident become one: the younger joins the older, and can be taken out again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.rewards.awards import settle_case
from review_ui.access.scope import roles_over, visible_cases
from review_ui.access.staff import SignedIn
from review_ui.casework.case_links import (
    earliest_receipt,
    end_link,
    link_report,
    move_link,
    recount,
    standing_links,
)
from schemas import audit
from schemas.access import Right
from schemas.deadlines import renew
from schemas.errors import Conflict, InvalidInput
from schemas.flags import in_order
from schemas.lifecycle import OPEN_STATES, State
from schemas.records import incomplete
from schemas.routing_lock import lock_routing
from schemas.tables import Case, CaseHistory, CaseReport
from schemas.words import Words
from schemas.workdays import CalendarOverrides

MERGED = "merged"


def lock_companion(
    session: Session, *, case_id: UUID, to: State, record: Mapping[str, Any]
) -> None:
    """Lock the other case of a merge, or of its undoing, together with this one.

    Both rows in one order, so that two who merge crosswise wait and do not block.
    """
    number = str(record.get("merged_into", "")) if to is State.INVALID else ""
    if to is State.DISPATCH:
        row = _merge_of(session, case_id)
        number = row.record["merged_into"] if row else ""
    if number:
        lock_routing(session)
        session.execute(
            select(Case.id)
            .where((Case.id == case_id) | (Case.number == number))
            .order_by(Case.id)
            .with_for_update()
        )


def join_other(
    session: Session,
    *,
    case: Case,
    record: dict[str, Any],
    staff: SignedIn,
    now: datetime,
    calendar: CalendarOverrides,
) -> None:
    """Give a case's reports to the older case that its record names, if it names one.

    The earliest receipt's clock stands. Raises InvalidInput `record-incomplete`,
    `merge-reason-needed`, `merge-not-possible` or `merge-into-older`.
    """
    is_merge = record["reason_code"] == MERGED
    if is_merge and "merged_into" not in record:
        raise incomplete(["merged_into"])
    if not is_merge and "merged_into" in record:
        raise InvalidInput(
            "merge-reason-needed",
            Words(
                "要并入另一案件，原因请选“已并入另一案件”。",
                "To merge it, choose the reason “Merged into another case”.",
            ),
            field="reason_code",
        )
    if not is_merge:
        return
    older = _other(session, case, record["merged_into"], staff)
    for link in standing_links(session, case.id):
        move_link(session, link=link, into=older, staff=staff, now=now)
    older.received_at = min(older.received_at, case.received_at)
    # What looks odd about the reports goes with them.
    older.flags = in_order({*older.flags, *case.flags})
    _changed(session, older, "case_merged", case, staff=staff, now=now, calendar=calendar)


def give_back(
    session: Session,
    *,
    case: Case,
    staff: SignedIn,
    now: datetime,
    calendar: CalendarOverrides,
) -> None:
    """Take back what a merge had given to the older case, with rank and clock as before.

    Does nothing for a case that was invalid for another reason. Raises Conflict
    `merge-not-undone` where the older case has ended or nothing is left to take back.
    """
    merge = _merge_of(session, case.id)
    if merge is None:
        return
    older = session.scalars(
        select(Case)
        .where(Case.number == merge.record["merged_into"])
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    given = session.scalars(
        select(CaseReport).where(
            CaseReport.case_id == case.id, CaseReport.unlinked_at == merge.occurred_at
        )
    ).all()
    there = {link.report_id: link for link in standing_links(session, older.id)}
    back = [link for link in given if link.report_id in there]
    if State(older.state) not in OPEN_STATES or not back or len(back) == len(there):
        raise Conflict(
            "merge-not-undone",
            Words(
                f"案件 {older.number} 已有结论，或举报已不在其中，不能撤销并案。",
                f"Case {older.number} is concluded or no longer holds the reports: the merge "
                "can't be undone.",
            ),
        )
    for link in back:
        end_link(there[link.report_id], staff, now)
    session.flush()
    for link in back:
        link_report(
            session, report_id=link.report_id, like=link, into=case, staff=staff, now=now,
            kind=link.kind,
        )  # fmt: skip
    case.received_at = earliest_receipt(session, case)
    recount(session, case)
    older.received_at = earliest_receipt(session, older)
    _changed(session, older, "case_unmerged", case, staff=staff, now=now, calendar=calendar)


def _merge_of(session: Session, case_id: UUID) -> CaseHistory | None:
    """Return the move by which a case was merged, if that is how it stands now."""
    last = session.scalars(
        select(CaseHistory)
        .where(CaseHistory.case_id == case_id)
        .order_by(CaseHistory.version.desc())
        .limit(1)
    ).first()
    is_merge = last and last.to_state == State.INVALID and "merged_into" in last.record
    return last if is_merge else None


def _other(session: Session, case: Case, number: str, staff: SignedIn) -> Case:
    other = session.scalars(
        select(Case)
        .where(
            Case.number == number,
            Case.id != case.id,
            Case.department == case.department,
            Case.state.in_([state.value for state in OPEN_STATES]),
            visible_cases(staff, Right.WORK_CASES),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if other is None:
        raise InvalidInput(
            "merge-not-possible",
            Words(
                "没有可以并入的这个案件：须是您辖区内同一部门、还没有结论的另一案件。",
                "There is no such case to join: it must be another open case of the same "
                "department in your area.",
            ),
            field="merged_into",
        )
    if (other.received_at, other.opened_at) > (case.received_at, case.opened_at):
        raise InvalidInput(
            "merge-into-older",
            Words(
                f"案件 {other.number} 比本案晚收到：请在那个案件里并入本案。",
                f"Case {other.number} was received after this one: open it and merge it into "
                "this one.",
            ),
            field="merged_into",
        )
    return other


def _changed(
    session: Session,
    older: Case,
    action: str,
    case: Case,
    *,
    staff: SignedIn,
    now: datetime,
    calendar: CalendarOverrides,
) -> None:
    """Count the older case's reports anew, clock and points with them, and note what changed."""
    session.flush()
    recount(session, older)
    renew(session, case=older, calendar=calendar)
    older.version += 1
    audit.record(
        session,
        actor=audit.Actor("staff", staff.staff_id),
        action=action,
        subject=("case", older.id),
        after={
            "case_id": str(case.id),
            "version": older.version,
            "due_on": older.due_on.isoformat(),
            "role": min(roles_over(session, staff=staff, unit_id=older.unit_id)).value,
        },
    )
    session.flush()
    settle_case(session, case=older, actor=audit.Actor("staff", staff.staff_id), now=now)

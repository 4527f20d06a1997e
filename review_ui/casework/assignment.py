"""Who has a case in hand: taken by oneself or given to a colleague."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from review_ui.access.scope import roles_over
from review_ui.access.staff import SignedIn
from review_ui.casework.locking import lock_case
from schemas import audit
from schemas.access import RIGHTS, Right
from schemas.errors import InvalidInput
from schemas.tables import Case, Staff, StaffRole, Unit
from schemas.words import Words


@dataclass(frozen=True, slots=True)
class Colleague:
    """Someone who can have a case in hand."""

    staff_id: UUID
    name: str


def colleagues(session: Session, *, unit_id: UUID) -> tuple[Colleague, ...]:
    """Return who works on the cases of a unit, there or above it, by name."""
    path = session.get_one(Unit, unit_id).path
    rows = session.execute(
        select(Staff.id, Staff.name)
        .join(StaffRole, StaffRole.staff_id == Staff.id)
        .join(Unit, Unit.id == StaffRole.unit_id)
        .where(
            Staff.is_active,
            StaffRole.role.in_([role.value for role in RIGHTS[Right.WORK_CASES]]),
            # The unit's path begins with the path of every unit above it.
            func.substr(path, 1, func.length(Unit.path)) == Unit.path,
        )
        .distinct()
        .order_by(Staff.name, Staff.id)
    )
    return tuple(Colleague(key, name) for key, name in rows)


def assign(
    session: Session, *, case_id: UUID, staff: SignedIn, version: int, assignee_id: UUID
) -> Case:
    """Put a case into someone's hands, one's own or a colleague's.

    Raises NotFound, Conflict `case-changed`, and InvalidInput `assignee-not-possible`
    for someone who does not work on this unit's cases.
    """
    case = lock_case(session, case_id=case_id, staff=staff, version=version)
    if assignee_id not in {each.staff_id for each in colleagues(session, unit_id=case.unit_id)}:
        raise InvalidInput(
            "assignee-not-possible",
            Words(
                "此人不办理本机构的案件，请另选经办人。",
                "That person does not work on this unit's cases: choose somebody else.",
            ),
            field="assignee_id",
        )
    before = {"assignee_id": str(case.assignee_id) if case.assignee_id else None}
    case.assignee_id = assignee_id
    case.version += 1
    audit.record(
        session,
        actor=audit.Actor("staff", staff.staff_id),
        action="case_assigned",
        subject=("case", case.id),
        before=before,
        after={
            "assignee_id": str(assignee_id),
            "version": case.version,
            "role": min(roles_over(session, staff=staff, unit_id=case.unit_id)).value,
        },
    )
    session.flush()
    return case

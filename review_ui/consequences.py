"""What a move brings besides the new state: the unit, the clock, milestones, the decision."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from review_ui.staff import SignedIn
from schemas.divisions import NATION_CODE, common_ancestor, division
from schemas.errors import Conflict, InvalidInput
from schemas.lifecycle import State, Transition
from schemas.tables import Case, CaseDecision, Unit
from schemas.units import dispatch_desk
from schemas.words import Words
from schemas.workdays import NO_OVERRIDES, CalendarOverrides, due_date, local_date

# Penalty procedure art. 64: a decision within 90 calendar days from filing.
DECISION_DAYS = timedelta(days=90)
# Policy: a case that is taken up again has as long as a new one (art. 18: 15 working days).
REOPENED_WORKING_DAYS = 15


def settle(
    session: Session,
    *,
    case: Case,
    move: Transition,
    record: dict[str, Any],
    staff: SignedIn,
    now: datetime,
    calendar: CalendarOverrides = NO_OVERRIDES,
) -> None:
    """Do to the case all that the move brings, except for state, version and history.

    Raises InvalidInput `unit-not-possible`, Conflict `decision-number-taken`.
    """
    if move.milestone:
        setattr(case, move.milestone, now)
    if move.target is State.ASSIGNED:
        _hand_to_unit(session, case, UUID(record["unit_id"]), staff, move)
    if move.target is State.DISPATCH:
        case.unit_id = _desk_above(session, case).id
        case.assignee_id = None
    if "decision_number" in record:
        _store_decision(session, case, record)
    if move.target is State.FILED:
        case.due_on, case.due_provisional = local_date(now) + DECISION_DAYS, False
    if move.target is State.REOPENED:
        case.closed_at = None
        due = due_date(local_date(now), REOPENED_WORKING_DAYS, overrides=calendar)
        case.due_on, case.due_provisional = due.date, due.provisional


def may_assign_to(*, unit: Unit, case: Case, staff: SignedIn, move: Transition) -> bool:
    """Whether someone may hand the case to a unit.

    It must have the power (same department) and lie in a tree where they dispatch;
    another department's unit has a tree of its own, so there the ground decides.
    """
    if unit.department != case.department:
        return False
    held = [role for role in staff.held if role.role in move.roles]
    return any(
        unit.path.startswith(role.unit_path) or _lies_in(unit.division_code, role.division_code)
        for role in held
    )


def _lies_in(code: str, area: str) -> bool:
    return area == NATION_CODE or common_ancestor((code, area)) == area


def _hand_to_unit(
    session: Session, case: Case, unit_id: UUID, staff: SignedIn, move: Transition
) -> None:
    unit = session.get(Unit, unit_id)
    if unit is None or not may_assign_to(unit=unit, case=case, staff=staff, move=move):
        raise InvalidInput(
            "unit-not-possible",
            Words(
                "不能分派给这个机构：请从您辖区内、有权办理这类问题的机构中选择。",
                "The case can't go to that unit: choose one in your own area that has the "
                "power over this hazard.",
            ),
            field="unit_id",
        )
    case.unit_id = unit.id
    case.assignee_id = None
    # The dispatcher has settled the territory that the machine could not.
    if unit.level in ("county", "street"):
        case.county_code = unit.division_code[:6]


def _desk_above(session: Session, case: Case) -> Unit:
    """Return the desk above the unit that returns a case, so that it never gets it back itself."""
    code = session.get_one(Unit, case.unit_id).division_code
    return dispatch_desk(session, (division(code).parent_code or NATION_CODE,))


def _store_decision(session: Session, case: Case, record: dict[str, Any]) -> None:
    unit = session.get_one(Unit, case.unit_id)
    decision = CaseDecision(
        case_id=case.id,
        issuing_unit_id=unit.issuing_unit_id or unit.id,
        decision_number=record["decision_number"],
        decided_on=date.fromisoformat(record["decided_on"]),
        fine_fen=record.get("fine_fen", 0),
        confiscation_fen=record.get("confiscation_fen", 0),
    )
    try:
        # The database decides between two that take the same number at the same moment.
        with session.begin_nested():
            session.add(decision)
    except IntegrityError:
        raise Conflict(
            "decision-number-taken",
            Words(
                f"文号“{record['decision_number']}”本机关已经用过，请核对。",
                f"The number “{record['decision_number']}” was already used by this "
                "authority: check it.",
            ),
            field="decision_number",
        ) from None

"""What a move brings besides the new state: the unit, the clock, milestones, the decision."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from review_ui.access.staff import SignedIn
from review_ui.casework.acts import check_act
from review_ui.casework.merging import give_back, join_other
from schemas.acts import Act, ActCode
from schemas.deadlines import facts_of, renew, standing_dispute
from schemas.divisions import NATION_CODE, common_ancestor, division
from schemas.errors import Conflict, InvalidInput
from schemas.lifecycle import OPEN_STATES, State, Step, Transition
from schemas.records import incomplete
from schemas.tables import Case, CaseAct, CaseDecision, CaseReport, Supplement, Unit
from schemas.units import dispatch_desk
from schemas.words import Words
from schemas.workdays import CalendarOverrides, local_date


def check_ahead(
    session: Session, *, case: Case, step: Step, record: dict[str, Any], now: datetime
) -> None:
    """Refuse what can't be carried out, when it is proposed and again when it is signed.

    Raises Conflict `decision-number-taken`, InvalidInput `no-such-addition` and what
    review_ui.casework.acts.check_act adds.
    """
    if isinstance(step, Act):
        check_act(session, case=case, act=step, record=record, now=now)
    elif "decision_number" in record:
        taken = session.scalar(
            select(CaseDecision.id).where(
                CaseDecision.issuing_unit_id == _issuing_unit(session, case),
                CaseDecision.decision_number == record["decision_number"],
            )
        )
        if taken:
            raise _number_taken(record["decision_number"])
    elif "deciding_addition" in record:
        _check_addition(session, case, record["deciding_addition"])


def settle(
    session: Session,
    *,
    case: Case,
    move: Transition,
    record: dict[str, Any],
    staff: SignedIn,
    now: datetime,
    calendar: CalendarOverrides,
) -> None:
    """Do to the case all that the move brings, except for state, version, history and clock.

    Raises InvalidInput `unit-not-possible` or `record-incomplete`, Conflict
    `decision-number-taken`, and what review_ui.casework.merging adds.
    """
    if move.milestone:
        setattr(case, move.milestone, now)
    if move.target is State.ASSIGNED:
        _check_designation(session, case, record)
        _hand_to_unit(session, case, UUID(record["unit_id"]), staff, move)
    if move.target is State.INVALID:
        join_other(session, case=case, record=record, staff=staff, now=now, calendar=calendar)
    if move.target is State.DISPATCH:
        if move.source is State.INVALID:
            give_back(session, case=case, staff=staff, now=now, calendar=calendar)
        else:
            case.unit_id = _desk_above(session, case).id
        case.assignee_id = None
    if "decision_number" in record:
        _store_decision(session, case, record)
    if move.target is State.REOPENED:
        case.closed_at = None


def settle_clock(
    session: Session,
    *,
    case: Case,
    move: Transition,
    actor_id: UUID,
    now: datetime,
    calendar: CalendarOverrides,
) -> None:
    """Let the clock that begins with the move run, and end a pause with the clock that it held."""
    if case.paused_since and move.target not in OPEN_STATES:
        session.add(
            CaseAct(
                case_id=case.id,
                version=case.version,
                act=ActCode.RESUME.value,
                actor_id=actor_id,
                record={"pause_to": max(local_date(now), case.paused_since).isoformat()},
                occurred_at=now,
            )
        )
        case.paused_since = None
    # A case that is taken up again has as long as a new one: policy after art. 18.
    if move.target in (State.FILED, State.REOPENED) or move.source is State.INVALID:
        renew(session, case=case, calendar=calendar)


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


def _check_designation(session: Session, case: Case, record: dict[str, Any]) -> None:
    """While units dispute, the common superior designates in writing (Order 121 art. 33)."""
    if "designation_number" not in record and standing_dispute(facts_of(session, case=case)):
        raise incomplete(["designation_number"])


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


def _check_addition(session: Session, case: Case, pseudonym: str) -> None:
    """Only who stands in this case and has added something can have decided it by that."""
    found = session.scalar(
        select(Supplement.id)
        .join(CaseReport, CaseReport.report_id == Supplement.report_id)
        .where(
            CaseReport.case_id == case.id,
            CaseReport.pseudonym == pseudonym,
            CaseReport.unlinked_at.is_(None),
        )
        .limit(1)
    )
    if found is None:
        raise InvalidInput(
            "no-such-addition",
            Words(
                "本案没有这位举报人补充的情况，请重新选择。",
                "Nobody of this pseudonym added anything in this case: choose again.",
            ),
            field="deciding_addition",
        )


def _issuing_unit(session: Session, case: Case) -> UUID:
    unit = session.get_one(Unit, case.unit_id)
    return unit.issuing_unit_id or unit.id


def _store_decision(session: Session, case: Case, record: dict[str, Any]) -> None:
    decision = CaseDecision(
        case_id=case.id,
        issuing_unit_id=_issuing_unit(session, case),
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
        raise _number_taken(record["decision_number"]) from None


def _number_taken(number: str) -> Conflict:
    return Conflict(
        "decision-number-taken",
        Words(
            f"文号“{number}”本机关已经用过，请核对。",
            f"The number “{number}” was already used by this authority: check it.",
        ),
        field="decision_number",
    )

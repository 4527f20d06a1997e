"""The only writer of a case's state after its birth.

Every change is one transaction: the row is locked, the version that the screen was
showing is compared, the tables of transitions and acts are asked, and state, history,
audit, milestone, clock and points are written together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from intake.rewards.awards import settle_case
from intake.rewards.earning import TELLING
from review_ui.access.scope import roles_over
from review_ui.access.staff import SignedIn
from review_ui.casework.acts import settle_act
from review_ui.casework.consequences import check_ahead, settle, settle_clock
from review_ui.casework.locking import lock_case
from review_ui.casework.merging import lock_companion
from review_ui.casework.signatures import (
    check_signer,
    not_theirs,
    propose,
    required_proposal,
    signing_roles,
    standing_proposal,
    step_of,
    supersede,
)
from schemas import audit
from schemas.access import Role
from schemas.acts import Act, ActCode, act_of
from schemas.bulletins.shops import note_shop
from schemas.errors import InvalidInput, NotAllowed
from schemas.lifecycle import STATE_NAMES, TRANSITIONS, State, Step, Transition, transition
from schemas.records import check_record, incomplete
from schemas.tables import Case, CaseAct, CaseHistory, CaseProposal
from schemas.words import Words
from schemas.workdays import NO_OVERRIDES, CalendarOverrides, local_date

__all__ = ["Outcome", "act", "acting_roles", "advance", "confirm", "send_back", "standing_proposal"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The case after a step, and the proposal that now waits for a second signature, if any."""

    case: Case
    proposal: CaseProposal | None = None


@dataclass(frozen=True, slots=True)
class _Signed:
    """Who makes a step: `staff`, as the second person where somebody else proposed it."""

    staff: SignedIn
    proposed_by: UUID | None
    now: datetime
    calendar: CalendarOverrides

    @property
    def actors(self) -> tuple[UUID, UUID | None]:
        """Who acted, and who signed second."""
        if self.proposed_by:
            return self.proposed_by, self.staff.staff_id
        return self.staff.staff_id, None


def advance(
    session: Session,
    *,
    case_id: UUID,
    staff: SignedIn,
    to: State,
    version: int,
    record: Mapping[str, Any],
    now: datetime,
    calendar: CalendarOverrides = NO_OVERRIDES,
) -> Outcome:
    """Move a case, or propose the move where two have to sign it.

    `version` is the one that the person's screen was showing. Raises NotFound outside
    their tree, Conflict `case-changed` or `signature-pending`, InvalidInput
    `move-not-possible` or what the record lacks (schemas.records), NotAllowed
    `move-not-yours`, and what review_ui.casework.consequences adds.
    """
    lock_companion(session, case_id=case_id, to=to, record=record)
    case = lock_case(session, case_id=case_id, staff=staff, version=version)
    move = _possible_move(case, to)
    return _take(session, case, move, record, _Signed(staff, None, now, calendar))


def act(
    session: Session,
    *,
    case_id: UUID,
    staff: SignedIn,
    code: ActCode,
    version: int,
    record: Mapping[str, Any],
    now: datetime,
    calendar: CalendarOverrides = NO_OVERRIDES,
) -> Outcome:
    """Do something with a case that leaves its state, or propose it where two have to sign.

    Raises as `advance` does, InvalidInput `act-not-possible`, and what casework.acts adds.
    """
    case = lock_case(session, case_id=case_id, staff=staff, version=version)
    wanted = act_of(code)
    if State(case.state) not in wanted.states:
        state = STATE_NAMES[State(case.state)]
        raise InvalidInput(
            "act-not-possible",
            Words(
                f"案件现在是“{state.zh}”，不能办理“{wanted.words.zh}”。",
                f"The case is “{state.en}”: no “{wanted.words.en}” now.",
            ),
            field="act",
        )
    return _take(session, case, wanted, record, _Signed(staff, None, now, calendar))


def confirm(
    session: Session,
    *,
    case_id: UUID,
    staff: SignedIn,
    version: int,
    now: datetime,
    calendar: CalendarOverrides = NO_OVERRIDES,
) -> Outcome:
    """Sign a standing proposal as the second person, which carries it out.

    Raises as `advance` does, Conflict `nothing-to-sign`, and NotAllowed
    `own-signature` for whoever proposed it.
    """
    case = lock_case(session, case_id=case_id, staff=staff, version=version)
    proposal = required_proposal(session, case=case)
    step = _proposed_step(case, proposal)
    if proposal.proposed_by == staff.staff_id:
        raise NotAllowed(
            "own-signature",
            Words(
                "这一步由您提出，须由另一个人签字。",
                "You proposed this step: a different person has to sign it.",
            ),
        )
    check_signer(session, case=case, step=step, staff=staff)
    proposal.decided_by, proposal.decided_at, proposal.outcome = staff.staff_id, now, "confirmed"
    session.flush()
    signed = _Signed(staff, proposal.proposed_by, now, calendar)
    _execute(session, case, step, dict(proposal.record), signed)
    return Outcome(case)


def send_back(
    session: Session,
    *,
    case_id: UUID,
    staff: SignedIn,
    version: int,
    reason: str,
    now: datetime,
) -> Outcome:
    """Refuse a standing proposal with a reason; whoever proposed it thereby takes it back.

    Raises as `confirm` does, but for `own-signature`, and InvalidInput
    `record-incomplete` without a reason.
    """
    case = lock_case(session, case_id=case_id, staff=staff, version=version)
    proposal = required_proposal(session, case=case)
    step = _proposed_step(case, proposal)
    if proposal.proposed_by != staff.staff_id:
        check_signer(session, case=case, step=step, staff=staff)
    reason = reason.replace("\0", "").strip()[:2000]
    if not reason:
        raise incomplete(["reason"])
    proposal.decided_by, proposal.decided_at = staff.staff_id, now
    proposal.outcome, proposal.reason = "sent_back", reason
    case.version += 1
    _audit(session, case, "case_sent_back", step, staff)
    session.flush()
    return Outcome(case)


def acting_roles(session: Session, *, case: Case, staff: SignedIn, move: Step) -> frozenset[Role]:
    """Return the roles in which someone may make the step with the case, or propose it."""
    return frozenset(roles_over(session, staff=staff, unit_id=case.unit_id) & move.proposers)


def _possible_move(case: Case, to: State) -> Transition:
    state = State(case.state)
    move = transition(state, to)
    if move is None:
        possible = [each.target for each in TRANSITIONS if each.source is state]
        raise InvalidInput(
            "move-not-possible",
            Words(
                f"案件现在是“{STATE_NAMES[state].zh}”，不能改为“{STATE_NAMES[to].zh}”。可以改为："
                f"{'、'.join(STATE_NAMES[each].zh for each in possible) or '无'}。",
                f"The case is “{STATE_NAMES[state].en}” and can't become “{STATE_NAMES[to].en}”. "
                f"Possible: {', '.join(STATE_NAMES[each].en for each in possible) or 'nothing'}.",
            ),
            field="to",
            possible=[each.value for each in possible],
        )
    return move


def _proposed_step(case: Case, proposal: CaseProposal) -> Step:
    # A move supersedes what was proposed before it, so the state is still the proposal's.
    step = step_of(case, proposal)
    return step if step else _possible_move(case, State(proposal.to_state))


def _take(
    session: Session, case: Case, step: Step, record: Mapping[str, Any], signed: _Signed
) -> Outcome:
    """Make a step that its table has in this state, or propose it where two have to sign."""
    if not acting_roles(session, case=case, staff=signed.staff, move=step):
        raise not_theirs(step.proposers)
    checked = check_record(step, record, today=local_date(signed.now), known=_days(case))
    if step.approvers:
        check_ahead(session, case=case, step=step, record=checked, now=signed.now)
        proposal = propose(
            session, case=case, step=step, record=checked, staff=signed.staff, now=signed.now
        )
        # The one who signs must have seen this very proposal, so it makes a new version.
        case.version += 1
        _audit(session, case, "case_proposed", step, signed.staff)
        session.flush()
        return Outcome(case, proposal)
    _execute(session, case, step, checked, signed)
    return Outcome(case)


def _execute(
    session: Session, case: Case, step: Step, record: dict[str, Any], signed: _Signed
) -> None:
    check_ahead(session, case=case, step=step, record=record, now=signed.now)
    if isinstance(step, Transition):
        if not signed.proposed_by:
            supersede(session, case=case, staff=signed.staff, now=signed.now)
        _move(session, case, step, record, signed)
    elif isinstance(step, Act):
        _do(session, case, step, record, signed)


def _move(
    session: Session, case: Case, move: Transition, record: dict[str, Any], signed: _Signed
) -> None:
    before = {"state": case.state, "unit_id": str(case.unit_id)}
    # The role is looked up where the case stood: a return moves it out of their tree.
    role = _role(session, case, move, signed)
    settle(
        session, case=case, move=move, record=record, staff=signed.staff, now=signed.now,
        calendar=signed.calendar,
    )  # fmt: skip
    case.state = move.target.value
    case.version += 1
    actor, second = signed.actors
    made = CaseHistory(
        case_id=case.id,
        version=case.version,
        from_state=move.source.value,
        to_state=move.target.value,
        unit_id=case.unit_id,
        actor_id=actor,
        second_actor_id=second,
        record=record,
        occurred_at=signed.now,
    )
    session.add(made)
    note_shop(session, case=case, move=made)
    settle_clock(
        session, case=case, move=move, actor_id=actor, now=signed.now, calendar=signed.calendar
    )
    audit.record(
        session,
        actor=audit.Actor("staff", signed.staff.staff_id),
        action="case_advanced",
        subject=("case", case.id),
        before=before,
        after={
            "state": case.state,
            "unit_id": str(case.unit_id),
            "version": case.version,
            "role": role.value,
            "first_signature": str(signed.proposed_by) if signed.proposed_by else None,
            "due_on": case.due_on.isoformat(),
        },
    )
    session.flush()
    if move.target in TELLING:
        settle_case(
            session, case=case, actor=audit.Actor("staff", signed.staff.staff_id), now=signed.now
        )


def _do(session: Session, case: Case, step: Act, record: dict[str, Any], signed: _Signed) -> None:
    before = {"due_on": case.due_on.isoformat(), "version": case.version}
    role = _role(session, case, step, signed)
    case.version += 1
    actor, second = signed.actors
    done = CaseAct(
        case_id=case.id,
        version=case.version,
        act=step.code.value,
        actor_id=actor,
        second_actor_id=second,
        record=record,
        occurred_at=signed.now,
    )
    settle_act(
        session, case=case, done=done, staff=signed.staff, now=signed.now, calendar=signed.calendar
    )
    audit.record(
        session,
        actor=audit.Actor("staff", signed.staff.staff_id),
        action="case_acted",
        subject=("case", case.id),
        before=before,
        after={
            "act": step.code.value,
            "version": case.version,
            "role": role.value,
            "first_signature": str(signed.proposed_by) if signed.proposed_by else None,
            "due_on": case.due_on.isoformat(),
        },
    )
    session.flush()


def _role(session: Session, case: Case, step: Step, signed: _Signed) -> Role:
    if signed.proposed_by:
        return min(signing_roles(session, case=case, staff=signed.staff, step=step))
    return min(acting_roles(session, case=case, staff=signed.staff, move=step))


def _days(case: Case) -> dict[str, date]:
    days = {"received_on": local_date(case.received_at)}
    return days | ({"filed_on": local_date(case.filed_at)} if case.filed_at else {})


def _audit(session: Session, case: Case, action: str, step: Step, staff: SignedIn) -> None:
    held = roles_over(session, staff=staff, unit_id=case.unit_id)
    role = min(held & (step.proposers | step.approvers))
    what = (
        {"state": step.target.value}
        if isinstance(step, Transition)
        else {"act": step.code.value if isinstance(step, Act) else None}
    )
    audit.record(
        session,
        actor=audit.Actor("staff", staff.staff_id),
        action=action,
        subject=("case", case.id),
        after={**what, "version": case.version, "role": role.value},
    )

"""The only writer of a case's state after its birth.

Every change is one transaction: the row is locked, the version that the screen was
showing is compared, the one table of transitions is asked, and state, history,
audit, milestone and clock are written together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from review_ui.consequences import settle
from review_ui.locking import lock_case
from review_ui.scope import roles_over
from review_ui.staff import SignedIn
from schemas import audit
from schemas.access import ROLE_NAMES, Role
from schemas.errors import Conflict, InvalidInput, NotAllowed
from schemas.lifecycle import STATE_NAMES, TRANSITIONS, State, Transition, transition
from schemas.records import check_record
from schemas.tables import Case, CaseHistory, CaseProposal
from schemas.words import Words
from schemas.workdays import NO_OVERRIDES, CalendarOverrides, local_date


@dataclass(frozen=True, slots=True)
class Outcome:
    """The case after a step, and the proposal that now waits for a second signature, if any."""

    case: Case
    proposal: CaseProposal | None = None


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
    `move-not-yours`, and what schemas.consequences adds.
    """
    case = lock_case(session, case_id=case_id, staff=staff, version=version)
    move = _permitted(session, case, to, staff)
    checked = check_record(move, record, today=local_date(now))
    if move.signatures == 2:
        return Outcome(case, _propose(session, case, move, checked, staff, now))
    _supersede(session, case, staff, now)
    _execute(session, case, move, checked, staff=staff, second=None, now=now, calendar=calendar)
    return Outcome(case)


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
    proposal = _standing(session, case)
    move = _permitted(session, case, State(proposal.to_state), staff)
    if proposal.proposed_by == staff.staff_id:
        raise NotAllowed(
            "own-signature",
            Words(
                "这一步由您提出，须由另一名执法人员签字。",
                "You proposed this step: a different inspector has to sign it.",
            ),
        )
    proposal.decided_by, proposal.decided_at, proposal.outcome = staff.staff_id, now, "confirmed"
    session.flush()
    _execute(
        session, case, move, proposal.record, staff=staff, second=proposal, now=now,
        calendar=calendar,
    )  # fmt: skip
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
    proposal = _standing(session, case)
    move = _permitted(session, case, State(proposal.to_state), staff)
    reason = reason.strip()[:2000]
    if not reason:
        raise InvalidInput(
            "record-incomplete",
            Words("还缺：理由。", "Still missing: Reason."),
            field="reason",
            missing=["reason"],
        )
    proposal.decided_by, proposal.decided_at = staff.staff_id, now
    proposal.outcome, proposal.reason = "sent_back", reason
    case.version += 1
    _audit(session, case, "case_sent_back", move.target, staff, move)
    session.flush()
    return Outcome(case)


def standing_proposal(session: Session, *, case_id: UUID) -> CaseProposal | None:
    """Return the proposal of a case that waits for its second signature."""
    return session.scalars(
        select(CaseProposal).where(
            CaseProposal.case_id == case_id, CaseProposal.decided_at.is_(None)
        )
    ).one_or_none()


def _permitted(session: Session, case: Case, to: State, staff: SignedIn) -> Transition:
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
    if not acting_roles(session, case=case, staff=staff, move=move):
        needed = [ROLE_NAMES[role] for role in Role if role in move.roles]
        raise NotAllowed(
            "move-not-yours",
            Words(
                f"这一步由{'或'.join(words.zh for words in needed) or '系统'}办理。",
                f"This step is for: {', '.join(words.en for words in needed) or 'the system'}.",
            ),
        )
    return move


def acting_roles(
    session: Session, *, case: Case, staff: SignedIn, move: Transition
) -> frozenset[Role]:
    """Return the roles in which someone may make the move with the case."""
    return frozenset(roles_over(session, staff=staff, unit_id=case.unit_id) & move.roles)


def _propose(
    session: Session,
    case: Case,
    move: Transition,
    record: dict[str, Any],
    staff: SignedIn,
    now: datetime,
) -> CaseProposal:
    standing = standing_proposal(session, case_id=case.id)
    if standing:
        words = STATE_NAMES[State(standing.to_state)]
        raise Conflict(
            "signature-pending",
            Words(
                f"已有人提出“{words.zh}”，正等第二人签字：请先签字或退回。",
                f"“{words.en}” was already proposed and waits for a second signature: sign it "
                "or send it back first.",
            ),
        )
    proposal = CaseProposal(
        case_id=case.id,
        to_state=move.target.value,
        record=record,
        proposed_by=staff.staff_id,
        proposed_at=now,
    )
    session.add(proposal)
    # The one who signs must have seen this very proposal, so it makes a new version.
    case.version += 1
    _audit(session, case, "case_proposed", move.target, staff, move)
    session.flush()
    return proposal


def _standing(session: Session, case: Case) -> CaseProposal:
    proposal = standing_proposal(session, case_id=case.id)
    if proposal is None:
        raise Conflict(
            "nothing-to-sign",
            Words("这个案件没有待签字的事项。", "Nothing in this case waits for a signature."),
        )
    return proposal


def _supersede(session: Session, case: Case, staff: SignedIn, now: datetime) -> None:
    proposal = standing_proposal(session, case_id=case.id)
    if proposal:
        proposal.decided_by, proposal.decided_at = staff.staff_id, now
        proposal.outcome = "superseded"


def _execute(
    session: Session,
    case: Case,
    move: Transition,
    record: dict[str, Any],
    *,
    staff: SignedIn,
    second: CaseProposal | None,
    now: datetime,
    calendar: CalendarOverrides,
) -> None:
    """Write the move; with a confirmed proposal, its author acted and `staff` signed second."""
    before = {"state": case.state, "unit_id": str(case.unit_id)}
    # The role is looked up where the case stood: a return moves it out of their tree.
    role = min(acting_roles(session, case=case, staff=staff, move=move))
    settle(session, case=case, move=move, record=record, staff=staff, now=now, calendar=calendar)
    case.state = move.target.value
    case.version += 1
    session.add(
        CaseHistory(
            case_id=case.id,
            version=case.version,
            from_state=move.source.value,
            to_state=move.target.value,
            unit_id=case.unit_id,
            actor_id=second.proposed_by if second else staff.staff_id,
            second_actor_id=staff.staff_id if second else None,
            record=record,
            occurred_at=now,
        )
    )
    audit.record(
        session,
        actor=audit.Actor("staff", staff.staff_id),
        action="case_advanced",
        subject=("case", case.id),
        before=before,
        after={
            "state": case.state,
            "unit_id": str(case.unit_id),
            "version": case.version,
            "role": role.value,
            "first_signature": str(second.proposed_by) if second else None,
        },
    )
    session.flush()


def _audit(
    session: Session, case: Case, action: str, to: State, staff: SignedIn, move: Transition
) -> None:
    role = min(acting_roles(session, case=case, staff=staff, move=move))
    audit.record(
        session,
        actor=audit.Actor("staff", staff.staff_id),
        action=action,
        subject=("case", case.id),
        after={"state": to.value, "version": case.version, "role": role.value},
    )

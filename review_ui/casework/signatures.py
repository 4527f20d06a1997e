"""What waits for a second signature: proposed by one, signed or sent back by another."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from review_ui.access.scope import in_tree, roles_over
from review_ui.access.staff import SignedIn
from schemas.access import ROLE_NAMES, Role
from schemas.acts import Act, ActCode, act_of
from schemas.errors import Conflict, NotAllowed
from schemas.lifecycle import STATE_NAMES, State, Step, Transition, transition
from schemas.tables import Case, CaseProposal
from schemas.words import Words


def standing_proposal(session: Session, *, case_id: UUID) -> CaseProposal | None:
    """Return the proposal of a case that waits for its second signature."""
    return session.scalars(
        select(CaseProposal).where(
            CaseProposal.case_id == case_id, CaseProposal.decided_at.is_(None)
        )
    ).one_or_none()


def required_proposal(session: Session, *, case: Case) -> CaseProposal:
    """Return the standing proposal; raises Conflict `nothing-to-sign`."""
    proposal = standing_proposal(session, case_id=case.id)
    if proposal is None:
        raise Conflict(
            "nothing-to-sign",
            Words("这个案件没有待签字的事项。", "Nothing in this case waits for a signature."),
        )
    return proposal


def step_of(case: Case, proposal: CaseProposal) -> Step | None:
    """Return what was proposed, or None where the table no longer permits it."""
    if proposal.act:
        act = act_of(ActCode(proposal.act))
        return act if State(case.state) in act.states else None
    return transition(State(case.state), State(proposal.to_state))


def name_of(proposal: CaseProposal) -> Words:
    """Return what was proposed, as a noun."""
    return step_name(proposal.act or proposal.to_state)


def step_name(code: str) -> Words:
    """Return the name of an act, or of the state that a move leads to."""
    return act_of(ActCode(code)).words if code in set(ActCode) else STATE_NAMES[State(code)]


def signing_roles(session: Session, *, case: Case, staff: SignedIn, step: Step) -> frozenset[Role]:
    """Return the roles in which someone may sign the step as the second person."""
    return frozenset(roles_over(session, staff=staff, unit_id=case.unit_id) & step.approvers)


def may_sign(session: Session, *, case: Case, proposal: CaseProposal, staff: SignedIn) -> bool:
    """Whether somebody may sign this proposal now: the right role, and not their own."""
    step = step_of(case, proposal)
    return (
        step is not None
        and proposal.proposed_by != staff.staff_id
        and bool(signing_roles(session, case=case, staff=staff, step=step))
    )


def check_signer(session: Session, *, case: Case, step: Step, staff: SignedIn) -> None:
    """Raise NotAllowed `move-not-yours` for who holds no role that signs this step here."""
    if not signing_roles(session, case=case, staff=staff, step=step):
        raise not_theirs(step.approvers)


def not_theirs(roles: frozenset[Any]) -> NotAllowed:
    """Return the refusal of a step to somebody without one of the roles."""
    needed = [ROLE_NAMES[role] for role in Role if role in roles]
    return NotAllowed(
        "move-not-yours",
        Words(
            f"这一步由{'或'.join(words.zh for words in needed) or '系统'}办理。",
            f"This step is for: {', '.join(words.en for words in needed) or 'the system'}.",
        ),
    )


def propose(
    session: Session,
    *,
    case: Case,
    step: Step,
    record: dict[str, Any],
    staff: SignedIn,
    now: datetime,
) -> CaseProposal:
    """Lay a step before the one who has to sign it; raises Conflict `signature-pending`."""
    standing = standing_proposal(session, case_id=case.id)
    if standing:
        words = name_of(standing)
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
        to_state=step.target.value if isinstance(step, Transition) else case.state,
        act=step.code.value if isinstance(step, Act) else None,
        signer_role=min(step.approvers).value,
        record=record,
        proposed_by=staff.staff_id,
        proposed_at=now,
    )
    session.add(proposal)
    return proposal


def supersede(session: Session, *, case: Case, staff: SignedIn, now: datetime) -> None:
    """End a standing proposal because the case moves on otherwise."""
    proposal = standing_proposal(session, case_id=case.id)
    if proposal:
        proposal.decided_by, proposal.decided_at = staff.staff_id, now
        proposal.outcome = "superseded"


def waits_for(staff: SignedIn) -> ColumnElement[bool]:
    """Return the condition on Case that a proposal in it waits for this person's signature."""
    found: ColumnElement[bool] = CaseProposal.id.is_(None)
    for role in sorted({held.role for held in staff.held}):
        trees = [in_tree(held.unit_path) for held in staff.held if held.role is role]
        found |= (CaseProposal.signer_role == role.value) & or_(*trees)
    return (
        select(CaseProposal.id)
        .where(
            CaseProposal.case_id == Case.id,
            CaseProposal.decided_at.is_(None),
            CaseProposal.proposed_by != staff.staff_id,
            found,
        )
        .exists()
    )

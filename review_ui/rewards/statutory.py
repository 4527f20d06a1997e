"""Statutory rewards as officers decide on them: approve by grade, refuse, reverse; then paid.

Whoever verified does not decide, and whoever decided does not record the payment: two
rights, two people. What is shown is the account, the kinds of penalty and the sums; no
shop, no report, no name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.doorway import not_found
from intake.rewards.earning import findings_of
from intake.rewards.ledger import pseudonym_of
from intake.rewards.statutory import post_money
from review_ui.access.staff import SignedIn
from review_ui.rewards.decisions import read_reason
from schemas import audit
from schemas.access import Right
from schemas.errors import Conflict, InvalidInput, NotAllowed
from schemas.lifecycle import State
from schemas.statutory import ClaimStatus, MoneyKind, StatutoryRule, amount_fen, rule_of
from schemas.tables import Case, CaseHistory, RewardClaim, Unit
from schemas.units import below
from schemas.words import Words
from schemas.workdays import local_date

SHOWN = 200
MOST_NUMBER = 80


@dataclass(frozen=True)
class ClaimFile:
    """An application with what is needed to decide on it; `offers` is each grade's amount."""

    claim: RewardClaim
    account: str
    unit: str
    rule: StatutoryRule
    categories: tuple[str, ...]
    penalty_kinds: tuple[str, ...]
    offers: Mapping[int, int]


def claims_within(
    session: Session, *, staff: SignedIn, right: Right, statuses: Sequence[ClaimStatus]
) -> list[ClaimFile]:
    """Return the applications of the person's trees with one of these statuses, oldest first."""
    rows = session.execute(
        select(RewardClaim, Unit.name)
        .join(Unit, Unit.id == RewardClaim.unit_id)
        .where(
            below(RewardClaim.unit_id, staff.paths(right)),
            RewardClaim.status.in_([each.value for each in statuses]),
        )
        .order_by(RewardClaim.id)
        .limit(SHOWN)
    ).all()
    return [_file(session, claim, unit) for claim, unit in rows]


def file_of(session: Session, *, claim: RewardClaim) -> ClaimFile:
    """Return an application as it is shown."""
    return _file(session, claim, session.get_one(Unit, claim.unit_id).name)


def approve(
    session: Session, *, claim_id: UUID, staff: SignedIn, grade: int, now: datetime
) -> RewardClaim:
    """Approve an application by a grade of its rule, which gives the amount.

    Raises NotFound, NotAllowed `own-verification`, InvalidInput `grade-unknown`,
    Conflict `claim-decided` or `case-under-review`.
    """
    claim = _decidable(session, claim_id, staff, ClaimStatus.APPLIED)
    rule = rule_of(claim.rule)
    if grade not in rule.grades:
        raise InvalidInput(
            "grade-unknown",
            Words("请选择奖励等级。", "Choose a grade of the rule."),
            field="grade",
        )
    _check_closed(session, claim)
    claim.grade, claim.amount_fen = grade, amount_fen(rule, grade=grade, base_fen=claim.base_fen)
    _decide(claim, ClaimStatus.APPROVED, staff, now)
    session.flush()
    actor = audit.Actor("staff", staff.staff_id)
    post_money(session, claim=claim, kind=MoneyKind.APPROVED, actor=actor, now=now)
    _note(session, claim, "claim_approved", staff)
    return claim


def refuse(
    session: Session, *, claim_id: UUID, staff: SignedIn, reason: str, now: datetime
) -> RewardClaim:
    """Refuse an application, with a reason that the rider reads. Raises as `approve` does."""
    claim = _decidable(session, claim_id, staff, ClaimStatus.APPLIED)
    claim.reason = read_reason(reason)
    _decide(claim, ClaimStatus.REFUSED, staff, now)
    _note(session, claim, "claim_refused", staff)
    return claim


def reverse(
    session: Session, *, claim_id: UUID, staff: SignedIn, reason: str, now: datetime
) -> RewardClaim:
    """Reverse an approval that was not paid yet, by the exact counter-entry."""
    claim = _decidable(session, claim_id, staff, ClaimStatus.APPROVED)
    claim.reason = read_reason(reason)
    _decide(claim, ClaimStatus.REVERSED, staff, now)
    actor = audit.Actor("staff", staff.staff_id)
    post_money(session, claim=claim, kind=MoneyKind.REVERSED, actor=actor, now=now)
    _note(session, claim, "claim_reversed", staff)
    return claim


def pay(
    session: Session,
    *,
    claim_id: UUID,
    staff: SignedIn,
    document_number: str,
    paid_on: date,
    now: datetime,
) -> RewardClaim:
    """Record that an approved reward was paid, by the number of the document.

    Raises NotFound, NotAllowed `own-approval`, InvalidInput `document-number-missing` or
    `payment-day-invalid`, Conflict `claim-decided` or `case-under-review`.
    """
    claim = _locked(session, claim_id, staff, Right.PAY_STATUTORY, ClaimStatus.APPROVED)
    if claim.decided_by == staff.staff_id:
        raise NotAllowed(
            "own-approval",
            Words(
                "这笔奖励是您批准的，发放须由另一人登记。",
                "You approved this reward: somebody else has to record the payment.",
            ),
        )
    number = " ".join(document_number.replace("\0", "").split())
    if not number or len(number) > MOST_NUMBER:
        raise InvalidInput(
            "document-number-missing",
            Words("请填写支付凭证文号。", "Give the number of the payment's document."),
            field="document_number",
        )
    if claim.decided_at is None or not local_date(claim.decided_at) <= paid_on <= local_date(now):
        raise InvalidInput(
            "payment-day-invalid",
            Words(
                "发放日期不能早于批准之日，也不能晚于今天。",
                "The day of payment can't be before the approval, nor after today.",
            ),
            field="paid_on",
        )
    # Money that is gone can't be taken back by an entry: look once more before it goes.
    _check_closed(session, claim)
    claim.document_number, claim.paid_on, claim.paid_by = number, paid_on, staff.staff_id
    claim.status = ClaimStatus.PAID.value
    session.flush()
    actor = audit.Actor("staff", staff.staff_id)
    post_money(session, claim=claim, kind=MoneyKind.PAID, actor=actor, now=now)
    _note(session, claim, "claim_paid", staff)
    return claim


def _decidable(
    session: Session, claim_id: UUID, staff: SignedIn, status: ClaimStatus
) -> RewardClaim:
    claim = _locked(session, claim_id, staff, Right.DECIDE_STATUTORY, status)
    incident_id = session.get_one(Case, claim.case_id).incident_id
    findings = findings_of(session, incident_id=incident_id)
    if any(staff.staff_id in finding.signers for finding in findings):
        raise NotAllowed(
            "own-verification",
            Words(
                "您参与了这条线索的核查，奖励须由另一名奖励专员审核。",
                "You took part in this verification: a different reward officer has to decide.",
            ),
        )
    return claim


def _locked(
    session: Session, claim_id: UUID, staff: SignedIn, right: Right, status: ClaimStatus
) -> RewardClaim:
    claim = session.scalars(
        select(RewardClaim)
        .where(RewardClaim.id == claim_id, below(RewardClaim.unit_id, staff.paths(right)))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if claim is None:
        raise not_found()
    if claim.status != status.value:
        raise Conflict(
            "claim-decided",
            Words(
                "这笔奖励已经处理过了，请刷新页面。",
                "This reward was decided on before: reload the page.",
            ),
        )
    return claim


def _check_closed(session: Session, claim: RewardClaim) -> None:
    # Locked, so that nobody takes the case up again before the entry stands.
    case = session.get_one(Case, claim.case_id, with_for_update=True)
    if case.state != State.CLOSED.value:
        raise Conflict(
            "case-under-review",
            Words(
                "案件正在重新办理，办结后才能处理奖励。",
                "The case is taken up again: decide on the reward after its closure.",
            ),
        )


def _decide(claim: RewardClaim, status: ClaimStatus, staff: SignedIn, now: datetime) -> None:
    claim.status = status.value
    claim.decided_at, claim.decided_by = now, staff.staff_id


def _file(session: Session, claim: RewardClaim, unit: str) -> ClaimFile:
    case = session.get_one(Case, claim.case_id)
    record: dict[str, Any] = (
        session.scalars(
            select(CaseHistory.record)
            .where(CaseHistory.case_id == case.id, CaseHistory.to_state == State.PENALISED.value)
            .order_by(CaseHistory.version.desc())
        ).first()
        or {}
    )
    rule = rule_of(claim.rule)
    return ClaimFile(
        claim=claim,
        account=pseudonym_of(session, rider_id=claim.rider_id) or "",
        unit=unit,
        rule=rule,
        categories=tuple(case.categories),
        penalty_kinds=tuple(record.get("penalty_kinds", ())),
        offers={
            grade: amount_fen(rule, grade=grade, base_fen=claim.base_fen) for grade in rule.grades
        },
    )


def _note(session: Session, claim: RewardClaim, action: str, staff: SignedIn) -> None:
    audit.record(
        session,
        actor=audit.Actor("staff", staff.staff_id),
        action=action,
        subject=("reward_claim", claim.id),
        after={"status": claim.status, "amount_fen": claim.amount_fen},
    )
    session.flush()

"""Statutory rewards as the rider has them: what can be applied for, and what became of it.

After closure only, for a case that ended in a penalty, by the rider whose report was the
first valid one (as for the points), within the period of the rule, once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from intake.inserting import insert_if_new
from schemas import audit
from schemas.database import new_id
from schemas.errors import Conflict, NotFound
from schemas.lifecycle import State
from schemas.points import PointRule
from schemas.statutory import MONEY_WAYS, ClaimStatus, MoneyKind, rule_on
from schemas.tables import (
    Case,
    CaseDecision,
    CaseHistory,
    PointAward,
    Report,
    RewardClaim,
    RewardEntry,
)
from schemas.words import Words
from schemas.workdays import local_date


@dataclass(frozen=True, slots=True)
class Chance:
    """A closed case for which its rider may apply; days are local, `until` is the last one."""

    case_id: UUID
    report_id: UUID
    report_number: str
    unit_id: UUID
    closed_on: date
    until: date
    rule: str
    base_fen: int


def chances_of(session: Session, *, rider_id: UUID) -> list[Chance]:
    """Return what a rider could or could have applied for, and has not, the newest first."""
    later = aliased(CaseHistory)
    went_on = select(later.id).where(
        later.case_id == Case.id,
        later.version > CaseHistory.version,
        later.to_state != State.CLOSED.value,
    )
    rows = session.execute(
        select(Case.id, Case.unit_id, Case.closed_at, Report.id, Report.number)
        .join(PointAward, PointAward.incident_id == Case.incident_id)
        .join(Report, Report.id == PointAward.report_id)
        .join(CaseHistory, CaseHistory.case_id == Case.id)
        .outerjoin(RewardClaim, RewardClaim.case_id == Case.id)
        .where(
            PointAward.rider_id == rider_id,
            PointAward.rule == PointRule.FIRST_REPORT.value,
            PointAward.ended_at.is_(None),
            Case.state == State.CLOSED.value,
            CaseHistory.to_state == State.PENALISED.value,
            ~went_on.exists(),
            RewardClaim.id.is_(None),
        )
        .order_by(Case.closed_at.desc())
    ).all()
    found = []
    for case_id, unit_id, closed_at, report_id, number in rows:
        closed_on = local_date(closed_at) if closed_at else None
        rule = rule_on(closed_on) if closed_on else None
        if closed_on is None or rule is None:
            continue
        found.append(
            Chance(
                case_id=case_id,
                report_id=report_id,
                report_number=number,
                unit_id=unit_id,
                closed_on=closed_on,
                until=closed_on + timedelta(days=rule.application_days),
                rule=rule.code,
                base_fen=_sums_of(session, case_id),
            )
        )
    return found


def claims_of(session: Session, *, rider_id: UUID) -> Sequence[tuple[RewardClaim, str]]:
    """Return a rider's applications with the numbers of their reports, the newest first."""
    rows = session.execute(
        select(RewardClaim, Report.number)
        .join(Report, Report.id == RewardClaim.report_id)
        .where(RewardClaim.rider_id == rider_id)
        .order_by(RewardClaim.id.desc())
    )
    return [(claim, number) for claim, number in rows]


def apply_for(
    session: Session, *, rider_id: UUID, report_number: str, now: datetime
) -> list[RewardClaim]:
    """Apply for the rewards of a report's cases; a second time changes nothing.

    Raises NotFound `reward-unknown` where there is none for this rider, Conflict
    `reward-too-late` after the period.
    """
    chances = [
        each
        for each in chances_of(session, rider_id=rider_id)
        if each.report_number == report_number
    ]
    if chances and all(each.until < local_date(now) for each in chances):
        raise Conflict(
            "reward-too-late",
            Words(
                f"申请期限已过（{chances[0].until.isoformat()} 截止）。",
                f"The period for applying ended on {chances[0].until.isoformat()}.",
            ),
        )
    rows = [
        {
            "id": new_id(),
            "case_id": each.case_id,
            "report_id": each.report_id,
            "rider_id": rider_id,
            "unit_id": each.unit_id,
            "rule": each.rule,
            "base_fen": each.base_fen,
            "status": ClaimStatus.APPLIED.value,
            "applied_at": now,
            "reason": "",
        }
        for each in chances
        if each.until >= local_date(now)
    ]
    for made in insert_if_new(session, RewardClaim, rows, conflict=("case_id",)):
        audit.record(
            session,
            actor=audit.Actor("rider", rider_id),
            action="claim_applied",
            subject=("reward_claim", made),
        )
    own = [
        claim for claim, number in claims_of(session, rider_id=rider_id) if number == report_number
    ]
    if not own:
        raise NotFound(
            "reward-unknown",
            Words(
                "这条举报没有可以申请的奖励。", "There is no reward to apply for with this report."
            ),
        )
    return own


def post_money(
    session: Session, *, claim: RewardClaim, kind: MoneyKind, actor: audit.Actor, now: datetime
) -> bool:
    """Write an entry of a claim's amount and say whether it is new: each kind once a claim."""
    source, target = MONEY_WAYS[kind]
    if claim.amount_fen is None:
        raise ValueError("a claim without an amount moves no money")
    row = {
        "id": new_id(),
        "key": f"{kind.value}:{claim.id}",
        "claim_id": claim.id,
        "kind": kind.value,
        "from_account": source.value,
        "to_account": target.value,
        "amount_fen": claim.amount_fen,
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "posted_at": now,
    }
    return bool(insert_if_new(session, RewardEntry, [row], conflict=("key",)))


def _sums_of(session: Session, case_id: UUID) -> int:
    """Return fine and confiscation of a case's last decision, in fen."""
    decision = session.scalars(
        select(CaseDecision)
        .where(CaseDecision.case_id == case_id)
        .order_by(CaseDecision.id.desc())
        .limit(1)
    ).first()
    return decision.fine_fen + decision.confiscation_fen if decision else 0

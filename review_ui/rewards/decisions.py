"""What reward officers decide: approve, refuse, reverse, exclude, award a task.

Who verified an incident never decides on its points, whichever role they hold besides.
A refusal and a reversal are facts that stay (an exclusion of the tip): the award ends by
its counter-entry and the next first receipt, if there is one, is awarded in its place.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.campaigns.awarding import runners_of
from intake.rewards.approving import grant, is_under_review
from intake.rewards.awards import Earned, award, note, reverse, settle_incident
from intake.rewards.earning import findings_of
from intake.rewards.ledger import lock_awards
from schemas import audit
from schemas.errors import Conflict, InvalidInput, NotAllowed
from schemas.points import EXCLUSIONS, INELIGIBLE, AwardStatus, PointRule
from schemas.tables import PointAccount, PointAward, PointExclusion, Rider
from schemas.words import Words

MOST_REASON = 500


def approve(session: Session, *, award_id: UUID, staff_id: UUID, now: datetime) -> PointAward:
    """Let the rider have what an award holds.

    Raises NotAllowed `own-verification`, Conflict `award-decided`, or Conflict
    `case-under-review` while the case is taken up again.
    """
    found = _locked(session, award_id)
    _check_decidable(session, found, staff_id)
    if AwardStatus(found.status) is not AwardStatus.PENDING:
        raise _decided()
    _check_settled(session, found)
    grant(session, found=found, actor=audit.Actor("staff", staff_id), now=now)
    return found


def end_award(
    session: Session,
    *,
    award_id: UUID,
    staff_id: UUID,
    code: str,
    reason: str,
    now: datetime,
    bar_rider: bool = False,
) -> PointAward:
    """Refuse an award that waits, or reverse one that was approved, for a reason that stays.

    The tip earns nothing more; with `bar_rider` nothing that is verified from now on
    earns this rider points either. Raises NotAllowed `own-verification`, InvalidInput
    `exclusion-unknown` or `reason-missing`, Conflict `award-decided`.
    """
    found = _locked(session, award_id)
    _check_decidable(session, found, staff_id)
    reason = read_reason(reason)
    if code not in EXCLUSIONS:
        raise InvalidInput(
            "exclusion-unknown",
            Words("请选择不计分的原因。", "Choose why no points are given."),
            field="code",
        )
    for subject in _subjects(found, bar_rider=bar_rider):
        session.add(
            PointExclusion(code=code, reason=reason, made_by=staff_id, made_at=now, **subject)
        )
    actor = audit.Actor("staff", staff_id)
    reverse(session, award=found, code="excluded", actor=actor, now=now, reason=reason)
    if found.incident_id:
        settle_incident(session, incident_id=found.incident_id, actor=actor, now=now)
    return found


def restore(
    session: Session, *, award_id: UUID, staff_id: UUID, now: datetime
) -> PointAward | None:
    """Take an exclusion back, so that the incident is awarded anew by the rules.

    Returns the award that stands then, which waits for approval. Raises NotAllowed
    `own-verification`, Conflict `not-excluded`.
    """
    found = _locked(session, award_id)
    _check_decidable(session, found, staff_id, standing=False)
    exclusions = session.scalars(
        select(PointExclusion).where(
            PointExclusion.report_id == found.report_id, PointExclusion.ended_at.is_(None)
        )
    ).all()
    if found.report_id is None or found.incident_id is None or not exclusions:
        raise Conflict(
            "not-excluded",
            Words("这条举报没有被认定不计分。", "This tip is not excluded from the points."),
        )
    for each in exclusions:
        each.ended_at, each.ended_by = now, staff_id
    actor = audit.Actor("staff", staff_id)
    note(session, found, "points_restored", actor)
    settle_incident(session, incident_id=found.incident_id, actor=actor, now=now)
    return session.scalars(
        select(PointAward).where(
            PointAward.incident_id == found.incident_id,
            PointAward.rule == found.rule,
            PointAward.ended_at.is_(None),
        )
    ).one_or_none()


def award_task(
    session: Session,
    *,
    pseudonym: str,
    task: str,
    unit_id: UUID,
    staff_id: UUID,
    now: datetime,
) -> PointAward:
    """Award an appointed supervisor for a task, by its name or document number, once.

    Another officer approves it. Raises InvalidInput `account-unknown`,
    `not-a-supervisor`, `rider-excluded` or `reason-missing`, Conflict `task-awarded`.
    """
    task = read_reason(task, limit=60)
    rider = session.scalars(
        select(Rider)
        .join(PointAccount, PointAccount.rider_id == Rider.id)
        .where(PointAccount.pseudonym == pseudonym.replace("\0", "").strip().upper())
    ).one_or_none()
    if rider is None:
        raise InvalidInput(
            "account-unknown",
            Words("没有这个积分户。", "There is no such points account."),
            field="account",
        )
    if not rider.is_supervisor or rider.erased_at is not None:
        raise InvalidInput(
            "not-a-supervisor",
            Words("这名骑手不是食品安全监督员。", "This rider is no appointed supervisor."),
            field="account",
        )
    lock_awards(session)
    if session.scalar(
        select(PointExclusion.id).where(
            PointExclusion.rider_id == rider.id, PointExclusion.ended_at.is_(None)
        )
    ):
        raise InvalidInput(
            "rider-excluded",
            Words(INELIGIBLE["excluded"].zh + "。", INELIGIBLE["excluded"].en + "."),
            field="account",
        )
    made = award(
        session,
        earned=Earned(
            rule=PointRule.SUPERVISOR_TASK,
            cause=f"{rider.id.hex}/{task}",
            rider_id=rider.id,
            unit_id=unit_id,
            earned_at=now,
            made_by=staff_id,
            note=task,
        ),
        actor=audit.Actor("staff", staff_id),
        now=now,
    )
    if made is None:
        raise Conflict(
            "task-awarded",
            Words("这项任务已经记过分。", "This task was awarded already."),
        )
    return made


def verifiers_of(session: Session, *, found: PointAward) -> frozenset[UUID]:
    """Return who must not decide on an award: who signed the verification, or proposed it."""
    signers = {found.made_by} if found.made_by else set()
    if found.incident_id:
        for finding in findings_of(session, incident_id=found.incident_id):
            signers |= finding.signers
    # Who runs a campaign says which visits count, and so doesn't decide on their points.
    return frozenset(signers) | runners_of(session, award=found)


def read_reason(text: str, *, limit: int = MOST_REASON) -> str:
    """Return a reason as it is stored; raises InvalidInput `reason-missing`."""
    reason = " ".join(text.replace("\0", "").split())[:limit]
    if not reason:
        raise InvalidInput(
            "reason-missing", Words("请写明理由。", "Give a reason."), field="reason"
        )
    return reason


def _subjects(found: PointAward, *, bar_rider: bool) -> list[dict[str, UUID]]:
    subjects = [{"report_id": found.report_id}] if found.report_id else []
    return [*subjects, {"rider_id": found.rider_id}] if bar_rider else subjects


def _locked(session: Session, award_id: UUID) -> PointAward:
    lock_awards(session)
    return session.scalars(
        select(PointAward)
        .where(PointAward.id == award_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def _check_decidable(
    session: Session, found: PointAward, staff_id: UUID, *, standing: bool = True
) -> None:
    if staff_id in verifiers_of(session, found=found):
        raise NotAllowed(
            "own-verification",
            Words(
                "您参与了这条线索的核查，积分须由另一名奖励专员审核。",
                "You took part in this verification: a different reward officer has to decide.",
            ),
        )
    if standing and found.ended_at is not None:
        raise _decided()


def _check_settled(session: Session, found: PointAward) -> None:
    if is_under_review(session, found=found):
        raise Conflict(
            "case-under-review",
            Words(
                "案件正在重新办理，有结论后才能审核积分。",
                "The case is taken up again: decide on the points after its conclusion.",
            ),
        )


def _decided() -> Conflict:
    return Conflict(
        "award-decided",
        Words(
            "这笔积分已经处理过，请刷新后查看。",
            "This award was decided meanwhile: reload the page.",
        ),
    )

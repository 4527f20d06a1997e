"""Points for a task: what stands is compared with what is due, and the difference is posted.

Called in the transaction of whatever changed a task. A task earns once; what is rejected
gives its points back by the counter-entry of its award.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.rewards.awards import Earned, award, reverse
from intake.rewards.ledger import lock_awards
from schemas import audit
from schemas.campaigns import TaskState
from schemas.points import PointRule
from schemas.tables import Campaign, CampaignTask, PointAward, PointExclusion, Rider


def settle_task(
    session: Session,
    *,
    task: CampaignTask,
    campaign: Campaign,
    actor: audit.Actor,
    now: datetime,
) -> PointAward | None:
    """Award a task that earns points, or reverse one that no longer does; twice is as once.

    Returns the award that stands then. It names the campaign and neither shop nor report.
    """
    session.flush()
    lock_awards(session)
    cause = cause_of(task)
    standing = session.scalars(
        select(PointAward)
        .where(
            PointAward.rule == PointRule.SUPERVISOR_TASK.value,
            PointAward.cause == cause,
            PointAward.ended_at.is_(None),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    rider = session.get(Rider, task.rider_id) if task.rider_id else None
    if rider is None or not _is_due(session, task, rider):
        if standing:
            reverse(session, award=standing, code="task", actor=actor, now=now)
        return None
    if standing:
        return standing
    return award(
        session,
        earned=Earned(
            rule=PointRule.SUPERVISOR_TASK,
            cause=cause,
            rider_id=rider.id,
            unit_id=campaign.unit_id,
            earned_at=now,
            note=campaign.name,
        ),
        actor=audit.PIPELINE,
        now=now,
    )


def cause_of(task: CampaignTask) -> str:
    """Return what the award of a task is for."""
    return f"task/{task.id.hex}"


def runners_of(session: Session, *, award: PointAward) -> frozenset[UUID]:
    """Return who runs the campaign of an award's task, or rejected it; empty for any other."""
    kind, _, key = award.cause.partition("/")
    if award.rule != PointRule.SUPERVISOR_TASK or kind != "task":
        return frozenset()
    task = session.get_one(CampaignTask, UUID(key))
    campaign = session.get_one(Campaign, task.campaign_id)
    runners = (campaign.made_by, campaign.closed_by, task.rejected_by)
    return frozenset(each for each in runners if each)


def _is_due(session: Session, task: CampaignTask, rider: Rider) -> bool:
    """Whether a task earns: a tip came of it, or the phone was at the shop."""
    is_done = task.status == TaskState.FOUND or (task.status == TaskState.CLEAN and task.is_near)
    if not is_done or rider.erased_at is not None:
        return False
    return not session.scalar(
        select(PointExclusion.id)
        .where(PointExclusion.rider_id == rider.id, PointExclusion.ended_at.is_(None))
        .limit(1)
    )

"""What becomes of campaigns when a rider's data is erased: the visits stay, nobody's."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from intake.campaigns.periods import note_event
from intake.notices import forget_invitations
from schemas.campaigns import EventKind, TaskState
from schemas.tables import Campaign, CampaignInvitation, CampaignTask


def forget_rider(session: Session, *, rider_id: UUID, now: datetime) -> None:
    """Remove a rider's invitations, give back what they hold, and name no visit as theirs."""
    held = session.scalars(
        select(CampaignTask)
        .where(CampaignTask.rider_id == rider_id, CampaignTask.status == TaskState.TAKEN.value)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    for task in held:
        task.status, task.rider_id = TaskState.OPEN.value, None
        campaign = session.get_one(Campaign, task.campaign_id)
        note_event(session, campaign=campaign, kind=EventKind.HANDED_BACK, now=now, task_id=task.id)
    session.execute(
        update(CampaignTask).where(CampaignTask.rider_id == rider_id).values(rider_id=None)
    )
    forget_invitations(session, rider_id=rider_id)
    session.execute(delete(CampaignInvitation).where(CampaignInvitation.rider_id == rider_id))

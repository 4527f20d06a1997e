"""When a campaign runs, what it still takes, and what happened to it, written down once."""

from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from schemas.campaigns import FEWEST_RIDERS, LATE_FOR, EventKind, TaskState
from schemas.numbers import LOCAL_ZONE
from schemas.tables import Campaign, CampaignEvent, CampaignInvitation
from schemas.workdays import local_date


def end_of(last_day: date) -> datetime:
    """Return the first moment after a local day."""
    return datetime.combine(last_day + timedelta(days=1), time.min, LOCAL_ZONE)


def ended_at(campaign: Campaign) -> datetime:
    """Return the moment at which a campaign is over: its period's end, or its closing before."""
    end = end_of(campaign.ends_on)
    return min(end, campaign.closed_at) if campaign.closed_at else end


def is_over(campaign: Campaign, *, now: datetime) -> bool:
    """Whether no task can be taken or done any more."""
    return now >= ended_at(campaign)


def takes_tips(campaign: Campaign, *, now: datetime) -> bool:
    """Whether a tip still counts for its task: what waited for signal comes a little late."""
    return now < ended_at(campaign) + LATE_FOR


def has_begun(campaign: Campaign, *, now: datetime) -> bool:
    """Whether the first day has come."""
    return campaign.starts_on <= local_date(now)


def is_enough(session: Session, *, campaign_id: UUID) -> bool:
    """Whether so many take part that nobody can tell who went where."""
    accepted = session.scalar(
        select(func.count(CampaignInvitation.id)).where(
            CampaignInvitation.campaign_id == campaign_id, CampaignInvitation.accepted.is_(True)
        )
    )
    return (accepted or 0) >= FEWEST_RIDERS


def state_of(status: str, campaign: Campaign, *, now: datetime) -> TaskState:
    """Return how far a task of a stored status is now; time alone lets one expire."""
    state = TaskState(status)
    if state is TaskState.OPEN and is_over(campaign, now=now):
        return TaskState.EXPIRED
    if state is TaskState.TAKEN and not takes_tips(campaign, now=now):
        return TaskState.EXPIRED
    return state


def note_event(
    session: Session,
    *,
    campaign: Campaign,
    kind: EventKind,
    now: datetime,
    task_id: UUID | None = None,
    due_at: datetime | None = None,
    tasks: int | None = None,
) -> None:
    """Write down what happened to a campaign or a task, for the bulletin."""
    session.add(
        CampaignEvent(
            campaign_id=campaign.id,
            task_id=task_id,
            unit_id=campaign.unit_id,
            kind=kind.value,
            due_at=due_at,
            tasks=tasks,
            occurred_at=now,
            recorded_at=now,
        )
    )
    session.flush()

"""The campaigns that a rider was invited to, with the shops that are open and their own."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.campaigns.periods import has_begun, is_enough, is_over, state_of
from schemas.campaigns import MOST_SHOPS, CampaignKind, TaskState
from schemas.tables import (
    Campaign,
    CampaignInvitation,
    CampaignShop,
    CampaignTask,
    Unit,
)
from schemas.workdays import local_date

# A campaign that is over stays on the rider's page for so long.
SHOWN_FOR = timedelta(days=30)
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Errand:
    """A task as its rider sees it: the shop, how far it is, whether it is their own."""

    id: UUID
    shop: CampaignShop
    state: TaskState
    is_mine: bool
    is_near: bool | None
    obstacle: str | None


@dataclass(frozen=True, slots=True)
class Offered:
    """A campaign as an invited rider sees it."""

    campaign: Campaign
    kind: CampaignKind
    unit: str
    accepted: bool | None
    is_over: bool
    has_begun: bool
    is_enough: bool
    tasks: tuple[Errand, ...]

    @property
    def mine(self) -> tuple[Errand, ...]:
        """The rider's own tasks."""
        return tuple(each for each in self.tasks if each.is_mine)

    @property
    def open(self) -> tuple[Errand, ...]:
        """The tasks that can be taken."""
        return tuple(each for each in self.tasks if not each.is_mine)


def campaigns_of(session: Session, *, rider_id: UUID, now: datetime) -> list[Offered]:
    """Return the campaigns that a rider was invited to, the newest first."""
    rows = session.execute(
        select(Campaign, CampaignInvitation.accepted, Unit.name)
        .join(CampaignInvitation, CampaignInvitation.campaign_id == Campaign.id)
        .join(Unit, Unit.id == Campaign.unit_id)
        .where(
            CampaignInvitation.rider_id == rider_id,
            Campaign.ends_on >= local_date(now - SHOWN_FOR),
        )
        .order_by(Campaign.id.desc())
        .limit(SHOWN)
    )
    return [
        _offered(session, campaign, unit, accepted=accepted, rider_id=rider_id, now=now)
        for campaign, accepted, unit in rows
    ]


def held_task(session: Session, *, task_id: UUID, rider_id: UUID) -> CampaignShop | None:
    """Return the shop of a task that a rider holds, to fill in the tip's form; else None."""
    return session.scalars(
        select(CampaignShop)
        .join(CampaignTask, CampaignTask.shop_id == CampaignShop.id)
        .where(
            CampaignTask.id == task_id,
            CampaignTask.rider_id == rider_id,
            CampaignTask.status == TaskState.TAKEN.value,
        )
    ).one_or_none()


def _offered(
    session: Session,
    campaign: Campaign,
    unit: str,
    *,
    accepted: bool | None,
    rider_id: UUID,
    now: datetime,
) -> Offered:
    begun, over = has_begun(campaign, now=now), is_over(campaign, now=now)
    enough = is_enough(session, campaign_id=campaign.id)
    rows = session.execute(
        select(CampaignTask, CampaignShop)
        .join(CampaignShop, CampaignShop.id == CampaignTask.shop_id)
        .where(
            CampaignTask.campaign_id == campaign.id,
            (CampaignTask.rider_id == rider_id) | (CampaignTask.status == TaskState.OPEN.value),
        )
        .order_by(CampaignShop.position, CampaignTask.id)
    ).all()
    mine = [(task, shop) for task, shop in rows if task.rider_id == rider_id]
    # Which shops are to be visited is told to those who go there, and to nobody before.
    shows_open = bool(accepted) and begun and enough and not over
    known = {shop.id for _, shop in mine}
    others = {
        shop.id: (task, shop)
        for task, shop in rows
        if shows_open and task.rider_id is None and shop.id not in known
    }
    return Offered(
        campaign=campaign,
        kind=CampaignKind(campaign.kind),
        unit=unit,
        accepted=accepted,
        is_over=over,
        has_begun=begun,
        is_enough=enough,
        tasks=tuple(
            Errand(
                id=task.id,
                shop=shop,
                state=state_of(task.status, campaign, now=now),
                is_mine=task.rider_id == rider_id,
                is_near=task.is_near,
                obstacle=task.obstacle,
            )
            for task, shop in [*mine, *list(others.values())[:MOST_SHOPS]]
        ),
    )

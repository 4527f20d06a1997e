"""A campaign made, offered to supervisors, closed; and a visit that is not accepted.

Whoever runs it says which shops and whom to ask, and never who goes where: a rider takes a
task alone, and no function here returns whose it is.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intake.campaigns.awarding import settle_task
from intake.campaigns.periods import end_of, is_over, note_event
from intake.doorway import not_found
from intake.inserting import insert_rows
from review_ui.access.scope import unit_by_text
from review_ui.access.staff import SignedIn
from review_ui.campaigns.shops import Shop
from schemas import audit
from schemas.access import Right
from schemas.campaigns import (
    MOST_DAYS,
    MOST_PER_SHOP,
    REJECTIONS,
    VISITED,
    CampaignKind,
    EventKind,
    TaskState,
)
from schemas.database import new_id
from schemas.errors import Conflict, InvalidInput
from schemas.tables import Campaign, CampaignShop, CampaignTask
from schemas.units import below
from schemas.words import Words
from schemas.workdays import local_date


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A campaign as somebody wants to make it; days are local."""

    unit: str
    kind: str
    name: str
    purpose: str
    starts_on: date
    ends_on: date
    riders_per_shop: int
    shops: tuple[Shop, ...]


def make_campaign(session: Session, *, staff: SignedIn, wish: Wish, now: datetime) -> Campaign:
    """Make a campaign with a task for each visit of each shop.

    Raises InvalidInput `unit-unknown`, `unit-ambiguous`, `campaign-kind-unknown`,
    `campaign-name-missing`, `campaign-days-invalid` or `riders-per-shop-invalid`.
    """
    unit = unit_by_text(session, paths=staff.paths(Right.RUN_CAMPAIGNS), text=wish.unit)
    _check(wish, now)
    campaign = Campaign(
        id=new_id(),
        unit_id=unit.id,
        kind=wish.kind,
        name=line(wish.name)[:80],
        purpose=wish.purpose.replace("\0", "").strip()[:1000],
        starts_on=wish.starts_on,
        ends_on=wish.ends_on,
        made_by=staff.staff_id,
        made_at=now,
    )
    session.add(campaign)
    session.flush()
    tasks = _add_tasks(session, campaign, wish)
    note_event(
        session,
        campaign=campaign,
        kind=EventKind.MADE,
        now=now,
        # The last second that still belongs to the last day, and so to its week.
        due_at=end_of(wish.ends_on) - timedelta(seconds=1),
        tasks=tasks,
    )
    _note(session, staff, "campaign_made", campaign, {"shops": len(wish.shops), "tasks": tasks})
    return campaign


def close_campaign(
    session: Session, *, campaign_id: UUID, staff: SignedIn, reason: str, now: datetime
) -> Campaign:
    """End a campaign before its last day.

    Raises NotFound, Conflict `campaign-over`, InvalidInput `reason-missing`.
    """
    campaign = locked(session, campaign_id=campaign_id, staff=staff)
    if is_over(campaign, now=now):
        raise over()
    reason = line(reason)[:500]
    if not reason:
        raise InvalidInput(
            "reason-missing", Words("请写明理由。", "Give a reason."), field="reason"
        )
    campaign.closed_at, campaign.closed_by, campaign.close_reason = now, staff.staff_id, reason
    tasks = session.scalar(
        select(func.count(CampaignTask.id)).where(CampaignTask.campaign_id == campaign.id)
    )
    note_event(
        session, campaign=campaign, kind=EventKind.CLOSED, now=now, due_at=now, tasks=tasks or 0
    )
    _note(session, staff, "campaign_closed", campaign, {"reason": reason})
    return campaign


def reject_visit(
    session: Session,
    *,
    campaign_id: UUID,
    task_id: UUID,
    staff: SignedIn,
    code: str,
    now: datetime,
) -> CampaignTask:
    """Say that a visit is not accepted; its points go back by the counter-entry.

    Whose it was is not told. Raises NotFound, InvalidInput `rejection-unknown`, Conflict
    `task-not-visited`.
    """
    campaign = locked(session, campaign_id=campaign_id, staff=staff)
    if code not in REJECTIONS:
        raise InvalidInput(
            "rejection-unknown",
            Words("请选择认定无效的原因。", "Choose why the visit is rejected."),
            field="code",
        )
    task = session.scalars(
        select(CampaignTask)
        .where(CampaignTask.id == task_id, CampaignTask.campaign_id == campaign.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if task is None:
        raise not_found()
    if TaskState(task.status) not in VISITED:
        raise Conflict(
            "task-not-visited",
            Words("这一家没有可认定的走访。", "There is no visit here to reject."),
        )
    task.status, task.rejection = TaskState.REJECTED.value, code
    task.rejected_by = staff.staff_id
    note_event(session, campaign=campaign, kind=EventKind.REJECTED, now=now, task_id=task.id)
    audit.record(
        session,
        actor=audit.Actor("staff", staff.staff_id),
        action="campaign_visit_rejected",
        subject=("campaign_task", task.id),
        after={"code": code},
    )
    actor = audit.Actor("staff", staff.staff_id)
    settle_task(session, task=task, campaign=campaign, actor=actor, now=now)
    return task


def locked(session: Session, *, campaign_id: UUID, staff: SignedIn) -> Campaign:
    """Return a campaign of the person's trees, locked; raises NotFound for any other."""
    campaign = session.scalars(
        select(Campaign)
        .where(
            Campaign.id == campaign_id,
            below(Campaign.unit_id, staff.paths(Right.RUN_CAMPAIGNS)),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if campaign is None:
        raise not_found()
    return campaign


def over() -> Conflict:
    """Return the refusal of what a campaign that has ended can't have any more."""
    return Conflict("campaign-over", Words("这次活动已经结束。", "This campaign is over."))


def line(text: str) -> str:
    """Return a text as one line."""
    return " ".join(text.replace("\0", "").split())


def _check(wish: Wish, now: datetime) -> None:
    if wish.kind not in set(CampaignKind):
        raise InvalidInput(
            "campaign-kind-unknown", Words("请选择活动种类。", "Choose a kind."), field="kind"
        )
    if not line(wish.name):
        raise InvalidInput(
            "campaign-name-missing",
            Words("请给活动起个名字。", "Give the campaign a name."),
            field="name",
        )
    days = (wish.ends_on - wish.starts_on).days + 1
    if wish.ends_on < local_date(now) or not 1 <= days <= MOST_DAYS:
        raise InvalidInput(
            "campaign-days-invalid",
            Words(
                f"截止日期不能早于开始日期或今天，最长 {MOST_DAYS} 天。",
                "The last day can't be before the first one or before today; "
                f"{MOST_DAYS} days at most.",
            ),
            field="ends_on",
        )
    if not 1 <= wish.riders_per_shop <= MOST_PER_SHOP:
        raise InvalidInput(
            "riders-per-shop-invalid",
            Words("每家店由 1 名或 2 名骑手走访。", "A shop is visited by one or two riders."),
            field="riders_per_shop",
        )


def _add_tasks(session: Session, campaign: Campaign, wish: Wish) -> int:
    shops = [
        {
            "id": new_id(),
            "campaign_id": campaign.id,
            "position": position,
            "name": shop.name,
            "address": shop.address,
            "latitude": shop.place.latitude if shop.place else None,
            "longitude": shop.place.longitude if shop.place else None,
            "is_square": shop.is_square,
        }
        for position, shop in enumerate(wish.shops, start=1)
    ]
    insert_rows(session, CampaignShop, shops)
    tasks = [
        {
            "id": new_id(),
            "campaign_id": campaign.id,
            "shop_id": shop["id"],
            "status": TaskState.OPEN.value,
        }
        for shop in shops
        for _ in range(wish.riders_per_shop)
    ]
    insert_rows(session, CampaignTask, tasks)
    return len(tasks)


def _note(
    session: Session,
    staff: SignedIn,
    action: str,
    campaign: Campaign,
    after: dict[str, object],
) -> None:
    audit.record(
        session,
        actor=audit.Actor("staff", staff.staff_id),
        action=action,
        subject=("campaign", campaign.id),
        after=after,
    )
    session.flush()

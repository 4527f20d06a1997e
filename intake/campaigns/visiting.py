"""What a supervisor does in a campaign: answers, takes a task, goes there, says what was found.

The rider sees open shops only after accepting, and never who took which; of several who
want the last one the database lets one through.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from intake.campaigns.awarding import settle_task
from intake.campaigns.periods import (
    has_begun,
    is_enough,
    is_over,
    note_event,
    takes_tips,
)
from intake.inserting import insert_if_new
from schemas import audit
from schemas.campaigns import (
    FEWEST_RIDERS,
    MOST_ACCURACY_M,
    MOST_TAKEN,
    NEAR_M,
    OBSTACLES,
    EventKind,
    TaskState,
)
from schemas.errors import Conflict, InvalidInput, NotFound
from schemas.places import Point, distance_m, nearest_in_square
from schemas.tables import (
    Campaign,
    CampaignInvitation,
    CampaignShop,
    CampaignTask,
    CampaignTip,
    Rider,
)
from schemas.words import Words


@dataclass(frozen=True, slots=True)
class Visit:
    """What a rider says of a visit: nothing found, or why there was none; and where they are."""

    obstacle: str = ""
    place: Point | None = None
    accuracy_m: float | None = None


def answer(
    session: Session, *, campaign_id: UUID, rider_id: UUID, accepts: bool, now: datetime
) -> None:
    """Accept or decline; the same answer again changes nothing. Declining hands tasks back.

    Raises NotFound `campaign-unknown`, Conflict `campaign-over`, or Conflict
    `not-a-supervisor` for whose appointment has ended.
    """
    campaign, invitation = _invited(session, campaign_id, rider_id)
    _check_running(campaign, now)
    if accepts and not session.get_one(Rider, rider_id).is_supervisor:
        raise Conflict(
            "not-a-supervisor",
            Words(
                "您现在不是食品安全监督员，不能参加。",
                "You are no appointed supervisor now, so you can't take part.",
            ),
        )
    if invitation.accepted is accepts:
        return
    invitation.accepted, invitation.answered_at = accepts, now
    if not accepts:
        for task in _held(session, campaign_id, rider_id):
            _give_back(session, campaign, task, rider_id, now)
    action = "campaign_accepted" if accepts else "campaign_declined"
    _note(session, action, rider_id, ("campaign", campaign_id))


def take(session: Session, *, task_id: UUID, rider_id: UUID, now: datetime) -> CampaignTask:
    """Take a task; one's own again changes nothing.

    Raises NotFound `task-unknown`, Conflict `campaign-over`, `campaign-not-begun`,
    `campaign-not-accepted`, `campaign-too-few`, `task-taken`, `task-shop-taken` or
    `tasks-too-many`.
    """
    task, campaign, invitation = _offered(session, task_id, rider_id)
    _check_running(campaign, now)
    if not invitation.accepted:
        raise Conflict(
            "campaign-not-accepted",
            Words("请先同意参加这次活动。", "Accept the campaign's invitation first."),
        )
    if not has_begun(campaign, now=now):
        raise Conflict(
            "campaign-not-begun", Words("活动还没有开始。", "The campaign has not begun yet.")
        )
    if task.rider_id == rider_id:
        return task
    if not is_enough(session, campaign_id=campaign.id):
        raise Conflict(
            "campaign-too-few",
            Words(
                f"同意参加的监督员还不到 {FEWEST_RIDERS} 人；人够了才开放，"
                "这样没人能猜出谁去了哪家。",
                f"Fewer than {FEWEST_RIDERS} supervisors take part so far. It opens once there are "
                "enough, so that nobody can guess who went where.",
            ),
        )
    _check_room(session, task, rider_id)
    taken = session.execute(
        update(CampaignTask)
        .where(CampaignTask.id == task_id, CampaignTask.status == TaskState.OPEN.value)
        .values(status=TaskState.TAKEN.value, rider_id=rider_id)
        .returning(CampaignTask.id)
        .execution_options(synchronize_session=False)
    ).first()
    if taken is None:
        raise Conflict(
            "task-taken",
            Words(
                "这一家刚被别人领走，请看别的。", "Somebody else has taken this one: see others."
            ),
        )
    session.refresh(task)
    note_event(session, campaign=campaign, kind=EventKind.TAKEN, now=now, task_id=task.id)
    _note(session, "campaign_task_taken", rider_id, ("campaign_task", task.id))
    return task


def hand_back(session: Session, *, task_id: UUID, rider_id: UUID, now: datetime) -> CampaignTask:
    """Give a task back, so that another can take it.

    Raises NotFound `task-unknown`, Conflict `campaign-over` or `task-not-held`.
    """
    task, campaign, _ = _offered(session, task_id, rider_id)
    _check_running(campaign, now)
    _check_held(task, rider_id)
    _give_back(session, campaign, task, rider_id, now)
    return task


def visit(
    session: Session, *, task_id: UUID, rider_id: UUID, found: Visit, now: datetime
) -> CampaignTask:
    """Note that a rider was there and found nothing, or why they could not visit.

    Of the place only whether it is the shop's is kept. The same again changes nothing.
    Raises NotFound `task-unknown`, Conflict `campaign-over` or `task-not-held`,
    InvalidInput `obstacle-unknown`.
    """
    if found.obstacle and found.obstacle not in OBSTACLES:
        raise InvalidInput(
            "obstacle-unknown",
            Words("请选择没能走访的原因。", "Choose why it could not be visited."),
            field="obstacle",
        )
    task, campaign, _ = _offered(session, task_id, rider_id)
    state = TaskState.NOT_VISITED if found.obstacle else TaskState.CLEAN
    if (
        task.rider_id == rider_id
        and task.status == state
        and task.obstacle in (None, found.obstacle)
    ):
        return task
    _check_running(campaign, now)
    _check_held(task, rider_id)
    task.status, task.obstacle = state.value, found.obstacle or None
    task.is_near = _is_near(session.get_one(CampaignShop, task.shop_id), found)
    kind = EventKind.NOT_VISITED if found.obstacle else EventKind.CLEAN
    note_event(session, campaign=campaign, kind=kind, now=now, task_id=task.id)
    _note(session, "campaign_task_done", rider_id, ("campaign_task", task.id))
    settle_task(session, task=task, campaign=campaign, actor=audit.PIPELINE, now=now)
    return task


def finish_by_tip(
    session: Session, *, task_id: UUID, rider_id: UUID | None, report_id: UUID, now: datetime
) -> bool:
    """Note that a tip came of a task its rider holds, and say whether it counts for it.

    A tip is never refused for its task: one that is over, another's or nobody's leaves the
    tip what it is.
    """
    task = session.scalars(
        select(CampaignTask)
        .where(CampaignTask.id == task_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if task is None or rider_id is None:
        return False
    campaign = session.get_one(Campaign, task.campaign_id)
    is_held = task.rider_id == rider_id and task.status == TaskState.TAKEN
    if not is_held or not takes_tips(campaign, now=now):
        return False
    row = {"task_id": task.id, "report_id": report_id, "recorded_at": now}
    if not insert_if_new(session, CampaignTip, [row], conflict=("task_id",)):
        return False
    task.status = TaskState.FOUND.value
    note_event(session, campaign=campaign, kind=EventKind.FOUND, now=now, task_id=task.id)
    _note(session, "campaign_task_done", rider_id, ("campaign_task", task.id))
    settle_task(session, task=task, campaign=campaign, actor=audit.PIPELINE, now=now)
    return True


def _is_near(shop: CampaignShop, found: Visit) -> bool | None:
    """Whether the phone was there; None where that can't be told.

    At a shop within NEAR_M; in a square, or so near to it that the phone may be in it as far
    as it knows, as a place near a border is taken for both sides when a tip is routed.
    """
    if found.place is None or shop.latitude is None or shop.longitude is None:
        return None
    if found.accuracy_m is None or found.accuracy_m > MOST_ACCURACY_M:
        return None
    middle = Point(shop.latitude, shop.longitude)
    if not shop.is_square:
        return distance_m(middle, found.place) <= NEAR_M
    nearest = nearest_in_square(found.place, middle=middle)
    return distance_m(nearest, found.place) <= found.accuracy_m


def _invited(
    session: Session, campaign_id: UUID, rider_id: UUID
) -> tuple[Campaign, CampaignInvitation]:
    """Return a campaign that a rider was invited to, their invitation locked.

    One rider's requests wait for one another on it, so that none holds more than may be.
    """
    invitation = session.scalars(
        select(CampaignInvitation)
        .where(
            CampaignInvitation.campaign_id == campaign_id, CampaignInvitation.rider_id == rider_id
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if invitation is None:
        raise NotFound(
            "campaign-unknown",
            Words("没有请您参加的这次活动。", "There is no such campaign for you."),
        )
    return session.get_one(Campaign, campaign_id), invitation


def _offered(
    session: Session, task_id: UUID, rider_id: UUID
) -> tuple[CampaignTask, Campaign, CampaignInvitation]:
    """Return a task of a campaign that a rider was invited to; raises NotFound `task-unknown`."""
    campaign_id = session.scalar(select(CampaignTask.campaign_id).where(CampaignTask.id == task_id))
    try:
        if campaign_id is None:
            raise _unknown()
        campaign, invitation = _invited(session, campaign_id, rider_id)
    except NotFound:
        raise _unknown() from None
    task = session.scalars(
        select(CampaignTask)
        .where(CampaignTask.id == task_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    return task, campaign, invitation


def _held(session: Session, campaign_id: UUID, rider_id: UUID) -> list[CampaignTask]:
    return list(
        session.scalars(
            select(CampaignTask)
            .where(
                CampaignTask.campaign_id == campaign_id,
                CampaignTask.rider_id == rider_id,
                CampaignTask.status == TaskState.TAKEN.value,
            )
            .order_by(CampaignTask.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def _check_room(session: Session, task: CampaignTask, rider_id: UUID) -> None:
    if len(_held(session, task.campaign_id, rider_id)) >= MOST_TAKEN:
        raise Conflict(
            "tasks-too-many",
            Words(
                f"您手上已有 {MOST_TAKEN} 家，先走访完再领。",
                f"You hold {MOST_TAKEN} tasks already: do those first.",
            ),
        )
    same_shop = select(func.count(CampaignTask.id)).where(
        CampaignTask.shop_id == task.shop_id, CampaignTask.rider_id == rider_id
    )
    if session.scalar(same_shop):
        raise Conflict(
            "task-shop-taken",
            Words("这家店您已经领过一次。", "You have taken this shop once already."),
        )


def _check_running(campaign: Campaign, now: datetime) -> None:
    if is_over(campaign, now=now):
        raise Conflict("campaign-over", Words("这次活动已经结束。", "This campaign is over."))


def _check_held(task: CampaignTask, rider_id: UUID) -> None:
    if task.rider_id != rider_id or task.status != TaskState.TAKEN:
        raise Conflict(
            "task-not-held",
            Words(
                "这项任务不在您手上，请刷新看看。",
                "You don't hold this task, or it is done already: reload the page.",
            ),
        )


def _give_back(
    session: Session, campaign: Campaign, task: CampaignTask, rider_id: UUID, now: datetime
) -> None:
    task.status, task.rider_id = TaskState.OPEN.value, None
    note_event(session, campaign=campaign, kind=EventKind.HANDED_BACK, now=now, task_id=task.id)
    _note(session, "campaign_task_handed_back", rider_id, ("campaign_task", task.id))


def _note(session: Session, action: str, rider_id: UUID, subject: tuple[str, UUID]) -> None:
    audit.record(session, actor=audit.Actor("rider", rider_id), action=action, subject=subject)
    session.flush()


def _unknown() -> NotFound:
    return NotFound("task-unknown", Words("没有这项任务。", "There is no such task for you."))

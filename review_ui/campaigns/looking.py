"""A campaign as its office sees it: shops with how far they are, and sums once it is over.

What came of single visits is not told: a shop was visited, or not. What was found, and
verified, stands as sums of the whole campaign after its end, small ones withheld.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intake.campaigns.periods import has_begun, is_enough, is_over, state_of, takes_tips
from intake.doorway import not_found
from review_ui.access.staff import SignedIn
from review_ui.campaigns.inviting import count_invited
from schemas.access import Right
from schemas.bulletins.suppression import withhold
from schemas.campaigns import VISITED, CampaignKind, TaskState
from schemas.lifecycle import State
from schemas.tables import (
    Campaign,
    CampaignShop,
    CampaignTask,
    CampaignTip,
    CaseHistory,
    CaseReport,
    Report,
    Staff,
    Unit,
)
from schemas.units import below

SHOWN = 200


@dataclass(frozen=True, slots=True)
class Progress:
    """How many tasks there are, how many visits came of them, and what could not be visited."""

    tasks: int
    taken: int
    visited: int
    not_visited: int
    rejected: int
    expired: int


@dataclass(frozen=True, slots=True)
class Results:
    """What the visits found, as sums; None stands for what is withheld.

    `categories` maps a code to how many tips named it.
    """

    visited: int
    found: int | None
    verified: int | None
    categories: Mapping[str, int | None]

    @property
    def share(self) -> int | None:
        """In how many of a hundred visits something was found."""
        if self.found is None or not self.visited:
            return None
        return (self.found * 200 + self.visited) // (2 * self.visited)


@dataclass(frozen=True, slots=True)
class Row:
    """A task as its office sees it: whether the shop was visited, and why it was not."""

    task: CampaignTask
    shop: CampaignShop
    state: TaskState

    @property
    def is_visited(self) -> bool:
        """Whether there is a visit that stands; what it found is not said."""
        return self.state in VISITED


@dataclass(frozen=True, slots=True)
class Sight:
    """A campaign with all that its office sees of it."""

    campaign: Campaign
    kind: CampaignKind
    unit: str
    made_by: str
    is_over: bool
    has_begun: bool
    is_enough: bool
    invited: int
    progress: Progress
    rows: tuple[Row, ...] = ()
    results: Results | None = None


def campaigns_within(session: Session, *, staff: SignedIn, now: datetime) -> list[Sight]:
    """Return the campaigns of the person's trees, the newest first."""
    rows = session.execute(_within(staff).order_by(Campaign.id.desc()).limit(SHOWN)).all()
    return [_sight(session, *row, now=now) for row in rows]


def look_at(
    session: Session, *, campaign_id: UUID, staff: SignedIn, now: datetime, small_cell: int
) -> Sight:
    """Return one campaign of the person's trees with its shops; raises NotFound for any other.

    What was found is told when no tip can be added any more.
    """
    found = session.execute(_within(staff).where(Campaign.id == campaign_id)).one_or_none()
    if found is None:
        raise not_found()
    campaign, unit, made_by = found
    rows = tuple(
        Row(task, shop, state_of(task, campaign, now=now))
        for task, shop in session.execute(
            select(CampaignTask, CampaignShop)
            .join(CampaignShop, CampaignShop.id == CampaignTask.shop_id)
            .where(CampaignTask.campaign_id == campaign.id)
            .order_by(CampaignShop.position, CampaignTask.id)
        )
    )
    results = (
        None
        if takes_tips(campaign, now=now)
        else _results(session, campaign.id, small_cell=small_cell)
    )
    return _sight(session, campaign, unit, made_by, now=now, rows=rows, results=results)


def _within(staff: SignedIn):  # type: ignore[no-untyped-def]
    return (
        select(Campaign, Unit.name, Staff.name)
        .join(Unit, Unit.id == Campaign.unit_id)
        .join(Staff, Staff.id == Campaign.made_by)
        .where(below(Campaign.unit_id, staff.paths(Right.RUN_CAMPAIGNS)))
    )


def _sight(
    session: Session,
    campaign: Campaign,
    unit: str,
    made_by: str,
    *,
    now: datetime,
    rows: tuple[Row, ...] = (),
    results: Results | None = None,
) -> Sight:
    return Sight(
        campaign=campaign,
        kind=CampaignKind(campaign.kind),
        unit=unit,
        made_by=made_by,
        is_over=is_over(campaign, now=now),
        has_begun=has_begun(campaign, now=now),
        is_enough=is_enough(session, campaign_id=campaign.id),
        invited=count_invited(session, campaign_id=campaign.id),
        progress=_progress(session, campaign, now),
        rows=rows,
        results=results,
    )


def _progress(session: Session, campaign: Campaign, now: datetime) -> Progress:
    tasks = session.scalars(select(CampaignTask).where(CampaignTask.campaign_id == campaign.id))
    states = Counter(state_of(task, campaign, now=now) for task in tasks)
    return Progress(
        tasks=states.total(),
        taken=states[TaskState.TAKEN],
        visited=sum(states[each] for each in VISITED),
        not_visited=states[TaskState.NOT_VISITED],
        rejected=states[TaskState.REJECTED],
        expired=states[TaskState.EXPIRED],
    )


def _results(session: Session, campaign_id: UUID, *, small_cell: int) -> Results:
    standing = (
        CampaignTask.campaign_id == campaign_id,
        CampaignTask.status == TaskState.FOUND.value,
    )
    visited = session.scalar(
        select(func.count(CampaignTask.id)).where(
            CampaignTask.campaign_id == campaign_id,
            CampaignTask.status.in_([each.value for each in VISITED]),
        )
    )
    tips = session.execute(
        select(Report.id, Report.categories)
        .join(CampaignTip, CampaignTip.report_id == Report.id)
        .join(CampaignTask, CampaignTask.id == CampaignTip.task_id)
        .where(*standing)
    ).all()
    verified = session.scalar(
        select(func.count(func.distinct(CampaignTip.report_id)))
        .join(CampaignTask, CampaignTask.id == CampaignTip.task_id)
        .join(CaseReport, CaseReport.report_id == CampaignTip.report_id)
        .join(CaseHistory, CaseHistory.case_id == CaseReport.case_id)
        .where(
            *standing,
            CaseReport.unlinked_at.is_(None),
            CaseHistory.to_state == State.VERIFIED.value,
        )
    )
    named = Counter(code for _, codes in tips for code in dict.fromkeys(codes))
    found, clean = len(tips), (visited or 0) - len(tips)
    # What is small itself, or what the visits less a small rest would tell, is not said.
    shown = withhold(
        {"found": found, "clean": clean} if found and clean else {}, threshold=small_cell
    )
    hides = shown is None or bool(shown) or 0 < (visited or 0) < small_cell
    hidden = named.keys() if hides else withhold(named, threshold=small_cell)
    return Results(
        visited=visited or 0,
        found=None if hides else found,
        verified=None if hides or 0 < (verified or 0) < small_cell else verified or 0,
        categories={
            code: None if hidden is None or code in hidden else count
            for code, count in named.most_common()
        },
    )

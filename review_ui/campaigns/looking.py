"""A campaign as its office sees it: shops with how far they are, and sums once it is over.

What came of single visits is not told: a shop was visited, or not. What was found, and
verified, stands as sums of the whole campaign after its end, small ones withheld.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row as Selected
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from intake.campaigns.periods import has_begun, is_over, state_of, takes_tips
from intake.doorway import not_found
from review_ui.access.staff import SignedIn
from schemas.access import Right
from schemas.bulletins.suppression import withhold
from schemas.campaigns import FEWEST_RIDERS, VISITED, CampaignKind, TaskState
from schemas.lifecycle import State
from schemas.tables import (
    Campaign,
    CampaignInvitation,
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
    counts = _counts(session, [campaign.id for campaign, _, _ in rows])
    return [_sight(row, counts, now=now) for row in rows]


def look_at(
    session: Session, *, campaign_id: UUID, staff: SignedIn, now: datetime, small_cell: int
) -> Sight:
    """Return one campaign of the person's trees with its shops; raises NotFound for any other.

    What was found is told when no tip can be added any more.
    """
    found = session.execute(_within(staff).where(Campaign.id == campaign_id)).one_or_none()
    if found is None:
        raise not_found()
    campaign = found[0]
    rows = tuple(
        Row(task, shop, state_of(task.status, campaign, now=now))
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
    return replace(
        _sight(found, _counts(session, [campaign.id]), now=now), rows=rows, results=results
    )


def _within(staff: SignedIn) -> Select[Campaign, str, str]:
    return (
        select(Campaign, Unit.name, Staff.name)
        .join(Unit, Unit.id == Campaign.unit_id)
        .join(Staff, Staff.id == Campaign.made_by)
        .where(below(Campaign.unit_id, staff.paths(Right.RUN_CAMPAIGNS)))
    )


@dataclass(frozen=True, slots=True)
class _Counts:
    """Of several campaigns, how many were asked, how many accepted, and the tasks by state."""

    invited: Counter[UUID]
    accepted: Counter[UUID]
    tasks: Mapping[UUID, Mapping[str, int]]


def _counts(session: Session, ids: Sequence[UUID]) -> _Counts:
    invited: Counter[UUID] = Counter()
    accepted: Counter[UUID] = Counter()
    for key, answer, number in session.execute(
        select(CampaignInvitation.campaign_id, CampaignInvitation.accepted, func.count())
        .where(CampaignInvitation.campaign_id.in_(ids))
        .group_by(CampaignInvitation.campaign_id, CampaignInvitation.accepted)
    ):
        invited[key] += number
        accepted[key] += number if answer else 0
    tasks: defaultdict[UUID, dict[str, int]] = defaultdict(dict)
    for key, status, number in session.execute(
        select(CampaignTask.campaign_id, CampaignTask.status, func.count())
        .where(CampaignTask.campaign_id.in_(ids))
        .group_by(CampaignTask.campaign_id, CampaignTask.status)
    ):
        tasks[key][status] = number
    return _Counts(invited, accepted, tasks)


def _sight(row: Selected[Campaign, str, str], counts: _Counts, *, now: datetime) -> Sight:
    campaign, unit, made_by = row
    return Sight(
        campaign=campaign,
        kind=CampaignKind(campaign.kind),
        unit=unit,
        made_by=made_by,
        is_over=is_over(campaign, now=now),
        has_begun=has_begun(campaign, now=now),
        is_enough=counts.accepted[campaign.id] >= FEWEST_RIDERS,
        invited=counts.invited[campaign.id],
        progress=_progress(campaign, counts.tasks.get(campaign.id, {}), now),
    )


def _progress(campaign: Campaign, tasks: Mapping[str, int], now: datetime) -> Progress:
    states: Counter[TaskState] = Counter()
    for status, number in tasks.items():
        states[state_of(status, campaign, now=now)] += number
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

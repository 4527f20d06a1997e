"""Notices to riders: written once, read in the app, and sent on to whoever asked to be woken.

Written by the clock for a change of a report's public status (workers.notify), and by
the office with its answer to a suggestion and with an invitation to a campaign.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from intake.campaigns.periods import is_over
from intake.inserting import insert_if_new, insert_rows
from intake.status import NONE_READABLE, PHOTOS_UNREADABLE
from schemas.database import new_id
from schemas.lifecycle import PUBLIC_STATUS, State
from schemas.tables import (
    Campaign,
    CampaignInvitation,
    Delivery,
    MessengerLink,
    Notice,
    PushSubscription,
    Report,
    Rider,
    Suggestion,
)
from schemas.taxonomy import DEPARTMENT_NAMES, Department
from schemas.words import Words

SUGGESTION_ANSWERED = "suggestion_answered"
CAMPAIGN_OFFERED = "campaign_offered"
_OTHER_WORDS = {
    PHOTOS_UNREADABLE: NONE_READABLE,
    SUGGESTION_ANSWERED: Words("您的建议或诉求有回复了。", "What you suggested has an answer."),
}
# What follows on sending within seconds is shown and wakes no phone.
_QUIET = frozenset({State.DISPATCH.value, State.ASSIGNED.value})
PUSH, WEBHOOK = "push", "webhook"
# An operator should look when the third attempt, five minutes in, has failed too.
ATTEMPTS_TO_NOTE = 3
NOTED_FOR = timedelta(days=3)


@dataclass(frozen=True)
class NoticeLine:
    """A notice with the number of what it is about, and the shop as the rider named it.

    `campaign` is the one it is about, if any; that has no number and names no shop.
    """

    notice: Notice
    number: str
    premises_name: str
    campaign: Campaign | None = None

    @property
    def words(self) -> Words:
        """What the rider is told."""
        if self.campaign:
            return _invitation(self.campaign)
        code = self.notice.code
        return _OTHER_WORDS[code] if code in _OTHER_WORDS else PUBLIC_STATUS[State(code)]

    @property
    def department(self) -> Words | None:
        """Whose handling it is about."""
        code = self.notice.department
        return DEPARTMENT_NAMES[Department(code)] if code else None


@dataclass(frozen=True)
class NoticePage:
    """Some notices, the newest first; `before` is where the next ones begin."""

    lines: tuple[NoticeLine, ...]
    before: UUID | None
    unread: int


def add_report_notice(
    session: Session,
    *,
    report: Report,
    history_id: UUID,
    department: str,
    code: str,
    now: datetime,
) -> bool:
    """Tell a reporter of one change, once; False where they were told of it before."""
    row = {
        "id": new_id(),
        "rider_id": report.rider_id,
        "report_id": report.id,
        "history_id": history_id,
        "department": department,
        "code": code,
        "created_at": now,
    }
    added = insert_if_new(session, Notice, [row], conflict=("report_id", "history_id"))
    if added and code not in _QUIET:
        owners = [each for each in (report.rider_id, report.id) if each]
        _send_on(session, notice_id=added.pop(), owners=owners, now=now)
        return True
    return bool(added)


def add_answer_notice(session: Session, *, suggestion: Suggestion, now: datetime) -> bool:
    """Tell a rider that a suggestion was answered, once."""
    row = {
        "id": new_id(),
        "rider_id": suggestion.rider_id,
        "suggestion_id": suggestion.id,
        "code": SUGGESTION_ANSWERED,
        "created_at": now,
    }
    added = insert_if_new(session, Notice, [row], conflict=("suggestion_id",))
    if added:
        _send_on(session, notice_id=added.pop(), owners=[suggestion.rider_id], now=now)
        return True
    return False


def add_campaign_notices(
    session: Session, *, campaign: Campaign, riders: Iterable[UUID], now: datetime
) -> int:
    """Tell riders that they are asked to take part, each once; return how many were told."""
    owners = {new_id(): rider_id for rider_id in riders}
    rows = [
        {
            "id": notice_id,
            "rider_id": rider_id,
            "campaign_id": campaign.id,
            "code": CAMPAIGN_OFFERED,
            "created_at": now,
        }
        for notice_id, rider_id in owners.items()
    ]
    keys = ("campaign_id", "rider_id")
    added = insert_if_new(session, Notice, rows, conflict=keys, where="campaign_id IS NOT NULL")
    for notice_id in added:
        _send_on(session, notice_id=notice_id, owners=[owners[notice_id]], now=now)
    return len(added)


def still_wakes(session: Session, *, notice_id: UUID, now: datetime) -> bool:
    """Whether a notice is worth waking a phone for.

    An invitation is not once it was answered, the campaign is over, or the rider is no
    supervisor any more; anything else is.
    """
    found = session.execute(
        select(Campaign, CampaignInvitation.accepted, Rider.is_supervisor)
        .select_from(Notice)
        .join(Campaign, Campaign.id == Notice.campaign_id)
        .join(
            CampaignInvitation,
            and_(
                CampaignInvitation.campaign_id == Notice.campaign_id,
                CampaignInvitation.rider_id == Notice.rider_id,
            ),
        )
        .join(Rider, Rider.id == Notice.rider_id)
        .where(Notice.id == notice_id)
    ).one_or_none()
    if found is None:
        return True
    campaign, accepted, is_supervisor = found
    return accepted is None and is_supervisor and not is_over(campaign, now=now)


def forget_invitations(session: Session, *, rider_id: UUID) -> None:
    """Remove a rider's notices of campaigns, with what is on its way of them."""
    theirs = select(Notice.id).where(Notice.rider_id == rider_id, Notice.campaign_id.is_not(None))
    session.execute(delete(Delivery).where(Delivery.notice_id.in_(theirs)))
    session.execute(
        delete(Notice).where(Notice.rider_id == rider_id, Notice.campaign_id.is_not(None))
    )


def _invitation(campaign: Campaign) -> Words:
    first, last = campaign.starts_on, campaign.ends_on
    return Words(
        f"请您参加走访活动“{campaign.name}”（{first.month}月{first.day}日至"
        f"{last.month}月{last.day}日），去不去由您定。",
        f"You are asked to take part in «{campaign.name}», {first:%-d %B} to {last:%-d %B}. "
        "Whether you do is up to you.",
    )


def _send_on(session: Session, *, notice_id: UUID, owners: Sequence[UUID], now: datetime) -> None:
    """Put a notice on its way to each browser and messenger that its reporter gave."""
    phones = {
        row.endpoint_hash: row.id
        for row in session.scalars(
            select(PushSubscription)
            .where(PushSubscription.owner_id.in_(owners))
            .order_by(PushSubscription.id)
        )
    }
    links = session.scalars(
        select(MessengerLink.rider_id).where(MessengerLink.rider_id.in_(owners))
    )
    targets = [(PUSH, each) for each in phones.values()] + [(WEBHOOK, each) for each in links]
    rows = [
        {
            "notice_id": notice_id,
            "channel": channel,
            "target_id": target_id,
            "created_at": now,
            "due_at": now,
        }
        for channel, target_id in targets
    ]
    insert_rows(session, Delivery, rows)


def page_of_notices(
    session: Session, *, rider_id: UUID, before: UUID | None = None, size: int
) -> NoticePage:
    """Return a rider's notices, the newest first."""
    statement = (
        select(
            Notice,
            func.coalesce(Report.number, Suggestion.number, ""),
            func.coalesce(Report.premises_name, ""),
            Campaign,
        )
        .outerjoin(Report, Report.id == Notice.report_id)
        .outerjoin(Suggestion, Suggestion.id == Notice.suggestion_id)
        .outerjoin(Campaign, Campaign.id == Notice.campaign_id)
        .where(Notice.rider_id == rider_id)
        .order_by(Notice.id.desc())
        .limit(size + 1)
    )
    if before:
        statement = statement.where(Notice.id < before)
    rows = session.execute(statement).all()
    lines = tuple(NoticeLine(*row) for row in rows[:size])
    more = lines[-1].notice.id if len(rows) > size else None
    return NoticePage(lines, more, unread_count(session, rider_id=rider_id))


def unread_count(session: Session, *, rider_id: UUID) -> int:
    """Return how many notices a rider has not read."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Notice)
            .where(Notice.rider_id == rider_id, Notice.read_at.is_(None))
        )
        or 0
    )


def mark_read(session: Session, *, rider_id: UUID, up_to: UUID | None = None, now: datetime) -> int:
    """Note that a rider read a notice and all before it, or all; return how many were unread."""
    condition = [Notice.rider_id == rider_id, Notice.read_at.is_(None)]
    if up_to:
        condition.append(Notice.id <= up_to)
    ids = session.scalars(select(Notice.id).where(*condition)).all()
    session.execute(update(Notice).where(Notice.id.in_(ids)).values(read_at=now))
    return len(ids)


def stuck_deliveries(session: Session, *, now: datetime) -> int:
    """Count what lately failed for good, and what has been tried in vain for a while."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Delivery)
            .where(
                or_(
                    and_(Delivery.outcome == "failed", Delivery.ended_at > now - NOTED_FOR),
                    and_(Delivery.due_at.is_not(None), Delivery.attempts >= ATTEMPTS_TO_NOTE),
                )
            )
        )
        or 0
    )


def delivery_counts(session: Session) -> list[tuple[str, str, int]]:
    """Count deliveries as (channel, how they stand, how many); `waiting` are not over."""
    standing = func.coalesce(Delivery.outcome, "waiting")
    rows = session.execute(
        select(Delivery.channel, standing, func.count()).group_by(Delivery.channel, standing)
    )
    return [(channel, how, count) for channel, how, count in rows]

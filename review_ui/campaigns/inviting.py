"""Supervisors asked to take part: by the number or phone that they gave, or by their station.

What was typed is matched here and is never shown again; the page learns how many were
asked. Each of them is told once, by a notice. Names are opened in memory for the station
alone, and shown to nobody.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intake.campaigns.periods import is_over
from intake.inserting import insert_if_new
from intake.notices import add_campaign_notices
from review_ui.access.staff import SignedIn
from review_ui.campaigns.making import line, locked, over
from schemas import audit
from schemas.campaigns import MOST_INVITED
from schemas.database import new_id
from schemas.errors import InvalidInput
from schemas.sealing import Sealer
from schemas.tables import Campaign, CampaignInvitation, PointAccount, Rider
from schemas.words import Words


@dataclass(frozen=True, slots=True)
class Invited:
    """How many were asked now, had been asked before, and are no supervisors known here."""

    asked: int
    before: int
    unknown: int


def invite(
    session: Session,
    *,
    sealer: Sealer,
    campaign_id: UUID,
    staff: SignedIn,
    numbers: str = "",
    station: str = "",
    now: datetime,
) -> Invited:
    """Ask supervisors to take part: those of these numbers or phones, or of a station.

    Raises NotFound, Conflict `campaign-over`, InvalidInput `nobody-named`,
    `invited-too-many` or `no-supervisors`.
    """
    campaign = locked(session, campaign_id=campaign_id, staff=staff)
    if is_over(campaign, now=now):
        raise over()
    wanted = list(
        dict.fromkeys(numbers.replace("\0", "").replace(",", " ").replace("，", " ").split())
    )
    station = line(station)
    if not wanted and not station:
        raise InvalidInput(
            "nobody-named",
            Words(
                "请填积分户号或手机号，或者填站点。",
                "Give account numbers or phones, or a station.",
            ),
            field="numbers",
        )
    if len(wanted) > MOST_INVITED:
        raise _too_many()
    named = _of_numbers(session, sealer, wanted)
    riders = set(named.values()) | (_of_station(session, sealer, station) if station else set())
    if not riders:
        raise InvalidInput(
            "no-supervisors",
            Words(
                "没有找到食品安全监督员：监督员由运维人员任命，请核对号码或站点名。",
                "No appointed supervisor was found: they are appointed by the operator. Check the "
                "numbers or the station's name.",
            ),
            field="station" if station else "numbers",
        )
    made = _add(session, campaign, riders, now)
    audit.record(
        session,
        actor=audit.Actor("staff", staff.staff_id),
        action="campaign_offered",
        subject=("campaign", campaign.id),
        after={"riders": made},
    )
    session.flush()
    return Invited(made, len(riders) - made, len(wanted) - len(named))


def count_invited(session: Session, *, campaign_id: UUID) -> int:
    """Return how many were asked."""
    count = select(func.count(CampaignInvitation.id)).where(
        CampaignInvitation.campaign_id == campaign_id
    )
    return session.scalar(count) or 0


def _add(session: Session, campaign: Campaign, riders: Iterable[UUID], now: datetime) -> int:
    """Ask those who were not asked before, tell them, and return how many they are."""
    wanted = {new_id(): rider_id for rider_id in sorted(riders)}
    if len(wanted) + count_invited(session, campaign_id=campaign.id) > MOST_INVITED:
        raise _too_many()
    rows = [
        {"id": key, "campaign_id": campaign.id, "rider_id": rider_id, "invited_at": now}
        for key, rider_id in wanted.items()
    ]
    added = insert_if_new(session, CampaignInvitation, rows, conflict=("campaign_id", "rider_id"))
    asked = [rider_id for key, rider_id in wanted.items() if key in added]
    return add_campaign_notices(session, campaign=campaign, riders=asked, now=now)


def _of_numbers(session: Session, sealer: Sealer, wanted: list[str]) -> dict[str, UUID]:
    """Return the supervisors of account numbers and phones, by what was typed."""
    found: dict[str, UUID] = {}
    for text in wanted:
        digests = sealer.digests("phone", text)
        rider_id = session.scalar(
            select(Rider.id)
            .outerjoin(PointAccount, PointAccount.rider_id == Rider.id)
            .where(
                (PointAccount.pseudonym == text.upper()) | Rider.phone_digest.in_(digests),
                Rider.is_supervisor.is_(True),
                Rider.erased_at.is_(None),
            )
            .limit(1)
        )
        if rider_id:
            found[text] = rider_id
    return found


def _of_station(session: Session, sealer: Sealer, station: str) -> set[UUID]:
    rows = session.execute(
        select(Rider.id, Rider.sealed_profile).where(
            Rider.is_supervisor.is_(True), Rider.erased_at.is_(None)
        )
    )
    return {
        rider_id
        for rider_id, sealed in rows
        if line(sealer.open(sealed).get("station", "")) == station
    }


def _too_many() -> InvalidInput:
    return InvalidInput(
        "invited-too-many",
        Words(
            f"一次活动最多邀请 {MOST_INVITED} 名监督员。",
            f"A campaign asks {MOST_INVITED} supervisors at most.",
        ),
        field="numbers",
    )

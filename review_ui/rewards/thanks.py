"""Thanks beside the points: supplies given to outstanding riders, and lists of honour published.

Officers know an account by its pseudonym and nothing more. A supply that was written by
mistake is cancelled with a reason; a list is taken down, and published anew where needed.
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.doorway import not_found
from intake.inserting import insert_if_new
from intake.rewards.ledger import lock_awards
from review_ui.access.staff import SignedIn
from review_ui.rewards.awards import find_account
from review_ui.rewards.decisions import read_reason
from review_ui.rewards.honours import honours, read_period
from schemas import audit
from schemas.access import Right
from schemas.database import new_id
from schemas.errors import Conflict, InvalidInput
from schemas.tables import HonourPlace, HonourRoll, PointAccount, Supply, Unit
from schemas.units import below
from schemas.words import Words
from schemas.workdays import local_date

MOST_PIECES = 1_000
# Beside a name, a list of one or two would nearly say whose tip it was.
FEWEST, MOST = 3, 50
SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Gift:
    """What an office gives an account; the day is local."""

    account: str
    unit_id: UUID
    title: str
    quantity: int
    occasion: str
    given_on: date


def give(session: Session, *, staff: SignedIn, gift: Gift, now: datetime) -> Supply:
    """Record supplies that were given to an account in the person's reach.

    Raises NotFound, InvalidInput `supply-title-missing`, `supply-number-invalid` or
    `supply-day-invalid`.
    """
    account = find_account(session, pseudonym=gift.account, staff=staff)
    title = _line(gift.title)[:80]
    if not title:
        raise InvalidInput(
            "supply-title-missing", Words("请写明给了什么。", "Say what was given."), field="title"
        )
    if not 1 <= gift.quantity <= MOST_PIECES:
        raise InvalidInput(
            "supply-number-invalid",
            Words(
                f"数量请填 1 到 {MOST_PIECES} 的整数。",
                f"Give a whole number from 1 to {MOST_PIECES}.",
            ),
            field="quantity",
        )
    if gift.given_on > local_date(now) or gift.given_on.year < 2024:
        raise InvalidInput(
            "supply-day-invalid",
            Words("发放日期不能晚于今天。", "The day can't be after today."),
            field="given_on",
        )
    supply = Supply(
        account_id=account.id,
        unit_id=gift.unit_id,
        title=title,
        quantity=gift.quantity,
        occasion=_line(gift.occasion)[:120],
        given_on=gift.given_on,
        made_by=staff.staff_id,
        made_at=now,
    )
    session.add(supply)
    session.flush()
    _note(session, "supply_given", ("supply", supply.id), staff, {"quantity": supply.quantity})
    return supply


def cancel(
    session: Session, *, supply_id: UUID, staff: SignedIn, reason: str, now: datetime
) -> Supply:
    """Cancel what was recorded by mistake.

    Raises NotFound, InvalidInput `reason-missing`, Conflict `supply-cancelled`.
    """
    supply = session.scalars(
        select(Supply)
        .where(Supply.id == supply_id, below(Supply.unit_id, _paths(staff)))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if supply is None:
        raise not_found()
    if supply.cancelled_at is not None:
        raise Conflict(
            "supply-cancelled", Words("这一条已经作废。", "This entry was cancelled before.")
        )
    supply.reason = read_reason(reason)
    supply.cancelled_at, supply.cancelled_by = now, staff.staff_id
    session.flush()
    _note(session, "supply_cancelled", ("supply", supply.id), staff, {})
    return supply


def supplies_within(session: Session, *, staff: SignedIn) -> list[tuple[Supply, str, str]]:
    """Return supply, account and unit of the person's trees, the last first."""
    rows = session.execute(
        select(Supply, PointAccount.pseudonym, Unit.name)
        .join(PointAccount, PointAccount.id == Supply.account_id)
        .join(Unit, Unit.id == Supply.unit_id)
        .where(below(Supply.unit_id, _paths(staff)))
        .order_by(Supply.given_on.desc(), Supply.id.desc())
        .limit(SHOWN)
    )
    return [(supply, pseudonym or "", unit) for supply, pseudonym, unit in rows]


def publish(
    session: Session, *, staff: SignedIn, unit: Unit, period: str, size: int, now: datetime
) -> HonourRoll:
    """Publish the list of honour of a unit's tree for a period that is over.

    Raises InvalidInput `period-invalid`, `period-not-over`, `honours-size-invalid`;
    Conflict `honours-too-few`, `honours-published`.
    """
    when = read_period(period)
    if when.end > local_date(now):
        raise InvalidInput(
            "period-not-over",
            Words("这段时间还没结束，结束后才能公布。", "This period is not over yet."),
            field="period",
        )
    if not FEWEST <= size <= MOST:
        raise InvalidInput(
            "honours-size-invalid",
            Words(
                f"人数请填 {FEWEST} 到 {MOST}。",
                f"Give a number of riders from {FEWEST} to {MOST}.",
            ),
            field="size",
        )
    # What is reversed meanwhile is not counted with what was not.
    lock_awards(session)
    best = honours(session, staff=staff, period=when, within=unit.path)[:size]
    if len(best) < FEWEST:
        raise Conflict(
            "honours-too-few",
            Words(
                f"这段时间得到积分的骑手不到 {FEWEST} 名，公布名单容易看出是谁举报的，因此不公布。",
                f"Fewer than {FEWEST} riders earned points in this period: a list so short would "
                "nearly say whose tips they were, and is not published.",
            ),
        )
    row = {"id": new_id(), "unit_id": unit.id, "period": when.name}
    row |= {"made_by": staff.staff_id, "made_at": now}
    if not insert_if_new(
        session, HonourRoll, [row], conflict=("unit_id", "period"), where="ended_at IS NULL"
    ):
        raise Conflict(
            "honours-published",
            Words(
                "这段时间的光荣榜已经公布；要改，先撤下再公布。",
                "A list for this period is public already: take it down first.",
            ),
        )
    accounts = session.scalars(
        select(PointAccount.id).where(PointAccount.pseudonym.in_([each.account for each in best]))
    )
    session.add_all(HonourPlace(roll_id=row["id"], account_id=each) for each in accounts)
    session.flush()
    found = session.get_one(HonourRoll, row["id"])
    _note(
        session, "honours_published", ("honour_roll", found.id), staff,
        {"period": when.name, "riders": len(best)},
    )  # fmt: skip
    return found


def take_down(session: Session, *, roll_id: UUID, staff: SignedIn, now: datetime) -> HonourRoll:
    """Take a list of the person's trees down; raises NotFound, Conflict `honours-ended`."""
    roll = session.scalars(
        select(HonourRoll)
        .where(HonourRoll.id == roll_id, below(HonourRoll.unit_id, _paths(staff)))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if roll is None:
        raise not_found()
    if roll.ended_at is not None:
        raise Conflict(
            "honours-ended", Words("这张榜已经撤下。", "This list was taken down before.")
        )
    roll.ended_at, roll.ended_by = now, staff.staff_id
    session.flush()
    _note(session, "honours_ended", ("honour_roll", roll.id), staff, {"period": roll.period})
    return roll


def rolls_within(session: Session, *, staff: SignedIn) -> list[tuple[HonourRoll, str]]:
    """Return the lists of the person's trees that stand, with their units, the newest first."""
    rows = session.execute(
        select(HonourRoll, Unit.name)
        .join(Unit, Unit.id == HonourRoll.unit_id)
        .where(below(HonourRoll.unit_id, _paths(staff)), HonourRoll.ended_at.is_(None))
        .order_by(HonourRoll.made_at.desc())
        .limit(SHOWN)
    )
    return [(roll, unit) for roll, unit in rows]


def _paths(staff: SignedIn) -> tuple[str, ...]:
    return staff.paths(Right.MANAGE_REWARDS)


def _line(text: str) -> str:
    return " ".join(text.replace("\0", "").split())


def _note(
    session: Session,
    action: str,
    subject: tuple[str, UUID],
    staff: SignedIn,
    after: dict[str, object],
) -> None:
    actor = audit.Actor("staff", staff.staff_id)
    audit.record(session, actor=actor, action=action, subject=subject, after=after)
    session.flush()

"""What stations offer for points, as reward officers look after it: made, restocked, ended.

A price or a period is never altered, since riders took pieces by what was written: an
offer is ended and another made. What is held for riders stays theirs until its time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.doorway import not_found
from review_ui.access.staff import SignedIn
from schemas import audit
from schemas.access import Right
from schemas.errors import Conflict, InvalidInput
from schemas.tables import PointOffer, Station, Unit
from schemas.units import below
from schemas.words import Words
from schemas.workdays import local_date

MOST_POINTS = 1_000_000
MOST_DAYS = 60
SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """An offer as somebody wants to make it; days are local."""

    station: str
    unit_id: UUID
    title: str
    terms: str
    price_points: int
    stock: int
    starts_on: date
    ends_on: date
    hold_days: int


def offers_of(session: Session, *, staff: SignedIn) -> list[tuple[PointOffer, Station, Unit]]:
    """Return the offers of the person's trees, the newest first."""
    rows = session.execute(
        select(PointOffer, Station, Unit)
        .join(Station, Station.id == PointOffer.station_id)
        .join(Unit, Unit.id == PointOffer.unit_id)
        .where(below(PointOffer.unit_id, staff.paths(Right.MANAGE_REWARDS)))
        .order_by(PointOffer.ended_at.is_not(None), PointOffer.id.desc())
        .limit(SHOWN)
    )
    return [(offer, station, unit) for offer, station, unit in rows]


def station_names(session: Session) -> Sequence[str]:
    """Return the names of the stations that stand, to choose from."""
    return session.scalars(
        select(Station.name).where(Station.ended_at.is_(None)).order_by(Station.name)
    ).all()


def make_offer(session: Session, *, staff: SignedIn, wish: Wish, now: datetime) -> PointOffer:
    """Make an offer of a station.

    Raises InvalidInput `station-unknown`, `offer-title-missing`, `offer-number-invalid`
    or `offer-days-invalid`.
    """
    station = session.scalars(
        select(Station).where(Station.name == _line(wish.station), Station.ended_at.is_(None))
    ).one_or_none()
    if station is None:
        raise InvalidInput(
            "station-unknown",
            Words(
                "没有这个站点，请从列表中选。", "There is no such station: choose from the list."
            ),
            field="station",
        )
    title = _line(wish.title)[:80]
    if not title:
        raise InvalidInput(
            "offer-title-missing", Words("请写明兑换什么。", "Say what it is."), field="title"
        )
    _check_number(wish.price_points, 1, MOST_POINTS, "points")
    _check_number(wish.stock, 1, MOST_POINTS, "stock")
    _check_number(wish.hold_days, 1, MOST_DAYS, "collect_within_days")
    if wish.ends_on < max(wish.starts_on, local_date(now)):
        raise InvalidInput(
            "offer-days-invalid",
            Words(
                "截止日期不能早于开始日期，也不能早于今天。",
                "The last day can't be before the first one, nor before today.",
            ),
            field="ends_on",
        )
    offer = PointOffer(
        station_id=station.id,
        unit_id=wish.unit_id,
        title=title,
        terms=_line(wish.terms)[:500],
        price_points=wish.price_points,
        stock=wish.stock,
        taken=0,
        starts_on=wish.starts_on,
        ends_on=wish.ends_on,
        hold_days=wish.hold_days,
        made_by=staff.staff_id,
        made_at=now,
    )
    session.add(offer)
    session.flush()
    _note(session, offer, "offer_made", staff)
    return offer


def restock(session: Session, *, offer_id: UUID, staff: SignedIn, stock: int) -> PointOffer:
    """Say how many pieces there are in all, those that were taken included.

    Raises NotFound, Conflict `offer-ended`, InvalidInput `offer-number-invalid` below
    what was taken.
    """
    offer = _locked(session, offer_id, staff)
    _check_number(stock, offer.taken, MOST_POINTS, "stock")
    before, offer.stock = offer.stock, stock
    session.flush()
    _note(session, offer, "offer_changed", staff, before={"stock": before})
    return offer


def end_offer(session: Session, *, offer_id: UUID, staff: SignedIn, now: datetime) -> PointOffer:
    """End an offer; what is held for riders can still be collected. Raises as `restock` does."""
    offer = _locked(session, offer_id, staff)
    offer.ended_at, offer.ended_by = now, staff.staff_id
    session.flush()
    _note(session, offer, "offer_ended", staff)
    return offer


def read_number(text: str, field: str) -> int:
    """Return a whole number that a form sent; raises InvalidInput `offer-number-invalid`."""
    plain = text.strip()
    if not plain.isascii() or not plain.isdigit() or len(plain) > 9:
        raise _wrong_number(1, MOST_POINTS, field)
    return int(plain)


def read_day(text: str, field: str) -> date:
    """Return a day that a form sent; raises InvalidInput `offer-days-invalid`."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            "offer-days-invalid", Words("请填写日期。", "Give a day."), field=field
        ) from None


def _locked(session: Session, offer_id: UUID, staff: SignedIn) -> PointOffer:
    offer = session.scalars(
        select(PointOffer)
        .where(
            PointOffer.id == offer_id,
            below(PointOffer.unit_id, staff.paths(Right.MANAGE_REWARDS)),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if offer is None:
        raise not_found()
    if offer.ended_at is not None:
        raise Conflict("offer-ended", Words("这一项已经下架。", "This offer was ended."))
    return offer


def _check_number(number: int, least: int, most: int, field: str) -> None:
    if not least <= number <= most:
        raise _wrong_number(least, most, field)


def _wrong_number(least: int, most: int, field: str) -> InvalidInput:
    return InvalidInput(
        "offer-number-invalid",
        Words(f"请填 {least} 到 {most} 的整数。", f"Give a whole number from {least} to {most}."),
        field=field,
    )


def _line(text: str) -> str:
    return " ".join(text.replace("\0", "").split())


def _note(
    session: Session,
    offer: PointOffer,
    action: str,
    staff: SignedIn,
    before: dict[str, int] | None = None,
) -> None:
    audit.record(
        session,
        actor=audit.Actor("staff", staff.staff_id),
        action=action,
        subject=("offer", offer.id),
        before=before,
        after={"stock": offer.stock, "taken": offer.taken, "points": offer.price_points},
    )
    session.flush()

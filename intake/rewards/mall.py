"""The points mall: a rider takes a piece, the station hands it out, or it goes back.

A piece is taken by one conditional UPDATE of its offer, so that of two riders who want
the last one the database lets one through and the other is told. The points of a piece
that waits lie in the account `held`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from intake.rewards.ledger import Posting, account_balance, lock_account, post
from schemas import audit
from schemas.errors import Conflict, InvalidInput, NotFound
from schemas.numbers import LOCAL_ZONE, new_receipt_code, read_receipt_code
from schemas.points import AccountKind, EntryKind
from schemas.sealing import Sealer, token_hash
from schemas.tables import PointOffer, PointRedemption, Station
from schemas.words import Words
from schemas.workdays import local_date

SHOWN = 50


@dataclass(frozen=True, slots=True)
class Taken:
    """A redemption with its offer and station; `code` only while it can be collected."""

    redemption: PointRedemption
    offer: PointOffer
    station: Station
    code: str | None

    @property
    def last_day(self) -> date:
        """The last local day on which it can be collected, to its end."""
        return local_date(self.redemption.expires_at - timedelta(microseconds=1))


def open_offers(session: Session, *, now: datetime) -> Sequence[tuple[PointOffer, Station]]:
    """Return what can be had now or is just sold out, by station and price."""
    today = local_date(now)
    rows = session.execute(
        select(PointOffer, Station)
        .join(Station, Station.id == PointOffer.station_id)
        .where(
            PointOffer.ended_at.is_(None),
            PointOffer.starts_on <= today,
            PointOffer.ends_on >= today,
            Station.ended_at.is_(None),
        )
        .order_by(Station.name, PointOffer.price_points, PointOffer.id)
    )
    return [(offer, station) for offer, station in rows]


def redeem(
    session: Session, *, sealer: Sealer, rider_id: UUID, offer_id: UUID, key: UUID, now: datetime
) -> PointRedemption:
    """Take one piece of an offer for its price, and hold it under a new one-time code.

    The same `key` sent again is the same piece. Raises NotFound `offer-unknown`, Conflict
    `offer-over`, `offer-sold-out`, `points-not-enough` or `idempotency-key-reused`.
    """
    # A rider's requests wait here for one another, so that no points are spent twice.
    account_id = lock_account(session, rider_id=rider_id)
    known = session.scalars(
        select(PointRedemption).where(
            PointRedemption.rider_id == rider_id, PointRedemption.request_key == key
        )
    ).one_or_none()
    if known is not None:
        return _same(known, offer_id)
    offer = session.get(PointOffer, offer_id)
    if offer is None:
        raise NotFound("offer-unknown", Words("没有这个兑换项。", "There is no such offer."))
    balance = account_balance(session, account_id=account_id)
    if balance < offer.price_points:
        raise Conflict(
            "points-not-enough",
            Words(
                f"积分不够：需要 {offer.price_points} 分，可用 {balance} 分。",
                f"Not enough points: it takes {offer.price_points}, you have {balance}.",
            ),
            balance=balance,
        )
    _take_one(session, offer, now)
    code = new_receipt_code()
    made = PointRedemption(
        offer_id=offer.id,
        rider_id=rider_id,
        request_key=key,
        points=offer.price_points,
        code_hash=token_hash(code),
        sealed_code=sealer.seal(code),
        status="held",
        made_at=now,
        # A day is a day to its end: nobody reads an hour on a receipt.
        expires_at=datetime.combine(
            local_date(now) + timedelta(days=offer.hold_days + 1), time.min, LOCAL_ZONE
        ),
    )
    session.add(made)
    session.flush()
    _post(session, made, EntryKind.HELD, audit.Actor("rider", rider_id), now)
    return made


def collect(session: Session, *, station_id: UUID, code: str, now: datetime) -> PointOffer:
    """Hand a piece out at its station for its code, once, and return what it is.

    Raises InvalidInput `redemption-code-unknown`, Conflict `redemption-elsewhere`,
    `redemption-collected` or `redemption-over`.
    """
    found = session.scalars(
        select(PointRedemption)
        .where(PointRedemption.code_hash == token_hash(read_receipt_code(code)))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise InvalidInput(
            "redemption-code-unknown",
            Words(
                "没有这个兑换码，请让骑手打开兑换页核对。",
                "There is no such code: ask the rider to open the page of the redemption.",
            ),
            field="code",
        )
    offer = session.get_one(PointOffer, found.offer_id)
    if offer.station_id != station_id:
        name = session.get_one(Station, offer.station_id).name
        raise Conflict(
            "redemption-elsewhere",
            Words(f"这一项要到“{name}”领取。", f"This is collected at “{name}”."),
        )
    if found.status == "spent":
        raise Conflict(
            "redemption-collected",
            Words("这个兑换码已经领取过。", "This code was collected before."),
        )
    if found.status != "held" or found.expires_at <= now:
        raise _over()
    _settle(session, found, "spent", now)
    _post(session, found, EntryKind.SPENT, audit.Actor("station", station_id), now)
    return offer


def give_back(
    session: Session, *, rider_id: UUID, redemption_id: UUID, now: datetime
) -> PointRedemption:
    """Give a piece back that was not collected, and the points with it; twice is as once.

    Raises NotFound `redemption-unknown`, Conflict `redemption-collected`.
    """
    found = _locked(session, redemption_id)
    if found is None or found.rider_id != rider_id:
        raise _unknown()
    if found.status == "spent":
        raise Conflict(
            "redemption-collected",
            Words("已经领取，不能退回。", "It was collected and can't be given back."),
        )
    if found.status == "held":
        _return(session, found, audit.Actor("rider", rider_id), now)
    return found


def due_redemptions(session: Session, *, now: datetime, limit: int = 500) -> Sequence[UUID]:
    """Return the pieces whose time to be collected is over."""
    return session.scalars(
        select(PointRedemption.id)
        .where(PointRedemption.status == "held", PointRedemption.expires_at <= now)
        .order_by(PointRedemption.expires_at)
        .limit(limit)
    ).all()


def expire(session: Session, *, redemption_id: UUID, now: datetime) -> bool:
    """Return a piece and its points when its time is over; says whether it did."""
    found = _locked(session, redemption_id)
    if found is None or found.status != "held" or found.expires_at > now:
        return False
    _return(session, found, audit.PIPELINE, now)
    return True


def redemptions_of(session: Session, *, sealer: Sealer, rider_id: UUID) -> list[Taken]:
    """Return a rider's redemptions, the newest first."""
    rows = session.execute(
        select(PointRedemption, PointOffer, Station)
        .join(PointOffer, PointOffer.id == PointRedemption.offer_id)
        .join(Station, Station.id == PointOffer.station_id)
        .where(PointRedemption.rider_id == rider_id)
        .order_by(PointRedemption.id.desc())
        .limit(SHOWN)
    )
    return [
        Taken(redemption, offer, station, _code(sealer, redemption))
        for redemption, offer, station in rows
    ]


def find_redemption(
    session: Session, *, sealer: Sealer, rider_id: UUID, redemption_id: UUID
) -> Taken:
    """Return one of a rider's redemptions; raises NotFound `redemption-unknown`."""
    found = session.get(PointRedemption, redemption_id)
    if found is None or found.rider_id != rider_id:
        raise _unknown()
    offer = session.get_one(PointOffer, found.offer_id)
    station = session.get_one(Station, offer.station_id)
    return Taken(found, offer, station, _code(sealer, found))


def _take_one(session: Session, offer: PointOffer, now: datetime) -> None:
    """Take one piece, if there is one now; the row is the only judge of what is left."""
    today = local_date(now)
    taken = session.execute(
        update(PointOffer)
        .where(
            PointOffer.id == offer.id,
            PointOffer.taken < PointOffer.stock,
            PointOffer.ended_at.is_(None),
            PointOffer.starts_on <= today,
            PointOffer.ends_on >= today,
        )
        .values(taken=PointOffer.taken + 1)
        .returning(PointOffer.id)
        .execution_options(synchronize_session=False)
    ).first()
    if taken is not None:
        return
    session.refresh(offer)
    if offer.ended_at is not None or not offer.starts_on <= today <= offer.ends_on:
        raise Conflict("offer-over", Words("这一项现在不能兑换。", "This can't be had now."))
    raise Conflict(
        "offer-sold-out",
        Words(
            "刚刚被兑完，积分没有扣。可以看看别的。",
            "The last one has just gone; no points were taken. See what else there is.",
        ),
    )


def _return(session: Session, found: PointRedemption, actor: audit.Actor, now: datetime) -> None:
    _settle(session, found, "returned", now)
    session.execute(
        update(PointOffer)
        .where(PointOffer.id == found.offer_id)
        .values(taken=PointOffer.taken - 1)
        .execution_options(synchronize_session=False)
    )
    _post(session, found, EntryKind.RETURNED, actor, now)


def _settle(session: Session, found: PointRedemption, status: str, now: datetime) -> None:
    # What can't be collected any more needs no code.
    found.status, found.settled_at, found.sealed_code = status, now, b""
    session.flush()


_ROADS = {
    EntryKind.HELD: (AccountKind.RIDER, AccountKind.HELD),
    EntryKind.SPENT: (AccountKind.HELD, AccountKind.SPENT),
    EntryKind.RETURNED: (AccountKind.HELD, AccountKind.RIDER),
}


def _post(
    session: Session, found: PointRedemption, kind: EntryKind, actor: audit.Actor, now: datetime
) -> None:
    source, target = _ROADS[kind]
    # A piece is collected or goes back, once.
    step = "held" if kind is EntryKind.HELD else "ended"
    post(
        session,
        Posting(
            key=f"redemption/{found.id}/{step}",
            kind=kind,
            rider_id=found.rider_id,
            source=source,
            target=target,
            points=found.points,
            actor=actor,
            now=now,
            redemption_id=found.id,
        ),
    )
    audit.record(
        session,
        actor=actor,
        action=f"redemption_{kind.value}",
        subject=("redemption", found.id),
        after={"offer_id": str(found.offer_id), "points": found.points},
    )
    session.flush()


def _locked(session: Session, redemption_id: UUID) -> PointRedemption | None:
    return session.scalars(
        select(PointRedemption)
        .where(PointRedemption.id == redemption_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def _same(known: PointRedemption, offer_id: UUID) -> PointRedemption:
    if known.offer_id != offer_id:
        raise Conflict(
            "idempotency-key-reused",
            Words(
                "这个 Idempotency-Key 已用于另一项兑换。",
                "This Idempotency-Key stands for another redemption.",
            ),
            field="Idempotency-Key",
        )
    return known


def _code(sealer: Sealer, found: PointRedemption) -> str | None:
    return str(sealer.open(found.sealed_code)) if found.status == "held" else None


def _unknown() -> NotFound:
    return NotFound(
        "redemption-unknown", Words("没有这次兑换。", "There is no such redemption of yours.")
    )


def _over() -> Conflict:
    return Conflict(
        "redemption-over",
        Words(
            "这个兑换码已过期或已退回，积分已经还给骑手。",
            "This code is over: the points went back to the rider.",
        ),
    )


def offer_fields(offer: PointOffer, station: Station) -> dict[str, object]:
    """Return what the API says of an offer, to whoever asks."""
    return {
        "id": offer.id,
        "title": offer.title,
        "terms": offer.terms,
        "station": station.name,
        "place": station.place,
        "points": offer.price_points,
        "left": offer.stock - offer.taken,
        "until": offer.ends_on,
        "collect_within_days": offer.hold_days,
    }

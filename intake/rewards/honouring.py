"""Who is on a list of honour, and under which name: a pseudonym unless the rider agreed to one.

A name is shown for as long as its rider's consent stands, on lists of the past as well.
Lists hold neither points nor how many tips there were, nor an order: beside a name, these
could tell a shop of whose tip it heard (domain §7).
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from schemas import audit
from schemas.database import new_id
from schemas.errors import Conflict, InvalidInput
from schemas.points import AccountKind
from schemas.sealing import Sealer
from schemas.tables import (
    HonourConsent,
    HonourPlace,
    HonourRoll,
    PointAccount,
    Rider,
    Supply,
    Unit,
)
from schemas.words import Words
from schemas.workdays import local_date

MOST_NAME = 20
SHOWN = 24
TERMS_VERSION = "2026-11"
TERMS = (
    Words(
        "上了光荣榜，名单在网上公开，谁都能看到。不同意，就只写化名；积分、慰问都不受影响。",
        "A list of honour is public: anybody can read it. Without your consent only a pseudonym "
        "stands there; points and thanks are the same either way.",
    ),
    Words(
        "榜上只写您自己取的称呼，不写手机号、平台、站点、积分和举报条数，也不写举报了哪家店。"
        "但看到的人会知道，这位骑手举报过食品安全隐患。",
        "What stands there is the name you choose: no phone, platform, station, points or number "
        "of tips, and no shop. But whoever reads it knows that this rider has reported hazards.",
    ),
    Words(
        "随时可以收回：收回后，以前的榜上也马上改成化名。",
        "Withdraw at any time: from that moment past lists, too, show the pseudonym.",
    ),
)


@dataclass(frozen=True)
class Roll:
    """A published list: whose it is, for when, and the names by the alphabet."""

    unit: str
    period: str
    published_on: date
    names: tuple[str, ...]


def published_rolls(session: Session, *, sealer: Sealer) -> list[Roll]:
    """Return the lists that stand, the newest first, with the names as they may be shown now."""
    rolls = session.execute(
        select(HonourRoll, Unit.name)
        .join(Unit, Unit.id == HonourRoll.unit_id)
        .where(HonourRoll.ended_at.is_(None))
        .order_by(HonourRoll.made_at.desc(), HonourRoll.id)
        .limit(SHOWN)
    ).all()
    places = session.execute(
        select(HonourPlace.roll_id, PointAccount.pseudonym, HonourConsent.sealed_name)
        .join(PointAccount, PointAccount.id == HonourPlace.account_id)
        .outerjoin(
            HonourConsent,
            (HonourConsent.rider_id == PointAccount.rider_id)
            & HonourConsent.withdrawn_at.is_(None),
        )
        .where(HonourPlace.roll_id.in_([roll.id for roll, _ in rolls]))
    ).all()
    names: dict[UUID, list[str]] = {}
    for roll_id, pseudonym, sealed in places:
        name = str(sealer.open(sealed)) if sealed else public_pseudonym(pseudonym or "")
        names.setdefault(roll_id, []).append(name)
    return [
        Roll(unit, roll.period, local_date(roll.made_at), tuple(sorted(names.get(roll.id, ()))))
        for roll, unit in rolls
    ]


def public_pseudonym(pseudonym: str) -> str:
    """Return what stands for an account in public: enough for its rider to find it.

    Half of the ledger's pseudonym, since with the whole one somebody could ask a station
    for what the rider is to be given.
    """
    return f"{pseudonym.partition('-')[0]}-····"


def standing_name(session: Session, *, rider_id: UUID) -> HonourConsent | None:
    """Return a rider's consent to be named that stands, if any."""
    return session.scalars(
        select(HonourConsent).where(
            HonourConsent.rider_id == rider_id, HonourConsent.withdrawn_at.is_(None)
        )
    ).one_or_none()


def agree_to_be_named(
    session: Session, *, sealer: Sealer, rider_id: UUID, version: str, name: str, now: datetime
) -> None:
    """Note that a rider agrees to be named so; another name takes the place of the one before.

    Raises Conflict `consent-outdated`, InvalidInput `honour-name-invalid`.
    """
    if version != TERMS_VERSION:
        raise Conflict(
            "consent-outdated",
            Words(
                "说明已经更新：请刷新页面，看过新的说明再同意。",
                "The terms have changed: reload the page and read the new ones first.",
            ),
            field="version",
        )
    chosen = _read_name(name)
    # Two pages may ask at the same moment, and one consent stands.
    session.get_one(Rider, rider_id, with_for_update=True)
    _end(session, rider_id, now)
    session.add(
        HonourConsent(
            id=new_id(),
            rider_id=rider_id,
            version=version,
            sealed_name=sealer.seal(chosen),
            given_at=now,
        )
    )
    session.flush()
    _record(session, rider_id, "rider.honour_consent_given")


def stop_being_named(session: Session, *, rider_id: UUID, now: datetime) -> bool:
    """Withdraw the consent to be named; says whether there was one."""
    if not _end(session, rider_id, now):
        return False
    _record(session, rider_id, "rider.honour_consent_withdrawn")
    return True


def supplies_of(session: Session, *, rider_id: UUID) -> list[Supply]:
    """Return what a rider was given, the last first."""
    return list(
        session.scalars(
            select(Supply)
            .join(PointAccount, PointAccount.id == Supply.account_id)
            .where(
                PointAccount.rider_id == rider_id,
                PointAccount.kind == AccountKind.RIDER.value,
                Supply.cancelled_at.is_(None),
            )
            .order_by(Supply.given_on.desc(), Supply.id.desc())
        )
    )


def _read_name(name: str) -> str:
    chosen = " ".join(name.replace("\0", "").split())
    digits = sum(letter.isdigit() for letter in chosen)
    # A phone number on a public list would be one that nobody can call back.
    if not chosen or len(chosen) > MOST_NAME or digits > 4 or not chosen.isprintable():
        raise InvalidInput(
            "honour-name-invalid",
            Words(
                f"请写 1 到 {MOST_NAME} 个字的称呼，不要写手机号。",
                f"Give a name of 1 to {MOST_NAME} characters, and no phone number.",
            ),
            field="name",
        )
    return chosen


def _end(session: Session, rider_id: UUID, now: datetime) -> bool:
    ended = session.execute(
        update(HonourConsent)
        .where(HonourConsent.rider_id == rider_id, HonourConsent.withdrawn_at.is_(None))
        .values(withdrawn_at=now, sealed_name=b"")
        .returning(HonourConsent.id)
    ).all()
    return bool(ended)


def _record(session: Session, rider_id: UUID, action: str) -> None:
    audit.record(
        session,
        actor=audit.Actor("rider", rider_id),
        action=action,
        subject=("rider", rider_id),
        after={"version": TERMS_VERSION},
    )

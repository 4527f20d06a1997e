"""Consents to what is more than a tip needs, each for itself, dated and withdrawable.

Where a rider is counts as sensitive personal information (PIPL art. 28), which needs a
consent of its own (art. 29) that can be withdrawn as easily as it was given (art. 15).
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from schemas import audit
from schemas.database import new_id
from schemas.errors import Conflict
from schemas.tables import Rider, RiderConsent
from schemas.words import Words

LOCATION = "location"


@dataclass(frozen=True)
class Terms:
    """What is agreed to: the version changes with every change of meaning."""

    version: str
    title: Words
    paragraphs: tuple[Words, ...]


LOCATION_TERMS = Terms(
    "2026-11",
    Words("同意使用手机定位", "Agree to the use of the phone's place"),
    (
        Words(
            "用来做什么：拍照举报时读取一次手机位置，用来找到店铺、分给管这一片的部门。"
            "不在后台定位，不记录行程。",
            "What for: the phone's place is read when you report, to find the shop and the "
            "bureau in charge. Nothing is read in the background and no route is recorded.",
        ),
        Words(
            "保存多久：位置随举报作为证据保存；您的身份信息最后一次举报 {years} 年后删除，"
            "之后没有人能把位置和您联系起来。",
            "How long: the place is kept with the report as evidence. Who you are is erased "
            "{years} years after your last report; from then on nobody can connect the two.",
        ),
        Words(
            "不同意也能举报：在地图上标出位置，或写店名和地址。照片文件里自带的拍摄位置随原件"
            "封存，并用来核对地点；不想带上，请在相机设置里关掉“位置”。",
            "You can report without it: point at the map, or write the shop's address. A place "
            "that the camera wrote into the photo is sealed with the original and read to check "
            "where it was taken; turn «location» off in the camera to leave it out.",
        ),
        Words(
            "随时可以收回：收回之后的举报不再带手机位置；之前的举报是证据，不受影响。",
            "Withdraw at any time: later tips go without the phone's place; earlier ones are "
            "evidence and stay as they are.",
        ),
    ),
)


def standing_consent(session: Session, *, rider_id: UUID, kind: str) -> RiderConsent | None:
    """Return a rider's consent that stands, if any."""
    return session.scalars(
        select(RiderConsent).where(
            RiderConsent.rider_id == rider_id,
            RiderConsent.kind == kind,
            RiderConsent.withdrawn_at.is_(None),
        )
    ).one_or_none()


def give_consent(session: Session, *, rider_id: UUID, version: str, now: datetime) -> RiderConsent:
    """Note that a rider agrees to the use of the phone's place; a second time changes nothing.

    Raises Conflict `consent-outdated` when other words than today's were agreed to.
    """
    if version != LOCATION_TERMS.version:
        raise Conflict(
            "consent-outdated",
            Words(
                "说明已经更新：请刷新页面，看过新的说明再同意。",
                "The terms have changed: reload the page and read the new ones first.",
            ),
            field="version",
        )
    # Two pages may ask at the same moment, and one consent stands.
    session.get_one(Rider, rider_id, with_for_update=True)
    standing = standing_consent(session, rider_id=rider_id, kind=LOCATION)
    if standing is not None and standing.version == version:
        return standing
    if standing is not None:
        standing.withdrawn_at = now
        session.flush()
    given = RiderConsent(
        id=new_id(), rider_id=rider_id, kind=LOCATION, version=version, given_at=now
    )
    session.add(given)
    session.flush()
    _record(session, rider_id, "rider.consent_given", version)
    return given


def withdraw_consent(session: Session, *, rider_id: UUID, now: datetime) -> bool:
    """Withdraw the consent to the use of the phone's place; says whether there was one."""
    withdrawn = session.execute(
        update(RiderConsent)
        .where(
            RiderConsent.rider_id == rider_id,
            RiderConsent.kind == LOCATION,
            RiderConsent.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=now)
        .returning(RiderConsent.version)
    ).all()
    for (version,) in withdrawn:
        _record(session, rider_id, "rider.consent_withdrawn", version)
    return bool(withdrawn)


def may_use_place(session: Session, *, rider_id: UUID, by_browser: bool) -> bool:
    """Whether the device's place of a tip may be kept.

    A rider's browser needs a consent that stands. What came with a token of the station
    is a program's, whose platform has asked its rider; a withdrawal here overrules it.
    """
    if standing_consent(session, rider_id=rider_id, kind=LOCATION) is not None:
        return True
    if by_browser:
        return False
    withdrawn = select(RiderConsent.id).where(
        RiderConsent.rider_id == rider_id, RiderConsent.kind == LOCATION
    )
    return session.execute(withdrawn.limit(1)).first() is None


def _record(session: Session, rider_id: UUID, action: str, version: str) -> None:
    audit.record(
        session,
        actor=audit.Actor("rider", rider_id),
        action=action,
        subject=("rider", rider_id),
        after={"kind": LOCATION, "version": version},
    )

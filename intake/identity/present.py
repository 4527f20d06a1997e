"""How who the rider is looks over the wire and on pages."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from intake.identity.gateways import mask_phone
from intake.identity.sessions import BROWSER
from intake.identity.signing import AskedCode
from schemas.sealing import Sealer
from schemas.tables import Rider, RiderToken
from schemas.wire.riders import CodeOnItsWay, Device, DeviceList, Me
from schemas.words import Words
from schemas.workdays import local_date

ON_ITS_WAY = Words(
    "如果这个号码可以登录，验证码已经发出，5 分钟内有效。",
    "If this number may sign in here, its code is on its way. It is good for five minutes.",
)
BEARER_NAME = Words("站点发放的凭证", "Token from the station")
BROWSER_NAME = Words("浏览器", "Browser")


def code_on_its_way(asked: AskedCode, locale: str) -> CodeOnItsWay:
    """Return the answer to whoever asked for a code."""
    return CodeOnItsWay(
        text=ON_ITS_WAY.say(locale), expires_at=asked.expires_at, again_at=asked.again_at
    )


def me(session: Session, *, sealer: Sealer, rider_id: UUID) -> Me:
    """Return what a rider is told of themselves."""
    rider = session.get_one(Rider, rider_id)
    profile = sealer.open(rider.sealed_profile)
    return Me(
        phone=mask_phone(profile["phone"]),
        platform=profile["platform"],
        station=profile["station"],
        is_supervisor=rider.is_supervisor,
        registered_on=local_date(rider.registered_at),
    )


def device_list(rows: Sequence[RiderToken], *, this: UUID | None, locale: str) -> DeviceList:
    """Return a rider's devices; `this` is the one that asks."""
    return DeviceList(
        devices=[
            Device(
                id=row.id,
                name=row.device
                or (BROWSER_NAME if row.kind == BROWSER else BEARER_NAME).say(locale),
                is_this=row.id == this,
                since=local_date(row.created_at),
                last_used_on=row.last_used_on,
            )
            for row in rows
        ]
    )


def _kind_name(row: RiderToken) -> Words:
    return BROWSER_NAME if row.kind == BROWSER else BEARER_NAME

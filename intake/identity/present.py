"""How who the rider is looks over the wire and on pages."""

import hashlib
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from intake.identity.consents import LOCATION_TERMS
from intake.identity.gateways import mask_phone
from intake.identity.sessions import BROWSER
from intake.identity.signing import AskedCode
from schemas.sealing import Sealer
from schemas.tables import Rider, RiderConsent, RiderToken
from schemas.wire.riders import CodeOnItsWay, Consent, ConsentList, Device, DeviceList, Me
from schemas.words import Words
from schemas.workdays import local_date

ON_ITS_WAY = Words(
    "如果这个号码可以登录，验证码已经发出，5 分钟内有效。",
    "If this number may sign in here, its code is on its way. It is good for five minutes.",
)
VERIFICATION = {
    "unverified": Words("凭手机号登记，平台尚未确认", "Registered by phone, not yet confirmed"),
    "listed": Words("平台名单已确认", "Confirmed by the platform's list"),
    "verified": Words("身份已核实", "Identity verified"),
}
BEARER_NAME = Words("站点发放的凭证", "Token from the station")
BROWSER_NAME = Words("浏览器", "Browser")


def code_on_its_way(asked: AskedCode, locale: str) -> CodeOnItsWay:
    """Return the answer to whoever asked for a code."""
    return CodeOnItsWay(
        text=ON_ITS_WAY.say(locale), expires_at=asked.expires_at, again_at=asked.again_at
    )


def account_of(rider_id: UUID) -> str:
    """Return that by which a phone knows an account again: 32 hexadecimal digits.

    A rider's key has 74 bits of chance: nobody finds it from this.
    """
    return hashlib.sha256(b"account of a phone" + rider_id.bytes).hexdigest()[:32]


def me(session: Session, *, sealer: Sealer, rider_id: UUID) -> Me:
    """Return what a rider is told of themselves."""
    rider = session.get_one(Rider, rider_id)
    profile = sealer.open(rider.sealed_profile)
    return Me(
        account=account_of(rider_id),
        phone=mask_phone(profile["phone"]),
        platform=profile["platform"],
        station=profile["station"],
        is_supervisor=rider.is_supervisor,
        verification=rider.verification,
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


def consent_list(
    standing: RiderConsent | None, *, retention_years: int, locale: str
) -> ConsentList:
    """Return what a rider is asked to agree to, and what stands."""
    terms = LOCATION_TERMS
    return ConsentList(
        consents=[
            Consent(
                kind="location",
                version=terms.version,
                title=terms.title.say(locale),
                paragraphs=[
                    each.say(locale).replace("{years}", str(retention_years))
                    for each in terms.paragraphs
                ],
                agreed=standing is not None,
                agreed_version=standing.version if standing else None,
                agreed_on=local_date(standing.given_at) if standing else None,
            )
        ]
    )

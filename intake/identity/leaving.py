"""A rider deletes the own account: who they are is erased, what they reported stays."""

import hmac
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from intake.riders.erasure import erase_rider
from schemas import audit
from schemas.errors import Conflict, InvalidInput
from schemas.sealing import Sealer
from schemas.tables import Rider
from schemas.words import Words

ENDING_DIGITS = 4
REASON = "own-request"
# What the page says before and after.
WHAT_GOES = Words(
    "删除的是：手机号、姓名、平台、站点、工号，所有设备的登录，到站记录。没用完的积分不能再用。"
    "删除后不能恢复，也不能再凭账号查进度，请先抄下回执码。",
    "What goes: phone number, name, platform, station, employee number, every sign-in, visits to "
    "stations. Points that are left can't be used any more. It can't be undone, and you can't "
    "ask for a status by your account any more: write down your receipt codes first.",
)
WHAT_STAYS = Words(
    "留下的是：已经发出的举报和照片。它们是执法证据，依法必须保存；但从此没有人能查出是谁发的。",
    "What stays: the tips and photos you sent. They are evidence and must be kept by law; but "
    "nobody can find out any more who sent them.",
)


def delete_account(
    session: Session, *, sealer: Sealer, rider_id: UUID, phone_ending: str, now: datetime
) -> None:
    """Erase a rider at their own wish; the phone's last four digits confirm it.

    Raises InvalidInput `phone-ending-wrong`, Conflict `erasure-held` while a case of
    theirs must keep its reporter by law; which case is not told.
    """
    rider = session.get_one(Rider, rider_id)
    phone = str(sealer.open(rider.sealed_profile)["phone"])
    given = "".join(phone_ending.split())
    if not hmac.compare_digest(phone[-ENDING_DIGITS:].encode(), given.encode()):
        raise InvalidInput(
            "phone-ending-wrong",
            Words(
                "请填写您登录用的手机号的后四位，没有删除。",
                "Give the last four digits of the phone you signed in with; nothing was deleted.",
            ),
            field="phone_ending",
        )
    try:
        erase_rider(
            session,
            rider_id=rider_id,
            reason=REASON,
            now=now,
            actor=audit.Actor("rider", rider_id),
        )
    except Conflict as error:
        if error.code != "legal-hold":
            raise
        raise Conflict(
            "erasure-held",
            Words(
                "现在还不能删除：有一个案件依法要求保留举报人信息，结束后可以再来删除。",
                "Not yet: by law one of the cases must keep who reported it. Come back when "
                "it is over.",
            ),
        ) from None

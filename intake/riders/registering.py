"""Riders: registration one by one or from a platform's list, and the tokens they carry.

Who a rider is lies sealed; the phone's keyed digest finds a rider again without
anybody reading a phone number.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from intake.inserting import insert_if_new
from schemas import audit
from schemas.database import new_id, now_utc
from schemas.errors import Conflict, InvalidInput, NotFound, NotSignedIn
from schemas.sealing import Sealer, new_token, token_hash
from schemas.tables import Rider, RiderToken
from schemas.words import Words

TOKEN_PREFIX = "rider"  # noqa: S105 - what a token begins with, not a token
# How sure we are of who a rider is (Rider.verification).
UNVERIFIED, LISTED, VERIFIED = "unverified", "listed", "verified"
SURPLUS = "surplus"
# A mainland mobile number, or any other in the international form (ITU-T E.164).
_PHONE = re.compile(r"1[3-9]\d{9}|\+(?!86)[1-9]\d{6,14}")

FIELD_WORDS: dict[str, tuple[Words, int]] = {
    "name": (Words("姓名", "name"), 80),
    "phone": (Words("手机号", "phone"), 40),
    "platform": (Words("平台", "platform"), 80),
    "station": (Words("站点", "station"), 80),
    "employee_number": (Words("工号", "employee number"), 40),
}


@dataclass(frozen=True)
class RiderProfile:
    """Who a rider is; kept sealed and never logged."""

    name: str
    phone: str
    platform: str = ""
    station: str = ""
    employee_number: str = ""


def check_profile(cells: Mapping[str, str], *, needs_name: bool = True) -> RiderProfile:
    """Return a profile with every cell trimmed and the phone in one form.

    A name may be left out only where the rider registers by the phone alone. Raises
    InvalidInput `rider-field-missing`, `rider-field-invalid`, `row-too-long` or
    `phone-invalid`.
    """
    if SURPLUS in cells:
        raise InvalidInput(
            "row-too-long",
            Words("这一行的格子比表头多。", "This line has more cells than the header."),
        )
    needed = {"name", "phone"} if needs_name else {"phone"}
    values = {
        name: check_cell(name, cells.get(name, ""), needed=name in needed) for name in FIELD_WORDS
    }
    return RiderProfile(**(values | {"phone": normal_phone(values["phone"])}))


def check_cell(name: str, text: str, *, needed: bool) -> str:
    """Return one cell of a profile trimmed.

    Raises InvalidInput `rider-field-missing` or `rider-field-invalid`.
    """
    words, limit = FIELD_WORDS[name]
    return check_line(text, words, limit=limit, needed=needed, field=name)


def check_line(
    text: str, words: Words, *, limit: int, needed: bool = True, field: str | None = None
) -> str:
    """Return a line of text trimmed; `words` name it.

    Raises InvalidInput `rider-field-missing` or `rider-field-invalid`.
    """
    value = " ".join(text.split())
    if not value and needed:
        raise InvalidInput(
            "rider-field-missing",
            Words(f"缺少{words.zh}。", f"The {words.en} is missing."),
            field=field,
        )
    if len(value) > limit or any(unicodedata.category(sign) == "Cc" for sign in value):
        raise InvalidInput(
            "rider-field-invalid",
            Words(
                f"{words.zh}超过 {limit} 个字，或含有无法显示的字符。",
                f"The {words.en} is longer than {limit} characters or holds unprintable ones.",
            ),
            field=field,
        )
    return value


def normal_phone(text: str) -> str:
    """Return a phone number in the one form in which equal numbers are equal texts.

    Full-width digits, spaces, hyphens and the country code 86 are forgiven. Raises
    InvalidInput `phone-invalid`, which does not repeat the number.
    """
    plain = re.sub(r"[\s()\-]", "", unicodedata.normalize("NFKC", text))
    plain = re.sub(r"^(\+|00)86(?=1[3-9]\d{9}$)", "", plain)
    plain = re.sub(r"^86(?=1[3-9]\d{9}$)", "", plain)
    if not _PHONE.fullmatch(plain) or not plain.isascii():
        raise InvalidInput(
            "phone-invalid",
            Words(
                "手机号不对：应为 11 位大陆手机号，或以 + 和国家代码开头的号码。",
                "This phone number can't be right: give the 11 digits of a mainland mobile, or "
                "a number that begins with + and the country code.",
            ),
            field="phone",
        )
    return plain


def add_rider(
    session: Session,
    *,
    sealer: Sealer,
    profile: RiderProfile,
    is_supervisor: bool = False,
    needs_name: bool = True,
    verification: str = LISTED,
    actor: audit.Actor = audit.OPERATOR,
) -> Rider:
    """Register one rider; whoever registers by the phone alone needs no name.

    Raises InvalidInput as check_profile does, and Conflict `rider-exists` when the
    phone is registered already.
    """
    checked = check_profile(asdict(profile), needs_name=needs_name)
    row = rider_row(sealer, checked, is_supervisor=is_supervisor, verification=verification)
    known = known_under_older_keys(session, [row])
    plain = [plain_row(row)]
    if known or not insert_if_new(session, Rider, plain, conflict=("phone_digest",)):
        raise Conflict("rider-exists", EXISTS, field="phone")
    audit.record(session, actor=actor, action="rider.registered", subject=("rider", row["id"]))
    return session.get_one(Rider, row["id"])


EXISTS = Words("这个手机号已经登记过。", "This phone is registered already.")


def issue_token(session: Session, *, rider_id: UUID, actor: audit.Actor = audit.OPERATOR) -> str:
    """Return a new bearer token of a rider; only its hash is kept, so it is shown once."""
    token = new_token(TOKEN_PREFIX)
    session.add(RiderToken(rider_id=rider_id, token_hash=token_hash(token)))
    audit.record(session, actor=actor, action="rider.token_issued", subject=("rider", rider_id))
    return token


def revoke_tokens(session: Session, *, rider_id: UUID, actor: audit.Actor = audit.OPERATOR) -> int:
    """Revoke every token of a rider (a lost phone, a contract that ended); return how many."""
    standing = session.scalars(
        select(RiderToken).where(RiderToken.rider_id == rider_id, RiderToken.revoked_at.is_(None))
    ).all()
    for token in standing:
        token.revoked_at = now_utc()
    audit.record(
        session,
        actor=actor,
        action="rider.tokens_revoked",
        subject=("rider", rider_id),
        after={"tokens": len(standing)},
    )
    return len(standing)


def authenticate(session: Session, *, token: str) -> Rider:
    """Return the rider who carries a token.

    Raises NotSignedIn `token-unknown` for one that was never issued, is revoked or expired.
    """
    found = find_token(session, token=token, now=now_utc())
    if found is None:
        raise NotSignedIn(
            "token-unknown",
            Words(
                "登录凭证无效或已停用，请向站点重新领取。",
                "This rider token is unknown or was revoked: ask your station for a new one.",
            ),
            field="Authorization",
        )
    return found[1]


def find_token(session: Session, *, token: str, now: datetime) -> tuple[RiderToken, Rider] | None:
    """Return a token that stands and whose it is; None when it ended in any way."""
    row = session.execute(
        select(RiderToken, Rider)
        .join(Rider, Rider.id == RiderToken.rider_id)
        .where(RiderToken.token_hash == token_hash(token), token_stands(now))
    ).one_or_none()
    return (row[0], row[1]) if row else None


def token_stands(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a token is neither revoked nor expired."""
    return RiderToken.revoked_at.is_(None) & (
        RiderToken.expires_at.is_(None) | (RiderToken.expires_at > now)
    )


def find_by_phone(session: Session, *, sealer: Sealer, phone: str) -> Rider:
    """Return the rider of a phone number; raises NotFound `rider-unknown`."""
    digests = sealer.digests("phone", normal_phone(phone))
    rider = session.scalars(select(Rider).where(Rider.phone_digest.in_(digests))).first()
    if rider is None:
        raise NotFound(
            "rider-unknown",
            Words("没有登记过这个手机号的骑手。", "No rider is registered with this phone."),
            field="phone",
        )
    return rider


def find_rider(session: Session, *, rider_id: UUID) -> Rider:
    """Return a rider by id; raises NotFound `rider-unknown`."""
    rider = session.get(Rider, rider_id)
    if rider is None:
        raise NotFound("rider-unknown", Words("没有这名骑手。", "There is no such rider."))
    return rider


def verify_rider(session: Session, *, rider: Rider, actor: audit.Actor = audit.OPERATOR) -> None:
    """Note that the operator has seen who a rider is."""
    before, rider.verification = rider.verification, VERIFIED
    audit.record(
        session,
        actor=actor,
        action="rider.verified",
        subject=("rider", rider.id),
        before={"verification": before},
    )


def appoint_supervisor(
    session: Session, *, rider: Rider, appointed: bool, actor: audit.Actor = audit.OPERATOR
) -> None:
    """Appoint a rider as food-safety supervisor, or end it."""
    rider.is_supervisor = appointed
    action = "rider.supervisor_set" if appointed else "rider.supervisor_ended"
    audit.record(session, actor=actor, action=action, subject=("rider", rider.id))


def rider_row(
    sealer: Sealer,
    profile: RiderProfile,
    *,
    is_supervisor: bool = False,
    verification: str = LISTED,
) -> dict[str, Any]:
    """Return a rider as a row, with the digests under older keys that it must not meet."""
    digest, *older = sealer.digests("phone", profile.phone)
    return {
        "id": new_id(),
        "sealed_profile": sealer.seal(asdict(profile)),
        "phone_digest": digest,
        "older_digests": older,
        "is_supervisor": is_supervisor,
        "verification": verification,
        "registered_at": now_utc(),
    }


def plain_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of such a row the table holds."""
    return {name: value for name, value in row.items() if name != "older_digests"}


def known_under_older_keys(session: Session, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return those digests under older keys that somebody is registered with.

    Between a new key and the end of `keys rotate` a phone may stand under any of them,
    where the unique index on the newest does not see it.
    """
    older = [digest for row in rows for digest in row["older_digests"]]
    if not older:
        return set()
    return set(session.scalars(select(Rider.phone_digest).where(Rider.phone_digest.in_(older))))

"""One-time codes: six digits to a phone, good for five minutes, five attempts and one use.

A code is asked for in the same way, with the same rows and the same answer, whether or
not the phone is registered. Limits per phone are counted in these rows, so that they
hold while the queue server is away (NIST SP 800-63B §5.1.3.2: at most ten minutes, one
use, limited attempts).
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from intake.identity.waiting import too_often
from intake.riders.registering import normal_phone
from schemas.database import new_id
from schemas.errors import InvalidInput
from schemas.sealing import Sealer
from schemas.tables import SignInCode
from schemas.words import Words

DIGITS = 6
LIFE = timedelta(minutes=5)
ATTEMPTS = 5
PAUSE = timedelta(seconds=60)
KEPT = timedelta(days=1)
# How many codes a phone may be sent within how long; the longest is `KEPT`.
PER_PHONE = ((1, PAUSE), (5, timedelta(hours=1)), (10, KEPT))


@dataclass(frozen=True)
class NewCode:
    """A code that was just made; it is never stored as it stands here."""

    id: UUID
    phone: str
    code: str
    expires_at: datetime


def ask_code(session: Session, *, sealer: Sealer, phone: str, now: datetime) -> NewCode:
    """Make a code for a phone; the ones before it are good no longer.

    Raises InvalidInput `phone-invalid` and TooMany `codes-too-often`.
    """
    phone = normal_phone(phone)
    digests = sealer.digests("phone", phone)
    _one_at_a_time(session, digests[0])
    asked = session.scalars(
        select(SignInCode.asked_at)
        .where(SignInCode.phone_digest.in_(digests), SignInCode.asked_at > now - KEPT)
        .order_by(SignInCode.asked_at.desc())
    ).all()
    for limit, period in PER_PHONE:
        if len(asked) >= limit and asked[limit - 1] + period > now:
            raise too_often("codes-too-often", _TOO_OFTEN, now=now, until=asked[limit - 1] + period)
    # What stands on the operator's console for an older code would only mislead.
    session.execute(
        update(SignInCode).where(SignInCode.phone_digest.in_(digests)).values(sealed_message=None)
    )
    made = NewCode(new_id(), phone, _digits(), now + LIFE)
    session.add(
        SignInCode(
            id=made.id,
            phone_digest=digests[0],
            code_digest=sealer.digest("sign-in-code", f"{made.id}:{made.code}"),
            asked_at=now,
            expires_at=made.expires_at,
        )
    )
    session.flush()
    return made


def take_code(session: Session, *, sealer: Sealer, phone: str, code: str, now: datetime) -> bool:
    """Whether this is the phone's newest code and still good; it is used up by that.

    A wrong one costs an attempt, so the caller commits in both cases.
    """
    row = session.scalars(
        select(SignInCode)
        .where(SignInCode.phone_digest.in_(sealer.digests("phone", normal_phone(phone))))
        .order_by(SignInCode.asked_at.desc(), SignInCode.id.desc())
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None or row.used_at or row.expires_at <= now or row.attempts >= ATTEMPTS:
        return False
    row.attempts += 1
    given = sealer.digests("sign-in-code", f"{row.id}:{''.join(code.split())}")
    if not any(hmac.compare_digest(row.code_digest, digest) for digest in given):
        return False
    row.used_at, row.sealed_message = now, None
    return True


def code_wrong() -> InvalidInput:
    """Return the refusal of a code; it is the same whatever was wrong, and for every phone."""
    return InvalidInput(
        "code-wrong",
        Words(
            "验证码不对或已失效（5 分钟内有效，最多试 5 次）。请核对，或重新获取。",
            "This code is wrong or no longer good (five minutes, five attempts). Check it, or "
            "ask for a new one.",
        ),
        field="code",
    )


def sweep_codes(session: Session, *, now: datetime) -> int:
    """Remove the codes that no limit counts any more; return how many.

    What the console showed of one that expired is gone earlier than its row.
    """
    session.execute(
        update(SignInCode)
        .where(SignInCode.expires_at <= now, SignInCode.sealed_message.is_not(None))
        .values(sealed_message=None)
    )
    gone = session.execute(
        delete(SignInCode).where(SignInCode.asked_at <= now - KEPT).returning(SignInCode.id)
    )
    return len(gone.all())


_TOO_OFTEN = Words(
    "这个号码获取验证码太频繁，请在 {until} 以后再试。",
    "Too many codes were asked for this number: try again after {until}.",
)


def _digits() -> str:
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"


def _one_at_a_time(session: Session, digest: str) -> None:
    """Let the requests of one phone wait for one another: else each would count too few.

    SQLite has one writer anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        key = int(digest[:15], 16)
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})

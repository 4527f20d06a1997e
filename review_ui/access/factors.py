"""The second factor: codes of an authenticator app, and recovery codes for a lost phone.

Codes are TOTP (RFC 6238) with the parameters every app knows: SHA-1, six digits,
thirty seconds. One step of drift either way is allowed, and no code is taken twice
(§5.2). The secret is sealed; recovery codes are random and long
enough (80 bits) to be kept as plain hashes.
"""

import hmac
import secrets
from datetime import datetime
from uuid import UUID

import pyotp
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from review_ui.access.staff import come_in, count_failure, lock_account
from schemas import audit
from schemas.errors import ConfigurationError, InvalidInput
from schemas.sealing import Sealer, token_hash
from schemas.tables import Staff, StaffRecoveryCode
from schemas.words import Words

STEP_S = 30
DRIFT_STEPS = 1
RECOVERY_CODES = 10
ISSUER = "随手拍办案"
# Without letters and digits that look alike on paper.
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def new_secret() -> str:
    """Return a new secret of 160 random bits in base32 (RFC 4226 §4)."""
    return pyotp.random_base32()


def enrolment_address(secret: str, *, sign_in: str) -> str:
    """Return the otpauth:// address that an authenticator app reads from the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=sign_in, issuer_name=ISSUER)


def carry_secret(sealer: Sealer, *, staff_id: UUID, secret: str) -> str:
    """Return a new secret sealed for the form that confirms it, good for this person alone."""
    return sealer.seal([str(staff_id), secret]).decode()


def carried_secret(sealer: Sealer, *, staff_id: UUID, sealed: str) -> str:
    """Return the secret that a form brings back; raises InvalidInput `code-wrong`."""
    try:
        whose, secret = sealer.open(sealed.encode())
    except (ConfigurationError, UnicodeEncodeError):
        raise code_wrong() from None
    if whose != str(staff_id):
        raise code_wrong()
    return str(secret)


def step_of(secret: str, *, code: str, now: datetime, after: int | None) -> int | None:
    """Return the time step whose code this is, or None; steps up to `after` are used up."""
    current = int(now.timestamp()) // STEP_S
    found = None
    for step in range(current - DRIFT_STEPS, current + DRIFT_STEPS + 1):
        expected = pyotp.TOTP(secret).generate_otp(step)
        # Every step is compared, so that the time taken says nothing about which fits.
        if hmac.compare_digest(expected.encode(), code.encode()) and step > (after or 0):
            found = step
    return found


def enrol(
    session: Session, *, staff: Staff, sealer: Sealer, secret: str, code: str, now: datetime
) -> list[str]:
    """Set up the second factor with a first right code; returns the recovery codes, shown once.

    Raises InvalidInput `code-wrong`.
    """
    step = step_of(secret, code=_digits(code), now=now, after=None)
    if step is None:
        raise code_wrong()
    staff.sealed_totp, staff.totp_since = sealer.seal(secret), now
    staff.totp_last_step = step
    audit.record(
        session,
        actor=audit.Actor("staff", staff.id),
        action="second_factor_set",
        subject=("staff", staff.id),
    )
    return new_recovery_codes(session, staff=staff)


def take_code(
    session: Session, *, staff_id: UUID, sealer: Sealer, code: str, now: datetime
) -> Staff | None:
    """Try a code of the app, or a recovery code, and count it; returns the person when it fits.

    A wrong one counts towards the lock as a wrong password does. The caller must
    commit also for None.
    """
    staff = lock_account(session, staff_id=staff_id, now=now)
    if staff is None or staff.sealed_totp is None:
        return None
    secret = str(sealer.open(staff.sealed_totp))
    step = step_of(secret, code=_digits(code), now=now, after=staff.totp_last_step)
    if step is not None:
        staff.totp_last_step = step
        come_in(session, staff=staff, by="second_factor")
        return staff
    if _use_recovery_code(session, staff=staff, code=code, now=now):
        come_in(session, staff=staff, by="recovery_code")
        return staff
    count_failure(session, staff=staff, now=now)
    return None


def new_recovery_codes(session: Session, *, staff: Staff) -> list[str]:
    """Make new recovery codes, which replace all earlier ones; returns them, shown once."""
    _forget_codes(session, staff.id)
    made = ["-".join(_group() for _ in range(4)) for _ in range(RECOVERY_CODES)]
    session.add_all(
        StaffRecoveryCode(staff_id=staff.id, code_hash=_code_hash(staff.id, code)) for code in made
    )
    audit.record(
        session,
        actor=audit.Actor("staff", staff.id),
        action="recovery_codes_made",
        subject=("staff", staff.id),
    )
    return made


def recovery_codes_left(session: Session, *, staff_id: UUID) -> int:
    """Return how many recovery codes were not used yet."""
    left = session.scalar(
        select(func.count())
        .select_from(StaffRecoveryCode)
        .where(StaffRecoveryCode.staff_id == staff_id, StaffRecoveryCode.used_at.is_(None))
    )
    return int(left or 0)


def remove_factor(session: Session, *, staff: Staff, actor: audit.Actor) -> None:
    """Take the second factor away, with its recovery codes; none set is no error."""
    staff.sealed_totp = staff.totp_since = staff.totp_last_step = None
    _forget_codes(session, staff.id)
    audit.record(session, actor=actor, action="second_factor_removed", subject=("staff", staff.id))


def code_wrong() -> InvalidInput:
    """Return the refusal of a code that does not fit."""
    return InvalidInput(
        "code-wrong",
        Words(
            "验证码不对或已用过。请输入验证器当前显示的 6 位数字；手机时间须自动校准。",
            "The code is wrong or was used before. Type the six digits that the app shows now; "
            "the phone's clock must set itself.",
        ),
        field="code",
    )


def _use_recovery_code(session: Session, *, staff: Staff, code: str, now: datetime) -> bool:
    row = session.scalars(
        select(StaffRecoveryCode).where(
            StaffRecoveryCode.staff_id == staff.id,
            StaffRecoveryCode.code_hash == _code_hash(staff.id, code),
            StaffRecoveryCode.used_at.is_(None),
        )
    ).first()
    if row is None:
        return False
    row.used_at = now
    return True


def _forget_codes(session: Session, staff_id: UUID) -> None:
    session.execute(delete(StaffRecoveryCode).where(StaffRecoveryCode.staff_id == staff_id))


def _digits(code: str) -> str:
    """Return a code without the space in its middle that apps show it with."""
    return "".join(code.split())


def _code_hash(staff_id: UUID, code: str) -> str:
    plain = "".join(character for character in code.upper() if character in _LETTERS)
    return token_hash(f"{staff_id}:{plain}")


def _group() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(4))

"""Staff accounts: who they are, what they may do where, and passwords.

Passwords are argon2id hashes with the parameters of RFC 9106 (second recommended
option, the library's default); an older hash is renewed at the next sign-in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from schemas import audit
from schemas.access import RIGHTS, Right, Role
from schemas.errors import Conflict, InvalidInput, NotFound
from schemas.sealing import new_token, token_hash
from schemas.tables import Staff, StaffRole, StaffToken, Unit
from schemas.words import Words

FAILURES_ALLOWED = 5
LOCKED_FOR = timedelta(minutes=15)
PASSWORD_LENGTHS = range(10, 201)
TOKEN_PREFIX = "staff"  # noqa: S105 - what a token begins with, not a token


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A role and the unit at which it is held; it reaches down that unit's tree."""

    role: Role
    unit_id: UUID
    unit_path: str
    unit_name: str
    division_code: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Someone who is signed in, with the roles they hold now."""

    staff_id: UUID
    name: str
    held: tuple[HeldRole, ...]

    def may(self, right: Right) -> bool:
        """Whether some role of theirs carries the right, at whichever unit."""
        return any(held.role in RIGHTS[right] for held in self.held)

    def paths(self, right: Right) -> tuple[str, ...]:
        """Return the paths of the units in whose trees they have the right."""
        return tuple(sorted({h.unit_path for h in self.held if h.role in RIGHTS[right]}))

    def roles_at(self, unit_path: str) -> frozenset[Role]:
        """Return the roles they hold at a unit, by its path: there or above it."""
        return frozenset(h.role for h in self.held if unit_path.startswith(h.unit_path))


@dataclass(frozen=True, slots=True)
class Credentials:
    """Whose password it is, and its hash."""

    staff_id: UUID
    password_hash: str


def add_staff(
    session: Session,
    *,
    sign_in: str,
    name: str,
    password: str,
    roles: Sequence[tuple[Role, UUID]],
    actor: audit.Actor = audit.OPERATOR,
) -> Staff:
    """Add someone with roles at units, given as (role, unit id).

    Raises InvalidInput for a sign-in, name or password that won't do, Conflict
    `sign-in-taken`, NotFound `unit-unknown`.
    """
    sign_in, name = normal_sign_in(sign_in), " ".join(name.split())
    _check_account(sign_in, name, password)
    if session.scalar(select(Staff.id).where(Staff.sign_in == sign_in)):
        raise Conflict(
            "sign-in-taken",
            Words(f"用户名“{sign_in}”已有人使用。", f"The sign-in “{sign_in}” is taken."),
            field="sign_in",
        )
    staff = Staff(sign_in=sign_in, name=name, password_hash=_hasher().hash(password))
    session.add(staff)
    session.flush()
    for role, unit_id in roles:
        if session.get(Unit, unit_id) is None:
            raise NotFound(
                "unit-unknown",
                Words("没有这个机构。", "There is no such unit."),
                field="unit",
            )
        session.add(StaffRole(staff_id=staff.id, unit_id=unit_id, role=role.value))
    session.flush()
    audit.record(
        session,
        actor=actor,
        action="staff_added",
        subject=("staff", staff.id),
        after={"roles": [[role.value, str(unit_id)] for role, unit_id in roles]},
    )
    return staff


def add_token(
    session: Session, *, staff_id: UUID, actor: audit.Actor = audit.OPERATOR
) -> tuple[StaffToken, str]:
    """Make an API token; returns its row and the token itself, which is shown only now."""
    token = new_token(TOKEN_PREFIX)
    row = StaffToken(staff_id=staff_id, token_hash=token_hash(token))
    session.add(row)
    session.flush()
    audit.record(session, actor=actor, action="staff_token_added", subject=("staff_token", row.id))
    return row, token


def signed_in_as(session: Session, *, staff_id: UUID) -> SignedIn | None:
    """Return the person with the roles they hold now; None when they may no longer come in."""
    staff = session.get(Staff, staff_id)
    if staff is None or not staff.is_active:
        return None
    rows = session.execute(
        select(StaffRole.role, Unit)
        .join(Unit, Unit.id == StaffRole.unit_id)
        .where(StaffRole.staff_id == staff_id)
        .order_by(Unit.path, StaffRole.role)
    )
    held = tuple(
        HeldRole(Role(role), unit.id, unit.path, unit.name, unit.division_code)
        for role, unit in rows
    )
    return SignedIn(staff.id, staff.name, held)


def normal_sign_in(text: str) -> str:
    """Return a sign-in as it is stored: without spaces around it, in small letters."""
    return text.strip().casefold()


def find_credentials(session: Session, *, sign_in: str) -> Credentials | None:
    """Return what a password is tried against, for a sign-in in its stored form."""
    row = session.execute(
        select(Staff.id, Staff.password_hash).where(Staff.sign_in == sign_in)
    ).one_or_none()
    return Credentials(*row) if row else None


def password_matches(password_hash: str | None, password: str) -> bool:
    """Whether the password is right; takes as long for an unknown name (None) as for a known one.

    It holds a processor for some 50 ms: call it outside of a transaction.
    """
    try:
        return _hasher().verify(password_hash or _nobodys_hash(), password) and bool(password_hash)
    except (VerificationError, InvalidHashError):
        return False


def settle_attempt(
    session: Session, *, staff_id: UUID, password: str, matches: bool, now: datetime
) -> Staff | None:
    """Count one attempt to sign in; returns the person when they may come in.

    Five failures lock the account for fifteen minutes, and while it is locked the
    right password opens nothing either. The caller must commit also for None.
    """
    staff = session.scalars(
        select(Staff)
        .where(Staff.id == staff_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    locked = staff.locked_until is not None and staff.locked_until > now
    if locked or not staff.is_active:
        return None
    if not matches:
        _count_failure(session, staff, now)
        return None
    staff.failed_attempts, staff.locked_until = 0, None
    if _hasher().check_needs_rehash(staff.password_hash):
        staff.password_hash = _hasher().hash(password)
    audit.record(
        session,
        actor=audit.Actor("staff", staff.id),
        action="signed_in",
        subject=("staff", staff.id),
    )
    return staff


def _count_failure(session: Session, staff: Staff, now: datetime) -> None:
    staff.failed_attempts += 1
    if staff.failed_attempts < FAILURES_ALLOWED:
        return
    # After the lock the count begins anew, so that one slip does not lock again at once.
    staff.failed_attempts, staff.locked_until = 0, now + LOCKED_FOR
    audit.record(
        session,
        actor=audit.Actor("staff", staff.id),
        action="sign_in_locked",
        subject=("staff", staff.id),
        after={"until": staff.locked_until.isoformat()},
    )


def _check_account(sign_in: str, name: str, password: str) -> None:
    if not 2 <= len(sign_in) <= 80 or not sign_in.isprintable() or " " in sign_in:
        raise InvalidInput(
            "sign-in-invalid",
            Words("用户名须为 2 到 80 个字符，不含空格。", "A sign-in has 2 to 80 characters, no "
                  "spaces."),
            field="sign_in",
        )  # fmt: skip
    if not 1 <= len(name) <= 80 or not name.isprintable():
        raise InvalidInput(
            "name-invalid",
            Words("姓名须为 1 到 80 个字符。", "A name has 1 to 80 characters."),
            field="name",
        )
    if len(password) not in PASSWORD_LENGTHS or password.casefold() == sign_in:
        raise InvalidInput(
            "password-weak",
            Words(
                "密码须为 10 到 200 个字符，且不能与用户名相同。",
                "A password has 10 to 200 characters and differs from the sign-in.",
            ),
            field="password",
        )


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobodys_hash() -> str:
    """Return a hash that costs as much to try as anybody's, for names that nobody has."""
    return _hasher().hash("nobody has this password")

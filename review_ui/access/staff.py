"""Staff accounts: who they are, what they may do where, and each attempt to come in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from review_ui.access.passwords import check_password, hash_password, needs_new_hash
from schemas import audit
from schemas.access import RIGHTS, Right, Role
from schemas.database import now_utc
from schemas.errors import Conflict, InvalidInput, NotFound
from schemas.tables import Staff, StaffRole, Unit
from schemas.words import Words

FAILURES_ALLOWED = 5
LOCKED_FOR = timedelta(minutes=15)


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
    _check_account(sign_in, name)
    check_password(password, sign_in=sign_in)
    if session.scalar(select(Staff.id).where(Staff.sign_in == sign_in)):
        raise Conflict(
            "sign-in-taken",
            Words(f"用户名“{sign_in}”已有人使用。", f"The sign-in “{sign_in}” is taken."),
            field="sign_in",
        )
    staff = Staff(
        sign_in=sign_in,
        name=name,
        password_hash=hash_password(password),
        password_changed_at=now_utc(),
    )
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


def settle_attempt(
    session: Session, *, staff_id: UUID, password: str, matches: bool, now: datetime
) -> Staff | None:
    """Count one attempt with a password; returns the person when the next question may follow.

    Five failures lock the account for fifteen minutes, and while it is locked the
    right password opens nothing either. The caller must commit also for None.
    """
    staff = lock_account(session, staff_id=staff_id, now=now)
    if staff is None:
        return None
    if not matches:
        count_failure(session, staff=staff, now=now)
        return None
    if needs_new_hash(staff.password_hash):
        staff.password_hash = hash_password(password)
    # With a second factor only its code forgets failures: whoever knows the password
    # could else guess at codes for ever, with the right password in between.
    if staff.sealed_totp is None:
        come_in(session, staff=staff)
    return staff


def find_password(session: Session, *, staff_id: UUID) -> str:
    """Return the hash that somebody's own password is tried against."""
    return session.scalars(select(Staff.password_hash).where(Staff.id == staff_id)).one()


def confirm_password(session: Session, *, staff_id: UUID, matches: bool, now: datetime) -> bool:
    """Count a password asked again before the account is changed; says whether it may be.

    Whoever found an open session must not guess here for ever: a wrong one counts
    towards the lock as at sign-in. The caller must commit also for False.
    """
    staff = lock_account(session, staff_id=staff_id, now=now)
    if staff is not None and not matches:
        count_failure(session, staff=staff, now=now)
    return staff is not None and matches


def lock_account(session: Session, *, staff_id: UUID, now: datetime) -> Staff | None:
    """Return the account, locked in the database for this transaction, to settle an attempt.

    None when it can't be entered now: not active, or locked after failures.
    """
    staff = session.scalars(
        select(Staff)
        .where(Staff.id == staff_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    is_locked = staff.locked_until is not None and staff.locked_until > now
    return None if is_locked or not staff.is_active else staff


def come_in(session: Session, *, staff: Staff, by: str = "password") -> None:
    """Forget earlier failures and note that the person came in, by what."""
    staff.failed_attempts, staff.locked_until = 0, None
    audit.record(
        session,
        actor=audit.Actor("staff", staff.id),
        action="signed_in",
        subject=("staff", staff.id),
        after={"by": by},
    )


def count_failure(session: Session, *, staff: Staff, now: datetime) -> None:
    """Count a wrong password or code; the fifth in a row locks the account."""
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


def set_password(
    session: Session, *, staff: Staff, password: str, now: datetime, actor: audit.Actor
) -> None:
    """Give someone a new password; the caller ends the sessions that the old one opened.

    Raises InvalidInput `password-weak` or `password-common`.
    """
    check_password(password, sign_in=staff.sign_in)
    staff.password_hash, staff.password_changed_at = hash_password(password), now
    staff.failed_attempts, staff.locked_until = 0, None
    audit.record(session, actor=actor, action="password_changed", subject=("staff", staff.id))


def _check_account(sign_in: str, name: str) -> None:
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

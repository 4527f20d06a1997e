"""What an administrator does with the staff of the own tree; every change is in the audit log.

Somebody is of the tree when they hold a role at a unit in it. The account itself
(active or not, links, second factor, sessions, tokens) is managed only by who is
over every one of its roles: else a county's administrator could come in with the
roles that the nation gave. Nobody manages their own account here.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from intake.doorway import not_found
from review_ui.access import factors, invitations, sessions, tokens
from review_ui.access.staff import SignedIn, add_staff
from schemas import audit
from schemas.access import Right, Role
from schemas.errors import Conflict, NotAllowed
from schemas.tables import Staff, StaffRole, Unit
from schemas.units import below
from schemas.words import Words

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class RoleHere:
    """A role that someone holds in the administrator's tree."""

    role_id: UUID
    role: Role
    unit: Unit


@dataclass(frozen=True, slots=True)
class Managed:
    """Someone of the administrator's tree; `is_whole` when the account itself is theirs too."""

    staff: Staff
    roles: tuple[RoleHere, ...]
    is_whole: bool
    is_self: bool


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """A page of the staff, by sign-in; `next_after` is where the next one begins."""

    people: tuple[Managed, ...]
    next_after: str | None


def list_people(
    session: Session, *, admin: SignedIn, words: str = "", after: str = ""
) -> PeoplePage:
    """Return the staff of the tree, found by a part of name or sign-in if `words` are given."""
    statement = select(Staff).where(Staff.id.in_(_of_tree(admin)), Staff.sign_in > after)
    if words:
        statement = statement.where(
            Staff.sign_in.contains(words.casefold(), autoescape=True)
            | Staff.name.contains(words, autoescape=True)
        )
    found = session.scalars(statement.order_by(Staff.sign_in).limit(PAGE_SIZE + 1)).all()
    people = _managed(session, admin, found[:PAGE_SIZE])
    return PeoplePage(people, people[-1].staff.sign_in if len(found) > PAGE_SIZE else None)


def find_person(session: Session, *, admin: SignedIn, staff_id: UUID) -> Managed:
    """Return someone of the tree; raises NotFound for everybody else, who do not exist here."""
    staff = session.scalars(
        select(Staff).where(Staff.id == staff_id, Staff.id.in_(_of_tree(admin)))
    ).one_or_none()
    if staff is None:
        raise not_found()
    return _managed(session, admin, [staff])[0]


def add_person(
    session: Session,
    *,
    admin: SignedIn,
    sign_in: str,
    name: str,
    role: Role,
    unit: Unit,
    now: datetime,
) -> tuple[Staff, str]:
    """Add someone with a role; returns the row and the token of the link that sets a password.

    Raises what `add_staff` raises. Until the link is used nobody knows the password.
    """
    staff = add_staff(
        session,
        sign_in=sign_in,
        name=name,
        password=secrets.token_urlsafe(32),
        roles=[(role, unit.id)],
        actor=_actor(admin),
    )
    staff.password_changed_at = None
    token = invitations.make_link(session, staff_id=staff.id, now=now, actor=_actor(admin))
    return staff, token


def give_role(
    session: Session, *, admin: SignedIn, managed: Managed, role: Role, unit: Unit
) -> None:
    """Give someone a role at a unit of the tree; raises Conflict `role-held` if they have it."""
    _refuse_own(managed)
    if any(held.role is role and held.unit.id == unit.id for held in managed.roles):
        raise Conflict(
            "role-held",
            Words("此人在该机构已有这个角色。", "They hold this role at that unit already."),
            field="role",
        )
    session.add(StaffRole(staff_id=managed.staff.id, unit_id=unit.id, role=role.value))
    audit.record(
        session,
        actor=_actor(admin),
        action="role_given",
        subject=("staff", managed.staff.id),
        after={"role": role.value, "unit_id": str(unit.id)},
    )


def take_role(session: Session, *, admin: SignedIn, managed: Managed, role_id: UUID) -> None:
    """Take a role of the tree from someone.

    Raises NotFound when they do not hold it here, Conflict `last-role` for the last one.
    """
    _refuse_own(managed)
    held = next((each for each in managed.roles if each.role_id == role_id), None)
    if held is None:
        raise not_found()
    if managed.is_whole and len(managed.roles) == 1:
        raise Conflict(
            "last-role",
            Words(
                "这是此人的最后一个角色。如不再工作，请停用帐号。",
                "This is their last role: deactivate the account instead.",
            ),
        )
    session.delete(session.get_one(StaffRole, role_id))
    audit.record(
        session,
        actor=_actor(admin),
        action="role_taken",
        subject=("staff", managed.staff.id),
        before={"role": held.role.value, "unit_id": str(held.unit.id)},
    )


def set_active(
    session: Session, *, admin: SignedIn, managed: Managed, is_active: bool, now: datetime
) -> None:
    """Let someone in again, or no longer: every session ends, no token opens anything."""
    staff = _whole(managed)
    before, staff.is_active = staff.is_active, is_active
    if not is_active:
        sessions.end_all_sessions(session, staff_id=staff.id, now=now, actor=_actor(admin))
    audit.record(
        session,
        actor=_actor(admin),
        action="staff_activated" if is_active else "staff_deactivated",
        subject=("staff", staff.id),
        before={"is_active": before},
        after={"is_active": is_active},
    )


def make_link(session: Session, *, admin: SignedIn, managed: Managed, now: datetime) -> str:
    """Return the token of a new link by which they set a password."""
    staff = _whole(managed)
    return invitations.make_link(session, staff_id=staff.id, now=now, actor=_actor(admin))


def reset_factor(session: Session, *, admin: SignedIn, managed: Managed, now: datetime) -> None:
    """Take the second factor away from someone who lost it, and end their sessions."""
    staff = _whole(managed)
    factors.remove_factor(session, staff=staff, actor=_actor(admin))
    sessions.end_all_sessions(session, staff_id=staff.id, now=now, actor=_actor(admin))


def end_sessions(session: Session, *, admin: SignedIn, managed: Managed, now: datetime) -> None:
    """End every session of someone."""
    staff = _whole(managed)
    sessions.end_all_sessions(session, staff_id=staff.id, now=now, actor=_actor(admin))


def issue_token(
    session: Session,
    *,
    admin: SignedIn,
    managed: Managed,
    name: str,
    role: Role | None,
    unit: Unit | None,
) -> str:
    """Return a new API token of someone, narrowed to a role or a unit if given."""
    _, token = tokens.add_token(
        session,
        staff_id=_whole(managed).id,
        name=name,
        role=role,
        unit_id=unit.id if unit else None,
        actor=_actor(admin),
    )
    return token


def revoke(
    session: Session, *, admin: SignedIn, managed: Managed, token_id: UUID, now: datetime
) -> None:
    """Revoke an API token of someone; raises NotFound when it is none of theirs."""
    staff = _whole(managed)
    if not tokens.revoke_token(
        session, token_id=token_id, staff_id=staff.id, now=now, actor=_actor(admin)
    ):
        raise not_found()


def _of_tree(admin: SignedIn) -> Select[UUID]:
    return select(StaffRole.staff_id).where(
        below(StaffRole.unit_id, admin.paths(Right.MANAGE_STAFF))
    )


def _managed(session: Session, admin: SignedIn, people: Sequence[Staff]) -> tuple[Managed, ...]:
    rows = session.execute(
        select(StaffRole, Unit)
        .join(Unit, Unit.id == StaffRole.unit_id)
        .where(StaffRole.staff_id.in_([staff.id for staff in people]))
        .order_by(Unit.path, StaffRole.role)
    ).all()
    paths = admin.paths(Right.MANAGE_STAFF)
    managed = []
    for staff in people:
        held = [(role, unit) for role, unit in rows if role.staff_id == staff.id]
        here = tuple(
            RoleHere(role.id, Role(role.role), unit)
            for role, unit in held
            if unit.path.startswith(paths)
        )
        is_self = staff.id == admin.staff_id
        managed.append(Managed(staff, here, len(here) == len(held) and not is_self, is_self))
    return tuple(managed)


def _refuse_own(managed: Managed) -> None:
    if managed.is_self:
        raise NotAllowed(
            "own-account",
            Words(
                "不能给自己设置角色或管理自己的帐号，请由另一位管理员办理。",
                "Nobody sets their own roles or manages their own account here: ask another "
                "administrator.",
            ),
        )


def _whole(managed: Managed) -> Staff:
    """Return the account; raises NotAllowed when it is the own, or has roles elsewhere."""
    _refuse_own(managed)
    if not managed.is_whole:
        raise NotAllowed(
            "account-elsewhere",
            Words(
                "此人在您管辖以外还有角色，帐号由管辖范围覆盖其全部角色的管理员管理。",
                "They hold roles outside your area as well: the account is managed by an "
                "administrator who is over all of them.",
            ),
        )
    return managed.staff


def _actor(admin: SignedIn) -> audit.Actor:
    return audit.Actor("staff", admin.staff_id)

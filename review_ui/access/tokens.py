"""API tokens of staff: for programs, shown once, kept as hashes, narrowed, revocable.

A token never does more than its holder does now: a role that was taken from the
person is gone from their tokens at the same moment.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from review_ui.access.staff import HeldRole, SignedIn, signed_in_as
from schemas import audit
from schemas.access import Role
from schemas.errors import InvalidInput
from schemas.sealing import new_token, token_hash
from schemas.tables import StaffToken, Unit
from schemas.words import Words

TOKEN_PREFIX = "staff"  # noqa: S105 - what a token begins with, not a token
NAME_LENGTHS = range(1, 81)
SEEN_EVERY = timedelta(minutes=5)


def add_token(
    session: Session,
    *,
    staff_id: UUID,
    name: str = "",
    role: Role | None = None,
    unit_id: UUID | None = None,
    actor: audit.Actor = audit.OPERATOR,
) -> tuple[StaffToken, str]:
    """Make an API token; returns its row and the token itself, which is shown only now.

    With `role` or `unit_id` it carries that role, or that unit's tree, alone. Raises
    InvalidInput `token-name-invalid`, or `token-scope-empty` when the person holds nothing of it.
    """
    name = " ".join(name.split())
    if name and (len(name) not in NAME_LENGTHS or not name.isprintable()):
        raise InvalidInput(
            "token-name-invalid",
            Words("名称最多 80 个字符。", "A name has up to 80 characters."),
            field="name",
        )
    row = StaffToken(
        staff_id=staff_id,
        token_hash="",
        name=name or None,
        role=role.value if role else None,
        unit_id=unit_id,
    )
    if (role or unit_id) and not _narrowed(session, row).held:
        raise InvalidInput(
            "token-scope-empty",
            Words(
                "持有人在这个机构没有这个角色，令牌将什么也做不了。",
                "The holder has no such role at that unit; the token could do nothing.",
            ),
            field="unit",
        )
    token = new_token(TOKEN_PREFIX)
    row.token_hash = token_hash(token)
    session.add(row)
    session.flush()
    audit.record(
        session,
        actor=actor,
        action="staff_token_added",
        subject=("staff_token", row.id),
        after={
            "staff_id": str(staff_id),
            "role": row.role,
            "unit_id": str(unit_id) if unit_id else None,
        },
    )
    return row, token


def find_token(session: Session, *, token: str) -> SignedIn | None:
    """Return whose API token this is, with what it carries; None when unknown or revoked."""
    found = find_token_row(session, token=token)
    return found[1] if found else None


def find_token_row(session: Session, *, token: str) -> tuple[StaffToken, SignedIn] | None:
    """Return the row of an API token and who comes with it; None when unknown or revoked."""
    row = session.scalars(
        select(StaffToken).where(
            StaffToken.token_hash == token_hash(token), StaffToken.revoked_at.is_(None)
        )
    ).one_or_none()
    if row is None or signed_in_as(session, staff_id=row.staff_id) is None:
        return None
    return row, _narrowed(session, row)


def is_due_a_glance(row: StaffToken, *, now: datetime) -> bool:
    """Whether it is time to write down that the token is in use."""
    return row.seen_at is None or now - row.seen_at >= SEEN_EVERY


def note_seen(session: Session, *, token_id: UUID, now: datetime) -> None:
    """Write down that the token is in use, so that one nobody needs can be told."""
    session.execute(update(StaffToken).where(StaffToken.id == token_id).values(seen_at=now))


def tokens_of(session: Session, *, staff_id: UUID) -> list[tuple[StaffToken, Unit | None]]:
    """Return someone's tokens that still open something, the newest first, with their units."""
    rows = session.execute(
        select(StaffToken, Unit)
        .outerjoin(Unit, Unit.id == StaffToken.unit_id)
        .where(StaffToken.staff_id == staff_id, StaffToken.revoked_at.is_(None))
        .order_by(StaffToken.id.desc())
    )
    return [(token, unit) for token, unit in rows]


def revoke_token(
    session: Session,
    *,
    token_id: UUID,
    now: datetime,
    staff_id: UUID | None = None,
    actor: audit.Actor = audit.OPERATOR,
) -> bool:
    """Revoke an API token, of `staff_id` alone if given; says whether there was one to revoke."""
    condition = (StaffToken.id == token_id) & StaffToken.revoked_at.is_(None)
    if staff_id is not None:
        condition &= StaffToken.staff_id == staff_id
    revoked = session.execute(
        update(StaffToken).where(condition).values(revoked_at=now).returning(StaffToken.id)
    ).all()
    if revoked:
        audit.record(
            session, actor=actor, action="staff_token_revoked", subject=("staff_token", token_id)
        )
    return bool(revoked)


def _narrowed(session: Session, row: StaffToken) -> SignedIn:
    """Return the token's holder with no more than the token carries; with no role if they left."""
    person = signed_in_as(session, staff_id=row.staff_id)
    if person is None:
        return SignedIn(row.staff_id, "", ())
    unit = session.get_one(Unit, row.unit_id) if row.unit_id else None
    held = (_within(each, unit) for each in person.held if row.role in (None, each.role.value))
    return replace(person, held=tuple(each for each in held if each))


def _within(held: HeldRole, unit: Unit | None) -> HeldRole | None:
    """Return a role as far as it lies in a unit's tree; None when it lies outside."""
    if unit is None or held.unit_path.startswith(unit.path):
        return held
    if unit.path.startswith(held.unit_path):
        return HeldRole(held.role, unit.id, unit.path, unit.name, unit.division_code)
    return None

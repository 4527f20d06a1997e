"""Links by which someone sets a password once: for a new account, or a forgotten password.

An administrator hands the link over and never learns the password. It is random,
kept as a hash, good once and for three days.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from review_ui.access.sessions import end_all_sessions
from review_ui.access.staff import set_password
from schemas import audit
from schemas.errors import InvalidInput, NotFound
from schemas.sealing import new_token, token_hash
from schemas.tables import Staff, StaffLink
from schemas.words import Words

GOOD_FOR = timedelta(days=3)


def make_link(session: Session, *, staff_id: UUID, now: datetime, actor: audit.Actor) -> str:
    """Make a link's token, which ends all earlier ones of the person; it is shown only now."""
    _end_links(session, staff_id, now)
    token = new_token("link")
    session.add(
        StaffLink(staff_id=staff_id, token_hash=token_hash(token), expires_at=now + GOOD_FOR)
    )
    audit.record(session, actor=actor, action="sign_in_link_made", subject=("staff", staff_id))
    return token


def find_link(session: Session, *, token: str, now: datetime) -> Staff | None:
    """Return whose link this is; None when it is unknown, used, too old or they left."""
    return session.scalars(
        select(Staff)
        .join(StaffLink, StaffLink.staff_id == Staff.id)
        .where(
            StaffLink.token_hash == token_hash(token),
            StaffLink.ended_at.is_(None),
            StaffLink.expires_at > now,
            Staff.is_active,
        )
    ).one_or_none()


def use_link(session: Session, *, token: str, password: str, again: str, now: datetime) -> Staff:
    """Set the password by a link and use the link up; every session of the person ends.

    Raises NotFound `link-ended`, InvalidInput `password-differs`, `password-weak` or
    `password-common`.
    """
    staff_id = session.scalar(
        update(StaffLink)
        .where(
            StaffLink.token_hash == token_hash(token),
            StaffLink.ended_at.is_(None),
            StaffLink.expires_at > now,
        )
        .values(ended_at=now)
        .returning(StaffLink.staff_id)
    )
    staff = session.get(Staff, staff_id) if staff_id else None
    if staff is None or not staff.is_active:
        raise NotFound("link-ended", Words("这个链接已失效。", "This link is no longer good."))
    same_twice(password, again)
    actor = audit.Actor("staff", staff.id)
    set_password(session, staff=staff, password=password, now=now, actor=actor)
    end_all_sessions(session, staff_id=staff.id, now=now, actor=actor)
    return staff


def same_twice(password: str, again: str) -> None:
    """Raise InvalidInput `password-differs` unless both are the same."""
    if password != again:
        raise InvalidInput(
            "password-differs",
            Words("两次输入的密码不一样。", "The two passwords differ."),
            field="again",
        )


def _end_links(session: Session, staff_id: UUID, now: datetime) -> None:
    session.execute(
        update(StaffLink)
        .where(StaffLink.staff_id == staff_id, StaffLink.ended_at.is_(None))
        .values(ended_at=now)
    )

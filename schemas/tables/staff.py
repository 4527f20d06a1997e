"""Staff: sign-in, second factor, roles at units, sessions, sign-in links and API tokens."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base, new_id, now_utc


class Staff(Base):
    """Someone who works in the inspectors' room; the password is an argon2id hash.

    `sealed_totp` is the sealed secret of a confirmed second factor, and
    `totp_last_step` the time step of the last code that was taken: no code up to it
    is taken again (RFC 6238 §5.2).
    """

    __tablename__ = "staff"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    sign_in: Mapped[str] = mapped_column(String(80), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    password_hash: Mapped[str] = mapped_column(String(200))
    failed_attempts: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=now_utc)
    password_changed_at: Mapped[datetime | None]
    sealed_totp: Mapped[bytes | None]
    totp_since: Mapped[datetime | None]
    totp_last_step: Mapped[int | None] = mapped_column(BigInteger)


class StaffRecoveryCode(Base):
    """A code that opens the door once when the phone is lost, kept as a hash."""

    __tablename__ = "staff_recovery_codes"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None]


class StaffLink(Base):
    """A link by which someone sets a password once, kept as a hash, shown once."""

    __tablename__ = "staff_links"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class StaffRole(Base):
    """A role held at a unit, reaching down that unit's tree."""

    __tablename__ = "staff_roles"
    __table_args__ = (UniqueConstraint("staff_id", "unit_id", "role"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("units.id"), index=True)
    role: Mapped[str] = mapped_column(String(20))


class StaffSession(Base):
    """A signed-in browser, kept on the server so that it can be ended from here.

    `awaits` says what is still asked before it opens anything: a second factor's
    code, or that one is set up. `browser` is the family only, such as Firefox.
    """

    __tablename__ = "staff_sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now_utc)
    seen_at: Mapped[datetime] = mapped_column(default=now_utc)
    ended_at: Mapped[datetime | None]
    awaits: Mapped[str | None] = mapped_column(String(20))
    browser: Mapped[str | None] = mapped_column(String(40))


class StaffToken(Base):
    """An API token of a staff member, kept as a hash, shown once, revocable.

    With `role` or `unit_id` it does only what its holder does in that role, or in
    that unit's tree.
    """

    __tablename__ = "staff_tokens"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now_utc)
    revoked_at: Mapped[datetime | None]
    name: Mapped[str | None] = mapped_column(String(80))
    role: Mapped[str | None] = mapped_column(String(20))
    unit_id: Mapped[UUID | None] = mapped_column(ForeignKey("units.id"))
    seen_at: Mapped[datetime | None]

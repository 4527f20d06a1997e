"""The audit log: what was changed, by whom, from what to what; and its hash chain."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base, new_id, now_utc


class AuditEntry(Base):
    """One change, written in the change's own transaction; the database refuses to alter it.

    `actor_kind`: rider, anonymous, staff, pipeline, operator. Personal data never
    stands here; ids do.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        # The auditor reads newest first, by what was done or by who did it.
        Index("ix_audit_entries_action", "action", "id"),
        Index("ix_audit_entries_actor", "actor_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    recorded_at: Mapped[datetime] = mapped_column(default=now_utc)
    actor_kind: Mapped[str] = mapped_column(String(12))
    actor_id: Mapped[UUID | None]
    action: Mapped[str] = mapped_column(String(40))
    subject_kind: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[UUID] = mapped_column(index=True)
    before: Mapped[dict[str, Any]] = mapped_column(default=dict)
    after: Mapped[dict[str, Any]] = mapped_column(default=dict)
    request_id: Mapped[str | None] = mapped_column(String(64))


class AuditSeal(Base):
    """One link of the chain: the entry's hash together with the link before it."""

    __tablename__ = "audit_seals"

    sequence: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False
    )
    entry_id: Mapped[UUID] = mapped_column(ForeignKey("audit_entries.id"), unique=True)
    previous_hash: Mapped[str] = mapped_column(String(64))
    entry_hash: Mapped[str] = mapped_column(String(64))
    sealed_at: Mapped[datetime] = mapped_column(default=now_utc)


class AuditWaiting(Base):
    """An entry that is committed and not yet in the chain; the database itself puts it here.

    A trigger adds the row in the entry's own transaction and the sealer removes it
    with the link it makes. So what waits is exact, whenever a transaction commits.
    """

    __tablename__ = "audit_waiting"

    entry_id: Mapped[UUID] = mapped_column(ForeignKey("audit_entries.id"), primary_key=True)


class AuditVerification(Base):
    """One walk over the whole chain and what it found; a later walk must meet its head again."""

    __tablename__ = "audit_verifications"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    verified_at: Mapped[datetime] = mapped_column(default=now_utc)
    sealed: Mapped[int] = mapped_column(BigInteger)
    head: Mapped[str] = mapped_column(String(64))
    fault: Mapped[str | None] = mapped_column(String(40))
    fault_sequence: Mapped[int | None] = mapped_column(BigInteger)

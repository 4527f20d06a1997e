"""Statutory rewards: applications, and a ledger in fen of its own, in double entry."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base, new_id, now_utc


class RewardClaim(Base):
    """A rider's application for a statutory reward; at most one a case.

    `status` is a code of schemas.statutory.ClaimStatus, `rule` the code of the rule of the
    day on which the case was closed. `base_fen` is fine and confiscation together as the
    decision had them at the application. `amount_fen` stands once it was approved.
    """

    __tablename__ = "reward_claims"
    __table_args__ = (
        CheckConstraint("base_fen >= 0", name="base_not_negative"),
        CheckConstraint("amount_fen IS NULL OR amount_fen > 0", name="amount_positive"),
        Index("ix_reward_claims_unit", "unit_id", "status", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), unique=True)
    report_id: Mapped[UUID] = mapped_column(ForeignKey("reports.id"))
    rider_id: Mapped[UUID] = mapped_column(ForeignKey("riders.id"), index=True)
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("units.id"))
    rule: Mapped[str] = mapped_column(String(24))
    base_fen: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(String(8))
    applied_at: Mapped[datetime] = mapped_column(default=now_utc)
    grade: Mapped[int | None] = mapped_column(Integer)
    amount_fen: Mapped[int | None] = mapped_column(BigInteger)
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    reason: Mapped[str] = mapped_column(Text, default="")
    document_number: Mapped[str | None] = mapped_column(String(80))
    paid_on: Mapped[date | None]
    paid_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))


class RewardEntry(Base):
    """Money of a claim that went from one account to another; never altered.

    `key` says what it was for, so that the same thing done twice is one entry.
    """

    __tablename__ = "reward_entries"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="amount_positive"),
        CheckConstraint("from_account <> to_account", name="two_accounts"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    key: Mapped[str] = mapped_column(String(80), unique=True)
    claim_id: Mapped[UUID] = mapped_column(ForeignKey("reward_claims.id"), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    from_account: Mapped[str] = mapped_column(String(8))
    to_account: Mapped[str] = mapped_column(String(8))
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    actor_kind: Mapped[str] = mapped_column(String(12))
    actor_id: Mapped[UUID | None]
    posted_at: Mapped[datetime] = mapped_column(default=now_utc)

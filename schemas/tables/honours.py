"""Thanks beside the points: supplies that were given, lists of honour, and who may be named."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base, new_id, now_utc


class Supply(Base):
    """Supplies that an office gave an outstanding rider (慰问物资), who is an account and no more.

    What was written by mistake is cancelled with a reason, never altered or removed.
    """

    __tablename__ = "supplies"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        Index("ix_supplies_unit", "unit_id", "given_on"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("point_accounts.id"), index=True)
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("units.id"))
    title: Mapped[str] = mapped_column(String(80))
    quantity: Mapped[int] = mapped_column(Integer)
    occasion: Mapped[str] = mapped_column(String(120), default="")
    given_on: Mapped[date]
    made_by: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime] = mapped_column(default=now_utc)
    cancelled_at: Mapped[datetime | None]
    cancelled_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    reason: Mapped[str] = mapped_column(Text, default="")


class HonourRoll(Base):
    """A list of honour (光荣榜) that a unit published for a period; taken down, never altered."""

    __tablename__ = "honour_rolls"
    __table_args__ = (
        Index(
            "uq_honour_rolls_standing",
            "unit_id",
            "period",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("units.id"))
    period: Mapped[str] = mapped_column(String(8))
    made_by: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime] = mapped_column(default=now_utc)
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))


class HonourPlace(Base):
    """An account on a list of honour."""

    __tablename__ = "honour_places"

    roll_id: Mapped[UUID] = mapped_column(ForeignKey("honour_rolls.id"), primary_key=True)
    account_id: Mapped[UUID] = mapped_column(
        ForeignKey("point_accounts.id"), primary_key=True, index=True
    )


class HonourConsent(Base):
    """A rider's consent to be named on lists of honour, in one version of its words.

    At most one stands per rider. It is withdrawn, never deleted (PIPL art. 14 to 16); the
    name itself goes with the withdrawal.
    """

    __tablename__ = "honour_consents"
    __table_args__ = (
        Index(
            "uq_honour_consents_standing",
            "rider_id",
            unique=True,
            sqlite_where=text("withdrawn_at IS NULL"),
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    rider_id: Mapped[UUID] = mapped_column(ForeignKey("riders.id"))
    version: Mapped[str] = mapped_column(String(10))
    sealed_name: Mapped[bytes] = mapped_column(LargeBinary)
    given_at: Mapped[datetime] = mapped_column(default=now_utc)
    withdrawn_at: Mapped[datetime | None]

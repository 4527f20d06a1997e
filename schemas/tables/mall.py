"""The points mall (积分商城): what stations offer for points, and what riders took for them."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base, new_id, now_utc


class PointOffer(Base):
    """Something that a station gives for points, so many times, from a day to a day.

    `taken` counts what is held for a rider or was collected; that it never passes `stock`
    is held by the database itself. `hold_days` is how long a rider has to collect it.
    `unit_id` is whose reward officers look after the offer.
    """

    __tablename__ = "point_offers"
    __table_args__ = (
        CheckConstraint("taken >= 0 AND taken <= stock", name="taken_within_stock"),
        CheckConstraint("price_points > 0", name="price_positive"),
        CheckConstraint("starts_on <= ends_on", name="days_in_order"),
        Index("ix_point_offers_open", "ended_at", "ends_on"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    station_id: Mapped[UUID] = mapped_column(ForeignKey("stations.id"))
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("units.id"))
    title: Mapped[str] = mapped_column(String(80))
    terms: Mapped[str] = mapped_column(Text, default="")
    price_points: Mapped[int] = mapped_column(Integer)
    stock: Mapped[int] = mapped_column(Integer)
    taken: Mapped[int] = mapped_column(Integer, default=0)
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    hold_days: Mapped[int] = mapped_column(Integer)
    made_by: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime] = mapped_column(default=now_utc)
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))


class PointRedemption(Base):
    """One piece held for a rider, who collects it with a code that is good once.

    `request_key` is of the rider's own request: the same one sent again is answered with
    the same piece. The code is found by its keyed digest; it stands sealed, for the
    rider's page, until the piece is collected or goes back. `status`: held, spent, returned.
    """

    __tablename__ = "point_redemptions"
    __table_args__ = (
        Index("uq_point_redemptions_request", "rider_id", "request_key", unique=True),
        Index("ix_point_redemptions_due", "status", "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    offer_id: Mapped[UUID] = mapped_column(ForeignKey("point_offers.id"), index=True)
    rider_id: Mapped[UUID] = mapped_column(ForeignKey("riders.id"))
    request_key: Mapped[UUID]
    points: Mapped[int] = mapped_column(Integer)
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    sealed_code: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[str] = mapped_column(String(8))
    made_at: Mapped[datetime] = mapped_column(default=now_utc)
    expires_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]

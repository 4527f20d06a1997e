"""Campaigns: shops to visit within a period, tasks, and whom they were offered to.

Which rider has a task stands in `campaign_tasks.rider_id` alone, and which tip came of it
in `campaign_tips` alone: no page of the room reads either of the two for a single task.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, Integer, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base, new_id, now_utc


class Campaign(Base):
    """Visits that a unit asks of appointed supervisors, from a local day to a local day.

    `kind` is a code of schemas.campaigns.CampaignKind. A period is never altered: a
    campaign is closed and another made.
    """

    __tablename__ = "campaigns"
    __table_args__ = (
        CheckConstraint("starts_on <= ends_on", name="days_in_order"),
        Index("ix_campaigns_unit", "unit_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("units.id"))
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(80))
    purpose: Mapped[str] = mapped_column(Text, default="")
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    made_by: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime] = mapped_column(default=now_utc)
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    close_reason: Mapped[str] = mapped_column(Text, default="")


class CampaignShop(Base):
    """A shop to visit; latitude and longitude are WGS-84 degrees, where they are known.

    `is_square` says that a square of the map of risk is meant, whose middle they are.
    """

    __tablename__ = "campaign_shops"
    __table_args__ = (Index("uq_campaign_shops", "campaign_id", "position", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaigns.id"))
    position: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(String(300), default="")
    latitude: Mapped[float | None] = mapped_column(Float(53))
    longitude: Mapped[float | None] = mapped_column(Float(53))
    is_square: Mapped[bool] = mapped_column(default=False, server_default=false())


class CampaignInvitation(Base):
    """A supervisor who was asked to take part; `accepted` is empty until they answer.

    The row goes with the rider's data.
    """

    __tablename__ = "campaign_invitations"
    __table_args__ = (
        Index("uq_campaign_invitations", "campaign_id", "rider_id", unique=True),
        Index("ix_campaign_invitations_rider", "rider_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaigns.id"))
    rider_id: Mapped[UUID] = mapped_column(ForeignKey("riders.id"))
    invited_at: Mapped[datetime] = mapped_column(default=now_utc)
    accepted: Mapped[bool | None]
    answered_at: Mapped[datetime | None]


class CampaignTask(Base):
    """One visit of one shop by one rider; a shop may have two, which different riders take.

    `status` is a code of schemas.campaigns.TaskState. `is_near` says whether the phone was
    at the shop; where it was is not kept.
    """

    __tablename__ = "campaign_tasks"
    __table_args__ = (
        Index("ix_campaign_tasks_campaign", "campaign_id", "status"),
        Index("ix_campaign_tasks_rider", "rider_id"),
        Index(
            "uq_campaign_tasks_rider",
            "shop_id",
            "rider_id",
            unique=True,
            sqlite_where=text("rider_id IS NOT NULL"),
            postgresql_where=text("rider_id IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaigns.id"))
    shop_id: Mapped[UUID] = mapped_column(ForeignKey("campaign_shops.id"))
    status: Mapped[str] = mapped_column(String(12))
    rider_id: Mapped[UUID | None] = mapped_column(ForeignKey("riders.id"))
    is_near: Mapped[bool | None]
    obstacle: Mapped[str | None] = mapped_column(String(12))
    rejection: Mapped[str | None] = mapped_column(String(12))
    rejected_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))


class CampaignEvent(Base):
    """What happened, for the bulletin: append-only, and it names no rider and no report.

    `kind` is a code of schemas.campaigns.EventKind. `due_at` is when the campaign's tasks
    are due: of its making the end of the period, of its closing that moment. `tasks` is
    how many it has.
    """

    __tablename__ = "campaign_events"
    __table_args__ = (
        Index("ix_campaign_events_occurred", "occurred_at"),
        Index("ix_campaign_events_recorded", "recorded_at"),
        Index("ix_campaign_events_due", "due_at"),
        Index("ix_campaign_events_campaign", "campaign_id", "kind"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaigns.id"))
    task_id: Mapped[UUID | None] = mapped_column(ForeignKey("campaign_tasks.id"), index=True)
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("units.id"))
    kind: Mapped[str] = mapped_column(String(12))
    due_at: Mapped[datetime | None]
    tasks: Mapped[int | None] = mapped_column(Integer)
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(default=now_utc)


class CampaignTip(Base):
    """The tip by which a task was done; append-only, and read as a sum over a campaign alone."""

    __tablename__ = "campaign_tips"

    task_id: Mapped[UUID] = mapped_column(ForeignKey("campaign_tasks.id"), primary_key=True)
    report_id: Mapped[UUID] = mapped_column(ForeignKey("reports.id"), unique=True)
    recorded_at: Mapped[datetime] = mapped_column(default=now_utc)

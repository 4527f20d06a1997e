"""News for riders: what waits to be told, what was told, and how it goes out of the house."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base, new_id, now_utc


class CaseNews(Base):
    """A case whose state or reports changed and whose reporters were not told yet.

    The database's own triggers put a row here in the change's transaction, whoever makes
    the change and whenever it commits; the clock removes it with the notices it writes.
    """

    __tablename__ = "case_news"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True
    )
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))


class ReportNews(Base):
    """How far a reporter was told of one department's handling: the last change and its state."""

    __tablename__ = "report_news"

    report_id: Mapped[UUID] = mapped_column(ForeignKey("reports.id"), primary_key=True)
    department: Mapped[str] = mapped_column(String(12), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    version: Mapped[int]
    state: Mapped[str] = mapped_column(String(14))


class Notice(Base):
    """One thing that a rider is told: a change of the public status, an answer, an invitation.

    `code` is a State, or a code of intake.notices. `rider_id` is empty for an anonymous
    report, whose holder reads it by the receipt code. The words are made when it is read.
    """

    __tablename__ = "notices"
    __table_args__ = (
        # The second guard beside ReportNews: one change is told to one reporter once.
        UniqueConstraint("report_id", "history_id"),
        Index("ix_notices_rider", "rider_id", "id"),
        # Nobody is asked twice to take part in one campaign.
        Index(
            "uq_notices_campaign",
            *("campaign_id", "rider_id"),
            unique=True,
            sqlite_where=text("campaign_id IS NOT NULL"),
            postgresql_where=text("campaign_id IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    rider_id: Mapped[UUID | None] = mapped_column(ForeignKey("riders.id"))
    report_id: Mapped[UUID | None] = mapped_column(ForeignKey("reports.id"))
    suggestion_id: Mapped[UUID | None] = mapped_column(ForeignKey("suggestions.id"), unique=True)
    campaign_id: Mapped[UUID | None] = mapped_column(ForeignKey("campaigns.id"))
    history_id: Mapped[UUID | None] = mapped_column(ForeignKey("case_history.id"))
    department: Mapped[str | None] = mapped_column(String(12))
    code: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(default=now_utc)
    read_at: Mapped[datetime | None]


class PushSubscription(Base):
    """A browser that wants to be woken (RFC 8030), of a rider or of one anonymous report.

    `owner_id` is the rider's id or the report's. The address and keys are sealed: whoever
    holds them can tell two of them to be one phone.
    """

    __tablename__ = "push_subscriptions"
    __table_args__ = (UniqueConstraint("owner_id", "endpoint_hash"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[UUID]
    endpoint_hash: Mapped[str] = mapped_column(String(64), index=True)
    sealed_subscription: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(default=now_utc)


class MessengerLink(Base):
    """A rider's opt-in to be told by a messenger: the token that the gateway knows them by."""

    __tablename__ = "messenger_links"

    rider_id: Mapped[UUID] = mapped_column(ForeignKey("riders.id"), primary_key=True)
    sealed_recipient: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(default=now_utc)


class Delivery(Base):
    """One notice on its way out by one channel: `push` or `webhook`.

    `target_id` is the subscription, or the rider whose messenger link it is. `id` is all
    that the other side learns and is the same on every attempt. `due_at` is empty once it
    is over; `outcome` is then sent, gone or failed. `last_error` is a short code.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("notice_id", "channel", "target_id"),
        Index("ix_deliveries_due", "due_at"),
        Index("ix_deliveries_outcome", "outcome", "ended_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    notice_id: Mapped[UUID] = mapped_column(ForeignKey("notices.id"))
    channel: Mapped[str] = mapped_column(String(8))
    target_id: Mapped[UUID] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now_utc)
    due_at: Mapped[datetime | None] = mapped_column(default=now_utc)
    outcome: Mapped[str | None] = mapped_column(String(8))
    last_error: Mapped[str | None] = mapped_column(String(40))
    ended_at: Mapped[datetime | None]


class Suggestion(Base):
    """What a rider suggests or asks for (微事我言), kept apart from tips, and the answer.

    The office sees the number's pseudonym only. `kind`: suggestion or request.
    """

    __tablename__ = "suggestions"
    __table_args__ = (
        UniqueConstraint("rider_id", "request_key"),
        Index("ix_suggestions_list", "answered_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    rider_id: Mapped[UUID] = mapped_column(ForeignKey("riders.id"))
    request_key: Mapped[UUID]
    kind: Mapped[str] = mapped_column(String(12))
    body: Mapped[str] = mapped_column(Text)
    received_at: Mapped[datetime] = mapped_column(default=now_utc)
    answer: Mapped[str | None] = mapped_column(Text)
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))

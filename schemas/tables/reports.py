"""Reports: what one rider sent, once, and never edited; and how far the pipeline is with it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base, new_id, now_utc


class Report(Base):
    """One submission by one rider: immutable evidence. `rider_id` is empty for an anonymous tip."""

    __tablename__ = "reports"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    receipt_hash: Mapped[str] = mapped_column(String(64), unique=True)
    rider_id: Mapped[UUID | None] = mapped_column(ForeignKey("riders.id"), index=True)
    categories: Mapped[list[str]]
    description: Mapped[str] = mapped_column(Text, default="")
    premises_name: Mapped[str] = mapped_column(String(200), default="")
    premises_address: Mapped[str] = mapped_column(String(300), default="")
    platform: Mapped[str] = mapped_column(String(80), default="")
    received_at: Mapped[datetime] = mapped_column(default=now_utc, index=True)


class Supplement(Base):
    """What a reporter added later: a text, photos (which point here), or both."""

    __tablename__ = "supplements"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    report_id: Mapped[UUID] = mapped_column(ForeignKey("reports.id"), index=True)
    description: Mapped[str] = mapped_column(Text, default="")
    received_at: Mapped[datetime] = mapped_column(default=now_utc)
    examined_at: Mapped[datetime | None]


class Withdrawal(Base):
    """The reporter took the report back; the case may go on, since the hazard may be real."""

    __tablename__ = "withdrawals"

    report_id: Mapped[UUID] = mapped_column(ForeignKey("reports.id"), primary_key=True)
    reason: Mapped[str] = mapped_column(Text, default="")
    withdrawn_at: Mapped[datetime] = mapped_column(default=now_utc)


class Claim(Base):
    """One statement of where or when, with its source; raw values stay beside the converted.

    `kind` place: source device_gps, map_pin, exif_gps, shop_address. `kind` time:
    source device_clock, exif_time, gps_time, sending_clock, server_receipt. Latitude and
    longitude are WGS-84 degrees; the raw pair is in `datum` as it was sent.
    """

    __tablename__ = "claims"
    __table_args__ = (CheckConstraint("kind in ('place', 'time')", name="kind_known"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    report_id: Mapped[UUID] = mapped_column(ForeignKey("reports.id"), index=True)
    photo_id: Mapped[UUID | None] = mapped_column(ForeignKey("photos.id"), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    source: Mapped[str] = mapped_column(String(20))
    raw_latitude: Mapped[float | None] = mapped_column(Float(53))
    raw_longitude: Mapped[float | None] = mapped_column(Float(53))
    datum: Mapped[str | None] = mapped_column(String(8))
    latitude: Mapped[float | None] = mapped_column(Float(53))
    longitude: Mapped[float | None] = mapped_column(Float(53))
    accuracy_m: Mapped[float | None] = mapped_column(Float(53))
    address: Mapped[str | None] = mapped_column(String(300))
    moment: Mapped[datetime | None]
    offset_assumed: Mapped[bool] = mapped_column(default=False)


class IdempotencyKey(Base):
    """What was answered to one Idempotency-Key, so that a repeat gets the same answer.

    `scope` is the rider's id or `anonymous`; the answer is sealed because it holds
    the receipt code.
    """

    __tablename__ = "idempotency_keys"

    scope: Mapped[str] = mapped_column(String(80), primary_key=True)
    key: Mapped[UUID] = mapped_column(primary_key=True)
    request_digest: Mapped[str] = mapped_column(String(64))
    report_id: Mapped[UUID] = mapped_column(ForeignKey("reports.id"), index=True)
    sealed_answer: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(default=now_utc)


class ReportProgress(Base):
    """How far the pipeline is with a report; the sweeper looks here, never at the queue."""

    __tablename__ = "report_progress"
    __table_args__ = (Index("ix_report_progress_unfinished", "finished_at", "queued_at"),)

    report_id: Mapped[UUID] = mapped_column(ForeignKey("reports.id"), primary_key=True)
    queued_at: Mapped[datetime | None]
    examined_at: Mapped[datetime | None]
    matched_at: Mapped[datetime | None]
    routed_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None] = mapped_column(Text)


class ReportStep(Base):
    """One run of one pipeline step, with its time; `trace` and the metrics read it."""

    __tablename__ = "report_steps"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    report_id: Mapped[UUID] = mapped_column(ForeignKey("reports.id"), index=True)
    step: Mapped[str] = mapped_column(String(16))
    finished_at: Mapped[datetime] = mapped_column(default=now_utc)
    duration_s: Mapped[float] = mapped_column(Float(53))
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)

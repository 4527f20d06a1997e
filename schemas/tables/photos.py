"""Photos: originals by content, what was found in them, and what they resemble."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base, now_utc, random_id


class Photo(Base):
    """One photo of one report (or of a supplement to it); the file lies in the store by SHA-256.

    `masks` (schemas.masks) is what the rider hid in every copy of it, None where nothing.
    """

    __tablename__ = "photos"
    __table_args__ = (Index("ix_photos_sha256", "sha256"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=random_id)
    report_id: Mapped[UUID] = mapped_column(ForeignKey("reports.id"), index=True)
    supplement_id: Mapped[UUID | None] = mapped_column(ForeignKey("supplements.id"), index=True)
    position: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    content_type: Mapped[str] = mapped_column(String(20))
    width: Mapped[int]
    height: Mapped[int]
    received_at: Mapped[datetime] = mapped_column(default=now_utc)
    masks: Mapped[list[Any] | None] = mapped_column(
        JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
    )


class PhotoExamination(Base):
    """What the examination of a photo found; a photo has at most one.

    `notes` are reason codes of workers.examine.REASONS; `unreadable_reason` is set
    when the picture could not be decoded; `derivative_sizes` lists the derivatives
    that exist (320, 1280 pixels), empty when none may be served.
    """

    __tablename__ = "photo_examinations"

    photo_id: Mapped[UUID] = mapped_column(ForeignKey("photos.id"), primary_key=True)
    examined_at: Mapped[datetime] = mapped_column(default=now_utc)
    unreadable_reason: Mapped[str | None] = mapped_column(String(40))
    content_type: Mapped[str | None] = mapped_column(String(20))
    width: Mapped[int | None]
    height: Mapped[int | None]
    orientation: Mapped[int | None]
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    notes: Mapped[list[str]] = mapped_column(default=list)
    derivative_sizes: Mapped[list[Any]] = mapped_column(default=list)


class PhotoHash(Base):
    """A PDQ hash of a photo: 256 bits, plain or with its border trimmed.

    `bands` (PostgreSQL, GIN) and photo_bands (SQLite) hold the same sixteen keys:
    band number × 65,536 + the band's sixteen bits.
    """

    __tablename__ = "photo_hashes"
    __table_args__ = (UniqueConstraint("photo_id", "variant"),)

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    photo_id: Mapped[UUID] = mapped_column(ForeignKey("photos.id"))
    variant: Mapped[str] = mapped_column(String(8))
    pdq: Mapped[bytes] = mapped_column(LargeBinary(32))
    quality: Mapped[int]
    bands: Mapped[list[int] | None] = mapped_column(ARRAY(Integer).with_variant(JSON(), "sqlite"))


Index(
    "ix_photo_hashes_bands",
    PhotoHash.bands,
    postgresql_using="gin",
    info={"only": "postgresql"},
).ddl_if(dialect="postgresql")


class PhotoBand(Base):
    """The band keys on SQLite, which has no index over array elements."""

    __tablename__ = "photo_bands"
    # `only` tells the migrations which database has this table.
    __table_args__ = ({"sqlite_with_rowid": False, "info": {"only": "sqlite"}},)

    band: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    hash_id: Mapped[int] = mapped_column(
        ForeignKey("photo_hashes.id"), primary_key=True, autoincrement=False
    )


class Match(Base):
    """One resemblance found between two reports; never decides anything by itself.

    `kind`: same_bytes, same_picture (PDQ), same_premises, same_incident.
    `report_id` is the one that was being matched; the other was there before or at
    the same moment. `policy` names the thresholds' version.
    """

    __tablename__ = "matches"
    __table_args__ = (
        UniqueConstraint("report_id", "other_report_id", "kind"),
        Index("ix_matches_other_report_id", "other_report_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=random_id)
    report_id: Mapped[UUID] = mapped_column(ForeignKey("reports.id"))
    other_report_id: Mapped[UUID] = mapped_column(ForeignKey("reports.id"))
    kind: Mapped[str] = mapped_column(String(16))
    photo_id: Mapped[UUID | None] = mapped_column(ForeignKey("photos.id"))
    other_photo_id: Mapped[UUID | None] = mapped_column(ForeignKey("photos.id"))
    distance_bits: Mapped[int | None]
    distance_m: Mapped[float | None]
    hours_apart: Mapped[float | None]
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    policy: Mapped[str] = mapped_column(String(20))
    found_at: Mapped[datetime] = mapped_column(default=now_utc)

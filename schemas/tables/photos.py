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
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base, now_utc, random_id

# SQLite numbers rows by itself only in a column of its plain integer type.
BIG = BigInteger().with_variant(Integer(), "sqlite")


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

    `block_id` is the block into which it was packed for searching, None until then.
    """

    __tablename__ = "photo_hashes"
    __table_args__ = (
        UniqueConstraint("photo_id", "variant"),
        Index(
            "ix_photo_hashes_unpacked",
            "id",
            sqlite_where=text("block_id IS NULL"),
            postgresql_where=text("block_id IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BIG, primary_key=True, autoincrement=True)
    photo_id: Mapped[UUID] = mapped_column(ForeignKey("photos.id"))
    variant: Mapped[str] = mapped_column(String(8))
    pdq: Mapped[bytes] = mapped_column(LargeBinary(32))
    quality: Mapped[int]
    block_id: Mapped[int | None]


class HashBlock(Base):
    """A thousand hashes in one row, to be read and compared at once; never changed.

    `data` holds the ids of `hashes` rows of photo_hashes (64 bits each, the lowest byte
    first) and then their 256 bits in the same order. Blocks are numbered from 1 without
    a gap. workers.seen says how they are used.
    """

    __tablename__ = "hash_blocks"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    hashes: Mapped[int]
    data: Mapped[bytes]
    made_at: Mapped[datetime] = mapped_column(default=now_utc)


class HashSegment(Base):
    """A run of blocks whose hashes can be looked up by sixteen bits; never changed once ready.

    `shift` says how many low bits of a key its lists leave out, `base_id` what is added to
    the ids in its lists. A segment that a longer one took the place of has `retired_at`;
    its lists go away when no search that began before can still read them.
    """

    __tablename__ = "hash_segments"
    __table_args__ = (UniqueConstraint("first_block", "last_block"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    first_block: Mapped[int] = mapped_column(ForeignKey("hash_blocks.id"))
    last_block: Mapped[int] = mapped_column(ForeignKey("hash_blocks.id"))
    shift: Mapped[int]
    base_id: Mapped[int] = mapped_column(BIG)
    hashes: Mapped[int]
    ready_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]


class HashList(Base):
    """The hashes of a segment that share the upper bits of one band: who they are, what follows.

    `id` is the segment's id × 2²⁰ + band × 2¹⁶⁻ˢʰⁱᶠᵗ + those bits. `data` holds eight bytes a
    hash: its id less the segment's `base_id` (32 bits, the lowest byte first) and the four
    bytes that follow the band's first one.
    """

    __tablename__ = "hash_lists"

    # Neither generated nor referred to: lists come by the million, and go by the segment.
    id: Mapped[int] = mapped_column(BIG, primary_key=True, autoincrement=False)
    data: Mapped[bytes]


# The long edge of the picture of a match's evidence, under which it lies in the store.
EVIDENCE_EDGE = 1280


class Match(Base):
    """One resemblance found between two reports; never decides anything by itself.

    `kind`: same_bytes, same_picture (PDQ), altered_picture and same_scene (local features,
    with `spots`, `score` and `common` in `facts` and a picture of the evidence in the photo
    store under the match's id), same_premises, same_incident.
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

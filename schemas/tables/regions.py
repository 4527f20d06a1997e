"""Large regions of photos, by which parts and altered copies are found among all photos."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base, now_utc
from schemas.tables.photos import BIG


class PhotoRegions(Base):
    """The regions of one photo, 26 bytes each (workers.regions.finding says in what form).

    The first `stored` of them are searched for other photos' sake, all of them are asked
    with. `block_id` is the block into which they were packed, None until then.
    """

    __tablename__ = "photo_regions"
    __table_args__ = (
        UniqueConstraint("photo_id"),
        Index(
            "ix_photo_regions_unpacked",
            "id",
            sqlite_where=text("block_id IS NULL"),
            postgresql_where=text("block_id IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BIG, primary_key=True, autoincrement=True)
    photo_id: Mapped[UUID] = mapped_column(ForeignKey("photos.id"))
    stored: Mapped[int]
    data: Mapped[bytes]
    block_id: Mapped[int | None]


class RegionBlock(Base):
    """The regions of a thousand photos in one row; never changed.

    `data` holds for each of `hashes` regions the id of its row of photo_regions (64 bits, the
    lowest byte first), and then their 128 bits in the same order. Numbered like HashBlock.
    """

    __tablename__ = "region_blocks"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    hashes: Mapped[int]
    data: Mapped[bytes]
    made_at: Mapped[datetime] = mapped_column(default=now_utc)


class RegionSegment(Base):
    """A run of blocks whose regions can be looked up by their first bits; like HashSegment."""

    __tablename__ = "region_segments"
    __table_args__ = (UniqueConstraint("first_block", "last_block"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    first_block: Mapped[int] = mapped_column(ForeignKey("region_blocks.id"))
    last_block: Mapped[int] = mapped_column(ForeignKey("region_blocks.id"))
    shift: Mapped[int]
    base_id: Mapped[int] = mapped_column(BIG)
    hashes: Mapped[int]
    ready_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]


class RegionList(Base):
    """The regions of a segment that share their first bits: whose they are, and what follows.

    `id` is the segment's id × 2²⁰ + the first 20 − `shift` bits. `data` holds sixteen bytes a
    region: its row's id less the segment's `base_id` (32 bits, the lowest byte first) and
    bits 16 to 112.
    """

    __tablename__ = "region_lists"

    id: Mapped[int] = mapped_column(BIG, primary_key=True, autoincrement=False)
    data: Mapped[bytes]

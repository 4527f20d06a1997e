"""Random draws: what was drawn from, what was committed to before, and what came of it.

The list, the draw and its result are append-only, so that a draw which nobody liked stays.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base, new_id, now_utc


class DrawFrame(Base):
    """A list that is drawn from; never altered, and one row however often it is drawn from.

    `kind`: shops, cells, list. `tickets` is the canonical text (schemas.draws.algorithm), one
    ticket a line, `sha256` its hash.
    """

    __tablename__ = "draw_frames"
    __table_args__ = (UniqueConstraint("unit_id", "sha256"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("units.id"))
    kind: Mapped[str] = mapped_column(String(8))
    origin: Mapped[str] = mapped_column(String(200))
    tickets: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    item_count: Mapped[int]
    made_by: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime] = mapped_column(default=now_utc)


class Draw(Base):
    """A draw that was prepared: how many, and the hash of a seed that nobody has seen.

    The n-th of a list has `attempt` n. `public_source` says which public number will be added
    to the seed, empty for none. Never altered.
    """

    __tablename__ = "draws"
    __table_args__ = (
        UniqueConstraint("frame_id", "attempt"),
        CheckConstraint("size > 0", name="size_positive"),
        Index("ix_draws_unit", "unit_id", "prepared_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    frame_id: Mapped[UUID] = mapped_column(ForeignKey("draw_frames.id"))
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("units.id"))
    attempt: Mapped[int]
    title: Mapped[str] = mapped_column(String(120))
    size: Mapped[int]
    public_source: Mapped[str] = mapped_column(String(200))
    commitment: Mapped[str] = mapped_column(String(64))
    prepared_by: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    prepared_at: Mapped[datetime] = mapped_column(default=now_utc)


class DrawSeed(Base):
    """The sealed seed of a draw that waits; gone once the draw's result shows it."""

    __tablename__ = "draw_seeds"

    draw_id: Mapped[UUID] = mapped_column(ForeignKey("draws.id"), primary_key=True)
    sealed_seed: Mapped[bytes] = mapped_column(LargeBinary)


class DrawResult(Base):
    """What was drawn: the seed, the public number, and the items in order; never altered.

    `drawn` holds one item a line as canonical JSON.
    """

    __tablename__ = "draw_results"

    draw_id: Mapped[UUID] = mapped_column(ForeignKey("draws.id"), primary_key=True)
    seed: Mapped[str] = mapped_column(String(64))
    public_value: Mapped[str] = mapped_column(String(80))
    drawn: Mapped[str] = mapped_column(Text)
    drawn_by: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    drawn_at: Mapped[datetime] = mapped_column(default=now_utc)

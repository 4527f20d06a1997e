"""What the queue keeps beside the cases: words to search by, and each person's saved views."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base, new_id, now_utc


class CaseWords(Base):
    """One case's words, written by schemas.searching in the transaction that changes the case.

    `text` is what a found case must contain; `tokens` are its pairs of characters and one
    token for each unit above it. `id` grows, so that the newest case comes first. SQLite
    indexes the tokens in the FTS5 table `case_pairs`, which triggers keep; PostgreSQL by GIN.
    """

    __tablename__ = "case_words"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), unique=True)
    text: Mapped[str] = mapped_column(Text)
    tokens: Mapped[list[str]] = mapped_column(ARRAY(Text).with_variant(Text(), "sqlite"))


Index(
    "ix_case_words_tokens",
    CaseWords.tokens,
    postgresql_using="gin",
    info={"only": "postgresql"},
).ddl_if(dialect="postgresql")


class SavedView(Base):
    """A list that somebody keeps under a name; `query` is its address without the page."""

    __tablename__ = "saved_views"
    __table_args__ = (UniqueConstraint("staff_id", "name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    name: Mapped[str] = mapped_column(String(40))
    query: Mapped[str] = mapped_column(String(800))
    is_default: Mapped[bool] = mapped_column(Boolean(), default=False)
    created_at: Mapped[datetime] = mapped_column(default=now_utc)


class OpenSquare(Base):
    """How many open cases lie in a square of half a degree, for the nation and each province.

    What a country's map is drawn from, counted anew from the cases by the clock. The sums
    are of WGS-84 degrees: divided by `cases` they give the middle.
    """

    __tablename__ = "open_squares"

    tree_id: Mapped[UUID] = mapped_column(ForeignKey("units.id"), primary_key=True)
    square: Mapped[int] = mapped_column(Integer, primary_key=True)
    cases: Mapped[int] = mapped_column(Integer)
    latitude_sum: Mapped[float] = mapped_column(Float)
    longitude_sum: Mapped[float] = mapped_column(Float)


class OpenSquaresCount(Base):
    """When the open squares were last counted; one row, which a clock locks while it counts."""

    __tablename__ = "open_squares_counts"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    counted_at: Mapped[datetime]

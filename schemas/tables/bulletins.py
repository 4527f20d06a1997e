"""The weekly bulletin: what was published, which nobody can alter, and the drafts before it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base, new_id, now_utc


class BulletinIssue(Base):
    """One published issue or revision of a week's bulletin; never altered.

    `document` is the bulletin's canonical JSON (schemas.bulletins.documents), `deltas` that
    of what this revision changed and why, `public_document` the form that anybody may see.
    `sha256` seals all of them together with the hash of the scope's issue before it; the
    n-th of a scope has `sequence` n.
    """

    __tablename__ = "bulletin_issues"
    __table_args__ = (
        UniqueConstraint("scope_code", "sequence"),
        UniqueConstraint("scope_code", "week", "revision"),
        Index("ix_bulletin_issues_week", "week", "scope_code"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(String(32), unique=True)
    scope_code: Mapped[str] = mapped_column(String(6))
    sequence: Mapped[int]
    week: Mapped[str] = mapped_column(String(8))
    revision: Mapped[int]
    known_at: Mapped[datetime]
    published_at: Mapped[datetime] = mapped_column(default=now_utc)
    signer_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    signer_name: Mapped[str] = mapped_column(String(80))
    document: Mapped[str] = mapped_column(Text)
    deltas: Mapped[str] = mapped_column(Text)
    public_document: Mapped[str] = mapped_column(Text)
    previous_sha256: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64))


class BulletinDraft(Base):
    """A week's bulletin as it was last counted; recomputed at will, and nothing rests on it."""

    __tablename__ = "bulletin_drafts"

    scope_code: Mapped[str] = mapped_column(String(6), primary_key=True)
    week: Mapped[str] = mapped_column(String(8), primary_key=True)
    known_at: Mapped[datetime]
    document: Mapped[str] = mapped_column(Text)

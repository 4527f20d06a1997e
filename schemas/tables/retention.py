"""What keeps personal data from being removed when its time is over, and what was removed when."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base, new_id, now_utc


class LegalHold(Base):
    """A case whose reporters' sealed data must stay, however old it is; at most one stands.

    A hold is ended, never deleted, so that who held and who released can be seen.
    `held_by` and `released_by` are empty where the operator did it by a command.
    """

    __tablename__ = "legal_holds"
    __table_args__ = (
        Index(
            "uq_legal_holds_standing",
            "case_id",
            unique=True,
            sqlite_where=text("released_at IS NULL"),
            postgresql_where=text("released_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    reason: Mapped[str] = mapped_column(Text)
    held_at: Mapped[datetime] = mapped_column(default=now_utc)
    held_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    released_at: Mapped[datetime | None]
    released_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    release_reason: Mapped[str] = mapped_column(Text, default="", server_default="")


class NightlyRun(Base):
    """When the clock last did one of its nightly tasks, and what came of it.

    So that several clocks, or one that is started again, do it once a night.
    """

    __tablename__ = "nightly_runs"

    task: Mapped[str] = mapped_column(String(20), primary_key=True)
    ran_at: Mapped[datetime]
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)

"""What colleagues tell one another about a case: notes, mentions, attachments, tasks, wording."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base, new_id, now_utc


class CaseNote(Base):
    """One note on a case; never altered. Files and a task, if any, point to it."""

    __tablename__ = "case_notes"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    author_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    body: Mapped[str] = mapped_column(Text)
    written_at: Mapped[datetime] = mapped_column(default=now_utc)


class CaseMention(Base):
    """A colleague whom a note calls by name; `seen_at` when they put it aside."""

    __tablename__ = "case_mentions"
    __table_args__ = (Index("ix_case_mentions_work", "staff_id", "seen_at", "note_id"),)

    note_id: Mapped[UUID] = mapped_column(ForeignKey("case_notes.id"), primary_key=True)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    seen_at: Mapped[datetime | None]


class CaseAttachment(Base):
    """A file that staff put beside a note: a site photo or a PDF, in the store by SHA-256.

    A photo is examined as riders' photos are; `derivative_sizes` lists what may be
    shown then. A PDF is never opened here and counts as examined.
    """

    __tablename__ = "case_attachments"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    note_id: Mapped[UUID] = mapped_column(ForeignKey("case_notes.id"), index=True)
    position: Mapped[int]
    name: Mapped[str] = mapped_column(String(120))
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    content_type: Mapped[str] = mapped_column(String(20))
    received_at: Mapped[datetime] = mapped_column(default=now_utc)
    examined_at: Mapped[datetime | None] = mapped_column(index=True)
    unreadable_reason: Mapped[str | None] = mapped_column(String(40))
    derivative_sizes: Mapped[list[Any]] = mapped_column(default=list)


class CaseTask(Base):
    """A re-inspection that somebody is to make by a day; its words stand in the note.

    `result` is a code of schemas.records.REINSPECTION_RESULTS once it is done.
    """

    __tablename__ = "case_tasks"
    __table_args__ = (Index("ix_case_tasks_work", "assignee_id", "done_at", "due_on"),)

    note_id: Mapped[UUID] = mapped_column(ForeignKey("case_notes.id"), primary_key=True)
    assignee_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    due_on: Mapped[date]
    due_provisional: Mapped[bool] = mapped_column(default=False)
    done_at: Mapped[datetime | None]
    done_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    result: Mapped[str | None] = mapped_column(String(16))
    outcome: Mapped[str] = mapped_column(Text, default="")


class FindingTemplate(Base):
    """A unit's own wording for findings, for one category or (None) for any; ended, not deleted."""

    __tablename__ = "finding_templates"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("units.id"), index=True)
    category: Mapped[str | None] = mapped_column(String(24))
    title: Mapped[str] = mapped_column(String(60))
    body: Mapped[str] = mapped_column(Text)
    made_by: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime] = mapped_column(default=now_utc)
    ended_at: Mapped[datetime | None]

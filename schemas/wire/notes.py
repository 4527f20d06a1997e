"""Notes on a case over the wire, with what stands beside them."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class AttachmentAnswer(_Answer):
    """A file beside a note; `sizes` are the pictures of a photo that may be shown."""

    id: UUID
    note_id: UUID
    name: str
    content_type: str
    size_bytes: int
    sha256: str = Field(description="of the bytes as they were received, hex")
    sizes: list[int]
    is_examined: bool
    is_unreadable: bool
    received_at: datetime


class TaskAnswer(_Answer):
    """A task of re-inspection; its id is that of the note that sets it."""

    id: UUID
    what: str
    set_by: str
    assignee: str
    due_on: date
    due_provisional: bool
    done_at: datetime | None
    done_by: str | None
    result: str | None
    outcome: str


class NoteAnswer(_Answer):
    """One note; it is never altered."""

    id: UUID
    author: str
    body: str
    written_at: datetime
    attachments: list[AttachmentAnswer]
    task: TaskAnswer | None


class NoteList(_Answer):
    """The latest notes of a case, the newest first, and the version to send with the next."""

    version: int
    items: list[NoteAnswer]


class AttachmentList(_Answer):
    """The files beside the latest notes of a case."""

    items: list[AttachmentAnswer]


class TaskList(_Answer):
    """The tasks that the latest notes of a case set."""

    version: int
    items: list[TaskAnswer]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    version: int = Field(ge=1, le=2**31 - 1, description="of the case, as it was read")


class NoteRequest(_Given):
    """Write a note; @name calls a colleague of the unit."""

    body: str = Field(min_length=1, max_length=4000)


class TaskRequest(_Given):
    """Ask a colleague, by their sign-in, to look again within so many working days."""

    what: str = Field(min_length=1, max_length=4000)
    assignee: str = Field(min_length=1, max_length=80, description="the colleague's sign-in")
    working_days: int = Field(ge=1, le=250)


class TaskResult(_Given):
    """What a re-inspection found."""

    result: Literal["corrected", "not-corrected"]
    outcome: str = Field("", max_length=4000)

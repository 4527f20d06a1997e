"""Notes on a case over the wire, with what stands beside them."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

MOST_FILES = 9


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
    """The files beside the latest notes of a case, and the version to send with the next."""

    version: int
    items: list[AttachmentAnswer]


class TaskList(_Answer):
    """The tasks that the latest notes of a case set."""

    version: int
    items: list[TaskAnswer]


def _files() -> WithJsonSchema:
    # Which bytes are a photo or a PDF is for the gate to say: this is how the document shows them.
    return WithJsonSchema(
        {
            "type": "array",
            "items": {"type": "string", "contentMediaType": "application/octet-stream"},
            "minItems": 1,
            "maxItems": MOST_FILES,
            "description": "JPEG, HEIC, WebP, PNG or AVIF of at most 25 MiB, PDFs of at most "
            "20 MiB; 60 MiB in all",
        }
    )


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    version: int = Field(ge=1, le=2**31 - 1, description="of the case, as it was read")


class NoteRequest(_Given):
    """Write a note; @name calls a colleague of the unit."""

    body: str = Field(min_length=1, max_length=4000)


class AttachmentForm(BaseModel):
    """Files for a case: site photos and PDFs, with words beside them if there are any."""

    model_config = ConfigDict(extra="forbid")

    version: int = Field(ge=1, le=2**31 - 1, description="of the case, as it was read")
    body: str = Field("", max_length=4000, description="a note; @name calls a colleague")
    files: Annotated[tuple[Any, ...], Field(min_length=1), _files()]


class TaskRequest(_Given):
    """Ask a colleague, by their sign-in, to look again within so many working days."""

    what: str = Field(min_length=1, max_length=4000)
    assignee: str = Field(min_length=1, max_length=80, description="the colleague's sign-in")
    working_days: int = Field(ge=1, le=250)


class TaskResult(_Given):
    """What a re-inspection found."""

    result: Literal["corrected", "not-corrected"]
    outcome: str = Field("", max_length=4000)

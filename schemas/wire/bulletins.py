"""What the room's API says of bulletins."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class IssueLine(_Answer):
    """One published issue."""

    number: str = Field(examples=["ZB-210100-2026-W46-1"])
    scope: str
    week: str = Field(examples=["2026-W46"])
    revision: int
    signer: str
    published_at: datetime
    sha256: str


class IssueList(_Answer):
    """What was published of a territory, the latest first."""

    issues: list[IssueLine]


class BulletinAnswer(_Answer):
    """One week's bulletin: as it was published, or the draft, which has no number.

    `bulletin` is the document that was hashed: `totals`, `tables`, `cohorts`, `previous` and
    `last_year`, figures as whole numbers in the units of /bulletins/definitions. `deltas`
    are empty but for a revision.
    """

    number: str | None
    revision: int | None
    scope_name: str
    signer: str | None
    published_at: datetime | None
    sha256: str | None
    previous_sha256: str | None
    bulletin: dict[str, Any]
    deltas: dict[str, Any]


class SubscriberRequest(BaseModel):
    """Send an area's bulletin to somebody."""

    model_config = ConfigDict(extra="forbid", strict=True)

    scope: str | None = Field(
        default=None, max_length=6, description="the caller's own if left out"
    )
    channel: str = Field(max_length=8, description="mail or webhook")
    name: str = Field(max_length=80)
    address: str = Field(max_length=200, examples=["office@example.cn"])
    is_internal: bool = Field(
        default=False, description="the whole bulletin, not only what anybody may see"
    )


class SubscriberAnswer(_Answer):
    """Somebody who is sent an area's bulletin."""

    id: UUID
    scope: str
    channel: str
    name: str
    address: str
    is_internal: bool
    created_at: datetime
    ended_at: datetime | None
    last_outcome: str | None = Field(description="waiting, sent, gone or failed; null before any")
    last_error: str | None


class SubscriberList(_Answer):
    """Who is sent an area's bulletin now."""

    subscribers: list[SubscriberAnswer]

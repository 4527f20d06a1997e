"""What the room's API says of bulletins."""

from datetime import datetime
from typing import Any

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

"""The bulletin as open data, over the wire."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class OpenIssueLine(_Answer):
    """One published issue or revision."""

    number: str = Field(examples=["ZB-210100-2026-W46-1"])
    scope: str = Field(description="GB/T 2260")
    area: str
    week: str = Field(examples=["2026-W46"])
    revision: int
    published_at: datetime
    sha256: str = Field(description="of `document` as canonical JSON (UTF-8)")
    is_empty: bool = Field(description="too little was received to show anything")
    causes: list[str] = Field(
        description="what kinds of late facts made the revision: move, act, linked, unlinked, "
        "calendar; empty for a first issue"
    )
    json_url: str
    csv_url: str


class OpenIssueList(_Answer):
    """What was published, the latest first."""

    licence: str
    dictionary_url: str
    feed_url: str
    issues: list[OpenIssueLine]


class OpenChange(_Answer):
    """A figure that a revision shows differently; null where it is withheld or absent."""

    table: str
    row: str
    indicator: str
    before: int | None
    after: int | None


class OpenIssueDocument(OpenIssueLine):
    """One issue in full; `document` is what was frozen when it was signed."""

    licence: str
    document: dict[str, Any]
    changes: list[OpenChange]


class FeedItem(_Answer):
    """One issue in the feed."""

    id: str
    url: str
    title: str
    content_text: str
    date_published: datetime


class JsonFeed(_Answer):
    """JSON Feed 1.1 (jsonfeed.org)."""

    version: str
    title: str
    home_page_url: str
    feed_url: str
    language: str
    items: list[FeedItem]

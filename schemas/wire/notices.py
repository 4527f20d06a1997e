"""Notices, the ways to be told, and suggestions over the wire."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from schemas.errors import InvalidInput
from schemas.words import Words

MOST_BODY = 1000
MOST_ANSWER = 2000


def _storable(text: Any) -> Any:
    # Trimmed before it is measured, so that nothing but spaces is nothing.
    if not isinstance(text, str):
        return text
    if "\0" in text:
        raise InvalidInput(
            "text-invalid",
            Words("里面有无法保存的字符。", "It holds characters that can't be stored."),
        )
    return text.replace("\r\n", "\n").strip()


Written = Annotated[str, BeforeValidator(_storable)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NoticeAnswer(BaseModel):
    """One notice to the rider, in plain words."""

    id: UUID
    code: str = Field(
        description="the report's new status, suggestion_answered or campaign_offered",
        examples=["verified"],
    )
    text: str
    about: Literal["report", "suggestion", "campaign"]
    number: str = Field(description="of the report or suggestion; empty for a campaign")
    premises_name: str = Field(description="as the rider wrote it in the report; may be empty")
    department: str | None
    created_at: datetime
    read: bool


class NoticeList(BaseModel):
    """The rider's notices, the newest first."""

    notices: list[NoticeAnswer]
    unread: int
    next: UUID | None = Field(
        description="give it as `before` for the notices before these; null at the end"
    )


class NoticesRead(_Body):
    """Which notices were read."""

    up_to: UUID | None = Field(None, description="this one and all before it; all if left out")


class Unread(BaseModel):
    """How many notices are unread."""

    unread: int


class PushKey(BaseModel):
    """What a browser is given to subscribe with: `applicationServerKey`."""

    public_key: str = Field(description="uncompressed point of P-256, URL-safe base64")


class SubscriptionKeys(_Body):
    """The keys of a browser's subscription, URL-safe base64 (Push API)."""

    p256dh: Written = Field(max_length=100)
    auth: Written = Field(max_length=40)


class Subscribe(_Body):
    """A browser's subscription as `PushSubscription.toJSON()` gives it."""

    endpoint: Written = Field(max_length=1000)
    keys: SubscriptionKeys
    expiration_time: int | None = Field(None, alias="expirationTime")


class Subscribed(BaseModel):
    """A browser will be woken when there is news."""

    id: UUID


class MessengerAnswer(BaseModel):
    """Whether the rider is told by messenger."""

    available: bool = Field(description="whether the operator has a messenger gateway")
    linked: bool


class MessengerLinked(BaseModel):
    """The token that the gateway is to know the rider by; shown now and never again."""

    recipient: str = Field(description="give it to the operator's messenger account")


class SuggestionRequest(_Body):
    """What a rider suggests, or asks for."""

    kind: Literal["suggestion", "request"] = "suggestion"
    body: Written = Field(min_length=1, max_length=MOST_BODY)


class SuggestionAnswer(BaseModel):
    """One suggestion of the rider's own, and what the office says to it."""

    number: str = Field(examples=["JY20261122-7KQ4MX-3"])
    kind: str
    body: str
    received_on: date
    answer: str | None
    answered_on: date | None


class SuggestionList(BaseModel):
    """The rider's own suggestions and requests, the newest first."""

    suggestions: list[SuggestionAnswer]
    next: str | None = Field(
        description="give it as `before` for the ones before these; null at the end"
    )


class OfficeSuggestion(BaseModel):
    """A suggestion as the office sees it: under a pseudonym."""

    number: str
    pseudonym: str = Field(description="stands for this one suggestion only")
    kind: str
    body: str
    received_on: date
    answer: str | None
    answered_on: date | None


class OfficeSuggestionList(BaseModel):
    """Suggestions in one of the office's lists."""

    suggestions: list[OfficeSuggestion]
    next: str | None = Field(description="give it as `after` for the next ones; null at the end")


class AnswerRequest(_Body):
    """What the office answers; it is sent once and not changed."""

    answer: Written = Field(min_length=1, max_length=MOST_ANSWER)

"""Reports over the wire: the form a rider sends, and the answers to it.

The same models validate, answer and make the OpenAPI document.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from annotated_types import MaxLen
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from schemas.errors import InvalidInput
from schemas.places import Datum, half_a_place
from schemas.taxonomy import CATEGORIES, category
from schemas.wire.masks import Masks
from schemas.words import Words

MAX_PHOTOS = 9
_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def _none_for_empty(value: Any) -> Any:
    # A form without JavaScript sends an empty text for what was left out.
    return None if isinstance(value, str) and not value.strip() else value


def _trimmed(value: Any) -> Any:
    # Browsers send line ends as CR LF, which would count twice.
    return value.replace("\r\n", "\n").strip() if isinstance(value, str) else value


def _rfc_3339(value: Any) -> Any:
    text = _none_for_empty(value)
    if not isinstance(text, str):
        return text
    text = text.strip()
    if not _RFC_3339.fullmatch(text):
        raise _bad_moment()
    try:
        # Moments of the year 1 or 9999 may lie outside the calendar once in UTC.
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _bad_moment() from None


def read_moment(text: str) -> datetime | None:
    """Return a moment in UTC as RFC 3339 writes it, or None for anything else.

    For what only tells more of a tip: no tip is refused for it.
    """
    try:
        moment: datetime | None = _rfc_3339(text)
    except InvalidInput:
        return None
    return moment


def _bad_moment() -> InvalidInput:
    return InvalidInput(
        "captured-at-invalid",
        Words(
            "拍摄时间须写明日期、时间和时区，例如 2026-11-21T11:42:00+08:00；不知道可以不填。",
            "captured_at must be a date, a time and an offset as in RFC 3339, such as "
            "2026-11-21T11:42:00+08:00; leave it out if unknown.",
        ),
        field="captured_at",
    )


def _known_codes(codes: list[str]) -> list[str]:
    # One code named twice is one category; the order is the rider's.
    return [category(code).code for code in dict.fromkeys(codes)]


def _known_datum(value: Any) -> Any:
    text = _none_for_empty(value)
    if text is None:
        return Datum.WGS84
    try:
        return Datum(text)
    except ValueError:
        known = [datum.value for datum in Datum]
        raise InvalidInput(
            "datum-unknown",
            Words(
                f"坐标系只能是：{'、'.join(known)}。",
                f"The datum must be one of: {', '.join(known)}.",
            ),
            field="datum",
            known=known,
        ) from None


Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Empty = BeforeValidator(_none_for_empty)
Text = BeforeValidator(_trimmed)


def _without_blanks(value: Any) -> Any:
    return [item for item in value if item.strip()] if isinstance(value, list) else value


Uploads = Annotated[
    list[Annotated[str, MaxLen(300)]],
    Field(
        max_length=MAX_PHOTOS,
        description="addresses of finished uploads in place of files; repeat the field, in order",
    ),
    BeforeValidator(_without_blanks),
]


def _one_way(photos: Sequence[Any], uploads: Sequence[str]) -> None:
    if photos and uploads:
        raise InvalidInput(
            "photos-both-ways",
            Words(
                "照片要么附在表单里，要么先上传再写上传地址，不能两样都有。",
                "Either attach the photos or name their uploads, not both: their order would be "
                "a guess.",
            ),
            field="photo_uploads",
        )


def _one_mask_each(masks: Sequence[Any], photos: Sequence[Any]) -> None:
    # What was meant for another photo would leave a face open in this one.
    if masks and len(masks) != len(photos):
        raise InvalidInput(
            "masks-not-of-photos",
            Words(
                "遮挡的组数和照片张数不一样：每张照片一组，没有遮挡的写空组。",
                "masks must hold one list for each photo, an empty one where nothing is hidden.",
            ),
            field="masks",
        )


def _photos() -> WithJsonSchema:
    # Which bytes are a photo is for the gate to say: this is how the document shows them.
    item = {"type": "string", "contentMediaType": "image/*"}
    return WithJsonSchema(
        {
            "type": "array",
            "items": item,
            "maxItems": MAX_PHOTOS,
            "description": "JPEG, HEIC, WebP, PNG or AVIF; 25 MiB each, 60 MiB in all",
        }
    )


class ReportForm(BaseModel):
    """What a tip consists of. Coordinates are degrees in `datum`; a claim, whatever they say.

    The device's place may be left out only where a pin or an address is given.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    photos: Annotated[tuple[Any, ...], Field(max_length=MAX_PHOTOS), _photos()] = ()
    photo_uploads: Uploads = []
    category: Annotated[
        list[Annotated[str, Field(json_schema_extra={"enum": [c.code for c in CATEGORIES]})]],
        Field(
            min_length=1,
            max_length=len(CATEGORIES),
            description="codes of GET /api/v1/categories; repeat the field for several",
        ),
        AfterValidator(_known_codes),
    ]
    latitude: Annotated[Latitude | SkipJsonSchema[None], Empty] = Field(
        None, description="the device's place, degrees"
    )
    longitude: Annotated[Longitude | SkipJsonSchema[None], Empty] = Field(
        None, description="the device's place, degrees"
    )
    accuracy_m: Annotated[
        Annotated[float, Field(ge=0, allow_inf_nan=False)] | SkipJsonSchema[None],
        Empty,
    ] = Field(None, description="radius in metres within which the device believes itself to be")
    datum: Annotated[Datum, BeforeValidator(_known_datum)] = Field(
        Datum.WGS84, description="of every coordinate in this form"
    )
    captured_at: Annotated[datetime | SkipJsonSchema[None], BeforeValidator(_rfc_3339)] = Field(
        None, description="when the photo was taken by the device's clock, RFC 3339"
    )
    description: Annotated[str, Text] = Field("", max_length=2000)
    premises_name: Annotated[str, Text] = Field("", max_length=200)
    premises_address: Annotated[str, Text] = Field("", max_length=300)
    platform: Annotated[str, Text] = Field("", max_length=80, description="delivery platform")
    pin_latitude: Annotated[Latitude | SkipJsonSchema[None], Empty] = Field(
        None, description="the place the rider pointed at on a map, degrees"
    )
    pin_longitude: Annotated[Longitude | SkipJsonSchema[None], Empty] = Field(
        None, description="the place the rider pointed at on a map, degrees"
    )
    masks: Masks = Field(default_factory=tuple)
    task: Annotated[UUID | SkipJsonSchema[None], Empty] = Field(
        None,
        description="the task of a campaign, held by the rider who sends, of which this tip came. "
        "A tip is never refused for its task: see GET /api/v1/me/campaigns for what it counts as",
    )

    @model_validator(mode="after")
    def _shows_something(self) -> Self:
        _one_way(self.photos, self.photo_uploads)
        if not self.photos and not self.photo_uploads:
            raise InvalidInput(
                "photos-missing",
                Words("请至少拍一张照片。", "Attach at least one photo."),
                field="photos",
            )
        return self

    @model_validator(mode="after")
    def _hides_in_its_photos(self) -> Self:
        _one_mask_each(self.masks, self.photos or self.photo_uploads)
        return self

    @model_validator(mode="after")
    def _says_where(self) -> Self:
        for prefix in ("", "pin_"):
            pair = {f"{prefix}latitude", f"{prefix}longitude"}
            given = {name for name in pair if getattr(self, name) is not None}
            if given and given != pair:
                raise half_a_place((pair - given).pop())
        if self.latitude is None and self.pin_latitude is None and not self.premises_address:
            raise InvalidInput(
                "place-missing",
                Words(
                    "还不知道在哪里：请打开定位，或填写店铺地址。",
                    "Where it is isn't known yet: give latitude and longitude, a pin, or the "
                    "premises' address.",
                ),
                field="latitude",
            )
        return self


class SupplementForm(BaseModel):
    """What a reporter adds later: a text, photos, or both."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    photos: Annotated[tuple[Any, ...], Field(max_length=MAX_PHOTOS), _photos()] = ()
    photo_uploads: Uploads = []
    description: Annotated[str, Text] = Field("", max_length=2000)
    masks: Masks = Field(default_factory=tuple)

    @model_validator(mode="after")
    def _hides_in_its_photos(self) -> Self:
        _one_mask_each(self.masks, self.photos or self.photo_uploads)
        return self

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        _one_way(self.photos, self.photo_uploads)
        if not self.photos and not self.photo_uploads and not self.description:
            raise InvalidInput(
                "supplement-empty",
                Words(
                    "请写几句补充说明，或加上照片。",
                    "Write what you want to add, or attach photos.",
                ),
                field="description",
            )
        return self


class WithdrawalForm(BaseModel):
    """Why a reporter takes a report back; may stay empty."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: Annotated[str, Text] = Field("", max_length=2000)


class Status(BaseModel):
    """Where something stands: a stable code, and a sentence in the reader's language."""

    code: str = Field(examples=["verifying"])
    text: str = Field(examples=["正在核查。"])


class PhotoSum(BaseModel):
    """A photo as it was kept: compare it with the phone's own SHA-256."""

    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class ReportAccepted(BaseModel):
    """A tip was taken: its bytes and its row are durable."""

    number: str = Field(examples=["JB20261121-7KQ4MX-3"])
    receipt_code: str = Field(description="secret; shows the status to whoever holds it")
    status: Status
    received_at: datetime
    photos: list[PhotoSum]


class SupplementAccepted(BaseModel):
    """An addition was taken."""

    number: str
    received_at: datetime
    photos: list[PhotoSum]


class WithdrawalAccepted(BaseModel):
    """A report was taken back; the department may still follow up the hazard."""

    number: str
    status: Status
    withdrawn_at: datetime


class AnswerDue(BaseModel):
    """By when an answer is owed. Days are local (Asia/Shanghai), `left` in working days."""

    on: date = Field(description="by when the department has to have checked or decided")
    left: int = Field(description="working days from today; negative when it is late")
    provisional: bool = Field(description="the year's calendar of holidays is not yet published")
    basis: str = Field(description="the rule that the date comes from")
    feedback_on: date = Field(description="by when the reporter is told, by this service's policy")
    feedback_basis: str = Field(description="that policy, named as such")


class HandlingStatus(BaseModel):
    """How far one department is. The day is local (Asia/Shanghai)."""

    department: str = Field(examples=["市场监管"])
    status: Status
    since: date
    due_on: date | None = Field(
        description="by when the check and the decision on filing are due; null once made"
    )
    due_provisional: bool = Field(
        description="the year's calendar of holidays is not yet published"
    )
    due: AnswerDue | None = Field(description="the same date with what it stands on")


class HistoryEntry(BaseModel):
    """Something that happened, on a local day (Asia/Shanghai)."""

    on: date
    text: str
    department: str | None = None


class Action(BaseModel):
    """Something that the reporter may do now."""

    code: str = Field(examples=["supplement"], description="supplement or withdraw")
    text: str


class PhotoStatus(BaseModel):
    """One photo of the report, and whether it could be opened."""

    sha256: str
    readable: bool | None = Field(description="null while it waits to be examined")
    reason: str | None = Field(None, description="why it could not be opened, a stable code")
    note: str | None = Field(None, description="the same in words, with what may be done")


class ReportStatus(BaseModel):
    """What became of a report, in plain words; nothing about anybody else."""

    number: str
    received_at: datetime
    status: Status
    withdrawn_at: datetime | None
    handling: list[HandlingStatus]
    history: list[HistoryEntry]
    photos: list[PhotoStatus]
    thanks: str | None = Field(description="what the reporter is thanked with, once there is cause")
    actions: list[Action]


class ReportSummary(BaseModel):
    """One of the rider's own reports, as a list shows it."""

    number: str
    received_at: datetime
    categories: list[str] = Field(description="names in the reader's language")
    premises_name: str = Field(description="as the rider wrote it; may be empty")
    status: Status
    due: AnswerDue | None = Field(description="the last answer that is still owed")
    last: HistoryEntry = Field(description="what happened last")
    thanks: str | None
    actions: list[Action]


class ReportPage(BaseModel):
    """The rider's own reports, the newest first."""

    reports: list[ReportSummary]
    next: str | None = Field(
        description="give it as `before` for the reports before these; null at the end"
    )


class CategoryInfo(BaseModel):
    """One hazard category of the taxonomy."""

    code: str
    name: str
    department: str
    severity: int = Field(ge=1, le=5)


class CategoryList(BaseModel):
    """Every category in force today."""

    categories: list[CategoryInfo]

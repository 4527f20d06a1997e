"""Sealed reporters and evidence over the wire."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

REASON_CODE = "contact, reward, protection, false-report, authority or other"


class _SealRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    reason_code: str = Field(max_length=20, description=REASON_CODE, examples=["contact"])
    reason: str = Field(
        max_length=500, description="what it is about; the auditor reads it", examples=["核实地址"]
    )


class UnsealRequest(_SealRequest):
    """Open who stands behind a pseudonym of the case."""

    pseudonym: str = Field(max_length=12, examples=["骑手-7KQ"])


class OriginalRequest(_SealRequest):
    """Open an original photo file of the case, with its metadata."""

    photo_id: UUID = Field(strict=False, description="`id` of one of the case's photos")


class ReporterIdentity(BaseModel):
    """Who reported. Keep it no longer than the reason lasts."""

    model_config = ConfigDict(frozen=True)

    pseudonym: str
    name: str
    phone: str
    platform: str
    station: str
    employee_number: str


class HoldRequest(BaseModel):
    """Set or end a legal hold: why. Phone numbers are taken out before it is kept."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: str = Field(description="2 to 500 characters, kept in the audit log")


class HoldAnswer(BaseModel):
    """A legal hold on a case; `held_by` is null where the operator set it by a command."""

    number: str
    reason: str
    held_at: datetime
    held_by: str | None
    released_at: datetime | None
    release_reason: str


class HoldList(BaseModel):
    """The holds that stand, the latest first."""

    items: list[HoldAnswer]

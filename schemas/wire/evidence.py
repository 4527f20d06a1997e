"""Sealed reporters and evidence over the wire."""

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

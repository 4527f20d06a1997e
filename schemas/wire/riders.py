"""Riders over the wire: signing in with a one-time code, who one is, and one's devices."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from schemas.errors import InvalidInput
from schemas.words import Words


def _storable(text: str) -> str:
    if "\0" in text:
        raise InvalidInput(
            "text-invalid",
            Words("里面有无法保存的字符。", "It holds characters that can't be stored."),
        )
    return text.strip()


Line = Annotated[str, AfterValidator(_storable)]
Phone = Annotated[
    Line, Field(max_length=40, description="a mainland mobile number, or + and country code")
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CodeWanted(_Body):
    """Ask for a one-time code."""

    phone: Phone


class CodeOnItsWay(BaseModel):
    """The answer is the same whether or not the phone is registered."""

    text: str = Field(description="what to tell the user")
    expires_at: datetime = Field(description="until when the code is good")
    again_at: datetime = Field(description="from when on another may be asked for")


class SignIn(_Body):
    """Sign in with the code that came to the phone."""

    phone: Phone
    code: Line = Field(max_length=12, description="six digits", examples=["048213"])


class Me(BaseModel):
    """Who is signed in, as far as a screen needs it."""

    phone: str = Field(description="masked", examples=["138****1111"])
    platform: str
    station: str
    is_supervisor: bool = Field(description="an appointed food-safety supervisor")
    registered_on: date


class Device(BaseModel):
    """One browser or program that is signed in."""

    id: UUID
    name: str
    is_this: bool = Field(description="whether it is the one that asks")
    since: date
    last_used_on: date | None


class DeviceList(BaseModel):
    """Everything that is signed in for the rider, what was used last first."""

    devices: list[Device]


class DevicesEnded(BaseModel):
    """How many devices were signed out."""

    ended: int

"""Riders over the wire: signing in with a one-time code, who one is, and one's devices."""

from datetime import date, datetime
from typing import Annotated, Literal
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


Invitation = Annotated[
    Line, Field(max_length=80, description="of an invitation's QR code, for who registers by it")
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CodeWanted(_Body):
    """Ask for a one-time code."""

    phone: Phone
    invitation: Invitation = ""


class CodeOnItsWay(BaseModel):
    """The answer is the same whether or not the phone is registered."""

    text: str = Field(description="what to tell the user")
    expires_at: datetime = Field(description="until when the code is good")
    again_at: datetime = Field(description="from when on another may be asked for")


class SignIn(_Body):
    """Sign in with the code that came to the phone."""

    phone: Phone
    code: Line = Field(max_length=12, description="six digits", examples=["048213"])
    invitation: Invitation = ""
    name: Line = Field("", max_length=80, description="of who registers by an invitation")


class Me(BaseModel):
    """Who is signed in, as far as a screen needs it."""

    account: str = Field(
        description="the same at every sign-in and of no use elsewhere: by it an app on a shared "
        "phone knows whose the tips are that wait on it"
    )
    phone: str = Field(description="masked", examples=["138****1111"])
    platform: str
    station: str
    is_supervisor: bool = Field(description="an appointed food-safety supervisor")
    verification: Literal["unverified", "listed", "verified"] = Field(
        description="a phone that got its code; on a platform's list; seen by the operator"
    )
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


class Consent(BaseModel):
    """One consent: its words as they are today, and whether it stands."""

    kind: Literal["location"]
    version: str = Field(description="of today's words; send it to agree to them")
    title: str
    paragraphs: list[str]
    agreed: bool
    agreed_version: str | None = Field(description="of the words that were agreed to")
    agreed_on: date | None


class ConsentList(BaseModel):
    """Every consent that the product asks for."""

    consents: list[Consent]


class ConsentGiven(_Body):
    """Agree to the words of one version."""

    version: Line = Field(max_length=10)


class PersonalCodeShown(BaseModel):
    """The rider's own code for a station's terminal; a QR code holds the same text."""

    code: str = Field(examples=["7KQ4M-X2H9T"])
    expires_at: datetime


class CodeShown(_Body):
    """What a terminal scanned or somebody typed."""

    code: Line = Field(max_length=40)


class VisitorKnown(BaseModel):
    """All that a station is told: a registered rider, and whether an appointed supervisor."""

    registered: Literal[True]
    is_supervisor: bool
    is_verified: bool = Field(description="on a platform's list, or seen by the operator")
    text: str


class StaffInvitation(BaseModel):
    """An invitation of riders as a unit looks after it; who joined by it is told to nobody."""

    id: UUID
    unit: str
    platform: str
    station: str
    expires_at: datetime
    riders: int = Field(description="how many may register by it")
    joined: int = Field(description="how many have")
    stands: bool = Field(description="it can still be used")


class InvitationMade(StaffInvitation):
    """A new invitation."""

    address: str = Field(description="what its QR code holds")


class InvitationList(BaseModel):
    """The invitations of one's own area."""

    items: list[StaffInvitation]


class InvitationRequest(_Body):
    """Invite riders of one platform's station."""

    unit: str = Field(max_length=120, description="the unit's full name or division code")
    platform: Line = Field(max_length=80, examples=["美团"])
    station: Line = Field(max_length=80, examples=["中街站"])
    days: int = Field(description="how long it is good")
    riders: int = Field(description="how many may register by it")

"""Campaigns over the wire: as an invited rider has them, and as the office that runs them."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from schemas.campaigns import OBSTACLES, REJECTIONS, CampaignKind
from schemas.places import Datum

Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
_KINDS = [each.value for each in CampaignKind]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class VisitTask(_Answer):
    """A shop to visit: open to be taken, or the rider's own."""

    id: UUID
    name: str = Field(description="empty where a place is to be looked at, and no certain shop")
    address: str
    latitude: float | None = Field(description="WGS-84 degrees")
    longitude: float | None = Field(description="WGS-84 degrees")
    state: str = Field(
        description="open, taken, found, clean, not_visited, rejected or expired", examples=["open"]
    )
    text: str
    mine: bool
    at_the_shop: bool | None = Field(
        description="whether the phone was there, where that is known; points need it for «clean»"
    )


class RiderCampaign(_Answer):
    """A campaign to which the rider was invited."""

    id: UUID
    name: str
    kind: str = Field(description=", ".join(_KINDS))
    purpose: str
    unit: str
    starts_on: date
    ends_on: date = Field(description="the last day")
    accepted: bool | None = Field(description="none until the rider answers")
    over: bool
    waits_for_others: bool = Field(description="it opens once enough supervisors take part")
    tasks: list[VisitTask] = Field(description="the rider's own, then those that can be taken")


class RiderCampaignList(_Answer):
    """The campaigns to which the rider was invited, the newest first."""

    items: list[RiderCampaign]


class CampaignReply(_Given):
    """Whether the rider takes part."""

    accept: bool


class VisitReport(_Given):
    """What came of a visit without a tip; `obstacle` says why there was none.

    The place is compared with the shop's and is not kept.
    """

    obstacle: str = Field(
        "", max_length=12, description="empty: nothing found; else " + ", ".join(OBSTACLES)
    )
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    accuracy_m: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    datum: Annotated[Datum, Field(strict=False)] = Datum.WGS84


class ShopGiven(_Given):
    """A shop to visit; without a name, the surroundings of a place."""

    name: str = Field("", max_length=200)
    address: str = Field("", max_length=300)
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    square: bool = Field(
        False,  # noqa: FBT003 - a default
        description="a square of the map of risk, whose middle the place is: 0.01° wide and high",
    )


class CampaignRequest(_Given):
    """Make a campaign."""

    unit: str = Field(max_length=120, description="the unit's full name or division code")
    kind: str = Field(max_length=16, description=", ".join(_KINDS), examples=["random_visit"])
    name: str = Field(max_length=80, examples=["元旦前随机访餐厅"])
    purpose: str = Field("", max_length=1000)
    starts_on: date = Field(strict=False)
    ends_on: date = Field(strict=False, description="the last day")
    riders_per_shop: int = Field(1, ge=1, le=2)
    datum: Annotated[Datum, Field(strict=False)] = Datum.WGS84
    shops: list[ShopGiven] = Field(min_length=1, max_length=500)


class InviteRequest(_Given):
    """Ask supervisors to take part; whom the numbers stand for is not answered."""

    numbers: list[Annotated[str, Field(max_length=40)]] = Field(
        [], max_length=500, description="points accounts or phones of appointed supervisors"
    )
    station: str = Field("", max_length=80, description="all supervisors of a station")


class InviteAnswer(_Answer):
    """How many were asked now, had been before, and are no supervisors known here."""

    asked: int
    before: int
    unknown: int


class CloseRequest(_Given):
    """Why a campaign is closed before its end."""

    reason: str = Field(max_length=500)


class RejectRequest(_Given):
    """Why a visit is not accepted."""

    code: str = Field(max_length=12, description=", ".join(REJECTIONS), examples=["fraud"])


class ShopProgress(_Answer):
    """One visit that was asked for; neither who made it nor what it found is told."""

    id: UUID
    name: str
    address: str
    state: str = Field(
        description="open, taken, visited, not_visited, rejected or expired", examples=["visited"]
    )
    text: str
    obstacle: str | None


class CampaignProgress(_Answer):
    """How many tasks there are and what became of them."""

    tasks: int
    taken: int
    visited: int
    not_visited: int
    rejected: int
    expired: int


class CampaignResults(_Answer):
    """What was found, as sums after the end; null stands for what is withheld as too small."""

    visited: int
    found: int | None
    verified: int | None
    share_percent: int | None = Field(description="found ÷ visited")
    categories: dict[str, int | None]


class CampaignAnswer(_Answer):
    """A campaign as its office sees it."""

    id: UUID
    unit: str
    kind: str
    name: str
    purpose: str
    starts_on: date
    ends_on: date
    over: bool
    closed_on: date | None
    invited: int
    enough: bool = Field(description="whether so many take part that shops are shown to them")
    progress: CampaignProgress


class CampaignFile(CampaignAnswer):
    """A campaign with its shops and, once no tip can be added any more, its results."""

    shops: list[ShopProgress]
    results: CampaignResults | None


class CampaignList(_Answer):
    """The campaigns of one's own area, the newest first."""

    items: list[CampaignAnswer]

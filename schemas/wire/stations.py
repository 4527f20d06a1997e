"""Stations (驿站) over the wire: as anybody looks for them, and as they are looked after."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from schemas.places import Datum
from schemas.stations import SERVICES

Clock = Annotated[str, Field(max_length=5, examples=["08:30"])]
Services = Annotated[
    list[Annotated[str, Field(max_length=12)]],
    Field(max_length=20, description=f"any of {', '.join(SERVICES)}", examples=[["rest", "water"]]),
]
Note = Annotated[str, Field(max_length=200, description="what else riders should know")]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Day(_Given):
    """A day's hours by the clock of Shanghai; closing that is not after opening is next day's."""

    opens: Clock
    closes: Clock


Hours = Annotated[
    list[Day | None],
    Field(
        max_length=7,
        description="Monday to Sunday, null for a day on which it is shut; empty: not known",
    ),
]


class StationOffer(_Answer):
    """Something that can be had for points there."""

    title: str
    points: int
    until: date
    is_sold_out: bool


class StationEntry(_Answer):
    """One station."""

    id: UUID
    name: str
    place: str = Field(description="where it is, as people say it")
    county_code: str | None = Field(description="GB/T 2260; null where nobody has said")
    area: str = Field(description="the names of its city and county")
    latitude: float | None = Field(description="WGS-84 degrees")
    longitude: float | None = Field(description="WGS-84 degrees")
    services: Services
    hours: Hours
    note: Note
    offers: list[StationOffer]


class StationList(_Answer):
    """All stations that stand; a phone keeps the list and sorts it by itself."""

    as_of: datetime
    stations: list[StationEntry]


class OfferingRequest(_Given):
    """Say what a station offers and when it is open."""

    services: Services
    hours: Hours
    note: Note = ""


class StationRequest(OfferingRequest):
    """Look after a station: say whose it is, where it lies, what it offers."""

    unit: str = Field(max_length=120, description="the unit's full name or division code")
    latitude: float | None = Field(default=None, strict=False)
    longitude: float | None = Field(default=None, strict=False)
    datum: Datum = Field(default=Datum.WGS84, strict=False)


class StaffStation(StationEntry):
    """A station as its office sees it."""

    unit: str | None = Field(description="whose reward officers look after it")


class StaffStationList(_Answer):
    """The stations of one's own area, and those that nobody looks after yet."""

    items: list[StaffStation]

"""What the room's API says of the map of risk and of random draws."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RiskCell(_Answer):
    """One square of a hundredth of a degree within one county, by its middle (WGS-84 degrees).

    `probability` is that so many would be verified there by chance; `hot` says that it stands
    out among all squares (Benjamini and Hochberg, 5 %).
    """

    county: str = Field(examples=["210103"])
    latitude: float
    longitude: float
    tips: int
    verified: int
    expected: float
    probability: float
    hot: bool


class RiskShop(_Answer):
    """A shop that was verified more than once in the period; `cases` are numbers of cases."""

    name: str
    credit_code: str
    county: str | None
    verified: int
    last_on: date
    cases: list[str]


class RiskHours(_Answer):
    """Verified incidents of whole weeks by the local hour of their report, Monday first.

    Each figure is the lower end of a step of `step_width`; null where there were fewer than
    one step, or none.
    """

    first_week: str = Field(examples=["2026-W27"])
    last_week: str = Field(examples=["2026-W39"])
    step_width: int
    steps: list[list[int | None]]


class RiskAnswer(_Answer):
    """Where and when more was verified than to be expected: hints, and no findings.

    `shops` is null for who sees no cases; they are also not told of squares with small figures.
    """

    scope: str
    first_on: date
    last_on: date
    category: str | None
    base: Literal["tips", "even"]
    tips: int
    verified: int
    without_place: int
    cells: list[RiskCell]
    hours: RiskHours
    shops: list[RiskShop] | None


class DrawnItem(_Answer):
    """One shop or square of a list."""

    key: str
    name: str
    address: str


class DrawAnswer(_Answer):
    """A random draw; what was drawn, `seed` and `drawn_at` are null until it was.

    `commitment` is SHA-256 of `seed`, `list_sha256` that of the list as it can be fetched.
    """

    id: UUID
    title: str
    unit: str
    source: Literal["list", "shops", "cells"]
    attempt: int
    size: int
    items: int
    list_sha256: str
    commitment: str
    public_source: str
    prepared_by: str
    prepared_at: datetime
    seed: str | None
    public_value: str | None
    drawn: list[DrawnItem] | None
    drawn_by: str | None
    drawn_at: datetime | None


class DrawList(_Answer):
    """The draws of one's own area, the last prepared first."""

    items: list[DrawAnswer]


class DrawRequest(_Answer):
    """A draw to prepare: for `list` the shops as CSV in `text`, else it is left empty."""

    unit: str = Field(max_length=120, description="a unit's full name or 6-digit division code")
    source: Literal["list", "shops", "cells"]
    title: str = Field(max_length=120)
    size: int = Field(ge=1, le=20_000)
    text: str = ""
    weighted: bool = False
    public_source: str = Field(default="", max_length=200)


class DrawingRequest(_Answer):
    """The public value that was agreed on when the draw was prepared; empty for none."""

    public_value: str = Field(default="", max_length=80)

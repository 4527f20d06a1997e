"""What lies around a place, over the wire."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.wire.reports import Latitude, Longitude

# A tenth of a degree: eleven kilometres from south to north.
CELL_DIGITS = 1


class Cell(BaseModel):
    """A place to a tenth of a degree, in WGS-84."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    latitude: Latitude
    longitude: Longitude


class OutlineList(BaseModel):
    """County outlines as a GeoJSON FeatureCollection; properties are `code` and `name`."""

    type: Literal["FeatureCollection"]
    features: list[dict[str, Any]]


class ShopNearby(BaseModel):
    """A shop whose administrative penalty is published, in a square and no nearer."""

    name: str = Field(examples=["张记饺子馆"])
    latitude: float = Field(description="middle of the square, WGS-84 degrees")
    longitude: float = Field(description="middle of the square, WGS-84 degrees")


class ShopList(BaseModel):
    """Names of shops to choose from; that one is here says only what is public by law."""

    square_degrees: float = Field(description="a side of each square")
    shops: list[ShopNearby]

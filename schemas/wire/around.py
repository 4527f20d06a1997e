"""What lies around a place, over the wire."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

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

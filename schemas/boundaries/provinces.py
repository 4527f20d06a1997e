"""Province outlines for a map of the whole country, dissolved from those of the counties."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from schemas.boundaries.index import Area
from schemas.divisions import divisions

# A picture of the country is some 600 steps wide: half a step is seen by nobody.
_TOLERANCE_DEGREES = 0.05
# An islet so near to a larger part adds nothing to see; one farther out says where the land ends.
_NEAR_DEGREES = 0.5


def province_shapes(areas: Sequence[Area]) -> dict[str, Any]:
    """Return a GeoJSON FeatureCollection (RFC 7946) of the provinces of these counties.

    Neighbours meet, since all are simplified as one coverage. Properties are `code` and
    `name`, coordinates have three decimals. The country takes a second: keep what it returns.
    """
    inside: dict[str, list[shapely.Geometry]] = {}
    for area in areas:
        inside.setdefault(area.code[:2] + "0000", []).append(area.geometry)
    codes = sorted(inside)
    # Dissolved before it is simplified: what lies inside a province need not be looked at.
    whole = np.array([shapely.coverage_union_all(inside[code]) for code in codes])
    outlines = shapely.coverage_simplify(whole, _TOLERANCE_DEGREES)
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"code": code, "name": divisions()[code].name},
                "geometry": mapping(_as_drawn(outline)),
            }
            for code, outline in zip(codes, outlines, strict=True)
        ],
    }


def _as_drawn(outline: shapely.Geometry) -> BaseGeometry:
    """Leave out islets near a larger part, and chinks that the simplifying left inside."""
    least = _TOLERANCE_DEGREES**2
    parts: NDArray[np.object_] = shapely.get_parts(outline)
    sizes = shapely.area(parts)
    large = sizes >= min(least, sizes.max())
    mainland = shapely.multipolygons(parts[large])
    kept = parts[large | (shapely.distance(parts, mainland) > _NEAR_DEGREES)]
    solid = [
        shapely.Polygon(
            part.exterior,
            [ring for ring in part.interiors if shapely.Polygon(ring).area >= least],
        )
        for part in kept
    ]
    drawn: BaseGeometry = shapely.transform(
        shapely.multipolygons(solid), lambda vertices: np.round(vertices, 3)
    )
    return drawn

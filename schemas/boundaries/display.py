"""County outlines for maps on screen: simplified together, so that neighbours still meet.

Never for routing: at this coarseness one point in five hundred would change county.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import mapping

from schemas.boundaries.index import Area
from schemas.boundaries.locating import BoundarySet
from schemas.errors import InvalidInput
from schemas.words import Words

# A vertex takes 20 bytes of JSON: a city of 15 counties stays under 50 kB, the
# whole country under 1.5 MB.
_VERTICES_A_COUNTY = 150
_VERTICES_IN_ALL = 60_000
_FINEST_DEGREES = 0.001


def display_shapes(
    boundaries: BoundarySet,
    *,
    on: dt.date,
    codes: Iterable[str] | None = None,
    bbox: tuple[float, float, float, float] | None = None,
) -> dict[str, Any]:
    """Return a GeoJSON FeatureCollection (RFC 7946) of county outlines valid on a day.

    Give either `codes` of counties or `bbox` as (west, south, east, north) in
    WGS-84 degrees; counties are drawn whole. Properties are `code` and `name`,
    coordinates have five decimals (about a metre). A city takes milliseconds, the
    country two seconds: cache it. Raises InvalidInput for a code without a polygon,
    a box that is none, or not exactly one of the two.
    """
    if (codes is None) == (bbox is None):
        raise InvalidInput(
            "shapes-codes-or-bbox",
            Words("请给出区划代码或地图范围，二者选一。", "Give either codes or a box, not both."),
            field="bbox",
        )
    if bbox is None:
        areas = _by_code(boundaries.areas(on), codes or ())
    else:
        areas = _in_box(boundaries, bbox, on)
    features = [
        {
            "type": "Feature",
            "properties": {"code": area.code, "name": area.name},
            "geometry": mapping(shape),
        }
        for area, shape in zip(areas, _simplified(areas), strict=True)
    ]
    return {"type": "FeatureCollection", "features": features}


def _by_code(areas: Sequence[Area], codes: Iterable[str]) -> list[Area]:
    known = {area.code: area for area in areas}
    wanted = sorted(set(codes))
    missing = [code for code in wanted if code not in known]
    if missing:
        raise InvalidInput(
            "shapes-code-unknown",
            Words(
                f"没有代码为“{missing[0]}”的区县边界。",
                f"There is no county polygon with the code “{missing[0]}”.",
            ),
            field="codes",
        )
    return [known[code] for code in wanted]


def _in_box(
    boundaries: BoundarySet, bbox: tuple[float, float, float, float], on: dt.date
) -> list[Area]:
    west, south, east, north = bbox
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise InvalidInput(
            "shapes-bbox-invalid",
            Words(
                "地图范围须为“西,南,东,北”，单位为度。",
                "The box must be west, south, east, north in degrees.",
            ),
            field="bbox",
        )
    return boundaries.areas_in_box(west=west, south=south, east=east, north=north, on=on)


def _simplified(areas: Sequence[Area]) -> NDArray[np.object_]:
    """Simplify outlines as one coverage, coarser until they fit the budget of vertices."""
    shapes = np.array([area.geometry for area in areas], dtype=object)
    if not shapes.size:
        return shapes
    budget = min(_VERTICES_A_COUNTY * len(shapes), _VERTICES_IN_ALL)
    west, south, east, north = shapely.total_bounds(shapes)
    # A screen shows about a thousand steps; no use in starting much finer.
    tolerance = max(_FINEST_DEGREES, (east - west + north - south) / 1000)
    while True:
        coarse = _without_islets(shapely.coverage_simplify(shapes, tolerance), tolerance)
        # Every ring keeps four vertices, however coarse: tiny sets may stay above.
        if shapely.get_num_coordinates(coarse).sum() <= budget or tolerance > 1:
            return np.asarray(shapely.transform(coarse, lambda vertices: np.round(vertices, 5)))
        tolerance *= 1.5


def _without_islets(shapes: NDArray[np.object_], tolerance: float) -> NDArray[np.object_]:
    """Leave out parts too small to be seen, but always keep the largest of each shape."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    areas = shapely.area(parts)
    largest = np.zeros(len(shapes))
    np.maximum.at(largest, owner, areas)
    seen = (areas >= tolerance**2) | (areas == largest[owner])
    return np.asarray(shapely.multipolygons(parts[seen], indices=owner[seen]))

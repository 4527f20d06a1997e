"""The map of a bulletin by county or province: few classes of lightness that stay apart in grey.

Drawn as paths over the product's own boundaries, without tiles, so that the page and the
printed issue show the same map.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any, cast

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LinearRing, MultiPolygon, Polygon, shape
from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Session

from schemas.bulletins.documents import Bulletin
from schemas.bulletins.territory import Table
from schemas.outlines import Outlines
from schemas.words import Words

WIDTH = 640
_MOST_HEIGHT = 640
_MARGIN = 8
# From light to dark by even steps of lightness (L* 97, 82, 62, 42, 22); the first is for none.
SHADES = ("#f6f7f9", "#c3d3e8", "#7f9cc4", "#3f69a0", "#12365f")
# The first shade on which white is the more legible of the two.
_WHITE_FROM = 3
# A number is written where a circle of so much, and so much for each digit, fits in the picture.
_ROOM_FOR_NUMBER, _ROOM_FOR_DIGIT = 2.5, 3
# Beyond so many degrees from south to north a flat grid of degrees shows wrong shapes.
_FLAT_DEGREES = 15
# Maps of China are conic and equal-area with these parallels and this meridian.
_SOUTHERN, _NORTHERN, _MERIDIAN = math.radians(25), math.radians(47), math.radians(105)
_N = (math.sin(_SOUTHERN) + math.sin(_NORTHERN)) / 2
_C = math.cos(_SOUTHERN) ** 2 + 2 * _N * math.sin(_SOUTHERN)
_TITLES = {
    Table.COUNTY: Words("收到举报，按区县", "Reports received, by county"),
    Table.PROVINCE: Words("收到举报，按省", "Reports received, by province"),
}

Outline = Polygon | MultiPolygon
Projection = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Patch:
    """One area: its outline as an SVG path, the number of its shade, and where its own stands."""

    code: str
    name: str
    value: int
    path: str
    shade: int
    x: float
    y: float
    is_numbered: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One class of the legend, both ends included; `shade` is its number in SHADES."""

    shade: int
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Choropleth:
    """The whole map, in units of its own picture."""

    title: Words
    width: int
    height: int
    patches: tuple[Patch, ...]
    legend: tuple[Step, ...]


def map_of(
    session: Session, *, outlines: Outlines, bulletin: Bulletin, on: date
) -> Choropleth | None:
    """Return the map of what was received, by county or else by province; None without either."""
    by = next((each for each in _TITLES if each.value in bulletin.tables), None)
    if by is None:
        return None
    shapes = (
        outlines.provinces()
        if by is Table.PROVINCE
        else outlines.within(session, codes={bulletin.scope}, on=on)
    )
    rows = bulletin.tables[by.value]
    values = {code: each.get("received") or 0 for code, each in rows.items()}
    return choropleth(shapes, values, title=_TITLES[by])


def choropleth(
    shapes: Mapping[str, Any], values: Mapping[str, int], *, title: Words
) -> Choropleth | None:
    """Return the map of areas by their values; None where fewer than two have an outline.

    `shapes` is a GeoJSON FeatureCollection with `code` and `name` as properties. The
    projection is plate carrée, true to scale in the middle, up to a province; beyond that
    Albers' equal-area conic, so that lightness is seen on areas in proportion.
    """
    found = [
        (str(each["properties"]["code"]), str(each["properties"]["name"]), shape(each["geometry"]))
        for each in shapes["features"]
    ]
    if len(found) <= 1:
        return None
    project = _projection([outline for _, _, outline in found])
    drawn = [
        (code, name, cast(Outline, shapely.transform(each, project))) for code, name, each in found
    ]
    frame = _Frame([outline for _, _, outline in drawn])
    steps = steps_of([values.get(code, 0) for code, _, _ in found])
    return Choropleth(
        title=title,
        width=WIDTH,
        height=frame.height,
        patches=tuple(
            _patch(code, name, outline, values.get(code, 0), frame, steps)
            for code, name, outline in drawn
        ),
        legend=steps,
    )


def steps_of(values: Sequence[int]) -> tuple[Step, ...]:
    """Return the classes: one for zero, then up to four of about as many counties each."""
    positive = sorted(each for each in values if each > 0)
    classes = min(len(SHADES) - 1, len(set(positive)))
    ends: list[int] = []
    for number in range(1, classes + 1):
        end = positive[math.ceil(len(positive) * number / classes) - 1]
        if not ends or end > ends[-1]:
            ends.append(end)
    steps = [Step(0, 0, 0)] if len(positive) < len(values) else []
    # Where there are fewer classes, the darkest stay: they are the farthest from none.
    shades = range(len(SHADES) - len(ends), len(SHADES))
    least = 1
    for shade, end in zip(shades, ends, strict=True):
        steps.append(Step(shade, least, end))
        least = end + 1
    return tuple(steps)


def as_svg(drawn: Choropleth, *, font: str) -> str:
    """Return the map as an SVG file with its numbers, for a typesetter."""
    head = f'viewBox="0 0 {drawn.width} {drawn.height}" font-family="{font}" font-size="12"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {head}>']
    parts += [
        f'<path d="{each.path}" fill="{SHADES[each.shade]}" stroke="#48525e" stroke-width="0.8" '
        # An islet smaller than a dot is seen by its round stroke.
        'stroke-linecap="round" stroke-linejoin="round"/>'
        for each in drawn.patches
    ]
    parts += [
        f'<text x="{each.x}" y="{each.y + 4}" fill="{_ink(each.shade)}" text-anchor="middle">'
        f"{each.value}</text>"
        for each in drawn.patches
        if each.is_numbered
    ]
    return "".join([*parts, "</svg>"])


def _projection(outlines: Sequence[BaseGeometry]) -> Projection:
    """Return what brings degrees (longitude, latitude) to a plane, north at its top."""
    _, south, _, north = shapely.total_bounds(np.array(outlines, dtype=object))
    if north - south > _FLAT_DEGREES:
        return _albers
    squeeze = math.cos(math.radians((south + north) / 2))
    return lambda degrees: degrees * (squeeze, 1.0)


def _albers(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Project on Albers' equal-area conic; unit: the sphere's radius.

    Snyder, Map Projections: A Working Manual (USGS Professional Paper 1395), 14-1 to 14-6.
    """
    longitude, latitude = np.radians(degrees[:, 0]), np.radians(degrees[:, 1])
    radius = np.sqrt(_C - 2 * _N * np.sin(latitude)) / _N
    angle = _N * (longitude - _MERIDIAN)
    return np.column_stack([radius * np.sin(angle), -radius * np.cos(angle)])


class _Frame:
    """Brings what was projected into the picture."""

    def __init__(self, outlines: Sequence[BaseGeometry]) -> None:
        west, south, east, north = shapely.total_bounds(np.array(outlines, dtype=object))
        self._west, self._north = float(west), float(north)
        wide, high = float(east - west), float(north - south)
        inner = WIDTH - 2 * _MARGIN
        self.scale = min(inner / wide, (_MOST_HEIGHT - 2 * _MARGIN) / high)
        self._indent = (inner - wide * self.scale) / 2
        self.height = math.ceil(high * self.scale + 2 * _MARGIN)

    def point(self, east: float, north: float) -> tuple[float, float]:
        x, y = (east - self._west) * self.scale, (self._north - north) * self.scale
        return round(x + self._indent + _MARGIN, 1), round(y + _MARGIN, 1)


def _patch(
    code: str,
    name: str,
    outline: Outline,
    value: int,
    frame: _Frame,
    steps: Sequence[Step],
) -> Patch:
    shade = next(each.shade for each in steps if each.least <= value <= each.most)
    # The middle of the widest round place within it: no number lies over a neighbour.
    radius = shapely.maximum_inscribed_circle(outline, tolerance=2 / frame.scale)
    x, y = frame.point(*radius.coords[0])
    return Patch(
        code=code,
        name=name,
        value=value,
        path=_path(outline, frame),
        shade=shade,
        x=x,
        y=y,
        is_numbered=value > 0
        and radius.length * frame.scale >= _ROOM_FOR_NUMBER + _ROOM_FOR_DIGIT * len(str(value)),
    )


def _ink(shade: int) -> str:
    return "#ffffff" if shade >= _WHITE_FROM else "#1d273b"


def _path(outline: BaseGeometry, frame: _Frame) -> str:
    polygons = getattr(outline, "geoms", [outline])
    rings = [ring for each in polygons for ring in (each.exterior, *each.interiors)]
    return "".join(f"M{' '.join(_corners(ring, frame))}Z" for ring in rings)


def _corners(ring: LinearRing, frame: _Frame) -> Iterator[str]:
    """Yield the corners that the picture shows apart, the last one always."""
    corners = ["{},{}".format(*frame.point(*each[:2])) for each in ring.coords]
    yield from (one for one, following in pairwise(corners) if one != following)
    yield corners[-1]

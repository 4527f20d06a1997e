"""The map of a bulletin by county: few classes of lightness that stay apart in grey.

Drawn as paths over the product's own boundaries, without tiles, so that the page and the
printed issue show the same map.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

WIDTH = 640
_MOST_HEIGHT = 640
_MARGIN = 8
# From light to dark by even steps of lightness (L* 97, 82, 62, 42, 22); the first is for none.
SHADES = ("#f6f7f9", "#c3d3e8", "#7f9cc4", "#3f69a0", "#12365f")
# The first shade on which white is the more legible of the two.
_WHITE_FROM = 3
# A number is written where its county is so wide and high, in units of the picture.
_ROOM_FOR_NUMBER = 14


@dataclass(frozen=True, slots=True)
class Patch:
    """One county: its outline as an SVG path, the number of its shade, and where its own stands."""

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

    width: int
    height: int
    patches: tuple[Patch, ...]
    legend: tuple[Step, ...]


def choropleth(shapes: Mapping[str, Any], values: Mapping[str, int]) -> Choropleth | None:
    """Return the map of counties by their values; None where fewer than two have an outline.

    `shapes` is a GeoJSON FeatureCollection with `code` and `name` as properties. The
    projection is plate carrée, true to scale in the middle, which serves up to a province.
    """
    found = [
        (str(each["properties"]["code"]), str(each["properties"]["name"]), shape(each["geometry"]))
        for each in shapes["features"]
    ]
    if len(found) <= 1:
        return None
    frame = _Frame([outline for _, _, outline in found])
    steps = steps_of([values.get(code, 0) for code, _, _ in found])
    return Choropleth(
        width=WIDTH,
        height=frame.height,
        patches=tuple(
            _patch(code, name, outline, values.get(code, 0), frame, steps)
            for code, name, outline in found
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
        f'<path d="{each.path}" fill="{SHADES[each.shade]}" stroke="#48525e" stroke-width="0.8"/>'
        for each in drawn.patches
    ]
    parts += [
        f'<text x="{each.x}" y="{each.y + 4}" fill="{_ink(each.shade)}" text-anchor="middle">'
        f"{each.value}</text>"
        for each in drawn.patches
        if each.is_numbered
    ]
    return "".join([*parts, "</svg>"])


class _Frame:
    """Brings degrees into the picture: true to scale at the middle's latitude."""

    def __init__(self, outlines: Sequence[BaseGeometry]) -> None:
        bounds = [each.bounds for each in outlines]
        self._west = min(each[0] for each in bounds)
        self._north = max(each[3] for each in bounds)
        south, east = min(each[1] for each in bounds), max(each[2] for each in bounds)
        self._squeeze = math.cos(math.radians((south + self._north) / 2))
        wide, high = (east - self._west) * self._squeeze, self._north - south
        inner = WIDTH - 2 * _MARGIN
        self._scale = min(inner / wide, (_MOST_HEIGHT - 2 * _MARGIN) / high)
        self._indent = (inner - wide * self._scale) / 2
        self.height = math.ceil(high * self._scale + 2 * _MARGIN)

    def point(self, longitude: float, latitude: float) -> tuple[float, float]:
        x = (longitude - self._west) * self._squeeze * self._scale
        y = (self._north - latitude) * self._scale
        return round(x + self._indent + _MARGIN, 1), round(y + _MARGIN, 1)


def _patch(
    code: str,
    name: str,
    outline: BaseGeometry,
    value: int,
    frame: _Frame,
    steps: Sequence[Step],
) -> Patch:
    shade = next(each.shade for each in steps if each.least <= value <= each.most)
    middle = outline.representative_point()
    x, y = frame.point(middle.x, middle.y)
    west, south, east, north = outline.bounds
    left, top = frame.point(west, north)
    right, bottom = frame.point(east, south)
    return Patch(
        code=code,
        name=name,
        value=value,
        path=_path(outline, frame),
        shade=shade,
        x=x,
        y=y,
        is_numbered=value > 0 and min(right - left, bottom - top) >= _ROOM_FOR_NUMBER,
    )


def _ink(shade: int) -> str:
    return "#ffffff" if shade >= _WHITE_FROM else "#1d273b"


def _path(outline: BaseGeometry, frame: _Frame) -> str:
    polygons = getattr(outline, "geoms", [outline])
    rings = [ring for each in polygons for ring in (each.exterior, *each.interiors)]
    lines = [
        " ".join("{},{}".format(*frame.point(*each[:2])) for each in ring.coords) for ring in rings
    ]
    return "".join(f"M{line}Z" for line in lines)

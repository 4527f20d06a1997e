"""Polygons that answer where a point lies and how near it is to a border, fast.

Everything is in WGS-84 degrees, with straight edges between vertices as GeoJSON
has them (RFC 7946). Distances are measured on the plane through the point, with
degrees of longitude shortened by the cosine of its latitude: true to 0.5 % within
the kilometres that matter, to 3 % at 200 km.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.prepared import PreparedGeometry, prep

from schemas.places import METRES_PER_DEGREE, Point

# So many edges make one piece of a border. Shorter pieces make a search
# quicker and the index larger; 16 costs 160,000 pieces and 0.2 s at start.
_EDGES_A_PIECE = 16
# Each polygon gets a core: what is left when a strip of this width along its border is
# taken away. A point in it needs no second look for margins up to that, which
# are nearly all.
_CORE_M = 150.0
# Polygons that share less than this (about ten square metres) only touch.
_TOUCHING_DEGREES2 = 1e-9

_Geometries = NDArray[np.object_]
_Numbers = NDArray[np.int64]
_Degrees = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Area:
    """One polygon in WGS-84 and what it stands for; `is_loaded` says an operator gave it."""

    code: str
    name: str
    version: str
    geometry: shapely.Geometry
    is_loaded: bool = False


class PolygonIndex:
    """An immutable set of areas, searchable by point.

    `previous` lends what it already cut and prepared for geometries that are
    the same objects, so that changing a few of 2,900 areas takes a fifth of a
    second less than starting over.
    """

    def __init__(self, areas: Iterable[Area], *, previous: "PolygonIndex | None" = None) -> None:
        self.areas = tuple(areas)
        self._polygons: _Geometries = np.array([area.geometry for area in self.areas], dtype=object)
        self._lines, self._owners = self._cut_borders(previous)
        self._prepared = [prep(polygon) for polygon in self._polygons]
        self._tree = shapely.STRtree(self._polygons)
        self._border_tree = shapely.STRtree(self._lines)
        self._overlapping = self._find_overlapping()
        # Made when first asked for, a millisecond each: a city needs a dozen of 2,900.
        self._cores: _Geometries = np.full(len(self.areas), None, dtype=object)
        self._prepared_cores: dict[int, PreparedGeometry[shapely.Geometry]] = {}

    def place(self, point: Point, margin_m: float) -> tuple[list[int], dict[int, float]]:
        """Return (areas that hold the point, distance in metres of each border within the margin).

        Areas are given by their position in `areas`. Several hold the point only
        where loaded polygons overlap.
        """
        spot = shapely.Point(point.longitude, point.latitude)
        hits = self._tree.query(spot).tolist()
        if margin_m <= _CORE_M:
            for k in hits:
                if (self._prepared_cores.get(k) or self._make_core(k)).covers(spot):
                    return [k], {}
        inside = []
        for k in hits:
            if self._prepared[k].covers(spot):
                inside.append(k)
                if k not in self._overlapping:
                    break
        reach = _degrees(margin_m, point.latitude)
        pieces = self._border_tree.query(spot, predicate="dwithin", distance=reach)
        if not pieces.size:
            return inside, {}
        here = np.full(len(pieces), point.longitude), np.full(len(pieces), point.latitude)
        return inside, self._nearest(np.zeros_like(pieces), pieces, *here, margin_m).get(0, {})

    def place_many(
        self, longitudes: _Degrees, latitudes: _Degrees, margin_m: float
    ) -> tuple[_Numbers, dict[int, dict[int, float]]]:
        """Do `place` for many points at once.

        Returns the area of each point, -1 for none and -2 for several, and by the
        point's number the distance in metres of each border within the margin.
        """
        spots = np.asarray(shapely.points(longitudes, latitudes))
        which, areas = self._tree.query(spots)
        inside = np.full(len(spots), -1)
        if margin_m <= _CORE_M:
            for k in np.unique(areas[self._cores[areas] == None]).tolist():  # noqa: E711 - elementwise.
                self._make_core(k)
            is_deep = shapely.covers(self._cores[areas], spots[which])
            inside[which[is_deep]] = areas[is_deep]
            rest = inside[which] < 0
            which, areas = which[rest], areas[rest]
        holds = shapely.covers(self._polygons[areas], spots[which])
        which, areas = which[holds], areas[holds]
        is_shallow = inside < 0
        inside[which] = areas
        inside[np.bincount(which, minlength=len(spots)) > 1] = -2
        shallow = np.flatnonzero(is_shallow)
        reach = _degrees(margin_m, float(np.abs(latitudes).max(initial=0.0)))
        which, pieces = self._border_tree.query(spots[shallow], predicate="dwithin", distance=reach)
        which = shallow[which]
        near = self._nearest(which, pieces, longitudes[which], latitudes[which], margin_m)
        return inside, near

    def border_distance_m(self, k: int, point: Point) -> float:
        """Distance in metres from a point to the border of area `k`, however far."""
        lines = self._lines[self._owners == k]
        here = np.full(len(lines), point.longitude), np.full(len(lines), point.latitude)
        return float(_distances_m(lines, *here).min())

    def touching(self, west: float, south: float, east: float, north: float) -> list[int]:
        """Return the areas that meet a box of WGS-84 degrees, in their own order."""
        box = shapely.box(west, south, east, north)
        return sorted(self._tree.query(box, predicate="intersects").tolist())

    def warm(self) -> None:
        """Build every polygon's own index now, so that forked workers inherit it."""
        spots = shapely.point_on_surface(self._polygons)
        for _ in range(2):
            # GEOS answers the first question by walking round and indexes at the second.
            shapely.covers(self._polygons, spots)

    def _make_core(self, k: int) -> "PreparedGeometry[shapely.Geometry]":
        """Take a strip of _CORE_M along the border away; nothing is left where polygons overlap."""
        polygon = self._polygons[k]
        # At the latitude where degrees of longitude are shortest the strip is widest,
        # and so are corners that end in a point, so that the core is never too large.
        shrink = np.array([math.cos(math.radians(np.abs(polygon.bounds[1::2]).max())), 1.0])
        flat = shapely.transform(polygon, lambda vertices: vertices * shrink)
        inner = shapely.buffer(flat, -_CORE_M / METRES_PER_DEGREE, join_style="mitre")
        core = shapely.transform(inner, lambda vertices: vertices / shrink)
        self._cores[k] = shapely.Polygon() if k in self._overlapping else core
        prepared = prep(self._cores[k])
        self._prepared_cores[k] = prepared
        return prepared

    def _nearest(
        self,
        which: _Numbers,
        pieces: _Numbers,
        longitudes: _Degrees,
        latitudes: _Degrees,
        margin_m: float,
    ) -> dict[int, dict[int, float]]:
        """Reduce pairs of point and border piece to the nearest of each area, within the margin."""
        near: dict[int, dict[int, float]] = {}
        distances = _distances_m(self._lines[pieces], longitudes, latitudes)
        pairs = zip(which.tolist(), self._owners[pieces].tolist(), distances.tolist(), strict=True)
        for number, owner, distance in pairs:
            if distance <= margin_m:
                of_point = near.setdefault(number, {})
                of_point[owner] = min(distance, of_point.get(owner, math.inf))
        return near

    def _cut_borders(self, previous: "PolygonIndex | None") -> tuple[_Geometries, _Numbers]:
        """Cut all borders into short pieces; returns the pieces and the area each belongs to."""
        if previous is None:
            return _pieces(self._polygons)
        position = {id(area.geometry): k for k, area in enumerate(self.areas)}
        renumbered = np.array([position.get(id(area.geometry), -1) for area in previous.areas])
        known = set(renumbered.tolist())
        fresh = np.array([k for k in range(len(self.areas)) if k not in known], dtype=np.int64)
        lines, owners = _pieces(self._polygons[fresh])
        kept = renumbered[previous._owners]
        return (
            np.concatenate([previous._lines[kept >= 0], lines]),
            np.concatenate([kept[kept >= 0], fresh[owners]]),
        )

    def _find_overlapping(self) -> frozenset[int]:
        """Areas that share ground with another one, which only happens among loaded polygons."""
        loaded = np.array([k for k, area in enumerate(self.areas) if area.is_loaded], dtype=int)
        polygons = self._polygons[loaded]
        # Of two that overlap at least one has an edge that matches none, which is found fast.
        odd = np.flatnonzero(~shapely.is_empty(shapely.coverage_invalid_edges(polygons)))
        one, other = shapely.STRtree(polygons).query(polygons[odd], predicate="intersects")
        one, other = odd[one][odd[one] != other], other[odd[one] != other]
        shared = shapely.area(shapely.intersection(polygons[one], polygons[other]))
        real = shared > _TOUCHING_DEGREES2
        return frozenset(loaded[np.concatenate([one[real], other[real]])].tolist())


def _degrees(margin_m: float, latitude: float) -> float:
    """Return a radius in degrees that reaches at least `margin_m` in every direction."""
    north_degrees = margin_m / METRES_PER_DEGREE
    # Near the poles a degree of longitude vanishes; no border is there to be found.
    furthest = min(abs(latitude) + north_degrees, 85.0)
    return north_degrees / math.cos(math.radians(furthest))


def _pieces(polygons: _Geometries) -> tuple[_Geometries, _Numbers]:
    """Cut the rings of polygons into lines of `_EDGES_A_PIECE` edges; returns lines and owners."""
    parts, owner_of_part = shapely.get_parts(polygons, return_index=True)
    rings, part_of_ring = shapely.get_rings(parts, return_index=True)
    vertices, ring_of_vertex = shapely.get_coordinates(rings, return_index=True)
    edges = np.bincount(ring_of_vertex, minlength=len(rings)) - 1
    first_vertex = np.cumsum(edges + 1) - (edges + 1)
    pieces = -(-edges // _EDGES_A_PIECE)
    ring = np.repeat(np.arange(len(rings)), pieces)
    start = np.arange(len(ring)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    start = start * _EDGES_A_PIECE
    # Each piece ends on the vertex where the next one begins.
    length = np.minimum(_EDGES_A_PIECE, edges[ring] - start) + 1
    offset = np.cumsum(length) - length
    pick = np.arange(length.sum()) + np.repeat(first_vertex[ring] + start - offset, length)
    lines = shapely.linestrings(vertices[pick], indices=np.repeat(np.arange(len(ring)), length))
    return lines, owner_of_part[part_of_ring[ring]]


def _distances_m(
    lines: _Geometries | Sequence[shapely.Geometry], longitudes: _Degrees, latitudes: _Degrees
) -> _Degrees:
    """Distance in metres from the n-th point to the n-th line, on the plane through the point."""
    vertices, line = shapely.get_coordinates(lines, return_index=True)
    shrink = np.cos(np.radians(latitudes))
    east = (vertices[:, 0] - longitudes[line]) * (shrink[line] * METRES_PER_DEGREE)
    north = (vertices[:, 1] - latitudes[line]) * METRES_PER_DEGREE
    along_east, along_north = np.diff(east), np.diff(north)
    length2 = np.maximum(along_east**2 + along_north**2, 1e-12)
    share = -(east[:-1] * along_east + north[:-1] * along_north) / length2
    share = np.clip(share, 0.0, 1.0)
    distances = np.hypot(east[:-1] + share * along_east, north[:-1] + share * along_north)
    # An edge between the end of one line and the start of the next is none.
    real = line[1:] == line[:-1]
    first_edge = np.searchsorted(line[1:][real], np.arange(len(shrink)))
    return np.asarray(np.minimum.reduceat(distances[real], first_edge))

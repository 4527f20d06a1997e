"""Which county, and which street, a point lies in, and how sure that is.

The polygons are those of the package until an operator loads official ones.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from schemas.boundaries.index import Area, PolygonIndex
from schemas.boundaries.merging import Override, merged
from schemas.boundaries.package import CARVED_OUT, package_areas
from schemas.divisions import division
from schemas.errors import InvalidInput
from schemas.places import Point
from schemas.words import Words

__all__ = ["NEARBY_M", "BoundarySet", "Candidate", "Location", "Override", "load_county_boundaries"]

NEARBY_M = 5_000.0
"""How far around a point that lies in no polygon counties are named as candidates."""

_WIDEST_MARGIN_M = 100_000.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """Another area the point may belong to; 0 metres where it can't be told apart."""

    code: str
    name: str
    distance_m: float


@dataclass(frozen=True, slots=True)
class Location:
    """Where a point lies. `code` and `name` are None outside every polygon.

    `border_distance_m` is measured when the border of the containing polygon is
    within the margin and None when it is farther; `BoundarySet.border_distance_m`
    measures it in any case. `candidates` are the other areas within the margin, or
    within NEARBY_M of a point in no polygon, nearest first. `version` names the
    polygon's source, or all sources outside every polygon. `boundary_outdated` says
    that the polygon still holds ground of newer counties, which are among the
    candidates. The street fields say the same of loaded street polygons.
    """

    code: str | None
    name: str | None
    border_distance_m: float | None
    candidates: tuple[Candidate, ...]
    version: str
    boundary_outdated: bool = False
    street_code: str | None = None
    street_name: str | None = None
    street_border_distance_m: float | None = None
    street_candidates: tuple[Candidate, ...] = ()

    @property
    def is_certain(self) -> bool:
        """Whether the county may be taken without asking a dispatcher."""
        return self.code is not None and self.border_distance_m is None and not self.candidates

    @property
    def runner_up(self) -> Candidate | None:
        """The nearest other area, if any is near."""
        return self.candidates[0] if self.candidates else None


class BoundarySet:
    """Immutable county polygons, and the loaded ones that take their place while they are valid.

    Make it and call `warm` before workers fork: children then inherit its indexes.
    """

    def __init__(
        self, package: PolygonIndex, *, package_version: str, overrides: Iterable[Override] = ()
    ) -> None:
        self._package = package
        self._package_version = package_version
        self._overrides = tuple(overrides)
        self._by_day: dict[dt.date, _View] = {}
        self._by_content: dict[tuple[int, ...], _View] = {}
        self._plain = _View(package, None, frozenset(), self.version)

    @property
    def version(self) -> str:
        """Names the package and every loaded source."""
        loaded = sorted({override.version for override in self._overrides})
        return " + ".join([self._package_version, *loaded])

    def with_overrides(self, overrides: Iterable[Override]) -> "BoundarySet":
        """Return a set in which exactly these polygons win, on the days on which they are valid."""
        return BoundarySet(
            self._package, package_version=self._package_version, overrides=overrides
        )

    def warm(self, on: dt.date) -> None:
        """Build now what the first look-ups of a day would build."""
        self._view(on).counties.warm()

    def areas(self, on: dt.date) -> tuple[Area, ...]:
        """Return the county areas of a day, loaded ones included."""
        return self._view(on).counties.areas

    def areas_in_box(
        self, *, west: float, south: float, east: float, north: float, on: dt.date
    ) -> list[Area]:
        """Return the county areas of a day that meet a box of WGS-84 degrees."""
        counties = self._view(on).counties
        return [counties.areas[k] for k in counties.touching(west, south, east, north)]

    def locate(self, point: Point, *, margin_m: float, on: dt.date) -> Location:
        """Say in which county a point lies on a day, and what else lies within `margin_m` metres.

        Raises InvalidInput when the margin is not from 0 to 100,000 metres.
        """
        _check_margin(margin_m)
        view = self._view(on)
        inside, near = view.counties.place(point, margin_m)
        if len(inside) == 1 and not near and view.streets is None:
            return view.deep[inside[0]]
        return view.describe(point, inside, near, margin_m)

    def locate_many(
        self, points: Sequence[Point], *, margin_m: float, on: dt.date
    ) -> list[Location]:
        """Do `locate` for many points, several times as fast as one by one."""
        _check_margin(margin_m)
        view = self._view(on)
        if view.streets is not None or not points:
            return [self.locate(point, margin_m=margin_m, on=on) for point in points]
        inside, near = view.counties.place_many(
            np.array([point.longitude for point in points]),
            np.array([point.latitude for point in points]),
            margin_m,
        )
        found = [view.deep[k] for k in inside.tolist()]
        for number, distances in near.items():
            k = int(inside[number])
            if k >= 0:
                found[number] = view.describe(points[number], [k], distances, margin_m)
        for number in np.flatnonzero(inside < 0).tolist():
            found[number] = self.locate(points[number], margin_m=margin_m, on=on)
        return found

    def border_distance_m(self, point: Point, *, on: dt.date) -> float | None:
        """Distance in metres to the border of the county around the point; None outside all."""
        counties = self._view(on).counties
        inside, _ = counties.place(point, 0.0)
        if not inside:
            return None
        return min(counties.border_distance_m(k, point) for k in inside)

    def _view(self, on: dt.date) -> "_View":
        """Return the polygons of a day; days with the same loaded polygons share them."""
        if not self._overrides:
            return self._plain
        view = self._by_day.get(on)
        if view is None:
            content = tuple(k for k, each in enumerate(self._overrides) if each.is_valid_on(on))
            view = self._by_content.get(content) or self._make_view(content)
            self._by_day[on] = self._by_content[content] = view
        return view

    def _make_view(self, content: tuple[int, ...]) -> "_View":
        overrides = [self._overrides[k] for k in content]
        counties, streets = merged(self._package.areas, overrides)
        return _View(
            PolygonIndex(counties, previous=self._package),
            PolygonIndex(streets) if streets else None,
            frozenset(each.code for each in overrides if each.level == "county"),
            self.version,
        )


class _View:
    """The polygons of one day, and the answer for every point far from all borders."""

    def __init__(
        self,
        counties: PolygonIndex,
        streets: PolygonIndex | None,
        replaced: frozenset[str],
        version: str,
    ) -> None:
        self.counties = counties
        self.streets = streets
        self._version = version
        self._unmapped = _unmapped(counties.areas, replaced)
        self.deep = [self._county(k, [k], {}) for k in range(len(counties.areas))]

    def describe(
        self, point: Point, inside: list[int], near: dict[int, float], margin_m: float
    ) -> Location:
        """Put into words what the indexes found around a point."""
        if not inside:
            _, around = self.counties.place(point, max(margin_m, NEARBY_M))
            found = Location(None, None, None, _candidates(self.counties, around), self._version)
        else:
            # Any order will do where loaded polygons overlap, if it is always the same.
            k = min(inside, key=lambda each: self.counties.areas[each].code)
            found = self._county(k, inside, near)
        return found if self.streets is None else _with_street(found, self.streets, point, margin_m)

    def _county(self, k: int, inside: list[int], near: dict[int, float]) -> Location:
        area = self.counties.areas[k]
        others = {**near, **dict.fromkeys(inside, 0.0)}
        others.pop(k)
        unmapped = self._unmapped.get(area.code, ())
        return Location(
            area.code,
            area.name,
            near.get(k),
            unmapped + _candidates(self.counties, others),
            area.version,
            boundary_outdated=bool(unmapped),
        )


def _candidates(index: PolygonIndex, distances: dict[int, float]) -> tuple[Candidate, ...]:
    found = [
        Candidate(index.areas[k].code, index.areas[k].name, distance)
        for k, distance in distances.items()
    ]
    return tuple(sorted(found, key=lambda each: (each.distance_m, each.code)))


def _unmapped(areas: Sequence[Area], replaced: frozenset[str]) -> dict[str, tuple[Candidate, ...]]:
    """Counties without a polygon, by the code of each county whose old outline holds them."""
    present = {area.code for area in areas}
    found: dict[str, tuple[Candidate, ...]] = {}
    for code, carved in CARVED_OUT.items():
        if code not in present:
            for parent in set(carved.parents) - replaced:
                new = Candidate(code, division(code).name, 0.0)
                found[parent] = (*found.get(parent, ()), new)
    return found


def _with_street(
    county: Location, streets: PolygonIndex, point: Point, margin_m: float
) -> Location:
    """Add the loaded street; one of another county than the loaded county is left to people."""
    inside, near = streets.place(point, margin_m)
    own = [k for k in inside if streets.areas[k].code[:6] == county.code]
    foreign = {streets.areas[k].code[:6] for k in inside} - {county.code}
    doubts = tuple(Candidate(code, division(code).name, 0.0) for code in sorted(foreign))
    if not own:
        return replace(
            county,
            candidates=doubts + county.candidates,
            street_candidates=_candidates(streets, {**near, **dict.fromkeys(inside, 0.0)}),
        )
    k = min(own, key=lambda each: streets.areas[each].code)
    others = {**near, **dict.fromkeys(inside, 0.0)}
    others.pop(k)
    return replace(
        county,
        candidates=doubts + county.candidates,
        street_code=streets.areas[k].code,
        street_name=streets.areas[k].name,
        street_border_distance_m=near.get(k),
        street_candidates=_candidates(streets, others),
    )


def _check_margin(margin_m: float) -> None:
    if not 0 <= margin_m <= _WIDEST_MARGIN_M:
        raise InvalidInput(
            "margin-out-of-range",
            Words(
                "定位精度须在 0 到 100,000 米之间，请重新定位。",
                "The accuracy must be from 0 to 100,000 metres; locate again.",
            ),
            field="accuracy_m",
        )


def load_county_boundaries() -> BoundarySet:
    """Read the package's county polygons (2,877, WGS-84); takes about a second.

    Raises ConfigurationError when the package's files are not as expected.
    """
    version, areas, _ = package_areas()
    return BoundarySet(PolygonIndex(areas), package_version=version)

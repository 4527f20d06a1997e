"""County outlines for the maps, read once and at the first use."""

import threading
from collections.abc import Collection
from datetime import date
from functools import cache
from typing import Any

import shapely
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from schemas.boundaries.display import display_shapes
from schemas.boundaries.locating import BoundarySet, load_county_boundaries
from schemas.boundaries.merging import Override
from schemas.boundaries.provinces import province_shapes
from schemas.places import METRES_PER_DEGREE, Point
from schemas.tables import Jurisdiction

# A map shows the counties that come within this distance of a place on it.
AROUND_M = 2_000.0
# How many units' maps a process keeps drawn.
KEPT = 16


class Outlines:
    """The counties' outlines as GeoJSON, with those that an operator loaded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: tuple[object, BoundarySet] | None = None
        self._drawn: dict[tuple[object, ...], dict[str, Any]] = {}

    def around(self, session: Session, *, points: list[Point], on: date) -> dict[str, Any]:
        """Return a FeatureCollection of the counties around some places; empty without any."""
        if not points:
            return around_nothing()
        reach = AROUND_M / METRES_PER_DEGREE
        west = max(-180.0, min(point.longitude for point in points) - reach)
        east = min(180.0, max(point.longitude for point in points) + reach)
        south = max(-90.0, min(point.latitude for point in points) - reach)
        north = min(90.0, max(point.latitude for point in points) + reach)
        if east - west > 2.0 or north - south > 2.0:
            # Claims that disagree by hundreds of kilometres: only the first place's county.
            return self.around(session, points=points[:1], on=on)
        return display_shapes(self._boundaries(session), on=on, bbox=(west, south, east, north))

    def within(self, session: Session, *, codes: Collection[str], on: date) -> dict[str, Any]:
        """Return a FeatureCollection of the counties within some divisions, whole.

        The country takes two seconds the first time; what was drawn is kept.
        """
        boundaries = self._boundaries(session)
        key = (id(boundaries), on, *sorted(codes))
        with self._lock:
            if key in self._drawn:
                return self._drawn[key]
        known = {area.code for area in boundaries.areas(on)}
        inside = [code for code in known if any(code.startswith(_prefix(top)) for top in codes)]
        shapes = display_shapes(boundaries, on=on, codes=inside) if inside else around_nothing()
        with self._lock:
            if len(self._drawn) >= KEPT:
                self._drawn.clear()
            self._drawn[key] = shapes
        return shapes

    def provinces(self) -> dict[str, Any]:
        """Return a FeatureCollection of the provinces; the first call of a process takes a second.

        What an operator loaded moves lines by less than a picture of the country shows.
        """
        with self._lock:
            return _provinces()

    def county_at(self, session: Session, *, point: Point, on: date) -> str | None:
        """Return the code of the county that a place lies in, None outside all of them."""
        return self._boundaries(session).locate(point, margin_m=0.0, on=on).code

    def _boundaries(self, session: Session) -> BoundarySet:
        """Return the boundaries in force; read anew when an operator has loaded polygons."""
        edition = session.execute(
            select(func.count(Jurisdiction.id), func.max(Jurisdiction.loaded_at))
        ).one()
        with self._lock:
            package = _package()
            if edition[0] == 0:
                return package
            if self._loaded is None or self._loaded[0] != tuple(edition):
                overrides = [_override(row) for row in session.scalars(select(Jurisdiction))]
                self._loaded = (tuple(edition), package.with_overrides(overrides))
            return self._loaded[1]


def around_nothing() -> dict[str, Any]:
    """Return a FeatureCollection that holds nothing."""
    return {"type": "FeatureCollection", "features": []}


def _prefix(code: str) -> str:
    while code.endswith("00"):
        code = code[:-2]
    return code


@cache
def _package() -> BoundarySet:
    """Return the package's boundaries, which never change while a process lives."""
    return load_county_boundaries()


@cache
def _provinces() -> dict[str, Any]:
    """Return the provinces, dissolved once: the package's counties have no days of their own."""
    return province_shapes(_package().areas(date.max))


def _override(row: Jurisdiction) -> Override:
    return Override(
        code=row.code,
        name=row.name,
        level="street" if row.level == "street" else "county",
        geometry=shapely.from_wkb(row.geometry),
        version=row.version,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )

"""Where the demo's tips come from: points drawn around town centres, checked against the map."""

import math
import random
from datetime import date

from schemas.boundaries.locating import BoundarySet
from schemas.places import METRES_PER_DEGREE, Point
from suishoupai.demo.people import COUNTIES

# A point of each town where there are shops, WGS-84 degrees, as anybody reads it off a map.
_CENTRES = {
    "shenhe": (41.7960, 123.4580),
    "heping": (41.7890, 123.4060),
    "dadong": (41.8120, 123.4850),
    "huanggu": (41.8350, 123.4250),
    "tiexi": (41.8030, 123.3650),
    "hunnan": (41.7150, 123.4600),
    "yuhong": (41.8050, 123.2950),
    "jinchengjiang": (24.6900, 108.0400),
    "yizhou": (24.4950, 108.6450),
    "xinglongtai": (41.1350, 122.0750),
    "jiaojiang": (28.6650, 121.4350),
    "futian": (22.5430, 114.0500),
    "beilin": (34.2480, 108.9500),
    "pudong": (31.2150, 121.5500),
    "xihu": (30.2650, 120.1200),
    "haiyan": (30.5250, 120.9350),
}
_SPREAD_M = 1_400.0
_FAR_FROM_BORDER_M = 350.0
_TRIES = 20_000


class Map:
    """Draws points whose county is known, by the boundaries that routing uses."""

    def __init__(self, boundaries: BoundarySet, day: date) -> None:
        self._boundaries = boundaries
        self._day = day

    def inside(self, place: str, draw: random.Random) -> Point:
        """Return a point in a county and well away from its border."""
        for _ in range(_TRIES):
            point = _around(Point(*_CENTRES[place]), draw, _SPREAD_M)
            found = self._boundaries.locate(point, margin_m=_FAR_FROM_BORDER_M, on=self._day)
            if found.is_certain and found.code == COUNTIES[place]:
                return point
        raise LookupError(f"no point well inside {place}: the boundaries have changed")

    def near_border(self, place: str, draw: random.Random) -> Point:
        """Return a point in a county less than 100 m from a neighbour of the same city."""
        city = COUNTIES[place][:4]
        for _ in range(_TRIES):
            point = _around(Point(*_CENTRES[place]), draw, 4 * _SPREAD_M)
            found = self._boundaries.locate(point, margin_m=100.0, on=self._day)
            neighbours = {each.code[:4] for each in found.candidates}
            if found.code == COUNTIES[place] and neighbours == {city}:
                return point
        raise LookupError(f"no border near {place}: the boundaries have changed")


def moved(point: Point, *, north_m: float, east_m: float) -> Point:
    """Return the point so many metres away (flat earth, good enough within some kilometres)."""
    metres_per_degree_east = METRES_PER_DEGREE * math.cos(math.radians(point.latitude))
    return Point(
        round(point.latitude + north_m / METRES_PER_DEGREE, 7),
        round(point.longitude + east_m / metres_per_degree_east, 7),
    )


def _around(centre: Point, draw: random.Random, spread_m: float) -> Point:
    return moved(centre, north_m=draw.gauss(0, spread_m), east_m=draw.gauss(0, spread_m))

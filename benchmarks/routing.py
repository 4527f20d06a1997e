"""Points routed a second, against bare shapely on the same polygons.

Routing needs more than the floor gives: the county, whether its border is within the
margin, and the other counties there with their distances. The floor gives the county
alone: an STRtree of the polygons and prepared `covers`. Both are measured in the same
run, turn by turn, one point at a time as the pipeline asks, and many at once.

    python -m benchmarks.routing [--points N] [--rounds N] [--json]
"""

import argparse
import datetime as dt
import json
import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from schemas.boundaries.locating import BoundarySet, Location, load_county_boundaries
from schemas.places import Point

MARGIN_M = 150.0
DAY = dt.date(2026, 11, 21)


class Floor:
    """Bare shapely: which polygon holds the point, nothing else."""

    def __init__(self, polygons: NDArray[np.object_]) -> None:
        self.polygons = polygons
        self.tree = shapely.STRtree(polygons)
        shapely.prepare(polygons)

    def one(self, point: Point) -> int:
        """Position of the polygon that holds a point, -1 for none."""
        spot = shapely.Point(point.longitude, point.latitude)
        for k in self.tree.query(spot):
            if shapely.covers(self.polygons[k], spot):
                return int(k)
        return -1

    def many(self, points: Sequence[Point]) -> list[int]:
        """Positions of the polygons that hold points."""
        spots = np.asarray(shapely.points([(point.longitude, point.latitude) for point in points]))
        which, polygons = self.tree.query(spots)
        holds = shapely.covers(self.polygons[polygons], spots[which])
        found = np.full(len(points), -1)
        found[which[holds]] = polygons[holds]
        return found.tolist()


class Row(NamedTuple):
    """One line of the table; rates in points a second, medians over the rounds."""

    what: str
    near_percent: float
    floor_per_s: float
    ours_per_s: float
    ratio: float


class Setup(NamedTuple):
    """What a worker pays before it forks, and once for each county it meets."""

    load_s: float
    cold_s: float


def scattered(polygons: NDArray[np.object_], count: int, seed: int) -> list[Point]:
    """Points spread evenly inside polygons, each polygon as likely as another."""
    random = np.random.default_rng(seed)
    bounds = shapely.bounds(polygons)
    points: list[Point] = []
    while len(points) < count:
        k = random.integers(0, len(polygons), count)
        longitudes = random.uniform(bounds[k, 0], bounds[k, 2])
        latitudes = random.uniform(bounds[k, 1], bounds[k, 3])
        inside = shapely.contains_xy(polygons[k], longitudes, latitudes)
        pairs = zip(latitudes[inside].tolist(), longitudes[inside].tolist(), strict=True)
        points += [Point(*pair) for pair in pairs]
    return points[:count]


def timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def compared(
    what: str, near: float, count: int, rounds: int, floor: Callable[[], object],
    ours: Callable[[], object],
) -> Row:  # fmt: skip
    """Time both turn by turn after one unmeasured round, so that noise meets both alike."""
    timed(floor)
    timed(ours)
    pairs = [(timed(floor), timed(ours)) for _ in range(rounds)]
    return Row(
        what,
        near,
        count / statistics.median(pair[0] for pair in pairs),
        count / statistics.median(pair[1] for pair in pairs),
        statistics.median(pair[0] / pair[1] for pair in pairs),
    )


def check_equal(boundaries: BoundarySet, floor: Floor, points: Sequence[Point]) -> list[Location]:
    """Refuse to time two programs that do not give the same counties."""
    areas = boundaries.areas(DAY)
    expected = [areas[k].code for k in floor.many(points)]
    found = boundaries.locate_many(points, margin_m=MARGIN_M, on=DAY)
    if [each.code for each in found] != expected:
        raise SystemExit("The floor and locate_many disagree about a county.")
    return found


def set_up() -> tuple[BoundarySet, Setup]:
    """Read the boundaries, then make what is otherwise made on a county's first look-up."""
    begin = time.perf_counter()
    boundaries = load_county_boundaries()
    loaded = time.perf_counter()
    boundaries.warm(DAY)
    inner = [shapely.point_on_surface(area.geometry) for area in boundaries.areas(DAY)]
    for spot in inner:
        boundaries.locate(Point(spot.y, spot.x), margin_m=MARGIN_M, on=DAY)
    return boundaries, Setup(loaded - begin, time.perf_counter() - loaded)


def measure(boundaries: BoundarySet, count: int, rounds: int) -> list[Row]:
    """Compare on points all over the country, and in small districts full of borders."""
    polygons = np.array([area.geometry for area in boundaries.areas(DAY)], dtype=object)
    floor = Floor(polygons)
    smallest = polygons[np.argsort(shapely.area(polygons))[:500]]
    rows = []
    for name, where in (("all 2,877 counties", polygons), ("the 500 smallest", smallest)):
        points = scattered(where, count, seed=20241219)
        found = check_equal(boundaries, floor, points)
        near = 100 * sum(not each.is_certain for each in found) / count
        rows += [
            compared(
                f"{name}, one at a time", near, count, rounds,
                lambda: [floor.one(point) for point in points],  # noqa: B023 - called in this turn.
                lambda: [boundaries.locate(p, margin_m=MARGIN_M, on=DAY) for p in points],  # noqa: B023
            ),
            compared(
                f"{name}, many at once", near, count, rounds,
                lambda: floor.many(points),  # noqa: B023 - called in this turn of the loop.
                lambda: boundaries.locate_many(points, margin_m=MARGIN_M, on=DAY),  # noqa: B023
            ),
        ]  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    boundaries, setup = set_up()
    rows = measure(boundaries, options.points, options.rounds)
    if options.json:
        print(json.dumps({**setup._asdict(), "rows": [row._asdict() for row in rows]}))
        return
    print(f"{options.points:,} points, margin {MARGIN_M:.0f} m, median of {options.rounds} rounds")
    print(
        f"Not counted: reading the boundaries {setup.load_s:.2f} s, the first look-up in each of "
        f"all counties {setup.cold_s:.2f} s\n"
    )
    print("| routing | near a border | floor, points/s | ours, points/s | ratio |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for row in rows:
        print(
            f"| {row.what} | {row.near_percent:.1f} % | {row.floor_per_s:,.0f} "
            f"| {row.ours_per_s:,.0f} | {row.ratio:.2f} |"
        )


if __name__ == "__main__":
    main()

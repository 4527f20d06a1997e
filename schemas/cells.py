"""The squares by which the map finds its cases: a twentieth of a degree a side, as one number.

A row of squares is one run of numbers, so that a box on the map is a few ranges of an
index on either database. Latitude and longitude are WGS-84 degrees.
"""

import math
from dataclasses import dataclass

PER_DEGREE = 20
ROW = 10_000
# Half a degree: the squares in which open cases are counted beforehand for a country's map.
COUNTED_SIDE = 10


@dataclass(frozen=True, slots=True)
class Box:
    """A box on the map, in degrees."""

    south: float
    west: float
    north: float
    east: float


def cell_of(latitude: float, longitude: float) -> int:
    """Return the number of the square in which a place lies."""
    return math.floor((latitude + 90) * PER_DEGREE) * ROW + math.floor(
        (longitude + 180) * PER_DEGREE
    )


def ranges_of(box: Box) -> list[tuple[int, int]]:
    """Return the runs of squares, first and last, that a box touches: one for each row."""
    first, last = cell_of(box.south, box.west), cell_of(box.south, box.east)
    rows = cell_of(box.north, box.west) // ROW - first // ROW
    return [(first + ROW * row, last + ROW * row) for row in range(rows + 1)]


def centre_of(cell: int, side: int = 1) -> tuple[float, float]:
    """Return latitude and longitude of the middle of a square, or of `side` squares a side."""
    row, column = divmod(cell, ROW)
    return (row + side / 2) / PER_DEGREE - 90, (column + side / 2) / PER_DEGREE - 180

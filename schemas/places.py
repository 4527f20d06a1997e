"""Points on the ground: one datum (WGS-84) inside, conversion at the door, distances in metres."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from schemas.errors import InvalidInput
from schemas.words import Words

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the WGS-84 ellipsoid, (2a + b) / 3 (IUGG)."""

METRES_PER_DEGREE = math.radians(EARTH_RADIUS_M)
"""Length of one degree of latitude on that sphere."""


SQUARES_PER_DEGREE = 100
"""How many squares of the map of risk a degree has: in Shenyang they are about 1.1 by 0.8 km."""

CLAIM_TOLERANCE_M = 200.0
"""How much farther apart than their accuracies two claims of one place may be (domain.md §10)."""


class Datum(StrEnum):
    """How a pair of coordinates is meant: phones say WGS84, Chinese map SDKs GCJ02, Baidu BD09."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


@dataclass(frozen=True, slots=True)
class Point:
    """A place in WGS-84 degrees; raises InvalidInput naming the field that can't be right."""

    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        _check(self.latitude, 90.0, "latitude", Words("纬度", "latitude"))
        _check(self.longitude, 180.0, "longitude", Words("经度", "longitude"))


def _check(degrees: float, limit: float, field: str, label: Words) -> None:
    # Written so that NaN, which compares false with everything, is refused as well.
    if not abs(degrees) <= limit:
        raise InvalidInput(
            "coordinates-out-of-range",
            Words(
                f"{label.zh}须在 -{limit:.0f} 到 {limit:.0f} 度之间，请重新定位或在地图上选点。",
                f"The {label.en} must lie between -{limit:.0f} and {limit:.0f} degrees; "
                "locate again or choose the place on the map.",
            ),
            field=field,
        )


def distance_m(a: Point, b: Point) -> float:
    """Great-circle distance in metres (haversine: Sinnott, Sky & Telescope 68, 1984, p. 159).

    The earth is taken as a sphere, which is true to 0.5 %.
    """
    south_north = math.radians(b.latitude - a.latitude)
    west_east = math.radians(b.longitude - a.longitude)
    haversine = (
        math.sin(south_north / 2) ** 2
        + math.cos(math.radians(a.latitude))
        * math.cos(math.radians(b.latitude))
        * math.sin(west_east / 2) ** 2
    )
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, haversine)))


def nearest_in_square(point: Point, *, middle: Point) -> Point:
    """Return the place of a square of the map of risk that is nearest to a point: itself, inside.

    `middle` is the square's; nearest is meant in degrees, north and east each for itself.
    """
    half = 0.5 / SQUARES_PER_DEGREE
    return Point(
        min(max(point.latitude, middle.latitude - half), middle.latitude + half),
        min(max(point.longitude, middle.longitude - half), middle.longitude + half),
    )


def allowed_apart_m(first_accuracy_m: float | None, second_accuracy_m: float | None) -> float:
    """Return how far apart two claims of one place may be, in metres: domain.md §10.

    What is not known of an accuracy allows nothing.
    """
    return (first_accuracy_m or 0.0) + (second_accuracy_m or 0.0) + CLAIM_TOLERANCE_M


def to_wgs84(latitude: float, longitude: float, datum: Datum) -> Point:
    """Return the WGS-84 point of coordinates given in `datum`.

    The published shift is inverted by fixed-point iteration, since one step
    leaves up to 3.6 m. Outside the outline below nothing is shifted. Raises
    InvalidInput when the coordinates are not on the globe.
    """
    given = Point(latitude, longitude)
    if datum is Datum.WGS84 or not in_shifted_area(given.latitude, given.longitude):
        return given
    forward = _FORWARD[datum]
    lat, lon = latitude, longitude
    for _ in range(20):
        shifted_lat, shifted_lon = forward(lat, lon)
        error_lat, error_lon = shifted_lat - latitude, shifted_lon - longitude
        lat, lon = lat - error_lat, lon - error_lon
        # A hundred-millionth of a millidegree is a micrometre on the ground.
        if abs(error_lat) + abs(error_lon) < 1e-11:
            break
    return Point(lat, lon)


def half_a_place(missing: str) -> InvalidInput:
    """Return the refusal of one coordinate without the other; `missing` names the field."""
    return InvalidInput(
        "place-incomplete",
        Words(
            "经度和纬度必须一起填写。", "Latitude and longitude must be given together, or neither."
        ),
        field=missing,
    )


def given_place(
    latitude: float | None, longitude: float | None, datum: Datum = Datum.WGS84
) -> Point | None:
    """Return the WGS-84 point of coordinates that may have been left out, both of them.

    Raises InvalidInput `place-incomplete` or `coordinates-out-of-range`.
    """
    if latitude is None and longitude is None:
        return None
    if latitude is None or longitude is None:
        raise half_a_place("longitude" if longitude is None else "latitude")
    return to_wgs84(latitude, longitude, datum)


def from_wgs84(point: Point, datum: Datum) -> tuple[float, float]:
    """Return (latitude, longitude) of `point` in `datum`, as a phone with that SDK would send."""
    if datum is Datum.WGS84 or not in_shifted_area(point.latitude, point.longitude):
        return point.latitude, point.longitude
    return _FORWARD[datum](point.latitude, point.longitude)


# Bands of latitude (south, north) with the western and eastern end of the
# mainland in each, some ten kilometres to spare. The usual single rectangle
# (0.83-55.83 N, 72.0-137.8 E) would also shift Seoul, Taipei and Fukuoka. Rule:
# the mainland is always inside, and so are Hong Kong and Macao, where the map
# SDKs answer in GCJ-02 too; Taiwan and everything overseas is never shifted; of
# the countries that adjoin by land, a strip along the border is.
_SHIFTED_BANDS = (
    (3.0, 18.0, 109.3, 118.0),
    (18.0, 20.0, 108.4, 114.1),
    (20.0, 21.0, 109.0, 117.1),
    (21.0, 24.0, 97.4, 118.0),
    (24.0, 26.0, 97.4, 120.1),
    (26.0, 27.0, 92.0, 120.9),
    (27.0, 29.0, 84.1, 122.4),
    (29.0, 31.0, 79.0, 123.1),
    (31.0, 34.0, 78.2, 122.4),
    (34.0, 36.0, 76.0, 121.0),
    (36.0, 39.0, 73.6, 122.8),
    (39.0, 40.0, 73.4, 124.5),
    (40.0, 41.0, 73.4, 126.2),
    (41.0, 43.0, 76.7, 131.3),
    (43.0, 45.0, 79.8, 131.6),
    (45.0, 48.0, 79.9, 134.9),
    (48.0, 49.0, 85.4, 135.2),
    (49.0, 50.0, 86.6, 130.1),
    (50.0, 54.0, 119.0, 127.7),
)


def in_shifted_area(latitude: float, longitude: float) -> bool:
    """Whether GCJ-02 and BD-09 differ from WGS-84 here, by the rule of `_SHIFTED_BANDS`."""
    return any(
        south <= latitude <= north and west <= longitude <= east
        for south, north, west, east in _SHIFTED_BANDS
    )


# GCJ-02 measures its shift on the Krasovsky 1940 ellipsoid.
_KRASOVSKY_A_M = 6_378_245.0
_KRASOVSKY_E2 = 0.00669342162296594323


def _wgs84_to_gcj02(latitude: float, longitude: float) -> tuple[float, float]:
    """Shift WGS-84 degrees to GCJ-02 (the published formula, as in PRCoords, CC0)."""
    x, y = longitude - 105.0, latitude - 35.0
    wave = 20.0 * math.sin(6 * math.pi * x) + 20.0 * math.sin(2 * math.pi * x)
    north_m = (
        -100.0 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
        + (
            wave + 20.0 * math.sin(math.pi * y) + 40.0 * math.sin(math.pi / 3 * y)
            + 160.0 * math.sin(math.pi / 12 * y) + 320.0 * math.sin(math.pi / 30 * y)
        ) * 2 / 3
    )  # fmt: skip
    east_m = (
        300.0 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x))
        + (
            wave + 20.0 * math.sin(math.pi * x) + 40.0 * math.sin(math.pi / 3 * x)
            + 150.0 * math.sin(math.pi / 12 * x) + 300.0 * math.sin(math.pi / 30 * x)
        ) * 2 / 3
    )  # fmt: skip
    phi = math.radians(latitude)
    w2 = 1 - _KRASOVSKY_E2 * math.sin(phi) ** 2
    metres_per_degree_north = math.radians(_KRASOVSKY_A_M * (1 - _KRASOVSKY_E2) / w2**1.5)
    metres_per_degree_east = math.radians(_KRASOVSKY_A_M * math.cos(phi) / math.sqrt(w2))
    return latitude + north_m / metres_per_degree_north, longitude + east_m / metres_per_degree_east


def _wgs84_to_bd09(latitude: float, longitude: float) -> tuple[float, float]:
    """Shift WGS-84 degrees to BD-09: Baidu's own polar wobble on top of GCJ-02."""
    lat, lon = _wgs84_to_gcj02(latitude, longitude)
    radius = math.hypot(lon, lat) + 0.00002 * math.sin(math.radians(lat) * 3000)
    angle = math.atan2(lat, lon) + 0.000003 * math.cos(math.radians(lon) * 3000)
    return radius * math.sin(angle) + 0.006, radius * math.cos(angle) + 0.0065


_FORWARD: dict[Datum, Callable[[float, float], tuple[float, float]]] = {
    Datum.GCJ02: _wgs84_to_gcj02,
    Datum.BD09: _wgs84_to_bd09,
}

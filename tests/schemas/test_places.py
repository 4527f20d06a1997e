import math

import prcoords
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from schemas.boundaries.package import package_areas
from schemas.errors import InvalidInput
from schemas.places import (
    Datum,
    Point,
    distance_m,
    from_wgs84,
    in_shifted_area,
    to_wgs84,
)

# Well inside the mainland, so that every point is shifted.
MAINLAND_POINTS = st.builds(Point, st.floats(29.5, 40.5), st.floats(101.0, 119.0))
SHIFTED = st.sampled_from([Datum.GCJ02, Datum.BD09])


@given(MAINLAND_POINTS, st.sampled_from(list(Datum)))
def test_a_place_sent_in_any_datum_comes_back_within_a_hundredth_of_a_millimetre(point, datum):
    there = from_wgs84(point, datum)
    assert distance_m(to_wgs84(*there, datum), point) < 1e-5


@given(MAINLAND_POINTS)
def test_the_forward_shifts_are_those_of_prcoords(point):
    here = (point.latitude, point.longitude)
    assert from_wgs84(point, Datum.GCJ02) == pytest.approx(prcoords.wgs_gcj(here), abs=1e-11)
    assert from_wgs84(point, Datum.BD09) == pytest.approx(prcoords.wgs_bd(here), abs=1e-11)


@given(MAINLAND_POINTS, SHIFTED)
def test_the_inverse_agrees_with_prcoords_to_the_two_centimetres_it_reaches(point, datum):
    inverse = prcoords.gcj_wgs_bored if datum is Datum.GCJ02 else prcoords.bd_wgs_bored
    latitude, longitude = from_wgs84(point, datum)
    theirs = Point(*inverse((latitude, longitude)))
    assert distance_m(to_wgs84(latitude, longitude, datum), theirs) < 0.025


def test_the_shift_is_hundreds_of_metres_in_shenyang():
    shenhe = Point(41.7936, 123.4529)
    assert 400 < distance_m(shenhe, Point(*from_wgs84(shenhe, Datum.GCJ02))) < 700
    assert 900 < distance_m(shenhe, Point(*from_wgs84(shenhe, Datum.BD09))) < 1500


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [
        pytest.param(43.46, 11.88, id="Italy"),
        pytest.param(25.04, 121.56, id="Taipei"),
        pytest.param(22.63, 120.30, id="Kaohsiung"),
        pytest.param(37.57, 126.98, id="Seoul"),
        pytest.param(35.68, 139.69, id="Tokyo"),
        pytest.param(1.35, 103.82, id="Singapore"),
        pytest.param(-33.87, 151.21, id="Sydney"),
    ],
)
@pytest.mark.parametrize("datum", list(Datum))
def test_nothing_is_shifted_overseas_or_in_taiwan(latitude, longitude, datum):
    assert to_wgs84(latitude, longitude, datum) == Point(latitude, longitude)
    assert from_wgs84(Point(latitude, longitude), datum) == (latitude, longitude)


@pytest.mark.parametrize(("latitude", "longitude"), [(22.28, 114.16), (22.19, 113.54)])
def test_hong_kong_and_macao_are_shifted_as_the_map_sdks_do(latitude, longitude):
    assert to_wgs84(latitude, longitude, Datum.GCJ02) != Point(latitude, longitude)


def test_every_mainland_county_lies_wholly_in_the_shifted_area():
    _, areas, _ = package_areas()
    outside = {
        area.code
        for area in areas
        if area.code[:2] not in {"71", "81", "82"}
        for west, south, east, north in [area.geometry.bounds]
        for latitude in (south, (south + north) / 2, north)
        for longitude in _ends(area.geometry, latitude, west, east)
        if not in_shifted_area(latitude, longitude)
    }
    assert outside == set()


def _ends(geometry, latitude, west, east):
    # The westernmost and easternmost ground of a county at one latitude.
    line = shapely.LineString([(west - 1, latitude), (east + 1, latitude)])
    cut = shapely.intersection(geometry, line)
    return [] if cut.is_empty else [cut.bounds[0], cut.bounds[2]]


def test_wgs84_is_passed_through_untouched():
    assert to_wgs84(41.7936, 123.4529, Datum.WGS84) == Point(41.7936, 123.4529)


def test_distances_follow_the_great_circle():
    # A quarter of a meridian of the mean sphere.
    assert distance_m(Point(0, 0), Point(90, 0)) == pytest.approx(math.pi / 2 * 6_371_008.8)
    assert distance_m(Point(0, 179.5), Point(0, -179.5)) == pytest.approx(111_195.08, abs=0.01)
    # Big Ben to the Statue of Liberty, the haversine's usual example: 5,574.8 km.
    apart = distance_m(Point(51.5007, -0.1246), Point(40.6892, -74.0445))
    assert apart == pytest.approx(5_574_840, rel=1e-5)


@given(MAINLAND_POINTS, MAINLAND_POINTS)
def test_distance_is_the_same_both_ways_and_nothing_to_itself(a, b):
    assert distance_m(a, b) == pytest.approx(distance_m(b, a), abs=1e-6)
    assert distance_m(a, a) == 0


def test_opposite_ends_of_the_earth_are_measured_without_error():
    assert distance_m(Point(45.0, 10.0), Point(-45.0, -170.0)) == pytest.approx(20_015_114, abs=1)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 90.000001, -91.0])
def test_a_latitude_off_the_globe_is_refused_and_named(value):
    with pytest.raises(InvalidInput) as refused:
        Point(value, 100.0)
    assert refused.value.code == "coordinates-out-of-range"
    assert refused.value.field == "latitude"


@pytest.mark.parametrize("value", [math.nan, math.inf, 180.000001, -200.0])
@pytest.mark.parametrize("datum", list(Datum))
def test_a_longitude_off_the_globe_is_refused_in_every_datum(value, datum):
    with pytest.raises(InvalidInput) as refused:
        to_wgs84(40.0, value, datum)
    assert refused.value.field == "longitude"


def test_the_ends_of_the_globe_are_accepted():
    assert Point(-90.0, 180.0) == Point(-90, 180)

import datetime as dt
import functools

import pytest
import shapely

from schemas.boundaries.locating import BoundarySet, Override, load_county_boundaries
from schemas.places import Point

TODAY = dt.date(2026, 11, 21)
SHENHE, DADONG, HUNNAN, BEILIN = "210103", "210104", "210112", "610103"
CENTRE = Point(41.7936, 123.4529)


@functools.cache
def package() -> BoundarySet:
    return load_county_boundaries()


def square(latitude, longitude, half_degrees=0.01):
    return shapely.box(
        longitude - half_degrees,
        latitude - half_degrees,
        longitude + half_degrees,
        latitude + half_degrees,
    )


def loaded(code, geometry, *, name="某地", valid_from=None, valid_to=None, version="官方 2026"):
    return Override(
        code=code,
        name=name,
        level="street" if len(code) == 12 else "county",
        geometry=geometry,
        version=version,
        valid_from=valid_from,
        valid_to=valid_to,
    )


def locate(boundaries, point, *, on=TODAY, margin_m=150.0):
    return boundaries.locate(point, margin_m=margin_m, on=on)


def test_a_loaded_polygon_wins_over_the_packages():
    there = package().with_overrides([loaded(HUNNAN, square(41.7936, 123.4529), name="浑南区")])
    found = locate(there, CENTRE)
    assert (found.code, found.name, found.version) == (HUNNAN, "浑南区", "官方 2026")
    assert found.is_certain
    assert locate(package(), CENTRE).code == SHENHE


def test_the_set_it_was_made_from_is_unchanged_and_the_version_names_both():
    before = package().version
    there = package().with_overrides([loaded(HUNNAN, square(41.7936, 123.4529))])
    assert there.version == f"{before} + 官方 2026"
    assert package().version == before


def test_the_packages_polygon_of_the_same_code_is_ignored():
    there = package().with_overrides([loaded(SHENHE, square(41.7936, 123.4529))])
    # West of the loaded square, where the package alone has Shenhe: now nobody's.
    outside = Point(41.7936, 123.44)
    assert locate(package(), outside).code == SHENHE
    found = locate(there, outside)
    assert found.code is None
    assert found.runner_up.code == SHENHE
    assert found.runner_up.distance_m == pytest.approx(240, abs=5)


def test_the_border_of_a_loaded_polygon_is_the_border_of_its_neighbour_too():
    there = package().with_overrides([loaded(HUNNAN, square(41.7936, 123.4529))])
    # 0.001 degrees of longitude are 83 metres here.
    inside, outside = Point(41.7936, 123.4439), Point(41.7936, 123.4419)
    assert locate(there, inside).code == HUNNAN
    assert locate(there, inside).runner_up.code == SHENHE
    assert locate(there, inside).border_distance_m == pytest.approx(83, abs=1)
    assert locate(there, outside).code == SHENHE
    assert locate(there, outside).runner_up.code == HUNNAN
    assert locate(there, outside).border_distance_m == pytest.approx(83, abs=1)
    assert there.border_distance_m(CENTRE, on=TODAY) == pytest.approx(829, abs=2)


def test_a_package_polygon_that_is_wholly_taken_is_no_candidate_any_more():
    there = package().with_overrides([loaded(HUNNAN, square(34.25, 108.94, 0.5))])
    codes = {area.code for area in there.areas(TODAY)}
    assert BEILIN not in codes
    assert locate(there, Point(34.25, 108.94)).code == HUNNAN


def test_a_loaded_polygon_counts_from_its_first_day_until_the_day_before_its_end():
    there = package().with_overrides(
        [
            loaded(
                HUNNAN,
                square(41.7936, 123.4529),
                valid_from=dt.date(2026, 1, 1),
                valid_to=dt.date(2026, 7, 1),
            )
        ]
    )
    by_day = {
        day: locate(there, CENTRE, on=dt.date.fromisoformat(day)).code
        for day in ("2025-12-31", "2026-01-01", "2026-06-30", "2026-07-01")
    }
    assert by_day == {
        "2025-12-31": SHENHE,
        "2026-01-01": HUNNAN,
        "2026-06-30": HUNNAN,
        "2026-07-01": SHENHE,
    }


def test_of_two_versions_in_force_the_one_that_began_last_counts():
    small, large = square(41.7936, 123.4529, 0.002), square(41.7936, 123.4529, 0.01)
    newer = loaded(HUNNAN, small, valid_from=dt.date(2026, 6, 1), version="新")
    older = loaded(HUNNAN, large, valid_from=dt.date(2025, 6, 1), version="旧")
    for order in ([newer, older], [older, newer]):
        there = package().with_overrides(order)
        assert locate(there, CENTRE).version == "新"
        assert locate(there, Point(41.7936, 123.4459)).code == SHENHE
    assert locate(there, CENTRE, on=dt.date(2026, 1, 1)).version == "旧"


def test_where_two_loaded_polygons_overlap_nothing_is_certain():
    there = package().with_overrides(
        [
            loaded(HUNNAN, square(41.7936, 123.4529, 0.02), name="浑南区"),
            loaded(DADONG, square(41.7936, 123.4829, 0.02), name="大东区"),
        ]
    )
    both = Point(41.7936, 123.4679)
    found = locate(there, both)
    assert found.code == DADONG
    assert found.border_distance_m is None
    assert [(each.code, each.distance_m) for each in found.candidates] == [(HUNNAN, 0.0)]
    assert not found.is_certain
    assert locate(there, Point(41.7936, 123.4379)).is_certain
    assert there.locate_many([both], margin_m=150, on=TODAY) == [found]


def test_a_loaded_polygon_inside_another_makes_both_uncertain():
    there = package().with_overrides(
        [
            loaded(HUNNAN, square(41.7936, 123.4529, 0.05), name="浑南区"),
            loaded(DADONG, square(41.7936, 123.4529, 0.01), name="大东区"),
        ]
    )
    found = locate(there, CENTRE)
    assert {found.code, found.runner_up.code} == {HUNNAN, DADONG}
    assert not found.is_certain
    assert locate(there, Point(41.7936, 123.4829)).is_certain


def test_loading_the_newer_counties_ends_the_doubt_about_their_parents():
    hotan = Point(35.5, 79.5)
    assert locate(package(), hotan).boundary_outdated
    hekang = loaded("653228", square(36.4, 78.0, 0.05), name="和康县")
    hean = loaded("653229", square(35.0, 79.4, 0.05), name="和安县")
    one = package().with_overrides([hekang])
    assert [each.code for each in locate(one, hotan).candidates] == ["653229"]
    both = package().with_overrides([hekang, hean])
    assert not locate(both, hotan).boundary_outdated
    assert locate(both, hotan).is_certain
    assert locate(both, Point(36.4, 78.0)).code == "653228"
    parent = package().with_overrides([loaded("653221", square(35.5, 79.5, 0.05))])
    assert not locate(parent, hotan).boundary_outdated


STREET, OTHER_STREET = "210103005000", "210103006000"


def test_a_loaded_street_is_named_with_its_county():
    there = package().with_overrides(
        [
            loaded(STREET, square(41.7936, 123.4529, 0.002), name="滨河街道"),
            loaded(OTHER_STREET, square(41.7936, 123.4569, 0.002), name="万莲街道"),
        ]
    )
    found = locate(there, CENTRE)
    assert (found.code, found.street_code, found.street_name) == (SHENHE, STREET, "滨河街道")
    assert found.is_certain
    assert found.street_border_distance_m is None
    near = locate(there, Point(41.7936, 123.4539))
    assert near.is_certain
    assert near.street_border_distance_m == pytest.approx(83, abs=1)
    assert [each.code for each in near.street_candidates] == [OTHER_STREET]


def test_a_point_beside_the_loaded_streets_has_a_county_but_no_street():
    there = package().with_overrides([loaded(STREET, square(41.7936, 123.4529, 0.002))])
    found = locate(there, Point(41.7936, 123.4559))
    assert (found.code, found.street_code) == (SHENHE, None)
    assert [each.code for each in found.street_candidates] == [STREET]


def test_a_loaded_street_gives_its_county_against_the_packages_polygon():
    # This street is said to belong to Hunnan, though the package has Shenhe here.
    there = package().with_overrides([loaded("210112005000", square(41.7936, 123.4529))])
    found = locate(there, CENTRE)
    assert (found.code, found.name, found.street_code) == (HUNNAN, "浑南区", "210112005000")
    assert found.version == f"{package().version} + 官方 2026"
    assert found.is_certain
    # The rest of Hunnan is still that of the package.
    assert locate(there, Point(41.7145, 123.4497)).code == HUNNAN
    assert locate(there, Point(41.7145, 123.4497)).street_code is None


def test_streets_of_a_county_that_has_no_polygon_make_one():
    there = package().with_overrides([loaded("653228100000", square(36.4, 78.0, 0.05))])
    found = locate(there, Point(36.4, 78.0))
    assert (found.code, found.name, found.street_code) == ("653228", "和康县", "653228100000")


def test_a_street_that_contradicts_a_loaded_county_is_left_to_people():
    there = package().with_overrides(
        [
            loaded(SHENHE, square(41.7936, 123.4529, 0.02), name="沈河区"),
            loaded("210112005000", square(41.7936, 123.4529, 0.005)),
        ]
    )
    found = locate(there, CENTRE)
    assert found.code in {SHENHE, HUNNAN}
    assert not found.is_certain
    assert found.runner_up.distance_m == 0.0


def test_many_points_are_answered_alike_when_streets_are_loaded():
    there = package().with_overrides([loaded(STREET, square(41.7936, 123.4529, 0.002))])
    points = [CENTRE, Point(41.7145, 123.4497), Point(43.46, 11.88)]
    assert there.locate_many(points, margin_m=150, on=TODAY) == [
        locate(there, point) for point in points
    ]


def test_far_from_what_was_loaded_nothing_changes():
    there = package().with_overrides([loaded(HUNNAN, square(41.7936, 123.4529))])
    for point in (Point(31.24, 121.72), Point(22.52, 114.05), Point(24.49, 108.64)):
        for margin_m in (150, 5_000):
            assert locate(there, point, margin_m=margin_m) == locate(
                package(), point, margin_m=margin_m
            )

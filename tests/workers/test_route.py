import uuid
from datetime import date

import pytest
import shapely

from schemas.boundaries.locating import Candidate, Location
from schemas.boundaries.merging import Override
from schemas.flags import FLAGS, ROUTE_REASONS, in_order, say_reason
from schemas.places import METRES_PER_DEGREE, Point, distance_m
from schemas.taxonomy import Department
from workers.claims import ChosenPlace, PlaceClaim, choose_place, disagreements
from workers.route import (
    CHECKS,
    Place,
    RouteFacts,
    decide,
    locate,
)

DAY = date(2026, 11, 21)
UNIT, STATION = uuid.uuid4(), uuid.uuid4()
SPOT = Point(41.8, 123.44)
SHENHE = Location("210103", "沈河区", None, (), "test 1")


def device(point=SPOT, accuracy_m=15.0):
    return PlaceClaim("device_gps", point, accuracy_m)


def pin(point=SPOT):
    return PlaceClaim("map_pin", point)


def exif(point=SPOT):
    return PlaceClaim("exif_gps", point)


def east(metres, point=SPOT):
    return Point(point.latitude, point.longitude + metres / METRES_PER_DEGREE / 0.7455)


def facts(location=SHENHE, claim=None, **changes):
    claim = claim or device()
    place = Place(
        claims=(claim,),
        chosen=ChosenPlace(claim, "device-accurate"),
        location=location,
        boundary_version="test 1",
    )
    known = {
        "department": Department.MARKET,
        "categories": ("PEST",),
        "place": place,
        "readable_photos": 1,
        "county_unit": UNIT,
    }
    return RouteFacts(**{**known, **changes})


def codes(decision):
    return [reason["code"] for reason in decision.reasons]


@pytest.mark.parametrize(
    ("claims", "rule", "source"),
    [
        ([exif(), pin(), device(accuracy_m=100.0)], "device-accurate", "device_gps"),
        ([exif(), pin(), device(accuracy_m=100.1)], "map-pin", "map_pin"),
        ([exif(), pin(), device(accuracy_m=None)], "map-pin", "map_pin"),
        ([exif(), device(accuracy_m=800.0)], "device-coarse", "device_gps"),
        ([exif(), device(accuracy_m=None)], "device-coarse", "device_gps"),
        ([exif()], "photo", "exif_gps"),
    ],
)
def test_the_place_is_chosen_by_the_written_rule(claims, rule, source):
    chosen = choose_place(claims)
    assert (chosen.rule, chosen.claim.source) == (rule, source)


def test_without_any_claim_there_is_no_place():
    assert choose_place([]) is None


def test_claims_may_differ_by_their_accuracies_and_two_hundred_metres():
    near = [device(accuracy_m=30.0), exif(east(229))]
    assert disagreements(near) == ()
    (found,) = disagreements([device(accuracy_m=30.0), exif(east(232))])
    assert found.allowed_m == 230.0
    assert found.distance_m == pytest.approx(232, abs=1)


def test_a_sure_place_goes_to_the_county_bureau():
    decision = decide(facts())
    assert (decision.outcome, decision.rule, decision.unit_id) == ("unit", "county-unit", UNIT)
    assert decision.county_code == "210103"
    assert decision.reasons == decision.candidates == ()


def test_a_loaded_street_with_a_station_goes_to_the_station():
    decision = decide(facts(street_unit=STATION))
    assert (decision.rule, decision.unit_id) == ("street-station", STATION)


RIVAL = Candidate("210102", "和平区", 120.0)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"readable_photos": 0}, ["no-readable-photo"]),
        ({"categories": ("OTHER",)}, ["category-other"]),
        ({"categories": ("OTHER", "PEST")}, []),
        ({"county_unit": None}, ["no-unit"]),
        ({"county_unit": None, "street_unit": STATION}, []),
        ({"failures": 5, "readable_photos": 0}, ["pipeline-failed"]),
        ({"place": Place(boundary_version="test 1")}, ["no-place"]),
    ],
)
def test_each_reason_sends_it_to_dispatch(changes, expected):
    decision = decide(facts(**changes))
    assert codes(decision) == expected
    assert decision.outcome == ("dispatch" if expected else "unit")


@pytest.mark.parametrize(
    ("location", "accuracy_m", "expected"),
    [
        (Location("210103", "沈河区", 120.0, (RIVAL,), "t"), 15.0, ["border-near"]),
        (
            Location("210103", "沈河区", 150.0, (Candidate("210102", "", 150.0),), "t"),
            15.0,
            [],
        ),
        (
            Location("210103", "沈河区", 400.0, (Candidate("210102", "", 400.0),), "t"),
            401.0,
            ["border-near"],
        ),
        (Location("210103", "沈河区", 0.0, (Candidate("210102", "", 0.0),), "t"), 1.0,
         ["border-near"]),
        (Location("330424", "海盐县", 90.0, (), "t"), 15.0, ["outer-border-near"]),
        (
            Location("653221", "和田县", None, (Candidate("653228", "", 0.0),), "t", True),
            15.0,
            ["boundary-outdated"],
        ),
        (Location(None, None, None, (RIVAL,), ""), 15.0, ["no-polygon"]),
        (Location(None, None, None, (), ""), 15.0, ["outside-china"]),
        (Location("810001", "中西区", None, (), "t"), 15.0, ["outside-mainland"]),
        (SHENHE, 20_001.0, ["accuracy-too-coarse"]),
    ],
)  # fmt: skip
def test_an_unsure_place_goes_to_dispatch(location, accuracy_m, expected):
    decision = decide(facts(location, device(accuracy_m=accuracy_m)))
    assert codes(decision) == expected
    if expected:
        assert decision.county_code is None


def test_a_border_point_names_both_counties_with_distances():
    decision = decide(facts(Location("210103", "沈河区", 120.0, (RIVAL,), "t")))
    assert decision.candidates == (
        {"code": "210103", "name": "辽宁省沈阳市沈河区", "distance_m": 0.0},
        {"code": "210102", "name": "辽宁省沈阳市和平区", "distance_m": 120.0},
    )
    assert set(decision.desk_codes) == {"210102", "210103"}
    (reason,) = decision.reasons
    assert (reason["distance_m"], reason["margin_m"]) == (120.0, 150.0)
    assert "120 米" in say_reason(reason, "zh")
    assert "和平区" in say_reason(reason, "zh")
    far = reason | {"code": "claims-disagree", "distance_m": 1519226.4, "allowed_m": 212.0}
    assert "1,519,226 米，超过允许的 212 米" in say_reason(far, "zh")


def test_all_reasons_are_given_at_once():
    decision = decide(facts(Location(None, None, None, (), ""), categories=("OTHER",)))
    assert codes(decision) == ["category-other", "outside-china"]
    assert decision.desk_codes == ()


def test_regions_under_other_law_name_no_desk():
    assert decide(facts(Location("820000", "澳门", None, (), "t"))).desk_codes == ()


def test_every_reason_and_flag_has_words_for_people():
    produced = {
        "pipeline-failed", "no-readable-photo", "category-other", "no-place", "claims-disagree",
        "accuracy-too-coarse", "outside-china", "no-polygon", "outside-mainland",
        "boundary-outdated", "border-near", "outer-border-near", "no-unit",
    }  # fmt: skip
    assert produced == set(ROUTE_REASONS)
    assert len(CHECKS) == 10
    for flag in FLAGS.values():
        assert flag.words.zh
        assert flag.why.en


def test_a_reason_of_an_older_edition_is_shown_as_it_is():
    assert say_reason({"code": "gone"}, "zh") == "gone"
    assert "…" in say_reason({"code": "no-unit"}, "zh")
    sentence = say_reason({"code": "no-unit", "department": "fire", "county": "沈河区"}, "en")
    assert "Fire and rescue" in sentence


def test_flags_are_shown_in_one_order():
    assert in_order({"no-exif", "digest-mismatch", "unknown"}) == ["digest-mismatch", "no-exif"]


def test_a_place_three_kilometres_from_the_photos_is_disputed(boundaries):
    place = locate([device(), exif(east(3000))], polygons=boundaries, on=DAY)
    decision = decide(facts(place=place))
    (reason,) = decision.reasons
    assert (reason["code"], reason["first"], reason["second"]) == (
        "claims-disagree",
        "device_gps",
        "exif_gps",
    )
    assert reason["distance_m"] == pytest.approx(3000, rel=0.01)
    assert decision.county_code is None
    assert {each["code"] for each in decision.candidates} >= {place.location.code}


def test_the_counties_of_both_claims_are_candidates(boundaries):
    shenhe, xihu = Point(41.8, 123.44), Point(30.26, 120.13)
    place = locate([device(shenhe), exif(xihu)], polygons=boundaries, on=DAY)
    decision = decide(facts(place=place))
    assert [each["code"] for each in decision.candidates] == ["210103", "330106"]
    assert decision.candidates[1]["distance_m"] == pytest.approx(distance_m(shenhe, xihu))


def test_a_point_at_a_border_of_the_package_is_for_dispatch(boundaries):
    areas = {area.code: area.geometry for area in boundaries.areas(DAY)}
    shared = shapely.intersection(areas["210103"].boundary, areas["210102"].boundary)
    on_it = shapely.line_interpolate_point(
        max(shapely.get_parts(shared), key=shapely.length), 0.5, normalized=True
    )
    place = locate([device(Point(on_it.y, on_it.x))], polygons=boundaries, on=DAY)
    decision = decide(facts(place=place))
    assert codes(decision) == ["border-near"]
    assert {"210102", "210103"} <= {each["code"] for each in decision.candidates}


def test_a_point_in_the_sea_or_abroad_is_in_no_county(boundaries):
    abroad = locate([device(Point(43.46, 11.88))], polygons=boundaries, on=DAY)
    assert abroad.is_outside_mainland
    (reason,) = decide(facts(place=abroad)).reasons
    assert reason == {"code": "outside-china", "beyond_m": 100_000}
    at_sea = locate([device(Point(38.55, 121.15))], polygons=boundaries, on=DAY)
    (reason,) = decide(facts(place=at_sea)).reasons
    assert reason["code"] == "outside-china"
    assert reason["county"]
    assert 1_000 < reason["distance_m"] < 100_000


def test_a_loaded_polygon_wins_and_names_its_version(boundaries):
    here = shapely.Point(SPOT.longitude, SPOT.latitude).buffer(0.02)
    official = Override(
        code="210102", name="和平区", level="county", geometry=here, version="official 2026"
    )
    place = locate([device()], polygons=boundaries.with_overrides([official]), on=DAY)
    assert place.location.code == "210102"
    assert place.boundary_version == "official 2026"

import datetime as dt
import functools
import json

import numpy as np
import pytest
import shapely

from schemas.boundaries.display import display_shapes
from schemas.boundaries.locating import BoundarySet, Override, load_county_boundaries
from schemas.errors import InvalidInput

TODAY = dt.date(2026, 11, 21)


@functools.cache
def boundaries() -> BoundarySet:
    return load_county_boundaries()


def codes_of(prefix):
    return sorted(a.code for a in boundaries().areas(TODAY) if a.code.startswith(prefix))


# Shenyang, Zhoushan with its islands, Chongqing, Hechi, Hotan with its deserts.
@pytest.mark.parametrize("prefix", ["2101", "3309", "5001", "4512", "6532"])
def test_a_city_fits_into_four_kilobytes_a_county(prefix):
    codes = codes_of(prefix)
    shapes = display_shapes(boundaries(), on=TODAY, codes=codes)
    assert [each["properties"]["code"] for each in shapes["features"]] == codes
    size = len(json.dumps(shapes, ensure_ascii=False).encode())
    assert size < 4_000 * len(codes)


def test_outlines_are_close_to_the_truth_rounded_and_still_meet():
    codes = codes_of("2101")
    shapes = display_shapes(boundaries(), on=TODAY, codes=codes)
    drawn = np.array([shapely.geometry.shape(each["geometry"]) for each in shapes["features"]])
    areas = {area.code: area for area in boundaries().areas(TODAY)}
    for code, each, feature in zip(codes, drawn, shapes["features"], strict=True):
        exact = areas[code].geometry
        assert feature["properties"] == {"code": code, "name": areas[code].name}
        assert feature["geometry"]["type"] == "MultiPolygon"
        # A hundredth of a degree is about a kilometre.
        assert shapely.hausdorff_distance(exact.boundary, each.boundary) < 0.02
        assert each.symmetric_difference(exact).area < 0.05 * exact.area
        vertices = shapely.get_coordinates(each)
        assert np.array_equal(vertices, np.round(vertices, 5))
    gaps = shapely.union_all(drawn).area - drawn[0].area
    assert gaps == pytest.approx(sum(each.area for each in drawn[1:]), rel=1e-6)


def test_a_box_gives_the_counties_it_meets():
    shapes = display_shapes(boundaries(), on=TODAY, bbox=(123.43, 41.79, 123.47, 41.80))
    found = {each["properties"]["code"] for each in shapes["features"]}
    assert "210103" in found
    assert 1 < len(found) < 6


def test_a_box_abroad_is_empty():
    assert display_shapes(boundaries(), on=TODAY, bbox=(11.0, 43.0, 12.0, 44.0)) == {
        "type": "FeatureCollection",
        "features": [],
    }


def test_islets_go_but_every_county_stays():
    shapes = display_shapes(boundaries(), on=TODAY, codes=codes_of("4603"))
    assert len(shapes["features"]) == 2
    for each in shapes["features"]:
        assert shapely.geometry.shape(each["geometry"]).area > 0


def test_loaded_polygons_are_drawn_on_their_days():
    square = shapely.box(123.44, 41.78, 123.46, 41.80)
    loaded = Override(
        code="210103", name="沈河区", level="county", geometry=square, version="v",
        valid_from=dt.date(2026, 1, 1),
    )  # fmt: skip
    there = boundaries().with_overrides([loaded])
    shapes = display_shapes(there, on=TODAY, codes=["210103"])
    assert shapely.geometry.shape(shapes["features"][0]["geometry"]).equals(square)
    before = display_shapes(there, on=dt.date(2025, 12, 31), codes=["210103"])
    assert before == display_shapes(boundaries(), on=TODAY, codes=["210103"])


def test_a_code_without_a_polygon_is_refused():
    with pytest.raises(InvalidInput) as refused:
        display_shapes(boundaries(), on=TODAY, codes=["210103", "653228"])
    assert refused.value.code == "shapes-code-unknown"
    assert "653228" in refused.value.words.zh


@pytest.mark.parametrize("bbox", [(2, 1, 1, 2), (1, 2, 2, 1), (0, -91, 1, 0), (float("nan"),) * 4])
def test_a_box_that_is_none_is_refused(bbox):
    with pytest.raises(InvalidInput) as refused:
        display_shapes(boundaries(), on=TODAY, bbox=bbox)
    assert refused.value.code == "shapes-bbox-invalid"


@pytest.mark.parametrize("asked", [{}, {"codes": ["210103"], "bbox": (123, 41, 124, 42)}])
def test_codes_and_box_are_asked_for_one_at_a_time(asked):
    with pytest.raises(InvalidInput) as refused:
        display_shapes(boundaries(), on=TODAY, **asked)
    assert refused.value.code == "shapes-codes-or-bbox"

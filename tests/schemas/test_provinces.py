"""Provinces made of counties: neighbours still meet, far islands stay, chinks are closed."""

import shapely
from shapely.geometry import shape

from schemas.boundaries.index import Area
from schemas.boundaries.provinces import province_shapes


def county(code: str, *boxes: tuple[float, float, float, float]) -> Area:
    return Area(code, code, "x", shapely.multipolygons([shapely.box(*each) for each in boxes]))


def test_counties_become_their_province_and_only_what_lies_far_out_stays_small() -> None:
    far, near = (125.0, 40.0, 125.01, 40.01), (122.1, 40.5, 122.11, 40.51)
    made = province_shapes(
        [
            county("210102", (120, 40, 121, 41)),
            county("210202", (121, 40, 122, 41), near, far),
            county("220102", (120, 41, 122, 42)),
        ]
    )
    named = {each["properties"]["code"]: each for each in made["features"]}
    assert {code: each["properties"]["name"] for code, each in named.items()} == {
        "210000": "辽宁省", "220000": "吉林省",
    }  # fmt: skip
    south, north = (shape(named[code]["geometry"]) for code in ("210000", "220000"))
    assert south.buffer(1e-9).covers(shapely.box(120, 40, 122, 41))
    assert [part.bounds for part in south.geoms][1:] == [far]
    assert south.intersection(north).length == 2
    assert south.intersection(north).area == 0


def test_a_chink_inside_is_closed_and_a_province_within_another_is_not_covered() -> None:
    ring = shapely.box(0, 0, 10, 10) - shapely.box(4, 4, 6, 6) - shapely.box(1, 1, 1.01, 1.01)
    made = province_shapes([Area("130102", "x", "x", ring), county("110101", (4, 4, 6, 6))])
    inner, outer = (shape(each["geometry"]) for each in made["features"])
    assert len(outer.geoms[0].interiors) == 1
    assert outer.intersection(inner).area == 0

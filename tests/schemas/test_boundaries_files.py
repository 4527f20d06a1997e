import datetime as dt
import json

import pytest
import shapely

from schemas.boundaries.files import read_polygons
from schemas.errors import InvalidInput
from schemas.places import Datum, Point, from_wgs84

WEST_SQUARE = [[123.0, 41.0], [123.1, 41.0], [123.1, 41.1], [123.0, 41.1], [123.0, 41.0]]
EAST_SQUARE = [[123.1, 41.0], [123.2, 41.0], [123.2, 41.1], [123.1, 41.1], [123.1, 41.0]]
HOLE = [[123.04, 41.04], [123.06, 41.04], [123.06, 41.06], [123.04, 41.06], [123.04, 41.04]]


def feature(geometry=None, **properties):
    if not properties:
        properties = {"code": "210103", "name": "沈河区"}
    if geometry is None:
        geometry = {"type": "Polygon", "coordinates": [WEST_SQUARE]}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def polygon(*rings):
    return {"type": "Polygon", "coordinates": list(rings)}


def written(tmp_path, *features, **extra):
    file = tmp_path / "official.geojson"
    content = {"type": "FeatureCollection", "features": list(features), **extra}
    file.write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    return file


def test_a_county_is_read_with_its_outline_and_the_version_names_the_file(tmp_path):
    file = written(tmp_path, feature(polygon(WEST_SQUARE, HOLE)))
    (read,) = read_polygons(file)
    assert (read.code, read.name, read.level, read.feature) == ("210103", "沈河区", "county", 1)
    assert read.geometry.equals(shapely.Polygon(WEST_SQUARE, [HOLE]))
    assert read.mended is None
    assert (read.valid_from, read.valid_to) == (None, None)
    assert read.version.startswith("official.geojson ")
    file.write_text(file.read_text("utf-8") + "\n", "utf-8")
    assert read_polygons(file)[0].version != read.version


@pytest.mark.parametrize(
    ("properties", "code", "level"),
    [
        ({"code": "210103"}, "210103", "county"),
        ({"adcode": 210103}, "210103", "county"),
        ({"区划代码": 210103.0}, "210103", "county"),
        ({"XZQDM": " 210103 "}, "210103", "county"),
        ({"code": "210103000000"}, "210103", "county"),
        ({"code": "210103005000"}, "210103005000", "street"),
        ({"code": 210103005}, "210103005000", "street"),
        ({"adcode": "441900"}, "441900", "county"),
    ],
)
def test_the_usual_ways_to_write_a_code_are_understood(tmp_path, properties, code, level):
    (read,) = read_polygons(written(tmp_path, feature(**properties)))
    assert (read.code, read.level) == (code, level)


def test_a_missing_name_is_taken_from_the_official_list(tmp_path):
    (read,) = read_polygons(written(tmp_path, feature(code="210103005000")))
    assert read.name == "滨河街道"


def test_a_county_newer_than_the_official_list_is_welcome_with_a_name(tmp_path):
    (read,) = read_polygons(written(tmp_path, feature(code="210190", name="新设区")))
    assert (read.code, read.name) == ("210190", "新设区")


def test_dates_in_the_file_win_over_the_arguments(tmp_path):
    file = written(
        tmp_path,
        feature(code="210103", valid_from="2026-01-01", 失效日期="2027-01-01"),
        feature(polygon(EAST_SQUARE), code="210102"),
    )
    one, other = read_polygons(
        file, version="市局 2026-01", valid_from=dt.date(2025, 5, 1), valid_to=dt.date(2030, 1, 1)
    )
    assert (one.valid_from, one.valid_to) == (dt.date(2026, 1, 1), dt.date(2027, 1, 1))
    assert (other.valid_from, other.valid_to) == (dt.date(2025, 5, 1), dt.date(2030, 1, 1))
    assert one.version == other.version == "市局 2026-01"
    assert one.is_valid_on(dt.date(2026, 12, 31))
    assert not one.is_valid_on(dt.date(2027, 1, 1))


def test_parts_of_one_county_in_several_features_are_joined(tmp_path):
    file = written(tmp_path, feature(code="210103"), feature(polygon(EAST_SQUARE), code="210103"))
    (read,) = read_polygons(file)
    assert read.geometry.equals(shapely.box(123.0, 41.0, 123.2, 41.1))


def test_a_single_feature_and_a_byte_order_mark_are_accepted(tmp_path):
    file = tmp_path / "one.json"
    file.write_text(json.dumps(feature()), "utf-8-sig")
    assert read_polygons(file)[0].code == "210103"


def test_heights_are_dropped(tmp_path):
    ring = [[*vertex, 50.0] for vertex in WEST_SQUARE]
    (read,) = read_polygons(written(tmp_path, feature(polygon(ring))))
    assert not read.geometry.has_z


def test_an_outline_that_crosses_itself_is_mended_and_reported(tmp_path):
    bow_tie = [[123.0, 41.0], [123.1, 41.1], [123.1, 41.0], [123.0, 41.1], [123.0, 41.0]]
    (read,) = read_polygons(written(tmp_path, feature(polygon(bow_tie))))
    assert read.geometry.is_valid
    assert read.geometry.area == pytest.approx(0.005)
    assert read.mended.startswith("Self-intersection")


@pytest.mark.parametrize("name", ["urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:EPSG::4490"])
def test_the_crs_of_gps_and_of_cgcs2000_are_accepted(tmp_path, name):
    crs = {"type": "name", "properties": {"name": name}}
    assert read_polygons(written(tmp_path, feature(), crs=crs))


def test_polygons_drawn_on_a_chinese_map_are_moved_to_wgs84(tmp_path):
    shifted = []
    for longitude, latitude in WEST_SQUARE:
        lat, lon = from_wgs84(Point(latitude, longitude), Datum.GCJ02)
        shifted.append([lon, lat])
    (read,) = read_polygons(written(tmp_path, feature(polygon(shifted))), datum=Datum.GCJ02)
    assert shapely.hausdorff_distance(read.geometry, shapely.Polygon(WEST_SQUARE)) < 1e-8


def topology(**changes):
    """Two squares with their common border stored once, quantized to a thousandth of a degree."""
    content = {
        "type": "Topology",
        "transform": {"scale": [0.001, 0.001], "translate": [123.0, 41.0]},
        "arcs": [
            [[100, 0], [0, 100]],
            [[100, 100], [-100, 0], [0, -100], [100, 0]],
            [[100, 0], [100, 0], [0, 100], [-100, 0]],
        ],
        "objects": {
            "counties": {
                "type": "GeometryCollection",
                "geometries": [
                    {"type": "Polygon", "arcs": [[0, 1]], "properties": {"code": "210103"}},
                    {"type": "MultiPolygon", "arcs": [[[2, -1]]], "properties": {"code": "210102"}},
                ],
            }
        },
    }
    return {**content, **changes}


def test_topojson_gives_the_same_polygons_as_geojson(tmp_path):
    file = tmp_path / "official.topojson"
    file.write_text(json.dumps(topology()), "utf-8")
    west, east = read_polygons(file)
    assert (west.code, east.code) == ("210103", "210102")
    # Normalised, since a ring may begin anywhere.
    assert west.geometry.normalize().equals_exact(
        shapely.MultiPolygon([shapely.Polygon(WEST_SQUARE)]).normalize(), 1e-9
    )
    assert east.geometry.normalize().equals_exact(
        shapely.MultiPolygon([shapely.Polygon(EAST_SQUARE)]).normalize(), 1e-9
    )


def test_topojson_without_quantization_and_with_a_bare_object_is_read(tmp_path):
    file = tmp_path / "official.topojson"
    bare = {"type": "Polygon", "arcs": [[0]], "properties": {"code": "210103"}}
    content = {"type": "Topology", "arcs": [WEST_SQUARE], "objects": {"shenhe": bare}}
    file.write_text(json.dumps(content), "utf-8")
    assert read_polygons(file)[0].geometry.equals(shapely.Polygon(WEST_SQUARE))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"arcs": []}, id="arcs are missing"),
        pytest.param({"arcs": [[[1]]]}, id="half a vertex"),
        pytest.param({"objects": []}, id="no objects"),
        pytest.param({"transform": {"scale": [1, 1]}}, id="half a transform"),
    ],
)
def test_broken_topojson_is_refused(tmp_path, changes):
    file = tmp_path / "official.topojson"
    file.write_text(json.dumps(topology(**changes)), "utf-8")
    with pytest.raises(InvalidInput, match="arcs") as refused:
        read_polygons(file)
    assert refused.value.code == "boundary-file-invalid"


def test_topojson_of_lines_is_refused_as_no_polygon(tmp_path):
    file = tmp_path / "roads.topojson"
    line = {"type": "LineString", "arcs": [0], "properties": {"code": "210103"}}
    file.write_text(json.dumps(topology(objects={"roads": line})), "utf-8")
    with pytest.raises(InvalidInput, match="LineString"):
        read_polygons(file)


SWAPPED = [[y, x] for x, y in WEST_SQUARE]
METRES = [[x * 111_000, y * 111_000] for x, y in WEST_SQUARE]


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        pytest.param(feature(name="沈河区"), "no division code", id="no code"),
        pytest.param(feature(code="沈河"), "no division code", id="code in words"),
        pytest.param(feature(code=True), "no division code", id="code as truth"),
        pytest.param(feature(code="2101"), "6 digits", id="short code"),
        pytest.param(feature(code="21010300"), "6 digits", id="8 digits"),
        pytest.param(feature(code="210103005001"), "6 digits", id="village"),
        pytest.param(feature(code="990103"), "province", id="no such province"),
        pytest.param(feature(code="210100"), "not of county level", id="city"),
        pytest.param(feature(code="210000"), "not of county level", id="province"),
        pytest.param(feature(code="210190"), "no name", id="new code without name"),
        pytest.param(feature({"type": "Point", "coordinates": [123, 41]}), "Point", id="point"),
        pytest.param(feature({"type": "Polygon"}), "broken", id="no coordinates"),
        pytest.param(feature(polygon()), "broken", id="no rings"),
        pytest.param(feature(polygon(WEST_SQUARE[:3])), "broken", id="too few vertices"),
        pytest.param(feature(polygon(WEST_SQUARE[:4])), "broken", id="open ring"),
        pytest.param(feature(polygon([["a", "b"]] * 4)), "broken", id="words for numbers"),
        pytest.param(
            feature(polygon([[float("nan"), 41.0], *WEST_SQUARE[1:4], [float("nan"), 41.0]])),
            "broken",
            id="not a number",
        ),
        pytest.param(
            feature(polygon([[123.0, 41.0], [float("inf"), 41.0], *WEST_SQUARE[2:]])),
            "broken",
            id="infinity",
        ),
        pytest.param(feature(polygon(SWAPPED)), "exchanged", id="latitude first"),
        pytest.param(feature(polygon(METRES)), "not in China", id="metres"),
        pytest.param(feature(polygon([[123.0, 41.0]] * 4)), "no area", id="no area"),
        pytest.param(feature(code="210103", valid_from="2026年"), "2026年", id="date in words"),
        pytest.param(feature(code="210103", valid_to=20270101), "20270101", id="date as number"),
        pytest.param(
            feature(code="210103", valid_from="2026-01-01", valid_to="2026-01-01"),
            "not after",
            id="ends before it begins",
        ),
        pytest.param("a string", "no division code", id="no feature"),
        pytest.param({"type": "Feature", "properties": {"code": "210103"}}, "empty", id="no shape"),
    ],
)
def test_a_wrong_feature_is_refused_and_named_by_its_number(tmp_path, wrong, hint):
    file = written(tmp_path, feature(), wrong)
    with pytest.raises(InvalidInput) as refused:
        read_polygons(file)
    assert refused.value.code == "boundary-feature-invalid"
    assert refused.value.facts["feature"] == 2
    assert "feature 2" in refused.value.words.en
    assert "第 2 个要素" in refused.value.words.zh
    assert hint in refused.value.words.en


def test_a_wrong_feature_is_also_named_by_its_name(tmp_path):
    with pytest.raises(InvalidInput, match=r"feature 1 \(沈河区\)"):
        read_polygons(written(tmp_path, feature(code="21", name="沈河区")))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        pytest.param("{", "not valid JSON", id="broken"),
        pytest.param("[" * 100_000, "not valid JSON", id="nested"),
        pytest.param("[]", "neither", id="a list"),
        pytest.param('{"type": "Polygon"}', "neither", id="a bare polygon"),
        pytest.param('{"type": "FeatureCollection", "features": []}', "no features", id="empty"),
        pytest.param('{"type": "FeatureCollection"}', "no features", id="nothing"),
        pytest.param(
            '{"type": "FeatureCollection", "crs": {"properties": {"name": "EPSG:2381"}}}',
            "convert",
            id="projected",
        ),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, text, hint):
    file = tmp_path / "official.json"
    file.write_text(text, "utf-8")
    with pytest.raises(InvalidInput) as refused:
        read_polygons(file)
    assert refused.value.code == "boundary-file-invalid"
    assert hint in refused.value.words.en
    assert "official.json" in refused.value.words.zh


def test_a_file_that_is_not_there_or_not_utf_8_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="can't be read"):
        read_polygons(tmp_path / "none.json")
    file = tmp_path / "gbk.json"
    file.write_bytes('{"type": "沈河"}'.encode("gbk"))
    with pytest.raises(InvalidInput, match="UTF-8"):
        read_polygons(file)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.divisions import (
    NATION_CODE,
    Level,
    common_ancestor,
    county,
    division,
    divisions,
    full_name,
)
from schemas.errors import InvalidInput


def test_the_counts_are_those_of_the_ministrys_list_and_the_areas_beside_it():
    levels = [each.level for each in divisions().values()]
    assert levels.count(Level.NATION) == 1
    assert levels.count(Level.PROVINCE) == 33 + 1  # Taiwan
    assert levels.count(Level.CITY) == 333
    assert levels.count(Level.COUNTY) == 2845 + 3 + 18 + 8  # unlisted, Hong Kong, Macao
    assert levels.count(Level.STREET) == 38_723


def test_every_division_has_a_parent_and_a_code_of_its_level():
    for each in divisions().values():
        assert len(each.code) == (12 if each.level is Level.STREET else 6)
        assert each.level is Level.NATION or each.parent_code in divisions()


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("210103", "辽宁省沈阳市沈河区"),
        ("310115", "上海市浦东新区"),
        ("429004", "湖北省仙桃市"),
        ("469005", "海南省文昌市"),
        ("659001", "新疆维吾尔自治区石河子市"),
        ("441900", "广东省东莞市"),
        ("500157", "重庆市两江新区"),
        ("451203", "广西壮族自治区河池市宜州区"),
        ("632857", "青海省海西蒙古族藏族自治州大柴旦行政委员会"),
        ("810001", "香港特别行政区中西区"),
        ("820008", "澳门特别行政区圣方济各堂区"),
        ("440499", "澳门特别行政区澳门大学横琴校区"),
        ("210103005000", "辽宁省沈阳市沈河区滨河街道"),
        ("210000", "辽宁省"),
        (NATION_CODE, "全国"),
    ],
)
def test_a_full_name_says_nothing_twice(code, name):
    assert full_name(code) == name


@pytest.mark.parametrize(
    ("codes", "ancestor"),
    [
        (["210103", "210112"], "210100"),
        (["210103", "211103"], "210000"),
        (["210103", "110101"], NATION_CODE),
        (["210103"], "210103"),
        (["310115", "310101"], "310000"),
        (["429004", "420102"], "420000"),
        (["210103", "210103005000"], "210103"),
        (["441900", "440304"], "440000"),
        (["210103", "210112", "210202"], "210000"),
    ],
)
def test_the_common_ancestor_is_the_lowest_division_above_all(codes, ancestor):
    assert common_ancestor(codes) == ancestor


@given(st.lists(st.sampled_from(sorted(divisions())), min_size=1, max_size=5))
def test_the_common_ancestor_does_not_depend_on_order(codes):
    assert common_ancestor(codes) == common_ancestor(sorted(codes)) in divisions()


@pytest.mark.parametrize("code", ["210103", "441900", "620200", "429004", "710000", "440499"])
def test_counties_and_cities_without_counties_are_of_county_level(code):
    assert county(code).code == code


@pytest.mark.parametrize("code", ["210100", "210000", "000000", "210103005000", "810000"])
def test_what_is_not_of_county_level_is_refused(code):
    with pytest.raises(InvalidInput) as refused:
        county(code)
    assert refused.value.code == "division-not-a-county"


@pytest.mark.parametrize("code", ["", "999999", "500105", "210103x"])
@pytest.mark.parametrize("ask", [division, county, full_name, lambda code: common_ancestor([code])])
def test_an_unknown_code_is_refused(code, ask):
    with pytest.raises(InvalidInput) as refused:
        ask(code)
    assert refused.value.code == "division-unknown"


def test_no_codes_have_no_common_ancestor():
    with pytest.raises(InvalidInput) as refused:
        common_ancestor([])
    assert refused.value.code == "division-missing"

"""The map shows what the list holds: by box, by tree, one by one or in groups."""

import pytest

from review_ui.lists import mapping
from review_ui.lists.filters import Filters, Tab
from review_ui.lists.mapping import cases_in_box, read_box
from schemas.access import Role
from schemas.cells import Box
from schemas.errors import InvalidInput
from schemas.lifecycle import State
from schemas.workdays import local_date

SHENHE, HUNNAN, SHENYANG, XIHU = "210103", "210112", "210100", "330106"
CITY = Box(south=41.6, west=123.2, north=42.0, east=123.7)


def look(world, staff, box=CITY, tab=Tab.UNIT, **filters):
    with world.database.reading() as session:
        return cases_in_box(
            session, staff=staff, tab=tab, filters=Filters(**filters), box=box,
            today=local_date(world.now),
        )  # fmt: skip


def numbers(view):
    return {point.number for point in view.points}


def test_a_box_holds_the_open_cases_of_the_tree_that_lie_in_it(world) -> None:
    city = world.person("dora", (Role.DISPATCHER, SHENYANG))
    county = world.person("anna", (Role.INSPECTOR, SHENHE))
    here = world.case()
    edge = world.case(code=HUNNAN, place=(41.9999, 123.6999))
    world.case(place=(42.0001, 123.5))
    world.case(place=None)
    world.case(state=State.CLOSED)
    world.case(code=XIHU)
    assert numbers(look(world, city)) == {here.number, edge.number}
    assert numbers(look(world, county)) == {here.number}
    assert look(world, world.person("stan", (Role.STATISTICIAN, SHENYANG))).points == ()


def test_the_map_and_the_list_are_narrowed_alike(world) -> None:
    city = world.person("dora", (Role.DISPATCHER, SHENYANG))
    pest = world.case(categories=("PEST",), premises_name="小李烧烤", flags=("no-exif",))
    world.case()
    waiting = world.case(state=State.DISPATCH)
    assert numbers(look(world, city, category="PEST")) == {pest.number}
    assert numbers(look(world, city, words="烧烤")) == {pest.number}
    assert numbers(look(world, city, words="烤")) == set()
    assert numbers(look(world, city, flag="no-exif", severity=4)) == {pest.number}
    assert numbers(look(world, city, tab=Tab.DISPATCH)) == {waiting.number}


def test_what_is_wide_or_too_many_comes_in_groups(world, monkeypatch) -> None:
    nation = world.person("nora", (Role.DISPATCHER, "000000"))
    for place in ((41.79, 123.41), (41.80, 123.42), (30.25, 120.13)):
        world.case(place=place)
    wide = look(world, nation, box=Box(south=18, west=73, north=54, east=135))
    assert wide.points == ()
    assert sorted(group.count for group in wide.groups) == [1, 2]
    (pair,) = (group for group in wide.groups if group.count == 2)
    assert (pair.latitude, pair.longitude) == pytest.approx((41.795, 123.415))
    monkeypatch.setattr(mapping, "MOST_POINTS", 1)
    assert sum(group.count for group in look(world, nation).groups) == 2


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_the_page_lists_the_cases_and_its_answers_need_no_tiles(world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    case, unplaced = world.case(), world.case(place=None)
    page = client.get("/map?category=DIRTY_KITCHEN").text
    assert case.number in page
    assert unplaced.number in page
    assert "没有定位" in page
    answer = client.get("/map/cases.json?box=123.2,41.6,123.7,42.0").json
    assert [point["number"] for point in answer["points"]] == [case.number]
    outlines = client.get("/map/outlines.json").json
    assert [each["properties"]["code"] for each in outlines["features"]] == [SHENHE]
    assert client.get("/map/outlines.json").json == outlines


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
@pytest.mark.parametrize("text", ["", "1,2,3", "a,b,c,d", "2,1,1,2", "0,0,1,nan", "0,0,181,1"])
def test_a_box_that_is_none_is_refused(world, browse, text) -> None:
    with pytest.raises(InvalidInput, match="box-invalid"):
        read_box(text)
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    assert client.get(f"/map/cases.json?box={text}").status_code == 422

"""A country's map is drawn from squares that the clock counts, and never from old ones."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from review_ui.lists.filters import Filters, Tab
from review_ui.lists.mapping import cases_in_box
from review_ui.lists.overviews import Overviews
from schemas.access import Role
from schemas.cells import Box
from schemas.lifecycle import State
from schemas.tables import Case, OpenSquare
from workers.squares import recount

SHENHE, SHENYANG, LIAONING, XIHU = "210103", "210100", "210000", "330106"
WIDE = Box(south=18, west=73, north=54, east=135)
TODAY = date(2026, 11, 22)


@pytest.fixture
def look(world):
    def look(staff, box=WIDE, *, after_s=0.0, **filters):
        with world.database.reading() as session:
            return Overviews().look(
                session, staff=staff, tab=Tab.UNIT, filters=Filters(**filters), box=box,
                today=TODAY, now=world.now + timedelta(seconds=after_s), at_s=after_s,
            )  # fmt: skip

    return look


@pytest.fixture
def count(world):
    def count(after_s=0.0):
        return recount(world.database, now=world.now + timedelta(seconds=after_s))

    return count


def total(view):
    return sum(group.count for group in view.groups)


def test_everybody_sees_the_counted_cases_of_their_own_tree(world, look, count) -> None:
    people = [
        world.person(f"p{code}", (Role.DISPATCHER, code))
        for code in ("000000", LIAONING, SHENYANG, SHENHE)
    ]
    both = world.person("both", (Role.DISPATCHER, SHENYANG), (Role.DISPATCHER, "330100"))
    for place in ((41.79, 123.41), (41.80, 123.42)):
        world.case(place=place)
    world.case(code=XIHU, place=(30.25, 120.13))
    world.case(place=None)
    world.case(state=State.CLOSED)
    assert count() == 4
    assert [total(look(each)) for each in [*people, both]] == [3, 2, 2, 2, 3]
    (north,) = (group for group in look(people[0]).groups if group.count == 2)
    assert (north.latitude, north.longitude) == pytest.approx((41.795, 123.415))
    # Half of the country: what lies in the other half is not told.
    assert total(look(people[0], Box(south=35, west=73, north=54, east=135))) == 2


def test_the_counted_squares_say_what_a_count_says(world, look, count) -> None:
    nation = world.person("nora", (Role.DISPATCHER, "000000"))
    for step in range(12):
        world.case(place=(30.3 + step / 3, 120.1 + step / 7))
    count()
    for box in (WIDE, Box(south=28, west=110, north=40, east=125)):
        with world.database.reading() as session:
            told = cases_in_box(
                session, staff=nation, tab=Tab.UNIT, filters=Filters(), box=box, today=TODAY
            )
        assert total(look(nation, box)) == total(told) == 12


def test_the_map_follows_the_cases_at_the_next_turn_of_the_clock(world, look, count) -> None:
    nation = world.person("nora", (Role.DISPATCHER, "000000"))
    case = world.case()
    count()
    world.case(code=XIHU, place=(30.25, 120.13))
    with world.database.writing() as session:
        session.get_one(Case, case.id).state = State.CLOSED.value
    assert total(look(nation, after_s=10)) == 1
    # Another clock that comes a moment later counts nothing.
    assert count(10) is None
    assert count(15) == 4
    assert [(each.count, each.latitude) for each in look(nation, after_s=16).groups] == [(1, 30.25)]
    with world.database.reading() as session:
        assert {each.cases for each in session.scalars(select(OpenSquare))} == {1}
    assert count(30) == 0


def test_a_clock_that_stands_still_leaves_nobody_an_old_map(world, look, count) -> None:
    nation = world.person("nora", (Role.DISPATCHER, "000000"))
    count()
    world.case()
    assert total(look(nation, after_s=44)) == 0
    assert total(look(nation, after_s=46)) == 1


def test_a_narrowed_list_and_a_smaller_box_are_counted_from_the_cases(world, look, count) -> None:
    nation = world.person("nora", (Role.DISPATCHER, "000000"))
    count()
    world.case(categories=("PEST",))
    assert total(look(nation, category="PEST")) == 1
    assert total(look(nation, Box(south=40, west=121, north=44, east=125))) == 1

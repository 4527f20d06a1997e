"""What a list is narrowed to is found wherever it lies: among the first cases, or by its words."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from sqlalchemy import delete, select

from review_ui.lists import finding
from review_ui.lists.filters import Filters, Tab
from review_ui.lists.overviews import Overviews
from review_ui.lists.queue import page_of_cases
from schemas.access import Role
from schemas.cells import Box
from schemas.lifecycle import State
from schemas.searching import rebuild_all
from schemas.tables import Case, CaseWords
from schemas.tables.wording import facet_tokens, pairs
from schemas.workdays import NO_OVERRIDES, local_date

SHENHE, HUNNAN, SHENYANG, XIHU = "210103", "210112", "210100", "330106"
RARE = "乡味跑腿（沈河）"
WIDE, CITY = Box(18, 73, 54, 135), Box(41.6, 123.2, 42.0, 123.7)

sqlite_only = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


@dataclass(frozen=True)
class Narrowed:
    """Filters, and what they say of a case and its platform."""

    filters: Filters
    holds: Callable[[Case, str], bool]


EACH = {
    "flag": Narrowed(Filters(flag="no-exif"), lambda case, _: "no-exif" in case.flags),
    "category": Narrowed(Filters(category="PEST"), lambda case, _: "PEST" in case.categories),
    "severity": Narrowed(Filters(severity=4), lambda case, _: case.severity == 4),
    "state": Narrowed(
        Filters(state=State.VERIFYING), lambda case, _: case.state == State.VERIFYING.value
    ),
    "county": Narrowed(Filters(county=HUNNAN), lambda case, _: case.county_code == HUNNAN),
    "city": Narrowed(
        Filters(county=SHENYANG), lambda case, _: str(case.county_code).startswith("2101")
    ),
    "platform": Narrowed(Filters(platform="乡味"), lambda _, platform: platform == RARE),
    "platform, part": Narrowed(Filters(platform="腿（沈"), lambda _, platform: platform == RARE),
    "platform, one": Narrowed(Filters(platform="乡"), lambda _, platform: platform == RARE),
    "platform, none": Narrowed(Filters(platform="味乡"), lambda *_: False),
    "several": Narrowed(
        Filters(flag="no-exif", category="PEST", platform="乡味"),
        lambda case, platform: (
            "no-exif" in case.flags and "PEST" in case.categories and platform == RARE
        ),
    ),
}
ENDED = Narrowed(Filters(state=State.CLOSED), lambda case, _: case.state == State.CLOSED.value)
CLOSED_RARE = Narrowed(
    Filters(state=State.CLOSED, flag="no-exif"),
    lambda case, _: case.state == State.CLOSED.value and "no-exif" in case.flags,
)


def numbers_of(world, staff, filters, *, tab=Tab.UNIT, size=2):
    """Return the numbers of all pages, one after another."""
    found, cursor = [], None
    while True:
        with world.database.reading() as session:
            page = page_of_cases(
                session, staff=staff, tab=tab, filters=filters, cursor=cursor,
                today=local_date(world.now), calendar=NO_OVERRIDES, size=size,
            )  # fmt: skip
        found += [row.case.number for row in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            return found


def country(world):
    """Make cases that are alike and a few that are not, late in the list; with their platforms."""
    day = local_date(world.now)
    made = {}
    for number in range(12):
        is_odd = number in (7, 8, 10)
        platform = RARE if is_odd else "某外卖平台"
        case = world.case(
            code=HUNNAN if number in (5, 8, 10) else SHENHE,
            state=(State.ASSIGNED, State.VERIFYING, State.CLOSED)[number % 3],
            categories=("PEST", "EXPIRED") if number % 4 == 0 else ("EXPIRED",),
            flags=("no-exif", "coarse-accuracy") if is_odd or number == 11 else (),
            due_on=day + timedelta(days=number // 2),
            reports=(world.report(platform=platform),),
        )
        made[case.number] = (case, platform)
    return made


def expected(made, narrowed):
    cases = [
        case
        for case, platform in made.values()
        if narrowed.holds(case, platform)
        and (narrowed.filters.state or case.state != State.CLOSED.value)
    ]
    return [case.number for case in sorted(cases, key=lambda case: (case.due_on, case.id))]


def test_what_is_rare_is_found_as_what_is_common_is(world, monkeypatch) -> None:
    city = world.person("dora", (Role.DISPATCHER, SHENYANG))
    stranger = world.person("carl", (Role.INSPECTOR, XIHU))
    made = country(world)
    found_any = 0
    for look in (1, finding.LOOK):
        monkeypatch.setattr(finding, "LOOK", look)
        for name, narrowed in (EACH | {"ended": ENDED, "closed, rare": CLOSED_RARE}).items():
            wanted = expected(made, narrowed)
            assert numbers_of(world, city, narrowed.filters) == wanted, (look, name)
            assert numbers_of(world, stranger, narrowed.filters) == [], (look, name)
            found_any += len(wanted)
    assert found_any > 40


def test_a_tab_stays_a_tab_where_it_is_narrowed_to_what_is_rare(world, monkeypatch) -> None:
    monkeypatch.setattr(finding, "LOOK", 1)
    city = world.person("dora", (Role.DISPATCHER, SHENYANG))
    made = country(world)
    mine = next(case for case, platform in made.values() if platform == RARE)
    with world.database.writing() as session:
        session.get_one(Case, mine.id).assignee_id = city.staff_id
    assert numbers_of(world, city, Filters(platform="乡味"), tab=Tab.MINE) == [mine.number]
    assert numbers_of(world, city, Filters(platform="乡味"), tab=Tab.DISPATCH) == []


def test_the_words_follow_a_case_whose_flags_and_state_change(world, monkeypatch) -> None:
    monkeypatch.setattr(finding, "LOOK", 0)
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    case = world.case()
    assert numbers_of(world, anna, Filters(flag="withdrawn")) == []
    with world.database.writing() as session:
        session.get_one(Case, case.id).flags = ["withdrawn"]
    assert numbers_of(world, anna, Filters(flag="withdrawn")) == [case.number]
    with world.database.writing() as session:
        session.get_one(Case, case.id).state = State.VERIFYING.value
    assert numbers_of(world, anna, Filters(state=State.VERIFYING)) == [case.number]
    assert numbers_of(world, anna, Filters(state=State.ASSIGNED)) == []
    with world.database.writing() as session:
        session.execute(delete(CaseWords))
    assert numbers_of(world, anna, Filters(flag="withdrawn")) == []
    rebuild_all(world.database.write, tick=lambda *_: None)
    assert numbers_of(world, anna, Filters(flag="withdrawn")) == [case.number]


def test_a_list_narrowed_by_receipt_begins_at_that_day_and_loses_nothing(world) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    day = local_date(world.now)
    made = [world.case(received_at=world.now - timedelta(days=ago)) for ago in (40, 20, 3, 0)]
    for first, last in ((45, 0), (20, 0), (25, 2), (0, 0), (60, 50)):
        since, until = day - timedelta(days=first), day - timedelta(days=last)
        wanted = [case.number for case in made if since <= local_date(case.received_at) <= until]
        found = numbers_of(world, anna, Filters(received_from=since, received_to=until))
        assert found == wanted, (first, last)


@sqlite_only
def test_no_word_of_a_text_is_taken_for_what_a_list_is_narrowed_to(world) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    case = world.case(flags=("no-exif",))
    with world.database.reading() as session:
        tokens = session.scalars(select(CaseWords.tokens)).one().split()
    facets = facet_tokens(
        state=case.state, categories=case.categories, severity=case.severity, flags=case.flags,
        county_code=case.county_code, platforms=["某外卖平台"],
    )  # fmt: skip
    assert set(facets) < set(tokens)
    # Whatever somebody types is cut into pairs, and every facet is longer than those.
    assert min(map(len, facets)) > max(map(len, pairs("老王麻辣烫kfc"))) == 2
    for facet in facets:
        assert numbers_of(world, anna, Filters(words=facet)) == []


@sqlite_only
def test_a_country_is_counted_anew_after_fifteen_seconds_and_a_city_at_every_look(world) -> None:
    nation = world.person("nora", (Role.DISPATCHER, "000000"))
    county = world.person("anna", (Role.INSPECTOR, SHENHE))
    kept = Overviews()

    def look(staff, box, at_s, tab=Tab.UNIT) -> int:
        with world.database.reading() as session:
            view = kept.look(
                session, staff=staff, tab=tab, filters=Filters(), box=box,
                today=date(2026, 11, 22), now=world.now, at_s=at_s,
            )  # fmt: skip
        return len(view.points) + sum(group.count for group in view.groups)

    world.case()
    assert look(nation, WIDE, 100.0) == 1
    world.case(code=XIHU, place=(30.25, 120.13))
    assert look(nation, WIDE, 114.9) == 1
    assert look(nation, WIDE, 115.0) == 2
    assert look(county, WIDE, 115.0) == 1
    assert look(nation, WIDE, 115.0, tab=Tab.MINE) == 0
    assert look(county, CITY, 115.0) == 1
    world.case()
    assert look(county, CITY, 115.0) == 2

"""The list of cases: scope, order, tabs, filters, pages; and the clocks in it."""

from datetime import date, timedelta

import pytest

from review_ui.casework.advancing import advance
from review_ui.casework.clocks import clock_of
from review_ui.lists.areas import areas
from review_ui.lists.filters import Filters, Tab
from review_ui.lists.queue import page_of_cases, tab_counts
from schemas.access import Role
from schemas.database import now_utc
from schemas.errors import InvalidInput
from schemas.lifecycle import State
from schemas.tables import Case, Photo, PhotoExamination
from schemas.workdays import NO_OVERRIDES, local_date

SHENHE, HUNNAN, SHENYANG, XIHU = "210103", "210112", "210100", "330106"

sqlite_only = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


def page(world, staff, tab=Tab.UNIT, cursor=None, size=30, **filters):
    with world.database.reading() as session:
        return page_of_cases(
            session,
            staff=staff,
            tab=tab,
            filters=Filters(**filters),
            cursor=cursor,
            today=local_date(world.now),
            calendar=NO_OVERRIDES,
            size=size,
        )


def numbers(found):
    return [row.case.number for row in found.rows]


def test_a_person_sees_the_cases_of_their_own_tree_by_due_date(world) -> None:
    late = world.case(due_on=date(2026, 12, 9))
    soon = world.case(code=HUNNAN, due_on=date(2026, 12, 1))
    foreign = world.case(code=XIHU)
    county = world.person("anna", (Role.INSPECTOR, SHENHE))
    city = world.person("bob", (Role.DISPATCHER, SHENYANG))
    nobody = world.person("stan", (Role.STATISTICIAN, SHENYANG))
    assert numbers(page(world, county)) == [late.number]
    assert numbers(page(world, city)) == [soon.number, late.number]
    assert numbers(page(world, nobody)) == []
    assert foreign.number not in numbers(page(world, city))
    assert {SHENHE, HUNNAN} <= set(areas(staff=city, chosen=None))
    assert XIHU not in areas(staff=city, chosen=None)


def test_pages_follow_one_another_by_key_without_gap_or_repeat(world) -> None:
    city = world.person("bob", (Role.DISPATCHER, SHENYANG))
    made = [world.case(due_on=date(2026, 12, 1 + n // 3)) for n in range(8)]
    seen, cursor = [], None
    while True:
        found = page(world, city, cursor=cursor, size=3)
        seen += numbers(found)
        cursor = found.next_cursor
        if cursor is None:
            break
    expected = sorted(made, key=lambda case: (case.due_on, case.id))
    assert seen == [case.number for case in expected]


@sqlite_only
@pytest.mark.parametrize("cursor", ["nonsense", "2026-12-01_xyz", "_", "2026-13-01_" + "0" * 32])
def test_a_cursor_that_is_none_is_refused(world, cursor) -> None:
    city = world.person("bob", (Role.DISPATCHER, SHENYANG))
    with pytest.raises(InvalidInput, match="cursor-invalid"):
        page(world, city, cursor=cursor)


def test_tabs_hold_what_they_say_and_count_it_truly(world, record) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    bob = world.person("bob", (Role.INSPECTOR, SHENHE))
    today = local_date(world.now)
    mine = world.case()
    with world.database.writing() as session:
        session.get_one(Case, mine.id).assignee_id = anna.staff_id
    overdue = world.case(due_on=today - timedelta(days=1))
    due_today = world.case(due_on=today)
    dispatch = world.case(state=State.DISPATCH)
    signed = world.case(state=State.VERIFYING)
    world.case(state=State.CLOSED, due_on=today - timedelta(days=1))
    concluded = world.case(state=State.PENALISED, due_on=today - timedelta(days=1))
    with world.database.writing() as session:
        advance(
            session,
            case_id=signed.id,
            staff=bob,
            to=State.UNVERIFIABLE,
            version=2,
            record={"findings": "店已搬走"},
            now=now_utc(),
        )
    expected = {
        Tab.UNIT: {mine, overdue, due_today, dispatch, signed, concluded},
        Tab.MINE: {mine},
        Tab.DISPATCH: {dispatch},
        Tab.OVERDUE: {overdue},
        Tab.SIGN: {signed},
    }
    with world.database.reading() as session:
        counts = tab_counts(session, staff=anna, today=today)
        own = tab_counts(session, staff=bob, today=today)
    for tab, cases in expected.items():
        assert set(numbers(page(world, anna, tab))) == {case.number for case in cases}, tab
        assert counts[tab] == len(cases)
    assert own[Tab.SIGN] == 0
    (row,) = page(world, anna, Tab.SIGN).rows
    assert row.awaits_signature


def test_who_can_not_sign_has_nothing_to_sign(world) -> None:
    bob = world.person("bob", (Role.INSPECTOR, SHENHE))
    head = world.person("hanna", (Role.BUREAU_HEAD, SHENHE))
    case = world.case(state=State.VERIFYING)
    with world.database.writing() as session:
        advance(
            session,
            case_id=case.id,
            staff=bob,
            to=State.UNVERIFIABLE,
            version=2,
            record={"findings": "店已搬走"},
            now=now_utc(),
        )
    assert numbers(page(world, head, Tab.SIGN)) == []


def test_filters_narrow_the_list(world) -> None:
    city = world.person("bob", (Role.DISPATCHER, SHENYANG))
    pest = world.case(categories=("PEST", "DIRTY_KITCHEN"), premises_name="小李_烧烤")
    closed = world.case(state=State.CLOSED)
    south = world.case(code=HUNNAN, premises_name="小李烧烤")
    assert numbers(page(world, city, category="PEST")) == [pest.number]
    assert numbers(page(world, city, category="DIRTY_KITCHEN", county=SHENHE)) == [pest.number]
    assert numbers(page(world, city, state=State.CLOSED)) == [closed.number]
    assert numbers(page(world, city, county=HUNNAN)) == [south.number]
    assert numbers(page(world, city, words="李烧")) == [south.number, pest.number]
    assert numbers(page(world, city, words=pest.number.lower())) == [pest.number]
    assert numbers(page(world, city, words="%")) == []


@sqlite_only
def test_a_row_shows_the_first_photo_that_may_be_shown(world) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    report = world.report(photos=2)
    world.case(reports=(report, world.report()))
    with world.database.writing() as session:
        first, second = session.query(Photo).filter_by(report_id=report).order_by(Photo.position)
        session.get_one(PhotoExamination, first.id).derivative_sizes = []
    (row,) = page(world, anna).rows
    assert row.thumbnail == second.id
    assert row.report_count == 2


@sqlite_only
def test_a_clock_counts_working_days_and_knows_when_it_is_overdue(world) -> None:
    monday = date(2026, 11, 16)
    case = world.case(due_on=date(2026, 11, 20))

    def left(today: date) -> int:
        found = clock_of(case, today=today, calendar=NO_OVERRIDES)
        assert found is not None
        assert found.is_overdue == (today > case.due_on)
        return found.left

    assert left(monday) == 4
    assert left(date(2026, 11, 20)) == 0
    # The weekend after it: no working day has passed, and it is overdue all the same.
    assert left(date(2026, 11, 21)) == -1
    assert left(date(2026, 11, 24)) == -2


@sqlite_only
@pytest.mark.parametrize("state", [State.CLOSED, State.PENALISED, State.INVALID, State.UNFOUNDED])
def test_nothing_is_owed_once_it_is_decided(world, state) -> None:
    case = world.case(state=state)
    assert clock_of(case, today=date(2030, 1, 1), calendar=NO_OVERRIDES) is None

"""Search finds Chinese words of two characters, stays in the tree, and is never stale."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, text

from review_ui.casework.advancing import advance, confirm
from review_ui.lists.filters import Filters, Tab
from review_ui.lists.queue import page_of_cases
from schemas.access import Role
from schemas.database import now_utc
from schemas.lifecycle import State
from schemas.searching import rebuild_all
from schemas.tables import CaseWords
from schemas.workdays import NO_OVERRIDES, local_date

SHENHE, HUNNAN, SHENYANG, XIHU = "210103", "210112", "210100", "330106"


def search(world, staff, words, *, tab=Tab.UNIT, cursor=None, size=30, **filters):
    with world.database.reading() as session:
        return page_of_cases(
            session,
            staff=staff,
            tab=tab,
            filters=Filters(words=words, **filters),
            cursor=cursor,
            today=local_date(world.now),
            calendar=NO_OVERRIDES,
            size=size,
        )


def numbers(found):
    return [row.case.number for row in found.rows]


WORDS = [
    ("麻辣", True),
    ("老王麻辣烫", True),
    ("老王 麻辣", True),
    ("ＫＦＣ", True),
    ("kfc麻辣", False),
    ("王老", False),
    ("老麻", False),
    ("热闹路", True),
    ("热闹路12号", True),
    ("热闹路 13号", False),
    ("麻", False),
    ("", True),
    ("%_", False),
    ('" OR 麻辣', False),
]


def test_words_are_found_where_they_stand(world) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    case = world.case(premises_name="KFC·老王 麻辣烫")
    for words, is_found in WORDS:
        assert numbers(search(world, anna, words)) == ([case.number] if is_found else []), words


def test_a_case_is_found_by_its_number_and_by_part_of_it(world) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    case = world.case()
    world.case()
    for words in (case.number, case.number.lower().replace("-", ""), case.number[11:17]):
        assert numbers(search(world, anna, words)) == [case.number]
    stranger = world.person("carl", (Role.INSPECTOR, XIHU))
    assert numbers(search(world, stranger, case.number)) == []


def test_a_search_stays_in_the_tree_and_follows_a_case_to_its_new_unit(world) -> None:
    county = world.person("anna", (Role.INSPECTOR, SHENHE))
    city = world.person("dora", (Role.DISPATCHER, SHENYANG))
    stranger = world.person("carl", (Role.INSPECTOR, XIHU))
    case = world.case(state=State.DISPATCH)
    assert numbers(search(world, county, "麻辣")) == [case.number]
    assert numbers(search(world, city, "麻辣")) == [case.number]
    assert numbers(search(world, stranger, "麻辣")) == []
    with world.database.writing() as session:
        advance(
            session, case_id=case.id, staff=city, to=State.ASSIGNED, version=2,
            record={"unit_id": str(world.unit(HUNNAN).id)}, now=now_utc(),
        )  # fmt: skip
    assert numbers(search(world, county, "麻辣")) == []
    assert numbers(search(world, city, "麻辣")) == [case.number]


def test_findings_are_found_once_they_stand_in_the_history(world, record) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    bob = world.person("bob", (Role.INSPECTOR, SHENHE))
    case = world.case(state=State.VERIFYING)
    fields = ("visited_on", "visit_place", "findings", "actual_address")
    with world.database.writing() as session:
        advance(
            session, case_id=case.id, staff=anna, to=State.VERIFIED, version=2,
            record={name: record[name] for name in fields}, now=now_utc(),
        )  # fmt: skip
    assert numbers(search(world, anna, "鼠迹")) == []
    with world.database.writing() as session:
        confirm(session, case_id=case.id, staff=bob, version=3, now=now_utc())
    assert numbers(search(world, anna, "鼠迹")) == [case.number]


def test_a_change_that_is_rolled_back_leaves_no_words(world) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    case = world.case()
    session = world.database.write()
    session.get_one(type(case), case.id).premises_name = "改名小馆"
    session.flush()
    session.rollback()
    session.commit()
    session.close()
    assert numbers(search(world, anna, "改名")) == []
    with world.database.writing() as session:
        session.get_one(type(case), case.id).premises_name = "改名小馆"
    assert numbers(search(world, anna, "改名")) == [case.number]


def test_a_search_is_newest_first_in_pages_and_filters_narrow_it(world) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    made = [world.case(categories=("PEST",) if n % 2 else ("EXPIRED",)) for n in range(5)]
    world.case(state=State.CLOSED, categories=("PEST",))
    seen, cursor = [], None
    while True:
        found = search(world, anna, "麻辣", cursor=cursor, size=2, category="PEST")
        seen += [row.case.number for row in found.rows]
        cursor = found.next_cursor
        if cursor is None:
            break
    assert seen[1:] == [made[3].number, made[1].number]
    assert len(seen) == 3
    assert numbers(search(world, anna, "麻辣", tab=Tab.MINE)) == []


def test_a_rebuilt_index_finds_what_the_kept_one_found(world) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    first = world.case(received_at=world.now - timedelta(hours=5))
    second = world.case(premises_name="小李烧烤")
    ticks = []
    with world.database.writing() as session:
        session.execute(delete(CaseWords))
    assert numbers(search(world, anna, "烧烤")) == []
    done = rebuild_all(world.database.write, tick=lambda *each: ticks.append(each))
    assert (done, ticks) == (2, [(2, 2)])
    assert numbers(search(world, anna, "烧烤")) == [second.number]
    assert numbers(search(world, anna, "热闹路")) == [second.number, first.number]


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_broken_sqlite_index_is_made_whole_by_a_rebuild(world) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    case = world.case()
    with world.database.writing() as session:
        session.execute(text("INSERT INTO case_pairs (case_pairs) VALUES ('delete-all')"))
    assert numbers(search(world, anna, "麻辣")) == []
    rebuild_all(world.database.write, tick=lambda *_: None)
    assert numbers(search(world, anna, "麻辣")) == [case.number]


def test_no_word_of_the_reporter_is_kept_for_searching(world) -> None:
    world.case()
    with world.database.reading() as session:
        (kept,) = session.scalars(select(CaseWords.text))
    assert "灶台油污" not in kept
    assert "骑手" not in kept

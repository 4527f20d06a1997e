"""What a figure rests on can not be altered, and where to look for it is never too narrow."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from schemas.bulletins.candidates import cases_of_week
from schemas.bulletins.computing import frame_of
from schemas.bulletins.territory import read_scope
from schemas.lifecycle import OPEN_STATES, State
from schemas.tables import Case, CaseReport, CaseSpan
from schemas.tables.spans import POSTGRESQL_SPANS, SQLITE_SPANS, written_anew


@pytest.mark.parametrize(
    "change", ["kind = 'legal_duplicate'", "linked_at = '2020-01-01 00:00:00'"]
)
def test_a_link_is_ended_once_and_never_otherwise_changed(city, at, change) -> None:
    case = city.case(at(0))
    again = city.report(at(1))
    link = city.link(case, again, at=at(1))
    with pytest.raises(DBAPIError, match="is kept"), city.database.writing() as session:
        session.execute(text(f"UPDATE case_reports SET {change}"))
    city.unlink(link, at=at(2))
    with pytest.raises(DBAPIError, match="is kept"):
        city.unlink(link, at=at(3))
    with city.database.reading() as session:
        assert session.get_one(CaseReport, link).unlinked_at == at(2)


def test_a_case_keeps_its_number_and_incident(city, at) -> None:
    city.case(at(0))
    with pytest.raises(DBAPIError, match="is kept"), city.database.writing() as session:
        session.scalars(select(Case)).one().number = "AJ1"
    with city.database.writing() as session:
        session.scalars(select(Case)).one().premises_name = "老王烧烤"


def test_the_triggers_know_the_open_states() -> None:
    for statement in (*SQLITE_SPANS, *POSTGRESQL_SPANS):
        if "NEW.to_state" in statement:
            assert all(
                (f"'{state.value}'" in statement) is (state in OPEN_STATES) for state in State
            )


def looked_at(city, week, parameters):
    with city.database.reading() as session:
        frame = frame_of(
            session, week=week, scope=read_scope(session, "210100"),
            known_at=week.ends_at + timedelta(days=900), parameters=parameters,
        )  # fmt: skip
        return set(cases_of_week(session, frame))


def test_a_week_looks_at_what_touches_it_and_at_little_else(city, at, week, parameters) -> None:
    long_ago = week.after(-60)
    ended = city.case(at(0, 10, long_ago))
    city.move(ended, State.INVALID, at(1, 10, long_ago), reason_code="test")
    waiting = city.case(at(0, 10, long_ago))
    late = city.case(at(0, 10, long_ago))
    city.move(late, State.VERIFYING, at(1, 10, long_ago))
    city.move(late, State.UNFOUNDED, at(3))
    moved = city.case(at(0), code="330106")
    city.move(moved, State.DISPATCH, at(1), code="210103")
    elsewhere = city.case(at(0), code="330106")
    coming = city.case(at(0, 10, week.after(1)))
    found = looked_at(city, week, parameters)
    assert {waiting, late, moved} <= found
    assert not {ended, elsewhere, coming} & found
    # A report that is linked to what has ended long ago brings it back.
    city.link(ended, city.report(at(2)), at=at(2))
    assert ended in looked_at(city, week, parameters)


def spans_of(session) -> set[tuple]:
    columns = (CaseSpan.case_id, CaseSpan.unit_id, CaseSpan.first_day, CaseSpan.latest_day,
               CaseSpan.length_class)  # fmt: skip
    return {tuple(row) for row in session.execute(select(*columns))}


def test_spans_written_in_bulk_are_those_that_the_triggers_keep(city, at, week, dialect) -> None:
    ended = city.case(at(0), recorded_at=at(2))
    city.move(ended, State.INVALID, at(3), recorded_at=at(60), reason_code="test")
    city.link(ended, city.report(at(-9)), at=at(4))
    moved = city.case(at(0))
    city.move(moved, State.DISPATCH, at(1), code="210112")
    with city.database.writing() as session:
        kept = spans_of(session)
        session.execute(text("DELETE FROM case_spans"))
        for statement in written_anew(dialect):
            session.connection().exec_driver_sql(statement)
        assert spans_of(session) == kept
        assert len(kept) == 3

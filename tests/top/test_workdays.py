"""`workdays load`: an official calendar reaches every process and counts running dates anew."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from schemas.calendars import FRESH_FOR_S, LiveCalendar, present_calendar
from schemas.database import new_id
from schemas.lifecycle import State
from schemas.measures import provisional_due_dates
from schemas.tables import AuditEntry, Case, LoadedCalendar, Unit
from schemas.workdays import NO_OVERRIDES, due_date, local_date

RECEIVED = datetime(2027, 12, 20, 2, 0, tzinfo=UTC)
FREE = [date(2028, 1, day) for day in (3, 4)]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "2028.json"
    years = {"years": [2027, 2028]}
    path.write_text(json.dumps(years | {day.isoformat(): False for day in FREE}), "utf-8")
    return path


def add_case(database, state=State.VERIFYING, received_at=RECEIVED):
    due = due_date(local_date(received_at), 15)
    with database.writing() as session:
        unit = session.scalars(select(Unit).where(Unit.division_code == "210103")).one()
        case = Case(
            number=f"AJ{new_id().hex[-20:]}", incident_id=new_id(), department="market",
            unit_id=unit.id, state=state.value, categories=["PEST"], severity=4,
            received_at=received_at, due_on=due.date, due_provisional=due.provisional,
        )  # fmt: skip
        session.add(case)
        return case


def fresh(database, case):
    with database.reading() as session:
        return session.get_one(Case, case.id)


def test_a_loaded_calendar_counts_provisional_dates_anew_and_says_so(run, database, file) -> None:
    running, ended = add_case(database), add_case(database, State.CLOSED)
    early = add_case(database, received_at=RECEIVED - timedelta(days=600))
    assert running.due_provisional
    done = run("workdays", "load", str(file), "--json")
    assert done.code == 0, done.err
    assert done.document == {
        "years": [2027, 2028], "days": 2, "cases_seen": 1, "cases_changed": 1,
    }  # fmt: skip
    with database.reading() as session:
        calendar = present_calendar(session)
        assert provisional_due_dates(session) == 0
        changed = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "case_due_changed")
        ).one()
        loaded = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "calendar_loaded")
        ).one()
    assert loaded.after["years"] == [2027, 2028]
    due = due_date(local_date(RECEIVED), 15, overrides=calendar)
    assert set(FREE) <= set(due.holidays_skipped)
    after = fresh(database, running)
    assert (after.due_on, after.due_provisional, after.version) == (due.date, False, 2)
    assert changed.before["due_on"] == running.due_on.isoformat()
    assert changed.after["due_on"] == after.due_on.isoformat()
    for case in (ended, early):
        assert fresh(database, case).version == 1
    again = run("workdays", "load", str(file), "--lang", "en")
    assert "0 have another due date" in again.out


def test_a_later_file_wins_over_an_earlier_one(run, database, file) -> None:
    run("workdays", "load", str(file))
    file.write_text(json.dumps({"years": [2028], FREE[0].isoformat(): True}), "utf-8")
    run("workdays", "load", str(file))
    with database.reading() as session:
        calendar = present_calendar(session)
    assert (calendar.days[FREE[0]], calendar.days[FREE[1]]) == (True, False)


def test_a_wrong_file_is_refused_and_nothing_is_stored(run, database, file) -> None:
    file.write_text('{"2028-01-03": false}', "utf-8")
    done = run("workdays", "load", str(file), "--lang", "en")
    assert done.code == 1
    assert 'needs "years"' in done.err
    with database.reading() as session:
        assert session.scalars(select(LoadedCalendar)).all() == []


def test_a_running_process_sees_it_without_a_restart(run, database, file) -> None:
    seconds = [0.0]
    live = LiveCalendar(database, NO_OVERRIDES, clock=lambda: seconds[0])
    assert live.now().days == {}
    run("workdays", "load", str(file))
    seconds[0] += FRESH_FOR_S + 1
    assert live.now().days[FREE[0]] is False


def test_the_page_of_the_life_of_a_case_is_printed(run) -> None:
    done = run("docs", "lifecycle")
    assert done.code == 0
    assert "stateDiagram-v2" in done.out

"""The week in numbers: half-open in Shanghai time, from rows, by county, in scope."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from review_ui.lists.counts import week_counts
from schemas.access import Role
from schemas.errors import InvalidInput
from schemas.lifecycle import State
from schemas.tables import CaseHistory, CaseReport
from schemas.weeks import Week, read_week, week_of

SHENHE, HUNNAN, SHENYANG, XIHU = "210103", "210112", "210100", "330106"
WEEK = Week(date(2026, 11, 16))

sqlite_only = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


def count(world, staff, week=WEEK):
    with world.database.reading() as session:
        return week_counts(session, staff=staff, week=week)


def note(world, case, version, source, target, at):
    with world.database.writing() as session:
        session.add(
            CaseHistory(
                case_id=case.id,
                version=version,
                from_state=source.value,
                to_state=target.value,
                unit_id=case.unit_id,
                occurred_at=at,
            )
        )


def test_a_week_is_half_open_in_shanghai_time(world) -> None:
    city = world.person("stan", (Role.STATISTICIAN, SHENYANG))
    # Monday 00:00 in Shanghai is Sunday 16:00 in UTC.
    begin = datetime(2026, 11, 15, 16, tzinfo=UTC)
    end = begin + timedelta(days=7)
    tick = timedelta(microseconds=1)
    for moment in (begin - tick, begin, end - tick, end):
        world.case(received_at=moment)
    assert count(world, city).totals["received"] == 2
    assert count(world, city).totals["opened"] == 2
    assert count(world, city, WEEK.after(1)).totals["received"] == 1
    assert week_of(begin) == WEEK
    assert week_of(end) == WEEK.after(1)


def test_figures_come_from_history_by_county(world) -> None:
    city = world.person("stan", (Role.STATISTICIAN, SHENYANG))
    at = WEEK.begins_at + timedelta(days=2)
    before = WEEK.begins_at - timedelta(days=30)
    south = world.case(code=HUNNAN, received_at=before, state=State.CLOSED)
    note(world, south, 10, State.VERIFYING, State.VERIFIED, at)
    note(world, south, 11, State.RECTIFYING, State.VERIFIED, at)
    note(world, south, 12, State.FILED, State.PENALISED, at)
    note(world, south, 13, State.PENALISED, State.CLOSED, at)
    note(world, south, 14, State.REOPENED, State.VERIFYING, at)
    note(world, south, 15, State.VERIFYING, State.VERIFIED, at)
    here = world.case(received_at=at)
    undecided = world.case(code=SHENYANG, state=State.DISPATCH, received_at=at)
    world.case(code=XIHU, received_at=at)
    found = count(world, city)
    rows = {county.county_code: county.counts for county in found.counties}
    assert list(rows) == [SHENHE, HUNNAN, None]
    assert rows[HUNNAN] == {
        "received": 0, "opened": 0, "verified": 1, "penalised": 1, "closed": 1,
    }  # fmt: skip
    assert rows[SHENHE]["received"] == rows[None]["received"] == 1
    assert found.totals == {"received": 2, "opened": 2, "verified": 1, "penalised": 1, "closed": 1}
    assert here.county_code == SHENHE
    assert undecided.county_code is None


@sqlite_only
def test_a_report_in_two_cases_is_received_once(world) -> None:
    city = world.person("stan", (Role.STATISTICIAN, SHENYANG))
    at = WEEK.begins_at + timedelta(days=2)
    report = world.report(received_at=at, categories=("DIRTY_KITCHEN", "OTHER"))
    world.case(reports=(report,), received_at=at)
    world.case(reports=(report,), received_at=at, categories=("FIRE_SAFETY",))
    assert count(world, city).totals["received"] == 1


@sqlite_only
def test_a_report_that_was_taken_out_is_not_counted_there(world) -> None:
    city = world.person("stan", (Role.STATISTICIAN, SHENYANG))
    at = WEEK.begins_at + timedelta(days=2)
    case = world.case(received_at=at, reports=tuple(world.report(received_at=at) for _ in "ab"))
    with world.database.writing() as session:
        link = session.scalars(
            select(CaseReport).where(CaseReport.case_id == case.id, CaseReport.kind != "first")
        ).one()
        link.unlinked_at = at
    assert count(world, city).totals["received"] == 1


@sqlite_only
def test_who_may_not_count_counts_nothing(world) -> None:
    auditor = world.person("rita", (Role.AUDITOR, SHENYANG))
    world.case(received_at=WEEK.begins_at)
    assert count(world, auditor).counties == ()


@pytest.mark.parametrize(
    ("name", "monday"),
    [("2026-W47", date(2026, 11, 16)), ("2026-W01", date(2025, 12, 29)), ("2026-W53", None)],
)
def test_weeks_are_named_by_iso_8601(name, monday) -> None:
    # 2026 has a 53rd week, which begins on 28 December.
    assert read_week(name).monday == (monday or date(2026, 12, 28))
    assert read_week(name).name == name


@pytest.mark.parametrize("name", ["2025-W53", "2026-W00", "2026-47", "", "1999-W01", "2026-W9"])
def test_a_week_that_does_not_exist_is_refused(name) -> None:
    with pytest.raises(InvalidInput, match="week-invalid"):
        read_week(name)

"""Once a night the clock verifies the audit log and erases what was kept long enough."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from structlog.testing import capture_logs

from intake.riders.registering import RiderProfile, add_rider
from schemas import audit
from schemas.audit import PIPELINE
from schemas.database import new_id, now_utc
from schemas.measures import night_work
from schemas.sealing import Sealer
from schemas.tables import AuditEntry, AuditVerification, NightlyRun, Rider
from schemas.workdays import last_night
from workers import nightly
from workers.nightly import RETENTION, erase_due, run_retention, verify_chain
from workers.schedule import Task, run_due, tasks


@pytest.fixture
def sealed_log(machine):
    """A machine with three sealed entries in its log."""
    with machine.database.writing() as session:
        for number in range(3):
            audit.record(
                session, actor=PIPELINE, action=f"did-{number}", subject=("case", new_id())
            )
    with machine.database.writing() as session:
        audit.seal(session)
    return machine


def alter_second_entry(database):
    """Alter an entry as somebody with the database's own rights could."""
    with database.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER audit_entries_no_update"))
        else:
            connection.execute(text("ALTER TABLE audit_entries DISABLE TRIGGER USER"))
        connection.execute(
            text("UPDATE audit_entries SET action = 'did-else' WHERE action = 'did-1'")
        )
        connection.commit()


def old_riders(machine, *, count):
    """Add riders who registered seven years ago and were not heard of again."""
    sealer = Sealer(machine.settings)
    with machine.database.writing() as session:
        for number in range(count):
            profile = RiderProfile(name="李小勇", phone=f"1380000{number:04d}", platform="")
            row = add_rider(session, sealer=sealer, profile=profile, actor=audit.OPERATOR)
            row.registered_at = now_utc() - timedelta(days=7 * 366)


def last_ran(machine, *, days_ago):
    with machine.database.writing() as session:
        session.get_one(NightlyRun, RETENTION).ran_at = now_utc() - timedelta(days=days_ago)


def standing(machine):
    with machine.database.reading() as session:
        return session.scalar(select(func.count()).where(Rider.erased_at.is_(None)))


def test_the_night_begins_at_three_in_shanghai():
    assert last_night(datetime(2026, 11, 22, 18, 59, tzinfo=UTC)).isoformat() == (
        "2026-11-21T19:00:00+00:00"
    )
    assert last_night(datetime(2026, 11, 22, 19, 0, tzinfo=UTC)).isoformat() == (
        "2026-11-22T19:00:00+00:00"
    )


def test_the_chain_is_verified_once_a_night_and_the_head_is_kept(sealed_log):
    with capture_logs() as said:
        found = verify_chain(sealed_log)
    assert found.fault is None
    assert [each["event"] for each in said] == ["audit_chain_whole"]
    assert verify_chain(sealed_log) is None, "this night's work is done"
    with sealed_log.database.reading() as session:
        assert session.scalars(select(AuditVerification.head)).all() == [found.head]
        night = night_work(session)
    assert (night.fault, night.hours_since_verification(now_utc())) == (None, 0)


def test_a_broken_chain_is_an_error_in_the_log_that_names_the_first_broken_entry(sealed_log):
    with sealed_log.database.writing() as session:
        session.add(AuditVerification(
            verified_at=now_utc() - timedelta(days=2), sealed=0, head=audit.GENESIS,
        ))  # fmt: skip
        second = session.scalars(select(AuditEntry.id).where(AuditEntry.action == "did-1")).one()
    alter_second_entry(sealed_log.database)
    with capture_logs() as said:
        verify_chain(sealed_log)
    (line,) = said
    assert (line["log_level"], line["event"]) == ("error", "audit_chain_broken")
    assert (line["fault"], line["fault_sequence"]) == ("entry-altered", 2)
    assert line["fault_entry"] == str(second)
    with sealed_log.database.reading() as session:
        night = night_work(session)
    assert (night.fault, night.fault_sequence) == ("entry-altered", 2)


def test_more_riders_than_one_look_finds_are_erased_in_one_night(machine, monkeypatch):
    monkeypatch.setattr(nightly, "BATCH", 2)
    old_riders(machine, count=5)
    database = machine.database
    assert erase_due(database, now=now_utc(), years=5, actor=audit.OPERATOR) == 5
    assert standing(machine) == 0


def test_nothing_is_known_of_the_nights_before_the_first(machine):
    with machine.database.reading() as session:
        night = night_work(session)
    assert night.hours_since_verification(now_utc()) == -1
    assert (night.fault, night.retention_ran_at, night.due_for_erasure) == (None, None, 0)


def test_the_first_night_only_counts_and_the_second_erases(machine):
    old_riders(machine, count=2)
    assert run_retention(machine) == 0
    assert standing(machine) == 2
    with machine.database.reading() as session:
        assert night_work(session).due_for_erasure == 2
    assert run_retention(machine) is None, "it ran since last night"
    last_ran(machine, days_ago=2)
    assert run_retention(machine) == 2
    assert standing(machine) == 0
    with machine.database.reading() as session:
        assert night_work(session).due_for_erasure == 0
        actors = session.scalars(
            select(AuditEntry.actor_kind).where(AuditEntry.action == "rider.erased")
        ).all()
    assert actors == ["pipeline", "pipeline"]


@pytest.mark.parametrize(("mode", "due"), [("count", 1), ("off", 0)])
def test_nothing_is_erased_where_the_operator_does_not_want_it(machine, mode, due):
    old_riders(machine, count=1)
    settings = machine.settings.model_copy(update={"retention_nightly": mode})
    object.__setattr__(machine, "settings", settings)
    run_retention(machine)
    if mode == "count":
        last_ran(machine, days_ago=2)
        assert run_retention(machine) == 0
    else:
        assert run_retention(machine) is None
    assert standing(machine) == 1
    with machine.database.reading() as session:
        assert night_work(session).due_for_erasure == due


def test_the_clock_does_both_aside():
    aside = {task.name for task in tasks() if task.aside}
    assert aside >= {"verify_chain", "run_retention"}


def test_what_runs_aside_keeps_nothing_waiting_and_is_not_begun_twice(machine):
    go_on, begun = threading.Event(), []

    def long(_machine):
        begun.append(len(begun))
        go_on.wait(30)

    task = Task("long", 10, long, aside=True)
    assert run_due(machine, [task], now_s=100.0) == 110.0
    assert run_due(machine, [task], now_s=110.0) == 120.0
    go_on.set()
    task.thread.join(30)
    assert begun == [0]
    run_due(machine, [task], now_s=120.0)
    task.thread.join(30)
    assert begun == [0, 1]

import os
import signal
from datetime import timedelta

import pytest
from redis import Redis
from sqlalchemy import select

from schemas import audit
from schemas.database import new_id, now_utc
from schemas.jobs import PROCESS_REPORT
from schemas.lifecycle import State
from schemas.tables import (
    AuditEntry,
    AuditSeal,
    IdempotencyKey,
    PhotoExamination,
    ReportProgress,
    Supplement,
)
from workers import pipeline
from workers.schedule import KEYS_KEPT, Task, run_due, tasks, tidy
from workers.sweep import MOST_ATTEMPTS, PATIENCE, Swept, sweep

SOON, LATER = timedelta(seconds=11), timedelta(seconds=120)


@pytest.fixture
def tips(tips, queued):
    tips.machine = queued
    return tips


@pytest.fixture
def at_once(queued, queue):
    """Empties the queue and says whom its jobs were about, in order."""
    client = Redis.from_url(queued.settings.redis_url)

    def take():
        taken = [
            job.kwargs.get("report_id") or job.kwargs.get("supplement_id")
            for job in queue.queue.get_jobs()
        ]
        client.flushall()
        return taken

    yield take
    client.close()


def change(machine, report, **values):
    with machine.database.writing() as session:
        progress = session.get_one(ReportProgress, report)
        for name, value in values.items():
            setattr(progress, name, value)


def test_a_committed_tip_that_was_never_queued_is_queued(tips, queued, at_once):
    report = tips.send(tips.photo(1), at=tips.inside())
    assert sweep(queued) == Swept()
    assert sweep(queued, now=now_utc() + SOON) == Swept(requeued=1)
    assert at_once() == [str(report)]


def test_a_tip_that_waits_in_the_queue_is_not_queued_twice(tips, queued, queue, at_once):
    report = tips.send(tips.photo(1), at=tips.inside())
    queue.put(PROCESS_REPORT, report, request_id="r-12345678")
    change(queued, report, queued_at=now_utc())
    assert sweep(queued, now=now_utc() + LATER) == Swept()
    assert at_once() == [str(report)]


def test_after_the_queue_was_emptied_everything_unfinished_is_queued_again(
    tips, queued, queue, at_once
):
    reports = [tips.send(tips.photo(n), at=tips.inside()) for n in range(3)]
    done = tips.send(tips.photo(5), at=tips.inside())
    tips.process(done)
    for report in reports:
        queue.put(PROCESS_REPORT, report, request_id="r-12345678")
        change(queued, report, queued_at=now_utc())
    at_once()
    assert sweep(queued, now=now_utc() + SOON) == Swept(requeued=3)
    assert at_once() == [str(report) for report in reports]


def test_the_id_of_the_rider_s_request_survives_the_sweep(tips, queued, queue):
    report = tips.send(tips.photo(1), at=tips.inside())
    with queued.database.writing() as session:
        audit.record(
            session, actor=audit.ANONYMOUS, action="seen", subject=("report", report)
        ).request_id = "r-12345678"
    sweep(queued, now=now_utc() + SOON)
    (job,) = queue.queue.get_jobs()
    assert job.kwargs["request_id"] == "r-12345678"


@pytest.mark.parametrize("attempts", [1, 2, 3, 4])
def test_an_attempt_is_left_alone_for_a_while(tips, queued, at_once, attempts):
    report = tips.send(tips.photo(1), at=tips.inside())
    begun = now_utc()
    change(queued, report, queued_at=begun, attempts=attempts)
    patience = PATIENCE[attempts]
    assert sweep(queued, now=begun + patience - timedelta(seconds=1)) == Swept()
    assert sweep(queued, now=begun + patience) == Swept(requeued=1)
    assert at_once() == [str(report)]


def test_the_longest_patience_and_a_sweep_fit_into_two_minutes():
    sweep_every_s = next(task.every_s for task in tasks() if task.name == "sweep")
    assert sweep_every_s <= 60
    assert max(PATIENCE) + timedelta(seconds=sweep_every_s) < timedelta(seconds=90)


def test_a_tip_that_failed_too_often_goes_to_dispatch(tips, queued, at_once):
    report = tips.send(tips.photo(1), at=tips.inside("210103"))
    change(queued, report, queued_at=now_utc(), attempts=MOST_ATTEMPTS)
    assert sweep(queued, now=now_utc() + LATER) == Swept(given_up=1)
    assert at_once() == []
    case = tips.case(report)
    assert (case.state, case.county_code) == (State.DISPATCH, "210103")
    assert sweep(queued, now=now_utc() + LATER) == Swept()


def test_a_tip_that_was_given_up_can_be_examined_when_it_is_queued_again(tips, queued):
    report = tips.send(tips.photo(1), at=tips.inside())
    change(queued, report, attempts=MOST_ATTEMPTS)
    pipeline.give_up(report, machine=queued)
    change(queued, report, examined_at=None, matched_at=None, routed_at=None, finished_at=None)
    tips.process(report)
    with queued.database.reading() as session:
        assert session.scalars(select(PhotoExamination)).one().unreadable_reason is None


def test_while_the_queue_is_away_a_sweep_does_nothing_and_raises_nothing(tips, machine):
    report = tips.send(tips.photo(1), at=tips.inside())
    change(machine, report, attempts=MOST_ATTEMPTS)
    assert sweep(machine, now=now_utc() + LATER) == Swept()
    assert tips.progress(report).finished_at is None


def test_one_hopeless_report_does_not_keep_the_others(tips, queued, at_once):
    # No unit at all: not even dispatch has a desk for this one.
    broken = tips.send(tips.photo(1), at=tips.inside())
    good = tips.send(tips.photo(2), at=tips.inside())
    change(queued, broken, attempts=MOST_ATTEMPTS)
    with queued.database.writing() as session:
        session.connection().exec_driver_sql("DELETE FROM units WHERE true")
    assert sweep(queued, now=now_utc() + LATER) == Swept(requeued=1)
    assert at_once() == [str(good)]
    # It comes up again only after its patience.
    assert tips.progress(broken).queued_at


def test_an_unexamined_supplement_is_queued_and_in_the_end_given_up(tips, queued, at_once):
    report = tips.send(tips.photo(1), at=tips.inside())
    tips.process(report)
    addition = tips.add(report, tips.photo(2))
    assert sweep(queued) == Swept()
    assert sweep(queued, now=now_utc() + LATER) == Swept(requeued=1)
    assert sweep(queued, now=now_utc() + LATER) == Swept()
    assert at_once() == [str(addition)]
    assert sweep(queued, now=now_utc() + timedelta(hours=7)) == Swept(given_up=1)
    with queued.database.reading() as session:
        assert session.get_one(Supplement, addition).examined_at
    assert "supplemented" in tips.case(report).flags


def test_the_clock_runs_each_task_at_its_own_pace_and_none_stops_another(machine):
    ran = []

    def broken(_machine):
        ran.append("broken")
        raise ValueError("broken")

    planned = [Task("broken", 10, broken), Task("fine", 25, lambda _: ran.append("fine"))]
    assert run_due(machine, planned, now_s=100.0) == 110.0
    assert run_due(machine, planned, now_s=110.0) == 120.0
    assert run_due(machine, planned, now_s=124.9) == 125.0
    assert run_due(machine, planned, now_s=125.0) == 134.9
    assert ran == ["broken", "fine", "broken", "broken", "fine"]


def test_tidying_keeps_what_is_young(tips, machine):
    report = tips.send(tips.photo(1), at=tips.inside())
    old, young = machine.settings.data_dir / "incoming" / "old", tips.machine.settings.data_dir
    young = young / "incoming" / "young"
    for path in (old, young):
        path.write_bytes(b"x")
    os.utime(old, (0, 0))
    with machine.database.writing() as session:
        session.add(
            IdempotencyKey(
                scope="anonymous",
                key=new_id(),
                request_digest="0" * 64,
                report_id=report,
                sealed_answer=b"",
                created_at=now_utc() - KEYS_KEPT - timedelta(seconds=1),
            )
        )
    tidy(machine)
    assert young.exists()
    assert not old.exists()
    with machine.database.reading() as session:
        assert len(session.scalars(select(IdempotencyKey)).all()) == 1


def test_the_clock_process_sweeps_and_seals_until_it_is_stopped(
    tips, queued, queue, start, wait_until
):
    report = tips.send(tips.photo(1), at=tips.inside())
    long_ago = now_utc() - LATER
    change(queued, report, queued_at=long_ago)
    clock = start("workers.schedule", queued.settings)
    wait_until(lambda: queue.depth() == 1)

    def is_sealed():
        with queued.database.reading() as session:
            entries = session.scalars(select(AuditEntry)).all()
            return len(entries) == len(session.scalars(select(AuditSeal)).all()) > 0

    wait_until(is_sealed)
    os.kill(clock.process.pid, signal.SIGTERM)
    assert clock.process.wait(timeout=30) == 0
    with queued.database.reading() as session:
        assert audit.verify(session).fault is None

import inspect
import math
import os
import resource
import signal
from importlib import import_module
from types import SimpleNamespace

import psutil
import pytest
from redis import Redis
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer
from sqlalchemy import func, select

from schemas.database import now_utc
from schemas.jobs import (
    JOBS,
    PROCESS_REPORT,
    PROCESS_SUPPLEMENT,
    QUEUE_NAME,
    connect_queue,
)
from schemas.lifecycle import State
from schemas.tables import (
    AuditEntry,
    HashBlock,
    HashSegment,
    ReportProgress,
    ReportStep,
    Supplement,
)
from workers import jobs, runner
from workers.machine import Machine


@pytest.fixture
def tips(tips, queued):
    tips.machine = queued
    return tips


def finished(machine: Machine) -> int:
    with machine.database.reading() as session:
        return session.scalar(select(func.count()).where(ReportProgress.finished_at.is_not(None)))


def test_every_job_of_the_contract_is_there_with_its_arguments():
    for job in JOBS:
        module, name = job.function.rsplit(".", 1)
        signature = inspect.signature(getattr(import_module(module), name))
        assert tuple(signature.parameters) == job.arguments


def test_a_job_outside_of_a_worker_says_what_is_missing():
    jobs._machines.clear()
    with pytest.raises(LookupError, match="jobs run in"):
        jobs.process_report("01a20061-d7e5-7545-be3e-a8d3b141cbf6", "r-12345678")


def test_the_worker_takes_queued_tips_and_supplements_to_their_cases(
    tips, queued, queue, start, wait_until
):
    report = tips.send(tips.photo(1), at=tips.inside("210103"))
    queue.put(PROCESS_REPORT, report, request_id="r-12345678")
    worker = start("workers.runner", queued.settings)
    wait_until(lambda: worker.said("worker_ready") and finished(queued) == 1)
    assert tips.case(report).state == State.ASSIGNED
    addition = tips.add(report, tips.photo(2))
    queue.put(PROCESS_SUPPLEMENT, addition, request_id="r-12345678")

    def is_examined():
        with queued.database.reading() as session:
            return session.get_one(Supplement, addition).examined_at

    wait_until(is_examined)
    with queued.database.reading() as session:
        entry = session.scalars(select(AuditEntry).filter_by(action="case_opened")).one()
    # The id of the rider's request follows the tip into the audit log and the worker's own.
    assert entry.request_id == "r-12345678"
    assert '"request_id": "r-12345678"' in worker.log.read_text()
    assert worker.stop() == 0
    assert worker.said("worker_stopped")
    # A successful job leaves nothing behind in the queue server.
    client = Redis.from_url(queued.settings.redis_url)
    assert client.keys("rq:job:*") == []
    client.close()


def test_jobs_that_go_well_are_run_by_one_process_and_one_that_fails_ends_it(
    tips, queued, queue, start, wait_until
):
    def horses():
        # The decoders' own process was started, and not forked.
        children = psutil.Process(worker.process.pid).children()
        return {each.pid for each in children if "forkserver" not in " ".join(each.cmdline())}

    worker = start("workers.runner", queued.settings)
    seen = []
    for number in range(2):
        report = tips.send(tips.photo(40 + number), at=tips.inside())
        queue.put(PROCESS_REPORT, report, request_id="r-12345678")
        wait_until(lambda done=number + 1: finished(queued) == done)
        seen.append(horses())
    assert seen[0] == seen[1]
    assert len(seen[0]) == 1
    lost = tips.send(tips.photo(42), at=tips.inside())
    for path in queued.settings.data_dir.glob("photos/originals/*/*/*"):
        path.unlink()
    queue.put(PROCESS_REPORT, lost, request_id="r-12345678")
    wait_until(lambda: tips.progress(lost).last_error == "original-missing")
    report = tips.send(tips.photo(43), at=tips.inside())
    queue.put(PROCESS_REPORT, report, request_id="r-12345678")
    wait_until(lambda: finished(queued) == 3)
    assert horses().isdisjoint(seen[0])
    assert worker.stop() == 0


def test_each_job_has_its_own_processor_time_whatever_those_before_took(monkeypatch):
    limits = resource.getrlimit(resource.RLIMIT_CPU)
    own_s = max(job.timeout_s for job in JOBS)
    try:
        for taken_s in (0.2, 5_000.7):
            usage = SimpleNamespace(ru_utime=taken_s, ru_stime=1.0)
            monkeypatch.setattr(resource, "getrusage", lambda who, usage=usage: usage)
            runner.limit_job()
            assert resource.getrlimit(resource.RLIMIT_CPU) == (
                math.ceil(taken_s + 1.0) + own_s, limits[1],
            )  # fmt: skip
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, limits)


def test_the_rehearsal_of_a_starting_worker_leaves_no_trace(tips, queued, start, wait_until):
    worker = start("workers.runner", queued.settings)
    wait_until(lambda: worker.said("worker_ready"))
    assert worker.log.read_text().count('"event": "step_done"') == 3
    with queued.database.reading() as session:
        for table in (ReportProgress, ReportStep, AuditEntry):
            assert session.scalar(select(func.count()).select_from(table)) == 0
    assert list(queued.settings.data_dir.glob("photos/derivatives/*")) == []


def test_a_job_that_fails_is_noted_and_the_worker_goes_on(tips, queued, queue, start, wait_until):
    lost = tips.send(tips.photo(3), at=tips.inside())
    for path in queued.settings.data_dir.glob("photos/originals/*/*/*"):
        path.unlink()
    good = tips.send(tips.photo(4), at=tips.inside())
    for report in (lost, good):
        queue.put(PROCESS_REPORT, report, request_id="r-12345678")
    start("workers.runner", queued.settings)
    wait_until(lambda: finished(queued) == 1)
    assert tips.progress(lost).last_error == "original-missing"
    registry = FailedJobRegistry(QUEUE_NAME, connection=queue.connection, serializer=JSONSerializer)
    wait_until(lambda: registry.count == 1)


def test_a_photo_index_that_is_damaged_is_told_and_stops_no_worker(
    tips, queued, queue, start, wait_until
):
    with queued.database.writing() as session:
        session.add(HashBlock(id=1, hashes=0, data=b""))
        session.flush()
        session.add(
            HashSegment(
                first_block=1, last_block=1, shift=0, base_id=0, hashes=5, ready_at=now_utc()
            )
        )
    report = tips.send(tips.photo(1), at=tips.inside("210103"))
    queue.put(PROCESS_REPORT, report, request_id="r-12345678")
    worker = start("workers.runner", queued.settings)
    wait_until(lambda: worker.said("worker_ready") and finished(queued) == 1)
    assert worker.said("photo_index_failed")


def test_a_killed_worker_leaves_a_tip_that_the_next_one_finishes(
    tips, queued, queue, start, wait_until
):
    reports = [tips.send(tips.photo(10 + n), at=tips.inside()) for n in range(6)]
    for report in reports:
        queue.put(PROCESS_REPORT, report, request_id="r-12345678")
    worker = start("workers.runner", queued.settings)
    wait_until(lambda: finished(queued) >= 2)
    worker.kill()
    start("workers.runner", queued.settings)
    for report in reports:
        # What a sweep does for those that went down with the first worker.
        queue.put(PROCESS_REPORT, report, request_id="r-12345678")
    wait_until(lambda: finished(queued) == len(reports))
    for report in reports:
        assert tips.link(report).kind in {"first", "same_incident"}


def test_asked_to_stop_in_the_middle_the_worker_finishes_its_job(
    tips, queued, queue, start, wait_until
):
    photos = [tips.photo(20 + n, size=(4000, 3000)) for n in range(6)]
    report = tips.send(*photos, at=tips.inside())
    worker = start("workers.runner", queued.settings)
    wait_until(lambda: worker.said("worker_ready"))
    queue.put(PROCESS_REPORT, report, request_id="r-12345678")
    wait_until(lambda: tips.progress(report).attempts == 1)
    os.kill(worker.process.pid, signal.SIGTERM)
    assert worker.process.wait(timeout=60) == 0
    assert tips.progress(report).finished_at


def test_the_worker_waits_for_the_queue_server_and_goes_on_when_it_is_back(
    tips, machine, queue_of_its_own, start, wait_until
):
    settings = machine.settings.model_copy(update={"redis_url": queue_of_its_own.url})
    worker = start("workers.runner", settings)
    wait_until(lambda: worker.said("queue_away"))
    queue = connect_queue(queue_of_its_own.url)
    for number in range(2):
        queue_of_its_own.start()
        report = tips.send(tips.photo(30 + number), at=tips.inside())
        wait_until(lambda report=report: queue.put(PROCESS_REPORT, report, request_id="r-12345678"))
        wait_until(lambda number=number: finished(machine) == number + 1)
        queue_of_its_own.kill()
    # Asked to stop while there is no server to say good-bye to.
    assert worker.stop() == 0

"""Finds what was committed but is neither finished nor queued, and queues it again.

The database is the truth and the queue may be emptied, or a worker killed, at any
moment. A report on which the pipeline keeps failing goes to dispatch, for a person.
"""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog
from redis.exceptions import RedisError
from sqlalchemy import or_, select, update

from schemas.database import now_utc
from schemas.errors import ConfigurationError
from schemas.jobs import (
    EXAMINE_ATTACHMENT,
    PROCESS_REPORT,
    PROCESS_SUPPLEMENT,
    JobSpec,
    RedisQueue,
    connect_queue,
)
from schemas.tables import AuditEntry, Report, ReportProgress, Supplement
from workers import attachments, pipeline
from workers.machine import Machine

log = structlog.get_logger()

# After so many attempts that began and did not end well, a person takes over.
MOST_ATTEMPTS = 5
# How long an attempt is left alone, by the number of attempts so far. One that never
# began should have begun at once; the last waits are long enough for a busy machine
# and short enough for two minutes.
PATIENCE = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 30, 45, 60, 60))
SUPPLEMENT_PATIENCE = timedelta(seconds=30)
SUPPLEMENT_GIVEN_UP = timedelta(hours=6)
# A queue that was emptied with more in it is filled again over several sweeps.
BATCH = 5_000


@dataclass(frozen=True)
class Swept:
    """What one sweep did: how many were queued again, and how many were given up."""

    requeued: int = 0
    given_up: int = 0


def sweep(machine: Machine, *, now: datetime | None = None) -> Swept:
    """Queue again whatever is committed, not finished and not queued.

    While the queue is away nothing is done: it can't be asked what it holds. Several
    sweepers at once are harmless, since every job may run twice.
    """
    now = now or now_utc()
    try:
        # Looked up each time: the embedded server may come back on another port.
        queue = connect_queue(machine.settings.effective_redis_url)
        with closing(queue.connection):
            return _sweep(machine, queue, queue.waiting(), now)
    except (RedisError, ConfigurationError):
        log.warning("sweep_without_queue")
        return Swept()


def _sweep(machine: Machine, queue: RedisQueue, waiting: set[str], now: datetime) -> Swept:
    stuck = [each for each in _stuck_reports(machine, now) if each[0].hex not in waiting]
    hopeless = [report_id for report_id, attempts in stuck if attempts >= MOST_ATTEMPTS]
    hopeful = [report_id for report_id, attempts in stuck if attempts < MOST_ATTEMPTS]
    requeued = _requeue(machine, queue, hopeful, now)
    given_up = sum(_give_up(machine, report_id, now) for report_id in hopeless)
    for supplement_id, is_hopeless in _stuck_supplements(machine, now):
        if is_hopeless:
            given_up += _give_up_supplement(machine, supplement_id)
        elif supplement_id.hex not in waiting:
            requeued += _put(machine, queue, PROCESS_SUPPLEMENT, supplement_id)
    for attachment_id, is_hopeless in attachments.stuck(machine, now=now):
        if is_hopeless:
            attachments.give_up(attachment_id, machine=machine)
            given_up += 1
        elif attachment_id.hex not in waiting:
            requeued += _put(machine, queue, EXAMINE_ATTACHMENT, attachment_id)
    if requeued or given_up:
        log.info("swept", requeued=requeued, given_up=given_up)
    return Swept(requeued, given_up)


def _stuck_reports(machine: Machine, now: datetime) -> list[tuple[UUID, int]]:
    """Return unfinished reports whose last attempt is longer ago than it may be, oldest first."""
    with machine.database.reading() as session:
        rows = session.execute(
            select(
                ReportProgress.report_id,
                ReportProgress.attempts,
                ReportProgress.queued_at,
                Report.received_at,
            )
            .join(Report, Report.id == ReportProgress.report_id)
            .where(
                ReportProgress.finished_at.is_(None),
                or_(
                    ReportProgress.queued_at.is_(None),
                    ReportProgress.queued_at <= now - min(PATIENCE),
                ),
            )
            .order_by(ReportProgress.report_id)
            .limit(BATCH)
        ).all()
    return [
        (report_id, attempts)
        for report_id, attempts, queued_at, received_at in rows
        if (queued_at or received_at) <= now - PATIENCE[min(attempts, len(PATIENCE) - 1)]
    ]


def _requeue(machine: Machine, queue: RedisQueue, report_ids: list[UUID], now: datetime) -> int:
    queued = []
    for report_id in report_ids:
        if not _put(machine, queue, PROCESS_REPORT, report_id):
            break
        queued.append(report_id)
    if queued:
        with machine.database.writing() as session:
            session.execute(
                update(ReportProgress)
                .where(
                    ReportProgress.report_id.in_(queued),
                    # A worker may have begun with it since; its own mark is the newer one.
                    or_(ReportProgress.queued_at.is_(None), ReportProgress.queued_at < now),
                )
                .values(queued_at=now)
            )
    return len(queued)


def _give_up(machine: Machine, report_id: UUID, now: datetime) -> bool:
    try:
        pipeline.give_up(report_id, machine=machine)
    except Exception:
        # One report must not keep the others; it comes up again after its patience.
        log.exception("give_up_failed", report_id=str(report_id))
        with machine.database.writing() as session:
            session.execute(
                update(ReportProgress)
                .where(ReportProgress.report_id == report_id)
                .values(queued_at=now)
            )
        return False
    return True


def _give_up_supplement(machine: Machine, supplement_id: UUID) -> bool:
    try:
        pipeline.give_up_supplement(supplement_id, machine=machine)
    except Exception:
        log.exception("give_up_failed", supplement_id=str(supplement_id))
        return False
    return True


def _stuck_supplements(machine: Machine, now: datetime) -> list[tuple[UUID, bool]]:
    """Return unexamined supplements, and whether to stop trying."""
    with machine.database.reading() as session:
        rows = session.execute(
            select(Supplement.id, Supplement.received_at)
            .where(
                Supplement.examined_at.is_(None),
                Supplement.received_at <= now - SUPPLEMENT_PATIENCE,
            )
            .order_by(Supplement.id)
            .limit(BATCH)
        ).all()
    return [(key, received_at <= now - SUPPLEMENT_GIVEN_UP) for key, received_at in rows]


def _put(machine: Machine, queue: RedisQueue, job: JobSpec, subject_id: UUID) -> bool:
    """Queue a job under the id of the request that brought its subject, where that is known."""
    with machine.database.reading() as session:
        request_id = session.scalar(
            select(AuditEntry.request_id)
            .where(AuditEntry.subject_id == subject_id, AuditEntry.request_id.is_not(None))
            .order_by(AuditEntry.id)
            .limit(1)
        )
    return queue.put(job, subject_id, request_id=request_id or f"sweep-{uuid4().hex}")

"""The queue contract: job name → payload of ids.

Jobs are called by name, so that the door needs no import of the machine room.
Every payload holds ids as text only: the database is the truth, Redis may be
emptied at any moment, and a queue that is read by others tells them nothing.
"""

import secrets
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer

QUEUE_NAME = "tips"


@dataclass(frozen=True)
class JobSpec:
    """One job: its dotted name, the names of its arguments, and its time limit in seconds."""

    function: str
    arguments: tuple[str, ...]
    timeout_s: int


PROCESS_REPORT = JobSpec("workers.jobs.process_report", ("report_id", "request_id"), 180)
PROCESS_SUPPLEMENT = JobSpec(
    "workers.jobs.process_supplement", ("supplement_id", "request_id"), 180
)
EXAMINE_ATTACHMENT = JobSpec(
    "workers.jobs.examine_attachment", ("attachment_id", "request_id"), 180
)
JOBS = (PROCESS_REPORT, PROCESS_SUPPLEMENT, EXAMINE_ATTACHMENT)


class JobQueue(Protocol):
    """What the door and the sweeper need of a queue."""

    def put(self, job: JobSpec, subject_id: UUID, *, request_id: str) -> bool:
        """Queue the job and say whether the queue took it."""


class RedisQueue:
    """The real queue: RQ 3 with the JSON serializer over Redis or Valkey."""

    def __init__(self, connection: "Redis") -> None:
        self.connection = connection
        self.queue = Queue(QUEUE_NAME, connection=connection, serializer=JSONSerializer)

    def put(self, job: JobSpec, subject_id: UUID, *, request_id: str) -> bool:
        """Queue the job; False when the queue is away, since the sweeper will find the work."""
        try:
            # RQ's own retries would wait for a scheduler that nobody runs, and are lost
            # with the queue: the sweeper repeats what failed.
            self.queue.enqueue_call(
                job.function,
                kwargs=dict(zip(job.arguments, (str(subject_id), request_id), strict=True)),
                timeout=job.timeout_s,
                result_ttl=0,
                failure_ttl=86_400,
                job_id=f"{subject_id.hex}-{secrets.token_hex(4)}",
            )
        except RedisError:
            # The row is committed: the clock's sweep queues it again within a minute.
            structlog.get_logger().warning("queue_away", job=job.function)
            return False
        return True

    def waiting(self) -> set[str]:
        """Return whom the waiting jobs are about (ids in hex); RedisError while it is away."""
        return {job_id.partition("-")[0] for job_id in self.queue.get_job_ids()}

    def depth(self) -> int:
        """Return how many jobs wait."""
        return int(self.queue.count)


def connect_queue(url: str) -> RedisQueue:
    """Return the queue at a Redis address, with time-outs so that a dead one is noticed."""
    connection = Redis.from_url(
        url, socket_connect_timeout=2, socket_timeout=5, health_check_interval=15
    )
    return RedisQueue(connection)

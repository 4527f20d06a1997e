"""The worker process: waits for jobs and runs each in a fork of itself.

Everything is imported and the boundaries are prepared before the first fork, which
makes a job's own start a matter of milliseconds. No database connection is open
while a child is forked: two processes on one connection would read each other's
answers.
"""

import resource
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue, Worker
from rq.exceptions import StopRequested
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import now
from rq.worker import WorkerStatus
from sqlalchemy.exc import DBAPIError

from schemas.errors import ConfigurationError
from schemas.jobs import JOBS, QUEUE_NAME
from workers import jobs
from workers.heap import settle_memory
from workers.machine import Machine, machine_of_environment
from workers.rehearsal import rehearse

log = structlog.get_logger()

# How long a change of the loaded polygons may go unnoticed by this process; a job
# looks for itself in any case, only slower.
LOOK_AGAIN_S = 5.0
LONGEST_PAUSE_S = 2.0
# An idle worker asks again after this time less a quarter, so that a connection that
# died without a word is noticed.
WORKER_TTL_S = 60
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# On top of what one photo's examination may take: the job's own rows and derivatives.
SPARE_BYTES = 1 << 30


class TipWorker(Worker):
    """RQ's forking worker, with limits in the child and without a thread in the parent."""

    max_connection_wait_time = LONGEST_PAUSE_S

    def __init__(self, machine: Machine, connection: "Redis") -> None:
        queue = Queue(QUEUE_NAME, connection=connection, serializer=JSONSerializer)
        super().__init__(
            [queue],
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=WORKER_TTL_S,
            log_job_description=False,
        )
        self.machine = machine
        self.stop_asked = False
        self._looked_at = float("-inf")

    def subscribe(self) -> None:
        """Listen to no commands: RQ's listener is a thread, and threads do not fork."""

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run one job in a child that inherits today's boundaries."""
        if time.monotonic() - self._looked_at > LOOK_AGAIN_S:
            prepare(self.machine)
            self._looked_at = time.monotonic()
        super().execute_job(job, queue)

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """Be the child: put on the limits, then do the work."""
        limit_child(self.machine)
        super().main_work_horse(job, queue)

    def heartbeat(self, timeout: int | None = None, pipeline: "Pipeline | None" = None) -> None:
        """Show that we live; leave RQ's loop while the queue server is away.

        That loop would ask the same address for ever, and an embedded server may come
        back on another port.
        """
        try:
            super().heartbeat(timeout, pipeline=pipeline)
        except RedisError:
            raise StopRequested from None

    def maintain_heartbeats(self, job: Job, execution: Execution) -> None:
        """Tell the queue that the job goes on; the job itself does not need to be told."""
        with suppress(RedisError):
            super().maintain_heartbeats(job, execution)

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Finish the job under way and stop; a second signal ends that job, too.

        RQ's own answer speaks to the queue server first, which may be away.
        """
        self.stop_asked = self._stop_requested = True
        self._shutdown_requested_date = now()
        for number in STOP_SIGNALS:
            signal.signal(number, self.request_force_stop)
        if self.get_state() != WorkerStatus.BUSY:
            raise StopRequested


def prepare(machine: Machine) -> None:
    """Read what changed of the polygons and the photo index; leaves no connection open."""
    try:
        with machine.database.reading() as session:
            machine.polygons.prepare(session)
            if machine.memory:
                machine.memory.follow(session)
    finally:
        machine.database.close()


def limit_child(machine: Machine) -> None:
    """Bound what one job may take: far more than a good one needs, far less than a machine has."""
    present_bytes = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    present_bytes *= resource.getpagesize()
    photo_bytes = machine.settings.photo_memory_mb << 20
    _limit(resource.RLIMIT_AS, present_bytes + photo_bytes + SPARE_BYTES)
    _limit(resource.RLIMIT_CPU, max(job.timeout_s for job in JOBS))


def _limit(kind: int, value: int) -> None:
    allowed = resource.getrlimit(kind)[1]
    if allowed != resource.RLIM_INFINITY:
        value = min(value, allowed)
    resource.setrlimit(kind, (value, value))


def _connect(machine: Machine) -> "Redis":
    # Nothing is repeated inside the client: RQ's loop and ours wait, and say so.
    return Redis.from_url(
        machine.settings.effective_redis_url,
        socket_connect_timeout=2,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
    )


def _wait_until_prepared(machine: Machine) -> None:
    for pause_s in _pauses():
        try:
            prepare(machine)
            rehearse(machine)
            machine.database.close()
            break
        except DBAPIError as error:
            log.warning("database_away", reason=type(error).__name__)
        time.sleep(pause_s)


def run(machine: Machine) -> None:
    """Work until SIGTERM or SIGINT; outlives every absence of the queue server."""
    jobs.use(machine)
    _wait_until_prepared(machine)
    settle_memory()
    log.info("worker_ready")
    pauses_s = _pauses()
    while not _work(machine):
        time.sleep(next(pauses_s))


def _work(machine: Machine) -> bool:
    """Work while the queue server answers; True when we were asked to stop."""
    worker = None
    try:
        worker = TipWorker(machine, _connect(machine))
        worker.work(logging_level="WARNING")
    except (RedisError, ConfigurationError) as error:
        log.warning("queue_away", reason=type(error).__name__)
    finally:
        # RQ's handlers belong to a worker that is gone.
        _handle_signals()
    return worker is not None and worker.stop_asked


def _pauses() -> Iterator[float]:
    """Yield how many seconds to wait before each next try."""
    pause_s = 0.25
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _handle_signals() -> None:
    for number in STOP_SIGNALS:
        signal.signal(number, _stop)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise StopRequested


def main() -> None:
    """Be the worker process of the Procfile."""
    _handle_signals()
    # Raised by a signal outside of RQ's own loop, where nothing is under way.
    with suppress(StopRequested):
        run(machine_of_environment("worker"))
    log.info("worker_stopped")


if __name__ == "__main__":
    main()

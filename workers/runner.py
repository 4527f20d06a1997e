"""The worker process: waits for jobs and has them run by a fork of itself.

Everything is imported and the boundaries are prepared before the fork, and a fork runs
jobs for a while (workers.horses), which makes a job's own start a matter of milliseconds.
No database connection is open while a child is forked: two processes on one connection
would read each other's answers.
"""

import math
import random
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
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
from sqlalchemy.orm import Session

from schemas.errors import ConfigurationError
from schemas.jobs import JOBS, QUEUE_NAME
from workers import jobs
from workers.heap import settle_worker
from workers.horses import Horse, Task
from workers.machine import Machine, machine_of_environment
from workers.rehearsal import rehearse
from workers.sandbox import lower, present_bytes
from workers.seen.memory import Memory

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
    """RQ's forking worker, with limits in the child and without a thread in the parent.

    Its child, the horse, stays for further jobs.
    """

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
        self._horse: Horse | None = None
        self._looked_at = float("-inf")

    def subscribe(self) -> None:
        """Listen to no commands: RQ's listener is a thread, and threads do not fork."""

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run one job in a child that inherits today's boundaries, or has been here before."""
        if self._horse and not self._horse.may_go_on():
            self.let_horse_go()
        if self._horse is None and time.monotonic() - self._looked_at > LOOK_AGAIN_S:
            prepare(self.machine)
            self._looked_at = time.monotonic()
        super().execute_job(job, queue)

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        """Give the job to the horse that is there, or to a new one."""
        (execution,) = self.executions.values()
        task = Task(job.id, execution.id)
        if self._horse:
            self._horse.give(task)
        else:
            self._horse = Horse(partial(self._do, queue), task)
        self._horse_pid = self._horse.pid

    def wait_for_horse(self) -> tuple[int | None, int | None, resource.struct_rusage | None]:
        """Wait until the job is done or the horse is gone."""
        return self._horse.wait() if self._horse else (None, None, None)

    def let_horse_go(self) -> None:
        """End the horse that has nothing to do."""
        horse, self._horse = self._horse, None
        if horse:
            horse.let_go()

    def _do(self, queue: Queue, task: Task) -> bool:
        """Be the horse: run one job under its limits, and tell whether it went well."""
        if not self._is_horse:
            random.seed()
            self.setup_work_horse_signals()  # type: ignore[no-untyped-call]
            self._is_horse = True
            limit_child(self.machine)
        limit_job()
        # As the queue has them, which is the same for the first job and for those that follow.
        job = Job.fetch(task.job_id, connection=self.connection, serializer=JSONSerializer)
        execution = Execution.fetch(task.execution_id, job.id, connection=self.connection)
        execution._job = job
        self.executions.clear()
        self.execution = execution
        return self.perform_job(job, queue, execution)

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
                _follow(machine.memory, session)
    finally:
        machine.database.close()


def _follow(memory: Memory, session: Session) -> None:
    """Read what changed of the photo index; a worker without it is slower and no less right."""
    try:
        memory.follow(session)
    except Exception as error:  # noqa: BLE001  whatever it is, no job may wait for it
        log.warning("photo_index_failed", reason=f"{type(error).__name__}: {error}"[:200])


def limit_child(machine: Machine) -> None:
    """Bound a horse's memory: far more than good jobs need, far less than a machine has."""
    photo_bytes = machine.settings.photo_memory_mb << 20
    lower(resource.RLIMIT_AS, present_bytes() + photo_bytes + SPARE_BYTES)


def limit_job() -> None:
    """Bound what the next job may take of the processor, on top of what those before took."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    taken_s = math.ceil(usage.ru_utime + usage.ru_stime)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    lower(resource.RLIMIT_CPU, taken_s + max(job.timeout_s for job in JOBS), hard)


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
    settle_worker()
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
        if worker is not None:
            worker.let_horse_go()
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

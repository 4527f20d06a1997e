"""The queue as the door sees it: perhaps not started yet, perhaps back under another address."""

from uuid import UUID

import structlog
from redis.exceptions import RedisError

from schemas.errors import ConfigurationError, Unavailable
from schemas.jobs import JobSpec, RedisQueue, connect_queue
from schemas.settings import Settings
from schemas.words import Words


class DoorQueue:
    """Queues jobs where it can; where it can't, the sweeper finds the work in the database."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._queue: RedisQueue | None = None

    def put(self, job: JobSpec, subject_id: UUID, *, request_id: str) -> bool:
        """Queue the job and say whether the queue took it."""
        queue = self._find()
        taken = queue is not None and queue.put(job, subject_id, request_id=request_id)
        if not taken:
            # The embedded server may come back on another port: look it up again.
            self._queue = None
        return taken

    def depth(self) -> int | None:
        """Return how many jobs wait, or None while the queue is away."""
        queue = self._find()
        try:
            return queue.depth() if queue else None
        except RedisError:
            self._queue = None
            return None

    def check(self) -> None:
        """Raise Unavailable unless the queue answers."""
        if self.depth() is None:
            raise Unavailable(
                "queue-away",
                Words("队列服务没有应答。", "The queue server does not answer."),
            )

    def _find(self) -> RedisQueue | None:
        if self._queue is None:
            try:
                self._queue = connect_queue(self._settings.effective_redis_url)
            except ConfigurationError:
                structlog.get_logger().warning("queue_not_started")
        return self._queue

"""gunicorn's settings for both doors (`--config python:suishoupai.servers`)."""

import os
from pathlib import Path
from typing import Any

from prometheus_client import multiprocess

worker_class = "gthread"
workers = 2
threads = 4
# A worker beats its heart by touching a file: on a slow disk that would stand still.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - memory, not /tmp
# 60 MB over a street's mobile network take minutes; threads carry them, not the heartbeat.
timeout = 60
graceful_timeout = 15
keepalive = 5
loglevel = "warning"
# gunicorn's control socket would be made in the home directory.
control_socket_disable = True


def child_exit(_server: Any, worker: Any) -> None:
    """Let the metrics forget the live gauges of a worker that has ended."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        # prometheus-client has no annotation on this one function.
        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]

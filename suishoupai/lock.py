"""One `up` at a time on one DATA_DIR, held by every process of the run.

The lock's open file is inherited by all that `up` starts. So it is free only when
the last of them has ended, also when `up` itself was killed; two queue servers on
one append-only file would spoil it.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from schemas.errors import Conflict
from schemas.words import Words

_LEFTOVERS_END_WITHIN_S = 30.0


@contextmanager
def exclusive_run(run_dir: Path) -> Iterator[int]:
    """Lend the lock's file descriptor; children that inherit it hold the lock too.

    Raises Conflict `already-running` when another run has it. What a killed run left
    behind is given time to end, since its processes are ending already.
    """
    run_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = run_dir / "up.pid"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(descriptor, path)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield descriptor
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path) -> None:
    give_up_at = time.monotonic() + _LEFTOVERS_END_WITHIN_S
    pause = threading.Event()
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(path)
            if holder is not None and psutil.pid_exists(holder):
                raise _running(path.parent.parent, holder) from None
            if time.monotonic() >= give_up_at:
                raise _left_behind(path.parent) from None
            pause.wait(0.1)
        else:
            return


def _holder(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except ValueError:
        return None


def _running(data_dir: Path, pid: int) -> Conflict:
    return Conflict(
        "already-running",
        Words(
            f"数据目录 {data_dir} 已经有一个 suishoupai up 在运行（进程 {pid}）：请先停掉它，"
            "或用 DATA_DIR 指定另一个目录。",
            f"A `suishoupai up` runs on the data in {data_dir} already (process {pid}): stop it "
            "first, or name another directory with DATA_DIR.",
        ),
        field="DATA_DIR",
        pid=pid,
    )


def _left_behind(run_dir: Path) -> Conflict:
    pids = [path.read_text().strip() for path in sorted(run_dir.glob("*.pid"))]
    alive = ", ".join(pid for pid in pids if pid and psutil.pid_exists(int(pid)))
    return Conflict(
        "left-behind",
        Words(
            f"上一次运行留下的进程还没有结束（{alive}）：请结束它们再试。",
            f"Processes of an earlier run have not ended ({alive}): end them and try again.",
        ),
        field="DATA_DIR",
    )

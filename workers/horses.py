"""A worker's horse: a fork of it that runs one job after the other, for a minute at most.

RQ forks a horse for each job. That fork of a worker with the county polygons, the pages that
the horse then writes to and its first words with the database take longer than a photo of
twelve megapixels. So a horse stays while its jobs go well: one that raised, ran out of time
or died takes no other with it. The two talk over a pair of sockets: to one that is gone
nothing can be said, and from it nothing is heard but the end.
"""

import os
import select
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from resource import struct_rusage
from typing import NamedTuple, NoReturn

from workers.sandbox import fork

# How long a horse serves, and how many jobs: what it holds in memory gets old with it.
LONGEST_S, MOST_TASKS = 60.0, 200
# One that is let go has nothing to finish.
GRACE_S = 2.0
WELL, BADLY = b"+", b"-"
_TASK_BYTES = 1_000


class Task(NamedTuple):
    """A job as the queue knows it, and the execution under which it runs."""

    job_id: str
    execution_id: str


class Horse:
    """The worker's hold on its horse, which begins with its first task.

    `do` is called in the horse with each task and tells whether it went well.
    """

    def __init__(self, do: Callable[[Task], bool], first: Task) -> None:
        """Fork. Raises OSError where the system allows no further process."""
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._tasks, self._begun, self._is_gone = 1, time.monotonic(), False
        try:
            self.pid = fork()
        except OSError:
            self._line.close()
            theirs.close()
            raise
        if self.pid == 0:
            self._line.close()
            # Of a group of its own, as RQ's: a Ctrl-C reaches the worker, which lets it finish.
            os.setpgrp()
            _serve(do, first, theirs)
        theirs.close()

    def may_go_on(self) -> bool:
        """Whether the task before went well and the horse is young enough for another."""
        if self._is_gone or self._tasks >= MOST_TASKS:
            return False
        if time.monotonic() - self._begun > LONGEST_S:
            return False
        with suppress(ConnectionError):
            if self._line.recv(1, socket.MSG_DONTWAIT) != WELL:
                return False
            try:
                # One that died since then has closed its end.
                self._line.recv(1, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return True
        return False

    def give(self, task: Task) -> None:
        """Tell the horse its next task; it may be gone, which `wait` will say."""
        self._tasks += 1
        with suppress(ConnectionError):
            self._line.sendall("\n".join(task).encode())

    def wait(self) -> tuple[int | None, int | None, struct_rusage | None]:
        """Return as os.wait4 does: status 0 when the task is done, else how the horse ended.

        May be broken off by a signal's handler that raises, and be called again: what the
        horse said is left where it is until it is given another task.
        """
        poll = select.poll()
        poll.register(self._line, select.POLLIN)
        poll.poll()
        with suppress(ConnectionError):
            if self._line.recv(1, socket.MSG_PEEK):
                return self.pid, os.EX_OK, None
        self._is_gone = True
        with suppress(ChildProcessError):
            return os.wait4(self.pid, 0)
        return None, None, None

    def let_go(self) -> None:
        """End the horse, which has nothing to do, and take its exit status."""
        self._line.close()
        if self._is_gone:
            # Its number may be another's by now.
            return
        with suppress(ProcessLookupError, ChildProcessError):
            handle = os.pidfd_open(self.pid)
            try:
                poll = select.poll()
                poll.register(handle, select.POLLIN)
                if not poll.poll(GRACE_S * 1_000):
                    os.kill(self.pid, signal.SIGKILL)
            finally:
                os.close(handle)
            os.waitpid(self.pid, 0)


def _serve(do: Callable[[Task], bool], task: Task, line: socket.socket) -> NoReturn:
    """Be the horse: do what it is told until the worker is gone, or idle, or a task went badly."""
    code = 1
    # Of a worker without a job it leaves by itself, with its memory and its connections: long
    # after it has become too old to be given one.
    line.settimeout(2 * LONGEST_S)
    try:
        while do(task):
            line.sendall(WELL)
            told = line.recv(_TASK_BYTES)
            if not told:
                break
            task = Task(*told.decode().split("\n"))
        else:
            line.sendall(BADLY)
        code = 0
    except TimeoutError:
        code = 0
    finally:
        # No exit handler, no flushing of the worker's buffers, no return to its caller.
        os._exit(code)

"""A small process that forks the limited children in which photos are decoded.

A worker holds the county polygons and the keys. A child forked from it would spend as long
on mapping that memory as on decoding a photo, and a decoder that was taken over could read
all of it. This process is started afresh with an empty environment, imports the decoders
and nothing else, and forks itself for each request, one at a time.

It ends by itself when the last process that holds the other end of its socket has ended.
"""

import atexit
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache

from pydantic import BaseModel

from schemas.errors import Unavailable
from schemas.photo_words import DEATHS
from schemas.words import Words
from workers.examine import Limits, Subject, fork_here, warm_up
from workers.frames import DIED, RESULT, unpack_answer, write_answer
from workers.heap import keep_heap_whole, settle_memory
from workers.sandbox import CHUNK_BYTES, ChildDied, NobodyWaits, Outcome

# Nine names and five thousand points of masks, well below what a socket takes at once.
REQUEST_BYTES = 1 << 17
# The server measures the limit itself; it gets this long to say so.
GRACE_S = 15.0
AWAY = Words(
    "照片解码进程没有响应，稍后会自动重试。",
    "The process that decodes photos does not answer; it will be tried again by itself.",
)


class _Request(BaseModel):
    subjects: list[Subject]
    limits: Limits


class _Summary(BaseModel):
    """How many parts each answer has, which follow it, and the code and detail of a death."""

    parts: list[int]
    death: tuple[str, str] | None


class ForkServer:
    """A process's hold on its fork server, which starts at the first request.

    A child that the process forks shares the server. Whoever finds it dead starts another.
    """

    def __init__(self) -> None:
        self._requests: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        # A handle that can't come to mean another process, as a number can.
        self._handle: int | None = None
        atexit.register(self.stop)

    @property
    def pid(self) -> int | None:
        """The server's process number, None while there is none."""
        return self._process.pid if self._process else None

    def start(self) -> socket.socket:
        """Return the server's socket; starts it unless it runs. Raises OSError."""
        if self._requests is not None and not _hung_up(self._requests):
            return self._requests
        self.stop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter and module
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                # Where the modules lie, and no setting, address or key.
                env={
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                    "PYTHONUTF8": "1",
                    # Or each child would find a pool of threads to be set up once more.
                    "OPENBLAS_NUM_THREADS": "1",
                },
            )
        self._requests, self._handle = ours, os.pidfd_open(self._process.pid)
        return ours

    def stop(self) -> None:
        """End the server, and what it is doing. Does nothing where none was started."""
        if self._requests is not None:
            self._requests.close()
        if self._handle is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            os.close(self._handle)
        if self._process is not None:
            # In a child of the process that started it, this returns at once.
            self._process.wait()
        self._requests = self._handle = self._process = None

    def __call__(self, subjects: Sequence[Subject], limits: Limits) -> Outcome:
        """Examine each photo in a limited fork of the server: an `examine.InChild`.

        Raises Unavailable when the server was lost twice; OSError.
        """
        placed = [replace(subject, path=subject.path.absolute()) for subject in subjects]
        request = _Request(subjects=placed, limits=limits)
        patience_s = min(limits.total_s, limits.wall_s * len(subjects)) + GRACE_S
        for _ in range(2):
            answer = _ask(self.start(), request.model_dump_json().encode(), patience_s)
            if answer is not None:
                return _result(*answer)
            self.stop()
        raise Unavailable("decoder-away", AWAY)


@cache
def shared_fork_server() -> ForkServer:
    """Return the one fork server of this process; it starts at the first request."""
    return ForkServer()


def serve(requests: socket.socket) -> None:
    """Answer one request after the other until nobody is left to ask."""
    keep_heap_whole()
    warm_up()
    settle_memory()
    while True:
        message, files, _, _ = socket.recv_fds(requests, REQUEST_BYTES, 1)
        if not message:
            return
        with socket.socket(fileno=files[0]) as reply, suppress(NobodyWaits, ConnectionError):
            request = _Request.model_validate_json(message)
            outcome = fork_here(request.subjects, request.limits, asked_by=reply.fileno())
            write_answer(reply.fileno(), *_packed(outcome))


def _ask(
    requests: socket.socket, request: bytes, patience_s: float
) -> tuple[bytes, list[bytes]] | None:
    """Return the answer, or None where the server is gone or does not answer."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with ours:
        with theirs:
            try:
                socket.send_fds(requests, [request], [theirs.fileno()])
            except ConnectionError:
                return None
        answer = _read_all(ours, time.monotonic() + patience_s)
    return None if answer is None else unpack_answer(answer)


def _packed(outcome: Outcome) -> tuple[bytes, list[bytes]]:
    death = outcome.death
    summary = _Summary(
        parts=[len(answer) for answer in outcome.answers],
        death=(death.code, death.detail) if death else None,
    )
    parts = [part for answer in outcome.answers for part in answer]
    return DIED if death else RESULT, [summary.model_dump_json().encode(), *parts]


def _result(kind: bytes, parts: list[bytes]) -> Outcome:
    summary = _Summary.model_validate_json(parts[0])
    rest = iter(parts[1:])
    answers = [[next(rest) for _ in range(count)] for count in summary.parts]
    if kind == RESULT or summary.death is None:
        return Outcome(answers)
    code, detail = summary.death
    return Outcome(answers, ChildDied(code if code in DEATHS else "decoder-crashed", detail))


def _read_all(reply: socket.socket, deadline: float) -> bytes | None:
    answer = bytearray()
    while (left_s := deadline - time.monotonic()) > 0:
        reply.settimeout(left_s)
        try:
            chunk = reply.recv(CHUNK_BYTES)
        except (TimeoutError, ConnectionError):
            return None
        if not chunk:
            return bytes(answer)
        answer += chunk
    return None


def _hung_up(requests: socket.socket) -> bool:
    poll = select.poll()
    poll.register(requests, 0)
    return bool(poll.poll(0))


if __name__ == "__main__":
    # Ctrl-C reaches the whole group; the worker ends its job first and this process after it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(fileno=int(sys.argv[1])) as socket_of_worker:
        serve(socket_of_worker)

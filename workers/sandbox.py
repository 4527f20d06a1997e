"""Runs functions on hostile data in a forked child with limits, and outlives its death.

The child is a fork, so everything imported beforehand is there at no cost. It gives up
the parent's sockets and files before it works, and answers with plain bytes over a pipe:
the parent never unpickles what a taken-over decoder may have written.
"""

import faulthandler
import gc
import math
import os
import resource
import select
import signal
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from schemas.errors import SuishoupaiError
from schemas.photo_words import DEATHS
from workers.frames import NO_MEMORY, RAISED, RESULT, end_of_answer, unpack_answer, write_answer
from workers.heap import prepare_heap

PIPE = 3
OPEN_FILES = 32
CHUNK_BYTES = 1 << 20
# Of one piece of work: two small JPEGs and a page of facts.
ANSWER_BYTES = 16 << 20


Work = Callable[[], Sequence[bytes]]


class NobodyWaits(Exception):
    """Whoever asked for the work is gone."""


class ChildDied(SuishoupaiError):
    """The child ended without a result; `code` is one of DEATHS, `detail` is for logs."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, DEATHS[reason], detail=detail)
        self.detail = detail


@dataclass(frozen=True)
class Outcome:
    """What a child answered to its pieces of work, in their order, and how it died if it did.

    It died on the first piece that has no answer here.
    """

    answers: list[list[bytes]]
    death: ChildDied | None = None


def run_limited(work: Work, *, memory_bytes: int, cpu_s: int, wall_s: float) -> list[bytes]:
    """Return what `work()` returns in a child of its own, as a list of byte strings.

    The limits and what is raised are as in `run_each`; raises ChildDied, too.
    """
    outcome = run_each([work], memory_bytes=memory_bytes, cpu_s=cpu_s, wall_s=wall_s)
    if outcome.death:
        raise outcome.death
    return outcome.answers[0]


def run_each(
    pieces: Sequence[Work],
    *,
    memory_bytes: int,
    cpu_s: int,
    wall_s: float,
    total_s: float = math.inf,
    asked_by: int | None = None,
) -> Outcome:
    """Do one piece of work after the other in one child, until it dies or all are done.

    `memory_bytes` is address space on top of what this process has now. Each piece has
    `cpu_s` processor seconds and `wall_s` seconds by the clock of its own, so that a slow
    one takes none of another's; `total_s` is for all together. The work sees no open file,
    socket or standard stream of this process and can't write to disk. Linux only. No child
    is left behind, whatever is raised meanwhile. `asked_by` is a socket whose other end
    waits for the result: when that end is closed the child is ended.
    Raises NobodyWaits; OSError where the system allows no further process.
    """
    last = time.monotonic() + total_s
    reading, writing = os.pipe()
    try:
        limits = _Limits(memory_bytes, cpu_s, wall_s, cpu_s * len(pieces))
        handled = _handled_signals()
        pid = fork()
        if pid == 0:
            _be_the_child(pieces, writing, limits, handled)
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    child = _Child(pid, asked_by)
    answers: list[list[bytes]] = []
    death = None
    try:
        for _ in pieces:
            child.deadline = min(last, time.monotonic() + wall_s)
            answer = child.read_answer(reading)
            if answer is None:
                raise child.cause_of_death(cpu_s)
            answers.append(_result(answer))
    except ChildDied as died:
        death = died
    finally:
        os.close(reading)
        child.end()
    return Outcome(answers, death)


def fork() -> int:
    """Fork as os.fork does, of a process whose only other threads are idle ones of libraries."""
    with warnings.catch_warnings():
        # Python 3.12 and later warn when any thread exists, and numpy's idle ones always
        # do. The child runs decoders and leaves by _exit: it takes no lock of a thread.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


class _Limits(NamedTuple):
    """What a child may take: each piece of its work, and all of them of the processor."""

    memory_bytes: int
    cpu_s: int
    wall_s: float
    all_cpu_s: int


def _handled_signals() -> list[int]:
    """Return the signals that a function of ours answers.

    Asked before the fork: each page that asking touches would be the child's to copy.
    """
    return [each for each in signal.valid_signals() if callable(signal.getsignal(each))]


def _be_the_child(
    pieces: Sequence[Work], pipe: int, limits: _Limits, handled: Sequence[int]
) -> NoReturn:
    code = 1
    try:
        _drop_inheritance(pipe, handled)
        _limit(limits)
        # A collection that walks the parent's objects would copy every page they lie on.
        gc.freeze()
        # Nor is what a photo leaves behind worth a collection: the child ends after it.
        gc.disable()
        prepare_heap()
        for piece in pieces:
            _begin_piece(limits)
            kind, parts = _outcome(piece)
            write_answer(PIPE, kind, parts)
            if kind != RESULT:
                break
        code = 0
    finally:
        # No exit handler, no flushing of the parent's buffers, no return to its caller.
        os._exit(code)


def _begin_piece(limits: _Limits) -> None:
    """Give the next piece of work its own time."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    # The soft limit ends the child with a signal that says why; the hard one is sure.
    soft = math.ceil(usage.ru_utime + usage.ru_stime) + limits.cpu_s
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (min(soft, hard), hard))
    # Outlives a parent that was killed; the parent's own deadline comes first.
    signal.setitimer(signal.ITIMER_REAL, limits.wall_s + 1)


def _drop_inheritance(pipe: int, handled: Sequence[int]) -> None:
    """Keep the pipe and nothing else of what the parent has open, nor its signal handlers."""
    faulthandler.disable()
    for number in handled:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    if pipe != PIPE:
        os.dup2(pipe, PIPE)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.closerange(PIPE + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _limit(limits: _Limits) -> None:
    lower(resource.RLIMIT_AS, present_bytes() + limits.memory_bytes)
    lower(resource.RLIMIT_CPU, limits.cpu_s, limits.all_cpu_s + 1)
    lower(resource.RLIMIT_CORE, 0)
    lower(resource.RLIMIT_FSIZE, 0)
    lower(resource.RLIMIT_NOFILE, OPEN_FILES)


def present_bytes() -> int:
    """Return the address space that this process has now."""
    # Not through a Path, whose many objects a child would have to copy page by page.
    statm = os.open("/proc/self/statm", os.O_RDONLY)
    try:
        return int(os.read(statm, 100).split()[0]) * resource.getpagesize()
    finally:
        os.close(statm)


def lower(kind: int, soft: int, hard: int | None = None) -> None:
    """Set a limit, or leave a lower one that the machine's operator has set."""
    hard = soft if hard is None else hard
    allowed = resource.getrlimit(kind)[1]
    if allowed != resource.RLIM_INFINITY:
        soft, hard = min(soft, allowed), min(hard, allowed)
    resource.setrlimit(kind, (soft, hard))


def _outcome(work: Work) -> tuple[bytes, Sequence[bytes]]:
    try:
        return RESULT, work()
    except MemoryError:
        return NO_MEMORY, ()
    except Exception as fault:  # noqa: BLE001  whatever it is, the parent must be told
        return RAISED, (f"{type(fault).__name__}: {fault}"[:2_000].encode(errors="replace"),)


def _result(answer: tuple[bytes, list[bytes]]) -> list[bytes]:
    kind, parts = answer
    if kind == RESULT:
        return parts
    if kind == NO_MEMORY:
        raise ChildDied("decoder-out-of-memory", "MemoryError")
    raise ChildDied("decoder-crashed", b" ".join(parts).decode(errors="replace")[:2_000])


class _Child:
    """The parent's hold on its child: reads, waits to the deadline, always reaps."""

    def __init__(self, pid: int, asked_by: int | None) -> None:
        self.pid = pid
        self.deadline = math.inf
        self.asked_by = asked_by
        self.reaped = False
        self._read = bytearray()

    def read_answer(self, pipe: int) -> tuple[bytes, list[bytes]] | None:
        """Return the child's next answer, None where it closes the pipe before it is whole."""
        while True:
            end = end_of_answer(self._read)
            if end is not None and end <= len(self._read):
                answer = unpack_answer(self._read[:end])
                del self._read[:end]
                return answer
            if max(end or 0, len(self._read)) > ANSWER_BYTES:
                raise ChildDied("decoder-crashed", f"answered more than {ANSWER_BYTES} bytes")
            if not self._ready(pipe):
                raise ChildDied("decoder-out-of-time", "wall clock")
            chunk = os.read(pipe, CHUNK_BYTES)
            if not chunk:
                return None
            self._read += chunk

    def cause_of_death(self, cpu_s: int) -> ChildDied:
        """Return why the child closed its pipe without a whole answer."""
        handle = os.pidfd_open(self.pid)
        try:
            if not self._ready(handle):
                return ChildDied("decoder-out-of-time", "wall clock")
        finally:
            os.close(handle)
        _, status, usage = os.wait4(self.pid, 0)
        self.reaped = True
        return _verdict(os.waitstatus_to_exitcode(status), usage, cpu_s)

    def end(self) -> None:
        """Kill the child if it still runs and take its exit status, so no zombie stays."""
        if not self.reaped:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def _ready(self, descriptor: int) -> bool:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if self.asked_by is not None:
            # Nothing is asked of the system but what it tells unasked: the hang-up.
            poll.register(self.asked_by, 0)
        left_s = self.deadline - time.monotonic()
        happened = poll.poll(left_s * 1_000) if left_s > 0 else []
        if any(which == self.asked_by for which, _ in happened):
            raise NobodyWaits
        return bool(happened)


def _verdict(exit_code: int, usage: resource.struct_rusage, cpu_s: int) -> ChildDied:
    if exit_code >= 0:
        return ChildDied("decoder-crashed", f"exit status {exit_code}")
    name = signal.Signals(-exit_code).name
    used_s = usage.ru_utime + usage.ru_stime
    if name in {"SIGXCPU", "SIGALRM"} or (name == "SIGKILL" and used_s >= cpu_s):
        return ChildDied("decoder-out-of-time", f"{name} after {used_s:.1f} s of processor")
    if name == "SIGKILL":
        # Nobody else kills it: this is the kernel short of memory.
        return ChildDied("decoder-out-of-memory", name)
    return ChildDied("decoder-crashed", name)

"""Runs one function on hostile data in a forked child with limits, and outlives its death.

The child is a fork, so everything imported beforehand is there at no cost. It gives up
the parent's sockets and files before it works, and answers with plain bytes over a pipe:
the parent never unpickles what a taken-over decoder may have written.
"""

import ctypes
import faulthandler
import gc
import mmap
import os
import resource
import select
import signal
import struct
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from schemas.errors import SuishoupaiError
from schemas.photo_words import DEATHS

# The shape of an answer: one letter, the number of parts, each part's length, the parts.
HEAD = struct.Struct("!cI")
RESULT, NO_MEMORY, RAISED, DIED = b"R", b"M", b"X", b"D"
PIPE = 3
OPEN_FILES = 32
CHUNK_BYTES = 1 << 20
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
HUGE_PAGE_BYTES = 2 << 20
# What a 12-megapixel photo takes: its small decode, the resize and the copies.
HEAP_BYTES = 40 << 20


def _glibc() -> ctypes.CDLL | None:
    """Return glibc with what is called of it; None where another C library runs."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "malloc_trim"):
        return None
    library.mallopt.argtypes = [ctypes.c_int, ctypes.c_int]
    library.malloc.argtypes, library.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
    library.free.argtypes, library.free.restype = [ctypes.c_void_p], None
    library.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    library.malloc_trim.argtypes = [ctypes.c_size_t]
    return library


# Looked up here, so that no child has to.
libc = _glibc()


class NobodyWaits(Exception):
    """Whoever asked for the work is gone."""


class ChildDied(SuishoupaiError):
    """The child ended without a result; `code` is one of DEATHS, `detail` is for logs."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, DEATHS[reason], detail=detail)
        self.detail = detail


def run_limited(
    work: Callable[[], Sequence[bytes]],
    *,
    memory_bytes: int,
    cpu_s: int,
    wall_s: float,
    result_bytes: int = 64 << 20,
    asked_by: int | None = None,
) -> list[bytes]:
    """Return what `work()` returns in a child of its own, as a list of byte strings.

    `memory_bytes` is address space on top of what this process has now, `cpu_s`
    processor seconds, `wall_s` seconds by the clock, `result_bytes` the longest answer.
    `work` sees no open file, socket or standard stream of this process and can't write
    to disk. Linux only. No child is left behind, whatever is raised meanwhile.
    `asked_by` is a socket whose other end waits for the result: when that end is closed the
    child is ended.
    Raises ChildDied; NobodyWaits; OSError where the system allows no further process.
    """
    deadline = time.monotonic() + wall_s
    reading, writing = os.pipe()
    try:
        pid = _fork()
        if pid == 0:
            _be_the_child(work, writing, memory_bytes=memory_bytes, cpu_s=cpu_s, wall_s=wall_s)
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    child = _Child(pid, deadline, asked_by)
    try:
        answer = child.read_all(reading, result_bytes)
        parts = unpack_answer(answer)
        if parts is None:
            raise child.cause_of_death(cpu_s)
    finally:
        os.close(reading)
        child.end()
    return _result(parts)


def settle_memory() -> None:
    """Make forks cheap: what exists is never collected, and what was freed is given back.

    A fork maps every page of its parent; reading the polygons leaves 150 MB of free
    ones behind.
    """
    gc.collect()
    gc.freeze()
    if libc is not None:
        libc.malloc_trim(0)


def _fork() -> int:
    with warnings.catch_warnings():
        # Python 3.12 and later warn when any thread exists, and numpy's idle ones always
        # do. The child runs decoders and leaves by _exit: it takes no lock of a thread.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _be_the_child(
    work: Callable[[], Sequence[bytes]],
    pipe: int,
    *,
    memory_bytes: int,
    cpu_s: int,
    wall_s: float,
) -> NoReturn:
    code = 1
    try:
        _drop_inheritance(pipe)
        _limit(memory_bytes=memory_bytes, cpu_s=cpu_s)
        # Outlives a parent that was killed; the parent's own deadline comes first.
        signal.setitimer(signal.ITIMER_REAL, wall_s + 1)
        # A collection that walks the parent's objects would copy every page they lie on.
        gc.freeze()
        _prepare_heap()
        write_answer(PIPE, *_outcome(work))
        code = 0
    finally:
        # No exit handler, no flushing of the parent's buffers, no return to its caller.
        os._exit(code)


def _drop_inheritance(pipe: int) -> None:
    """Keep the pipe and nothing else of what the parent has open, nor its signal handlers."""
    faulthandler.disable()
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    if pipe != PIPE:
        os.dup2(pipe, PIPE)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.closerange(PIPE + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _limit(*, memory_bytes: int, cpu_s: int) -> None:
    present_bytes = int(Path("/proc/self/statm").read_bytes().split()[0])
    present_bytes *= resource.getpagesize()
    _lower(resource.RLIMIT_AS, present_bytes + memory_bytes)
    # The soft limit ends the child with a signal that says why; the hard one is sure.
    _lower(resource.RLIMIT_CPU, cpu_s, cpu_s + 1)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_NOFILE, OPEN_FILES)


def _prepare_heap() -> None:
    """Spare the child most of its page faults, a sixth of the time of a 12-megapixel photo.

    Freed memory is kept for the next picture instead of given back, and the first HEAP_BYTES
    come in huge pages where the kernel lends them on request (madvise(2), “madvise” being
    the usual setting). glibc only (mallopt(3)); anywhere else nothing changes.
    """
    if libc is None:
        return
    libc.mallopt(M_MMAP_THRESHOLD, 1 << 30)
    libc.mallopt(M_TRIM_THRESHOLD, 1 << 30)
    block = libc.malloc(HEAP_BYTES)
    if block:
        first = -(-block // HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES
        length = (block + HEAP_BYTES - first) // HUGE_PAGE_BYTES * HUGE_PAGE_BYTES
        libc.madvise(first, length, mmap.MADV_HUGEPAGE)
        libc.free(block)


def _lower(kind: int, soft: int, hard: int | None = None) -> None:
    """Set a limit, or leave a lower one that the machine's operator has set."""
    hard = soft if hard is None else hard
    allowed = resource.getrlimit(kind)[1]
    if allowed != resource.RLIM_INFINITY:
        soft, hard = min(soft, allowed), min(hard, allowed)
    resource.setrlimit(kind, (soft, hard))


def _outcome(work: Callable[[], Sequence[bytes]]) -> tuple[bytes, Sequence[bytes]]:
    try:
        return RESULT, work()
    except MemoryError:
        return NO_MEMORY, ()
    except Exception as fault:  # noqa: BLE001  whatever it is, the parent must be told
        return RAISED, (f"{type(fault).__name__}: {fault}"[:2_000].encode(errors="replace"),)


def write_answer(pipe: int, kind: bytes, parts: Sequence[bytes]) -> None:
    """Write the letter and the parts to a pipe or a socket."""
    lengths = struct.pack(f"!{len(parts)}Q", *map(len, parts))
    for part in (HEAD.pack(kind, len(parts)) + lengths, *parts):
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(pipe, rest) :]


def unpack_answer(answer: bytes) -> tuple[bytes, list[bytes]] | None:
    """Return the letter and the parts, or None where the answer is not whole."""
    if len(answer) < HEAD.size:
        return None
    kind, count = HEAD.unpack_from(answer)
    start = HEAD.size + 8 * count
    if len(answer) < start:
        return None
    lengths = struct.unpack_from(f"!{count}Q", answer, HEAD.size)
    if len(answer) != start + sum(lengths):
        return None
    parts = []
    for length in lengths:
        parts.append(answer[start : start + length])
        start += length
    return kind, parts


def _result(answer: tuple[bytes, list[bytes]]) -> list[bytes]:
    kind, parts = answer
    if kind == RESULT:
        return parts
    if kind == NO_MEMORY:
        raise ChildDied("decoder-out-of-memory", "MemoryError")
    raise ChildDied("decoder-crashed", b" ".join(parts).decode(errors="replace")[:2_000])


class _Child:
    """The parent's hold on its child: reads, waits to the deadline, always reaps."""

    def __init__(self, pid: int, deadline: float, asked_by: int | None) -> None:
        self.pid = pid
        self.deadline = deadline
        self.asked_by = asked_by
        self.reaped = False

    def read_all(self, pipe: int, limit_bytes: int) -> bytes:
        """Return all the child writes before it closes the pipe."""
        answer = bytearray()
        while self._ready(pipe):
            chunk = os.read(pipe, CHUNK_BYTES)
            if not chunk:
                return bytes(answer)
            answer += chunk
            if len(answer) > limit_bytes:
                raise ChildDied("decoder-crashed", f"answered more than {limit_bytes} bytes")
        raise ChildDied("decoder-out-of-time", "wall clock")

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

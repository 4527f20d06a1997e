import errno
import os
import resource
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from schemas.photo_words import DEATHS
from workers.sandbox import ANSWER_BYTES, ChildDied, Outcome, run_each, run_limited

# Memory limits count from a process's present size, and one in which a thousand tests
# have left free memory behind reaches none of them.
pytestmark = pytest.mark.alone

MB = 1 << 20


def limited(work: Callable[[], list[bytes]], **limits: float) -> list[bytes]:
    options = {"memory_bytes": 200 * MB, "cpu_s": 20, "wall_s": 60} | limits
    return run_limited(work, **options)  # type: ignore[arg-type]


def reason_of(work: Callable[[], list[bytes]], **limits: float) -> str:
    with pytest.raises(ChildDied) as death:
        limited(work, **limits)
    assert death.value.words == DEATHS[death.value.code]
    assert death.value.detail
    return death.value.code


def children() -> set[int]:
    """Return the processes whose parent is this one, dead ones that nobody reaped included."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name in brackets may hold anything; the parent is the second field behind it.
            if int(stat.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                found.add(int(stat.parent.name))
    return found


@pytest.fixture(autouse=True)
def no_child_is_left() -> Iterator[None]:
    before = children()
    yield
    assert children() <= before


def spin() -> list[bytes]:
    while True:
        pass


def test_the_result_comes_back_byte_for_byte() -> None:
    parts = [b"", b"\0\xff", os.urandom(3 * MB), b"{}"]
    assert limited(lambda: parts) == parts
    assert limited(list) == []


def test_the_work_is_done_in_another_process() -> None:
    assert limited(lambda: [str(os.getpid()).encode()]) != [str(os.getpid()).encode()]


def test_what_the_child_changes_stays_in_the_child() -> None:
    seen: list[int] = []
    limited(lambda: seen.append(1) or [])  # type: ignore[func-returns-value]
    assert seen == []


def each(*pieces: Callable[[], list[bytes]], **limits: float) -> Outcome:
    options = {"memory_bytes": 200 * MB, "cpu_s": 20, "wall_s": 60} | limits
    return run_each(pieces, **options)  # type: ignore[arg-type]


def crash() -> list[bytes]:
    os.kill(os.getpid(), signal.SIGSEGV)
    return []


def pause() -> list[bytes]:
    signal.pause()
    return []


def test_pieces_of_work_are_done_in_one_child_in_their_order() -> None:
    def mine(name: bytes) -> list[bytes]:
        return [name, str(os.getpid()).encode()]

    done = each(*(partial(mine, name) for name in (b"a", b"b", b"c")))
    assert [answer[0] for answer in done.answers] == [b"a", b"b", b"c"]
    assert len({answer[1] for answer in done.answers}) == 1
    assert done.death is None
    assert each() == Outcome([])


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (crash, "decoder-crashed"),
        (lambda: [bytes(300 * MB)], "decoder-out-of-memory"),
        (lambda: [bytes(ANSWER_BYTES)], "decoder-crashed"),
    ],
)
def test_what_was_answered_before_a_death_stands(bad, code) -> None:
    done = each(lambda: [b"first"], bad, lambda: [b"never"])
    assert done.answers == [[b"first"]]
    assert done.death is not None
    assert done.death.code == code


def test_each_piece_has_processor_time_of_its_own() -> None:
    def busy() -> list[bytes]:
        until = time.process_time() + 0.6
        while time.process_time() < until:
            pass
        return [b"done"]

    assert each(busy, busy, cpu_s=1) == Outcome([[b"done"]] * 2)


@pytest.mark.parametrize("limits", [{"wall_s": 0.3}, {"total_s": 0.3}, {"total_s": 0.0}])
def test_hanging_in_one_piece_ends_the_child(limits: dict[str, float]) -> None:
    done = each(pause, lambda: [b"never"], **limits)
    assert done.answers == []
    assert done.death is not None
    assert done.death.code == "decoder-out-of-time"


def test_eating_memory_is_out_of_memory() -> None:
    assert reason_of(lambda: [bytes(300 * MB)]) == "decoder-out-of-memory"


def test_the_limit_is_on_top_of_what_the_parent_has() -> None:
    ballast = bytearray(300 * MB)
    assert limited(lambda: [b"%d" % len(bytearray(100 * MB))]) == [b"%d" % (100 * MB)]
    assert reason_of(lambda: [bytes(300 * MB)]) == "decoder-out-of-memory"
    assert len(ballast) == 300 * MB


def test_being_killed_by_the_kernel_is_out_of_memory() -> None:
    def killed() -> list[bytes]:
        os.kill(os.getpid(), signal.SIGKILL)
        return []

    assert reason_of(killed) == "decoder-out-of-memory"


def test_eating_processor_time_is_out_of_time() -> None:
    assert reason_of(spin, cpu_s=1) == "decoder-out-of-time"


def test_ignoring_the_signal_for_time_does_not_help() -> None:
    def stubborn() -> list[bytes]:
        signal.signal(signal.SIGXCPU, signal.SIG_IGN)
        return spin()

    assert reason_of(stubborn, cpu_s=1) == "decoder-out-of-time"


def test_hanging_is_out_of_time() -> None:
    def hang() -> list[bytes]:
        signal.pause()
        return []

    assert reason_of(hang, wall_s=0.3) == "decoder-out-of-time"


def test_hanging_with_the_pipe_closed_is_out_of_time() -> None:
    def hang() -> list[bytes]:
        os.closerange(0, 64)
        signal.pause()
        return []

    assert reason_of(hang, wall_s=0.3) == "decoder-out-of-time"


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGTERM])
def test_a_crash_is_a_crash(number: signal.Signals) -> None:
    def crash() -> list[bytes]:
        os.kill(os.getpid(), number)
        return []

    with pytest.raises(ChildDied) as death:
        limited(crash)
    assert death.value.code == "decoder-crashed"
    assert death.value.detail == number.name


def test_leaving_without_an_answer_is_a_crash() -> None:
    assert reason_of(lambda: os._exit(0)) == "decoder-crashed"


def test_a_python_error_is_a_crash_that_is_named() -> None:
    def fail() -> list[bytes]:
        raise KeyError("tile")

    with pytest.raises(ChildDied, match="decoder-crashed") as death:
        limited(fail)
    assert death.value.detail == "KeyError: 'tile'"


def test_trying_to_exit_runs_no_handler_and_is_a_crash() -> None:
    def leave() -> list[bytes]:
        raise SystemExit(0)

    assert reason_of(leave) == "decoder-crashed"


def test_an_endless_answer_is_cut_off() -> None:
    with pytest.raises(ChildDied) as death:
        limited(lambda: [bytes(ANSWER_BYTES)])
    assert death.value.code == "decoder-crashed"


@pytest.mark.parametrize(
    "answer",
    [b"", b"R", b"R\xff\xff\xff\xff", b"R\0\0\0\1" + bytes(7), b"R\0\0\0\1" + bytes(7) + b"\5more"],
)
def test_an_answer_of_the_wrong_shape_is_a_crash(answer: bytes) -> None:
    def forge() -> list[bytes]:
        os.write(3, answer)
        os._exit(0)

    assert reason_of(forge) == "decoder-crashed"


def test_the_child_has_none_of_the_parents_files_and_sockets() -> None:
    here, there = socket.socketpair()
    with here, there:

        def count() -> list[bytes]:
            still_open = []
            for descriptor in range(3, 256):
                try:
                    os.fstat(descriptor)
                except OSError:
                    continue
                still_open.append(descriptor)
            return [repr(still_open).encode()]

        assert limited(count) == [b"[3]"]
        here.send(b"still there")
        assert there.recv(20) == b"still there"


def test_the_child_can_not_write_to_disk(tmp_path: Path) -> None:
    def write() -> list[bytes]:
        try:
            (tmp_path / "trace").write_bytes(b"x" * 100)
        except OSError as fault:
            return [os.strerror(fault.errno or 0).encode()]
        return [b"written"]

    assert limited(write) == [os.strerror(errno.EFBIG).encode()]


def test_the_child_leaves_no_core_and_few_descriptors() -> None:
    def limits() -> list[bytes]:
        kinds = resource.RLIMIT_CORE, resource.RLIMIT_NOFILE
        return [repr([resource.getrlimit(kind)[0] for kind in kinds]).encode()]

    assert limited(limits) == [b"[0, 32]"]


def test_an_interrupted_parent_leaves_no_child() -> None:
    class Interrupted(Exception):
        """Stands for a job's own time limit."""

    def interrupt(*_: object) -> None:
        raise Interrupted

    parent = os.getpid()

    def hang() -> list[bytes]:
        # From here, so that the parent is interrupted while it waits and not before.
        os.kill(parent, signal.SIGALRM)
        signal.pause()
        return []

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with pytest.raises(Interrupted):
            limited(hang)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_it_works_inside_a_forked_work_horse() -> None:
    def horse() -> list[bytes]:
        answer = run_limited(lambda: [b"done"], memory_bytes=50 * MB, cpu_s=5, wall_s=20)
        try:
            run_limited(lambda: [bytes(190 * MB)], memory_bytes=50 * MB, cpu_s=5, wall_s=20)
        except ChildDied as death:
            answer.append(death.code.encode())
        return answer

    assert limited(horse) == [b"done", b"decoder-out-of-memory"]


def test_descriptors_do_not_pile_up() -> None:
    before = sorted(Path("/proc/self/fd").iterdir())
    for _ in range(5):
        limited(lambda: [b"x"])
        reason_of(lambda: os._exit(1))
    assert sorted(Path("/proc/self/fd").iterdir()) == before


def test_an_orphan_ends_by_itself() -> None:
    parent = os.getpid()

    def hang() -> list[bytes]:
        os.kill(parent, signal.SIGUSR1)
        signal.pause()
        return []

    masked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    try:
        horse = os.fork()
        if horse == 0:
            run_limited(hang, memory_bytes=50 * MB, cpu_s=5, wall_s=3)
            os._exit(0)
        message = signal.sigtimedwait({signal.SIGUSR1}, 30)
        assert message is not None
        orphan = os.pidfd_open(message.si_pid)
        os.kill(horse, signal.SIGKILL)
        os.waitpid(horse, 0)
        ended = select.poll()
        ended.register(orphan, select.POLLIN)
        assert ended.poll(30_000)
        os.close(orphan)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)

"""Real processes are started, killed and stopped; nothing here waits a fixed time."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

DEADLINE_S = 30.0
# Each program writes its pid into a file of its own, then does as it is told.
IDLE = (
    "import time; open(r'{pid}', 'a').write(f'{{__import__(\"os\").getpid()}}\\n'); time.sleep(600)"
)
RUN = """
import sys, pathlib
from suishoupai.children import Program
from suishoupai.output import Output
from suishoupai.supervisor import Supervisor

run_dir = pathlib.Path(sys.argv[1])
programs = []
for number, code in enumerate(sys.argv[2:]):
    name, _, code = code.partition("=")
    programs.append(Program(name, (sys.executable, "-c", code), stage=number, stop_within_s=5.0))
Supervisor(
    programs,
    environ=dict(__import__("os").environ),
    run_dir=run_dir,
    output=Output(as_json=False, locale="en"),
).run()
"""


def until(condition: Callable[[], object]) -> None:
    """Wait until something holds, or fail."""
    deadline = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        pause.wait(0.02)


class Run:
    """A supervisor in a process of its own, with what it printed."""

    def __init__(self, directory: Path, **programs: str) -> None:
        self.directory = directory
        code = [f"{name}={text}" for name, text in programs.items()]
        with (directory / "out").open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", RUN, str(directory), *code],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=Path(__file__).parents[2],
            )

    def pid(self, name: str) -> int | None:
        """The pid of a program now, if it runs."""
        try:
            return int((self.directory / f"{name}.pid").read_text())
        except (FileNotFoundError, ValueError):
            return None

    def told(self) -> str:
        return (self.directory / "out").read_text()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def begin(**programs: str) -> Run:
        run = Run(tmp_path, **programs)
        runs.append(run)
        return run

    yield begin
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()


def idle(directory: Path, name: str) -> str:
    return IDLE.format(pid=directory / f"{name}.pids")


def pids(directory: Path, name: str) -> list[int]:
    path = directory / f"{name}.pids"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def test_a_killed_process_is_started_again(start: Callable[..., Run], tmp_path: Path) -> None:
    run = start(alpha=idle(tmp_path, "alpha"), beta=idle(tmp_path, "beta"))
    until(lambda: len(pids(tmp_path, "alpha")) == 1 and len(pids(tmp_path, "beta")) == 1)
    first = pids(tmp_path, "alpha")[0]
    assert run.pid("alpha") == first
    os.kill(first, signal.SIGKILL)
    until(lambda: len(pids(tmp_path, "alpha")) == 2)
    second = pids(tmp_path, "alpha")[1]
    assert second != first
    until(lambda: run.pid("alpha") == second)
    assert len(pids(tmp_path, "beta")) == 1, "the other process was left alone"
    assert "alpha ended (SIGKILL) and is being started again." in run.told()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_everything(
    start: Callable[..., Run], tmp_path: Path, number: signal.Signals
) -> None:
    run = start(alpha=idle(tmp_path, "alpha"), beta=idle(tmp_path, "beta"))
    until(lambda: pids(tmp_path, "alpha") and pids(tmp_path, "beta"))
    run.process.send_signal(number)
    assert run.process.wait(DEADLINE_S) == 0
    for name in ("alpha", "beta"):
        assert not psutil.pid_exists(pids(tmp_path, name)[0])
        assert run.pid(name) is None


def test_stages_stop_one_after_the_other(start: Callable[..., Run], tmp_path: Path) -> None:
    code = (
        "import signal, sys, time\n"
        "def end(*_): print('{name} says goodbye', flush=True); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('{name} is up', flush=True)\n"
        "time.sleep(600)"
    )
    run = start(**{name: code.format(name=name) for name in ("door", "worker", "queue")})
    until(lambda: run.told().count("is up") == 3)
    run.process.terminate()
    assert run.process.wait(DEADLINE_S) == 0
    told = run.told()
    ends = [told.index(f"{name} says goodbye") for name in ("door", "worker", "queue")]
    assert ends == sorted(ends)


def test_a_second_signal_ends_what_does_not_listen(
    start: Callable[..., Run], tmp_path: Path
) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('deaf now', flush=True); time.sleep(600)"
    )
    run = start(deaf=deaf)
    until(lambda: "deaf now" in run.told())
    run.process.send_signal(signal.SIGINT)
    until(lambda: "Stopping" in run.told())
    # Pressed again and again until it is taken for a second wish.
    until(
        lambda: "Ending everything at once." in run.told() or run.process.send_signal(signal.SIGINT)
    )
    assert run.process.wait(DEADLINE_S) == 0


def test_one_signal_that_comes_twice_is_one_wish(start: Callable[..., Run]) -> None:
    slow = (
        "import signal, sys, time\n"
        "def end(*_): print('finished my work', flush=True); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end); print('at work', flush=True); time.sleep(600)"
    )
    run = start(slow=slow)
    until(lambda: "at work" in run.told())
    for _ in range(2):
        run.process.terminate()
    assert run.process.wait(DEADLINE_S) == 0
    assert "finished my work" in run.told()
    assert "at once" not in run.told().replace("Ctrl-C again ends everything at once", "")


def test_what_does_not_stop_in_time_is_killed(start: Callable[..., Run]) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('deaf now', flush=True); time.sleep(600)"
    )
    run = start(deaf=deaf)
    until(lambda: "deaf now" in run.told())
    run.process.terminate()
    assert run.process.wait(DEADLINE_S) == 0
    assert "deaf did not stop in time and was killed." in run.told()


def test_a_process_that_can_not_live_is_reported_once_and_tried_on(
    start: Callable[..., Run], tmp_path: Path
) -> None:
    mark = tmp_path / "deaths"
    run = start(frail=f"open(r'{mark}', 'a').write('x')")
    until(lambda: mark.exists() and len(mark.read_text()) >= 4)
    told = run.told()
    assert told.count("frail ended 3 times within a second of its start") == 1
    assert "the lines of frail above" in told
    run.process.terminate()
    assert run.process.wait(DEADLINE_S) == 0


def test_what_a_dead_process_started_ends_with_it(
    start: Callable[..., Run], tmp_path: Path
) -> None:
    # The grandchild leads a process group of its own, as a job of the queue does.
    code = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
        " process_group=0)\n"
        f"open(r'{tmp_path / 'alpha.pids'}', 'a').write(f'{{os.getpid()}} {{child.pid}}\\n')\n"
        "time.sleep(600)"
    )
    start(alpha=code)
    until(lambda: len(pids(tmp_path, "alpha")) == 2)
    parent, grandchild = pids(tmp_path, "alpha")
    os.kill(parent, signal.SIGKILL)
    until(lambda: not _runs(grandchild))


@pytest.mark.skipif(sys.platform != "linux", reason="the leash is Linux's")
def test_nothing_survives_a_killed_supervisor(start: Callable[..., Run], tmp_path: Path) -> None:
    run = start(alpha=idle(tmp_path, "alpha"))
    until(lambda: pids(tmp_path, "alpha"))
    run.process.kill()
    run.process.wait()
    until(lambda: not _runs(pids(tmp_path, "alpha")[0]))


def test_a_reader_who_goes_away_stops_nobody(tmp_path: Path) -> None:
    chatty = (
        "import time\n"
        f"for n in range(100000): print('word ' * 20)\n"
        f"open(r'{tmp_path / 'done'}', 'w').close(); time.sleep(600)"
    )
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, str(tmp_path), f"chatty={chatty}"],
        stdout=writing,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    )
    os.close(writing)
    os.read(reading, 10)
    os.close(reading)
    try:
        until((tmp_path / "done").exists)
        process.terminate()
        assert process.wait(DEADLINE_S) == 0
    finally:
        process.kill()
        process.wait()


def _runs(pid: int) -> bool:
    # An orphan that nobody has reaped yet is over all the same.
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

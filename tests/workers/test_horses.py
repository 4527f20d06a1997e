import os
import select
import signal
import subprocess
import sys

import pytest

from workers import horses
from workers.horses import Horse, Task

FIRST, SECOND = Task("job-1", "execution-1"), Task("job-2", "execution-2")
STARTED_S = 30


@pytest.fixture
def note(tmp_path):
    """A file into which a horse writes what it does, a line a task."""
    return tmp_path / "done"


@pytest.fixture
def horse_of(note):
    """Make horses that note their number and task, and then do as the test says."""
    made = []

    def make(then=lambda task: True):
        def do(task):
            with note.open("a") as file:
                file.write(f"{os.getpid()} {task.job_id} {task.execution_id}\n")
            return then(task)

        made.append(Horse(do, FIRST))
        return made[-1]

    yield make
    for horse in made:
        horse.let_go()


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_horse_does_one_task_after_the_other(horse_of, note):
    horse = horse_of()
    assert horse.wait() == (horse.pid, 0, None)
    assert horse.may_go_on()
    horse.give(SECOND)
    assert horse.wait() == (horse.pid, 0, None)
    assert note.read_text().splitlines() == [
        f"{horse.pid} job-1 execution-1", f"{horse.pid} job-2 execution-2",
    ]  # fmt: skip
    horse.let_go()
    assert is_gone(horse.pid)


def test_a_horse_whose_task_went_badly_gets_no_other(horse_of):
    horse = horse_of(lambda task: False)
    assert horse.wait() == (horse.pid, 0, None)
    assert not horse.may_go_on()


def test_a_horse_that_raises_or_is_killed_says_so_by_its_end(horse_of):
    def fault(task):
        raise RuntimeError

    horse = horse_of(fault)
    pid, status, _ = horse.wait()
    assert (pid, os.waitstatus_to_exitcode(status)) == (horse.pid, 1)
    horse = horse_of(lambda task: os.kill(os.getpid(), signal.SIGKILL))
    _, status, _ = horse.wait()
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    assert not horse.may_go_on()
    # Asked once more, as RQ may after a signal, there is nothing to tell.
    assert horse.wait() == (None, None, None)


def test_a_horse_that_died_while_it_had_nothing_to_do_gets_no_task(horse_of):
    horse = horse_of()
    horse.wait()
    os.kill(horse.pid, signal.SIGKILL)
    os.waitid(os.P_PID, horse.pid, os.WEXITED | os.WNOWAIT)
    assert not horse.may_go_on()


def test_a_task_given_to_a_horse_that_just_died_is_told_as_its_end(horse_of):
    horse = horse_of()
    horse.wait()
    assert horse.may_go_on()
    os.kill(horse.pid, signal.SIGKILL)
    os.waitid(os.P_PID, horse.pid, os.WEXITED | os.WNOWAIT)
    horse.give(SECOND)
    assert os.waitstatus_to_exitcode(horse.wait()[1]) == -signal.SIGKILL


@pytest.mark.parametrize(("name", "value"), [("LONGEST_S", -1.0), ("MOST_TASKS", 1)])
def test_a_horse_is_let_go_in_time(horse_of, monkeypatch, name, value):
    horse = horse_of()
    horse.wait()
    monkeypatch.setattr(horses, name, value)
    assert not horse.may_go_on()


def test_waiting_may_be_broken_off_and_taken_up_again(horse_of):
    reading, writing = os.pipe()
    horse = horse_of(lambda task: os.read(reading, 1) == b"x")

    class Enough(Exception):
        pass

    def stop(number, frame):
        raise Enough

    def wait_with_an_alarm():
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        horse.wait()

    before = signal.signal(signal.SIGALRM, stop)
    try:
        with pytest.raises(Enough):
            wait_with_an_alarm()
    finally:
        signal.signal(signal.SIGALRM, before)
    os.write(writing, b"x")
    assert horse.wait() == (horse.pid, 0, None)
    os.close(reading)
    os.close(writing)


def test_a_horse_of_an_idle_worker_leaves_by_itself(horse_of, monkeypatch):
    monkeypatch.setattr(horses, "LONGEST_S", 0.01)
    horse = horse_of()
    os.waitid(os.P_PID, horse.pid, os.WEXITED | os.WNOWAIT)
    assert not horse.may_go_on()
    horse.let_go()
    assert is_gone(horse.pid)


def test_a_horse_ends_when_its_worker_is_gone():
    source = (
        "import sys\n"
        "from workers.horses import Horse, Task\n"
        "horse = Horse(lambda task: True, Task('job', 'execution'))\n"
        "horse.wait()\n"
        "print(horse.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    handle = os.pidfd_open(int(worker.stdout.readline()))
    worker.kill()
    worker.wait()
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    assert poll.poll(STARTED_S * 1_000)
    os.close(handle)
    worker.stdin.close()
    worker.stdout.close()


def test_one_that_does_not_end_when_it_is_let_go_is_killed(horse_of, monkeypatch):
    reading, writing = os.pipe()
    horse = horse_of(lambda task: os.read(reading, 1) == b"x")
    monkeypatch.setattr(horses, "GRACE_S", 0.01)
    horse.let_go()
    assert is_gone(horse.pid)
    os.close(reading)
    os.close(writing)

"""The process that forks the decoders: what it inherits, when it ends, what a death costs."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image

from schemas.errors import Unavailable
from schemas.masks import MAX_POINTS, MAX_STROKES, Stroke
from workers.examine import Limits, Subject, examine_photos
from workers.forkserver import ForkServer
from workers.sandbox import Outcome

DEADLINE_MS = 30_000
# As much as the door lets a tip hide.
MANY = (Stroke(0.1234, ((0.1234, 0.9876),) * 25),) * 200


@pytest.fixture
def server() -> Iterator[ForkServer]:
    server = ForkServer()
    yield server
    server.stop()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    Image.effect_mandelbrot((640, 480), (-2.0, -1.1, 1.0, 1.3), 50).convert("RGB").save(path)
    return path


def answered(outcome: Outcome, photos: int = 1) -> bool:
    return len(outcome.answers) == photos and outcome.death is None


def ended(pid: int) -> bool:
    """Wait until a process that is not ours has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(DEADLINE_MS))
    finally:
        os.close(handle)


def test_it_finds_what_a_fork_of_this_process_finds(server: ForkServer, photo: Path) -> None:
    masks = [(), MANY]
    assert (len(MANY), sum(len(each.points) for each in MANY)) == (MAX_STROKES, MAX_POINTS)
    there = examine_photos([photo, photo], limits=Limits(), masks=masks, do_in_child=server)
    assert there == examine_photos([photo, photo], limits=Limits(), masks=masks)
    assert there[0].derivatives != there[1].derivatives
    assert there[0].fingerprints == there[1].fingerprints


def test_it_knows_no_setting_and_no_key(
    server: ForkServer, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEALING_KEYS", "secret")
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://user:secret@127.0.0.1/x")
    server([Subject(path=photo)], Limits())
    assert server.pid is not None
    environ = Path(f"/proc/{server.pid}/environ").read_bytes()
    assert b"PYTHONUTF8=1" in environ
    assert b"secret" not in environ
    modules = subprocess.run(
        [
            sys.executable,
            "-c",
            "import json, sys, workers.forkserver; print(json.dumps(sorted(sys.modules)))",
        ],
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    assert not {"sqlalchemy", "redis", "shapely", "schemas.sealing"} & set(json.loads(modules))


def test_a_killed_server_is_started_again_and_the_photo_is_examined(
    server: ForkServer, photo: Path
) -> None:
    server([Subject(path=photo)], Limits())
    first = server.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert ended(first)
    assert examine_photos([photo], limits=Limits(), do_in_child=server)[0].derivatives
    assert server.pid != first


def test_a_server_that_can_not_start_is_an_outage_and_no_fault_of_the_photo(
    server: ForkServer, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(Unavailable) as error:
        server([Subject(path=photo)], Limits())
    assert error.value.code == "decoder-away"


def test_a_death_is_told_with_its_reason(server: ForkServer, photo: Path, tmp_path: Path) -> None:
    subject, large = Subject(path=photo), tmp_path / "large.jpg"
    # A small photo fits into what the rehearsal left free in the heap.
    Image.new("RGB", (4000, 3000)).save(large)
    outcome = server([Subject(path=large)], Limits(memory_bytes=1 << 20))
    assert outcome.answers == []
    assert outcome.death is not None
    assert outcome.death.code == "decoder-out-of-memory"
    assert outcome.death.detail
    assert answered(server([subject, subject], Limits()), 2)


def test_what_was_answered_before_a_death_comes_back(server: ForkServer, tmp_path: Path) -> None:
    small, large = tmp_path / "small.png", tmp_path / "large.png"
    Image.new("RGB", (64, 64)).save(small)
    Image.new("RGB", (6000, 6000)).save(large)
    subjects = [Subject(path=path) for path in (small, large, small)]
    outcome = server(subjects, Limits(memory_bytes=60 << 20))
    assert len(outcome.answers) == 1
    # Its finding, two copies, its features and its regions.
    assert len(outcome.answers[0]) == 5
    assert outcome.death is not None
    assert outcome.death.code == "decoder-out-of-memory"


def test_a_forked_child_shares_the_server(server: ForkServer, photo: Path) -> None:
    server([Subject(path=photo)], Limits())
    pid = server.pid
    child = os.fork()
    if child == 0:
        status = 1
        try:
            found = server([Subject(path=photo)], Limits())
            status = 0 if answered(found) and server.pid == pid else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert answered(server([Subject(path=photo)], Limits()))
    assert server.pid == pid


def test_it_ends_with_the_last_process_that_may_ask(photo: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from workers.examine import Limits, Subject; "
        "from workers.forkserver import ForkServer; server = ForkServer(); "
        f"server([Subject(path=Path({str(photo)!r}))], Limits()); print(server.pid, flush=True); "
        "os.kill(os.getpid(), 9)"
    )
    asked = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=False)
    assert asked.returncode == -signal.SIGKILL
    assert ended(int(asked.stdout))


def test_ctrl_c_does_not_end_it_before_its_worker(server: ForkServer, photo: Path) -> None:
    server([Subject(path=photo)], Limits())
    pid = server.pid
    assert pid is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(pid, number)
    assert answered(server([Subject(path=photo)], Limits()))
    assert server.pid == pid


def test_work_that_nobody_waits_for_is_broken_off(server: ForkServer, tmp_path: Path) -> None:
    # Opening a pipe without a writer blocks, so the child would sit out its time.
    hanging = tmp_path / "pipe.jpg"
    os.mkfifo(hanging)
    server.start()
    asker = os.fork()
    if asker == 0:
        try:
            server([Subject(path=hanging)], Limits(wall_s=600.0))
        finally:
            os._exit(0)
    assert server.pid is not None
    process = psutil.Process(server.pid)
    while not (children := process.children()):
        assert process.is_running()
    os.kill(asker, signal.SIGKILL)
    os.waitpid(asker, 0)
    assert ended(children[0].pid)

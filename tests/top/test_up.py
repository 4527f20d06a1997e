"""The embedded queue server, the lock, the ports and the Procfile that `up` stands on."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError
from redis.exceptions import ConnectionError as QueueAway

from schemas.errors import ConfigurationError, Conflict
from schemas.settings import Settings, load_settings
from suishoupai.embedded import port_fault, prepare_queue_server
from suishoupai.lock import exclusive_run
from suishoupai.programs import child_environ, programs_of

ROOT = Path(__file__).parents[2]
DEADLINE_S = 30.0
HOLD_THE_LOCK = """
import sys, time, pathlib
from suishoupai.lock import exclusive_run
with exclusive_run(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def until(condition: Callable[[], object]) -> None:
    deadline, pause = time.monotonic() + DEADLINE_S, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        pause.wait(0.02)


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    """Settings of a DATA_DIR whose name needs quoting."""
    return load_settings({}, data_dir=tmp_path / 'a "data" dir', demo=False)


@pytest.fixture
def queue(own: Settings) -> Iterator[Callable[[], "subprocess.Popen[bytes]"]]:
    started: list[subprocess.Popen[bytes]] = []

    def start() -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(prepare_queue_server(own))
        started.append(process)
        until(lambda: process.poll() is not None or answers(own))
        assert process.poll() is None
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def answers(settings: Settings) -> bool:
    client = Redis.from_url(settings.effective_redis_url)
    try:
        return bool(client.ping())
    except QueueAway:
        return False
    finally:
        client.close()


def test_the_queue_server_keeps_what_it_was_given_over_a_kill(
    own: Settings, queue: Callable[[], "subprocess.Popen[bytes]"]
) -> None:
    process = queue()
    with Redis.from_url(own.effective_redis_url) as client:
        client.set("kept", "yes")
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    process.kill()
    process.wait()
    queue()
    with Redis.from_url(own.effective_redis_url) as client:
        assert client.get("kept") == b"yes"


def test_the_queue_server_wants_its_password_and_shows_it_to_nobody(
    own: Settings, queue: Callable[[], "subprocess.Popen[bytes]"]
) -> None:
    process = queue()
    password = (own.queue_dir / "password").read_text().strip()
    port = int((own.queue_dir / "port").read_text())
    with Redis(port=port) as client, pytest.raises(AuthenticationError):
        client.ping()
    assert password not in Path(f"/proc/{process.pid}/cmdline").read_text()
    for name in ("password", "server.conf"):
        assert stat.S_IMODE((own.queue_dir / name).stat().st_mode) == 0o600


def test_the_queue_server_keeps_its_port_until_another_program_has_it(own: Settings) -> None:
    prepare_queue_server(own)
    port = int((own.queue_dir / "port").read_text())
    prepare_queue_server(own)
    assert int((own.queue_dir / "port").read_text()) == port
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        assert port_fault(port) is not None
        prepare_queue_server(own)
    assert int((own.queue_dir / "port").read_text()) != port


def test_a_damaged_port_file_is_written_anew(own: Settings) -> None:
    prepare_queue_server(own)
    (own.queue_dir / "port").write_text("no number")
    prepare_queue_server(own)
    assert int((own.queue_dir / "port").read_text()) > 0


def test_programs_come_from_the_procfile_and_fill_in_settings(own: Settings) -> None:
    environ = child_environ(own, {"PATH": "/bin"}, log_format="json")
    programs = {program.name: program for program in programs_of(own, environ)}
    assert list(programs) == ["queue", "intake", "review", "worker", "clock"]
    assert programs["intake"].command[0] == sys.executable
    assert f"127.0.0.1:{own.intake_port}" in programs["intake"].command
    assert programs["worker"].command == (sys.executable, "-m", "workers.runner")
    order = sorted(programs, key=lambda name: programs[name].stage)
    assert set(order[:2]) == {"intake", "review"}
    assert order[-1] == "queue"
    assert environ["DATA_DIR"] == str(own.data_dir)


def test_an_outside_queue_and_more_workers_change_the_programs(tmp_path: Path) -> None:
    settings = load_settings(
        {}, data_dir=tmp_path, redis_url="redis://127.0.0.1:6379/0", worker_count=2
    )
    environ = child_environ(settings, {}, log_format="json")
    names = [program.name for program in programs_of(settings, environ)]
    assert names == ["intake", "review", "worker.1", "worker.2", "clock"]


def test_metrics_of_the_last_run_are_removed(own: Settings) -> None:
    environ = child_environ(own, {}, log_format="json")
    left = Path(environ["PROMETHEUS_MULTIPROC_DIR"]) / "counter_1.db"
    left.write_bytes(b"old")
    child_environ(own, {}, log_format="json")
    assert not left.exists()


def test_a_second_run_on_the_same_data_is_refused(tmp_path: Path) -> None:
    with exclusive_run(tmp_path / "run"):
        with pytest.raises(Conflict) as refusal, exclusive_run(tmp_path / "run"):
            pytest.fail("two runs at once")
        assert refusal.value.code == "already-running"
        assert str(os.getpid()) in refusal.value.words.en
        assert str(tmp_path) in refusal.value.words.zh
    with exclusive_run(tmp_path / "run"):
        pass


def test_the_lock_of_a_killed_run_is_free(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD_THE_LOCK, str(run_dir)], stdout=subprocess.PIPE, cwd=ROOT
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Conflict), exclusive_run(run_dir):
            pytest.fail("two runs at once")
        holder.send_signal(signal.SIGKILL)
    with exclusive_run(run_dir):
        pass


def test_a_taken_port_is_named_before_anything_starts(
    run: Callable[..., Any],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    unused_ports: tuple[int, int],
) -> None:
    intake_port, port = unused_ports
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        monkeypatch.setenv("INTAKE_PORT", str(intake_port))
        monkeypatch.setenv("REVIEW_PORT", str(port))
        done = run("up", "--lang", "zh")
    assert done.code == 1
    assert done.err.startswith(f"端口 {port} 用不了")
    assert "REVIEW_PORT" in done.err
    assert len(done.err.splitlines()) == 1
    assert not (settings.data_dir / "queue").exists()


def test_up_on_data_in_use_is_refused(run: Callable[..., Any], settings: Settings) -> None:
    with exclusive_run(settings.data_dir / "run"):
        done = run("up", "--json")
    assert done.code == 1
    assert done.document["error"]["code"] == "already-running"
    assert done.document["error"]["pid"] == os.getpid()


def test_the_makefile_and_the_procfile_know_no_place_outside() -> None:
    for name in ("Makefile", "Procfile", ".ci/run"):
        # A path begins with a slash at a word's beginning, or after a redirection or a quote.
        found = re.findall(r"""(?:^|[\s"'=<>(])(/\w[\w./-]*)""", (ROOT / name).read_text(), re.M)
        assert set(found) <= {"/dev/null", "/usr/bin/env"}, name
    makefile = (ROOT / "Makefile").read_text()
    assert "$(CURDIR)" not in makefile
    assert "$(abspath" not in makefile


def test_each_target_of_the_makefile_says_what_it_is_for() -> None:
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("run", "test", "lint", "types", "bench", "clean"):
        assert f"make {target} " in done.stdout


def test_an_unknown_machine_is_told_to_set_redis_url(
    own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "vax")
    with pytest.raises(ConfigurationError) as refusal:
        prepare_queue_server(own)
    assert refusal.value.field == "REDIS_URL"

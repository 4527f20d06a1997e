"""The command line run in this process, against the databases that every room is tested on."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest
import structlog
from click.testing import CliRunner

from schemas.database import Database, connect, now_utc
from schemas.numbers import REPORT_PREFIX, new_number
from schemas.sealing import token_hash
from schemas.settings import Settings, load_settings
from schemas.tables import Report, ReportProgress
from suishoupai.commands import cli


@dataclass(frozen=True)
class Done:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as the one JSON document that it has to be."""
        return json.loads(self.out)


Run = Callable[..., Done]
ROOT = Path(__file__).parents[2]
START_WITHIN_S = 90.0


@pytest.fixture
def restored_logs() -> Iterator[None]:
    """Commands set up logging for their process; this one has other tests to run."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, restored_logs: None
) -> Callable[..., Done]:
    """Run a command on the data of `settings`."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "REDIS_URL", "PHOTO_STORE", "DEMO"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("SECRET_KEYS", ",".join(settings.secret_keys))

    def invoke(*arguments: str, typed: str | None = None, data_dir: Path | None = None) -> Done:
        # Another directory stands for another product, with a database of its own.
        other = {"DATA_DIR": str(data_dir), "DATABASE_URL": ""} if data_dir else {}
        result = CliRunner(env=other).invoke(cli, arguments, input=typed, prog_name="suishoupai")
        return Done(result.exit_code, result.stdout, result.stderr)

    return invoke


@pytest.fixture
def make_report(database: Database) -> Callable[..., Report]:
    """Store a report as the door leaves it."""

    def make(**progress: Any) -> Report:
        with database.writing() as session:
            report = Report(
                number=new_number(REPORT_PREFIX, now_utc()),
                receipt_hash=token_hash(uuid4().hex),
                categories=["PEST"],
                description="老鼠",
            )
            session.add(report)
            session.flush()
            session.add(ReportProgress(report_id=report.id, **progress))
        return report

    return make


@pytest.fixture
def unused_ports() -> tuple[int, int]:
    """Two ports on which nobody listens."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def wait_until(condition: Callable[[], object], within_s: float, what: str) -> None:
    """Wait until something holds, or fail saying what did not."""
    deadline, pause = time.monotonic() + within_s, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"waited {within_s:.0f} s in vain for: {what}"
        pause.wait(0.1)


@pytest.fixture
def until() -> Callable[[Callable[[], object], float, str], None]:
    """Wait for a condition instead of for a time."""
    return wait_until


@dataclass
class Product:
    """A running `up`, with what tests need to look at it and to hurt it."""

    process: "subprocess.Popen[bytes]"
    environ: dict[str, str]
    settings: Settings
    database: Database
    log: Path

    def address(self, door: str) -> str:
        """Where the door `intake` or `review` answers."""
        port = self.settings.intake_port if door == "intake" else self.settings.review_port
        return f"http://127.0.0.1:{port}"

    def answers(self) -> bool:
        """Whether both doors answer now."""
        try:
            with httpx.Client(timeout=2, trust_env=False) as client:
                return all(
                    client.get(f"{self.address(door)}/healthz").is_success
                    for door in ("intake", "review")
                )
        except httpx.TransportError:
            return False

    def kill(self, name: str) -> None:
        """SIGKILL one of its processes, if it runs at the moment."""
        try:
            pid = int((self.settings.data_dir / "run" / f"{name}.pid").read_text())
            os.kill(pid, signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return

    def command(self, *arguments: str) -> Any:
        """Run a command on the same data and return its document."""
        done = subprocess.run(
            [sys.executable, "-m", "suishoupai", *arguments, "--json"],
            env=self.environ,
            check=True,
            capture_output=True,
        )
        return json.loads(done.stdout)

    def stop(self) -> None:
        """SIGTERM has to end all of it, and leave nothing behind."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.terminate()
        assert self.process.wait(START_WITHIN_S) == 0, self.log.read_text()[-2000:]
        assert [child for child in family if child.is_running()] == []


@pytest.fixture
def start_up(tmp_path: Path, unused_ports: tuple[int, int]) -> Iterator[Callable[..., Product]]:
    """Start `up` in a process of its own on this test's data, and wait for both doors."""
    started: list[Product] = []
    # Coverage's own variables go along, so that the processes are measured.
    names = [*(name for name in os.environ if name.startswith("COV")), "PATH", "HOME", "TMPDIR"]
    environ = {
        **{name: os.environ[name] for name in names if name in os.environ},
        "DATA_DIR": str(tmp_path / "var of this test"),
        "INTAKE_PORT": str(unused_ports[0]),
        "REVIEW_PORT": str(unused_ports[1]),
        "LOG_FORMAT": "json",
        "LANG": "en_GB.UTF-8",
        "PYTHONPATH": str(ROOT),
    }

    def start(**variables: str) -> Product:
        own = environ | variables
        log = tmp_path / f"log {len(started)}"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "suishoupai", "up"],
                env=own,
                cwd=tmp_path,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        settings = load_settings(own)
        product = Product(process, own, settings, connect(settings), log)
        started.append(product)
        wait_until(
            lambda: product.answers() or process.poll() is not None, START_WITHIN_S, "both doors"
        )
        assert process.poll() is None, log.read_text()
        return product

    yield start
    for product in started:
        product.process.kill()
        product.process.wait()
        product.database.close()

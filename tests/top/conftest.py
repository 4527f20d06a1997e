"""The command line run in this process, against the databases that every room is tested on."""

import json
import logging
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
import structlog
from click.testing import CliRunner

from schemas.database import Database, now_utc
from schemas.numbers import REPORT_PREFIX, new_number
from schemas.sealing import token_hash
from schemas.settings import Settings
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

    def invoke(*arguments: str, typed: str | None = None) -> Done:
        result = CliRunner().invoke(cli, arguments, input=typed, prog_name="suishoupai")
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

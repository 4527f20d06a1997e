"""What all commands share: language, errors, progress, and files for their owner alone."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from schemas.database import Database
from schemas.settings import Settings

Run = Callable[..., Any]
ROOT = Path(__file__).parents[2]


def test_a_database_that_is_away_is_one_clear_line(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    done = run("verify-audit", "--lang", "en")
    assert done.code == 1
    assert done.err == ("The database does not answer: see that it runs, and check DATABASE_URL.\n")


def test_a_wrong_setting_is_one_clear_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTAKE_PORT", "many")
    done = run("migrate", "--lang", "en")
    assert done.code == 1
    assert "INTAKE_PORT" in done.err
    assert len(done.err.splitlines()) == 1


def test_a_surprise_is_one_line_and_a_file_without_personal_data(
    run: Run, database: Database, settings: Settings
) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE riders RENAME TO lost"))
    done = run("riders", "add", "--name", "张三丰", "--phone", "13900000001", "--lang", "en")
    path = settings.data_dir / "log" / "command-errors.log"
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE lost RENAME TO riders"))
    assert done.code == 1
    assert done.err.startswith("Something went wrong (")
    assert str(path) in done.err
    kept = path.read_text()
    assert "Traceback" in kept
    assert "张三丰" not in kept
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "审计链完整"),
        ({"LANG": "en_US.UTF-8"}, "The audit chain is whole"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, "审计链完整"),
        ({"LC_ALL": "C"}, "The audit chain is whole"),
        ({}, "The audit chain is whole"),
    ],
)
def test_the_language_is_the_shells(
    run: Run, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], sentence: str
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert run("verify-audit").out.startswith(sentence)


@pytest.mark.parametrize("arguments", [("--json", "verify-audit"), ("verify-audit", "--json")])
def test_shared_options_stand_before_or_after(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).document["whole"] is True


def test_debug_shows_the_traceback(run: Run, database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE riders RENAME TO lost"))
    done = run("riders", "add", "--name", "张三", "--phone", "13900000001", "--debug")
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE lost RENAME TO riders"))
    assert "Traceback" in done.err


def test_long_work_shows_a_bar_on_a_terminal(settings: Settings, tmp_path: Path) -> None:
    names = tmp_path / "list.csv"
    names.write_text("name,phone\n" + "".join(f"r{n},1390000{n:04d}\n" for n in range(60)))
    terminal, their_end = os.openpty()
    environ = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
        "SECRET_KEYS": settings.secret_keys[0],
        "TERM": "xterm",
        "COLUMNS": "100",
        "LANG": "en_GB.UTF-8",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "suishoupai", "riders", "import", str(names)],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=their_end,
    ) as process:
        os.close(their_end)
        shown = read_all(terminal)
        assert process.stdout is not None
        assert process.stdout.read().startswith(b"60 registered")
    assert process.returncode == 0
    assert "Registering riders" in shown
    assert "60/60" in shown


def test_what_commands_write_is_for_its_owner_alone(run: Run, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    before = os.umask(0o022)
    try:
        assert run("migrate", data_dir=fresh).code == 0
    finally:
        assert os.umask(before) == 0o022, "the command put the process's mask back"
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (fresh, *fresh.rglob("*"))}
    assert all(mode & 0o077 == 0 for mode in modes.values()), modes


def read_all(terminal: int) -> str:
    """Return what was written to a terminal until its other end was closed."""
    parts = []
    # Linux says EIO where other systems say end of file.
    with os.fdopen(terminal, "rb", buffering=0) as screen, suppress(OSError):
        while part := screen.read(65536):
            parts.append(part)
    return b"".join(parts).decode()

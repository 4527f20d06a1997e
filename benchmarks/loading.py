"""Puts a country's worth of cases into a throw-away database as fast as it takes them.

Rows are written straight into the tables: COPY on PostgreSQL, the bare driver on SQLite.
The product's own triggers place every case; its indexes are taken away while rows come and
made again from their own definitions. The words are cut by the product's own functions,
and a sample is compared with what the product itself writes.
"""

import gc
import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Table, select, text

from benchmarks.million import cases
from schemas.database import Database, JsonType
from schemas.tables import (
    AuditEntry,
    Case,
    CaseAct,
    CaseHistory,
    CaseProposal,
    CaseReport,
    CaseWords,
    Claim,
    Photo,
    PhotoExamination,
    Report,
    ShopFinding,
)
from schemas.tables.spans import SPAN_TRIGGERS, SQLITE_SPANS, written_anew
from schemas.tables.wording import write_words

BATCH = 20_000
# In the order in which rows refer to one another.
TABLES: tuple[Table, ...] = tuple(
    model.__table__
    for model in (
        Report, Photo, PhotoExamination, Claim, Case, CaseReport, CaseHistory, CaseAct,
        CaseProposal, AuditEntry, CaseWords, ShopFinding,
    )  # type: ignore[misc]
)  # fmt: skip
Rows = dict[str, list[dict[str, Any]]]


def fill(
    database: Database,
    size: int,
    *,
    proposer: UUID,
    say: Callable[[str], None],
    coming: Iterator[Iterator[tuple[str, dict[str, Any]]]] | None = None,
) -> None:
    """Put so many cases into an empty database, each with a report, a photo and a history.

    `coming` are other cases than those of benchmarks.million; they have no words.
    """
    has_words = coming is None
    coming = coming or cases(database, size, proposer=proposer)
    begin = time.monotonic()
    with _without_indexes(database.engine, say), _no_collection():
        for done in range(0, size, BATCH):
            _write(database.engine, islice(coming, BATCH))
            if size > BATCH:
                gone = time.monotonic() - begin
                say(f"{min(done + BATCH, size):>9,} of {size:,} cases, {gone:.0f} s")
    if has_words:
        _check_words(database)
    vacuum = "ANALYZE" if _is_sqlite(database.engine) else "VACUUM ANALYZE"
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(vacuum))


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the collector away from hundreds of thousands of rows that refer to nothing."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _is_sqlite(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite"


def _write(engine: Engine, coming: Iterable[Iterator[tuple[str, dict[str, Any]]]]) -> None:
    """Write the rows of some cases in one transaction, a table at a time."""
    rows: Rows = {table.name: [] for table in TABLES}
    for case in coming:
        for name, row in case:
            rows[name].append(row)
    # Begun by hand: the bare driver would commit every row by itself.
    with engine.begin() as connection:
        put = _insert if _is_sqlite(engine) else _copy
        for table in TABLES:
            if rows[table.name]:
                names = list(rows[table.name][0])
                turn = [_converter(engine, table, name) for name in names]
                put(connection, table.name, names, _turned(rows[table.name], names, turn))


def _turned(
    rows: list[dict[str, Any]], names: list[str], turn: list[Callable[[Any], Any] | None]
) -> Iterator[list[Any]]:
    steps = list(zip(names, turn, strict=True))
    for row in rows:
        yield [step(row[name]) if step else row[name] for name, step in steps]


def _converter(engine: Engine, table: Table, name: str) -> Callable[[Any], Any] | None:
    """Return what turns a value of a column into what the bare driver takes."""
    kind = table.c[name].type
    if _is_sqlite(engine):
        if name == "tokens":
            return " ".join
        made: Callable[[Any], Any] | None = kind.dialect_impl(engine.dialect).bind_processor(
            engine.dialect
        )
        return made
    if name == "tokens":
        # Letters and digits only: nothing in them has to be quoted.
        return lambda tokens: f"{{{','.join(tokens)}}}"
    return json.dumps if isinstance(kind, type(JsonType)) else None


def _insert(connection: Connection, table: str, names: list[str], rows: Iterator[Any]) -> None:
    marks = ", ".join("?" * len(names))
    statement = f"INSERT INTO {table} ({', '.join(_quoted(names))}) VALUES ({marks})"
    driver: Any = connection.connection.driver_connection
    driver.executemany(statement, rows)


def _copy(connection: Connection, table: str, names: list[str], rows: Iterator[Any]) -> None:
    driver: Any = connection.connection.driver_connection
    # The rows are known to fit together; only the triggers that place a case have work to do.
    is_placed = table in (Case.__tablename__, CaseProposal.__tablename__)
    driver.execute(f"SET session_replication_role = {'origin' if is_placed else 'replica'}")
    with (
        driver.cursor() as cursor,
        cursor.copy(f"COPY {table} ({', '.join(_quoted(names))}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)


def _quoted(names: list[str]) -> list[str]:
    return [f'"{name}"' for name in names]


@contextmanager
def _without_indexes(engine: Engine, say: Callable[[str], None]) -> Iterator[None]:
    """Take the indexes of the filled tables away and make them again, as they were, at the end."""
    with engine.begin() as connection:
        made = connection.execute(text(_DEFINED[engine.dialect.name])).all()
        known = {table.name for table in TABLES}
        made = [(name, statement) for name, table, statement in made if table in known]
        for name, _statement in made:
            connection.execute(text(f"DROP INDEX {name}"))
        # Without its indexes each row would look through all others for a case's span.
        for name in SPAN_TRIGGERS if _is_sqlite(engine) else ():
            connection.execute(text(f"DROP TRIGGER {name}"))
    yield
    begin = time.monotonic()
    with engine.begin() as connection:
        if not _is_sqlite(engine):
            connection.execute(text("SET LOCAL maintenance_work_mem = '1GB'"))
        for _name, statement in made:
            connection.exec_driver_sql(statement)
        for statement in written_anew(engine.dialect.name):
            connection.exec_driver_sql(statement)
        for statement in SQLITE_SPANS if _is_sqlite(engine) else ():
            connection.exec_driver_sql(statement)
        # As the clock's sealer would have left it.
        connection.execute(text("DELETE FROM audit_waiting"))
    if time.monotonic() - begin > 1:
        say(f"{len(made)} indexes, {time.monotonic() - begin:.0f} s")


# Constraints keep their indexes: on SQLite those have no statement of their own.
_DEFINED = {
    "sqlite": "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql <> ''",
    "postgresql": (
        "SELECT indexname, tablename, indexdef FROM pg_indexes WHERE schemaname = 'public' "
        "AND indexname NOT IN (SELECT conname FROM pg_constraint)"
    ),
}


def _check_words(database: Database) -> None:
    """Raise RuntimeError unless the product itself writes the same words for a sample of cases."""
    with database.writing() as session:
        ids = session.scalars(select(CaseWords.case_id).order_by(CaseWords.id).limit(20)).all()
        columns = CaseWords.case_id, CaseWords.text, CaseWords.tokens
        before = session.execute(select(*columns).where(CaseWords.case_id.in_(ids))).all()
        write_words(session, ids)
        if session.execute(select(*columns).where(CaseWords.case_id.in_(ids))).all() != before:
            raise RuntimeError("the words that were filled in are not those that the product makes")

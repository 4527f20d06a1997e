"""The database: base class, column types, engines and session factories."""

import secrets
import sqlite3
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    DateTime,
    Dialect,
    Engine,
    MetaData,
    Uuid,
    create_engine,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import TypeDecorator
from uuid_utils.compat import uuid7

from schemas.errors import Unavailable
from schemas.settings import Settings
from schemas.words import Words

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, always aware and in UTC; SQLite has no such type and holds it naive.

    Raises ValueError for a naive value: which zone it meant would be a guess.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware moment into UTC for the database."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone can't be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the moment back, aware and in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# JSONB keeps no key order and no duplicate keys; canonical JSON is made where it is hashed.
JsonType = JSON().with_variant(JSONB(), "postgresql")


class Base(DeclarativeBase):
    """Base of every table."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime(),
        uuid.UUID: Uuid(),
        dict[str, Any]: JsonType,
        list[str]: JsonType,
        list[Any]: JsonType,
    }


def new_id() -> uuid.UUID:
    """Return a new key: UUID version 7 (RFC 9562), which sorts by time of making."""
    return uuid7()


def random_id() -> uuid.UUID:
    """Return a key that tells nothing, UUID version 4: for what a tip makes and addresses name."""
    return uuid.uuid4()


def hourly_id() -> uuid.UUID:
    """Return a key that sorts by the hour of its making and tells no more of the moment.

    UUID version 7 with an altered timestamp, as RFC 9562 §6.1 allows; all else is random.
    For what follows a tip within seconds and yet has to lie in order in an index.
    """
    hour_ms = int(time.time()) // 3600 * 3_600_000
    value = hour_ms << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62
    return uuid.UUID(int=value | secrets.randbits(62))


def now_utc() -> datetime:
    """Return the present moment, aware and in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Database:
    """An engine with its two ways in.

    `read()` begins deferred; `write()` takes SQLite's write lock at once, since a
    transaction that reads first and writes later can be refused there at the end,
    when nothing can be repeated. PostgreSQL sees no difference.
    """

    engine: Engine
    read: sessionmaker[Session]
    write: sessionmaker[Session]

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session that writes nothing."""
        with self.read() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a transaction that commits at the end, or rolls back on an error."""
        with self.write.begin() as session:
            yield session

    def check(self) -> None:
        """Raise Unavailable unless the database answers."""
        try:
            with self.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except DBAPIError as error:
            raise database_away() from error

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def database_away() -> Unavailable:
    """Return the error that a door answers with while the database does not answer."""
    return Unavailable(
        "database-away",
        Words(
            "系统暂时存不进数据,您的内容没有丢:请稍后用同一个 Idempotency-Key 再发一次。",
            "The database does not answer for the moment. Nothing is lost: send the same "
            "request with the same Idempotency-Key again shortly.",
        ),
        retry_after_s=5,
    )


def is_transient(error: Exception) -> bool:
    """Whether a database error says «away or busy», so that the same work may be repeated."""
    return isinstance(error, OperationalError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )


def connect(settings: Settings) -> Database:
    """Make the engine and session factories for the settings' database.

    `hide_parameters` keeps what a statement carried out of error messages, which end
    up in logs.
    """
    url = settings.effective_database_url
    if url.startswith("sqlite"):
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        engine = create_engine(
            url, hide_parameters=True, connect_args={"timeout": 30, "check_same_thread": False}
        )
        _tune_sqlite(engine)
        writing: Engine = engine.execution_options(begin_immediate=True)
    else:
        # psycopg prepares a statement once it was seen five times; pool_pre_ping
        # finds connections that a restarted server has dropped.
        engine = create_engine(
            url, hide_parameters=True, pool_pre_ping=True, pool_size=5, max_overflow=10
        )
        writing = engine
    return Database(
        engine=engine,
        read=sessionmaker(engine, expire_on_commit=False),
        write=sessionmaker(writing, expire_on_commit=False),
    )


def _tune_sqlite(engine: Engine) -> None:
    """Set WAL, full fsync and foreign keys, and let us say BEGIN ourselves."""

    @event.listens_for(engine, "connect")
    def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
        # pysqlite's own transaction control begins late and never IMMEDIATE.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout=30000")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get("begin_immediate", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

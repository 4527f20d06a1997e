"""Seals everything anew under the newest key, so that an older one may be dropped.

Every column whose name begins with `sealed_` is taken, whichever table it stands in.
A row is changed only where it still holds what was read, so a run beside the working
product loses nothing, and one that was stopped is simply begun again: what is under
the newest key already is left alone.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    LargeBinary,
    Table,
    func,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

import schemas.tables  # noqa: F401 - registers every table
from schemas.database import Base
from schemas.sealing import Sealer
from schemas.tables import Rider

BATCH_ROWS = 200


@dataclass(frozen=True)
class SealedColumn:
    """A column of sealed bytes, and its table's key columns."""

    table: Table
    column: Column[Any]

    @property
    def keys(self) -> tuple[Column[Any], ...]:
        """The table's primary key."""
        return tuple(self.table.primary_key.columns)


@dataclass(frozen=True)
class Batch:
    """What one step of the rotation did; `last` is where the next one begins, None at the end."""

    seen: int
    resealed: int
    last: tuple[Any, ...] | None


def sealed_columns() -> Iterator[SealedColumn]:
    """Yield every column of the product that holds sealed bytes."""
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if column.name.startswith("sealed_") and isinstance(column.type, LargeBinary):
                yield SealedColumn(table, column)


def count_rows(session: Session, sealed: SealedColumn) -> int:
    """Return how many rows a rotation of the column goes through."""
    return session.execute(select(func.count()).select_from(sealed.table)).scalar_one()


def reseal_batch(
    session: Session, *, sealer: Sealer, sealed: SealedColumn, after: tuple[Any, ...] | None
) -> Batch:
    """Seal the next rows of a column anew, in the caller's transaction.

    Raises ConfigurationError `secret-keys-wrong` at a row that none of the keys opens.
    """
    rows, resealed = _rows(session, sealed, after), 0
    for key, old in rows:
        # Of an erased rider nothing is left to seal.
        if not old:
            continue
        values = _renewed(session, sealer, sealed, key, old)
        if values:
            resealed += 1
            session.execute(
                update(sealed.table)
                .where(*_is_row(sealed, key), sealed.column == old)
                .values(values)
            )
    return Batch(len(rows), resealed, rows[-1][0] if len(rows) == BATCH_ROWS else None)


def keys_in_use(session: Session, *, sealer: Sealer) -> Counter[int]:
    """Count the sealed records by the oldest key that each still needs; 0 is the newest.

    Raises ConfigurationError `secret-keys-wrong` where one needs a key that is not given.
    """
    found: Counter[int] = Counter()
    for sealed in sealed_columns():
        after: tuple[Any, ...] | None = None
        while rows := _rows(session, sealed, after):
            after = rows[-1][0]
            found.update(
                max(sealer.key_of(old), _digest_key(session, sealer, sealed, key, old))
                for key, old in rows
                if old
            )
    return found


def _rows(
    session: Session, sealed: SealedColumn, after: tuple[Any, ...] | None
) -> list[tuple[tuple[Any, ...], bytes]]:
    """Return the next rows of a table by its key: the key's values, and what is sealed."""
    statement = select(*sealed.keys, sealed.column).order_by(*sealed.keys).limit(BATCH_ROWS)
    if after is not None:
        pairs = zip(sealed.keys, after, strict=True)
        bounds = [literal(value, key.type) for key, value in pairs]
        statement = statement.where(tuple_(*sealed.keys) > tuple_(*bounds))
    return [(tuple(row[:-1]), row[-1]) for row in session.execute(statement)]


def _is_row(sealed: SealedColumn, key: tuple[Any, ...]) -> list[ColumnElement[bool]]:
    return [column == value for column, value in zip(sealed.keys, key, strict=True)]


def _renewed(
    session: Session, sealer: Sealer, sealed: SealedColumn, key: tuple[Any, ...], old: bytes
) -> dict[str, Any]:
    """Return what has to be written to a row; nothing where the newest key is enough."""
    values: dict[str, Any] = {}
    if sealer.key_of(old):
        values[sealed.column.name] = sealer.reseal(old)
    if _digest_key(session, sealer, sealed, key, old):
        values["phone_digest"] = _new_digest(session, sealer, key[0], old)
    return values


def _digest_key(
    session: Session, sealer: Sealer, sealed: SealedColumn, key: tuple[Any, ...], old: bytes
) -> int:
    """Return which key the digest beside a sealed profile was made with, 0 where there is none."""
    if sealed.table is not Rider.__table__:
        return 0
    stored = session.execute(select(Rider.phone_digest).where(Rider.id == key[0])).scalar_one()
    if stored == _twice(key[0]):
        return 0
    digests = sealer.digests("phone", sealer.open(old)["phone"])
    # One that none of the keys made is as good as lost, and is renewed like an old one.
    return digests.index(stored) if stored in digests else len(digests)


def _new_digest(session: Session, sealer: Sealer, rider_id: UUID, old: bytes) -> str:
    digest = sealer.digest("phone", sealer.open(old)["phone"])
    taken = session.execute(select(Rider.id).where(Rider.phone_digest == digest)).first()
    # Two processes that knew different keys may both have registered a phone. The one
    # that stands under the newest key is the one to be found.
    return _twice(rider_id) if taken and taken[0] != rider_id else digest


def _twice(rider_id: UUID) -> str:
    return f"twice:{rider_id.hex}"

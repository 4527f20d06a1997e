"""Rows straight into a table, and INSERT … ON CONFLICT DO NOTHING for both databases.

The latter is how the door lets the database decide which of several equal requests
was first: the loser waits for the winner's transaction and then finds its row.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

from sqlalchemy import Insert, Table, insert, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

from schemas.database import Base


def insert_if_new(
    session: Session,
    model: type[Base],
    rows: Sequence[Mapping[str, Any]],
    *,
    conflict: tuple[str, ...],
    where: str | None = None,
) -> set[Any]:
    """Insert the rows that meet no other one in the `conflict` columns.

    `where` is the condition of the index, where it is a partial one.

    Returns the first primary key column's values of those that were inserted. What the
    session holds is written first.
    """
    if not rows:
        return set()
    session.flush()
    statement = _insert_if_new(model, session.get_bind().dialect.name, conflict, where)
    given = [dict(row) for row in rows]
    found = session.connection().execute(statement, given if len(given) > 1 else given[0])
    return {row[0] for row in found}


def insert_missing(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows that meet no other one, without asking which: for thousands at once."""
    if rows:
        session.flush()
        statement = _insert_missing(model, session.get_bind().dialect.name)
        session.connection().execute(statement, [dict(row) for row in rows])


def insert_rows(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns, without the session's bookkeeping."""
    if rows:
        session.connection().execute(_insert(model), [dict(row) for row in rows])


# Statements are made once, and the rows given beside them: one that holds its rows, or
# is made anew, costs more than the database does.
@cache
def _insert_if_new(
    model: type[Base], dialect: str, conflict: tuple[str, ...], where: str | None
) -> ReturningInsert[Any]:
    table = cast(Table, model.__table__)
    insert_into = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return (
        insert_into(table)
        .on_conflict_do_nothing(
            index_elements=list(conflict), index_where=text(where) if where else None
        )
        .returning(*table.primary_key.columns)
    )


@cache
def _insert_missing(model: type[Base], dialect: str) -> Insert:
    insert_into = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert_into(cast(Table, model.__table__)).on_conflict_do_nothing()


@cache
def _insert(model: type[Base]) -> Insert:
    return insert(cast(Table, model.__table__))

"""Rows straight into a table, and INSERT … ON CONFLICT DO NOTHING for both databases.

The latter is how the door lets the database decide which of several equal requests
was first: the loser waits for the winner's transaction and then finds its row.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Table, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from schemas.database import Base


def insert_if_new(
    session: Session,
    model: type[Base],
    rows: Sequence[Mapping[str, Any]],
    *,
    conflict: tuple[str, ...],
) -> set[Any]:
    """Insert the rows that meet no other one in the `conflict` columns.

    Returns the first primary key column's values of those that were inserted. What the
    session holds is written first.
    """
    if not rows:
        return set()
    dialect = session.get_bind().dialect.name
    insert_into = postgresql.insert if dialect == "postgresql" else sqlite.insert
    table = cast(Table, model.__table__)
    # Rows are given beside the statement: one that holds them is compiled anew each time.
    statement = (
        insert_into(table)
        .on_conflict_do_nothing(index_elements=list(conflict))
        .returning(*table.primary_key.columns)
    )
    given = [dict(row) for row in rows]
    session.flush()
    found = session.connection().execute(statement, given if len(given) > 1 else given[0])
    return {row[0] for row in found}


def insert_rows(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns, without the session's bookkeeping."""
    if rows:
        session.execute(insert(cast(Table, model.__table__)), [dict(row) for row in rows])

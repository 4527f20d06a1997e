"""Alembic's environment: runs over the connection that schemas.migrate hands in."""

from typing import Any, Literal

from alembic import context

import schemas.tables  # noqa: F401 - registers every table
from schemas.database import Base


def include_object(
    item: Any,
    name: str | None,
    _kind: str,
    _reflected: bool,  # noqa: FBT001 - Alembic's signature
    _other: Any,
) -> bool:
    """Leave out what the present database does not have (see `info={"only": …}`).

    The tables of the FTS5 index are SQLite's own affair.
    """
    if str(name).startswith("case_pairs"):
        return False
    only = getattr(item, "info", {}).get("only")
    return only in (None, context.get_context().dialect.name)


def compare_type(
    _context: Any, _column: Any, _metadata_column: Any, inspected: Any, wanted: Any
) -> Literal[False] | None:
    """Let Alembic compare, but for types that SQLite reads back under another name."""
    if context.get_context().dialect.name == "sqlite" and str(inspected) == str(
        wanted.compile(dialect=context.get_context().dialect)
    ):
        return False
    return None


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    include_object=include_object,
    compare_type=compare_type,
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()

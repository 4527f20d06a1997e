"""One at a time moves reports between cases: the pipeline and staff take the same lock."""

from sqlalchemy import text
from sqlalchemy.orm import Session

_ROUTING_LOCK = 0x52_4F_55_54


def lock_routing(session: Session) -> None:
    """Let one transaction at a time open, link or move; SQLite's write lock does so anyway.

    It is taken before any row of a case: whoever held a row and then waited for this would
    block with the pipeline, which takes them the other way round.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ROUTING_LOCK})

"""Full-text search over cases, newest first, and the making of its index anew.

How words are cut and kept stands in schemas.tables.wording. A found case has every pair
of characters of every word, lies in one of the trees asked for, and its text holds each
word whole.
"""

from collections.abc import Callable, Sequence
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    column,
    func,
    literal_column,
    or_,
    select,
    table,
    text,
)
from sqlalchemy.orm import Session

from schemas.tables.cases import Case
from schemas.tables.queue import CaseWords
from schemas.tables.wording import pairs, plain, unit_token, write_words

# One character alone is in too many cases to be asked for.
SHORTEST = 2
_AT_ONCE = 500
_PAIRS = table("case_pairs", column("rowid"))


def words_of(query: str) -> list[str]:
    """Return the words of a query in their plain form, those too short left out."""
    words = dict.fromkeys(plain(word) for word in query.split())
    return [word for word in words if len(word) >= SHORTEST]


def found_by(
    session: Session,
    *,
    words: Sequence[str],
    unit_ids: Sequence[UUID],
    facets: Sequence[str] = (),
) -> Select[int, UUID]:
    """Return a statement of (words' id, case id) that finds cases below any of the units.

    `words` come from `words_of`, `facets` are tokens of schemas.tables.wording; one of
    either at least. It has no order and no limit yet.
    """
    tokens = list(dict.fromkeys((*facets, *(pair for word in words for pair in pairs(word)))))
    statement = select(CaseWords.id, CaseWords.case_id).where(
        *(CaseWords.text.contains(word, autoescape=True) for word in words)
    )
    units = [unit_token(each) for each in unit_ids]
    if session.get_bind().dialect.name == "sqlite":
        matches = _matches(tokens, units)
        return statement.join(_PAIRS, _PAIRS.c.rowid == CaseWords.id).where(matches)
    return statement.where(_holds(tokens, units))


def are_few(
    session: Session, *, facets: Sequence[str], unit_ids: Sequence[UUID], most: int
) -> bool:
    """Whether at most so many cases below the units have these tokens, where asking costs little.

    FTS5 stops at the first ones. PostgreSQL's index would have to gather all of them, so
    that the answer there is no.
    """
    if session.get_bind().dialect.name != "sqlite":
        return False
    matches = _matches(facets, [unit_token(each) for each in unit_ids])
    first = select(_PAIRS.c.rowid).where(matches).limit(most + 1).subquery()
    return (session.scalar(select(func.count()).select_from(first)) or 0) <= most


def _matches(tokens: Sequence[str], units: Sequence[str]) -> ColumnElement[bool]:
    asked = " AND ".join(f'"{token}"' for token in tokens)
    # MATCH takes the name of the FTS5 table itself for a column.
    return literal_column("case_pairs").op("MATCH")(f"({asked}) AND ({' OR '.join(units)})")


def newest_first(session: Session) -> ColumnElement[int]:
    """Return what to order a search by; on SQLite FTS5 gives its rows in this order itself."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    return _PAIRS.c.rowid if is_sqlite else CaseWords.id  # type: ignore[return-value]


def _holds(tokens: list[str], units: list[str]) -> ColumnElement[bool]:
    return or_(*(CaseWords.tokens.contains([unit, *tokens]) for unit in units))


def rebuild(session: Session, *, after: UUID | None = None) -> UUID | None:
    """Write the words of the next cases after one, oldest first; returns the last, None at the end.

    What is found is newest first by the order of writing.
    """
    statement = select(Case.id).order_by(Case.opened_at, Case.id).limit(_AT_ONCE)
    if after:
        opened_at = session.get_one(Case, after).opened_at
        statement = statement.where(
            or_(Case.opened_at > opened_at, and_(Case.opened_at == opened_at, Case.id > after))
        )
    ids = list(session.scalars(statement))
    if not ids:
        return None
    write_words(session, ids)
    return ids[-1]


def is_missing(session: Session) -> bool:
    """Whether there are cases and no words at all: a database from before there was a search."""
    return (
        session.scalar(select(CaseWords.id).limit(1)) is None
        and session.scalar(select(Case.id).limit(1)) is not None
    )


def rebuild_all(begin: Callable[[], Session], *, tick: Callable[[int, int], None]) -> int:
    """Write the words of every case, in transactions of some hundred; returns how many.

    The room may be in use meanwhile: each case is written as it is at that moment.
    """
    with begin() as session:
        total = session.scalars(select(func.count()).select_from(Case)).one()
    done, last = 0, None
    while True:
        with begin() as session, session.begin():
            last = rebuild(session, after=last)
        if last is None:
            break
        done = min(done + _AT_ONCE, total)
        tick(done, total)
    with begin() as session, session.begin():
        if session.get_bind().dialect.name == "sqlite":
            session.execute(text("INSERT INTO case_pairs (case_pairs) VALUES ('rebuild')"))
    return done

"""How the cases of a page are found: by ranges of an index in order, by what is rare, by words.

A list is ranges of an index in its own order, of which a page takes the first. Where it is
narrowed, the first LOOK cases are looked through: what is common fills the page from these.
What does not is rare, and the index of words knows where it is (schemas.tables.wording).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    Subquery,
    Uuid,
    and_,
    literal,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy import case as either
from sqlalchemy.orm import Session

from review_ui.access.scope import tops, unit_of
from review_ui.access.staff import SignedIn
from review_ui.lists.filters import Filters, conditions, facets
from schemas.errors import InvalidInput
from schemas.numbers import CASE_PREFIX, read_number
from schemas.searching import are_few, found_by, newest_first, words_of
from schemas.tables import Case, CaseWords
from schemas.tables.wording import UNENDED
from schemas.words import Words

# What less than one in thirty cases has costs less to look up than to look for.
LOOK = 1000
_ORDER = (Case.due_on, Case.id)


@dataclass(frozen=True, slots=True)
class Key:
    """A case in a list: its id, its version, and the cursor of the page that follows it."""

    case_id: UUID
    version: int
    cursor: str


def in_order(
    session: Session,
    *,
    staff: SignedIn,
    filters: Filters,
    branches: Sequence[ColumnElement[bool]],
    is_unended: bool,
    cursor: str | None,
    limit: int,
) -> list[Key]:
    """Return the first keys after the cursor of the cases of all branches, by due date.

    Each branch is one range of an index in that order; `is_unended` says that none holds
    ended cases. Raises InvalidInput `cursor-invalid`.
    """
    if cursor:
        due_on, key = _read_cursor(cursor)
        after = tuple_(literal(due_on, Date), literal(key, Uuid))
        branches = [branch & (tuple_(*_ORDER) > after) for branch in branches]
    if not branches:
        return []
    narrowed, tokens = conditions(filters), facets(filters)
    if not tokens:
        return _keys(session, _first(branches, narrowed, limit), [], limit)
    wanted = and_(or_(*branches), *narrowed)
    units = [unit_of(path) for path in tops(staff)]
    # A thousand ended cases lie on a thousand pages of the file: few are looked up at once.
    if not is_unended and are_few(session, facets=tokens, unit_ids=units, most=LOOK):
        # As a value and not as conditions, by which SQLite would walk the whole tree in
        # order and ask of each case whether it is among the few.
        as_value = either((wanted, 1), else_=0) == 1
        return _looked_up(session, staff, tokens, as_value, limit)
    found = _keys(session, _first(branches, [], LOOK), narrowed, limit)
    if len(found) == limit:
        return found
    tokens += [UNENDED] if is_unended else []
    return _looked_up(session, staff, tokens, wanted, limit)


def _first(
    branches: Sequence[ColumnElement[bool]], narrowed: Sequence[ColumnElement[bool]], count: int
) -> Subquery:
    """Return the first cases of all branches by their order, from the index alone."""
    parts = [
        select(*_ORDER).where(branch, *narrowed).order_by(*_ORDER).limit(count).subquery()
        for branch in branches
    ]
    merged = union_all(*(select(part) for part in parts)).subquery()
    return select(merged).order_by(merged.c.due_on, merged.c.id).limit(count).subquery()


def _keys(
    session: Session, first: Subquery, narrowed: Sequence[ColumnElement[bool]], limit: int
) -> list[Key]:
    statement = (
        select(*_ORDER, Case.version)
        .join(first, first.c.id == Case.id)
        .where(*narrowed)
        .order_by(first.c.due_on, first.c.id)
        .limit(limit)
    )
    return _read(session, statement)


def _looked_up(
    session: Session,
    staff: SignedIn,
    tokens: list[str],
    narrowed: ColumnElement[bool],
    limit: int,
) -> list[Key]:
    units = [unit_of(path) for path in tops(staff)]
    found = found_by(session, words=[], facets=tokens, unit_ids=units).subquery()
    statement = (
        select(*_ORDER, Case.version)
        .join(found, found.c.case_id == Case.id)
        .where(narrowed)
        .order_by(*_ORDER)
        .limit(limit)
    )
    return _read(session, statement)


def _read(session: Session, statement: Select[date, UUID, int]) -> list[Key]:
    return [
        Key(case_id, version, f"{due_on.isoformat()}_{case_id.hex}")
        for due_on, case_id, version in session.execute(statement)
    ]


def searched(
    session: Session,
    *,
    staff: SignedIn,
    filters: Filters,
    narrowed: Sequence[ColumnElement[bool]],
    is_unended: bool,
    cursor: str | None,
    limit: int,
) -> list[Key]:
    """Return the keys of a page of a search, newest first; a whole number is looked up by itself.

    `narrowed` says in whose tree and in which list; `is_unended`, that it holds no ended
    cases. Raises InvalidInput `cursor-invalid`.
    """
    number = _as_number(filters.words)
    if number:
        rows = session.execute(
            select(Case.id, Case.version).where(Case.number == number, *narrowed)
        )
        return [] if cursor else [Key(*row, cursor="") for row in rows]
    words, units = words_of(filters.words), [unit_of(path) for path in tops(staff)]
    if not words or not units:
        return []
    tokens = facets(filters) + ([UNENDED] if is_unended else [])
    order = newest_first(session)
    statement = (
        found_by(session, words=words, facets=tokens, unit_ids=units)
        .join(Case, Case.id == CaseWords.case_id)
        .add_columns(Case.version)
        .where(*narrowed)
        .order_by(order.desc())
        .limit(limit)
    )
    if cursor:
        statement = statement.where(order < _read_place(cursor))
    return [
        Key(case_id, version, f"found_{place}")
        for place, case_id, version in session.execute(statement)
    ]


def _as_number(words: str) -> str | None:
    try:
        return read_number(CASE_PREFIX, words)
    except InvalidInput:
        return None


def _read_cursor(text: str) -> tuple[date, UUID]:
    day, _, key = text.partition("_")
    try:
        return date.fromisoformat(day), UUID(key)
    except ValueError:
        raise _cursor_invalid() from None


def _read_place(text: str) -> int:
    place = text.removeprefix("found_")
    if place == text or not place.isascii() or not place.isdigit() or len(place) > 18:
        raise _cursor_invalid()
    return int(place)


def _cursor_invalid() -> InvalidInput:
    return InvalidInput(
        "cursor-invalid",
        Words("翻页位置有误，请回到第一页。", "This page can't be found: go to the first one."),
        field="cursor",
    )

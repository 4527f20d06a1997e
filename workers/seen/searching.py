"""The search itself: every hash within 31 bits of any of the questions, from SQL alone.

Three places are looked at, in this order: the rows that are in no block, the blocks that are
in no segment, and the segments. A hash only ever moves on in this order, and what it moved
from stays readable for longer than a search takes; so none that was committed when the
search began is missed, while packing goes on.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, Select, bindparam, select
from sqlalchemy.orm import Session

from schemas.tables import HashBlock, HashSegment, PhotoHash
from workers.fingerprints import HASH_BYTES, MAX_DISTANCE, MIN_QUALITY
from workers.seen.bands import (
    Hashes,
    Lists,
    Lookups,
    fewest_bits,
    hashes_of,
    lookups,
    near,
    unique_questions,
)
from workers.seen.memory import Memory
from workers.seen.packing import among, listed, read_block
from workers.seen.shelves import HASHES, Shelf, first_list

_ROWS_AT_ONCE = 10_000
# Statements are made once and ask plain tables: made anew for each photo, and with objects for
# their rows, they take longer than all the comparing.
_HASHES, _BLOCKS = PhotoHash.__table__, HashBlock.__table__
_SEGMENTS = HashSegment.__table__
_UNPACKED = select(_HASHES.c.id, _HASHES.c.pdq).where(
    _HASHES.c.block_id.is_(None), _HASHES.c.quality >= MIN_QUALITY
)
_READY = (
    select(_SEGMENTS)
    .where(_SEGMENTS.c.ready_at.is_not(None), _SEGMENTS.c.retired_at.is_(None))
    .order_by(_SEGMENTS.c.first_block)
)
_UNCOVERED = select(_BLOCKS.c.id).where(_BLOCKS.c.id > bindparam("after"))


class Found(NamedTuple):
    """A hash within 31 bits of a question: whose it is, and by how many bits it differs."""

    photo_id: UUID
    bits: int


def search(
    session: Session, questions: Sequence[bytes], *, memory: Memory | None = None
) -> list[Found]:
    """Return all matchable hashes within 31 bits of a question, each with its fewest bits.

    `questions` are hashes of 32 bytes. With or without `memory` the answer is the same.
    """
    asked = unique_questions(questions)
    if not len(asked):
        return []
    ids = [*_in_rows(session, asked)]
    segments = session.execute(_READY).all()
    covered = max((segment.last_block for segment in segments), default=0)
    ids.append(_in_blocks(session, asked, after=covered, memory=memory))
    wanted = {shift: lookups(asked, shift=shift) for shift in {each.shift for each in segments}}
    ids += [_in_segment(session, each, wanted[each.shift], memory) for each in segments]
    return _compared(session, asked, np.unique(np.concatenate(ids)).tolist())


@cache
def _stored_lists(shelf: Shelf, dialect: str) -> Select[Any]:
    table = shelf.lists.__table__
    return select(table.c.id, table.c.data).where(among(table.c.id, "ids", dialect=dialect))


@cache
def _stored_hashes(dialect: str) -> Select[Any]:
    return select(_HASHES.c.photo_id, _HASHES.c.pdq).where(
        among(_HASHES.c.id, "ids", dialect=dialect)
    )


def _in_rows(session: Session, asked: Hashes) -> Iterator[NDArray[np.int64]]:
    rows = session.execute(_UNPACKED)
    for part in rows.partitions(_ROWS_AT_ONCE):
        ids = np.array([key for key, _ in part], np.int64)
        yield ids[near(hashes_of(b"".join(pdq for _, pdq in part)), asked)]


def _in_blocks(
    session: Session, asked: Hashes, *, after: int, memory: Memory | None
) -> NDArray[np.int64]:
    parts = [(np.empty(0, np.int64), np.empty((0, HASH_BYTES), np.uint8))]
    wanted = []
    for number in session.scalars(_UNCOVERED, {"after": after}):
        kept = memory.block(HASHES, number) if memory else None
        if kept:
            parts.append(kept)
        else:
            wanted.append(number)
    if wanted:
        data = session.scalars(select(_BLOCKS.c.data).where(_BLOCKS.c.id.in_(wanted)))
        parts += (read_block(each, key_bytes=HASH_BYTES) for each in data)
    # All at once: a thousand at a time would cost more in calls than in comparing.
    ids, hashes = (np.concatenate(each) for each in zip(*parts, strict=True))
    return np.asarray(ids[near(hashes, asked)])


def _in_segment(
    session: Session, segment: Row[Any], wanted: Lookups, memory: Memory | None
) -> NDArray[np.int64]:
    kept = memory.segment(HASHES, segment.id, segment.ready_at) if memory else None
    if kept:
        numbers = wanted.pick(kept, wanted.keys)
    else:
        numbers = wanted.pick(*_read_lists(session, segment.id, wanted))
    return np.asarray(numbers.astype(np.int64) + segment.base_id)


def _read_lists(
    session: Session, segment_id: int, wanted: Lookups
) -> tuple[Lists, NDArray[np.int64]]:
    """Return the lists that are wanted, and where in them each of the lookups has its own."""
    keys, places = np.unique(wanted.keys, return_inverse=True)
    return read_lists(session, HASHES, segment_id, keys), places


def read_lists(session: Session, shelf: Shelf, segment_id: int, keys: NDArray[np.int64]) -> Lists:
    """Return some lists of a segment, in the order of `keys`; one that is not there is empty."""
    wanted = (keys + first_list(segment_id)).tolist()
    dialect = session.get_bind().dialect.name
    ids = listed(wanted, dialect=dialect)
    stored: dict[int, bytes] = dict(
        session.execute(_stored_lists(shelf, dialect), {"ids": ids}).all()
    )
    parts = [stored.get(key, b"") for key in wanted]
    starts = np.cumsum([0, *map(len, parts)]) // shelf.entry_bytes
    return Lists(starts, shelf.entries_of(b"".join(parts)))


def _compared(session: Session, asked: Hashes, ids: list[int]) -> list[Found]:
    """Return those of the hashes that really are within 31 bits, read from their own rows."""
    best: dict[UUID, int] = {}
    dialect = session.get_bind().dialect.name
    for start in range(0, len(ids), _ROWS_AT_ONCE):
        part = listed(ids[start : start + _ROWS_AT_ONCE], dialect=dialect)
        rows = session.execute(_stored_hashes(dialect), {"ids": part}).all()
        bits = fewest_bits(hashes_of(b"".join(pdq for _, pdq in rows)), asked)
        for (photo_id, _), apart in zip(rows, bits, strict=True):
            if apart <= min(MAX_DISTANCE, best.get(photo_id, MAX_DISTANCE)):
                best[photo_id] = apart
    return [Found(photo_id, bits) for photo_id, bits in best.items()]

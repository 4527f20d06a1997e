"""The search itself: every hash within 31 bits of any of the questions, from SQL alone.

Three places are looked at, in this order: the rows that are in no block, the blocks that are
in no segment, and the segments. A hash only ever moves on in this order, and what it moved
from stays readable for longer than a search takes; so none that was committed when the
search began is missed, while packing goes on.
"""

from collections.abc import Collection, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import LargeBinary, Row, Select, bindparam, func, literal, select
from sqlalchemy.orm import Session

from schemas.tables import HashBlock, PhotoHash
from workers.fingerprints import HASH_BYTES, MIN_QUALITY
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
from workers.seen.shelves import HASHES, Shelf, blocks_after, first_list, ready_segments

_ROWS_AT_ONCE, _BLOCKS_AT_ONCE = 10_000, 1_024
# PostgreSQL sends numbers with the highest byte first.
_HEAD = np.dtype([("id", ">i8"), ("bytes", ">i4")])
# Statements are made once and ask plain tables: made anew for each photo, and with objects for
# their rows, they take longer than all the comparing.
_HASHES, _BLOCKS = PhotoHash.__table__, HashBlock.__table__
_UNPACKED = select(_HASHES.c.id, _HASHES.c.pdq).where(
    _HASHES.c.block_id.is_(None),
    _HASHES.c.quality >= MIN_QUALITY,
    _HASHES.c.photo_id.not_in(bindparam("but", expanding=True)),
)
_BLOCK_DATA = select(_BLOCKS.c.data).where(_BLOCKS.c.id.in_(bindparam("ids", expanding=True)))


class Found(NamedTuple):
    """A hash within 31 bits of a question: whose it is, and by how many bits it differs."""

    photo_id: UUID
    bits: int


def search(
    session: Session,
    questions: Sequence[bytes],
    *,
    but: Collection[UUID] = (),
    memory: Memory | None = None,
) -> list[Found]:
    """Return all matchable hashes within 31 bits of a question, each with its fewest bits.

    `questions` are hashes of 32 bytes; those of the photos `but` are left out. With or without
    `memory` the answer is the same.
    """
    asked = unique_questions(questions)
    if not len(asked):
        return []
    ids = [*_in_rows(session, asked, but)]
    segments = session.execute(ready_segments(HASHES)).all()
    covered = max((segment.last_block for segment in segments), default=0)
    ids.append(_in_blocks(session, asked, after=covered, memory=memory))
    wanted = {shift: lookups(asked, shift=shift) for shift in {each.shift for each in segments}}
    ids += [_in_segment(session, asked, each, wanted[each.shift], memory) for each in segments]
    found = _compared(session, asked, np.unique(np.concatenate(ids)).tolist())
    return [each for each in found if each.photo_id not in but]


@cache
def _stored_lists(shelf: Shelf, dialect: str) -> Select[Any]:
    table = shelf.lists.__table__
    return select(table.c.id, table.c.data).where(among(table.c.id, "ids", dialect=dialect))


@cache
def _stored_as_one(shelf: Shelf) -> Select[bytes, bytes]:
    """Return the lists as one row of PostgreSQL's: their heads, and what is in them.

    To send them as thousands of rows takes the server and us longer than to find them.
    """
    table = shelf.lists.__table__
    head = func.int8send(table.c.id).op("||")(func.int4send(func.octet_length(table.c.data)))
    nothing = literal(b"", LargeBinary())
    return select(
        func.string_agg(head, nothing, type_=LargeBinary()),
        func.string_agg(table.c.data, nothing, type_=LargeBinary()),
    ).where(among(table.c.id, "ids", dialect="postgresql"))


@cache
def _stored_hashes(dialect: str) -> Select[Any]:
    return select(_HASHES.c.photo_id, _HASHES.c.pdq).where(
        among(_HASHES.c.id, "ids", dialect=dialect)
    )


def _in_rows(session: Session, asked: Hashes, but: Collection[UUID]) -> Iterator[NDArray[np.int64]]:
    rows = session.execute(_UNPACKED, {"but": but})
    for part in rows.partitions(_ROWS_AT_ONCE):
        ids = np.array([key for key, _ in part], np.int64)
        yield ids[near(hashes_of(b"".join(pdq for _, pdq in part)), asked)]


def _in_blocks(
    session: Session, asked: Hashes, *, after: int, memory: Memory | None
) -> NDArray[np.int64]:
    parts, wanted = [], []
    for number, made_at in session.execute(blocks_after(HASHES), {"after": after}):
        kept = memory.block(HASHES, number, made_at) if memory else None
        if kept:
            parts.append(kept)
        else:
            wanted.append(number)
    found = [_near_in(parts, asked)]
    # So many only while all lists are being made anew: else sixty lie in none.
    for start in range(0, len(wanted), _BLOCKS_AT_ONCE):
        some = wanted[start : start + _BLOCKS_AT_ONCE]
        data = session.scalars(_BLOCK_DATA, {"ids": some})
        found.append(_near_in([read_block(each, key_bytes=HASH_BYTES) for each in data], asked))
    return np.concatenate(found)


def _near_in(
    blocks: Sequence[tuple[NDArray[np.int64], Hashes]], asked: Hashes
) -> NDArray[np.int64]:
    """Return the ids of what in some blocks is near, all compared at once."""
    if not blocks:
        return np.empty(0, np.int64)
    ids, hashes = (np.concatenate(each) for each in zip(*blocks, strict=True))
    return np.asarray(ids[near(hashes, asked)])


def _in_segment(
    session: Session, asked: Hashes, segment: Row[Any], wanted: Lookups, memory: Memory | None
) -> NDArray[np.int64]:
    kept = memory.segment(HASHES, segment.id, segment.ready_at) if memory else None
    if kept and kept.whole:
        # Hardly one of three hundred that the lists leave is near: its row alone is read.
        numbers = kept.whole.near(wanted.pick(kept.lists, wanted.keys), asked)
    else:
        numbers = wanted.pick(*read_lists(session, HASHES, segment.id, wanted.keys))
    return np.asarray(numbers.astype(np.int64) + segment.base_id)


def read_lists(
    session: Session, shelf: Shelf, segment_id: int, keys: NDArray[np.int64]
) -> tuple[Lists, NDArray[np.int64]]:
    """Return the lists of a segment that are looked into, and where in them each key has its own.

    One that is not there is empty.
    """
    wanted, places = np.unique(keys, return_inverse=True)
    wanted += first_list(segment_id)
    dialect = session.get_bind().dialect.name
    asked = {"ids": listed(wanted.tolist(), dialect=dialect)}
    if dialect == "postgresql":
        heads, data = session.execute(_stored_as_one(shelf), asked).one()
        found = np.frombuffer(heads or b"", _HEAD)
        ids, lengths, data = found["id"], found["bytes"], data or b""
    else:
        rows = session.execute(_stored_lists(shelf, dialect), asked).all()
        ids = np.array([key for key, _ in rows], np.int64)
        lengths = np.fromiter((len(each) for _, each in rows), np.int64, len(rows))
        data = b"".join([each for _, each in rows])
    order = np.argsort(ids, kind="stable")
    if len(ids) and (np.diff(order) < 0).any():
        # The database has no reason to give them in another order, nor has it promised not to.
        ends = np.cumsum(lengths)
        data = b"".join([data[ends[n] - lengths[n] : ends[n]] for n in order])
    by_key = np.zeros(len(wanted), np.int64)
    by_key[np.searchsorted(wanted, ids)] = lengths // shelf.entry_bytes
    return Lists(np.concatenate([[0], np.cumsum(by_key)]), shelf.entries_of(data)), places


def _compared(session: Session, asked: Hashes, ids: list[int]) -> list[Found]:
    """Return those of the hashes that really are within 31 bits, read from their own rows."""
    best: dict[UUID, int] = {}
    dialect = session.get_bind().dialect.name
    for start in range(0, len(ids), _ROWS_AT_ONCE):
        part = listed(ids[start : start + _ROWS_AT_ONCE], dialect=dialect)
        rows = session.execute(_stored_hashes(dialect), {"ids": part}).all()
        hashes = hashes_of(b"".join(pdq for _, pdq in rows))
        for place, bits in fewest_bits(hashes, asked).items():
            photo_id = rows[place][0]
            best[photo_id] = min(bits, best.get(photo_id, bits))
    return [Found(photo_id, bits) for photo_id, bits in best.items()]

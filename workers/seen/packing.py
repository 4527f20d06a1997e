"""Packs search keys: rows into blocks, runs of blocks into segments with lists.

Of both kinds, the hashes of whole pictures and the regions (`workers.regions`), which lie on a
shelf each.

The clock does it aside. Whatever is left undone here makes a search slower and never wrong;
every step may die and be done again, and several clocks at once only do some of the work
twice, since all of them would write the same.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
import structlog
from numpy.typing import NDArray
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    String,
    bindparam,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from intake.inserting import insert_if_new, insert_missing
from schemas.database import Database, now_utc
from workers.seen.bands import Hashes
from workers.seen.shelves import SHELVES, Segment, Shelf, first_list

log = structlog.get_logger()

ID_BYTES = 8
# No search takes a hundredth of it.
KEPT_WHEN_RETIRED = timedelta(hours=1)
_LISTS_AT_ONCE = 8_192
_DROPPED_AT_ONCE = 50_000


class Run(NamedTuple):
    """Blocks from the first to the last, both in it."""

    first: int
    last: int

    def shift(self, shelf: Shelf) -> int:
        """Return how many low bits the lists of such a segment leave out."""
        return shelf.shifts[self.last - self.first + 1]


def pack(database: Database, *, now: datetime | None = None) -> int:
    """Pack what came since the last time and return how many blocks were made."""
    before = (now or now_utc()) - KEPT_WHEN_RETIRED
    return sum(_pack_shelf(database, shelf, before) for shelf in SHELVES)


def _pack_shelf(database: Database, shelf: Shelf, before: datetime) -> int:
    made = 0
    while _pack_block(database, shelf):
        made += 1
    for run in _wanted(_count_blocks(database, shelf), shelf):
        _make_segment(database, shelf, run)
    _drop_retired(database, shelf, before=before)
    if made:
        log.info("hashes_packed", shelf=shelf.name, blocks=made)
    return made


def _pack_block(database: Database, shelf: Shelf) -> bool:
    """Put the oldest rows that are in no block into the next one; False while they are too few.

    The rows are named one by one: one with a lower id may be committed at this moment, and
    has to stay a row for as long as it is in no block.
    """
    table = shelf.rows
    with database.writing() as session:
        last = session.scalar(select(func.max(shelf.blocks.id))) or 0
        rows = session.execute(
            select(table.c.id, *shelf.columns)
            .where(table.c.block_id.is_(None))
            .order_by(table.c.id)
            .limit(shelf.block)
            .with_for_update()
        ).all()
        if len(rows) < shelf.block:
            return False
        ids, keys = shelf.keys_of(rows)
        data = np.array(ids, "<i8").tobytes() + keys
        block = {"id": last + 1, "hashes": len(ids), "data": data, "made_at": now_utc()}
        if insert_if_new(session, shelf.blocks, [block], conflict=("id",)):
            dialect = session.get_bind().dialect.name
            session.execute(
                update(table)
                .where(among(table.c.id, "ids", dialect=dialect))
                .values(block_id=last + 1),
                {"ids": listed([row[0] for row in rows], dialect=dialect)},
            )
    return True


def among(column: ColumnElement[int], name: str, *, dialect: str) -> ColumnElement[bool]:
    """Return the condition that a column is one of many numbers, given as one parameter."""
    if dialect == "postgresql":
        return column == func.any(bindparam(name, type_=String).cast(ARRAY(BigInteger)))
    listed = func.json_each(bindparam(name, type_=String)).table_valued("value")
    return column.in_(select(listed.c.value.cast(Integer)))


def listed(values: list[int], *, dialect: str) -> str:
    """Return many numbers as the parameter of `among`; a driver takes longer over a list."""
    return f"{{{','.join(map(str, values))}}}" if dialect == "postgresql" else str(values)


def read_block(data: bytes, *, key_bytes: int) -> tuple[NDArray[np.int64], Hashes]:
    """Return the ids and the keys of a block."""
    keys = len(data) // (ID_BYTES + key_bytes)
    ids = np.frombuffer(data, "<i8", count=keys)
    return ids, np.frombuffer(data, np.uint8, offset=ID_BYTES * keys).reshape(-1, key_bytes)


def _count_blocks(database: Database, shelf: Shelf) -> int:
    with database.reading() as session:
        return session.scalar(select(func.max(shelf.blocks.id))) or 0


def _wanted(blocks: int, shelf: Shelf) -> Iterator[Run]:
    """Yield the segments that cover so many blocks, the longest first; a few may be left."""
    first = 1
    for size in sorted(shelf.shifts, reverse=True):
        while first + size - 1 <= blocks:
            yield Run(first, first + size - 1)
            first += size


def _make_segment(database: Database, shelf: Shelf, run: Run) -> None:
    """Write a segment's lists, a band at a time, and then let it take the place of shorter ones."""
    begun = _begin_segment(database, shelf, run)
    if begun is None:
        return
    segment_id, base_id, ids, hashes = begun
    numbers = (ids - base_id).astype(np.uint32)
    shift = run.shift(shelf)
    for band, lists in enumerate(shelf.lists_of(hashes, numbers, shift=shift)):
        (filled,) = np.nonzero(np.diff(lists.starts))
        before = first_list(segment_id) + (band << (shelf.key_bits - shift))
        for start in range(0, len(filled), _LISTS_AT_ONCE):
            rows = [
                {"id": before + number, "data": lists.of(number)}
                for number in filled[start : start + _LISTS_AT_ONCE].tolist()
            ]
            # Not the whole segment at once: on SQLite nobody else writes meanwhile.
            with database.writing() as session:
                insert_missing(session, shelf.lists, rows)
    _finish_segment(database, shelf, segment_id, run)


def _begin_segment(
    database: Database, shelf: Shelf, run: Run
) -> tuple[int, int, NDArray[np.int64], Hashes] | None:
    """Return a segment's id and base with the ids and keys of its blocks; None if it is ready."""
    with database.reading() as session:
        segment = _segment(session, shelf, run)
        if segment is not None and segment.ready_at is not None:
            return None
        blocks = session.scalars(
            select(shelf.blocks.data)
            .where(shelf.blocks.id.between(run.first, run.last))
            .order_by(shelf.blocks.id)
        )
        parts = [read_block(data, key_bytes=shelf.key_bytes) for data in blocks]
    ids, hashes = (np.concatenate(each) for each in zip(*parts, strict=True))
    base_id, last_id = (int(ids.min()), int(ids.max())) if len(ids) else (0, 0)
    if last_id - base_id >= 1 << 32:
        raise ValueError(f"the ids of blocks {run.first} to {run.last} are too far apart")
    with database.writing() as session:
        row = {
            "first_block": run.first, "last_block": run.last, "shift": run.shift(shelf),
            "base_id": base_id, "hashes": len(ids),
        }  # fmt: skip
        insert_if_new(session, shelf.segments, [row], conflict=("first_block", "last_block"))
        begun = _segment(session, shelf, run)
    return (begun.id, base_id, ids, hashes) if begun is not None else None


def _segment(session: Session, shelf: Shelf, run: Run) -> Segment | None:
    return session.scalars(
        select(shelf.segments).where(
            shelf.segments.first_block == run.first, shelf.segments.last_block == run.last
        )
    ).one_or_none()


def _finish_segment(database: Database, shelf: Shelf, segment_id: int, run: Run) -> None:
    moment = now_utc()
    table = shelf.segments
    with database.writing() as session:
        segment = session.get_one(table, segment_id, with_for_update=True)
        segment.ready_at = segment.ready_at or moment
        session.execute(
            update(table)
            .where(
                table.id != segment_id,
                table.first_block >= run.first,
                table.last_block <= run.last,
                table.retired_at.is_(None),
            )
            .values(retired_at=moment)
        )
    log.info(
        "segment_ready", shelf=shelf.name, blocks=run.last - run.first + 1, hashes=segment.hashes
    )


def _drop_retired(database: Database, shelf: Shelf, *, before: datetime) -> None:
    """Remove the lists of segments that went out of use long enough ago, some at a time."""
    with database.reading() as session:
        retired = session.scalars(
            select(shelf.segments).where(shelf.segments.retired_at < before)
        ).all()
    for segment in retired:
        start, end = first_list(segment.id), first_list(segment.id + 1)
        while start < end:
            with database.writing() as session:
                found = session.scalars(
                    select(shelf.lists.id)
                    .where(shelf.lists.id >= start, shelf.lists.id < end)
                    .order_by(shelf.lists.id)
                    .limit(_DROPPED_AT_ONCE)
                ).all()
                start = found[-1] + 1 if found else end
                if found:
                    session.execute(
                        delete(shelf.lists).where(shelf.lists.id.between(found[0], found[-1]))
                    )
        with database.writing() as session:
            session.execute(delete(shelf.segments).where(shelf.segments.id == segment.id))

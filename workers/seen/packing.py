"""Packs hashes for searching: rows into blocks, runs of blocks into segments with lists.

The clock does it aside. Whatever is left undone here makes a search slower and never wrong;
every step may die and be done again, and several clocks at once only do some of the work
twice, since all of them would write the same.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple, cast

import numpy as np
import structlog
from numpy.typing import NDArray
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    String,
    Table,
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
from schemas.tables import HashBlock, HashList, HashSegment, PhotoHash
from workers.fingerprints import HASH_BYTES, MIN_QUALITY
from workers.seen.bands import BAND_BITS, Hashes, hashes_of, lists_of

log = structlog.get_logger()

BLOCK = 1_024
# A segment of so many blocks leaves so many low bits out of its keys, which gives each of
# its lists some thirty hashes or more: many short lists cost more than what they spare.
SHIFTS = {64: 5, 128: 4, 256: 3, 512: 2, 1_024: 1, 2_048: 0, 4_096: 0, 8_192: 0}
ID_BYTES = 8
SEGMENT_BITS = 20
# No search takes a hundredth of it.
KEPT_WHEN_RETIRED = timedelta(hours=1)
_LISTS_AT_ONCE = 8_192
_HASHES = cast(Table, PhotoHash.__table__)
_DROPPED_AT_ONCE = 50_000


class Run(NamedTuple):
    """Blocks from the first to the last, both in it."""

    first: int
    last: int

    @property
    def shift(self) -> int:
        """How many low bits the lists of such a segment leave out."""
        return SHIFTS[self.last - self.first + 1]


def pack(database: Database, *, now: datetime | None = None) -> int:
    """Pack what came since the last time and return how many blocks were made."""
    made = 0
    while _pack_block(database):
        made += 1
    for run in _wanted(_count_blocks(database)):
        _make_segment(database, run)
    _drop_retired(database, before=(now or now_utc()) - KEPT_WHEN_RETIRED)
    if made:
        log.info("hashes_packed", blocks=made)
    return made


def _pack_block(database: Database) -> bool:
    """Put the oldest rows that are in no block into the next one; False while they are too few.

    The rows are named one by one: one with a lower id may be committed at this moment, and
    has to stay a row for as long as it is in no block.
    """
    with database.writing() as session:
        last = session.scalar(select(func.max(HashBlock.id))) or 0
        rows = session.execute(
            select(PhotoHash.id, PhotoHash.pdq, PhotoHash.quality)
            .where(PhotoHash.block_id.is_(None))
            .order_by(PhotoHash.id)
            .limit(BLOCK)
            .with_for_update()
        ).all()
        if len(rows) < BLOCK:
            return False
        good = [(key, pdq) for key, pdq, quality in rows if quality >= MIN_QUALITY]
        data = np.array([key for key, _ in good], "<i8").tobytes() + b"".join(
            pdq for _, pdq in good
        )
        block = {"id": last + 1, "hashes": len(good), "data": data, "made_at": now_utc()}
        if insert_if_new(session, HashBlock, [block], conflict=("id",)):
            dialect = session.get_bind().dialect.name
            session.execute(
                update(_HASHES)
                .where(among(_HASHES.c.id, "ids", dialect=dialect))
                .values(block_id=last + 1),
                {"ids": listed([key for key, *_ in rows], dialect=dialect)},
            )
    return True


def among(column: ColumnElement[int], name: str, *, dialect: str) -> ColumnElement[bool]:
    """Return the condition that a column is one of many numbers, given as one parameter."""
    if dialect == "postgresql":
        return column == func.any(bindparam(name, type_=ARRAY(BigInteger)))
    listed = func.json_each(bindparam(name, type_=String)).table_valued("value")
    return column.in_(select(listed.c.value.cast(Integer)))


def listed(values: list[int], *, dialect: str) -> list[int] | str:
    """Return many numbers as the parameter of `among`."""
    return values if dialect == "postgresql" else str(values)


def read_block(data: bytes) -> tuple[NDArray[np.int64], Hashes]:
    """Return the ids and the hashes of a block."""
    hashes = len(data) // (ID_BYTES + HASH_BYTES)
    ids = np.frombuffer(data, "<i8", count=hashes)
    return ids, hashes_of(data[ID_BYTES * hashes :])


def _count_blocks(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.max(HashBlock.id))) or 0


def _wanted(blocks: int) -> Iterator[Run]:
    """Yield the segments that cover so many blocks, the longest first; a few blocks are left."""
    first = 1
    for size in sorted(SHIFTS, reverse=True):
        while first + size - 1 <= blocks:
            yield Run(first, first + size - 1)
            first += size


def _make_segment(database: Database, run: Run) -> None:
    """Write a segment's lists, a band at a time, and then let it take the place of shorter ones."""
    begun = _begin_segment(database, run)
    if begun is None:
        return
    segment_id, base_id, ids, hashes = begun
    numbers = (ids - base_id).astype(np.uint32)
    for band, lists in enumerate(lists_of(hashes, numbers, shift=run.shift)):
        (filled,) = np.nonzero(np.diff(lists.starts))
        before = first_list(segment_id) + (band << (BAND_BITS - run.shift))
        for start in range(0, len(filled), _LISTS_AT_ONCE):
            rows = [
                {"id": before + number, "data": lists.of(number)}
                for number in filled[start : start + _LISTS_AT_ONCE].tolist()
            ]
            # Not the whole segment at once: on SQLite nobody else writes meanwhile.
            with database.writing() as session:
                insert_missing(session, HashList, rows)
    _finish_segment(database, segment_id, run)


def first_list(segment_id: int) -> int:
    """Return the id of a segment's first list."""
    return segment_id << SEGMENT_BITS


def _begin_segment(
    database: Database, run: Run
) -> tuple[int, int, NDArray[np.int64], Hashes] | None:
    """Return a segment's id and base with the ids and hashes of its blocks; None if it is ready."""
    with database.reading() as session:
        segment = _segment(session, run)
        if segment is not None and segment.ready_at is not None:
            return None
        blocks = session.scalars(
            select(HashBlock.data)
            .where(HashBlock.id.between(run.first, run.last))
            .order_by(HashBlock.id)
        )
        parts = [read_block(data) for data in blocks]
    ids, hashes = (np.concatenate(each) for each in zip(*parts, strict=True))
    base_id, last_id = (int(ids.min()), int(ids.max())) if len(ids) else (0, 0)
    if last_id - base_id >= 1 << 32:
        raise ValueError(f"the ids of blocks {run.first} to {run.last} are too far apart")
    with database.writing() as session:
        row = {
            "first_block": run.first, "last_block": run.last, "shift": run.shift,
            "base_id": base_id, "hashes": len(ids),
        }  # fmt: skip
        insert_if_new(session, HashSegment, [row], conflict=("first_block", "last_block"))
        begun = _segment(session, run)
    return (begun.id, base_id, ids, hashes) if begun is not None else None


def _segment(session: Session, run: Run) -> HashSegment | None:
    return session.scalars(
        select(HashSegment).where(
            HashSegment.first_block == run.first, HashSegment.last_block == run.last
        )
    ).one_or_none()


def _finish_segment(database: Database, segment_id: int, run: Run) -> None:
    moment = now_utc()
    with database.writing() as session:
        segment = session.get_one(HashSegment, segment_id, with_for_update=True)
        segment.ready_at = segment.ready_at or moment
        session.execute(
            update(HashSegment)
            .where(
                HashSegment.id != segment_id,
                HashSegment.first_block >= run.first,
                HashSegment.last_block <= run.last,
                HashSegment.retired_at.is_(None),
            )
            .values(retired_at=moment)
        )
    log.info("segment_ready", blocks=run.last - run.first + 1, hashes=segment.hashes)


def _drop_retired(database: Database, *, before: datetime) -> None:
    """Remove the lists of segments that went out of use long enough ago, some at a time."""
    with database.reading() as session:
        retired = session.scalars(select(HashSegment).where(HashSegment.retired_at < before)).all()
    for segment in retired:
        start, end = first_list(segment.id), first_list(segment.id + 1)
        while start < end:
            with database.writing() as session:
                found = session.scalars(
                    select(HashList.id)
                    .where(HashList.id >= start, HashList.id < end)
                    .order_by(HashList.id)
                    .limit(_DROPPED_AT_ONCE)
                ).all()
                start = found[-1] + 1 if found else end
                if found:
                    session.execute(
                        delete(HashList).where(HashList.id.between(found[0], found[-1]))
                    )
        with database.writing() as session:
            session.execute(delete(HashSegment).where(HashSegment.id == segment.id))

"""Blocks and segments kept in memory, for a search that hardly asks the database.

Both never change and what is not kept is read from SQL, so that nothing here can make an
answer wrong: a process that has not followed for a day answers the same, only slower. A
worker keeps them before it forks, and its children share the pages.
"""

import time
from datetime import datetime

import numpy as np
import structlog
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from schemas.tables import HashBlock, HashList, HashSegment
from workers.seen.bands import BAND_BITS, BANDS, ENTRY_BYTES, Hashes, Lists, entries_of
from workers.seen.packing import first_list, read_block

log = structlog.get_logger()

_LISTS_AT_ONCE = 20_000


class Memory:
    """What one process keeps: the blocks that are in no segment, and the segments."""

    def __init__(self) -> None:
        self._blocks: dict[int, tuple[NDArray[np.int64], Hashes]] = {}
        # A restored database may give a number again.
        self._segments: dict[tuple[int, datetime | None], Lists] = {}

    def block(self, number: int) -> tuple[NDArray[np.int64], Hashes] | None:
        """Return a block's ids and hashes, None where it is not kept."""
        return self._blocks.get(number)

    def segment(self, segment_id: int, ready_at: datetime | None) -> Lists | None:
        """Return all lists of a segment, None where it is not kept."""
        return self._segments.get((segment_id, ready_at))

    @property
    def size_bytes(self) -> int:
        """How much is kept."""
        lists = sum(each.starts.nbytes + each.entries.nbytes for each in self._segments.values())
        return lists + sum(ids.nbytes + hashes.nbytes for ids, hashes in self._blocks.values())

    def follow(self, session: Session) -> None:
        """Read what became ready since the last time, and let go what went out of use."""
        begin = time.monotonic()
        segments = session.scalars(
            select(HashSegment)
            .where(HashSegment.ready_at.is_not(None), HashSegment.retired_at.is_(None))
            .order_by(HashSegment.first_block)
        ).all()
        wanted = {(segment.id, segment.ready_at): segment for segment in segments}
        for key in self._segments.keys() - wanted.keys():
            del self._segments[key]
        fresh = wanted.keys() - self._segments.keys()
        for key in fresh:
            self._segments[key] = _read_segment(session, wanted[key])
        covered = max((segment.last_block for segment in segments), default=0)
        self._follow_blocks(session, after=covered)
        if fresh:
            log.info(
                "photo_index_read",
                segments=len(wanted),
                mb=self.size_bytes >> 20,
                duration_s=round(time.monotonic() - begin, 1),
            )

    def _follow_blocks(self, session: Session, *, after: int) -> None:
        numbers = set(session.scalars(select(HashBlock.id).where(HashBlock.id > after)))
        for number in self._blocks.keys() - numbers:
            del self._blocks[number]
        fresh = numbers - self._blocks.keys()
        rows = session.execute(
            select(HashBlock.id, HashBlock.data).where(HashBlock.id.in_(sorted(fresh)))
        )
        self._blocks |= {number: read_block(data) for number, data in rows}


def _read_segment(session: Session, segment: HashSegment) -> Lists:
    """Return all lists of a segment, which stand in its table in the order of their keys."""
    lengths = np.zeros(BANDS << (BAND_BITS - segment.shift), np.int64)
    entries = np.empty(BANDS * segment.hashes, np.uint64)
    before, filled = first_list(segment.id), 0
    rows = session.execute(
        select(HashList.id, HashList.data)
        .where(HashList.id >= before, HashList.id < first_list(segment.id + 1))
        .order_by(HashList.id),
        execution_options={"yield_per": _LISTS_AT_ONCE},
    )
    for part in rows.partitions():
        data = entries_of(b"".join(data for _, data in part))
        entries[filled : filled + len(data)] = data
        filled += len(data)
        keys = np.array([key for key, _ in part], np.int64) - before
        lengths[keys] = [len(data) // ENTRY_BYTES for _, data in part]
    return Lists(np.concatenate([[0], np.cumsum(lengths)]), entries)

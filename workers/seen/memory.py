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

from workers.seen.bands import Hashes, Lists
from workers.seen.packing import read_block
from workers.seen.shelves import SHELVES, Segment, Shelf, first_list

log = structlog.get_logger()

_LISTS_AT_ONCE = 20_000


class Memory:
    """What one process keeps: the blocks that are in no segment, and the segments."""

    def __init__(self) -> None:
        self._blocks: dict[tuple[str, int], tuple[NDArray[np.int64], Hashes]] = {}
        # A restored database may give a number again.
        self._segments: dict[tuple[str, int, datetime | None], Lists] = {}

    def block(self, shelf: Shelf, number: int) -> tuple[NDArray[np.int64], Hashes] | None:
        """Return a block's ids and hashes, None where it is not kept."""
        return self._blocks.get((shelf.name, number))

    def segment(self, shelf: Shelf, segment_id: int, ready_at: datetime | None) -> Lists | None:
        """Return all lists of a segment, None where it is not kept."""
        return self._segments.get((shelf.name, segment_id, ready_at))

    @property
    def size_bytes(self) -> int:
        """How much is kept."""
        lists = sum(each.starts.nbytes + each.entries.nbytes for each in self._segments.values())
        return lists + sum(ids.nbytes + hashes.nbytes for ids, hashes in self._blocks.values())

    def follow(self, session: Session) -> None:
        """Read what became ready since the last time, and let go what went out of use."""
        for shelf in SHELVES:
            self._follow(session, shelf)

    def _follow(self, session: Session, shelf: Shelf) -> None:
        begin, table = time.monotonic(), shelf.segments
        segments = session.scalars(
            select(table)
            .where(table.ready_at.is_not(None), table.retired_at.is_(None))
            .order_by(table.first_block)
        ).all()
        wanted = {(shelf.name, segment.id, segment.ready_at): segment for segment in segments}
        kept = {key for key in self._segments if key[0] == shelf.name}
        for key in kept - wanted.keys():
            del self._segments[key]
        fresh = wanted.keys() - kept
        for key in fresh:
            self._segments[key] = _read_segment(session, shelf, wanted[key])
        covered = max((segment.last_block for segment in segments), default=0)
        self._follow_blocks(session, shelf, after=covered)
        if fresh:
            log.info(
                "photo_index_read",
                shelf=shelf.name,
                segments=len(wanted),
                mb=self.size_bytes >> 20,
                duration_s=round(time.monotonic() - begin, 1),
            )

    def _follow_blocks(self, session: Session, shelf: Shelf, *, after: int) -> None:
        table = shelf.blocks
        numbers = set(session.scalars(select(table.id).where(table.id > after)))
        kept = {number for name, number in self._blocks if name == shelf.name}
        for number in kept - numbers:
            del self._blocks[shelf.name, number]
        rows = session.execute(
            select(table.id, table.data).where(table.id.in_(sorted(numbers - kept)))
        )
        for number, data in rows:
            self._blocks[shelf.name, number] = read_block(data, key_bytes=shelf.key_bytes)


def _read_segment(session: Session, shelf: Shelf, segment: Segment) -> Lists:
    """Return all lists of a segment, which stand in its table in the order of their keys."""
    table = shelf.lists
    lengths = np.zeros(shelf.bands << (shelf.key_bits - segment.shift), np.int64)
    entries = shelf.entries_of(bytes(shelf.entry_bytes * shelf.bands * segment.hashes)).copy()
    before, filled = first_list(segment.id), 0
    rows = session.execute(
        select(table.id, table.data)
        .where(table.id >= before, table.id < first_list(segment.id + 1))
        .order_by(table.id),
        execution_options={"yield_per": _LISTS_AT_ONCE},
    )
    for part in rows.partitions():
        data = shelf.entries_of(b"".join(data for _, data in part))
        entries[filled : filled + len(data)] = data
        filled += len(data)
        keys = np.array([key for key, _ in part], np.int64) - before
        lengths[keys] = [len(data) // shelf.entry_bytes for _, data in part]
    return Lists(np.concatenate([[0], np.cumsum(lengths)]), entries)

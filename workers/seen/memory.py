"""Blocks and segments kept in memory, for a search that hardly asks the database.

Both never change and what is not kept is read from SQL, so that nothing here can make an
answer wrong: a process that has not followed for a day answers the same, only slower. A
worker keeps them before it forks, and its children share the pages.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray
from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from workers.seen.bands import Hashes, Lists, near
from workers.seen.packing import read_block
from workers.seen.shelves import SHELVES, Shelf, blocks_after, first_list, ready_segments

log = structlog.get_logger()

_LISTS_AT_ONCE, _BLOCKS_AT_ONCE = 20_000, 256
# Sixteen times those that no segment covers, but while all lists are being made anew.
_MOST_BLOCKS = 1_024
# Of what shelf, its number, and when it was made: a restored database may give a number again.
_Key = tuple[str, int, datetime | None]


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """All hashes of a segment, sorted by the `numbers` by which its lists name them."""

    numbers: NDArray[np.uint32]
    hashes: Hashes

    def near(self, numbers: NDArray[np.uint32], asked: Hashes) -> NDArray[np.uint32]:
        """Return which of these hashes are within 31 bits of one that is asked for."""
        # Of two rows that were given one id, the later is the one that is there.
        places = np.searchsorted(self.numbers, numbers, side="right") - 1
        return np.asarray(numbers[near(self.hashes[places], asked)])


@dataclass(frozen=True, slots=True, eq=False)
class KeptSegment:
    """All lists of a segment, and what they name."""

    lists: Lists
    whole: Whole | None

    @property
    def size_bytes(self) -> int:
        """How much is kept."""
        size = self.lists.starts.nbytes + self.lists.entries.nbytes
        return size + (self.whole.numbers.nbytes + self.whole.hashes.nbytes if self.whole else 0)


class Memory:
    """What one process keeps: the blocks that are in no segment, and segments, so far as they fit.

    `most_bytes` bounds all that is kept.
    """

    def __init__(self, most_bytes: float = math.inf) -> None:
        self.most_bytes = most_bytes
        self._blocks: dict[_Key, tuple[NDArray[np.int64], Hashes]] = {}
        self._segments: dict[_Key, KeptSegment] = {}

    def block(
        self, shelf: Shelf, number: int, made_at: datetime
    ) -> tuple[NDArray[np.int64], Hashes] | None:
        """Return a block's ids and hashes, None where it is not kept."""
        return self._blocks.get((shelf.name, number, made_at))

    def segment(
        self, shelf: Shelf, segment_id: int, ready_at: datetime | None
    ) -> KeptSegment | None:
        """Return a segment, None where it is not kept."""
        return self._segments.get((shelf.name, segment_id, ready_at))

    @property
    def size_bytes(self) -> int:
        """How much is kept."""
        return self._blocks_bytes() + sum(each.size_bytes for each in self._segments.values())

    def _blocks_bytes(self) -> int:
        return sum(ids.nbytes + hashes.nbytes for ids, hashes in self._blocks.values())

    def follow(self, session: Session) -> None:
        """Read what became ready since the last time, and let go what went out of use.

        Raises ValueError for lists or blocks that are not all there.
        """
        begin = time.monotonic()
        ready: dict[_Key, tuple[Shelf, Row[Any]]] = {}
        for shelf in SHELVES:
            segments = session.execute(ready_segments(shelf)).all()
            ready |= {(shelf.name, each.id, each.ready_at): (shelf, each) for each in segments}
            covered = max((segment.last_block for segment in segments), default=0)
            self._follow_blocks(session, shelf, after=covered)
        wanted = self._that_fit(ready)
        for key in self._segments.keys() - wanted:
            del self._segments[key]
        fresh = wanted - self._segments.keys()
        for key in fresh:
            self._segments[key] = _read_segment(session, *ready[key])
        if fresh:
            log.info(
                "photo_index_read",
                segments=len(wanted),
                left_in_sql=len(ready) - len(wanted),
                mb=self.size_bytes >> 20,
                duration_s=round(time.monotonic() - begin, 1),
            )

    def _that_fit(self, ready: Mapping[_Key, tuple[Shelf, Row[Any]]]) -> set[_Key]:
        """Return the segments to keep, the shortest first: each spares about as many lookups."""
        sizes = {key: _size_bytes(*each) for key, each in ready.items()}
        shortest = sorted(sizes, key=lambda key: sizes[key])
        ends = accumulate((sizes[key] for key in shortest), initial=self._blocks_bytes())
        next(ends)
        return {key for key, end in zip(shortest, ends, strict=True) if end <= self.most_bytes}

    def _follow_blocks(self, session: Session, shelf: Shelf, *, after: int) -> None:
        table = shelf.blocks
        rows = session.execute(blocks_after(shelf), {"after": after})
        wanted = [(shelf.name, number, made_at) for number, made_at in rows][:_MOST_BLOCKS]
        kept = {key for key in self._blocks if key[0] == shelf.name}
        for key in kept.difference(wanted):
            del self._blocks[key]
        left = self.most_bytes - self._blocks_bytes()
        for key in wanted:
            if key not in kept and left > 0:
                data = session.scalars(select(table.data).where(table.id == key[1])).one()
                left -= len(data)
                if left >= 0:
                    self._blocks[key] = read_block(data, key_bytes=shelf.key_bytes)


def _size_bytes(shelf: Shelf, segment: Row[Any]) -> int:
    """Return what a segment will take: its lists, their beginnings, and what they name."""
    a_hash = shelf.bands * shelf.entry_bytes + (4 + shelf.key_bytes if shelf.kept_whole else 0)
    lists = shelf.bands << (shelf.key_bits - segment.shift)
    return int(segment.hashes * a_hash + 8 * (lists + 1))


def _read_segment(session: Session, shelf: Shelf, segment: Row[Any]) -> KeptSegment:
    return KeptSegment(
        _read_lists(session, shelf, segment),
        _read_whole(session, shelf, segment) if shelf.kept_whole else None,
    )


def _read_whole(session: Session, shelf: Shelf, segment: Row[Any]) -> Whole:
    """Return the hashes that a segment's lists name, from its blocks."""
    numbers = np.empty(segment.hashes, np.uint32)
    hashes, filled = np.empty((segment.hashes, shelf.key_bytes), np.uint8), 0
    blocks = session.scalars(
        select(shelf.blocks.data)
        .where(shelf.blocks.id.between(segment.first_block, segment.last_block))
        .order_by(shelf.blocks.id),
        execution_options={"yield_per": _BLOCKS_AT_ONCE},
    )
    for data in blocks:
        ids, keys = read_block(data, key_bytes=shelf.key_bytes)
        numbers[filled : filled + len(ids)] = ids - segment.base_id
        hashes[filled : filled + len(ids)] = keys
        filled += len(ids)
    _check_all_there(shelf, segment, filled)
    if (numbers[1:] < numbers[:-1]).any():
        # What was committed late lies in a later block, whatever its id.
        order = np.argsort(numbers, kind="stable")
        numbers, hashes = numbers[order], hashes[order]
    return Whole(numbers, hashes)


def _read_lists(session: Session, shelf: Shelf, segment: Row[Any]) -> Lists:
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
    _check_all_there(shelf, segment, filled / shelf.bands)
    return Lists(np.concatenate([[0], np.cumsum(lengths)]), entries)


def _check_all_there(shelf: Shelf, segment: Row[Any], found: float) -> None:
    if found != segment.hashes:
        raise ValueError(
            f"segment {segment.id} of {shelf.name} has {segment.hashes} keys, {found:g} were found"
        )

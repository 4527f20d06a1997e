"""Where the search keys of each kind lie, and in what form: one shelf each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Column, Select, Table, bindparam, select

from schemas.tables import (
    HashBlock,
    HashList,
    HashSegment,
    PhotoHash,
    PhotoRegions,
    RegionBlock,
    RegionList,
    RegionSegment,
)
from workers.fingerprints import HASH_BYTES, MIN_QUALITY
from workers.regions import finding, listing
from workers.seen.bands import BAND_BITS, BANDS, ENTRY_BYTES, Lists, entries_of, lists_of

SEGMENT_BITS = 20
Block = type[HashBlock] | type[RegionBlock]
Segment = HashSegment | RegionSegment


@dataclass(frozen=True, eq=False, kw_only=True)
class Shelf:
    """Where the search keys of one kind lie, and in what form.

    `block` rows go into a block. `keys_of` returns of rows (id, then `columns`) the ids, one
    for each key, and the keys, `key_bytes` each. `shifts` says how long segments are, in
    blocks, and how many low bits of the `key_bits` of each of the `bands` their lists leave
    out: as many as give each list some thirty entries, since many short ones cost more than
    what they spare. `lists_of` yields the lists of each band in turn, as
    `workers.seen.bands.lists_of` does; `kept_whole` says whether memory keeps the keys beside
    the lists.
    """

    name: str
    rows: Table
    columns: Sequence[Column[Any]]
    blocks: Any
    segments: Any
    lists: Any
    block: int
    shifts: Mapping[int, int]
    keys_of: Callable[[Sequence[Any]], tuple[list[int], bytes]]
    key_bytes: int
    bands: int
    key_bits: int
    entry_bytes: int
    kept_whole: bool
    entries_of: Callable[[bytes], NDArray[np.uint64]]
    lists_of: Callable[..., Iterator[Lists]]


@cache
def ready_segments(shelf: Shelf) -> Select[Any]:
    """Return the statement for the segments that are in use, in the order of their blocks."""
    table = shelf.segments.__table__
    return (
        select(table)
        .where(table.c.ready_at.is_not(None), table.c.retired_at.is_(None))
        .order_by(table.c.first_block)
    )


@cache
def blocks_after(shelf: Shelf) -> Select[Any]:
    """Return the statement for number and making of the blocks after `after`, in their order."""
    table = shelf.blocks.__table__
    return (
        select(table.c.id, table.c.made_at)
        .where(table.c.id > bindparam("after"))
        .order_by(table.c.id)
    )


def first_list(segment_id: int) -> int:
    """Return the id of a segment's first list."""
    return segment_id << SEGMENT_BITS


def _good_hashes(rows: Sequence[Any]) -> tuple[list[int], bytes]:
    good = [(key, pdq) for key, pdq, quality in rows if quality >= MIN_QUALITY]
    return [key for key, _ in good], b"".join(pdq for _, pdq in good)


def _stored_regions(rows: Sequence[Any]) -> tuple[list[int], bytes]:
    size = finding.REGION.itemsize
    # All at once: a thousand rows one by one cost more than all the comparing.
    stored_ones = b"".join(data[: stored * size] for _, stored, data in rows)
    counts = [min(stored, len(data) // size) for _, stored, data in rows]
    ids = np.repeat(np.array([key for key, _, _ in rows], np.int64), counts)
    return ids.tolist(), np.frombuffer(stored_ones, finding.REGION)["hash"].tobytes()


_HASHES, _REGIONS = cast(Table, PhotoHash.__table__), cast(Table, PhotoRegions.__table__)
HASHES = Shelf(
    name="hashes",
    rows=_HASHES,
    columns=(_HASHES.c.pdq, _HASHES.c.quality),
    blocks=HashBlock,
    segments=HashSegment,
    lists=HashList,
    block=1_024,
    shifts={64: 5, 128: 4, 256: 3, 512: 2, 1_024: 1, 2_048: 0, 4_096: 0, 8_192: 0},
    keys_of=_good_hashes,
    key_bytes=HASH_BYTES,
    bands=BANDS,
    key_bits=BAND_BITS,
    entry_bytes=ENTRY_BYTES,
    kept_whole=True,
    entries_of=entries_of,
    lists_of=lists_of,
)
REGIONS = Shelf(
    name="regions",
    rows=_REGIONS,
    columns=(_REGIONS.c.stored, _REGIONS.c.data),
    blocks=RegionBlock,
    segments=RegionSegment,
    lists=RegionList,
    block=1_024,
    shifts={1 << size: max(0, 11 - size) for size in range(14)},
    keys_of=_stored_regions,
    key_bytes=finding.HASH_BYTES,
    bands=1,
    key_bits=finding.KEY_BITS,
    entry_bytes=listing.ENTRY_BYTES,
    # A photo's regions are judged by their places as well, which are in its row alone.
    kept_whole=False,
    entries_of=listing.entries_of,
    lists_of=listing.lists_of,
)
SHELVES = (HASHES, REGIONS)

"""How regions are listed and looked up by their first bits; pure arithmetic.

A region lies in one list, and is looked for in that of its own bits and in those that it would
be in if one of its doubtful bits were the other way. That misses some: of 150 photos' copies it
found 91 in a hundred within 18 bits where comparing all found 93 (crops passed on twice by a
messenger), and 53 where that found 59 (tilted by 5°). What follows in the list tells strangers
apart before anything is read.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.flat import within
from workers.regions.finding import KEY_BITS, Regions
from workers.seen.bands import Entries, Hashes, Lists

# Whose it is (32 bits), and the bits from the 16th to the 112th.
ENTRY_BYTES, FOLLOWING = 16, slice(2, 14)
# What so many regions begin with tells nothing: not looked into, whatever the cost.
MOST_LISTED = 20_000


def entries_of(data: bytes) -> Entries:
    """Return stored entries, two numbers each."""
    return np.frombuffer(data, "<u8").reshape(-1, 2)


def lists_of(hashes: Hashes, numbers: NDArray[np.uint32], *, shift: int) -> Iterator[Lists]:
    """Yield the lists of the regions, in one band; `numbers` say whose they are."""
    keys = _keys(hashes) >> shift
    order = np.argsort(keys, kind="stable")
    ends = np.cumsum(np.bincount(keys, minlength=1 << (KEY_BITS - shift)))
    yield Lists(np.concatenate([[0], ends]), _entries(hashes, numbers)[order])


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """Stored regions near to asked ones: which was asked, whose was found, how many bits apart."""

    asked: NDArray[np.int64]
    owners: NDArray[np.int64]
    bits: NDArray[np.int64]


def joined(parts: list[Near]) -> Near:
    """Return all of what was found in several places."""
    return Near(
        *(
            np.concatenate([np.empty(0, np.int64), *(getattr(each, name) for each in parts)])
            for name in ("asked", "owners", "bits")
        )
    )


@dataclass(frozen=True, slots=True, eq=False)
class Lookups:
    """Which lists to look into: an entry a list and asked region.

    `keys` number the lists, `asked` the regions; `turned` are the bits (0 or 1) by which a
    list's key differs from the region's own.
    """

    keys: NDArray[np.int64]
    asked: NDArray[np.int64]
    turned: NDArray[np.uint8]
    following: Entries

    def pick(self, lists: Lists, places: NDArray[np.int64], *, most_bits: int) -> Near:
        """Return what in the lists is near; `places` says where each key's list is."""
        starts = lists.starts[places]
        lengths = lists.starts[places + 1] - starts
        lengths = np.where(lengths > MOST_LISTED, 0, lengths)
        ends = np.cumsum(lengths)
        total = int(ends[-1]) if len(ends) else 0
        at = np.arange(total) + np.repeat(starts - (ends - lengths), lengths)
        which = np.repeat(np.arange(len(places)), lengths)
        # Half of the bits rules out nearly all; the other half is counted of what it leaves.
        following = self.following[self.asked]
        bits = self.turned[which]
        bits += np.bitwise_count(lists.entries[:, 1][at] ^ following[:, 1][which])
        (left,) = np.nonzero(bits <= most_bits)
        at, which, bits = at[left], which[left], bits[left]
        upper = np.uint64(32)
        first = lists.entries[:, 0][at]
        bits += np.bitwise_count((first ^ following[:, 0][which]) >> upper)
        (found,) = np.nonzero(bits <= most_bits)
        owners = first[found].astype(np.uint32).astype(np.int64)
        return Near(self.asked[which[found]], owners, bits[found].astype(np.int64))


def lookups(regions: Regions, *, shift: int) -> Lookups:
    """Return which lists of a segment of this shift may hold what is near to the regions."""
    hashes = np.ascontiguousarray(regions["hash"])
    own = _keys(hashes)
    turns = np.array([0, *(1 << bit for bit in range(shift, KEY_BITS))], np.int64)
    doubtful = regions["doubtful"].astype(np.int64) >> (32 - KEY_BITS)
    tried = (doubtful[:, None] & turns) == turns
    asked, which = np.nonzero(tried)
    keys = (own[asked] ^ turns[which]) >> shift
    nobody = np.zeros(len(hashes), np.uint32)
    return Lookups(keys, asked, (which > 0).astype(np.uint8), _entries(hashes, nobody))


def compared(
    hashes: Hashes, owners: NDArray[np.int64], regions: Regions, *, most_bits: int
) -> Near:
    """Return which of some regions are near, all of them compared."""
    found = within(hashes, regions["hash"], most_bits=most_bits)
    return Near(found.asked, owners[found.stored], found.bits)


def _keys(hashes: Hashes) -> NDArray[np.int64]:
    """Return the first bits of each region as a number."""
    first = np.ascontiguousarray(hashes[:, :4]).view(">u4").ravel().astype(np.int64)
    return first >> (32 - KEY_BITS)


def _entries(hashes: Hashes, numbers: NDArray[np.uint32]) -> Entries:
    following = np.ascontiguousarray(hashes[:, FOLLOWING]).view("<u4").astype(np.uint64)
    upper = np.uint64(32)
    entries = np.empty((len(hashes), 2), np.uint64)
    entries[:, 0] = following[:, 0] << upper | numbers.astype(np.uint64)
    entries[:, 1] = following[:, 1] << upper | following[:, 2]
    return entries

"""How a hash within 31 bits is found without looking at all of them; pure arithmetic.

A hash is a ring of sixteen bands of sixteen bits. Thirty-one different bits over sixteen
bands leave one band from which on every run of n bands differs by at most ⌊31 n ⁄ 16⌋ bits
(the strong form of the pigeonring principle: Qin, Xiao, “Pigeonring: A Principle for Faster
Thresholded Similarity Search”, PVLDB 12(1), 2018): that band by at most one bit, it and the
next by three, these and the third by five. So each band is looked up as it is and with each
of its bits turned, and nearly all that is found there is thrown out by the three bytes that
follow it, before anything is compared whole.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.fingerprints import HASH_BYTES, MAX_DISTANCE

BANDS, BAND_BITS = 16, 16
# What a run of one, two and three bands may differ by.
_RUNS = tuple(MAX_DISTANCE * bands // BANDS for bands in (1, 2, 3))
# A list's key keeps a band's upper byte at least; the rest of the band follows in the list.
MAX_SHIFT = 8

# Who a hash is, and the four bytes that follow its band's first one.
ENTRY_BYTES = 8

Hashes = NDArray[np.uint8]
# Both halves in one number: taking numbers out of a list is six times as fast as taking pairs.
Entries = NDArray[np.uint64]


def hashes_of(data: bytes) -> Hashes:
    """Return hashes that stand one after another as rows of 32 bytes."""
    return np.frombuffer(data, np.uint8).reshape(-1, HASH_BYTES)


def near(hashes: Hashes, questions: Hashes) -> NDArray[np.intp]:
    """Return the places of the hashes that are within 31 bits of one of the questions."""
    words = hashes.view(np.uint64)
    found = []
    for question in questions.view(np.uint64):
        # Half of a hash tells almost all of them apart, at half of the cost.
        half = sum(np.bitwise_count(words[:, n] ^ question[n]) for n in (0, 1))
        (places,) = np.nonzero(half <= MAX_DISTANCE)
        bits = np.bitwise_count(words[places] ^ question).sum(axis=1, dtype=np.int64)
        found.append(places[bits <= MAX_DISTANCE])
    return np.unique(np.concatenate(found)) if found else np.empty(0, np.intp)


def fewest_bits(hashes: Hashes, questions: Hashes) -> list[int]:
    """Return by how many bits each hash differs from the nearest of the questions."""
    words, fewest = hashes.view(np.uint64), np.full(len(hashes), 8 * HASH_BYTES, np.int64)
    for question in questions.view(np.uint64):
        bits = np.bitwise_count(words ^ question).sum(axis=1, dtype=np.int64)
        np.minimum(fewest, bits, out=fewest)
    return [int(bits) for bits in fewest]


def entries_of(data: bytes) -> Entries:
    """Return stored entries: who it is in the lower half, what follows in the upper one."""
    return np.frombuffer(data, "<u8")


def lists_of(hashes: Hashes, numbers: NDArray[np.uint32], *, shift: int) -> Iterator["Lists"]:
    """Yield the lists of each of the sixteen bands in turn; `numbers` say who the hashes are."""
    for band in range(BANDS):
        keys = _keys(hashes, band) >> shift
        order = np.argsort(keys, kind="stable")
        entries = _following(hashes, band).astype("<u8") << np.uint64(32) | numbers
        entries = entries[order]
        ends = np.cumsum(np.bincount(keys, minlength=1 << (BAND_BITS - shift)))
        yield Lists(np.concatenate([[0], ends]), entries)


@dataclass(frozen=True, slots=True)
class Lists:
    """Lists that stand one after another in `entries`; the n-th begins at `starts[n]`.

    An entry is who the hash is and the four bytes that follow its band's first one.
    """

    starts: NDArray[np.int64]
    entries: Entries

    def of(self, number: int) -> bytes:
        """Return one list as it is stored."""
        return self.entries[self.starts[number] : self.starts[number + 1]].tobytes()


@dataclass(frozen=True, slots=True)
class Lookups:
    """Which lists to look into, and what must follow there; one entry a question and list.

    `keys` number the lists of a segment: band × 2^(16 − shift) + the upper bits.
    `following` are the question's own four bytes, `apart` by how many of its upper eight
    bits a list's key differs from the question's.
    """

    keys: NDArray[np.int64]
    following: NDArray[np.uint32]
    apart: NDArray[np.uint8]

    def pick(self, lists: Lists, places: NDArray[np.int64]) -> NDArray[np.uint32]:
        """Return who in the lists may be within 31 bits; `places` says where each key's list is."""
        starts = lists.starts[places]
        lengths = lists.starts[places + 1] - starts
        ends = np.cumsum(lengths)
        total = int(ends[-1]) if len(ends) else 0
        # The places of all entries of all lists, one list after another.
        at = np.arange(total) + np.repeat(starts - (ends - lengths), lengths)
        entries = lists.entries[at]
        differing = (entries >> np.uint64(32)).astype(np.uint32)
        differing ^= np.repeat(self.following, lengths)
        apart = np.repeat(self.apart, lengths)
        fits = apart + np.bitwise_count(differing) <= _RUNS[2]
        fits &= apart + np.bitwise_count(differing >> 8) <= _RUNS[1]
        fits &= apart + np.bitwise_count(differing >> 24) <= _RUNS[0]
        return np.unique(entries[fits].astype(np.uint32))


def lookups(questions: Hashes, *, shift: int) -> Lookups:
    """Return which lists of a segment of this shift hold whatever is within 31 bits."""
    turned = np.array([0, *(1 << bit for bit in range(BAND_BITS - shift))], np.int64)
    keys, following, apart = [], [], []
    for band in range(BANDS):
        own = _keys(questions, band).astype(np.int64)
        asked = (own >> shift)[:, None] ^ turned
        keys.append((asked | band << (BAND_BITS - shift)).ravel())
        following.append(np.repeat(_following(questions, band), len(turned)))
        differing = (asked << shift >> MAX_SHIFT) ^ (own >> MAX_SHIFT)[:, None]
        apart.append(np.bitwise_count(differing).ravel())
    return Lookups(
        np.concatenate(keys), np.concatenate(following), np.concatenate(apart).astype(np.uint8)
    )


def unique_questions(questions: Sequence[bytes]) -> Hashes:
    """Return the questions as rows, each once."""
    return hashes_of(b"".join(dict.fromkeys(questions)))


def _keys(hashes: Hashes, band: int) -> NDArray[np.uint16]:
    """Return one band of each hash as a number."""
    return _bytes(hashes, 2 * band, 2).view(">u2").ravel().astype(np.uint16)


def _following(hashes: Hashes, band: int) -> NDArray[np.uint32]:
    """Return the four bytes of each hash that follow a band's first byte, round the ring."""
    return _bytes(hashes, 2 * band + 1, 4).view(">u4").ravel().astype(np.uint32)


def _bytes(hashes: Hashes, first: int, count: int) -> Hashes:
    columns = np.arange(first, first + count) % HASH_BYTES
    return np.ascontiguousarray(hashes[:, columns])

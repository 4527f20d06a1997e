"""How a hash within 31 bits is found without looking at all of them; pure arithmetic.

A hash is a ring of sixteen bands of sixteen bits. Thirty-one different bits over sixteen
bands leave one band from which on every run of n bands differs by at most ⌊31 n ⁄ 16⌋ bits
(the strong form of the pigeonring principle: Qin, Xiao, “Pigeonring: A Principle for Faster
Thresholded Similarity Search”, PVLDB 12(1), 2018): that band by at most one bit, it and the
next by three, these and the third by five. So each band is looked up as it is and with each
of its bits turned, and nearly all that is found there is thrown out by the three bytes that
follow it, before anything is compared whole.

Which bits make a band is ours to choose. Mirroring a picture turns the sign of every other
frequency, along an edge or the other: bits that turn together make a band, so that the eight
orientations of a photo look into the same lists as far as they can, which spares three lists
of ten (docs/decisions/2026-11-22-photo-search.md).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.fingerprints import HASH_BYTES, MAX_DISTANCE
from workers.flat import within
from workers.pdq import FREQUENCIES

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


def _bands_bits() -> NDArray[np.intp]:
    """Return where in a hash the bits of the bands stand, band by band."""
    # A hash is one number whose last bit is the lowest frequency, row by row.
    down, across = np.divmod(np.arange(8 * HASH_BYTES)[::-1], FREQUENCIES)
    turns = down % 2 * 2 + across % 2
    by_frequency = np.lexsort((down**2 + across**2, turns))
    # Dealt out to the bands of their kind: low frequencies of a photo go together, and a band of
    # nothing else would have the same few lists for most.
    return by_frequency.reshape(4, -1, BANDS // 4).transpose(0, 2, 1).ravel()


BAND_ORDER = _bands_bits()
_ARRANGED_AT_ONCE = 1 << 16


def _arranged(hashes: Hashes) -> Hashes:
    """Return hashes with their bits in the order of the bands."""
    parts = [
        np.packbits(np.unpackbits(hashes[n : n + _ARRANGED_AT_ONCE], axis=1)[:, BAND_ORDER], axis=1)
        for n in range(0, len(hashes), _ARRANGED_AT_ONCE)
    ]
    return np.concatenate(parts) if parts else hashes


def hashes_of(data: bytes) -> Hashes:
    """Return hashes that stand one after another as rows of 32 bytes."""
    return np.frombuffer(data, np.uint8).reshape(-1, HASH_BYTES)


def near(hashes: Hashes, questions: Hashes) -> NDArray[np.intp]:
    """Return the places of the hashes that are within 31 bits of one of the questions."""
    return np.unique(within(hashes, questions, most_bits=MAX_DISTANCE).stored)


def fewest_bits(hashes: Hashes, questions: Hashes) -> dict[int, int]:
    """Return by how many bits each hash within 31 differs from the nearest question, by place."""
    best: dict[int, int] = {}
    found = within(hashes, questions, most_bits=MAX_DISTANCE)
    for place, bits in zip(found.stored.tolist(), found.bits.tolist(), strict=True):
        best[place] = min(bits, best.get(place, bits))
    return best


def entries_of(data: bytes) -> Entries:
    """Return stored entries: who it is in the lower half, what follows in the upper one."""
    return np.frombuffer(data, "<u8")


def lists_of(hashes: Hashes, numbers: NDArray[np.uint32], *, shift: int) -> Iterator["Lists"]:
    """Yield the lists of each of the sixteen bands in turn; `numbers` say who the hashes are."""
    hashes = _arranged(hashes)
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
        # The first byte alone rules out nearly all; the others are counted of what it leaves.
        (left,) = np.nonzero(apart + np.bitwise_count(differing >> 24) <= _RUNS[0])
        apart, differing = apart[left], differing[left]
        fits = apart + np.bitwise_count(differing) <= _RUNS[2]
        fits &= apart + np.bitwise_count(differing >> 8) <= _RUNS[1]
        return np.unique(entries[left[fits]].astype(np.uint32))


def lookups(questions: Hashes, *, shift: int) -> Lookups:
    """Return which lists of a segment of this shift hold whatever is within 31 bits."""
    questions = _arranged(questions)
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

"""Changes to sound files that break readers: edges of numbers, moved parts, foreign parts."""

import random
import struct
import zlib
from collections.abc import Callable, Sequence

# Lengths and counts at their edges do more harm than random bytes.
EDGES = (0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
PNG = b"\x89PNG\r\n\x1a\n"
# Where structure lies in all of the formats.
HEAD = 700
# Larger files only make each trial slower.
MAX_BYTES = 64 << 10

Change = Callable[[bytearray, Sequence[bytes], random.Random], None]


def mutated(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """Return `content` with one to six changes, some of them with parts of `others`."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        rng.choice(CHANGES)(changed, others, rng)
    if changed.startswith(PNG) and rng.random() < 0.8:
        _sum_again(changed)
    return bytes(changed[:MAX_BYTES])


def _place(content: bytearray, rng: random.Random) -> int:
    reach = len(content) if rng.random() < 0.5 else min(len(content), HEAD)
    return rng.randrange(reach + 1)


def _part(content: Sequence[int], rng: random.Random) -> tuple[int, int]:
    start = rng.randrange(len(content) + 1)
    return start, min(len(content), start + rng.choice((1, 4, 12, 64, 1000)))


def _edge(content: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    at, size = _place(content, rng), rng.choice((1, 2, 4, 8))
    value = rng.choice(EDGES) & (1 << 8 * size) - 1
    content[at : at + size] = value.to_bytes(size, rng.choice(("big", "little")))


def _step(content: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    at = _place(content, rng)
    if at < len(content):
        content[at] = content[at] + rng.choice((-1, 1)) & 0xFF


def _flip(content: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    at = _place(content, rng)
    if at < len(content):
        content[at] ^= 1 << rng.randrange(8)


def _noise(content: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    at = _place(content, rng)
    content[at : at + 8] = rng.randbytes(rng.randrange(1, 9))


def _cut(content: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    if rng.random() < 0.3:
        del content[_place(content, rng) :]


def _remove(content: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    start, stop = _part(content, rng)
    del content[start:stop]


def _repeat(content: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    start, stop = _part(content, rng)
    at = _place(content, rng)
    content[at:at] = content[start:stop] * rng.choice((1, 1, 2, 50))


def _graft(content: bytearray, others: Sequence[bytes], rng: random.Random) -> None:
    other = rng.choice(others)
    start, stop = _part(other, rng)
    at = _place(content, rng)
    content[at : at + rng.choice((0, stop - start))] = other[start:stop]


def _retype(content: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    """Write the name of one chunk or box over that of another."""
    names = [
        at
        for at in range(4, min(len(content), HEAD))
        if bytes(content[at : at + 4]).isalpha() and bytes(content[at : at + 4]).isascii()
    ]
    if len(names) > 1:
        one, other = rng.choice(names), rng.choice(names)
        content[one : one + 4] = content[other : other + 4]


CHANGES: tuple[Change, ...] = (
    _edge,
    _edge,
    _edge,
    _step,
    _flip,
    _noise,
    _cut,
    _remove,
    _repeat,
    _graft,
    _retype,
)


def _sum_again(content: bytearray) -> None:
    """Write the sums that a PNG's chunks should have, so that readers come past them."""
    at = len(PNG)
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        end = at + 8 + length
        if end + 4 > len(content):
            return
        struct.pack_into(">I", content, end, zlib.crc32(content[at + 4 : end]))
        at = end + 4

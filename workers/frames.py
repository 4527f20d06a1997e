"""Answers as they cross a pipe or a socket: a letter and plain parts, each with its length.

Plain, because the reader never unpickles what a taken-over decoder may have written.
"""

import os
import struct
from collections.abc import Sequence

# The shape of an answer: one letter, the number of parts, each part's length, the parts.
HEAD = struct.Struct("!cI")
RESULT, NO_MEMORY, RAISED, DIED = b"R", b"M", b"X", b"D"


def write_answer(pipe: int, kind: bytes, parts: Sequence[bytes]) -> None:
    """Write the letter and the parts to a pipe or a socket."""
    lengths = struct.pack(f"!{len(parts)}Q", *map(len, parts))
    for part in (HEAD.pack(kind, len(parts)) + lengths, *parts):
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(pipe, rest) :]


def unpack_answer(answer: bytes | bytearray) -> tuple[bytes, list[bytes]] | None:
    """Return the letter and the parts, or None where the answer is not whole or too long."""
    end = end_of_answer(answer)
    if end is None or end != len(answer):
        return None
    kind, count = HEAD.unpack_from(answer)
    lengths = struct.unpack_from(f"!{count}Q", answer, HEAD.size)
    start, parts = HEAD.size + 8 * count, []
    for length in lengths:
        parts.append(bytes(answer[start : start + length]))
        start += length
    return kind, parts


def end_of_answer(answer: bytes | bytearray) -> int | None:
    """Return where the answer that begins here ends, or None where that is not known yet."""
    if len(answer) < HEAD.size:
        return None
    _, count = HEAD.unpack_from(answer)
    start: int = HEAD.size + 8 * count
    if len(answer) < start:
        return None
    return start + int(sum(struct.unpack_from(f"!{count}Q", answer, HEAD.size)))

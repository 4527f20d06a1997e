"""The structure of a PNG file (ISO/IEC 15948, W3C PNG third edition), read without decoding."""

import struct
from collections.abc import Iterator
from mmap import mmap

from intake.gate.structure import Cursor, Structure, damaged, truncated

CHUNK_HEADER = struct.Struct(">I4s")
CRC_BYTES = 4
CHUNK_OVERHEAD = CHUNK_HEADER.size + CRC_BYTES
# PNG section 7.1: a length above 2^31 - 1 is not one.
MAX_LENGTH = 2**31 - 1
# Encoders write data chunks of 8 KB and more, 3,200 of them in 25 MB.
MAX_CHUNKS = 65_536
# PNG table 12: the bit depths of each colour type.
BIT_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}


def read_png(data: mmap) -> Structure:
    """Return the structure of a PNG up to its IEND chunk.

    An animated PNG is taken as its first picture: IDAT is a complete picture by
    itself, and its frames (fdAT) are extra chunks that every decoder may pass over.
    Raises PhotoRefused: `photo-truncated`, `photo-damaged`.
    """
    structure: Structure | None = None
    data_bytes = 0
    for kind, chunk in _chunks(data):
        if (kind == b"IHDR") != (structure is None):
            raise damaged("IHDR is not the first chunk, or not the only one")
        if structure is None:
            structure = _header(chunk)
        elif kind == b"IDAT":
            data_bytes += chunk.end - chunk.position
        elif kind == b"IEND" and chunk.end > chunk.position:
            raise damaged("IEND with content")
    if structure is None or not data_bytes:
        raise damaged("no picture before IEND")
    return structure


def _chunks(data: mmap) -> Iterator[tuple[bytes, Cursor]]:
    """Yield type and content of each chunk up to IEND (PNG section 5.3)."""
    position = 8
    for _ in range(MAX_CHUNKS):
        if position + CHUNK_OVERHEAD > len(data):
            raise truncated("no IEND chunk")
        length, kind = CHUNK_HEADER.unpack_from(data, position)
        if length > MAX_LENGTH or not kind.isalpha():
            raise damaged("no chunk where one must be")
        end = position + CHUNK_OVERHEAD + length
        if end > len(data):
            raise truncated("a chunk reaches past the end of the file")
        yield kind, Cursor(data, position + CHUNK_HEADER.size, end - CRC_BYTES)
        if kind == b"IEND":
            return
        position = end
    raise damaged("too many chunks")


def _header(ihdr: Cursor) -> Structure:
    """Read an IHDR chunk (PNG section 11.2.1)."""
    if ihdr.end - ihdr.position != 13:
        raise damaged("IHDR does not have 13 bytes")
    width, height = ihdr.uint(4), ihdr.uint(4)
    depth, colour, compression, filtering, interlace = ihdr.take(5)
    if not 0 < width <= MAX_LENGTH or not 0 < height <= MAX_LENGTH:
        raise damaged(f"{width} x {height} pixels")
    if depth not in BIT_DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise damaged("the header contradicts itself")
    return Structure("image/png", width, height, width * height)

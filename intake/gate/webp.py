"""The structure of a WebP file (RFC 9649), read without decoding."""

from mmap import mmap

from intake.gate.structure import Cursor, Structure, damaged, truncated, unsupported
from schemas.errors import PhotoRefused
from schemas.words import Words

ANIMATION_FLAG = 0x02
# A still WebP has at most eight chunks of known kinds; the rest is room for strangers.
MAX_CHUNKS = 1_000


def read_webp(data: mmap) -> Structure:
    """Return the structure of a still WebP up to the end its RIFF header names.

    Animations are refused: unlike APNG and AVIF they hold frames only and no picture
    of their own.
    Raises PhotoRefused: `photo-truncated`, `photo-damaged`, `photo-format-unsupported`.
    """
    end = 8 + Cursor(data, 4, len(data), order="little").uint(4)
    if end > len(data):
        raise truncated("the RIFF size reaches past the end of the file")
    position = 12
    canvas: tuple[int, int] | None = None
    picture: tuple[int, int] | None = None
    for _ in range(MAX_CHUNKS):
        if position >= end:
            break
        header = Cursor(data, position, end, order="little")
        kind, length = header.take(4), header.uint(4)
        chunk = Cursor(data, position + 8, position + 8 + length, order="little")
        if chunk.end > end:
            reason = "a chunk reaches past the RIFF size"
            raise truncated(reason) if chunk.end > len(data) else damaged(reason)
        if kind == b"VP8X" and position == 12:
            canvas = _canvas(chunk)
        elif kind in {b"ANIM", b"ANMF"}:
            raise _animation()
        elif kind in READERS and picture is None:
            picture = READERS[kind](chunk)
        # Chunks are padded to even lengths; some writers leave out the last pad byte.
        position = chunk.end + (length & 1)
    else:
        raise damaged("too many chunks")
    if picture is None:
        raise damaged("no image data")
    if canvas is not None and canvas != picture:
        raise damaged("the canvas and the picture differ in size")
    return Structure("image/webp", *picture, picture[0] * picture[1])


def _animation() -> PhotoRefused:
    return unsupported(Words("WebP 动图", "an animated WebP"))


def _canvas(chunk: Cursor) -> tuple[int, int]:
    """Read the canvas size of a VP8X chunk (RFC 9649 section 2.7)."""
    if chunk.uint(4) & ANIMATION_FLAG:
        raise _animation()
    return chunk.uint(3) + 1, chunk.uint(3) + 1


def _lossy(chunk: Cursor) -> tuple[int, int]:
    """Read the picture size of a VP8 key frame (RFC 6386 section 9.1)."""
    tag = chunk.uint(3)
    if tag & 1 or chunk.take(3) != b"\x9d\x01\x2a":
        raise damaged("not a VP8 key frame")
    # The upper two bits of each number ask the player to scale, not the decoder.
    width, height = chunk.uint(2) & 0x3FFF, chunk.uint(2) & 0x3FFF
    if not width or not height:
        raise damaged(f"{width} x {height} pixels")
    if chunk.position + (tag >> 5) > chunk.end:
        raise damaged("the first partition reaches past its chunk")
    return width, height


def _lossless(chunk: Cursor) -> tuple[int, int]:
    """Read the picture size of a VP8L chunk (RFC 9649 section 3.4)."""
    signature, bits = chunk.uint(1), chunk.uint(4)
    if signature != 0x2F or bits >> 29:
        raise damaged("not a VP8L picture of version 0")
    if chunk.position == chunk.end:
        raise damaged("a picture without data")
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


READERS = {b"VP8 ": _lossy, b"VP8L": _lossless}

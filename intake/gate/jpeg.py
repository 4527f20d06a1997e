"""The structure of a JPEG file (ITU-T T.81 annex B), read without decoding."""

import re
from dataclasses import dataclass, field
from mmap import mmap

from intake.gate.structure import Cursor, Structure, damaged, truncated, unsupported
from schemas.words import Words

# Stuffed zeros, restart markers and fill bytes belong to the data around them. Codes
# below 0xC0 are no markers either: a real camera's photo holds one where a bit of the
# scan has flipped, and decoders go on after it. Looking for the next marker also passes
# over stray bytes between segments, which some cameras leave and every decoder skips.
NEXT_MARKER = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")

SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
SEQUENTIAL = frozenset({0xC0, 0xC1})
PROGRESSIVE = 0xC2
# Lossless, hierarchical and arithmetic frames, and JPEG-LS: no phone writes them and
# few decoders read them.
FOREIGN_FRAMES = frozenset({0xC3, *range(0xC5, 0xCC), *range(0xCD, 0xD0), 0xF7})

# 25 MB hold 400 full segments; a hostile file holds millions of empty ones.
MAX_SEGMENTS = 10_000
# The densest scan script for four components needs about a hundred scans. Each scan
# makes a decoder go over the whole picture again, so thousands are an attack.
MAX_SCANS = 500


@dataclass(slots=True)
class _Frame:
    """The frame header and what the scans have delivered of it so far."""

    progressive: bool
    width: int
    height: int
    components: frozenset[int]
    scans: int = 0
    delivered: set[int] = field(default_factory=set)


def read_jpeg(data: mmap) -> Structure:
    """Return the structure of a JPEG up to its end marker.

    What follows the end marker is not looked at: phones append second pictures
    (MPO), motion photos and makers' trailers there.
    Raises PhotoRefused: `photo-truncated`, `photo-damaged`, `photo-format-unsupported`.
    """
    frame: _Frame | None = None
    position = 2
    scan_data_start: int | None = None
    for _ in range(MAX_SEGMENTS):
        found = NEXT_MARKER.search(data, position)
        if found is None:
            raise truncated("no end marker")
        marker, position = data[found.end() - 1], found.end()
        if found.start() == scan_data_start:
            raise damaged("a scan holds no data")
        if marker == EOI:
            return _finished(frame)
        if marker == SOI:
            # A second picture that starts inside this one: the end of this one is missing.
            raise truncated("a second picture starts") if frame else damaged("two start markers")
        segment = _segment(data, position)
        position = segment.end
        if marker == SOS:
            scan_data_start = segment.end
        frame = _take_segment(marker, segment, frame)
    raise damaged("too many segments")


def _take_segment(marker: int, segment: Cursor, frame: _Frame | None) -> _Frame | None:
    """Return the frame as it stands after `segment`; tables and metadata don't change it."""
    if marker in FOREIGN_FRAMES:
        raise unsupported(Words("无损或算术编码的 JPEG", "a lossless or arithmetic JPEG"))
    if marker in SEQUENTIAL or marker == PROGRESSIVE:
        if frame is not None:
            raise damaged("two frame headers")
        return _frame(segment, progressive=marker == PROGRESSIVE)
    if marker == SOS:
        _scan(segment, frame)
    return frame


def _segment(data: mmap, position: int) -> Cursor:
    """Return a cursor over the body of the segment whose length stands at `position`."""
    length = Cursor(data, position, len(data)).uint(2)
    if length < 2:
        raise damaged(f"segment length {length}")
    if position + length > len(data):
        raise truncated("a segment reaches past the end of the file")
    return Cursor(data, position + 2, position + length)


def _frame(segment: Cursor, *, progressive: bool) -> _Frame:
    """Read a frame header (T.81 B.2.2)."""
    precision, height, width, count = (segment.uint(size) for size in (1, 2, 2, 1))
    if precision == 12:
        raise unsupported(Words("12 位的 JPEG", "a 12-bit JPEG"))
    if precision != 8 or count not in {1, 3, 4} or segment.end - segment.position != 3 * count:
        raise damaged("the frame header contradicts itself")
    if not width or not height:
        # A height of 0 promises a DNL segment after the scan, which decoders don't read.
        raise damaged(f"{width} x {height} pixels")
    components = frozenset(segment.take(3)[0] for _ in range(count))
    if len(components) != count:
        raise damaged("two components of one name")
    return _Frame(progressive, width, height, components)


def _scan(segment: Cursor, frame: _Frame | None) -> None:
    """Read a scan header (T.81 B.2.3) and note the components it delivers."""
    if frame is None:
        raise damaged("a scan before the frame header")
    count = segment.uint(1)
    if not 1 <= count <= 4 or segment.end - segment.position != 2 * count + 3:
        raise damaged("the scan header contradicts itself")
    components = {segment.take(2)[0] for _ in range(count)}
    if not components <= frame.components:
        raise damaged("a scan of a component the frame does not have")
    frame.delivered |= components
    frame.scans += 1
    if frame.scans > MAX_SCANS:
        raise damaged("too many scans")


def _finished(frame: _Frame | None) -> Structure:
    """Return the structure once the end marker is reached."""
    if frame is None or not frame.scans:
        raise damaged("no picture before the end marker")
    if frame.delivered != frame.components:
        raise truncated("scans are missing")
    return Structure(
        content_type="image/jpeg",
        width=frame.width,
        height=frame.height,
        pixels=frame.width * frame.height,
        progressive=frame.progressive,
        # A decoder holds the coefficients of the whole picture when its components
        # come in several scans, also where the coding is sequential.
        one_pass=not frame.progressive and frame.scans == 1,
    )

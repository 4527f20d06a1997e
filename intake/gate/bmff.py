"""Boxes of the ISO base media file format (ISO/IEC 14496-12), read within bounds."""

from collections.abc import Iterator
from mmap import mmap
from typing import NamedTuple

from intake.gate.structure import Cursor, damaged, truncated

# A phone's HEIC of 192 tiles has about 2,500 boxes, table entries and references; a
# hostile file has millions.
MAX_PARTS = 20_000


class Box(NamedTuple):
    """One box: its four-character type and where its content lies in the file, in bytes."""

    kind: bytes
    start: int
    end: int


class Boxes:
    """Walks the boxes of one file and counts its parts, so that no file can keep it busy.

    There is no recursion: each caller walks the one level it knows, and says with
    `count` how many entries of a table it is about to read.
    Raises PhotoRefused: `photo-truncated` for a box longer than the file,
    `photo-damaged` for one longer than its parent and for too many parts.
    """

    def __init__(self, data: mmap) -> None:
        self.data = data
        self._left = MAX_PARTS

    def count(self, parts: int) -> None:
        """Count `parts` more parts of the file; refuse it when there are too many."""
        self._left -= parts
        if self._left < 0:
            raise damaged("too many parts")

    def between(self, start: int, end: int) -> Iterator[Box]:
        """Yield the boxes that fill the bytes from `start` to `end`."""
        while start < end:
            self.count(1)
            box = self._box(start, end)
            yield box
            start = box.end

    def inside(self, parent: Box) -> dict[bytes, Box]:
        """Return the boxes inside `parent` by type; of several of one type, the first."""
        children: dict[bytes, Box] = {}
        for box in self.between(parent.start, parent.end):
            children.setdefault(box.kind, box)
        return children

    def full(self, box: Box) -> tuple[int, int, Cursor]:
        """Return version, flags and the rest of a full box (section 4.2)."""
        content = self.content(box)
        return content.uint(1), content.uint(3), content

    def content(self, box: Box) -> Cursor:
        """Return a cursor over the content of `box`."""
        return Cursor(self.data, box.start, box.end)

    def _box(self, start: int, end: int) -> Box:
        header = Cursor(self.data, start, end)
        size, kind = header.uint(4), header.take(4)
        if size == 1:
            size = header.uint(8)
        elif size == 0:
            size = end - start
        stop = start + size
        if stop > len(self.data):
            raise truncated("a box reaches past the end of the file")
        if stop > end or stop < header.position:
            raise damaged(f"box length {size}")
        return Box(kind, header.position, stop)

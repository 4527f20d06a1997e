"""What the readers of picture structure share: their answer, their refusals, bounded reading.

The readers (`jpeg`, `png`, `webp`, `heif`)
walk lengths and markers and never decode a pixel, so a hostile file costs the door
milliseconds. One rule holds in all of them: what reaches past the end of the file
is truncated, what reaches past the part that holds it is damaged.
"""

from dataclasses import dataclass
from mmap import mmap
from typing import Literal

from schemas.errors import PhotoRefused
from schemas.words import Words


@dataclass(frozen=True, slots=True)
class Structure:
    """What a file says of its picture.

    `width` and `height` are stored pixels, before orientation. `pixels` is what a
    decoder has to fill, which is more than their product when tiles overhang the
    picture. `one_pass` is a JPEG that can be decoded strip by strip at reduced size.
    """

    content_type: str
    width: int
    height: int
    pixels: int
    progressive: bool = False
    one_pass: bool = False


def truncated(reason: str) -> PhotoRefused:
    """Return the refusal of a file that ends too early; `reason` is for programs."""
    return PhotoRefused(
        "photo-truncated",
        Words(
            "这张照片不完整，后面一部分没有传到。请重新选这张照片再传一次；如果还不行，请重新拍一张。",
            "This photo is incomplete: its last part is missing. Please choose it and send it "
            "again; if that fails too, please take it again.",
        ),
        field="photos",
        reason=reason,
    )


def damaged(reason: str) -> PhotoRefused:
    """Return the refusal of a file whose structure can't be; `reason` is for programs."""
    return PhotoRefused(
        "photo-damaged",
        Words(
            "这张照片的文件已损坏，无法打开。请重新拍一张，或换一张照片。",
            "This photo's file is damaged and can't be opened. Please take it again or choose "
            "another one.",
        ),
        field="photos",
        reason=reason,
    )


def unsupported(name: Words) -> PhotoRefused:
    """Return the refusal of a format that is known, named by `name`, and not taken."""
    # Chinese typesetting puts a space between a Chinese and a Latin word.
    gap = " " if name.zh[0].isascii() else ""
    return PhotoRefused(
        "photo-format-unsupported",
        Words(
            f"这个文件是{gap}{name.zh}，目前不能作为照片提交。请直接用手机拍一张，"
            "或换一张 JPEG、HEIC、WebP、PNG 或 AVIF 格式的照片。",
            f"This file is {name.en}, which can't be sent as a photo. Please take a photo with "
            "the phone, or choose one in JPEG, HEIC, WebP, PNG or AVIF format.",
        ),
        field="photos",
        format=name.en,
    )


class Cursor:
    """Reads numbers one after another and never past `end`.

    Raises `photo-truncated` where the file ends first and `photo-damaged` where only
    the part that holds the number does.
    """

    def __init__(
        self, data: mmap, start: int, end: int, *, order: Literal["big", "little"] = "big"
    ) -> None:
        self.data = data
        self.position = start
        self.end = end
        self.order = order

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        start, stop = self.position, self.position + size
        if stop > self.end:
            reason = f"{size} bytes wanted at {start}, the part ends at {self.end}"
            raise truncated(reason) if stop > len(self.data) else damaged(reason)
        self.position = stop
        return self.data[start:stop]

    def uint(self, size: int) -> int:
        """Return the next unsigned number of `size` bytes; a size of 0 is the number 0."""
        return int.from_bytes(self.take(size), self.order)

"""Decodes a photo once and turns it upright.

Meant for the limited child: what a decoder does with hostile bytes is its own affair, and
whatever it raises becomes PhotoRefused here.
"""

import io
import mmap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Literal

import cv2
import numpy as np
import simplejpeg  # type: ignore[import-untyped]  # ships no types
from PIL import Image, ImageCms, ImageFile
from PIL.Image import Resampling, Transpose

from intake.gate.inspecting import MAX_PIXELS, MAX_PIXELS_ONE_PASS
from schemas.errors import PhotoRefused
from schemas.photo_words import PICTURE_REASONS as REASONS
from workers.formats import open_by_type, recognise
from workers.views import Pixels

# At once and for good: a pool of threads does not live on in a forked child, which would
# wait for it for ever.
cv2.setNumThreads(1)

LONG_EDGES = (1280, 320)
# Photoshop's number for it among the image resources of APP13.
IPTC_RESOURCE = 0x0404
# AVIF of ten bits with transparency: its planes, their RGBA copy, and Pillow's two.
BYTES_A_PIXEL = 20
# A box filter may do the rough work only down to one and a half times the size.
REDUCING_GAP = 1.5
# All pages of a file at once: a fault for each would take 3 ms for a photo.
MAPPED = mmap.MAP_PRIVATE | getattr(mmap, "MAP_POPULATE", 0)
TURNS: dict[int, Transpose] = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
QUARTER_TURNS = {
    3: cv2.ROTATE_180,
    6: cv2.ROTATE_90_CLOCKWISE,
    8: cv2.ROTATE_90_COUNTERCLOCKWISE,
}


@dataclass(frozen=True)
class PixelLimits:
    """The most pixels that are decoded, the same as at the door.

    `one_pass`: baseline JPEG, which is decoded small while it is read; `other`: whatever
    has to be held whole.
    """

    one_pass: int = MAX_PIXELS_ONE_PASS
    other: int = MAX_PIXELS


@dataclass(frozen=True)
class Picture:
    """A photo that is open and not yet decoded; `width` and `height` are stored pixels.

    `one_pass` is true for a baseline JPEG, which is decoded small while it is read.
    """

    image: ImageFile.ImageFile
    file: BinaryIO
    content_type: str
    width: int
    height: int
    one_pass: bool

    @property
    def may_need_bytes(self) -> int:
        """The most memory that a decoder may take which does not say that it ran out.

        Twenty bytes a pixel held whole, as measured. 0 for PNG, whose decoder says so, and
        where little memory is needed.
        """
        if self.one_pass or self.content_type == "image/png":
            return 0
        return self.width * self.height * BYTES_A_PIXEL

    def exif(self) -> bytes | None:
        """Return the raw EXIF block, or None. A PNG without one up front is decoded to the end.

        Raises PhotoRefused where that decoding fails.
        """
        info = self.image.info
        if self.content_type == "image/png" and "exif" not in info:
            with _decoding():
                self.image.load()
        block = info.get("exif") or _from_text(info.get("Raw profile type exif"))
        return block if isinstance(block, bytes) else None

    def xmp(self) -> bytes | None:
        """Return the raw XMP packet, or None; of a PNG's what stands before its pixels."""
        packet = self.image.info.get("xmp")
        return packet if isinstance(packet, bytes) and packet else None

    def iptc(self) -> bytes | None:
        """Return the raw IPTC-IIM block of a JPEG, or None."""
        resources = self.image.info.get("photoshop")
        block = resources.get(IPTC_RESOURCE) if isinstance(resources, dict) else None
        return block if isinstance(block, bytes) and block else None

    @property
    def turned_from(self) -> int | None:
        """The EXIF orientation that the HEIC decoder has already carried out and erased."""
        value = self.image.info.get("original_orientation")
        return value if value in TURNS else None


def open_picture(
    file: BinaryIO, *, content_type: str | None = None, limits: PixelLimits | None = None
) -> Picture:
    """Return the photo in `file` with its size, before any pixel is decoded.

    The type is what its content says; with `content_type` given it must be that one.
    Raises PhotoRefused: `photo-format-unknown`, `photo-unreadable`,
    `photo-too-many-pixels`.
    """
    limits = limits or PixelLimits()
    known = recognise(file)
    if known is None or content_type not in {None, known.content_type}:
        raise _refused("photo-format-unknown")
    if known.fault:
        raise _refused("photo-unreadable", detail=known.fault)
    found = known.content_type
    with _decoding():
        image = open_by_type(file, found)
        one_pass = found == "image/jpeg" and not image.info.get("progressive")
        width, height = image.size
    if width * height > (limits.one_pass if one_pass else limits.other):
        raise _refused("photo-too-many-pixels", detail=f"{width}x{height}")
    return Picture(image, file, found, width, height, one_pass)


def upright(picture: Picture, *, orientation: int) -> tuple[Pixels, tuple[str, ...]]:
    """Decode `picture` and return it turned upright, in sRGB, within 1,280 pixels, and notes.

    `orientation` is the EXIF value 1–8 of the stored pixels. Never enlarges. Transparency
    is laid over white.
    Raises PhotoRefused `photo-unreadable`; MemoryError.
    """
    size = fitted(picture.image.size, LONG_EDGES[0])
    profile = picture.image.info.get("icc_profile")
    with _decoding():
        pixels = _common(picture, size, orientation)
        if pixels is None:
            return _in_srgb(_opaque(_any(picture, size, orientation)), profile)
        # Pillow would copy the whole picture in and out again.
        return _in_srgb(Image.fromarray(pixels), profile) if profile else (pixels, ())


def _common(picture: Picture, size: tuple[int, int], orientation: int) -> Pixels | None:
    """Return a common photo at `size` and upright, in two thirds of Pillow's time; else None.

    Common is a baseline JPEG of three colours that is larger than `size` and without a flaw.
    libjpeg decodes it at a half, a quarter or an eighth, whichever is still large enough;
    what is left to shrink is less than twofold, for which a linear filter is good enough.
    Whatever is odd about a file is left to Pillow to judge.
    """
    width, height = picture.image.size
    if not picture.one_pass or picture.image.mode != "RGB" or size == (width, height):
        return None
    halvings = next(n for n in (3, 2, 1, 0) if n == 0 or max(width, height) >> n >= max(size))
    part = 1 << halvings
    try:
        # Mapped, because reading would copy the whole file once more.
        with mmap.mmap(picture.file.fileno(), 0, flags=MAPPED, prot=mmap.PROT_READ) as data:
            pixels = simplejpeg.decode_jpeg(
                data, min_width=width // part, min_height=height // part
            )
    except (ValueError, OSError):
        return None
    pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    if orientation in QUARTER_TURNS:
        return np.asarray(cv2.rotate(pixels, QUARTER_TURNS[orientation]), np.uint8)
    if orientation in TURNS:
        return np.asarray(turned(Image.fromarray(pixels), orientation))
    return pixels


def _any(picture: Picture, size: tuple[int, int], orientation: int) -> Image.Image:
    # Pillow's thumbnail() asks for twice the size and so decodes most photos whole.
    picture.image.draft(None, size)
    picture.image.load()
    image = _resizable(picture.image)
    if image.size != size:
        image = image.resize(size, Resampling.HAMMING, reducing_gap=REDUCING_GAP)
        # The whole picture is the largest thing there is; what follows may have its place.
        picture.image.close()
    return turned(image, orientation)


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """Return stored pixels upright, by their EXIF orientation."""
    return image.transpose(TURNS[orientation]) if orientation in TURNS else image


def fitted(size: tuple[int, int], long_edge: int) -> tuple[int, int]:
    """Return `size` scaled down to `long_edge` pixels; a smaller one is left as it is."""
    scale = min(1.0, long_edge / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _refused(
    code: Literal["photo-format-unknown", "photo-unreadable", "photo-too-many-pixels"],
    *,
    detail: str = "",
) -> PhotoRefused:
    return PhotoRefused(code, REASONS[code], detail=detail)


@contextmanager
def _decoding() -> Iterator[None]:
    """Turn whatever a decoder raises into PhotoRefused, and its warnings into nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (MemoryError, PhotoRefused):
        raise
    except Image.DecompressionBombError as fault:
        raise _refused("photo-too-many-pixels", detail=str(fault)) from fault
    except Exception as fault:
        # Seven decoders raise a dozen kinds between them, and all mean the same here.
        raise _refused("photo-unreadable", detail=f"{type(fault).__name__}: {fault}") from fault


def _from_text(profile: object) -> bytes | None:
    """Return the EXIF that ImageMagick writes into PNG as hexadecimal below three lines."""
    if not isinstance(profile, str):
        return None
    try:
        return bytes.fromhex("".join(profile.split("\n")[3:]))
    except ValueError:
        # Not thrown away, so that the reader of metadata can say it was unreadable.
        return profile.encode()


def _resizable(image: Image.Image) -> Image.Image:
    """Return `image` in a mode of 8-bit channels that can be averaged."""
    if image.mode.startswith("I;16"):
        # Pillow would clip everything above 255 to white instead of scaling it.
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    mode = "RGBA" if image.has_transparency_data else "RGB"
    # Converting to the same mode would copy the whole picture for nothing.
    return image if image.mode in {mode, "L", "CMYK"} else image.convert(mode)


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    paper = Image.new("RGB", image.size, "white")
    paper.paste(image, mask=image.getchannel("A"))
    return paper


def _in_srgb(image: Image.Image, profile: object) -> tuple[Pixels, tuple[str, ...]]:
    """Return `image` as RGB, its colours moved from its ICC profile to sRGB, and notes."""
    if not isinstance(profile, bytes) or image.mode == "L":
        return _rgb(image), ()
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return _rgb(image), ()
        target = ImageCms.createProfile("sRGB")
        moved = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return _rgb(image), ("colour-profile-unreadable",)
    return _rgb(moved or image), ()


def _rgb(image: Image.Image) -> Pixels:
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))

"""Which decoder a photo is for, told by what lies in it, and how the decoders are set up.

Nothing global in Pillow decides: files are opened by the one plugin that their content
names, which leaves out `Image.MAX_IMAGE_PIXELS` (it only warns up to twice its value).
"""

import io
import mmap
import re
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

import pi_heif.options  # type: ignore[import-untyped]  # ships no types
from pi_heif import HeifImageFile
from PIL import AvifImagePlugin, ImageFile, PngImagePlugin
from PIL.AvifImagePlugin import AvifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from intake.gate.heif import read_heif
from schemas.errors import PhotoRefused

HEAD_BYTES = 96
SIGNATURES: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
)
HEIF = re.compile(rb"....ftyp", re.DOTALL)
# For a file whose structure is broken: so that it is called damaged, and not foreign.
BRANDS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"....ftyp.{0,80}?avi[fs]", re.DOTALL), "image/avif"),
    (re.compile(rb"....ftyp.{0,80}?(?:hei[cxms]|hev[cxms]|mi[af][f12])", re.DOTALL), "image/heic"),
)
# Where the box that names the kinds of items lies, in all but the strangest of files.
TABLES_BYTES = 1 << 16
EXIF_ITEM = re.compile(rb"(infe.{8,10}?)Exif", re.DOTALL)
# Profiles of printers and long XMP take more than Pillow's one megabyte.
PNG_CHUNK_BYTES = 16 << 20


class Recognised(NamedTuple):
    """A photo's content type, and what is broken about it where the door would refuse it."""

    content_type: str
    fault: str | None = None


def recognise(file: BinaryIO) -> Recognised | None:
    """Return what the photo in `file` is, None where it is none that is taken."""
    head = file.read(HEAD_BYTES)
    file.seek(0)
    for signature, content_type in SIGNATURES:
        if signature.match(head):
            return Recognised(content_type)
    return _coded_as(file, head) if HEIF.match(head) else None


def open_by_type(file: BinaryIO, content_type: str) -> ImageFile.ImageFile:
    """Return the photo opened by the plugin of its content type; raises whatever that raises."""
    return PLUGINS[content_type](file)


def set_up_decoders() -> None:
    """Keep the HEIC and AVIF decoders to one thread and to the picture itself.

    Changes module globals of the libraries, so it belongs into the limited child: threads
    would count against its address space, and the worker runs one process a core.
    """
    pi_heif.options.DECODE_THREADS = 1
    pi_heif.options.THUMBNAILS = False
    pi_heif.options.DEPTH_IMAGES = False
    pi_heif.options.AUX_IMAGES = False
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    PngImagePlugin.MAX_TEXT_CHUNK = PNG_CHUNK_BYTES


def _coded_as(file: BinaryIO, head: bytes) -> Recognised | None:
    """Return HEIC or AVIF by how the primary picture is coded, as the door does.

    Brands don't tell: `mif1` and `miaf` stand on both.
    """
    try:
        with _bytes_of(file) as data:
            return Recognised(read_heif(data).content_type)
    except PhotoRefused as refusal:
        fault = f"{refusal.code}: {refusal.facts.get('reason')}"
        types = (name for brand, name in BRANDS if brand.match(head))
        return next((Recognised(name, fault) for name in types), None)


def _bytes_of(file: BinaryIO) -> mmap.mmap:
    try:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except io.UnsupportedOperation:
        # A file that lies in memory only.
        content = file.read()
        file.seek(0)
        data = mmap.mmap(-1, len(content))
        data.write(content)
        return data


def _open_avif(file: BinaryIO) -> ImageFile.ImageFile:
    """Open an AVIF; one that libavif refuses for its EXIF alone is opened without."""
    try:
        return AvifImageFile(file)
    except ValueError as fault:
        if "Exif" not in str(fault):
            raise
    file.seek(0)
    content = file.read()
    tables, rest = content[:TABLES_BYTES], content[TABLES_BYTES:]
    image = AvifImageFile(io.BytesIO(EXIF_ITEM.sub(rb"\1none", tables) + rest))
    # So that the reader of metadata says that there was something, and that it is unreadable.
    image.info["exif"] = b"?"
    return image


PLUGINS: dict[str, Callable[[BinaryIO], ImageFile.ImageFile]] = {
    "image/jpeg": JpegImageFile,
    "image/png": PngImageFile,
    "image/webp": WebPImageFile,
    "image/avif": _open_avif,
    "image/heic": HeifImageFile,
}

"""The door's photo gate: takes or refuses a file by its structure and never decodes it.

Type by content, bytes, pixels and the file's own structure are checked here, in
milliseconds, while the rider is still there to take the picture again. Decoding, and
with it what structure can't tell, is left to the worker's limited child.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path

from intake.gate.heif import read_heif
from intake.gate.jpeg import read_jpeg
from intake.gate.png import read_png
from intake.gate.structure import Structure, unsupported
from intake.gate.webp import read_webp
from schemas.errors import PhotoRefused, TooLarge
from schemas.words import Words

# “25 MB” is counted in binary, as phones do, so no photo that a phone shows as 25 MB is refused.
MAX_BYTES = 25 * 1024 * 1024
# Some phones take 200-megapixel pictures, and a one-pass JPEG is decoded small at
# little cost. Everything else has to be decoded whole.
MAX_PIXELS_ONE_PASS = 210_000_000
MAX_PIXELS = 60_000_000

HEAD_BYTES = 1_024

READERS: tuple[tuple[re.Pattern[bytes], Callable[[mmap], Structure]], ...] = (
    (re.compile(rb"\xff\xd8\xff"), read_jpeg),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), read_png),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), read_webp),
    (re.compile(rb"....ftyp", re.DOTALL), read_heif),
)

# What riders may pick by mistake, so that the refusal can call it by its name.
FOREIGN: tuple[tuple[re.Pattern[bytes], Words], ...] = (
    (re.compile(rb"GIF8[79]a"), Words("GIF 图", "a GIF")),
    (
        re.compile(rb"II[*+]\x00|MM\x00[*+]"),
        Words("TIFF 或相机 RAW 文件", "a TIFF or camera raw file"),
    ),
    # Two letters alone would also match text, so the reserved zeros are asked for too.
    (re.compile(rb"BM.{4}\x00{4}", re.DOTALL), Words("BMP 位图", "a BMP")),
    (re.compile(rb"%PDF-"), Words("PDF 文件", "a PDF")),
    (
        re.compile(
            rb"(?:\xef\xbb\xbf)?\s*<(?:svg\b|(?:\?xml|!--|!doctype svg).*<svg\b)",
            re.DOTALL | re.IGNORECASE,
        ),
        Words("SVG 矢量图", "an SVG drawing"),
    ),
    (re.compile(rb"\xff\x0a|\x00{3}\x0cJXL "), Words("JPEG XL 图", "a JPEG XL")),
    (re.compile(rb"\xff\x4f\xff\x51|\x00{3}\x0cjP  "), Words("JPEG 2000 图", "a JPEG 2000")),
    (re.compile(rb"8BPS"), Words("Photoshop 文件", "a Photoshop file")),
    (re.compile(rb"\x00\x00\x01\x00"), Words("图标文件（ICO）", "an icon file (ICO)")),
    (
        re.compile(rb"\x1a\x45\xdf\xa3|RIFF....AVI ", re.DOTALL),
        Words("视频文件", "a video"),
    ),
)

SAYS_NOTHING = frozenset({"application/octet-stream", "binary/octet-stream", "*/*"})
MEDIA_TYPE = re.compile(r"[a-z0-9*][a-z0-9!#$&^_.+*-]{0,63}/[a-z0-9*][a-z0-9!#$&^_.+*-]{0,63}")


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """What the gate knows of a photo it takes.

    `content_type` is one of image/jpeg, image/heic, image/webp, image/png and
    image/avif, by content. `width` and `height` are stored pixels, before orientation
    and before the cropping by which HEIC and AVIF hide an encoder's padding.
    `progressive` is true for a progressive JPEG only.
    """

    content_type: str
    width: int
    height: int
    size_bytes: int
    progressive: bool


def inspect(path: Path, *, declared: str | None = None) -> PhotoFacts:
    """Return the facts of the photo at `path`, or refuse it.

    `declared` is the content type the sender gave; only one that names no picture at all
    is refused. The file must not change meanwhile.
    Raises PhotoRefused: `photo-empty`, `photo-not-an-image`, `photo-format-unsupported`,
    `photo-truncated`, `photo-damaged`, `photo-type-mismatch`; TooLarge:
    `photo-too-large`, `photo-too-many-pixels`; OSError where the file can't be read.
    """
    with path.open("rb") as file:
        size_bytes = file.seek(0, 2)
        _check_bytes(size_bytes)
        with mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            structure = _read(data)
    _check_declared(declared, structure.content_type)
    _check_pixels(structure)
    return PhotoFacts(
        content_type=structure.content_type,
        width=structure.width,
        height=structure.height,
        size_bytes=size_bytes,
        progressive=structure.progressive,
    )


def _check_bytes(size_bytes: int) -> None:
    if size_bytes == 0:
        raise PhotoRefused(
            "photo-empty",
            Words(
                "这张照片是空的（0 字节）。请重新拍一张，或换一张照片。",
                "This photo is empty (0 bytes). Please take it again or choose another one.",
            ),
            field="photos",
        )
    if size_bytes > MAX_BYTES:
        limit = MAX_BYTES // 1024**2
        # Rounded up, so that a photo just over the limit is not shown as being on it.
        size = math.ceil(size_bytes / 1024**2 * 10) / 10
        raise TooLarge(
            "photo-too-large",
            Words(
                f"这张照片有 {size:g} MB，每张不能超过 {limit} MB。"
                "请把相机的照片尺寸调小后重新拍一张，或换一张照片。",
                f"This photo has {size:g} MB; a photo may have at most {limit} MB. Please choose "
                "a smaller picture size in the camera and take it again, or choose another one.",
            ),
            field="photos",
            size_bytes=size_bytes,
            limit_bytes=MAX_BYTES,
        )


def _read(data: mmap) -> Structure:
    """Read the structure by the format that the first bytes name."""
    head = data[:HEAD_BYTES]
    for signature, read in READERS:
        if signature.match(head):
            return read(data)
    for signature, name in FOREIGN:
        if signature.match(head):
            raise unsupported(name)
    raise PhotoRefused(
        "photo-not-an-image",
        Words(
            "这个文件不是照片。请拍一张照片，或从相册里选一张。",
            "This file is not a photo. Please take a photo or choose one from the album.",
        ),
        field="photos",
    )


def _check_declared(declared: str | None, content_type: str) -> None:
    """Refuse what was sent as something other than a picture.

    A picture under another picture's name is taken: messengers save WebP and HEIC as
    `.jpg` and browsers declare by that name, which is no fault of the rider's. The
    examination marks it.
    """
    said = (declared or "").partition(";")[0].strip().lower()
    # What does not look like a media type names no other kind, and is not repeated in
    # a sentence that ends up on a page.
    if not MEDIA_TYPE.fullmatch(said) or said in SAYS_NOTHING or said.startswith("image/"):
        return
    raise PhotoRefused(
        "photo-type-mismatch",
        Words(
            f"这张照片上传时标为 {said}，不是图片类型（实际是 {content_type}）。"
            "请重新拍一张，或重新选择照片再发。",
            f"This photo was sent as {said}, which is no picture type (it is {content_type}). "
            "Please take it again, or choose it anew and send it.",
        ),
        field="photos",
        declared=said,
        content_type=content_type,
    )


def _check_pixels(structure: Structure) -> None:
    limit = MAX_PIXELS_ONE_PASS if structure.one_pass else MAX_PIXELS
    if structure.pixels > limit:
        raise TooLarge(
            "photo-too-many-pixels",
            Words(
                f"这张照片有 {_pixels_zh(structure.pixels)}，这种格式不能超过"
                f" {_pixels_zh(limit)}。请把相机的像素调低后重新拍一张，或换一张照片。",
                f"This photo has {_pixels_en(structure.pixels)}; this format may have at most "
                f"{_pixels_en(limit)}. Please choose a lower resolution in the camera and take "
                "it again, or choose another photo.",
            ),
            field="photos",
            pixels=structure.pixels,
            limit_pixels=limit,
        )


def _pixels_zh(pixels: int) -> str:
    """Say a number of pixels, rounded up, in the units of ten thousand and a hundred million."""
    if pixels >= 10**8:
        return f"{math.ceil(pixels / 10**7) / 10:,.15g} 亿像素"
    return f"{math.ceil(pixels / 10**4)} 万像素"


def _pixels_en(pixels: int) -> str:
    return f"{math.ceil(pixels / 10**5) / 10:,.15g} megapixels"

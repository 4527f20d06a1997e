"""The photo gate on PNG and WebP structure: chunks, sizes and the end."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from intake.gate.inspecting import PhotoFacts, inspect
from schemas.errors import PhotoRefused, TooLarge

PNG = b"\x89PNG\r\n\x1a\n"


def png_chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body))


def ihdr(width: int = 4, height: int = 3, tail: bytes = b"\x08\x02\x00\x00\x00") -> bytes:
    return png_chunk(b"IHDR", struct.pack(">II", width, height) + tail)


IDAT = png_chunk(b"IDAT", zlib.compress(bytes(39)))
IEND = png_chunk(b"IEND")


def riff_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack("<4sI", kind, len(body)) + body + bytes(len(body) & 1)


def webp(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def vp8(width: int = 40, height: int = 30, *, partition: int = 4) -> bytes:
    tag = (partition << 5 | 0x10).to_bytes(3, "little")
    body = tag + b"\x9d\x01\x2a" + struct.pack("<HH", width, height) + bytes(8)
    return riff_chunk(b"VP8 ", body)


def vp8x(width: int = 40, height: int = 30, *, flags: int = 0) -> bytes:
    sizes = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return riff_chunk(b"VP8X", struct.pack("<I", flags) + sizes)


def vp8l(width: int, height: int, *, version: int = 0, data: bytes = b"\x00\x00") -> bytes:
    bits = (width - 1) | (height - 1) << 14 | version << 29
    return riff_chunk(b"VP8L", b"\x2f" + struct.pack("<I", bits) + data)


@pytest.fixture
def check(tmp_path: Path) -> Callable[[bytes], PhotoFacts]:
    path = tmp_path / "photo"

    def write_and_inspect(content: bytes) -> PhotoFacts:
        path.write_bytes(content)
        return inspect(path)

    return write_and_inspect


@pytest.fixture
def code_of(check) -> Callable[[bytes], str]:
    def refuse(content: bytes) -> str:
        with pytest.raises((PhotoRefused, TooLarge)) as refused:
            check(content)
        return refused.value.code

    return refuse


def test_a_png_of_177_megapixels_is_refused_by_its_pixel_count(check):
    with pytest.raises(TooLarge) as refused:
        check(PNG + ihdr(15_000, 11_800) + IDAT + IEND)
    assert refused.value.code == "photo-too-many-pixels"
    assert refused.value.facts == {"pixels": 177_000_000, "limit_pixels": 60_000_000}
    assert "177 megapixels" in refused.value.words.en
    assert "1.8 亿像素" in refused.value.words.zh


def test_a_png_of_the_largest_size_there_is_is_refused_by_its_pixel_count(code_of):
    content = PNG + ihdr(2**31 - 1, 2**31 - 1) + IDAT + IEND
    assert code_of(content) == "photo-too-many-pixels"


def test_an_animated_png_is_taken_as_its_first_picture(check):
    out = io.BytesIO()
    first = Image.new("RGB", (8, 6), "red")
    first.save(out, "PNG", save_all=True, append_images=[Image.new("RGB", (8, 6), "blue")])
    assert b"fdAT" in out.getvalue()
    assert check(out.getvalue()).width == 8


def test_bytes_after_the_last_png_chunk_are_no_concern(check):
    assert check(PNG + ihdr() + IDAT + IEND + b"more").height == 3


@pytest.mark.parametrize(
    "content",
    [
        PNG,
        PNG + ihdr() + IDAT,
        PNG + ihdr() + IDAT + IEND[:-1],
        PNG + ihdr() + struct.pack(">I4s", 80_000_000, b"zTXt") + bytes(50),
        PNG + ihdr() + struct.pack(">I4s", 2**31 - 1, b"IDAT") + bytes(50),
    ],
    ids=["signature", "no end", "end cut", "absurd text", "absurd data"],
)
def test_a_png_that_ends_too_early_is_called_truncated(code_of, content):
    assert code_of(content) == "photo-truncated"


@pytest.mark.parametrize(
    "content",
    [
        PNG + IDAT + ihdr() + IEND,
        PNG + ihdr() + ihdr() + IDAT + IEND,
        PNG + png_chunk(b"IHDR", bytes(12)) + IDAT + IEND,
        PNG + png_chunk(b"IHDR", bytes(14)) + IDAT + IEND,
        PNG + ihdr(0, 3) + IDAT + IEND,
        PNG + ihdr(4, 0) + IDAT + IEND,
        PNG + ihdr(2**31, 3) + IDAT + IEND,
        PNG + ihdr(tail=b"\x07\x02\x00\x00\x00") + IDAT + IEND,
        PNG + ihdr(tail=b"\x08\x05\x00\x00\x00") + IDAT + IEND,
        PNG + ihdr(tail=b"\x08\x02\x01\x00\x00") + IDAT + IEND,
        PNG + ihdr(tail=b"\x08\x02\x00\x00\x02") + IDAT + IEND,
        PNG + ihdr() + IEND,
        PNG + ihdr() + png_chunk(b"IDAT") + IEND,
        PNG + ihdr() + IDAT + png_chunk(b"IEND", b"x"),
        PNG + ihdr() + struct.pack(">I4s", 2**31, b"tEXt") + IDAT + IEND,
        PNG + ihdr() + b"\x00" + IDAT + IEND,
        PNG + ihdr() + png_chunk(b"tEXt") * 70_000 + IDAT + IEND,
    ],
    ids=[
        "IHDR not first", "two IHDR", "IHDR of 12", "IHDR of 14", "no width", "no height",
        "width of 2^31", "depth 7", "colour type 5", "compression 1", "interlace 2", "no IDAT",
        "empty IDAT", "IEND with content", "length of 2^31", "stray byte", "endless chunks",
    ],
)  # fmt: skip
def test_a_png_whose_structure_cannot_be_is_called_damaged(code_of, content):
    assert code_of(content) == "photo-damaged"


@pytest.mark.parametrize(
    "content",
    [
        webp(vp8()),
        webp(vp8l(40, 30)),
        webp(vp8x(), vp8(), riff_chunk(b"EXIF", b"odd")),
        webp(vp8x(), riff_chunk(b"ALPH", b"\x00"), vp8()),
        webp(vp8(0x4000 | 40, 0xC000 | 30)),
        webp(vp8()) + b"trailer",
    ],
    ids=["lossy", "lossless", "extended", "alpha", "scaling hint", "trailer"],
)
def test_still_webps_are_taken_with_their_size(check, content):
    facts = check(content)
    assert (facts.content_type, facts.width, facts.height) == ("image/webp", 40, 30)


def test_a_webp_whose_last_pad_byte_was_left_out_is_taken(check):
    content = webp(vp8x(), vp8(), riff_chunk(b"EXIF", b"odd"))[:-1]
    assert check(b"RIFF" + struct.pack("<I", len(content) - 8) + content[8:]).width == 40


def test_an_animated_webp_is_refused_by_name(check, code_of):
    out = io.BytesIO()
    first = Image.new("RGB", (8, 6), "red")
    first.save(out, "WEBP", save_all=True, append_images=[Image.new("RGB", (8, 6), "blue")])
    with pytest.raises(PhotoRefused) as refused:
        check(out.getvalue())
    assert refused.value.code == "photo-format-unsupported"
    assert "WebP 动图" in refused.value.words.zh
    # Frames betray an animation also where the flag is not set.
    unflagged = webp(vp8x(), riff_chunk(b"ANMF", bytes(16)))
    assert code_of(unflagged) == "photo-format-unsupported"


def test_a_webp_of_too_many_pixels_is_refused(code_of):
    assert code_of(webp(vp8l(16_384, 16_384))) == "photo-too-many-pixels"


@pytest.mark.parametrize(
    "content",
    [
        webp(vp8())[:-1],
        webp(vp8())[:12],
        webp(vp8()[:4] + struct.pack("<I", 5_000_000) + vp8()[8:]),
    ],
    ids=["last byte", "header only", "chunk past the file"],
)
def test_a_webp_that_ends_too_early_is_called_truncated(code_of, content):
    assert code_of(content) == "photo-truncated"


@pytest.mark.parametrize(
    "content",
    [
        b"RIFF" + struct.pack("<I", 22) + webp(vp8())[8:],
        b"RIFF" + struct.pack("<I", 6) + webp(vp8())[8:],
        b"RIFF\x00\x00\x00\x00" + webp(vp8())[8:],
        webp(vp8x()),
        webp(vp8x(41, 30), vp8()),
        webp(riff_chunk(b"VP8X", b"\x00\x00\x00\x00\x01"), vp8()),
        webp(vp8(0, 30)),
        webp(vp8(40, 0)),
        webp(vp8(partition=9)),
        webp(riff_chunk(b"VP8 ", b"\x11" + vp8()[9:])),
        webp(riff_chunk(b"VP8 ", b"\x10\x00\x00\x9d\x01\x2b" + bytes(8))),
        webp(riff_chunk(b"VP8 ", b"\x10\x00")) + bytes(20),
        webp(vp8l(40, 30, version=1)),
        webp(vp8l(40, 30, data=b"")),
        webp(riff_chunk(b"VP8L", b"\x2e" + bytes(8))),
        webp(riff_chunk(b"XXXX", b"") * 2_000, vp8()),
    ],
    ids=[
        "RIFF inside a chunk", "RIFF inside a header", "RIFF of 0", "canvas only",
        "canvas differs", "canvas cut", "no width", "no height", "partition", "not a key frame",
        "start code", "VP8 cut", "VP8L version", "VP8L empty", "VP8L signature", "endless chunks",
    ],
)  # fmt: skip
def test_a_webp_whose_structure_cannot_be_is_called_damaged(code_of, content):
    assert code_of(content) == "photo-damaged"

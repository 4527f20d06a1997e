"""The photo gate on JPEG structure: markers, lengths, scans and the end."""

import io
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from intake.gate.inspecting import PhotoFacts, inspect
from schemas.errors import PhotoRefused, TooLarge

SOI, EOI = b"\xff\xd8", b"\xff\xd9"


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def frame(
    width: int = 640, height: int = 480, *, marker: int = 0xC0, precision: int = 8, count: int = 3
) -> bytes:
    head = struct.pack(">BHHB", precision, height, width, count)
    return segment(marker, head + b"".join(bytes((n + 1, 0x11, 0)) for n in range(count)))


def scan(*components: int, data: bytes = b"\x12\xff\x00\xff\xd0\x34") -> bytes:
    names = b"".join(bytes((name, 0)) for name in components)
    return segment(0xDA, bytes((len(components),)) + names + b"\x00\x3f\x00") + data


WHOLE = SOI + segment(0xE0, b"JFIF\0") + frame() + scan(1, 2, 3) + EOI


@pytest.fixture
def check(tmp_path: Path) -> Callable[[bytes], PhotoFacts]:
    path = tmp_path / "photo.jpg"

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


def with_thumbnail() -> bytes:
    """A phone's JPEG: a whole small JPEG, with its own end marker, inside APP1."""
    small, large = io.BytesIO(), io.BytesIO()
    image = Image.linear_gradient("L").convert("RGB")
    image.resize((16, 16)).save(small, "JPEG")
    image.save(large, "JPEG", exif=b"Exif\0\0" + small.getvalue())
    return large.getvalue()


@pytest.mark.parametrize(
    "trailer",
    [
        WHOLE,
        b"\x00\x00\x00\x18ftypmp42" + b"\xff\xda\x00",
        b"SEFHk\x00\x00\x00SEFT",
        bytes(5000),
    ],
)
def test_what_phones_append_after_the_end_marker_is_no_concern(check, trailer):
    assert check(WHOLE + trailer).width == 640


def test_the_thumbnail_inside_a_photo_is_not_taken_for_the_photo(check):
    assert (check(with_thumbnail()).width, check(with_thumbnail()).height) == (256, 256)


def test_a_photo_cut_after_its_thumbnail_is_refused(code_of):
    whole = with_thumbnail()
    end_of_thumbnail = whole.index(EOI) + 2
    assert end_of_thumbnail < len(whole) - 100
    assert code_of(whole[:end_of_thumbnail]) == "photo-truncated"
    assert code_of(whole[: end_of_thumbnail + 100]) == "photo-truncated"


@pytest.mark.parametrize(
    "content",
    [
        SOI + b"\xff\xff\xff" + WHOLE[2:],
        WHOLE[:-2] + b"\xff\xff" + EOI,
        SOI + segment(0xFE, b"a comment") + b"stray\xff\x00" + WHOLE[2:],
        SOI + frame() + scan(1, 2, 3, data=b"\x12\xff\x9f\xff\xd0\x34") + EOI,
        SOI + frame() + scan(1) + segment(0xC4, b"\0" * 17) + scan(2) + scan(3) + EOI,
        SOI + frame(count=1) + scan(1) + EOI,
    ],
    ids=["fill", "fill before the end", "stray bytes", "flipped bit", "one scan each", "grey"],
)
def test_what_real_cameras_write_is_taken(check, content):
    assert check(content).content_type == "image/jpeg"


@pytest.mark.parametrize(
    "content",
    [
        WHOLE[:-2],
        WHOLE[:-2] + b"\xff",
        SOI + frame() + b"\xff\xda\x00",
        SOI + frame() + b"\xff\xe1\xff\xff" + bytes(100),
        WHOLE[:-2] + WHOLE,
        SOI + frame() + scan(1) + scan(2) + EOI,
    ],
    ids=["no end", "half an end", "half a length", "past the file", "next picture", "scan missing"],
)
def test_a_photo_that_ends_too_early_is_called_truncated(code_of, content):
    assert code_of(content) == "photo-truncated"


@pytest.mark.parametrize(
    "content",
    [
        SOI + b"\xff\xe1\x00\x01" + WHOLE[2:],
        SOI + b"\xff\xe1\x00\x00" + WHOLE[2:],
        SOI + frame(width=0) + scan(1, 2, 3) + EOI,
        SOI + frame(height=0) + scan(1, 2, 3) + segment(0xDC, b"\x01\xe0") + EOI,
        SOI + frame(count=0) + scan(1) + EOI,
        SOI + frame(precision=7) + scan(1, 2, 3) + EOI,
        SOI + segment(0xC0, b"\x08\x00\x10\x00\x10\x03\x01\x11\x00") + scan(1) + EOI,
        SOI + segment(0xC0, b"\x08\x00\x10\x00\x10\x03" + b"\x01\x11\x00" * 3) + scan(1) + EOI,
        SOI + segment(0xC0, b"\x08\x00") + scan(1) + EOI,
        SOI + frame() + frame() + scan(1, 2, 3) + EOI,
        SOI + scan(1, 2, 3) + EOI,
        SOI + frame() + scan(1, 2, 4) + EOI,
        SOI + frame() + segment(0xDA, b"\x03\x01\x00\x00\x3f\x00") + b"\x12" + EOI,
        SOI + frame() + segment(0xDA, b"") + b"\x12" + EOI,
        SOI + frame() + scan(1, 2, 3, data=b"") + EOI,
        SOI + frame() + EOI,
        SOI + SOI + WHOLE[2:],
    ],
    ids=[
        "length 1", "length 0", "no width", "height in DNL", "no components", "7 bits",
        "frame too short", "one name thrice", "frame cut", "two frames", "scan before frame",
        "unknown component", "scan header too short", "scan header empty", "empty scan",
        "no scan", "two starts",
    ],
)  # fmt: skip
def test_a_photo_whose_structure_cannot_be_is_called_damaged(code_of, content):
    assert code_of(content) == "photo-damaged"


@pytest.mark.parametrize("marker", [0xC3, 0xC5, 0xC8, 0xC9, 0xCF, 0xF7])
def test_lossless_and_arithmetic_jpegs_are_refused_by_name(code_of, marker):
    assert code_of(SOI + frame(marker=marker) + scan(1, 2, 3) + EOI) == "photo-format-unsupported"


def test_a_12_bit_jpeg_is_refused_by_name(code_of):
    content = SOI + frame(marker=0xC1, precision=12) + scan(1, 2, 3) + EOI
    assert code_of(content) == "photo-format-unsupported"


def test_a_200_megapixel_phone_photo_is_taken(check):
    facts = check(SOI + frame(16_320, 12_240) + scan(1, 2, 3) + EOI)
    assert facts.width * facts.height == 199_756_800


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (SOI + frame(17_000, 12_400) + scan(1, 2, 3) + EOI, "2.2 亿像素，这种格式不能超过 2.1"),
        (SOI + frame(8_000, 7_501, marker=0xC2) + scan(1, 2, 3) + EOI, "6001 万像素"),
        (SOI + frame(8_000, 7_501) + scan(1) + scan(2) + scan(3) + EOI, "不能超过 6000 万"),
    ],
    ids=["one pass", "progressive", "several scans"],
)
def test_more_pixels_than_can_be_decoded_are_refused(check, content, words):
    with pytest.raises(TooLarge) as refused:
        check(content)
    assert refused.value.code == "photo-too-many-pixels"
    assert words in refused.value.words.zh


def test_a_progressive_photo_of_sixty_megapixels_is_taken(check):
    assert check(SOI + frame(8_000, 7_500, marker=0xC2) + scan(1, 2, 3) + EOI).progressive


def test_a_photo_of_endless_segments_is_refused(code_of):
    assert code_of(SOI + segment(0xFE, b"") * 20_000 + WHOLE[2:]) == "photo-damaged"


def test_a_photo_of_endless_scans_is_refused(code_of):
    content = SOI + frame(marker=0xC2) + scan(1, 2, 3) * 501 + EOI
    assert code_of(content) == "photo-damaged"

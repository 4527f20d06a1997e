"""The photo gate as a whole: what it takes, what it refuses and what it says."""

import io
from collections.abc import Callable
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image

from intake.gate import inspecting as gate
from intake.gate.inspecting import PhotoFacts, inspect
from schemas.errors import PhotoRefused, SuishoupaiError, TooLarge

FORMATS = ("jpeg", "progressive", "heic", "webp", "lossless-webp", "png", "avif")


def picture(width: int = 128, height: int = 64) -> Image.Image:
    return Image.linear_gradient("L").resize((width, height)).convert("RGB")


def encoded(kind: str, image: Image.Image | None = None) -> bytes:
    image = image or picture()
    out = io.BytesIO()
    if kind == "heic":
        pillow_heif.from_pillow(image).save(out)
    elif kind == "progressive":
        image.save(out, "JPEG", progressive=True)
    elif kind == "lossless-webp":
        exif = Image.Exif()
        exif[0x010F] = "Maker"
        image.save(out, "WEBP", lossless=True, exif=exif)
    else:
        image.save(out, kind.upper())
    return out.getvalue()


@pytest.fixture(scope="module")
def samples() -> dict[str, bytes]:
    return {kind: encoded(kind) for kind in FORMATS}


@pytest.fixture
def check(tmp_path: Path) -> Callable[..., PhotoFacts]:
    path = tmp_path / "photo"

    def write_and_inspect(content: bytes, declared: str | None = None) -> PhotoFacts:
        path.write_bytes(content)
        return inspect(path, declared=declared)

    return write_and_inspect


@pytest.mark.parametrize(
    ("kind", "content_type", "progressive"),
    [
        ("jpeg", "image/jpeg", False),
        ("progressive", "image/jpeg", True),
        ("heic", "image/heic", False),
        ("webp", "image/webp", False),
        ("lossless-webp", "image/webp", False),
        ("png", "image/png", False),
        ("avif", "image/avif", False),
    ],
)
def test_each_format_of_the_rules_is_taken_with_its_facts(
    check, samples, kind, content_type, progressive
):
    facts = check(samples[kind])
    assert facts == PhotoFacts(
        content_type=content_type,
        width=128,
        height=64,
        size_bytes=len(samples[kind]),
        progressive=progressive,
    )


@pytest.mark.parametrize("kind", FORMATS)
def test_every_beginning_of_a_photo_is_refused(check, samples, kind):
    whole = samples[kind]
    for length in range(len(whole)):
        with pytest.raises(PhotoRefused):
            check(whole[:length])


@pytest.mark.parametrize("kind", FORMATS)
def test_half_a_photo_is_called_truncated(check, samples, kind):
    with pytest.raises(PhotoRefused) as refused:
        check(samples[kind][: len(samples[kind]) // 2])
    assert refused.value.code == "photo-truncated"
    assert "不完整" in refused.value.words.zh
    assert "incomplete" in refused.value.words.en


def test_an_empty_file_is_refused(check):
    with pytest.raises(PhotoRefused) as refused:
        check(b"")
    assert refused.value.code == "photo-empty"


def test_a_photo_of_exactly_25_mb_is_taken_and_one_byte_more_is_refused(tmp_path, samples):
    path = tmp_path / "photo"
    path.write_bytes(samples["jpeg"])
    with path.open("r+b") as file:
        file.truncate(gate.MAX_BYTES)
    assert inspect(path).size_bytes == 25 * 1024 * 1024
    with path.open("r+b") as file:
        file.truncate(gate.MAX_BYTES + 1)
    with pytest.raises(TooLarge) as refused:
        inspect(path)
    assert refused.value.code == "photo-too-large"
    assert "25.1 MB" in refused.value.words.zh
    assert refused.value.facts == {"size_bytes": 26_214_401, "limit_bytes": 26_214_400}


@pytest.mark.parametrize(
    "content",
    [
        b"<!DOCTYPE html><p>upload failed</p>",
        b"BMW 320i, licence plate",
        b"PK\x03\x04" + bytes(40),
        b"\xff",
        b"\x00" * 100,
        "证据".encode(),
    ],
)
def test_what_is_no_picture_is_refused_whatever_it_is_declared_as(check, content):
    with pytest.raises(PhotoRefused) as refused:
        check(content, "image/jpeg")
    assert refused.value.code == "photo-not-an-image"


def saved(kind: str) -> bytes:
    out = io.BytesIO()
    picture().save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: saved("GIF"), "是 GIF "),
        (lambda: saved("TIFF"), "是 TIFF "),
        (lambda: saved("BMP"), "是 BMP "),
        (lambda: saved("ICO"), "ICO"),
        (lambda: saved("PDF"), "是 PDF "),
        (lambda: b"MM\x00*" + bytes(20), "TIFF"),
        (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (lambda: b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x -->\n<SVG/>", "SVG"),
        (lambda: b"\x00\x00\x00\x0cJXL \r\n\x87\n", "JPEG XL"),
        (lambda: b"\xff\x0a" + bytes(20), "JPEG XL"),
        (lambda: b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (lambda: b"8BPS\x00\x01", "Photoshop"),
        (lambda: b"RIFF\x20\x00\x00\x00AVI LIST", "是视频"),
    ],
)
def test_a_picture_of_another_format_is_refused_by_its_name(check, make, named):
    with pytest.raises(PhotoRefused) as refused:
        check(make())
    assert refused.value.code == "photo-format-unsupported"
    assert named in refused.value.words.zh


def test_a_page_that_only_holds_a_drawing_is_not_called_svg(check):
    with pytest.raises(PhotoRefused) as refused:
        check(b"<!DOCTYPE html><body><svg></svg></body>")
    assert refused.value.code == "photo-not-an-image"


@pytest.mark.parametrize(
    ("kind", "declared"),
    [
        ("jpeg", None),
        ("jpeg", ""),
        ("jpeg", "application/octet-stream"),
        ("jpeg", "image/*"),
        ("jpeg", "image/jpeg"),
        ("jpeg", "IMAGE/JPEG; charset=binary"),
        ("jpeg", "image/jpg"),
        ("jpeg", "image/pjpeg"),
        ("jpeg", "no media type at all"),
        ("png", "image/x-png"),
        ("heic", "image/heif"),
        ("heic", "image/heic-sequence"),
        ("avif", "image/avif"),
        ("webp", "image/webp"),
        ("webp", "image/jpeg"),
        ("heic", "image/jpeg"),
        ("png", "image/gif"),
    ],
)
def test_a_declared_type_of_pictures_or_that_says_nothing_is_tolerated(
    check, samples, kind, declared
):
    assert check(samples[kind], declared).size_bytes == len(samples[kind])


@pytest.mark.parametrize(
    ("kind", "declared"),
    [
        ("jpeg", "text/html"),
        ("png", "application/pdf"),
        ("webp", "video/mp4"),
    ],
)
def test_a_declared_type_that_names_no_picture_is_refused_with_both_names(
    check, samples, kind, declared
):
    with pytest.raises(PhotoRefused) as refused:
        check(samples[kind], declared)
    assert refused.value.code == "photo-type-mismatch"
    for sentence in refused.value.words:
        assert declared in sentence
        assert f"image/{kind}" in sentence


def test_a_file_that_is_not_there_is_the_servers_error_and_not_the_riders(tmp_path):
    with pytest.raises(FileNotFoundError):
        inspect(tmp_path / "gone")


def test_every_refusal_names_the_field_and_says_what_to_do_in_both_languages(check, samples):
    refused: list[SuishoupaiError] = []
    for content, declared in [
        (b"", None),
        (b"text", None),
        (saved("GIF"), None),
        (samples["png"][:-1], None),
        (samples["png"], "text/html"),
        (samples["png"].replace(b"IDAT", b"1DAT"), None),
    ]:
        with pytest.raises(PhotoRefused) as caught:
            check(content, declared)
        refused.append(caught.value)
    assert len({error.code for error in refused}) == 6
    for error in refused:
        assert error.field == "photos"
        assert "请" in error.words.zh
        assert "lease" in error.words.en

import io
import struct
import zlib
from pathlib import Path

import exifread
import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from schemas.errors import PhotoRefused
from schemas.photo_words import PICTURE_REASONS
from workers.copies import derivatives, has_metadata
from workers.formats import PLUGINS
from workers.pictures import (
    Picture,
    PixelLimits,
    open_picture,
    upright,
)

RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 200, 30), (30, 30, 220), (230, 220, 40)
# What has to be done to an upright picture so that its EXIF orientation undoes it.
STORED_AS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def quadrants(width: int = 640, height: int = 480) -> Image.Image:
    """Red and green above, blue and yellow below."""
    picture = Image.new("RGB", (width, height), RED)
    picture.paste(GREEN, (width // 2, 0, width, height // 2))
    picture.paste(BLUE, (0, height // 2, width // 2, height))
    picture.paste(YELLOW, (width // 2, height // 2, width, height))
    return picture


def assert_upright(picture: Image.Image) -> None:
    width, height = picture.size
    assert width > height
    corners = {
        (width // 4, height // 4): RED,
        (3 * width // 4, height // 4): GREEN,
        (width // 4, 3 * height // 4): BLUE,
        (3 * width // 4, 3 * height // 4): YELLOW,
    }
    for point, colour in corners.items():
        assert close(picture.convert("RGB").getpixel(point), colour), point


def close(seen: object, meant: tuple[int, ...], by: int = 30) -> bool:
    return bool(np.max(np.abs(np.asarray(seen, int) - np.asarray(meant))) <= by)


def saved(picture: Image.Image, kind: str, **options: object) -> io.BytesIO:
    target = io.BytesIO()
    if kind == "HEIF":
        pillow_heif.from_pillow(picture).save(target, **options)
    else:
        picture.save(target, kind, **options)
    target.seek(0)
    return target


def exif(orientation: int) -> Image.Exif:
    block = Image.Exif()
    block[0x0112] = orientation
    block[0x010F] = "HUAWEI"
    block.get_ifd(0x8825).update({1: "N", 2: (41.0, 47.0, 36.0), 3: "E", 4: (123.0, 27.0, 10.0)})
    return block


def turned(file: io.BytesIO, orientation: int = 1) -> Image.Image:
    return seen(open_picture(file), orientation)


def seen(picture: Picture, orientation: int = 1) -> Image.Image:
    return Image.fromarray(upright(picture, orientation=orientation)[0])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_out_upright(orientation: int) -> None:
    turn = STORED_AS[orientation]
    stored = quadrants() if turn is None else quadrants().transpose(turn)
    picture = turned(saved(stored, "JPEG", quality=95), orientation)
    for jpeg in derivatives(np.asarray(picture)).values():
        assert_upright(Image.open(io.BytesIO(jpeg)))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_every_format_is_decoded(kind: str) -> None:
    file = saved(quadrants(), kind)
    picture = open_picture(file)
    assert picture.content_type == f"image/{'heic' if kind == 'HEIF' else kind.lower()}"
    assert (picture.width, picture.height) == (640, 480)
    assert_upright(seen(picture))


def test_heic_is_turned_by_its_decoder_and_says_so() -> None:
    stored = quadrants().transpose(Image.Transpose.ROTATE_90)
    picture = open_picture(saved(stored, "HEIF", exif=exif(6).tobytes()))
    assert picture.turned_from == 6
    assert_upright(seen(picture))


@pytest.mark.parametrize(
    ("size", "large", "small"),
    [
        ((4000, 3000), (1280, 960), (320, 240)),
        ((1500, 3000), (640, 1280), (160, 320)),
        ((1000, 500), (1000, 500), (320, 160)),
        ((200, 100), (200, 100), (200, 100)),
        ((3000, 1), (1280, 1), (320, 1)),
    ],
)
def test_derivatives_fit_and_are_never_enlarged(
    size: tuple[int, int], large: tuple[int, int], small: tuple[int, int]
) -> None:
    written = derivatives(np.asarray(turned(saved(Image.new("RGB", size, RED), "JPEG"))))
    assert {edge: Image.open(io.BytesIO(jpeg)).size for edge, jpeg in written.items()} == {
        1280: large,
        320: small,
    }


def test_derivatives_carry_nothing_of_what_the_original_says() -> None:
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("Comment", "SECRET")
    chunks.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta>SECRET</x:xmpmeta>")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    originals = [
        saved(
            quadrants(),
            "JPEG",
            exif=exif(1),
            comment=b"SECRET",
            icc_profile=profile,
            xmp=b"<x:xmpmeta>SECRET</x:xmpmeta>",
            dpi=(300, 300),
        ),
        saved(quadrants(), "PNG", exif=exif(1), pnginfo=chunks, icc_profile=profile),
        saved(quadrants(), "WEBP", exif=exif(1), icc_profile=profile, xmp=b"SECRET"),
        saved(quadrants(), "AVIF", exif=exif(1), icc_profile=profile, xmp=b"SECRET"),
        saved(quadrants(), "HEIF", exif=exif(1).tobytes(), xmp=b"SECRET"),
    ]
    for original in originals:
        assert b"SECRET" in original.getvalue() or b"HUAWEI" in original.getvalue()
        for jpeg in derivatives(np.asarray(turned(original))).values():
            assert not has_metadata(jpeg)
            assert exifread.process_file(io.BytesIO(jpeg)) == {}
            assert b"SECRET" not in jpeg
            assert b"HUAWEI" not in jpeg
            markers = {jpeg[at + 1] for at in range(len(jpeg)) if jpeg[at] == 0xFF}
            assert not markers & {*range(0xE1, 0xF0), 0xFE}


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


@pytest.mark.parametrize(
    "dirty",
    [
        saved(quadrants(), "JPEG", exif=exif(1)).getvalue(),
        saved(quadrants(), "JPEG", comment=b"rider 17").getvalue(),
        saved(quadrants(), "JPEG", xmp=b"<x:xmpmeta/>").getvalue(),
        saved(quadrants(), "JPEG", icc_profile=b"profile").getvalue(),
        saved(quadrants(), "JPEG", progressive=True).getvalue(),
        saved(quadrants(), "JPEG").getvalue() + b"\0",
        saved(quadrants(), "JPEG").getvalue()[:-2],
        saved(quadrants(), "JPEG").getvalue()[:300],
        saved(quadrants(), "PNG").getvalue(),
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8",
        b"",
    ],
    ids=[
        "exif",
        "comment",
        "xmp",
        "icc",
        "progressive",
        "tail",
        "no-end",
        "cut",
        "png",
        "bare",
        "start",
        "empty",
    ],
)
def test_anything_but_the_picture_counts_as_metadata(dirty: bytes) -> None:
    assert has_metadata(dirty)


def test_metadata_is_found_wherever_it_hides() -> None:
    clean = saved(quadrants(), "JPEG").getvalue()
    assert not has_metadata(clean)
    start_of_scan = clean.index(b"\xff\xda")
    hidden = segment(0xFE, b"rider 17")
    assert has_metadata(clean[:20] + hidden + clean[20:])
    assert has_metadata(clean[:start_of_scan] + hidden + clean[start_of_scan:])
    assert has_metadata(clean[:-2] + hidden + clean[-2:])
    assert has_metadata(clean[:20] + b"\xff\xdb\0\0" + clean[20:])
    # A JFIF header may hold a thumbnail, which is a picture of its own.
    with_thumbnail = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\1\1RGB")
    assert has_metadata(clean[:2] + with_thumbnail + clean[20:])


def palette_with_transparency() -> io.BytesIO:
    picture = Image.new("P", (40, 20), 0)
    picture.putpalette([*RED, *GREEN])
    picture.paste(1, (20, 0, 40, 20))
    return saved(picture, "PNG", transparency=0)


def half_transparent(mode: str, colour: object, kind: str = "PNG") -> io.BytesIO:
    """Opaque on the left, fully transparent on the right."""
    mask = Image.new("L", (40, 20), 255)
    mask.paste(0, (20, 0, 40, 20))
    picture = Image.new(mode, (40, 20), colour)
    picture.putalpha(mask)
    return saved(picture, kind, lossless=True)


@pytest.mark.parametrize(
    ("file", "colour"),
    [
        (half_transparent("RGB", RED), RED),
        (half_transparent("RGB", RED, "WEBP"), RED),
        (half_transparent("RGB", RED, "AVIF"), RED),
        (half_transparent("RGB", RED, "HEIF"), RED),
        (half_transparent("L", 40), (40, 40, 40)),
    ],
    ids=["png", "webp", "avif", "heic", "grey"],
)
def test_transparency_is_laid_over_white(file: io.BytesIO, colour: tuple[int, ...]) -> None:
    picture = turned(file)
    assert close(picture.getpixel((5, 10)), colour, by=12)
    assert close(picture.getpixel((35, 10)), (255, 255, 255), by=5)


def test_a_transparent_palette_is_laid_over_white() -> None:
    picture = turned(palette_with_transparency())
    assert close(picture.getpixel((5, 10)), (255, 255, 255), by=2)
    assert close(picture.getpixel((35, 10)), GREEN, by=2)


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)
    picture = turned(saved(Image.fromarray(np.tile(ramp, (64, 1))), "PNG"))
    assert picture.mode == "RGB"
    assert close(picture.getpixel((128, 30)), (128, 128, 128), by=3)
    assert close(picture.getpixel((64, 30)), (64, 64, 64), by=3)


@pytest.mark.parametrize("mode", ["1", "L", "CMYK"])
def test_other_modes_become_rgb(mode: str) -> None:
    file = saved(quadrants().convert(mode), "PNG" if mode == "1" else "JPEG")
    picture = turned(file)
    assert picture.mode == "RGB"
    if mode == "CMYK":
        assert_upright(picture)


def test_a_wide_colour_profile_is_brought_to_srgb() -> None:
    profile = swapped_primaries()
    moved, notes = upright(
        open_picture(saved(quadrants(), "PNG", icc_profile=profile)), orientation=1
    )
    assert notes == ()
    # With red and blue exchanged in the profile, the red quadrant is blue in truth.
    assert close(moved[10, 10], BLUE, by=40)


def swapped_primaries() -> bytes:
    """Return an sRGB profile whose red and blue primaries are exchanged and whose name is not."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = profile.index(b"rXYZ", 128), profile.index(b"bXYZ", 128)
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))


def test_a_broken_colour_profile_is_noted_and_left_out() -> None:
    picture, notes = upright(
        open_picture(saved(quadrants(), "PNG", icc_profile=b"no profile" * 20)), orientation=1
    )
    assert notes == ("colour-profile-unreadable",)
    assert_upright(Image.fromarray(picture))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_half_a_file_is_refused(kind: str) -> None:
    whole = saved(Image.effect_noise((400, 300), 80).convert("RGB"), kind).getvalue()
    with pytest.raises(PhotoRefused) as refusal:
        turned(io.BytesIO(whole[: len(whole) // 2]))
    assert refusal.value.code == "photo-unreadable"
    assert refusal.value.facts["detail"]


@pytest.mark.parametrize("content", [b"", b"<html>", b"GIF89a" + bytes(40), b"%PDF-1.7", b"\xff"])
def test_what_is_no_photo_is_refused(content: bytes) -> None:
    with pytest.raises(PhotoRefused) as refusal:
        open_picture(io.BytesIO(content))
    assert refusal.value.code == "photo-format-unknown"


def test_the_first_bytes_of_every_format_alone_are_refused() -> None:
    for kind in ("JPEG", "PNG", "WEBP", "AVIF", "HEIF"):
        head = saved(quadrants(), kind).getvalue()[:40]
        with pytest.raises(PhotoRefused) as refusal:
            turned(io.BytesIO(head))
        assert refusal.value.code == "photo-unreadable"


def png_header(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = b"IDAT" + zlib.compress(bytes(1000))
    chunks = [
        struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part))
        for part in (header, pixels, b"IEND")
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("size", [(7746, 7746), (20000, 20000), (2**31 - 1, 2**31 - 1)])
def test_a_bomb_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(PhotoRefused) as refusal:
        open_picture(io.BytesIO(png_header(*size)))
    assert refusal.value.code == "photo-too-many-pixels"


def test_only_a_baseline_jpeg_may_have_the_higher_number_of_pixels() -> None:
    limits = PixelLimits(one_pass=640 * 480, other=640 * 480 - 1)
    assert open_picture(saved(quadrants(), "JPEG"), limits=limits).one_pass
    for file in (saved(quadrants(), "JPEG", progressive=True), saved(quadrants(), "PNG")):
        with pytest.raises(PhotoRefused) as refusal:
            open_picture(file, limits=limits)
        assert refusal.value.code == "photo-too-many-pixels"
    with pytest.raises(PhotoRefused):
        open_picture(saved(quadrants(641, 480), "JPEG"), limits=limits)


def test_a_200_megapixel_jpeg_is_not_stopped_by_pillows_own_limit(tmp_path: Path) -> None:
    jpeg = bytearray(saved(Image.new("L", (64, 64)), "JPEG").getvalue())
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 12240, 16320)
    picture = open_picture(io.BytesIO(bytes(jpeg)))
    assert picture.width * picture.height == 199_756_800


def test_every_plugin_has_a_signature_and_every_refusal_words() -> None:
    assert set(PLUGINS) == {"image/jpeg", "image/png", "image/webp", "image/avif", "image/heic"}
    assert all(words.zh and words.en for words in PICTURE_REASONS.values())

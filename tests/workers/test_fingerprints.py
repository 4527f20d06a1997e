import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from workers.fingerprints import (
    MAX_DISTANCE,
    MIN_QUALITY,
    distance,
    find_borders,
    fingerprints,
)


def scene(seed: int, width: int = 960, height: int = 720) -> Image.Image:
    """A picture with soft light, edges and texture, different for every seed."""
    rng = np.random.default_rng(seed)
    picture = Image.fromarray(rng.integers(40, 215, (9, 12, 3), dtype=np.uint8))
    picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    for _ in range(25):
        left, top = int(rng.integers(0, width - 80)), int(rng.integers(0, height - 80))
        box = (left, top, left + int(rng.integers(20, 300)), top + int(rng.integers(20, 300)))
        colour = tuple(int(c) for c in rng.integers(0, 255, 3))
        (draw.ellipse if rng.random() < 0.5 else draw.rectangle)(box, fill=colour)
    return picture.filter(ImageFilter.GaussianBlur(1.5))


def through_jpeg(picture: Image.Image, quality: int) -> Image.Image:
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=quality)
    return Image.open(target).convert("RGB")


def plain(picture: Image.Image) -> bytes:
    return fingerprints(picture)[0].pdq


def test_a_fingerprint_is_32_bytes_and_the_first_of_its_eight() -> None:
    (found,) = fingerprints(scene(1))
    assert found.variant == "plain"
    assert len(found.pdq) == 32
    assert found.pdq == found.dihedral[0]
    assert len(set(found.dihedral)) == 8
    assert found.quality >= MIN_QUALITY
    assert found.matchable


@pytest.mark.parametrize(
    ("index", "turn"),
    [
        (1, Image.Transpose.ROTATE_90),
        (2, Image.Transpose.ROTATE_180),
        (3, Image.Transpose.ROTATE_270),
        (4, Image.Transpose.FLIP_TOP_BOTTOM),
        (5, Image.Transpose.FLIP_LEFT_RIGHT),
        (6, Image.Transpose.TRANSPOSE),
        (7, Image.Transpose.TRANSVERSE),
    ],
)
def test_the_eight_hashes_are_those_of_the_turned_pictures(
    index: int, turn: Image.Transpose
) -> None:
    # Among them edges of which PDQ's own grid would lie to one side: 384 × 256 and 384 × 216.
    for seed, height in enumerate((720, 640, 540, 960, 300)):
        picture = scene(seed, height=height)
        asked = fingerprints(picture)[0].dihedral
        turned = plain(picture.transpose(turn))
        away = [distance(turned, each) for each in asked]
        assert away[index] <= 4
        assert min(away[:index] + away[index + 1 :]) > MAX_DISTANCE


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: through_jpeg(picture, 35),
        lambda picture: through_jpeg(picture.resize((480, 360)), 60),
        lambda picture: picture.resize((240, 180)),
        lambda picture: picture.resize((1280, 960)),
        lambda picture: picture.point(lambda value: min(255, value + 15)),
        lambda picture: picture.convert("L").convert("RGB"),
        lambda picture: picture.crop((8, 6, 952, 714)),
    ],
    ids=["jpeg", "messenger", "small", "enlarged", "brighter", "grey", "cropped"],
)
def test_a_copy_stays_within_the_distance(change) -> None:  # type: ignore[no-untyped-def]
    for seed in range(6):
        assert distance(plain(scene(seed)), plain(change(scene(seed)))) <= MAX_DISTANCE


def test_different_pictures_are_far_apart_in_all_eight_orientations() -> None:
    found = [fingerprints(scene(seed))[0] for seed in range(12)]
    for number, one in enumerate(found):
        for other in found[number + 1 :]:
            assert min(distance(asked, other.pdq) for asked in one.dihedral) > MAX_DISTANCE


@pytest.mark.parametrize(
    "dull",
    [
        Image.new("RGB", (800, 600)),
        Image.new("RGB", (800, 600), "white"),
        Image.linear_gradient("L").resize((800, 600)).convert("RGB"),
        Image.new("RGB", (1280, 1), "red"),
        Image.new("RGB", (1, 1), "red"),
    ],
    ids=["black", "white", "gradient", "line", "dot"],
)
def test_pictures_with_nothing_in_them_are_not_matched(dull: Image.Image) -> None:
    assert not any(found.matchable for found in fingerprints(dull))


def bordered(
    picture: Image.Image, left: int, top: int, right: int, bottom: int, colour: str = "black"
) -> Image.Image:
    size = picture.width + left + right, picture.height + top + bottom
    screen = Image.new("RGB", size, colour)
    screen.paste(picture, (left, top))
    return screen


@pytest.mark.parametrize("colour", ["black", "white", "#ededed"])
@pytest.mark.parametrize(
    "borders",
    [(0, 400, 0, 500), (300, 0, 300, 0), (60, 60, 60, 60), (0, 200, 0, 0), (100, 500, 90, 700)],
)
def test_borders_of_one_colour_are_trimmed(borders: tuple[int, ...], colour: str) -> None:
    for seed in (3, 4):
        picture = scene(seed)
        screen = through_jpeg(bordered(picture, *borders, colour=colour), 70)
        variants = {found.variant: found for found in fingerprints(screen)}
        assert set(variants) == {"plain", "trimmed"}
        assert distance(variants["trimmed"].pdq, plain(picture)) <= MAX_DISTANCE
        assert variants["trimmed"].matchable


def test_a_screenshot_with_clock_and_buttons_is_trimmed_to_its_picture() -> None:
    picture = scene(5)
    screen = bordered(picture, 0, 640, 0, 640)
    draw = ImageDraw.Draw(screen)
    draw.text((40, 40), "11:42", fill="white", font_size=36)
    draw.rectangle((820, 44, 900, 70), fill="white")
    draw.rounded_rectangle((380, 1850, 580, 1900), 20, fill="#333333")
    variants = {found.variant: found for found in fingerprints(through_jpeg(screen, 80))}
    assert distance(variants["trimmed"].pdq, plain(picture)) <= MAX_DISTANCE


def test_a_picture_without_borders_has_no_trimmed_variant() -> None:
    for seed in range(8):
        assert [found.variant for found in fingerprints(scene(seed))] == ["plain"]


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((300, 400), np.uint8),
        np.pad(np.tile(np.arange(20, 60, dtype=np.uint8), (30, 1)), 250),
    ],
    ids=["flat", "little-left"],
)
def test_where_little_would_be_left_nothing_is_trimmed(pixels: np.ndarray) -> None:
    assert find_borders(pixels) is None


def test_a_hair_of_border_is_not_worth_trimming() -> None:
    rng = np.random.default_rng(1)
    pixels = np.pad(rng.integers(60, 255, (290, 390), dtype=np.uint8), 5)
    assert find_borders(pixels) is None
    assert find_borders(np.pad(pixels, 40)) == (45, 45, 435, 335)


def test_the_distance_counts_differing_bits() -> None:
    zero, one, full = bytes(32), bytes(31) + b"\1", b"\xff" * 32
    assert [distance(zero, other) for other in (zero, one, full)] == [0, 1, 256]

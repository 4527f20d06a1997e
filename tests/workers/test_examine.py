import hashlib
import io
import struct
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import exifread
import numpy as np
import pi_heif.options
import pillow_heif
import pytest
from PIL import Image, ImageDraw

from intake.gate import inspecting as gate
from schemas.photo_words import WORDS
from workers import examine
from workers.copies import has_metadata
from workers.examine import Examination, Limits, Subject, cleared, examine_photos
from workers.fingerprints import MAX_DISTANCE, distance
from workers.forkserver import ForkServer
from workers.pictures import PixelLimits
from workers.sandbox import Outcome, run_each

# Memory limits count from a process's present size, and one in which a thousand tests
# have left free memory behind reaches none of them.
pytestmark = pytest.mark.alone

MB = 1 << 20
RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 200, 30), (30, 30, 220), (230, 220, 40)


def scene(width: int = 1600, height: int = 1200) -> Image.Image:
    """Four coloured quarters with shapes on them, so that it has a way up and a fingerprint."""
    picture = Image.new("RGB", (width, height), RED)
    picture.paste(GREEN, (width // 2, 0, width, height // 2))
    picture.paste(BLUE, (0, height // 2, width // 2, height))
    picture.paste(YELLOW, (width // 2, height // 2, width, height))
    draw = ImageDraw.Draw(picture)
    for number in range(40):
        # Steps that share no factor with the size spread the shapes without a pattern.
        left, top = width * (number * 37 % 101) // 110, height * (number * 53 % 97) // 105
        box = (
            left,
            top,
            left + width * (number % 7 + 3) // 60,
            top + height * (number % 5 + 2) // 40,
        )
        draw.ellipse(box, fill=(number * 6, 255 - number * 6, number * 91 % 256))
    return picture


@pytest.fixture(scope="module")
def huge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifty-nine megapixels of one colour: small in the file, 240 MB decoded."""
    path = tmp_path_factory.mktemp("huge") / "huge.png"
    Image.new("RGB", (7700, 7700)).save(path)
    return path


def exif(orientation: int = 1) -> Image.Exif:
    block = Image.Exif()
    block[0x010F], block[0x0110], block[0x0112] = "HUAWEI", "ALN-AL00", orientation
    block.get_ifd(0x8769).update({0x9003: "2026:11:02 11:42:10", 0x9011: "+08:00"})
    block.get_ifd(0x8825).update({1: "N", 2: (41.0, 47.0, 36.96), 3: "E", 4: (123.0, 27.0, 10.44)})
    return block


def write(path: Path, picture: Image.Image | None = None, orientation: int = 1) -> Path:
    picture = picture or scene()
    block = exif(orientation)
    if path.suffix == ".heic":
        pillow_heif.from_pillow(picture).save(path, exif=block.tobytes())
    else:
        picture.save(path, exif=block, quality=88)
    return path


def examined(*paths: Path, **limits: object) -> list[Examination]:
    return examine_photos(paths, limits=Limits(**limits))  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "avif", "heic"])
def test_a_photo_of_every_format_is_examined_whole(suffix: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"photo.{suffix}")
    (found,) = examined(path)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.size_bytes == path.stat().st_size
    door = gate.inspect(path)
    assert found.content_type == door.content_type
    assert (found.width, found.height) == (door.width, door.height) == (1600, 1200)
    assert found.orientation == 1
    assert found.metadata is not None
    assert found.metadata.latitude == pytest.approx(41.7936)
    assert found.metadata.longitude == pytest.approx(123.4529)
    assert found.metadata.taken_at_utc is not None
    assert (found.metadata.make, found.metadata.model) == ("HUAWEI", "ALN-AL00")
    assert (found.unreadable_reason, found.notes) == (None, ())
    sizes = {edge: Image.open(io.BytesIO(jpeg)).size for edge, jpeg in found.derivatives.items()}
    assert sizes == {1280: (1280, 960), 320: (320, 240)}
    for jpeg in found.derivatives.values():
        assert not has_metadata(jpeg)
        assert exifread.process_file(io.BytesIO(jpeg)) == {}
    assert [one.variant for one in found.fingerprints] == ["plain"]
    assert found.fingerprints[0].matchable


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "avif", "heic"])
def test_a_photo_held_sideways_is_served_upright(suffix: str, tmp_path: Path) -> None:
    stored = scene().transpose(Image.Transpose.ROTATE_90)
    upright, sideways = examined(
        write(tmp_path / "upright.jpg"), write(tmp_path / f"sideways.{suffix}", stored, 6)
    )
    for edge, jpeg in sideways.derivatives.items():
        meant = np.asarray(Image.open(io.BytesIO(upright.derivatives[edge])), int)
        seen = np.asarray(Image.open(io.BytesIO(jpeg)), int)
        assert seen.shape == meant.shape
        assert np.mean(np.abs(seen - meant)) < 5
    assert distance(upright.fingerprints[0].pdq, sideways.fingerprints[0].pdq) <= MAX_DISTANCE
    assert sideways.metadata is not None
    assert sideways.metadata.orientation == 6
    assert sideways.orientation == (1 if suffix == "heic" else 6)
    assert sideways.width is not None
    assert sideways.height is not None
    turned = sideways.orientation == 6
    assert (sideways.width > sideways.height) != turned


def test_bad_photos_cost_only_themselves_and_keep_their_place(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.jpg")
    half, page, empty = (tmp_path / name for name in ("half.jpg", "page.jpg", "empty.jpg"))
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    page.write_bytes(b"<html>not a photo</html>")
    empty.write_bytes(b"")
    found = examined(half, whole, page, empty, whole)
    assert [one.unreadable_reason for one in found] == [
        "photo-unreadable",
        None,
        "photo-format-unknown",
        "photo-format-unknown",
        None,
    ]
    assert found[0].sha256 == hashlib.sha256(half.read_bytes()).hexdigest()
    assert found[0].content_type == "image/jpeg"
    assert found[0].metadata is not None
    assert found[0].metadata.make == "HUAWEI"
    assert "truncated" in found[0].detail
    for bad in (found[0], found[2], found[3]):
        assert bad.derivatives == {}
        assert bad.fingerprints == ()
    assert found[1] == found[4]


def test_a_photo_that_eats_the_memory_costs_only_itself(tmp_path: Path, huge: Path) -> None:
    small = write(tmp_path / "small.jpg", scene(640, 480))
    found = examined(small, huge, small, memory_bytes=50 * MB)
    assert [one.unreadable_reason for one in found] == [None, "decoder-out-of-memory", None]
    assert found[1].sha256 == hashlib.sha256(huge.read_bytes()).hexdigest()
    assert set(found[0].derivatives) == {1280, 320}


@pytest.mark.parametrize(("suffix", "options"), [("avif", {"speed": 10}), ("webp", {"method": 0})])
def test_a_decoder_that_hides_its_lack_of_memory_does_not_make_a_photo_damaged(
    suffix: str, options: dict[str, int], tmp_path: Path
) -> None:
    path = tmp_path / f"large.{suffix}"
    Image.new("RGB", (4500, 4500), "green").save(path, **options)
    assert examined(path)[0].unreadable_reason is None
    # This process has memory to spare from making the picture; the fork server has none.
    lean = ForkServer()
    (found,) = examine_photos([path], limits=Limits(memory_bytes=30 * MB), do_in_child=lean)
    lean.stop()
    assert found.unreadable_reason == "decoder-out-of-memory"


def test_a_photo_that_takes_too_long_is_given_up(huge: Path) -> None:
    (found,) = examined(huge, wall_s=0.02)
    assert found.unreadable_reason == "decoder-out-of-time"
    assert found.size_bytes == huge.stat().st_size


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "bomb.jpg"
    jpeg = bytearray(write(path).read_bytes())
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 65_000, 65_000)
    path.write_bytes(jpeg)
    (found,) = examined(path)
    assert found.unreadable_reason == "photo-too-many-pixels"


def test_the_pixel_limits_are_those_that_were_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "photo.png")
    (found,) = examined(path, pixels=PixelLimits(other=1600 * 1200 - 1))
    assert found.unreadable_reason == "photo-too-many-pixels"


def test_no_photos_make_no_examinations() -> None:
    assert examined() == []


def test_a_missing_file_is_the_callers_affair(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        examined(tmp_path / "gone.jpg")


def test_damaged_exif_is_noted_and_the_picture_still_shown(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    scene().save(path, exif=b"Exif\0\0MM\0\x2a\xff\xff")
    (found,) = examined(path)
    assert found.notes == ("exif-unreadable",)
    assert set(found.derivatives) == {1280, 320}


def test_derivatives_are_served_all_clean_or_not_at_all(tmp_path: Path) -> None:
    clean = examined(write(tmp_path / "photo.jpg"))[0].derivatives
    assert cleared(clean) == clean
    dirty = write(tmp_path / "dirty.jpg", scene(320, 240)).read_bytes()
    assert cleared(clean | {320: dirty}) == {}


def test_a_derivative_with_metadata_is_dropped_and_said(tmp_path: Path) -> None:
    dirty = write(tmp_path / "dirty.jpg").read_bytes()
    base = Examination(sha256="0" * 64, size_bytes=1)
    finding = examine._Finding(derivative_sizes=(1280, 320))
    found = examine._examination(base, finding, [dirty, dirty, b""])
    assert found.derivatives == {}
    assert found.notes == ("derivative-not-clean",)


@pytest.mark.parametrize(
    "answer",
    [
        [],
        [b""],
        [b"not json"],
        [b"[]"],
        [b"[{}, {}]"],
        [b'[{"width": "wide"}]'],
        [b'[{"unreadable_reason": "made-up"}]'],
        [b'[{"notes": ["<script>"]}]'],
        [b'[{"derivative_sizes": [1280, 320]}]', b"one blob"],
        [b'[{"derivative_sizes": [9999]}]', b"blob", b"blob"],
        [b'[{"derivative_sizes": [1280, 320]}]', b"blob", b"blob", b"no features", b""],
        [b"[{}]", b"a blob too many"],
        [b'[{"fingerprints": [{"variant": "plain", "pdq": "00", "quality": 9, "dihedral": []}]}]'],
    ],
)
def test_an_answer_without_sense_counts_as_a_crash(answer: list[bytes], tmp_path: Path) -> None:
    def answers(subjects: Sequence[Subject], _: Limits) -> Outcome:
        return Outcome([[b"[{}]"] if "whole" in s.path.name else answer for s in subjects])

    paths = [tmp_path / name for name in ("whole", "forged", "whole too")]
    for path in paths:
        path.write_bytes(b"x")
    found = examine_photos(paths, limits=Limits(), do_in_child=answers)
    assert [one.unreadable_reason for one in found] == [None, "decoder-crashed", None]


class Counting:
    """Examines in a real child; photos named slow never end there."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def __call__(self, subjects: Sequence[Subject], limits: Limits) -> Outcome:
        self.calls.append([subject.path.stem for subject in subjects])
        return run_each(
            [partial(self._look, subject, limits) for subject in subjects],
            memory_bytes=limits.memory_bytes,
            cpu_s=limits.cpu_s,
            wall_s=limits.wall_s,
            total_s=limits.total_s,
        )

    def _look(self, subject: Subject, limits: Limits) -> list[bytes]:
        while subject.path.stem == "slow":
            pass
        return examine.in_child(subject, limits)


def test_a_slow_photo_costs_its_neighbours_no_more_than_its_own_time(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{name}.jpg", scene(64, 48)) for name in ("one", "slow", "two")]
    child = Counting()
    found = examine_photos(paths, limits=Limits(cpu_s=1), do_in_child=child)
    assert [each.unreadable_reason for each in found] == [None, "decoder-out-of-time", None]
    assert child.calls == [["one", "slow", "two"], ["two"]]


def test_when_the_tips_time_is_used_up_the_rest_is_given_up(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{name}.jpg", scene(64, 48)) for name in ("one", "two")]
    found = examine_photos(paths, limits=Limits(total_s=0))
    assert [each.unreadable_reason for each in found] == ["decoder-out-of-time"] * 2
    assert all(each.sha256 for each in found)


def test_a_photo_that_others_may_have_left_no_memory_gets_a_child_of_its_own(
    tmp_path: Path, huge: Path
) -> None:
    one = write(tmp_path / "one.jpg", scene(64, 48))
    calls: list[list[str]] = []
    lean = ForkServer()

    def child(subjects: Sequence[Subject], limits: Limits) -> Outcome:
        calls.append([subject.path.stem for subject in subjects])
        return lean(subjects, limits)

    found = examine_photos([one, huge, one], limits=Limits(memory_bytes=50 * MB), do_in_child=child)
    lean.stop()
    assert [each.unreadable_reason for each in found] == [None, "decoder-out-of-memory", None]
    assert calls == [["one", "huge", "one"], ["huge", "one"], ["one"]]


def test_every_code_has_words_in_both_languages_and_fits_its_column() -> None:
    for code, words in WORDS.items():
        assert len(code) <= 40
        assert any("\u4e00" <= letter <= "\u9fff" for letter in words.zh)
        assert words.en.isascii() or "°" in words.en


def test_the_parents_globals_stay_as_they_were(tmp_path: Path) -> None:
    before = Image.MAX_IMAGE_PIXELS, vars(pi_heif.options).copy()
    examined(write(tmp_path / "photo.heic"))
    assert (Image.MAX_IMAGE_PIXELS, vars(pi_heif.options)) == before

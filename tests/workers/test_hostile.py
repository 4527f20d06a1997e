"""Every hostile photo of the record: taken upright and clean, or refused in words."""

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from fuzz.carriers import CONTENT_TYPES, RED, SUFFIXES, YELLOW, encoded, is_upright, photo, stored
from fuzz.hostile import HEAVY, Hostile, at_the_door, hostile, in_the_worker, taken
from intake.gate.inspecting import PhotoFacts, inspect
from schemas.errors import PhotoRefused, TooLarge
from schemas.masks import Stroke
from schemas.photo_words import WORDS
from workers.copies import has_metadata
from workers.examine import Examination, Limits, examine_photos

MB = 1 << 20


def named(photos: list[Hostile]) -> list[object]:
    return [pytest.param(each, id=each.name) for each in photos]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    # Each bears the most usual ending, whatever it is.
    def written(content: bytes) -> Path:
        path = tmp_path / "photo.jpg"
        path.write_bytes(content)
        return path

    return written


def examined(*paths: Path) -> list[Examination]:
    return examine_photos(paths, limits=Limits())


def assert_served_clean(found: Examination) -> Image.Image:
    assert found.unreadable_reason is None
    assert set(found.derivatives) == {1280, 320}
    for jpeg in found.derivatives.values():
        assert not has_metadata(jpeg)
        for trace in (b"HUAWEI", b"Snapseed", b"<script", b"%PDF", b"PK\3\4", b"LOOP"):
            assert trace not in jpeg
    return Image.open(io.BytesIO(found.derivatives[1280]))


@pytest.mark.parametrize("each", named(at_the_door()))
def test_it_is_refused_at_the_door_in_words(each, write):
    with pytest.raises((PhotoRefused, TooLarge)) as refused:
        inspect(write(each.make()))
    assert refused.value.code == each.door
    assert "请" in refused.value.words.zh
    assert "lease" in refused.value.words.en


@pytest.mark.parametrize("each", named(taken()))
def test_it_is_taken_upright_and_served_clean(each, write):
    path = write(each.make())
    facts = inspect(path)
    (found,) = examined(path)
    picture = assert_served_clean(found)
    assert found.content_type == facts.content_type
    assert is_upright(picture) or not each.upright


@pytest.mark.parametrize("each", named(in_the_worker()))
def test_what_passes_the_door_is_refused_by_the_worker_in_words(each, write):
    path = write(each.make())
    assert isinstance(inspect(path), PhotoFacts)
    (found,) = examined(path)
    assert found.unreadable_reason == each.worker
    assert WORDS[each.worker].zh
    assert found.derivatives == {}


@pytest.mark.parametrize("name", HEAVY)
def test_what_decoders_fill_up_costs_no_more_than_its_limits(name, write):
    path = write(HEAVY[name]())
    assert isinstance(inspect(path), PhotoFacts)
    (found,) = examined(path)
    assert_served_clean(found)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_orientation_of_every_carrier_is_served_upright(suffix, tmp_path):
    paths = [tmp_path / f"{turn}.jpg" for turn in range(1, 9)]
    for turn, path in enumerate(paths, start=1):
        path.write_bytes(photo(suffix, turn))
    for turn, found in enumerate(examined(*paths), start=1):
        assert is_upright(assert_served_clean(found)), turn
        assert found.content_type == CONTENT_TYPES[suffix]
        assert found.metadata is not None
        assert (found.metadata.orientation or 1) == turn


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_a_rider_brushed_is_hidden_where_it_was_seen_whatever_way_the_photo_lies(
    suffix, tmp_path
):
    # On the photo as it is seen upright: over the green quarter, from end to end.
    mask = (Stroke(width=0.25, points=((0.65, 0.25), (0.9, 0.25))),)
    paths = [tmp_path / f"{turn}.jpg" for turn in range(1, 9)]
    for turn, path in enumerate(paths, start=1):
        path.write_bytes(photo(suffix, turn))
    for turn, found in enumerate(examine_photos(paths, limits=Limits(), masks=[mask] * 8), start=1):
        picture = assert_served_clean(found)
        width, height = picture.size
        assert width > height
        assert close(picture, (0.75, 0.25), (0, 0, 0))
        if suffix not in {"png", "webp"} or turn == 1:
            assert close(picture, (0.25, 0.25), RED)
            assert close(picture, (0.75, 0.75), YELLOW)
            continue
        # Some browsers show these two as they are stored; there, too, it must be hidden.
        shown = stored(turn, picture)
        assert close(shown, (0.75, 0.25), (0, 0, 0))


def close(picture: Image.Image, at: tuple[float, float], colour: tuple[int, int, int]) -> bool:
    seen = picture.getpixel((int(picture.width * at[0]), int(picture.height * at[1])))
    return max(abs(one - two) for one, two in zip(seen, colour, strict=True)) < 40


def test_a_photo_whose_exif_its_decoder_will_not_have_is_taken_without_it(write):
    (found,) = examined(write(hostile()["rubbish-exif.avif"].make()))
    assert_served_clean(found)
    assert found.notes == ("exif-unreadable",)


# As the fork server is: a process that has loaded the decoders and done nothing else. Each
# photo is examined by a fork of its own, whose only child the system has measured.
MEASURE = """
import json, os, resource, sys
from pathlib import Path
from workers.examine import Limits, examine_photos, warm_up
from workers.heap import settle_memory
warm_up()
settle_memory()
for line in sys.stdin:
    path, memory_bytes = json.loads(line)
    if os.fork() == 0:
        pages = int(Path("/proc/self/statm").read_bytes().split()[1])
        (found,) = examine_photos([Path(path)], limits=Limits(memory_bytes=memory_bytes))
        peak_bytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        taken_bytes = peak_bytes - pages * resource.getpagesize()
        print(json.dumps([taken_bytes, found.unreadable_reason]), flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.fixture(scope="module")
def peak_bytes() -> Iterator[Callable[..., tuple[int, str | None]]]:
    """Return the memory that a child took on top of its parent's, and the photo's refusal."""
    with subprocess.Popen(
        [sys.executable, "-c", MEASURE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def measured(path: Path, *, memory_bytes: int) -> tuple[int, str | None]:
            print(json.dumps([str(path), memory_bytes]), file=process.stdin, flush=True)
            taken_bytes, reason = json.loads(process.stdout.readline())
            return taken_bytes, reason

        yield measured
        process.stdin.close()


GREEDY = ("text-bomb.png", "big-exif.png", "long-profile.avif", "many-tiles.heic", "scans.jpg")
FEW = 64 * MB
# The decoders' code counts, too, where the child is the first to read it from its file.
CODE = 24 * MB


@pytest.mark.parametrize("name", [*GREEDY, "liar.avif"])
def test_no_hostile_photo_takes_more_than_the_set_memory(name, write, peak_bytes):
    make = HEAVY.get(name) or hostile()[name].make
    taken_bytes, reason = peak_bytes(write(make()), memory_bytes=FEW)
    assert 0 < taken_bytes <= FEW + CODE
    assert reason in {None, "decoder-out-of-memory", "photo-unreadable"}


@pytest.mark.parametrize("suffix", ["png", "avif"])
def test_it_is_the_limit_that_stops_a_greedy_photo(suffix, write, peak_bytes):
    path = write(encoded(suffix, Image.new("RGB", (5_000, 5_000), "green")))
    assert peak_bytes(path, memory_bytes=FEW)[0] <= FEW + CODE
    assert peak_bytes(path, memory_bytes=FEW)[1] == "decoder-out-of-memory"
    taken_bytes, reason = peak_bytes(path, memory_bytes=1024 * MB)
    assert FEW + CODE < taken_bytes <= 1024 * MB
    assert reason is None


@pytest.mark.parametrize("name", ["nameless.heic", "typeless.heic"])
def test_what_crashes_a_decoder_is_not_given_to_it(name, write):
    (found,) = examined(write(hostile()[name].make()))
    assert found.unreadable_reason == "photo-unreadable"
    assert "no text" in found.detail

"""Every hostile photo of the record: taken upright and clean, or refused in words."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from fuzz.carriers import CONTENT_TYPES, SUFFIXES, is_upright, photo
from fuzz.hostile import HEAVY, Hostile, at_the_door, hostile, in_the_worker, taken
from intake.gate.inspecting import PhotoFacts, inspect
from schemas.errors import PhotoRefused, TooLarge
from schemas.photo_words import WORDS
from workers.examine import Examination, Limits, examine_photos
from workers.pictures import has_metadata

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


def test_a_photo_whose_exif_its_decoder_will_not_have_is_taken_without_it(write):
    (found,) = examined(write(hostile()["rubbish-exif.avif"].make()))
    assert_served_clean(found)
    assert found.notes == ("exif-unreadable",)

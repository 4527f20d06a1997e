"""Nothing that a file holds makes the photo gate fail in another way than by a refusal."""

import io
from pathlib import Path

import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from intake.gate.inspecting import PhotoFacts, inspect
from schemas.errors import PhotoRefused, TooLarge

CODES = {
    "photo-damaged",
    "photo-empty",
    "photo-format-unsupported",
    "photo-not-an-image",
    "photo-too-many-pixels",
    "photo-truncated",
}
SIGNATURES = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"RIFF\x40\x00\x00\x00WEBP",
    b"\x00\x00\x00\x10ftypheic",
    b"\x00\x00\x00\x10ftypavif",
)
# Lengths and counts at their edges do more harm than random bytes.
EDGES = (0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
FEW = settings(max_examples=200, derandomize=True, deadline=None, database=None)


def make_samples() -> dict[str, bytes]:
    image = Image.linear_gradient("L").resize((64, 64)).convert("RGB")
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    samples = {}
    for name, options in {
        "jpeg": {"exif": exif},
        "progressive": {"format": "JPEG", "progressive": True},
        "png": {"exif": exif},
        "webp": {"exif": exif},
        "lossless": {"format": "WEBP", "lossless": True},
        "avif": {"exif": exif},
    }.items():
        out = io.BytesIO()
        image.save(out, **{"format": name.upper(), **options})
        samples[name] = out.getvalue()
    out = io.BytesIO()
    pillow_heif.from_pillow(image).save(out, exif=exif.tobytes())
    samples["heic"] = out.getvalue()
    return samples


@pytest.fixture(scope="module")
def samples() -> dict[str, bytes]:
    return make_samples()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gate") / "photo"


def taken_or_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        facts = inspect(path)
    except (PhotoRefused, TooLarge) as error:
        refused = error
    else:
        assert isinstance(facts, PhotoFacts)
        assert 0 < facts.width * facts.height <= 210_000_000
        return
    assert refused.code in CODES
    assert refused.words.zh
    assert refused.words.en


@st.composite
def changes(draw: st.DrawFn) -> list[tuple[int, bytes]]:
    """A few places, in thousandths of the file, and the bytes to write there."""
    edge = st.builds(
        lambda value, size: (value & (1 << 8 * size) - 1).to_bytes(size, "big"),
        st.sampled_from(EDGES),
        st.sampled_from((1, 2, 4)),
    )
    change = st.tuples(st.integers(0, 1000), st.binary(min_size=1, max_size=4) | edge)
    return draw(st.lists(change, min_size=1, max_size=8))


@pytest.mark.parametrize("kind", ["jpeg", "progressive", "png", "webp", "lossless", "avif", "heic"])
def test_changed_and_cut_photos_are_taken_or_refused(samples, path, kind):
    whole = samples[kind]

    @FEW
    @given(changes=changes(), cut=st.none() | st.integers(0, len(whole)), early=st.booleans())
    def search(changes: list[tuple[int, bytes]], cut: int | None, early: bool) -> None:
        content = bytearray(whole)
        # Half of the searches stay in the first part, where the structure lies.
        reach = min(len(whole), 600) if early else len(whole)
        for thousandth, value in changes:
            at = reach * thousandth // 1000
            content[at : at + len(value)] = value
        taken_or_refused(path, bytes(content[:cut]))

    search()


@pytest.mark.parametrize("kind", ["jpeg", "progressive", "png", "webp", "lossless", "avif", "heic"])
def test_photos_with_a_part_moved_or_repeated_are_taken_or_refused(samples, path, kind):
    whole = samples[kind]
    place = st.integers(0, len(whole))

    @FEW
    @given(start=place, stop=place, to=place, times=st.integers(0, 50))
    def search(start: int, stop: int, to: int, times: int) -> None:
        taken_or_refused(path, whole[:to] + whole[start:stop] * times + whole[to:])

    search()


@FEW
@given(signature=st.sampled_from(SIGNATURES), rest=st.binary(max_size=200))
def test_random_bytes_after_a_signature_are_taken_or_refused(path, signature, rest):
    taken_or_refused(path, signature + rest)


@pytest.mark.parametrize("kind", ["heic", "avif"])
def test_every_byte_of_the_box_tables_set_to_its_edges_is_taken_or_refused(samples, path, kind):
    whole = samples[kind]
    tables = whole.index(b"mdat")
    for at in range(tables):
        for value in (0x00, 0x01, 0x7F, 0x80, 0xFF):
            taken_or_refused(path, whole[:at] + bytes((value,)) + whole[at + 1 :])

"""The photo gate on HEIC and AVIF structure: boxes, brands, items and tiles."""

import io
import struct
from collections.abc import Callable, Iterable
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image

from intake.gate.inspecting import PhotoFacts, inspect
from schemas.errors import PhotoRefused, TooLarge

HEIC = (b"heic", b"mif1", b"heic")
GRID, TILES = 9, (1, 2, 3, 4)


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def full(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def ftyp(major: bytes, *others: bytes) -> bytes:
    return box(b"ftyp", major, bytes(4), *others)


def infe(number: int, kind: bytes) -> bytes:
    return full(b"infe", struct.pack(">HH4s", number, 0, kind), b"\0", version=2)


def ispe(width: int, height: int) -> bytes:
    return full(b"ispe", struct.pack(">II", width, height))


def iloc(places: Iterable[tuple[int, int, int, int, int]]) -> bytes:
    """Places are item, construction method, source, offset and length in bytes."""
    rows = [struct.pack(">HHHHII", n, how, ref, 1, at, size) for n, how, ref, at, size in places]
    return full(b"iloc", struct.pack(">HH", 0x4400, len(rows)), *rows, version=1)


def phone_photo(
    *,
    brands: tuple[bytes, ...] = HEIC,
    tile_kind: bytes = b"hvc1",
    primary: int = GRID,
    size: tuple[int, int] = (1000, 700),
    tile_size: tuple[int, int] = (512, 512),
    made_of: tuple[int, ...] = TILES,
    grid_in_idat: int = 8,
    tile_bytes: int = 25,
    method: int = 0,
    source: int = 0,
    associated: bool = True,
    wide_indexes: bool = False,
    missing: bytes = b"",
    mdat: bytes = bytes(100),
) -> bytes:
    """A phone's HEIC: a grid of four tiles, the tiles in mdat and the grid in idat."""
    head = ftyp(*brands)

    def associations(item: int, index: int) -> bytes:
        # The highest bit marks a property as essential and is no part of its index.
        if wide_indexes:
            return struct.pack(">HBHH", item, 2, 0x8000 | index, 3)
        return struct.pack(">HBBB", item, 2, 0x80 | index, 3)

    def meta(mdat_start: int) -> bytes:
        tiles = [(n, method, source, mdat_start + i * 25, tile_bytes) for i, n in enumerate(TILES)]
        kinds = [infe(n, tile_kind) for n in TILES]
        rows = [(GRID, 2), *((n, 1) for n in TILES)] if associated else []
        parts = {
            b"hdlr": full(b"hdlr", bytes(4), b"pict", bytes(13)),
            b"pitm": full(b"pitm", struct.pack(">H", primary)),
            b"iinf": full(b"iinf", struct.pack(">H", 5), *kinds, infe(GRID, b"grid")),
            b"iref": full(
                b"iref",
                box(b"dimg", struct.pack(f">HH{len(made_of)}H", GRID, len(made_of), *made_of)),
                box(b"thmb", struct.pack(">HHH", 1, 1, GRID)),
            ),
            b"iprp": box(
                b"iprp",
                box(b"ipco", ispe(*tile_size), ispe(*size), box(b"irot", b"\x01")),
                full(
                    b"ipma",
                    struct.pack(">I", len(rows)),
                    *(associations(n, index) for n, index in rows),
                    flags=int(wide_indexes),
                ),
            ),
            b"idat": box(b"idat", bytes(8)),
            b"iloc": iloc([*tiles, (GRID, 1, 0, 0, grid_in_idat)]),
        }
        return full(b"meta", *(part for kind, part in parts.items() if kind != missing))

    return head + meta(len(head) + len(meta(0)) + 8) + box(b"mdat", mdat)


@pytest.fixture
def check(tmp_path: Path) -> Callable[[bytes], PhotoFacts]:
    path = tmp_path / "photo.heic"

    def write_and_inspect(content: bytes) -> PhotoFacts:
        path.write_bytes(content)
        return inspect(path)

    return write_and_inspect


@pytest.fixture
def refusal_of(check) -> Callable[[bytes], PhotoRefused | TooLarge]:
    def refuse(content: bytes) -> PhotoRefused | TooLarge:
        with pytest.raises((PhotoRefused, TooLarge)) as refused:
            check(content)
        return refused.value

    return refuse


def saved(kind: str) -> bytes:
    out = io.BytesIO()
    image = Image.new("RGB", (96, 64), "green")
    if kind == "heic":
        pillow_heif.from_pillow(image).save(out)
    else:
        image.save(out, "AVIF")
    return out.getvalue()


def rebranded(content: bytes, *brands: bytes) -> bytes:
    """The same file with another ftyp of the same length, padded with zero brands."""
    length = int.from_bytes(content[:4], "big")
    body = b"".join((brands[0], bytes(4), *brands)).ljust(length - 8, b"\0")
    return struct.pack(">I4s", length, b"ftyp") + body + content[length:]


def test_a_grid_of_tiles_has_the_size_of_the_grid_and_not_of_a_tile(check):
    facts = check(phone_photo())
    assert (facts.content_type, facts.width, facts.height) == ("image/heic", 1000, 700)


@pytest.mark.parametrize("kind", ["heic", "avif"])
def test_under_the_general_brand_the_coding_tells_heic_from_avif(check, kind):
    content = rebranded(saved(kind), b"mif1")
    assert check(content).content_type == f"image/{kind}"


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"heim", b"heis", b"mif1"])
def test_every_brand_of_a_still_picture_is_taken(check, brand):
    assert check(phone_photo(brands=(brand,))).content_type == "image/heic"


def test_a_sequence_that_also_has_a_still_picture_is_taken_as_that(check):
    assert check(rebranded(saved("avif"), b"avis", b"avif")).content_type == "image/avif"


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (rebranded(saved("avif"), b"avis"), "HEIF 连拍或动图"),
        (phone_photo(brands=(b"msf1", b"hevc")), "HEIF 连拍或动图"),
        (ftyp(b"msf1", b"mif1") + box(b"moov", bytes(8)), "HEIF 连拍或动图"),
        (ftyp(b"isom", b"mp42") + box(b"moov", bytes(8)), "视频"),
        (ftyp(b"qt  ") + box(b"mdat", bytes(8)), "视频"),
        (ftyp(b"crx ", b"isom") + box(b"moov", bytes(8)), "RAW"),
        (phone_photo(tile_kind=b"avc1"), "avc1 编码的 HEIF"),
        (phone_photo(tile_kind=b"j2k1"), "j2k1 编码的 HEIF"),
    ],
    ids=["avis", "hevc", "track only", "mp4", "mov", "raw", "avc", "jpeg 2000"],
)
def test_videos_sequences_and_other_codings_are_refused_by_name(refusal_of, content, named):
    refused = refusal_of(content)
    assert refused.code == "photo-format-unsupported"
    assert named in refused.words.zh


@pytest.mark.parametrize(
    "content",
    [
        phone_photo()[:-1],
        phone_photo()[:-108],
        phone_photo() + b"\x00\x00\x00",
        phone_photo() + b"\x7f\xff\xff\xfffree",
        phone_photo() + struct.pack(">I4sQ", 1, b"free", 2**63),
        phone_photo(mdat=bytes(99)),
        phone_photo(tile_bytes=26, mdat=bytes(100)),
        phone_photo(tile_bytes=2**31),
    ],
    ids=[
        "last byte", "no mdat", "half a box", "box past the file", "64-bit box past the file",
        "mdat too short", "last tile past the file", "tiles past the file",
    ],
)  # fmt: skip
def test_a_heic_whose_boxes_or_tiles_pass_the_end_is_called_truncated(refusal_of, content):
    assert refusal_of(content).code == "photo-truncated"


@pytest.mark.parametrize(
    "content",
    [
        phone_photo(missing=b"pitm"),
        phone_photo(missing=b"iinf"),
        phone_photo(missing=b"iloc"),
        phone_photo(missing=b"iprp"),
        phone_photo(missing=b"iref"),
        phone_photo(primary=77),
        phone_photo(made_of=()),
        phone_photo(made_of=(GRID,)),
        phone_photo(made_of=(1, 2, GRID, GRID)),
        phone_photo(made_of=(1, 2, 3, 77)),
        phone_photo(size=(0, 700)),
        phone_photo(size=(1000, 0)),
        phone_photo(grid_in_idat=9),
        phone_photo(tile_kind=b"\0\0\0\0"),
        phone_photo().replace(b"hvc1", b"av01", 1),
        phone_photo().replace(b"infe\x02", b"infe\x00"),
        phone_photo().replace(b"iloc\x01", b"iloc\x03"),
        ftyp(*HEIC),
        ftyp(*HEIC) + box(b"mdat", bytes(8)),
        phone_photo() + struct.pack(">I4s", 4, b"free"),
        phone_photo() + struct.pack(">I4sQ", 1, b"free", 15),
        phone_photo().replace(struct.pack(">I4s", 20, b"ispe"), struct.pack(">I4s", 99, b"ispe")),
    ],
    ids=[
        "no pitm", "no iinf", "no iloc", "no iprp", "no iref", "no such primary", "no tiles",
        "made of itself", "circle", "no such tile", "no width", "no height", "past idat",
        "no coding", "two codings", "old entries", "unknown iloc", "ftyp only", "no meta",
        "box of 4", "64-bit box of 15", "box past its parent",
    ],
)  # fmt: skip
def test_a_heic_whose_structure_cannot_be_is_called_damaged(refusal_of, content):
    assert refusal_of(content).code == "photo-damaged"


def test_a_picture_with_a_tile_that_has_no_bytes_is_called_truncated(refusal_of):
    # The last tile starts where the file ends, and a length of 0 means "to the end".
    content = phone_photo(tile_bytes=0, mdat=bytes(75))
    assert refusal_of(content).code == "photo-truncated"


def test_a_picture_whose_tiles_lie_in_another_file_is_called_truncated(refusal_of):
    assert refusal_of(phone_photo(source=1)).code == "photo-truncated"


def test_tiles_that_lie_within_another_item_are_taken(check):
    assert check(phone_photo(method=2)).width == 1000


def test_boxes_of_64_bit_length_and_to_the_end_of_the_file_are_read(check):
    photo = phone_photo()
    last = photo[-108:]
    assert last[4:8] == b"mdat"
    assert check(photo[:-108] + bytes(4) + last[4:]).width == 1000
    long_box = struct.pack(">I4sQ", 1, b"free", 20) + bytes(4)
    assert check(photo + long_box).width == 1000


def test_properties_of_16_bit_numbers_are_read(check):
    assert check(phone_photo(wide_indexes=True, size=(300, 200))).width == 300


def test_without_a_size_of_its_own_the_largest_size_in_the_file_counts(check):
    facts = check(phone_photo(associated=False, size=(300, 200)))
    assert (facts.width, facts.height) == (512, 512)


@pytest.mark.parametrize(
    "content",
    [
        phone_photo(size=(10_000, 6_001)),
        phone_photo(tile_size=(4_000, 4_000)),
        phone_photo(made_of=TILES * 100),
    ],
    ids=["grid", "tiles larger than the grid says", "one tile a hundred times"],
)
def test_a_heic_that_decodes_to_too_many_pixels_is_refused(refusal_of, content):
    assert refusal_of(content).code == "photo-too-many-pixels"


@pytest.mark.parametrize(
    "content",
    [
        phone_photo() + box(b"free") * 100_000,
        ftyp(*HEIC, *[b"mif1"] * 30_000),
        phone_photo(made_of=TILES * 10_000),
        phone_photo(made_of=(GRID, GRID)),
        ftyp(*HEIC) + full(b"meta", box(b"free") * 100_000),
    ],
    ids=["boxes", "brands", "references", "doubling grid", "nested boxes"],
)
def test_a_file_of_endless_parts_is_refused(refusal_of, content):
    assert refusal_of(content).code == "photo-damaged"


def test_boxes_nested_without_end_are_not_followed(refusal_of):
    nested = b""
    for _ in range(5_000):
        nested = box(b"meta", bytes(4), nested)
    assert refusal_of(ftyp(*HEIC) + nested).code == "photo-damaged"

import io
import math
import random
import struct
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image, PngImagePlugin

from schemas.errors import PhotoRefused
from schemas.photo_words import NOTES
from workers.metadata import Metadata, from_exif, read_metadata

BYTE, ASCII, SHORT, LONG, RATIONAL, DOUBLE = 1, 2, 3, 4, 5, 12
SIZES = {BYTE: 1, ASCII: 1, SHORT: 2, LONG: 4, RATIONAL: 8, DOUBLE: 8}
EXIF_IFD, GPS_IFD = 0x8769, 0x8825

Entry = tuple[int, bytes]


def text(value: str | bytes) -> Entry:
    return ASCII, (value if isinstance(value, bytes) else value.encode()) + b"\0"


def rationals(*values: tuple[int, int]) -> Entry:
    return RATIONAL, b"".join(struct.pack("<II", *value) for value in values)


def short(value: int) -> Entry:
    return SHORT, struct.pack("<H", value)


def directory(entries: dict[int, Entry], start: int) -> bytes:
    """Return one TIFF directory that begins at `start`, followed by its long values."""
    head, tail = struct.pack("<H", len(entries)), b""
    values_at = start + 2 + 12 * len(entries) + 4
    for tag, (kind, value) in sorted(entries.items()):
        head += struct.pack("<HHI", tag, kind, len(value) // SIZES[kind])
        if len(value) <= 4:
            head += value.ljust(4, b"\0")
        else:
            head += struct.pack("<I", values_at + len(tail))
            tail += value
    return head + bytes(4) + tail


def tiff(
    image: dict[int, Entry] | None = None,
    exif: dict[int, Entry] | None = None,
    gps: dict[int, Entry] | None = None,
) -> bytes:
    """Return an EXIF block written by hand, so that anything can be wrong with it."""
    first = dict(image or {})
    pointers = [tag for tag, part in ((EXIF_IFD, exif), (GPS_IFD, gps)) if part]
    for tag in pointers:
        first[tag] = LONG, bytes(4)
    at = 8 + len(directory(first, 8))
    parts = []
    for tag in pointers:
        first[tag] = LONG, struct.pack("<I", at)
        parts.append(directory((exif if tag == EXIF_IFD else gps) or {}, at))
        at += len(parts[-1])
    return b"II*\0\x08\0\0\0" + directory(first, 8) + b"".join(parts)


def place(
    *,
    latitude: Entry | None = None,
    longitude: Entry | None = None,
    north: Entry | None = None,
    east: Entry | None = None,
    leave_out: int | None = None,
) -> dict[int, Entry]:
    gps = {
        1: north or text("N"),
        2: latitude or rationals((41, 1), (47, 1), (3696, 100)),
        3: east or text("E"),
        4: longitude or rationals((123, 1), (27, 1), (1044, 100)),
    }
    if leave_out is not None:
        del gps[leave_out]
    return gps


def phone_exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0131] = "HUAWEI", "ALN-AL00", "ALN-AL00 4.2.0"
    exif.get_ifd(EXIF_IFD).update(
        {0x9003: "2026:11:02 11:42:10", 0x9011: "+08:00", 0xA434: "P60 main"}
    )
    exif.get_ifd(GPS_IFD).update(
        {
            1: "N",
            2: (41.0, 47.0, 36.96),
            3: "E",
            4: (123.0, 27.0, 10.44),
            5: b"\0",
            6: 43.5,
            16: "T",
            17: 271.25,
            18: "WGS-84",
        }
    )
    return exif


def written(suffix: str, folder: Path) -> Path:
    path = folder / f"photo.{suffix}"
    picture = Image.effect_noise((96, 64), 60).convert("RGB")
    exif = phone_exif()
    if suffix == "heic":
        pillow_heif.from_pillow(picture).save(path, exif=exif.tobytes())
    else:
        picture.save(path, exif=exif)
    return path


@pytest.mark.parametrize(
    ("suffix", "content_type"),
    [
        ("jpg", "image/jpeg"),
        ("png", "image/png"),
        ("webp", "image/webp"),
        ("avif", "image/avif"),
        ("heic", "image/heic"),
    ],
)
def test_every_container_gives_up_place_time_and_camera(
    suffix: str, content_type: str, tmp_path: Path
) -> None:
    path = written(suffix, tmp_path)
    for source in (path, path.read_bytes()):
        found = read_metadata(source, content_type)
        assert found.latitude == pytest.approx(41 + 47 / 60 + 36.96 / 3600, abs=1e-9)
        assert found.longitude == pytest.approx(123 + 27 / 60 + 10.44 / 3600, abs=1e-9)
        assert found.altitude_m == pytest.approx(43.5)
        assert found.direction_deg == pytest.approx(271.25)
        assert found.map_datum == "WGS-84"
        assert found.taken_at_utc == datetime(2026, 11, 2, 3, 42, 10, tzinfo=UTC)
        assert not found.offset_assumed
        assert (found.make, found.model) == ("HUAWEI", "ALN-AL00")
        assert (found.software, found.lens) == ("ALN-AL00 4.2.0", "P60 main")
        assert found.notes == ()


def test_a_photo_without_exif_says_nothing(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "plain.jpg")
    assert read_metadata(tmp_path / "plain.jpg", "image/jpeg") == Metadata()


def test_a_file_of_another_type_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "plain.png")
    with pytest.raises(PhotoRefused) as refusal:
        read_metadata(tmp_path / "plain.png", "image/jpeg")
    assert refusal.value.code == "photo-format-unknown"


def test_exif_behind_the_pixels_of_a_png_is_found() -> None:
    target = io.BytesIO()
    Image.new("RGB", (8, 8)).save(target, "PNG")
    png = target.getvalue()
    content = b"eXIf" + tiff(gps=place())
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    found = read_metadata(png[:-12] + chunk + png[-12:], "image/png")
    assert found.latitude == pytest.approx(41.7936)


@pytest.mark.parametrize(
    ("profile", "latitude", "notes"),
    [
        (tiff(gps=place()).hex(), 41.7936, ()),
        ("not hexadecimal", None, ("exif-unreadable",)),
    ],
)
def test_exif_that_imagemagick_wrote_into_a_png_as_text_is_read(
    profile: str, latitude: float | None, notes: tuple[str, ...]
) -> None:
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("Raw profile type exif", f"\nexif\n     100\n{profile}\n")
    target = io.BytesIO()
    Image.new("RGB", (8, 8)).save(target, "PNG", pnginfo=chunks)
    found = read_metadata(target.getvalue(), "image/png")
    assert found.latitude == (None if latitude is None else pytest.approx(latitude))
    assert found.notes == notes


@pytest.mark.parametrize(
    ("north", "east", "signs"),
    [("S", "E", (-1, 1)), ("N", "W", (1, -1)), ("s", "w", (-1, -1)), ("North", "East", (1, 1))],
)
def test_the_hemisphere_gives_the_sign(north: str, east: str, signs: tuple[int, int]) -> None:
    found = from_exif(tiff(gps=place(north=text(north), east=text(east))))
    assert found.latitude == pytest.approx(signs[0] * 41.7936)
    assert found.longitude == pytest.approx(signs[1] * 123.4529)


def test_minutes_with_decimals_and_whole_degrees_are_understood() -> None:
    found = from_exif(
        tiff(
            gps=place(
                latitude=rationals((41, 1), (47616, 1000), (0, 1)),
                longitude=rationals((1234529, 10000)),
            )
        )
    )
    assert found.latitude == pytest.approx(41.7936)
    assert found.longitude == pytest.approx(123.4529)


@pytest.mark.parametrize(
    "gps",
    [
        place(latitude=rationals((41, 0), (47, 1), (36, 1))),
        place(latitude=rationals((0, 0), (0, 0), (0, 0))),
        place(longitude=rationals((123, 1), (27, 0), (0, 0))),
        place(latitude=rationals((91, 1), (0, 1), (0, 1))),
        place(latitude=rationals((90, 1), (0, 1), (1, 1))),
        place(longitude=rationals((180, 1), (1, 1), (0, 1))),
        place(latitude=rationals((4294967295, 1), (0, 1), (0, 1))),
        place(latitude=(DOUBLE, struct.pack("<3d", math.nan, 0, 0))),
        place(latitude=(DOUBLE, struct.pack("<3d", math.inf, 0, 0))),
        place(latitude=(DOUBLE, struct.pack("<3d", -41, 0, 0))),
        place(latitude=rationals((1, 1), (1, 1), (1, 1), (1, 1))),
        place(latitude=text("41.79")),
        place(north=text("X")),
        place(east=text("N")),
    ],
)
def test_a_place_that_can_not_be_is_no_place_and_is_noted(gps: dict[int, Entry]) -> None:
    found = from_exif(tiff(gps=gps))
    assert (found.latitude, found.longitude) == (None, None)
    assert "exif-place-unreadable" in found.notes


@pytest.mark.parametrize("tag", [1, 2, 3, 4])
def test_a_place_with_a_part_missing_is_no_place_and_is_noted(tag: int) -> None:
    found = from_exif(tiff(gps=place(leave_out=tag)))
    assert (found.latitude, found.longitude) == (None, None)
    assert found.notes == ("exif-place-incomplete",)


def test_a_phone_without_a_fix_has_no_place() -> None:
    nought = rationals((0, 1), (0, 1), (0, 1))
    found = from_exif(tiff(gps=place(latitude=nought, longitude=nought)))
    assert (found.latitude, found.longitude) == (None, None)
    assert found.notes == ("exif-place-zero",)


def test_the_equator_is_a_place() -> None:
    found = from_exif(tiff(gps=place(latitude=rationals((0, 1), (0, 1), (0, 1)))))
    assert found.latitude == 0
    assert found.notes == ()


def test_below_the_sea_is_negative_and_wild_directions_are_left_out() -> None:
    extra = {5: (BYTE, b"\1"), 6: rationals((154, 1)), 17: rationals((400, 1))}
    found = from_exif(tiff(gps=place() | extra))
    assert found.altitude_m == -154
    assert found.direction_deg is None


@pytest.mark.parametrize(
    ("offset", "expected", "utc_hour"),
    [
        ("+08:00", timedelta(hours=8), 3),
        ("-05:30", -timedelta(hours=5, minutes=30), 17),
        ("+0545", timedelta(hours=5, minutes=45), 5),
        ("Z", timedelta(0), 11),
    ],
)
def test_the_written_offset_makes_the_moment(
    offset: str, expected: timedelta, utc_hour: int
) -> None:
    found = from_exif(tiff(exif={0x9003: text("2026:11:02 11:42:10"), 0x9011: text(offset)}))
    assert found.taken_local == datetime(2026, 11, 2, 11, 42, 10)  # noqa: DTZ001  no zone in EXIF
    assert found.taken_offset == expected
    assert found.taken_at_utc is not None
    assert found.taken_at_utc.hour == utc_hour
    assert not found.offset_assumed


@pytest.mark.parametrize(
    ("offset", "notes"),
    [
        (None, ()),
        ("   :  ", ()),
        ("+25:00", ("exif-offset-unreadable",)),
        ("+08:99", ("exif-offset-unreadable",)),
        ("CST", ("exif-offset-unreadable",)),
    ],
)
def test_without_a_valid_offset_china_time_is_assumed_and_said(
    offset: str | None, notes: tuple[str, ...]
) -> None:
    exif = {0x9003: text("2026:11:02 11:42:10")}
    if offset is not None:
        exif[0x9011] = text(offset)
    found = from_exif(tiff(exif=exif))
    assert found.taken_at_utc == datetime(2026, 11, 2, 3, 42, 10, tzinfo=UTC)
    assert found.offset_assumed
    assert found.notes == notes


def test_without_a_time_there_is_no_moment_and_nothing_assumed() -> None:
    found = from_exif(tiff(gps=place()))
    assert found.taken_at_utc is None
    assert not found.offset_assumed


@pytest.mark.parametrize("blank", ["    :  :     :  :  ", "0000:00:00 00:00:00", ""])
def test_a_clock_that_was_never_set_is_no_time(blank: str) -> None:
    found = from_exif(tiff(exif={0x9003: text(blank)}, gps=place()))
    assert found.taken_local is None
    assert found.notes == ()


@pytest.mark.parametrize(
    "nonsense", ["2026:13:02 11:42:10", "2026:11:02 24:42:10", "0001:01:01 00:00:00", "yesterday 1"]
)
def test_a_time_that_can_not_be_is_noted(nonsense: str) -> None:
    found = from_exif(tiff(exif={0x9003: text(nonsense)}))
    assert found.taken_local is None
    assert found.notes == ("exif-time-unreadable",)


def test_the_time_of_the_last_edit_stands_in_and_is_marked() -> None:
    found = from_exif(
        tiff(image={0x0132: text("2026:11:03 09:00:00")}, exif={0x9010: text("+09:00")})
    )
    assert found.taken_at_utc == datetime(2026, 11, 3, 0, 0, tzinfo=UTC)
    assert found.notes == ("exif-time-of-edit",)


def test_an_offset_belongs_to_its_own_time_only() -> None:
    found = from_exif(tiff(exif={0x9004: text("2026:11:02 11:42:10"), 0x9011: text("+02:00")}))
    assert found.taken_offset is None
    assert found.offset_assumed


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"Canon\0garbage", "Canon"),
        (b"  Apple \r\n", "Apple"),
        (b"a\x1b[31mb\x07", "a[31mb"),
        ("华为\u202egnoh".encode(), "华为gnoh"),
        ("小米".encode("gb18030"), "小米"),
        (b"x" * 500, "x" * 120),
        (b"\0\0\0\0", None),
        (b"     ", None),
    ],
)
def test_text_is_printable_and_short(raw: bytes, shown: str | None) -> None:
    assert from_exif(tiff(image={0x010F: text(raw)})).make == shown


@pytest.mark.parametrize(("value", "expected"), [(1, 1), (6, 6), (8, 8), (0, None), (9, None)])
def test_an_orientation_outside_one_to_eight_is_none(value: int, expected: int | None) -> None:
    assert from_exif(tiff(image={0x0112: short(value)})).orientation == expected


@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0", b"Exif\0\0Exif\0\0"])
def test_the_prefix_may_stand_there_or_not(prefix: bytes) -> None:
    assert from_exif(prefix + tiff(gps=place())).latitude == pytest.approx(41.7936)


@pytest.mark.parametrize("block", [b"MM", b"no tiff at all", b"\xff" * 400])
def test_exif_that_is_none_is_called_unreadable(block: bytes) -> None:
    assert from_exif(block) == Metadata(notes=("exif-unreadable",))


def test_exif_with_nothing_of_interest_is_not_called_unreadable() -> None:
    assert from_exif(tiff(image={0x011A: rationals((72, 1))})) == Metadata()


def test_readers_that_differ_are_noted() -> None:
    # ExifRead takes the text up to its end, Pillow expects numbers where the type says so.
    block = bytearray(tiff(image={0x010F: text("HUAWEI"), 0x0110: text("P60 Pro")}))
    block[12] = BYTE
    found = from_exif(bytes(block))
    assert found.model == "P60 Pro"
    assert "exif-readers-disagree" in found.notes
    assert found.differences == ("make",)


def test_what_one_reader_leaves_out_the_other_gives() -> None:
    # ExifRead goes by the byte order alone; Pillow wants the 42 behind it.
    block = bytearray(tiff(gps=place()))
    block[2] = 43
    found = from_exif(bytes(block))
    assert found.latitude == pytest.approx(41.7936)
    assert found.notes == ("exif-readers-disagree",)
    assert {"latitude", "longitude"} <= set(found.differences)


def test_hostile_bytes_never_raise() -> None:
    rng = random.Random(20261121)
    sound = phone_exif().tobytes()
    for _ in range(400):
        block = bytearray(sound)
        for _ in range(rng.choice((1, 2, 8))):
            block[rng.randrange(6, len(block))] = rng.choice((0, 1, 2, 5, 255, rng.randrange(256)))
        found = from_exif(bytes(block[: rng.choice((len(block), rng.randrange(len(block))))]))
        assert set(found.notes) <= NOTES.keys()
        assert found.latitude is None or abs(found.latitude) <= 90
        assert found.longitude is None or abs(found.longitude) <= 180


def test_a_directory_that_points_at_itself_ends() -> None:
    block = bytearray(tiff(gps=place()))
    # The pointer to the GPS directory points at the directory that holds it.
    where = block.index(struct.pack("<HHI", GPS_IFD, LONG, 1)) + 8
    block[where : where + 4] = struct.pack("<I", 8)
    assert from_exif(bytes(block)).latitude is None

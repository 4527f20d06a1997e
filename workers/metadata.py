"""What a photo's EXIF says of place, time and camera; read twice and never believed blindly.

ExifRead is the first reader and Pillow's own is the second, which also fills in what the
first leaves out; where they differ a note says so. Both get the same TIFF block, so that
the container (JPEG, HEIC, WebP, PNG, AVIF) makes no difference. Sources: EXIF 2.32
(CIPA DC-008), TIFF 6.0. Nothing in here raises on hostile bytes.
"""

import io
import math
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import exifread
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from workers.pictures import open_picture

CHINA = ZoneInfo("Asia/Shanghai")
PREFIX = b"Exif\0\0"
MAX_TEXT = 120
SAME_PLACE_DEG = 1e-6

Raw = bytes | tuple[float, ...]


class _Tag(NamedTuple):
    """Where one fact lies: IFD (0 is the first one) and number for Pillow, ExifRead's name."""

    ifd: int
    number: int
    exifread: str


EXIF_IFD, GPS_IFD = 0x8769, 0x8825
TAGS: dict[str, _Tag] = {
    "make": _Tag(0, 0x010F, "Image Make"),
    "model": _Tag(0, 0x0110, "Image Model"),
    "orientation": _Tag(0, 0x0112, "Image Orientation"),
    "software": _Tag(0, 0x0131, "Image Software"),
    "modified": _Tag(0, 0x0132, "Image DateTime"),
    "original": _Tag(EXIF_IFD, 0x9003, "EXIF DateTimeOriginal"),
    "digitized": _Tag(EXIF_IFD, 0x9004, "EXIF DateTimeDigitized"),
    "modified_offset": _Tag(EXIF_IFD, 0x9010, "EXIF OffsetTime"),
    "original_offset": _Tag(EXIF_IFD, 0x9011, "EXIF OffsetTimeOriginal"),
    "digitized_offset": _Tag(EXIF_IFD, 0x9012, "EXIF OffsetTimeDigitized"),
    "lens": _Tag(EXIF_IFD, 0xA434, "EXIF LensModel"),
    "latitude_ref": _Tag(GPS_IFD, 1, "GPS GPSLatitudeRef"),
    "latitude": _Tag(GPS_IFD, 2, "GPS GPSLatitude"),
    "longitude_ref": _Tag(GPS_IFD, 3, "GPS GPSLongitudeRef"),
    "longitude": _Tag(GPS_IFD, 4, "GPS GPSLongitude"),
    "altitude_ref": _Tag(GPS_IFD, 5, "GPS GPSAltitudeRef"),
    "altitude": _Tag(GPS_IFD, 6, "GPS GPSAltitude"),
    "direction": _Tag(GPS_IFD, 17, "GPS GPSImgDirection"),
    "map_datum": _Tag(GPS_IFD, 18, "GPS GPSMapDatum"),
}


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What the EXIF of one photo says; None where it says nothing usable.

    `latitude`, `longitude`: decimal degrees in the datum of `map_datum` (free text, nearly
    always absent or WGS-84); `altitude_m` above sea level; `direction_deg` clockwise from
    north, 0–360. `taken_local` is the camera's clock without a zone, `taken_offset` the
    zone it names. `orientation` is the EXIF value 1–8 as the file has it. `notes` are
    codes of NOTES.
    """

    latitude: float | None = None
    longitude: float | None = None
    altitude_m: float | None = None
    direction_deg: float | None = None
    map_datum: str | None = None
    taken_local: datetime | None = None
    taken_offset: timedelta | None = None
    make: str | None = None
    model: str | None = None
    software: str | None = None
    lens: str | None = None
    orientation: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def offset_assumed(self) -> bool:
        """True when a time is known and its zone had to be assumed."""
        return self.taken_local is not None and self.taken_offset is None

    @property
    def taken_at_utc(self) -> datetime | None:
        """The moment of capture in UTC; without an offset the clock is taken as Asia/Shanghai.

        Phones of riders run on China time and older ones write no offset, so the
        assumption is right far more often than no time at all would be useful;
        `offset_assumed` says where it was made.
        """
        if self.taken_local is None:
            return None
        if self.taken_offset is None:
            return self.taken_local.replace(tzinfo=CHINA).astimezone(UTC)
        return (self.taken_local - self.taken_offset).replace(tzinfo=UTC)


def read_metadata(source: Path | bytes, content_type: str) -> Metadata:
    """Return what the EXIF of a photo file says, without decoding its pixels where possible.

    `content_type` is the real one, such as image/jpeg. PNG may hold its EXIF behind the
    pixels; then they are decoded.
    Raises PhotoRefused where the file is no picture of that type.
    """
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        picture = open_picture(file, content_type=content_type)
        return from_exif(picture.exif(), orientation=picture.turned_from)


def from_exif(block: bytes | None, *, orientation: int | None = None) -> Metadata:
    """Return what a raw EXIF block says: TIFF, with or without the `Exif` prefix.

    `orientation` overrides the block's where a decoder has already turned the picture
    and mended the tag. Never raises on any bytes, short of MemoryError.
    """
    while block and block.startswith(PREFIX):
        block = block[len(PREFIX) :]
    if not block:
        return Metadata(orientation=orientation)
    first, second = _attempt(_exifread_tags, block), _attempt(_pillow_tags, block)
    if not first and second is None:
        # ExifRead returns nothing for what it can't read, as for what has nothing in it.
        return Metadata(orientation=orientation, notes=("exif-unreadable",))
    first, second = first or {}, second or {}
    found = _interpret({**second, **first})
    if orientation is not None:
        found = replace(found, orientation=orientation)
    if _agree(_interpret(first), _interpret(second)):
        return found
    return replace(found, notes=(*found.notes, "exif-readers-disagree"))


def _attempt(reader: Callable[[bytes], dict[str, Raw]], block: bytes) -> dict[str, Raw] | None:
    """Return what `reader` finds, or None where it breaks down."""
    try:
        return reader(block)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  both readers raise a dozen kinds on hostile bytes
        return None


def _exifread_tags(block: bytes) -> dict[str, Raw]:
    # details=False leaves the maker notes alone: 0.4 ms instead of 17 and less to attack.
    found = exifread.process_file(io.BytesIO(block), details=False, extract_thumbnail=False)
    return _known(
        {name: found[tag.exifread].values for name, tag in TAGS.items() if tag.exifread in found}
    )


def _pillow_tags(block: bytes) -> dict[str, Raw]:
    exif = Image.Exif()
    with warnings.catch_warnings():
        # Pillow warns of every oddity; what it makes of them is compared instead.
        warnings.simplefilter("ignore")
        exif.load(block)
        directories: dict[int, Mapping[int, Any]] = {
            0: exif,
            EXIF_IFD: exif.get_ifd(EXIF_IFD),
            GPS_IFD: exif.get_ifd(GPS_IFD),
        }
        return _known(
            {
                # Pillow decodes text as Latin-1, which is undone without loss.
                name: value.encode("latin-1", "replace") if isinstance(value, str) else value
                for name, tag in TAGS.items()
                if (value := directories[tag.ifd].get(tag.number)) is not None
            }
        )


def _known(found: Mapping[str, Any]) -> dict[str, Raw]:
    return {name: raw for name, value in found.items() if (raw := _raw(value)) is not None}


def _raw(value: Any) -> Raw | None:
    """Return text as bytes and numbers as floats, a broken fraction as NaN, whatever wrote it."""
    if isinstance(value, str):
        return value.encode(errors="replace")
    if isinstance(value, bytes):
        return value
    if isinstance(value, int | float | Fraction | IFDRational):
        return (_number(value),)
    if isinstance(value, Iterable):
        # ExifRead wraps every float in a tuple of one.
        return tuple(_number(v[0] if isinstance(v, tuple) and v else v) for v in value)
    return None


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return math.nan


def _interpret(tags: Mapping[str, Raw]) -> Metadata:
    latitude, longitude, place_notes = _place(tags)
    taken, offset, time_notes = _time(tags)
    return Metadata(
        latitude=latitude,
        longitude=longitude,
        altitude_m=_altitude_m(tags),
        direction_deg=_within(tags.get("direction"), 0, 360),
        map_datum=_text(tags.get("map_datum")),
        taken_local=taken,
        taken_offset=offset,
        make=_text(tags.get("make")),
        model=_text(tags.get("model")),
        software=_text(tags.get("software")),
        lens=_text(tags.get("lens")),
        orientation=_orientation(tags.get("orientation")),
        notes=(*place_notes, *time_notes),
    )


def _place(tags: Mapping[str, Raw]) -> tuple[float | None, float | None, tuple[str, ...]]:
    """Return latitude and longitude in degrees, both or neither, and notes."""
    if "latitude" not in tags and "longitude" not in tags:
        return None, None, ()
    if any(name not in tags for name in ("latitude", "longitude", "latitude_ref", "longitude_ref")):
        return None, None, ("exif-place-incomplete",)
    latitude = _degrees(tags["latitude"], tags["latitude_ref"], "NS", 90)
    longitude = _degrees(tags["longitude"], tags["longitude_ref"], "EW", 180)
    if latitude is None or longitude is None:
        return None, None, ("exif-place-unreadable",)
    if latitude == longitude == 0:
        return None, None, ("exif-place-zero",)
    return latitude, longitude, ()


def _degrees(value: Raw, hemisphere: Raw, signs: str, limit: int) -> float | None:
    """Return signed degrees from degrees, minutes and seconds (EXIF 2.32, 4.6.6)."""
    letter = (_text(hemisphere) or "?")[0].upper()
    if isinstance(value, bytes) or not 1 <= len(value) <= 3 or letter not in signs:
        return None
    degrees = math.fsum(part / 60**power for power, part in enumerate(value))
    if not (all(part >= 0 for part in value) and degrees <= limit):
        return None
    return -degrees if letter == signs[1] and degrees else degrees


def _altitude_m(tags: Mapping[str, Raw]) -> float | None:
    metres = _within(tags.get("altitude"), 0, 100_000)
    below = tags.get("altitude_ref") in {b"\1", (1.0,)}
    return -metres if metres is not None and below else metres


def _within(value: Raw | None, low: float, high: float) -> float | None:
    if value is None or isinstance(value, bytes) or len(value) != 1:
        return None
    return value[0] if low <= value[0] <= high else None


def _orientation(value: Raw | None) -> int | None:
    number = _within(value, 1, 8)
    return None if number is None else int(number)


def _time(tags: Mapping[str, Raw]) -> tuple[datetime | None, timedelta | None, tuple[str, ...]]:
    """Return the best time of capture with its own offset, and notes."""
    notes: list[str] = []
    for source in ("original", "digitized", "modified"):
        written = _text(tags.get(source))
        if written is None or not re.search(r"[1-9]", written):
            # Cameras without a set clock write blanks or zeros.
            continue
        taken = _local_time(written)
        if taken is None:
            notes.append("exif-time-unreadable")
            continue
        if source == "modified":
            notes.append("exif-time-of-edit")
        written_offset = _text(tags.get(f"{source}_offset"))
        offset = _offset(written_offset or "")
        if offset is None and re.search(r"\w", written_offset or ""):
            notes.append("exif-offset-unreadable")
        return taken, offset, tuple(notes)
    return None, None, tuple(notes)


def _local_time(written: str) -> datetime | None:
    match = re.fullmatch(r"(\d{4})[:\-/](\d\d)[:\-/](\d\d)[ T](\d\d:\d\d:\d\d)(?:\.\d+)?", written)
    if match is None or not "1900" <= match[1] < "2200":
        return None
    try:
        return datetime.fromisoformat(f"{match[1]}-{match[2]}-{match[3]}T{match[4]}")
    except ValueError:
        return None


def _offset(written: str) -> timedelta | None:
    if written == "Z":
        return timedelta(0)
    match = re.fullmatch(r"([+-])(\d\d):?([0-5]\d)", written)
    if match is None:
        return None
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    if offset > timedelta(hours=14):
        return None
    return -offset if match[1] == "-" else offset


def _text(value: Raw | None) -> str | None:
    """Return printable text up to the first NUL, at most 120 characters; None when empty."""
    if not isinstance(value, bytes):
        return None
    value = value.split(b"\0", 1)[0]
    try:
        text = value.decode()
    except UnicodeDecodeError:
        # Chinese software of an older kind writes GBK.
        text = value.decode("gb18030", "replace")
    # Whatever is not printable may turn, hide or break the line that shows it.
    return "".join(c for c in text if c.isprintable()).strip()[:MAX_TEXT] or None


def _agree(first: Metadata, second: Metadata) -> bool:
    """Tell whether both readers found the same facts, places to a tenth of a metre."""
    for field in fields(Metadata):
        one, other = getattr(first, field.name), getattr(second, field.name)
        if isinstance(one, float) and isinstance(other, float):
            if not math.isclose(one, other, rel_tol=1e-9, abs_tol=SAME_PLACE_DEG):
                return False
        elif one != other:
            return False
    return True

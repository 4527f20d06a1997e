"""What a photo's metadata says of place, time and camera; never believed blindly.

EXIF is read by two readers: ExifRead is the first and Pillow's own the second, which also
fills in what the first leaves out; where they differ a note says so. XMP and IPTC fill in
what the EXIF lacks, with a note, for programs write those and cameras seldom do. All of it
is a claim: with the datum it names, else WGS-84, and the accuracy that the phone gives.
Nothing in here raises on hostile bytes. docs/decisions/2026-11-22-hostile-photos.md has the
table of what is read from where.
"""

import io
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from schemas.places import CLAIM_TOLERANCE_M, Point, distance_m
from workers.exif_tags import Raw, attempt, exifread_tags, pillow_tags
from workers.packets import MAX_TEXT, Packet, printable, read_iptc, read_offset, read_xmp
from workers.pictures import Picture, open_picture

CHINA = ZoneInfo("Asia/Shanghai")
CHINA_OFFSET = timedelta(hours=8)
# A satellite's fix may be this much older than the photo.
OLD_FIX = timedelta(minutes=5)
PREFIX = b"Exif\0\0"
SAME_PLACE_DEG = 1e-6
# A phone that claims to know no better than this knows nothing.
MOST_ACCURACY_M = 10_000


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What the metadata of one photo says; None where it says nothing usable.

    `latitude`, `longitude`: decimal degrees in the datum of `map_datum` (free text, nearly
    always absent or WGS-84), `accuracy_m` how good the phone thinks they are; `altitude_m`
    above sea level; `direction_deg` clockwise from north, 0–360. `taken_local` is the
    camera's clock without a zone, `taken_offset` the zone it names; `gps_at_utc` is the
    satellites' time. `place_name` is written text, from the country to the street.
    `orientation` is the EXIF value 1–8 as the file has it. `notes` are codes of NOTES,
    `differences` names the facts that two readers of the EXIF read differently.
    """

    latitude: float | None = None
    longitude: float | None = None
    accuracy_m: float | None = None
    altitude_m: float | None = None
    direction_deg: float | None = None
    map_datum: str | None = None
    taken_local: datetime | None = None
    taken_offset: timedelta | None = None
    gps_at_utc: datetime | None = None
    make: str | None = None
    model: str | None = None
    software: str | None = None
    lens: str | None = None
    place_name: str | None = None
    orientation: int | None = None
    notes: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()

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
    """Return what the metadata of a photo file says, without decoding pixels where possible.

    `content_type` is the real one, such as image/jpeg. PNG may hold its EXIF behind the
    pixels; then they are decoded.
    Raises PhotoRefused where the file is no picture of that type.
    """
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        return from_picture(open_picture(file, content_type=content_type))


def from_picture(picture: Picture) -> Metadata:
    """Return what the metadata of an open photo says; EXIF first, then XMP, then IPTC.

    Raises PhotoRefused where a PNG has to be decoded for it and can't be.
    """
    found = from_exif(picture.exif(), orientation=picture.turned_from)
    for name, block, read in (
        ("xmp", picture.xmp(), read_xmp),
        ("iptc", picture.iptc(), read_iptc),
    ):
        packet = read(block) if block else None
        if block and packet is None:
            found = replace(found, notes=(*found.notes, f"{name}-unreadable"))
        elif packet is not None:
            found = completed(found, packet, name)
    return found


def completed(found: Metadata, packet: Packet, name: str) -> Metadata:
    """Return `found` with what it lacks from a packet of that `name`, and notes that say so."""
    notes = list(found.notes)
    facts: dict[str, object] = {}
    if packet.latitude is not None and packet.longitude is not None:
        there = Point(packet.latitude, packet.longitude)
        if found.latitude is None or found.longitude is None:
            notes.append(f"place-from-{name}")
            facts |= {"latitude": packet.latitude, "longitude": packet.longitude}
            facts |= {"map_datum": packet.map_datum, "altitude_m": packet.altitude_m}
            facts["accuracy_m"] = None
        elif distance_m(Point(found.latitude, found.longitude), there) > CLAIM_TOLERANCE_M:
            notes.append(f"place-differs-in-{name}")
    if packet.taken_local and (found.taken_local is None or "exif-time-of-edit" in notes):
        notes = [each for each in notes if each != "exif-time-of-edit"]
        notes.append(f"time-from-{name}")
        facts |= {"taken_local": packet.taken_local, "taken_offset": packet.taken_offset}
    facts["software"] = found.software or packet.software
    facts["place_name"] = found.place_name or packet.place_name
    # A camera writes its firmware into EXIF and an editor itself into XMP.
    if packet.software and found.software and packet.software not in found.software:
        facts["software"] = f"{found.software} · {packet.software}"[:MAX_TEXT]
    return replace(found, **facts, notes=tuple(notes))  # type: ignore[arg-type]  # by name


def from_exif(block: bytes | None, *, orientation: int | None = None) -> Metadata:
    """Return what a raw EXIF block says: TIFF, with or without the `Exif` prefix.

    `orientation` overrides the block's where a decoder has already turned the picture
    and mended the tag. Never raises on any bytes, short of MemoryError.
    """
    while block and block.startswith(PREFIX):
        block = block[len(PREFIX) :]
    if not block:
        return Metadata(orientation=orientation)
    first, second = attempt(exifread_tags, block), attempt(pillow_tags, block)
    if not first and second is None:
        # ExifRead returns nothing for what it can't read, as for what has nothing in it.
        return Metadata(orientation=orientation, notes=("exif-unreadable",))
    first, second = first or {}, second or {}
    found = _interpret({**second, **first})
    if orientation is not None:
        found = replace(found, orientation=orientation)
    differences = _differences(_interpret(first), _interpret(second))
    if not differences:
        return found
    notes = (*found.notes, "exif-readers-disagree")
    return replace(found, differences=differences, notes=notes)


def _interpret(tags: Mapping[str, Raw]) -> Metadata:
    latitude, longitude, place_notes = _place(tags)
    taken, offset, time_notes = _time(tags)
    satellites = _gps_at_utc(tags)
    return Metadata(
        latitude=latitude,
        longitude=longitude,
        accuracy_m=_within(tags.get("accuracy"), 0, MOST_ACCURACY_M) or None,
        altitude_m=_altitude_m(tags),
        direction_deg=_within(tags.get("direction"), 0, 360),
        map_datum=_text(tags.get("map_datum")),
        taken_local=taken,
        taken_offset=_confirmed(taken, satellites) if offset is None else offset,
        gps_at_utc=satellites,
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
        offset = read_offset(written_offset or "")
        if offset is None and re.search(r"\w", written_offset or ""):
            notes.append("exif-offset-unreadable")
        part = re.fullmatch(r"\d{1,9}", _text(tags.get(f"{source}_part")) or "", re.ASCII)
        micros = int(part[0].ljust(6, "0")[:6]) if part else 0
        return taken.replace(microsecond=micros), offset, tuple(notes)
    return None, None, tuple(notes)


def _gps_at_utc(tags: Mapping[str, Raw]) -> datetime | None:
    """Return the satellites' day and time (EXIF 2.32, GPSDateStamp and GPSTimeStamp)."""
    day, clock = _text(tags.get("gps_day")), tags.get("gps_time")
    if day is None or clock is None or isinstance(clock, bytes) or len(clock) != 3:
        return None
    match = re.fullmatch(r"(\d{4})[:\-/](\d\d)[:\-/](\d\d)", day, re.ASCII)
    if match is None or not "1980" <= match[1] < "2200":
        return None
    hours, minutes, seconds = clock
    if not (0 <= hours < 24 and 0 <= minutes < 60 and 0 <= seconds < 61):
        return None
    try:
        midnight = datetime(int(match[1]), int(match[2]), int(match[3]), tzinfo=UTC)
    except ValueError:
        return None
    return midnight + timedelta(hours=hours, minutes=minutes, seconds=round(seconds, 3))


def _confirmed(taken: datetime | None, satellites: datetime | None) -> timedelta | None:
    """Return China's zone where the satellites' time confirms that the clock ran on it.

    No other zone is concluded: some phones write their local time for the satellites'.
    """
    if taken is None or satellites is None:
        return None
    apart = taken.replace(tzinfo=UTC) - satellites - CHINA_OFFSET
    return CHINA_OFFSET if abs(apart) <= OLD_FIX else None


def _local_time(written: str) -> datetime | None:
    match = re.fullmatch(r"(\d{4})[:\-/](\d\d)[:\-/](\d\d)[ T](\d\d:\d\d:\d\d)(?:\.\d+)?", written)
    if match is None or not "1900" <= match[1] < "2200":
        return None
    try:
        return datetime.fromisoformat(f"{match[1]}-{match[2]}-{match[3]}T{match[4]}")
    except ValueError:
        return None


def _text(value: Raw | None) -> str | None:
    return printable(value) if isinstance(value, bytes) else None


def _differences(first: Metadata, second: Metadata) -> tuple[str, ...]:
    """Name what two readers found differently; places may differ by a tenth of a metre."""
    return tuple(
        field.name
        for field in fields(Metadata)
        if not _agree(getattr(first, field.name), getattr(second, field.name))
    )


def _agree(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=SAME_PLACE_DEG)
    return one == other

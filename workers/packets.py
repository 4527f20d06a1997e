"""What XMP and IPTC say in a photo of place, time and program, beside its EXIF.

Sources: XMP part 2 (ISO 16684-1, the exif, xmp and photoshop namespaces), IPTC-IIM 4.2.
Nothing in here raises on hostile bytes, short of MemoryError.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from xml.etree import ElementTree

MAX_TEXT = 120
# A phone's packet has five kilobytes; a program's history of edits may have hundreds.
MAX_XMP_BYTES = 1 << 20
MAX_ELEMENTS = 20_000

EXIF = "{http://ns.adobe.com/exif/1.0/}"
XMP = "{http://ns.adobe.com/xap/1.0/}"
PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
CORE = "{http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/}"
# The times that a packet may hold, the best one first.
XMP_TIMES = (f"{EXIF}DateTimeOriginal", f"{PHOTOSHOP}DateCreated", f"{XMP}CreateDate")
XMP_PLACE = (
    f"{PHOTOSHOP}Country",
    f"{PHOTOSHOP}State",
    f"{PHOTOSHOP}City",
    f"{CORE}Location",
)
# Country, province, city and the place in it; day, time and program (IIM record 2).
IPTC_PLACE, IPTC_DAY, IPTC_TIME, IPTC_PROGRAM = (101, 95, 90, 92), 55, 60, 65
COORDINATE = re.compile(r"(\d{1,3}),(\d{1,2}(?:\.\d+)?)(?:,(\d{1,2}(?:\.\d+)?))?([NSEW])")
MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d)?(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?", re.ASCII
)


@dataclass(frozen=True, kw_only=True)
class Packet:
    """What one packet says; None or empty where it says nothing usable.

    Units and datum are as in `Metadata`; `place_name` runs from the country to the street.
    """

    latitude: float | None = None
    longitude: float | None = None
    altitude_m: float | None = None
    map_datum: str | None = None
    taken_local: datetime | None = None
    taken_offset: timedelta | None = None
    software: str | None = None
    place_name: str | None = None


def printable(value: bytes) -> str | None:
    """Return printable text up to the first NUL, at most 120 characters; None when empty."""
    value = value.split(b"\0", 1)[0]
    try:
        text = value.decode()
    except UnicodeDecodeError:
        # Chinese software of an older kind writes GBK.
        text = value.decode("gb18030", "replace")
    # Whatever is not printable may turn, hide or break the line that shows it.
    return "".join(c for c in text if c.isprintable()).strip()[:MAX_TEXT] or None


def read_offset(written: str) -> timedelta | None:
    """Return a zone such as `+08:00`, `+0800` or `Z`; None for what is none."""
    if written == "Z":
        return timedelta(0)
    match = re.fullmatch(r"([+-])(\d\d):?([0-5]\d)", written, re.ASCII)
    if match is None:
        return None
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    if offset > timedelta(hours=14):
        return None
    return -offset if match[1] == "-" else offset


def read_xmp(packet: bytes) -> Packet | None:
    """Return what an XMP packet says; None for one that can't be read or names an entity."""
    # Entities are how XML explodes, and no camera or program uses them.
    if len(packet) > MAX_XMP_BYTES or re.search(rb"<!(?:DOCTYPE|ENTITY)", packet, re.IGNORECASE):
        return None
    start, end = packet.find(b"<"), packet.rfind(b">")
    try:
        root = ElementTree.fromstring(packet[start : end + 1])  # noqa: S314  no entities
    except (ElementTree.ParseError, ValueError, LookupError):
        return None
    said = _properties(root)
    latitude = _coordinate(said.get(f"{EXIF}GPSLatitude"), "NS", 90)
    longitude = _coordinate(said.get(f"{EXIF}GPSLongitude"), "EW", 180)
    if latitude is None or longitude is None or latitude == longitude == 0:
        latitude = longitude = None
    moments = (_moment(said.get(name, "")) for name in XMP_TIMES)
    taken, offset = next((each for each in moments if each[0]), (None, None))
    place = [_line(said[name]) for name in XMP_PLACE if name in said]
    return Packet(
        latitude=latitude,
        longitude=longitude,
        altitude_m=_altitude_m(said),
        map_datum=_line(said.get(f"{EXIF}GPSMapDatum", "")),
        taken_local=taken,
        taken_offset=offset,
        software=_line(said.get(f"{XMP}CreatorTool", "")),
        place_name=_joined(place),
    )


def read_iptc(block: bytes) -> Packet | None:
    """Return what an IPTC-IIM block says; None for one without a sound record."""
    said = dict(_records(block))
    if not said:
        return None
    day = (printable(said.get(IPTC_DAY, b"")) or "").replace("-", "")
    time = (printable(said.get(IPTC_TIME, b"")) or "").replace(":", "")
    taken = offset = None
    match = re.fullmatch(r"(\d{6})([+-]\d{4})?", time, re.ASCII)
    if match and re.fullmatch(r"\d{8}", day, re.ASCII):
        clock = f"{match[1][:2]}:{match[1][2:4]}:{match[1][4:]}"
        written = f"{day[:4]}-{day[4:6]}-{day[6:]}T{clock}{match[2] or ''}"
        taken, offset = _moment(written)
    place = [printable(said.get(number, b"")) for number in IPTC_PLACE]
    return Packet(
        taken_local=taken,
        taken_offset=offset,
        software=printable(said.get(IPTC_PROGRAM, b"")),
        place_name=_joined(place),
    )


def _properties(root: ElementTree.Element) -> dict[str, str]:
    """Return the simple properties by name; of several of one name, the first."""
    said: dict[str, str] = {}
    for number, element in enumerate(root.iter()):
        if number > MAX_ELEMENTS:
            break
        for name, value in element.attrib.items():
            said.setdefault(name, value)
        if element.text and element.text.strip():
            said.setdefault(element.tag, element.text.strip())
    return said


def _coordinate(written: str | None, signs: str, limit: int) -> float | None:
    """Return signed degrees from `DDD,MM,SSk` or `DDD,MM.mmk` (XMP part 2, GPSCoordinate)."""
    match = COORDINATE.fullmatch(written.strip()) if written else None
    if match is None or match[4] not in signs:
        return None
    degrees = int(match[1]) + float(match[2]) / 60 + float(match[3] or 0) / 3600
    if degrees > limit:
        return None
    return -degrees if match[4] == signs[1] and degrees else degrees


def _altitude_m(said: dict[str, str]) -> float | None:
    match = re.fullmatch(r"(\d{1,9})(?:/(\d{1,9}))?", said.get(f"{EXIF}GPSAltitude", ""), re.ASCII)
    if match is None or int(match[2] or 1) == 0:
        return None
    metres = int(match[1]) / int(match[2] or 1)
    if metres > 100_000:
        return None
    return -metres if said.get(f"{EXIF}GPSAltitudeRef") == "1" and metres else metres


def _moment(written: str) -> tuple[datetime | None, timedelta | None]:
    match = MOMENT.fullmatch(written.strip())
    if match is None or not "1900" <= match[1] < "2200":
        return None, None
    try:
        taken = datetime.fromisoformat(f"{match[1]}T{match[2]}{match[3] or ':00'}")
    except ValueError:
        return None, None
    micros = int((match[4] or "").ljust(6, "0")[:6])
    return taken.replace(microsecond=micros), read_offset(match[5] or "")


def _line(text: str) -> str | None:
    return printable(text.encode(errors="replace"))


def _joined(parts: list[str | None]) -> str | None:
    return " ".join(part for part in parts if part)[:MAX_TEXT] or None


def _records(block: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the datasets of record 2 (IIM 1.5); the rest of a broken block is left out."""
    at = block.find(b"\x1c")
    while at >= 0 and at + 5 <= len(block) and block[at] == 0x1C:
        record, number = block[at + 1], block[at + 2]
        length = int.from_bytes(block[at + 3 : at + 5], "big")
        end = at + 5 + length
        # The highest bit marks lengths above 32 KB, which no line of text has.
        if length & 0x8000 or end > len(block):
            return
        if record == 2:
            yield number, block[at + 5 : end]
        at = end

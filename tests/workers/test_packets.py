"""XMP and IPTC beside EXIF, and the agreement of all three with ExifTool's recorded answers."""

from datetime import UTC, datetime, timedelta

import pytest

from fuzz.carriers import (
    CONTENT_TYPES,
    EXIF_IFD,
    GPS_IFD,
    SUFFIXES,
    XMP,
    encoded,
    iptc_block,
    jpeg_segment,
    phone_exif,
    photo,
)
from schemas.photo_words import NOTES
from workers.metadata import Metadata, read_metadata
from workers.packets import MAX_XMP_BYTES, Packet, read_iptc, read_xmp

SHANGHAI = timedelta(hours=8)


def read(suffix: str, content: bytes) -> Metadata:
    found = read_metadata(content, CONTENT_TYPES[suffix])
    assert set(found.notes) <= NOTES.keys()
    return found


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_carrier_says_what_exiftool_reads_in_it(suffix):
    # exiftool 12.57 -n -G1 on these very files: GPS:GPSLatitude 41.7936, GPSLongitude
    # 123.4529, GPSAltitude 43.5, GPSImgDirection 271.25, GPSHPositioningError 6.5,
    # Composite:GPSDateTime 2026:11:02 03:42:08Z, SubSecDateTimeOriginal
    # 2026:11:02 11:42:10.123+08:00, XMP-photoshop:City 沈阳市.
    found = read(suffix, photo(suffix))
    assert (found.latitude, found.longitude) == (41.7936, 123.4529)
    assert (found.altitude_m, found.direction_deg, found.accuracy_m) == (43.5, 271.25, 6.5)
    assert found.gps_at_utc == datetime(2026, 11, 2, 3, 42, 8, tzinfo=UTC)
    assert found.taken_local == datetime(2026, 11, 2, 11, 42, 10, 123_000)  # noqa: DTZ001
    assert found.taken_offset == SHANGHAI
    assert found.place_name == "沈阳市"
    assert found.software == "4.2.0 · Snapseed 2.0"
    assert found.notes == ()


@pytest.mark.parametrize("suffix", ["jpg", "webp", "avif", "heic"])
def test_xmp_stands_in_for_exif_and_says_so(suffix):
    # exiftool: XMP-exif:GPSLatitude 41.7936, GPSLongitude 123.4529, GPSAltitude 43.5,
    # DateTimeOriginal 2026:11:02 11:42:10.123+08:00, XMP-xmp:CreatorTool Snapseed 2.0.
    found = read(suffix, encoded(suffix, xmp=XMP))
    assert (found.latitude, found.longitude, found.altitude_m) == (41.7936, 123.4529, 43.5)
    assert found.taken_at_utc == datetime(2026, 11, 2, 3, 42, 10, 123_000, tzinfo=UTC)
    assert found.software == "Snapseed 2.0"
    assert found.notes == ("place-from-xmp", "time-from-xmp")


def with_iptc(content: bytes) -> bytes:
    return content[:2] + jpeg_segment(0xED, iptc_block()) + content[2:]


def test_iptc_gives_the_place_in_words_and_the_time():
    # exiftool: IPTC:Country 中国, Province-State 辽宁省, City 沈阳市, Sub-location 五爱街,
    # Composite:DateTimeCreated 2026:11:02 11:42:10+08:00, OriginatingProgram Snapseed.
    found = read("jpg", with_iptc(encoded("jpg")))
    assert found.place_name == "中国 辽宁省 沈阳市 五爱街"
    assert found.taken_at_utc == datetime(2026, 11, 2, 3, 42, 10, tzinfo=UTC)
    assert found.software == "Snapseed"
    assert found.notes == ("time-from-iptc",)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_a_messenger_stripped_says_nothing(suffix):
    assert read(suffix, encoded(suffix)) == Metadata()


def moved(latitude: str) -> bytes:
    return XMP.replace(b"41,47.616N", latitude.encode())


@pytest.mark.parametrize(
    ("latitude", "notes"), [("41,47.66N", ()), ("31,12.5N", ("place-differs-in-xmp",))]
)
def test_xmp_that_places_the_photo_elsewhere_is_noted_and_not_followed(latitude, notes):
    found = read("jpg", encoded("jpg", exif=phone_exif(), xmp=moved(latitude)))
    assert found.latitude == 41.7936
    assert found.notes == notes


def test_the_time_of_capture_in_xmp_goes_before_that_of_the_last_edit():
    exif = phone_exif()
    for tag in (0x9003, 0x9004):
        del exif.get_ifd(EXIF_IFD)[tag]
    assert read("jpg", encoded("jpg", exif=exif)).notes == ("exif-time-of-edit",)
    found = read("jpg", encoded("jpg", exif=exif, xmp=XMP))
    assert found.taken_local == datetime(2026, 11, 2, 11, 42, 10, 123_000)  # noqa: DTZ001
    assert found.notes == ("time-from-xmp",)


@pytest.mark.parametrize(
    ("stamp", "day", "offset"),
    [
        ((3.0, 42.0, 8.0), "2026:11:02", SHANGHAI),
        ((3.0, 39.0, 8.0), "2026:11:02", SHANGHAI),
        # Some phones write their local time for the satellites': nothing is concluded.
        ((11.0, 42.0, 8.0), "2026:11:02", None),
        ((3.0, 42.0, 8.0), "2026:11:01", None),
        ((25.0, 42.0, 8.0), "2026:11:02", None),
        ((3.0, 42.0, 8.0), "yesterday", None),
        ((3.0, 42.0, 8.0), "2026:02:30", None),
    ],
)
def test_the_satellites_time_confirms_chinas_zone_and_no_other(stamp, day, offset):
    exif = phone_exif()
    for tag in (0x9010, 0x9011):
        del exif.get_ifd(EXIF_IFD)[tag]
    exif.get_ifd(GPS_IFD).update({7: stamp, 29: day})
    found = read("jpg", encoded("jpg", exif=exif))
    assert found.taken_offset == offset
    assert found.offset_assumed == (offset is None)
    assert found.taken_at_utc == datetime(2026, 11, 2, 3, 42, 10, 123_000, tzinfo=UTC)


@pytest.mark.parametrize("accuracy", [0.0, 200_000.0])
def test_an_accuracy_that_can_not_be_is_none(accuracy):
    exif = phone_exif()
    exif.get_ifd(GPS_IFD)[31] = accuracy
    assert read("jpg", encoded("jpg", exif=exif)).accuracy_m is None


def xmp(attributes: str) -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        'xmlns:exif="http://ns.adobe.com/exif/1.0/" '
        'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
        f"{attributes}/></rdf:RDF></x:xmpmeta>"
    ).encode()


@pytest.mark.parametrize(
    ("latitude", "longitude", "expected"),
    [
        ("41,47.616N", "123,27.174E", (41.7936, 123.4529)),
        ("41,47,37S", "123,27,10W", (-(41 + 47 / 60 + 37 / 3600), -(123 + 27 / 60 + 10 / 3600))),
        ("90,0.0N", "180,0.0W", (90.0, -180.0)),
        ("0,0.0N", "0,0.0E", (None, None)),
        ("91,0.0N", "123,27.174E", (None, None)),
        ("41,47.616E", "123,27.174E", (None, None)),
        ("41.79", "123.45", (None, None)),
        ("41,47.616N", "", (None, None)),
    ],
)
def test_coordinates_of_xmp_are_read_with_their_hemisphere(latitude, longitude, expected):
    found = read_xmp(xmp(f'exif:GPSLatitude="{latitude}" exif:GPSLongitude="{longitude}"'))
    assert found is not None
    assert (found.latitude, found.longitude) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("altitude", "below", "metres"),
    [("435/10", "0", 43.5), ("20", "1", -20.0), ("1/0", "0", None), ("high", "0", None)],
)
def test_altitudes_of_xmp_are_fractions_above_or_below_the_sea(altitude, below, metres):
    found = read_xmp(xmp(f'exif:GPSAltitude="{altitude}" exif:GPSAltitudeRef="{below}"'))
    assert found == Packet(altitude_m=metres)


@pytest.mark.parametrize(
    ("written", "taken", "offset"),
    [
        ("2026-11-02T11:42:10", datetime(2026, 11, 2, 11, 42, 10), None),  # noqa: DTZ001
        ("2026-11-02T11:42Z", datetime(2026, 11, 2, 11, 42), timedelta(0)),  # noqa: DTZ001
        ("2026-13-02T11:42:10", None, None),
        ("2026-11-02", None, None),
        ("1026-11-02T11:42:10", None, None),
    ],
)
def test_times_of_xmp_are_read_with_their_zone(written, taken, offset):
    found = read_xmp(xmp(f'photoshop:DateCreated="{written}"'))
    assert found == Packet(taken_local=taken, taken_offset=offset)


def test_properties_may_be_elements_too():
    packet = xmp('exif:A="1"').replace(
        b"/></rdf:RDF>",
        b"><photoshop:City>\xe6\xb2\x88\xe9\x98\xb3</photoshop:City></rdf:Description></rdf:RDF>",
    )
    assert read_xmp(packet) == Packet(place_name="沈阳")


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"no xml",
        b"<x:xmpmeta",
        b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]><x>&a;</x>",
        b"<?xml version='1.0'?><!doctype x><x/>",
        b"<?xml version='1.0' encoding='nonsense'?><x/>",
        b"<x>" + b" " * MAX_XMP_BYTES + b"</x>",
    ],
)
def test_a_packet_that_is_broken_or_a_bomb_is_unreadable(packet):
    assert read_xmp(packet) is None
    if packet:
        assert read("webp", encoded("webp", xmp=packet)).notes == ("xmp-unreadable",)


@pytest.mark.parametrize("block", [b"", b"\x1c", b"\x1c\2\x5a\xff\xff", b"\x1c\2\x5a\0\x40short"])
def test_a_broken_block_of_iptc_is_unreadable(block):
    assert read_iptc(block) is None


def test_iptc_in_the_letters_of_old_chinese_software_is_read():
    value = "沈阳市".encode("gb18030")
    assert read_iptc(b"\x1c\2\x5a\0" + bytes([len(value)]) + value) == Packet(place_name="沈阳市")

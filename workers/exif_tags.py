"""The tags of an EXIF block that matter here, as two independent readers find them.

Both get the same TIFF block, so that the container makes no difference. Maker notes are
left alone. Sources: EXIF 2.32 (CIPA DC-008), TIFF 6.0.
"""

import io
import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

import exifread
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

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
    "modified_part": _Tag(EXIF_IFD, 0x9290, "EXIF SubSecTime"),
    "original_part": _Tag(EXIF_IFD, 0x9291, "EXIF SubSecTimeOriginal"),
    "digitized_part": _Tag(EXIF_IFD, 0x9292, "EXIF SubSecTimeDigitized"),
    "lens": _Tag(EXIF_IFD, 0xA434, "EXIF LensModel"),
    "latitude_ref": _Tag(GPS_IFD, 1, "GPS GPSLatitudeRef"),
    "latitude": _Tag(GPS_IFD, 2, "GPS GPSLatitude"),
    "longitude_ref": _Tag(GPS_IFD, 3, "GPS GPSLongitudeRef"),
    "longitude": _Tag(GPS_IFD, 4, "GPS GPSLongitude"),
    "altitude_ref": _Tag(GPS_IFD, 5, "GPS GPSAltitudeRef"),
    "altitude": _Tag(GPS_IFD, 6, "GPS GPSAltitude"),
    "gps_time": _Tag(GPS_IFD, 7, "GPS GPSTimeStamp"),
    "direction": _Tag(GPS_IFD, 17, "GPS GPSImgDirection"),
    "map_datum": _Tag(GPS_IFD, 18, "GPS GPSMapDatum"),
    "gps_day": _Tag(GPS_IFD, 29, "GPS GPSDate"),
    "accuracy": _Tag(GPS_IFD, 31, "GPS Tag 0x001F"),
}


def attempt(reader: Callable[[bytes], dict[str, Raw]], block: bytes) -> dict[str, Raw] | None:
    """Return what `reader` finds, or None where it breaks down."""
    try:
        return reader(block)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  both readers raise a dozen kinds on hostile bytes
        return None


def exifread_tags(block: bytes) -> dict[str, Raw]:
    """Return what ExifRead finds; raises a dozen kinds of errors on hostile bytes."""
    # details=False leaves the maker notes alone: 0.4 ms instead of 17 and less to attack.
    found = exifread.process_file(io.BytesIO(block), details=False, extract_thumbnail=False)
    return _known(
        {name: found[tag.exifread].values for name, tag in TAGS.items() if tag.exifread in found}
    )


def pillow_tags(block: bytes) -> dict[str, Raw]:
    """Return what Pillow's own reader finds; raises a dozen kinds of errors on hostile bytes."""
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

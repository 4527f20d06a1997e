"""Turn a drawn picture into the file that a phone would have sent."""

import io
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from schemas.numbers import LOCAL_ZONE
from schemas.places import Point

_EXIF, _GPS = 0x8769, 0x8825


@dataclass(frozen=True)
class Phone:
    """A maker's way of writing: `orientation` 6 is a sensor that lies on its side."""

    make: str
    model: str
    software: str
    orientation: int = 1
    writes_offset: bool = True


PHONES = (
    Phone("HUAWEI", "NOH-AN00", "NOH-AN00 4.2.0.180"),
    Phone("Xiaomi", "2211133C", "HyperOS 2.0", orientation=6),
    Phone("vivo", "V2309A", "OriginOS 5", writes_offset=False),
    Phone("OPPO", "PHY110", "ColorOS 15"),
    Phone("HONOR", "MAA-AN00", "MagicOS 9.0", orientation=6),
    Phone("Apple", "iPhone 13", "18.1", orientation=6),
)
# The transposition of the upright picture whose undoing each orientation asks for.
_LAID_DOWN = {6: Image.Transpose.ROTATE_90}


def photo_file(
    picture: Image.Image, *, phone: Phone, moment: datetime, point: Point | None
) -> bytes:
    """Return a JPEG as the phone writes it, with time and, if given, place in its EXIF."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0131] = phone.make, phone.model, phone.software
    exif[0x0112] = phone.orientation
    local = moment.astimezone(LOCAL_ZONE)
    written = local.strftime("%Y:%m:%d %H:%M:%S")
    exif[0x0132] = written
    details = exif.get_ifd(_EXIF)
    details[0x9003] = details[0x9004] = written
    if phone.writes_offset:
        details[0x9011] = "+08:00"
    if point is not None:
        exif.get_ifd(_GPS).update(_gps(point))
    if phone.orientation in _LAID_DOWN:
        picture = picture.transpose(_LAID_DOWN[phone.orientation])
    return _jpeg(picture, quality=86, exif=exif)


def messenger_copy(picture: Image.Image) -> bytes:
    """Return what a messenger makes of a photo: smaller, harder packed, nothing written in it."""
    return _jpeg(picture.resize((960, 720), Image.Resampling.LANCZOS), quality=72)


def resaved_copy(data: bytes, *, quality: int, scale: float) -> bytes:
    """Return a photo opened and saved again, perhaps smaller, as it goes from phone to phone."""
    with Image.open(io.BytesIO(data)) as picture:
        exif = picture.getexif()
        size = (round(picture.width * scale), round(picture.height * scale))
        return _jpeg(picture.resize(size, Image.Resampling.LANCZOS), quality=quality, exif=exif)


def _gps(point: Point) -> dict[int, object]:
    return {
        1: "N" if point.latitude >= 0 else "S",
        2: _degrees(abs(point.latitude)),
        3: "E" if point.longitude >= 0 else "W",
        4: _degrees(abs(point.longitude)),
        5: b"\x00",
        6: IFDRational(Fraction(52)),
        18: "WGS-84",
    }


def _degrees(value: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    """Return degrees, minutes and seconds; the seconds to a ten-thousandth, about 3 mm."""
    ticks = round(value * 3600 * 10_000)
    minutes, seconds = divmod(ticks, 60 * 10_000)
    degrees, minutes = divmod(minutes, 60)
    return (
        IFDRational(degrees, 1),
        IFDRational(minutes, 1),
        IFDRational(seconds, 10_000),
    )


def _jpeg(picture: Image.Image, *, quality: int, exif: Image.Exif | None = None) -> bytes:
    output = io.BytesIO()
    extra = {"exif": exif} if exif is not None else {}
    picture.save(output, "JPEG", quality=quality, **extra)
    return output.getvalue()

"""Small photos of every format that is taken, each with all the metadata it can carry.

They are made here and not kept, so that nobody's photo is, and nobody wonders what is in
one. The tests use them, and the fuzzer takes them as its corpus.
"""

import io
import struct
import zlib
from functools import cache
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image, ImageCms, ImageDraw, PngImagePlugin

SUFFIXES = ("jpg", "png", "webp", "avif", "heic")
CONTENT_TYPES = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
    "heic": "image/heic",
}
EXIF_IFD, GPS_IFD = 0x8769, 0x8825
RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 200, 30), (30, 30, 220), (230, 220, 40)
# What has to be done to an upright picture so that its EXIF orientation undoes it.
STORED_AS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def quarters(width: int = 96, height: int = 64) -> Image.Image:
    """Return a picture with a way up: red and green above, blue and yellow below."""
    picture = Image.new("RGB", (width, height), RED)
    picture.paste(GREEN, (width // 2, 0, width, height // 2))
    picture.paste(BLUE, (0, height // 2, width // 2, height))
    picture.paste(YELLOW, (width // 2, height // 2, width, height))
    ImageDraw.Draw(picture).line((0, 0, width // 8, height // 8), fill="white", width=2)
    return picture


def on_a_screen() -> Image.Image:
    """Return the photograph of a screen, a little from the side: a picture in a dark frame."""
    room = Image.new("RGB", (192, 144), (120, 105, 90))
    room.paste((14, 14, 14), (24, 18, 168, 126))
    room.paste(quarters(128, 92), (32, 26))
    aslant = (1.02, 0.05, -4, 0.02, 1.03, -3, 0.0002, 0.00015)
    return room.transform(room.size, Image.Transform.PERSPECTIVE, aslant)


def stored(orientation: int, picture: Image.Image | None = None) -> Image.Image:
    """Return the pixels that a camera stores for an upright picture with that orientation."""
    turn = STORED_AS[orientation]
    picture = picture or quarters()
    return picture if turn is None else picture.transpose(turn)


def is_upright(picture: Image.Image, *, within: int = 40) -> bool:
    """Tell whether the four quarters lie where they should, in colours close to what they were."""
    width, height = picture.size
    seen = [
        picture.convert("RGB").getpixel((width * across // 4, height * down // 4))
        for down in (1, 3)
        for across in (1, 3)
    ]
    meant = [RED, GREEN, BLUE, YELLOW]
    return bool(np.max(np.abs(np.asarray(seen, int) - np.asarray(meant))) <= within)


def phone_exif(orientation: int = 1) -> Image.Exif:
    """Return what a phone writes: camera, time with its zone, and a place in Shenyang."""
    exif = Image.Exif()
    exif.update({0x010F: "HUAWEI", 0x0110: "ALN-AL00", 0x0112: orientation, 0x0131: "4.2.0"})
    exif[0x0132] = "2026:11:02 11:42:30"
    exif.get_ifd(EXIF_IFD).update(
        {
            0x9003: "2026:11:02 11:42:10",
            0x9004: "2026:11:02 11:42:10",
            0x9010: "+08:00",
            0x9011: "+08:00",
            0x9290: "123",
            0x9291: "123",
            0x9292: "123",
            0xA434: "P60 main",
            0x927C: b"HUAWEI\0\0II*\0" + bytes(40),
        }
    )
    exif.get_ifd(GPS_IFD).update(
        {
            1: "N",
            2: (41.0, 47.0, 36.96),
            3: "E",
            4: (123.0, 27.0, 10.44),
            5: b"\0",
            6: 43.5,
            7: (3.0, 42.0, 8.0),
            16: "T",
            17: 271.25,
            18: "WGS-84",
            29: "2026:11:02",
            31: 6.5,
        }
    )
    return exif


XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF'
    ' xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
    ' xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
    ' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"'
    ' exif:GPSLatitude="41,47.616N" exif:GPSLongitude="123,27.174E" exif:GPSAltitude="435/10"'
    ' exif:GPSAltitudeRef="0" exif:DateTimeOriginal="2026-11-02T11:42:10.123+08:00"'
    ' xmp:CreatorTool="Snapseed 2.0" photoshop:City="沈阳市"/></rdf:RDF></x:xmpmeta>'
    '<?xpacket end="w"?>'
).encode()


def iptc_block() -> bytes:
    """Return an IPTC-IIM record in Photoshop's wrapping, as it stands in a JPEG's APP13."""
    records = b"".join(
        b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(value)) + value
        for number, value in [
            (55, b"20261102"),
            (60, b"114210+0800"),
            (65, b"Snapseed"),
            (90, "沈阳市".encode()),
            (92, "五爱街".encode()),
            (95, "辽宁省".encode()),
            (101, "中国".encode()),
        ]
    )
    records = b"\x1c\x01\x5a\0\3\x1b%G" + records
    padded = records + b"\0" * (len(records) % 2)
    return b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(records)) + padded


def jpeg_segment(marker: int, content: bytes) -> bytes:
    """Return a JPEG segment."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """Return a PNG chunk with the right sum."""
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def encoded(suffix: str, picture: Image.Image | None = None, **options: Any) -> bytes:
    """Return a picture in one of the five formats; `exif` may be a block or `Image.Exif`."""
    picture = picture or quarters()
    target = io.BytesIO()
    if suffix == "heic":
        exif = options.pop("exif", None)
        if exif is not None:
            options["exif"] = exif.tobytes() if isinstance(exif, Image.Exif) else exif
        pillow_heif.from_pillow(picture).save(target, **options)
    else:
        if suffix == "avif":
            options = {"speed": 10, **options}
        picture.save(target, {"jpg": "JPEG"}.get(suffix, suffix.upper()), **options)
    return target.getvalue()


def photo(suffix: str, orientation: int = 1) -> bytes:
    """Return a phone's photo with EXIF, XMP and a colour profile, and IPTC where it can be."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options: dict[str, Any] = {"exif": phone_exif(orientation)}
    if suffix != "heic":
        options["icc_profile"] = profile
    if suffix == "png":
        chunks = PngImagePlugin.PngInfo()
        chunks.add_itxt("XML:com.adobe.xmp", XMP.decode())
        options["pnginfo"] = chunks
    else:
        options["xmp"] = XMP
    content = encoded(suffix, stored(orientation), **options)
    if suffix == "jpg":
        content = content[:2] + jpeg_segment(0xED, iptc_block()) + content[2:]
    return content


@cache
def corpus() -> dict[str, bytes]:
    """Return the fuzzer's beginnings by name: each format with and without metadata."""
    found = {f"photo.{suffix}": photo(suffix) for suffix in SUFFIXES}
    found |= {f"plain.{suffix}": encoded(suffix) for suffix in SUFFIXES}
    found |= {f"turned.{suffix}": photo(suffix, 6) for suffix in SUFFIXES}
    grey = quarters().convert("L")
    deep = Image.fromarray((np.asarray(grey).astype(np.uint16) << 8) | 0x7F)
    clear = quarters().copy()
    clear.putalpha(grey)
    found |= {
        "progressive.jpg": encoded("jpg", progressive=True),
        "grey.jpg": encoded("jpg", grey),
        "screen.jpg": encoded("jpg", on_a_screen(), quality=90),
        "screen.png": encoded("png", on_a_screen()),
        "cmyk.jpg": encoded("jpg", quarters().convert("CMYK")),
        "restarts.jpg": encoded("jpg", restart_marker_blocks=2),
        "deep.png": encoded("png", deep),
        "palette.png": encoded("png", quarters().quantize(8), transparency=0),
        "clear.png": encoded("png", clear),
        "lossless.webp": encoded("webp", lossless=True),
        "clear.webp": encoded("webp", clear),
        "clear.avif": encoded("avif", clear),
        "clear.heic": encoded("heic", clear),
    }
    return found

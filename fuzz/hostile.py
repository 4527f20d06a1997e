"""The hostile photos of the record, each by its name, made on the spot and small as files.

Every one says what must become of it: taken upright (`TAKEN`), taken by the door and
refused by the worker with a code, or refused at the door with a code.
"""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image, ImageCms

from fuzz.carriers import (
    EXIF_IFD,
    GPS_IFD,
    SUFFIXES,
    corpus,
    encoded,
    jpeg_segment,
    phone_exif,
    photo,
    png_chunk,
    quarters,
)

HTML = b"<!DOCTYPE html><script>alert(document.domain)</script>"
PDF = b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n%%EOF\n"


def zip_archive() -> bytes:
    """Return a ZIP with one page in it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(zipfile.ZipInfo("index.html"), HTML)
    return target.getvalue()


def ifd_loops() -> bytes:
    """Return an EXIF block whose every pointer leads back to its first directory."""
    entries = [
        struct.pack("<HHI4s", 0x010F, 2, 4, b"LOOP"),
        *(struct.pack("<HHII", tag, 4, 1, 8) for tag in (0x014A, EXIF_IFD, GPS_IFD, 0xA005)),
    ]
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + b"".join(entries) + b"\x08\0\0\0"


def long_chain(directories: int) -> bytes:
    """Return an EXIF block of that many directories, each of which names the next."""
    block = b"II*\0\x08\0\0\0"
    for number in range(1, directories + 1):
        following = 8 + number * 18 if number < directories else 0
        block += struct.pack("<HHHI4sI", 1, 0x010F, 2, 4, b"LOOP", following)
    return block


def crowded_directory(entries: int = 65_535) -> bytes:
    """Return an EXIF block with as many entries as a directory can count."""
    entry = struct.pack("<HHI4s", 0x010F, 2, 4, b"MANY")
    return b"II*\0\x08\0\0\0" + struct.pack("<H", entries) + entry * entries + bytes(4)


def endless_value() -> bytes:
    """Return an EXIF block with a value that claims four thousand million numbers."""
    entries = [
        struct.pack("<HHII", tag, kind, 0xFFFFFFFF, 8)
        for tag, kind in ((0x010F, 2), (0x0112, 3), (0x0131, 12), (0x0132, 5))
    ]
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)


def hungry_profile() -> bytes:
    """Return a colour profile that claims a million tags in four gigabytes."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[:4], profile[128:132] = b"\xff\xff\xff\xff", struct.pack(">I", 1_000_000)
    return bytes(profile)


def foreign_profile() -> bytes:
    """Return a sound colour profile for another space than the picture's."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def long_profile() -> bytes:
    """Return a profile of twelve megabytes that is sound at its beginning."""
    sound = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return sound + bytes(12 << 20)


def with_png_chunks(*chunks: bytes) -> bytes:
    """Return a PNG with chunks before its pixels."""
    plain = encoded("png")
    return plain[:33] + b"".join(chunks) + plain[33:]


def text_bomb(kind: bytes, chunks: int) -> bytes:
    """Return a PNG with chunks of compressed text that unpack to a megabyte each."""
    packed = zlib.compress(bytes(1 << 20), 9)
    content = (
        b"Comment\0\0" + packed if kind == b"zTXt" else b"XML:com.adobe.xmp\0\1\0\0\0" + packed
    )
    return with_png_chunks(*[png_chunk(kind, content)] * chunks)


def with_frame(suffix: str, width: int, height: int) -> bytes:
    """Return a JPEG or PNG of one colour with another size written over its own."""
    content = bytearray(encoded(suffix, Image.new("RGB", (64, 64))))
    if suffix == "png":
        header = b"IHDR" + struct.pack(">II", width, height) + bytes(content[24:29])
        content[12:33] = header + struct.pack(">I", zlib.crc32(header))
    else:
        frame = content.index(b"\xff\xc0")
        content[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def half(suffix: str) -> bytes:
    """Return the first half of a photo."""
    whole = photo(suffix)
    return whole[: len(whole) // 2]


def with_tail(suffix: str, tail: Callable[[], bytes]) -> bytes:
    """Return a photo with something else behind it."""
    return photo(suffix) + tail()


def with_profile(suffix: str, profile: Callable[[], bytes]) -> bytes:
    """Return a photo with that colour profile."""
    return encoded(suffix, icc_profile=profile())


def with_exif(suffix: str, make_block: Callable[[], bytes]) -> bytes:
    """Return a photo with that EXIF block, past any encoder that would judge it first."""
    block = make_block()
    if suffix not in {"avif", "heic"}:
        return encoded(suffix, exif=b"Exif\0\0" + block)
    # Written in the place of a sound block of the same length, whose text fills it up.
    exif = Image.Exif()
    exif[0x010F] = "?" * max(0, len(block) - 27)
    sound = exif.tobytes().removeprefix(b"Exif\0\0")
    content = encoded(suffix, exif=exif)
    return content.replace(sound, block.ljust(len(sound), b"\0"))


def many_scans(width: int, height: int, scans: int) -> bytes:
    """Return a progressive JPEG with empty refining scans, each of which passes over all of it."""
    content = encoded("jpg", Image.new("L", (64, 64), 128), progressive=True)
    frame = content.index(b"\xff\xc2")
    content = content[: frame + 5] + struct.pack(">HH", height, width) + content[frame + 9 :]
    first = content.index(b"\xff\xda")
    # A block of nothing may stand for 32,767 more; the table knows the one long run only.
    table = jpeg_segment(0xC4, b"\x10" + b"\1" + bytes(15) + b"\xe0")
    empty = table + jpeg_segment(0xDA, b"\1\1\0\x01\x3f\x00") + b"\x7f\xfe" * 8
    return content[:first] + content[first:-2] + empty * scans + content[-2:]


def sequence(suffix: str) -> bytes:
    """Return an animation of two frames."""
    target = io.BytesIO()
    kind = "PNG" if suffix == "apng" else suffix.upper()
    quarters().save(
        target, kind, save_all=True, append_images=[quarters().rotate(180)], duration=100
    )
    return target.getvalue()


def second_picture() -> bytes:
    """Return an MPO: two pictures in one file, as phones with two lenses write them."""
    target = io.BytesIO()
    quarters().save(target, "MPO", save_all=True, append_images=[quarters().rotate(180)])
    return target.getvalue()


def deep_colours() -> bytes:
    """Return a PNG of sixteen bits a colour."""
    rows = np.asarray(quarters()).astype(">u2") * 257
    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", 96, 64, 16, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(lines))
        + png_chunk(b"IEND", b"")
    )


def smaller_than_said(suffix: str, wide: int, said: int) -> bytes:
    """Return a HEIC or AVIF that says it has `said` pixels a side and holds `wide`."""
    content = encoded(suffix, Image.new("RGB", (wide, wide), "green"))
    size = b"ispe\0\0\0\0"
    return content.replace(
        size + struct.pack(">II", wide, wide), size + struct.pack(">II", said, said)
    )


def noise(seed: int, size: int) -> bytes:
    """Return bytes without sense that are the same in every run."""
    return random.Random(seed).randbytes(size)


def big_exif(suffix: str) -> bytes:
    """Return a photo with an EXIF block as large as its carrier allows, up to ten megabytes."""
    exif = phone_exif()
    exif.get_ifd(EXIF_IFD)[0x927C] = noise(7, 60_000 if suffix == "jpg" else 10 << 20)
    return encoded(suffix, exif=exif)


def box(kind: bytes, *parts: bytes) -> bytes:
    """Return a box of the ISO base media file format."""
    content = b"".join(parts)
    return struct.pack(">I4s", len(content) + 8, kind) + content


def full_box(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    """Return a box with a version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def grid(columns: int, rows: int, *, tile: int = 64, nested: bool = False) -> bytes:
    """Return a HEIC as phones write them: a grid of tiles, which share one tile's bytes here.

    With `nested` the grid is a tile of itself.
    """
    one = encoded("heic", quarters(tile, tile))
    at = one.index(b"hvcC") - 4
    setup = one[at : at + struct.unpack_from(">I", one, at)[0]]
    pixels = one[one.index(b"mdat") + 4 :]
    count = columns * rows
    first, size = 1, struct.pack(">II", columns * tile, rows * tile)
    numbers = range(2, count + 2)
    kinds = [
        full_box(b"infe", struct.pack(">HH4s", n, 0, b"hvc1"), b"\0", version=2) for n in numbers
    ]
    kinds.insert(0, full_box(b"infe", struct.pack(">HH4s", first, 0, b"grid"), b"\0", version=2))
    made_of = [first] * count if nested else list(numbers)
    links = [struct.pack(">HBBB", first, 1, 2, 0)[:-1]]
    links += [struct.pack(">HBBB", n, 2, 0x81, 3) for n in numbers]
    head = box(b"ftyp", b"heic", bytes(4), b"mif1", b"heic")

    def meta(start: int) -> bytes:
        places = [struct.pack(">HHHHII", first, 1, 0, 1, 0, 8)]
        places += [struct.pack(">HHHHII", n, 0, 0, 1, start, len(pixels)) for n in numbers]
        return full_box(
            b"meta",
            full_box(b"hdlr", bytes(4), b"pict", bytes(13)),
            full_box(b"pitm", struct.pack(">H", first)),
            full_box(b"iinf", struct.pack(">H", count + 1), *kinds),
            full_box(b"iref", box(b"dimg", struct.pack(f">HH{count}H", first, count, *made_of))),
            box(
                b"iprp",
                box(
                    b"ipco",
                    setup,
                    full_box(b"ispe", size),
                    full_box(b"ispe", struct.pack(">II", tile, tile)),
                ),
                full_box(b"ipma", struct.pack(">I", count + 1), *links),
            ),
            full_box(b"iloc", struct.pack(">HH", 0x4400, count + 1), *places, version=1),
            box(
                b"idat",
                struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, columns * tile, rows * tile),
            ),
        )

    start = len(head) + len(meta(0)) + 8
    return head + meta(start) + box(b"mdat", pixels)


def renamed(suffix: str, major: bytes) -> bytes:
    """Return a HEIC or AVIF whose first brand is a general one."""
    content = photo(suffix)
    return content[:8] + major + content[12:]


def nameless() -> bytes:
    """Return a HEIC whose XMP has a kind that is no text: found by fuzzing, a crash of pi-heif."""
    return photo("heic").replace(b"application/rdf", b"\xff" * 15)


def typeless() -> bytes:
    """Return a HEIC whose XMP has a type that is no text: found by fuzzing, the same crash."""
    return photo("heic").replace(b"mime\0app", b"\xedime\0app")


@dataclass(frozen=True)
class Hostile:
    """One hostile photo: how it is made and what must become of it.

    `door` and `worker` are codes of refusal, None where it is taken; the worker is not
    asked where the door refuses. `upright` is false where there is no way up to see.
    """

    name: str
    make: Callable[[], bytes]
    door: str | None = None
    worker: str | None = None
    upright: bool = True


def _saved(kind: str, *others: Image.Image) -> bytes:
    target = io.BytesIO()
    quarters().save(target, kind, save_all=bool(others), append_images=others)
    return target.getvalue()


SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
TAILS: dict[str, Callable[[], bytes]] = {
    "html": lambda: HTML,
    "zip": zip_archive,
    "pdf": lambda: PDF,
}
EXIF_BLOCKS: dict[str, Callable[[], bytes]] = {
    "loops": ifd_loops,
    "chain": lambda: long_chain(3_000),
    "crowded": lambda: crowded_directory(5_000),
    "endless": endless_value,
    "rubbish": lambda: noise(5, 300),
    "cut": lambda: b"MM\0\x2a\xff\xff",
    "bare": lambda: b"II*\0",
}
PROFILES: dict[str, Callable[[], bytes]] = {
    "hungry": hungry_profile,
    "foreign": foreign_profile,
    "rubbish": lambda: b"no profile" * 40,
    "long": long_profile,
}


def at_the_door() -> list[Hostile]:
    """Return what is refused at the door."""
    unsupported, nothing = "photo-format-unsupported", "photo-not-an-image"
    return [
        Hostile("empty", bytes, "photo-empty"),
        Hostile("animated.gif", lambda: _saved("GIF", quarters().rotate(180)), unsupported),
        Hostile("animated.webp", lambda: sequence("webp"), unsupported),
        Hostile("sequence.heic", heif_sequence, unsupported),
        Hostile("drawing.svg", lambda: SVG, unsupported),
        Hostile("drawing.jpg", lambda: b'<?xml version="1.0"?>' + SVG, unsupported),
        Hostile("page.jpg", lambda: HTML, nothing),
        Hostile("archive.jpg", zip_archive, nothing),
        Hostile("document.jpg", lambda: PDF, unsupported),
        Hostile("photo-behind-document.jpg", lambda: PDF + photo("jpg"), unsupported),
        Hostile("photo-behind-page.jpg", lambda: HTML + photo("jpg"), nothing),
        Hostile("scan.tiff", lambda: _saved("TIFF"), unsupported),
        Hostile("bomb.png", lambda: with_frame("png", 30_000, 30_000), "photo-too-many-pixels"),
        Hostile("bomb.jpg", lambda: with_frame("jpg", 65_000, 65_000), "photo-too-many-pixels"),
        Hostile("bomb.heic", lambda: grid(30, 30, tile=512), "photo-too-many-pixels"),
        Hostile("no-rows.png", lambda: with_frame("png", 64, 0), "photo-damaged"),
        Hostile("grid-of-itself.heic", lambda: grid(8, 8, nested=True), "photo-damaged"),
        *(Hostile(f"half.{s}", partial(half, s), "photo-truncated") for s in SUFFIXES),
        Hostile("nameless.heic", nameless, "photo-damaged"),
        Hostile("typeless.heic", typeless, "photo-damaged"),
        # What follows the last box can't be told from a box whose end is missing.
        *(
            Hostile(f"{name}-tail.{s}", partial(with_tail, s, tail), "photo-truncated")
            for s in ("heic", "avif")
            for name, tail in TAILS.items()
        ),
    ]


def heif_sequence() -> bytes:
    """Return the beginning of a burst: a film's boxes under a sequence's brands."""
    return box(b"ftyp", b"msf1", bytes(4), b"msf1", b"hevc") + box(b"moov", bytes(40))


def taken() -> list[Hostile]:
    """Return what is odd and still a photo."""
    turned = quarters().copy()
    return [
        *(
            Hostile(f"{name}-tail.{s}", partial(with_tail, s, tail))
            for s in ("jpg", "png", "webp")
            for name, tail in TAILS.items()
        ),
        Hostile("html-inside.jpg", lambda: encoded("jpg", comment=HTML)),
        Hostile(
            "html-inside.png", lambda: with_png_chunks(png_chunk(b"tEXt", b"Comment\0" + HTML))
        ),
        Hostile("animated.apng", lambda: sequence("apng")),
        Hostile("animated.avif", lambda: sequence("avif")),
        Hostile("two-lenses.mpo", lambda: _saved("MPO", turned.rotate(180))),
        Hostile("inks.jpg", lambda: encoded("jpg", quarters().convert("CMYK"), quality=95)),
        Hostile("deep-colours.png", deep_colours),
        Hostile("deep-grey.png", lambda: corpus()["deep.png"], upright=False),
        Hostile("palette.png", lambda: encoded("png", quarters().quantize(8))),
        Hostile("clear-palette.png", lambda: corpus()["palette.png"], upright=False),
        Hostile("half-clear.png", lambda: corpus()["clear.png"], upright=False),
        Hostile("line.png", lambda: encoded("png", Image.new("L", (60_000, 1))), upright=False),
        Hostile("column.jpg", lambda: encoded("jpg", Image.new("L", (1, 60_000))), upright=False),
        Hostile("dot.webp", lambda: encoded("webp", Image.new("RGB", (1, 1))), upright=False),
        Hostile("tiles.heic", lambda: grid(6, 4), upright=False),
        Hostile("many-tiles.heic", lambda: grid(28, 32), upright=False),
        *(Hostile(f"brand-{b.decode()}.heic", partial(renamed, "heic", b)) for b in BRANDS),
        *(Hostile(f"brand-{b.decode()}.avif", partial(renamed, "avif", b)) for b in BRANDS),
        *(Hostile(f"big-exif.{s}", partial(big_exif, s)) for s in SUFFIXES),
        *(
            Hostile(f"{name}-exif.{s}", partial(with_exif, s, block))
            for s in SUFFIXES
            for name, block in EXIF_BLOCKS.items()
        ),
        *(
            Hostile(f"{name}-profile.{s}", partial(with_profile, s, profile))
            for s in ("jpg", "png", "webp", "avif")
            for name, profile in PROFILES.items()
        ),
    ]


BRANDS = (b"mif1", b"miaf", b"mif2", b"1pic")


def in_the_worker() -> list[Hostile]:
    """Return what looks sound from outside and is refused by what decodes it."""
    damaged = "photo-unreadable"
    return [
        Hostile("text-bomb.png", lambda: text_bomb(b"zTXt", 80), None, damaged),
        Hostile("xmp-bomb.png", lambda: text_bomb(b"iTXt", 80), None, damaged),
        Hostile("no-pixels.png", lambda: with_frame("png", 7_000, 8_000), None, damaged),
        Hostile("too-many-tiles.heic", lambda: grid(40, 40), None, damaged),
        Hostile("liar.heic", lambda: smaller_than_said("heic", 1_500, 64), None, damaged),
        Hostile("boaster.heic", lambda: smaller_than_said("heic", 64, 5_000), None, damaged),
    ]


def hostile() -> dict[str, Hostile]:
    """Return the hostile photos by name."""
    return {each.name: each for each in (*at_the_door(), *taken(), *in_the_worker())}


# Taken, for a decoder fills up what is missing; heavy, and so for the tests of limits.
HEAVY: dict[str, Callable[[], bytes]] = {
    "scans.jpg": lambda: many_scans(7_000, 8_000, 400),
    "no-pixels.jpg": lambda: with_frame("jpg", 16_000, 12_000),
    "liar.avif": lambda: smaller_than_said("avif", 2_000, 64),
    "boaster.avif": lambda: smaller_than_said("avif", 64, 5_000),
}

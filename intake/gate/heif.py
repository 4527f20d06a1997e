"""The structure of HEIC and AVIF files (ISO/IEC 23008-12, AVIF 1.1), read without decoding.

Both are HEIF: boxes that describe items, among them the primary picture, which on
phones is mostly a grid of tiles. Brands say whether there is a still picture at all;
how the primary picture is coded says whether it is HEIC or AVIF, since the general
brand `mif1` stands on both.
"""

from dataclasses import dataclass, field
from mmap import mmap

from intake.gate.bmff import Box, Boxes
from intake.gate.structure import Cursor, Structure, damaged, truncated, unsupported
from schemas.errors import PhotoRefused
from schemas.words import Words

STILL_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"mif2", b"avif"})
SEQUENCE_BRANDS = frozenset({b"msf1", b"hevc", b"hevx", b"hevm", b"hevs", b"avis"})
CONTENT_TYPES = {b"hvc1": "image/heic", b"lhv1": "image/heic", b"av01": "image/avif"}
# Pictures made of others: a grid of tiles, an overlay, one that is turned or cropped.
DERIVED = frozenset({b"grid", b"iovl", b"iden"})

# Metadata, whose kind is written out (14496-12 8.11.6).
NAMED = frozenset({b"mime", b"uri "})

Size = tuple[int, int]


@dataclass(slots=True)
class _Items:
    """What the meta box says of the items, by item number."""

    primary: int = 0
    kinds: dict[int, bytes] = field(default_factory=dict)
    made_of: dict[int, list[int]] = field(default_factory=dict)
    sizes: dict[int, Size] = field(default_factory=dict)
    stored_bytes: dict[int, int] = field(default_factory=dict)
    largest: Size = (0, 0)


@dataclass(frozen=True, slots=True)
class _Places:
    """The shape of the iloc table: widths of its numbers in bytes, and where sources end.

    `limits` holds the length of the file (construction method 0) and of idat (1).
    """

    offset_size: int
    length_size: int
    base_size: int
    index_size: int
    has_method: bool
    limits: tuple[int, int]


def read_heif(data: mmap) -> Structure:
    """Return the structure of the primary still picture of a HEIC or AVIF file.

    Raises PhotoRefused: `photo-truncated`, `photo-damaged`, and
    `photo-format-unsupported` for videos, sequences and other codings.
    """
    boxes = Boxes(data)
    top: dict[bytes, Box] = {}
    for box in boxes.between(0, len(data)):
        if not top:
            _check_brands(boxes, box)
        top.setdefault(box.kind, box)
    if b"meta" not in top:
        if b"moov" in top:
            raise _sequence()
        raise damaged("no meta box")
    items = _read_items(boxes, top[b"meta"])
    coded = _coded_pictures(boxes, items)
    width, height = items.sizes.get(items.primary, items.largest)
    if not width or not height:
        raise damaged(f"{width} x {height} pixels")
    tile_pixels = sum(w * h for w, h in (items.sizes.get(item, (0, 0)) for item in coded))
    return Structure(_content_type(items, coded), width, height, max(width * height, tile_pixels))


def _sequence() -> PhotoRefused:
    return unsupported(Words("HEIF 连拍或动图", "a HEIF image sequence"))


def _check_brands(boxes: Boxes, box: Box) -> None:
    """Refuse what the file type box does not name as a still picture (14496-12 4.3)."""
    ftyp = boxes.content(box)
    major = ftyp.take(4)
    ftyp.uint(4)
    listed = (ftyp.end - ftyp.position) // 4
    boxes.count(listed)
    brands = {major, *(ftyp.take(4) for _ in range(listed))}
    if brands & STILL_BRANDS:
        return
    if brands & SEQUENCE_BRANDS:
        raise _sequence()
    if major == b"crx ":
        raise unsupported(Words("相机 RAW 文件", "a camera raw file"))
    raise unsupported(Words("视频或音频文件（MP4、MOV 等）", "a video or sound file (MP4, MOV)"))


def _read_items(boxes: Boxes, meta: Box) -> _Items:
    """Read the parts of the meta box that describe items (14496-12 section 8.11)."""
    _, _, content = boxes.full(meta)
    parts = boxes.inside(Box(meta.kind, content.position, meta.end))
    missing = {b"pitm", b"iinf", b"iloc", b"iprp"} - parts.keys()
    if missing:
        raise damaged("the meta box has no " + b", ".join(sorted(missing)).decode("ascii"))
    items = _Items()
    version, _, pitm = boxes.full(parts[b"pitm"])
    items.primary = pitm.uint(2 if version == 0 else 4)
    _read_kinds(boxes, parts[b"iinf"], items)
    if b"iref" in parts:
        _read_references(boxes, parts[b"iref"], items)
    _read_places(boxes, parts[b"iloc"], parts.get(b"idat"), items)
    _read_sizes(boxes, parts[b"iprp"], items)
    return items


def _read_kinds(boxes: Boxes, iinf: Box, items: _Items) -> None:
    """Read the type of each item (iinf and infe)."""
    version, _, content = boxes.full(iinf)
    content.uint(2 if version == 0 else 4)
    for entry in boxes.between(content.position, iinf.end):
        version, _, infe = boxes.full(entry)
        if entry.kind != b"infe" or version < 2:
            # Older entries have no type and can't be pictures.
            continue
        number = infe.uint(2 if version == 2 else 4)
        infe.uint(2)
        items.kinds[number] = infe.take(4)
        _check_text(infe, items.kinds[number])


def _check_text(infe: Cursor, kind: bytes) -> None:
    """Refuse an item whose type or written-out kind is no text: both crash pi-heif 1.4."""
    try:
        kind.decode("ascii")
        if kind in NAMED:
            infe.take(infe.end - infe.position).decode()
    except UnicodeDecodeError as error:
        raise damaged("the kind of an item is no text") from error


def _read_references(boxes: Boxes, iref: Box, items: _Items) -> None:
    """Read which items each derived picture is made of (iref, dimg)."""
    version, _, content = boxes.full(iref)
    width = 2 if version == 0 else 4
    for box in boxes.between(content.position, iref.end):
        if box.kind != b"dimg":
            continue
        reference = boxes.content(box)
        number, count = reference.uint(width), reference.uint(2)
        boxes.count(count)
        items.made_of[number] = [reference.uint(width) for _ in range(count)]


def _read_places(boxes: Boxes, iloc: Box, idat: Box | None, items: _Items) -> None:
    """Read how many bytes of each item the file holds (iloc)."""
    version, _, content = boxes.full(iloc)
    sizes = content.uint(2)
    places = _Places(
        offset_size=sizes >> 12,
        length_size=sizes >> 8 & 15,
        base_size=sizes >> 4 & 15,
        index_size=sizes & 15 if version else 0,
        has_method=version > 0,
        limits=(len(boxes.data), idat.end - idat.start if idat else 0),
    )
    if version > 2:
        raise damaged("item places of an unknown version")
    wide = 2 if version < 2 else 4
    count = content.uint(wide)
    boxes.count(count)
    for _ in range(count):
        number = content.uint(wide)
        items.stored_bytes[number] = _stored_bytes(boxes, content, places)


def _stored_bytes(boxes: Boxes, content: Cursor, places: _Places) -> int:
    """Return the number of bytes of one item; each extent must lie within its source."""
    method = content.uint(2) & 15 if places.has_method else 0
    elsewhere = content.uint(2) != 0
    base = content.uint(places.base_size)
    count = content.uint(2)
    boxes.count(count)
    stored = 0
    for _ in range(count):
        content.uint(places.index_size)
        start = base + content.uint(places.offset_size)
        length = content.uint(places.length_size)
        if elsewhere or method >= len(places.limits):
            # The bytes are another file's, or another item's that is checked itself.
            stored += 0 if elsewhere else length
            continue
        if start + length > places.limits[method]:
            reason = "the bytes of an item reach past the end of the file"
            raise damaged("an item reaches past idat") if method else truncated(reason)
        # A length of 0 means everything up to the end.
        stored += length or places.limits[method] - start
    return stored


def _read_sizes(boxes: Boxes, iprp: Box, items: _Items) -> None:
    """Read the stored size of each item in pixels (ipco, ispe and ipma)."""
    wanted = {items.primary, *(n for parts in items.made_of.values() for n in parts)}
    properties: list[Size | None] = [None]  # They are counted from 1.
    groups = list(boxes.between(iprp.start, iprp.end))
    for container in (box for box in groups if box.kind == b"ipco"):
        for box in boxes.between(container.start, container.end):
            size = None
            if box.kind == b"ispe":
                _, _, ispe = boxes.full(box)
                size = ispe.uint(4), ispe.uint(4)
                items.largest = max(items.largest, size, key=lambda s: s[0] * s[1])
            properties.append(size)
    for box in (box for box in groups if box.kind == b"ipma"):
        version, flags, ipma = boxes.full(box)
        width, mask = (2, 0x7FFF) if flags & 1 else (1, 0x7F)
        count = ipma.uint(4)
        boxes.count(count)
        for _ in range(count):
            number = ipma.uint(2 if version == 0 else 4)
            indexes = ipma.take(ipma.uint(1) * width)
            if number not in wanted:
                continue
            boxes.count(len(indexes) // width)
            for at in range(0, len(indexes), width):
                index = int.from_bytes(indexes[at : at + width], "big") & mask
                size = properties[index] if index < len(properties) else None
                if size is not None:
                    items.sizes[number] = size


def _coded_pictures(boxes: Boxes, items: _Items) -> list[int]:
    """Return the coded items the primary picture is made of; it may itself be the one."""
    coded: list[int] = []
    waiting = [items.primary]
    while waiting:
        number = waiting.pop()
        if items.kinds.get(number) in DERIVED:
            parts = items.made_of.get(number, [])
            # Pictures may be made of one another in a circle; counting ends it.
            boxes.count(len(parts))
            waiting += parts
        else:
            coded.append(number)
    if not coded:
        raise damaged("the primary picture is made of nothing")
    return coded


def _content_type(items: _Items, coded: list[int]) -> str:
    """Return the content type that all coded items of the primary picture share."""
    kinds = {items.kinds.get(number, b"") for number in coded}
    for kind in kinds - CONTENT_TYPES.keys():
        if not kind.isalnum():
            raise damaged("the primary picture has no type")
        name = kind.decode("ascii")
        raise unsupported(Words(f"{name} 编码的 HEIF 文件", f"a HEIF file coded as {name}"))
    content_types = {CONTENT_TYPES[kind] for kind in kinds}
    if len(content_types) != 1:
        raise damaged("tiles of different codings")
    if not all(items.stored_bytes.get(number) for number in coded):
        raise truncated("a part of the primary picture has no bytes")
    return content_types.pop()

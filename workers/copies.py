"""The small copies of a photo that are served: covered where its sender brushed, and clean."""

import re

import numpy as np
import simplejpeg  # type: ignore[import-untyped]  # ships no types
from PIL import Image, ImageDraw
from PIL.Image import Transpose

from schemas.masks import Mask
from workers.pictures import LONG_EDGES, TURNS, turned
from workers.views import Pixels, scaled

JPEG_QUALITY = 80
# How much more than was brushed is hidden.
WIDER = 1.1
RIM_PIXELS = 4
# The others undo themselves.
TURNED_BACK = {6: Transpose.ROTATE_90, 8: Transpose.ROTATE_270}
# Whose EXIF orientation some browsers don't carry out (Chromium 156 none of WebP's), so that
# a rider may have brushed the photo as it is stored.
SEEN_EITHER_WAY = frozenset({"image/webp", "image/png"})


def masked(pixels: Pixels, mask: Mask, *, perhaps_seen_as: int = 1) -> Pixels:
    """Return a copy of an upright RGB picture with the strokes of `mask` painted black.

    The brush is a little wider than it was drawn: what JPEG smears across an edge and what
    a finger left at its rim are hidden too. `perhaps_seen_as` is an orientation that the
    browser may not have carried out; then the strokes are painted both ways, for what was
    brushed must be hidden wherever it was seen.
    """
    if not mask:
        return pixels
    copy = _painted(Image.fromarray(pixels), mask)
    if perhaps_seen_as in TURNS:
        back = TURNED_BACK.get(perhaps_seen_as, TURNS[perhaps_seen_as])
        copy = turned(_painted(copy.transpose(back), mask), perhaps_seen_as)
    return np.asarray(copy)


def _painted(image: Image.Image, mask: Mask) -> Image.Image:
    pen = ImageDraw.Draw(image)
    width, height = image.size
    for stroke in mask:
        radius = stroke.width * max(image.size) * WIDER / 2 + RIM_PIXELS
        points = [(x * width, y * height) for x, y in stroke.points]
        if len(points) > 1:
            pen.line(points, fill="black", width=round(2 * radius), joint="curve")
        for point in points:
            pen.circle(point, radius, fill="black")
    return image


def derivatives(pixels: Pixels) -> dict[int, bytes]:
    """Return an upright RGB picture as JPEG without metadata by long edge in pixels."""
    written = {}
    for long_edge in LONG_EDGES:
        pixels = scaled(pixels, min(long_edge, max(pixels.shape)))
        written[long_edge] = simplejpeg.encode_jpeg(
            np.ascontiguousarray(pixels), JPEG_QUALITY, colorspace="RGB", colorsubsampling="420"
        )
    return written


JFIF = re.compile(rb"\xff\xd8\xff\xe0\0\x10JFIF\0.{7}\0\0", re.DOTALL)
PICTURE_SEGMENTS = frozenset({0xDB, 0xC0, 0xC4, 0xDD, 0xDA})
SCAN, END = 0xDA, 0xD9
# Inside a scan a marker is 0xFF that is neither stuffed (00) nor a restart (D0–D7).
NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7]", re.DOTALL)


def has_metadata(jpeg: bytes) -> bool:
    """Tell whether a JPEG holds anything but its picture, or can't be followed to its end.

    Walks the segments by itself (ITU-T T.81, annex B), so that it depends on nothing that
    wrote them: one JFIF header without thumbnail, tables, frame, scans, end, and no byte
    more. Any other APPn and every comment counts as metadata.
    """
    header = JFIF.match(jpeg)
    if header is None:
        return True
    position = header.end()
    while jpeg[position : position + 1] == b"\xff":
        kind = jpeg[position + 1 : position + 2]
        if kind == bytes([END]):
            return position + 2 != len(jpeg)
        if not kind or kind[0] not in PICTURE_SEGMENTS:
            return True
        length = int.from_bytes(jpeg[position + 2 : position + 4], "big")
        if length < 2:
            return True
        position += 2 + length
        if kind[0] == SCAN:
            marker = NEXT_MARKER.search(jpeg, position)
            position = marker.start() if marker else len(jpeg)
    return True

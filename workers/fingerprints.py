"""PDQ fingerprints of a picture and the distance between them.

PDQ: “The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm”, Facebook,
2019. Two pictures are taken as the same at 31 bits of 256 or fewer, which its authors
recommend; random pairs are 128 ± 8 apart.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workers.bezels import shown_on
from workers.closely.panes import Box
from workers.pdq import dihedral
from workers.views import Pixels, View, scaled, view

Variant = Literal["plain", "trimmed", "pane1", "pane2", "pane3", "pane4", "screen1", "screen2"]
PANES: tuple[Variant, ...] = ("pane1", "pane2", "pane3", "pane4")
SCREENS: tuple[Variant, ...] = ("screen1", "screen2")
# Asked with and not stored: two screenshots of one messenger would have a pane in common, and
# two photographed screens that show hardly anything resemble one another.
PARTS = PANES + SCREENS

HASH_BYTES = 32
MAX_DISTANCE = 31
# Flat, black and blurred pictures score less, and resemble one another for no reason.
MIN_QUALITY = 50
# Every picture is brought to one size, larger or smaller: copies hashed each at their own
# size are up to 26 bits apart, at one size 12. Nearly six times 64, the grid PDQ samples, is as
# good as the 512 pixels its authors start from and takes a third of the time.
HASHED_EDGE = 383
# PDQ averages over a 128th of an edge, rounded up, and samples at odd multiples of a 128th,
# rounded down. Where such a window is even or such a point a whole number, the grid lies to one
# side, and a picture turned by 180° is up to 40 bits from what its hash says it will be; at
# other edges it is 2. Edges from 128 to 256 are made larger, and 384 would be one too long.
LOPSIDED, NEXT_EDGE = range(128, 257), 257

# Screens and messengers put bars of one colour around a picture; JPEG blurs their colour.
BORDER_TOLERANCE = 8
BORDER_UNIFORM = 0.95
# Clock, battery and buttons stand in a bar; a row of the picture is busier than they are.
BUSY_SHARE = 0.3
MIN_TRIM = 0.04
MIN_LEFT = 0.2
# Of the long edge: so far apart may the edges be that two ways found of one part.
NEARLY = 0.012


@dataclass(frozen=True)
class Fingerprint:
    """The PDQ hash of one variant of a picture.

    `variant` is plain, trimmed (uniform borders cut off), a pane (a picture that gaps of one
    colour set apart: the photo in a chat's screenshot) or a screen (what a photographed
    screen shows, straightened by its frame). `pdq` is 32 bytes, `quality`
    0–100. `dihedral` holds the eight hashes to ask with, 32 bytes each: as it is, turned
    by 90, 180 and 270 degrees counter-clockwise, mirrored upside down, mirrored left to
    right, transposed and anti-transposed.
    """

    variant: Variant
    pdq: bytes
    quality: int
    dihedral: tuple[bytes, ...]

    @property
    def matchable(self) -> bool:
        """False for pictures with too little in them for a hash to mean anything."""
        return self.quality >= MIN_QUALITY


def fingerprints(upright: Image.Image | View) -> tuple[Fingerprint, ...]:
    """Return the fingerprints of an upright RGB picture: whole, without borders, of its panes.

    Of a photographed screen also those of what it shows, in each way to understand its frame.
    """
    seen = view(upright)
    found = [_fingerprint("plain", seen.at(HASHED_EDGE))]
    for variant, (left, top, right, bottom) in parts(seen):
        inside = scaled(seen.grey[top:bottom, left:right], HASHED_EDGE)
        found.append(_fingerprint(variant, inside))
    if seen.screen:
        shown = shown_on(seen.screen, seen.grey, HASHED_EDGE)
        found += [_fingerprint(*each) for each in zip(SCREENS, shown, strict=False)]
    return tuple(found)


def parts(seen: View) -> Iterator[tuple[Variant, Box]]:
    """Yield the parts of a picture that are hashed beside the whole, in its pixels."""
    inside = find_borders(seen.at(HASHED_EDGE))
    borders = inside and _enlarged(inside, max(seen.grey.shape) / HASHED_EDGE)
    if borders is not None:
        yield "trimmed", borders
    panes = [box for box in seen.panes if not _is_nearly(box, borders, seen.grey.shape)]
    yield from zip(PANES, panes, strict=False)


def box_of(seen: View, variant: Variant) -> Box | None:
    """Return which part of a picture a variant's hash was made of; None of a screen's inside."""
    height, width = seen.grey.shape
    return (0, 0, width, height) if variant == "plain" else dict(parts(seen)).get(variant)


def screen_of(seen: View, variant: Variant, long_edge: int) -> Pixels | None:
    """Return in colour what a photographed screen shows, in one of the ways to understand it."""
    if seen.screen is None:
        return None
    ways = shown_on(seen.screen, seen.pixels, long_edge)
    return dict(zip(SCREENS, ways, strict=False)).get(variant)


def turned(pixels: Pixels, turn: int) -> Pixels:
    """Return a picture in one of the eight orientations, in the order of `dihedral`."""
    if turn < 4:
        return np.rot90(pixels, turn)
    if turn < 6:
        return np.flip(pixels, turn - 4)
    return np.swapaxes(pixels if turn == 6 else np.rot90(pixels, 2), 0, 1)


def _enlarged(box: Box, scale: float) -> Box:
    left, top, right, bottom = box
    return round(left * scale), round(top * scale), round(right * scale), round(bottom * scale)


def _is_nearly(box: Box, other: Box | None, shape: tuple[int, ...]) -> bool:
    """Tell whether two boxes have their edges in the same places, but for a hundredth."""
    return other is not None and NEARLY * max(shape) >= max(
        abs(one - another) for one, another in zip(box, other, strict=True)
    )


def distance(one: bytes, other: bytes) -> int:
    """Return the number of different bits of two 32-byte hashes."""
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def find_borders(pixels: NDArray[np.uint8]) -> tuple[int, int, int, int] | None:
    """Return left, top, right and bottom of what lies inside uniform borders, in pixels.

    `pixels` is grey, rows first. None where no border is worth cutting off (under 4 % of
    both edges) or too little would be left (under a fifth of an edge).
    """
    height, width = pixels.shape
    top, bottom = _border(pixels), height - _border(pixels[::-1])
    left, right = _border(pixels.T), width - _border(pixels.T[::-1])
    inner_height, inner_width = bottom - top, right - left
    if inner_height < MIN_LEFT * height or inner_width < MIN_LEFT * width:
        return None
    if height - inner_height < MIN_TRIM * height and width - inner_width < MIN_TRIM * width:
        return None
    return left, top, right, bottom


def _border(rows: NDArray[np.uint8]) -> int:
    """Return how many rows from the first one on belong to a border of one colour."""
    edge = rows[0].astype(np.int16)
    colour = np.median(edge)
    if np.mean(np.abs(edge - colour) <= BORDER_TOLERANCE) < BORDER_UNIFORM:
        return 0
    low, high = max(0, int(colour) - BORDER_TOLERANCE), min(255, int(colour) + BORDER_TOLERANCE)
    busy = np.mean((rows < low) | (rows > high), axis=1)
    inside = busy > BUSY_SHARE * np.quantile(busy, 0.9)
    return int(np.argmax(inside)) if inside.any() else len(rows)


def _fingerprint(variant: Variant, pixels: NDArray[np.uint8]) -> Fingerprint:
    height, width = (NEXT_EDGE if edge in LOPSIDED else edge for edge in pixels.shape)
    if (height, width) != pixels.shape:
        pixels = np.asarray(cv2.resize(pixels, (width, height)), np.uint8)
    hashes, quality = dihedral(pixels)
    return Fingerprint(variant, hashes[0], quality, hashes)

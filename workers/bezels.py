"""Whether a photo shows a screen by its frame, and what that screen shows, seen from the front.

The frame is a ring of one brightness whose outer rim is four straight lines, a little out of
square since nobody holds a phone exactly level. Its inner rim is not looked for as four lines:
what is dark in the picture runs into a dark frame. Seen from the front a frame is as wide all
along a side, so that it is told by where the picture is not dark; on three sides it has to be
as wide for half of their length, which the margins of a printed page are not. Trays and pictures
on walls have frames, too: as a sign it is a hint, and what its hash finds is only suggested.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

SEEN_EDGE = 384
DARK, BRIGHT = 48, 215
# Of the whole photo: a smaller screen is a thing in the room.
LEAST_SHARE = 0.2
# Hull and corners must be the same shape, and the outline must lie on its sides.
STRAIGHT, CORNER_TOLERANCE = 0.95, 0.03
ALONG, NEAR, FOLLOWED, STEPS = (0.05, 0.95), 0.02, 0.8, 32
LEAST_SLANT_DEG = 0.3
# The rim becomes this square; its corners are left out, and its outermost pixels are blurred.
SQUARE, CORNER, BLURRED = 256, 16, 2
# Of the square; a side may be hidden by glare or a finger for a tenth.
THINNEST, THICKEST, WHOLE = 0.015, 0.35, 0.9
# A side is even where its width differs by no more pixels of the square for such a share of it.
EVENLY, EVEN, EVEN_SIDES = 1, 0.5, 3
# The picture is taken to be dark along four fifths of a side at most.
BRIGHTEST = 0.2
# Two ways to understand a frame are told apart from here on, in shares of the square.
SAME_WIDTH = 0.012
# Neighbouring sides cross at an angle with at least such a sine.
LEAST_SINE = 0.1

Grey = NDArray[np.uint8]
Points = NDArray[np.float32]
Widths = tuple[float, float, float, float]


@dataclass(frozen=True)
class Bezel:
    """A screen's frame: which share of the photo lies within, and its steepest slant in degrees."""

    share: float
    slant_deg: float


@dataclass(frozen=True, eq=False)
class Screen:
    """A photographed screen.

    `rim` is the outer rim of its frame, four corners clockwise from the upper left, x and y in
    shares of the photo's long edge; `widths` is how wide the frame is above, right, below and
    left, in shares of the rim's height and width.
    """

    bezel: Bezel
    rim: Points
    widths: Widths


def find_screen(grey: Grey) -> Screen | None:
    """Return the screen that a photo shows in its frame, None where it shows none.

    `grey` is the photo at a long edge of about SEEN_EDGE. How many of ordinary photos and of
    photographs of screens have one stands in docs/decisions/2026-11-22-matching.md.
    """
    for ring in (grey < DARK, grey > BRIGHT):
        mask = ring.astype(np.uint8)
        for outline in _outlines(mask):
            found = _screen(outline, mask)
            if found:
                return found
    return None


def _outlines(mask: Grey) -> Iterator[Points]:
    """Yield the long outlines of what lies in no other, and of what lies in the photo's border.

    A gallery shows a screenshot with such a border around it.
    """
    # What encloses that much has a longer outline; noise has thousands of short ones.
    shortest = 2 * math.sqrt(LEAST_SHARE * mask.size)
    for _ in range(2):
        bordered = False
        found, _tree = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        for each in found:
            if len(each) < shortest:
                continue
            outline = np.asarray(each[:, 0], np.float32)
            if not _reaches_rim(outline, mask.shape):
                yield outline
            elif not bordered:
                bordered = True
                mask = mask.copy()
                cv2.floodFill(mask, None, tuple(each[0, 0].tolist()), 0, flags=8)
        if not bordered:
            return


def shown_on(screen: Screen, grey: Grey, long_edge: int) -> Iterator[Grey]:
    """Yield what the screen shows, seen from the front, in each way to understand its frame.

    `grey` is the photo at any size. Where the picture is dark along a whole side, its frame
    seems wider there than it is: it is then shown as within a frame as wide all around as at
    its narrowest, too.
    """
    rim = screen.rim * max(grey.shape)
    width, height = _size(rim)
    above, right, below, left = screen.widths
    yield _straightened(grey, rim, screen.widths, long_edge)
    narrowest = min(above * height, right * width, below * height, left * width)
    even = (narrowest / height, narrowest / width) * 2
    if max(abs(one - other) for one, other in zip(screen.widths, even, strict=True)) > SAME_WIDTH:
        yield _straightened(grey, rim, even, long_edge)


def _straightened(grey: Grey, rim: Points, widths: Widths, long_edge: int) -> Grey:
    """Return the inside of a frame as a picture of this long edge, as if seen from the front."""
    above, right, below, left = widths
    width, height = _size(rim)
    inside = width * (1 - left - right), height * (1 - above - below)
    scale = long_edge / max(inside)
    size = max(1, round(inside[0] * scale)), max(1, round(inside[1] * scale))
    # Twice as large at first: a warp looks at four pixels only, however many fall into one.
    there = _square(2 * scale * width, 2 * scale * height)
    there -= np.array([left * width, above * height], np.float32) * np.float32(2 * scale)
    warp = cv2.getPerspectiveTransform(rim, there)
    large = cv2.warpPerspective(grey, warp, (2 * size[0], 2 * size[1]))
    return np.asarray(cv2.resize(large, size, interpolation=cv2.INTER_AREA), np.uint8)


def _screen(outline: Points, mask: Grey) -> Screen | None:
    photo = float(mask.size)
    across, down = np.ptp(outline, axis=0) + 1
    if across * down < LEAST_SHARE * photo:
        return None
    corners = _corners(outline)
    rim = None if corners is None else _rim(outline, corners, max(mask.shape))
    slant = 0.0 if rim is None else _slant_deg(rim)
    if rim is None or slant < LEAST_SLANT_DEG:
        return None
    to_square = cv2.getPerspectiveTransform(rim, _square(SQUARE, SQUARE))
    widths = _widths(cv2.warpPerspective(mask * 255, to_square, (SQUARE, SQUARE)) > 127)
    if widths is None:
        return None
    above, right, below, left = widths
    glass = _square(1 - left - right, 1 - above - below) + np.array([left, above], np.float32)
    back = np.linalg.inv(to_square)
    share = cv2.contourArea(cv2.perspectiveTransform(glass[None] * SQUARE, back)[0]) / photo
    if share < LEAST_SHARE:
        return None
    bezel = Bezel(round(share, 2), round(slant, 1))
    return Screen(bezel, rim / np.float32(max(mask.shape)), widths)


def _reaches_rim(outline: Points, shape: tuple[int, ...]) -> bool:
    """Tell whether a border reaches all four edges of the photo: a program added that."""
    left, top = outline.min(axis=0)
    right, bottom = outline.max(axis=0)
    return bool(left <= 1 and top <= 1 and right >= shape[1] - 2 and bottom >= shape[0] - 2)


def _corners(outline: Points) -> Points | None:
    """Return the corners of an outline with four straight sides, clockwise from the upper left."""
    hull = cv2.convexHull(outline)
    found = cv2.approxPolyDP(hull, CORNER_TOLERANCE * cv2.arcLength(hull, closed=True), closed=True)
    area = cv2.contourArea(found)
    if len(found) != 4 or area <= 0 or not STRAIGHT < cv2.contourArea(hull) / area < 1.1:
        return None
    corners = np.asarray(found[:, 0], np.float32)
    if cv2.contourArea(corners, oriented=True) < 0:
        corners = corners[::-1]
    return np.roll(corners, -int(corners.sum(axis=1).argmin()), axis=0)


def _rim(outline: Points, corners: Points, edge: int) -> Points | None:
    """Return the corners between the lines through an outline's sides, None if it leaves them."""
    lines = []
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        length = float(np.linalg.norm(end - start))
        forth = (end - start) / length
        along = (outline - start) @ forth / length
        beside = (outline - start) @ np.array([-forth[1], forth[0]])
        near = (np.abs(beside) < NEAR * edge) & (along > ALONG[0]) & (along < ALONG[1])
        steps = len(np.unique((along[near] * STEPS).astype(int)))
        if steps < FOLLOWED * STEPS * (ALONG[1] - ALONG[0]):
            return None
        forth_x, forth_y, x, y = cv2.fitLine(outline[near], cv2.DIST_HUBER, 0, 0.01, 0.01).ravel()
        lines.append((forth_y, -forth_x, forth_y * x - forth_x * y))
    crossings = []
    for one, other in zip([lines[-1], *lines[:-1]], lines, strict=True):
        x, y, w = np.cross([*one[:2], -one[2]], [*other[:2], -other[2]])
        if abs(w) < LEAST_SINE:
            return None
        crossings.append((x / w, y / w))
    return np.array(crossings, np.float32)


def _widths(ring: NDArray[np.bool_]) -> Widths | None:
    """Return how wide the ring is on each side of the square.

    None where it has gaps, is thick, or is not a ring but what lies around something.
    """
    found, even_sides = [], 0
    for side in range(4):
        # Turned counter-clockwise, right, lower and left side come to lie above in turn.
        strip = np.rot90(ring, side)[BLURRED:, CORNER:-CORNER]
        run = np.where(strip.all(axis=0), SQUARE, strip.argmin(axis=0) + BLURRED)
        width = float(np.quantile(run, BRIGHTEST)) / SQUARE
        if np.mean(run < THINNEST * SQUARE) > 1 - WHOLE or width > THICKEST:
            return None
        even_sides += bool(np.mean(np.abs(run - width * SQUARE) <= EVENLY) >= EVEN)
        found.append(width)
    if even_sides < EVEN_SIDES:
        return None
    above, right, below, left = found
    return above, right, below, left


def _square(width: float, height: float) -> Points:
    return np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)


def _size(rim: Points) -> tuple[float, float]:
    """Return width and height of a frame, the mean of its opposite sides."""
    above, right, below, left = np.linalg.norm(np.roll(rim, -1, axis=0) - rim, axis=1)
    return float(above + below) / 2, float(right + left) / 2


def _slant_deg(rim: Points) -> float:
    """Return by how much the steepest side is off the photo's own edges, in degrees."""
    sides = np.roll(rim, -1, axis=0) - rim
    angles = np.degrees(np.arctan2(sides[:, 1], sides[:, 0]))
    return float(np.abs((angles + 45) % 90 - 45).max())

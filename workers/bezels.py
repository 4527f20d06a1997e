"""Whether a photo shows a bright picture within a dark frame, or a light one, as screens have.

The frame is a ring of one brightness whose inner and outer rims are four straight lines, a
little out of square since nobody holds a phone exactly level. Window frames, pictures on
walls and trays have such rims, too: this is a hint.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.views import View

SEEN_EDGE = 384
DARK, BRIGHT = 48, 215
# In shares of the whole photo: a smaller screen is a thing in the room, a larger one its rim.
LEAST_SHARE, MOST_SHARE = 0.2, 0.97
# Of what a frame encloses with its own area.
THINNEST, THICKEST = 0.02, 0.45
# Hull and corners must be the same shape, and the ring must be whole.
STRAIGHT, FILLED, WHOLE = 0.95, 0.9, 0.6
CORNER_TOLERANCE = 0.03
LEAST_SLANT_DEG = 0.3

Contour = NDArray[np.int32]


@dataclass(frozen=True)
class Bezel:
    """A screen's frame: which share of the photo lies within, and its steepest slant in degrees."""

    share: float
    slant_deg: float


def find_bezel(seen: View) -> Bezel | None:
    """Return the frame that a photo shows, None where it shows none.

    How many of ordinary photos and of photographs of screens have one stands in
    docs/decisions/2026-11-22-matching.md.
    """
    grey = seen.at(SEEN_EDGE)
    for ring in (grey < DARK, grey > BRIGHT):
        contours, tree = cv2.findContours(
            ring.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE
        )
        for at, inner in enumerate(contours):
            parent = tree[0][at][3]
            if parent < 0:
                continue
            found = _bezel(np.asarray(inner), np.asarray(contours[parent]), grey.shape)
            if found:
                return found
    return None


def _bezel(inner: Contour, outer: Contour, shape: tuple[int, ...]) -> Bezel | None:
    photo = float(shape[0] * shape[1])
    _, _, across, down = cv2.boundingRect(inner)
    if not LEAST_SHARE * photo < across * down < MOST_SHARE * photo or _reaches_rim(outer, shape):
        return None
    glass, rim = _corners(inner), _corners(outer)
    if glass is None or rim is None:
        return None
    share, whole = cv2.contourArea(glass), cv2.contourArea(rim)
    enclosed, ring, slant = cv2.contourArea(inner), whole - share, _slant_deg(glass)
    is_frame = (
        share > LEAST_SHARE * photo
        and enclosed > FILLED * share
        and THINNEST * whole < ring < THICKEST * whole
        and cv2.contourArea(outer) - enclosed > WHOLE * ring
        and slant >= LEAST_SLANT_DEG
    )
    return Bezel(round(share / photo, 2), round(slant, 1)) if is_frame else None


def _reaches_rim(outer: Contour, shape: tuple[int, ...]) -> bool:
    """Tell whether a border reaches all four edges of the photo: a program added that."""
    left, top, across, down = cv2.boundingRect(outer)
    return left <= 1 and top <= 1 and left + across >= shape[1] - 1 and top + down >= shape[0] - 1


def _corners(contour: Contour) -> Contour | None:
    """Return the four corners of a contour that has straight sides, else None."""
    hull = cv2.convexHull(contour)
    found = cv2.approxPolyDP(hull, CORNER_TOLERANCE * cv2.arcLength(hull, closed=True), closed=True)
    area = cv2.contourArea(found)
    is_straight = len(found) == 4 and area > 0 and STRAIGHT < cv2.contourArea(hull) / area < 1.1
    return np.asarray(found, np.int32) if is_straight else None


def _slant_deg(corners: Contour) -> float:
    """Return by how much the steepest side is off the photo's own edges, in degrees."""
    points = corners[:, 0].astype(np.float64)
    sides = np.roll(points, -1, axis=0) - points
    angles = np.degrees(np.arctan2(sides[:, 1], sides[:, 0]))
    return float(np.abs((angles + 45) % 90 - 45).max())

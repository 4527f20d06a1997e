"""Local features of a picture: many small corners, each described by 256 bits.

ORB: “ORB: an efficient alternative to SIFT or SURF”, Rublee and others, 2011. They find a
picture again of which a part was cut off, covered, tilted or photographed from a screen,
where the one hash of the whole is of no use.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workers.closely.panes import Box
from workers.views import Pixels, View, scaled, view

LONG_EDGE = 512
MOST_FEATURES = 800
DESCRIPTOR_BYTES = 32
# Detected in all, before they are thinned out; text alone may have a thousand corners.
POOL = 2500
# A picture with too few strong corners is searched for weaker ones.
CORNER_STEP, WEAK_CORNER_STEP = 12, 5
# The best of each cell are taken in turn, so that a line of text doesn't take them all.
CELLS_AN_EDGE = 10
# Corners as near to the picture's rim as this are looked at, in pixels.
MARGIN = 12
OCTAVE = 1.2
# A pane that is most of the picture is described by the features of the whole.
MOST_OF_IT = 0.7
GEOMETRY = np.dtype([("x", "<u2"), ("y", "<u2"), ("angle", "u1"), ("octave", "u1")])
FULL_SCALE = 65_535
VERSION = 1
# The size under which a photo's features lie in the store; no picture has it.
STORED_AS = 0


@dataclass(frozen=True, eq=False)
class Features:
    """The features of one picture, or of one pane of it, the strongest first.

    `points` are x and y in shares of the long edge of the whole picture, `angles` in turns
    of 256, `octaves` levels of 1.2 each; `descriptors` is 32 bytes a row.
    """

    points: NDArray[np.float32]
    angles: NDArray[np.uint8]
    octaves: NDArray[np.uint8]
    descriptors: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.points)


_NONE = Features(
    points=np.zeros((0, 2), np.float32),
    angles=np.zeros(0, np.uint8),
    octaves=np.zeros(0, np.uint8),
    descriptors=np.zeros((0, DESCRIPTOR_BYTES), np.uint8),
)


def find_features(upright: Image.Image | Pixels | View) -> tuple[Features, ...]:
    """Return the features of an upright picture: of the whole, then of each pane in it."""
    seen = view(upright)
    height, width = seen.grey.shape
    found = [_features(seen, (0, 0, width, height), seen.at(LONG_EDGE))]
    for box in seen.panes:
        left, top, right, bottom = box
        if (right - left) * (bottom - top) <= MOST_OF_IT * width * height:
            part = seen.grey[top:bottom, left:right]
            found.append(_features(seen, box, scaled(part, LONG_EDGE)))
    return tuple(found)


def _features(seen: View, box: Box, pixels: NDArray[np.uint8]) -> Features:
    """Return the features of what lies in a box; `pixels` shows it at LONG_EDGE."""
    left, top, right, bottom = box
    if min(pixels.shape) <= 2 * MARGIN:
        # A strip that is all rim has no corners, and OpenCV fails on what it shrinks it to.
        return _NONE
    found = _detector(CORNER_STEP).detect(pixels)
    if len(found) < MOST_FEATURES:
        found = _detector(WEAK_CORNER_STEP).detect(pixels)
    kept, descriptors = _detector(CORNER_STEP).compute(pixels, _spread(found, pixels.shape))
    if descriptors is None:
        descriptors = np.zeros((0, DESCRIPTOR_BYTES), np.uint8)
    places = _places(kept)
    places *= np.float32(max(right - left, bottom - top) / max(pixels.shape))
    return Features(
        points=(places + np.array([left, top], np.float32)) / np.float32(max(seen.grey.shape)),
        angles=(np.array([each.angle for each in kept]) / 360 * 256 % 256).astype(np.uint8),
        octaves=(np.array([each.octave for each in kept], np.int32) & 255).astype(np.uint8),
        descriptors=np.asarray(descriptors, np.uint8),
    )


@cache
def _detector(corner_step: int) -> cv2.ORB:
    return cv2.ORB.create(
        nfeatures=POOL, scaleFactor=OCTAVE, fastThreshold=corner_step, edgeThreshold=MARGIN
    )


def _spread(found: Sequence[cv2.KeyPoint], shape: tuple[int, ...]) -> list[cv2.KeyPoint]:
    """Return the best features of every cell and octave in turn, the strongest first.

    A part that was cut out and enlarged has the coarse corners of the whole as its fine
    ones: each coarser octave keeps its share, by a fifth less than the one before.
    """
    if not found:
        return []
    side = max(shape) / CELLS_AN_EDGE
    octave = np.array([each.octave for each in found], np.int32)
    weakness = np.array([-each.response for each in found], np.float32)
    columns, rows = (_places(found) // side).astype(np.int32).T
    in_cell = _ranks((octave * 64 + rows) * 64 + columns, weakness)
    in_octave = _ranks(octave, in_cell * 1e6 + weakness)
    chosen = np.argsort(in_octave * OCTAVE**octave, kind="stable")[:MOST_FEATURES]
    return [found[index] for index in chosen]


def _places(found: Sequence[cv2.KeyPoint]) -> NDArray[np.float32]:
    """Return x and y of each, in pixels."""
    return np.asarray(cv2.KeyPoint.convert(found), np.float32).reshape(-1, 2)


def _ranks(groups: NDArray[np.int32], order: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return the place of each one in its group, from 0, by `order`."""
    sorted_by = np.lexsort((order, groups))
    first = np.flatnonzero(np.diff(groups[sorted_by], prepend=-1))
    sizes = np.diff(first, append=len(groups))
    ranks = np.empty(len(groups), np.int64)
    ranks[sorted_by] = np.arange(len(groups)) - np.repeat(first, sizes)
    return ranks


def pack(features: Sequence[Features]) -> bytes:
    """Return features as bytes to store; `unpack` reads them."""
    parts = [bytes([VERSION, len(features)])]
    for each in features:
        geometry = np.zeros(len(each), GEOMETRY)
        shares = np.clip(np.rint(each.points * FULL_SCALE), 0, FULL_SCALE)
        geometry["x"], geometry["y"] = shares[:, 0], shares[:, 1]
        geometry["angle"], geometry["octave"] = each.angles, each.octaves
        parts += [len(each).to_bytes(2, "big"), geometry.tobytes(), each.descriptors.tobytes()]
    return b"".join(parts)


def unpack(data: bytes) -> tuple[Features, ...]:
    """Return the features that `pack` wrote; raises ValueError for anything else."""
    if len(data) < 2 or data[0] != VERSION:
        raise ValueError("not features of this version")
    found, position = [], 2
    for _ in range(data[1]):
        count = int.from_bytes(data[position : position + 2], "big")
        if count > MOST_FEATURES:
            raise ValueError("more features than are ever kept")
        position += 2
        geometry = np.frombuffer(data, GEOMETRY, count, position)
        position += count * GEOMETRY.itemsize
        rows = np.frombuffer(data, np.uint8, count * DESCRIPTOR_BYTES, position)
        position += count * DESCRIPTOR_BYTES
        shares = np.stack([geometry["x"], geometry["y"]], axis=1).astype(np.float32)
        found.append(
            Features(
                shares / np.float32(FULL_SCALE),
                geometry["angle"].copy(),
                geometry["octave"].copy(),
                rows.reshape(-1, DESCRIPTOR_BYTES),
            )
        )
    if position != len(data):
        raise ValueError("features are longer than they say")
    return tuple(found)

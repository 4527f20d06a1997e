"""Finds the large regions of a picture and describes each by 128 bits.

Regions are the blobs of a scale space (SIFT's detector: Lowe, “Distinctive image features from
scale-invariant keypoints”, 2004) with what surrounds them. Their bits are the signs of the
lowest frequencies (a cosine transform, as PDQ's), the lowest first: nothing is trained.
"""

from functools import cache
from operator import attrgetter

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workers.closely.panes import Box
from workers.views import View, scaled, view

# Where regions are cut from, and where they are looked for: blobs are that coarse.
EDGE, SEARCHED_EDGE = 512, 128
LEAST_CONTRAST = 0.015
# A region's side: so many times the blob's diameter, as a share of the long edge.
AROUND = 8.0
SIDES = np.array([0.10, 0.15, 0.225, 0.34, 0.51, 0.9])
# Of a class of sides so many are looked at; the large ones are fewer and count for less.
MOST_OF_A_SIDE = 16
TURNS = np.array([1.0, 1.0, 1.2, 1.6, 3.0])
# Parts of a side: what hangs over the rim, and how near is the same region once more.
OVERHANG, NEAR, SAME_SIDE = 0.04, 0.12, 1.25
# A whole is asked with more: of a part that came first 16 are stored, and few of the whole's
# most telling ones lie in it.
STORED, ASKED, ASKED_OF_PANE = 16, 48, 24
# Of the whole's regions so many are asked as a mirror shows them, too.
ASKED_MIRRORED = 24
PIXELS, SHARPEST = 32, 40.0
LEAST_EDGE = 64
BITS, HASH_BYTES = 128, 16
# Regions are listed by their first bits; those that nearly were the other way are tried both.
KEY_BITS, DOUBTFUL = 20, 8
MOST_PANES = 4
MOST_OF_IT = 0.9
# Of 255: what varies less is a wall or the sky, and its bits are noise.
LEAST_DEVIATION = 6.0

# `x`, `y` are the middle and `side` the side, in shares of the picture's long edge; `doubtful`
# are the bits of the first 32 that a copy may have the other way.
REGION = np.dtype(
    [
        ("hash", "u1", (HASH_BYTES,)),
        ("x", "<u2"),
        ("y", "<u2"),
        ("side", "<u2"),
        ("doubtful", ">u4"),
    ]
)
FULL_SCALE = 65_535
# Of the whole picture and its panes.
MOST_REGIONS = ASKED + ASKED_OF_PANE * MOST_PANES

Regions = NDArray[np.void]
Grey = NDArray[np.uint8]


def find_regions(upright: Image.Image | View) -> tuple[Regions, int]:
    """Return the regions of an upright RGB picture, and how many of them are to be stored.

    First come those of the whole, the most telling first, then those of the panes in it:
    these are only asked with, since two screenshots may have a pane in common.
    """
    seen = view(upright)
    height, width = seen.grey.shape
    found = [_regions_in(seen.grey, (0, 0, width, height), seen.at(EDGE), most=ASKED)]
    for box in seen.panes[:MOST_PANES]:
        left, top, right, bottom = box
        if (right - left) * (bottom - top) <= MOST_OF_IT * width * height:
            part = seen.grey[top:bottom, left:right]
            found.append(_regions_in(seen.grey, box, scaled(part, EDGE), most=ASKED_OF_PANE))
    return np.concatenate(found), min(STORED, len(found[0]))


def mirrored(regions: Regions) -> Regions:
    """Return the whole's most telling regions as they are in the picture mirrored left to right.

    A cosine transform read backwards has every odd frequency with the other sign.
    """
    found = regions[:ASKED_MIRRORED].copy()
    _, _, across = _transform()
    found["hash"] ^= np.packbits(across % 2 > 0)
    # Looked for in one list each: a third fewer lists to read, and as many parts are found.
    found["doubtful"] = 0
    # From the other edge; the picture's width does not matter to an arrangement.
    found["x"] = FULL_SCALE - found["x"]
    return found


def pack(regions: Regions) -> bytes:
    """Return regions as bytes to store; `unpack` reads them."""
    return regions.tobytes()


def unpack(data: bytes) -> Regions:
    """Return the regions that `pack` wrote; raises ValueError for anything else."""
    if len(data) > MOST_REGIONS * REGION.itemsize:
        raise ValueError("more regions than are ever found")
    return np.frombuffer(data, REGION)


def _halved(grey: Grey) -> Grey:
    return np.asarray(
        cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8
    )


def _regions_in(grey: Grey, box: Box, pixels: Grey, *, most: int) -> Regions:
    """Return the regions of a part of a picture, in shares of the whole one.

    `pixels` is that part at the size from which regions are cut.
    """
    left, top, right, bottom = box
    if min(pixels.shape) < LEAST_EDGE:
        return np.empty(0, REGION)
    levels = [pixels]
    while max(levels[-1].shape) > PIXELS:
        levels.append(_halved(levels[-1]))
    places = _chosen(levels[2], levels[0].shape)[:most]
    patches = np.stack([_cut(levels, *place) for place in places]) if places else None
    if patches is None:
        return np.empty(0, REGION)
    waves = _waves(patches)
    found = np.zeros(len(places), REGION)
    found["hash"] = np.packbits(waves > 0, axis=1)
    found["doubtful"] = _doubtful(waves)
    scale = max(right - left, bottom - top) / EDGE / max(grey.shape) * FULL_SCALE
    geometry = np.array(places) * scale
    offset = np.array([left, top]) / max(grey.shape) * FULL_SCALE
    geometry[:, :2] += offset
    for name, values in zip(("x", "y", "side"), np.rint(geometry).T, strict=True):
        found[name] = np.clip(values, 0, FULL_SCALE)
    shows_something = patches.reshape(len(patches), -1).std(axis=1) >= LEAST_DEVIATION
    return np.asarray(found[shows_something])


@cache
def _detector() -> cv2.SIFT:
    return cv2.SIFT.create(contrastThreshold=LEAST_CONTRAST)


def _chosen(searched: Grey, shape: tuple[int, ...]) -> list[tuple[float, float, float]]:
    """Return middle and side in pixels of the regions to describe, the most telling first.

    Small and large ones take turns: of a part that was cut out, only small ones lie in it
    whole, and of a blurred copy only large ones are left.
    """
    height, width = shape
    ratio = EDGE / max(searched.shape)
    blobs = sorted(_detector().detect(searched), key=attrgetter("response"), reverse=True)
    if not blobs:
        return []
    middles = (np.asarray(cv2.KeyPoint.convert(blobs), np.float64).reshape(-1, 2) + 0.5) * ratio
    sides = np.array([blob.size for blob in blobs]) * ratio * AROUND
    which = np.searchsorted(SIDES, sides / EDGE) - 1
    room = np.minimum(middles, np.array([width, height]) - middles).min(axis=1)
    fits = (which >= 0) & (which < len(TURNS)) & (room >= (0.5 - OVERHANG) * sides)
    counts = [0] * len(TURNS)
    kept: list[tuple[float, float, float, float]] = []
    for (x, y), side, of_side in zip(
        middles[fits].tolist(), sides[fits].tolist(), which[fits].tolist(), strict=True
    ):
        if counts[of_side] < MOST_OF_A_SIDE and not any(
            _is_same((x, y, side), other) for other in kept
        ):
            kept.append((x, y, side, (counts[of_side] + 0.5) * float(TURNS[of_side])))
            counts[of_side] += 1
    kept.sort(key=lambda each: each[3])
    return [(x, y, side) for x, y, side, _ in kept]


def _is_same(one: tuple[float, float, float], other: tuple[float, ...]) -> bool:
    near = NEAR * one[2]
    return (
        abs(one[0] - other[0]) < near
        and abs(one[1] - other[1]) < near
        and 1 / SAME_SIDE < one[2] / other[2] < SAME_SIDE
    )


def _cut(levels: list[Grey], x: float, y: float, side: float) -> Grey:
    """Return a region at one size, cut from the level that has about as many pixels."""
    level = max(0, min(len(levels) - 1, int(np.log2(max(side, SHARPEST) / SHARPEST))))
    shrunk = 2.0**level
    step = side / shrunk / PIXELS
    left, top = ((middle - side / 2) / shrunk + step / 2 - 0.5 for middle in (x, y))
    return np.asarray(
        cv2.warpAffine(
            levels[level],
            np.array([[step, 0, left], [0, step, top]], np.float32),
            (PIXELS, PIXELS),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.uint8,
    )


@cache
def _transform() -> tuple[NDArray[np.float32], NDArray[np.intp], NDArray[np.intp]]:
    """Return the cosine transform's matrix, and row and column of its lowest frequencies."""
    steps = np.arange(PIXELS)
    matrix = np.cos(np.pi * (2 * steps + 1) * steps[:, None] / (2 * PIXELS)).astype(np.float32)
    down, across = np.indices((PIXELS, PIXELS)).reshape(2, -1)
    order = np.lexsort((down, down**2 + across**2))[1 : BITS + 1]
    return matrix[:BITS], down[order], across[order]


def _waves(patches: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the lowest frequencies of each region, the lowest first, without its brightness."""
    matrix, down, across = _transform()
    grey = patches.astype(np.float32)
    spectrum = matrix @ grey @ matrix.T
    return np.asarray(spectrum[:, down, across], np.float32)


def _doubtful(waves: NDArray[np.float32]) -> NDArray[np.uint32]:
    nearest = np.argsort(np.abs(waves[:, :KEY_BITS]), axis=1)[:, :DOUBTFUL]
    bits = np.uint32(1) << (31 - nearest).astype(np.uint32)
    return np.asarray(np.bitwise_or.reduce(bits, axis=1), np.uint32)

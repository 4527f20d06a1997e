"""Finds the pictures within a picture: the photo in a chat's screenshot, the panes of a collage.

A recursive cut along rows and columns of one colour, as pages are taken apart: “Hierarchical
representation of optically scanned documents”, Nagy and Seth, 1984.
"""

import math
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]

# JPEG blurs the colour of a gap; clock and battery stand in it.
TOLERANCE = 10
UNIFORM = 0.985
# A uniform row's mean is no farther from its median than all its other pixels can draw it, so
# that most rows need no median, which takes ten times as long.
MEAN_TOLERANCE = math.ceil(2 * TOLERANCE + 255 * (1 - UNIFORM)) + 1
# Speech bubbles and lines of text are lower or emptier than a photo.
MIN_AREA = 0.03
MIN_EDGE = 0.09
MIN_DEVIATION = 14.0
DEEPEST = 5
MOST_PANES = 6


def find_panes(pixels: NDArray[np.uint8]) -> list[Box]:
    """Return left, top, right and bottom of what uniform gaps set apart, the largest first.

    `pixels` is grey, rows first. Empty where the picture is one pane by itself.
    """
    height, width = pixels.shape
    least = MIN_EDGE * max(height, width)
    found = [
        box
        for box in _cut(pixels, (0, 0, width, height), along_rows=True, depth=0, failed=False)
        if box != (0, 0, width, height)
        and min(box[2] - box[0], box[3] - box[1]) >= least
        and (box[2] - box[0]) * (box[3] - box[1]) >= MIN_AREA * height * width
        and float(pixels[box[1] : box[3], box[0] : box[2]].std()) >= MIN_DEVIATION
    ]
    found.sort(key=lambda box: -(box[2] - box[0]) * (box[3] - box[1]))
    return found[:MOST_PANES]


def _cut(
    pixels: NDArray[np.uint8], box: Box, *, along_rows: bool, depth: int, failed: bool
) -> Iterator[Box]:
    left, top, right, bottom = box
    part = pixels[top:bottom, left:right]
    bands = _bands(part if along_rows else part.T)
    whole = bands == [(0, bottom - top if along_rows else right - left)]
    if (whole and failed) or depth == DEEPEST:
        yield box
        return
    for start, end in bands:
        inner = (
            (left, top + start, right, top + end)
            if along_rows
            else (left + start, top, left + end, bottom)
        )
        yield from _cut(pixels, inner, along_rows=not along_rows, depth=depth + 1, failed=whole)


def _bands(rows: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Return the runs of rows between rows of one colour, as start and end."""
    if rows.size == 0:
        return []
    busy = _unlike(rows, rows.mean(axis=1), MEAN_TOLERANCE) > 1 - UNIFORM
    if not busy.all():
        quiet = rows[~busy]
        busy[~busy] = _unlike(quiet, np.median(quiet, axis=1), TOLERANCE) > 1 - UNIFORM
    edges = np.flatnonzero(np.diff(np.concatenate([[False], busy, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _unlike(
    rows: NDArray[np.uint8], middle: NDArray[np.floating], tolerance: int
) -> NDArray[np.float64]:
    """Return which share of each row is farther from its middle than the tolerance."""
    each = np.broadcast_to(middle.astype(np.uint8)[:, None], rows.shape)
    apart = cv2.absdiff(np.ascontiguousarray(rows), np.ascontiguousarray(each))
    return np.asarray(np.mean(apart > tolerance, axis=1))

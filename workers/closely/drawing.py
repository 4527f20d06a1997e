"""The picture of the evidence: two photos, the spots that lie upon each other, what differs."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.closely.alignment import Alignment, Matrix, overlaid
from workers.closely.detail import Box
from workers.copies import JPEG_QUALITY

Pixels = NDArray[np.uint8]

PANE_EDGE = 630
GAP = 20
MOST_LINES = 24
PAPER = (255, 255, 255)
# Dark rims, light cores: seen on every picture, and told apart without their colours.
RIM, CORE, AREA = (30, 30, 30), (0, 215, 255), (255, 160, 0)


def draw_evidence(
    ours: Pixels, theirs: Pixels, aligned: Alignment, boxes: Sequence[Box] = ()
) -> bytes:
    """Return a JPEG: ours left, theirs right, lines between the spots that they share.

    On theirs stands the outline of where ours lies, and boxes where the detail differs: left,
    top, right, bottom in shares of width and height. Pictures are BGR, rows first.
    """
    left, right = _fitted(ours), _fitted(theirs)
    height = max(left.shape[0], right.shape[0])
    sheet = np.full((height, 2 * PANE_EDGE + GAP, 3), PAPER, np.uint8)
    sheet[: left.shape[0], : left.shape[1]] = left
    from_right = PANE_EDGE + GAP
    sheet[: right.shape[0], from_right : from_right + right.shape[1]] = right
    _outline(sheet, left, right, aligned)
    _draw_boxes(sheet, boxes, from_right, right.shape)
    for one, other in _spread_out(aligned):
        start = _pixel(one, left, 0)
        end = _pixel(other, right, from_right)
        for colour, thick in ((RIM, 3), (CORE, 1)):
            cv2.line(sheet, start, end, colour, thick, cv2.LINE_AA)
        for place in (start, end):
            cv2.circle(sheet, place, 6, RIM, 3, cv2.LINE_AA)
            cv2.circle(sheet, place, 6, CORE, 1, cv2.LINE_AA)
    _, data = cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return data.tobytes()


def draw_differences(ours: Pixels, theirs: Pixels, laid: Matrix, boxes: Sequence[Box]) -> bytes:
    """Return a JPEG: ours as it lies on theirs left, theirs right, a box where they differ.

    Pictures are RGB, rows first; `laid` takes our points to theirs, both in shares of width
    and height, in which the boxes are given, too: left, top, right, bottom, on theirs.
    """
    right = _fitted(theirs)
    height, width = right.shape[:2]
    size = np.diag([width, height, 1.0])
    whole = size @ laid @ np.diag([1 / ours.shape[1], 1 / ours.shape[0], 1.0])
    left = cv2.warpPerspective(ours, whole, (width, height), flags=cv2.INTER_AREA)
    sheet = np.full((height, 2 * width + GAP, 3), PAPER, np.uint8)
    for start, picture in ((0, np.asarray(left, np.uint8)), (width + GAP, right)):
        sheet[:, start : start + width] = picture[:, :, ::-1]
        _draw_boxes(sheet, boxes, start, right.shape)
    _, data = cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return data.tobytes()


def _draw_boxes(
    sheet: Pixels, boxes: Sequence[Box], from_left: int, shape: tuple[int, ...]
) -> None:
    for box in boxes:
        ends = np.array(box).reshape(2, 2) * (shape[1], shape[0]) + (from_left, 0)
        (from_x, from_y), (to_x, to_y) = ends.round().astype(int).tolist()
        for colour, thick in ((RIM, 5), (CORE, 2)):
            cv2.rectangle(sheet, (from_x, from_y), (to_x, to_y), colour, thick, cv2.LINE_AA)


def _fitted(picture: Pixels) -> Pixels:
    scale = PANE_EDGE / max(picture.shape[:2])
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size, interpolation=way), np.uint8)


def _outline(sheet: Pixels, left: Pixels, right: Pixels, aligned: Alignment) -> None:
    _, there = overlaid(left, right.shape, aligned.perspective)
    edges, _ = cv2.findContours(there.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    for colour, thick in ((RIM, 5), (AREA, 3)):
        cv2.drawContours(sheet, edges, -1, colour, thick, offset=(PANE_EDGE + GAP, 0))


def _spread_out(aligned: Alignment) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Return some of the pairs, one of each part of the picture: a hundred lines show nothing."""
    cells = np.unique((aligned.ours * 8).astype(np.int32), axis=0, return_index=True)[1]
    return [(aligned.ours[index], aligned.theirs[index]) for index in cells[:MOST_LINES]]


def _pixel(share: NDArray[np.float32], picture: Pixels, from_left: int) -> tuple[int, int]:
    edge = max(picture.shape[:2])
    return from_left + round(float(share[0]) * edge), round(float(share[1]) * edge)

"""Whether two pictures that one hash takes for the same are the same in their detail, too.

A hash sees the sixteen lowest frequencies: two forms of one template, filled in by two shops,
are the same to it, and so is a picture to which something small was done. Laid on each other,
copies of one photo are alike in every place that has any detail, at whatever quality; what was
written by somebody else is not alike at all. Measured in docs/decisions/2026-11-23-forms.md.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.views import scaled

Grey = NDArray[np.uint8]
Field = NDArray[np.float32]
Places = NDArray[np.bool_]
Box = tuple[float, float, float, float]
Warp = NDArray[np.float32]

EDGE, REFINED_EDGE = 1024, 256
# Strokes and edges: between these two blurs, in pixels of EDGE.
FINE, COARSE = 1.0, 5.0
# A place is a square of so many pixels; the next one begins half a square on.
PLACE, STEP = 16, 8
# So many pixels may still be wrong between two that lie on each other.
SHIFT = 1
# What was laid on may be blurred in from outside along its rim.
RIM = 4
# Of 255, the deviation of the detail: with more, a place tells in one of the two pictures, if
# the other has that much left. Where it has less, light or shadow may have taken it away, but
# not what is as strong as a stroke of a pen: that is in one and not in the other.
TELLING, LEFT, STROKE = 5.0, 2.0, 12.0
# Of a place so much lies on both pictures; of 255, a pixel does that is no mixture with outside.
COVERED, ALL_THERE = 0.9, 250
# With fewer telling places nothing is told, nor of pictures so small that writing is a grey line.
FEWEST_TELLING, LEAST_EDGE = 12, 480
# So much of the picture has to be seen on both: two that only share a heading could be laid on
# each other by it.
LEAST_SEEN = 0.9
# Of a strip nothing is told, and of a night's picture hardly more than its noise.
LEAST_SIDE, LEAST_CONTRAST = 64, 60
STEPS, ENOUGH = 40, 1e-5
FINAL_STEPS = 8
NEVER_ZERO = 1e-3
# A tick in a box, a digit: so many grey levels, after tones were matched, beyond whatever lies
# around the same pixel, in so many pixels of one place.
MARK, MARKED_PIXELS = 48, 8
TONE_BLUR = 2.0
# Letters of a line lie in one box: so many places may lie between two of it.
TOGETHER = 5
_AS_IT_IS = np.eye(3, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Detail:
    """How the detail of two pictures agrees.

    `edge` is the long edge at which they were compared, in pixels, 0 where they could not be;
    `seen` the share of the second picture that both show; `telling` how many places have
    detail to tell by, `unlike` at how many of them it is another's or in one picture alone,
    `marked` how many have a mark that the other has not, however alike they are else. `boxes`
    are where these lie, left, top, right and bottom in shares of the second picture's width
    and height; `laid` is the perspective that takes our points to theirs, both in such shares.
    """

    edge: int
    seen: float
    telling: int
    unlike: int
    marked: int
    boxes: tuple[Box, ...]
    laid: NDArray[np.float64]

    @property
    def is_same(self) -> bool:
        """Whether there is enough to tell by, and nothing of it is another's."""
        is_told = (
            self.edge >= LEAST_EDGE and self.seen >= LEAST_SEEN and self.telling >= FEWEST_TELLING
        )
        return is_told and not self.differing

    @property
    def differing(self) -> float:
        """Which share of the places that tell differs (0–1)."""
        return min(1.0, (self.unlike + self.marked) / max(1, self.telling))


def compare_detail(
    ours: Grey, theirs: Grey, *, least_alike: float, there: Grey | None = None
) -> Detail:
    """Compare two grey pictures that are cut alike and lie alike; they may differ in size.

    `least_alike` is the correlation under which a place is unlike; `there` says by 255 where
    ours lies on theirs, None that it does so everywhere.
    """
    if not (_is_clear(ours) and _is_clear(theirs)):
        return Detail(0, 0.0, 0, 0, 0, (), np.eye(3))
    edge = min(EDGE, max(ours.shape), max(theirs.shape))
    ground = scaled(theirs, edge)
    height, width = ground.shape
    over = _fitted(scaled(ours, edge), width, height)
    open_ = np.ones((height, width), np.uint8)
    if there is not None:
        open_ = np.asarray(_fitted(there, width, height) > ALL_THERE, np.uint8)
    as_it_is = _at_all_scales((over, open_), ground, _AS_IT_IS, least_alike)
    if not as_it_is.differing:
        return as_it_is
    # Whoever cut a copy anew may have cut it a little otherwise.
    try:
        warp = _refined(over, ground, open_)
        refined = _at_all_scales((over, open_), ground, warp, least_alike)
    except np.linalg.LinAlgError:
        # What was found lays all of it on one line.
        return as_it_is
    return min((as_it_is, refined), key=lambda each: each.differing)


def _is_clear(grey: Grey) -> bool:
    low, high = np.quantile(grey, (0.02, 0.98))
    return min(grey.shape) >= LEAST_SIDE and float(high - low) >= LEAST_CONTRAST


def _at_all_scales(ours: tuple[Grey, Grey], ground: Grey, warp: Warp, least_alike: float) -> Detail:
    """Compare two pictures of which one is laid on the other, as they are, at a half, a quarter.

    Ours comes with 1 where it can be looked at. Of a blurred form, what was written is smeared
    and only its frame has fine detail.
    """
    found = [_compared(*ours, ground, warp, least_alike)]
    for part in (2, 4):
        height, width = (max(1, edge // part) for edge in ground.shape)
        if min(height, width) < LEAST_SIDE:
            break
        down = np.diag([width / ground.shape[1], height / ground.shape[0], 1.0])
        less = (down @ warp @ np.linalg.inv(down)).astype(np.float32)
        over, open_, under = (_fitted(each, width, height) for each in (*ours, ground))
        found.append(_compared(over, open_, under, less, least_alike))
    return replace(
        found[0],
        telling=sum(each.telling for each in found),
        unlike=sum(each.unlike for each in found),
        marked=sum(each.marked for each in found),
        boxes=_apart(box for each in found[:2] for box in each.boxes),
    )


def _apart(boxes: Iterable[Box]) -> tuple[Box, ...]:
    """Return the boxes but those that lie on an earlier, finer one."""
    kept: list[Box] = []
    for left, top, right, bottom in boxes:
        if not any(
            left < other[2] and other[0] < right and top < other[3] and other[1] < bottom
            for other in kept
        ):
            kept.append((left, top, right, bottom))
    return tuple(kept)


def _compared(over: Grey, open_: Grey, ground: Grey, warp: Warp, least_alike: float) -> Detail:
    """Compare two pictures of which one is laid on the other by `warp`, at one size."""
    height, width = ground.shape
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpPerspective(over, warp, (width, height), flags=flags)
    both = cv2.warpPerspective(open_, warp, (width, height), flags=flags)
    # What is not on both is made the same: else a blur would carry it beyond its rim.
    shown = np.asarray(np.where(both > 0, laid, ground), np.uint8)
    rim = np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8)
    seen = cv2.erode(both, rim, borderType=cv2.BORDER_CONSTANT, borderValue=0).astype(np.float32)
    alike, telling, alone = _agreement(_band(shown), _band(ground), seen)
    unlike = telling & (alone | (alike < least_alike))
    pixels = _marks(shown, ground).astype(np.float32) * seen
    marked = ~unlike & (_means(pixels) * PLACE**2 >= MARKED_PIXELS)
    size = np.diag([1 / width, 1 / height, 1.0])
    return Detail(
        edge=max(width, height),
        seen=float(both.mean()),
        telling=int(telling.sum()),
        unlike=int(unlike.sum()),
        marked=int(marked.sum()),
        boxes=tuple(_boxes(unlike | marked, width, height)),
        laid=size @ np.linalg.inv(warp.astype(np.float64)) @ np.linalg.inv(size),
    )


def _fitted(grey: Grey, width: int, height: int) -> Grey:
    if grey.shape == (height, width):
        return grey
    return np.asarray(cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _refined(ours: Grey, theirs: Grey, both: Grey) -> Warp:
    """Return the perspective by which one lies on the other, from theirs to ours, in pixels.

    First on small pictures, where it may be off by more, then on these (ECC: Evangelidis and
    Psarakis, 2008).
    """
    warp = np.eye(3, dtype=np.float32)
    share = REFINED_EDGE / max(theirs.shape)
    if share < 1:
        down = np.diag([share, share, 1.0]).astype(np.float32)
        size = [max(8, round(edge * share)) for edge in theirs.shape]
        small = [_fitted(each, size[1], size[0]) for each in (ours, theirs, both)]
        found = np.linalg.inv(down) @ _ecc(small, warp, STEPS) @ down
        warp = (found / found[2, 2]).astype(np.float32)
        return _ecc([ours, theirs, both], warp, FINAL_STEPS)
    return _ecc([ours, theirs, both], warp, STEPS)


def _ecc(pictures: Sequence[Grey], warp: Warp, steps: int) -> Warp:
    ours, theirs, both = pictures
    until = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, steps, ENOUGH)
    try:
        _, found = cv2.findTransformECC(
            theirs, ours, warp.copy(), cv2.MOTION_HOMOGRAPHY, until, both, 5
        )
    except cv2.error:
        # It says so when it finds nothing better.
        return warp
    return np.asarray(found, np.float32) if np.isfinite(found).all() else warp


def _band(grey: NDArray[Any]) -> Field:
    fine = grey.astype(np.float32)
    return np.asarray(cv2.GaussianBlur(fine, (0, 0), FINE) - cv2.GaussianBlur(fine, (0, 0), COARSE))


def _agreement(one: Field, other: Field, seen: Field) -> tuple[Field, Places, Places]:
    """Return by place how the detail of two pictures correlates, and which places tell.

    Last which of these have detail in one picture alone.
    """
    power_other = _means(other * other * seen)
    alike = np.full(power_other.shape, -1, np.float32)
    power = power_other
    for down, across in product(range(-SHIFT, SHIFT + 1), repeat=2):
        moved = np.roll(one, (down, across), (0, 1)) * seen
        power_one = _means(moved * moved)
        if down == across == 0:
            power = power_one
        both = np.sqrt(power_one * power_other + NEVER_ZERO)
        alike = np.maximum(alike, _means(moved * other) / both)
    strong, left = np.maximum(power, power_other), np.minimum(power, power_other) > LEFT**2
    telling = ((strong > TELLING**2) & left) | (strong > STROKE**2)
    return alike, telling & (_means(seen) > COVERED), ~left


def _marks(ours: Grey, theirs: Grey) -> Places:
    """Return which pixels of either are beyond all that the other has around them.

    Ours are first brought to the tones that theirs have in the same places.
    """
    one, other = (cv2.GaussianBlur(each, (0, 0), FINE) for each in (ours, theirs))
    counts = np.bincount(one.ravel(), minlength=256)
    sums = np.bincount(one.ravel(), other.ravel().astype(np.float64), minlength=256)
    (known,) = np.nonzero(counts)
    curve = np.interp(np.arange(256), known, sums[known] / counts[known]).astype(np.float32)
    smooth = cv2.GaussianBlur(curve[:, None], (0, 0), TONE_BLUR).ravel()
    toned = np.rint(smooth).clip(0, 255).astype(np.uint8)[one]
    around = np.ones((2 * SHIFT + 1, 2 * SHIFT + 1), np.uint8)
    beyond = [
        cv2.subtract(*pair)
        for picture, another in ((toned, other), (other, toned))
        for pair in (
            (picture, cv2.dilate(another, around)),
            (cv2.erode(another, around), picture),
        )
    ]
    return np.asarray(np.maximum.reduce(beyond) > MARK)


def _means(field: Field) -> Field:
    """Return the mean of every place."""
    means = cv2.boxFilter(field, -1, (PLACE, PLACE), borderType=cv2.BORDER_CONSTANT)
    return np.asarray(means[STEP // 2 :: STEP, STEP // 2 :: STEP], np.float32)


def _boxes(places: Places, width: int, height: int) -> Iterator[Box]:
    """Yield what places near one another cover together, from above to below."""
    near = cv2.morphologyEx(
        places.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((TOGETHER, TOGETHER), np.uint8)
    )
    count, _, found, _ = cv2.connectedComponentsWithStats(near)
    for left, top, across, down, _area in found[1:count].tolist():
        # A place reaches half its size to either side of its middle.
        from_x, from_y = left * STEP + STEP // 2 - PLACE // 2, top * STEP + STEP // 2 - PLACE // 2
        to_x, to_y = from_x + (across - 1) * STEP + PLACE, from_y + (down - 1) * STEP + PLACE
        yield (
            max(0, from_x) / width,
            max(0, from_y) / height,
            min(width, to_x) / width,
            min(height, to_y) / height,
        )

"""Lays one picture over another by their local features, and says how well it fits.

Points that resemble one another are paired (Lowe's ratio test), then one perspective is
looked for that carries as many of them as possible (MAGSAC, Barath and others, 2019). What
then lies upon each other is compared by blurred, normalised cross-correlation.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import faiss
import numpy as np
from numpy.typing import NDArray

from workers.closely.features import Features

# At once and for good, as OpenCV's: a pool of threads does not live on in a forked process.
faiss.omp_set_num_threads(1)

Matrix = NDArray[np.float64]

RATIO = 0.8
# In shares of the long edge: four pixels of the 512 in which corners are looked for.
REPROJECTION = 0.008
TRIES, CONFIDENCE = 1_000, 0.995
# Fewer pairs than this carry a perspective by chance.
FEWEST_PAIRS = 8
# Corners that lie in one spot count once: a grid of so many cells along the long edge.
SPOTS_AN_EDGE = 64
# A chat shows a photo at a quarter of its size; anything past sixteenfold area is chance.
MOST_SCALE = 8.0
COMPARED_EDGE = 256
BLUR = 2.0
TILES = 8
# Of 255: a wall has no more, and correlates with any other by its noise.
LEAST_DEVIATION = 6.0
LEAST_COMMON = 0.02
TOLD_BY = 0.6
CENTRAL = 0.9
REFINED_TIMES = 3
REFINING_STEPS, REFINED_ENOUGH = 25, 1e-4


@dataclass(frozen=True, eq=False)
class Alignment:
    """How our picture lies on theirs.

    `spots` is how many distinct spots the perspective carries; `perspective` takes our
    points to theirs, `ours` and `theirs` are the points themselves, all in shares of each
    picture's long edge.
    """

    spots: int
    perspective: Matrix
    ours: NDArray[np.float32]
    theirs: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Likeness:
    """How alike two pictures are where one lies on the other.

    `score` is their correlation, −1 to 1; `common` the share of the one that shows less
    which they have in common; `reach` the share of that over which the spots spread: little
    where both bear one logo and nothing else.
    """

    score: float
    common: float
    reach: float


def align(ours: Sequence[Features], theirs: Sequence[Features]) -> Alignment | None:
    """Return the best alignment of any part of our picture with any of theirs, or None."""
    found = [each for one in ours for other in theirs if (each := _align(one, other)) is not None]
    return max(found, key=lambda each: each.spots, default=None)


def _align(one: Features, other: Features) -> Alignment | None:
    if min(len(one), len(other)) < FEWEST_PAIRS:
        return None
    distances, nearest = faiss.knn_hamming(one.descriptors, other.descriptors, 2)
    (telling,) = np.nonzero(distances[:, 0] < RATIO * distances[:, 1])
    if len(telling) < FEWEST_PAIRS:
        return None
    ours, theirs = one.points[telling], other.points[nearest[telling, 0]]
    perspective, carried = cv2.findHomography(
        ours, theirs, cv2.USAC_MAGSAC, REPROJECTION, maxIters=TRIES, confidence=CONFIDENCE
    )
    if perspective is None:
        return None
    found = np.asarray(perspective, np.float64)
    if not _is_possible(found):
        return None
    kept = carried.ravel() > 0
    spots = min(_spots(ours[kept]), _spots(theirs[kept]))
    return Alignment(spots, found, ours[kept], theirs[kept])


def _spots(points: NDArray[np.float32]) -> int:
    return len(np.unique((points * SPOTS_AN_EDGE).astype(np.int32), axis=0))


def _is_possible(perspective: Matrix) -> bool:
    """Tell whether a camera could have seen it: nothing mirrored, folded or out of scale."""
    square = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]], np.float64)
    seen = square @ np.asarray(perspective, np.float64).T
    if not np.isfinite(seen).all() or (seen[:, 2] <= 0.2).any() or (seen[:, 2] > 5).any():
        return False
    corners = seen[:, :2] / seen[:, 2:]
    sides = np.roll(corners, -1, axis=0) - corners
    turns = sides[:, 0] * np.roll(sides[:, 1], -1) - sides[:, 1] * np.roll(sides[:, 0], -1)
    lengths = np.hypot(sides[:, 0], sides[:, 1])
    return bool(
        (turns > 0).all()
        and lengths.min() * MOST_SCALE > 1
        and lengths.max() < MOST_SCALE
        and lengths.max() < 3 * lengths.min()
    )


def overlaid(
    ours: NDArray[np.uint8], shape: tuple[int, ...], perspective: Matrix
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return our picture as it lies on one of `shape`, and where it lies."""
    height, width = shape[:2]
    to_pixels = np.diag([max(shape[:2]), max(shape[:2]), 1.0])
    from_pixels = np.diag([1 / max(ours.shape[:2]), 1 / max(ours.shape[:2]), 1.0])
    whole = to_pixels @ perspective @ from_pixels
    laid = cv2.warpPerspective(ours, whole, (width, height), flags=cv2.INTER_AREA)
    there = cv2.warpPerspective(
        np.full(ours.shape[:2], 255, np.uint8), whole, (width, height), flags=cv2.INTER_NEAREST
    )
    return np.asarray(laid, np.uint8), there > 0


def likeness(ours: NDArray[np.uint8], theirs: NDArray[np.uint8], aligned: Alignment) -> Likeness:
    """Return how alike two grey pictures are where one lies on the other.

    The one that shows less is the ground, the other is brought to its scale and laid on it.
    The perspective is first refined on the pictures themselves, since corners are found to
    a pixel or two only (ECC: Evangelidis and Psarakis, 2008).
    """
    perspective, reach = aligned.perspective, _reach(aligned, ours.shape, theirs.shape)
    if _area(perspective, ours) < theirs.size / max(theirs.shape) ** 2:
        ours, theirs = theirs, ours
        perspective = np.asarray(np.linalg.inv(perspective), np.float64)
    theirs = _scaled(theirs, COMPARED_EDGE / max(theirs.shape))
    scale = math.sqrt(_area(perspective, ours) / (ours.size / max(ours.shape) ** 2))
    ours = _scaled(ours, scale * max(theirs.shape) / max(ours.shape))
    best = _compared(ours, theirs, perspective)
    if best is None:
        return Likeness(0.0, 0.0, reach)
    for _ in range(REFINED_TIMES):
        perspective = _refined(ours, theirs, perspective, best.same)
        finer = _compared(ours, theirs, perspective)
        if finer is None or finer.score <= best.score:
            break
        best = finer
    return Likeness(best.score, float(best.there.mean()), reach)


@dataclass(frozen=True, eq=False)
class _Compared:
    """Two pictures of which one lies on the other: where, by which part they were judged, how."""

    there: NDArray[np.bool_]
    same: NDArray[np.bool_]
    score: float


def _compared(
    ours: NDArray[np.uint8], theirs: NDArray[np.uint8], perspective: Matrix
) -> _Compared | None:
    laid, there = overlaid(ours, theirs.shape, perspective)
    one = cv2.GaussianBlur(laid, (0, 0), BLUR).astype(np.float32)
    other = cv2.GaussianBlur(theirs, (0, 0), BLUR).astype(np.float32)
    # What the blur brought in from outside is no part of the picture.
    there = cv2.erode(there.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    if there.sum() < LEAST_COMMON * there.size:
        return None
    same = _most_alike(one, other, there)
    return _Compared(there, same, _correlation(one[same], other[same]))


def _frame(shape: tuple[int, ...]) -> Matrix:
    """Return the corners of a picture in shares of its long edge, as homogeneous points."""
    height, width = (edge / max(shape) for edge in shape)
    return np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1]])


def _seen(ours: tuple[int, ...], perspective: Matrix) -> NDArray[np.float32]:
    """Return where the corners of our picture lie on theirs."""
    seen = _frame(ours) @ perspective.T
    return np.asarray(seen[:, :2] / seen[:, 2:], np.float32)


def _area(perspective: Matrix, ours: NDArray[np.uint8]) -> float:
    """Return the area of our picture as it lies on theirs, in squares of their long edge."""
    return float(cv2.contourArea(_seen(ours.shape, perspective)))


def _reach(aligned: Alignment, ours: tuple[int, ...], theirs: tuple[int, ...]) -> float:
    """Return over which share of what both pictures show the spots spread.

    It is the convex hull of the nine tenths that are nearest to their middle: one corner that
    is carried by chance would else make a logo as large as the picture.
    """
    corners = np.asarray(_frame(theirs)[:, :2], np.float32)
    common, _ = cv2.intersectConvexConvex(_seen(ours, aligned.perspective), corners)
    away = np.linalg.norm(aligned.theirs - np.median(aligned.theirs, axis=0), axis=1)
    central = aligned.theirs[away <= np.quantile(away, CENTRAL)]
    spread = cv2.contourArea(cv2.convexHull(np.asarray(central, np.float32)))
    return min(1.0, spread / common) if common > 0 else 0.0


def _refined(
    ours: NDArray[np.uint8], theirs: NDArray[np.uint8], start: Matrix, same: NDArray[np.bool_]
) -> Matrix:
    """Return the perspective that fits what seemed the same already a little better."""
    to_pixels = np.diag([max(theirs.shape), max(theirs.shape), 1.0])
    from_pixels = np.diag([1 / max(ours.shape), 1 / max(ours.shape), 1.0])
    whole = to_pixels @ start @ from_pixels
    try:
        _, found = cv2.findTransformECC(
            ours,
            theirs,
            (whole / whole[2, 2]).astype(np.float32),
            cv2.MOTION_HOMOGRAPHY,
            (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, REFINING_STEPS, REFINED_ENOUGH),
            same.astype(np.uint8) * 255,
            5,
        )
    except cv2.error:
        # It says so when it finds nothing better.
        return start
    refined = np.linalg.inv(to_pixels) @ np.asarray(found, np.float64) @ np.linalg.inv(from_pixels)
    return refined if _is_possible(refined) else start


def _most_alike(
    one: NDArray[np.float32], other: NDArray[np.float32], there: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which part of the common area to judge by: all but its least alike tiles.

    Text, a panel or a finger hides some tiles of a copy.
    """
    rows, columns = np.nonzero(there)
    down = np.linspace(rows.min(), rows.max() + 1, TILES + 1).astype(int)
    across = np.linspace(columns.min(), columns.max() + 1, TILES + 1).astype(int)
    brightness = float(other[there].std()) / max(float(one[there].std()), 1.0)
    toned = (one - one[there].mean()) * brightness + other[there].mean()
    apart = np.abs(toned - other)
    tiles = []
    for top, bottom in pairwise(down):
        for left, right in pairwise(across):
            inside = there[top:bottom, left:right]
            if inside.any():
                unlike = float(apart[top:bottom, left:right][inside].mean())
                tiles.append((unlike, top, bottom, left, right))
    tiles.sort()
    same = np.zeros_like(there)
    for _, top, bottom, left, right in tiles[: max(1, round(len(tiles) * TOLD_BY))]:
        same[top:bottom, left:right] = there[top:bottom, left:right]
    return same


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return the normalised cross-correlation, 0 where one of the two shows nothing."""
    spread_one, spread_other = float(one.std()), float(other.std())
    if min(spread_one, spread_other) < LEAST_DEVIATION:
        return 0.0
    covariance = float(((one - one.mean()) * (other - other.mean())).mean())
    return covariance / (spread_one * spread_other)


def _scaled(grey: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """Return a grey picture made smaller; never larger: detail can't be added."""
    if scale >= 1:
        return grey
    size = max(8, round(grey.shape[1] * scale)), max(8, round(grey.shape[0] * scale))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)

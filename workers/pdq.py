"""PDQ, the perceptual hash: 256 bits of what a picture looks like, and how much it shows.

“The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm”, Facebook, 2019.
Windows, borders, sampling points and the order of the bits are those of its authors' C++
program, so that a hash may be compared with one that anybody else has computed.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

GRID = 64
FREQUENCIES = 16
# The authors' program gives a picture with a shorter edge no hash.
MIN_EDGE = 5
# Two averages of this share of an edge, one upon the other, reach across one cell of the grid.
CELLS_AN_EDGE = 2 * GRID
# Gradients are counted in whole hundredths of the range, so that noise counts for nothing.
HUNDREDTHS = np.float32(100)
RANGE = np.float32(255)
GRADIENT_A_POINT = 90
MAX_QUALITY = 100

# The discrete cosine transform (type II) without its zeroth frequency, which is the mean.
_COSINES = np.asarray(
    np.sqrt(2 / GRID)
    * np.cos(np.pi / (2 * GRID) * np.outer(np.arange(FREQUENCIES) + 1, 2 * np.arange(GRID) + 1)),
    dtype=np.float32,
)
# Mirroring a picture turns the sign of every other frequency, beginning with the first.
_MIRRORED = np.where(np.arange(FREQUENCIES) % 2, 1, -1).astype(np.float32)


def dihedral(pixels: NDArray[np.uint8]) -> tuple[tuple[bytes, ...], int]:
    """Return the eight PDQ hashes of a grey picture and its quality, 0–100.

    `pixels` has its rows first. The hashes, 32 bytes each, are those of the picture as it
    is, turned by 90, 180 and 270 degrees counter-clockwise, mirrored upside down, mirrored
    left to right, transposed and anti-transposed. A picture with an edge under five pixels
    has hashes of zeros and quality 0.
    """
    if min(pixels.shape) < MIN_EDGE:
        return (bytes(FREQUENCIES * FREQUENCIES // 8),) * 8, 0
    grid = _grid(pixels)
    return _hashes(_frequencies(grid)), _quality(grid)


def _grid(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the picture averaged twice over a moving window and sampled at 64 × 64 points."""
    height, width = pixels.shape
    window = -(-width // CELLS_AN_EDGE), -(-height // CELLS_AN_EDGE)
    # A window of an even edge reaches one pixel further to the right and down.
    anchor = (window[0] - 1) // 2, (window[1] - 1) // 2

    def sums(plane: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
        found = cv2.boxFilter(
            plane,
            cv2.CV_32F,
            window,
            anchor=anchor,
            normalize=False,
            borderType=cv2.BORDER_CONSTANT,
        )
        return np.asarray(found, dtype=np.float32)

    # Zeros surround the picture; at its borders only the pixels that exist are averaged.
    present = sums(np.ones(pixels.shape, dtype=np.float32))
    smooth = sums(sums(pixels) / present) / present
    centres = 2 * np.arange(GRID) + 1
    rows, columns = centres * height // CELLS_AN_EDGE, centres * width // CELLS_AN_EDGE
    points: NDArray[np.float32] = smooth[np.ix_(rows, columns)]
    return points


def _frequencies(grid: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the 16 × 16 lowest frequencies: down the picture by row, across it by column."""
    # Not OpenCV's transform: it is exact enough to leave zeros for all that stripes and
    # checks do not have, and pictures of nothing but stripes would then resemble each other.
    return np.asarray(_COSINES @ grid @ _COSINES.T, dtype=np.float32)


def _hashes(upright: NDArray[np.float32]) -> tuple[bytes, ...]:
    """Return the hashes of the eight orientations, which differ by signs and a transposition."""
    upside_down, left_to_right = upright * _MIRRORED[:, None], upright * _MIRRORED
    half_turn = left_to_right * _MIRRORED[:, None]
    turned = np.stack(
        [
            upright,
            left_to_right.T,
            half_turn,
            upside_down.T,
            upside_down,
            left_to_right,
            upright.T,
            half_turn.T,
        ]
    ).reshape(8, -1)
    # The lower one of the two in the middle, as of 256 values none stands in the middle alone.
    middle = turned.shape[1] // 2 - 1
    medians = np.partition(turned, middle, axis=1)[:, middle, None]
    # The authors write a hash as one number, whose last bit is the lowest frequency.
    bits = np.packbits((turned > medians)[:, ::-1], axis=1)
    return tuple(row.tobytes() for row in bits)


def _quality(grid: NDArray[np.float32]) -> int:
    """Return how much there is to see, 0–100: the sum of all steps between neighbours."""
    steps = (np.diff(grid, axis=axis) * HUNDREDTHS / RANGE for axis in (0, 1))
    gradient = sum(int(np.abs(step.astype(np.int32)).sum()) for step in steps)
    return min(MAX_QUALITY, gradient // GRADIENT_A_POINT)

"""How much a photo looks as if it was taken of a screen: the strength of a regular grid in it.

A screen's columns and rows, and what the sensor makes of them (moiré), stand out of a
picture's spectrum as single peaks. Fabrics and gratings have some, too: this is a hint.
"""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workers.views import View, view

# The middle of the picture, at the scale in which it is examined.
EDGE = 512
LEAST_EDGE = 256
SMOOTH = 13
# Cycles a pixel: slower ones belong to things, faster ones are the sensor's noise.
SLOWEST, FASTEST = 0.1, 0.5
NEIGHBOURS = 31
# JPEG's blocks of eight pixels are a grid of their own, along both axes.
BLOCK = 8


def screen_grid(upright: Image.Image | View) -> float:
    """Return by how many deviations the strongest peak of the spectrum stands out, 0 if too small.

    Of 700 ordinary photos one in a hundred reached 3.5; of 60 photographs of screens, as
    `benchmarks.copies` makes them, 87 in a hundred.
    """
    grey = view(upright).grey
    height, width = grey.shape
    edge = min(EDGE, min(width, height) // 2 * 2)
    if edge < LEAST_EDGE:
        return 0.0
    left, top = (width - edge) // 2, (height - edge) // 2
    part = grey[top : top + edge, left : left + edge].astype(np.float32)
    window, wanted = _frame(edge)
    grain = (part - cv2.blur(part, (SMOOTH, SMOOTH))) * window
    spectrum = np.log1p(_half_spectrum(grain))
    apart = spectrum - cv2.blur(spectrum, (NEIGHBOURS, NEIGHBOURS))
    usual = cv2.sqrt(cv2.blur(apart * apart, (NEIGHBOURS, NEIGHBOURS))) + np.float32(1e-3)
    return round(float((apart / usual)[wanted].max()), 2)


def _half_spectrum(grain: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the amplitudes that numpy's rfft2 gives of a square with an even edge, sooner.

    OpenCV packs the transform of real numbers into as many of them: of the first and the
    last column, which are their own mirrors, only one half, one number below the other.
    """
    packed = cv2.dft(grain)
    edge = len(grain)
    amplitudes = np.empty((edge, edge // 2 + 1), np.float32)
    # Not by hypot, which is careful with numbers that these can't be and takes four times as long.
    squares = packed * packed
    np.sqrt(squares[:, 1:-1:2] + squares[:, 2:-1:2], out=amplitudes[:, 1:-1])
    for column, line in ((0, packed[:, 0]), (-1, packed[:, -1])):
        half = np.hypot(line[1:-1:2], line[2:-1:2])
        amplitudes[:, column] = np.abs(np.concatenate([line[:1], half, line[-1:], half[::-1]]))
    return amplitudes


@cache
def _frame(edge: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the window that hides the picture's rim, and which frequencies are looked at."""
    hann = np.hanning(edge).astype(np.float32)
    down, across = np.abs(np.fft.fftfreq(edge))[:, None], np.fft.rfftfreq(edge)[None, :]
    radius = np.hypot(down, across)
    wanted = (radius > SLOWEST) & (radius < FASTEST)
    for line in range(1, BLOCK // 2 + 1):
        for along, beside in ((across, down), (down, across)):
            wanted &= ~((np.abs(along - line / BLOCK) < 3 / edge) & (beside < 3 / edge))
    return np.outer(hann, hann), wanted

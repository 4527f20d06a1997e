"""An upright picture as the machine looks at it: in grey, each size made once for all who ask."""

from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workers.bezels import SEEN_EDGE, Screen, find_screen
from workers.closely.panes import Box, find_panes

PANES_EDGE = 384

# Of an RGB picture: rows first, three channels.
Pixels = NDArray[np.uint8]


class View:
    """An upright RGB picture."""

    def __init__(self, upright: Image.Image | Pixels) -> None:
        self.pixels: Pixels = np.asarray(upright, np.uint8)
        self._sizes: dict[int, NDArray[np.uint8]] = {}

    @cached_property
    def grey(self) -> NDArray[np.uint8]:
        """The brightness alone, as large as the picture is."""
        return np.asarray(cv2.cvtColor(self.pixels, cv2.COLOR_RGB2GRAY), np.uint8)

    @cached_property
    def _halves(self) -> list[NDArray[np.uint8]]:
        return [self.grey]

    def at(self, long_edge: int) -> NDArray[np.uint8]:
        """Return the grey picture at one size, larger or smaller: copies then have one scale."""
        if long_edge not in self._sizes:
            while max(self._halves[-1].shape) >= 2 * long_edge:
                self._halves.append(_halved(self._halves[-1]))
            large = [each for each in self._halves if max(each.shape) >= long_edge]
            self._sizes[long_edge] = _scaled(large[-1] if large else self.grey, long_edge)
        return self._sizes[long_edge]

    @cached_property
    def panes(self) -> list[Box]:
        """The pictures within this one, in pixels of `grey`, the largest first."""
        small = self.at(PANES_EDGE)
        scale = max(self.grey.shape) / max(small.shape)
        return [
            (round(left * scale), round(top * scale), round(right * scale), round(bottom * scale))
            for left, top, right, bottom in find_panes(small)
        ]

    @cached_property
    def screen(self) -> Screen | None:
        """The screen that this is a photograph of, None where there is none."""
        return find_screen(self.at(SEEN_EDGE))


def view(picture: Image.Image | Pixels | View) -> View:
    """Return the view of an upright RGB picture; a view is returned as it is."""
    return picture if isinstance(picture, View) else View(picture)


def scaled(pixels: NDArray[np.uint8], long_edge: int) -> NDArray[np.uint8]:
    """Return a picture of one or three channels with a long edge of so many pixels.

    Halving costs a tenth of any other scale; what is left to shrink is less than twofold, for
    which a linear filter is good enough.
    """
    while max(pixels.shape) >= 2 * long_edge:
        pixels = _halved(pixels)
    return _scaled(pixels, long_edge)


def _halved(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    size = max(1, pixels.shape[1] // 2), max(1, pixels.shape[0] // 2)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _scaled(pixels: NDArray[np.uint8], long_edge: int) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    scale = long_edge / max(height, width)
    if scale == 1:
        return pixels
    size = max(1, round(width * scale)), max(1, round(height * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size, interpolation=way), np.uint8)

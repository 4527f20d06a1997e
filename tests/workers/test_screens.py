"""The hint that a photo was taken of a screen: a regular grain, measured in its spectrum."""

import io

import numpy as np
import pytest
from PIL import Image

from schemas.flags import SCREEN_GRID
from workers.screens import screen_grid


def on_a_screen(data, period=2.9):
    """Return a photo as a JPEG of a screen that shows it: its columns and rows nearly resolved."""
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.float32)
    rows, columns = np.mgrid[0 : pixels.shape[0], 0 : pixels.shape[1]]
    grid = 1 + 0.1 * np.sin(2 * np.pi * (columns + 0.05 * rows) / period)
    target = io.BytesIO()
    shown = np.clip(pixels * grid[..., None], 0, 255).astype(np.uint8)
    Image.fromarray(shown).save(target, "JPEG", quality=85)
    return target.getvalue()


def test_a_photographed_screen_is_hinted_at_and_nothing_else_comes_of_it(tips):
    plain, screen = tips.send(tips.photo(60)), tips.send(on_a_screen(tips.photo(61)))
    tips.process(plain, screen)
    assert "screen-photo" not in tips.case(plain).flags
    assert "screen-photo" in tips.case(screen).flags
    assert tips.case(screen).state == tips.case(plain).state


@pytest.mark.parametrize("quality", [95, 60, 30])
def test_jpegs_own_blocks_are_no_screen(tips, quality):
    again = io.BytesIO()
    Image.open(io.BytesIO(tips.photo(62))).save(again, "JPEG", quality=quality)
    assert screen_grid(Image.open(again).convert("RGB")) < SCREEN_GRID


def test_a_picture_too_small_to_tell_says_nothing(tips):
    assert screen_grid(Image.open(io.BytesIO(tips.photo(63))).resize((255, 800))) == 0.0

"""Pictures for the demo: kitchens drawn from a number, alike enough to a phone's photo.

The same number always gives the same picture. Two numbers differ in what covers
large areas (horizon, light, counter, window, big objects), so that the matching
never takes one invented kitchen for another.
"""

import random
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 1280, 960
_Colour = tuple[int, int, int]

_WALLS: tuple[_Colour, ...] = (
    (222, 218, 205), (196, 208, 205), (231, 229, 226), (205, 190, 165), (170, 182, 190),
    (214, 206, 178), (186, 172, 160), (150, 160, 158),
)  # fmt: skip
_FLOORS: tuple[_Colour, ...] = (
    (112, 96, 84), (88, 86, 84), (140, 118, 98), (72, 66, 62), (120, 126, 128), (98, 74, 60),
)  # fmt: skip
_STEEL: tuple[_Colour, ...] = ((178, 182, 186), (150, 154, 158), (198, 200, 202), (120, 124, 130))
_THINGS: tuple[_Colour, ...] = (
    (188, 52, 44), (46, 92, 150), (52, 120, 70), (214, 160, 40), (236, 236, 232), (60, 56, 54),
    (150, 92, 48), (200, 120, 96), (112, 150, 70), (24, 26, 30), (224, 206, 150),
)  # fmt: skip


def kitchen(number: int) -> Image.Image:
    """Return kitchen number `number`: 1280 × 960 pixels, RGB."""
    draw = random.Random(f"kitchen {number}")  # noqa: S311 - a drawing needs no secrecy
    picture = Image.new("RGB", (WIDTH, HEIGHT))
    pen = ImageDraw.Draw(picture)
    horizon = draw.randint(300, 700)
    _wall(pen, draw, horizon)
    _floor(pen, draw, horizon)
    for _ in range(draw.randint(1, 3)):
        draw.choice(_ON_WALLS)(pen, draw, horizon)
    counter_top = draw.randint(horizon - 160, min(horizon + 160, HEIGHT - 200))
    _counter(pen, draw, counter_top)
    for _ in range(draw.randint(3, 8)):
        size = draw.randint(90, 330)
        x = draw.randint(-40, WIDTH - 60)
        draw.choice(_ON_COUNTERS)(pen, draw, x, counter_top + draw.randint(0, 60), size)
    for _ in range(draw.randint(1, 4)):
        size = draw.randint(160, 460)
        x = draw.randint(-80, WIDTH - 120)
        draw.choice(_ON_FLOORS)(pen, draw, x, HEIGHT + draw.randint(-120, 60), size)
    _stains(pen, draw)
    # A phone's lens is never quite sharp; this also rounds the drawn edges.
    soft = picture.filter(ImageFilter.GaussianBlur(draw.uniform(0.8, 1.6)))
    return _lit(soft, draw.randrange(2**32))


def _shade(colour: _Colour, factor: float) -> _Colour:
    red, green, blue = (max(0, min(255, round(part * factor))) for part in colour)
    return red, green, blue


def _box(pen: ImageDraw.ImageDraw, corners: tuple[int, int, int, int], fill: _Colour) -> None:
    """Draw a rectangle; nothing where it is cut away to less than nothing."""
    left, top, right, bottom = corners
    if left <= right and top <= bottom:
        pen.rectangle(corners, fill=fill)


def _wall(pen: ImageDraw.ImageDraw, draw: random.Random, horizon: int) -> None:
    base = draw.choice(_WALLS)
    tile = draw.randint(60, 190)
    slant = draw.randint(-60, 60)
    _box(pen, (0, 0, WIDTH, horizon), fill=_shade(base, 0.8))
    for row, top in enumerate(range(-tile, horizon, tile)):
        shift = (tile // 2) * (row % 2) if slant > 0 else 0
        for left in range(-2 * tile, WIDTH + tile, tile):
            x = left + shift + slant * top // 600
            fill = _shade(base, draw.uniform(0.92, 1.06))
            _box(pen, (x + 2, top + 2, x + tile - 2, min(top + tile - 2, horizon)), fill=fill)
    # Grease climbs the wall above the stove.
    middle = draw.randint(0, WIDTH)
    for step in range(6):
        wide = 260 - step * 36
        grease = _shade(base, 0.86 - step * 0.05)
        pen.ellipse((middle - wide, horizon - wide, middle + wide, horizon + 60), outline=grease)


def _floor(pen: ImageDraw.ImageDraw, draw: random.Random, horizon: int) -> None:
    base = draw.choice(_FLOORS)
    _box(pen, (0, horizon, WIDTH, HEIGHT), fill=base)
    vanishing = draw.randint(200, WIDTH - 200)
    for x in range(-WIDTH, 2 * WIDTH, draw.randint(110, 220)):
        # The joints run to one point above the horizon, and are seen below it only.
        begin = vanishing + (x - vanishing) * 300 // (HEIGHT - horizon + 300)
        pen.line((begin, horizon, x, HEIGHT), fill=_shade(base, 0.7), width=4)
    depth = horizon
    while depth < HEIGHT:
        pen.line((0, depth, WIDTH, depth), fill=_shade(base, 0.72), width=4)
        depth += 18 + (depth - horizon) // 3


def _window(pen: ImageDraw.ImageDraw, draw: random.Random, horizon: int) -> None:
    wide, high = draw.randint(220, 560), draw.randint(160, 420)
    x, y = draw.randint(-80, WIDTH - 160), draw.randint(-60, max(0, horizon - high))
    sky = draw.choice(((232, 240, 248), (250, 246, 230), (40, 48, 66), (205, 222, 236)))
    _box(pen, (x, y, x + wide, y + high), fill=(92, 80, 70))
    _box(pen, (x + 16, y + 16, x + wide // 2 - 8, y + high - 16), fill=sky)
    _box(pen, (x + wide // 2 + 8, y + 16, x + wide - 16, y + high - 16), fill=_shade(sky, 0.94))


def _hood(pen: ImageDraw.ImageDraw, draw: random.Random, _horizon: int) -> None:
    x, wide, deep = draw.randint(-100, WIDTH - 300), draw.randint(380, 760), draw.randint(120, 300)
    steel = draw.choice(_STEEL)
    pen.polygon(
        ((x + wide // 4, 0), (x + wide * 3 // 4, 0), (x + wide, deep), (x, deep)), fill=steel
    )
    _box(pen, (x, deep, x + wide, deep + 34), fill=_shade(steel, 0.6))
    for stripe in range(x + 30, x + wide - 20, 46):
        pen.line((stripe, deep + 4, stripe + 20, deep + 30), fill=(84, 66, 40), width=6)


def _fridge(pen: ImageDraw.ImageDraw, draw: random.Random, horizon: int) -> None:
    wide, top = draw.randint(240, 460), draw.randint(-20, 100)
    x, colour = (
        draw.randint(-60, WIDTH - 180),
        draw.choice((*_STEEL, (236, 236, 236), (60, 62, 66))),
    )
    _box(pen, (x, top, x + wide, min(HEIGHT, horizon + 240)), fill=colour)
    middle = (top + horizon) // 2
    pen.line((x, middle, x + wide, middle), fill=_shade(colour, 0.5), width=8)
    _box(pen, (x + 22, top + 30, x + 38, middle - 20), fill=_shade(colour, 0.55))


def _shelf(pen: ImageDraw.ImageDraw, draw: random.Random, horizon: int) -> None:
    y, x = draw.randint(90, max(120, horizon - 120)), draw.randint(-60, WIDTH // 2)
    wide = draw.randint(420, 900)
    at = x + 10
    while at < x + wide - 40:
        wide_thing, high = draw.randint(34, 120), draw.randint(50, 170)
        colour = draw.choice(_THINGS)
        _box(pen, (at, y - high, at + wide_thing, y), fill=colour)
        _box(pen, (at, y - high, at + wide_thing // 3, y), fill=_shade(colour, 1.2))
        at += wide_thing + draw.randint(4, 40)
    _box(pen, (x, y, x + wide, y + 24), fill=draw.choice(_STEEL))


def _counter(pen: ImageDraw.ImageDraw, draw: random.Random, top: int) -> None:
    steel = draw.choice(_STEEL)
    tilt = draw.randint(-90, 90)
    pen.polygon(
        ((0, top), (WIDTH, top + tilt), (WIDTH, top + tilt + 120), (0, top + 120)),
        fill=_shade(steel, 1.1),
    )
    pen.polygon(
        ((0, top + 120), (WIDTH, top + tilt + 120), (WIDTH, top + tilt + 340), (0, top + 300)),
        fill=_shade(steel, draw.uniform(0.35, 0.75)),
    )
    for _ in range(14):
        x, y = draw.randint(0, WIDTH), top + draw.randint(4, 110)
        pen.line(
            (x, y, x + draw.randint(60, 340), y + tilt // 8), fill=_shade(steel, 1.25), width=3
        )


def _pot(pen: ImageDraw.ImageDraw, draw: random.Random, x: int, y: int, size: int) -> None:
    colour, high = draw.choice((*_STEEL, (40, 40, 42), (176, 60, 48))), size * 2 // 3
    pen.ellipse((x - 12, y - 24, x + size + 40, y + 44), fill=_shade(colour, 0.3))
    _box(pen, (x, y - high, x + size, y), fill=colour)
    _box(pen, (x + size // 8, y - high, x + size // 4, y), fill=_shade(colour, 1.3))
    pen.ellipse((x, y - size // 8, x + size, y + size // 8), fill=colour)
    rim = (x, y - high - size // 6, x + size, y - high + size // 6)
    pen.ellipse(rim, fill=_shade(colour, 1.15))
    soup = draw.choice(((120, 66, 30), (186, 140, 70), (90, 34, 24), (60, 60, 40)))
    pen.ellipse((rim[0] + 14, rim[1] + 10, rim[2] - 14, rim[3] - 10), fill=soup)


def _bowl(pen: ImageDraw.ImageDraw, draw: random.Random, x: int, y: int, size: int) -> None:
    colour = draw.choice(((244, 242, 236), (224, 224, 230), (70, 110, 170), (236, 210, 180)))
    pen.chord((x, y - size // 2, x + size, y + size // 2), 0, 180, fill=colour)
    pen.ellipse((x, y - size // 8, x + size, y + size // 8), fill=_shade(colour, 0.8))
    for _ in range(16):
        at = x + draw.randint(size // 8, size * 7 // 8)
        food = draw.choice(_THINGS)
        pen.ellipse((at - 16, y - 26, at + 18, y + 8), fill=food)


def _board(pen: ImageDraw.ImageDraw, draw: random.Random, x: int, y: int, size: int) -> None:
    wood = draw.choice(((190, 146, 92), (164, 120, 78), (220, 226, 220)))
    lean = draw.randint(10, 90)
    pen.polygon(
        ((x, y), (x + lean, y - 90), (x + lean + size * 2, y - 90), (x + size * 2, y)), wood
    )
    for cut in range(x + 40, x + size * 2 - 30, 34):
        pen.line((cut, y - 10, cut + lean // 2, y - 70), fill=_shade(wood, 0.75), width=2)
    meat = draw.choice(((170, 54, 48), (226, 150, 140), (90, 140, 60)))
    for _ in range(7):
        at = x + draw.randint(30, size * 2 - 40)
        pen.ellipse((at, y - 74, at + draw.randint(40, 90), y - 26), fill=_shade(meat, 0.9))


def _bottles(pen: ImageDraw.ImageDraw, draw: random.Random, x: int, y: int, size: int) -> None:
    for number in range(draw.randint(2, 5)):
        colour, left = draw.choice(_THINGS), x + number * (size // 3 + 8)
        _box(pen, (left, y - size, left + size // 4, y), fill=colour)
        _box(pen, (left + size // 12, y - size - size // 3, left + size // 6, y - size), colour)
        _box(pen, (left, y - size * 2 // 3, left + size // 4, y - size // 3), (240, 232, 210))


def _crates(pen: ImageDraw.ImageDraw, draw: random.Random, x: int, y: int, size: int) -> None:
    for level in range(draw.randint(1, 4)):
        colour, top = draw.choice(_THINGS), y - (level + 1) * size // 2
        _box(pen, (x, top, x + size, top + size // 2 - 6), fill=colour)
        for bar in range(x + 16, x + size - 10, 44):
            _box(pen, (bar, top + 12, bar + 22, top + size // 2 - 14), fill=_shade(colour, 0.5))


def _bin(pen: ImageDraw.ImageDraw, draw: random.Random, x: int, y: int, size: int) -> None:
    colour = draw.choice(((40, 70, 52), (52, 54, 60), (70, 92, 120), (28, 28, 30)))
    pen.polygon(
        ((x, y - size), (x + size, y - size), (x + size * 7 // 8, y), (x + size // 8, y)), colour
    )
    for _ in range(26):
        at, high = x + draw.randint(0, size - 40), y - size - draw.randint(-30, size // 3)
        pen.ellipse((at, high, at + draw.randint(30, 110), high + 60), fill=draw.choice(_THINGS))


def _sacks(pen: ImageDraw.ImageDraw, draw: random.Random, x: int, y: int, size: int) -> None:
    for number in range(draw.randint(1, 3)):
        colour = draw.choice(((226, 220, 206), (200, 176, 130), (170, 186, 200)))
        left = x + number * size * 2 // 3
        pen.rounded_rectangle((left, y - size, left + size * 3 // 4, y), size // 7, fill=colour)
        label = draw.choice(_THINGS)
        _box(pen, (left + 40, y - size * 2 // 3, left + size // 2, y - size // 3), fill=label)


def _stains(pen: ImageDraw.ImageDraw, draw: random.Random) -> None:
    for _ in range(draw.randint(40, 160)):
        x, y, size = draw.randint(0, WIDTH), draw.randint(0, HEIGHT), draw.randint(2, 15)
        colour = draw.choice(((70, 48, 26), (40, 34, 30), (120, 84, 40)))
        pen.ellipse((x, y, x + size, y + size * 2 // 3), fill=colour)


_ON_WALLS: tuple[Callable[[ImageDraw.ImageDraw, random.Random, int], None], ...] = (
    _window, _hood, _fridge, _shelf,
)  # fmt: skip
_Thing = Callable[[ImageDraw.ImageDraw, random.Random, int, int, int], None]
_ON_COUNTERS: tuple[_Thing, ...] = (_pot, _bowl, _board, _bottles, _crates)
_ON_FLOORS: tuple[_Thing, ...] = (_crates, _bin, _sacks, _pot)


def _lit(picture: Image.Image, seed: int) -> Image.Image:
    """Add a lamp's uneven light, the lens's dark corners and the sensor's noise."""
    dice = np.random.default_rng(seed)
    coarse = Image.fromarray(dice.uniform(0.45, 1.3, (4, 5)).astype(np.float32))
    light = np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))
    tint = dice.uniform(0.9, 1.08, 3).astype(np.float32)
    grain = np.roll(_noise(), tuple(dice.integers(0, 1000, 2)), axis=(0, 1))
    values = np.asarray(picture, dtype=np.float32) * (light * _vignette())[:, :, None] * tint
    values += grain[:, :, None]
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


@cache
def _noise() -> NDArray[np.float32]:
    return np.random.default_rng(1).normal(0, 5, (HEIGHT, WIDTH)).astype(np.float32)


@cache
def _vignette() -> NDArray[np.float32]:
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    return np.asarray(1.05 - 0.28 * (x**2 + y**2) / 2, dtype=np.float32)

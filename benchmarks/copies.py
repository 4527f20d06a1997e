"""The 33 ways in which a photo comes back: what messengers, riders and cheats do to a picture.

Each kind is a function of a picture and a random generator, so that one seed makes the same
copies again. Pictures are RGB arrays, rows first.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
SCREEN = 1080, 2340
MESSENGER_EDGE, MESSENGER_QUALITY = 1280, 70
FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True)
class Source:
    """The photo to copy, other photos to stand beside it, and the dice."""

    photo: Pixels
    others: Sequence[Pixels]
    dice: Generator


def recompressed(pixels: Pixels, quality: int) -> Pixels:
    """Return what a JPEG of this quality shows."""
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)


def resized(pixels: Pixels, share: float) -> Pixels:
    height, width = pixels.shape[:2]
    size = max(16, round(width * share)), max(16, round(height * share))
    way = cv2.INTER_AREA if share < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=way), dtype=np.uint8)


def messenger(pixels: Pixels) -> Pixels:
    """Return a picture as a messenger passes it on: at most 1,280 pixels, quality 70."""
    share = min(1.0, MESSENGER_EDGE / max(pixels.shape[:2]))
    return recompressed(resized(pixels, share) if share < 1 else pixels, MESSENGER_QUALITY)


def cropped(source: Source, share: float) -> Pixels:
    """Cut `share` off both edges, somewhere: half of both leaves a quarter of the area."""
    height, width = source.photo.shape[:2]
    kept_h, kept_w = round(height * (1 - share)), round(width * (1 - share))
    top = int(source.dice.integers(0, height - kept_h + 1))
    left = int(source.dice.integers(0, width - kept_w + 1))
    return source.photo[top : top + kept_h, left : left + kept_w]


def rotated(pixels: Pixels, degrees: float) -> Pixels:
    """Turn by a few degrees and cut to what has no empty corners."""
    height, width = pixels.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    turned = cv2.warpAffine(pixels, turn, (width, height), flags=cv2.INTER_LINEAR)
    sine, cosine = abs(math.sin(math.radians(degrees))), math.cos(math.radians(degrees))
    share = 1 / (cosine + sine * max(height / width, width / height))
    kept_h, kept_w = round(height * share), round(width * share)
    top, left = (height - kept_h) // 2, (width - kept_w) // 2
    return np.asarray(turned[top : top + kept_h, left : left + kept_w], dtype=np.uint8)


def text(source: Source) -> Pixels:
    """Write three lines as a camera with time and place does."""
    made = source.photo.copy()
    height, width = made.shape[:2]
    size = width / 640
    for line, words in enumerate(
        ("2026-11-22 12:31:07", "Shenhe District 41.79 N", "Takeaway 24 h")
    ):
        place = round(0.04 * width), round(height * (0.78 + 0.07 * line))
        for colour, thick in (((0, 0, 0), 5), ((255, 255, 255), 2)):
            cv2.putText(made, words, place, FONT, size, colour, max(1, round(thick * size)))
    return made


def panel(source: Source) -> Pixels:
    """Cover the lowest fifth with a panel of text, as attendance cameras do."""
    made = source.photo.copy()
    height, width = made.shape[:2]
    top = round(height * 0.8)
    made[top:] = source.dice.integers(190, 256, 3, dtype=np.uint8)
    for line in range(2):
        place = round(0.05 * width), round(top + height * 0.08 * (line + 1))
        cv2.putText(made, "Inspection 11-22  No. 40417", place, FONT, width / 700, (40, 40, 40), 2)
    return made


def diagonal_mark(source: Source) -> Pixels:
    """Lay a half-transparent mark over the whole picture again and again, slanting."""
    height, width = source.photo.shape[:2]
    edge = round(1.5 * max(height, width))
    layer = np.zeros((edge, edge), np.uint8)
    step = max(24, edge // 8)
    for row in range(step, edge, step):
        for column in range(-(row % (2 * step)), edge, 3 * step):
            cv2.putText(layer, "SAMPLE", (column, row), FONT, edge / 900, 255, max(1, edge // 500))
    turn = cv2.getRotationMatrix2D((edge / 2, edge / 2), 30, 1.0)
    layer = cv2.warpAffine(layer, turn, (edge, edge))
    top, left = (edge - height) // 2, (edge - width) // 2
    weight = layer[top : top + height, left : left + width, None].astype(np.float32) / 255 * 0.45
    return _bytes(source.photo * (1 - weight) + 255 * weight)


def _screen(colour: int) -> Pixels:
    """Return an empty phone screen with clock and battery."""
    width, height = SCREEN
    made = np.full((height, width, 3), colour, np.uint8)
    ink = (240, 240, 240) if colour < 128 else (30, 30, 30)
    cv2.putText(made, "12:31", (60, 70), FONT, 1.4, ink, 3)
    cv2.rectangle(made, (width - 130, 40), (width - 60, 74), ink, -1)
    cv2.rectangle(made, (width // 2 - 150, height - 30), (width // 2 + 150, height - 20), ink, -1)
    return made


def _laid(screen: Pixels, photo: Pixels, left: int, top: int, width: int, most: int) -> int:
    """Lay a photo on a screen at this width and no higher than `most`; return its height."""
    share = min(width / photo.shape[1], most / photo.shape[0])
    small = resized(photo, share)[:most, :width]
    screen[top : top + small.shape[0], left : left + small.shape[1]] = small
    return small.shape[0]


def screenshot_plain(source: Source) -> Pixels:
    """Show the photo on a phone's whole width with bars above and below."""
    screen = _screen(0)
    width, height = SCREEN
    share = min(width / source.photo.shape[1], (height - 400) / source.photo.shape[0])
    small = resized(source.photo, share)
    top, left = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    screen[top : top + small.shape[0], left : left + small.shape[1]] = small
    return screen


def screenshot_white(source: Source) -> Pixels:
    """Show the photo on a white page with a heading and lines of text."""
    screen = _screen(255)
    width, height = SCREEN
    cv2.putText(screen, "Hygiene of the kitchens", (60, 220), FONT, 1.8, (20, 20, 20), 4)
    used = _laid(screen, source.photo, 60, 320, width - 120, height - 900)
    for line in range(4):
        place = 60, 320 + used + 90 + 70 * line
        cv2.putText(screen, "was photographed by a rider today", place, FONT, 1.2, (60, 60, 60), 2)
    return screen


def screenshot_chat(source: Source) -> Pixels:
    """Show the photo as one of the messages of a conversation, at half the screen's width."""
    screen = _screen(237)
    width, height = SCREEN
    top = 180
    lines = ("have a look at this", "which shop is that?", "the one at the corner, again")
    for number, words in enumerate(lines[: 1 + int(source.dice.integers(0, 3))]):
        cv2.rectangle(screen, (40, top), (130, top + 90), (180, 160 + 20 * number, 120), -1)
        cv2.rectangle(screen, (160, top), (160 + 22 * len(words), top + 90), (255, 255, 255), -1)
        cv2.putText(screen, words, (185, top + 58), FONT, 1.1, (25, 25, 25), 2)
        top += 140
    cv2.rectangle(screen, (40, top), (130, top + 90), (90, 120, 190), -1)
    top += _laid(screen, source.photo, 160, top, round(width * 0.5), height - top - 500) + 50
    cv2.rectangle(screen, (width - 620, top), (width - 160, top + 90), (120, 236, 149), -1)
    cv2.putText(screen, "I'll report it", (width - 590, top + 58), FONT, 1.1, (25, 25, 25), 2)
    cv2.rectangle(screen, (0, height - 170), (width, height - 60), (247, 247, 247), -1)
    return screen


def bordered(source: Source, colour: int, share: float) -> Pixels:
    edge = round(max(source.photo.shape[:2]) * share)
    made = cv2.copyMakeBorder(
        source.photo, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=(colour,) * 3
    )
    return np.asarray(made, dtype=np.uint8)


def collage(source: Source) -> Pixels:
    """Put the photo in one of four panes, cut to the pane's form, three others beside it."""
    panes, gap = 540, 8
    made = np.full((2 * panes + 3 * gap, 2 * panes + 3 * gap, 3), 255, np.uint8)
    pictures = [source.photo, *source.others[:3]]
    for place, which in enumerate(source.dice.permutation(len(pictures))):
        pane = _square(pictures[which], panes)
        top = gap + (place // 2) * (panes + gap)
        left = gap + (place % 2) * (panes + gap)
        made[top : top + panes, left : left + panes] = pane
    return made


def _square(pixels: Pixels, edge: int) -> Pixels:
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    cut = pixels[top : top + side, left : left + side]
    return np.asarray(cv2.resize(cut, (edge, edge), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def rephotographed(source: Source) -> Pixels:
    """Photograph the photo on a screen: its grid, slanting, a bezel, glare, blur and noise."""
    dice = source.dice
    photo = resized(source.photo, 900 / max(source.photo.shape[:2]))
    shown = _through_a_grid(photo, float(dice.uniform(2.6, 3.4)))
    shown = np.asarray(
        cv2.copyMakeBorder(shown, 26, 26, 26, 26, cv2.BORDER_CONSTANT, value=(18, 18, 18)),
        dtype=np.uint8,
    )
    height, width = shown.shape[:2]
    room_h, room_w = round(height * 1.12), round(width * 1.12)
    corners = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
    slant = dice.uniform(-0.035, 0.035, (4, 2)) * max(width, height)
    there = corners + np.float32([(room_w - width) / 2, (room_h - height) / 2]) + slant
    warp = cv2.getPerspectiveTransform(corners, np.float32(there))
    table = np.full((room_h, room_w, 3), dice.integers(60, 180, 3), np.uint8)
    seen = cv2.warpPerspective(shown, warp, (room_w, room_h), flags=cv2.INTER_AREA)
    inside = cv2.warpPerspective(np.full((height, width), 255, np.uint8), warp, (room_w, room_h))
    seen = np.where(inside[..., None] > 127, seen, table).astype(np.float32)
    seen = cv2.GaussianBlur(seen, (0, 0), 0.8)
    across = np.linspace(float(dice.uniform(0.8, 0.95)), 1.1, room_w, dtype=np.float32)
    seen = seen * across[None, :, None] + dice.normal(0, 4, seen.shape)
    return messenger(_bytes(seen))


def _through_a_grid(photo: Pixels, period: float) -> Pixels:
    """Show a picture through the columns and rows of a screen that the sensor nearly resolves."""
    height, width = photo.shape[:2]
    rows, columns = np.arange(height), np.arange(width)
    grid = np.ones((height, width, 3), np.float32)
    for channel in range(3):
        phase = 2 * np.pi * channel / 3
        grid[:, :, channel] += 0.10 * np.sin(2 * np.pi * columns / period + phase)
    grid += (0.06 * np.sin(2 * np.pi * rows / (period * 1.07)))[:, None, None]
    return _bytes(photo * grid)


def toned(pixels: Pixels, gain: float, lift: float) -> Pixels:
    """Multiply about the middle grey and lift: contrast and brightness as editors change them."""
    return _bytes((pixels.astype(np.float32) - 128) * gain + 128 + lift)


def _bytes(values: NDArray[np.floating]) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _crop_text_messenger(source: Source) -> Pixels:
    cut = Source(cropped(source, 0.1), source.others, source.dice)
    return messenger(text(cut))


def _mirror_crop_messenger(source: Source) -> Pixels:
    return messenger(cropped(source, 0.1)[:, ::-1].copy())


KINDS: dict[str, Callable[[Source], Pixels]] = {
    "recompressed q50": lambda one: recompressed(one.photo, 50),
    "recompressed q30": lambda one: recompressed(one.photo, 30),
    "recompressed q10": lambda one: recompressed(one.photo, 10),
    "messenger ×1": lambda one: messenger(one.photo),
    "messenger ×2": lambda one: messenger(messenger(one.photo)),
    "resized 75 %": lambda one: resized(one.photo, 0.75),
    "resized 50 %": lambda one: resized(one.photo, 0.5),
    "resized 25 %": lambda one: resized(one.photo, 0.25),
    "crop 5 %": lambda one: cropped(one, 0.05),
    "crop 10 %": lambda one: cropped(one, 0.10),
    "crop 20 %": lambda one: cropped(one, 0.20),
    "crop 30 %": lambda one: cropped(one, 0.30),
    "crop 50 %": lambda one: cropped(one, 0.50),
    "rotation 5°": lambda one: rotated(one.photo, 5),
    "rotation 90°": lambda one: np.rot90(one.photo).copy(),
    "rotation 180°": lambda one: one.photo[::-1, ::-1].copy(),
    "mirrored": lambda one: one.photo[:, ::-1].copy(),
    "text": text,
    "panel": panel,
    "diagonal mark": diagonal_mark,
    "screenshot plain": screenshot_plain,
    "screenshot in white": screenshot_white,
    "screenshot in a chat": screenshot_chat,
    "border black": lambda one: bordered(one, 0, 0.08),
    "border white": lambda one: bordered(one, 255, 0.12),
    "collage": collage,
    "re-photograph": rephotographed,
    "brighter": lambda one: toned(one.photo, 1.0, 40),
    "darker": lambda one: toned(one.photo, 1.0, -40),
    "more contrast": lambda one: toned(one.photo, 1.4, 0),
    "less contrast": lambda one: toned(one.photo, 0.6, 0),
    "crop 10 % + text + messenger": _crop_text_messenger,
    "mirrored + crop 10 % + messenger": _mirror_crop_messenger,
}

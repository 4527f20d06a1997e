"""Takes one picture of a page, of the same sizes and few colours as all others."""

import io
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Page

TARGET = Path(__file__).resolve().parents[1] / "docs" / "screenshots"
SIZES = {"desktop": (1366, 900), "phone": (390, 844)}
LANGUAGES = {"zh": "zh-CN", "en": "en"}
# Riders' phones tell the time of the demo's city.
TIME_ZONE = "Asia/Shanghai"
# On the smallest phone that riders carry, by day and by night.
RIDERS_PHONE = {"width": 360, "height": 740}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
COLOURS = 128


def take(page: Page, name: str) -> None:
    """Write what the page shows as a PNG of few colours, the same to the eye."""
    page.wait_for_load_state("networkidle")
    keep(page.screenshot(), name)


def keep(png: bytes, name: str) -> None:
    """Write a picture as a PNG of few colours."""
    picture = Image.open(io.BytesIO(png))
    small = picture.convert("RGB").quantize(COLOURS, method=Image.Quantize.MEDIANCUT)
    small.save(TARGET / f"{name}.png", optimize=True)

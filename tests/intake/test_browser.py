"""The rider's plain pages in a real browser: without JavaScript, and for a screen reader."""

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser
from sqlalchemy import select

from schemas.database import Database
from schemas.settings import Settings
from schemas.tables import Report

pytestmark = pytest.mark.browser


@pytest.fixture
def dialect() -> str:
    """What is asked here does not depend on the database."""
    return "sqlite"


@pytest.fixture
def address(serve: Callable[[Settings], str], door_settings: Settings) -> str:
    """A served door."""
    return serve(door_settings)


@pytest.fixture
def pictures(tmp_path: Path, jpeg: Callable[..., bytes]) -> list[Path]:
    """Three photos of the phone's album."""
    paths = [tmp_path / f"{seed}.jpg" for seed in range(3)]
    for seed, path in enumerate(paths):
        path.write_bytes(jpeg(seed))
    return paths


def test_without_javascript_a_tip_is_sent_with_an_address(
    address: str, browser: Browser, pictures: list[Path], database: Database
) -> None:
    context = browser.new_context(locale="zh-CN", java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    page.set_input_files("#album", pictures)
    page.get_by_label("过期食品").check(force=True)
    page.get_by_label("地址", exact=True).fill("青年大街 1 号")
    page.get_by_role("button", name="发送").click()
    page.get_by_text("已收到，谢谢您。").wait_for()
    context.close()
    with database.reading() as session:
        assert session.scalars(select(Report)).one().premises_address == "青年大街 1 号"


SMALL = """() => [...document.querySelectorAll("a, button, summary, input[type=text]")]
    .filter((item) => item.offsetParent && item.getBoundingClientRect().height < 48)
    .map((item) => item.outerHTML)"""
TINY = """() => [...document.querySelectorAll("body *")]
    .filter((item) => item.textContent.trim() && item.offsetParent
        && parseFloat(getComputedStyle(item).fontSize) < 16.99)
    .map((item) => item.outerHTML)"""


def test_the_pages_can_be_used_by_everybody(address: str, browser: Browser) -> None:
    strict = {"rules": {"color-contrast-enhanced": {"enabled": True}}}
    for scheme in ("light", "dark"):
        context = browser.new_context(
            viewport={"width": 390, "height": 844},
            color_scheme="dark" if scheme == "dark" else "light",
            java_script_enabled=True,
        )
        page = context.new_page()
        for path in ("/", "/status", "/nothing"):
            page.goto(address + path)
            results = Axe().run(page, options=strict)
            assert results.violations_count == 0, results.generate_report()
            # One hand and gloves: nothing under 48 px to hit, no type under 17 px to read.
            assert page.evaluate(SMALL) == []
            assert page.evaluate(TINY) == []
        context.close()

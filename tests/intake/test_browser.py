"""The rider's plain pages in a real browser: without JavaScript, and for a screen reader."""

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser
from sqlalchemy import select

from intake.identity.invitations import make_invitation
from intake.identity.sessions import open_session
from intake.identity.stations import add_station
from intake.riders.registering import RiderProfile, add_rider
from schemas.database import Database, now_utc
from schemas.sealing import Sealer
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


SMALL = """() => [...document.querySelectorAll(
        "a, button, summary, input[type=text], input[type=tel], input[type=password]")]
    .filter((item) => item.offsetParent && item.getBoundingClientRect().height < 48)
    .map((item) => item.outerHTML)"""
TINY = """() => [...document.querySelectorAll("body *")]
    .filter((item) => item.textContent.trim() && item.offsetParent
        && parseFloat(getComputedStyle(item).fontSize) < 16.99)
    .map((item) => item.outerHTML)"""


@pytest.fixture
def known(database: Database, settings: Settings) -> dict[str, str]:
    """The cookies of a rider's browser that is a station's terminal, too."""
    with database.writing() as session:
        profile = RiderProfile("李小四", "13800001111", "美团", "沈河站")
        rider = add_rider(session, sealer=Sealer(settings), profile=profile, is_supervisor=True)
        for device in ("Chrome · Android", "WeChat · Android"):
            mine = open_session(session, rider_id=rider.id, device=device, now=now_utc())
        _, terminal = add_station(session, name="中街站", place="中街路 1 号", now=now_utc())
        _, join = make_invitation(
            session, platform="美团", station="沈河站", days=1, riders=9, now=now_utc()
        )
    return {"rider_session": mine, "station_terminal": terminal, "join": join}


OVERFLOWS = "() => document.documentElement.scrollWidth > innerWidth"


def test_the_pages_can_be_used_by_everybody(
    address: str, browser: Browser, known: dict[str, str]
) -> None:
    strict = {"rules": {"color-contrast-enhanced": {"enabled": True}}}
    for scheme in ("light", "dark"):
        context = browser.new_context(
            viewport={"width": 360, "height": 740},
            color_scheme="dark" if scheme == "dark" else "light",
            java_script_enabled=True,
        )
        page = context.new_page()
        own = {
            "light": ("/me", "/me/leave", "/me/honour", "/station"),
            "dark": ("/me", "/me/code", "/station/token", f"/join/{known['join']}"),
        }
        for path in ("/", "/status", "/honours", "/nothing", "/sign-in", *own[scheme]):
            if path.startswith(("/me", "/station")):
                names = ("rider_session", "station_terminal")
                context.add_cookies(
                    [{"name": name, "value": known[name], "url": address} for name in names]
                )
            page.goto(address + path)
            # The app hides the plain form until it has drawn itself.
            page.locator("h1:visible").first.wait_for()
            assert page.evaluate(OVERFLOWS) is False, path
            results = Axe().run(page, options=strict)
            assert results.violations_count == 0, results.generate_report()
            # One hand and gloves: nothing under 48 px to hit, no type under 17 px to read.
            assert page.evaluate(SMALL) == []
            assert page.evaluate(TINY) == []
        context.close()

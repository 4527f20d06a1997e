"""The rider's app on a phone: a real Chromium, a real door, a real queue, real photos.

One browser serves all of it, and one door with one database each file of tests. No test
measures time: those figures stand in the benchmarks.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from sqlalchemy import select

from intake.identity.entrance import COOKIE
from schemas.database import Database, connect, new_id, now_utc
from schemas.tables import Case, CaseHistory, Claim, Photo, Report, Unit

PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "has_touch": True,
    "is_mobile": True,
    "locale": "zh-CN",
    "geolocation": {"latitude": 41.8, "longitude": 123.43, "accuracy": 12},
    "permissions": ["geolocation"],
}
COUNTS = """
    window.taps = 0;
    window.shakes = 0;
    addEventListener("click", (event) => { if (event.isTrusted) window.taps += 1; }, true);
    navigator.vibrate = () => { window.shakes += 1; return true; };
"""


class Hand:
    """What a rider does with the phone, and what came of it at the server."""

    # Slow 3G as browsers' own tools have it.
    SLOW_3G: ClassVar[dict[str, Any]] = {
        "offline": False,
        "latency": 2000,
        "downloadThroughput": 50_000,
        "uploadThroughput": 50_000,
    }

    def __init__(self, database: Database) -> None:
        self._database = database

    @staticmethod
    def press_shutter(page: Page, *photos: Path, button: str = ".shutter") -> None:
        """Press the shutter as a finger does, and let the camera give these photos."""
        with page.expect_file_chooser() as chosen:
            page.locator(button).tap()
        chosen.value.set_files(list(photos))

    def fill_in(self, page: Page, *photos: Path, category: str = "PEST") -> None:
        """Go from the first screen to the one with the send button."""
        page.locator("#frame .shutter").wait_for()
        agree = page.get_by_role("button", name="同意", exact=True)
        if agree.count():
            agree.tap()
        button = ".shutter" if len(photos) == 1 else ".shutters .album"
        self.press_shutter(page, *photos, button=button)
        page.locator(f"[data-code={category}]").tap()
        page.get_by_role("button", name="发送").wait_for()

    @staticmethod
    def number_of(page: Page) -> str:
        """Wait for the receipt and return its number."""
        number = page.locator("#number")
        number.wait_for()
        return number.text_content() or ""

    def rows_of(self, number: str) -> tuple[Report, list[Photo], dict[str, Claim]]:
        with self._database.reading() as session:
            report = session.scalars(select(Report).where(Report.number == number)).one()
            photos = session.scalars(
                select(Photo).where(Photo.report_id == report.id).order_by(Photo.position)
            ).all()
            claims = session.scalars(select(Claim).where(Claim.report_id == report.id)).all()
        return report, list(photos), {claim.source: claim for claim in claims}

    def say_online(self, page: Page) -> None:
        """Let the app hear of a network, so that no test waits for the time agreed with itself."""
        page.evaluate("dispatchEvent(new Event('online'))")

    def publish_penalty(
        self, name: str, latitude: float, longitude: float, state: str = "penalised"
    ) -> None:
        """Put a case whose officer entered a published name, as casework would."""
        record = {
            "published_on": "2026-11-02",
            "published_name": name,
            "penalty_kinds": ["suspension"],
        }
        with self._database.writing() as session:
            unit_id = session.scalars(select(Unit.id)).first()
            case = Case(
                number=f"AJ20261102-{uuid.uuid4().hex[:6].upper()}-X",
                incident_id=new_id(),
                department="market",
                unit_id=unit_id,
                state=state,
                categories=["PEST"],
                severity=4,
                latitude=latitude,
                longitude=longitude,
                received_at=now_utc(),
                due_on=now_utc().date(),
            )
            session.add(case)
            session.flush()
            session.add(
                CaseHistory(
                    case_id=case.id, version=1, to_state=state, unit_id=unit_id, record=record
                )
            )

    @staticmethod
    def sums(*photos: Path) -> list[str]:
        return [hashlib.sha256(path.read_bytes()).hexdigest() for path in photos]

    def reports(self) -> int:
        with self._database.reading() as session:
            return len(session.scalars(select(Report.id)).all())

    @staticmethod
    def sign_in(phone: BrowserContext, address: str, cookie: str) -> None:
        phone.clear_cookies()
        phone.add_cookies([{"name": COOKIE, "value": cookie, "url": address, "httpOnly": True}])

    @staticmethod
    def kept_blobs(page: Page) -> int:
        count: int = page.evaluate(
            """() => new Promise((resolve) => {
                indexedDB.open("suishoupai").onsuccess = (event) => {
                    const counting = event.target.result
                        .transaction("blobs").objectStore("blobs").count();
                    counting.onsuccess = () => resolve(counting.result);
                };
            })"""
        )
        return count


@pytest.fixture(scope="module")
def database(lasting_door: Any) -> Iterator[Database]:
    """The database of the door that all tests here share."""
    made = connect(lasting_door.settings)
    yield made
    made.close()


@pytest.fixture
def hand(database: Database) -> Hand:
    """A rider's hand."""
    return Hand(database)


@pytest.fixture
def open_phone(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Return a function that hands out a phone; keywords change what it is like."""
    opened: list[BrowserContext] = []

    def open_one(**changes: Any) -> BrowserContext:
        context = browser.new_context(**(PHONE | changes))
        context.add_init_script(COUNTS)
        opened.append(context)
        return context

    yield open_one
    for context in opened:
        context.close()


@pytest.fixture
def photo(tmp_path: Path, jpeg: Callable[..., bytes]) -> Callable[..., Path]:
    """Return a function that makes a photo in the camera's folder."""

    def make(seed: int, size: tuple[int, int] = (64, 48)) -> Path:
        path = tmp_path / f"{seed}.jpg"
        path.write_bytes(jpeg(seed, size=size))
        return path

    return make

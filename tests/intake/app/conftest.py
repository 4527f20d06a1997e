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
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page
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


class Background:
    """The app's service worker, reached by the browser's own tools."""

    # One that is still being activated is ready, too, and may miss what is pushed.
    ACTIVATED = """async () => {
        const { active } = await navigator.serviceWorker.ready;
        return active.state === "activated";
    }"""
    NOTICE_SHOWN = """async () => {
        const [notice] = await (await navigator.serviceWorker.ready).getNotifications();
        if (!notice) return null;
        const { title, body, tag, data } = notice;
        return { title, body, tag, data };
    }"""

    @staticmethod
    def wait_for(page: Page, ask: str, *, at_most_ms: int = 30_000) -> Any:
        """Ask the page until there is an answer, None where there is none in time.

        Playwright's own waiting takes a promise for one.
        """
        return page.evaluate(
            f"""async () => {{
                const ask = {ask};
                for (const began = Date.now(); Date.now() - began < {at_most_ms};) {{
                    const found = await ask();
                    if (found) return found;
                    await new Promise(requestAnimationFrame);
                }}
                return null;
            }}"""
        )

    def sync(self, page: Page) -> None:
        """Let the browser say that there is a signal again."""
        tools, worker = self._reach(page)
        tools.send(
            "ServiceWorker.dispatchSyncEvent", {**worker, "tag": "outbox", "lastChance": False}
        )

    def push(self, page: Page, data: str) -> dict[str, Any] | None:
        """Hand over a message as a push service would; return the notice that is shown."""
        tools, worker = self._reach(page)
        for _ in range(6):
            # A push service sends again what no worker has taken: one that was just being started
            # for something else may miss what the browser's tools hand it.
            tools.send("ServiceWorker.deliverPushMessage", {**worker, "data": data})
            if shown := self.wait_for(page, self.NOTICE_SHOWN, at_most_ms=10_000):
                return dict(shown)
        return None

    def _reach(self, page: Page) -> tuple[CDPSession, dict[str, str]]:
        tools: CDPSession = page.context.new_cdp_session(page)
        found: list[str] = []
        tools.on(
            "ServiceWorker.workerRegistrationUpdated",
            lambda event: found.extend(
                each["registrationId"] for each in event["registrations"] if not each["isDeleted"]
            ),
        )
        tools.send("ServiceWorker.enable")
        assert self.wait_for(page, self.ACTIVATED)
        return tools, {"origin": page.evaluate("location.origin"), "registrationId": found[-1]}


@pytest.fixture
def background() -> Background:
    """The app's service worker."""
    return Background()


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

"""A small world of units, people, reports and cases for the inspectors' room."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from argon2 import PasswordHasher
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import BrowserContext, Page
from werkzeug.serving import make_server

from intake.photos import make_store
from review_ui.access import passwords
from review_ui.access.entrance import COOKIE
from review_ui.access.sessions import open_session
from review_ui.access.staff import SignedIn
from review_ui.app import create_app
from review_ui.room import WEB
from schemas.access import Role
from schemas.database import Database, now_utc
from schemas.settings import Settings
from schemas.workdays import local_date
from tests.review_ui.cases import PASSWORD, SHENHE
from tests.review_ui.world import World


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hash passwords by argon2id as ever, with parameters that cost a thousand tests nothing."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", lambda: quick)
        yield


# Made as late as the tests themselves: a record's days are compared with the receipt.
_TODAY = local_date(now_utc()).isoformat()
# One right value for every field that a step may record, but for ids and numbers of cases.
RECORD: dict[str, Any] = {
    "note": "现场已拍照。",
    "reason": "理由充分",
    "reason_code": "not-food-safety",
    "receiving_department": "沈河区城市管理局",
    "document_number": "沈河市监移〔2026〕3号",
    "notice_date": _TODAY,
    "visited_on": _TODAY,
    "visit_place": "热闹路 12 号",
    "findings": "后厨有鼠迹，现场拍照取证。",
    "actual_address": "热闹路 12 号",
    "shop_credit_code": "91210103MA0000001U",
    "licence_number": "JY22101030000001",
    "order_number": "沈河市监责改〔2026〕8号",
    "rectify_by": "2099-01-01",
    "reinspection_result": "corrected",
    "approval_number": "沈河市监立〔2026〕9号",
    "filing_ground": "违反食品安全法第三十三条",
    "decision_number": "沈河市监处罚〔2026〕12号",
    "decided_on": _TODAY,
    "law_article": "《食品安全法》第 126 条",
    "penalty_kinds": ["warning", "fine"],
    "fine_fen": 500000,
    "confiscation_fen": 0,
    "published_on": _TODAY,
    "ordered_on": _TODAY,
    "designation_number": "沈河市监指〔2026〕4号",
    "disputing_units": "沈河区、浑南区市场监督管理局",
    "dispute_since": _TODAY,
    "pause_kind": "testing",
    "pause_from": _TODAY,
    "pause_to": _TODAY,
    "split_categories": ["FIRE_SAFETY"],
}


@pytest.fixture
def record() -> dict[str, Any]:
    """One right value for every field."""
    return dict(RECORD)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings of a room that has what an operator may switch on."""
    return settings.model_copy(update={"statutory_rewards": True})


@pytest.fixture
def world(database: Database, settings: Settings) -> World:
    """An empty product with units."""
    return World(database, settings, make_store(settings))


@pytest.fixture(scope="session")
def _catalogue() -> None:
    """Compile the English catalogue, as `make` does before the product runs."""
    folder = WEB / "translations" / "en" / "LC_MESSAGES"
    with (folder / "messages.po").open("rb") as source:
        catalogue = read_po(source, locale="en")
    with (folder / "messages.mo").open("wb") as target:
        write_mo(target, catalogue)


@pytest.fixture
def app(settings: Settings, database: Database, _catalogue: None) -> Iterator[Flask]:
    """The inspectors' room over the test's database."""
    made = create_app(settings)
    yield made
    made.extensions["room"].database.close()


@pytest.fixture
def visitor(app: Flask) -> FlaskClient:
    """A browser in which nobody is signed in."""
    client = app.test_client()
    client.environ_base["HTTP_ACCEPT"] = "text/html,application/xhtml+xml"
    return client


Browse = Callable[[SignedIn], FlaskClient]


@pytest.fixture
def browse(app: Flask, world: World) -> Browse:
    """Return a client in which somebody is signed in."""

    def sign_in(person: SignedIn) -> FlaskClient:
        with world.database.writing() as session:
            token = open_session(session, staff_id=person.staff_id, now=datetime.now(UTC))
        client = app.test_client()
        client.environ_base["HTTP_ACCEPT"] = "text/html,application/xhtml+xml"
        client.set_cookie(COOKIE, token)
        return client

    return sign_in


@pytest.fixture
def person_of(world: World) -> Callable[[], SignedIn]:
    """Return somebody who inspects in Shenhe."""
    return lambda: world.person("anna", (Role.INSPECTOR, SHENHE))


@pytest.fixture
def browse_at(
    world: World, _catalogue: None
) -> Iterator[Callable[[Settings, SignedIn], tuple[FlaskClient, Flask]]]:
    """Return a client signed in to a room with settings of its own."""
    made: list[Flask] = []

    def sign_in(settings: Settings, person: SignedIn) -> tuple[FlaskClient, Flask]:
        made.append(create_app(settings))
        with world.database.writing() as session:
            token = open_session(session, staff_id=person.staff_id, now=datetime.now(UTC))
        client = made[-1].test_client()
        client.environ_base["HTTP_ACCEPT"] = "text/html,application/xhtml+xml"
        client.set_cookie(COOKIE, token)
        return client, made[-1]

    yield sign_in
    for app in made:
        app.extensions["room"].database.close()


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """The address of the room on the loopback."""
    assert (WEB / "static/dist/manifest.json").exists(), "the front end is not bundled"
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


Enter = Callable[..., Page]


@pytest.fixture
def enter(browser, address) -> Iterator[Enter]:
    """Return a function that opens a page, signed in as somebody if a name is given."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def open_page(
        name: str | None = None, *, size=(1366, 768), locale="zh", javascript=True
    ) -> Page:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            base_url=address,
            java_script_enabled=javascript,
        )
        contexts.append(context)
        context.add_cookies([{"name": "locale", "value": locale, "url": address}])
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "console",
            lambda said: faults.append(said.text) if "Content Security" in said.text else None,
        )
        page.goto("/sign-in")
        if name:
            page.fill("#sign_in", name)
            page.fill("#password", PASSWORD)
            with page.expect_navigation():
                page.click("main button")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []

"""Stations on the phone: the nearest first without telling anybody where, and without a network."""

from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from intake.identity.stations import add_station
from schemas.database import now_utc
from schemas.tables import StationProfile, Unit

pytestmark = pytest.mark.browser
# The phone of these tests stands at 41.8, 123.43.
NEAR, FAR = (41.802, 123.431), (41.68, 123.40)


@pytest.fixture(scope="module", autouse=True)
def two_stations(database: Any) -> None:
    """One station some two hundred metres off, one far away, which stands first by area."""
    with database.writing() as session:
        unit_id = session.scalars(select(Unit.id)).first()
        for name, county, (latitude, longitude), services in (
            ("和平站", "210102", FAR, ["rest", "water"]),
            ("中街站", "210103", NEAR, ["rest", "bike"]),
        ):
            station, _ = add_station(session, name=name, place="某街 1 号", now=now_utc())
            session.add(
                StationProfile(
                    station_id=station.id, unit_id=unit_id, county_code=county,
                    latitude=latitude, longitude=longitude, services=services,
                    hours=[["00:00", "00:00"]] * 7,
                )
            )  # fmt: skip


def test_the_list_is_sorted_on_the_phone_and_read_without_a_network(
    lasting_door: Any, open_phone: Any
) -> None:
    phone = open_phone()
    page = phone.new_page()
    asked: list[str] = []
    phone.on("request", lambda request: asked.append(f"{request.url} {request.post_data or ''}"))
    page.goto(f"{lasting_door.address}/#stations")
    names = page.locator(".station > h2, .station > h3")
    # Nobody has agreed yet: by district, as the server gave them.
    expect(names).to_have_text(["和平站", "中街站"])
    expect(page.get_by_text("名单。")).to_be_visible()
    page.get_by_role("button", name="同意", exact=True).tap()
    expect(names).to_have_text(["中街站", "和平站"])
    expect(page.locator(".station").first).to_contain_text("240 米")
    expect(page.locator(".station").first).to_contain_text("全天开放")
    page.get_by_role("button", name="饮水", exact=True).tap()
    expect(names).to_have_text(["和平站"])
    page.get_by_role("button", name="饮水", exact=True).tap()
    page.get_by_role("button", name="看地图").tap()
    expect(page.locator(".leaflet-marker-icon")).to_have_count(2)
    assert any("/api/v1/stations" in each for each in asked)
    assert not any("41.80" in each or "123.43" in each for each in asked)
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    phone.set_offline(True)
    page.reload()
    expect(names).to_have_text(["中街站", "和平站"])
    expect(page.get_by_role("status")).to_contain_text("没有信号，这是 今天")


# The place is found in the moment in which the page has looked for it in vain and reads whether
# its owner has agreed; the server does not answer, so that nothing else draws the list again.
FOUND_TOO_EARLY = """
const get = IDBObjectStore.prototype.get;
let found = null, asked = 0;
navigator.geolocation.watchPosition = (listener) => { found = listener; return 1; };
IDBObjectStore.prototype.get = function (key) {
  if (found && key === "place-consent" && ++asked === 2) {
    const coords = { latitude: 41.8, longitude: 123.43, accuracy: 10, speed: 0 };
    found({ coords, timestamp: Date.now() });
  }
  return get.call(this, key);
};
const ask = window.fetch;
window.fetch = (to, ...rest) =>
  String(to.url ?? to).includes("/stations") ? new Promise(() => {}) : ask(to, ...rest);
"""


def test_a_page_shows_what_changed_while_it_was_being_made(
    lasting_door: Any, open_phone: Any
) -> None:
    page = open_phone().new_page()
    page.goto(f"{lasting_door.address}/#stations")
    page.get_by_role("button", name="同意", exact=True).tap()
    names = page.locator(".station > h2, .station > h3")
    expect(names).to_have_text(["中街站", "和平站"])
    page.add_init_script(FOUND_TOO_EARLY)
    page.reload()
    expect(names).to_have_text(["中街站", "和平站"])

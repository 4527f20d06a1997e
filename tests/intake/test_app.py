"""The rider's app on a phone: a real Chromium, a real door, a real queue, real photos.

One browser, one door and one database serve all of it. No test measures time: those
figures stand in the benchmarks.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from sqlalchemy import select

from intake.identity.entrance import COOKIE
from intake.identity.sessions import end_other_devices, open_session
from intake.riders.registering import RiderProfile, add_rider
from schemas.database import Database, connect, now_utc
from schemas.sealing import Sealer
from schemas.tables import Claim, Photo, Report

pytestmark = pytest.mark.browser

PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "has_touch": True,
    "is_mobile": True,
    "locale": "zh-CN",
    "geolocation": {"latitude": 41.8, "longitude": 123.43, "accuracy": 12},
    "permissions": ["geolocation"],
}
# Slow 3G as browsers' own tools have it.
SLOW_3G = {
    "offline": False,
    "latency": 2000,
    "downloadThroughput": 50_000,
    "uploadThroughput": 50_000,
}
COUNTS = """
    window.taps = 0;
    window.shakes = 0;
    addEventListener("click", (event) => { if (event.isTrusted) window.taps += 1; }, true);
    navigator.vibrate = () => { window.shakes += 1; return true; };
"""


@pytest.fixture(scope="module")
def database(lasting_door: Any) -> Iterator[Database]:
    """The database of the door that all tests here share."""
    made = connect(lasting_door.settings)
    yield made
    made.close()


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


def press_shutter(page: Page, *photos: Path, button: str = ".shutter") -> None:
    """Press the shutter as a finger does, and let the camera give these photos."""
    with page.expect_file_chooser() as chosen:
        page.locator(button).tap()
    chosen.value.set_files(list(photos))


def fill_in(page: Page, *photos: Path, category: str = "PEST") -> None:
    """Go from the first screen to the one with the send button."""
    page.locator("#frame .shutter").wait_for()
    agree = page.get_by_role("button", name="同意", exact=True)
    if agree.count():
        agree.tap()
    button = ".shutter" if len(photos) == 1 else ".shutters .album"
    press_shutter(page, *photos, button=button)
    page.locator(f"[data-code={category}]").tap()
    page.get_by_role("button", name="发送").wait_for()


def number_of(page: Page) -> str:
    """Wait for the receipt and return its number."""
    number = page.locator("#number")
    number.wait_for()
    return number.text_content() or ""


def rows_of(database: Database, number: str) -> tuple[Report, list[Photo], dict[str, Claim]]:
    with database.reading() as session:
        report = session.scalars(select(Report).where(Report.number == number)).one()
        photos = session.scalars(
            select(Photo).where(Photo.report_id == report.id).order_by(Photo.position)
        ).all()
        claims = session.scalars(select(Claim).where(Claim.report_id == report.id)).all()
    return report, list(photos), {claim.source: claim for claim in claims}


def say_online(page: Page) -> None:
    """Let the app hear of a network, so that no test waits for the time agreed with itself."""
    page.evaluate("dispatchEvent(new Event('online'))")


def sums(*photos: Path) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in photos]


def reports(database: Database) -> int:
    with database.reading() as session:
        return len(session.scalars(select(Report.id)).all())


def test_the_plain_case_takes_four_taps_and_is_safe_before_the_network_answers(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], database: Database
) -> None:
    # As in a messenger's web view: without a service worker, which would hide requests.
    page = open_phone(service_workers="block").new_page()
    page.goto(lasting_door.address)
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", SLOW_3G)
    held: list[Route] = []

    def hold(route: Route) -> None:
        # Without an answer of any kind, until the rider has long gone.
        held.append(route)

    page.route("**/api/v1/uploads", hold)
    picture = photo(1)
    fill_in(page, picture)
    page.get_by_role("button", name="发送").tap()
    page.get_by_role("heading", name="已存在这部手机上").wait_for()
    assert page.evaluate("window.taps") <= 4
    assert page.evaluate("window.shakes") == 1
    # The app asked, nobody has answered, and the rider may go.
    expect(page.locator(".ring")).to_be_visible()
    (route,) = held
    route.continue_()
    report, photos, claims = rows_of(database, number_of(page))
    assert report.categories == ["PEST"]
    assert [each.sha256 for each in photos] == sums(picture)
    place = claims["device_gps"]
    assert (place.accuracy_m, place.datum) == (12, "wgs84")
    assert claims["device_clock"].moment is not None


def test_what_is_brushed_over_goes_out_beside_the_untouched_photo(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], database: Database
) -> None:
    page = open_phone(color_scheme="dark").new_page()
    page.goto(lasting_door.address)
    pictures = [photo(71, (800, 600)), photo(72)]
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(pictures[0]) as stored:
        stored.load()
        stored.save(pictures[0], "JPEG", exif=exif)
    fill_in(page, *pictures)
    page.get_by_role("button", name="遮挡第 1 张的局部").tap()
    board = page.locator(".brushing canvas").bounding_box()
    assert board is not None
    # It is brushed as it is seen, which is how the server paints it.
    assert board["height"] / board["width"] == pytest.approx(800 / 600, abs=0.02)

    def brush(*points: tuple[float, float]) -> None:
        at = [
            (board["x"] + x * board["width"], board["y"] + y * board["height"]) for x, y in points
        ]
        page.mouse.move(*at[0])
        page.mouse.down()
        for point in at[1:]:
            page.mouse.move(*point)
        page.mouse.up()

    brush((0.2, 0.25), (0.4, 0.25), (0.6, 0.25))
    brush((0.5, 0.8))
    for name in ("撤销", "好了"):
        box = page.get_by_role("button", name=name).bounding_box()
        assert box is not None
        assert box["height"] >= 48
    assert Axe().run(page).response["violations"] == []
    page.get_by_role("button", name="撤销").tap()
    # The phone's own way back loses nothing.
    page.go_back()
    page.get_by_text("原件没改").wait_for()
    shown = page.locator(".previews canvas")
    look = "(c) => [...c.getContext('2d').getImageData(c.width * %s, c.height * %s, 1, 1).data]"
    assert shown.evaluate(look % (0.4, 0.25)) == [0, 0, 0, 255]
    assert shown.evaluate(look % (0.5, 0.8)) != [0, 0, 0, 255]
    page.get_by_role("button", name="发送").tap()
    _, photos, _ = rows_of(database, number_of(page))
    assert [each.sha256 for each in photos] == sums(*pictures)
    (stroke,) = photos[0].masks or []
    assert stroke["width"] == pytest.approx(0.05)
    flat = [part for point in stroke["points"] for part in point]
    assert flat == pytest.approx([0.2, 0.25, 0.4, 0.25, 0.6, 0.25], abs=0.01)
    assert photos[1].masks is None


def test_a_tip_made_offline_outlives_its_tab_and_is_one_report_with_all_its_photos(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], database: Database
) -> None:
    phone = open_phone()
    page = phone.new_page()
    page.goto(lasting_door.address)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    phone.set_offline(True)
    # The second load comes from the phone itself.
    page.goto(lasting_door.address)
    pictures = [photo(seed) for seed in (21, 22, 23)]
    fill_in(page, *pictures)
    page.get_by_role("button", name="发送（现在没信号，会自动补发）").tap()
    page.get_by_role("heading", name="已存在这部手机上").wait_for()
    before = reports(database)
    page.close()
    page = phone.new_page()
    page.goto(f"{lasting_door.address}/#mine")
    page.get_by_text("存在手机上，等信号").wait_for()
    phone.set_offline(False)
    page.locator(".tip.received").tap()
    _, photos, _ = rows_of(database, number_of(page))
    assert [each.sha256 for each in photos] == sums(*pictures)
    assert reports(database) == before + 1
    # Only now is it off the phone.
    assert kept_blobs(page) == 0


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


def test_an_upload_goes_on_from_its_offset_when_the_server_was_killed_and_started(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], database: Database
) -> None:
    picture = photo(31, size=(3000, 2800))
    assert picture.stat().st_size > 5_000_000
    page = open_phone(service_workers="block").new_page()
    page.goto(lasting_door.address)
    line = page.context.new_cdp_session(page)
    line.send("Network.emulateNetworkConditions", SLOW_3G | {"latency": 0})
    fill_in(page, picture)
    page.get_by_role("button", name="发送").tap()
    page.get_by_text(re.compile("正在发 [1-9]")).wait_for()
    lasting_door.kill()
    page.locator(".badge.waiting").wait_for()
    lasting_door.start()
    offsets: list[int] = []
    page.on(
        "request",
        lambda request: (
            request.method == "PATCH" and offsets.append(int(request.headers["upload-offset"]))
        ),
    )
    line.send(
        "Network.emulateNetworkConditions",
        SLOW_3G | {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1},
    )
    say_online(page)
    _, photos, _ = rows_of(database, number_of(page))
    assert offsets[0] > 0
    assert [each.sha256 for each in photos] == sums(picture)


def test_a_report_whose_answer_was_lost_is_not_made_twice(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], database: Database
) -> None:
    page = open_phone(service_workers="block").new_page()
    page.goto(lasting_door.address)
    before, answers = reports(database), []

    def lose(route: Route) -> None:
        answers.append(route.fetch().json()["number"])
        if len(answers) == 1:
            route.abort()
        else:
            route.continue_()

    page.route("**/api/v1/reports", lose)
    fill_in(page, photo(41))
    page.get_by_role("button", name="发送").tap()
    page.locator(".badge.waiting").wait_for()
    say_online(page)
    assert number_of(page) == answers[0]
    assert len(answers) > 1
    assert reports(database) == before + 1


def test_a_phone_without_room_holds_the_tip_and_says_so_until_it_is_sent(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], database: Database
) -> None:
    phone = open_phone(service_workers="block")
    page = phone.new_page()
    # Before the first page: a browser asks only now and then how much room there is.
    disk = phone.new_cdp_session(page)
    disk.send("Storage.overrideQuotaForOrigin", {"origin": lasting_door.address, "quotaSize": 1000})
    page.goto(lasting_door.address)
    picture = photo(51, size=(800, 600))
    fill_in(page, picture)
    phone.set_offline(True)
    page.get_by_role("button", name="发送").tap()
    page.get_by_role("heading", name="还没存进手机").wait_for()
    page.get_by_text("手机存满了：发完之前请不要关掉这个页面").wait_for()
    assert kept_blobs(page) == 0
    phone.set_offline(False)
    _, photos, _ = rows_of(database, number_of(page))
    assert [each.sha256 for each in photos] == sums(picture)


def test_a_session_that_ended_offline_keeps_the_tip_for_its_rider(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], database: Database
) -> None:
    now, sealer = now_utc(), Sealer(lasting_door.settings)
    with database.writing() as session:
        rider_id = add_rider(session, sealer=sealer, profile=RiderProfile("王五", "13900002222")).id
        cookie = open_session(session, rider_id=rider_id, device="Chrome", now=now)
    phone = open_phone(service_workers="block")
    sign_in(phone, lasting_door.address, cookie)
    page = phone.new_page()
    with page.expect_response("**/api/v1/me"):
        page.goto(lasting_door.address)
    with page.expect_response("**/api/v1/me/consents/location"):
        page.get_by_role("button", name="同意", exact=True).tap()
    phone.set_offline(True)
    fill_in(page, photo(81))
    page.get_by_role("button", name="发送").tap()
    page.get_by_role("heading", name="已存在这部手机上").wait_for()
    with database.writing() as session:
        end_other_devices(session, rider_id=rider_id, but=None, now=now_utc())
        fresh = open_session(session, rider_id=rider_id, device="Chrome", now=now_utc())
    before = reports(database)
    phone.set_offline(False)
    # Not a word of it goes out as nobody's.
    page.get_by_role("heading", name="还在这部手机上，没有丢").wait_for()
    page.get_by_role("link", name="去登录").wait_for()
    assert (reports(database), kept_blobs(page)) == (before, 1)
    sign_in(phone, lasting_door.address, fresh)
    page.reload()
    report, _, claims = rows_of(database, number_of(page))
    assert report.rider_id == rider_id
    assert claims["device_gps"].accuracy_m == 12
    page.get_by_role("link", name="再报一条").tap()
    fill_in(page, photo(82))
    page.get_by_role("button", name="署名：记积分").tap()
    page.get_by_role("button", name="不署名：不记积分").wait_for()
    page.get_by_role("button", name="发送").tap()
    unnamed, _, _ = rows_of(database, number_of(page))
    assert unnamed.rider_id is None
    page.get_by_role("button", name="从这部手机上抹掉").tap()
    page.get_by_role("button", name="再点一次就抹掉").tap()
    expect(page.locator(".tip")).to_have_count(1)


def test_a_tip_that_may_have_arrived_as_a_riders_is_not_offered_to_go_out_as_nobodys(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], database: Database
) -> None:
    now, sealer = now_utc(), Sealer(lasting_door.settings)
    with database.writing() as session:
        rider_id = add_rider(session, sealer=sealer, profile=RiderProfile("钱七", "13900004444")).id
        cookie = open_session(session, rider_id=rider_id, device="Chrome", now=now)
    phone = open_phone(service_workers="block")
    sign_in(phone, lasting_door.address, cookie)
    page = phone.new_page()
    page.goto(lasting_door.address)
    page.get_by_role("button", name="同意", exact=True).tap()
    before, answers = reports(database), []

    def lose(route: Route) -> None:
        if answers:
            route.continue_()
        else:
            answers.append(route.fetch().json()["number"])
            route.abort()

    page.route("**/api/v1/reports", lose)
    fill_in(page, photo(43))
    page.get_by_role("button", name="发送").tap()
    page.locator(".badge.waiting").wait_for()
    with database.writing() as session:
        end_other_devices(session, rider_id=rider_id, but=None, now=now_utc())
        fresh = open_session(session, rider_id=rider_id, device="Chrome", now=now_utc())
    say_online(page)
    page.get_by_role("link", name="去登录").wait_for()
    page.get_by_text("可能已经用您的账号发出").wait_for()
    assert page.get_by_role("button", name="匿名发出").count() == 0
    sign_in(phone, lasting_door.address, fresh)
    page.reload()
    assert number_of(page) == answers[0]
    assert reports(database) == before + 1


def test_a_phone_that_two_riders_share_gives_neither_ones_tips_to_the_other(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], database: Database
) -> None:
    sealer, riders = Sealer(lasting_door.settings), []
    with database.writing() as session:
        for name, number in (("赵六", "13900006661"), ("钱七", "13900006662")):
            profile = RiderProfile(name, number)
            rider_id = add_rider(session, sealer=sealer, profile=profile).id
            cookie = open_session(session, rider_id=rider_id, device="Chrome", now=now_utc())
            riders.append((rider_id, cookie))
    (first, first_cookie), (_, second_cookie) = riders
    phone = open_phone(service_workers="block")
    page = phone.new_page()

    def arrive(cookie: str, at: str = "") -> None:
        sign_in(phone, lasting_door.address, cookie)
        with page.expect_response("**/api/v1/me"):
            page.goto(f"{lasting_door.address}/?{len(cookie)}{at}")
            page.reload()

    arrive(first_cookie)
    with page.expect_response("**/api/v1/me/consents/location"):
        page.get_by_role("button", name="同意", exact=True).tap()
    fill_in(page, photo(82))
    page.get_by_role("button", name="发送").tap()
    done = number_of(page)
    page.goto(f"{lasting_door.address}/#")
    phone.set_offline(True)
    fill_in(page, photo(83))
    page.get_by_role("button", name="发送").tap()
    page.get_by_role("heading", name="已存在这部手机上").wait_for()
    before = reports(database)
    # The line comes back only in the other rider's hands.
    page.goto("about:blank")
    phone.set_offline(False)
    arrive(second_cookie, "#mine")
    # The second one is asked for a consent of their own and sees nothing of the first one's.
    page.get_by_text("还没有举报").wait_for()
    assert done not in page.content()
    page.goto(f"{lasting_door.address}/#")
    page.get_by_role("button", name="同意", exact=True).wait_for()
    assert (reports(database), kept_blobs(page)) == (before, 1)
    arrive(first_cookie, "#mine")
    page.locator(".tip.received").nth(1).wait_for()
    with database.reading() as session:
        sent = session.scalars(select(Report.rider_id).order_by(Report.id)).all()
    assert (len(sent), sent[-2:]) == (before + 1, [first, first])


def test_a_photo_that_is_read_while_its_tip_is_sent_begins_another_tip(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], database: Database
) -> None:
    page = open_phone(service_workers="block").new_page()
    page.goto(lasting_door.address)
    early, late = photo(84), photo(85)
    fill_in(page, early)
    page.evaluate(
        """() => {
            const digest = crypto.subtle.digest.bind(crypto.subtle);
            const freed = new Promise((resolve) => { window.free = resolve; });
            crypto.subtle.digest = async (...how) => { await freed; return digest(...how); };
        }"""
    )
    with page.expect_file_chooser() as chosen:
        page.locator(".album").tap()
    chosen.value.set_files([late])
    page.get_by_role("button", name="发送").tap()
    number = number_of(page)
    page.evaluate("window.free()")
    page.locator("[data-code=PEST]").tap()
    page.get_by_role("button", name="发送").tap()
    page.locator("#number").filter(has_not_text=number).wait_for()
    for each, picture in ((number, early), (number_of(page), late)):
        _, photos, _ = rows_of(database, each)
        assert [kept.sha256 for kept in photos] == sums(picture)


def sign_in(phone: BrowserContext, address: str, cookie: str) -> None:
    phone.clear_cookies()
    phone.add_cookies([{"name": COOKIE, "value": cookie, "url": address, "httpOnly": True}])


def test_with_a_clock_two_days_wrong_the_claim_is_kept_and_the_receipt_rules(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], database: Database
) -> None:
    phone = open_phone(service_workers="block")
    wrong = datetime.now().astimezone() + timedelta(days=2)
    phone.clock.set_system_time(wrong)
    page = phone.new_page()
    page.goto(lasting_door.address)
    picture = photo(91)
    os.utime(picture, (wrong.timestamp(), wrong.timestamp()))
    fill_in(page, picture)
    page.get_by_role("button", name="发送").tap()
    report, _, claims = rows_of(database, number_of(page))
    page.get_by_text("这部手机的钟快了约 2 天").wait_for()
    claimed, sending = claims["device_clock"].moment, claims["sending_clock"].moment
    assert claimed is not None
    assert sending is not None
    assert abs(claimed - wrong) < timedelta(minutes=5)
    assert abs(sending - wrong) < timedelta(minutes=5)
    assert abs(report.received_at - now_utc()) < timedelta(minutes=5)


def test_a_tip_sent_off_before_the_place_is_found_gets_the_first_place_that_comes(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], database: Database
) -> None:
    phone = open_phone(geolocation=None, service_workers="block")
    phone.add_init_script(SLOW_TO_LOCATE)
    page = phone.new_page()
    page.goto(lasting_door.address)
    fill_in(page, photo(95))
    page.get_by_text("正在定位…").wait_for()
    page.get_by_role("button", name="发送").tap()
    page.get_by_role("heading", name="已存在这部手机上").wait_for()
    page.evaluate("window.findPlace()")
    _, _, claims = rows_of(database, number_of(page))
    assert claims["device_gps"].accuracy_m == 25


# A receiver that has just been switched on: Chromium's own answers at once or never.
SLOW_TO_LOCATE = """
    navigator.geolocation.watchPosition = (found) => {
        window.findPlace = () => found({
            coords: { latitude: 41.8, longitude: 123.43, accuracy: 25, speed: null },
            timestamp: Date.now(),
        });
        return 1;
    };
"""


def test_a_draft_that_is_sent_an_hour_later_elsewhere_keeps_the_place_of_its_photo(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], database: Database
) -> None:
    phone = open_phone(service_workers="block")
    page = phone.new_page()
    page.goto(lasting_door.address)
    fill_in(page, photo(96))
    page.get_by_text("已定位 · ±12 米").wait_for()
    phone.clock.set_system_time(datetime.now().astimezone() + timedelta(hours=1))
    phone.set_geolocation({"latitude": 31.2, "longitude": 121.4, "accuracy": 8})
    page.reload()
    page.get_by_text("用的是拍照时的位置：±12 米").wait_for()
    page.get_by_role("button", name="发送").tap()
    _, _, claims = rows_of(database, number_of(page))
    assert round(claims["device_gps"].latitude or 0, 1) == 41.8


def test_a_pin_put_on_the_map_goes_with_the_tip(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], database: Database
) -> None:
    page = open_phone(service_workers="block").new_page()
    page.goto(lasting_door.address)
    fill_in(page, photo(98))
    page.get_by_role("link", name="已定位 · ±12 米").tap()
    page.get_by_role("link", name="在地图上指出来").tap()
    page.get_by_text("把红针拖到店门口").wait_for()
    page.locator(".pin-county").first.wait_for(state="attached")
    page.locator("#map").tap(position={"x": 250, "y": 60})
    page.get_by_text("记下了：店在红针这里。").wait_for()
    page.get_by_role("button", name="好了").tap()
    page.get_by_role("button", name="好了").tap()
    page.get_by_role("button", name="发送").tap()
    _, _, claims = rows_of(database, number_of(page))
    pin, phone = claims["map_pin"], claims["device_gps"]
    assert pin.latitude is not None
    assert pin.longitude is not None
    # Above and to the right of where the phone is, by less than a street.
    assert 0 < pin.latitude - 41.8 < 0.01
    assert 0 < pin.longitude - 123.43 < 0.01
    assert phone.latitude == 41.8


def registration_of(page: Page) -> tuple[Any, str]:
    """Return the browser's line to service workers, and the id of the app's registration."""
    workers, found = page.context.new_cdp_session(page), []
    workers.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: found.extend(each["registrationId"] for each in event["registrations"]),
    )
    workers.send("ServiceWorker.enable")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    return workers, found[-1]


def test_the_service_worker_sends_by_itself_when_the_browser_says_that_there_is_a_network(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], database: Database
) -> None:
    phone = open_phone()
    page = phone.new_page()
    page.goto(lasting_door.address)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    phone.set_offline(True)
    picture = photo(99, size=(1000, 800))
    fill_in(page, picture)
    page.get_by_role("button", name="发送（现在没信号，会自动补发）").tap()
    page.get_by_role("heading", name="已存在这部手机上").wait_for()
    page.close()
    phone.set_offline(False)
    # A page of this site, but not the app: nobody but the service worker can send.
    page = phone.new_page()
    page.goto(f"{lasting_door.address}/status")
    workers, registration = registration_of(page)
    sync = {"origin": lasting_door.address, "registrationId": registration}
    workers.send("ServiceWorker.dispatchSyncEvent", sync | {"tag": "outbox", "lastChance": False})
    _, photos, _ = rows_of(database, wait_for(page, NUMBER_KEPT))
    assert [each.sha256 for each in photos] == sums(picture)


def wait_for(page: Page, ask: str) -> str:
    """Ask the page until there is an answer: Playwright's own waiting takes a promise for one."""
    found = page.evaluate(
        f"""async () => {{
            const ask = {ask};
            for (const began = Date.now(); Date.now() - began < 30_000;) {{
                const found = await ask();
                if (found) return found;
                await new Promise(requestAnimationFrame);
            }}
            return "";
        }}"""
    )
    return str(found)


NUMBER_KEPT = """() => new Promise((resolve) => {
    indexedDB.open("suishoupai").onsuccess = (event) => {
        const asking = event.target.result.transaction("tips").objectStore("tips").getAll();
        asking.onsuccess = () => {
            event.target.result.close();
            resolve(asking.result[0].number);
        };
    };
})"""


def test_news_wakes_the_phone_without_saying_what_of(lasting_door: Any, open_phone: Any) -> None:
    page = open_phone(permissions=["notifications"], locale="en").new_page()
    page.goto(lasting_door.address)
    workers, registration = registration_of(page)
    push = {"origin": lasting_door.address, "registrationId": registration, "data": "{}"}
    workers.send("ServiceWorker.deliverPushMessage", push)
    assert wait_for(page, TITLE_SHOWN) == "There is news of your report"


TITLE_SHOWN = """async () => {
    const shown = await (await navigator.serviceWorker.ready).getNotifications();
    return shown[0]?.title;
}"""


def test_two_tabs_without_web_locks_send_a_tip_once(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], database: Database
) -> None:
    phone = open_phone(service_workers="block")
    phone.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'locks', { value: undefined });"
    )
    page, other = phone.new_page(), phone.new_page()
    asked: list[str] = []
    for tab in (page, other):
        tab.goto(lasting_door.address)
        tab.on(
            "request",
            lambda request: request.method == "POST" and asked.append(request.url.split("/")[-1]),
        )
    before = reports(database)
    page.bring_to_front()
    fill_in(page, photo(97))
    phone.set_offline(True)
    page.get_by_role("button", name="发送").tap()
    page.get_by_role("heading", name="已存在这部手机上").wait_for()
    phone.set_offline(False)
    for tab in (other, page):
        say_online(tab)
    number_of(page)
    assert reports(database) == before + 1
    assert asked.count("reports") == 1


def test_without_a_place_the_app_asks_for_the_address(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], database: Database
) -> None:
    page = open_phone(permissions=[]).new_page()
    page.goto(lasting_door.address)
    page.get_by_role("button", name="不同意").tap()
    press_shutter(page, photo(61))
    page.locator("[data-code=EXPIRED]").tap()
    page.get_by_role("button", name="先写店铺地址").tap()
    page.get_by_label("店铺地址").fill("青年大街 1 号")
    page.get_by_role("button", name="好了").tap()
    page.get_by_role("button", name="发送").tap()
    report, _, claims = rows_of(database, number_of(page))
    assert report.premises_address == "青年大街 1 号"
    assert "device_gps" not in claims


SMALL = """() => [...document.querySelectorAll("a, button, summary, input[type=text], textarea")]
    .filter((item) => item.offsetParent && item.getBoundingClientRect().height < 48)
    .map((item) => item.outerHTML)"""
TINY = """() => [...document.querySelectorAll("body *")]
    .filter((item) => item.textContent.trim() && item.offsetParent
        && parseFloat(getComputedStyle(item).fontSize) < 16.99)
    .map((item) => item.outerHTML)"""
WIDE = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_every_screen(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], scheme: str
) -> None:
    page = open_phone(locale="en", color_scheme=scheme).new_page()
    strict = {"rules": {"color-contrast-enhanced": {"enabled": True}}}

    def look() -> None:
        page.locator("h1").wait_for()
        results = Axe().run(page, options=strict)
        assert results.violations_count == 0, results.generate_report()
        # One hand and gloves: nothing under 48 px to hit, no type under 17 px to read.
        assert page.evaluate(SMALL) == []
        assert page.evaluate(TINY) == []
        assert not page.evaluate(WIDE)

    page.goto(lasting_door.address)
    look()
    page.get_by_role("button", name="Yes").tap()
    press_shutter(page, photo(71))
    page.get_by_text("What did you find?").wait_for()
    look()
    page.locator("[data-code=PEST]").tap()
    page.get_by_role("button", name="Send").wait_for()
    look()
    for screen, said in (
        ("where", "Where is it?"),
        ("shop", "Which shop?"),
        ("words", "A few words"),
    ):
        page.evaluate(f"location.hash = '{screen}'")
        page.get_by_role("heading", name=said).wait_for()
        if scheme == "light":
            look()
    page.evaluate("location.hash = 'send'")
    page.get_by_role("button", name="Send").tap()
    number_of(page)
    look()
    page.evaluate("location.hash = 'mine'")
    page.locator(".tip").wait_for()
    look()

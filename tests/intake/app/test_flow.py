"""From the shutter to «sent»: taps, kinds, places, and what everybody can use."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Route, expect

pytestmark = pytest.mark.browser

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
# A browser with speech recognition that hears one sentence; headless Chromium's has no language.
HEARS = """
    window.SpeechRecognition = class {
        static available({ langs, processLocally }) {
            return Promise.resolve(processLocally && langs[0] === "zh-CN" ? "%s" : "unavailable");
        }
        start() { window.heard = this; }
        stop() { this.onend(); }
        abort() { window.aborted = true; }
        say(transcript) {
            const settled = Object.assign([{ transcript }], { isFinal: true });
            const half = Object.assign([{ transcript: "老" }], { isFinal: false });
            this.onresult({ resultIndex: 0, results: [settled, half] });
        }
        fail(error) { this.onerror({ error }); this.onend(); }
    };
"""
SMALL = """() => [...document.querySelectorAll("a, button, summary, input[type=text], textarea")]
    .filter((item) => item.offsetParent && item.getBoundingClientRect().height < 48)
    .map((item) => item.outerHTML)"""
TINY = """() => [...document.querySelectorAll("body *")]
    .filter((item) => item.textContent.trim() && item.offsetParent
        && parseFloat(getComputedStyle(item).fontSize) < 16.99)
    .map((item) => item.outerHTML)"""
WIDE = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"


def test_the_plain_case_takes_four_taps_and_is_safe_before_the_network_answers(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], hand: Any
) -> None:
    # As in a messenger's web view: without a service worker, which would hide requests.
    page = open_phone(service_workers="block").new_page()
    page.goto(lasting_door.address)
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", hand.SLOW_3G)
    held: list[Route] = []

    def hold(route: Route) -> None:
        # Without an answer of any kind, until the rider has long gone.
        held.append(route)

    page.route("**/api/v1/uploads", hold)
    picture = photo(1)
    hand.fill_in(page, picture)
    page.get_by_role("button", name="发送").tap()
    page.get_by_role("heading", name="已存在这部手机上").wait_for()
    assert page.evaluate("window.taps") <= 4
    assert page.evaluate("window.shakes") == 1
    # The app asked, nobody has answered, and the rider may go.
    expect(page.locator(".ring")).to_be_visible()
    (route,) = held
    route.continue_()
    report, photos, claims = hand.rows_of(hand.number_of(page))
    assert report.categories == ["PEST"]
    assert [each.sha256 for each in photos] == hand.sums(picture)
    place = claims["device_gps"]
    assert (place.accuracy_m, place.datum) == (12, "wgs84")
    assert claims["device_clock"].moment is not None


def test_what_is_brushed_over_goes_out_beside_the_untouched_photo(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], hand: Any
) -> None:
    page = open_phone(color_scheme="dark").new_page()
    page.goto(lasting_door.address)
    pictures = [photo(71, (800, 600)), photo(72)]
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(pictures[0]) as stored:
        stored.load()
        stored.save(pictures[0], "JPEG", exif=exif)
    hand.fill_in(page, *pictures)
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
    _, photos, _ = hand.rows_of(hand.number_of(page))
    assert [each.sha256 for each in photos] == hand.sums(*pictures)
    (stroke,) = photos[0].masks or []
    assert stroke["width"] == pytest.approx(0.05)
    flat = [part for point in stroke["points"] for part in point]
    assert flat == pytest.approx([0.2, 0.25, 0.4, 0.25, 0.6, 0.25], abs=0.01)
    assert photos[1].masks is None


def test_what_is_added_later_is_brushed_over_and_outlives_a_dead_network(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], hand: Any
) -> None:
    phone = open_phone(service_workers="block")
    page = phone.new_page()
    page.goto(lasting_door.address)
    hand.fill_in(page, photo(81))
    page.get_by_role("button", name="发送").tap()
    number = hand.number_of(page)
    page.get_by_role("button", name="补充照片或说明").tap()
    page.get_by_role("button", name="发送补充").tap()
    page.get_by_text("请写几句，或加一张照片。").wait_for()
    page.get_by_label("想补充的情况").fill("今天又去了，还在")
    later = [photo(82), photo(83)]
    hand.press_shutter(page, *later, button=".album")
    page.get_by_role("button", name="遮挡第 2 张的局部").tap()
    page.locator(".brushing canvas").tap(position={"x": 30, "y": 40})
    assert Axe().run(page).response["violations"] == []
    page.get_by_role("button", name="好了").tap()
    # Without a network, and with the page gone: it lies in the outbox like a tip.
    phone.set_offline(True)
    page.get_by_label("想补充的情况").wait_for()
    assert page.evaluate(SMALL) == []
    assert not page.evaluate(WIDE)
    page.get_by_role("button", name="发送补充").tap()
    page.get_by_role("heading", name="补充已存在这部手机上").wait_for()
    page.close()
    phone.set_offline(False)
    page = phone.new_page()
    page.goto(lasting_door.address + "/#mine")
    page.locator(".tip.received").tap()
    page.get_by_text("补充已收到，会和原来的举报一起看。").wait_for()
    assert page.locator("#number").text_content() == number
    _, photos, _ = hand.rows_of(number)
    assert [each.sha256 for each in photos[1:]] == hand.sums(*later)
    assert [each.supplement_id is None for each in photos] == [True, False, False]
    assert photos[1].masks is None
    ((x, y),) = (photos[2].masks or [])[0]["points"]
    assert 0 < x < 0.2
    assert 0 < y < 0.3
    assert hand.kept_blobs(page) == 0


def test_a_tip_sent_off_before_the_place_is_found_gets_the_first_place_that_comes(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], hand: Any
) -> None:
    phone = open_phone(geolocation=None, service_workers="block")
    phone.add_init_script(SLOW_TO_LOCATE)
    page = phone.new_page()
    page.goto(lasting_door.address)
    hand.fill_in(page, photo(95))
    page.get_by_text("正在定位…").wait_for()
    page.get_by_role("button", name="发送").tap()
    page.get_by_role("heading", name="已存在这部手机上").wait_for()
    page.evaluate("window.findPlace()")
    _, _, claims = hand.rows_of(hand.number_of(page))
    assert claims["device_gps"].accuracy_m == 25


def test_a_draft_that_is_sent_an_hour_later_elsewhere_keeps_the_place_of_its_photo(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], hand: Any
) -> None:
    phone = open_phone(service_workers="block")
    page = phone.new_page()
    page.goto(lasting_door.address)
    hand.fill_in(page, photo(96))
    page.get_by_text("已定位 · ±12 米").wait_for()
    phone.clock.set_system_time(datetime.now().astimezone() + timedelta(hours=1))
    phone.set_geolocation({"latitude": 31.2, "longitude": 121.4, "accuracy": 8})
    page.reload()
    page.get_by_text("用的是拍照时的位置：±12 米").wait_for()
    page.get_by_role("button", name="发送").tap()
    _, _, claims = hand.rows_of(hand.number_of(page))
    assert round(claims["device_gps"].latitude or 0, 1) == 41.8


def test_a_pin_put_on_the_map_goes_with_the_tip(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], hand: Any
) -> None:
    page = open_phone(service_workers="block").new_page()
    page.goto(lasting_door.address)
    hand.fill_in(page, photo(98))
    page.get_by_role("link", name="已定位 · ±12 米").tap()
    page.get_by_role("link", name="在地图上指出来").tap()
    page.get_by_text("把红针拖到店门口").wait_for()
    page.locator(".pin-county").first.wait_for(state="attached")
    page.locator("#map").tap(position={"x": 250, "y": 60})
    page.get_by_text("记下了：店在红针这里。").wait_for()
    page.get_by_role("button", name="好了").tap()
    page.get_by_role("button", name="好了").tap()
    page.get_by_role("button", name="发送").tap()
    _, _, claims = hand.rows_of(hand.number_of(page))
    pin, phone = claims["map_pin"], claims["device_gps"]
    assert pin.latitude is not None
    assert pin.longitude is not None
    # Above and to the right of where the phone is, by less than a street.
    assert 0 < pin.latitude - 41.8 < 0.01
    assert 0 < pin.longitude - 123.43 < 0.01
    assert phone.latitude == 41.8


def test_a_shop_whose_penalty_is_public_is_offered_nearby_also_without_a_network(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], hand: Any
) -> None:
    # A hundred metres off, across the river, and a case that is none of anybody's business.
    hand.publish_penalty("张记饺子馆", 41.8009, 123.43)
    hand.publish_penalty("对岸的店", 41.804, 123.43)
    hand.publish_penalty("查办中的店", 41.8001, 123.43, state="filed")
    phone = open_phone(service_workers="block")
    page = phone.new_page()
    page.goto(lasting_door.address)
    with page.expect_response("**/api/v1/shops?*") as asked:
        hand.fill_in(page, photo(97))
    # A tenth of a degree is all that the door hears.
    assert asked.value.url.endswith("latitude=41.8&longitude=123.4")
    assert asked.value.finished() is None
    phone.set_offline(True)
    page.get_by_text("写店名（可不写）").tap()
    page.get_by_role("heading", name="附近公示过处罚的店").wait_for()
    assert page.get_by_text("查办中的店").count() == 0
    assert page.get_by_text("对岸的店").count() == 0
    assert Axe().run(page).response["violations"] == []
    page.get_by_role("button", name="张记饺子馆").tap()
    page.get_by_role("link", name="张记饺子馆").wait_for()


def test_without_a_place_the_app_asks_for_the_address(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], hand: Any
) -> None:
    page = open_phone(permissions=[]).new_page()
    page.goto(lasting_door.address)
    page.get_by_role("button", name="不同意").tap()
    hand.press_shutter(page, photo(61))
    page.locator("[data-code=EXPIRED]").tap()
    page.get_by_role("button", name="先写店铺地址").tap()
    page.get_by_label("店铺地址").fill("青年大街 1 号")
    page.get_by_role("button", name="好了").tap()
    page.get_by_role("button", name="发送").tap()
    report, _, claims = hand.rows_of(hand.number_of(page))
    assert report.premises_address == "青年大街 1 号"
    assert "device_gps" not in claims


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_every_screen(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], scheme: str, hand: Any
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
    hand.press_shutter(page, photo(71))
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
    hand.number_of(page)
    look()
    page.evaluate("location.hash = 'mine'")
    page.locator(".tip").wait_for()
    look()


def test_a_phone_that_writes_down_itself_what_is_said_is_offered_as_a_pen(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], hand: Any
) -> None:
    context = open_phone()
    context.add_init_script(HEARS % "available")
    page = context.new_page()
    page.goto(lasting_door.address)
    hand.fill_in(page, photo(91))
    page.evaluate("location.hash = 'words'")
    page.locator("#description").fill("灶台边")
    page.get_by_role("button", name="用嘴说").tap()
    page.get_by_text("正在听").wait_for()
    assert page.evaluate("[heard.processLocally, heard.lang]") == [True, "zh-CN"]
    page.evaluate("heard.say('有老鼠')")
    expect(page.locator("#description")).to_have_value("灶台边 有老鼠")
    page.get_by_role("button", name="停下").tap()
    page.get_by_role("button", name="用嘴说").tap()
    page.evaluate("heard.fail('not-allowed')")
    page.get_by_text("没有允许用话筒").wait_for()
    page.get_by_role("button", name="用嘴说").tap()
    page.get_by_role("button", name="好了").tap()
    page.get_by_role("button", name="发送").wait_for()
    # Whoever leaves the screen is not listened to any longer.
    assert page.evaluate("window.aborted") is True
    page.get_by_role("button", name="发送").tap()
    report, _, _ = hand.rows_of(hand.number_of(page))
    assert report.description == "灶台边 有老鼠"


def test_a_browser_that_would_send_the_voice_away_is_not_asked_to_listen(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], hand: Any
) -> None:
    context = open_phone()
    context.add_init_script(HEARS % "downloadable")
    page = context.new_page()
    page.goto(lasting_door.address)
    hand.fill_in(page, photo(92))
    page.evaluate("location.hash = 'words'")
    page.get_by_text("可以用键盘上的话筒说").wait_for()
    assert page.locator("#dictate").count() == 0

"""What waits on the phone arrives once and whole, whatever happens meanwhile."""

import os
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Route

from schemas.database import now_utc

pytestmark = pytest.mark.browser

NUMBER_KEPT = """() => new Promise((resolve) => {
    indexedDB.open("suishoupai").onsuccess = (event) => {
        const asking = event.target.result.transaction("tips").objectStore("tips").getAll();
        asking.onsuccess = () => {
            event.target.result.close();
            resolve(asking.result[0].number);
        };
    };
})"""


def test_a_tip_made_offline_outlives_its_tab_and_is_one_report_with_all_its_photos(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], hand: Any
) -> None:
    phone = open_phone()
    page = phone.new_page()
    page.goto(lasting_door.address)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    phone.set_offline(True)
    # The second load comes from the phone itself.
    page.goto(lasting_door.address)
    pictures = [photo(seed) for seed in (21, 22, 23)]
    hand.fill_in(page, *pictures)
    page.get_by_role("button", name="发送（现在没信号，会自动补发）").tap()
    page.get_by_role("heading", name="已存在这部手机上").wait_for()
    before = hand.reports()
    page.close()
    page = phone.new_page()
    page.goto(f"{lasting_door.address}/#mine")
    page.get_by_text("存在手机上，等信号").wait_for()
    phone.set_offline(False)
    page.locator(".tip.received").tap()
    _, photos, _ = hand.rows_of(hand.number_of(page))
    assert [each.sha256 for each in photos] == hand.sums(*pictures)
    assert hand.reports() == before + 1
    # Only now is it off the phone.
    assert hand.kept_blobs(page) == 0


def test_an_upload_goes_on_from_its_offset_when_the_server_was_killed_and_started(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], hand: Any
) -> None:
    picture = photo(31, size=(3000, 2800))
    assert picture.stat().st_size > 5_000_000
    page = open_phone(service_workers="block").new_page()
    page.goto(lasting_door.address)
    line = page.context.new_cdp_session(page)
    line.send("Network.emulateNetworkConditions", hand.SLOW_3G | {"latency": 0})
    hand.fill_in(page, picture)
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
        hand.SLOW_3G | {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1},
    )
    hand.say_online(page)
    _, photos, _ = hand.rows_of(hand.number_of(page))
    assert offsets[0] > 0
    assert [each.sha256 for each in photos] == hand.sums(picture)


def test_a_report_whose_answer_was_lost_is_not_made_twice(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], hand: Any
) -> None:
    page = open_phone(service_workers="block").new_page()
    page.goto(lasting_door.address)
    before, answers = hand.reports(), []

    def lose(route: Route) -> None:
        answers.append(route.fetch().json()["number"])
        if len(answers) == 1:
            route.abort()
        else:
            route.continue_()

    page.route("**/api/v1/reports", lose)
    hand.fill_in(page, photo(41))
    page.get_by_role("button", name="发送").tap()
    page.locator(".badge.waiting").wait_for()
    hand.say_online(page)
    assert hand.number_of(page) == answers[0]
    assert len(answers) > 1
    assert hand.reports() == before + 1


def test_a_phone_without_room_holds_the_tip_and_says_so_until_it_is_sent(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], hand: Any
) -> None:
    phone = open_phone(service_workers="block")
    page = phone.new_page()
    # Before the first page: a browser asks only now and then how much room there is.
    disk = phone.new_cdp_session(page)
    disk.send("Storage.overrideQuotaForOrigin", {"origin": lasting_door.address, "quotaSize": 1000})
    page.goto(lasting_door.address)
    picture = photo(51, size=(800, 600))
    hand.fill_in(page, picture)
    phone.set_offline(True)
    page.get_by_role("button", name="发送").tap()
    page.get_by_role("heading", name="还没存进手机").wait_for()
    page.get_by_text("手机存满了：发完之前请不要关掉这个页面").wait_for()
    assert hand.kept_blobs(page) == 0
    phone.set_offline(False)
    _, photos, _ = hand.rows_of(hand.number_of(page))
    assert [each.sha256 for each in photos] == hand.sums(picture)


def test_a_photo_that_is_read_while_its_tip_is_sent_begins_another_tip(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], hand: Any
) -> None:
    page = open_phone(service_workers="block").new_page()
    page.goto(lasting_door.address)
    early, late = photo(84), photo(85)
    hand.fill_in(page, early)
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
    number = hand.number_of(page)
    page.evaluate("window.free()")
    page.locator("[data-code=PEST]").tap()
    page.get_by_role("button", name="发送").tap()
    page.locator("#number").filter(has_not_text=number).wait_for()
    for each, picture in ((number, early), (hand.number_of(page), late)):
        _, photos, _ = hand.rows_of(each)
        assert [kept.sha256 for kept in photos] == hand.sums(picture)


def test_with_a_clock_two_days_wrong_the_claim_is_kept_and_the_receipt_rules(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], hand: Any
) -> None:
    phone = open_phone(service_workers="block")
    wrong = datetime.now().astimezone() + timedelta(days=2)
    phone.clock.set_system_time(wrong)
    page = phone.new_page()
    page.goto(lasting_door.address)
    picture = photo(91)
    os.utime(picture, (wrong.timestamp(), wrong.timestamp()))
    hand.fill_in(page, picture)
    page.get_by_role("button", name="发送").tap()
    report, _, claims = hand.rows_of(hand.number_of(page))
    page.get_by_text("这部手机的钟快了约 2 天").wait_for()
    claimed, sending = claims["device_clock"].moment, claims["sending_clock"].moment
    assert claimed is not None
    assert sending is not None
    assert abs(claimed - wrong) < timedelta(minutes=5)
    assert abs(sending - wrong) < timedelta(minutes=5)
    assert abs(report.received_at - now_utc()) < timedelta(minutes=5)


def test_two_tabs_without_web_locks_send_a_tip_once(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], hand: Any
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
    before = hand.reports()
    page.bring_to_front()
    hand.fill_in(page, photo(97))
    phone.set_offline(True)
    page.get_by_role("button", name="发送").tap()
    page.get_by_role("heading", name="已存在这部手机上").wait_for()
    phone.set_offline(False)
    for tab in (other, page):
        hand.say_online(tab)
    hand.number_of(page)
    assert hand.reports() == before + 1
    assert asked.count("reports") == 1


def test_the_service_worker_sends_by_itself_when_the_browser_says_that_there_is_a_network(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], hand: Any, background: Any
) -> None:
    phone = open_phone()
    page = phone.new_page()
    page.goto(lasting_door.address)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    phone.set_offline(True)
    picture = photo(99, size=(1000, 800))
    hand.fill_in(page, picture)
    page.get_by_role("button", name="发送（现在没信号，会自动补发）").tap()
    page.get_by_role("heading", name="已存在这部手机上").wait_for()
    page.close()
    phone.set_offline(False)
    # A page of this site, but not the app: nobody but the service worker can send.
    page = phone.new_page()
    page.goto(f"{lasting_door.address}/status")
    background.sync(page)
    _, photos, _ = hand.rows_of(background.wait_for(page, NUMBER_KEPT))
    assert [each.sha256 for each in photos] == hand.sums(picture)


def test_news_wakes_the_phone_without_saying_what_of(
    lasting_door: Any, open_phone: Any, background: Any
) -> None:
    page = open_phone(permissions=["notifications"], locale="en").new_page()
    page.goto(lasting_door.address)
    notice = background.push(page, "{}")
    assert notice is not None
    assert notice["title"] == "There is news in Suishoupai"

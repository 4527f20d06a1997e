"""Whose a tip is: a rider's, another rider's on the same phone, or nobody's."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Route, expect
from sqlalchemy import select

from intake.identity.sessions import end_other_devices, open_session
from intake.rewards.approving import grant
from intake.rewards.awards import Earned, award
from intake.riders.registering import RiderProfile, add_rider
from schemas.audit import PIPELINE
from schemas.database import Database, now_utc
from schemas.points import PointRule
from schemas.sealing import Sealer
from schemas.tables import Report, Unit

pytestmark = pytest.mark.browser
KEPT_POINTS = """() => new Promise((resolve) => {
    indexedDB.open("suishoupai").onsuccess = (event) => {
        const asking = event.target.result.transaction("keep").objectStore("keep").get("points");
        asking.onsuccess = () => resolve(Boolean(asking.result));
    };
})"""


def test_a_session_that_ended_offline_keeps_the_tip_for_its_rider(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], database: Database, hand: Any
) -> None:
    now, sealer = now_utc(), Sealer(lasting_door.settings)
    with database.writing() as session:
        rider_id = add_rider(session, sealer=sealer, profile=RiderProfile("王五", "13900002222")).id
        cookie = open_session(session, rider_id=rider_id, device="Chrome", now=now)
    phone = open_phone(service_workers="block")
    hand.sign_in(phone, lasting_door.address, cookie)
    page = phone.new_page()
    with page.expect_response("**/api/v1/me"):
        page.goto(lasting_door.address)
    with page.expect_response("**/api/v1/me/consents/location"):
        page.get_by_role("button", name="同意", exact=True).tap()
    phone.set_offline(True)
    hand.fill_in(page, photo(81))
    page.get_by_role("button", name="发送").tap()
    page.get_by_role("heading", name="已存在这部手机上").wait_for()
    with database.writing() as session:
        end_other_devices(session, rider_id=rider_id, but=None, now=now_utc())
        fresh = open_session(session, rider_id=rider_id, device="Chrome", now=now_utc())
    before = hand.reports()
    phone.set_offline(False)
    # Not a word of it goes out as nobody's.
    page.get_by_role("heading", name="还在这部手机上，没有丢").wait_for()
    page.get_by_role("link", name="去登录").wait_for()
    assert (hand.reports(), hand.kept_blobs(page)) == (before, 1)
    hand.sign_in(phone, lasting_door.address, fresh)
    page.reload()
    report, _, claims = hand.rows_of(hand.number_of(page))
    assert report.rider_id == rider_id
    assert claims["device_gps"].accuracy_m == 12
    page.get_by_role("link", name="再报一条").tap()
    hand.fill_in(page, photo(82))
    page.get_by_role("button", name="署名：记积分").tap()
    page.get_by_role("button", name="不署名：不记积分").wait_for()
    page.get_by_role("button", name="发送").tap()
    unnamed, _, _ = hand.rows_of(hand.number_of(page))
    assert unnamed.rider_id is None
    page.get_by_role("button", name="从这部手机上抹掉").tap()
    page.get_by_role("button", name="再点一次就抹掉").tap()
    expect(page.locator(".tip")).to_have_count(1)


def test_a_tip_that_may_have_arrived_as_a_riders_is_not_offered_to_go_out_as_nobodys(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], database: Database, hand: Any
) -> None:
    now, sealer = now_utc(), Sealer(lasting_door.settings)
    with database.writing() as session:
        rider_id = add_rider(session, sealer=sealer, profile=RiderProfile("钱七", "13900004444")).id
        cookie = open_session(session, rider_id=rider_id, device="Chrome", now=now)
    phone = open_phone(service_workers="block")
    hand.sign_in(phone, lasting_door.address, cookie)
    page = phone.new_page()
    page.goto(lasting_door.address)
    page.get_by_role("button", name="同意", exact=True).tap()
    before, answers = hand.reports(), []

    def lose(route: Route) -> None:
        if answers:
            route.continue_()
        else:
            answers.append(route.fetch().json()["number"])
            route.abort()

    page.route("**/api/v1/reports", lose)
    hand.fill_in(page, photo(43))
    # A tip waits before its first try too: only the lost answer tells that there was one.
    with page.expect_event("requestfailed", lambda one: one.url.endswith("/api/v1/reports")):
        page.get_by_role("button", name="发送").tap()
    page.locator(".badge.waiting").wait_for()
    with database.writing() as session:
        end_other_devices(session, rider_id=rider_id, but=None, now=now_utc())
        fresh = open_session(session, rider_id=rider_id, device="Chrome", now=now_utc())
    hand.say_online(page)
    page.get_by_role("link", name="去登录").wait_for()
    page.get_by_text("可能已经用您的账号发出").wait_for()
    assert page.get_by_role("button", name="匿名发出").count() == 0
    hand.sign_in(phone, lasting_door.address, fresh)
    page.reload()
    assert hand.number_of(page) == answers[0]
    assert hand.reports() == before + 1


def test_a_phone_that_two_riders_share_gives_neither_ones_tips_to_the_other(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], database: Database, hand: Any
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
        hand.sign_in(phone, lasting_door.address, cookie)
        with page.expect_response("**/api/v1/me"):
            page.goto(f"{lasting_door.address}/?{len(cookie)}{at}")
            page.reload()

    arrive(first_cookie)
    with page.expect_response("**/api/v1/me/consents/location"):
        page.get_by_role("button", name="同意", exact=True).tap()
    hand.fill_in(page, photo(82))
    page.get_by_role("button", name="发送").tap()
    done = hand.number_of(page)
    page.goto(f"{lasting_door.address}/#")
    phone.set_offline(True)
    hand.fill_in(page, photo(83))
    page.get_by_role("button", name="发送").tap()
    page.get_by_role("heading", name="已存在这部手机上").wait_for()
    before = hand.reports()
    # The line comes back only in the other rider's hands.
    page.goto("about:blank")
    phone.set_offline(False)
    arrive(second_cookie, "#mine")
    # The second one is asked for a consent of their own and sees nothing of the first one's.
    page.get_by_text("还没有举报").wait_for()
    assert done not in page.content()
    page.goto(f"{lasting_door.address}/#")
    page.get_by_role("button", name="同意", exact=True).wait_for()
    assert (hand.reports(), hand.kept_blobs(page)) == (before, 1)
    arrive(first_cookie, "#mine")
    page.locator(".tip.received").nth(1).wait_for()
    with database.reading() as session:
        sent = session.scalars(select(Report.rider_id).order_by(Report.id)).all()
    assert (len(sent), sent[-2:]) == (before + 1, [first, first])


def test_points_are_read_without_a_network_and_by_nobody_else(
    lasting_door: Any, open_phone: Any, database: Database, hand: Any
) -> None:
    sealer, cookies, now = Sealer(lasting_door.settings), [], now_utc()
    with database.writing() as session:
        unit_id = session.scalars(select(Unit.id)).first()
        for name, number in (("孙八", "13900006671"), ("周九", "13900006672")):
            profile = RiderProfile(name, number)
            rider_id = add_rider(session, sealer=sealer, profile=profile).id
            cookies.append(open_session(session, rider_id=rider_id, device="Chrome", now=now))
            for cause in ("decided", "waits") if name == "孙八" else ():
                rule = PointRule.SUPERVISOR_TASK if cause == "waits" else PointRule.FIRST_REPORT
                earned = Earned(
                    rule=rule, cause=cause, rider_id=rider_id, unit_id=unit_id, earned_at=now
                )
                made = award(session, earned=earned, actor=PIPELINE, now=now)
                if made and cause == "decided":
                    grant(session, found=made, actor=PIPELINE, now=now)
    phone = open_phone()
    hand.sign_in(phone, lasting_door.address, cookies[0])
    page = phone.new_page()
    # They are brought when the app opens: nobody has to have looked while there was a network.
    with page.expect_response("**/api/v1/me/points"):
        page.goto(lasting_door.address)
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    page.wait_for_function(KEPT_POINTS)
    phone.set_offline(True)
    page.goto(f"{lasting_door.address}/#mine")
    page.get_by_role("link", name="我的积分").tap()
    expect(page.get_by_role("status")).to_contain_text("没有信号，这是 今天")
    expect(page.locator(".sum b")).to_have_text("50")
    expect(page.locator("#frame main")).to_contain_text("待审核 20 分")
    expect(page.locator(".list").last).to_contain_text("+50 举报经核查属实")
    # Another rider has the phone: neither the page nor the storage holds the first one's.
    hand.sign_in(phone, lasting_door.address, cookies[1])
    phone.set_offline(False)
    page.reload()
    expect(page.locator(".sum b")).to_have_text("0")
    assert "+50" not in page.content()
    phone.clear_cookies()
    page.reload()
    page.get_by_text("登录后，能看到您的积分。").wait_for()
    expect(page.locator(".sum")).to_have_count(0)
    page.wait_for_function(f"async () => !(await ({KEPT_POINTS})())")

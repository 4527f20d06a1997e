"""A phone that wants to be woken: the app subscribes, and what a locked screen shows says nothing.

Chromium without a display reaches no push service: in a window of its own, as each test has,
it refuses every subscription before it asks one. So `PushManager.subscribe`, where the
browser hands over to the push service, is a stand-in that makes real keys; all else is
the browser's own, and what a push service would bring is handed to the service worker by
the browser's own tools.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from intake.identity.sessions import open_session
from intake.riders.registering import RiderProfile, add_rider
from intake.subscriptions import opened_keys
from schemas.database import now_utc
from schemas.sealing import Sealer
from schemas.tables import PushSubscription
from schemas.vapid import public_key_of

pytestmark = pytest.mark.browser

PLACE = {"permissions": ["geolocation"]}
WAKING = {"permissions": ["geolocation", "notifications"]}
PUSH_SERVICE = """
    PushManager.prototype.subscribe = async function (options) {
        window.asked = options;
        const pair = await crypto.subtle.generateKey(
            { name: "ECDH", namedCurve: "P-256" }, true, ["deriveBits"]);
        const point = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
        const text = (bytes) => btoa(String.fromCharCode(...bytes))
            .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
        const auth = text(crypto.getRandomValues(new Uint8Array(16)));
        window.subscribed = { endpoint: "https://fcm.googleapis.com/fcm/send/phone",
            expirationTime: null, keys: { p256dh: text(point), auth } };
        return { toJSON: () => window.subscribed };
    };
"""


def test_a_phone_subscribes_for_one_tip_and_its_notice_says_nothing_of_it(
    lasting_door: Any,
    open_phone: Any,
    photo: Callable[..., Path],
    hand: Any,
    background: Any,
    database: Any,
) -> None:
    phone = open_phone(**WAKING)
    phone.add_init_script(PUSH_SERVICE)
    page = phone.new_page()
    page.goto(lasting_door.address)
    hand.fill_in(page, photo(51))
    page.get_by_text("写店名（可不写）").tap()
    page.get_by_label("店名").fill("张记饺子馆")
    page.get_by_role("button", name="好了").tap()
    page.get_by_role("button", name="发送").tap()
    report, _, _ = hand.rows_of(hand.number_of(page))
    page.get_by_role("button", name="有进展时提醒我").tap()
    page.get_by_text("有进展时，这部手机会提醒您。").wait_for()
    asked, kept = page.evaluate("[window.asked, window.subscribed]")
    assert asked == {
        "userVisibleOnly": True,
        "applicationServerKey": public_key_of(lasting_door.settings.vapid_private_key),
    }
    with database.reading() as session:
        row = session.scalars(select(PushSubscription)).one()
    # By the report alone: the server need not know whose phone it is.
    assert row.owner_id == report.id
    keys = opened_keys(Sealer(lasting_door.settings).open(row.sealed_subscription))
    assert keys.endpoint == kept["endpoint"]
    # What a message carries is never shown, whatever somebody has put into it.
    said = '{"type": "news", "id": "1", "title": "张记饺子馆", "body": "举报已查实"}'
    assert background.push(page, said) == {
        "title": "随手拍有新消息", "body": "点开看看。", "tag": "news", "data": None,
    }  # fmt: skip


def test_a_phone_that_allows_no_notices_is_told_where_the_news_is(
    lasting_door: Any, open_phone: Any, photo: Callable[..., Path], hand: Any
) -> None:
    phone = open_phone(**PLACE)
    phone.add_init_script(PUSH_SERVICE)
    page = phone.new_page()
    page.goto(lasting_door.address)
    hand.fill_in(page, photo(52))
    page.get_by_role("button", name="发送").tap()
    hand.number_of(page)
    page.get_by_role("button", name="有进展时提醒我").tap()
    page.get_by_text("这部手机没有允许提醒").wait_for()
    assert page.evaluate("window.subscribed") is None


def test_a_supervisor_is_woken_for_whatever_they_are_told(
    lasting_door: Any, open_phone: Any, hand: Any, database: Any
) -> None:
    with database.writing() as session:
        profile = RiderProfile("吴十", "13900006673")
        rider_id = add_rider(session, sealer=Sealer(lasting_door.settings), profile=profile).id
        cookie = open_session(session, rider_id=rider_id, device="Chrome", now=now_utc())
    phone = open_phone(**WAKING)
    phone.add_init_script(PUSH_SERVICE)
    hand.sign_in(phone, lasting_door.address, cookie)
    page = phone.new_page()
    with page.expect_response("**/api/v1/me/points"):
        page.goto(lasting_door.address)
    page.goto(f"{lasting_door.address}/#visits")
    page.get_by_role("button", name="有活动请我参加时提醒我").tap()
    page.get_by_text("有活动请您参加时，这部手机会提醒您。").wait_for()
    with database.reading() as session:
        owners = session.scalars(select(PushSubscription.owner_id)).all()
    assert rider_id in owners
    page.reload()
    page.get_by_text("有活动请您参加时，这部手机会提醒您。").wait_for()

import re
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from intake.app import create_app
from intake.door import Door
from intake.routes.pages import day_words
from schemas.database import Database, now_utc
from schemas.lifecycle import State
from schemas.settings import Settings
from schemas.tables import Photo, PhotoExamination, Report, Rider
from schemas.taxonomy import CATEGORIES
from schemas.workdays import local_date

Sender = Callable[..., TestResponse]
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "zh-CN"}
ENGLISH = BROWSER | {"Accept-Language": "en-GB,en;q=0.9"}


@pytest.fixture
def dialect() -> str:
    """What is asked here does not depend on the database."""
    return "sqlite"


@pytest.fixture
def send_page(send: Sender) -> Sender:
    """Send the page's form as a browser without JavaScript does."""

    def call(**fields: Any) -> TestResponse:
        given = {
            "path": "/reports",
            "key": None,
            "headers": BROWSER,
            "idempotency_key": str(uuid.uuid4()),
            "latitude": "",
            "longitude": "",
            "accuracy_m": "",
            "captured_at": "",
            "premises_name": "",
            "premises_address": "青年大街 1 号",
            "description": "",
            "platform": "",
            "rider_token": "",
        }
        return send(**(given | fields))

    return call


def reports_in(door: Door) -> int:
    with door.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Report)) or 0


def test_the_form_shows_every_category_and_a_key_of_its_own(client: FlaskClient) -> None:
    first, second = (client.get("/", headers=BROWSER).text for _ in range(2))
    for category in CATEGORIES:
        assert f'value="{category.code}"' in first
        assert category.words.zh in first
    keys = [
        re.findall(r'name="idempotency_key" value="([0-9a-f-]{36})"', page)
        for page in (first, second)
    ]
    assert keys[0] != keys[1]
    assert "商家永远不会知道是谁举报的。" in first


def test_every_category_has_an_icon(client: FlaskClient) -> None:
    with client.get("/static/icons.svg") as response:
        icons = response.text
    for category in CATEGORIES:
        assert f'<symbol id="{category.code}"' in icons


@pytest.mark.parametrize("path", ["/", "/status", "/nothing"])
def test_pages_carry_no_inline_script_or_style(client: FlaskClient, path: str) -> None:
    response = client.get(path, headers=BROWSER)
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", response.text)


@pytest.mark.parametrize("path", ["/", "/status", "/nothing"])
def test_pages_speak_english_to_whom_asks_for_it(client: FlaskClient, path: str) -> None:
    page = client.get(path, headers=ENGLISH).text
    assert '<html lang="en">' in page
    visible = re.sub(r"<[^>]*lang=\"zh-CN\"[^>]*>中文|<[^>]+>", "", page)
    assert not re.search(r"[\u4e00-\u9fff]", visible)
    assert "The shop never learns who reported." in page


def test_a_chosen_language_stays(client: FlaskClient) -> None:
    response = client.get("/language/en?back=/status", headers=BROWSER)
    assert response.headers["Location"] == "/status"
    assert '<html lang="en">' in client.get("/", headers=BROWSER).text
    assert client.get("/language/xx", headers=BROWSER).status_code == 302
    assert '<html lang="en">' in client.get("/", headers=BROWSER).text


def test_a_tip_is_sent_without_javascript_and_its_status_is_read(
    send_page: Sender, client: FlaskClient, door: Door
) -> None:
    response = send_page()
    assert response.status_code == 201
    number = re.search(r'id="number">([^<]+)<', response.text)
    code = re.search(r'id="receipt-code">([^<]+)<', response.text)
    assert number
    assert code
    page = client.post(
        "/status",
        headers=BROWSER,
        data={"number": number[1].lower(), "receipt_code": code[1].lower()},
    )
    assert page.status_code == 200
    assert number[1] in page.text
    assert "已收到，谢谢您。" in page.text
    assert code[1] not in page.text
    assert reports_in(door) == 1


def test_sending_the_page_again_is_no_second_tip(send_page: Sender, door: Door) -> None:
    key = str(uuid.uuid4())
    first, second = send_page(idempotency_key=key), send_page(idempotency_key=key)
    assert first.text == second.text
    assert reports_in(door) == 1


def test_a_refused_form_comes_back_with_what_was_written(send_page: Sender, door: Door) -> None:
    key = str(uuid.uuid4())
    response = send_page(
        idempotency_key=key,
        premises_name='张记 "饺子"<b>',
        category=["PEST", "SEAL_BROKEN"],
        files=[b"no picture"],
    )
    assert response.status_code == 422
    assert response.content_type.startswith("text/html")
    assert 'role="alert"' in response.text
    assert "这个文件不是照片" in response.text
    assert "张记 &#34;饺子&#34;&lt;b&gt;" in response.text
    assert 'value="PEST" checked' in response.text
    assert 'value="SEAL_BROKEN" checked' in response.text
    assert f'name="idempotency_key" value="{key}"' in response.text
    assert reports_in(door) == 0


def test_a_place_that_is_missing_is_asked_for_in_plain_words(send_page: Sender) -> None:
    response = send_page(premises_address="")
    assert response.status_code == 422
    assert "请打开定位，或填写店铺地址" in response.text


def test_a_field_is_named_as_the_page_names_it(send_page: Sender) -> None:
    assert "情况说明太长，最多 2000 个字。" in send_page(description="鼠" * 2001).text


def test_a_rider_may_give_their_token_on_the_page(
    send_page: Sender, door: Door, token: str
) -> None:
    response = send_page(rider_token=f" {token} ")
    assert response.status_code == 201
    assert token not in response.text
    with door.database.reading() as session:
        assert (
            session.scalars(select(Report.rider_id)).one()
            == session.scalars(select(Rider.id)).one()
        )


def test_a_token_that_is_unknown_is_refused_and_not_shown_again(send_page: Sender) -> None:
    response = send_page(rider_token="rider_wrong")
    assert response.status_code == 401
    assert "rider_wrong" not in response.text
    assert "登录凭证无效或已停用" in response.text


def test_a_wrong_receipt_code_says_what_to_check(client: FlaskClient, send_page: Sender) -> None:
    response = client.post(
        "/status", headers=BROWSER, data={"number": "JB20261121-AAAAAA-A", "receipt_code": "x"}
    )
    assert response.status_code == 404
    assert "请核对编号和回执码" in response.text


def test_a_question_that_is_too_large_is_refused(client: FlaskClient) -> None:
    response = client.post("/status", headers=BROWSER, data={"number": "x" * 100_000})
    assert response.status_code == 413
    assert "内容太大" in response.text


def test_what_is_not_there_has_a_way_back(client: FlaskClient) -> None:
    response = client.get("/nothing", headers=BROWSER)
    assert response.status_code == 404
    assert 'href="/"' in response.text


@pytest.fixture
def closed_app(door_settings: Settings) -> Flask:
    """A door that takes tips of registered riders only."""
    return create_app(door_settings.model_copy(update={"anonymous_tips": False}))


def test_where_nobody_may_stay_anonymous_the_page_says_so(closed_app: Flask) -> None:
    client = closed_app.test_client()
    assert "骑手凭证（必填）" in client.get("/", headers=BROWSER).text
    closed_app.extensions["door"].database.close()


def test_the_status_page_tells_departments_days_and_due_date(
    send: Sender,
    client: FlaskClient,
    database: Database,
    open_case: Callable[..., str],
) -> None:
    answer = send().get_json()
    now = now_utc()
    with database.writing() as session:
        report_id = session.scalars(select(Report.id)).one()
        photo_id = session.scalars(select(Photo.id)).one()
        session.add(PhotoExamination(photo_id=photo_id, unreadable_reason="decoder-crashed"))
    soon = local_date(now) + timedelta(days=60)
    open_case(report_id, states=((State.VERIFYING, now),), due_on=soon)
    open_case(report_id, department="fire", states=((State.PENALISED, now),), due_on=soon)
    question = {"number": answer["number"], "receipt_code": answer["receipt_code"]}
    zh = client.post("/status", headers=BROWSER, data=question).text
    for text in (
        "由几个部门分别办理",
        "市场监管",
        "消防救援",
        "正在核查。",
        "今天",
        "这张照片打不开",
    ):
        assert text in zh
    assert f"最迟{soon.year}年{soon.month}月{soon.day}日有结论" in zh
    en = client.post("/status", headers=ENGLISH, data=question).text
    assert f"by {soon:%B} {soon.day}, {soon.year}" in en
    status = client.get(
        f"/api/v1/reports/{answer['number']}", headers={"Receipt-Code": answer["receipt_code"]}
    ).get_json()
    (photo,) = status["photos"]
    assert photo["reason"] == "decoder-crashed"
    assert "作为补充发来" in photo["note"]
    assert {(item["department"], item["due_on"]) for item in status["handling"]} == {
        ("市场监管", soon.isoformat()),
        ("消防救援", None),
    }


def test_days_are_said_as_people_say_them(app: Flask) -> None:
    today = local_date(now_utc())
    with app.test_request_context(headers=BROWSER):
        assert day_words(today) == "今天"
        assert day_words(today - timedelta(days=1)) == "昨天"
        assert day_words(date(2026, 1, 2)) == "2026年1月2日"

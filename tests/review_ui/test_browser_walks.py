"""Whole walks through the room, from a rider's tip at the door to what the rider is told.

One product for all of them: the rider's door, a real worker at a real queue, the room, and
a browser in which each person signs in once and goes on from page to page.
"""

import io
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from redis import Redis
from sqlalchemy import select
from werkzeug.serving import make_server

from intake.app import create_app as create_door
from review_ui.access.staff import add_staff
from review_ui.app import create_app as create_room
from schemas.access import Role
from schemas.database import Database, connect
from schemas.settings import Settings, load_settings
from schemas.tables import Case, CaseReport, Report, ReportProgress, Unit

SHENYANG, HEPING, SHENHE = "210100", "210102", "210103"
# On the border of Heping and Shenhe, and well inside each of them.
BORDER, IN_HEPING, IN_SHENHE = (41.7676, 123.4292), (41.7564, 123.3998), (41.8137, 123.5446)
PASSWORD = "a long enough password"
# Who works in these walks, as what and where.
STAFF = {
    "dora": ("林分派", Role.DISPATCHER, SHENYANG),
    "anna": ("安检查", Role.INSPECTOR, SHENHE),
    "bob": ("白检查", Role.INSPECTOR, SHENHE),
    "hugo": ("和检查", Role.INSPECTOR, HEPING),
}
WITHIN_S = 120.0
pytestmark = pytest.mark.browser


@dataclass
class Product:
    """A running product, and the pages that its staff have open."""

    settings: Settings
    database: Database
    browser: Browser
    room: str
    send_to_door: Any
    pages: dict[str, Page] = field(default_factory=dict)
    sent: int = 0

    def tip(self, at: tuple[float, float], shop: str, category: str = "PEST") -> dict[str, str]:
        """Send a tip as a rider's phone does, wait for the worker, return the door's answer."""
        self.sent += 1
        answer = self.send_to_door.post(
            "/api/v1/reports",
            headers={"Idempotency-Key": f"00000000-0000-4000-8000-{self.sent:012d}"},
            data={
                "photos": (io.BytesIO(photo(self.sent)), "1.jpg"),
                "category": category,
                "latitude": str(at[0]),
                "longitude": str(at[1]),
                "accuracy_m": "12",
                "datum": "wgs84",
                "premises_name": shop,
            },
        )
        assert answer.status_code == 201, answer.get_data(as_text=True)
        until(lambda: self.finished(answer.json["number"]))
        return dict(answer.json)

    def finished(self, number: str) -> bool:
        """Whether the worker is done with a report."""
        with self.database.reading() as session:
            return (
                session.scalars(
                    select(ReportProgress.finished_at)
                    .join(Report, Report.id == ReportProgress.report_id)
                    .where(Report.number == number)
                ).one()
                is not None
            )

    def case_of(self, tip: dict[str, str]) -> Case:
        """Return the case in which a tip stands."""
        with self.database.reading() as session:
            return session.scalars(
                select(Case)
                .join(CaseReport, CaseReport.case_id == Case.id)
                .join(Report, Report.id == CaseReport.report_id)
                .where(Report.number == tip["number"], CaseReport.unlinked_at.is_(None))
            ).one()

    def told(self, tip: dict[str, str]) -> str:
        """Return what the rider is told of a tip now."""
        answer = self.send_to_door.get(
            f"/api/v1/reports/{tip['number']}",
            headers={"Receipt-Code": tip["receipt_code"], "Accept-Language": "zh"},
        )
        return answer.get_data(as_text=True)

    def at_desk(self, name: str) -> Page:
        """Return somebody's page at the list of cases, signed in if they were not yet."""
        if name not in self.pages:
            context = self.browser.new_context(
                viewport={"width": 1366, "height": 768}, base_url=self.room, locale="zh-CN"
            )
            page = self.pages[name] = context.new_page()
            page.goto("/")
            page.get_by_label("用户名").fill(name)
            page.get_by_label("密码").fill(PASSWORD)
            page.get_by_role("button", name="登录", exact=True).click()
        self.pages[name].goto("/")
        return self.pages[name]


def photo(seed: int) -> bytes:
    """Return a picture that is like no other one."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray((random.random((9, 12, 3)) * 255).astype(np.uint8))
    out = io.BytesIO()
    coarse.resize((800, 600), Image.Resampling.BICUBIC).save(out, "JPEG", quality=85)
    return out.getvalue()


def until(holds: Callable[[], object]) -> None:
    deadline, pause = time.monotonic() + WITHIN_S, threading.Event()
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        pause.wait(0.05)


def serve(app: Any) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()
    app.extensions["room"].database.close()


def work(settings: Settings, log: Path) -> Iterator[None]:
    environ = os.environ | {
        "DATA_DIR": str(settings.data_dir),
        "REDIS_URL": settings.redis_url,
        "SECRET_KEYS": ",".join(settings.secret_keys),
        "LOG_FORMAT": "json",
    }
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [sys.executable, "-m", "workers.runner"], env=environ, stdout=output, stderr=output
        )
    yield
    alive = worker.poll() is None
    worker.terminate()
    worker.wait()
    assert alive, log.read_text()[-2000:]


def employ(database: Database) -> None:
    with database.writing() as session:
        for sign_in, (name, role, code) in STAFF.items():
            unit = session.scalars(
                select(Unit).where(Unit.division_code == code, Unit.department == "market")
            ).one()
            add_staff(
                session, sign_in=sign_in, name=name, password=PASSWORD, roles=[(role, unit.id)]
            )


@pytest.fixture(scope="module")
def product(
    browser: Browser,
    sqlite_template: Path,
    queue_server: str,
    tmp_path_factory: pytest.TempPathFactory,
    _catalogue: None,
) -> Iterator[Product]:
    """The product of this module, with a worker that starts while people sign in."""
    data_dir = tmp_path_factory.mktemp("walks")
    (data_dir / "suishoupai.sqlite3").write_bytes(sqlite_template.read_bytes())
    with Redis.from_url(queue_server) as client:
        client.flushall()
    settings = load_settings(
        {}, data_dir=data_dir, secret_keys="A" * 43 + "=", redis_url=queue_server
    )
    working = work(settings, data_dir / "worker.log")
    next(working)
    database = connect(settings)
    employ(database)
    door, serving = create_door(settings), serve(create_room(settings))
    made = Product(settings, database, browser, next(serving), door.test_client())
    yield made
    for page in made.pages.values():
        page.context.close()
    for each in (serving, working):
        next(each, None)
    door.extensions["door"].database.close()
    database.close()


def press(page: Page, button: str) -> None:
    """Press a button that leads to another page."""
    with page.expect_navigation():
        page.get_by_role("button", name=button, exact=True).first.click()


def open_step(page: Page, step: str) -> Locator:
    """Open a step under «更多» and return its form."""
    rest = page.locator("details.rest", has=page.locator("summary", has_text="更多")).first
    if rest.get_attribute("open") is None:
        rest.locator("> summary").click()
    folded = rest.locator("details", has=page.get_by_text(step, exact=True)).first
    folded.locator("> summary").click()
    return folded


def read(page: Page, number: str, *texts: str) -> None:
    """Check that a case page stands open and says all of this."""
    page.wait_for_url(f"**/cases/{number}**")
    for text in texts:
        seen = page.get_by_text(text).filter(visible=True).first
        expect(seen).to_be_visible(timeout=WITHIN_S * 1000)


def test_a_dispatcher_gives_a_border_case_to_one_of_its_counties(product: Product) -> None:
    tip = product.tip(BORDER, "界河烧烤")
    number = product.case_of(tip).number
    assert "工作人员正在确认由哪里办理" in product.told(tip)
    hugo = product.at_desk("hugo")
    expect(hugo.get_by_text("没有待办的案件")).to_be_visible()

    dora = product.at_desk("dora")
    dora.get_by_role("link", name="待分派 1").click()
    dora.wait_for_url("**tab=dispatch")
    for key in ("j", "Enter"):
        dora.keyboard.press(key)
    read(
        dora,
        number,
        "小于判定所需的 150 米，另一侧是辽宁省沈阳市和平区",
        "候选：辽宁省沈阳市沈河区",
    )
    units = dora.get_by_label("承办机构")
    offered = units.locator("option").all_inner_texts()
    assert offered[1] == "沈阳市沈河区市场监督管理局（候选，定位在其界内）"
    assert re.fullmatch(r"沈阳市和平区市场监督管理局（候选，\d+ 米）", offered[2])
    # The photo shows a house number on the other side: the machine's first is not taken.
    units.select_option(offered[2])
    press(dora, "分派")
    read(dora, number, "案件已改为“已分派”")

    hugo = product.at_desk("hugo")
    hugo.get_by_role("link", name="鼠患虫害").click()
    read(hugo, number, "沈阳市和平区市场监督管理局", "林分派")
    assert "已分给负责的市场监管部门" in product.told(tip)
    anna = product.at_desk("anna")
    expect(anna.get_by_text("没有待办的案件")).to_be_visible()


def test_a_case_is_returned_with_a_reason_that_the_dispatcher_reads_first(
    product: Product,
) -> None:
    tip = product.tip(IN_SHENHE, "张记抻面")
    number = product.case_of(tip).number
    anna = product.at_desk("anna")
    anna.keyboard.press("/")
    anna.keyboard.type("张记抻面")
    anna.keyboard.press("Enter")
    anna.wait_for_url("**q=**")
    anna.locator(".cases > li", has_text="张记抻面").get_by_role("link").click()
    read(anna, number)
    anna.keyboard.press("r")
    anna.keyboard.type("门牌在和平区一侧")
    # Over the note, which may stay empty, to the button.
    for key in ("Tab", "Tab", "Enter"):
        anna.keyboard.press(key)
    anna.get_by_text("案件已改为“待分派”").wait_for()
    assert anna.get_by_role("link", name="鼠患虫害").count() == 0

    dora = product.at_desk("dora")
    dora.get_by_role("link", name="待分派 1").click()
    dora.get_by_role("link", name="鼠患虫害").click()
    read(dora, number, "为什么退回")
    asked = dora.locator(".do")
    why = asked.locator("h3", has_text="为什么退回")
    assert why.evaluate("title => title.nextElementSibling.innerText") == "门牌在和平区一侧"
    asked.get_by_label("承办机构").select_option("沈阳市和平区市场监督管理局")
    press(dora, "分派")
    read(dora, number, "案件已改为“已分派”")
    hugo = product.at_desk("hugo")
    hugo.locator(".cases > li", has_text="张记抻面").get_by_role("link").click()
    read(hugo, number, "门牌在和平区一侧")


def test_a_case_is_transferred_with_its_document_number_and_notice(product: Product) -> None:
    tip = product.tip(IN_HEPING, "和平烧鸽子")
    number = product.case_of(tip).number
    dora = product.at_desk("dora")
    dora.locator(".cases > li", has_text="和平烧鸽子").get_by_role("link").click()
    read(dora, number)
    form = open_step(dora, "移送其他部门")
    form.get_by_label("接收部门").fill("沈阳市和平区城市管理局")
    form.get_by_role("button", name="移送其他部门").click()
    # The browser itself keeps a form back whose number is not filled in.
    assert dora.evaluate("document.activeElement.name") == "document_number"
    form.get_by_label("文号").fill("沈市监移〔2026〕3号")
    press(dora, "移送其他部门")
    read(
        dora, number, "案件已改为“已移送”", "沈阳市和平区城市管理局", "沈市监移〔2026〕3号",
        "通知日期", "没有要办的步骤",
    )  # fmt: skip
    assert "已移送有权处理的部门" in product.told(tip)
    hugo = product.at_desk("hugo")
    assert hugo.locator(".cases > li", has_text="和平烧鸽子").count() == 0


def test_a_rectification_is_ordered_and_its_reinspection_signed_by_two(product: Product) -> None:
    tip = product.tip(IN_SHENHE, "李记烤冷面", category="DIRTY_KITCHEN")
    number = product.case_of(tip).number
    anna, bob = product.at_desk("anna"), product.at_desk("bob")

    def sign() -> None:
        """The colleague finds it among what waits for them, and leads to it by a key."""
        bob.goto("/")
        bob.get_by_role("link", name="待我签字 1").click()
        bob.get_by_role("link", name="后厨脏乱").click()
        read(bob, number, "安检查 于今天")
        bob.keyboard.press("s")
        with bob.expect_navigation():
            bob.keyboard.press("Enter")

    anna.get_by_role("link", name="后厨脏乱").click()
    read(anna, number)
    press(anna, "开始核查")
    anna.get_by_label("核查情况", exact=True).first.fill("灶台油污，垃圾桶无盖。")
    anna.get_by_label("实际经营地址").first.fill("热闹路 12 号")
    press(anna, "提出：查实")
    sign()
    read(bob, number, "已签字，案件改为“查实”")

    anna.reload()
    anna.get_by_label("责令改正文书号").fill("沈河市监责改〔2026〕8号")
    anna.get_by_label("改正期限").fill("2099-01-05")
    press(anna, "责令改正")
    read(anna, number, "沈河市监责改〔2026〕8号 · 2099年1月5日前改正 · 执行中，待复查")
    assert "已责令商家改正" in product.told(tip)
    anna.get_by_label("复查结果").select_option("已改正")
    press(anna, "提出：复查")
    sign()
    read(bob, number, "已签字，案件改为“查实”", "日复查：已改正")
    assert "核查属实,谢谢您" in product.told(tip)


def test_a_report_taken_out_and_joined_again_keeps_its_rank_and_the_clock(
    product: Product,
) -> None:
    first = product.tip(IN_SHENHE, "老王麻辣烫", category="EXPIRED")
    second = product.tip(IN_SHENHE, "老王麻辣烫", category="EXPIRED")
    case = product.case_of(first)
    began = case.received_at
    assert product.case_of(second).number == case.number

    anna = product.at_desk("anna")
    anna.get_by_role("link", name="过期食品").click()
    read(anna, case.number, "第 2 份 · 系统并入")
    who = anna.locator("blockquote.said strong").all_inner_texts()
    press(anna, f"不是同一线索，移出 {who[0]} 的举报")
    read(anna, case.number, "举报已移出，系统将为它另立案件")
    # The worker has it from the queue again, and opens another case.
    until(lambda: product.finished(first["number"]))
    other = product.case_of(first)
    assert other.number != case.number
    # Each clock runs from the first receipt that stands in its case.
    assert other.received_at == began < product.case_of(second).received_at

    anna.reload()
    press(anna, "是同一线索，并入本案")
    read(anna, case.number, f"并入后案件 {other.number} 就没有举报了，须由分派员办理")
    dora = product.at_desk("dora")
    dora.goto(f"/cases/{case.number}")
    press(dora, "是同一线索，并入本案")
    read(dora, case.number, f"案件 {other.number} 比本案早收到")
    dora.get_by_role("link", name=other.number).first.click()
    read(dora, other.number)
    press(dora, "是同一线索，并入本案")
    read(dora, other.number, "举报已并入本案", "第 2 份")
    there = product.case_of(second)
    assert (there.number, there.received_at) == (other.number, began)
    with product.database.reading() as session:
        assert session.get_one(Case, case.id).state == "invalid"

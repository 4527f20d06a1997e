"""The room in a real browser: a case from sign-in to closed, keyboard, lists and maps."""

import pyotp
import pytest
from playwright.sync_api import Page

from review_ui.casework.advancing import advance
from schemas.access import Role
from schemas.database import now_utc
from schemas.lifecycle import State

SHENHE, SHENYANG = "210103", "210100"
PASSWORD = "a long enough password"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("dialect", ["sqlite"], indirect=True),
]


def act(page: Page, button: str) -> None:
    """Press a button of the case page and wait for the page after it."""
    with page.expect_navigation():
        page.get_by_role("button", name=button, exact=True).first.click()


def test_a_case_is_verified_by_two_filed_penalised_and_closed(world, enter) -> None:
    for name, role in (("anna", Role.INSPECTOR), ("bob", Role.INSPECTOR)):
        world.person(name, (role, SHENHE))
    world.person("hanna", (Role.BUREAU_HEAD, SHENHE))
    case = world.case(flags=("no-exif",), received_at=world.now)

    anna = enter("anna")
    anna.get_by_role("link", name="后厨脏乱").click()
    anna.locator("summary", has_text="经办人").click()
    act(anna, "由我经办")
    act(anna, "开始核查")
    anna.get_by_label("核查情况").first.fill("后厨有鼠迹，现场拍照 12 张。")
    act(anna, "提出：查实")
    assert anna.get_by_text("须由另一名执法人员签字").is_visible()

    bob = enter("bob")
    bob.get_by_role("link", name="待我签字 1").click()
    bob.get_by_role("link", name="后厨脏乱").click()
    assert bob.get_by_text("后厨有鼠迹").first.is_visible()
    act(bob, "签字确认")
    assert world.fresh(case).state == "verified"

    hanna = enter("hanna")

    def approve(button: str) -> None:
        """Anna proposes what she has filled in; the bureau head signs it."""
        act(anna, f"提出：{button}")
        hanna.goto("/?tab=sign")
        hanna.get_by_role("link", name="后厨脏乱").click()
        act(hanna, "签字确认")
        anna.reload()

    anna.reload()
    anna.locator("summary", has_text="更多").click()
    anna.locator("summary").get_by_text("立案", exact=True).click()
    anna.get_by_label("审批文号").first.fill("沈河市监立〔2026〕9号")
    anna.get_by_label("依据和理由").first.fill("违反食品安全法第三十三条")
    approve("立案")
    anna.get_by_label("决定书文号").first.fill("沈河市监处罚〔2026〕12号")
    article = anna.locator("#f-penalised-law_article-known option").first.get_attribute("value")
    assert article == "《食品安全法》第一百二十六条第一款第十三项"
    anna.get_by_label("法律条款").first.fill(article)
    anna.get_by_label("警告").check()
    anna.get_by_label("罚款", exact=True).check()
    anna.get_by_label("罚款（元）").fill("5000")
    approve("处罚")
    anna.get_by_label("理由").first.fill("罚款已缴清")
    approve("办结")
    assert world.fresh(case).state == "closed"
    assert hanna.get_by_text("¥5,000.00").first.is_visible()

    hanna.get_by_role("link", name="本周").click()
    figures = hanna.locator(".figures .number").all_inner_texts()
    assert figures == ["1", "1", "1", "1", "1"]


def test_the_list_is_walked_by_keyboard(world, enter) -> None:
    world.person("anna", (Role.INSPECTOR, SHENHE))
    cases = [world.case(due_on=now_utc().date().replace(year=2027, day=n)) for n in (1, 2)]
    page = enter("anna")
    for key, expected in (("j", 0), ("j", 1), ("j", 1), ("k", 0)):
        page.keyboard.press(key)
        focused = page.evaluate("document.activeElement.getAttribute('href')")
        assert focused == f"/cases/{cases[expected].number}"
    page.keyboard.press("?")
    assert page.locator("dialog[data-keys]").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("没有这家店j")
    page.keyboard.press("Enter")
    page.get_by_text("没有符合条件的案件").wait_for()
    assert "q=" in page.url


def test_a_new_case_appears_by_itself_but_not_under_ticked_boxes(world, enter) -> None:
    world.person("anna", (Role.INSPECTOR, SHENHE))
    world.case()
    page = enter("anna")
    page.evaluate("window.stayed = true")
    # The page asks at once when it is looked at again, which a test need not wait for.
    look_again = "document.dispatchEvent(new Event('visibilitychange'))"
    world.case()
    page.evaluate(look_again)
    page.locator(".cases > li").nth(1).wait_for()
    assert "2" in page.locator("[data-said]").inner_text()
    page.keyboard.press("j")
    page.keyboard.press("x")
    world.case()
    page.evaluate(look_again)
    page.locator("[data-changed]").wait_for(state="visible")
    assert page.locator(".cases input:checked").count() == 1
    assert page.evaluate("window.stayed")


def test_the_map_of_cases_clusters_them_and_leads_to_each(world, enter) -> None:
    world.person("anna", (Role.INSPECTOR, SHENHE))
    for shift in (0.0, 0.00001, 0.00002):
        world.case(place=(41.7961 + shift, 123.4421))
    page = enter("anna")
    page.goto("/map")
    cluster = page.locator(".cluster")
    cluster.wait_for()
    assert cluster.inner_text() == "3"
    assert cluster.get_attribute("title") == "3 个案件"
    assert page.locator(".brief li").count() == 3


def test_keys_lead_to_photos_and_to_signing_and_sign_nothing(world, enter) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    world.person("bob", (Role.INSPECTOR, SHENHE))
    case = world.case(state=State.VERIFYING, reports=(world.report(photos=2),))
    with world.database.writing() as session:
        advance(
            session, case_id=case.id, staff=anna, to=State.UNVERIFIABLE, version=2,
            record={"findings": "店已搬走"}, now=now_utc(),
        )  # fmt: skip
    page = enter("bob")
    page.goto(f"/cases/{case.number}")
    for key, index in (("n", 0), ("n", 1), ("p", 0)):
        page.keyboard.press(key)
        hrefs = page.evaluate("[...document.querySelectorAll('a[data-photo]')].map(a => a.href)")
        assert page.evaluate("document.activeElement.href") == hrefs[index]
    page.keyboard.press("s")
    assert page.evaluate("document.activeElement.innerText").strip() == "签字确认"
    page.keyboard.press("r")
    assert page.evaluate("document.activeElement.name") == "reason"
    assert world.fresh(case).state == "verifying"


def test_filters_change_the_list_in_place(world, enter) -> None:
    world.person("anna", (Role.INSPECTOR, SHENHE))
    world.case(categories=("PEST",))
    world.case(categories=("EXPIRED",))
    page = enter("anna")
    page.evaluate("window.stayed = true")
    page.get_by_label("类别").select_option("PEST")
    page.wait_for_url("**category=PEST**")
    page.wait_for_function("document.querySelectorAll('.cases > li').length === 1")
    assert page.evaluate("window.stayed")


def test_the_map_draws_claims_with_their_distances_and_the_cases_near_by(world, enter) -> None:
    world.person("anna", (Role.INSPECTOR, SHENHE))
    case = world.case()
    near = world.case(place=(41.7970, 123.4421), premises_name="张家烧烤")
    page = enter("anna")
    page.goto(f"/cases/{case.number}")
    page.locator("[data-map] canvas").wait_for()
    assert page.locator(".legend").is_visible()
    assert page.locator("[data-map] b.at").all_text_contents() == ["A", "B"]
    assert page.locator("[data-map] .apart-words").text_content() == "44 米"
    whole = page.locator("[data-map]").bounding_box()
    for mark in page.locator("[data-map] .at").all():
        box = mark.bounding_box()
        assert whole["x"] < box["x"] < whole["x"] + whole["width"] - box["width"]
        assert whole["y"] < box["y"] < whole["y"] + whole["height"] - box["height"]
    page.locator("[data-map] a.at").click()
    page.wait_for_url(f"**/cases/{near.number}")


def test_two_on_one_case_the_later_keeps_the_words(world, enter) -> None:
    for name in ("anna", "bob"):
        world.person(name, (Role.INSPECTOR, SHENHE))
    case = world.case(state=State.VERIFYING)
    pages = [enter(name) for name in ("anna", "bob")]
    for page in pages:
        page.goto(f"/cases/{case.number}")
        page.get_by_label("核查情况").first.fill(f"由 {page.url[-1]} 写的很长的核查情况")
    for page in pages:
        act(page, "提出：查实")
    assert "案件有了变化" in pages[1].locator("#refusal").inner_text()
    assert pages[1].get_by_label("核查情况").first.input_value().startswith("由 ")


def test_a_printed_case_names_no_reporter(world, enter) -> None:
    world.person("anna", (Role.INSPECTOR, SHENHE))
    case = world.case()
    page = enter("anna")
    page.goto(f"/cases/{case.number}")
    page.emulate_media(media="print")
    printed = page.locator("main").inner_text()
    assert "骑手-0Q0" not in printed
    assert "时许" not in printed
    assert "后厨地面有老鼠屎" not in printed
    assert case.number in printed


def test_a_second_factor_is_set_up_and_asked_at_the_next_sign_in(world, enter) -> None:
    world.person("boss", (Role.ADMINISTRATOR, SHENYANG), (Role.INSPECTOR, SHENYANG))
    page = enter("boss")
    page.goto("/account/second-factor")
    secret = page.inner_text("code.secret").strip()
    page.get_by_label("6 位数字").fill(pyotp.TOTP(secret).now())
    page.get_by_label("当前密码").fill(PASSWORD)
    act(page, "确认")
    recovery = page.locator(".recovery-codes code").first.inner_text()

    again = enter()
    again.fill("#sign_in", "boss")
    again.fill("#password", PASSWORD)
    act(again, "登录")
    again.fill("#code", recovery)
    act(again, "验证")
    assert again.get_by_role("link", name="人员").is_visible()

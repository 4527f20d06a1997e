"""The room in a browser without script, and what the script adds to writing a note."""

import pytest
from playwright.sync_api import Page, expect

from schemas.access import Role
from schemas.lifecycle import State

SHENHE, SHENYANG = "210103", "210100"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("dialect", ["sqlite"], indirect=True),
]


def unfold(page: Page, *summaries: str) -> None:
    """Open what is folded away, one inside the other."""
    for text in summaries:
        page.locator("main summary", has_text=text).first.click()


def test_a_case_is_worked_on_and_signed_without_script(world, enter) -> None:
    for name in ("anna", "bob"):
        world.person(name, (Role.INSPECTOR, SHENHE))
    case, other = world.case(categories=("PEST",)), world.case(categories=("EXPIRED",))
    anna, bob = (enter(name, javascript=False) for name in ("anna", "bob"))

    anna.get_by_label("类别").select_option("PEST")
    anna.get_by_role("button", name="筛选").click()
    assert anna.locator(".cases > li").count() == 1
    anna.get_by_role("link", name="鼠患虫害").click()
    unfold(anna, "经办人")
    anna.get_by_role("button", name="由我经办").click()
    anna.get_by_role("button", name="开始核查").click()
    anna.get_by_label("写备注").fill("@Bob 请一起去")
    anna.get_by_role("button", name="写入备注").click()
    findings = anna.get_by_label("核查情况", exact=True).first
    findings.fill("到店时已停业。")
    anna.get_by_role("button", name="插入模板").first.click()
    written = findings.input_value()
    assert written.startswith("到店时已停业。\n")
    assert len(written) > 20
    anna.get_by_role("button", name="提出：查实").click()
    assert anna.get_by_text("“查实”，等另一个人签字").is_visible()

    bob.get_by_role("link", name="我的待办").click()
    assert bob.get_by_text("@Bob 请一起去").is_visible()
    bob.goto("/?tab=sign")
    bob.get_by_role("link", name="鼠患虫害").click()
    unfold(bob, "退回")
    bob.get_by_label("理由").first.fill("请补充店招照片")
    bob.get_by_role("button", name="退回", exact=True).click()
    anna.reload()
    assert anna.get_by_text("请补充店招照片").first.is_visible()
    anna.get_by_label("核查情况", exact=True).first.fill("已补拍店招。")
    anna.get_by_role("button", name="提出：查实").click()
    bob.reload()
    bob.get_by_role("button", name="签字确认").click()
    assert world.fresh(case).state == "verified"

    bob.goto(f"/cases/{other.number}")
    unfold(bob, "更多", "退回分派")
    bob.get_by_label("理由").first.fill("在浑南区")
    bob.get_by_role("button", name="退回分派").click()
    assert bob.get_by_text("案件已改为“待分派”").is_visible()
    assert world.fresh(other).state == "dispatch"


def test_several_cases_are_handled_at_once_without_script(world, enter) -> None:
    dora = world.person("dora", (Role.DISPATCHER, SHENYANG))
    cases = [world.case(state=State.DISPATCH, code=SHENYANG) for _ in range(3)]
    page = enter("dora", javascript=False)

    def tick(*chosen) -> None:
        page.goto("/?tab=dispatch")
        for case in chosen:
            page.get_by_label(f"勾选 {case.number}").check()

    def outcome(*texts: str) -> None:
        for text in texts:
            assert page.locator("main").get_by_text(text).first.is_visible(), text
        page.get_by_role("link", name="回到列表").click()
        expect(page.get_by_role("link", name="待分派")).to_have_attribute("aria-current", "page")

    tick(*cases)
    page.get_by_role("button", name="分给此人").click()
    outcome("已交给经办人 · 3")
    assert {world.fresh(case).assignee_id for case in cases} == {dora.staff_id}
    tick(*cases[:2])
    page.get_by_role("button", name="提示为同一线索").click()
    outcome("已提示为同一线索 · 1")
    tick(cases[2])
    page.get_by_label("不属举报的原因").select_option(index=0)
    page.get_by_role("button", name="记为不属举报").click()
    outcome("已记为不属举报 · 1")
    assert [world.fresh(case).state for case in cases] == ["dispatch", "dispatch", "invalid"]

    # Of two that are ticked on an old screen, the one that a colleague moved on is refused.
    tick(*cases[:2])
    with world.database.writing() as session:
        moved = session.merge(world.fresh(cases[0]))
        moved.version += 1
    page.get_by_role("button", name="记为不属举报").click()
    outcome("已记为不属举报 · 1", "没有办理：1 个", "案件有了变化")

    page.goto("/?tab=dispatch")
    with page.expect_download() as saved:
        page.get_by_role("button", name="导出 CSV").click()
    assert cases[0].number in saved.value.path().read_text("utf-8-sig")
    page.locator("main summary", has_text="我的视图").click()
    page.get_by_label("把当前列表存为").fill("早上先看")
    page.get_by_role("button", name="保存").click()
    page.locator("main summary", has_text="我的视图").click()
    page.get_by_role("link", name="早上先看").click()
    assert page.locator(".cases > li").count() == 1


def test_a_colleagues_name_is_completed_by_keyboard_and_by_touch(world, enter) -> None:
    for name, said in (("anna", "安检查"), ("bob", "白检查"), ("bea", "白小兰")):
        world.person(name, (Role.INSPECTOR, SHENHE), name=said)
    case = world.case()
    page = enter("anna")
    page.goto(f"/cases/{case.number}")
    note, names = page.get_by_label("写备注"), page.locator("#note-names")
    note.press_sequentially("请 @")
    expect(names.get_by_role("button")).to_have_count(3)
    note.press_sequentially("白")
    expect(names.get_by_role("button")).to_have_text(["白小兰", "白检查"])
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(names).to_be_hidden()
    assert note.input_value() == "请 @白检查 "
    page.keyboard.type("和 @白小")
    names.get_by_role("button", name="白小兰").click()
    page.keyboard.type("看照片 @没")
    expect(names).to_be_hidden()
    page.keyboard.press("Backspace")
    expect(names).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    expect(names).to_be_hidden()
    assert note.input_value() == "请 @白检查 和 @白小兰 看照片 @"
    page.get_by_role("button", name="写入备注").click()
    page.get_by_text("请 @白检查 和 @白小兰 看照片 @").last.wait_for()

    bob = enter("bob")
    bob.get_by_role("link", name="我的待办").get_by_text("1").click()
    expect(bob.get_by_text("请 @白检查 和 @白小兰")).to_be_visible()

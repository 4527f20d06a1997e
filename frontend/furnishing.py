"""Furnishes the demo for the pictures: what people make by hand and no demo brings along.

Done as people do it: an issue is signed by the statistician, a draw prepared by one and drawn
by another, supplies noted by the officer, a reward applied for by a rider.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx
from playwright.sync_api import Browser, Page

from schemas.database import now_utc
from schemas.weeks import week_of

# A licensed list of shops, made up like everything in the demo.
SHOPS = tuple(
    f"{street}{kind}（演示）"
    for street in ("中街", "热闹路", "青年大街", "文化东路", "北通天街")
    for kind in ("面馆", "饺子馆", "烤肉店", "麻辣拌", "盒饭", "轻食店")
)
TITLE = "元旦前随机访餐厅"
SUPPLIES = (("保温杯", "寒潮慰问"), ("防滑手套", "寒潮慰问"), ("大米一袋", "元旦慰问"))
CLAIMS = 3


@contextmanager
def signed_in(browser: Browser, room: int, who: str, password: str) -> Iterator[Page]:
    """Give a page of the room to one of the demo's staff."""
    base = f"http://127.0.0.1:{room}"
    with browser.new_context(base_url=base, locale="zh-CN") as context:
        page = context.new_page()
        page.goto("/sign-in")
        page.fill("input[name=sign_in]", who)
        page.fill("input[name=password]", password)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda url: "/sign-in" not in url)
        yield page


def press(page: Page, button: str) -> None:
    """Press a button that sends a form, and wait for the page that answers."""
    with page.expect_navigation():
        page.get_by_role("button", name=button).first.click()
    if refusal := page.locator(".notice.is-danger").all_inner_texts():
        raise SystemExit(f"{page.url}: {refusal[0]}")


def furnish(
    browser: Browser, *, door: int, room: int, password: str, rider_tokens: Mapping[str, str]
) -> str:
    """Make what the pictures show, and return the path of the draw's page."""
    apply_for_rewards(door, rider_tokens)
    with signed_in(browser, room, "shenyang-stats", password) as page:
        page.goto(f"/bulletins/sign?week={week_of(now_utc()).after(-1).name}")
        page.check("input[name=confirmed]")
        press(page, "签发第 1 版")
    with signed_in(browser, room, "shenyang-rewards", password) as page:
        give_supplies(page)
    with signed_in(browser, room, "shenhe-1", password) as page:
        page.goto("/draws/new")
        page.fill("#title", TITLE)
        page.fill("#unit", "210103")
        page.fill("#text", "\n".join(SHOPS))
        page.fill("#size", "6")
        press(page, "封存，等同事抽取")
        path = page.evaluate("location.pathname")
    with signed_in(browser, room, "shenhe-2", password) as page:
        page.goto(path)
        press(page, "抽取")
    return str(path)


def give_supplies(page: Page) -> None:
    """Note supplies for the accounts that earned most this month."""
    page.goto("/rewards/honours")
    accounts = page.locator("a[href*='/rewards/accounts/']").all_inner_texts()
    for account, (title, occasion) in zip(accounts, SUPPLIES, strict=False):
        page.goto("/rewards/supplies")
        page.fill("#unit", "210103")
        page.fill("#account", account)
        page.fill("#title", title)
        page.fill("#occasion", occasion)
        press(page, "登记")


def apply_for_rewards(door: int, rider_tokens: Mapping[str, str]) -> None:
    """Let riders whose cases are closed apply for the statutory reward, until there are some."""
    left = CLAIMS
    for token in rider_tokens.values():
        with httpx.Client(
            base_url=f"http://127.0.0.1:{door}/api/v1/me",
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
        ) as client:
            for chance in client.get("/rewards").raise_for_status().json()["chances"][:left]:
                client.post(
                    "/rewards", json={"report_number": chance["report_number"]}
                ).raise_for_status()
                left -= 1
        if not left:
            return

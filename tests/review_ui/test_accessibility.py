"""Every page of the room: no violation that axe-core knows, and nothing wider than the screen.

Each is looked at on a desktop in Chinese, and on a phone in English, whose words are the
longer ones. A page that nobody looks at here fails the test, so a new one has to be added.
"""

from dataclasses import dataclass, field

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import request, template_rendered
from playwright.sync_api import Page
from sqlalchemy import select

from intake.rewards.awards import settle_case
from review_ui.access.entrance import COOKIE
from review_ui.access.sessions import Awaits, open_session
from review_ui.casework.advancing import advance
from review_ui.room import WEB
from schemas import audit
from schemas.access import Role
from schemas.audit import PIPELINE
from schemas.database import now_utc
from schemas.draws.keeping import draw_now
from schemas.lifecycle import State
from schemas.sealing import Sealer
from schemas.tables import Case, CaseHistory, PointAward, RewardClaim
from schemas.weeks import read_week

SHENHE, SHENYANG = "210103", "210100"
PASSWORD = "a long enough password"
DESKTOP, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}
HEADER_PX = 64
# What a GET answers with that is no page: JSON, pictures, files, a piece of a page, a redirect.
NO_PAGES = {
    "api_v1.list_cases", "api_v1.show_case", "api_v1.show_document", "api_v1.show_week",
    "bulletin_files.download", "bulletins_api.download_by_program",
    "bulletins_api.list_for_program", "bulletins_api.show_for_program",
    "campaigns_api.list_for_program", "campaigns_api.show_for_program",
    "cases.show_map", "healthz", "holds_api.list_holds", "map.show_box", "map.show_outlines",
    "metrics", "notes.count_work", "notes.download_attachment", "notes.show_attachment",
    "notes_api.list_attachments", "notes_api.list_notes", "notes_api.list_tasks",
    "photos.show_evidence", "photos.show_photo", "provider.come_back", "provider.leave",
    "queue.show_pulse", "readyz", "draws.download_list", "draws_api.list_for_program",
    "draws_api.show_for_program", "draws_api.show_list", "risk.download", "risk.show_outlines",
    "risk_api.show_for_program",
    "joining_api.list_for_program", "offers_api.list_for_program", "stations_api.list_for_program",
    "bulletin_subscribers_api.list_for_program",
    "rewards_api.list_awards", "rewards_api.list_honours", "rewards_api.show_account",
    "rewards_api.show_award", "static", "statutory_api.list_claims_for_program",
    "statutory_api.list_payments_for_program", "thanks_api.list_rolls",
    "thanks_api.list_supplies_for_program",
    "suggestions_api.list_suggestions",
}  # fmt: skip
UNFOLD = "document.querySelectorAll('main details').forEach(each => { each.open = true; })"
# What makes a page wider than its screen; nothing where it is not.
BEYOND = """() => document.documentElement.scrollWidth <= window.innerWidth ? [] :
  [...document.querySelectorAll("body *")]
    .filter(each => each.getBoundingClientRect().right > window.innerWidth + 1)
    .map(each => each.outerHTML.slice(0, 90))
    .concat("nothing else")"""
# A fault is told by its HTML here: to make a selector for each element took half of the time.
# What would be loaded beforehand serves no rule but those for films and an experimental one.
ON_A_DESKTOP = {"resultTypes": ["violations"], "selectors": False, "preload": False}
# What is seen differs with the width; what colours there are does not, and takes axe longest.
ON_A_PHONE = {**ON_A_DESKTOP, "rules": {"color-contrast": {"enabled": False}}}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.parametrize("dialect", ["sqlite"], indirect=True),
]


def pages() -> set[str]:
    """Return the templates that are whole pages."""
    folder = WEB / "templates"
    return {
        path.name for path in folder.glob("*.html") if "{% extends 'base.html'" in path.read_text()
    }


@dataclass
class Eye:
    """Looks at pages, and remembers which templates and routes it has seen."""

    shown: tuple[str, str] = ("", "")
    seen: set[tuple[str, str]] = field(default_factory=set)
    whole: set[str] = field(default_factory=pages)

    def notice(self, _app, template, **_context) -> None:
        """Take note of the page that was sent last."""
        if template.name in self.whole:
            self.shown = (template.name, request.endpoint or "")

    def look(self, page: Page, path: str | None = None) -> None:
        """Look at the page that is open, or at another one, which is fetched in both languages."""
        if path:
            page.goto(path)
        page.evaluate(UNFOLD)
        self._judge(page, ON_A_DESKTOP)
        page.set_viewport_size(PHONE)
        if path:
            speak(page, "en")
            page.reload()
            page.evaluate(UNFOLD)
        assert page.locator("header.side").bounding_box()["height"] <= HEADER_PX, page.url
        menu = page.locator("header .menu > summary")
        if menu.count():
            menu.click()
        self._judge(page, ON_A_PHONE)
        assert page.evaluate(BEYOND) == [], f"{page.url} is wider than a phone"
        self.seen.add(self.shown)
        page.set_viewport_size(DESKTOP)
        speak(page, "zh")

    @staticmethod
    def _judge(page: Page, options: dict) -> None:
        found = Axe().run(page, options=options).response["violations"]
        told = [(each["id"], [node["html"] for node in each["nodes"]]) for each in found]
        assert told == [], page.url


def speak(page: Page, locale: str) -> None:
    origin = page.url.split("/", 3)[:3]
    page.context.add_cookies([{"name": "locale", "value": locale, "url": "/".join(origin)}])


@pytest.fixture
def eye(app):
    """An eye that the application tells which page it sends."""
    made = Eye()
    with template_rendered.connected_to(made.notice, app):
        yield made


def press(page: Page, button: str) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name=button).first.click()


def arrive(world, enter, person, awaits: Awaits) -> Page:
    """Return the page of somebody whose session still waits for a second step."""
    page = enter()
    with world.database.writing() as session:
        token = open_session(session, staff_id=person.staff_id, now=now_utc(), awaits=awaits)
    page.context.add_cookies([{"name": COOKIE, "value": token, "url": page.url}])
    return page


def furnish(world):
    """Put one of everything into the world and return the paths that show it."""
    every = [(role, SHENYANG) for role in Role if role is not Role.REWARD_OFFICER]
    boss = world.person("boss", *every)
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    world.person("rita", (Role.REWARD_OFFICER, SHENHE))
    world.person("nora")
    mine, theirs = world.report(photos=3, rider_id=world.rider()[0]), world.report()
    flags = ("claims-disagree-place", "no-exif", "similar-nearby")
    case = world.case(reports=(mine, theirs), state=State.VERIFYING, flags=flags)
    world.beside(case, mentioned=boss.staff_id)
    late = world.case(due_on=now_utc().date().replace(year=2026, month=1, day=5))
    other = world.report()
    lost = world.case(reports=(other,), state=State.DISPATCH, code=SHENYANG)
    world.match(mine, theirs, "same_picture")
    world.match(mine, other)
    with world.database.writing() as session:
        advance(
            session, case_id=case.id, staff=anna, to=State.UNVERIFIABLE, version=2,
            record={"findings": "店已搬走"}, now=now_utc(),
        )  # fmt: skip
        audit.seal(session)
    world.suggestion()
    poster = world.invitation(world.unit(SHENHE).id)
    visits = world.campaign(world.unit(SHENHE).id)
    counted = world.bulletin(boss)
    world.subscriber(boss, world.unit(SHENYANG).id)
    before = read_week(counted).after(-1).name
    world.claim(world.unit(SHENHE).id)
    paying = world.claim(world.unit(SHENHE).id)
    with world.database.writing() as session:
        claim = session.get_one(RewardClaim, paying)
        claim.status, claim.grade, claim.amount_fen = "approved", 1, 1_000_000
        claim.decided_at = now_utc()
    drawn = world.draw(anna, world.unit(SHENHE).id)
    with world.database.writing() as session:
        draw_now(
            session, draw_id=drawn, staff_id=boss.staff_id, public_value="",
            sealer=Sealer(world.settings), now=now_utc(),
        )  # fmt: skip
    shown = [case, late, lost, world.case(state=State.FILED), world.case(state=State.CLOSED)]
    return (boss, anna, case), [
        "/", "/?tab=sign", "/?tab=mine", "/map", "/my-work", "/templates", "/week", "/audit",
        f"/bulletins?week={counted}", f"/bulletins/compare?week={counted}",
        f"/bulletins/cases?week={counted}&figure=received", "/bulletins/periods",
        "/bulletins/definitions", "/bulletins/issues", f"/bulletins/screen?week={counted}",
        f"/bulletins/sign?week={before}", "/bulletins/subscribers",
        "/audit?tab=all", "/account", "/account/second-factor", "/holds", "/staff", "/staff/new",
        f"/staff/{anna.staff_id}", f"/staff/{boss.staff_id}", "/suggestions", "/nothing",
        "/campaigns", f"/campaigns/{visits['campaign_id']}",
        "/invitations", f"/invitations/{poster}", "/rewards/payments", "/risk?base=even",
        "/draws", "/draws/new", f"/draws/{drawn}",
        *(f"/cases/{each.number}" for each in shown), f"/cases/{case.number}/evidence",
    ]  # fmt: skip


def awarded(world):
    """Let a verified case bring a rider points; returns the award's id."""
    case = world.case(reports=(world.report(rider_id=world.rider()[0]),), state=State.VERIFYING)
    signers = [world.person(name, (Role.INSPECTOR, SHENHE)) for name in ("vera", "viktor")]
    with world.database.writing() as session:
        session.add(
            CaseHistory(
                case_id=case.id, version=3, from_state="verifying", to_state="verified",
                unit_id=case.unit_id, actor_id=signers[0].staff_id,
                second_actor_id=signers[1].staff_id,
            )
        )  # fmt: skip
        settle_case(session, case=session.get_one(Case, case.id), actor=PIPELINE, now=world.now)
        return session.scalars(select(PointAward.id)).one()


def test_every_page_is_accessible_and_fits_a_desktop_and_a_phone(world, app, eye, enter) -> None:
    (boss, anna, case), paths = furnish(world)
    page = enter()
    eye.look(page, "/sign-in")
    page = enter("boss")
    for path in paths:
        eye.look(page, path)

    page.goto(f"/cases/{case.number}")
    eye.look(page, page.get_by_role("link", name="的身份").first.get_attribute("href"))
    page.reload()
    page.get_by_label("查看的理由").select_option("contact")
    page.get_by_label("具体事由").fill("核实后厨的位置")
    press(page, "查看一次")
    eye.look(page)
    page = page.context.new_page()
    page.goto(f"/cases/{case.number}")
    eye.look(page, page.get_by_role("link", name="的原件").first.get_attribute("href"))
    page.goto("/")
    for box in page.locator(".cases input").all()[:2]:
        box.check()
    press(page, "提示为同一线索")
    eye.look(page)
    page.goto(f"/staff/{anna.staff_id}")
    press(page, "生成设置密码的链接")
    eye.look(page)
    link = page.locator("code.secret").first.inner_text()
    page.goto("/account")
    page.get_by_text("新建令牌").first.click()
    page.get_by_label("用途").fill("统计")
    page.locator("form[action$=tokens] input[name=password]").fill(PASSWORD)
    press(page, "新建令牌")
    eye.look(page)
    page.goto("/account/second-factor")
    secret = page.inner_text("code.secret").strip()
    page.get_by_label("6 位数字").fill(pyotp.TOTP(secret).now())
    page.get_by_label("当前密码").fill(PASSWORD)
    press(page, "确认")
    eye.look(page)

    eye.look(enter(), link)
    eye.look(enter("nora"), "/")
    page = enter("rita")
    world.thanked(world.unit(SHENHE).id)
    for path in (
        "/rewards", f"/rewards/{awarded(world)}", "/rewards/honours", "/rewards/offers",
        "/rewards/stations", f"/rewards/stations/{world.station(world.unit(SHENHE).id)}",
        "/rewards/supplies", "/rewards/statutory",
    ):  # fmt: skip
        eye.look(page, path)
    page.goto("/rewards")
    eye.look(page, page.locator("a[href^='/rewards/accounts/']").first.get_attribute("href"))
    eye.look(arrive(world, enter, boss, Awaits.CODE), "/sign-in/code")
    eye.look(arrive(world, enter, anna, Awaits.ENROLMENT), "/sign-in/enrolment")
    page = enter("anna")
    page.goto(f"/cases/{case.number}")
    page.get_by_label("写备注").fill("写了一半")
    page.context.clear_cookies(name=COOKIE)
    press(page, "写入备注")
    page.get_by_label("用户名").fill("anna")
    page.get_by_label("密码").fill(PASSWORD)
    press(page, "登录")
    eye.look(page)

    # Who adds a page adds it above, and here what is none to NO_PAGES.
    assert eye.whole - {template for template, _ in eye.seen} == set()
    asked = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in rule.methods}
    assert sorted(asked - {endpoint for _, endpoint in eye.seen} - NO_PAGES) == []

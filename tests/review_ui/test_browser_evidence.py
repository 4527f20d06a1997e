"""Opening a reporter and the auditor's page, in a real browser."""

import pytest
from playwright.sync_api import Error as BrowserError
from playwright.sync_api import expect

from intake.riders.registering import RiderProfile, add_rider
from schemas import audit
from schemas.access import Role
from schemas.sealing import Sealer

SHENHE = "210103"
PASSWORD = "a long enough password"
NAME = "司徒骑手"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("dialect", ["sqlite"], indirect=True),
]


def test_a_reporter_is_opened_with_a_reason_once_and_the_auditor_sees_it(world, enter) -> None:
    for name, role in (("hanna", Role.BUREAU_HEAD), ("audrey", Role.AUDITOR)):
        world.person(name, (role, SHENHE))
    profile = RiderProfile(NAME, "13987654321", "某外卖平台", "太原街站")
    with world.database.writing() as session:
        rider = add_rider(session, sealer=Sealer(world.settings), profile=profile)
    case = world.case(reports=(world.report(rider_id=rider.id), world.report()))
    head = enter("hanna")
    head.goto(f"/cases/{case.number}")
    head.get_by_role("link", name="查看 骑手-0Q0 的身份").click()
    head.get_by_label("查看的理由").select_option("contact")
    head.get_by_label("具体事由").fill("核实后厨的位置")
    with head.expect_navigation():
        head.get_by_role("button", name="查看一次").click()
    expect(head.get_by_text(NAME)).to_be_visible()
    head.get_by_role("link", name="回到案件").click()
    head.wait_for_url(f"**/cases/{case.number}")
    # The browser has kept nothing of the page that it could go back to.
    with pytest.raises(BrowserError, match="ERR_CACHE_MISS"):
        head.go_back()
    expect(head.get_by_text(NAME)).to_have_count(0)

    with world.database.writing() as session:
        audit.seal(session)
    auditor = enter("audrey")
    auditor.wait_for_url("**/audit")
    expect(auditor.get_by_text("核实后厨的位置")).to_be_visible()
    auditor.goto("/audit?tab=all")
    assert NAME not in auditor.content()

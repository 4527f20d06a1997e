"""The bulletin while its week runs: how old it is, and the wall's screen that looks again."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from schemas.access import Role
from schemas.bulletins.issues import draft
from schemas.bulletins.parameters import present_parameters
from schemas.database import now_utc
from schemas.weeks import week_of

SHENYANG, XIHU = "210100", "330106"
pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


def counted(world, at) -> None:
    """Count the running week as the clock does every ten minutes."""
    with world.database.writing() as session:
        parameters = present_parameters(small_cell=5)
        draft(session, week=week_of(at), scope=SHENYANG, now=at, parameters=parameters)


def received(page: str) -> str:
    return re.search(r'class="number">\s*(?:<a[^>]*>)?\s*(\d+)', page)[1]


def test_a_running_week_is_shown_as_the_clock_counted_it_and_says_when(world, browse) -> None:
    client = browse(world.person("stan", (Role.STATISTICIAN, SHENYANG)))
    now = now_utc()
    counted(world, now)
    world.case(received_at=now)
    page = client.get("/bulletins").text
    assert received(page) == "0"
    assert "统计到" in page
    # An old count is none: the week is counted at once, with what came since.
    counted(world, now - timedelta(minutes=13))
    assert received(client.get("/bulletins").text) == "1"


def test_programs_manage_subscribers_by_the_same_rules(world, app) -> None:
    stan = world.person("stan", (Role.STATISTICIAN, SHENYANG))
    own = world.subscriber(stan, world.unit(SHENYANG).id)
    client, path = app.test_client(), "/api/v1/bulletins/subscribers"
    token = {"Authorization": f"Bearer {world.token(stan)}"}
    listed = client.get(path, headers=token).json["subscribers"]
    assert [(each["id"], each["address"]) for each in listed] == [(str(own), "office@example.cn")]
    body = {"channel": "mail", "name": "市局", "address": "a@example.cn"}
    for change, code in (
        ({"channel": "pigeon"}, "channel-not-set-up"),
        ({"name": " "}, "subscriber-name-missing"),
        ({"colour": "red"}, "field-unknown"),
    ):
        refused = client.post(path, json=body | change, headers=token)
        assert (refused.status_code, refused.json["type"].rsplit(":")[-1]) == (422, code)
    assert client.post(path, json=body | {"scope": XIHU}, headers=token).status_code == 404
    ended = client.post(f"{path}/{own}/end", headers=token)
    assert ended.json["ended_at"] is not None
    assert client.get(path, headers=token).json["subscribers"] == []
    officer = world.person("rita", (Role.REWARD_OFFICER, SHENYANG))
    other = {"Authorization": f"Bearer {world.token(officer)}"}
    assert client.get(path, headers=other).status_code == 404
    assert client.post(f"{path}/{own}/end", headers=other).status_code == 404


@pytest.mark.browser
def test_the_wall_exchanges_what_changed_and_nothing_else(world, enter) -> None:
    world.person("stan", (Role.STATISTICIAN, SHENYANG))
    page = enter("stan")
    page.goto("/bulletins/screen")
    first = page.locator(".wall-figures .number").first
    expect(first).to_have_text("0")
    page.evaluate("window.kept = document.querySelector('.wall-figures h2')")
    world.case(received_at=now_utc())
    look = "document.dispatchEvent(new Event('visibilitychange'))"
    page.evaluate(look)
    expect(first).to_have_text("1")
    # The heading beside it is the very same element as before.
    assert page.evaluate("window.kept === document.querySelector('.wall-figures h2')")
    page.context.set_offline(True)
    page.evaluate(look)
    expect(page.get_by_role("status")).to_have_text("暂时连不上，数字还是上次的。")
    expect(first).to_have_text("1")
    page.context.set_offline(False)
    page.evaluate(look)
    expect(page.locator("[data-refresh-failed]")).to_have_text("")

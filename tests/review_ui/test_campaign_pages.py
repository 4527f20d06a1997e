"""Campaigns on the room's pages and over its API: no answer names a rider or leads to a case."""

import html
import io
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from intake.campaigns import visiting
from schemas.access import Role
from schemas.campaigns import FEWEST_RIDERS
from schemas.draws.algorithm import Item, tickets_of
from schemas.draws.keeping import Plan, draw_now, prepare
from schemas.sealing import Sealer
from schemas.tables import Campaign, CampaignInvitation, CampaignShop, CampaignTask, Report, Rider
from schemas.workdays import local_date

SHENHE, SHENYANG = "210103", "210100"
pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


@pytest.fixture
def dora(world):
    return world.person("dora", (Role.DISPATCHER, SHENYANG))


@pytest.fixture
def office(browse, dora):
    return browse(dora)


@pytest.fixture
def wish(world):
    today = local_date(world.now)
    return {
        "unit": SHENHE, "kind": "random_visit", "name": "元旦前随机访餐厅",
        "starts_on": today.isoformat(), "ends_on": (today + timedelta(days=6)).isoformat(),
        "riders_per_shop": "1", "datum": "wgs84",
    }  # fmt: skip


def send(client, path, **fields):
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/campaigns").text)[1]
    return client.post(path, data={"csrf_token": token} | fields, follow_redirects=True)


def rows(world, table):
    with world.database.reading() as session:
        return session.scalars(select(table).order_by(table.id)).all()


def accepted(world, campaign_id) -> list:
    """Ask so many supervisors that shops are shown, and let them accept."""
    riders = [world.rider()[0] for _ in range(FEWEST_RIDERS)]
    with world.database.writing() as session:
        for rider_id in riders:
            session.get_one(Rider, rider_id).is_supervisor = True
            session.add(CampaignInvitation(campaign_id=campaign_id, rider_id=rider_id))
            session.flush()
            visiting.answer(
                session, campaign_id=campaign_id, rider_id=rider_id, accepts=True, now=world.now
            )
    return riders


def test_shops_are_typed_pasted_or_sent_as_a_file(world, office, wish) -> None:
    assert (
        "已建立"
        in send(office, "/campaigns", **wish, shops="老王麻辣烫， 热闹路 12 号\n\n张记").text
    )
    pasted = "店名\t地址\t纬度\t经度\n小李烧烤\t青年大街 3 号\t41.797\t123.44\n\t\t41.80\t123.45"
    assert "已建立" in send(office, "/campaigns", **wish, shops=pasted).text
    file = (io.BytesIO("name,address\n李记包子,中街\n".encode("gb18030")), "shops.csv")
    assert "已建立" in send(office, "/campaigns", **wish, csv=file).text
    found = [(shop.name, shop.address, shop.latitude) for shop in rows(world, CampaignShop)]
    assert found == [
        ("老王麻辣烫", "热闹路 12 号", None), ("张记", "", None),
        ("小李烧烤", "青年大街 3 号", 41.797), ("", "", 41.80), ("李记包子", "中街", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"shops": ""}, "一行一家"),
        ({"shops": "店, 址, 41.8"}, "第 1 行看不懂"),
        ({"shops": "好店\n店, 址, 北, 东"}, "第 2 行看不懂"),
        ({"shops": "\n".join(f"店 {number}" for number in range(501))}, "最多 500 家"),
        ({"shops": "店", "ends_on": "2020-01-01"}, "截止日期"),
        ({"shops": "店", "starts_on": "soon"}, "请填写日期"),
        ({"shops": "店", "unit": "330106"}, "没有这个机构"),
    ],
)
def test_what_will_not_do_is_said_and_what_was_typed_stays(
    office, wish, world, change, says
) -> None:
    answer = send(office, "/campaigns", **wish | change)
    assert answer.status_code == 422
    assert says in answer.text
    assert "元旦前随机访餐厅" in answer.text
    assert rows(world, Campaign) == []


def test_a_campaign_is_offered_looked_at_rejected_in_part_and_closed(world, office, wish) -> None:
    send(office, "/campaigns", **wish, shops="老王麻辣烫\n张记")
    (campaign,) = rows(world, Campaign)
    path = f"/campaigns/{campaign.id}"
    assert "没有找到食品安全监督员" in send(office, f"{path}/invitations", station="北站").text
    riders = accepted(world, campaign.id)
    first, _ = (task.id for task in rows(world, CampaignTask))
    report_id = world.report(rider_id=riders[0])
    case = world.case(reports=(report_id,))
    with world.database.writing() as session:
        visiting.take(session, task_id=first, rider_id=riders[0], now=world.now)
        visiting.finish_by_tip(
            session, task_id=first, rider_id=riders[0], report_id=report_id, now=world.now
        )
        number = session.get_one(Report, report_id).number
    page = office.get(path).text
    assert "已走访" in page
    assert "店已经开放" in page
    # Nothing that would join a case, a tip or a rider to the shop.
    for told in (case.number, number, riders[0].hex, str(riders[0]), "发了举报</span>"):
        assert told not in page
    # And nothing of a campaign on the case that came of it.
    theirs = office.get(f"/cases/{case.number}").text
    assert campaign.name not in theirs
    assert str(first) not in theirs
    assert "已认定无效" in send(office, f"{path}/visits/{first}/rejection", code="fraud").text
    assert "没有可认定的走访" in send(office, f"{path}/visits/{first}/rejection", code="fraud").text
    assert "请选择认定无效的原因" in send(office, f"{path}/visits/{first}/rejection", code="x").text
    assert "请写明理由" in send(office, f"{path}/close", reason=" ").text
    assert "活动已结束" in send(office, f"{path}/close", reason="下大雪").text
    closed = send(office, f"{path}/close", reason="下大雪")
    assert (closed.status_code, "已经结束" in closed.text) == (409, True)
    assert "下大雪" in office.get(path).text


def test_a_program_makes_offers_and_closes_a_campaign(world, visitor, dora, wish) -> None:
    token = {"Authorization": f"Bearer {world.token(dora)}"}
    base = "/api/v1/campaigns"
    body = {name: wish[name] for name in ("unit", "kind", "name", "starts_on", "ends_on")}
    shops = [{"name": "老王麻辣烫"}, {"latitude": 41.8, "longitude": 123.4, "square": True}]
    made = visitor.post(base, json=body | {"shops": shops, "riders_per_shop": 2}, headers=token)
    assert made.status_code == 201
    assert [shop["name"] for shop in made.json["shops"]] == ["老王麻辣烫"] * 2 + [""] * 2
    assert [each.is_square for each in rows(world, CampaignShop)] == [False, True]
    path = f"{base}/{made.json['id']}"
    nobody = visitor.post(f"{path}/invitations", json={"numbers": ["13800000000"]}, headers=token)
    assert nobody.json["type"].endswith(":no-supervisors")
    accepted(world, rows(world, Campaign)[0].id)
    (listed,) = visitor.get(base, headers=token).json["items"]
    assert (listed["invited"], listed["enough"], listed["progress"]["tasks"]) == (3, True, 4)
    for wrong in ({"name": ""}, {"name": "店", "latitude": 41.8}, {"name": "店", "square": True}):
        answer = visitor.post(base, json=body | {"shops": [wrong]}, headers=token)
        assert answer.json["type"].endswith(":shop-line-invalid")
    closed = visitor.post(f"{path}/close", json={"reason": "下雪"}, headers=token)
    assert (closed.json["over"], closed.json["results"]) == (True, None)
    again = visitor.post(f"{path}/close", json={"reason": "下雪"}, headers=token)
    assert (again.status_code, again.json["type"].rsplit(":", 1)[1]) == (409, "campaign-over")


def test_the_shops_of_a_draw_are_filled_in_for_those_who_may_see_it(
    world, office, browse, dora
) -> None:
    sealer, other = Sealer(world.settings), world.person("otto", (Role.DISPATCHER, SHENYANG))
    items = [(Item(key=str(number), name=f"抽中的店 {number}"), 1) for number in range(3)]
    items.append((Item(key="cell:210103:1317930345", name="41.795, 123.455"), 1))
    plan = Plan(
        unit_id=world.unit(SHENHE).id, kind="list", origin="x", tickets=tickets_of(items),
        title="十一月抽取", size=4,
    )  # fmt: skip
    with world.database.writing() as session:
        draw = prepare(session, plan=plan, staff_id=dora.staff_id, sealer=sealer, now=world.now)
        draw_now(
            session,
            draw_id=draw.id,
            staff_id=other.staff_id,
            public_value="",
            sealer=sealer,
            now=world.now,
        )
        waits = prepare(
            session, plan=replace(plan, size=2), staff_id=dora.staff_id, sealer=sealer,
            now=world.now,
        )  # fmt: skip
    way = re.search(r'href="(/campaigns\?draw=[^"#]+)#h-new"', office.get(f"/draws/{draw.id}").text)
    assert way[1] == f"/campaigns?draw={draw.id}"
    page = office.get(way[1]).text
    assert all(f"抽中的店 {number}" in page for number in range(3))
    assert "一带&#34;,,41.795,123.455" in page
    assert 'value="十一月抽取"' in page
    assert office.get(f"/campaigns?draw={waits.id}").status_code == 409
    ruled = browse(world.person("anna", (Role.INSPECTOR, SHENHE))).get(f"/draws/{draw.id}")
    assert (ruled.status_code, "/campaigns?draw" in ruled.text) == (200, False)
    assert "/campaigns?draw" not in office.get(f"/draws/{waits.id}").text
    foreign = browse(world.person("xena", (Role.DISPATCHER, "330106")))
    assert foreign.get(f"/campaigns?draw={draw.id}").status_code == 404


def test_squares_that_were_drawn_or_picked_are_places_to_go_to(world, office, dora) -> None:
    page = office.get(
        "/campaigns?square=210103.1317930345&square=999999.1&square=x&square=210103.1"
    )
    assert '"沈河区 41.795, 123.455 一带",,41.795,123.455,方格' in html.unescape(page.text)
    assert page.text.count("一带&#34;") == 1

"""Offers of the points mall in the room: made, restocked and ended, in one's own area."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from schemas.access import Role
from schemas.tables import AuditEntry, PointOffer
from schemas.workdays import local_date

SHENHE, SHENYANG, XIHU = "210103", "210100", "330106"
pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


@pytest.fixture
def rita(world):
    return world.person("rita", (Role.REWARD_OFFICER, SHENYANG))


@pytest.fixture
def officer(browse, rita):
    return browse(rita)


@pytest.fixture
def wish(world):
    world.offer(world.unit(XIHU).id, name="青年大街驿站")
    today = local_date(world.now)
    return {
        "station": "青年大街驿站", "unit": SHENHE, "title": "热饭一份", "terms": "11 点到 20 点",
        "points": "30", "stock": "20", "starts_on": today.isoformat(),
        "ends_on": (today + timedelta(days=30)).isoformat(), "collect_within_days": "7",
    }  # fmt: skip


def send(client, path, **fields):
    page = client.get("/rewards/offers").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    return client.post(path, data={"csrf_token": token} | fields, follow_redirects=True)


def own(world):
    with world.database.reading() as session:
        return session.scalars(
            select(PointOffer)
            .where(PointOffer.title == "热饭一份")
            .order_by(PointOffer.made_at.desc(), PointOffer.id.desc())
        ).first()


def test_an_offer_is_made_restocked_and_ended(world, officer, wish) -> None:
    assert "已上架" in send(officer, "/rewards/offers", **wish).text
    made = own(world)
    assert (made.price_points, made.stock, made.taken, made.hold_days) == (30, 20, 0, 7)
    path = f"/rewards/offers/{made.id}"
    assert "库存已更新" in send(officer, f"{path}/stock", stock="25").text
    assert own(world).stock == 25
    assert "已下架" in send(officer, f"{path}/end").text
    assert send(officer, f"{path}/end").status_code == 409
    assert send(officer, f"{path}/stock", stock="1").status_code == 409
    with world.database.reading() as session:
        actions = session.scalars(
            select(AuditEntry.action).where(AuditEntry.subject_id == made.id)
        ).all()
    assert sorted(actions) == ["offer_changed", "offer_ended", "offer_made"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"station": "别处"}, "没有这个站点"),
        ({"unit": XIHU}, "没有这个机构"),
        ({"title": " "}, "请写明兑换什么"),
        ({"points": "0"}, "请填 1 到"),
        ({"points": "三十"}, "请填 1 到"),
        ({"stock": "-1"}, "请填 1 到"),
        ({"collect_within_days": "61"}, "请填 1 到 60"),
        ({"ends_on": "2020-01-01"}, "截止日期不能早于"),
        ({"starts_on": ""}, "请填写日期"),
    ],
)
def test_a_wrong_wish_is_refused_and_kept(world, officer, wish, change, words) -> None:
    refused = send(officer, "/rewards/offers", **wish | change)
    assert refused.status_code == 422
    assert words in refused.text
    assert 'value="11 点到 20 点"' in refused.text
    with world.database.reading() as session:
        assert len(session.scalars(select(PointOffer)).all()) == 1


def test_no_less_can_be_in_stock_than_was_taken(world, officer, wish) -> None:
    send(officer, "/rewards/offers", **wish)
    made = own(world)
    with world.database.writing() as session:
        session.get_one(PointOffer, made.id).taken = 4
    assert send(officer, f"/rewards/offers/{made.id}/stock", stock="3").status_code == 422
    assert "库存已更新" in send(officer, f"/rewards/offers/{made.id}/stock", stock="4").text


def test_another_areas_offer_does_not_exist(world, officer) -> None:
    foreign = world.offer(world.unit(XIHU).id, name="西湖驿站")
    page = officer.get("/rewards/offers").text
    # A station may be chosen anywhere; what others offer there is not shown.
    assert str(foreign) not in page
    assert send(officer, f"/rewards/offers/{foreign}/end").status_code == 404


def test_programs_make_restock_and_end_by_the_same_rules(world, app, rita, wish) -> None:
    client = app.test_client()
    token = {"Authorization": f"Bearer {world.token(rita)}"}
    body = wish | {"points": 30, "stock": 20, "collect_within_days": 7}
    made = client.post("/api/v1/rewards/offers", json=body, headers=token)
    assert made.status_code == 201
    path = f"/api/v1/rewards/offers/{made.json['id']}"
    assert (made.json["left"], made.json["ended"]) == (20, False)
    assert client.post(f"{path}/stock", json={"stock": 8}, headers=token).json["left"] == 8
    assert client.post(f"{path}/end", headers=token).json["ended"] is True
    again = client.post(f"{path}/end", headers=token)
    assert (again.status_code, again.json["type"].rsplit(":")[-1]) == (409, "offer-ended")
    (item,) = client.get("/api/v1/rewards/offers", headers=token).json["items"]
    assert (item["station"], item["stock"], item["taken"]) == ("青年大街驿站", 8, 0)
    wrong = client.post("/api/v1/rewards/offers", json=body | {"station": "x"}, headers=token)
    assert (wrong.status_code, wrong.json["type"].rsplit(":")[-1]) == (422, "station-unknown")

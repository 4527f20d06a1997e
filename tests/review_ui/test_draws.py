"""Random draws in the room: prepared by one, drawn by another, seen at home and checked by all."""

import io
import re

import pytest

from review_ui.risk.lists import of_text
from schemas.access import Role
from schemas.draws.algorithm import Item, sha256, tickets_of
from schemas.errors import InvalidInput
from schemas.lifecycle import State
from schemas.tables import ShopFinding

SHENHE, XIHU = "210103", "330106"
SQLITE = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
REGISTER = (
    "经营者名称,统一社会信用代码,经营场所,权重\n"
    "沈河区老王麻辣烫店,92210103MA0YXKQT5M,中街路 1 号,3\n"
    "李记包子铺,,中街路 2 号,\n"
)


@pytest.fixture
def anna(world):
    return world.person("anna", (Role.INSPECTOR, SHENHE))


@pytest.fixture
def bert(world):
    return world.person("bert", (Role.BUREAU_HEAD, SHENHE))


def post(client, path, **fields):
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/draws/new").text)[1]
    return client.post(path, data={"csrf_token": token} | fields)


def wish(**change):
    return {
        "unit": SHENHE, "source": "list", "title": "元旦前随机访餐厅", "size": "2",
        "text": "甲店\n乙店\n丙店\n丁店", "public_source": "",
    } | change  # fmt: skip


def test_a_list_is_drawn_from_and_the_page_shows_all_that_is_needed_to_check(
    anna, bert, browse
) -> None:
    mine, theirs = browse(anna), browse(bert)
    made = post(mine, "/draws", **wish(public_source="排列 5 第 2026313 期"))
    assert made.status_code == 303
    page = theirs.get(made.location).text
    hashes = re.findall(r'class="number hash">([0-9a-f]{64})<', page)
    assert len(hashes) == 2  # The list's, and the seed's; the seed itself is sealed.
    assert "抽取并公开种子" in page
    assert "抽取并公开种子" not in mine.get(made.location).text
    refused = post(theirs, f"{made.location}/draw", public_value="")
    assert refused.status_code == 422
    drawn = post(theirs, f"{made.location}/draw", public_value="0 3 1 1 9")
    assert drawn.location == made.location
    page = mine.get(made.location).text
    seed = re.findall(r'class="number hash">([0-9a-f]{64})<', page)[2]
    assert sha256(seed) == hashes[1]
    assert f"printf %s {seed} | sha256sum" in page
    assert "0 3 1 1 9" in page
    listed = mine.get(f"{made.location}/list.txt")
    assert sha256(listed.data.decode()) == hashes[0]
    assert post(mine, f"{made.location}/draw", public_value="1").status_code == 403
    assert post(theirs, f"{made.location}/draw", public_value="1").status_code == 409
    overview = mine.get("/draws").text
    assert hashes[0][:12] in overview
    assert "Bert" in overview


@SQLITE
def test_drawing_again_is_numbered_and_shows_what_came_before(anna, bert, browse) -> None:
    mine, theirs = browse(anna), browse(bert)
    first = post(mine, "/draws", **wish()).location
    assert post(mine, "/draws", **wish()).status_code == 409
    post(theirs, f"{first}/draw")
    second = post(mine, "/draws", **wish(text="丁店\n丙店\n乙店\n甲店\n甲店")).location
    page = mine.get(second).text
    assert "第 2 次抽取" in page
    assert first in page


@SQLITE
def test_an_uploaded_register_may_be_in_either_encoding_and_weighs_only_if_asked(
    anna, browse
) -> None:
    client = browse(anna)
    for encoding, weighted, tickets in (("utf-8-sig", "", 2), ("gb18030", "1", 4)):
        file = (io.BytesIO(REGISTER.encode(encoding)), "名录.csv")
        made = post(client, "/draws", **wish(text="", file=file, weighted=weighted, size="1"))
        listed = client.get(f"{made.location}/list.txt").data.decode()
        assert listed.count("\n") == tickets
        assert "uscc:92210103MA0YXKQT5M@中街路1号" in listed
        assert "李记包子铺" in listed


def test_what_is_wrong_with_a_wish_is_said_and_what_was_typed_stays(anna, browse) -> None:
    client = browse(anna)
    for change, words in (
        ({"text": " \n"}, "名单里一家也没有"),
        ({"text": "店名,权重\n甲,x", "weighted": "1"}, "第 2 行读不懂"),
        ({"size": "5"}, "1 到 4"),
        ({"title": " "}, "请写明用途"),
        ({"unit": "沈阳没有的机构"}, "没有这个机构"),
        ({"text": "", "file": (io.BytesIO(b"\xff\xfe\x00\x81"), "x.csv")}, "读不懂"),
    ):
        answer = post(client, "/draws", **wish(**change))
        assert (answer.status_code, words in answer.text) == (422, True), (change, answer.text)
        assert change.get("title", "元旦前随机访餐厅") in answer.text
    assert post(client, "/draws", **wish(unit=XIHU)).status_code == 422


@SQLITE
def test_a_draw_of_another_area_does_not_exist(world, anna, browse) -> None:
    far = world.person("far", (Role.INSPECTOR, XIHU))
    draw_id = world.draw(far, world.unit(XIHU).id)
    client = browse(anna)
    assert client.get(f"/draws/{draw_id}").status_code == 404
    assert client.get(f"/draws/{draw_id}/list.txt").status_code == 404
    assert post(client, f"/draws/{draw_id}/draw").status_code == 404
    assert str(draw_id) not in client.get("/draws").text


def test_shops_that_were_verified_make_a_list_with_a_ticket_a_case_where_it_is_weighted(
    world, anna, bert, app
) -> None:
    for shop, cases in (("老王麻辣烫", 2), ("李记", 1)):
        for _ in range(cases):
            case = world.case(premises_name=shop, state=State.VERIFIED)
            with world.database.writing() as session:
                session.add(
                    ShopFinding(
                        case_id=case.id, version=3, unit_id=case.unit_id,
                        shop_key=f"name:{SHENHE}:{shop}", occurred_at=world.now,
                        recorded_at=world.now,
                    )
                )  # fmt: skip
    client = app.test_client()

    def send(person, path="", **body):
        headers = {"Authorization": f"Bearer {world.token(person)}"}
        return client.post(f"/api/v1/draws{path}", json=body, headers=headers)

    asked = {"unit": SHENHE, "source": "shops", "title": "回访", "size": 2, "weighted": True}
    made = send(anna, **asked)
    assert (made.status_code, made.json["items"], made.json["drawn"]) == (201, 2, None)
    assert made.json["seed"] is None
    path = f"/{made.json['id']}"
    assert send(anna, f"{path}/draw").json["type"].endswith("draw-same-person")
    drawn = send(bert, f"{path}/draw").json
    assert sorted(each["name"] for each in drawn["drawn"]) == ["李记", "老王麻辣烫"]
    headers = {"Authorization": f"Bearer {world.token(bert)}"}
    listed = client.get(f"/api/v1/draws{path}/list", headers=headers)
    assert listed.data.decode().count("\n") == 3
    assert client.get(f"/api/v1/draws{path}", headers=headers).json == drawn
    empty = send(anna, **(asked | {"source": "cells"}))
    assert empty.json["type"].endswith("draw-list-empty")


@SQLITE
def test_one_name_at_two_addresses_is_two_shops(dialect) -> None:
    text = "name\taddress\n蜜雪\t一路\n蜜雪\t二路\n蜜 雪\t 一路 \n"
    items = of_text(text, county_code=SHENHE, weighted=False)
    assert {item.key for item, _ in items} == {"name:210103:蜜雪@一路", "name:210103:蜜雪@二路"}
    assert tickets_of(items).count("\n") == 2


@SQLITE
def test_a_list_without_headings_is_one_name_a_line(dialect) -> None:
    items = of_text("\ufeff甲店\r\n\r\n“乙”店\n", county_code=SHENHE, weighted=True)
    assert [item for item, _ in items] == [
        Item("name:210103:甲店", "甲店"),
        Item("name:210103:乙店", "“乙”店"),
    ]
    with pytest.raises(InvalidInput):
        of_text("甲店\n---\n", county_code=SHENHE, weighted=False)

"""The demo's visits: a random draw of shops, a campaign with supervisors, and the first visits."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import httpx
from sqlalchemy import select

from intake.riders.registering import appoint_supervisor, find_by_phone
from schemas.database import Database
from schemas.errors import Unavailable
from schemas.sealing import Sealer
from schemas.settings import Settings
from schemas.tables import Campaign, Draw, DrawResult
from schemas.words import Words
from suishoupai.demo.people import rider_phone

OFFICE = "shenyang-dispatch"
NAME = "随机访餐厅（演示）"
# Who prepares a draw is not who draws.
PREPARER, DRAWER = "shenhe-1", "shenhe-head"
DRAW = "十二月随机访餐厅抽签（演示）"
# Name, address, WGS-84 degrees: made up like everything in the demo.
SHOPS = (
    ("春饼王（演示）", "沈河区中街路 18 号", 41.8012, 123.4561),
    ("老边门饺子（演示）", "沈河区北通天街 6 号", 41.7998, 123.4532),
    ("热闹路麻辣拌（演示）", "沈河区热闹路 40 号", 41.7934, 123.4488),
    ("青年大街轻食（演示）", "沈河区青年大街 112 号", 41.7852, 123.4301),
    ("南塔烤肉（演示）", "沈河区文化东路 9 号", 41.7715, 123.4553),
    ("五爱面馆（演示）", "沈河区热闹路 88 号", 41.7876, 123.4519),
)


# From these is drawn: those of the campaign, and as many more.
OTHERS = (
    ("小津桥水饺（演示）", "沈河区小津桥路 3 号"),
    ("风雨坛砂锅（演示）", "沈河区风雨坛街 27 号"),
    ("大西菜行盒饭（演示）", "沈河区大西路 51 号"),
    ("万莲粥铺（演示）", "沈河区万莲路 15 号"),
    ("泉园炸鸡（演示）", "沈河区泉园一路 8 号"),
    ("文艺路米线（演示）", "沈河区文艺路 66 号"),
)


def draw_visits(
    address: str, database: Database, *, preparer_token: str, drawer_token: str
) -> None:
    """Let one person prepare a random draw and another draw; twice is as once.

    Raises Unavailable `demo-campaign-refused` when the room does not take it.
    """
    draws = f"{address}/api/v1/draws"
    with database.reading() as session:
        known = session.scalar(select(Draw.id).where(Draw.title == DRAW))
        is_drawn = known is not None and session.get(DrawResult, known) is not None
    if known is None:
        shops = [*(shop[:2] for shop in SHOPS), *OTHERS]
        wish = {
            "unit": "210103",
            "source": "list",
            "title": DRAW,
            "size": 4,
            "text": "\n".join(["店名,地址", *(",".join(shop) for shop in shops)]),
        }
        known = _ask(draws, preparer_token, wish)["id"]
    if not is_drawn:
        _ask(f"{draws}/{known}/draw", drawer_token, {})


def run_campaign(
    addresses: tuple[str, str],
    settings: Settings,
    database: Database,
    *,
    supervisors: Mapping[int, str],
    staff_token: str,
    today: date,
) -> None:
    """Make the campaign, let riders accept and do the first visits; twice is as once.

    `supervisors` maps four riders' numbers to their tokens: the first does not answer.
    Raises Unavailable `demo-campaign-refused` when a door does not take it.
    """
    with database.writing() as session:
        if session.scalar(select(Campaign.id).where(Campaign.name == NAME)):
            return
        for number in supervisors:
            rider = find_by_phone(session, sealer=Sealer(settings), phone=rider_phone(number))
            if not rider.is_supervisor:
                appoint_supervisor(session, rider=rider, appointed=True)
    door, room = (f"{address}/api/v1" for address in addresses)
    made = _ask(f"{room}/campaigns", staff_token, _wish(today))
    numbers = [rider_phone(number) for number in supervisors]
    _ask(f"{room}/campaigns/{made['id']}/invitations", staff_token, {"numbers": numbers})
    _, first, second, third = supervisors.values()
    for token in (first, second, third):
        _ask(f"{door}/me/campaigns/{made['id']}/answer", token, {"accept": True})
    tasks = [shop["id"] for shop in made["shops"]]
    for token, task in ((first, tasks[0]), (second, tasks[1]), (third, tasks[2])):
        _ask(f"{door}/me/tasks/{task}/take", token)
    _, _, latitude, longitude = SHOPS[0]
    here = {"latitude": latitude, "longitude": longitude, "accuracy_m": 15.0}
    _ask(f"{door}/me/tasks/{tasks[0]}/visit", first, here)
    _ask(f"{door}/me/tasks/{tasks[1]}/visit", second, {"obstacle": "closed"})


def _wish(today: date) -> dict[str, Any]:
    return {
        "unit": "210103",
        "kind": "random_visit",
        "name": NAME,
        "purpose": "看后厨是否整洁、餐具是否消毒、从业人员是否戴口罩。",
        "starts_on": today.isoformat(),
        "ends_on": (today + timedelta(days=13)).isoformat(),
        "shops": [
            {"name": name, "address": address, "latitude": latitude, "longitude": longitude}
            for name, address, latitude, longitude in SHOPS
        ],
    }


def _ask(url: str, token: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": "zh-CN"}
    answer = httpx.post(url, json=body, headers=headers, timeout=30, trust_env=False)
    if not answer.is_success:
        raise Unavailable(
            "demo-campaign-refused",
            Words(
                f"演示的走访没有办成（{answer.status_code}）：{answer.text[:200]}",
                f"The demo's visits were refused ({answer.status_code}): {answer.text[:200]}",
            ),
        )
    content: dict[str, Any] = answer.json()
    return content

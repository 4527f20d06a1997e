"""The demo's campaign: a few shops to visit, supervisors who accept, and the first visits."""

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
from schemas.tables import Campaign
from schemas.words import Words
from suishoupai.demo.people import rider_phone

OFFICE = "shenyang-dispatch"
NAME = "随机访餐厅（演示）"
# Name, address, WGS-84 degrees: made up like everything in the demo.
SHOPS = (
    ("春饼王（演示）", "沈河区中街路 18 号", 41.8012, 123.4561),
    ("老边门饺子（演示）", "沈河区北通天街 6 号", 41.7998, 123.4532),
    ("热闹路麻辣拌（演示）", "沈河区热闹路 40 号", 41.7934, 123.4488),
    ("青年大街轻食（演示）", "沈河区青年大街 112 号", 41.7852, 123.4301),
    ("南塔烤肉（演示）", "沈河区文化东路 9 号", 41.7715, 123.4553),
    ("五爱面馆（演示）", "沈河区热闹路 88 号", 41.7876, 123.4519),
)


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
                f"演示的走访活动没有办成（{answer.status_code}）：{answer.text[:200]}",
                f"The demo's campaign was refused ({answer.status_code}): {answer.text[:200]}",
            ),
        )
    content: dict[str, Any] = answer.json()
    return content

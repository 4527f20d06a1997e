"""The demo's points: a reward officer approves most of what waits, and a station offers things."""

from datetime import date, timedelta
from typing import Any

import httpx
from sqlalchemy import select

from intake.identity.stations import add_station
from schemas.database import Database, now_utc
from schemas.errors import Unavailable
from schemas.tables import Station
from schemas.words import Words

OFFICER = "shenyang-rewards"
STATION, PLACE = "青年大街骑手驿站（演示）", "沈阳市沈河区青年大街 1 号"
UNIT = "210103"
# What is offered: name, terms, points, pieces.
OFFERS = (
    ("热饭一份", "每天 11:00—20:00", 30, 40),
    ("电动车充电一次", "驿站门口充电桩", 20, 100),
    ("雨衣一件", "均码", 100, 15),
)
# So many are left for whoever tries the officer's pages.
LEFT_WAITING = 8


def open_mall(address: str, database: Database, *, token: str, today: date) -> None:
    """Decide on the awards and put the offers up, over the room's API; twice is as once.

    Raises Unavailable `demo-points-refused` when the room does not take it.
    """
    with database.writing() as session:
        if session.scalar(select(Station.id).where(Station.name == STATION)) is None:
            add_station(session, name=STATION, place=PLACE, now=now_utc())
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": "zh-CN"}
    with httpx.Client(
        base_url=f"{address}/api/v1/rewards", headers=headers, timeout=30, trust_env=False
    ) as client:
        waiting = _ask(client, "GET", "/awards")["items"]
        for award in waiting[: max(0, len(waiting) - LEFT_WAITING)]:
            _ask(client, "POST", f"/awards/{award['id']}/approval")
        known = {each["title"] for each in _ask(client, "GET", "/offers")["items"]}
        for title, terms, points, stock in OFFERS:
            if title not in known:
                body = {
                    "station": STATION, "unit": UNIT, "title": title, "terms": terms,
                    "points": points, "stock": stock, "starts_on": today.isoformat(),
                    "ends_on": (today + timedelta(days=90)).isoformat(), "collect_within_days": 7,
                }  # fmt: skip
                _ask(client, "POST", "/offers", body)


def _ask(
    client: httpx.Client, method: str, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    answer = client.request(method, path, json=body)
    if not answer.is_success:
        raise Unavailable(
            "demo-points-refused",
            Words(
                f"演示积分没有办成（{answer.status_code}）：{answer.text[:200]}",
                f"The demo's points were refused ({answer.status_code}): {answer.text[:200]}",
            ),
        )
    content: dict[str, Any] = answer.json()
    return content

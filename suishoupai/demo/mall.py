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
_LONG, _SHORT = ["07:00", "23:00"], ["09:00", "18:00"]
# Where riders can go: name, place, unit, WGS-84 degrees, services, hours Monday to Sunday, note.
STATIONS: tuple[tuple[str, str, str, tuple[float, float], tuple[str, ...], list[Any], str], ...] = (
    (STATION, PLACE, "210103", (41.7935, 123.4290), ("rest", "water", "charging", "bike", "meals"),
     [_LONG] * 7, "一楼大厅右手边"),
    ("太原街骑手驿站（演示）", "沈阳市和平区太原北街 5 号", "210102", (41.7950, 123.4005),
     ("rest", "water", "toilet", "medicine"), [*[_SHORT] * 5, None, None], ""),
    ("浑南奥体骑手驿站（演示）", "沈阳市浑南区浑南中路 9 号", "210112", (41.7380, 123.4560),
     ("rest", "water", "bike"), [["00:00", "00:00"]] * 7, "夜间请按门铃"),
)  # fmt: skip
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
        for name, place, *_ in STATIONS:
            if session.scalar(select(Station.id).where(Station.name == name)) is None:
                add_station(session, name=name, place=place, now=now_utc())
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": "zh-CN"}
    with httpx.Client(
        base_url=f"{address}/api/v1/rewards", headers=headers, timeout=30, trust_env=False
    ) as client:
        waiting = _ask(client, "GET", "/awards")["items"]
        for award in waiting[: max(0, len(waiting) - LEFT_WAITING)]:
            _ask(client, "POST", f"/awards/{award['id']}/approval")
        _place_stations(client)
        known = {each["title"] for each in _ask(client, "GET", "/offers")["items"]}
        for title, terms, points, stock in OFFERS:
            if title not in known:
                body = {
                    "station": STATION, "unit": UNIT, "title": title, "terms": terms,
                    "points": points, "stock": stock, "starts_on": today.isoformat(),
                    "ends_on": (today + timedelta(days=90)).isoformat(), "collect_within_days": 7,
                }  # fmt: skip
                _ask(client, "POST", "/offers", body)


def _place_stations(client: httpx.Client) -> None:
    """Say what the stations offer and where they lie."""
    ids = {each["name"]: each["id"] for each in _ask(client, "GET", "/stations")["items"]}
    for name, _, unit, (latitude, longitude), services, hours, note in STATIONS:
        body = {
            "unit": unit, "latitude": latitude, "longitude": longitude, "services": list(services),
            "hours": [day and {"opens": day[0], "closes": day[1]} for day in hours], "note": note,
        }  # fmt: skip
        _ask(client, "PUT", f"/stations/{ids[name]}", body)


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

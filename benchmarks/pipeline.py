"""Photos a second and core through examine and match, database and store included.

Four kinds of rows: with no other photo stored; with a million, their hashes and their regions,
looked for in SQL alone and with the index in memory; and two workers on two cores beside one,
from the examination to the case.

The floor is that of `benchmarks.examine`: the same files opened with Pillow, decoded small
and resized, in the same run, round by round. Ours is what a worker's job does with a tip up
to its routing: examination in a limited child, derivatives and hashes stored and synced,
search for look-alikes. Each round has a fresh database, so that no photo meets its own copy.
Run from the root of the repository: `python -m benchmarks.pipeline [--stored N] [--rounds N]`.
"""

import argparse
import hashlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from uuid import UUID, uuid4

from benchmarks.examine import apart, floor, processor_s, progress
from benchmarks.regions import RegionStore
from benchmarks.seen import Store, tidied
from intake.answers import Reporter
from intake.gate.inspecting import inspect
from intake.photos import make_store
from intake.reports import ClaimedPlace, KeptPhoto, Tip, submit
from schemas.database import connect, now_utc
from schemas.logs import configure_logs
from schemas.migrate import migrate
from schemas.places import Datum
from schemas.sealing import Sealer
from schemas.settings import Settings, load_settings
from schemas.units import seed_market_units
from workers import pipeline
from workers.heap import settle_worker
from workers.machine import Machine, Polygons, make_machine
from workers.rehearsal import rehearse
from workers.seen.memory import Memory

PHOTOS_A_TIP = (1, 3)
ROUNDS = 3
STORED = 1_000_000
TIPS = 24


def template(folder: Path, stored: int = 0) -> Settings:
    """Return the settings of a migrated database that rounds copy from; it has so many photos."""
    settings = load_settings({}, data_dir=folder / f"template-{stored}", log_format="json")
    configure_logs(settings, process="benchmark")
    database = connect(settings)
    migrate(database)
    with database.writing() as session:
        seed_market_units(session)
    if stored:
        progress(f"storing the hashes and the regions of {stored:,} photos")
        store = Store(database)
        store.fill(stored)
        RegionStore(store).fill(stored)
        progress("packing them")
        tidied(store)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return settings


@cache
def polygons() -> Polygons:
    """Return the county polygons, read once."""
    return Polygons()


def fresh_machine(settings: Settings, folder: Path) -> Machine:
    """Return a machine on a fresh copy of the template."""
    folder.mkdir()
    shutil.copy(settings.data_dir / "suishoupai.sqlite3", folder / "suishoupai.sqlite3")
    machine = make_machine(settings.model_copy(update={"data_dir": folder}))
    machine = replace(machine, polygons=polygons())
    rehearse(machine)
    settle()
    return machine


@cache
def settle() -> None:
    """Put this process's memory in order once, as a worker does before its first job."""
    settle_worker()


def send(machine: Machine, paths: Sequence[Path]) -> UUID:
    """Take one tip as the door does."""
    photos = []
    for path in paths:
        facts, sha256 = inspect(path), hashlib.sha256(path.read_bytes()).hexdigest()
        # The store links what it is given, and the round's folder goes away.
        copy = machine.settings.data_dir / path.name
        shutil.copy(path, copy)
        make_store(machine.settings).put_original(copy, sha256)
        photos.append(
            KeptPhoto(sha256, facts.size_bytes, facts.content_type, facts.width, facts.height)
        )
    with machine.database.writing() as session:
        return submit(
            session,
            sealer=Sealer(machine.settings),
            reporter=Reporter(None),
            key=uuid4(),
            tip=Tip(("PEST",), device_place=ClaimedPlace(41.7936, 123.4529, Datum.WGS84, 12.0)),
            photos=photos,
            now=now_utc(),
        ).subject_id


def compare(
    settings: Settings, paths: Sequence[Path], *, size: int, rounds: int, memory: Memory | None
) -> dict[str, float]:
    """Return medians over interleaved rounds, in photos a second and core, and their ratio."""
    rates: dict[str, list[float]] = {"floor": [], "ours": []}
    tips = [paths[i : i + size] for i in range(0, len(paths), size)]
    for number in range(rounds + 1):
        progress(f"{size} a tip: round {number} of {rounds}")
        with tempfile.TemporaryDirectory() as name:
            machine = fresh_machine(settings, Path(name) / "data")
            machine = replace(machine, memory=memory)
            reports = [send(machine, tip) for tip in tips]
            if memory is not None:
                # As a worker does before it takes a job.
                with machine.database.reading() as session:
                    memory.follow(session)
            before_s = processor_s()
            floor(paths)
            floor_s = processor_s() - before_s
            before_s = processor_s()
            for report_id in reports:
                pipeline.examine(report_id, machine)
                pipeline.match(report_id, machine)
            ours_s = processor_s() - before_s
            machine.database.close()
        if number:  # The first round warms caches.
            rates["floor"].append(len(paths) / floor_s)
            rates["ours"].append(len(paths) / ours_s)
    return ratio_of({which: statistics.median(rate) for which, rate in rates.items()})


def ratio_of(medians: dict[str, float]) -> dict[str, float]:
    return {
        **{which: round(value, 2) for which, value in medians.items()},
        "ratio": round(medians["ours"] / medians["floor"], 3),
    }


def side_by_side(settings: Settings, paths: Sequence[Path], *, rounds: int) -> dict[str, float]:
    """Return the photos a second of one worker and of two, by the clock on the wall."""
    rates: dict[str, list[float]] = {"floor": [], "ours": []}
    for number in range(rounds + 1):
        progress(f"one worker, then two: round {number} of {rounds}")
        for which, workers in (("floor", 1), ("ours", 2)):
            with tempfile.TemporaryDirectory() as name:
                machine = fresh_machine(settings, Path(name) / "data")
                reports = [send(machine, paths[n % len(paths) :][:1]) for n in range(TIPS)]
                machine.database.close()
                taken_s = work_off(machine.settings.data_dir, reports, workers)
            if number:
                rates[which].append(TIPS / taken_s)
    return ratio_of({which: statistics.median(rate) for which, rate in rates.items()})


def work_off(data_dir: Path, reports: Sequence[UUID], workers: int) -> float:
    """Let so many processes take the reports through the pipeline; return the seconds."""
    started = []
    for number in range(workers):
        share = [str(each) for each in reports[number::workers]]
        command = [sys.executable, "-m", "benchmarks.pipeline", "--work", str(data_dir), *share]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    begin = time.monotonic()
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.close()
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
    taken_s = time.monotonic() - begin
    for process in started:
        assert process.wait() == 0
    return taken_s


def work(data_dir: Path, reports: Sequence[str]) -> None:
    """Be a worker: get ready, say so, wait for the word, and take the reports one by one."""
    settings = load_settings({}, data_dir=data_dir, log_format="json")
    configure_logs(settings, process="benchmark")
    machine = make_machine(settings)
    with machine.database.reading() as session:
        machine.polygons.prepare(session)
    rehearse(machine)
    settle()
    print("ready", flush=True)
    sys.stdin.readline()
    for report_id in reports:
        pipeline.process(UUID(report_id), machine=machine)
    print("done", flush=True)


def main(stored: int, rounds: int) -> dict[str, dict[str, float]]:
    """Make the photos, measure, and return the figures."""
    result = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        progress("making the photos")
        apart("jpegs", folder)
        paths, settings = sorted(folder.glob("*.jpg")), template(folder)
        for size in PHOTOS_A_TIP:
            result[f"examine + match, JPEG 12 MP, {size} a tip"] = compare(
                settings, paths, size=size, rounds=rounds, memory=None
            )
        result["two workers beside one, on the wall"] = {
            **side_by_side(settings, paths, rounds=rounds), "wanted": 1.8,
        }  # fmt: skip
        full = template(folder, stored)
        for what, memory in (("SQL alone", None), ("index", Memory())):
            progress(f"{stored:,} stored, {what}")
            for size in PHOTOS_A_TIP:
                found = compare(full, paths, size=size, rounds=rounds, memory=memory)
                result[f"the same with {stored:,} stored, {what}, {size} a tip"] = {
                    **found, "wanted": 0.6,
                }  # fmt: skip
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Photos a second and core.")
    parser.add_argument("--stored", type=int, default=STORED)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", action="store_true", help="what is printed is JSON anyway")
    parser.add_argument("--work", nargs="+", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        work(Path(asked.work[0]), asked.work[1:])
    else:
        # Logs go to stderr: what is printed is one JSON document.
        print(json.dumps(main(asked.stored, asked.rounds), indent=1))

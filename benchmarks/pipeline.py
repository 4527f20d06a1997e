"""Photos a second and core through examine and match, database and store included.

The floor is that of `benchmarks.examine`: the same files opened with Pillow, decoded small
and resized, in the same run, round by round. Ours is what a worker's job does with a tip up
to its routing: examination in a limited child, derivatives and hashes stored and synced,
search for look-alikes. Each round has a fresh database, so that no photo meets its own copy.
Run from the root of the repository: `python -m benchmarks.pipeline`.
"""

import hashlib
import json
import shutil
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

from benchmarks.examine import apart, floor, processor_s
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
from workers.heap import settle_memory
from workers.machine import Machine, make_machine
from workers.rehearsal import rehearse

PHOTOS_A_TIP = (1, 3)
ROUNDS = 7


def template(folder: Path) -> Settings:
    """Return the settings of a migrated database that rounds copy from."""
    settings = load_settings({}, data_dir=folder / "template", log_format="json")
    database = connect(settings)
    migrate(database)
    with database.writing() as session:
        seed_market_units(session)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return settings


def fresh_machine(settings: Settings, folder: Path, polygons_of: Machine | None) -> Machine:
    """Return a machine on a fresh copy of the template; the county polygons are read once."""
    folder.mkdir()
    shutil.copy(settings.data_dir / "suishoupai.sqlite3", folder / "suishoupai.sqlite3")
    machine = make_machine(settings.model_copy(update={"data_dir": folder}))
    if polygons_of is not None:
        machine = replace(machine, polygons=polygons_of.polygons)
    rehearse(machine)
    settle_memory()
    return machine


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


def main() -> dict[str, dict[str, float]]:
    """Make the photos, measure, and return the figures by photos a tip."""
    result = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        apart("make", folder)
        paths, settings = sorted(folder.glob("*.jpg")), template(folder)
        # Logs go to stderr: what is printed is one JSON document.
        configure_logs(settings, process="benchmark")
        first: Machine | None = None
        for size in PHOTOS_A_TIP:
            rates: dict[str, list[float]] = {"floor": [], "ours": []}
            for number in range(ROUNDS + 1):
                machine = fresh_machine(settings, folder / f"{size}-{number}", first)
                first = first or machine
                tips = [paths[i : i + size] for i in range(0, len(paths), size)]
                reports = [send(machine, tip) for tip in tips]
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
            medians = {which: statistics.median(rate) for which, rate in rates.items()}
            result[f"examine + match, JPEG 12 MP, {size} a tip"] = {
                **{which: round(value, 2) for which, value in medians.items()},
                "ratio": round(medians["ours"] / medians["floor"], 3),
            }
    return result


if __name__ == "__main__":
    print(json.dumps(main(), indent=1))

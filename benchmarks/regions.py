"""Parts of photos looked for among many by large regions, with an index in memory and without.

Regions are made up in bulk, as those of 1,594 real photos were: eight shapes (the factors of
the correlations of their 128 bits, `regions_fit.npy`) and noise, which is faint in one of
twenty, the plain blobs in which strangers come near one another. Half of the photos asked for
show a part of a stored one: one to eight regions by one shift and scale, a few bits away.
«Found» says how many of these the search brings, beside how many comparing all regions would.

The floor is faiss' bare flat index on one thread: the same regions against all stored ones, and
nothing else. `--fit FOLDER` takes the shapes anew from photos. Run from the root:

    python -m benchmarks.regions [--databases sqlite,postgresql] [--sizes N,…] [--asked N]
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.matching import files, fitted_photo
from benchmarks.seen import BATCH, SEED, Store, opened, percentile, size_mb, tidied
from intake.inserting import insert_rows
from schemas.database import now_utc
from schemas.tables import Photo, PhotoRegions
from workers.policy import POLICY
from workers.regions.finding import (
    ASKED,
    BITS,
    DOUBTFUL,
    FULL_SCALE,
    HASH_BYTES,
    KEY_BITS,
    REGION,
    STORED,
    Regions,
    find_regions,
    pack,
)
from workers.regions.listing import Near
from workers.regions.searching import likely, photos_with_parts, rows_to_judge
from workers.seen.memory import Memory
from workers.seen.packing import pack as pack_all

SIZES = (20_000,)
QUESTIONS, COMPARED = 200, 40
INSERTED, PLANTABLE = 5_000, 200
SHAPES, PLAIN, PLAIN_NOISE = 8, 0.05, 0.25
FITTED = Path(__file__).parent / "regions_fit.npy"
YEAR = timedelta(days=365)
TABLES = ("photo_regions", "region_blocks", "region_segments", "region_lists")
_AT_ONCE = 10_000
Waves = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Stored:
    """A stored photo of which a part may be asked for: its regions before they became bits."""

    photo_id: UUID
    row: int
    waves: Waves
    regions: Regions


@dataclass(frozen=True, eq=False)
class Question:
    """A photo that is asked for, and the stored one of which it shows a part, if any."""

    report_id: UUID
    photo_id: UUID
    regions: Regions
    whole: Stored | None


def fit(folder: Path) -> None:
    """Write the shapes of real regions: factors of the correlations of their bits."""
    found = files(folder, tuning=True, most=1_600, seed=SEED)
    photos = (fitted_photo(path)[:, :, ::-1] for path in found)
    regions = [find_regions(Image.fromarray(np.ascontiguousarray(each))) for each in photos]
    hashes = np.concatenate([each["hash"][:stored] for each, stored in regions])
    signs = np.unpackbits(hashes, axis=1) * 2.0 - 1.0
    # The correlation of two normal numbers whose signs correlate as these do.
    values, vectors = np.linalg.eigh(np.sin(np.pi / 2 * np.corrcoef(signs.T)))
    shapes = (vectors * np.sqrt(np.maximum(values, 0)))[:, ::-1][:, :SHAPES]
    np.save(FITTED, shapes.astype(np.float16))


def made_up(count: int, chance: np.random.Generator) -> tuple[Waves, Regions]:
    """Return so many regions, as waves and as they are stored."""
    shapes = np.load(FITTED).astype(np.float32)
    rest = np.sqrt(np.maximum(1 - (shapes**2).sum(axis=1), 0))
    noise = np.where(chance.random(count) < PLAIN, PLAIN_NOISE, 1.0).astype(np.float32)
    waves = chance.standard_normal((count, BITS), np.float32) * rest * noise[:, None]
    waves += chance.standard_normal((count, SHAPES), np.float32) @ shapes.T
    regions = as_regions(waves)
    for name in ("x", "y"):
        regions[name] = chance.uniform(0.1, 0.9, count) * FULL_SCALE
    regions["side"] = chance.triangular(0.1, 0.12, 0.45, count) * FULL_SCALE
    return waves, regions


def as_regions(waves: Waves) -> Regions:
    """Return regions of these waves, without their places."""
    regions = np.zeros(len(waves), REGION)
    regions["hash"] = np.packbits(waves > 0, axis=1)
    nearest = np.argpartition(np.abs(waves[:, :KEY_BITS]), DOUBTFUL, axis=1)[:, :DOUBTFUL]
    bits = np.uint32(1) << (31 - nearest).astype(np.uint32)
    regions["doubtful"] = np.bitwise_or.reduce(bits, axis=1)
    return regions


def part_of(whole: Stored, chance: np.random.Generator) -> Regions:
    """Return the regions of a photo that shows a part of a stored one.

    Of 150 real photos' crops of seven tenths of both edges, half shared four regions or fewer
    with what was stored of the whole, one in ten two; their bits differed by 2 to 18.
    """
    _, regions = made_up(ASKED, chance)
    shared = chance.choice(STORED, 1 + chance.binomial(9, 0.33), replace=False)
    stirred = chance.uniform(0.05, 0.5, (len(shared), 1)).astype(np.float32)
    spread = whole.waves[shared].std(axis=1, keepdims=True)
    noise = chance.standard_normal((len(shared), BITS), np.float32)
    copied = as_regions(whole.waves[shared] + stirred * spread * noise)
    left, top = chance.uniform(0, 0.3, 2) * FULL_SCALE
    for name, cut in (("x", left), ("y", top), ("side", 0)):
        places = (whole.regions[name][shared] - cut) / 0.7
        copied[name] = np.clip(places, 0, FULL_SCALE)
    regions[chance.choice(ASKED, len(shared), replace=False)] = copied
    return regions


class RegionStore(Store):
    """A database with the regions of as many photos as were put in, which stand here once more."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.database, store.folder)
        self.photos = 0
        self.parts: list[NDArray[np.uint8]] = []
        self.plantable: list[Stored] = []
        self._brought_in = 0

    def fill(self, photos: int) -> float:
        """Put regions of so many photos in, straight into the table; return the seconds."""
        spent_s = 0.0
        for start in range(0, photos, _AT_ONCE):
            count = min(_AT_ONCE, photos - start)
            waves, regions = made_up(count * ASKED, self.chance)
            each = regions.reshape(count, ASKED)
            ids = [uuid4() for _ in range(count)]
            rows = [(key, STORED, pack(own)) for key, own in zip(ids, each, strict=True)]
            begin = time.monotonic()
            self.write("photo_regions (photo_id, stored, data)", rows)
            spent_s += time.monotonic() - begin
            for at in self.chance.choice(count, min(count, PLANTABLE), replace=False):
                own = waves.reshape(count, ASKED, BITS)[at].copy()
                self.plantable.append(Stored(ids[at], self.photos + int(at), own, each[at].copy()))
            self._keep(each)
            print(f"{self.photos:>12,} photos", file=sys.stderr)
        self._bring_in()
        return spent_s

    def _keep(self, regions: Regions) -> None:
        self.parts.append(np.ascontiguousarray(regions["hash"][:, :STORED]).reshape(-1, HASH_BYTES))
        self.photos += len(regions)

    def _bring_in(self) -> None:
        """Give the photos that may be asked for their own rows, which candidates are read from."""
        known = self._brought_in
        with self.database.writing() as session:
            fresh = self.plantable[known:]
            # Long ago: else they would share the moment of each tip that is asked for.
            reports = [self.a_report(now_utc() - YEAR) for _ in fresh]
            session.add_all(reports)
            session.flush()
            for report, stored in zip(reports, fresh, strict=True):
                photo = self.photo(report.id)
                photo.id = stored.photo_id
                session.add(photo)
        self._brought_in = len(self.plantable)

    def insert(self) -> float:
        """Write photos in batches as the product writes them, and pack; return photos a second."""
        _, regions = made_up(INSERTED * ASKED, self.chance)
        each = regions.reshape(INSERTED, ASKED)
        report, begin = self.report(), time.monotonic()
        for start in range(0, INSERTED, BATCH):
            photos = [self.photo_row(report) for _ in range(BATCH)]
            rows = [
                {"photo_id": photo["id"], "stored": STORED, "data": pack(own)}
                for photo, own in zip(photos, each[start : start + BATCH], strict=True)
            ]
            with self.database.writing() as session:
                insert_rows(session, Photo, photos)
                insert_rows(session, PhotoRegions, rows)
        pack_all(self.database)
        taken_s = time.monotonic() - begin
        self._keep(each)
        return INSERTED / taken_s

    def ask(self, number: int) -> Question:
        """Put a photo in that is asked for; every second one shows a part of a stored one."""
        whole = self.plantable[self.chance.integers(len(self.plantable))] if number % 2 else None
        regions = part_of(whole, self.chance) if whole else made_up(ASKED, self.chance)[1]
        photo = self.photo(self.report())
        with self.database.writing() as session:
            session.add(photo)
            session.flush()
            # Nothing of it is stored for others' sake: the next question is not to find it.
            session.add(PhotoRegions(photo_id=photo.id, stored=0, data=pack(regions)))
        return Question(photo.report_id, photo.id, regions, whole)


def timed(
    store: Store, questions: Sequence[Question], memory: Memory | None
) -> tuple[list[float], float, int]:
    """Return each question's milliseconds, the processor's for one, and how many parts were found.

    The processor's are this process' own, which does not count PostgreSQL's server.
    """
    taken, found, before_s = [], 0, time.process_time()
    for question in questions:
        begin = time.perf_counter()
        with store.database.reading() as session:
            brought = photos_with_parts(
                session,
                report_id=question.report_id,
                photo_ids=[question.photo_id],
                memory=memory,
            )
        taken.append((time.perf_counter() - begin) * 1000)
        wanted = question.whole
        found += wanted is not None and wanted.photo_id in {each.photo_id for each in brought}
    return taken, (time.process_time() - before_s) * 1000 / len(questions), found


def read_and_judged(store: Store, questions: Sequence[Question], memory: Memory) -> float:
    """Return how many strangers' rows are read for a question."""
    read = 0
    for question in questions:
        with store.database.reading() as session:
            rows = rows_to_judge(session, question.regions, memory=memory)
        read += len(rows)
    return read / len(questions)


def floor(store: RegionStore, questions: Sequence[Question]) -> tuple[list[float], int]:
    """Return the milliseconds of faiss' flat index on one thread, and how many parts it leads to.

    These go through the same choice as what the lists bring, which is not timed.
    """
    import faiss  # noqa: PLC0415  nobody needs it but the floor

    faiss.omp_set_num_threads(1)
    index = faiss.IndexBinaryFlat(BITS)
    for part in store.parts:
        index.add(part)
    taken, found = [], 0
    for question in questions:
        hashes = np.ascontiguousarray(question.regions["hash"])
        begin = time.perf_counter()
        limits, bits, places = index.range_search(hashes, POLICY.region_bits + 1)
        taken.append((time.perf_counter() - begin) * 1000)
        asked = np.repeat(np.arange(len(hashes)), np.diff(limits.astype(np.int64)))
        near = Near(asked, places // STORED, bits.astype(np.int64))
        wanted = question.whole
        found += wanted is not None and wanted.row in likely(near, len(hashes), POLICY)
    return taken, found


def measure(store: RegionStore, kind: str, photos: int, asked: int) -> dict[str, Any]:
    """Fill the store up to so many photos and return what they cost."""
    filled_s = store.fill(photos - store.photos - INSERTED)
    print("packing them", file=sys.stderr)
    packed_s = tidied(store)
    inserted = store.insert()
    print("asking", file=sys.stderr)
    questions = [store.ask(number) for number in range(asked)]
    memory, begin = Memory(), time.monotonic()
    with store.database.reading() as session:
        memory.follow(session)
    followed_s = time.monotonic() - begin
    flat_ms, flat_found = floor(store, questions[:COMPARED])
    row: dict[str, Any] = {
        "database": kind, "photos": photos, "filled_s": round(filled_s, 1),
        "packed_s": round(packed_s, 1), "inserted_per_s": round(inserted),
        "followed_s": round(followed_s, 1), "memory_mb": memory.size_bytes >> 20,
        "database_mb": size_mb(store, TABLES),
        "read": round(read_and_judged(store, questions[:COMPARED], memory), 1),
        "parts": asked // 2, "compared_parts": len(questions[:COMPARED]) // 2,
        "floor_p50_ms": percentile(flat_ms, 50), "floor_p99_ms": percentile(flat_ms, 99),
        "floor_found_of_compared": flat_found, "floor_mb": store.photos * STORED * HASH_BYTES >> 20,
    }  # fmt: skip
    for name, kept in (("sql", None), ("index", memory)):
        row[f"{name}_found_of_compared"] = timed(store, questions[:COMPARED], kept)[2]
        taken_ms, busy_ms, found = timed(store, questions, kept)
        row |= {
            f"{name}_busy_ms": round(busy_ms, 1), f"{name}_found": found,
            f"{name}_p50_ms": percentile(taken_ms, 50), f"{name}_p99_ms": percentile(taken_ms, 99),
        }  # fmt: skip
    return row


def lines_of(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the table: each figure beside its floor."""
    yield (
        "| database | photos | index p50 / p99 / processor ms | "
        "SQL alone p50 / p99 / processor ms | floor: faiss flat p50 / p99 ms | "
        "rows read a question | parts found by index / SQL / faiss | written photos/s | "
        "index MB | floor MB | tables MB |"
    )
    yield f"| --- {'| ---: ' * 10}|"
    for row in rows:
        found = " / ".join(
            str(row[f"{who}_found_of_compared"]) for who in ("index", "sql", "floor")
        )
        found += f" of {row['compared_parts']}"
        cells = [
            row["database"], f"{row['photos']:,}",
            f"{row['index_p50_ms']} / {row['index_p99_ms']} / {row['index_busy_ms']}",
            f"{row['sql_p50_ms']} / {row['sql_p99_ms']} / {row['sql_busy_ms']}",
            f"{row['floor_p50_ms']} / {row['floor_p99_ms']}", str(row["read"]),
            found,
            f"{row['inserted_per_s']:,}", f"{row['memory_mb']:,}", f"{row['floor_mb']:,}",
            f"{row['database_mb']:,}",
        ]  # fmt: skip
        yield f"| {' | '.join(cells)} |"
    for row in rows:
        yield (
            f"\n{row['database']}, {row['photos']:,}: {row['index_found']} of {row['parts']} parts "
            f"found with the index, {row['sql_found']} without."
        )
    for one, other in pairwise(rows):
        if one["database"] == other["database"]:
            times = [other[f"{name}_p50_ms"] / one[f"{name}_p50_ms"] for name in ("index", "sql")]
            yield (
                f"\nFrom {one['photos']:,} to {other['photos']:,} photos on {one['database']}: "
                f"× {times[0]:.1f} with the index, × {times[1]:.1f} without."
            )


def main() -> None:
    parser = argparse.ArgumentParser(description="Parts of photos looked for among many.")
    parser.add_argument("--sizes", default=",".join(str(size) for size in SIZES))
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--asked", type=int, default=QUESTIONS)
    parser.add_argument("--fit", type=Path, help="a folder of photos to take the shapes from")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.fit:
        fit(given.fit)
        return
    rows = []
    for kind in given.databases.split(","):
        with tempfile.TemporaryDirectory() as folder, opened(kind, Path(folder)) as plain:
            store = RegionStore(plain)
            for size in sorted(int(each) for each in given.sizes.split(",")):
                rows.append(measure(store, kind, size, given.asked))
                print(rows[-1], file=sys.stderr)
    print(json.dumps(rows) if given.json else "\n".join(lines_of(rows)))


if __name__ == "__main__":
    main()

"""How long a platform's list of riders takes, from the CSV's bytes to committed rows.

`python -m benchmarks.riders` imports lists of 1,635 and 10,000 riders, one line in a
thousand of which can't be right, into a fresh embedded database. The floor is what no
import can leave out: reading the list and sealing and digesting each profile.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from intake.riders.imports import ImportResult, import_riders
from intake.riders.lists import read_rider_list
from schemas.database import connect
from schemas.migrate import migrate
from schemas.sealing import Sealer
from schemas.settings import load_settings

SIZES = (1635, 10_000)
ONE_BAD_IN = 1000


def list_of(size: int) -> bytes:
    """Return a platform's list as office programs in China save it."""
    lines = ["姓名,手机号,平台,站点,工号"]
    for number in range(size):
        phone = "12345" if number % ONE_BAD_IN == ONE_BAD_IN - 1 else f"139{number:08d}"
        lines.append(f"骑手{number},{phone},平台,沈河站,{number}")
    return "\r\n".join(lines).encode("gb18030")


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return wall and processor seconds of some work."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def measure(size: int, directory: Path) -> str:
    """Import one list and return its row of the table."""
    settings = load_settings({}, data_dir=directory)
    database, sealer, data = connect(settings), Sealer(settings), list_of(size)
    migrate(database)
    results: list[ImportResult] = []

    def floor() -> None:
        for row in read_rider_list(data):
            sealer.seal(dict(row.cells))
            sealer.digest("phone", row.cells["phone"])

    def ours() -> None:
        with database.writing() as session:
            results.append(import_riders(session, sealer=sealer, rows=read_rider_list(data)))

    (_, least_s), (wall_s, processor_s) = timed(floor), timed(ours)
    database.close()
    (result,) = results
    return (
        f"| {size:,} | {len(result.added):,} | {len(result.refused)} | {wall_s:.2f} "
        f"| {processor_s:.2f} | {least_s:.2f} |"
    )


def main() -> None:
    """Print the table."""
    rows = ["| lines | registered | refused | s | processor s | of which sealing, s |"]
    rows.append("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for size in SIZES:
        with tempfile.TemporaryDirectory() as name:
            rows.append(measure(size, Path(name)))
    sys.stdout.write("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()

"""Tips a second and core of a real worker: its queue server, its horse and routing included.

The floor is that of `benchmarks.examine`, turn by turn in the same run: the tips' photos opened
with Pillow, decoded small and resized. The worker's processor time is that of its process and of
all that it forked and started, and not that of the queue server. Photos come again from tip to
tip, so that most tips match some before and are compared closely: more work than a usual day's.
Run from the root: `python -m benchmarks.worker [--rounds N]`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from sqlalchemy import func, select

from benchmarks.examine import apart, floor, processor_s, progress
from benchmarks.intake import queue_server
from benchmarks.pipeline import ratio_of, send, template
from schemas.database import Database
from schemas.jobs import PROCESS_REPORT, connect_queue
from schemas.tables import ReportProgress
from workers.machine import make_machine

ROUNDS, PAUSE_S = 4, 0.02


def taken_s(worker: psutil.Process) -> float:
    """Return the processor seconds of a process, of its children and of those that ended."""
    tree = (worker, *worker.children(recursive=True))
    return float(sum(sum(each.cpu_times()[:4]) for each in tree))


def finished(database: Database) -> int:
    """Return how many reports the worker is done with."""
    with database.reading() as session:
        done = select(func.count()).where(ReportProgress.finished_at.is_not(None))
        return session.scalar(done) or 0


def main(rounds: int) -> dict[str, dict[str, float]]:
    """Start queue server and worker, give it tips of one photo each, and return the figures."""
    rates: dict[str, list[float]] = {"floor": [], "ours": []}
    with tempfile.TemporaryDirectory() as name, queue_server(Path(name)) as url:
        folder = Path(name)
        progress("making the photos")
        apart("jpegs", folder)
        paths, settings = sorted(folder.glob("*.jpg")), template(folder)
        machine, queue = make_machine(settings), connect_queue(url)
        environ = {**os.environ, "DATA_DIR": str(settings.data_dir), "REDIS_URL": url}
        process = subprocess.Popen(
            [sys.executable, "-m", "workers.runner"], env=environ,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        worker = psutil.Process(process.pid)
        try:
            for number in range(rounds + 1):
                progress(f"round {number} of {rounds}")
                before_s = processor_s()
                floor(paths)
                floor_s = processor_s() - before_s
                reports = [send(machine, [path]) for path in paths]
                wanted = finished(machine.database) + len(reports)
                before_s = taken_s(worker)
                for report_id in reports:
                    queue.put(PROCESS_REPORT, report_id, request_id="benchmark")
                while finished(machine.database) < wanted:
                    assert process.poll() is None
                    time.sleep(PAUSE_S)
                if number:  # The first round waits for the worker and warms caches.
                    ours_s = taken_s(worker) - before_s
                    rates["floor"].append(len(paths) / floor_s)
                    rates["ours"].append(len(paths) / ours_s)
        finally:
            process.terminate()
            process.wait()
            queue.connection.close()
            machine.database.close()
    medians = {which: statistics.median(rate) for which, rate in rates.items()}
    return {"a worker with its queue and routing, JPEG 12 MP, 1 a tip": ratio_of(medians)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Tips a second and core of a real worker.")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", action="store_true", help="what is printed is JSON anyway")
    print(json.dumps(main(parser.parse_args().rounds), indent=1))

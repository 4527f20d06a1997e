"""Run every benchmark, one after another, and print one table: `make bench`.

Each figure stands beside a floor measured in the same run; only the ratio travels
from one machine to another. The searches among photos, the bulletin and the inspectors' room
come last, each in a table of its own: the floor of the latter two is the same question with
the fewest rows. `--keep` leaves what was filled for these two in a folder and finds it there
the next time.
"""

import argparse
import json
import subprocess
import sys
from typing import Any

from benchmarks.room import SIZES
from benchmarks.seen import SIZES as PHOTOS

# (module, unit, smallest ratio wanted); rows whose name holds «peak» want at most 2.
BENCHMARKS = (
    ("benchmarks.intake", "tips/s", 0.5),
    ("benchmarks.pipeline", "photos/s and core", 0.7),
    ("benchmarks.worker", "photos/s and core", 0.6),
    ("benchmarks.examine", "photos/s and core", 0.7),
    ("benchmarks.routing", "points/s", 0.5),
)
# Its rows say themselves what they measure and what is wanted of them.
APP = "benchmarks.app"
# Ten million take half an hour to fill: `python -m benchmarks.bulletin` does that.
REPORTS = "100000,1000000"


def rows_of(module: str, smallest: float) -> list[tuple[str, float, float, float, float]]:
    """Run one benchmark apart; return each figure's name, floor, ours, ratio and what is wanted."""
    command = [sys.executable, "-m", module, "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    if "rows" in found:
        return [
            (row["what"], row["floor_per_s"], row["ours_per_s"], row["ratio"], smallest)
            for row in found["rows"]
        ]
    return [
        (name, row["floor"], row["ours"], row["ratio"], row.get("wanted", smallest))
        for name, row in found.items()
    ]


def apart(module: str, *arguments: str, keep: str = "") -> None:
    """Run a benchmark that prints its own table; `keep` is where it leaves what it filled."""
    kept = ["--keep", keep] if keep else []
    subprocess.run([sys.executable, "-m", module, *arguments, *kept], check=True)


def rows_of_app() -> list[tuple[str, str, float, float, float, str]]:
    """Run the app's benchmark apart and return its rows."""
    command = [sys.executable, "-m", APP, "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    members = ("what", "unit", "floor", "ours", "ratio", "wanted")
    return [tuple(row[name] for name in members) for row in json.loads(done.stdout)["rows"]]


def main() -> None:
    parser = argparse.ArgumentParser(description="Every benchmark, one after another.")
    parser.add_argument("--cases", default=",".join(str(size) for size in SIZES))
    parser.add_argument("--photos", default=",".join(str(size) for size in PHOTOS))
    parser.add_argument("--reports", default=REPORTS)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--keep", default="")
    asked = parser.parse_args()
    print("| benchmark | unit | floor | ours | ratio | wanted |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for module, unit, smallest in BENCHMARKS:
        for name, floor, ours, ratio, least in rows_of(module, smallest):
            peak = "peak" in name
            wanted, what = ("≤ 2", "MB") if peak else (f"≥ {least}", unit)
            print(
                f"| {name} | {what} | {floor:,.1f} | {ours:,.1f} | {ratio:.2f} | {wanted} |",
                flush=True,
            )
    for name, what, floor, ours, ratio, wanted in rows_of_app():
        print(f"| {name} | {what} | {floor:,.1f} | {ours:,.1f} | {ratio:.2f} | {wanted} |")
    print(flush=True)
    apart("benchmarks.seen", "--sizes", asked.photos)
    print(flush=True)
    apart("benchmarks.regions")
    apart(
        "benchmarks.bulletin", "--sizes", asked.reports, "--databases", "postgresql,sqlite",
        keep=asked.keep,
    )  # fmt: skip
    print(flush=True)
    rounds = str(asked.rounds)
    apart("benchmarks.room", "--sizes", asked.cases, "--rounds", rounds, keep=asked.keep)


if __name__ == "__main__":
    main()

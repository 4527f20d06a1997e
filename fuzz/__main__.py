"""Attacks each door for a share of the time, prints what was found and keeps the files.

`make fuzz`, or `python -m fuzz --seconds 600 --targets examination`. Each target has a
process of its own; should that die, the file it was trying is a finding, too. Ends with 1
when anything was found.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

from fuzz import engine

GRACE_S = 120


def main() -> int:
    """Run the targets one after the other, or, with `--only`, one of them here."""
    options = _options()
    if options.only:
        _run_here(options.only, options)
        return 0
    folder: Path = options.folder
    names = [name for name in options.targets.split(",") if name]
    share_s = options.seconds / len(names)
    tallies = [_run_apart(name, share_s, options) for name in names]
    found = False
    print(f"{'target':<14}{'engine':<10}{'executions':>12}{'a second':>10}{'findings':>10}")
    for tally in tallies:
        pace = tally.executions / tally.seconds if tally.seconds else 0.0
        how = "guided" if tally.guided else "blind"
        print(
            f"{tally.target:<14}{how:<10}{tally.executions:>12,}{pace:>10,.0f}"
            f"{len(tally.findings):>10}"
        )
        for kind, file in tally.findings.items():
            found = True
            print(f"  {kind}\n    {file}")
    print(f"files and traces: {folder}")
    return int(found)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=float(os.environ.get("FUZZ_SECONDS", "60"))
    )
    parser.add_argument("--targets", default=",".join(engine.WATCHED), help="comma-separated")
    parser.add_argument("--folder", type=Path, default=Path("var/fuzz"))
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)))
    parser.add_argument("--blind", action="store_true", help="without atheris, even if it is there")
    parser.add_argument("--only", choices=engine.WATCHED, help=argparse.SUPPRESS)
    return parser.parse_args()


def _run_here(name: str, options: argparse.Namespace) -> None:
    steered = importlib.util.find_spec("atheris") is not None and not options.blind
    guided = bool(steered and engine.WATCHED[name])
    run = engine.Run(engine.load(name, guided=guided), options.folder, guided=guided)
    if guided:
        engine.search_guided(run, seconds=options.seconds, seed=options.seed)
    else:
        engine.search_blindly(run, seconds=options.seconds, seed=options.seed)


def _run_apart(name: str, seconds: float, options: argparse.Namespace) -> engine.Tally:
    folder: Path = options.folder
    command = [sys.executable, "-m", "fuzz", "--only", name, "--seconds", str(seconds)]
    command += ["--folder", str(folder), "--seed", str(options.seed % (1 << 31))]
    command += ["--blind"] * options.blind
    notes = folder / f"{name}.json"
    notes.unlink(missing_ok=True)
    log = folder / f"{name}.log"
    folder.mkdir(parents=True, exist_ok=True)
    death = ""
    with log.open("wb") as output:
        try:
            done = subprocess.run(
                command, stdout=output, stderr=output, timeout=seconds + GRACE_S, check=False
            )
            death = f"the process ended with {done.returncode}" if done.returncode else ""
        except subprocess.TimeoutExpired:
            death = "the process hung"
    tally = engine.Tally(name, guided=False)
    if notes.exists():
        tally = engine.Tally(**json.loads(notes.read_text()))
    if death:
        kept = folder / f"{name}-died"
        current = folder / f"{name}.current"
        kept.write_bytes(current.read_bytes() if current.exists() else b"")
        tally.findings[f"{death}; see {log}"] = str(kept)
    return tally


if __name__ == "__main__":
    sys.exit(main())

"""Tries one target with changed files until its time is up, and keeps what breaks a rule."""

import hashlib
import importlib
import json
import random
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from fuzz.mutating import MAX_BYTES

# The targets, each with the packages whose branches steer the search; none where the work is
# done in another process or by decoders that are no Python.
WATCHED: dict[str, tuple[str, ...]] = {
    "gate": ("intake.gate",),
    "metadata": ("workers.metadata", "workers.packets", "exifread", "PIL.TiffImagePlugin"),
    "examination": (),
    "doors": (),
}


class Broken(Exception):
    """A rule that a file broke; its text tells one kind of finding from another."""


class Target(Protocol):
    """What is tried: one door for hostile bytes."""

    name: str

    def corpus(self) -> dict[str, bytes]:
        """Return the files to begin with."""

    def change(self, content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
        """Return a changed file."""

    def try_all(self, contents: Sequence[bytes]) -> list[Exception | None]:
        """Try files and return for each what it broke, None where every rule held."""


@dataclass
class Tally:
    """What one run did: how often, for how long in seconds, and what it found, by kind."""

    target: str
    guided: bool
    executions: int = 0
    seconds: float = 0.0
    findings: dict[str, str] = field(default_factory=dict)


class Run:
    """One run of one target; `folder` takes the findings and the file that is being tried."""

    def __init__(self, target: Target, folder: Path, *, guided: bool) -> None:
        self.target = target
        self.folder = folder
        self.tally = Tally(target.name, guided)
        self._began = self._noted = time.monotonic()
        # Should the whole process die, this is what it died of.
        self.current = folder / f"{target.name}.current"
        folder.mkdir(parents=True, exist_ok=True)

    def try_all(self, contents: Sequence[bytes]) -> None:
        """Try files, keep what is found, and note from time to time how far it is."""
        self.current.write_bytes(contents[0])
        for content, fault in zip(contents, self.target.try_all(contents), strict=True):
            if fault is not None:
                self._keep(content, fault)
        self.tally.executions += len(contents)
        if time.monotonic() - self._noted > 0.2:
            self.note()

    def note(self) -> None:
        """Write how far the run is."""
        self._noted = time.monotonic()
        self.tally.seconds = self._noted - self._began
        (self.folder / f"{self.target.name}.json").write_text(json.dumps(asdict(self.tally)))

    def _keep(self, content: bytes, fault: Exception) -> None:
        kind = kind_of(fault)
        if kind in self.tally.findings:
            return
        name = f"{self.target.name}-{hashlib.sha256(content).hexdigest()[:12]}"
        (self.folder / name).write_bytes(content)
        told = "".join(traceback.format_exception(fault))
        (self.folder / f"{name}.txt").write_text(f"{kind}\n\n{told}")
        self.tally.findings[kind] = str(self.folder / name)
        self.note()


def kind_of(fault: Exception) -> str:
    """Return what tells one finding from another: the rule, or the error and where it arose."""
    if isinstance(fault, Broken):
        return str(fault)
    frames = traceback.extract_tb(fault.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(fault).__name__}{where}"


def search_blindly(run: Run, *, seconds: float, seed: int, batch: int = 8) -> None:
    """Change the corpus at random until the time is up."""
    rng = random.Random(seed)
    begin = list(run.target.corpus().values())
    ends_at = time.monotonic() + seconds
    # As they are, first: a rule that the corpus itself breaks is no discovery.
    for start in range(0, len(begin), batch):
        run.try_all(begin[start : start + batch])
    while time.monotonic() < ends_at:
        run.try_all([run.target.change(rng.choice(begin), begin, rng) for _ in range(batch)])
    run.note()


def load(name: str, *, guided: bool) -> Target:
    """Make the target of that name, its packages watched by atheris where it is `guided`.

    Nothing that is watched may have been imported before.
    """
    if not guided:
        target: Target = importlib.import_module("fuzz.targets").TARGETS[name]()
        return target
    import atheris  # noqa: PLC0415  where it is not, nothing is guided

    with atheris.instrument_imports(include=list(WATCHED[name])):
        return load(name, guided=False)


def search_guided(run: Run, *, seconds: float, seed: int) -> None:
    """Let libFuzzer keep what reaches new branches of the watched packages; never returns."""
    import atheris  # noqa: PLC0415  as above

    begin = list(run.target.corpus().values())
    # What is much longer than the longest to begin with is only slower.
    longest = min(MAX_BYTES, 2 * max(map(len, begin)))
    seeds = run.folder / f"{run.target.name}.corpus"
    seeds.mkdir(exist_ok=True)
    for name, content in run.target.corpus().items():
        (seeds / name).write_bytes(content)

    def change(content: bytes, most_bytes: int, number: int) -> bytes:
        rng = random.Random(number)
        if rng.random() < 0.5:
            return bytes(atheris.Mutate(content, most_bytes))
        return run.target.change(content, begin, rng)[:most_bytes]

    options = [f"-max_total_time={seconds:.0f}", f"-seed={seed}", f"-max_len={longest}"]
    options += ["-rss_limit_mb=4096", "-timeout=60", "-verbosity=0", str(seeds)]
    atheris.Setup(
        [sys.argv[0], *options], lambda content: run.try_all([content]), custom_mutator=change
    )
    with suppress(SystemExit):
        atheris.Fuzz()
    run.note()

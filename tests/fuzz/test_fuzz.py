"""The fuzzer: that it finds, keeps and tells what breaks, and that little breaks by now."""

import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from fuzz import carriers
from fuzz.engine import WATCHED, Broken, Run, kind_of, search_blindly
from fuzz.mutating import MAX_BYTES, mutated
from fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]


class Fragile:
    """Breaks on what the fuzzer is good at: a number at its edge."""

    name = "fragile"
    change = staticmethod(mutated)

    def corpus(self) -> dict[str, bytes]:
        return {"numbers": bytes(range(1, 33))}

    def try_all(self, contents: Sequence[bytes]) -> list[Exception | None]:
        return [self._try(content) for content in contents]

    def _try(self, content: bytes) -> Exception | None:
        if b"\xff\xff\xff\xff" in content:
            return Broken("four bytes at their edge")
        try:
            content.index(b"\x05")
        except ValueError as fault:
            return fault
        return None


def test_what_breaks_is_kept_once_with_its_trace(tmp_path):
    run = Run(Fragile(), tmp_path, guided=False)
    search_blindly(run, seconds=1.0, seed=7)
    assert run.tally.executions > 100
    kinds = set(run.tally.findings)
    assert "four bytes at their edge" in kinds
    (lost,) = (kind for kind in kinds if kind.startswith("ValueError at test_fuzz.py:"))
    kept = Path(run.tally.findings[lost])
    assert b"\x05" not in kept.read_bytes()
    assert "ValueError: subsection not found" in kept.with_name(f"{kept.name}.txt").read_text()
    assert len([path for path in tmp_path.iterdir() if path.suffix == ".txt"]) == 2


def test_one_place_of_a_fault_is_one_finding():
    assert kind_of(Broken("a rule")) == kind_of(Broken("a rule"))
    assert kind_of(KeyError("x")) == "KeyError"


def test_the_same_seed_makes_the_same_changes():
    begin = list(carriers.corpus().values())
    first, again = (
        [mutated(begin[0], begin, rng) for _ in range(20)]
        for rng in (random.Random(3), random.Random(3))
    )
    assert first == again
    assert len(set(first)) > 10
    assert all(len(content) <= MAX_BYTES for content in first)


@pytest.mark.parametrize("name", ["gate", "metadata", "examination", "doors"])
def test_the_corpus_itself_breaks_no_rule(name):
    target = TARGETS[name]()
    contents = list(target.corpus().values())
    assert len(contents) >= 10
    assert target.try_all(contents) == [None] * len(contents)


def test_a_path_that_looks_like_a_host_reaches_the_door_as_a_server_hands_it_on():
    # An hour of `make fuzz` found that the test client itself broke on it.
    path = b'//x", "keys": {"p256dh": "BA"}}api/v1/sign-in/codes?a=%E4&b=//y:z'
    doors = TARGETS["doors"]()
    assert doors._send(b"POST " + path + b"\r\n\r\n{}").status_code == 404
    assert doors._send(b"GET /api/v1/%70oints?x=1\r\n\r\n").request.path == "/api/v1/points"
    assert doors.try_all([b"GET //x:y/z\r\n\r\n", b"GET /\xe4\x00?%00\r\n\r\n"]) == [None] * 2


def test_the_command_tries_its_targets_and_finds_nothing_in_a_moment(tmp_path):
    command = [sys.executable, "-m", "fuzz", "--seconds", "1", "--blind", "--seed", "11"]
    done = subprocess.run(
        [*command, "--targets", "gate,metadata", "--folder", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    for name in ("gate", "metadata"):
        assert f"\n{name} " in done.stdout
    assert set(TARGETS) == set(WATCHED)

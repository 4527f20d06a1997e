"""A small soak: phones over lines that break, a door that is killed, the queue worked off."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_every_tip_is_one_report_however_the_lines_break() -> None:
    command = [sys.executable, "-m", "benchmarks.soak"]
    command += ["--tips", "8", "--phones", "3", "--kills", "1", "--processes", "1"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    figures = json.loads(done.stdout)
    assert (figures["reports"], figures["door killed"]) == (8, 1)
    assert figures["photos stored with another sum than their source"] == 0
    assert figures["photos doubled"] == 0
    # It would prove little if nothing had ever been cut and gone on with.
    assert figures["cuts on the way up"] + figures["answers cut"] >= 8
    assert figures["uploads resumed in the middle"] > 0

"""Runs the whole product with its demo, for as long as its pictures are taken."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

READY = "The demo is ready"
# What is off unless an operator sets it has its pages, too.
ALL_ON = {"OPEN_DATA": "1", "OPEN_DATA_LICENCE": "CC BY 4.0", "STATUTORY_REWARDS": "1"}


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def product(data_dir: Path, door: int, room: int) -> Iterator[None]:
    """Run the product until its demo is loaded, and stop it afterwards."""
    environ = os.environ | {
        "DATA_DIR": str(data_dir),
        "INTAKE_PORT": str(door),
        "REVIEW_PORT": str(room),
        **ALL_ON,
    }
    with subprocess.Popen(
        [sys.executable, "-m", "suishoupai", "up"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout or ():
            if not line.startswith("{"):
                sys.stdout.write(line)
            if READY in line:
                break
        else:
            raise SystemExit("The product ended before its demo was ready; see above.")
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate()

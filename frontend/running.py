"""Runs the whole product with its demo for as long as its pictures are taken; signs riders in."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

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


def sign_in_rider(browser: Browser, *, door: int, data_dir: Path, phone: str) -> list[Any]:
    """Sign a rider in with the code on the operator's console; return the cookies."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{door}/sign-in")
        page.fill("input[name=phone]", phone)
        page.press("input[name=phone]", "Enter")
        page.wait_for_selector("input[name=code]")
        page.fill("input[name=code]", code_on_the_console(data_dir))
        page.press("input[name=code]", "Enter")
        page.wait_for_url(f"http://127.0.0.1:{door}/")
        return list(context.cookies())


def code_on_the_console(data_dir: Path) -> str:
    """Return the code that waits; it is sent beside the request and so comes a little later."""
    environ = os.environ | {"DATA_DIR": str(data_dir)}
    for _ in range(20):
        done = subprocess.run(
            [sys.executable, "-m", "suishoupai", "riders", "codes", "--json"],
            env=environ,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        if codes := json.loads(done.stdout)["codes"]:
            return str(codes[0]["code"])
    raise SystemExit("No sign-in code came to the console.")

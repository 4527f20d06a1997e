"""The rider's app on a phone: how much it loads, how soon it shows, how soon a tip is safe.

Three rows, each beside a floor of the same run. Bytes: what the first visit fetches,
compressed as a proxy in front would, beside the budget of 120 kB that the app must keep
(without the map). First load: until the shutter is on the screen, over slow 3G as
browsers' own tools have it, beside an empty page on the same line. Safe: from the tap on
«send» until the app says that the tip lies on the phone, with the server never answering,
beside the browser's own smallest durable write of the same photo.

    python -m benchmarks.app [--rounds N] [--json]
"""

import argparse
import gzip
import io
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from schemas.database import connect
from schemas.migrate import migrate
from schemas.settings import load_settings

ROOT = Path(__file__).parents[1]
BUDGET_KB = 120.0
PORT = 8742
KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "is_mobile": True,
    "has_touch": True,
    "locale": "zh-CN",
    "geolocation": {"latitude": 41.8, "longitude": 123.43, "accuracy": 12},
    "permissions": ["geolocation"],
    "service_workers": "block",
}
AS_A_PAGE = {"Accept": "text/html,*/*"}
SLOW_3G = {
    "offline": False,
    "latency": 2000,
    "downloadThroughput": 50_000,
    "uploadThroughput": 50_000,
}
# A photo as it comes from a phone's camera, written by the browser as durably as it can.
WRITE = """async (bytes) => {
    const opened = await new Promise((resolve) => {
        const asked = indexedDB.open("floor", 1);
        asked.onupgradeneeded = () => asked.result.createObjectStore("blobs");
        asked.onsuccess = () => resolve(asked.result);
    });
    const began = performance.now();
    await new Promise((resolve) => {
        const writing = opened.transaction("blobs", "readwrite", { durability: "strict" });
        writing.objectStore("blobs").put(new Blob([new Uint8Array(bytes)]), performance.now());
        writing.oncomplete = resolve;
    });
    return performance.now() - began;
}"""
TAP_TO_SAFE = """() => new Promise((resolve) => {
    const button = document.getElementById("send");
    button.addEventListener("click", () => {
        const began = performance.now();
        const look = new MutationObserver(() => {
            if (document.querySelector("#state-words")) resolve(performance.now() - began);
        });
        look.observe(document.getElementById("main"), { childList: true, subtree: true });
    }, { capture: true });
    button.click();
})"""


@contextmanager
def door() -> Iterator[str]:
    """Serve the door from a database of its own; gives its address."""
    with tempfile.TemporaryDirectory() as name:
        settings = load_settings({}, data_dir=Path(name), secret_keys=KEY)
        database = connect(settings)
        migrate(database)
        database.close()
        environ = os.environ | {
            "DATA_DIR": name,
            "SECRET_KEYS": KEY,
            # Nothing here gets as far as the queue.
            "REDIS_URL": "redis://127.0.0.1:1/0",
        }
        address = f"http://127.0.0.1:{PORT}"
        with subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "intake.app:from_environment()"),
                *("--bind", f"127.0.0.1:{PORT}", "--worker-class", "gthread"),
                *("--threads", "4", "--no-control-socket"),
            ],
            cwd=ROOT,
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as server:
            try:
                while server.poll() is None:
                    try:
                        httpx.get(f"{address}/healthz")
                        break
                    except httpx.TransportError:
                        time.sleep(0.05)
                yield address
            finally:
                server.terminate()


def first_load_kb(browser: Browser, address: str) -> float:
    """Kilobytes that the first visit fetches from the door, each file compressed."""
    with browser.new_context(**PHONE) as context:
        page = context.new_page()
        asked: set[str] = set()
        page.on("request", lambda request: asked.add(request.url))
        page.goto(address)
        page.locator("#frame .shutter").wait_for()
        page.wait_for_load_state("networkidle")
    # A blob is the page's own.
    bodies = [httpx.get(url, headers=AS_A_PAGE).content for url in asked if url[:4] == "http"]
    return sum(len(gzip.compress(body, 6)) for body in bodies) / 1000


def load_ms(browser: Browser, url: str, sight: str) -> float:
    """Milliseconds over slow 3G until something is on the screen, with nothing kept before."""
    with browser.new_context(**PHONE) as context:
        page = context.new_page()
        context.new_cdp_session(page).send("Network.emulateNetworkConditions", SLOW_3G)
        began = time.perf_counter()
        page.goto(url, wait_until="commit")
        page.locator(sight).first.wait_for()
        return (time.perf_counter() - began) * 1000


def safe_ms(browser: Browser, address: str, photo: Path) -> tuple[float, float]:
    """Milliseconds of the browser's own write, and of the app from tap to «safe»."""
    with browser.new_context(**PHONE) as context:
        page = context.new_page()
        page.goto(address)
        page.locator("#place-consent button").first.tap()
        page.get_by_text("±12").wait_for()
        floor = page.evaluate(WRITE, list(photo.read_bytes()))
        page.route("**/api/v1/uploads", lambda _route: None)
        page.set_input_files("#camera", photo)
        page.locator("[data-code=PEST]").tap()
        page.locator("#send").wait_for()
        return float(floor), float(page.evaluate(TAP_TO_SAFE))


def make_photo(directory: Path) -> Path:
    """Write a photo of about three megabytes."""
    width, height = 2000, 1500
    noise = Image.frombytes("RGB", (width, height), random.Random(1).randbytes(width * height * 3))
    buffer = io.BytesIO()
    noise.save(buffer, "JPEG", quality=75)
    path = directory / "kitchen.jpg"
    path.write_bytes(buffer.getvalue())
    return path


def median(measure: Callable[[], float], rounds: int) -> float:
    return statistics.median(measure() for _ in range(rounds))


def measure(rounds: int) -> list[dict[str, object]]:
    """Measure all rows."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        raise SystemExit("Chromium is missing: install it, or name it in CHROMIUM.")
    with tempfile.TemporaryDirectory() as name, door() as address, sync_playwright() as playwright:
        photo = make_photo(Path(name))
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        kilobytes = first_load_kb(browser, address)
        empty = median(lambda: load_ms(browser, f"{address}/healthz", "body"), rounds)
        ours = median(lambda: load_ms(browser, address, "#frame .shutter"), rounds)
        writes, taps = zip(*(safe_ms(browser, address, photo) for _ in range(rounds)), strict=True)
        browser.close()
    return [
        row("app, first visit", "kB", BUDGET_KB, kilobytes, "≤ 1"),
        row("app, first load over slow 3G", "ms", empty, ours, "≤ 4"),
        row(
            "app, tap to safe on the phone",
            "ms",
            statistics.median(writes),
            statistics.median(taps),
            "under 1,000 ms",
        ),
    ]


def row(what: str, unit: str, floor: float, ours: float, wanted: str) -> dict[str, object]:
    return {
        "what": what,
        "unit": unit,
        "floor": floor,
        "ours": ours,
        "ratio": ours / floor,
        "wanted": wanted,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = measure(options.rounds)
    if options.json:
        print(json.dumps({"rows": rows}))
        return
    for each in rows:
        print(f"{each['what']}: {each['ours']:.0f} {each['unit']}, floor {each['floor']:.0f}")


if __name__ == "__main__":
    main()

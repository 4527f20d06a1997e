"""The whole product under fire: processes are killed and the queue emptied while tips come in.

Real processes on real ports. What has to hold afterwards: every acknowledged tip is
routed exactly once, none is lost, none doubled, and every photo is in the store.
"""

import hashlib
import io
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import func, select

from intake.photos import make_store
from schemas.audit import verify
from schemas.database import Database, connect
from schemas.settings import Settings, load_settings
from schemas.tables import (
    Case,
    CaseHistory,
    CaseReport,
    IdempotencyKey,
    Photo,
    Report,
    ReportProgress,
    RouteDecision,
)
from schemas.taxonomy import by_department

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
TIPS, CLIENTS = 200, 8
# A worker is killed in the midst of its work, but at the latest after the longer time.
KILL_WORKER_AFTER_S, KILL_WORKER_AT_LATEST_S = 3.0, 6.0
# Acceptance: two minutes after the last fault everything is routed.
ROUTED_WITHIN_S = 120.0
START_WITHIN_S = 90.0


def until(condition: Callable[[], object], *, within_s: float, what: str) -> None:
    """Wait until something holds, or fail saying what did not."""
    deadline, pause = time.monotonic() + within_s, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"waited {within_s:.0f} s in vain for: {what}"
        pause.wait(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Tip:
    """One tip as a client keeps it until it is acknowledged."""

    photo: bytes
    form: dict[str, str | list[str]]
    token: str
    key: UUID = field(default_factory=uuid4)
    number: str | None = None


@dataclass
class Product:
    """A running `up` with what tests need to hurt it."""

    process: "subprocess.Popen[bytes]"
    settings: Settings
    database: Database
    log: Path

    def kill(self, name: str) -> None:
        """SIGKILL one of its processes, if it runs at the moment."""
        try:
            pid = int((self.settings.data_dir / "run" / f"{name}.pid").read_text())
            os.kill(pid, signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return

    def empty_queue(self) -> None:
        """Lose everything that the queue server holds."""
        client = Redis.from_url(self.settings.effective_redis_url)
        try:
            client.flushall()
        finally:
            client.close()

    def answers(self) -> bool:
        try:
            with httpx.Client(timeout=2, trust_env=False) as client:
                return all(
                    client.get(f"http://127.0.0.1:{port}/healthz").is_success
                    for port in (self.settings.intake_port, self.settings.review_port)
                )
        except httpx.TransportError:
            return False

    def finished(self) -> int:
        with self.database.reading() as session:
            return (
                session.scalar(
                    select(func.count())
                    .select_from(ReportProgress)
                    .where(ReportProgress.finished_at.is_not(None))
                )
                or 0
            )


def environment(directory: Path) -> dict[str, str]:
    """What `up` finds: this test's own data, no demo, and limits out of the way."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR")}
    traced = {name: value for name, value in os.environ.items() if name.startswith("COV")}
    return {
        **kept,
        **traced,
        "DATA_DIR": str(directory / "var of this test"),
        "DEMO": "0",
        "INTAKE_PORT": str(free_port()),
        "REVIEW_PORT": str(free_port()),
        "ADDRESS_TIPS_PER_HOUR": "100000",
        "RIDER_TIPS_PER_HOUR": "100000",
        "LOG_FORMAT": "json",
        "LANG": "en_GB.UTF-8",
        "PYTHONPATH": str(ROOT),
    }


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    environ, log = environment(tmp_path), tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "suishoupai", "up"],
            env=environ,
            cwd=tmp_path,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    settings = load_settings(environ)
    database = connect(settings)
    made = Product(process, settings, database, log)
    try:
        until(
            lambda: made.answers() or process.poll() is not None,
            within_s=START_WITHIN_S,
            what="both doors",
        )
        assert process.poll() is None, log.read_text()
        yield made
    finally:
        process.kill()
        process.wait()
        database.close()


@pytest.fixture
def tokens(product: Product, tmp_path: Path) -> list[str]:
    names = tmp_path / "riders.csv"
    lines = [f"骑手{number},1390000{number:04d}" for number in range(CLIENTS)]
    names.write_text("\n".join(["姓名,手机号", *lines]))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "suishoupai", "riders", "import"),
            *(str(names), "--with-tokens", "--json"),
        ],
        env={**os.environ, "DATA_DIR": str(product.settings.data_dir), "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
    )
    return [row["token"] for row in json.loads(done.stdout)["added"]]


def photo(number: int) -> bytes:
    """A small picture like no other, with place and maker in its EXIF."""
    coarse = np.random.default_rng(number).integers(0, 255, (8, 10, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize((640, 480), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "HUAWEI", "NOH-AN00"
    exif.get_ifd(0x8825).update(
        {1: "N", 2: (41.0, 47.0, 46.0 + number / 100), 3: "E", 4: (123.0, 27.0, 29.0)}
    )
    output = io.BytesIO()
    picture.save(output, "JPEG", quality=88, exif=exif)
    return output.getvalue()


def make_tips(tokens: list[str]) -> list[Tip]:
    dice = random.Random(4)
    tips = []
    for number in range(TIPS):
        categories = ["DIRTY_KITCHEN"] if number % 8 else ["PEST", "STREET_OCCUPATION"]
        form: dict[str, str | list[str]] = {
            "category": categories,
            # The place written in the photo, within some metres.
            "latitude": f"{41 + 47 / 60 + (46 + number / 100) / 3600:.6f}",
            "longitude": f"{123 + 27 / 60 + 29 / 3600 + dice.uniform(0, 1e-4):.6f}",
            "accuracy_m": "15",
            "description": f"tip {number}",
        }
        tips.append(Tip(photo(number), form, tokens[number % len(tokens)]))
    return tips


def send(product: Product, tips: list[Tip], acknowledged: list[Tip], failures: list[str]) -> None:
    """Be one client: send each tip until it is acknowledged, always with its own key."""
    pause = threading.Event()
    address = f"http://127.0.0.1:{product.settings.intake_port}/api/v1/reports"
    with httpx.Client(timeout=20, trust_env=False) as client:
        for tip in tips:
            while tip.number is None:
                try:
                    answer = client.post(
                        address,
                        data=tip.form,
                        files={"photos": ("a.jpg", tip.photo, "image/jpeg")},
                        headers={
                            "Authorization": f"Bearer {tip.token}",
                            "Idempotency-Key": str(tip.key),
                        },
                    )
                except httpx.TransportError:
                    pause.wait(0.1)
                    continue
                if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                    pause.wait(0.1)
                    continue
                if answer.status_code != httpx.codes.CREATED:
                    failures.append(f"{answer.status_code} {answer.text}")
                    return
                tip.number = answer.json()["number"]
                acknowledged.append(tip)


class Faults:
    """What goes wrong, and when: the worker by the clock, the rest as tips come in."""

    def __init__(self, product: Product, acknowledged: list[Tip]) -> None:
        self.product, self.acknowledged = product, acknowledged
        self.worker_kills = 0
        self.done: list[str] = []
        # After so many acknowledged tips: what happens then.
        self.plan: list[tuple[int, str, Callable[[], None]]] = [
            (40, "queue killed", lambda: product.kill("queue")),
            (90, "queue emptied", product.empty_queue),
            (130, "intake killed", lambda: product.kill("intake")),
        ]

    def run(self, over: threading.Event) -> None:
        pause, struck_at, finished = threading.Event(), time.monotonic(), 0
        while not (over.is_set() and not self.plan and self.worker_kills >= 3):
            self._strike_if_due()
            since_s = time.monotonic() - struck_at
            if since_s >= KILL_WORKER_AT_LATEST_S or (
                since_s >= KILL_WORKER_AFTER_S and self.product.finished() > finished
            ):
                self.product.kill("worker")
                self.worker_kills += 1
                struck_at, finished = time.monotonic(), self.product.finished()
            pause.wait(0.05)

    def _strike_if_due(self) -> None:
        if not self.plan or len(self.acknowledged) < self.plan[0][0]:
            return
        _, name, strike = self.plan[0]
        try:
            strike()
        except RedisError:
            # The server is just being started again: the next turn finds it there.
            return
        self.done.append(name)
        self.plan.pop(0)


def test_every_acknowledged_tip_is_routed_exactly_once_whatever_is_killed(
    product: Product, tokens: list[str]
) -> None:
    tips = make_tips(tokens)
    acknowledged: list[Tip] = []
    failures: list[str] = []
    clients = [
        threading.Thread(target=send, args=(product, tips[number::CLIENTS], acknowledged, failures))
        for number in range(CLIENTS)
    ]
    faults, over = Faults(product, acknowledged), threading.Event()
    striker = threading.Thread(target=faults.run, args=(over,))
    for thread in (*clients, striker):
        thread.start()
    for client in clients:
        client.join()
    over.set()
    striker.join()
    assert failures == []
    assert faults.done == ["queue killed", "queue emptied", "intake killed"]
    assert faults.worker_kills >= 3

    until(
        lambda: product.finished() == TIPS,
        within_s=ROUTED_WITHIN_S,
        what=f"all tips routed ({product.finished()} were when the waiting began)",
    )
    check_reports(product, tips)
    check_cases(product, tips)
    check_photos(product, tips)
    with product.database.reading() as session:
        assert verify(session).fault is None
    check_stop(product)


def check_reports(product: Product, tips: list[Tip]) -> None:
    """One report a key, and each the one that was acknowledged."""
    with product.database.reading() as session:
        numbers = set(session.scalars(select(Report.number)))
        rows = session.execute(
            select(IdempotencyKey.key, Report.number).join(
                Report, Report.id == IdempotencyKey.report_id
            )
        )
        keys = dict(rows.all())
    assert len(numbers) == TIPS
    assert keys == {tip.key: tip.number for tip in tips}


def check_cases(product: Product, tips: list[Tip]) -> None:
    """One standing link a report and department, and no case that nobody reported."""
    wanted = {
        (tip.number, department.value)
        for tip in tips
        for department in by_department(tip.form["category"])
    }
    with product.database.reading() as session:
        links = Counter(
            tuple(row)
            for row in session.execute(
                select(Report.number, CaseReport.department)
                .join(CaseReport, CaseReport.report_id == Report.id)
                .where(CaseReport.unlinked_at.is_(None))
            )
        )
        decided = Counter(
            tuple(row)
            for row in session.execute(
                select(Report.number, RouteDecision.department).join(
                    RouteDecision, RouteDecision.report_id == Report.id
                )
            )
        )
        cases = set(session.scalars(select(Case.id)))
        linked = set(session.scalars(select(CaseReport.case_id)))
        births = Counter(
            session.scalars(select(CaseHistory.case_id).where(CaseHistory.from_state.is_(None)))
        )
    assert links == dict.fromkeys(wanted, 1)
    assert decided == dict.fromkeys(wanted, 1)
    assert cases == linked
    assert births == dict.fromkeys(cases, 1)


def check_photos(product: Product, tips: list[Tip]) -> None:
    """Every photo is kept, byte for byte."""
    store = make_store(product.settings)
    with product.database.reading() as session:
        kept = set(session.scalars(select(Photo.sha256)))
    sent = {hashlib.sha256(tip.photo).hexdigest() for tip in tips}
    assert kept == sent
    for sha256 in sent:
        with store.local_copy(sha256) as path:
            assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def check_stop(product: Product) -> None:
    """SIGTERM ends everything, and leaves nothing behind."""
    family = psutil.Process(product.process.pid).children(recursive=True)
    product.process.terminate()
    assert product.process.wait(START_WITHIN_S) == 0, product.log.read_text()[-2000:]
    assert [child for child in family if child.is_running()] == []

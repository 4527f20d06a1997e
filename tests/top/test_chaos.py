"""The whole product under fire: processes are killed and the queue emptied while tips come in.

Real processes on real ports. What has to hold afterwards: every acknowledged tip is
routed exactly once, none is lost, none doubled, and every photo is in the store.
"""

import hashlib
import io
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import numpy as np
import pytest
from PIL import Image
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import func, select

from intake.photos import make_store
from schemas.audit import verify
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

TIPS, CLIENTS = 200, 8
# A worker is killed in the midst of its work, but at the latest after the longer time.
KILL_WORKER_AFTER_S, KILL_WORKER_AT_LATEST_S = 3.0, 6.0
# Acceptance: two minutes after the last fault everything is routed.
ROUTED_WITHIN_S = 400.0


@dataclass
class Tip:
    """One tip as a client keeps it until it is acknowledged."""

    photo: bytes
    form: dict[str, str | list[str]]
    token: str
    key: UUID = field(default_factory=uuid4)
    number: str | None = None


@pytest.fixture
def product(start_up: Callable[..., Any]) -> Any:
    # Limits out of the way: one address sends all the tips.
    limits = {"ADDRESS_TIPS_PER_HOUR": "100000", "RIDER_TIPS_PER_HOUR": "100000"}
    return start_up(DEMO="0", **limits)


@pytest.fixture
def tokens(product: Any, tmp_path: Path) -> list[str]:
    names = tmp_path / "riders.csv"
    lines = [f"骑手{number},1390000{number:04d}" for number in range(CLIENTS)]
    names.write_text("\n".join(["姓名,手机号", *lines]))
    done = product.command("riders", "import", str(names), "--with-tokens")
    return [row["token"] for row in done["added"]]


def finished(product: Any) -> int:
    """How many reports the machine room is done with."""
    with product.database.reading() as session:
        return (
            session.scalar(
                select(func.count())
                .select_from(ReportProgress)
                .where(ReportProgress.finished_at.is_not(None))
            )
            or 0
        )


def empty_queue(product: Any) -> None:
    """Lose everything that the queue server holds."""
    client = Redis.from_url(product.settings.effective_redis_url)
    try:
        client.flushall()
    finally:
        client.close()


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


def send(product: Any, tips: list[Tip], acknowledged: list[Tip], failures: list[str]) -> None:
    """Be one client: send each tip until it is acknowledged, always with its own key."""
    pause = threading.Event()
    address = f"{product.address('intake')}/api/v1/reports"
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

    def __init__(self, product: Any, acknowledged: list[Tip]) -> None:
        self.product, self.acknowledged = product, acknowledged
        self.worker_kills = 0
        self.done: list[str] = []
        # After so many acknowledged tips: what happens then.
        self.plan: list[tuple[int, str, Callable[[], None]]] = [
            (40, "queue killed", lambda: product.kill("queue")),
            (90, "queue emptied", lambda: empty_queue(product)),
            (130, "intake killed", lambda: product.kill("intake")),
        ]

    def run(self, over: threading.Event) -> None:
        pause, struck_at, done = threading.Event(), time.monotonic(), 0
        while not (over.is_set() and not self.plan and self.worker_kills >= 3):
            self._strike_if_due()
            since_s = time.monotonic() - struck_at
            if since_s >= KILL_WORKER_AT_LATEST_S or (
                since_s >= KILL_WORKER_AFTER_S and finished(self.product) > done
            ):
                self.product.kill("worker")
                self.worker_kills += 1
                struck_at, done = time.monotonic(), finished(self.product)
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
    product: Any, tokens: list[str], until: Callable[..., None]
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

    until(lambda: finished(product) == TIPS, ROUTED_WITHIN_S, "every tip to be routed")
    check_reports(product, tips)
    check_cases(product, tips)
    check_photos(product, tips)
    with product.database.reading() as session:
        assert verify(session).fault is None
    product.stop()


def check_reports(product: Any, tips: list[Tip]) -> None:
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


def check_cases(product: Any, tips: list[Tip]) -> None:
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


def check_photos(product: Any, tips: list[Tip]) -> None:
    """Every photo is kept, byte for byte."""
    store = make_store(product.settings)
    with product.database.reading() as session:
        kept = set(session.scalars(select(Photo.sha256)))
    sent = {hashlib.sha256(tip.photo).hexdigest() for tip in tips}
    assert kept == sent
    for sha256 in sent:
        with store.local_copy(sha256) as path:
            assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256

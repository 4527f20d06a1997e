"""One made-up tip through every step, in a transaction that is rolled back.

A fork inherits what its parent has built: compiled statements, calendars, names of
divisions, codecs. Most of that is built at its first use, so without a rehearsal
every job would build it anew, at more than its own cost. And whether the machine
works shows at the start, not at the first rider's tip.
"""

import hashlib
import io
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import structlog
from PIL import Image
from sqlalchemy.orm import sessionmaker

from schemas.database import Database, new_id, now_utc
from schemas.numbers import REPORT_PREFIX, new_number
from schemas.tables import Claim, Photo, Report, ReportProgress
from workers import pipeline
from workers.machine import Machine

# The Forbidden City: far from every county's border.
LATITUDE, LONGITUDE = 39.9163, 116.3972


def rehearse(machine: Machine) -> None:
    """Take a made-up tip through the pipeline and leave no trace of it.

    Raises what a step raises when the machine does not work.
    """
    with tempfile.TemporaryDirectory() as directory:
        store = _Scratch(Path(directory) / "photo.jpg")
        store.path.write_bytes(_picture())
        # The engine that begins IMMEDIATE on SQLite, as the real steps do.
        with machine.database.write() as session:
            connection = session.connection()
            factory = sessionmaker(
                connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
            )
            stage = Database(engine=machine.database.engine, read=factory, write=factory)
            report_id = _send(stage, store.path.read_bytes())
            # Marked, so that nobody looks for this tip's case.
            with structlog.contextvars.bound_contextvars(rehearsal=True):
                pipeline.process(report_id, machine=replace(machine, store=store, database=stage))
            session.rollback()


class _Scratch:
    """A store that holds one photo and forgets the derivatives."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def put_original(self, path: Path, sha256: str) -> None:
        """Refuse: nothing is received here."""
        raise NotImplementedError

    @contextmanager
    def local_copy(self, sha256: str) -> Iterator[Path]:
        """Lend the one photo."""
        del sha256
        yield self.path

    def put_derivatives(self, photo_id: UUID, by_size: Mapping[int, bytes]) -> None:
        """Forget them."""

    def read_derivative(self, photo_id: UUID, size: int) -> bytes | None:
        """Return nothing."""
        del photo_id, size
        return None

    def check(self) -> None:
        """Be there."""


def _picture() -> bytes:
    """Return a small JPEG with enough in it to be matched, and with a place and a time."""
    image = Image.effect_mandelbrot((640, 480), (-2.0, -1.2, 1.0, 1.2), 100).convert("RGB")
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2024:12:19 10:00:00"
    exif.get_ifd(0x8825).update({1: "N", 2: (39.0, 54.0, 58.7), 3: "E", 4: (116.0, 23.0, 49.9)})
    target = io.BytesIO()
    image.save(target, "JPEG", exif=exif)
    return target.getvalue()


def _send(stage: Database, photo: bytes) -> UUID:
    report_id, now = new_id(), now_utc()
    with stage.writing() as session:
        session.add(
            Report(
                id=report_id,
                number=new_number(REPORT_PREFIX, now),
                receipt_hash=uuid4().hex,
                categories=["PEST", "FIRE_SAFETY"],
                premises_name="rehearsal",
                received_at=now,
            )
        )
        session.flush()
        session.add(ReportProgress(report_id=report_id))
        session.add(
            Claim(
                report_id=report_id,
                kind="place",
                source="device_gps",
                latitude=LATITUDE,
                longitude=LONGITUDE,
                accuracy_m=10.0,
            )
        )
        session.add(
            Photo(
                report_id=report_id,
                position=0,
                sha256=hashlib.sha256(photo).hexdigest(),
                size_bytes=len(photo),
                content_type="image/jpeg",
                width=640,
                height=480,
            )
        )
    return report_id

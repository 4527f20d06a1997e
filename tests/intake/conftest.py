"""What the tests of the rider's door share: an app, pictures, a sender, a real server."""

import hashlib
import io
import os
import random
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select
from werkzeug.test import TestResponse

from intake.app import create_app
from intake.door import Door
from intake.riders.registering import RiderProfile, add_rider, issue_token
from schemas.database import Database, new_id
from schemas.lifecycle import State
from schemas.sealing import Sealer
from schemas.settings import Settings, load_settings
from schemas.tables import Case, CaseHistory, CaseReport, Staff, Unit
from schemas.vapid import new_private_key

ROOT = Path(__file__).parents[2]
TEST_KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
Sender = Callable[..., TestResponse]


@pytest.fixture(scope="session", autouse=True)
def catalogues() -> None:
    """Compile the door's catalogues, as `make` does before anything is served."""
    for source in (ROOT / "intake/web/translations").glob("*/LC_MESSAGES/*.po"):
        with source.open("rb") as file:
            catalogue = read_po(file)
        # Of several test processes one may be reading what another writes.
        fresh = source.with_suffix(f".{os.getpid()}")
        with fresh.open("wb") as file:
            write_mo(file, catalogue)
        fresh.replace(source.with_suffix(".mo"))


@pytest.fixture
def door_settings(settings: Settings, redis_url: str) -> Settings:
    """Settings of a door with a database and a queue."""
    return settings.model_copy(update={"redis_url": redis_url})


@pytest.fixture
def app(door_settings: Settings) -> Iterator[Flask]:
    """The rider's door."""
    made = create_app(door_settings)
    yield made
    made.extensions["door"].database.close()


@pytest.fixture
def door(app: Flask) -> Door:
    """The parts of the door."""
    found: Door = app.extensions["door"]
    return found


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A program in front of the door."""
    return app.test_client()


@pytest.fixture(scope="session")
def jpeg() -> Callable[..., bytes]:
    """Make a small JPEG; another seed is another picture."""

    def make(seed: int = 1, size: tuple[int, int] = (64, 48), kind: str = "JPEG") -> bytes:
        noise = random.Random(seed).randbytes(size[0] * size[1] * 3)
        buffer = io.BytesIO()
        Image.frombytes("RGB", size, noise).save(buffer, kind)
        return buffer.getvalue()

    return make


@pytest.fixture
def token(door: Door) -> str:
    """The token of a registered rider."""
    with door.database.writing() as session:
        rider = add_rider(
            session, sealer=door.sealer, profile=RiderProfile("李小四", "13800001111", "美团")
        )
        return issue_token(session, rider_id=rider.id)


@pytest.fixture
def send(client: FlaskClient, jpeg: Callable[..., bytes]) -> Sender:
    """Send a good tip; keywords change or, as None, leave out a field; files replace the photo."""

    def call(
        *,
        key: str | None = "new",
        token: str | None = None,
        files: list[bytes] | None = None,
        declared: str | None = "image/jpeg",
        path: str = "/api/v1/reports",
        headers: dict[str, str] | None = None,
        **fields: Any,
    ) -> TestResponse:
        data: dict[str, Any] = {"category": "PEST", "latitude": "41.8", "longitude": "123.43"}
        photos = [jpeg()] if files is None else files
        # Werkzeug's own encoder leaves out a line end after an empty text.
        form = httpx.Request(
            "POST",
            "http://door/",
            data={name: value for name, value in (data | fields).items() if value is not None},
            files=[
                ("photos", (f"{place}.jpg", io.BytesIO(photo), declared))
                for place, photo in enumerate(photos)
            ]
            # Without a file httpx would send another kind of form.
            or [("photos", ("", b""))],
        )
        sent = dict(headers or {})
        if key:
            sent["Idempotency-Key"] = str(uuid.uuid4()) if key == "new" else key
        if token:
            sent["Authorization"] = f"Bearer {token}"
        return client.post(
            path, data=form.read(), headers=sent, content_type=form.headers["Content-Type"]
        )

    return call


class Tus:
    """A client of the upload protocol that says exactly what a test wants said."""

    def __init__(self, client: FlaskClient) -> None:
        self._client = client
        self.place = "/api/v1/uploads"

    def ask(self, method: str, path: str, body: bytes = b"", **headers: Any) -> TestResponse:
        """Send a request; `Upload_Offset=3` is a header, one that is None is left out."""
        named = {"Tus-Resumable": "1.0.0"} | {
            name.replace("_", "-"): str(value)
            for name, value in headers.items()
            if value is not None
        }
        if "Tus_Resumable" in headers and headers["Tus_Resumable"] is None:
            del named["Tus-Resumable"]
        return self._client.open(path, method=method, headers=named, data=body)

    def begin(self, length: int | None, body: bytes = b"", **headers: Any) -> TestResponse:
        """Ask for a new upload."""
        if body:
            headers = {"Content_Type": "application/offset+octet-stream"} | headers
        return self.ask("POST", self.place, body, Upload_Length=length, **headers)

    def add(self, path: str, offset: Any, body: bytes, **headers: Any) -> TestResponse:
        """Send bytes."""
        headers = {"Content_Type": "application/offset+octet-stream"} | headers
        return self.ask("PATCH", path, body, Upload_Offset=offset, **headers)

    def offset(self, path: str, **headers: Any) -> int:
        """Ask how much is there."""
        found = self.ask("HEAD", path, **headers)
        assert found.status_code == 200
        return int(found.headers["Upload-Offset"])

    def whole(self, data: bytes, **headers: Any) -> str:
        """Upload all of it and return its address."""
        path: str = self.begin(len(data), **headers).headers["Location"]
        only = {name: value for name, value in headers.items() if name == "Authorization"}
        assert self.add(path, 0, data, **only).status_code == 204
        return path


@pytest.fixture
def tus(client: FlaskClient) -> Tus:
    """A client of the upload protocol in front of the door."""
    return Tus(client)


@pytest.fixture
def code_of() -> Callable[[TestResponse], str]:
    """Read the stable code of a refusal, once it looks like one."""

    def read(response: TestResponse) -> str:
        assert response.content_type == "application/problem+json"
        problem = response.get_json()
        assert problem["status"] == response.status_code
        assert problem["detail"]
        assert problem["request_id"] == response.headers["X-Request-ID"]
        return str(problem["type"].removeprefix("urn:suishoupai:problem:"))

    return read


def free_port() -> int:
    """Return a port of the loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class ServedDoor:
    """The door as gunicorn serves it: at one address, killed and started as often as one likes."""

    def __init__(self, settings: Settings, log: Path, workers: int = 2) -> None:
        self.settings = settings
        self._port = free_port()
        self._log = log
        self._workers = workers
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        for name in ("data_dir", "database_url", "redis_url", "photo_store"):
            environment[name.upper()] = str(getattr(self.settings, name))
        environment["SECRET_KEYS"] = ",".join(self.settings.secret_keys)
        if self.settings.vapid_private_key:
            environment["VAPID_PRIVATE_KEY"] = self.settings.vapid_private_key
            environment["VAPID_SUBJECT"] = self.settings.vapid_subject
        with self._log.open("ab") as log:
            self._server = server = subprocess.Popen(
                [
                    *(sys.executable, "-m", "gunicorn", "intake.app:from_environment()"),
                    *("--bind", f"127.0.0.1:{self._port}", "--worker-class", "gthread"),
                    *("--workers", str(self._workers), "--threads", "4", "--no-control-socket"),
                ],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and server.poll() is None:
            try:
                httpx.get(f"{self.address}/healthz", timeout=5)
            except httpx.TransportError:
                continue
            return
        raise AssertionError(self._log.read_text())

    def kill(self) -> None:
        """End all its processes at once, in the middle of whatever they do."""
        assert self._server
        os.killpg(self._server.pid, signal.SIGKILL)
        self._server.wait()

    def stop(self) -> None:
        if self._server and self._server.poll() is None:
            self._server.terminate()
            self._server.wait()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[..., ServedDoor]]:
    """Serve the door with gunicorn, as the product does; gives what can be killed and started."""
    started: list[ServedDoor] = []

    def start(settings: Settings, workers: int = 2) -> ServedDoor:
        one = ServedDoor(settings, tmp_path / "server.log", workers)
        started.append(one)
        one.start()
        return one

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def serve(served: Callable[..., ServedDoor]) -> Callable[[Settings], str]:
    """Serve the door with gunicorn, as the product does; gives its address."""
    return lambda settings: served(settings).address


@pytest.fixture(scope="module")
def lasting_door(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, queue_server: str
) -> Iterator[ServedDoor]:
    """One served door, with one database, for all tests of a module."""
    directory = tmp_path_factory.mktemp("door")
    (directory / "suishoupai.sqlite3").write_bytes(sqlite_template.read_bytes())
    settings = load_settings(
        {},
        data_dir=directory,
        secret_keys=TEST_KEY,
        redis_url=queue_server,
        vapid_private_key=new_private_key(),
        vapid_subject="mailto:operator@example.cn",
    )
    served = ServedDoor(settings, directory / "server.log", workers=1)
    served.start()
    yield served
    served.stop()


@pytest.fixture
def sealer(door_settings: Settings) -> Sealer:
    """The keys of the door."""
    return Sealer(door_settings)


@pytest.fixture(scope="session")
def sha256() -> Callable[[bytes], str]:
    """Sum bytes as the phone does."""
    return lambda data: hashlib.sha256(data).hexdigest()


@pytest.fixture
def open_case(database: Database) -> Callable[..., str]:
    """Put a case with its changes beside a report, as pipeline and inspectors would."""

    def make(
        report_id: uuid.UUID,
        *,
        states: tuple[tuple[State, datetime], ...],
        department: str = "market",
        due_on: date = date(2026, 11, 23),
        kind: str = "first",
    ) -> str:
        with database.writing() as session:
            unit = session.scalars(select(Unit).where(Unit.division_code == "210103")).one()
            inspector = Staff(sign_in=uuid.uuid4().hex, name="赵检查", password_hash="x")
            session.add(inspector)
            case = Case(
                number=f"AJ20261102-{uuid.uuid4().hex[:6].upper()}-X",
                incident_id=new_id(),
                department=department,
                unit_id=unit.id,
                state=states[-1][0].value,
                categories=["PEST"],
                severity=4,
                received_at=states[0][1],
                due_on=due_on,
            )
            session.add(case)
            session.flush()
            for version, (state, moment) in enumerate(states, start=1):
                session.add(
                    CaseHistory(
                        case_id=case.id,
                        version=version,
                        to_state=state.value,
                        unit_id=unit.id,
                        actor_id=inspector.id,
                        record={"findings": "后厨确有鼠迹", "note": "绝密"},
                        occurred_at=moment,
                    )
                )
            session.add(
                CaseReport(
                    case_id=case.id,
                    report_id=report_id,
                    department=department,
                    kind=kind,
                    pseudonym="举报人 B",
                )
            )
            return case.number

    return make

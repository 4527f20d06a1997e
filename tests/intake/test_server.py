"""The door as it is served: gunicorn, sockets, two processes, several threads."""

import socket
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import func, select

from intake.riders.registering import RiderProfile, add_rider, issue_token
from schemas.database import Database
from schemas.sealing import Sealer
from schemas.settings import Settings
from schemas.tables import Photo, Report

Serve = Callable[[Settings], str]


def rows(database: Database, model: type) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def post(
    address: str, key: str, photo: bytes, headers: dict[str, str] | None = None, **fields: str
) -> httpx.Response:
    return httpx.post(
        f"{address}/api/v1/reports",
        headers={"Idempotency-Key": key} | (headers or {}),
        data={"category": "PEST", "latitude": "41.8", "longitude": "123.43"} | fields,
        files=[("photos", ("a.jpg", photo, "image/jpeg"))],
        timeout=60,
    )


def test_ten_identical_requests_at_once_are_one_report_and_ten_equal_answers(
    serve: Serve, door_settings: Settings, database: Database, jpeg: Callable[..., bytes]
) -> None:
    address = serve(door_settings)
    key, photo, together, answers = str(uuid.uuid4()), jpeg(1), threading.Barrier(10), []

    def one() -> None:
        together.wait()
        answers.append(post(address, key, photo))

    threads = [threading.Thread(target=one) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [201] * 10
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert rows(database, Report) == 1
    assert rows(database, Photo) == 1
    incoming = door_settings.data_dir / "incoming"
    assert list(incoming.iterdir()) == []


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_the_server_survives_what_comes_over_the_wire(
    serve: Serve, door_settings: Settings, database: Database, jpeg: Callable[..., bytes]
) -> None:
    address = serve(door_settings)
    place = urlsplit(address)
    head = (
        b"POST /api/v1/reports HTTP/1.1\r\nHost: door\r\nConnection: close\r\n"
        b"Idempotency-Key: 0195e2a4-7d3c-7b1a-9c55-2f6f0a1b2c3d\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n"
    )
    part = b'--b\r\nContent-Disposition: form-data; name="photos"; filename="a"\r\n\r\n'
    attacks = {
        "half a form": head + b"Content-Length: 5000\r\n\r\n" + part + b"x" * 100,
        "no body": head + b"Content-Length: 0\r\n\r\n",
        "a chunk that is none": head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        "a chunked form that breaks off": (
            head + b"Transfer-Encoding: chunked\r\n\r\n40\r\n" + part[:64] + b"\r\n"
        ),
        "a huge head": head + b"X-Long: " + b"x" * 1_000_000 + b"\r\n\r\n",
        "a head without end": head + b"X-A: b\r\n" * 1_000,
    }
    for attack in attacks.values():
        with socket.create_connection((place.hostname, place.port), timeout=30) as line:
            try:
                line.sendall(attack)
                line.shutdown(socket.SHUT_WR)
                answer = line.recv(65_536)
            except (ConnectionResetError, BrokenPipeError):
                answer = b""
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    assert post(address, str(uuid.uuid4()), jpeg(1)).status_code == 201
    assert rows(database, Report) == 1
    assert list((door_settings.data_dir / "incoming").iterdir()) == []


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_refusal_reaches_a_client_that_is_still_sending(
    serve: Serve, door_settings: Settings
) -> None:
    address = serve(door_settings)
    too_large = post(address, str(uuid.uuid4()), bytes(30 * 1024 * 1024))
    assert (too_large.status_code, too_large.json()["type"]) == (
        413,
        "urn:suishoupai:problem:photo-too-large",
    )


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_neither_logs_nor_answers_hold_who_reported(
    serve: Serve,
    door_settings: Settings,
    database: Database,
    jpeg: Callable[..., bytes],
    tmp_path: Path,
) -> None:
    sealer = Sealer(door_settings)
    with database.writing() as session:
        profile = RiderProfile("欧阳骑士", "13812345678", employee_number="E-4711")
        rider = add_rider(session, sealer=sealer, profile=profile)
        token, rider_id = issue_token(session, rider_id=rider.id), str(rider.id)
    address = serve(door_settings)
    bearer = {"Authorization": f"Bearer {token}"}
    described = {"description": "我是欧阳骑士", "premises_name": "张记饺子馆"}
    accepted = post(address, str(uuid.uuid4()), jpeg(1), bearer, **described)
    answer = accepted.json()
    status_path = f"{address}/api/v1/reports/{answer['number']}"
    told = [
        accepted,
        post(address, str(uuid.uuid4()), b"no picture", bearer, **described),
        post(address, str(uuid.uuid4()), jpeg(1), bearer, **{"13812345678": "x"}),
        post(address, str(uuid.uuid4()), jpeg(1), {"Authorization": f"Bearer {token}x"}),
        httpx.get(status_path, headers=bearer),
        httpx.get(status_path, params={"receipt_code": answer["receipt_code"]}),
        httpx.get(status_path, params={"receipt_code": "0000-1111-2222-3333"}),
        httpx.get(f"{address}/metrics"),
    ]
    log = (tmp_path / "server.log").read_text()
    assert answer["number"] in log
    for secret in (
        *("欧阳骑士", "13812345678", "E-4711", token, rider_id),
        *("张记饺子馆", "0000-1111-2222-3333", answer["receipt_code"]),
    ):
        assert secret not in log
        assert all(secret not in response.text for response in told[1:])
        assert secret == answer["receipt_code"] or secret not in accepted.text


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_request_is_followed_by_its_id(
    serve: Serve, door_settings: Settings, jpeg: Callable[..., bytes], tmp_path: Path
) -> None:
    address = serve(door_settings)
    response = post(address, str(uuid.uuid4()), jpeg(1), {"X-Request-ID": "follow-me-0195e2a4"})
    assert response.headers["X-Request-ID"] == "follow-me-0195e2a4"
    lines = (tmp_path / "server.log").read_text().splitlines()
    (accepted,) = [line for line in lines if "tip_accepted" in line]
    assert "follow-me-0195e2a4" in accepted

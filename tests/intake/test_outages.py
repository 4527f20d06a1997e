import sqlite3
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from intake import readiness
from intake.app import create_app
from intake.door import Door, open_door
from schemas.errors import Unavailable
from schemas.settings import Settings
from schemas.tables import Photo, Report, ReportProgress

Sender = Callable[..., TestResponse]
Code = Callable[[TestResponse], str]


def rows(door: Door, model: type) -> int:
    with door.database.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_while_the_queue_is_away_a_tip_is_taken_and_left_to_the_sweeper(
    send: Sender, door: Door, door_settings: Settings, client: FlaskClient
) -> None:
    app = create_app(door_settings.model_copy(update={"redis_url": "redis://127.0.0.1:9/0"}))
    client.application = app
    assert send().status_code == 201
    with door.database.reading() as session:
        assert session.scalars(select(ReportProgress)).one().queued_at is None
    app.extensions["door"].database.close()


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_while_the_store_is_away_nothing_is_taken_and_the_repeat_succeeds(
    send: Sender, code_of: Code, door: Door, door_settings: Settings
) -> None:
    blocked = Path(door_settings.effective_photo_store)
    blocked.write_bytes(b"a file where the directory should be")
    key = str(uuid.uuid4())
    response = send(key=key)
    assert (response.status_code, code_of(response)) == (503, "store-away")
    assert int(response.headers["Retry-After"]) > 0
    assert rows(door, Report) == 0
    assert list(door.incoming.iterdir()) == []
    blocked.unlink()
    assert send(key=key).status_code == 201


def test_while_the_database_is_away_the_rider_is_told_to_repeat(
    send: Sender, code_of: Code, client: FlaskClient, door_settings: Settings, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    away = (
        f"sqlite:///{empty}/no/such/place.sqlite3"
        if "sqlite" in door_settings.effective_database_url
        else "postgresql+psycopg://postgres@127.0.0.1:9/nothing"
    )
    app = create_app(door_settings.model_copy(update={"database_url": away}))
    client.application = app
    response = send()
    assert (response.status_code, code_of(response)) == (503, "database-away")
    assert int(response.headers["Retry-After"]) > 0
    app.extensions["door"].database.close()


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_database_that_stays_busy_is_answered_with_503_and_nothing_is_half_taken(
    send: Sender, code_of: Code, door: Door
) -> None:
    @event.listens_for(door.database.engine, "checkout")
    def _hurry(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA busy_timeout=1")

    with door.database.writing() as holder:
        holder.execute(text("SELECT 1"))
        response = send()
    assert (response.status_code, code_of(response)) == (503, "database-away")
    assert rows(door, Report) == 0
    assert rows(door, Photo) == 0
    assert send().status_code == 201


@pytest.fixture
def half_way(door_settings: Settings) -> Iterator[Door]:
    """The parts of a door."""
    made = open_door(door_settings)
    yield made
    made.database.close()


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_a_transaction_that_postgresql_broke_is_done_again(half_way: Door) -> None:
    attempts = []

    def work(session: Session) -> str:
        attempts.append(1)
        if len(attempts) == 1:
            # What a server that restarts does to every connection.
            session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return str(session.scalar(text("SELECT 'done'")))

    assert half_way.commit(work) == "done"
    assert len(attempts) == 2


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_a_transaction_that_breaks_again_and_again_is_given_up(half_way: Door) -> None:
    def work(session: Session) -> None:
        session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(OperationalError):
        half_way.commit(work)


def test_a_door_is_ready_when_its_parts_are(client: FlaskClient) -> None:
    response = client.get("/readyz")
    assert (response.status_code, response.get_json()["status"]) == (200, "ready")


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize("part", ["database", "queue", "photo_store"])
def test_the_part_that_is_missing_is_named(
    app: Flask, settings: Settings, redis_url: str, tmp_path: Path, part: str
) -> None:
    (tmp_path / "a file").write_bytes(b"")
    broken = {
        "database": {"database_url": f"sqlite:///{tmp_path}/unmigrated.sqlite3"},
        "queue": {"redis_url": "redis://127.0.0.1:9/0"},
        "photo_store": {"photo_store": str(tmp_path / "a file")},
    }[part]
    made = create_app(settings.model_copy(update={"redis_url": redis_url} | broken))
    response = made.test_client().get("/readyz")
    assert response.status_code == 503
    assert list(response.get_json()["missing"]) == [part]
    made.extensions["door"].database.close()


def test_a_disk_without_room_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readiness.check_disk(tmp_path)
    monkeypatch.setattr(readiness, "NEEDED_BYTES", 2**80)
    with pytest.raises(Unavailable) as refused:
        readiness.check_disk(tmp_path)
    assert refused.value.code == "disk-full"

"""How much may lie unfinished: per rider and per network address, with words and a way on."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from intake.app import create_app
from intake.door import Door
from schemas.database import now_utc
from schemas.settings import Settings
from schemas.tables import Upload

MEBIBYTE = 1024 * 1024


@pytest.fixture
def dialect() -> str:
    return "sqlite"


@pytest.fixture
def door_settings(settings: Settings, redis_url: str) -> Settings:
    return settings.model_copy(
        update={
            "redis_url": redis_url,
            "rider_open_uploads": 2,
            "address_open_uploads": 3,
            "rider_open_upload_mb": 30,
            "address_open_upload_mb": 60,
        }
    )


def test_a_riders_third_open_upload_is_429_and_a_finished_report_makes_room(
    tus: Any, send: Any, token: str, jpeg: Callable[..., bytes], code_of: Any
) -> None:
    own = {"Authorization": f"Bearer {token}"}
    paths = [tus.whole(jpeg(seed), **own) for seed in (1, 2)]
    refused = tus.begin(5, **own)
    assert (refused.status_code, code_of(refused)) == (429, "uploads-open-too-many")
    assert refused.headers["Retry-After"] == "60"
    assert send(files=[], photo_uploads=paths[:1], token=token).status_code == 201
    assert tus.begin(5, **own).status_code == 201
    assert tus.begin(5, **own).status_code == 429
    assert tus.ask("DELETE", paths[1], **own).status_code == 204
    assert tus.begin(5, **own).status_code == 201


def test_an_addresss_fourth_open_upload_is_429_until_one_expires(
    tus: Any, door: Door, code_of: Any
) -> None:
    for _ in range(3):
        assert tus.begin(5).status_code == 201
    refused = tus.begin(5)
    assert (refused.status_code, code_of(refused)) == (429, "uploads-open-too-many")
    with door.database.writing() as session:
        session.execute(update(Upload).values(expires_at=now_utc()))
    assert tus.begin(5).status_code == 201


def test_what_is_announced_counts_in_bytes_and_the_unknown_as_the_most(
    tus: Any, token: str
) -> None:
    own = {"Authorization": f"Bearer {token}"}
    assert tus.begin(None, Upload_Defer_Length=1, **own).status_code == 201
    assert tus.begin(6 * MEBIBYTE, **own).status_code == 429
    assert tus.begin(5 * MEBIBYTE, **own).status_code == 201
    assert tus.begin(25 * MEBIBYTE).status_code == 201
    assert tus.begin(6 * MEBIBYTE).status_code == 429


def test_a_door_of_registered_riders_takes_nobodys_uploads(
    app: Flask, tus: Any, door_settings: Settings, token: str
) -> None:
    closed = create_app(door_settings.model_copy(update={"anonymous_tips": False}))
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "5"}
    phone = closed.test_client()
    nobody = phone.post(tus.place, headers=headers)
    assert (nobody.status_code, nobody.json["type"].rpartition(":")[2]) == (401, "token-missing")
    rider = phone.post(tus.place, headers=headers | {"Authorization": f"Bearer {token}"})
    assert rider.status_code == 201
    closed.extensions["door"].database.close()

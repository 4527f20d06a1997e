"""Real tus clients against the door as it is served: interrupted, resumed, killed."""

import io
import uuid
from collections.abc import Callable

import httpx
import pytest
from sqlalchemy import select
from tusclient.client import TusClient

from schemas.database import Database
from schemas.settings import Settings
from schemas.tables import Photo

Serve = Callable[[Settings], str]


@pytest.fixture(params=["sqlite"])
def dialect(request: pytest.FixtureRequest) -> str:
    """What a client sees does not depend on the database."""
    return str(request.param)


def report(address: str, uploads: list[str], key: str) -> httpx.Response:
    form = {"category": "PEST", "latitude": "41.8", "longitude": "123.43"}
    return httpx.post(
        f"{address}/api/v1/reports",
        headers={"Idempotency-Key": key},
        files=[(name, (None, value)) for name, value in form.items()]
        + [("photo_uploads", (None, upload)) for upload in uploads],
        timeout=60,
    )


def test_tuspy_uploads_is_interrupted_and_resumes(
    serve: Serve,
    door_settings: Settings,
    database: Database,
    jpeg: Callable[..., bytes],
    sha256: Callable[[bytes], str],
) -> None:
    address, photo = serve(door_settings), jpeg(1, (640, 480))
    phone = TusClient(f"{address}/api/v1/uploads")
    first = phone.uploader(
        file_stream=io.BytesIO(photo),
        chunk_size=40_000,
        metadata={"filename": "a.jpg", "filetype": "image/jpeg", "sha256": sha256(photo)},
        upload_checksum=True,
    )
    first.upload_chunk()
    # Another process of the phone, which knows nothing but the address.
    second = phone.uploader(file_stream=io.BytesIO(photo), chunk_size=70_000, url=first.url)
    assert second.offset == 40_000
    second.upload()
    key = str(uuid.uuid4())
    answers = [report(address, [second.url], key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    with database.reading() as session:
        assert session.scalars(select(Photo.sha256)).all() == [sha256(photo)]

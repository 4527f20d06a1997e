"""Whatever the chunks and wherever the line breaks, what is here is the photo's beginning."""

import base64
import hashlib
import io
import random
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from sqlalchemy import select

from intake.door import Door
from intake.uploads.receiving import FLUSH_BYTES
from schemas.tables import Upload

SIZES = some.one_of(
    some.integers(1, 50), some.integers(FLUSH_BYTES - 1, FLUSH_BYTES + 1), some.just(2_500_000)
)
SHARES = some.floats(0, 1, exclude_max=True)
KINDS = ("whole", "cut", "summed", "summed wrong", "summed and cut", "elsewhere", "taken over")


@pytest.fixture
def dialect() -> str:
    return "sqlite"


class Interrupted(io.BytesIO):
    """A body in whose middle something else happens."""

    def __init__(self, data: bytes, happens: Callable[[], object]) -> None:
        super().__init__(data)
        self._happens: Callable[[], object] | None = happens

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(min(size or 0, 64 * 1024))
        if self._happens and self.tell() > len(self.getbuffer()) // 2:
            happens, self._happens = self._happens, None
            happens()
        return data


def checksum(data: bytes) -> str:
    return "sha256 " + base64.b64encode(hashlib.sha256(data).digest()).decode()


@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    size=SIZES,
    seed=some.integers(0, 2**16),
    tries=some.lists(some.tuples(some.sampled_from(KINDS), SHARES, SHARES), max_size=6),
)
def test_any_chunks_and_cuts_end_in_the_same_photo(
    tus: Any,
    client: FlaskClient,
    door: Door,
    size: int,
    seed: int,
    tries: list[tuple[str, float, float]],
) -> None:
    photo = random.Random(seed).randbytes(size)
    said = base64.b64encode(hashlib.sha256(photo).hexdigest().encode()).decode()
    path = tus.begin(size, Upload_Metadata=f"sha256 {said}").headers["Location"]
    offset = 0
    for kind, announced_share, sent_share in tries:
        if offset == size:
            break
        chunk = photo[offset : offset + 1 + int(announced_share * (size - offset))]
        part = chunk[: int(sent_share * len(chunk))]
        headers: dict[str, Any] = {"Upload-Offset": offset}
        body: io.BytesIO = io.BytesIO(part if "cut" in kind else chunk)
        if "summed" in kind:
            headers["Upload-Checksum"] = checksum(chunk + b"x" if "wrong" in kind else chunk)
        if kind == "elsewhere":
            headers["Upload-Offset"] = offset + 1 + len(part)
        if kind == "taken over":
            body = Interrupted(chunk, lambda: tus.offset(path))
        answer = client.open(
            path,
            method="PATCH",
            input_stream=body,
            headers={"Tus-Resumable": "1.0.0", **headers},
            content_type="application/offset+octet-stream",
            # What was announced, however much of it comes.
            environ_overrides={"CONTENT_LENGTH": str(len(chunk))},
        )
        expected = {
            "whole": (204, offset + len(chunk)),
            "cut": (400, offset + len(part)),
            "summed": (204, offset + len(chunk)),
            "summed wrong": (460, offset),
            "summed and cut": (400, offset),
            "elsewhere": (409 if headers["Upload-Offset"] + len(chunk) <= size else 413, offset),
        }
        if kind == "taken over":
            # What was durable before the other one came stays; the rest never counts.
            before, offset = offset, tus.offset(path)
            assert answer.status_code in (204, 423)
            assert before <= offset <= before + len(chunk)
        else:
            status, offset = expected[kind]
            assert (answer.status_code, tus.offset(path)) == (status, offset)
    if offset < size:
        assert tus.add(path, offset, photo[offset:]).status_code == 204
    with door.database.reading() as session:
        newest = session.scalars(select(Upload.id).order_by(Upload.id.desc())).first()
    assert newest is not None
    assert door.staging.path_of(newest).read_bytes() == photo
    assert tus.ask("DELETE", path).status_code == 204

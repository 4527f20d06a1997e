import io
import os
import random
import resource
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings, strategies
from werkzeug.test import TestResponse

from intake import form
from intake.door import Door
from intake.form import ReceivedForm, receive_form, remove_stale_files, rules_of
from schemas.errors import SuishoupaiError, Unavailable
from schemas.wire.reports import ReportForm

RULES = rules_of(ReportForm)
HEAD = b'Content-Disposition: form-data; name="%b"%b\r\n\r\n'


@pytest.fixture
def dialect() -> str:
    """What is asked here does not depend on the database."""
    return "sqlite"


def part(name: bytes, body: bytes, more: bytes = b"") -> bytes:
    return b"--b\r\n" + HEAD % (name, more) + body + b"\r\n"


def photo(body: bytes) -> bytes:
    return part(b"photos", body, b'; filename="a.jpg"\r\nContent-Type: image/jpeg')


def read_form(body: bytes, directory: Path, content_type: str = "") -> ReceivedForm:
    with receive_form(
        io.BytesIO(body).read,
        content_type=content_type or "multipart/form-data; boundary=b",
        content_length=len(body),
        directory=directory,
        rules=RULES,
    ) as received:
        for file in received.photos:
            assert file.path.stat().st_size == file.size_bytes
        return received


END = b"--b--\r\n"
HOSTILE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "body-unreadable"),
    "another boundary": (photo(b"x").replace(b"--b", b"--c") + b"--c--\r\n", "body-unreadable"),
    "half a photo": (photo(b"x" * 1000)[:600], "body-incomplete"),
    "half a head": (part(b"category", b"PEST") + b"--b\r\nContent-Dispo", "body-incomplete"),
    "no end": (part(b"category", b"PEST"), "body-incomplete"),
    "100,000 parts": (part(b"category", b"PEST") * 100_000 + END, "too-many-parts"),
    "100,000 nameless parts": (b"--b\r\n\r\n\r\n" * 100_000 + END, "body-unreadable"),
    "a huge head": (
        b"--b\r\nX-Long: " + b"x" * 100_000 + b"\r\n" + part(b"category", b"PEST")[5:] + END,
        "body-unreadable",
    ),
    "a thousand heads": (
        b"--b\r\n" + b"X-A: b\r\n" * 1000 + HEAD % (b"category", b"") + b"PEST\r\n" + END,
        "body-unreadable",
    ),
    "bytes that are no head": (b"--b\r\n\xff\xfe: x\r\n\r\nx\r\n" + END, "body-unreadable"),
    "bad UTF-8": (part(b"description", b"\xff\xfe") + END, "text-invalid"),
    "another charset": (
        part(b"description", b"x", b"\r\nContent-Type: text/plain; charset=utf-16") + END,
        "text-invalid",
    ),
    "a charset that is none": (
        part(b"description", b"x", b"\r\nContent-Type: text/plain; charset=nonsense") + END,
        "text-invalid",
    ),
    "NUL": (part(b"description", b"a\0b") + END, "text-invalid"),
    "a text of a megabyte": (part(b"description", b"x" * 1_000_000) + END, "text-too-long"),
    "a name of a kilobyte": (part(b"n" * 1000, b"x") + END, "field-unknown"),
    "a phone for a name": (part(b"13800001111", b"x") + END, "field-unknown"),
    "no name": (part(b"", b"x") + END, "field-unknown"),
    "a file under another name": (
        part(b"picture", b"x" * 1000, b'; filename="a.jpg"') + END,
        "field-unknown",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_is_refused_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    body, code = HOSTILE[name]
    with pytest.raises(SuishoupaiError) as refused:
        read_form(body, tmp_path / "in")
    assert refused.value.code == code
    assert not (tmp_path / "in").exists() or list((tmp_path / "in").iterdir()) == []


@pytest.mark.parametrize("name", [name for name in HOSTILE if HOSTILE[name][0]])
def test_a_photo_that_came_before_a_hostile_part_is_removed(name: str, tmp_path: Path) -> None:
    with pytest.raises(SuishoupaiError):
        read_form(photo(b"a picture") + HOSTILE[name][0], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_of_an_unknown_field_does_not_repeat_what_may_be_personal(
    tmp_path: Path,
) -> None:
    for name, shown in ((b"colour", "colour"), (b"13800001111", None), (b"<script>", None)):
        with pytest.raises(SuishoupaiError) as refused:
            read_form(part(name, b"x") + END, tmp_path)
        assert refused.value.field == shown
        if shown is None:
            assert name.decode() not in refused.value.words.zh + refused.value.words.en


@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", "multipart/mixed; boundary=b", ""]
)
def test_another_kind_of_body_is_refused(content_type: str, tmp_path: Path) -> None:
    with (
        pytest.raises(SuishoupaiError) as refused,
        receive_form(
            io.BytesIO(b"{}").read,
            content_type=content_type,
            content_length=2,
            directory=tmp_path,
            rules=RULES,
        ),
    ):
        pytest.fail("took a body of another kind")
    assert refused.value.code == "content-type-unsupported"


def test_a_form_without_a_boundary_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SuishoupaiError) as refused:
        read_form(photo(b"x") + END, tmp_path, "multipart/form-data")
    assert refused.value.code == "body-unreadable"


def test_photos_come_through_byte_for_byte_whatever_the_network_cuts(
    tmp_path: Path, sha256: Callable[[bytes], str]
) -> None:
    pictures = [random.Random(seed).randbytes(100_000) + b"\r\n--" for seed in range(3)]
    body = b"".join(photo(picture) for picture in pictures) + part(b"category", b"PEST") + END
    for step in (1, 7, 4096, len(body)):
        stream = io.BytesIO(body)
        read = lambda size, stream=stream, step=step: stream.read(min(size, step))  # noqa: E731
        with receive_form(
            read,
            content_type="multipart/form-data; boundary=b",
            content_length=None,
            directory=tmp_path,
            rules=RULES,
        ) as received:
            assert [file.sha256 for file in received.photos] == [sha256(p) for p in pictures]
            assert [file.path.read_bytes() for file in received.photos] == pictures
            assert received.texts == {"category": ["PEST"]}
        assert list(tmp_path.iterdir()) == []


def test_a_file_field_left_empty_is_no_photo(tmp_path: Path) -> None:
    body = part(b"photos", b"", b'; filename=""\r\nContent-Type: application/octet-stream')
    assert read_form(body + END, tmp_path).photos == []


def test_a_stream_without_a_length_is_cut_off_at_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(form, "MAX_BODY_BYTES", 1_000_000)

    def endless() -> Iterator[bytes]:
        yield photo(b"x")[:-2]
        while True:
            yield b"y" * 65_536

    chunks = endless()
    with (
        pytest.raises(SuishoupaiError) as refused,
        receive_form(
            lambda _size: next(chunks),
            content_type="multipart/form-data; boundary=b",
            content_length=None,
            directory=tmp_path,
            rules=RULES,
        ),
    ):
        pytest.fail("took an endless body")
    assert refused.value.code == "too-large"
    assert list(tmp_path.iterdir()) == []


def test_what_is_still_coming_after_a_refusal_is_taken_and_thrown_away(tmp_path: Path) -> None:
    body = part(b"colour", b"red") + photo(bytes(500_000)) + END
    stream = io.BytesIO(body)
    with (
        pytest.raises(SuishoupaiError),
        receive_form(
            stream.read,
            content_type="multipart/form-data; boundary=b",
            content_length=len(body),
            directory=tmp_path,
            rules=RULES,
        ),
    ):
        pytest.fail("took an unknown field")
    assert stream.read() == b""


def test_a_line_that_breaks_is_told_from_a_form_that_is_wrong(tmp_path: Path) -> None:
    def broken(_size: int) -> bytes:
        raise ConnectionResetError

    with (
        pytest.raises(SuishoupaiError) as refused,
        receive_form(
            broken,
            content_type="multipart/form-data; boundary=b",
            content_length=100,
            directory=tmp_path,
            rules=RULES,
        ),
    ):
        pytest.fail("took a broken line")
    assert refused.value.code == "body-incomplete"


def test_a_full_disk_is_told_as_a_store_that_is_away(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(Unavailable) as refused:
            read_form(photo(b"x" * 2_000_000) + END, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert refused.value.code == "store-away"
    assert list(tmp_path.iterdir()) == []


def test_only_what_was_left_behind_long_ago_is_removed(tmp_path: Path) -> None:
    old, fresh = tmp_path / "old", tmp_path / "fresh"
    old.write_bytes(b"x")
    fresh.write_bytes(b"x")
    long_ago_s = time.time() - form.STALE_AFTER_S - 1
    os.utime(old, (long_ago_s, long_ago_s))
    assert remove_stale_files(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["fresh"]
    assert remove_stale_files(tmp_path / "nowhere") == 0


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=strategies.data())
def test_no_mangled_form_does_more_than_be_refused(
    tmp_path: Path, data: strategies.DataObject
) -> None:
    good = photo(b"picture") + part(b"category", b"PEST") + part(b"latitude", b"41.8") + END
    mangled = bytearray(good)
    for _ in range(data.draw(strategies.integers(1, 6))):
        place = data.draw(strategies.integers(0, len(mangled) - 1))
        cut = data.draw(strategies.integers(0, 8))
        mangled[place : place + cut] = data.draw(strategies.binary(max_size=8))
        if not mangled:
            break
    try:
        read_form(bytes(mangled), tmp_path)
    except SuishoupaiError as error:
        assert error.words.zh  # noqa: PT017 - being refused is one of two good outcomes
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [name for name in HOSTILE if HOSTILE[name][0]])
def test_the_door_answers_a_hostile_body_with_a_problem(
    name: str, client: FlaskClient, door: Door, code_of: Callable[[TestResponse], str]
) -> None:
    body, code = HOSTILE[name]
    response = client.post(
        "/api/v1/reports",
        data=body,
        headers={"Idempotency-Key": str(uuid.uuid4())},
        content_type="multipart/form-data; boundary=b",
    )
    assert code_of(response) == code
    if code.startswith("body-"):
        assert response.status_code == 400
    assert 400 <= response.status_code < 500
    assert not door.incoming.exists() or list(door.incoming.iterdir()) == []

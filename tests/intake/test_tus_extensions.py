"""Each rule of the tus 1.0.0 extensions that are offered, by its name."""

import base64
import hashlib
import os
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from intake.door import Door
from intake.uploads.expiry import sweep_uploads, tidy_uploads
from schemas.database import now_utc
from schemas.tables import Upload

MEBIBYTE = 1024 * 1024


@pytest.fixture(params=["sqlite"])
def dialect(request: pytest.FixtureRequest) -> str:
    """Headers don't depend on the database; the tests that do say so."""
    return str(request.param)


def checksum(data: bytes, name: str = "sha256") -> str:
    return f"{name} {base64.b64encode(hashlib.new(name, data).digest()).decode()}"


def metadata(**values: str) -> str:
    return ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in values.items())


def count(door: Door) -> int:
    with door.database.reading() as session:
        return len(session.scalars(select(Upload)).all())


def age(door: Door, **values: Any) -> None:
    with door.database.writing() as session:
        session.execute(update(Upload).values(**values))


# --- creation ---


def test_creation_answers_201_with_a_location_at_offset_zero(tus: Any) -> None:
    begun = tus.begin(100)
    assert begun.status_code == 201
    assert begun.headers["Location"].startswith("/api/v1/uploads/up_")
    assert tus.offset(begun.headers["Location"]) == 0


def test_creation_needs_a_length_or_a_deferred_one(tus: Any, code_of: Any, door: Door) -> None:
    for headers in ({}, {"Upload_Length": "-1"}, {"Upload_Length": "many"}):
        answer = tus.ask("POST", tus.place, **headers)
        assert (answer.status_code, code_of(answer)) == (400, "upload-header-invalid")
    both = tus.begin(5, Upload_Defer_Length=1)
    assert (both.status_code, code_of(both)) == (400, "upload-header-invalid")
    assert count(door) == 0


def test_upload_defer_length_can_only_be_1(tus: Any) -> None:
    for value in ("0", "2", "yes", ""):
        assert tus.begin(None, Upload_Defer_Length=value).status_code == 400


def test_a_deferred_length_is_told_until_it_is_set_once(tus: Any, code_of: Any) -> None:
    path = tus.begin(None, Upload_Defer_Length=1).headers["Location"]
    assert tus.ask("HEAD", path).headers["Upload-Defer-Length"] == "1"
    tus.add(path, 0, b"hel")
    asked = tus.ask("HEAD", path)
    assert (asked.headers["Upload-Defer-Length"], "Upload-Length" in asked.headers) == ("1", False)
    assert tus.add(path, 3, b"l", Upload_Length=5).status_code == 204
    known = tus.ask("HEAD", path)
    assert (known.headers["Upload-Length"], "Upload-Defer-Length" in known.headers) == ("5", False)
    for other in (4, 6):
        changed = tus.add(path, 4, b"", Upload_Length=other)
        assert (changed.status_code, code_of(changed)) == (400, "upload-length-fixed")
    assert tus.add(path, 4, b"o", Upload_Length=5).headers["Upload-Offset"] == "5"


def test_a_deferred_length_can_not_lie_before_what_is_here(tus: Any, code_of: Any) -> None:
    path = tus.begin(None, Upload_Defer_Length=1).headers["Location"]
    tus.add(path, 0, b"hello")
    short = tus.add(path, 5, b"", Upload_Length=4)
    assert (short.status_code, code_of(short)) == (400, "upload-length-fixed")
    long = tus.add(path, 5, b"", Upload_Length=26 * MEBIBYTE)
    assert (long.status_code, code_of(long)) == (413, "upload-too-large")


def test_an_upload_of_length_zero_is_complete_at_once(tus: Any) -> None:
    asked = tus.ask("HEAD", tus.begin(0).headers["Location"])
    assert (asked.headers["Upload-Offset"], asked.headers["Upload-Length"]) == ("0", "0")


def test_more_than_tus_max_size_is_413(tus: Any, code_of: Any, door: Door) -> None:
    assert tus.begin(25 * MEBIBYTE).status_code == 201
    answer = tus.begin(25 * MEBIBYTE + 1)
    assert (answer.status_code, code_of(answer)) == (413, "upload-too-large")
    assert count(door) == 1


def test_head_gives_upload_metadata_back_as_it_came(tus: Any) -> None:
    said = metadata(filename="后厨.jpg", filetype="image/jpeg") + ",is_confidential"
    path = tus.begin(5, Upload_Metadata=said).headers["Location"]
    assert tus.ask("HEAD", path).headers["Upload-Metadata"] == said
    bare = tus.begin(5).headers["Location"]
    assert "Upload-Metadata" not in tus.ask("HEAD", bare).headers


def test_upload_metadata_that_breaks_its_rules_is_400(tus: Any, code_of: Any) -> None:
    rules = ("a b c", "a YQ==,a YQ==", "a not-base64", ",", "é YQ==", "sha256 YQ==")
    for said in (*rules, "a " + "A" * 5000):
        answer = tus.begin(5, Upload_Metadata=said.encode().decode("latin-1"))
        assert (answer.status_code, code_of(answer)) == (400, "upload-header-invalid")
        assert answer.json["field"] == "Upload-Metadata"


# --- creation with upload ---


def test_creation_with_upload_takes_bytes_and_tells_the_offset(tus: Any) -> None:
    begun = tus.begin(11, b"hello ")
    assert (begun.status_code, begun.headers["Upload-Offset"]) == (201, "6")
    added = tus.add(begun.headers["Location"], 6, b"world")
    assert (added.status_code, added.headers["Upload-Offset"]) == (204, "11")


def test_creation_with_upload_has_the_rules_of_patch(tus: Any, code_of: Any, door: Door) -> None:
    refused = {
        (415, "content-type-unsupported"): tus.begin(5, b"hello", Content_Type="text/plain"),
        (413, "upload-overflows"): tus.begin(4, b"hello"),
        (460, "checksum-mismatch"): tus.begin(5, b"hello", Upload_Checksum=checksum(b"hallo")),
        (400, "checksum-algorithm-unsupported"): tus.begin(
            5, b"hello", Upload_Checksum="crc32 AAAA"
        ),
    }
    for (status, code), answer in refused.items():
        assert (answer.status_code, code_of(answer)) == (status, code)
    assert count(door) == 0
    assert list(door.staging.root.iterdir()) == []
    assert tus.begin(5, b"hello", Upload_Checksum=checksum(b"hello")).status_code == 201


# --- checksum ---


def test_a_checksum_that_holds_lets_the_bytes_in_and_sha1_is_known(tus: Any) -> None:
    for algorithm in ("sha256", "sha1"):
        path = tus.begin(5).headers["Location"]
        answer = tus.add(path, 0, b"hello", Upload_Checksum=checksum(b"hello", algorithm))
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "5")


def test_a_checksum_mismatch_is_460_and_nothing_of_the_chunk_is_kept(
    tus: Any, code_of: Any
) -> None:
    path = tus.begin(3 * MEBIBYTE).headers["Location"]
    tus.add(path, 0, b"x" * 10)
    # More than is made durable at a time: no part of it may count before all of it does.
    wrong = tus.add(path, 10, b"y" * (2 * MEBIBYTE), Upload_Checksum=checksum(b"z"))
    assert (wrong.status_code, code_of(wrong)) == (460, "checksum-mismatch")
    assert tus.offset(path) == 10
    rest = b"z" * (3 * MEBIBYTE - 10)
    assert tus.add(path, 10, rest, Upload_Checksum=checksum(rest)).status_code == 204


def test_an_unknown_checksum_algorithm_is_400_and_keeps_nothing(tus: Any, code_of: Any) -> None:
    path = tus.begin(5).headers["Location"]
    for said in ("md5 XUFAKrxLKna5cZ2REBfFkg==", "SHA256 x", ""):
        answer = tus.add(path, 0, b"hello", Upload_Checksum=said)
        assert (answer.status_code, code_of(answer)) == (400, "checksum-algorithm-unsupported")
    for said in ("sha256", "sha256 ???", "sha1 " + checksum(b"hello").split()[1]):
        answer = tus.add(path, 0, b"hello", Upload_Checksum=said)
        assert (answer.status_code, code_of(answer)) == (400, "upload-header-invalid")
    assert tus.offset(path) == 0


def test_the_whole_photo_is_compared_with_what_the_phone_summed(
    tus: Any, code_of: Any, door: Door
) -> None:
    said = metadata(sha256=hashlib.sha256(b"hello").hexdigest().upper())
    path = tus.begin(5, Upload_Metadata=said).headers["Location"]
    tus.add(path, 0, b"he")
    assert tus.add(path, 2, b"llo").status_code == 204
    wrong = tus.begin(5, Upload_Metadata=said).headers["Location"]
    tus.add(wrong, 0, b"he")
    answer = tus.add(wrong, 2, b"LLO")
    assert (answer.status_code, code_of(answer)) == (460, "upload-sum-mismatch")
    # Nothing tells which of its bytes are wrong, so none is kept and a client begins anew.
    assert tus.ask("HEAD", wrong).status_code == 404
    assert len(list(door.staging.root.iterdir())) == 1
    at_once = tus.begin(5, b"hallo", Upload_Metadata=said)
    assert (at_once.status_code, code_of(at_once)) == (460, "upload-sum-mismatch")
    assert count(door) == 1


# --- expiration ---


def test_upload_expires_is_told_at_creation_and_with_every_patch(tus: Any) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    begun = tus.begin(5)
    path = begun.headers["Location"]
    for answer in (begun, tus.add(path, 0, b"hel"), tus.ask("HEAD", path)):
        moment = parsedate_to_datetime(answer.headers["Upload-Expires"])
        assert answer.headers["Upload-Expires"].endswith(" GMT")
        assert moment >= before + timedelta(hours=24)


def test_each_step_gives_an_upload_its_full_time_anew(tus: Any, door: Door) -> None:
    path = tus.begin(5).headers["Location"]
    age(door, expires_at=now_utc() + timedelta(minutes=1))
    tus.add(path, 0, b"hel")
    with door.database.reading() as session:
        assert session.scalars(select(Upload)).one().expires_at > now_utc() + timedelta(hours=23)


def test_after_it_expired_an_upload_is_410_and_takes_nothing(
    tus: Any, code_of: Any, door: Door
) -> None:
    path = tus.begin(5).headers["Location"]
    tus.add(path, 0, b"hel")
    age(door, expires_at=now_utc() - timedelta(seconds=1))
    for _ in range(2):
        assert tus.ask("HEAD", path).status_code == 410
        assert "Upload-Offset" not in tus.ask("HEAD", path).headers
        answer = tus.add(path, 3, b"lo")
        assert (answer.status_code, code_of(answer)) == (410, "upload-expired")
        # The same before and after its bytes are swept.
        sweep_uploads(door.database, door.staging, now=now_utc())
    assert list(door.staging.root.iterdir()) == []


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"], indirect=True)
def test_the_sweep_takes_what_expired_and_nothing_else(tus: Any, door: Door) -> None:
    for _ in range(3):
        tus.whole(b"hello")
    age(door, expires_at=now_utc() - timedelta(seconds=1))
    open_one = tus.begin(5, b"hel").headers["Location"]
    assert sweep_uploads(door.database, door.staging, now=now_utc()) == 3
    assert sweep_uploads(door.database, door.staging, now=now_utc()) == 0
    assert tus.offset(open_one) == 3
    assert len(list(door.staging.root.iterdir())) == 1
    with door.database.reading() as session:
        cleared = session.scalars(select(Upload).where(Upload.cleared_at.is_not(None))).all()
    assert {(one.address_digest, one.sealed_metadata) for one in cleared} == {("", b"")}


def test_tidying_takes_old_tombstones_and_stray_files(tus: Any, door: Door) -> None:
    path, finished = tus.begin(5, b"hel").headers["Location"], tus.whole(b"hello")
    stray = door.staging.root / ("0" * 32)
    for file in (*door.staging.root.iterdir(), stray):
        file.touch()
        os.utime(file, (0, 0))
    kept = timedelta(days=90)
    assert tidy_uploads(door.database, door.staging, now=now_utc(), used_kept=kept) == 1
    assert not stray.exists()
    assert (tus.offset(path), tus.offset(finished)) == (3, 5)
    age(door, cleared_at=now_utc() - timedelta(days=8))
    assert tidy_uploads(door.database, door.staging, now=now_utc(), used_kept=kept) == 2
    assert count(door) == 0
    assert tus.ask("HEAD", path).status_code == 404


# --- termination ---


def test_delete_answers_204_and_frees_the_bytes(tus: Any, door: Door) -> None:
    for path in (tus.begin(5, b"hel").headers["Location"], tus.whole(b"hello")):
        assert tus.ask("DELETE", path).status_code == 204
        assert tus.ask("HEAD", path).status_code == 404
        assert tus.add(path, 3, b"lo").status_code == 404
        assert tus.ask("DELETE", path).status_code == 404
    assert count(door) == 0
    assert list(door.staging.root.iterdir()) == []

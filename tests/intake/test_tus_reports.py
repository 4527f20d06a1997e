"""Reports whose photos came by upload: checked as files are, used once, never lost."""

import base64
import hashlib
import os
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from intake.door import Door
from intake.riders.erasure import erase_rider
from intake.riders.registering import RiderProfile, add_rider, issue_token
from intake.uploads.expiry import sweep_uploads
from schemas import audit
from schemas.database import now_utc
from schemas.tables import AuditEntry, Photo, Report, Supplement, Upload


@pytest.fixture(params=["sqlite"])
def dialect(request: pytest.FixtureRequest) -> str:
    """What is decided in a transaction is tried on both databases, the rest on one."""
    return str(request.param)


BOTH = pytest.mark.parametrize("dialect", ["sqlite", "postgresql"], indirect=True)
NAMED = {"files": []}


def rows(door: Door, model: type) -> int:
    with door.database.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def said(photo: bytes) -> str:
    return "sha256 " + base64.b64encode(hashlib.sha256(photo).hexdigest().encode()).decode()


def only(door: Door) -> Upload:
    with door.database.reading() as session:
        return session.scalars(select(Upload)).one()


@BOTH
def test_uploads_take_the_place_of_files_in_their_order(
    tus: Any, send: Any, door: Door, jpeg: Callable[..., bytes]
) -> None:
    photos = [jpeg(seed) for seed in (3, 1, 2)]
    paths = [tus.whole(photo, Upload_Metadata=said(photo)) for photo in photos]
    # By address, by the whole address of another name of this door, and by the last part.
    named = [paths[0], f"https://door.example{paths[1]}", paths[2].rpartition("/")[2]]
    answer = send(**NAMED, photo_uploads=named)
    assert answer.status_code == 201
    sums = [hashlib.sha256(photo).hexdigest() for photo in photos]
    assert [photo["sha256"] for photo in answer.json["photos"]] == sums
    with door.database.reading() as session:
        kept = session.scalars(select(Photo).order_by(Photo.position)).all()
    assert [photo.sha256 for photo in kept] == sums
    for photo, source in zip(kept, photos, strict=True):
        with door.store.local_copy(photo.sha256) as copy:
            assert Path(copy).read_bytes() == source


@BOTH
def test_a_repeat_gets_the_same_answer_also_when_the_bytes_are_gone(
    tus: Any, send: Any, door: Door, jpeg: Callable[..., bytes]
) -> None:
    path, key = tus.whole(jpeg(1)), str(uuid.uuid4())
    first = send(**NAMED, photo_uploads=[path], key=key)
    sweep_uploads(door.database, door.staging, now=now_utc() + timedelta(minutes=6))
    assert list(door.staging.root.iterdir()) == []
    again = send(**NAMED, photo_uploads=[path], key=key)
    # The very same photo as a file is the same content, too.
    as_file = send(files=[jpeg(1)], key=key)
    assert first.status_code == again.status_code == as_file.status_code == 201
    assert first.data == again.data == as_file.data
    assert (rows(door, Report), rows(door, Photo)) == (1, 1)
    other = send(**NAMED, photo_uploads=[path], key=key, description="另一条")
    assert (other.status_code, other.json["type"].rpartition(":")[2]) == (
        422,
        "idempotency-key-reused",
    )


@BOTH
def test_an_upload_is_used_once_and_its_second_report_is_told_so(
    tus: Any, send: Any, door: Door, jpeg: Callable[..., bytes], code_of: Any
) -> None:
    path, other = tus.whole(jpeg(1)), tus.whole(jpeg(2))
    assert send(**NAMED, photo_uploads=[path]).status_code == 201
    refused = send(**NAMED, photo_uploads=[other, path])
    assert (refused.status_code, code_of(refused)) == (410, "upload-used")
    assert refused.json["photo"] == 2
    assert tus.ask("HEAD", path).status_code == 410
    assert tus.ask("DELETE", path).status_code == 410
    # The one beside it is not lost by that.
    assert send(**NAMED, photo_uploads=[other]).status_code == 201
    assert rows(door, Report) == 2


@BOTH
def test_a_photo_that_the_store_has_of_a_report_cut_short_is_used_by_the_next_try(
    tus: Any, send: Callable[..., Any], door: Door, jpeg: Callable[..., bytes]
) -> None:
    data = jpeg(1)
    path = tus.whole(data)
    (staged,) = door.staging.root.iterdir()
    door.store.put_original(staged, hashlib.sha256(data).hexdigest())
    # Only root may still write it: whoever else serves the door has to read it as it is.
    assert staged.stat().st_mode & 0o777 == 0o400
    assert send(**NAMED, photo_uploads=[path]).status_code == 201


@BOTH
def test_two_reports_that_want_one_upload_at_the_same_moment_get_it_once(
    tus: Any, app: Flask, door: Door, jpeg: Callable[..., bytes]
) -> None:
    path, together, answers = tus.whole(jpeg(1)), threading.Barrier(4), []

    def one() -> None:
        phone = app.test_client()
        form = {"category": "PEST", "latitude": "41.8", "longitude": "123.43"}
        together.wait()
        answers.append(
            phone.post(
                "/api/v1/reports",
                data=form | {"photo_uploads": path},
                content_type="multipart/form-data",
                headers={"Idempotency-Key": str(uuid.uuid4())},
            )
        )

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [201, 410, 410, 410]
    assert (rows(door, Report), rows(door, Photo)) == (1, 1)


def test_an_unfinished_upload_is_refused_and_stays_to_be_finished(
    tus: Any, send: Any, door: Door, jpeg: Callable[..., bytes], code_of: Any
) -> None:
    photo, key = jpeg(1), str(uuid.uuid4())
    done, path = tus.whole(jpeg(2)), tus.begin(len(photo), photo[:100]).headers["Location"]
    unsaid = tus.begin(None, b"hel", Upload_Defer_Length=1).headers["Location"]
    for named, place in (([done, path], 2), ([unsaid], 1)):
        refused = send(**NAMED, photo_uploads=named, key=key)
        assert (refused.status_code, code_of(refused)) == (409, "upload-unfinished")
        assert (refused.json["photo"], rows(door, Report)) == (place, 0)
    assert tus.add(path, 100, photo[100:]).status_code == 204
    assert send(**NAMED, photo_uploads=[done, path], key=key).status_code == 201


def test_an_upload_belongs_to_who_began_it(
    tus: Any, send: Any, door: Door, token: str, jpeg: Callable[..., bytes], code_of: Any
) -> None:
    with door.database.writing() as session:
        profile = RiderProfile("王五", "13800002222")
        other = issue_token(
            session, rider_id=add_rider(session, sealer=door.sealer, profile=profile).id
        )
    own = {"Authorization": f"Bearer {token}"}
    path = tus.whole(jpeg(1), **own)
    for foreign in ({}, {"Authorization": f"Bearer {other}"}):
        for answer in (
            tus.ask("HEAD", path, **foreign),
            tus.add(path, 0, b"x", **foreign),
            tus.ask("DELETE", path, **foreign),
            send(**NAMED, photo_uploads=[path], headers=foreign),
        ):
            assert answer.status_code == 404
    assert tus.offset(path, **own) == len(jpeg(1))
    assert send(**NAMED, photo_uploads=[path], token=token).status_code == 201
    # What was begun without a name belongs to whoever has its address: a rider whose
    # session ended on the way loses nothing.
    nobodys = tus.whole(jpeg(2))
    assert send(**NAMED, photo_uploads=[nobodys], token=token).status_code == 201


def test_an_address_that_is_none_is_refused_as_an_unknown_one(send: Any, code_of: Any) -> None:
    for address in ("x", "../../etc/passwd", "https://elsewhere.example/", f"up_{'x' * 43}"):
        refused = send(**NAMED, photo_uploads=[address])
        assert (refused.status_code, code_of(refused)) == (404, "upload-unknown")


def test_an_expired_upload_is_refused(
    tus: Any, send: Any, door: Door, jpeg: Callable[..., bytes], code_of: Any
) -> None:
    path = tus.whole(jpeg(1))
    with door.database.writing() as session:
        session.execute(update(Upload).values(expires_at=now_utc()))
    refused = send(**NAMED, photo_uploads=[path])
    assert (refused.status_code, code_of(refused)) == (410, "upload-expired")


def test_the_gate_looks_at_uploads_as_at_files_and_what_is_refused_stays(
    tus: Any, send: Any, jpeg: Callable[..., bytes], code_of: Any
) -> None:
    good, text = tus.whole(jpeg(1)), tus.whole(b"no picture at all")
    filetype = "filetype " + base64.b64encode(b"text/html").decode()
    called_else = tus.whole(jpeg(2), Upload_Metadata=filetype)
    for path, code in ((text, "photo-not-an-image"), (called_else, "photo-type-mismatch")):
        refused = send(**NAMED, photo_uploads=[good, path])
        assert (refused.status_code, code_of(refused)) == (422, code)
        assert refused.json["photo"] == 2
        assert tus.offset(path) > 0
    empty = send(**NAMED, photo_uploads=[tus.begin(0).headers["Location"]])
    assert (empty.status_code, code_of(empty)) == (422, "photo-empty")
    assert send(**NAMED, photo_uploads=[good]).status_code == 201


def test_photos_come_one_way_each_once_and_nine_at_most(
    tus: Any, send: Any, jpeg: Callable[..., bytes], code_of: Any
) -> None:
    path = tus.whole(jpeg(1))
    both = send(photo_uploads=[path])
    assert (both.status_code, code_of(both)) == (422, "photos-both-ways")
    twice = send(**NAMED, photo_uploads=[path, f"{path}/"])
    assert (twice.status_code, code_of(twice)) == (422, "upload-named-twice")
    many = send(**NAMED, photo_uploads=[f"up_{'x' * 40}{n}" for n in range(10)])
    assert (many.status_code, code_of(many)) == (422, "photos-too-many")
    none = send(**NAMED, photo_uploads=["", " "])
    assert (none.status_code, code_of(none)) == (422, "photos-missing")


def test_uploads_may_have_sixty_megabytes_together(
    tus: Any, send: Any, door: Door, code_of: Any
) -> None:
    paths = [tus.whole(b"x") for _ in range(3)]
    size = 21 * 1024 * 1024
    with door.database.writing() as session:
        session.execute(update(Upload).values(offset_bytes=size, length_bytes=size))
    refused = send(**NAMED, photo_uploads=paths)
    assert (refused.status_code, code_of(refused)) == (413, "photos-too-large-together")


def test_bytes_that_changed_on_the_disk_are_not_taken_for_the_phones(
    tus: Any, send: Any, door: Door, jpeg: Callable[..., bytes], code_of: Any
) -> None:
    photo = jpeg(1)
    path = tus.whole(photo, Upload_Metadata=said(photo))
    staged = door.staging.path_of(only(door).id)
    staged.write_bytes(photo[:-1] + b"x")
    refused = send(**NAMED, photo_uploads=[path])
    assert (refused.status_code, code_of(refused)) == (460, "upload-sum-mismatch")
    assert tus.ask("HEAD", path).status_code == 404
    assert not staged.exists()
    assert rows(door, Report) == 0


def test_what_nobody_acknowledged_is_cut_off_before_a_photo_is_taken(
    tus: Any, send: Any, door: Door, jpeg: Callable[..., bytes]
) -> None:
    path = tus.whole(jpeg(1))
    with door.staging.path_of(only(door).id).open("ab") as file:
        file.write(b"from a connection that lost its turn")
    answer = send(**NAMED, photo_uploads=[path])
    assert answer.json["photos"][0]["sha256"] == hashlib.sha256(jpeg(1)).hexdigest()


def test_a_used_upload_keeps_nothing_that_tells_who_sent_it(
    tus: Any, send: Any, door: Door, jpeg: Callable[..., bytes]
) -> None:
    send(**NAMED, photo_uploads=[tus.whole(jpeg(1), Upload_Metadata=said(jpeg(1)))])
    kept = only(door)
    assert (kept.address_digest, kept.sealed_metadata, kept.rider_id) == ("", b"", None)


def test_supplements_take_uploads_too(
    tus: Any, send: Any, door: Door, jpeg: Callable[..., bytes]
) -> None:
    report = send().json
    key, path = str(uuid.uuid4()), tus.whole(jpeg(7))
    nothing = {"category": None, "latitude": None, "longitude": None}
    answers = [
        send(
            **NAMED,
            **nothing,
            key=key,
            photo_uploads=[path],
            path=f"/api/v1/reports/{report['number']}/supplements",
            headers={"Receipt-Code": report["receipt_code"]},
        )
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json["photos"] == [{"sha256": hashlib.sha256(jpeg(7)).hexdigest()}]
    assert answers[0].data == answers[1].data
    assert rows(door, Supplement) == 1


def test_an_erased_riders_uploads_go_with_them(
    tus: Any, door: Door, token: str, jpeg: Callable[..., bytes]
) -> None:
    tus.whole(jpeg(1), Authorization=f"Bearer {token}")
    upload = only(door)
    with door.database.writing() as session:
        assert upload.rider_id is not None
        erase_rider(
            session,
            rider_id=upload.rider_id,
            reason="本人申请",
            now=now_utc(),
            actor=audit.OPERATOR,
        )
    assert rows(door, Upload) == 0
    os.utime(door.staging.path_of(upload.id), (0, 0))
    assert list(door.staging.strays()) == [upload.id]
    with door.database.reading() as session:
        assert "upload" not in str(session.scalars(select(AuditEntry.after)).all())

import hashlib
import json
import struct
import uuid
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from intake.app import create_app
from intake.door import Door
from intake.riders.registering import revoke_tokens
from schemas.jobs import connect_queue
from schemas.settings import Settings
from schemas.tables import (
    Claim,
    Photo,
    Report,
    ReportProgress,
    Rider,
    Supplement,
    Withdrawal,
)
from schemas.taxonomy import CATEGORIES

Sender = Callable[..., TestResponse]
Code = Callable[[TestResponse], str]


@pytest.fixture
def dialect() -> str:
    """What is asked here does not depend on the database."""
    return "sqlite"


def reports_in(door: Door) -> int:
    with door.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Report)) or 0


def leftovers(door: Door) -> list[str]:
    return [path.name for path in door.incoming.iterdir()] if door.incoming.is_dir() else []


def test_a_tip_is_answered_with_number_receipt_code_and_sums(
    send: Sender, door: Door, jpeg: Callable[..., bytes], sha256: Callable[[bytes], str]
) -> None:
    photos = [jpeg(1), jpeg(2, kind="PNG"), jpeg(3, kind="WEBP")]
    response = send(
        files=photos,
        declared=None,
        accuracy_m="12.5",
        datum="gcj02",
        captured_at="2026-11-21T11:42:00+08:00",
        description="后厨有老鼠",
        premises_name="张记",
        premises_address="青年大街 1 号",
        platform="美团",
        pin_latitude="41.81",
        pin_longitude="123.44",
        category=["PEST", "DIRTY_KITCHEN"],
    )
    assert response.status_code == 201
    answer = response.get_json()
    assert response.headers["Location"] == f"/api/v1/reports/{answer['number']}"
    assert answer["status"] == {"code": "received", "text": "已收到，谢谢您。"}
    assert [photo["sha256"] for photo in answer["photos"]] == [sha256(photo) for photo in photos]
    with door.database.reading() as session:
        report = session.scalars(select(Report)).one()
        kinds = list(session.scalars(select(Photo.content_type).order_by(Photo.position)))
        claims = session.scalar(select(func.count()).select_from(Claim))
    assert report.categories == ["PEST", "DIRTY_KITCHEN"]
    assert kinds == ["image/jpeg", "image/png", "image/webp"]
    assert claims == 5
    for photo in photos:
        with door.store.local_copy(sha256(photo)) as path:
            assert path.read_bytes() == photo
    assert leftovers(door) == []


def test_an_accepted_tip_is_queued_by_its_id(
    send: Sender, door: Door, door_settings: Settings
) -> None:
    send()
    with door.database.reading() as session:
        progress = session.scalars(select(ReportProgress)).one()
    waiting = connect_queue(door_settings.redis_url).waiting()
    assert waiting == {progress.report_id.hex}


def test_a_repeat_is_answered_alike_and_not_queued_again(
    send: Sender, door: Door, jpeg: Callable[..., bytes]
) -> None:
    key = str(uuid.uuid4())
    first, second = send(key=key, files=[jpeg(4)]), send(key=key, files=[jpeg(4)])
    assert (second.status_code, second.data) == (first.status_code, first.data)
    assert second.headers["Location"] == first.headers["Location"]
    assert reports_in(door) == 1
    assert door.queue.depth() == 1


def test_a_repeat_in_another_language_has_the_same_facts(send: Sender) -> None:
    key = str(uuid.uuid4())
    first = send(key=key).get_json()
    second = send(key=key, headers={"Accept-Language": "en"}).get_json()
    assert second["status"]["text"] == "Received. Thank you."
    assert second["receipt_code"] == first["receipt_code"]


def test_the_same_key_with_other_content_is_refused(
    send: Sender, code_of: Code, door: Door
) -> None:
    key = str(uuid.uuid4())
    send(key=key)
    response = send(key=key, description="别的")
    assert (response.status_code, code_of(response)) == (422, "idempotency-key-reused")
    assert reports_in(door) == 1


def strokes(count: int, *, points: int = 1) -> str:
    """Return the masks of a single photo as a phone sends them."""
    stroke = {"width": 0.05, "points": [[0.5, 1]] * points}
    return json.dumps([[stroke] * count])


def test_what_a_rider_hides_is_kept_beside_the_photo_it_belongs_to(
    send: Sender, door: Door, jpeg: Callable[..., bytes]
) -> None:
    sent = '[[], [{"width": 0.123456, "points": [[0.1, 0.2], [1, 0.3333333]]}]]'
    answer = send(files=[jpeg(1), jpeg(2)], masks=sent)
    with door.database.reading() as session:
        plain, hidden = session.scalars(select(Photo).order_by(Photo.position))
    assert plain.masks is None
    assert hidden.masks == [{"width": 0.1235, "points": [[0.1, 0.2], [1, 0.3333]]}]
    # What is kept is the file as it was sent.
    sums = [hashlib.sha256(jpeg(seed)).hexdigest() for seed in (1, 2)]
    assert [photo["sha256"] for photo in answer.get_json()["photos"]] == sums


def test_a_repeat_that_hides_something_else_is_not_the_same_tip(
    send: Sender, code_of: Code, door: Door
) -> None:
    key = str(uuid.uuid4())
    first = send(key=key, masks=strokes(1))
    again = send(key=key, masks=strokes(1))
    assert again.get_json()["number"] == first.get_json()["number"]
    for other in (strokes(2), None):
        response = send(key=key, masks=other)
        assert (response.status_code, code_of(response)) == (422, "idempotency-key-reused")
    assert reports_in(door) == 1


def test_what_is_hidden_in_a_supplement_follows_the_rules_of_a_report(
    send: Sender, code_of: Code, door: Door, jpeg: Callable[..., bytes]
) -> None:
    sent = send().get_json()
    bare = {"category": None, "latitude": None, "longitude": None}
    add = partial(
        send,
        path=f"/api/v1/reports/{sent['number']}/supplements",
        headers={"Receipt-Code": sent["receipt_code"]},
        **bare,
    )
    for masks, code in (
        ("[[], []", "masks-invalid"),
        (strokes(201), "masks-too-many"),
        (f"[{strokes(1)[1:-1]}, []]", "masks-not-of-photos"),
    ):
        refused = add(masks=masks)
        assert (refused.status_code, code_of(refused)) == (422, code)
    # What hides something in no photo at all was meant for one that is missing.
    assert code_of(add(files=[], description="又去了", masks=strokes(1))) == "masks-not-of-photos"
    key = str(uuid.uuid4())
    assert add(key=key, files=[jpeg(2)], masks=strokes(1)).status_code == 201
    assert add(key=key, files=[jpeg(2)], masks=strokes(1)).status_code == 201
    assert code_of(add(key=key, files=[jpeg(2)])) == "idempotency-key-reused"
    with door.database.reading() as session:
        plain, hidden = session.scalars(select(Photo).order_by(Photo.position))
    assert plain.masks is None
    assert hidden.masks == [{"width": 0.05, "points": [[0.5, 1]]}]


@pytest.mark.parametrize(
    ("fields", "status", "code", "field"),
    [
        ({"category": None}, 422, "category-missing", "category"),
        ({"category": "RATS"}, 422, "category-unknown", "category"),
        ({"category": ["PEST"] * 23}, 422, "too-many-values", "category"),
        ({"datum": "utm"}, 422, "datum-unknown", "datum"),
        ({"latitude": "90.1"}, 422, "coordinates-out-of-range", "latitude"),
        ({"longitude": "-181"}, 422, "coordinates-out-of-range", "longitude"),
        ({"latitude": "nan"}, 422, "number-invalid", "latitude"),
        ({"longitude": "inf"}, 422, "number-invalid", "longitude"),
        ({"latitude": "north"}, 422, "number-invalid", "latitude"),
        ({"accuracy_m": "-1"}, 422, "number-out-of-range", "accuracy_m"),
        ({"accuracy_m": "inf"}, 422, "number-invalid", "accuracy_m"),
        (
            {"pin_latitude": "91", "pin_longitude": "1"},
            422,
            "coordinates-out-of-range",
            "pin_latitude",
        ),
        ({"longitude": None}, 422, "place-incomplete", "longitude"),
        ({"latitude": None}, 422, "place-incomplete", "latitude"),
        ({"pin_latitude": "41.8"}, 422, "place-incomplete", "pin_longitude"),
        ({"latitude": None, "longitude": None}, 422, "place-missing", "latitude"),
        ({"latitude": "", "longitude": ""}, 422, "place-missing", "latitude"),
        ({"captured_at": "2026-11-21T11:42:00"}, 422, "captured-at-invalid", "captured_at"),
        ({"captured_at": "yesterday"}, 422, "captured-at-invalid", "captured_at"),
        ({"captured_at": "1763696520"}, 422, "captured-at-invalid", "captured_at"),
        ({"captured_at": "2026-02-30T11:42:00Z"}, 422, "captured-at-invalid", "captured_at"),
        ({"captured_at": "0001-01-01T00:00:00+08:00"}, 422, "captured-at-invalid", "captured_at"),
        ({"description": "鼠" * 2001}, 422, "text-too-long", "description"),
        ({"premises_name": "x" * 201}, 422, "text-too-long", "premises_name"),
        ({"premises_address": "x" * 301}, 422, "text-too-long", "premises_address"),
        ({"platform": "x" * 81}, 422, "text-too-long", "platform"),
        ({"latitude": "1" * 101}, 422, "text-too-long", "latitude"),
        ({"description": "a\0b"}, 422, "text-invalid", "description"),
        ({"description": ["a", "b"]}, 422, "field-duplicate", "description"),
        ({"colour": "red"}, 422, "field-unknown", "colour"),
        ({"files": []}, 422, "photos-missing", "photos"),
        ({"masks": "not json"}, 422, "masks-invalid", "masks"),
        ({"masks": "[" * 9_000}, 422, "masks-invalid", "masks"),
        ({"masks": '[[{"width": 0.1, "points": []}]]'}, 422, "masks-invalid", "masks"),
        ({"masks": '[[{"width": 0, "points": [[0, 0]]}]]'}, 422, "masks-invalid", "masks"),
        ({"masks": '[[{"width": 0.1, "points": [[0, 1.1]]}]]'}, 422, "masks-invalid", "masks"),
        ({"masks": '[[{"width": NaN, "points": [[0, 1]]}]]'}, 422, "masks-invalid", "masks"),
        ({"masks": strokes(1, points=5_001)}, 422, "masks-too-many", "masks"),
        ({"masks": strokes(201)}, 422, "masks-too-many", "masks"),
        ({"masks": f"[{strokes(1)[1:-1]}, []]"}, 422, "masks-not-of-photos", "masks"),
        ({"masks": " " * 250_000 + "[[[[[[["}, 422, "masks-invalid", "masks"),
        ({"masks": "1" * 250_001}, 422, "text-too-long", "masks"),
    ],
)
def test_a_field_at_fault_is_named(
    send: Sender,
    code_of: Code,
    door: Door,
    fields: dict[str, Any],
    status: int,
    code: str,
    field: str,
) -> None:
    response = send(**fields)
    assert (response.status_code, code_of(response)) == (status, code)
    assert response.get_json()["field"] == field
    assert reports_in(door) == 0
    assert leftovers(door) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"latitude": None, "longitude": None, "premises_address": "青年大街 1 号"},
        {
            "latitude": None,
            "longitude": None,
            "pin_latitude": "41.8",
            "pin_longitude": "123.4",
        },
        {"captured_at": "2001-01-01T00:00:00Z"},
        {"captured_at": "2061-01-01T00:00:00.123456789-05:00"},
        {"accuracy_m": "0"},
        {"description": "鼠" * 2000},
        {"description": "\r\n" * 1999 + "x"},
        {"category": ["PEST", "PEST"]},
        {"datum": ""},
        {"masks": ""},
        {"masks": "[[]]"},
        {"masks": strokes(200, points=25)},
        {"latitude": "0", "longitude": "0"},
    ],
    ids=",".join,
)
def test_nothing_that_could_be_a_real_tip_is_refused(send: Sender, fields: dict[str, Any]) -> None:
    assert send(**fields).status_code == 201


@pytest.mark.parametrize(
    ("make", "status", "code"),
    [
        (lambda jpeg: b"", 422, "photo-empty"),
        (lambda jpeg: b"<html><body>no</body></html>", 422, "photo-not-an-image"),
        (lambda jpeg: b"GIF89a" + bytes(20), 422, "photo-format-unsupported"),
        (lambda jpeg: jpeg(1, (400, 300))[:-2000], 422, "photo-truncated"),
    ],
)
def test_a_photo_that_is_none_is_refused(
    send: Sender,
    code_of: Code,
    door: Door,
    jpeg: Callable[..., bytes],
    make: Callable[[Callable[..., bytes]], bytes],
    status: int,
    code: str,
) -> None:
    response = send(files=[make(jpeg)])
    assert (response.status_code, code_of(response)) == (status, code)
    assert response.get_json()["field"] == "photos"
    assert reports_in(door) == 0
    assert leftovers(door) == []


def test_a_photo_sent_as_something_else_is_refused(send: Sender, code_of: Code) -> None:
    response = send(declared="text/html")
    assert (response.status_code, code_of(response)) == (422, "photo-type-mismatch")


def test_of_several_photos_the_bad_one_is_named(
    send: Sender, code_of: Code, jpeg: Callable[..., bytes]
) -> None:
    response = send(files=[jpeg(1), b"no picture", jpeg(2)])
    assert code_of(response) == "photo-not-an-image"
    assert response.get_json()["photo"] == 2
    assert response.get_json()["detail"].startswith("第 2 张照片：")


def test_a_bomb_is_refused_by_its_pixels_without_decoding(
    send: Sender, code_of: Code, jpeg: Callable[..., bytes]
) -> None:
    picture = bytearray(jpeg(1, (8, 8), "PNG"))
    head = struct.pack(">II", 30_000, 30_000) + picture[24:29]
    picture[16:29] = head
    picture[29:33] = struct.pack(">I", zlib.crc32(b"IHDR" + head))
    response = send(files=[bytes(picture)], declared="image/png")
    assert (response.status_code, code_of(response)) == (413, "photo-too-many-pixels")


def test_a_tenth_photo_is_refused(
    send: Sender, code_of: Code, door: Door, jpeg: Callable[..., bytes]
) -> None:
    response = send(files=[jpeg(seed) for seed in range(10)])
    assert (response.status_code, code_of(response)) == (413, "photos-too-many")
    assert leftovers(door) == []


def test_a_photo_over_25_mib_is_refused(send: Sender, code_of: Code, door: Door) -> None:
    response = send(files=[bytes(25 * 1024 * 1024 + 1)])
    assert (response.status_code, code_of(response)) == (413, "photo-too-large")
    assert leftovers(door) == []


def test_photos_over_60_mib_together_are_refused(send: Sender, code_of: Code, door: Door) -> None:
    response = send(files=[bytes(20 * 1024 * 1024 + 1)] * 3)
    assert (response.status_code, code_of(response)) == (413, "photos-too-large-together")
    assert leftovers(door) == []


def test_a_body_that_says_it_is_too_large_is_refused_unread(
    client: FlaskClient, code_of: Code, door: Door
) -> None:
    response = client.post(
        "/api/v1/reports",
        headers={"Idempotency-Key": str(uuid.uuid4())},
        content_type="multipart/form-data; boundary=x",
        environ_overrides={"CONTENT_LENGTH": str(62 * 1024 * 1024)},
    )
    assert (response.status_code, code_of(response)) == (413, "too-large")


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "idempotency-key-missing"),
        ("first tip", "idempotency-key-invalid"),
        ("0195e2a4-7d3c-7b1a-9c55", "idempotency-key-invalid"),
    ],
)
def test_a_key_that_is_missing_or_no_uuid_is_refused(
    send: Sender, code_of: Code, key: str | None, code: str
) -> None:
    response = send(key=key)
    assert (response.status_code, code_of(response)) == (400, code)
    assert response.get_json()["field"] == "Idempotency-Key"


def test_a_body_that_is_no_form_is_refused(client: FlaskClient, code_of: Code) -> None:
    response = client.post(
        "/api/v1/reports",
        headers={"Idempotency-Key": str(uuid.uuid4())},
        json={"category": "PEST"},
    )
    assert (response.status_code, code_of(response)) == (415, "content-type-unsupported")


def test_refusals_come_in_the_language_asked_for(send: Sender) -> None:
    zh = send(category="RATS").get_json()["detail"]
    en = send(category="RATS", headers={"Accept-Language": "en-GB,en;q=0.9"}).get_json()["detail"]
    assert "没有这个隐患类别" in zh
    assert "No such hazard category" in en


def test_a_riders_tip_is_theirs(send: Sender, door: Door, token: str) -> None:
    assert send(token=token).status_code == 201
    with door.database.reading() as session:
        report, rider = session.scalars(select(Report)).one(), session.scalars(select(Rider)).one()
    assert report.rider_id == rider.id


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer ", "Basic dTpw", "rider_x"])
def test_a_token_that_is_unknown_is_refused_even_where_nobody_needs_one(
    send: Sender, code_of: Code, door: Door, header: str
) -> None:
    response = send(headers={"Authorization": header})
    assert (response.status_code, code_of(response)) == (401, "token-unknown")
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert reports_in(door) == 0


def test_a_revoked_token_is_refused(send: Sender, code_of: Code, door: Door, token: str) -> None:
    with door.database.writing() as session:
        revoke_tokens(session, rider_id=session.scalars(select(Rider.id)).one())
    assert code_of(send(token=token)) == "token-unknown"


def test_the_status_is_for_the_reporter_alone(
    send: Sender, client: FlaskClient, code_of: Code, token: str
) -> None:
    answer = send(token=token).get_json()
    path = f"/api/v1/reports/{answer['number']}"
    bearer = {"Authorization": f"Bearer {token}"}
    code = answer["receipt_code"]
    for allowed in (
        client.get(path, headers=bearer),
        client.get(path, headers={"Receipt-Code": code}),
        client.get(path, query_string={"receipt_code": code.lower()}),
    ):
        assert allowed.status_code == 200
        assert allowed.get_json()["number"] == answer["number"]
        assert "receipt_code" not in allowed.get_json()
    refusals = [
        client.get(path),
        client.get(path, headers={"Receipt-Code": "0000-0000-0000-0000"}),
        client.get("/api/v1/reports/JB20261121-AAAAAA-A", headers=bearer),
        client.get("/api/v1/reports/nonsense", headers={"Receipt-Code": code}),
    ]
    assert {(item.status_code, code_of(item)) for item in refusals} == {(404, "report-not-found")}
    assert len({item.get_json()["detail"] for item in refusals}) == 1


def test_a_supplement_adds_photos_once_and_is_queued(
    send: Sender,
    client: FlaskClient,
    door: Door,
    jpeg: Callable[..., bytes],
    sha256: Callable[[bytes], str],
) -> None:
    answer = send().get_json()
    more = {
        "path": f"/api/v1/reports/{answer['number']}/supplements",
        "headers": {"Receipt-Code": answer["receipt_code"]},
        "key": str(uuid.uuid4()),
        "files": [jpeg(9)],
        "description": "又看到一只",
        "category": None,
        "latitude": None,
        "longitude": None,
    }
    first, second = send(**more), send(**more)
    assert first.status_code == 201
    assert first.data == second.data
    assert first.get_json()["photos"] == [{"sha256": sha256(jpeg(9))}]
    assert door.queue.depth() == 2
    with door.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Supplement)) == 1
    history = client.get(
        f"/api/v1/reports/{answer['number']}", headers={"Receipt-Code": answer["receipt_code"]}
    ).get_json()["history"]
    assert [entry["text"] for entry in history] == ["已收到，谢谢您。", "您补充了情况。"]


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"files": []}, 422, "supplement-empty"),
        ({"files": [], "description": " \n "}, 422, "supplement-empty"),
        ({"category": "PEST"}, 422, "field-unknown"),
        ({"key": None}, 400, "idempotency-key-missing"),
        ({"files": [b"no picture"]}, 422, "photo-not-an-image"),
        ({"headers": {"Receipt-Code": "wrong"}}, 404, "report-not-found"),
    ],
)
def test_a_supplement_that_can_not_be_taken_is_refused(
    send: Sender, code_of: Code, door: Door, fields: dict[str, Any], status: int, code: str
) -> None:
    answer = send().get_json()
    given = {
        "path": f"/api/v1/reports/{answer['number']}/supplements",
        "headers": {"Receipt-Code": answer["receipt_code"]},
        "category": None,
        "latitude": None,
        "longitude": None,
    }
    response = send(**(given | fields))
    assert (response.status_code, code_of(response)) == (status, code)
    assert leftovers(door) == []


def test_a_key_used_for_a_tip_does_not_serve_for_a_supplement(send: Sender, code_of: Code) -> None:
    key = str(uuid.uuid4())
    answer = send(key=key).get_json()
    response = send(
        key=key,
        path=f"/api/v1/reports/{answer['number']}/supplements",
        headers={"Receipt-Code": answer["receipt_code"]},
        category=None,
        latitude=None,
        longitude=None,
    )
    assert code_of(response) == "idempotency-key-reused"


def test_a_withdrawal_is_told_and_stands_once(
    send: Sender, client: FlaskClient, door: Door
) -> None:
    answer = send().get_json()
    path, headers = f"/api/v1/reports/{answer['number']}", {"Receipt-Code": answer["receipt_code"]}
    first = client.post(f"{path}/withdrawal", headers=headers, json={"reason": "看错了"})
    second = client.post(f"{path}/withdrawal", headers=headers)
    assert first.status_code == 200
    assert first.data == second.data
    assert first.get_json()["status"]["code"] == "withdrawn_by_reporter"
    status = client.get(path, headers=headers).get_json()
    assert status["status"]["code"] == "withdrawn_by_reporter"
    assert status["withdrawn_at"]
    with door.database.reading() as session:
        assert session.scalars(select(Withdrawal)).one().reason == "看错了"


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b'{"reason":', "application/json", 400, "body-unreadable"),
        (b'{"why": "x"}', "application/json", 422, "field-unknown"),
        (b'{"reason": 7}', "application/json", 422, "value-invalid"),
        (b'{"reason": "a\\u0000b"}', "application/json", 422, "text-invalid"),
        (b"[" * 16_000, "application/json", 400, "body-unreadable"),
        (json.dumps({"reason": "x" * 2001}).encode(), "application/json", 422, "text-too-long"),
        (b"x" * 20_000, "application/json", 413, "too-large"),
        (b"reason=x", "text/plain", 415, "content-type-unsupported"),
    ],
    ids=["half", "unknown", "number", "nul", "nested", "long", "large", "text"],
)
def test_a_withdrawal_that_can_not_be_read_is_refused(
    send: Sender,
    client: FlaskClient,
    code_of: Code,
    body: bytes,
    content_type: str,
    status: int,
    code: str,
) -> None:
    answer = send().get_json()
    response = client.post(
        f"/api/v1/reports/{answer['number']}/withdrawal",
        headers={"Receipt-Code": answer["receipt_code"]},
        data=body,
        content_type=content_type,
    )
    assert (response.status_code, code_of(response)) == (status, code)


def test_the_categories_are_listed_in_both_languages(client: FlaskClient) -> None:
    zh = client.get("/api/v1/categories").get_json()["categories"]
    en = client.get("/api/v1/categories", headers={"Accept-Language": "en"}).get_json()
    assert [item["code"] for item in zh] == [category.code for category in CATEGORIES]
    assert zh[1]["name"] == "鼠患虫害"
    assert en["categories"][1]["name"] == "Rats or insects"


def test_what_is_not_there_is_answered_as_a_problem(client: FlaskClient, code_of: Code) -> None:
    assert code_of(client.get("/api/v1/nothing")) == "not-found"
    assert code_of(client.delete("/api/v1/reports")) == "method-not-allowed"


@pytest.fixture
def closed_door(door_settings: Settings, client: FlaskClient) -> Iterator[Door]:
    """A door that takes tips of registered riders only."""
    app = create_app(door_settings.model_copy(update={"anonymous_tips": False}))
    client.application = app
    yield app.extensions["door"]
    app.extensions["door"].database.close()


def test_where_nobody_may_stay_anonymous_a_token_is_asked_for(
    send: Sender, token: str, closed_door: Door, code_of: Code
) -> None:
    response = send()
    assert (response.status_code, code_of(response)) == (401, "token-missing")
    assert reports_in(closed_door) == 0
    assert send(token=token).status_code == 201


def test_where_nobody_may_stay_anonymous_a_receipt_code_still_shows_the_status(
    send: Sender, client: FlaskClient, token: str, closed_door: Door
) -> None:
    answer = send(token=token).get_json()
    path = f"/api/v1/reports/{answer['number']}"
    headers = {"Receipt-Code": answer["receipt_code"]}
    assert client.get(path, headers=headers).status_code == 200

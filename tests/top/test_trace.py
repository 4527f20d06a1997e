"""What `trace` tells of a tip that came through the door and the machine room."""

import io
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image
from sqlalchemy import select

from intake.app import create_app
from intake.riders.registering import RiderProfile, add_rider, issue_token
from schemas.database import Database
from schemas.sealing import Sealer
from schemas.settings import Settings
from schemas.tables import Report, Rider
from workers.machine import Machine, Polygons, make_machine
from workers.pipeline import process


@pytest.fixture(scope="module")
def polygons() -> Polygons:
    """The boundaries, read once for all these tests."""
    return Polygons()


@pytest.fixture
def machine(settings: Settings, redis_url: str, polygons: Polygons) -> Iterator[Machine]:
    made = make_machine(settings.model_copy(update={"redis_url": redis_url}))
    yield replace(made, polygons=polygons)
    made.database.close()


@pytest.fixture
def send(settings: Settings, database: Database, machine: Machine) -> Iterator[Callable[..., str]]:
    """Send a tip as a new rider, take it through the pipeline, return its number."""
    app = create_app(machine.settings)
    client = app.test_client()

    def post(photo: bytes, *, name: str, phone: str, **form: Any) -> str:
        with database.writing() as session:
            profile = RiderProfile(name, phone, "饿了么")
            rider = add_rider(session, sealer=Sealer(settings), profile=profile)
            token = issue_token(session, rider_id=rider.id)
        answer = client.post(
            "/api/v1/reports",
            data={
                "photos": (io.BytesIO(photo), "a.jpg", "image/jpeg"),
                "category": ["DIRTY_KITCHEN"],
                "latitude": "41.7968",
                "longitude": "123.4451",
                "accuracy_m": "10",
                **form,
            },
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())},
        )
        assert answer.status_code == 201, answer.text
        number = str(answer.json["number"])
        with database.reading() as session:
            report_id = session.scalars(select(Report.id).where(Report.number == number)).one()
        process(report_id, machine=machine)
        return number

    yield post
    app.extensions["door"].database.close()


def picture() -> bytes:
    """A picture with something to see in it, and a maker in its EXIF."""
    dice = random.Random(1)
    small = Image.frombytes("RGB", (12, 9), dice.randbytes(12 * 9 * 3))
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "HUAWEI", "NOH-AN00"
    output = io.BytesIO()
    small.resize((800, 600), Image.Resampling.BICUBIC).save(output, "JPEG", exif=exif)
    return output.getvalue()


def test_a_trace_tells_everything_but_who(
    run: Callable[..., Any], send: Callable[..., str], database: Database
) -> None:
    photo = picture()
    first = send(photo, name="张三丰", phone="13900000001")
    second = send(photo, name="李四光", phone="13900000002")
    done = run("trace", second, "--json")
    assert done.code == 0
    report, [case] = done.document["report"], done.document["cases"]
    [kept] = report["photos"]
    assert len(kept["sha256"]) == 64
    assert kept["content_type"] == "image/jpeg"
    assert kept["examination"]["facts"]["make"] == "HUAWEI"
    assert {claim["source"] for claim in report["claims"]} >= {"device_gps", "server_receipt"}
    [match] = [row for row in report["matches"] if row["kind"] == "same_bytes"]
    assert (match["other_report"], match["distance_bits"]) == (first, 0)
    [route] = report["routes"]
    assert (route["outcome"], route["county_code"]) == ("linked", "210103")
    assert [step["step"] for step in report["steps"]] == ["examine", "match", "route"]
    assert [link["report"] for link in case["links"]] == [first, second]
    assert [entry["to_state"] for entry in case["history"]] == ["received", "assigned"]
    with database.reading() as session:
        riders = [str(key) for key in session.scalars(select(Rider.id))]
    readable = run("trace", second, "--lang", "zh").out
    for secret in ("张三丰", "李四光", "13900000001", "13900000002", *riders):
        assert secret not in done.out
        assert secret not in readable
    assert kept["sha256"] in readable


def test_a_case_number_traces_the_case_with_all_its_reports(
    run: Callable[..., Any], send: Callable[..., str]
) -> None:
    photo = picture()
    numbers = {
        send(photo, name="张三", phone="13900000001"),
        send(photo, name="李四", phone="13900000002"),
    }
    [case] = run("trace", numbers.copy().pop(), "--json").document["cases"]
    found = run("trace", case["number"].lower(), "--json").document
    assert found["case"] == case
    assert {report["number"] for report in found["reports"]} == numbers


def test_reasons_are_told_in_the_readers_language(
    run: Callable[..., Any], send: Callable[..., str]
) -> None:
    number = send(picture(), name="张三", phone="13900000001", accuracy_m="90000")
    [route] = run("trace", number, "--json", "--lang", "zh").document["report"]["routes"]
    assert route["outcome"] == "dispatch"
    assert route["reasons"][0]["words"] in run("trace", number, "--lang", "zh").out
    assert route["reasons"][0]["words"] not in run("trace", number, "--lang", "en").out


def test_a_case_that_does_not_exist_is_told(run: Callable[..., Any]) -> None:
    done = run("trace", "AJ20261121-000000-0", "--json")
    assert done.code == 1
    assert done.document["error"]["code"] in ("number-invalid", "number-unknown")

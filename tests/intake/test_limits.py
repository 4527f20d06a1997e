import re
import uuid
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from intake.answers import Reporter
from intake.app import create_app
from intake.door import Door
from intake.limits import TipLimits, network_of
from schemas.errors import TooMany
from schemas.sealing import Sealer
from schemas.settings import Settings
from schemas.tables import Report

Sender = Callable[..., TestResponse]
Code = Callable[[TestResponse], str]


@pytest.fixture
def dialect() -> str:
    """What is asked here does not depend on the database."""
    return "sqlite"


@pytest.fixture
def door_settings(settings: Settings, redis_url: str) -> Settings:
    """A door that takes two tips an hour of a rider and three from an address."""
    return settings.model_copy(
        update={"redis_url": redis_url, "rider_tips_per_hour": 2, "address_tips_per_hour": 3}
    )


def reports_in(door: Door) -> int:
    with door.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Report)) or 0


def test_a_riders_third_tip_within_the_hour_is_told_to_wait(
    send: Sender, code_of: Code, door: Door, token: str
) -> None:
    assert [send(token=token).status_code for _ in range(2)] == [201, 201]
    response = send(token=token)
    assert (response.status_code, code_of(response)) == (429, "rate-limited")
    assert 0 < int(response.headers["Retry-After"]) <= 3600
    assert re.search(r"请在 (明天 )?\d\d:\d\d 以后再发", response.get_json()["detail"])
    assert reports_in(door) == 2


def test_an_addresss_fourth_tip_within_the_hour_is_told_to_wait(
    send: Sender, code_of: Code
) -> None:
    assert [send().status_code for _ in range(4)] == [201, 201, 201, 429]


def test_a_repeat_is_answered_even_at_the_limit(send: Sender, token: str) -> None:
    key = str(uuid.uuid4())
    first = send(token=token, key=key)
    send(token=token)
    assert send(token=token).status_code == 429
    again = send(token=token, key=key)
    assert (again.status_code, again.data) == (201, first.data)


def test_what_was_refused_does_not_count(send: Sender, token: str) -> None:
    assert [send(token=token, category="RATS").status_code for _ in range(5)] == [422] * 5
    assert send(token=token).status_code == 201


def test_supplements_count_as_tips_do(send: Sender, token: str) -> None:
    number = send(token=token).get_json()["number"]
    codes = [
        send(
            token=token,
            path=f"/api/v1/reports/{number}/supplements",
            category=None,
            latitude=None,
            longitude=None,
        ).status_code
        for _ in range(2)
    ]
    assert codes == [201, 429]


def test_two_processes_count_together(door_settings: Settings) -> None:
    sealer, reporter = Sealer(door_settings), Reporter(uuid.uuid4())
    one, other = TipLimits(door_settings, sealer), TipLimits(door_settings, sealer)
    one.count(reporter, "203.0.113.5")
    other.count(reporter, "203.0.113.5")
    for limits in (one, other):
        with pytest.raises(TooMany):
            limits.check(reporter, "203.0.113.9")


def test_the_counters_hold_neither_addresses_nor_riders(door_settings: Settings) -> None:
    reporter = Reporter(uuid.uuid4())
    TipLimits(door_settings, Sealer(door_settings)).count(reporter, "203.0.113.5")
    with Redis.from_url(door_settings.redis_url) as redis:
        keys = b" ".join(redis.keys())
    assert keys
    assert b"203.0.113" not in keys
    assert str(reporter.rider_id).encode() not in keys


@pytest.fixture(params=["redis://127.0.0.1:9/0", ""], ids=["server away", "never started"])
def lonely_app(settings: Settings, request: pytest.FixtureRequest) -> Iterator[Flask]:
    """A door without a queue server."""
    made = create_app(
        settings.model_copy(update={"redis_url": request.param, "address_tips_per_hour": 2})
    )
    yield made
    made.extensions["door"].database.close()


@pytest.fixture
def lonely_send(lonely_app: Flask, request: pytest.FixtureRequest) -> Sender:
    """Send to the door without a queue server."""
    request.getfixturevalue("client").application = lonely_app
    sender: Sender = request.getfixturevalue("send")
    return sender


def test_without_a_queue_server_tips_are_taken_and_counted_here(
    lonely_send: Sender, lonely_app: Flask
) -> None:
    assert [lonely_send().status_code for _ in range(3)] == [201, 201, 429]
    assert reports_in(lonely_app.extensions["door"]) == 2


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("unix socket", "unix socket"),
    ],
)
def test_one_line_is_one_address(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_browser_is_counted_whoever_is_signed_in_there(door_settings: Settings) -> None:
    app = create_app(door_settings.model_copy(update={"device_tips_per_hour": 2}))
    limits, address = app.extensions["door"].limits, "203.0.113.5"
    for number in range(2):
        limits.count(Reporter(uuid.uuid4()), f"{address}{number}", "one")
    with pytest.raises(TooMany):
        limits.check(Reporter(uuid.uuid4()), address, "one")
    limits.check(Reporter(uuid.uuid4()), address, "other")
    limits.check(Reporter(uuid.uuid4()), address, "")
    app.extensions["door"].database.close()


def test_a_tip_of_a_known_browser_is_counted_by_its_name(
    send: Sender, client: FlaskClient, door: Door
) -> None:
    client.set_cookie("rider_device", "one")
    assert send().status_code == 201
    with Redis.from_url(door.settings.redis_url) as redis:
        keys = redis.keys()
        assert any(b"device" in key for key in keys)
        assert not any(b"one" in key for key in keys)

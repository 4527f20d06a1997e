"""Statutory rewards at the rider's door: asked for on a page or by a program, where switched on."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from intake.app import create_app
from intake.rewards.awards import settle_case
from schemas.audit import PIPELINE
from schemas.database import now_utc
from schemas.lifecycle import State
from schemas.settings import Settings
from schemas.tables import Case, Report, RewardClaim

BROWSER = {"Accept": "text/html"}


@pytest.fixture
def dialect() -> str:
    """The core is tried on both databases from the room, which decides."""
    return "sqlite"


@pytest.fixture
def door_settings(settings: Settings, redis_url: str) -> Settings:
    """A door whose operator pays statutory rewards."""
    return settings.model_copy(update={"redis_url": redis_url, "statutory_rewards": True})


@pytest.fixture
def number(door: Any, send: Any, token: str, open_case: Any) -> str:
    """The number of the rider's tip, whose case ended in a penalty and was closed yesterday."""
    sent: str = send(token=token).json["number"]
    with door.database.reading() as session:
        report = session.scalars(select(Report).where(Report.number == sent)).one()
    at = now_utc() - timedelta(days=1)
    steps = (State.VERIFYING, State.VERIFIED, State.FILED, State.PENALISED, State.CLOSED)
    open_case(report.id, states=tuple((state, at) for state in steps))
    with door.database.writing() as session:
        case = session.scalars(select(Case)).one()
        case.closed_at = at
        settle_case(session, case=case, actor=PIPELINE, now=at)
    return sent


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_program_applies_once_and_reads_what_became_of_it(
    client: FlaskClient, door: Any, token: str, number: str, code_of: Any
) -> None:
    said = client.get("/api/v1/me/rewards", headers=bearer(token)).json
    assert [each["report_number"] for each in said["chances"]] == [number]
    assert said["claims"] == []
    for _ in range(2):
        body = {"report_number": number}
        said = client.post("/api/v1/me/rewards", json=body, headers=bearer(token)).json
        assert (said["chances"], len(said["claims"])) == ([], 1)
    assert said["claims"][0]["status"] == "applied"
    unknown = client.post(
        "/api/v1/me/rewards", json={"report_number": "JB1"}, headers=bearer(token)
    )
    assert (unknown.status_code, code_of(unknown)) == (404, "reward-unknown")
    with door.database.reading() as session:
        assert len(session.scalars(select(RewardClaim)).all()) == 1


def test_after_the_period_it_is_too_late(
    client: FlaskClient, door: Any, token: str, number: str, code_of: Any
) -> None:
    with door.database.writing() as session:
        session.scalars(select(Case)).one().closed_at = now_utc() - timedelta(days=62)
    (chance,) = client.get("/api/v1/me/rewards", headers=bearer(token)).json["chances"]
    assert chance["is_over"] is True
    late = client.post("/api/v1/me/rewards", json={"report_number": number}, headers=bearer(token))
    assert (late.status_code, code_of(late)) == (409, "reward-too-late")


def test_the_page_applies_without_javascript(client: FlaskClient, token: str, number: str) -> None:
    headers = bearer(token) | BROWSER
    page = client.get("/points/rewards", headers=headers).text
    assert number in page
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    form = {"csrf_token": found[1], "report_number": number}
    assert client.post("/points/rewards", data=form, headers=headers).status_code == 303
    page = client.get("/points/rewards", headers=headers).text
    assert "已申请，待审核" in page
    assert "申请奖励" not in page
    wrong = client.post("/points/rewards", data=form | {"report_number": "x"}, headers=headers)
    assert wrong.status_code == 404
    assert "没有可以申请的奖励" in wrong.text
    assert "法定举报奖励" in client.get("/points", headers=headers).text


def test_it_is_off_unless_it_is_switched_on(door_settings: Settings, token: str) -> None:
    app = create_app(door_settings.model_copy(update={"statutory_rewards": False}))
    client = app.test_client()
    assert client.get("/api/v1/me/rewards", headers=bearer(token)).status_code == 404
    assert client.get("/points/rewards", headers=bearer(token) | BROWSER).status_code == 404
    assert "法定举报奖励" not in client.get("/points", headers=bearer(token) | BROWSER).text
    app.extensions["door"].database.close()

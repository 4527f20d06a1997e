"""Lists of honour at the rider's door: public, and named only as each rider wishes."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from intake.identity.sessions import open_session
from intake.rewards.ledger import open_accounts
from schemas.database import now_utc
from schemas.points import AccountKind
from schemas.tables import (
    HonourPlace,
    HonourRoll,
    PointAccount,
    Rider,
    Staff,
    Supply,
    Unit,
)
from schemas.workdays import local_date

BROWSER = {"Accept": "text/html"}
OWN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def dialect() -> str:
    """The core is tried on both databases from the room, which publishes."""
    return "sqlite"


@pytest.fixture
def honoured(client: FlaskClient, door: Any, token: str) -> str:
    """Sign a rider in who stands on a published list and was given a cup; their half name."""
    with door.database.writing() as session:
        rider = session.scalars(select(Rider)).one()
        cookie = open_session(session, rider_id=rider.id, device="Chrome", now=now_utc())
        unit = session.scalars(select(Unit).where(Unit.division_code == "210103")).one()
        staff = Staff(sign_in="rita", name="孙丽", password_hash="x")
        session.add(staff)
        session.flush()
        account_id = open_accounts(session, rider_id=rider.id)[AccountKind.RIDER]
        roll = HonourRoll(unit_id=unit.id, period="2026-10", made_by=staff.id)
        cup = Supply(
            account_id=account_id,
            unit_id=unit.id,
            title="保温杯",
            quantity=1,
            given_on=local_date(now_utc()),
            made_by=staff.id,
        )
        session.add_all([roll, cup])
        session.flush()
        session.add(HonourPlace(roll_id=roll.id, account_id=account_id))
        pseudonym = session.get_one(PointAccount, account_id).pseudonym or ""
    client.set_cookie("rider_session", cookie)
    return f"{pseudonym[:4]}-····"


def names(client: FlaskClient) -> list[str]:
    (roll,) = client.application.test_client().get("/api/v1/honours").json["items"]
    assert set(roll) == {"unit", "period", "published_on", "names"}
    found: list[str] = roll["names"]
    return found


def test_a_rider_is_named_by_consent_alone_and_takes_it_back(
    client: FlaskClient, honoured: str
) -> None:
    assert names(client) == [honoured]
    told = client.get("/api/v1/me/honour-name").json
    assert (told["name"], told["pseudonym"]) == (None, honoured)
    given = {"version": told["version"], "name": "小李师傅"}
    assert client.put("/api/v1/me/honour-name", json=given).status_code == 403
    agreed = client.put("/api/v1/me/honour-name", json=given, headers=OWN)
    assert agreed.json["name"] == "小李师傅"
    assert names(client) == ["小李师傅"]
    for _ in range(2):
        ended = client.delete("/api/v1/me/honour-name", headers=OWN)
        assert ended.json["name"] is None
    assert names(client) == [honoured]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"version": "2020-01"}, 409, "consent-outdated"),
        ({"name": " "}, 422, "honour-name-invalid"),
        ({"name": "李" * 21}, 422, "honour-name-invalid"),
        ({"name": "小李13800001111"}, 422, "honour-name-invalid"),
        ({"name": "\u202e小李"}, 422, "honour-name-invalid"),
    ],
    ids=str,
)
def test_a_name_that_can_not_stand_there_is_refused(
    client: FlaskClient, honoured: str, code_of: Any, change: dict[str, str], status: int, code: str
) -> None:
    version = client.get("/api/v1/me/honour-name").json["version"]
    given = {"version": version, "name": "小李"} | change
    refused = client.put("/api/v1/me/honour-name", json=given, headers=OWN)
    assert (refused.status_code, code_of(refused)) == (status, code)
    assert names(client) == [honoured]


def test_the_pages_ask_without_javascript_and_the_list_is_for_everybody(
    client: FlaskClient, honoured: str
) -> None:
    page = client.get("/me/honour", headers=BROWSER).text
    assert "谁都能看到" in page
    assert honoured in page
    csrf, version = (
        re.search(rf'name="{name}" value="([^"]+)"', page)[1]  # type: ignore[index]
        for name in ("csrf_token", "version")
    )
    form = {"csrf_token": csrf, "version": version}
    refused = client.post("/me/honour", data=form | {"name": "1380000111"}, headers=BROWSER)
    assert refused.status_code == 422
    assert "不要写手机号" in refused.text
    named = client.post("/me/honour", data=form | {"name": "<b>小李</b>"}, headers=BROWSER)
    assert named.status_code == 303
    seen = client.application.test_client().get("/honours", headers=BROWSER).text
    assert "&lt;b&gt;小李&lt;/b&gt;" in seen
    assert honoured not in seen
    # Neither what was earned nor how often.
    assert "分" not in re.sub(r"不分先后", "", re.search(r"<main.*</main>", seen, re.S)[0])  # type: ignore[index]
    client.post("/me/honour", data={"csrf_token": csrf}, headers=BROWSER)
    assert names(client) == [honoured]
    assert client.post("/me/honour", data=form, headers=BROWSER | OWN).status_code == 422


def test_a_rider_reads_what_they_were_given(client: FlaskClient, honoured: str) -> None:
    assert "保温杯" in client.get("/points", headers=BROWSER).text
    (cup,) = client.get("/api/v1/me/points").json["supplies"]
    assert (cup["title"], cup["quantity"]) == ("保温杯", 1)
    assert client.application.test_client().get("/me/honour", headers=BROWSER).status_code == 302

"""Which shops' names are answered: those whose penalty is public, and nothing of the others."""

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from intake.app import create_app
from intake.shops import PUBLISHED_FOR, SHORTLY_FOR, published_shops
from schemas.database import Database, new_id, now_utc
from schemas.lifecycle import State
from schemas.places import Point
from schemas.settings import Settings
from schemas.tables import Case, CaseHistory, Unit
from schemas.workdays import local_date

TODAY = date(2026, 11, 22)
HERE = Point(41.8, 123.4)
PUBLISHED = {
    "published_on": "2026-11-02",
    "published_name": "张记饺子馆",
    "penalty_kinds": ["confiscation", "fine"],
    "decision_number": "沈河市监罚〔2026〕12号",
}
P, C = State.PENALISED, State.CLOSED


def put_case(
    database: Database,
    *states: State,
    place: tuple[float | None, float | None] = (41.8013, 123.4317),
    accuracy_m: float | None = 12,
    **record: Any,
) -> None:
    """Put a case that went through states, with what was recorded at its penalty."""
    with database.writing() as session:
        unit = session.scalars(select(Unit).where(Unit.division_code == "210103")).one()
        case = Case(
            number=f"AJ20261102-{uuid.uuid4().hex[:6].upper()}-X",
            incident_id=new_id(),
            department="market",
            unit_id=unit.id,
            state=states[-1].value,
            # Something was added when all was over.
            version=len(states) + 1,
            categories=["PEST"],
            severity=4,
            premises_name="骑手写的店名",
            latitude=place[0],
            longitude=place[1],
            accuracy_m=accuracy_m,
            received_at=datetime(2026, 9, 1, tzinfo=UTC),
            due_on=date(2026, 9, 20),
        )
        session.add(case)
        session.flush()
        for version, (before, state) in enumerate(zip((None, *states), states, strict=False), 1):
            session.add(
                CaseHistory(
                    case_id=case.id,
                    version=version,
                    from_state=before,
                    to_state=state.value,
                    unit_id=unit.id,
                    record=PUBLISHED | record if state is P else {},
                )
            )


def names(database: Database, *, middle: Point = HERE, on: date = TODAY) -> list[str]:
    with database.reading() as session:
        return [each.name for each in published_shops(session, middle=middle, on=on)]


@pytest.mark.parametrize("states", [(State.FILED, P), (State.FILED, P, C)])
def test_a_published_penalty_gives_the_published_name_in_a_coarse_square(
    database: Database, states: tuple[State, ...]
) -> None:
    put_case(database, *states)
    with database.reading() as session:
        (shop,) = published_shops(session, middle=HERE, on=TODAY)
    assert shop.name == "张记饺子馆"
    assert (shop.latitude, shop.longitude) == (41.801, 123.431)


@pytest.mark.parametrize(
    "states",
    [
        (State.ASSIGNED,),
        (State.VERIFYING, State.VERIFIED),
        (State.RECTIFYING, C),
        (State.VERIFYING, State.UNFOUNDED, C),
        (State.FILED, State.NO_PENALTY, C),
        (State.FILED, State.WITHDRAWN, C),
        # What is looked into again, or ended otherwise, is public no longer.
        (State.FILED, P, C, State.REOPENED),
        (State.FILED, P, C, State.REOPENED, State.VERIFYING, State.UNFOUNDED, C),
    ],
    ids=lambda states: states[-1] + str(len(states)),
)
def test_a_shop_without_a_standing_penalty_is_never_named(
    database: Database, states: tuple[State, ...]
) -> None:
    put_case(database, *states)
    assert names(database) == []


@pytest.mark.parametrize(
    "record",
    [
        {"published_name": None},
        {"published_name": ""},
        {"published_on": "2026-11-23"},
        {"penalty_kinds": ["warning"]},
    ],
    ids=str,
)
def test_what_is_not_published_is_not_named(database: Database, record: dict[str, Any]) -> None:
    put_case(database, P, **record)
    assert names(database) == []


@pytest.mark.parametrize(
    ("kinds", "lasts"), [(["fine"], SHORTLY_FOR), (["fine", "suspension"], PUBLISHED_FOR)]
)
def test_a_name_is_answered_no_longer_than_its_publication_lasts(
    database: Database, kinds: list[str], lasts: timedelta
) -> None:
    put_case(database, P, penalty_kinds=kinds)
    end = date(2026, 11, 2) + lasts
    assert names(database, on=end - timedelta(days=1)) == ["张记饺子馆"]
    assert names(database, on=end) == []


def test_only_the_cell_that_was_asked_for_is_answered(database: Database) -> None:
    put_case(database, P, place=(41.8499, 123.4))
    put_case(database, P, place=(41.8501, 123.4), published_name="李家小馆")
    put_case(database, P, place=(None, None), published_name="没有地方")
    put_case(database, P, accuracy_m=800, published_name="不准")
    put_case(database, P, accuracy_m=None, published_name="地图上指的")
    assert names(database) == ["地图上指的", "张记饺子馆"]
    assert names(database, middle=Point(41.9, 123.4)) == ["李家小馆"]


def ask(client: FlaskClient, **where: str) -> TestResponse:
    wanted = {"latitude": "41.8", "longitude": "123.4"} | where
    return client.get("/api/v1/shops", query_string=wanted)


def test_the_answer_holds_names_and_squares_and_is_the_same_for_a_whole_cell(
    client: FlaskClient, door: Any
) -> None:
    published = (local_date(now_utc()) - timedelta(days=2)).isoformat()
    # Two cases of one shop, and two shops of one name: the answer tells neither apart.
    for place in ((41.8013, 123.4317), (41.8001, 123.4319), (41.83, 123.36)):
        put_case(door.database, P, C, place=place, published_on=published)
    put_case(door.database, State.FILED)
    answer = ask(client)
    assert answer.json == {
        "square_degrees": 0.002,
        "shops": [
            {"name": "张记饺子馆", "latitude": 41.801, "longitude": 123.431},
            {"name": "张记饺子馆", "latitude": 41.831, "longitude": 123.361},
        ],
    }
    assert answer.headers["Cache-Control"] == "public, max-age=86400"
    # Whoever asks more finely learns no more.
    assert ask(client, latitude="41.80131", longitude="123.43171").json == answer.json
    assert ask(client, latitude="x").status_code == 422


def test_it_can_not_be_asked_without_end(door_settings: Settings, code_of: Any) -> None:
    narrow = door_settings.model_copy(update={"address_tips_per_hour": 2})
    app = create_app(narrow)
    client = app.test_client()
    assert [ask(client).status_code for _ in range(2)] == [200, 200]
    late = ask(client)
    assert (late.status_code, code_of(late)) == (429, "shops-too-often")
    assert "店名可以自己写" in late.json["detail"]
    app.extensions["door"].database.close()

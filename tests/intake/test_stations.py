"""Stations for everybody to look at, and what a terminal's people may change of theirs."""

import json
import re

import pytest
from sqlalchemy import select

from intake.identity.entrance import STATION_COOKIE
from intake.identity.stations import add_station, end_station
from schemas.database import now_utc
from schemas.tables import AuditEntry, PointOffer, Staff, StationProfile, Unit
from schemas.workdays import local_date

ALL_WEEK = [{"opens": "08:00", "closes": "22:00"}] * 6 + [None]


@pytest.fixture
def terminal(door) -> str:
    """The token of a station's terminal that an office looks after; another one stands bare."""
    with door.database.writing() as session:
        station, token = add_station(session, name="中街站", place="中街路 1 号", now=now_utc())
        add_station(session, name="北站", place="惠工街 2 号", now=now_utc())
        ended, _ = add_station(session, name="旧站", place="旧街", now=now_utc())
        end_station(session, name=ended.name, now=now_utc())
        unit = session.scalars(select(Unit).where(Unit.division_code == "210103")).first()
        session.add(
            StationProfile(
                station_id=station.id, unit_id=unit.id, county_code="210103", latitude=41.8,
                longitude=123.45, services=["rest"], hours=[],
            )
        )  # fmt: skip
        staff = Staff(sign_in="rita", name="孙丽", password_hash="x")
        session.add(staff)
        session.flush()
        today = local_date(now_utc())
        session.add(
            PointOffer(
                station_id=station.id, unit_id=unit.id, title="热饭一份", price_points=30, stock=1,
                taken=1, starts_on=today, ends_on=today, hold_days=7, made_by=staff.id,
            )
        )  # fmt: skip
    return token


def change(client, token, **fields):
    body = {"services": ["water", "rest"], "hours": ALL_WEEK, "note": "有  微波炉"} | fields
    headers = {"Authorization": f"Bearer {token}"}
    return client.put("/api/v1/station/offering", json=body, headers=headers)


def test_anybody_reads_the_list_and_nobody_says_where_they_are(client, terminal) -> None:
    answer = client.get("/api/v1/stations")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    first, second = answer.json["stations"]
    assert (first["name"], first["area"], first["latitude"]) == ("中街站", "沈阳市沈河区", 41.8)
    assert first["offers"][0] == {
        "title": "热饭一份", "points": 30, "until": local_date(now_utc()).isoformat(),
        "is_sold_out": True,
    }  # fmt: skip
    # A station that no office has entered is there by name and place alone; an ended one is not.
    assert (second["name"], second["county_code"], second["services"]) == ("北站", None, [])
    page = client.get("/stations", headers={"Accept-Language": "zh-CN"}).text
    assert page.index("沈阳市沈河区") < page.index("中街站")
    assert "旧站" not in page
    assert "/stations" in client.get("/status").text


def test_a_terminal_says_what_its_station_offers(client, door, terminal) -> None:
    changed = change(client, terminal)
    assert changed.status_code == 200
    assert (changed.json["services"], changed.json["note"]) == (["rest", "water"], "有 微波炉")
    assert changed.json["hours"][6] is None
    # The place is the office's to say: it stayed.
    assert changed.json["longitude"] == 123.45
    change(client, terminal)
    with door.database.reading() as session:
        entries = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "station_changed")
        ).all()
    assert len(entries) == 1
    assert entries[0].before["services"] == ["rest"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"services": ["massage"]}, "station-service-unknown"),
        ({"hours": [{"opens": "8:00", "closes": "22:00"}] * 7}, "station-hours-invalid"),
        ({"hours": [{"opens": "24:00", "closes": "22:00"}] * 7}, "station-hours-invalid"),
        ({"hours": ALL_WEEK[:3]}, "station-hours-invalid"),
        ({"hours": ALL_WEEK * 2}, "too-many-values"),
        ({"note": "长" * 201}, "text-too-long"),
        ({"latitude": 1.0}, "field-unknown"),
    ],
)
def test_what_is_wrong_is_named(client, terminal, fields, code) -> None:
    refused = change(client, terminal, **fields)
    assert (refused.status_code, refused.json["type"].rsplit(":")[-1]) == (422, code)


def test_no_other_stations_people_change_it_and_no_office_means_no_profile(
    client, door, terminal
) -> None:
    assert change(client, "nobody").status_code == 401
    with door.database.writing() as session:
        _, bare = add_station(session, name="新站", place="新街", now=now_utc())
    refused = change(client, bare)
    assert (refused.status_code, refused.json["type"].rsplit(":")[-1]) == (
        409, "station-without-office",
    )  # fmt: skip


def test_the_terminals_page_keeps_what_was_typed_when_it_is_refused(client, terminal) -> None:
    client.set_cookie(STATION_COOKIE, terminal)
    client.environ_base["HTTP_ACCEPT"] = "text/html"
    page = client.get("/station/offering").text
    fields = {
        "csrf_token": re.search(r'name="csrf_token" value="([^"]+)"', page)[1],
        "services": ["meals"], "opens1": "20:00", "closes1": "02:00", "note": "后门进",
    }  # fmt: skip
    refused = client.post("/station/offering", data=fields | {"opens2": "9"})
    assert refused.status_code == 422
    assert 'value="后门进"' in refused.text
    assert "周二" in refused.text
    assert "已保存" in client.post("/station/offering", data=fields).text
    own = client.get("/api/v1/stations").json["stations"][0]
    assert own["hours"] == [{"opens": "20:00", "closes": "02:00"}] + [None] * 6
    assert "至次日 02:00" in client.get("/stations").text
    assert json.dumps(own).count("rest") == 0

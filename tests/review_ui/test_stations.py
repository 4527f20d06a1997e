"""Stations as an office looks after them: its own, and those nobody looks after yet."""

import re

import pytest
from sqlalchemy import select

from schemas.access import Role
from schemas.tables import AuditEntry, StationProfile, Unit

SHENHE, SHENYANG, XIHU = "210103", "210100", "330106"
pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


@pytest.fixture
def rita(world):
    return world.person("rita", (Role.REWARD_OFFICER, SHENYANG))


@pytest.fixture
def bare(world):
    """A station that nobody looks after yet."""
    station_id = world.station(world.unit(SHENHE).id, name="青年大街驿站")
    with world.database.writing() as session:
        session.delete(session.get_one(StationProfile, station_id))
    return station_id


def send(client, station_id, **fields):
    page = client.get("/rewards/stations", follow_redirects=True).text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    form = {"csrf_token": token, "unit": SHENYANG, "datum": "wgs84"} | fields
    return client.post(f"/rewards/stations/{station_id}", data=form, follow_redirects=True)


def profile_of(world, station_id):
    with world.database.reading() as session:
        return session.get(StationProfile, station_id)


def test_an_office_takes_a_station_up_and_says_where_it_lies(world, browse, rita, bare) -> None:
    officer = browse(rita)
    assert "还没有登记" in officer.get("/rewards/stations").text
    done = send(
        officer, bare, latitude="41.7968", longitude="123.4290", datum="gcj02",
        services=["rest", "meals"], opens1="08:00", closes1="22:00", note="二楼",
    )  # fmt: skip
    assert "已保存" in done.text
    kept = profile_of(world, bare)
    # What was read off a Chinese map is brought to WGS-84, and the county is where that lies.
    assert kept.county_code == "210103"
    assert 0.0005 < 41.7968 - kept.latitude < 0.01
    assert 0.0005 < 123.4290 - kept.longitude < 0.01
    assert kept.hours[0] == ["08:00", "22:00"]
    assert kept.hours[1:] == [None] * 6
    page = officer.get(f"/rewards/stations/{bare}").text
    assert 'value="08:00"' in page
    assert f'value="{kept.latitude:.6f}"' in page
    with world.database.reading() as session:
        actions = session.scalars(
            select(AuditEntry.action).where(AuditEntry.subject_id == bare)
        ).all()
    assert {"station_changed", "station_placed"} < set(actions)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"latitude": "41.8"}, "必须一起填写"),
        ({"latitude": "north", "longitude": "123"}, "小数度数"),
        ({"latitude": "141", "longitude": "123"}, "纬度须在"),
        ({"unit": XIHU}, "没有这个机构"),
        ({"datum": "moon"}, "哪种地图"),
        ({"services": ["massage"]}, "没有这项服务"),
        ({"opens3": "8点"}, "周三"),
    ],
)
def test_what_is_wrong_is_refused_and_kept(world, browse, rita, bare, change, words) -> None:
    refused = send(browse(rita), bare, note="二楼", **change)
    assert refused.status_code == 422
    assert words in refused.text
    assert 'value="二楼"' in refused.text
    assert profile_of(world, bare) is None


def test_another_offices_station_is_not_there(world, app, browse, rita) -> None:
    foreign = world.station(world.unit(XIHU).id, name="西湖驿站")
    officer = browse(rita)
    assert "西湖驿站" not in officer.get("/rewards/stations").text
    assert officer.get(f"/rewards/stations/{foreign}").status_code == 404
    assert send(officer, foreign, services=["rest"]).status_code == 404
    token = {"Authorization": f"Bearer {world.token(rita)}"}
    body = {"unit": SHENYANG, "services": [], "hours": []}
    path = f"/api/v1/rewards/stations/{foreign}"
    assert app.test_client().put(path, json=body, headers=token).status_code == 404


def test_programs_do_the_same_and_others_may_not(world, app, rita) -> None:
    own = world.station(world.unit(SHENHE).id, name="青年大街驿站")
    client, path = app.test_client(), f"/api/v1/rewards/stations/{own}"
    token = {"Authorization": f"Bearer {world.token(rita)}"}
    body = {
        "unit": SHENHE, "latitude": 41.7968, "longitude": 123.4590, "services": ["bike"],
        "hours": [{"opens": "00:00", "closes": "00:00"}] * 7,
    }  # fmt: skip
    changed = client.put(path, json=body, headers=token)
    with world.database.reading() as session:
        unit = session.get_one(Unit, profile_of(world, own).unit_id)
    assert (changed.status_code, changed.json["unit"]) == (200, unit.name)
    assert changed.json["area"] == "沈阳市大东区"
    listed = client.get("/api/v1/rewards/stations", headers=token).json["items"]
    assert [each["services"] for each in listed] == [["bike"]]
    refused = client.put(path, json=body | {"services": ["x"]}, headers=token)
    assert refused.json["type"].endswith("station-service-unknown")
    counter = world.person("cora", (Role.STATISTICIAN, SHENYANG))
    other = {"Authorization": f"Bearer {world.token(counter)}"}
    assert client.get("/api/v1/rewards/stations", headers=other).status_code == 404
    assert client.put(path, json=body, headers=other).status_code == 404

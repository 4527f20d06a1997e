"""The bulletin as files: the same figures in each, real numbers and dates, no file abroad."""

import csv
import io
import json
import zipfile
from xml.etree import ElementTree

import pytest
from sqlalchemy import select

from intake.bulletins.editions import COLUMNS
from schemas.access import Role
from schemas.bulletins.definitions import INDICATORS
from schemas.tables import AuditEntry

SHENHE, SHENYANG, XIHU = "210103", "210100", "330106"
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


def sheet_of(data: bytes, number: int) -> dict[str, str | float]:
    """Return a sheet's cells by their address: a text as text, a number as a number."""
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        texts = [
            "".join(part.text or "" for part in item.iter(f"{MAIN}t"))
            for item in ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
        ]
        sheet = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))
    return {
        cell.attrib["r"]: texts[int(value.text)] if cell.get("t") == "s" else float(value.text)
        for cell in sheet.iter(f"{MAIN}c")
        if (value := cell.find(f"{MAIN}v")) is not None
    }


def test_each_file_says_the_same_as_the_page(world, browse) -> None:
    stan = world.person("stan", (Role.STATISTICIAN, SHENYANG))
    week = world.bulletin(stan)
    client = browse(stan)
    at = f"?week={week}"
    found = {
        kind: client.get(f"/bulletins/files/{kind}{at}") for kind in ("pdf", "xlsx", "csv", "json")
    }
    assert {kind: answer.status_code for kind, answer in found.items()} == dict.fromkeys(found, 200)
    number = f"ZB-{SHENYANG}-{week}-2"
    assert all(
        f"filename={number}." in answer.headers["Content-Disposition"] for answer in found.values()
    )

    document = json.loads(found["json"].data)
    assert document["number"] == number
    assert document["bulletin"]["totals"]["received"] == 2
    assert document["deltas"]["totals"]["received"] == [0, 2]

    rows = list(csv.DictReader(io.StringIO(found["csv"].data.decode("utf-8-sig"))))
    assert list(rows[0]) == list(COLUMNS)
    totals = {row["indicator"]: row for row in rows if row["table"] == "total"}
    assert {
        key: int(row["value"]) if row["value"] else None for key, row in totals.items()
    } == document["bulletin"]["totals"]
    county = next(
        row for row in rows if row["table"] == "county" and row["indicator"] == "received"
    )
    assert (county["row"], county["row_name"], county["value"]) == (SHENHE, "沈河区", "2")

    first = sheet_of(found["xlsx"].data, 1)
    assert (first["A2"], first["D2"]) == ("收到举报", 2.0)
    with zipfile.ZipFile(io.BytesIO(found["xlsx"].data)) as book:
        sheets = len([name for name in book.namelist() if "worksheets/sheet" in name])
    definitions = set(sheet_of(found["xlsx"].data, sheets - 1).values())
    assert {each.definition.zh for each in INDICATORS.values()} <= definitions
    about = sheet_of(found["xlsx"].data, sheets)
    assert about["B5"] > 40_000, "a date is a number of days, not a text"
    assert number in about.values()

    pdf = found["pdf"].data
    assert pdf.startswith(b"%PDF-")
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type/Page") >= 1


def test_a_running_week_is_a_draft_by_its_name(world, browse) -> None:
    world.case()
    client = browse(world.person("stan", (Role.STATISTICIAN, SHENYANG)))
    answer = client.get("/bulletins/files/csv")
    assert f"filename=draft-{SHENYANG}-" in answer.headers["Content-Disposition"]
    assert client.get("/bulletins/files/exe").status_code == 404


def test_programs_read_issues_and_weeks_of_their_own_territory(app, world) -> None:
    stan = world.person("stan", (Role.STATISTICIAN, SHENYANG))
    week = world.bulletin(stan)
    client, headers = app.test_client(), {"Authorization": f"Bearer {world.token(stan)}"}
    issues = client.get("/api/v1/bulletins", headers=headers).json["issues"]
    assert [each["revision"] for each in issues] == [2, 1]
    answer = client.get(f"/api/v1/bulletins/week?week={week}&revision=1", headers=headers).json
    assert answer["sha256"] == issues[1]["sha256"]
    assert answer["bulletin"]["totals"]["received"] == 0
    for path in ("", "/week", "/files/csv"):
        assert (
            client.get(f"/api/v1/bulletins{path}?scope={XIHU}", headers=headers).status_code == 404
        )
    unknown = client.get(f"/api/v1/bulletins/week?week={week}&revision=9", headers=headers)
    assert unknown.status_code == 404
    assert unknown.json["type"].endswith("bulletin-unknown")


def test_subscribers_are_managed_by_the_statistician_of_the_area(world, browse) -> None:
    stan = world.person("stan", (Role.STATISTICIAN, SHENYANG))
    client = browse(stan)
    own = world.subscriber(stan, world.unit(SHENYANG).id)
    page = client.get("/bulletins/subscribers").text
    assert "office@example.cn" in page
    token = page.split('name="csrf_token" value="')[1].split('"', maxsplit=1)[0]
    # No way out is set up in this room.
    asked = {"csrf_token": token, "name": "市食安办", "channel": "mail", "address": "a@example.cn"}
    refused = client.post("/bulletins/subscribers", data=asked)
    assert refused.status_code == 422
    assert "还没有开通" in refused.text
    assert client.post("/bulletins/subscribers", data=asked | {"scope": XIHU}).status_code == 404
    ended = client.post(f"/bulletins/subscribers/{own}/end", data={"csrf_token": token})
    assert ended.status_code == 303
    assert "office@example.cn" not in client.get("/bulletins/subscribers").text
    with world.database.reading() as session:
        actions = session.scalars(select(AuditEntry.action)).all()
    assert "bulletin_subscriber_ended" in actions
    anna = browse(world.person("anna", (Role.INSPECTOR, SHENYANG)))
    assert anna.get("/bulletins/subscribers").status_code == 404

"""The bulletin as open data: what was made public when it was signed, and nothing else."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from intake.app import create_app
from intake.bulletins.open_data import OpenIssue, as_csv, changes
from schemas.bulletins.definitions import INDICATORS
from schemas.bulletins.documents import Bulletin, canonical_json, digest
from schemas.bulletins.issues import GENESIS, seal_of
from schemas.bulletins.methods import PRESENT
from schemas.bulletins.parameters import present_parameters
from schemas.bulletins.public import public_form
from schemas.database import new_id
from schemas.errors import ConfigurationError
from schemas.settings import load_settings
from schemas.tables import BulletinIssue, Staff
from schemas.weeks import read_week

SIGNED = datetime(2026, 9, 14, 1, tzinfo=UTC)
THRESHOLD = 5
SIGNER = "签字人甲"
FIRST = {"210102": 4, "210103": 23, "210104": 31, "210112": 47}
SECOND = FIRST | {"210112": 48}
PATHS = ("/open-data", "/open-data/dictionary", "/api/v1/open-data/issues",
         "/api/v1/open-data/feed.json", "/api/v1/open-data/issues/ZB-210100-2026-W37-1.json",
         "/api/v1/open-data/issues/ZB-210100-2026-W37-1.csv",
         "/api/v1/open-data/issues/ZB-210100-2026-W37-2.json",
         "/api/v1/open-data/issues/ZB-210100-2026-W37-2.csv")  # fmt: skip


@pytest.fixture
def dialect() -> str:
    """Frozen texts are read: the database makes no difference."""
    return "sqlite"


@pytest.fixture
def door_settings(settings, redis_url):
    """A door whose office opens its data."""
    return settings.model_copy(
        update={"redis_url": redis_url, "open_data": True, "open_data_licence": "CC BY 4.0"}
    )


def bulletin(cells) -> Bulletin:
    totals = dict.fromkeys(INDICATORS, 0)
    totals |= dict.fromkeys(("received", "accepted", "received_waiting"), sum(cells.values()))
    return Bulletin(
        method=PRESENT.name, scope="210100", week=read_week("2026-W37"), as_of=SIGNED,
        known_at=SIGNED, parameters=present_parameters(small_cell=THRESHOLD), totals=totals,
        tables={"county": {row: {"received": number} for row, number in cells.items()}},
    )  # fmt: skip


@pytest.fixture
def issues(door) -> list[BulletinIssue]:
    """An issue and its revision, as `publish` freezes them."""
    with door.database.writing() as session:
        staff = Staff(sign_in="stat", name=SIGNER, password_hash="x")
        session.add(staff)
        session.flush()
        made: list[BulletinIssue] = []
        earlier = None
        for revision, cells in enumerate((FIRST, SECOND), start=1):
            found = bulletin(cells)
            form = public_form(found, revision=revision, earlier=earlier)
            facts = [{"what": "linked", "recorded_at": SIGNED.isoformat()}]
            cause = {"case": "AJ20260909-SECRET-1", "totals": {"received": 1}, "because": facts}
            row = BulletinIssue(
                id=new_id(), number=f"ZB-210100-2026-W37-{revision}", scope_code="210100",
                sequence=revision, week="2026-W37", revision=revision, known_at=SIGNED,
                published_at=SIGNED + timedelta(days=revision), signer_id=staff.id,
                signer_name=SIGNER, document=found.canonical,
                deltas=canonical_json({"causes": [cause]} if earlier else {}),
                public_document=canonical_json(form),
                previous_sha256=made[-1].sha256 if made else GENESIS,
            )  # fmt: skip
            row.sha256 = seal_of(row)
            session.add(row)
            session.flush()
            made.append(row)
            earlier = form
    return made


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


def test_nothing_but_the_public_form_can_be_reached(client, issues) -> None:
    secrets = [SIGNER, "AJ20260909", "SECRET", str(issues[0].signer_id)]
    secrets += [each.sha256 for each in issues]
    for path in PATHS:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert not [secret for secret in secrets if secret in answer.text], path
    for issue in issues:
        path = f"/api/v1/open-data/issues/{issue.number}"
        form, found = json.loads(issue.public_document), client.get(f"{path}.json").json
        assert found["document"] == form
        assert found["sha256"] == digest(canonical_json(found["document"]))
        shown = {
            (row["table"], row["row"], row["indicator"], int(row["value"]))
            for row in rows_of(client.get(f"{path}.csv").data)
            if row["value"]
        }
        totals = {
            ("total", "", key, value) for key, value in form["totals"].items() if value is not None
        }
        cells = {
            (table, row, key, value)
            for table, rows in form["tables"].items()
            for row, figures in rows.items()
            for key, value in figures.items()
        }
        assert shown == totals | cells
        # The small county is named as withheld, and its figure stands nowhere.
        assert not [each for each in shown if each[1] == "210102"]
    assert "210102" in json.loads(issues[0].public_document)["withheld"]["county"]["received"]


def test_a_revision_says_why_and_what_it_shows_differently(client, issues) -> None:
    second = client.get("/api/v1/open-data/issues/ZB-210100-2026-W37-2.json").json
    first = client.get("/api/v1/open-data/issues/ZB-210100-2026-W37-1.json").json
    assert (second["causes"], second["licence"]) == (["linked"], "CC BY 4.0")
    assert (first["causes"], first["changes"]) == ([], [])
    received = [each for each in second["changes"] if each["indicator"] == "received"]
    assert {"table": "total", "row": "", "indicator": "received", "before": 105, "after": 106} in (
        received
    )
    index = client.get("/api/v1/open-data/issues").json
    assert [each["revision"] for each in index["issues"]] == [2, 1]
    assert client.get(index["issues"][0]["csv_url"]).status_code == 200
    assert client.get("/api/v1/open-data/issues?scope=330000").json["issues"] == []
    feed = client.get("/api/v1/open-data/feed.json", headers={"Accept-Language": "en"}).json
    assert feed["items"][0]["content_text"] == "reports were linked to cases"
    assert feed["items"][0]["url"].startswith("http")


def test_whoever_has_it_already_is_told_so(client, issues) -> None:
    for path in PATHS:
        first = client.get(path)
        assert "public, max-age=" in first.headers["Cache-Control"]
        again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")


def test_it_is_off_unless_it_is_switched_on_and_asks_for_a_licence(door_settings, issues) -> None:
    app = create_app(door_settings.model_copy(update={"open_data": False}))
    assert {app.test_client().get(path).status_code for path in PATHS} == {404}
    app.extensions["door"].database.close()
    with pytest.raises(ConfigurationError, match="OPEN_DATA_LICENCE"):
        load_settings({}, data_dir=door_settings.data_dir, open_data=True)


def test_an_unknown_issue_is_not_there(client, issues) -> None:
    for number in ("ZB-210100-2026-W38-1", "x" * 300, "ZB-210100-2026-W37-3"):
        for kind in ("json", "csv"):
            assert client.get(f"/api/v1/open-data/issues/{number}.{kind}").status_code == 404
    assert client.post("/api/v1/open-data/issues").status_code == 405


columns = st.dictionaries(st.sampled_from(sorted(FIRST)), st.integers(1, 30), max_size=4)


@effort(max_examples=120, deadline=None, derandomize=True)
@given(first=columns, changed=columns)
def test_no_subtraction_in_the_files_tells_a_small_cell(first, changed) -> None:
    assume(sum(first.values()) >= THRESHOLD)
    cells, before = [first, first | changed], None
    known: dict[str, int] = {}
    for revision, truth in enumerate(cells, start=1):
        form = public_form(bulletin(truth), revision=revision, earlier=before)
        issue = OpenIssue("n", "210100", "2026-W37", revision, SIGNED, form, "", ())
        lines = [
            each for each in rows_of(as_csv(issue, locale="zh")) if each["indicator"] == "received"
        ]
        shown = {each["row"]: int(each["value"]) for each in lines if each["value"]}
        total = shown.pop("", None)
        if any(each["status"] == "held_back" for each in lines):
            # The whole column stands as it was: nothing new can be subtracted.
            assert before is not None
            assert not [each for each in changes(before, form) if each["indicator"] == "received"]
            continue
        assert all(number >= THRESHOLD for number in shown.values())
        hidden = {row for row in truth if row not in shown}
        if any(each["row"] == "*" for each in lines):
            assert not shown
        elif hidden and total is not None:
            # What is public from before, unchanged, is no cover.
            free = {row for row in hidden if known.get(row) != truth[row]}
            left = total - sum(shown.values()) - sum(truth[row] for row in hidden - free)
            assert left >= 2 * THRESHOLD + len(free)
        known, before = shown, form

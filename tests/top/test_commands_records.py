"""Database, boundaries, audit log and queue by the command line."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from schemas import audit
from schemas.database import Database, connect, now_utc
from schemas.jobs import connect_queue
from schemas.numbers import REPORT_PREFIX, new_number
from schemas.settings import Settings, load_settings
from schemas.tables import (
    AuditEntry,
    Jurisdiction,
    Report,
    ReportProgress,
    Unit,
)
from suishoupai.commands.database import prepare_database

Run = Callable[..., Any]
MakeReport = Callable[..., Report]

SQUARE = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {"code": "210103", "name": "沈河区"},
            "geometry": {
                "type": "Polygon",
                "coordinates": [
                    [[123.4, 41.75], [123.5, 41.75], [123.5, 41.85], [123.4, 41.85], [123.4, 41.75]]
                ],
            },
        }
    ],
}


def count(database: Database, table: type[Any]) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_migrate_makes_the_units_once(tmp_path: Path) -> None:
    settings = load_settings({}, data_dir=tmp_path)
    assert prepare_database(settings) > 3000
    assert prepare_database(settings) == 0


def test_migrate_says_what_it_made(run: Run) -> None:
    done = run("migrate", "--json")
    assert (done.code, done.document) == (0, {"units_made": 0})


def test_two_migrations_at_once_make_the_units_once(settings: Settings, database: Database) -> None:
    before = count(database, Unit)
    with database.engine.begin() as connection:
        # Everything is dropped but the schema: both seeders find no unit.
        connection.execute(text("DELETE FROM units"))
    made: list[int] = []
    threads = [
        threading.Thread(target=lambda: made.append(prepare_database(settings))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [0, before]
    assert count(database, Unit) == before


def test_a_command_before_migrate_says_what_to_run(run: Run, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    settings = load_settings({}, data_dir=fresh)
    connect(settings).close()
    done = run("verify-audit", "--lang", "en", data_dir=fresh)
    assert done.code == 1
    assert done.err == "The database is not in its present form: run `suishoupai migrate`.\n"


def test_jurisdictions_load_stores_polygons_once(
    run: Run, database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "沈河 官方.geojson"
    path.write_text(json.dumps(SQUARE))
    done = run(
        "jurisdictions", "load", str(path), "--version", "official 2026", "--valid-from",
        "2026-01-01", "--valid-to", "2027-01-01", "--json",
    )  # fmt: skip
    assert done.code == 0
    assert (done.document["read"], done.document["stored"]) == (1, 1)
    with database.reading() as session:
        row = session.scalars(select(Jurisdiction)).one()
        loaded = session.scalars(
            select(AuditEntry.subject_id).where(AuditEntry.action == "jurisdiction.loaded")
        ).one()
    assert (row.code, row.level, row.version) == ("210103", "county", "official 2026")
    assert (str(row.valid_from), str(row.valid_to)) == ("2026-01-01", "2027-01-01")
    assert loaded == row.id
    again = run(
        "jurisdictions", "load", str(path), "--version", "official 2026", "--valid-from",
        "2026-01-01", "--lang", "en",
    )  # fmt: skip
    assert "1 areas read, 0 stored" in again.out
    assert count(database, Jurisdiction) == 1


def test_a_file_that_is_no_map_is_refused_whole(
    run: Run, database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "x.geojson"
    broken = json.loads(json.dumps(SQUARE))
    broken["features"].append({"type": "Feature", "properties": {"code": "1"}, "geometry": None})
    path.write_text(json.dumps(broken))
    done = run("jurisdictions", "load", str(path), "--json")
    assert done.code == 1
    assert done.document["error"]["code"] == "boundary-feature-invalid"
    assert count(database, Jurisdiction) == 0


def test_verify_audit_prints_head_and_counts(run: Run, database: Database) -> None:
    run("riders", "add", "--name", "张三", "--phone", "13900000001")
    with database.writing() as session:
        sealed = audit.seal(session)
    done = run("verify-audit", "--json")
    assert done.code == 0
    assert done.document["whole"] is True
    assert done.document["sealed"] == sealed > 0
    assert len(done.document["head"]) == 64


def test_verify_audit_names_the_first_broken_entry(
    run: Run, database: Database, settings: Settings
) -> None:
    if settings.database_url:
        pytest.skip("on PostgreSQL only its owner can switch the guard off")
    for number in range(3):
        run("riders", "add", "--name", "张三", "--phone", f"1390000000{number}")
    with database.writing() as session:
        audit.seal(session)
        entries = list(session.scalars(select(AuditEntry).order_by(AuditEntry.id)))
    with database.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_entries_no_update"))
        connection.execute(
            text("UPDATE audit_entries SET action = 'x' WHERE id = :id"), {"id": entries[2].id.hex}
        )
    done = run("verify-audit", "--lang", "en")
    assert done.code == 1
    assert f"breaks at link 3: the entry was altered (entry {entries[2].id})" in done.out
    assert run("verify-audit", "--json").document["fault_entry"] == str(entries[2].id)


def test_requeue_one_report_begins_anew(
    run: Run,
    database: Database,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    make_report: MakeReport,
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    report = make_report(finished_at=now_utc(), routed_at=now_utc(), attempts=4)
    done = run("requeue", report.number.lower(), "--json")
    assert (done.code, done.document) == (0, {"requeued": 1})
    with database.reading() as session:
        progress = session.get_one(ReportProgress, report.id)
    assert (progress.finished_at, progress.routed_at, progress.attempts) == (None, None, 0)
    assert connect_queue(redis_url).waiting() == {report.id.hex}


def test_requeue_all_unfinished_leaves_the_finished_alone(
    run: Run,
    database: Database,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    make_report: MakeReport,
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    waiting = {make_report().id.hex for _ in range(2)}
    make_report(finished_at=now_utc())
    done = run("requeue", "--all-unfinished", "--lang", "zh")
    assert done.out == "2 条举报已重新排队。\n"
    assert connect_queue(redis_url).waiting() == waiting


def test_requeue_without_a_queue_changes_nothing(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch, make_report: MakeReport
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    report = make_report(finished_at=now_utc())
    done = run("requeue", report.number, "--lang", "en")
    assert done.code == 1
    assert "queue server does not answer" in done.err
    with database.reading() as session:
        assert session.get_one(ReportProgress, report.id).finished_at is not None


def test_requeue_says_when_the_queue_was_never_started(run: Run) -> None:
    done = run("requeue", "--all-unfinished", "--json")
    assert done.document["error"]["code"] == "queue-not-started"


@pytest.mark.parametrize("arguments", [(), ("JB20261121-7KQ4MX-3", "--all-unfinished")])
def test_requeue_wants_one_thing(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("requeue", *arguments).code == 2


@pytest.mark.parametrize("command", ["trace", "requeue"])
def test_numbers_that_can_not_be_are_refused(
    run: Run, command: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    assert run(command, "JB123", "--json").document["error"]["code"] == "number-invalid"
    unknown = new_number(REPORT_PREFIX, now_utc())
    assert run(command, unknown, "--json").document["error"]["code"] == "number-unknown"


def test_dates_that_can_not_be_are_refused(run: Run, database: Database, tmp_path: Path) -> None:
    path = tmp_path / "x.geojson"
    path.write_text(json.dumps(SQUARE))
    done = run(
        *("jurisdictions", "load", str(path)),
        *("--valid-from", "2026-02-01", "--valid-to", "2026-01-01", "--json"),
    )
    assert done.code == 1
    assert count(database, Jurisdiction) == 0
    assert run("jurisdictions", "load", str(path), "--valid-from", "soon").code == 2


def test_rematch_compares_what_came_since_a_day(
    run: Run, make_report: Callable[..., Report]
) -> None:
    make_report()
    done = run("rematch", "--since", "2026-01-01", "--json")
    assert done.code == 0, done.err
    assert done.document == {
        "seen": 1, "left": 1, "known": 0, "found": 0, "withdrawn": 0, "doubted": 0,
    }  # fmt: skip
    assert "Looked at 1 reports" in run("rematch", "--since", "2026-01-01", "--lang", "en").out
    assert run("rematch", "--since", "2030-01-01", "--json").document["seen"] == 0
    assert run("rematch").code == 2

"""What an operator types, what comes back, and how each refusal reads."""

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from schemas import audit
from schemas.database import Database, connect, now_utc
from schemas.jobs import connect_queue
from schemas.numbers import REPORT_PREFIX, new_number
from schemas.sealing import Sealer, token_hash
from schemas.settings import Settings, load_settings
from schemas.tables import (
    AuditEntry,
    Jurisdiction,
    Report,
    ReportProgress,
    Rider,
    RiderToken,
    Staff,
    StaffRole,
    StaffToken,
    Unit,
)
from suishoupai.commands.database import prepare_database

Run = Callable[..., Any]
MakeReport = Callable[..., Report]
ROOT = Path(__file__).parents[2]

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
    done = run("riders", "add", "--name", "张三", "--phone", "13900000001", "--lang", "en")
    assert done.code == 0
    fresh = tmp_path / "fresh"
    settings = load_settings({}, data_dir=fresh)
    connect(settings).close()
    done = run_on(run, fresh, "verify-audit", "--lang", "en")
    assert done.code == 1
    assert done.err == "The database is not in its present form: run `suishoupai migrate`.\n"


def run_on(run: Run, directory: Path, *arguments: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATA_DIR", str(directory))
        patch.delenv("DATABASE_URL")
        return run(*arguments)


def test_riders_add_gives_a_token_that_is_theirs(
    run: Run, settings: Settings, database: Database
) -> None:
    done = run(
        "riders", "add", "--name", "张三", "--phone", "139 0000 0001", "--platform", "饿了么",
        "--station", "中街站", "--employee-number", "E1", "--json",
    )  # fmt: skip
    assert done.code == 0
    with database.reading() as session:
        token = session.scalars(select(RiderToken)).one()
        rider = session.scalars(select(Rider)).one()
    assert token.token_hash == token_hash(done.document["token"])
    assert str(rider.id) == done.document["rider_id"] == str(token.rider_id)
    assert Sealer(settings).open(rider.sealed_profile)["station"] == "中街站"


def test_a_phone_is_registered_once(run: Run) -> None:
    arguments = ("riders", "add", "--name", "张三", "--phone", "13900000001")
    assert run(*arguments).code == 0
    done = run(*arguments, "--lang", "zh")
    assert (done.code, done.out, done.err) == (1, "", "这个手机号已经登记过。\n")
    done = run(*arguments, "--lang", "en", "--json")
    assert done.code == 1
    assert done.document["error"]["code"] == "rider-exists"
    assert done.document["error"]["field"] == "phone"


def test_a_bad_phone_is_refused_without_repeating_it(run: Run, database: Database) -> None:
    done = run("riders", "add", "--name", "张三", "--phone", "12345")
    assert done.code == 1
    assert "12345" not in done.err
    assert count(database, Rider) == 0


def test_riders_add_without_a_phone_is_wrong_usage(run: Run) -> None:
    done = run("riders", "add", "--name", "张三")
    assert done.code == 2
    assert "--phone" in done.err


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_riders_import_reads_a_platforms_list(
    run: Run, database: Database, tmp_path: Path, encoding: str
) -> None:
    names = tmp_path / "骑手 名单.csv"
    names.write_text(
        "姓名,手机号,平台,备注\n张三,13900000001,饿了么,x\n,,,\n李四,13900000002,美团,y\n"
        "张三,13900000001,饿了么,again\n王五,1,饿了么,\n",
        encoding=encoding,
    )
    done = run("riders", "import", str(names), "--with-tokens", "--json")
    assert done.code == 1, "a refused line is not passed over in silence"
    assert [row["line"] for row in done.document["added"]] == [2, 4]
    assert [row["line"] for row in done.document["duplicates"]] == [5]
    assert [(row["line"], row["code"]) for row in done.document["refused"]] == [
        (6, "phone-invalid")
    ]
    assert count(database, Rider) == 2
    assert count(database, RiderToken) == 2
    again = run("riders", "import", str(names), "--lang", "zh")
    assert "新登记 0 人，已登记过 3 人，有误 1 行。" in again.out
    assert "第 6 行" in again.out


def test_a_list_without_a_phone_column_is_refused(run: Run, tmp_path: Path) -> None:
    names = tmp_path / "list.csv"
    names.write_text("姓名,平台\n张三,饿了么\n")
    done = run("riders", "import", str(names), "--lang", "zh")
    assert (done.code, done.err.splitlines()[-1]) == (1, "名单第一行应为列名，缺少：手机号。")


def test_a_list_that_is_no_text_is_refused(run: Run, tmp_path: Path) -> None:
    names = tmp_path / "list.csv"
    names.write_bytes(b"\xff\xfe\x00\xd8\x00")
    assert run("riders", "import", str(names)).code == 1


def test_a_list_that_does_not_exist_is_wrong_usage(run: Run) -> None:
    assert run("riders", "import", "nowhere.csv").code == 2


def test_staff_add_gives_password_and_token(run: Run, database: Database) -> None:
    done = run(
        "staff", "add", "--sign-in", "Li.Si", "--name", "李四", "--role", "inspector",
        "--role", "dispatcher", "--unit", "210103", "--api-token", "--json",
    )  # fmt: skip
    assert done.code == 0
    assert done.document["sign_in"] == "li.si"
    assert len(done.document["password"]) >= 10
    with database.reading() as session:
        person = session.scalars(select(Staff)).one()
        roles = set(session.scalars(select(StaffRole.role)))
        token = session.scalars(select(StaffToken)).one()
    assert roles == {"inspector", "dispatcher"}
    assert token.token_hash == token_hash(done.document["token"])
    assert str(person.id) == done.document["staff_id"]


def test_a_chosen_password_is_not_printed(run: Run) -> None:
    done = run(
        "staff", "add", "--sign-in", "a1", "--name", "李四", "--role", "inspector",
        "--unit", "210103", "--password", "correct horse battery",
    )  # fmt: skip
    assert done.code == 0
    assert "correct horse" not in done.out + done.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--unit", "999999"), "unit-unknown"),
        (("--unit", "210103", "--department", "urban"), "unit-unknown"),
        (("--unit", "210103", "--password", "short"), "password-weak"),
    ],
)
def test_staff_add_refuses(run: Run, arguments: tuple[str, ...], code: str) -> None:
    done = run(
        *("staff", "add", "--sign-in", "a1", "--name", "李四", "--role", "inspector"),
        *(*arguments, "--json"),
    )
    assert done.code == 1
    assert done.document["error"]["code"] == code


def test_a_role_that_does_not_exist_is_wrong_usage(run: Run) -> None:
    done = run(
        "staff", "add", "--sign-in", "a1", "--name", "李四", "--role", "king", "--unit", "210103"
    )
    assert done.code == 2


def test_units_add_makes_a_departments_unit_once(run: Run, database: Database) -> None:
    arguments = ("units", "add", "--department", "urban", "--code", "210103", "--json")
    done = run(*arguments)
    assert done.code == 0
    assert done.document["name"].startswith("沈阳市沈河区")
    assert run(*arguments).document["error"]["code"] == "unit-exists"
    unknown = run("units", "add", "--department", "urban", "--code", "123", "--json")
    assert unknown.document["error"]["code"] == "division-unknown"


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


def test_a_database_that_is_away_is_one_clear_line(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    done = run("verify-audit", "--lang", "en")
    assert done.code == 1
    assert done.err == ("The database does not answer: see that it runs, and check DATABASE_URL.\n")


def test_a_wrong_setting_is_one_clear_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTAKE_PORT", "many")
    done = run("migrate", "--lang", "en")
    assert done.code == 1
    assert "INTAKE_PORT" in done.err
    assert len(done.err.splitlines()) == 1


def test_a_surprise_is_one_line_and_a_file_without_personal_data(
    run: Run, database: Database, settings: Settings
) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE riders RENAME TO lost"))
    done = run("riders", "add", "--name", "张三丰", "--phone", "13900000001", "--lang", "en")
    path = settings.data_dir / "log" / "command-errors.log"
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE lost RENAME TO riders"))
    assert done.code == 1
    assert done.err.startswith("Something went wrong (")
    assert str(path) in done.err
    kept = path.read_text()
    assert "Traceback" in kept
    assert "张三丰" not in kept
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "审计链完整"),
        ({"LANG": "en_US.UTF-8"}, "The audit chain is whole"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, "审计链完整"),
        ({"LC_ALL": "C"}, "The audit chain is whole"),
        ({}, "The audit chain is whole"),
    ],
)
def test_the_language_is_the_shells(
    run: Run, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], sentence: str
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert run("verify-audit").out.startswith(sentence)


@pytest.mark.parametrize("arguments", [("--json", "verify-audit"), ("verify-audit", "--json")])
def test_shared_options_stand_before_or_after(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).document["whole"] is True


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


def test_debug_shows_the_traceback(run: Run, database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE riders RENAME TO lost"))
    done = run("riders", "add", "--name", "张三", "--phone", "13900000001", "--debug")
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE lost RENAME TO riders"))
    assert "Traceback" in done.err


def test_long_work_shows_a_bar_on_a_terminal(settings: Settings, tmp_path: Path) -> None:
    names = tmp_path / "list.csv"
    names.write_text("name,phone\n" + "".join(f"r{n},1390000{n:04d}\n" for n in range(60)))
    terminal, their_end = os.openpty()
    environ = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
        "SECRET_KEYS": settings.secret_keys[0],
        "TERM": "xterm",
        "COLUMNS": "100",
        "LANG": "en_GB.UTF-8",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "suishoupai", "riders", "import", str(names)],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=their_end,
    ) as process:
        os.close(their_end)
        shown = read_all(terminal)
        assert process.stdout is not None
        assert process.stdout.read().startswith(b"60 registered")
    assert process.returncode == 0
    assert "Registering riders" in shown
    assert "60/60" in shown


def read_all(terminal: int) -> str:
    """Return what was written to a terminal until its other end was closed."""
    parts = []
    # Linux says EIO where other systems say end of file.
    with os.fdopen(terminal, "rb", buffering=0) as screen, suppress(OSError):
        while part := screen.read(65536):
            parts.append(part)
    return b"".join(parts).decode()

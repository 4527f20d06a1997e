"""An evidence package by the command line: written, checked, and known to the log."""

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from intake.photos import make_store
from schemas.database import Database, new_id, now_utc
from schemas.numbers import CASE_PREFIX, new_number
from schemas.settings import Settings
from schemas.tables import AuditEntry, Case, CaseHistory, CaseReport, Photo, Report, Unit

Run = Callable[..., Any]


@pytest.fixture
def number(
    database: Database, settings: Settings, make_report: Callable[..., Report], tmp_path: Path
) -> str:
    """The number of a case with one photo, whose original lies in the store."""
    report, now, data = make_report(), now_utc(), b"an original"
    (tmp_path / "given").write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    make_store(settings).put_original(tmp_path / "given", sha256)
    with database.writing() as session:
        unit_id = session.scalars(select(Unit.id).limit(1)).one()
        case = Case(
            number=new_number(CASE_PREFIX, now), incident_id=new_id(), department="market",
            unit_id=unit_id, state="assigned", categories=["PEST"], severity=4,
            received_at=now, due_on=now.date(),
        )  # fmt: skip
        photo = Photo(
            report_id=report.id, position=0, sha256=sha256, size_bytes=len(data),
            content_type="image/jpeg", width=4, height=3,
        )  # fmt: skip
        session.add_all([case, photo])
        session.flush()
        session.add(
            CaseReport(
                case_id=case.id, report_id=report.id, department="market", kind="first",
                pseudonym="匿名-7KQ",
            )
        )  # fmt: skip
        session.add(CaseHistory(case_id=case.id, version=1, to_state="assigned", unit_id=unit_id))
    return case.number


def test_a_package_is_written_checked_and_known_to_the_log(
    run: Run, number: str, database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "package.zip"
    done = run("evidence", "export", number, str(file), "--json")
    assert (done.code, done.document["photos"]) == (0, 1)
    checked = run("evidence", "verify", str(file), "--with-log", "--json").document
    assert checked == {
        "whole": True, "case": number, "files": 4, "faults": [],
        "manifest_sha256": done.document["manifest_sha256"],
    }  # fmt: skip
    with database.reading() as session:
        taken = select(AuditEntry).where(AuditEntry.action == "evidence_taken")
        assert session.scalars(taken).one().actor_kind == "operator"
    again = run("evidence", "export", number, str(file), "--json")
    assert (again.code, again.document["error"]["code"]) == (1, "file-exists")
    assert {path.name for path in tmp_path.glob("*.zip*")} == {"package.zip"}


def test_a_changed_package_and_an_unknown_case_are_refused(
    run: Run, number: str, tmp_path: Path
) -> None:
    file, changed = tmp_path / "package.zip", tmp_path / "changed.zip"
    run("evidence", "export", number, str(file))
    with zipfile.ZipFile(file) as one, zipfile.ZipFile(changed, "w") as other:
        for name in one.namelist():
            data = one.read(name)
            other.writestr(
                name, data.replace(b"original", b"OriginaL") if "/photos/" in name else data
            )
    done = run("evidence", "verify", str(changed), "--lang", "zh")
    assert done.code == 1
    assert "内容被改动" in done.out
    unknown = run("evidence", "export", new_number(CASE_PREFIX, now_utc()), str(tmp_path / "x.zip"))
    assert unknown.code == 1
    assert not (tmp_path / "x.zip").exists()
    assert run("evidence", "verify", str(tmp_path / "given")).code == 1

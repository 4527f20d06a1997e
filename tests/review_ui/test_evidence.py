"""The evidence package: a stranger can check it, a changed byte is found, no reporter in it."""

import hashlib
import io
import json
import re
import shutil
import subprocess
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import select

from intake.fonts import find_chinese_font
from review_ui.casework.advancing import act, advance
from review_ui.evidence.evidence_check import check_log, check_package
from review_ui.evidence.packages import note_taken, prepare_package
from schemas import audit
from schemas.access import Role
from schemas.acts import ActCode
from schemas.database import now_utc
from schemas.errors import ConfigurationError, InvalidInput
from schemas.lifecycle import State
from schemas.tables import AuditEntry, Photo
from schemas.workdays import NO_OVERRIDES

SHENHE, XIHU = "210103", "330106"
sqlite_only = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
WORDS = "后厨有老鼠，打 13812345678 找我"


@pytest.fixture
def inspector(world):
    return world.person("anna", (Role.INSPECTOR, SHENHE), name="安娜")


@pytest.fixture
def fill(world, tmp_path):
    """Give each photo bytes that lie in the store under their hash."""

    def put(size_bytes=5_000):
        with world.database.writing() as session:
            for number, photo in enumerate(
                session.scalars(
                    select(Photo).order_by(Photo.received_at, Photo.report_id, Photo.position)
                )
            ):
                data = bytes([number % 251, 7]) * (size_bytes // 2)
                photo.sha256 = hashlib.sha256(data).hexdigest()
                photo.size_bytes = len(data)
                photo.masks = [] if number else [{"width": 0.1, "points": [[0.5, 0.5]]}]
                path = tmp_path / f"given{number}"
                path.write_bytes(data)
                world.store.put_original(path, photo.sha256)

    return put


@pytest.fixture
def case(world, fill, inspector):
    rider = world.rider()[0]
    first = world.report(rider_id=rider, photos=2, description=WORDS)
    made = world.case(reports=(first, world.report()))
    fill()
    with world.database.writing() as session:
        advance(
            session, case_id=made.id, staff=inspector, to=State.VERIFYING, version=2,
            record={}, now=now_utc(), calendar=NO_OVERRIDES,
        )  # fmt: skip
    with world.database.writing() as session:
        audit.seal(session)
    return world.fresh(made)


def prepared(world, case):
    with world.database.reading() as session:
        return prepare_package(
            session, case=case, store=world.store, made_by="安娜", now=now_utc(),
            calendar=NO_OVERRIDES,
        )  # fmt: skip


def written(package, path):
    path.write_bytes(b"".join(package.open()))
    return path


@pytest.fixture
def package(world, case, tmp_path):
    return written(prepared(world, case), tmp_path / "package.zip")


def test_a_stranger_checks_it_with_standard_tools(package, case, tmp_path) -> None:
    with zipfile.ZipFile(package) as opened:
        assert opened.testzip() is None
        opened.extractall(tmp_path / "out")
    directory = tmp_path / "out" / case.number
    checked = subprocess.run(
        [shutil.which("sha256sum"), "--check", "--strict", "SHA256SUMS"],
        cwd=directory, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.count(": OK") == 6
    listed = {line.split("  ")[1] for line in (directory / "SHA256SUMS").read_text().splitlines()}
    there = {str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file()}
    assert there == listed | {"SHA256SUMS"}
    victim = directory / sorted(listed)[-1]
    data = bytearray(victim.read_bytes())
    data[100] ^= 1
    victim.write_bytes(data)
    again = subprocess.run(
        [shutil.which("sha256sum"), "--check", "--quiet", "SHA256SUMS"],
        cwd=directory, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert again.returncode == 1
    assert "FAILED" in again.stdout


@sqlite_only
def test_the_manifest_tells_the_case_and_not_the_reporter(world, package, case) -> None:
    checked = check_package(package)
    assert (checked.number, checked.files, checked.faults) == (case.number, 6, ())
    with zipfile.ZipFile(package) as opened:
        text = opened.read(f"{case.number}/manifest.json").decode()
        cover = opened.read(f"{case.number}/cover.pdf")
        readme = opened.read(f"{case.number}/README.txt").decode()
    manifest = json.loads(text)
    assert manifest["case"]["state_name"] == "核查中"
    assert [photo["size_bytes"] for photo in manifest["photos"]] == [5_000] * 3
    assert manifest["photos"][0]["exif"] == {"model": "M2102J2SC"}
    hidden = [photo["shown_with_parts_hidden_by_reporter"] for photo in manifest["photos"]]
    assert hidden == [True, False, False]
    assert manifest["reports"][0]["description"] == "后厨有老鼠，打 ＊＊＊ 找我"
    assert {place["source"] for place in manifest["places"]} == {"device_gps", "exif_gps"}
    assert all(each["hour"][14:16] == "00" for each in manifest["times"])
    assert manifest["history"][-1]["actors"] == ["安娜"]
    for hidden in ("李小勇", "13800001234", "13812345678", "某外卖平台", "SER-778899"):
        assert hidden not in text + readme
    assert "sha256sum" in readme
    assert cover.startswith(b"%PDF-")
    assert hashlib.sha256(text.encode()).hexdigest() == checked.manifest_sha256


@sqlite_only
def test_entries_of_staff_can_be_proven_from_the_manifest_alone(package, case) -> None:
    with zipfile.ZipFile(package) as opened:
        manifest = json.loads(opened.read(f"{case.number}/manifest.json"))
    (moved,) = [entry for entry in manifest["audit"] if entry["action"] == "case_advanced"]
    assert [entry["words"] for entry in manifest["audit"] if "{" in entry["words"]] == []
    text = moved["previous_hash"] + moved["content"]
    assert hashlib.sha256(text.encode()).hexdigest() == moved["entry_hash"]
    assert json.loads(moved["content"])["after"]["state"] == "verifying"


def test_every_changed_byte_of_the_files_is_found(package, case, tmp_path) -> None:
    with zipfile.ZipFile(package) as opened:
        members = {name: opened.read(name) for name in opened.namelist()}
    for name, whole in members.items():
        changed = bytearray(whole)
        changed[len(changed) // 2] ^= 1
        path = tmp_path / "changed.zip"
        with zipfile.ZipFile(path, "w") as made:
            for each, data in members.items():
                made.writestr(each, bytes(changed) if each == name else data)
        try:
            faults = check_package(path).faults
        except InvalidInput:
            # The list of sums itself may no longer be readable.
            assert name.endswith("SHA256SUMS")
            continue
        assert faults, name


@sqlite_only
def test_a_byte_changed_in_the_zip_itself_is_found(package, tmp_path) -> None:
    data = package.read_bytes()
    for position in range(40, len(data) - 40, len(data) // 23):
        changed = bytearray(data)
        changed[position] ^= 1
        path = tmp_path / "changed.zip"
        path.write_bytes(changed)
        try:
            found = check_package(path)
        except InvalidInput:
            continue
        # What says when a file was packed, or how, is no part of the evidence.
        if not found.faults:
            with zipfile.ZipFile(path) as one, zipfile.ZipFile(io.BytesIO(data)) as other:
                assert all(one.read(name) == other.read(name) for name in other.namelist())


def rebuilt(package, path, change):
    """Pack a package anew with members changed by somebody who mends the sums as well."""
    with zipfile.ZipFile(package) as opened:
        members = {name: opened.read(name) for name in opened.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as made:
        for name, data in members.items():
            made.writestr(name, data)
    return path


@sqlite_only
def test_what_is_missing_added_or_mended_is_named(world, package, case, tmp_path) -> None:
    root = case.number
    photo = next(n for n in zipfile.ZipFile(package).namelist() if "/photos/" in n)

    def faults(change):
        path = rebuilt(package, tmp_path / "else.zip", change)
        return {fault.code for fault in check_package(path).faults}

    assert faults(lambda m: m.pop(photo)) == {"missing"}
    assert faults(lambda m: m.update({f"{root}/more.txt": b"x"})) == {"unlisted"}

    def mend(members, name, data):
        sums = members[f"{root}/SHA256SUMS"].decode()
        old = hashlib.sha256(members[name]).hexdigest()
        members[name] = data
        members[f"{root}/SHA256SUMS"] = sums.replace(old, hashlib.sha256(data).hexdigest()).encode()

    assert faults(lambda m: mend(m, photo, b"another")) == {"manifest-differs"}
    manifest = f"{root}/manifest.json"

    def forge(members):
        mend(members, manifest, members[manifest].replace(b'\\"verifying\\"', b'\\"verified\\"'))

    assert faults(forge) == {"audit-altered", "history-altered"}

    def pretend(members):
        mend(members, manifest, members[manifest].replace("安娜".encode(), "安妮".encode()))

    # Somebody who mends everything is found only by asking who gave it out.
    path = rebuilt(package, tmp_path / "else.zip", pretend)
    assert check_package(path).faults == ()
    with world.database.reading() as session:
        assert check_log(session, checked=check_package(path)).code == "not-in-log"


@sqlite_only
@pytest.mark.parametrize("data", [b"", b"PK\3\4", b"no zip at all"])
def test_what_is_no_package_is_refused(dialect, tmp_path, data) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(data)
    with pytest.raises(InvalidInput, match="package-unreadable"):
        check_package(path)
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("AJ1/SHA256SUMS", "not a sum")
    with pytest.raises(InvalidInput, match="package-unreadable"):
        check_package(path)


@sqlite_only
def test_memory_stays_small_whatever_the_photos_weigh(world, inspector, fill) -> None:
    made = world.case(reports=(world.report(photos=9),))
    fill(8_000_000)
    package = prepared(world, made)
    stream = package.open()
    tracemalloc.start()
    total = sum(len(piece) for piece in stream)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == len(stream) > 72_000_000
    assert peak < 4_000_000


def csrf(client, path):
    return re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)[1]


def test_an_inspector_takes_it_from_the_page_and_the_log_says_so(
    world, case, inspector, browse, tmp_path
) -> None:
    client, path = browse(inspector), f"/cases/{case.number}/evidence"
    assert path in client.get(f"/cases/{case.number}").text
    page = client.get(path).text
    assert "不得交给被举报人" in page
    answer = client.post(path, data={"csrf_token": csrf(client, path)})
    assert answer.status_code == 200
    assert answer.content_type == "application/zip"
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    assert "no-store" in answer.headers["Cache-Control"]
    file = tmp_path / "taken.zip"
    file.write_bytes(answer.data)
    checked = check_package(file)
    assert checked.faults == ()
    with world.database.reading() as session:
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "evidence_taken")
        ).one()
        assert check_log(session, checked=checked) is None
    assert entry.actor_id == inspector.staff_id
    assert entry.after == {
        "number": case.number, "manifest_sha256": checked.manifest_sha256, "photos": 3
    }  # fmt: skip
    assert "evidence_packages_total 1.0" in client.get("/metrics").text


@sqlite_only
def test_programs_take_it_and_others_find_nothing(app, world, case, inspector, tmp_path) -> None:
    def call(person):
        client = app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {world.token(person)}"
        return client.post(f"/api/v1/cases/{case.number}/evidence")

    answer = call(inspector)
    (tmp_path / "taken.zip").write_bytes(answer.data)
    assert check_package(tmp_path / "taken.zip").faults == ()
    for number, role in enumerate((Role.DISPATCHER, Role.AUDITOR)):
        assert call(world.person(f"p{number}", (role, SHENHE))).status_code == 404
    assert call(world.person("far", (Role.BUREAU_HEAD, XIHU))).status_code == 404


@sqlite_only
def test_a_damaged_or_lost_original_is_never_handed_out(world, case, inspector, browse) -> None:
    client, path = browse(inspector), f"/cases/{case.number}/evidence"
    token = csrf(client, path)
    with world.database.reading() as session:
        photo = session.scalars(
            select(Photo).order_by(Photo.received_at, Photo.report_id, Photo.position)
        ).first()
    stored = next(Path(world.store.root).rglob(photo.sha256))
    stored.chmod(0o600)
    stored.write_bytes(b"x" * photo.size_bytes)
    answer = client.post(path, data={"csrf_token": token})
    assert answer.status_code == 409
    assert "与收到时不一致" in answer.text
    stored.unlink()
    assert client.post(path, data={"csrf_token": token}).status_code == 404
    with world.database.reading() as session:
        taken = select(AuditEntry).where(AuditEntry.action == "evidence_taken")
        assert session.scalars(taken).all() == []


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_chinese_font_comes_with_the_product_and_a_missing_one_is_said(dialect, tmp_path) -> None:
    font = find_chinese_font()
    assert font.family == "Noto Sans SC"
    assert font.directory.is_dir()
    with pytest.raises(ConfigurationError, match="font-missing"):
        find_chinese_font([tmp_path])
    (tmp_path / "fonts").mkdir()
    (tmp_path / "fonts" / "NotoSansCJK-Regular.ttc").touch()
    assert find_chinese_font([tmp_path]).family == "Noto Sans CJK SC"


@sqlite_only
def test_what_people_wrote_is_never_read_as_markup(world, fill) -> None:
    nasty = '#panic("x") $ *_ `raw` ]] \\u{0} @ref <label> // %% #image("/etc/passwd")'
    case = world.case(reports=(world.report(description=nasty, premises_name=nasty),))
    fill()
    package = prepared(world, case)
    with world.database.writing() as session:
        note_taken(session, package=package, staff=None)
    assert dict(package.small)["cover.pdf"].startswith(b"%PDF-")


@sqlite_only
def test_acts_and_attachments_are_listed_and_a_changed_one_is_found(
    world, case, inspector, record, tmp_path
) -> None:
    world.beside(case)
    days = {name: record[name] for name in ("pause_kind", "pause_from", "reason")}
    with world.database.writing() as session:
        act(
            session, case_id=case.id, staff=inspector, code=ActCode.PAUSE, version=case.version,
            record=days, now=now_utc(), calendar=NO_OVERRIDES,
        )  # fmt: skip
    with world.database.writing() as session:
        audit.seal(session)
    path = tmp_path / "package.zip"
    path.write_bytes(b"".join(prepared(world, case).open()))
    with zipfile.ZipFile(path) as opened:
        manifest = json.loads(opened.read(f"{case.number}/manifest.json"))
    (done,) = manifest["acts"]
    assert (done["act"], done["actors"], done["record"]["reason"]) == (
        "pause", ["安娜"], record["reason"],
    )  # fmt: skip
    (file,) = manifest["attachments"]
    assert (file["name"], file["content_type"], len(file["sha256"])) == (
        "a.pdf", "application/pdf", 64,
    )  # fmt: skip
    assert "请看" not in json.dumps(manifest, ensure_ascii=False), "a note stays inside"
    assert check_package(path).faults == ()

    def faults(change):
        def mend(members):
            name, sums = f"{case.number}/manifest.json", f"{case.number}/SHA256SUMS"
            old = hashlib.sha256(members[name]).hexdigest()
            forged = json.loads(members[name])
            change(forged)
            members[name] = json.dumps(forged, ensure_ascii=False).encode()
            new = hashlib.sha256(members[name]).hexdigest()
            members[sums] = members[sums].replace(old.encode(), new.encode())

        return {f.code for f in check_package(rebuilt(path, tmp_path / "forged.zip", mend)).faults}

    assert faults(lambda m: m["acts"][0].update(act="extend")) == {"history-altered"}
    assert faults(lambda m: m["acts"].clear()) == {"history-altered"}
    assert faults(lambda m: m["history"][-1].update(to="verified")) == {"history-altered"}

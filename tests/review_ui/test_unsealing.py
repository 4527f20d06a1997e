"""A reporter is opened by the right person, for a reason, once, and never without a trace."""

import json
import re

import pytest
from sqlalchemy import select

from intake.riders.registering import RiderProfile, add_rider
from review_ui.evidence.unsealing import REASONS, hide_personal, read_reason
from schemas.access import Role
from schemas.database import new_id, now_utc
from schemas.errors import InvalidInput
from schemas.sealing import Sealer
from schemas.tables import AuditEntry, CaseReport, Photo, Report, Rider

SHENHE, SHENYANG, XIHU = "210103", "210100", "330106"
sqlite_only = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
NAME, PHONE, STATION = "欧阳骑手", "13912345678", "中街站"
REASON = {"reason_code": "contact", "reason": "核实后厨位置"}


@pytest.fixture
def rider(world):
    profile = RiderProfile(NAME, PHONE, "某外卖平台", STATION, "E-7788")
    with world.database.writing() as session:
        return add_rider(session, sealer=Sealer(world.settings), profile=profile).id


@pytest.fixture
def case(world, rider):
    return world.case(reports=(world.report(rider_id=rider), world.report()))


@pytest.fixture
def head(world):
    return world.person("hanna", (Role.BUREAU_HEAD, SHENHE), name="韩局长")


def csrf(client, path="/week"):
    return re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)[1]


def link_of(world, case, rank=0):
    with world.database.reading() as session:
        return session.scalars(
            select(CaseReport).where(
                CaseReport.case_id == case.id, CaseReport.pseudonym == f"骑手-{rank}Q{rank}"
            )
        ).one()


def entries(world, action):
    with world.database.reading() as session:
        return session.scalars(
            select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.id)
        ).all()


def path_of(world, case, rank=0):
    return f"/cases/{case.number}/reports/{link_of(world, case, rank).id}/reporter"


def test_a_bureau_head_sees_who_reported_once_and_the_log_says_so(
    world, case, head, browse
) -> None:
    client, path = browse(head), path_of(world, case)
    assert path in client.get(f"/cases/{case.number}").text
    form = client.get(path)
    assert NAME not in form.text
    assert "审计日志" in form.text
    answer = client.post(path, data={"csrf_token": csrf(client, path), **REASON})
    assert answer.status_code == 200
    for fact in (NAME, PHONE, STATION, "某外卖平台", "E-7788"):
        assert fact in answer.text
    assert "no-store" in answer.headers["Cache-Control"]
    (entry,) = entries(world, "reporter_unsealed")
    assert (entry.actor_id, entry.subject_id) == (head.staff_id, case.id)
    assert entry.after == {"number": case.number, "pseudonym": "骑手-0Q0", **REASON}
    assert 'unsealings_total{what="reporter"} 1.0' in client.get("/metrics").text
    assert world.fresh(case).version == case.version


@sqlite_only
def test_the_page_can_not_be_had_without_a_reason(world, case, head, browse) -> None:
    client, path = browse(head), path_of(world, case)
    token = csrf(client, path)
    for wrong, field in (
        ({"reason_code": "contact", "reason": " \0 "}, "reason"),
        ({"reason_code": "contact", "reason": "x" * 501}, "reason"),
        ({"reason_code": "curious", "reason": "核实后厨位置"}, "reason_code"),
        ({}, "reason_code"),
    ):
        answer = client.post(path, data={"csrf_token": token, **wrong})
        assert answer.status_code == 422
        assert re.search(rf'name="{field}"[^>]*aria-invalid', answer.text)
        assert NAME not in answer.text
    assert "核实后厨位置" in answer.text or wrong == {}
    assert entries(world, "reporter_unsealed") == []


@sqlite_only
def test_nobody_else_finds_the_way_to_a_reporter(world, case, browse) -> None:
    others = [
        world.person("anna", (Role.INSPECTOR, SHENHE)),
        world.person("dora", (Role.DISPATCHER, SHENHE)),
        world.person("audrey", (Role.AUDITOR, SHENHE)),
        world.person("adam", (Role.ADMINISTRATOR, SHENHE)),
        world.person("rita", (Role.REWARD_OFFICER, SHENHE)),
        # Sees the case as an inspector, and is a head elsewhere.
        world.person("far", (Role.BUREAU_HEAD, XIHU), (Role.INSPECTOR, SHENHE)),
    ]
    path = path_of(world, case)
    original = f"/cases/{case.number}/photos/{world.photo_of(link_of(world, case).report_id)}"
    for person in others:
        client = browse(person)
        for each in (path, f"{original}/original"):
            assert client.get(each).status_code == 404
            answer = client.post(each, data={"csrf_token": csrf(client, "/sign-out"), **REASON})
            assert answer.status_code == 404
        page = client.get(f"/cases/{case.number}").text
        assert "/reporter" not in page
        assert "/original" not in page
    assert entries(world, "reporter_unsealed") == entries(world, "original_opened") == []


@sqlite_only
def test_a_head_above_may_and_an_anonymous_report_says_so(world, case, browse) -> None:
    client = browse(world.person("carl", (Role.BUREAU_HEAD, SHENYANG)))
    assert client.get(path_of(world, case)).status_code == 200
    path = path_of(world, case, 1)
    assert "匿名举报" in client.get(path).text
    answer = client.post(path, data={"csrf_token": csrf(client), **REASON})
    assert answer.status_code == 422
    assert "匿名举报" in answer.text
    assert entries(world, "reporter_unsealed") == []


@sqlite_only
def test_an_erased_reporter_is_said_to_be_erased(world, case, head, rider, browse) -> None:
    with world.database.writing() as session:
        session.get_one(Rider, rider).erased_at = now_utc()
    client, path = browse(head), path_of(world, case)
    answer = client.post(path, data={"csrf_token": csrf(client), **REASON})
    assert answer.status_code == 409
    assert "已依法删除" in answer.text


@sqlite_only
def test_what_someone_writes_of_the_person_does_not_get_into_the_log(
    world, case, head, browse
) -> None:
    client, path = browse(head), path_of(world, case)
    reason = {"reason_code": "other", "reason": f"问{NAME}（139 1234 5678，工号E-7788）"}
    client.post(path, data={"csrf_token": csrf(client), **reason})
    (entry,) = entries(world, "reporter_unsealed")
    assert entry.after["reason"] == "问＊＊＊（＊＊＊，工号＊＊＊）"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("打 +86 139-1234-5678 问", "打 ＊＊＊ 问"),
        ("案号 AJ20261121、罚款 13912 元", "案号 AJ20261121、罚款 13912 元"),
        ("91210103MA0000001U", "91210103MA0000001U"),
    ],
)
@pytest.mark.parametrize("dialect", ["sqlite"])
def test_phone_numbers_are_hidden_and_other_numbers_stay(dialect, text, kept) -> None:
    assert hide_personal(text) == kept


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_reason_is_a_choice_and_words(dialect) -> None:
    assert read_reason("reward", " 发  奖励 ").text == "发 奖励"
    with pytest.raises(InvalidInput, match="reason-missing"):
        read_reason("reward", "x")
    assert {words.zh for words in REASONS.values()}.isdisjoint({""})


@sqlite_only
def test_a_report_that_was_taken_out_opens_nothing(world, case, head, browse) -> None:
    path, client = path_of(world, case), browse(head)
    with world.database.writing() as session:
        session.get_one(CaseReport, link_of(world, case).id).unlinked_at = now_utc()
    assert client.get(path).status_code == 404
    assert client.post(path, data={"csrf_token": csrf(client), **REASON}).status_code == 404


def store_original(world, case, data, content_type="image/jpeg", tmp_path=None):
    """Put real bytes where the case's first photo has its hash."""
    with world.database.writing() as session:
        report = session.scalars(
            select(Report).join(CaseReport, CaseReport.report_id == Report.id)
            .where(CaseReport.case_id == case.id).order_by(Report.id)
        ).first()  # fmt: skip
        photo = session.scalars(select(Photo).where(Photo.report_id == report.id)).one()
        photo.content_type = content_type
        (tmp_path / "original").write_bytes(data)
        world.store.put_original(tmp_path / "original", photo.sha256)
        return photo


@sqlite_only
def test_the_original_is_handed_out_as_a_file_and_never_as_a_page(
    world, case, head, browse, tmp_path
) -> None:
    data = b"\xff\xd8<html><script>alert(1)</script>\xff\xd9"
    photo = store_original(world, case, data, "image/heic", tmp_path)
    client = browse(head)
    path = f"/cases/{case.number}/photos/{photo.id}/original"
    assert path in client.get(f"/cases/{case.number}").text
    assert "被举报人" in client.get(path).text
    assert client.post(path, data={"csrf_token": csrf(client)}).status_code == 422
    answer = client.post(path, data={"csrf_token": csrf(client), **REASON})
    assert answer.data == data
    assert answer.content_type == "image/heic"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=AJ")
    assert answer.headers["Content-Disposition"].endswith(".heic")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "no-store" in answer.headers["Cache-Control"]
    (entry,) = entries(world, "original_opened")
    assert entry.after == {
        "number": case.number, "pseudonym": "骑手-0Q0", "sha256": photo.sha256, **REASON
    }  # fmt: skip
    assert 'unsealings_total{what="original"} 1.0' in client.get("/metrics").text


@sqlite_only
def test_an_original_that_is_not_in_the_store_is_not_found(world, case, head, browse) -> None:
    client = browse(head)
    path = f"/cases/{case.number}/photos/{world.photo_of(link_of(world, case).report_id)}/original"
    assert client.post(path, data={"csrf_token": csrf(client), **REASON}).status_code == 404
    foreign = world.photo_of(world.report())
    path = f"/cases/{case.number}/photos/{foreign}/original"
    assert client.post(path, data={"csrf_token": csrf(client), **REASON}).status_code == 404


@pytest.fixture
def call(app, world):
    def as_person(person):
        client = app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {world.token(person)}"
        return client

    return as_person


def test_programs_open_by_the_same_rule(world, case, head, call, tmp_path) -> None:
    photo = store_original(world, case, b"bytes", tmp_path=tmp_path)
    client = call(head)
    path = f"/api/v1/cases/{case.number}"
    answer = client.post(f"{path}/unsealings", json={"pseudonym": "骑手-0Q0", **REASON})
    assert answer.status_code == 200
    assert (answer.json["name"], answer.json["phone"]) == (NAME, PHONE)
    assert "no-store" in answer.headers["Cache-Control"]
    original = client.post(f"{path}/originals", json={"photo_id": str(photo.id), **REASON})
    assert (original.data, original.content_type) == (b"bytes", "image/jpeg")
    assert [e.actor_id for e in entries(world, "reporter_unsealed")] == [head.staff_id]
    assert len(entries(world, "original_opened")) == 1
    for wrong in (
        {"pseudonym": "骑手-0Q0", "reason_code": "contact", "reason": ""},
        {"pseudonym": "骑手-0Q0", "reason_code": "x", "reason": "核实"},
        {"pseudonym": "骑手-0Q0"},
        {"pseudonym": "骑手-1Q1", **REASON},
    ):
        assert client.post(f"{path}/unsealings", json=wrong).status_code == 422
    assert client.post(f"{path}/unsealings", json={"pseudonym": "x", **REASON}).status_code == 404
    nothing = {"photo_id": str(new_id()), **REASON}
    assert client.post(f"{path}/originals", json=nothing).status_code == 404


@sqlite_only
def test_programs_without_the_right_get_404(world, case, call) -> None:
    for person in (
        world.person("anna", (Role.INSPECTOR, SHENHE)),
        world.person("xu", (Role.BUREAU_HEAD, XIHU)),
    ):
        client, path = call(person), f"/api/v1/cases/{case.number}"
        asked = {"pseudonym": "骑手-0Q0", **REASON}
        assert client.post(f"{path}/unsealings", json=asked).status_code == 404
    assert NAME not in json.dumps(client.get(path).json, ensure_ascii=False)
    assert entries(world, "reporter_unsealed") == []

"""Notes with mentions, files beside them, tasks of re-inspection, and templates for findings."""

import io
import re

import pytest
from PIL import Image
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from werkzeug.datastructures import FileStorage

from review_ui.casefile.attachments import keep_files
from review_ui.casefile.notes import mentioned_in
from review_ui.casefile.tasks import add_task
from review_ui.casework.assignment import Colleague
from schemas.access import Role
from schemas.database import new_id
from schemas.errors import InvalidInput, TooLarge
from schemas.lifecycle import State
from schemas.tables import AuditEntry, CaseAttachment, CaseNote, CaseTask
from schemas.workdays import due_date, local_date

SHENHE, HUNNAN = "210103", "210112"
PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
on_any = pytest.mark.usefixtures("dialect")


def photo() -> bytes:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "CanonSecret"
    Image.linear_gradient("L").resize((900, 600)).convert("RGB").save(out, "JPEG", exif=exif)
    return out.getvalue()


def post(client, path, at="/", **fields):
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(at).text)[1]
    return client.post(path, data={"csrf_token": token} | fields)


@pytest.fixture
def two(world, browse):
    """Anna and Bob, who both inspect in Shenhe, and a case of theirs."""
    anna = world.person("anna", (Role.INSPECTOR, SHENHE), name="王小明")
    bob = world.person("bob", (Role.INSPECTOR, SHENHE), name="李雷")
    return browse(anna), browse(bob), world.case(state=State.VERIFYING)


def write(client, case, body, version=2, **more):
    at = f"/cases/{case.number}"
    return post(client, f"{at}/notes", at, body=body, version=version, **more)


def test_a_note_calls_a_colleague_who_finds_it_under_their_work(world, two) -> None:
    anna, bob, case = two
    assert write(anna, case, "@李雷 请看第二张照片。").status_code == 302
    page = anna.get(f"/cases/{case.number}").text
    assert "@李雷 请看第二张照片。" in page
    assert "写了备注" in page
    assert ">1</span>" in bob.get("/my-work/count").text
    work = bob.get("/my-work").text
    assert "请看第二张照片" in work
    assert case.number in work
    note_id = re.search(r"/my-work/mentions/([0-9a-f-]{36})/seen", work)[1]
    # Somebody else's mention stays where it is.
    assert post(anna, f"/my-work/mentions/{note_id}/seen", "/my-work").status_code == 404
    assert "请看第二张照片" in bob.get("/my-work").text
    post(bob, f"/my-work/mentions/{note_id}/seen", "/my-work")
    assert "请看第二张照片" not in bob.get("/my-work").text
    assert bob.get("/my-work/count").text.strip() == ""
    with world.database.reading() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "case_noted")).one()
    assert entry.after["version"] == 3


@on_any
def test_a_longer_name_is_not_taken_for_a_shorter_one() -> None:
    known = [Colleague(new_id(), name) for name in ("王小", "王小明", "李雷")]
    assert [each.name for each in mentioned_in("@王小明 看一下", known)] == ["王小明"]
    found = {each.name for each in mentioned_in("@王小 @王小明 看一下", known)}
    assert found == {"王小", "王小明"}
    assert mentioned_in("没有叫谁，王小明@别处", known) == []


def test_a_note_is_never_altered(world, two) -> None:
    anna, _, case = two
    write(anna, case, "写下就不改")
    for statement in ("UPDATE case_notes SET body = ''", "DELETE FROM case_notes"):
        with pytest.raises(DBAPIError), world.database.writing() as session:
            session.execute(text(statement))


def test_the_later_of_two_is_told_what_changed_and_keeps_every_word(two) -> None:
    anna, bob, case = two
    write(anna, case, "先写的一条")
    answer = write(bob, case, "很长的第二条备注 <b>")
    assert answer.status_code == 409
    assert "执法人员写了备注" in answer.text
    assert "很长的第二条备注 &lt;b&gt;</textarea>" in answer.text
    at = f"/cases/{case.number}"
    task = post(
        bob, f"{at}/tasks", at, what="看下水口", assignee_id=new_id(), working_days=7, version=2
    )
    assert task.status_code == 409
    assert "看下水口</textarea>" in task.text
    assert 'value="7"' in task.text


@pytest.mark.parametrize(
    ("body", "says"), [("  \n ", "请写点内容"), ("长" * 4001, "备注最多 4000 字")]
)
def test_a_note_without_words_or_with_too_many_is_refused(two, body, says) -> None:
    anna, _, case = two
    answer = write(anna, case, body)
    assert answer.status_code == 422
    assert says in answer.text


def test_notes_of_a_foreign_case_do_not_exist(world, two, browse) -> None:
    stranger = browse(world.person("eve", (Role.INSPECTOR, HUNNAN)))
    anna, _, case = two
    write(anna, case, "内部", files=(io.BytesIO(PDF), "合同.pdf"))
    with world.database.reading() as session:
        file = session.scalars(select(CaseAttachment)).one()
    assert post(stranger, f"/cases/{case.number}/notes", body="x", version=3).status_code == 404
    assert stranger.get(f"/attachments/{file.id}/file.pdf").status_code == 404
    assert stranger.get(f"/attachments/{file.id}/320.jpg").status_code == 404


def test_a_photo_waits_for_its_examination_and_a_pdf_is_only_handed_out(world, two) -> None:
    anna, _, case = two
    answer = write(
        anna, case, "", files=[(io.BytesIO(photo()), "后厨.jpg"), (io.BytesIO(PDF), "C:/责改.pdf")]
    )
    assert answer.status_code == 302
    page = anna.get(f"/cases/{case.number}").text
    assert "照片正在检查" in page
    assert "责改.pdf" in page
    assert "C:" not in page
    with world.database.reading() as session:
        first, second = session.scalars(select(CaseAttachment).order_by(CaseAttachment.position))
    assert first.examined_at is None
    assert anna.get(f"/attachments/{first.id}/1280.jpg").status_code == 404
    assert anna.get(f"/attachments/{first.id}/file.pdf").status_code == 404
    handed = anna.get(f"/attachments/{second.id}/file.pdf")
    assert handed.data == PDF
    assert handed.headers["Content-Disposition"].startswith("attachment;")
    assert handed.headers["X-Content-Type-Options"] == "nosniff"
    assert handed.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize(
    ("data", "name", "status", "says"),
    [
        (PDF[:-7], "a.pdf", 422, "PDF 不完整"),
        (b"<html><script>alert(1)</script>", "a.pdf", 422, "只收照片和 PDF"),
        (photo()[:2000], "a.jpg", 422, "a.jpg"),
    ],
    ids=["cut off", "not a PDF", "half a photo"],
)
def test_a_file_that_is_none_is_refused_and_the_words_are_kept(
    world, two, data, name, status, says
) -> None:
    anna, _, case = two
    answer = write(anna, case, "写好的话", files=(io.BytesIO(data), name))
    assert answer.status_code == status, answer.text
    assert says in answer.text
    assert "写好的话</textarea>" in answer.text
    with world.database.reading() as session:
        assert session.scalars(select(CaseNote)).all() == []
    assert list((world.settings.data_dir / "incoming").iterdir()) == []


def test_a_pdf_of_more_than_20_megabytes_is_refused(world) -> None:
    with io.BytesIO(PDF + bytes(20 << 20) + b"%%EOF") as data:
        sent = FileStorage(data, "大.pdf")
        with pytest.raises(TooLarge, match="attachment-too-large"):
            keep_files([sent], store=world.store, directory=world.settings.data_dir / "incoming")


def test_a_tenth_file_is_refused(two) -> None:
    anna, _, case = two
    files = [(io.BytesIO(PDF), f"{n}.pdf") for n in range(10)]
    answer = write(anna, case, "十个", files=files)
    assert answer.status_code == 413
    assert "最多 9 个附件" in answer.text


def test_a_task_has_its_day_its_person_and_its_result(world, two) -> None:
    anna, bob, case = two
    at = f"/cases/{case.number}"
    bobs_id = re.search(r'value="([0-9a-f-]{36})"[^>]*>李雷', anna.get(at).text)[1]
    fields = {"what": "看下水口是否加盖", "assignee_id": bobs_id, "working_days": "3"}
    assert post(anna, f"{at}/tasks", at, version=2, **fields).status_code == 302
    with world.database.reading() as session:
        task = session.scalars(select(CaseTask)).one()
    assert task.due_on == due_date(local_date(world.now), 3).date
    assert "看下水口是否加盖" in bob.get("/my-work").text
    done = f"{at}/tasks/{task.note_id}/done"
    refused = post(bob, done, at, version=3, result="", outcome="看过了")
    assert refused.status_code == 422
    assert "看过了</textarea>" in refused.text
    assert post(bob, done, at, version=3, result="corrected", outcome="已加盖").status_code == 302
    page = anna.get(at).text
    assert "已改正" in page
    assert "已加盖" in page
    assert "没有等您复查的任务" in bob.get("/my-work").text
    again = post(bob, done, at, version=4, result="corrected", outcome="")
    assert again.status_code == 409
    assert "已经登记过结果" in again.text
    other = world.case()
    foreign = post(bob, f"/cases/{other.number}/tasks/{task.note_id}/done", at, version=2,
                   result="corrected")  # fmt: skip
    assert foreign.status_code == 404


@pytest.mark.parametrize("days", [0, 251])
def test_a_task_has_one_to_250_working_days(world, person_of, days) -> None:
    person, case = person_of(), world.case()
    with pytest.raises(InvalidInput, match="working-days"), world.database.writing() as session:
        add_task(
            session, case_id=case.id, staff=person, version=2, what="看",
            assignee_id=person.staff_id, working_days=days, now=world.now,
        )  # fmt: skip


def test_a_task_goes_to_somebody_who_works_on_these_cases(world, two) -> None:
    stranger = world.person("eve", (Role.INSPECTOR, HUNNAN))
    anna, _, case = two
    at = f"/cases/{case.number}"
    answer = post(anna, f"{at}/tasks", at, version=2, what="看", working_days=1,
                  assignee_id=stranger.staff_id)  # fmt: skip
    assert answer.status_code == 422
    with world.database.reading() as session:
        assert session.scalars(select(CaseNote)).all() == []


def test_a_template_is_put_after_what_was_typed_and_everything_else_is_kept(two) -> None:
    anna, _, case = two
    at = f"/cases/{case.number}"
    answer = post(
        anna, f"{at}/wording", at, to="verified", wording="dirty", findings="先写的。",
        visit_place="后门", visited_on="2026-01-05", version=2,
    )  # fmt: skip
    assert answer.status_code == 200
    assert "先写的。\n后厨地面＿＿、墙面" in answer.text
    assert 'value="后门"' in answer.text
    assert 'value="2026-01-05"' in answer.text
    unknown = post(anna, f"{at}/wording", at, to="verified", wording="nothing", findings="留着")
    assert "留着</textarea>" in unknown.text
    assert post(anna, f"{at}/wording", at, to="nowhere").status_code == 404


def test_a_units_own_templates_are_kept_by_its_head(world, two, browse) -> None:
    anna, _, case = two
    hanna = browse(world.person("hanna", (Role.BUREAU_HEAD, SHENHE)))
    unit_id = world.unit().id
    fields = {"unit_id": unit_id, "title": "本所用语", "body": "经查，＿＿。", "category": ""}
    refused = post(anna, "/templates", "/templates", **fields)
    assert refused.status_code == 403
    assert "由本机构负责人管理" in refused.text
    assert post(hanna, "/templates", "/templates", **fields | {"title": " "}).status_code == 422
    assert post(hanna, "/templates", "/templates", **fields).status_code == 302
    assert "本所用语" in anna.get(f"/cases/{case.number}").text
    template_id = re.search(r"/templates/([0-9a-f-]{36})/end", hanna.get("/templates").text)[1]
    assert post(anna, f"/templates/{template_id}/end", "/templates").status_code == 403
    assert post(hanna, f"/templates/{template_id}/end", "/templates").status_code == 302
    assert "本所用语" not in anna.get(f"/cases/{case.number}").text
    assert post(hanna, f"/templates/{template_id}/end", "/templates").status_code == 404

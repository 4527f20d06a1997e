"""What is done with a list: steps for several cases, files, saved views, and its pulse."""

import csv
import io
import re
import zipfile
from datetime import date

import pytest
from sqlalchemy import event, select

from schemas.access import Role
from schemas.lifecycle import State
from schemas.tables import AuditEntry, Case, Match, SavedView

SHENHE, SHENYANG, XIHU = "210103", "210100", "330106"


def token_in(page: str) -> str:
    return re.search(r'name="csrf_token" value="([^"]+)"', page)[1]


def post(client, path, **form):
    form["csrf_token"] = token_in(client.get("/?tab=unit").text)
    return client.post(path, data=form)


def listen(engine, made):
    @event.listens_for(engine, "before_cursor_execute")
    def _note(_connection, _cursor, statement, *_rest):
        made.append(statement)


def ticked(*cases):
    return [f"{case.number}:{case.version}" for case in cases]


def entries(world, action):
    with world.database.reading() as session:
        return session.scalars(select(AuditEntry).where(AuditEntry.action == action)).all()


def test_each_ticked_case_is_assigned_by_itself_and_a_stale_one_says_why(world, browse) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    first, stale, foreign = world.case(), world.case(), world.case(code=XIHU)
    answer = post(
        browse(anna), "/cases/bulk", action="assign", assignee_id=str(anna.staff_id),
        case=[*ticked(first), f"{stale.number}:1", *ticked(foreign)],
    )  # fmt: skip
    assert answer.status_code == 200
    assert world.fresh(first).assignee_id == anna.staff_id
    assert world.fresh(first).version == first.version + 1
    assert world.fresh(stale).assignee_id is None
    assert world.fresh(foreign).assignee_id is None
    assert "没有办理：2 个" in answer.text
    assert "案件有了变化" in answer.text
    assert "没有找到" in answer.text
    assert len(entries(world, "case_assigned")) == 1


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_only_a_dispatcher_marks_several_as_no_report(world, browse) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    dora = world.person("dora", (Role.DISPATCHER, SHENHE))
    cases = [world.case(), world.case(state=State.VERIFYING)]
    form = {"action": "invalid", "reason_code": "not-food-safety", "case": ticked(*cases)}
    assert "没有办理：2 个" in post(browse(anna), "/cases/bulk", **form).text
    answer = post(browse(dora), "/cases/bulk", **form)
    assert [world.fresh(case).state for case in cases] == ["invalid", "verifying"]
    assert "没有办理：1 个" in answer.text
    unknown = {**form, "reason_code": "because", "case": ticked(world.case())}
    assert "没有办理：1 个" in post(browse(dora), "/cases/bulk", **unknown).text


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_several_are_suggested_to_be_one_incident_once(world, browse) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    first, second, third = (world.case() for _ in range(3))
    client = browse(anna)
    form = {"action": "link", "case": ticked(first, second, third)}
    assert "没有办理" not in post(client, "/cases/bulk", **form).text
    with world.database.reading() as session:
        found = session.scalars(select(Match)).all()
    assert [match.kind for match in found] == ["same_incident"] * 2
    assert "可能是同一线索" in post(client, "/cases/bulk", **form).text
    assert first.number in client.get(f"/cases/{second.number}").text
    assert len(entries(world, "incident_suggested")) == 2
    alone = post(client, "/cases/bulk", action="link", case=ticked(first))
    assert "请至少勾选两个案件" in alone.text


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_form_without_ticks_or_with_too_many_is_refused(world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    form = {"action": "assign", "assignee_id": "0" * 32}
    assert post(client, "/cases/bulk", **form).status_code == 422
    many = [f"AJ{n}:1" for n in range(101)]
    assert post(client, "/cases/bulk", **form, case=many).status_code == 422
    assert post(client, "/cases/bulk", action="close", case=many).status_code == 404
    bad = post(client, "/cases/bulk", action="assign", assignee_id="x", case=["AJ1:1"])
    assert bad.status_code == 400


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_list_is_exported_as_the_screen_shows_it_and_no_cell_is_a_formula(world, browse) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    evil = world.case(premises_name='=HYPERLINK("http://x","y")', categories=("PEST",))
    wide = world.case(premises_name="＝1+1", due_on=date(2027, 1, 4), categories=("PEST",))
    world.case(categories=("EXPIRED",))
    world.case(code=XIHU, categories=("PEST",))
    client = browse(anna)
    answer = post(client, "/cases/export.csv?category=PEST&q=")
    assert answer.content_type.startswith("text/csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    lines = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert [line[0] for line in lines] == ["案号", evil.number, wide.number]
    assert [line[4] for line in lines[1:]] == ['\'=HYPERLINK("http://x","y")', "'＝1+1"]
    assert not any(cell.startswith("=") for line in lines for cell in line)
    assert "骑手" not in answer.text
    book = zipfile.ZipFile(io.BytesIO(post(client, "/cases/export.xlsx?category=PEST").data))
    sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "HYPERLINK" in book.read("xl/sharedStrings.xml").decode()
    noted = entries(world, "cases_exported")
    assert [each.after["format"] for each in noted] == ["csv", "xlsx"]
    assert noted[0].after["filters"] == {"category": "PEST"}
    assert noted[0].after["rows"] == 2
    assert post(client, "/cases/export.pdf").status_code == 404


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_the_words_of_an_exported_search_are_not_in_the_audit_log(world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    world.case()
    answer = post(client, "/cases/export.csv?q=麻辣")
    assert len(answer.text.splitlines()) == 2
    (noted,) = entries(world, "cases_exported")
    assert noted.after["words"] is True
    assert "麻辣" not in str(noted.after)


def test_a_view_is_kept_renewed_opened_first_and_forgotten(world, browse) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    client, stranger = browse(anna), browse(world.person("bob", (Role.INSPECTOR, SHENHE)))
    post(client, "/views?tab=overdue&category=PEST", name="  超期 鼠患 ")
    post(client, "/views?tab=mine&severity=5", name="超期 鼠患", is_default="1")
    with world.database.reading() as session:
        (view,) = session.scalars(select(SavedView))
    assert (view.name, view.query, view.is_default) == ("超期 鼠患", "tab=mine&severity=5", True)
    assert client.get("/").headers["Location"].endswith("/?tab=mine&severity=5")
    assert stranger.get("/").status_code == 200
    assert "超期 鼠患" in client.get("/?tab=unit").text
    assert "超期 鼠患" not in stranger.get("/?tab=unit").text
    assert post(stranger, f"/views/{view.id}/delete").status_code == 404
    assert post(stranger, f"/views/{view.id}/first", is_default="1").status_code == 404
    post(client, f"/views/{view.id}/first", is_default="0")
    assert client.get("/").status_code == 200
    post(client, f"/views/{view.id}/delete")
    assert "超期 鼠患" not in client.get("/?tab=unit").text


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_view_without_a_name_or_one_too_many_is_refused(world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    for name in ("", "   ", "很" * 41, "换\x07行"):
        assert post(client, "/views?tab=mine", name=name).status_code == 422
    for number in range(20):
        assert post(client, "/views?tab=mine", name=f"视图 {number}").status_code == 302
    assert post(client, "/views?tab=mine", name="再一个").status_code == 422
    assert post(client, f"/views?tab=mine&q={'烧' * 80}&platform={'卖' * 80}",
                name="视图 1").status_code == 422  # fmt: skip


def test_the_pulse_of_a_list_changes_with_a_case_and_with_a_count(world, browse) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    client = browse(anna)
    case = world.case()
    pulse = re.search(r'data-pulse="([0-9a-f]+)"', client.get("/").text)[1]

    def ask():
        return client.get("/cases/pulse?tab=unit", headers={"If-None-Match": f'"{pulse}"'})

    assert ask().status_code == 304
    with world.database.writing() as session:
        session.get_one(Case, case.id).version += 1
    changed = ask()
    assert (changed.status_code, changed.data) == (204, b"")
    pulse = changed.headers["ETag"].strip('"')
    assert ask().status_code == 304
    world.case()
    assert ask().status_code == 204


def test_a_page_of_the_list_takes_few_statements(world, browse, app) -> None:
    made = []
    listen(app.extensions["room"].database.engine, made)
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE), (Role.DISPATCHER, SHENYANG)))
    for _ in range(3):
        world.case()
    for path in ("/?tab=unit", "/?tab=sign&category=PEST", "/?q=麻辣", "/map", "/cases/pulse"):
        made.clear()
        assert client.get(path).status_code in (200, 204)
        assert len(made) <= 15, (path, made)

"""What riders suggest, in the office's lists: a pseudonym, one answer, and the rider told."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from intake.suggestions import own_suggestions
from review_ui.routes.suggestions import PAGE
from schemas.access import Role
from schemas.database import now_utc
from schemas.tables import AuditEntry, Notice, Suggestion

SHENHE = "210103"
pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


@pytest.fixture
def desk(world, browse):
    """The dispatcher's browser."""
    return browse(world.person("dora", (Role.DISPATCHER, SHENHE)))


def csrf_of(client):
    page = client.get("/suggestions").text
    return re.search(r'name="csrf_token" value="([^"]+)"', page)[1]


def send(client, number, answer):
    fields = {"csrf_token": csrf_of(client), "answer": answer}
    return client.post(f"/suggestions/{number}", data=fields, follow_redirects=True)


def rows(world):
    with world.database.reading() as session:
        return list(session.scalars(select(Suggestion).order_by(Suggestion.id)))


def test_the_office_answers_once_and_the_rider_is_told(world, desk) -> None:
    number = world.suggestion()
    assert "充电口" in desk.get("/suggestions").text
    done = send(desk, number, "下周装四个。\r\n请放心。")
    assert done.status_code == 200
    assert "回复已发出" in done.text
    (row,) = rows(world)
    assert row.answer == "下周装四个。\n请放心。"
    with world.database.reading() as session:
        (notice,) = session.scalars(select(Notice))
        assert (notice.rider_id, notice.suggestion_id) == (row.rider_id, row.id)
        assert session.scalars(
            select(AuditEntry.actor_kind).where(AuditEntry.action == "suggestion.answered")
        ).all() == ["staff"]
        page = own_suggestions(session, rider_id=row.rider_id, size=5)
    assert [each.answer for each in page.rows] == [row.answer]
    assert "没有待回复" in desk.get("/suggestions").text
    assert "下周装四个" in desk.get("/suggestions?tab=answered").text


def test_the_second_of_two_answers_is_not_sent_and_not_lost(world, desk) -> None:
    number, other = world.suggestion(), world.suggestion()
    token = csrf_of(desk)
    send(desk, number, "第一个回复")
    late = desk.post(f"/suggestions/{number}", data={"csrf_token": token, "answer": "第二个回复"})
    assert late.status_code == 409
    assert "已经有同事回复" in late.text
    assert "第二个回复" in late.text
    assert other in late.text
    with world.database.reading() as session:
        assert len(session.scalars(select(Notice)).all()) == 1
    assert rows(world)[0].answer == "第一个回复"


@pytest.mark.parametrize("answer", ["", "  \n ", "长" * 2001, "\0"])
def test_an_answer_that_is_none_is_shown_again(world, desk, answer) -> None:
    number = world.suggestion()
    refused = send(desk, number, answer)
    assert refused.status_code == 422
    assert 'id="refusal"' in refused.text
    if answer.strip("\0 \n"):
        assert answer in refused.text
    assert rows(world)[0].answer is None


def test_nobody_in_the_office_learns_who_wrote(world, desk) -> None:
    numbers = [world.suggestion("电话打 13800001234 找我，谢谢") for _ in range(2)]
    with world.database.writing() as session:
        first, second = session.scalars(select(Suggestion).order_by(Suggestion.id))
        second.rider_id = first.rider_id
        rider_id = first.rider_id
    head = world.person("hanna", (Role.BUREAU_HEAD, SHENHE))
    token = {"Authorization": f"Bearer {world.token(head)}"}
    listed = desk.application.test_client().get("/api/v1/suggestions", headers=token)
    for text in (desk.get("/suggestions").text, listed.text):
        assert "13800001234" not in text
        assert str(rider_id) not in text
        assert rider_id.hex not in text
    names = {each["pseudonym"] for each in listed.json["suggestions"]}
    # Two of one rider can't be laid side by side.
    assert len(names) == len(numbers)


def test_the_lists_come_page_by_page_in_their_order(world, desk) -> None:
    numbers = [world.suggestion(f"建议 {n}") for n in range(PAGE + 2)]
    with world.database.writing() as session:
        for n, row in enumerate(session.scalars(select(Suggestion).order_by(Suggestion.id))):
            if n % 2:
                row.answer, row.answered_at = "好", now_utc() + timedelta(minutes=n // 4)
    head = world.person("hanna", (Role.BUREAU_HEAD, SHENHE))
    token = {"Authorization": f"Bearer {world.token(head)}"}
    client = desk.application.test_client()
    for tab, expected in (("new", numbers[::2]), ("answered", None)):
        met, after = [], ""
        while True:
            page = client.get(f"/api/v1/suggestions?tab={tab}&after={after}", headers=token).json
            met += [each["number"] for each in page["suggestions"]]
            after = page["next"]
            if not after:
                break
        assert sorted(met) == sorted(expected or numbers[1::2])
        assert met == (expected or met)
    unknown = client.get("/api/v1/suggestions?after=JY1", headers=token)
    assert unknown.status_code == 404


def test_a_program_answers_by_the_same_rules(world, desk) -> None:
    number = world.suggestion()
    head = world.person("hanna", (Role.BUREAU_HEAD, SHENHE))
    token = {"Authorization": f"Bearer {world.token(head)}"}
    client = desk.application.test_client()
    path = f"/api/v1/suggestions/{number}/answer"
    for body, status in (({}, 422), ({"answer": " "}, 422), ({"answer": "长" * 2001}, 422)):
        assert client.post(path, json=body, headers=token).status_code == status
    done = client.post(path, json={"answer": "已转交站点。"}, headers=token)
    assert (done.status_code, done.json["answer"]) == (200, "已转交站点。")
    again = client.post(path, json={"answer": "再来"}, headers=token)
    assert again.status_code == 409
    assert again.json["type"].endswith("suggestion-answered")


def test_who_receives_no_tips_reads_no_suggestions(world, browse) -> None:
    for role in (Role.INSPECTOR, Role.STATISTICIAN, Role.AUDITOR, Role.ADMINISTRATOR):
        client = browse(world.person(role.value, (role, SHENHE)))
        assert client.get("/suggestions").status_code == 404
        assert "微事我言" not in client.get("/account").text

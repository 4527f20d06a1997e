"""Notes, files and tasks over the API: the same rules as on the page."""

import pytest

from schemas.access import Role

SHENHE, HUNNAN = "210103", "210112"

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


@pytest.fixture
def call(app, world):
    """Anna's program, a case of hers, and a function that calls for it."""
    anna = world.person("anna", (Role.INSPECTOR, SHENHE), name="王小明")
    world.person("bob", (Role.INSPECTOR, SHENHE), name="李雷")
    case = world.case()
    headers = {"Authorization": f"Bearer {world.token(anna)}"}
    client = app.test_client()

    def ask(path, json=None, number=None):
        address = f"/api/v1/cases/{number or case.number}/{path}"
        if json is None:
            return client.get(address, headers=headers)
        return client.post(address, json=json, headers=headers)

    return ask


def test_a_note_is_written_and_read(call) -> None:
    answer = call("notes", {"version": 2, "body": "@李雷 看看"})
    assert answer.status_code == 200, answer.json
    assert answer.json["version"] == 3
    (note,) = call("notes").json["items"]
    assert (note["author"], note["body"], note["task"]) == ("王小明", "@李雷 看看", None)
    stale = call("notes", {"version": 2, "body": "晚了"})
    assert stale.status_code == 409
    assert stale.json["changes"][0]["what"] == "case_noted"


def test_a_task_is_set_and_its_result_recorded(call) -> None:
    wanted = {"version": 2, "what": "看下水口", "assignee": "BOB", "working_days": 2}
    (task,) = call("tasks", wanted).json["items"]
    assert (task["assignee"], task["result"]) == ("李雷", None)
    path = f"tasks/{task['id']}/result"
    done = call(path, {"version": 3, "result": "corrected", "outcome": "已加盖"})
    assert done.json["items"][0]["result"] == "corrected"
    assert done.json["items"][0]["done_by"] == "王小明"
    again = call(path, {"version": 4, "result": "corrected"})
    assert (again.status_code, again.json["title"]) == (409, "Task done")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("notes", {"version": 2, "body": " \n"}),
        ("notes", {"version": 2, "body": "x", "author": "someone else"}),
        ("tasks", {"version": 2, "what": "看", "assignee": "nobody", "working_days": 2}),
        ("tasks", {"version": 2, "what": "看", "assignee": "bob", "working_days": 0}),
    ],
)
def test_what_can_t_be_is_refused_and_writes_nothing(call, path, body) -> None:
    assert call(path, body).status_code == 422
    assert call("notes").json == {"version": 2, "items": []}


def test_files_are_listed_with_their_digest_and_foreign_cases_are_not_there(world, call) -> None:
    own, foreign = world.case(), world.case(code=HUNNAN)
    for case in (own, foreign):
        world.beside(case)
    (file,) = call("attachments", number=own.number).json["items"]
    assert len(file["sha256"]) == 64
    assert file["content_type"] == "application/pdf"
    for path in ("notes", "attachments", "tasks"):
        assert call(path, number=foreign.number).status_code == 404
    assert call("notes", {"version": 2, "body": "x"}, number=foreign.number).status_code == 404

"""The JSON API: the same rules as the pages, refusals as problem details, and its document."""

import json
import re

import pytest
from openapi_spec_validator import validate
from sqlalchemy import inspect

from intake.doorway import Entry
from review_ui.app import create_app
from review_ui.routes.api import PAGE_SIZE
from schemas.access import Role
from schemas.database import new_id
from schemas.lifecycle import State
from schemas.numbers import CASE_PREFIX, new_number
from schemas.tables import Case
from schemas.wire.cases import CaseDetail, CaseList, WeekAnswer

SHENHE, SHENYANG, XIHU = "210103", "210100", "330106"

sqlite_only = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


@pytest.fixture
def call(app, world):
    """Return a function that calls the API as somebody."""

    def as_person(person):
        client = app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {world.token(person)}"
        return client

    return as_person


def move(client, case, to, version, record=None):
    return client.post(
        f"/api/v1/cases/{case.number}/transitions",
        json={"to": to, "version": version, "record": record or {}},
    )


def test_a_case_goes_from_assigned_to_closed_over_the_api(world, call, record) -> None:
    anna = call(world.person("anna", (Role.INSPECTOR, SHENHE)))
    bob = call(world.person("bob", (Role.INSPECTOR, SHENHE)))
    head = call(world.person("hanna", (Role.BUREAU_HEAD, SHENHE)))
    case = world.case()
    path = f"/api/v1/cases/{case.number}/signatures"

    def approved(version, to, *names):
        """Let an inspector propose and the bureau head approve."""
        proposed = move(anna, case, to, version, fill(*names))
        assert proposed.json["proposal"]["to"] == to
        assert (
            anna.post(path, json={"decision": "confirm", "version": version + 1})
            .json["type"]
            .endswith("own-signature")
        )
        assert (
            bob.post(path, json={"decision": "confirm", "version": version + 1})
            .json["type"]
            .endswith("move-not-yours")
        )
        return head.post(path, json={"decision": "confirm", "version": version + 1})

    def fill(*names):
        return {name: record[name] for name in names}

    assert move(anna, case, "verifying", 2).json["state"] == "verifying"
    proposed = move(
        anna, case, "verified", 3, fill("visited_on", "visit_place", "findings", "actual_address")
    )
    assert proposed.json["state"] == "verifying"
    assert proposed.json["proposal"]["to"] == "verified"
    assert proposed.json["proposal"]["may_sign"] is False
    assert bob.get(path.removesuffix("/signatures")).json["proposal"]["may_sign"] is True
    signed = bob.post(path, json={"decision": "confirm", "version": 4})
    assert signed.json["state"] == "verified"
    assert signed.json["history"][-1]["actors"] == ["Anna", "Bob"]
    assert approved(5, "filed", "approval_number", "filing_ground").json["state"] == "filed"
    penalised = approved(
        7, "penalised", "decision_number", "decided_on", "law_article", "penalty_kinds",
        "fine_fen", "confiscation_fen", "published_on",
    )  # fmt: skip
    assert penalised.json["state"] == "penalised"
    assert penalised.json["due_on"] is None
    closed = approved(9, "closed", "reason")
    detail = CaseDetail.model_validate_json(closed.data)
    assert (detail.state, detail.version) == (State.CLOSED, 11)
    assert detail.verified_on == detail.penalised_on == detail.closed_on is not None
    assert [entry.to_state for entry in detail.history] == [
        "received", "assigned", "verifying", "verified", "filed", "penalised", "closed",
    ]  # fmt: skip


@sqlite_only
def test_a_list_is_paged_and_filtered(world, call) -> None:
    anna = call(world.person("anna", (Role.INSPECTOR, SHENHE)))
    made = [world.case(state=state) for state in (State.ASSIGNED, State.VERIFYING, State.CLOSED)]
    found = CaseList.model_validate_json(anna.get("/api/v1/cases").data)
    assert {item.number for item in found.items} == {case.number for case in made[:2]}
    assert found.next_cursor is None
    closed = anna.get("/api/v1/cases?state=closed").json["items"]
    assert [item["number"] for item in closed] == [made[2].number]
    assert closed[0]["working_days_left"] is None
    assert anna.get("/api/v1/cases?state=asleep").json["field"] == "state"
    wrong = anna.get("/api/v1/cases?cursor=nonsense")
    assert (wrong.status_code, wrong.json["field"]) == (422, "cursor")


@sqlite_only
def test_a_page_ends_where_the_next_begins(world, call) -> None:
    anna = call(world.person("anna", (Role.INSPECTOR, SHENHE)))
    pattern = world.case()
    copied = {c.key: getattr(pattern, c.key) for c in inspect(Case).column_attrs}
    made = {pattern.number}
    with world.database.writing() as session:
        for _ in range(PAGE_SIZE):
            number = new_number(CASE_PREFIX, world.now)
            session.add(Case(**copied | {"id": new_id(), "number": number}))
            made.add(number)
    first = anna.get("/api/v1/cases").json
    second = anna.get(f"/api/v1/cases?cursor={first['next_cursor']}").json
    assert [len(first["items"]), len(second["items"])] == [PAGE_SIZE, 1]
    assert {item["number"] for item in first["items"] + second["items"]} == made
    assert second["next_cursor"] is None


@sqlite_only
def test_a_stale_version_is_409_and_says_what_changed(world, call) -> None:
    anna = call(world.person("anna", (Role.INSPECTOR, SHENHE)))
    case = world.case()
    move(anna, case, "verifying", 2)
    stale = move(anna, case, "dispatch", 2, {"reason": "不归我们"})
    assert stale.status_code == 409
    assert stale.content_type == "application/problem+json"
    assert stale.json["type"] == "urn:suishoupai:problem:case-changed"
    assert stale.json["version"] == 3
    assert stale.json["changes"][0]["to"] == "verifying"


@sqlite_only
def test_missing_records_are_422_and_named(world, call) -> None:
    anna = call(world.person("anna", (Role.INSPECTOR, SHENHE)))
    case = world.case(state=State.VERIFYING)
    answer = move(anna, case, "verified", 2, {"findings": "有鼠迹"})
    assert answer.status_code == 422
    assert answer.json["missing"] == ["visited_on", "visit_place", "actual_address"]
    unknown = move(anna, case, "unverifiable", 2, {"findings": "店已搬走", "fine_fen": 1})
    assert unknown.json["field"] == "fine_fen"
    english = anna.post(
        f"/api/v1/cases/{case.number}/transitions",
        json={"to": "verified", "version": 2},
        headers={"Accept-Language": "en"},
    )
    assert english.json["detail"].startswith("Still missing: Date of visit")


@sqlite_only
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "body-unreadable"),
        (b"{", "body-unreadable"),
        (b"[" * 60_000, "body-unreadable"),
        (b"[]", "value-invalid"),
        (b"\xff\xfe", "body-unreadable"),
        (b'{"version": 2}', "field-missing"),
        (b'{"to": "verifying"}', "field-missing"),
        (b'{"to": "nowhere", "version": 2}', "value-invalid"),
        (b'{"to": "verifying", "version": "2"}', None),
        (b'{"to": "verifying", "version": 99999999999999999999}', None),
        (b'{"to": "verifying", "version": 2, "more": 1}', "field-unknown"),
        (b'{"to": "verifying", "version": 2, "record": []}', None),
    ],
)
def test_a_body_that_can_not_be_right_is_refused(world, call, body, code) -> None:
    anna = call(world.person("anna", (Role.INSPECTOR, SHENHE)))
    case = world.case()
    answer = anna.post(
        f"/api/v1/cases/{case.number}/transitions", data=body, content_type="application/json"
    )
    assert answer.status_code in (400, 422)
    if code:
        assert answer.json["type"].endswith(code)
    assert world.fresh(case).version == 2


@sqlite_only
@pytest.mark.parametrize(
    "value", [{"a": 1}, [[]], 5, "\0", "x" * 5000, None, True, "\ud800", float("1e308")]
)
@pytest.mark.parametrize("name", ["reason", "unit_id", "reason_code", "notice_date"])
def test_a_record_of_any_shape_is_answered_and_never_an_error(world, call, name, value) -> None:
    dora = call(world.person("dora", (Role.DISPATCHER, SHENYANG)))
    case = world.case(code=SHENYANG, state=State.DISPATCH)
    target = {"unit_id": "assigned", "reason_code": "invalid"}.get(name, "transferred")
    answer = dora.post(
        f"/api/v1/cases/{case.number}/transitions",
        data=json.dumps({"to": target, "version": 2, "record": {name: value}}),
        content_type="application/json",
    )
    assert answer.status_code in (400, 422)
    assert world.fresh(case).version == 2


@sqlite_only
def test_the_wrong_content_type_or_too_much_of_it_is_refused(world, call) -> None:
    anna = call(world.person("anna", (Role.INSPECTOR, SHENHE)))
    path = f"/api/v1/cases/{world.case().number}/transitions"
    assert anna.post(path, data="to=verifying").status_code == 415
    big = json.dumps({"to": "verifying", "version": 2, "record": {"note": "x" * 70_000}})
    assert anna.post(path, data=big, content_type="application/json").status_code == 413


@sqlite_only
def test_a_forbidden_step_is_403_and_a_foreign_one_404(world, call) -> None:
    anna = call(world.person("dora", (Role.DISPATCHER, SHENHE)))
    own, foreign = world.case(state=State.PENALISED), world.case(code=XIHU)
    assert move(anna, own, "closed", 2, {"reason": "已缴清"}).status_code == 403
    assert move(anna, foreign, "verifying", 2).status_code == 404
    assert anna.get("/api/v1/cases/AJ1").status_code == 404


@sqlite_only
def test_the_week_is_counted_with_definitions(world, call) -> None:
    stan = call(world.person("stan", (Role.STATISTICIAN, SHENYANG)))
    world.case(received_at=world.now)
    answer = stan.get("/api/v1/counts/week", headers={"Accept-Language": "en"})
    week = WeekAnswer.model_validate_json(answer.data)
    assert week.totals["received"] == 1
    assert week.counties[0].county == "沈河区"
    assert week.definitions["verified"].startswith("Cases verified in the week")
    assert (week.ends_at - week.begins_at).days == 7
    assert stan.get("/api/v1/counts/week?week=x").status_code == 422


@sqlite_only
def test_the_document_and_the_routes_hold_together(app) -> None:
    document = app.test_client().get("/openapi.json").json
    validate(document)
    described = {
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method in item
        if method in ("get", "post")
    }
    routed = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods & {"GET", "POST"}
        if rule.rule.startswith("/api/")
    }
    assert described == routed
    assert app.view_functions["api_v1.show_document"].entry is Entry.PUBLIC


@sqlite_only
def test_a_database_that_is_away_is_503_and_worth_a_repeat(settings, dialect) -> None:
    away = settings.model_copy(
        update={"database_url": "postgresql+psycopg://nobody@127.0.0.1:1/none"}
    )
    app = create_app(away)
    answer = app.test_client().get(
        "/api/v1/cases", headers={"Authorization": "Bearer staff_something"}
    )
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    app.extensions["room"].database.close()


def test_the_list_takes_the_filters_of_the_page_and_refuses_what_is_none(world, visitor) -> None:
    person = world.person("anna", (Role.INSPECTOR, "210103"))
    token = {"Authorization": f"Bearer {world.token(person)}"}
    pest = world.case(categories=("PEST",), flags=("no-exif",))
    world.case()

    def ask(query):
        return visitor.get(f"/api/v1/cases?{query}", headers=token)

    for query in (
        "category=PEST", "severity=4", "flag=no-exif", "q=麻辣&category=PEST",
        f"q={pest.number}", "category=PEST&county=210100&platform=外卖&due_from=2020-01-01",
        "category=PEST&received_from=2020-01-01&received_to=2199-01-01&due_to=2199-01-01",
    ):  # fmt: skip
        assert [each["number"] for each in ask(query).json["items"]] == [pest.number], query
    for query in ("county=330106", "platform=没有", "received_to=2020-01-01", "tab=mine"):
        assert ask(query).json["items"] == [], query
    for query in (
        "category=NONE", "severity=9", "flag=x", "county=999999", "county=000000",
        "due_to=tomorrow", "tab=all", "state=x", "q=麻辣&cursor=2026-12-01_x", "cursor=found_1",
    ):  # fmt: skip
        assert ask(query).status_code == 422, query


def test_an_extension_is_proposed_and_approved_over_the_api(world, call) -> None:
    anna = call(world.person("anna", (Role.INSPECTOR, SHENHE)))
    head = call(world.person("hanna", (Role.BUREAU_HEAD, SHENHE)))
    case = world.case()
    path = f"/api/v1/cases/{case.number}"
    listed = {each["act"]: each for each in anna.get(path).json["acts"]}
    assert listed.keys() == {"extend", "pause", "split"}
    assert listed["extend"]["approvers"] == ["bureau_head"]
    wanted = {"act": "extend", "version": 2, "record": {"reason": "需要检测"}}
    proposed = CaseDetail.model_validate_json(anna.post(f"{path}/acts", json=wanted).data)
    assert proposed.proposal is not None
    assert (proposed.proposal.act, proposed.proposal.to) == ("extend", None)
    assert proposed.due_on == case.due_on
    approved = head.post(f"{path}/signatures", json={"decision": "confirm", "version": 3})
    detail = CaseDetail.model_validate_json(approved.data)
    assert detail.due_on > case.due_on
    assert detail.clocks[0].due_on == detail.due_on
    assert any("延长 15 个工作日" in said for said in detail.clocks[0].explanation)
    again = anna.post(f"{path}/acts", json=wanted | {"version": 4})
    assert (again.status_code, again.json["type"].split(":")[-1]) == (409, "extended-already")
    stale = anna.post(f"{path}/acts", json=wanted)
    assert stale.json["changes"][0]["act"] == "extend"
    assert "延长期限" in stale.json["detail"]
    unknown = anna.post(f"{path}/acts", json=wanted | {"act": "sleep", "version": 4})
    assert (unknown.status_code, unknown.json["field"]) == (422, "act")
    english = anna.get(path, headers={"Accept-Language": "en"}).json
    assert english["clocks"][0]["explanation"][0].startswith("Received ")


@sqlite_only
def test_cases_are_merged_by_a_transition(world, call) -> None:
    dora = call(world.person("dora", (Role.DISPATCHER, SHENHE)))
    older, younger = world.case(), world.case()
    record = {"reason_code": "merged", "merged_into": older.number}
    assert move(dora, younger, "invalid", 2, record).json["state"] == "invalid"
    reports = dora.get(f"/api/v1/cases/{older.number}").json["reports"]
    assert [report["rank"] for report in reports] == [1, 2]
    wrong = move(dora, older, "invalid", 3, record)
    assert (wrong.status_code, wrong.json["field"]) == (422, "merged_into")

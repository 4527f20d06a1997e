"""What is not theirs is 404: every route of the map, for every role, at home and abroad."""

import re

import pytest
from sqlalchemy import select

from intake.doorway import Entry
from schemas.access import RIGHTS, Right, Role
from schemas.tables import CaseReport, PhotoExamination

SHENHE, SHENYANG, XIHU = "210103", "210100", "330106"
OPEN = {Entry.PUBLIC, Entry.OPERATOR}
# Entry of a route → the right that its holder needs.
NEEDED = {Entry(right.value): right for right in Right}
BODIES = {
    "cases.sign_case": {"decision": "send_back", "reason": "不对"},
    "cases.decide_match": {"decision": "reject"},
    "cases.move_case": {"to": "verifying"},
    "notes.insert_wording": {"to": "verifying"},
    "api_v1.move_case": {"to": "verifying", "version": 2},
    "api_v1.sign_case": {"decision": "confirm", "version": 2},
    "acts.do_act": {"act": "pause"},
    "api_v1.act_on_case": {"act": "pause", "version": 2},
}

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


def guarded(app):
    """Return (rule, method) of every route that asks who is there."""
    return [
        (rule, method)
        for rule in app.url_map.iter_rules()
        for method in sorted(rule.methods & {"GET", "POST"})
        if rule.endpoint != "static" and app.view_functions[rule.endpoint].entry not in OPEN
    ]


def values_of(world, case, mentioned=None):
    """Return what fills the addresses of a case: its number, links, matches, photos."""
    with world.database.reading() as session:
        link = session.scalars(select(CaseReport).where(CaseReport.case_id == case.id)).first()
    other = world.report()
    return {
        "number": case.number,
        "link_id": link.id,
        "match_id": world.match(link.report_id, other),
        "photo_id": world.photo_of(link.report_id),
        "size": 320,
        **world.beside(case, mentioned),
    }


def ask(client, rule, method, values, headers):
    _, path = rule.build({name: values[name] for name in rule.arguments})
    fields = BODIES.get(rule.endpoint, {})
    if method == "GET":
        return client.get(path, headers=headers)
    if rule.rule.startswith("/api/"):
        return client.post(path, json=fields, headers=headers)
    page = client.get("/", follow_redirects=True).text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    return client.post(path, data={"version": "2", "csrf_token": token} | fields)


def test_the_walk_covers_pages_and_api(app) -> None:
    rules = {rule.rule for rule, _ in guarded(app)}
    assert {"/", "/week", "/cases/<number>", "/api/v1/cases", "/api/v1/counts/week"} <= rules
    entries = {app.view_functions[rule.endpoint].entry for rule, _ in guarded(app)}
    assert entries <= {*NEEDED, Entry.SIGNED_IN}


@pytest.mark.parametrize("role", list(Role))
def test_every_route_opens_at_home_by_role_and_never_abroad(app, world, browse, role) -> None:
    person = world.person("someone", (role, SHENYANG))
    token = {"Authorization": f"Bearer {world.token(person)}"}
    client = browse(person)
    own, foreign = (
        values_of(world, world.case(), person.staff_id),
        values_of(world, world.case(code=XIHU)),
    )
    for rule, method in guarded(app):
        if rule.endpoint == "signing.sign_out":
            continue
        entry = app.view_functions[rule.endpoint].entry
        is_api = rule.rule.startswith("/api/")
        headers = token if is_api else {}
        may = entry is Entry.SIGNED_IN or role in RIGHTS[NEEDED[entry]]
        at_home = ask(client, rule, method, own, headers)
        assert (at_home.status_code != 404) == may, (role, rule.rule, at_home.status_code)
        assert at_home.status_code < 500
        if rule.arguments:
            abroad = ask(client, rule, method, foreign, headers)
            assert abroad.status_code == 404, (role, rule.rule, abroad.status_code)


def test_the_front_page_is_for_each_role_what_it_may_do(world, browse) -> None:
    world.case()
    for role, expected in (
        (Role.INSPECTOR, "本单位"),
        (Role.STATISTICIAN, "按区县"),
        (Role.AUDITOR, "没有您的页面"),
    ):
        client = browse(world.person(role.value, (role, SHENYANG)))
        assert expected in client.get("/", follow_redirects=True).text


def test_foreign_and_missing_look_alike(app, world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    foreign = world.case(code=XIHU)
    pages = [
        re.sub(r'[0-9a-f]{32}|value="[^"]*"', "", client.get(f"/cases/{number}").text)
        for number in (foreign.number, "AJ20261121-000000-0")
    ]
    assert pages[0] == pages[1]


def test_lists_hold_nothing_foreign(world, browse) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENHE))
    own, foreign = world.case(), world.case(code=XIHU, premises_name="西湖小吃")
    client = browse(person)
    token = {"Authorization": f"Bearer {world.token(person)}"}
    for path in ("/", f"/cases/{own.number}", "/week", "/api/v1/cases", "/api/v1/counts/week"):
        text = client.get(path, headers=token).text
        assert foreign.number not in text
        assert "西湖" not in text


def test_nobody_signed_in_gets_nothing(app, visitor, world) -> None:
    values = values_of(world, world.case())
    for rule, method in guarded(app):
        _, path = rule.build({name: values[name] for name in rule.arguments})
        answer = visitor.open(path, method=method)
        if rule.rule.startswith("/api/"):
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        elif method == "GET":
            assert (answer.status_code, answer.location[:8]) == (302, "/sign-in")
        else:
            assert answer.status_code == 401


def test_a_cookie_opens_no_api_and_a_token_no_page(app, visitor, world, browse) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENHE))
    case = world.case()
    assert browse(person).get("/api/v1/cases").status_code == 401
    token = {"Authorization": f"Bearer {world.token(person)}"}
    assert visitor.get(f"/cases/{case.number}", headers=token).status_code == 302
    assert visitor.get("/api/v1/cases", headers=token).status_code == 200
    for wrong in ("Bearer staff_guess", "Basic YTpi", "Bearer", ""):
        answer = visitor.get("/api/v1/cases", headers={"Authorization": wrong})
        assert answer.status_code == 401


def test_a_picture_follows_its_case(app, world, browse) -> None:
    here = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    there = browse(world.person("carl", (Role.INSPECTOR, XIHU)))
    report = world.report()
    case = world.case(reports=(report,))
    path = f"/photos/{world.photo_of(report)}/320.jpg"
    answer = here.get(path)
    assert answer.status_code == 200
    assert answer.content_type == "image/jpeg"
    assert answer.data.startswith(b"\xff\xd8")
    assert answer.headers["Content-Disposition"].startswith("inline")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"].startswith("private")
    assert there.get(path).status_code == 404
    assert here.get(path.replace("320", "4032")).status_code == 404
    with world.database.writing() as session:
        link = session.scalars(select(CaseReport).where(CaseReport.case_id == case.id)).one()
        link.unlinked_at = world.now
    assert here.get(path).status_code == 404


def test_a_picture_that_could_not_be_stripped_is_not_served(world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    report = world.report()
    case = world.case(reports=(report,), flags=("photo-withheld",))
    with world.database.writing() as session:
        session.get_one(PhotoExamination, world.photo_of(report)).derivative_sizes = []
    assert client.get(f"/photos/{world.photo_of(report)}/320.jpg").status_code == 404
    page = client.get(f"/cases/{case.number}").text
    assert "这张照片暂不显示" in page
    assert "/photos/" not in page

"""The own account: sessions, password, API tokens and what they are narrowed to."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from intake.browsers import browser_family
from review_ui.access.entrance import COOKIE
from review_ui.access.sessions import Awaits, open_session
from review_ui.access.tokens import add_token, find_token
from schemas.access import Role
from schemas.database import now_utc
from schemas.errors import InvalidInput
from schemas.tables import AuditEntry, Staff, StaffRole, StaffSession, StaffToken

SHENHE, SHENYANG, HUNNAN, XIHU = "210103", "210100", "210112", "330106"
PASSWORD, BETTER = "a long enough password", "纸船 屋檐 七月 铜锁 北风"

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


def csrf_of(client, path="/account"):
    return re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)[1]


@pytest.mark.parametrize(
    ("agent", "family"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36", "Chrome"),
        ("Mozilla/5.0 … Chrome/130.0 Safari/537.36 Edg/130.0", "Edge"),
        ("Mozilla/5.0 (iPhone) AppleWebKit/605 Version/18.0 Mobile Safari/604.1", "Safari"),
        ("Mozilla/5.0 … Chrome/86 Mobile Safari/537.36 MicroMessenger/8.0.42", "WeChat"),
        ("curl/8.5", None),
        ("", None),
    ],
)
def test_only_the_family_of_a_browser_is_kept(dialect, agent, family) -> None:
    assert browser_family(agent) == family


def test_sessions_are_listed_and_end_in_one_click(world, browse) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENHE))
    here, there, third = browse(person), browse(person), browse(person)
    page = here.get("/account").text
    assert page.count('<th scope="row">') == 3
    assert page.count("本次登录") == 1
    ends = re.findall(r'action="(/account/sessions/[0-9a-f-]+/end)"', page)
    assert len(ends) == 2
    csrf = csrf_of(here)
    assert here.post(ends[0], data={"csrf_token": csrf}).status_code == 302
    assert sorted(client.get("/account").status_code for client in (there, third)) == [200, 302]
    assert here.post("/account/sessions/end-others", data={"csrf_token": csrf}).status_code == 302
    assert [client.get("/account").status_code for client in (there, third)] == [302, 302]
    assert here.get("/account").status_code == 200
    assert here.post(ends[0], data={"csrf_token": csrf}).status_code == 404


def test_nobody_ends_a_session_of_somebody_else(world, browse) -> None:
    anna, bob = (world.person(name, (Role.INSPECTOR, SHENHE)) for name in ("anna", "bob"))
    theirs = browse(bob)
    with world.database.reading() as session:
        (row,) = session.scalars(select(StaffSession).where(StaffSession.staff_id == bob.staff_id))
    client = browse(anna)
    path = f"/account/sessions/{row.id}/end"
    assert client.post(path, data={"csrf_token": csrf_of(client)}).status_code == 404
    assert theirs.get("/account").status_code == 200


def test_a_session_ends_when_it_was_idle_as_long_as_the_setting_says(
    settings, world, browse_at
) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENHE))
    client, _ = browse_at(settings.model_copy(update={"session_idle_minutes": 15}), person)
    for minutes, status in ((14, 200), (16, 302)):
        with world.database.writing() as session:
            row = session.scalars(select(StaffSession)).one()
            row.seen_at = now_utc() - timedelta(minutes=minutes)
        assert client.get("/account").status_code == status


def test_a_list_that_refreshes_itself_does_not_keep_a_session_alive(world, browse) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))

    def seen_at():
        with world.database.reading() as session:
            return session.scalars(select(StaffSession)).one().seen_at

    with world.database.writing() as session:
        row = session.scalars(select(StaffSession)).one()
        row.seen_at = row.seen_at - timedelta(minutes=30)
    before = seen_at()
    assert client.get("/cases/pulse").status_code in (200, 204)
    assert seen_at() == before
    assert client.get("/account").status_code == 200
    assert seen_at() > before


def test_a_new_password_ends_every_other_session(world, browse) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENHE))
    here, there = browse(person), browse(person)
    fields = {
        "csrf_token": csrf_of(here),
        "password": PASSWORD,
        "new_password": BETTER,
        "again": BETTER,
    }
    assert here.post("/account/password", data=fields).status_code == 302
    assert here.get("/account").status_code == 200
    assert there.get("/account").status_code == 302
    # The old one no longer opens anything.
    assert here.post("/account/password", data=fields).status_code == 403
    with world.database.reading() as session:
        entries = session.scalars(select(AuditEntry)).all()
    assert {"password_changed", "sessions_ended"} <= {entry.action for entry in entries}
    assert BETTER not in str([(entry.before, entry.after) for entry in entries])


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"password": "not hers at all"}, 403, "当前密码不对"),
        ({"again": "something else entirely"}, 422, "两次输入的密码不一样"),
        ({"new_password": "short", "again": "short"}, 422, "10 到 200"),
        ({"new_password": "Qwertyuiop", "again": "Qwertyuiop"}, 422, "常用密码名单"),
        ({"new_password": "1234567890", "again": "1234567890"}, 422, "常用密码名单"),
    ],
)
def test_a_new_password_that_will_not_do_is_refused_and_said_why(
    world, browse, changed, status, said
) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENHE))
    client = browse(person)
    fields = {
        "csrf_token": csrf_of(client),
        "password": PASSWORD,
        "new_password": BETTER,
        "again": BETTER,
    }
    answer = client.post("/account/password", data=fields | changed)
    assert answer.status_code == status
    assert said in answer.text
    assert PASSWORD not in answer.text


def test_guessing_the_password_from_an_open_session_locks_the_account(world, browse) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENHE))
    client = browse(person)
    fields = {"csrf_token": csrf_of(client), "new_password": BETTER, "again": BETTER}
    for _ in range(5):
        client.post("/account/password", data=fields | {"password": "a guess at it"})
    assert client.post("/account/password", data=fields | {"password": PASSWORD}).status_code == 403
    with world.database.reading() as session:
        assert session.get_one(Staff, person.staff_id).locked_until is not None


def test_a_token_is_shown_once_narrowed_listed_and_revoked(visitor, world, browse) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENYANG))
    near, far = world.case(), world.case(code=HUNNAN)
    client = browse(person)
    csrf = csrf_of(client)
    made = client.post(
        "/account/tokens",
        data={
            "csrf_token": csrf, "name": "数据看板", "role": "inspector", "unit": SHENHE,
            "password": PASSWORD,
        },
    )  # fmt: skip
    token = re.search(r'class="secret">(staff_[\w-]+)<', made.text)[1]
    page = client.get("/account").text
    assert token not in page
    assert "数据看板" in page
    assert "从未使用" in page
    bearer = {"Authorization": f"Bearer {token}"}
    listed = visitor.get("/api/v1/cases", headers=bearer).text
    assert near.number in listed
    assert far.number not in listed
    assert visitor.get(f"/api/v1/cases/{far.number}", headers=bearer).status_code == 404
    assert "从未使用" not in client.get("/account").text
    path = re.search(r'action="(/account/tokens/[0-9a-f-]+/revoke)"', page)[1]
    assert client.post(path, data={"csrf_token": csrf}).status_code == 302
    assert visitor.get("/api/v1/cases", headers=bearer).status_code == 401
    assert client.post(path, data={"csrf_token": csrf}).status_code == 404
    with world.database.reading() as session:
        log = session.scalars(select(AuditEntry)).all()
        assert {"staff_token_added", "staff_token_revoked"} <= {entry.action for entry in log}
        assert token not in str([(entry.before, entry.after) for entry in log])
        assert token not in session.scalars(select(StaffToken)).one().token_hash


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": " "}, "哪个程序"),
        ({"name": "x", "role": "king"}, "选择一个角色"),
        ({"name": "x", "role": "auditor"}, "什么也做不了"),
        ({"name": "x", "unit": XIHU}, "没有这个机构"),
    ],
)
def test_a_token_that_could_do_nothing_or_has_no_name_is_refused(
    world, browse, fields, code
) -> None:
    client = browse(world.person("anna", (Role.INSPECTOR, SHENHE)))
    answer = client.post(
        "/account/tokens", data={"csrf_token": csrf_of(client), "password": PASSWORD} | fields
    )
    assert answer.status_code == 422
    assert code in answer.text


def test_a_token_carries_what_its_holder_holds_now_and_never_more(world) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENHE), (Role.BUREAU_HEAD, SHENYANG))
    units = {code: world.unit(code) for code in (SHENHE, SHENYANG, HUNNAN, XIHU)}

    def carried(**scope):
        with world.database.writing() as session:
            _, token = add_token(session, staff_id=person.staff_id, **scope)
            found = find_token(session, token=token)
        return {(held.role, held.division_code) for held in found.held}

    head, inspector = Role.BUREAU_HEAD, Role.INSPECTOR
    assert carried() == {(inspector, SHENHE), (head, SHENYANG)}
    assert carried(role=head) == {(head, SHENYANG)}
    assert carried(unit_id=units[HUNNAN].id) == {(head, HUNNAN)}
    assert carried(unit_id=units[SHENHE].id) == {(inspector, SHENHE), (head, SHENHE)}
    assert carried(unit_id=units[SHENYANG].id, role=inspector) == {(inspector, SHENHE)}
    for scope in ({"unit_id": units[XIHU].id}, {"unit_id": units[HUNNAN].id, "role": inspector}):
        with pytest.raises(InvalidInput, match="token-scope-empty"):
            carried(**scope)
    with world.database.writing() as session:
        _, token = add_token(session, staff_id=person.staff_id, role=head)
        for role in session.scalars(select(StaffRole).where(StaffRole.role == head.value)):
            session.delete(role)
        session.flush()
        assert find_token(session, token=token).held == ()


def test_a_cookie_that_waits_for_a_code_opens_no_page(app, world) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENHE))
    with world.database.writing() as session:
        token = open_session(session, staff_id=person.staff_id, now=now_utc(), awaits=Awaits.CODE)
    client = app.test_client()
    client.set_cookie(COOKIE, token)
    assert client.get("/account", headers={"Accept": "text/html"}).status_code == 302

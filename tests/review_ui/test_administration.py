"""Managing staff: only in the own tree, only whole accounts, never oneself, always audited."""

import re
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import func, select

from review_ui.access.factors import enrol, new_secret
from review_ui.access.invitations import GOOD_FOR
from review_ui.access.staff import signed_in_as
from schemas.access import Role
from schemas.database import now_utc
from schemas.divisions import divisions
from schemas.sealing import Sealer
from schemas.tables import AuditEntry, Staff, StaffLink, StaffRole, StaffSession
from schemas.taxonomy import Department
from schemas.units import add_unit

SHENHE, SHENYANG, XIHU, HANGZHOU = "210103", "210100", "330106", "330100"
PASSWORD, BETTER = "a long enough password", "纸船 屋檐 七月 铜锁 北风"

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


@pytest.fixture
def boss(world):
    """The administrator of Shenyang."""
    return world.person("boss", (Role.ADMINISTRATOR, SHENYANG))


@pytest.fixture
def post(browse, boss):
    """Return a function that sends one of the administrator's forms."""
    client = browse(boss)
    page = client.get("/staff").text
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]

    def send(path, **fields):
        return client.post(path, data={"csrf_token": csrf} | fields)

    send.client = client
    return send


def actions(world, staff_id):
    with world.database.reading() as session:
        rows = session.scalars(select(AuditEntry).where(AuditEntry.subject_id == staff_id))
        return [(row.action, row.actor_kind, row.actor_id) for row in rows]


def link_in(page):
    return re.search(r'class="secret">http://localhost(/sign-in/link/link_[\w-]+)<', page)[1]


def test_the_list_holds_the_staff_of_the_tree_and_nobody_else(world, post) -> None:
    world.person("anna", (Role.INSPECTOR, SHENHE), name="安娜")
    world.person("far", (Role.INSPECTOR, XIHU), name="远方")
    page = post.client.get("/staff").text
    assert "安娜" in page
    assert "远方" not in page
    assert "安娜" in post.client.get("/staff?q=安").text
    assert "安娜" in post.client.get("/staff?q=ANN").text
    assert "没有找到人员" in post.client.get("/staff?q=%25").text


def test_a_long_list_is_read_page_by_page(world, post) -> None:
    unit = world.unit(SHENHE)
    with world.database.writing() as session:
        for n in range(60):
            row = Staff(sign_in=f"s{n:03}", name=f"某人{n:03}", password_hash="x")
            session.add(row)
            session.flush()
            session.add(StaffRole(staff_id=row.id, unit_id=unit.id, role="inspector"))
    first = post.client.get("/staff").text
    onward = re.search(r'href="(/staff\?q=&amp;after=[^"]+)"', first)[1].replace("&amp;", "&")
    rest = post.client.get(onward).text
    names = re.findall(r"某人\d{3}", first) + re.findall(r"某人\d{3}", rest)
    assert names == sorted(set(names))
    assert len(names) == 60


def test_someone_new_sets_their_password_by_a_link_that_works_once(
    world, post, visitor, boss
) -> None:
    made = post("/staff/new", sign_in=" Anna ", name="安娜", role="inspector", unit=SHENHE)
    path = link_in(made.text)
    with world.database.reading() as session:
        anna = session.scalars(select(Staff).where(Staff.sign_in == "anna")).one()
        assert path.rpartition("/")[2] not in session.scalars(select(StaffLink)).one().token_hash
        held = signed_in_as(session, staff_id=anna.id).held
    assert [(each.role, each.division_code) for each in held] == [(Role.INSPECTOR, SHENHE)]
    assert ("staff_added", "staff", boss.staff_id) in actions(world, anna.id)
    # Looking at it, as a messenger's preview does, uses nothing up.
    for _ in range(2):
        page = visitor.get(path)
        assert page.status_code == 200
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]
    fields = {"csrf_token": csrf, "new_password": BETTER, "again": BETTER}
    for wrong in ({"again": "other"}, {"new_password": "short", "again": "short"}):
        refused = visitor.post(path, data=fields | wrong)
        assert refused.status_code == 422
        assert 'value="anna"' in refused.text
    assert visitor.post(path, data=fields).location == "/sign-in"
    page = visitor.get("/sign-in").text
    assert "密码已设置" in page
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    signed = visitor.post(
        "/sign-in", data={"csrf_token": csrf, "sign_in": "anna", "password": BETTER}
    )
    assert signed.status_code == 302
    assert visitor.get(path).status_code == 404
    again = visitor.post(path, data=fields | {"csrf_token": csrf})
    assert again.status_code in (403, 404)


def test_a_link_ends_after_three_days_by_a_newer_one_and_with_the_account(
    world, post, visitor
) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    first = link_in(post(f"/staff/{anna.staff_id}/link").text)
    second = link_in(post(f"/staff/{anna.staff_id}/link").text)
    assert visitor.get(first).status_code == 404
    assert visitor.get(second).status_code == 200
    with world.database.writing() as session:
        for row in session.scalars(select(StaffLink)):
            row.expires_at = now_utc() - GOOD_FOR
    assert visitor.get(second).status_code == 404
    third = link_in(post(f"/staff/{anna.staff_id}/link").text)
    post(f"/staff/{anna.staff_id}/active", active="0")
    assert visitor.get(third).status_code == 404
    assert visitor.get("/sign-in/link/link_guess").status_code == 404


def test_a_new_link_ends_the_sessions_once_it_is_used(world, post, browse, visitor) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    hers = browse(anna)
    path = link_in(post(f"/staff/{anna.staff_id}/link").text)
    assert hers.get("/account").status_code == 200
    page = visitor.get(path).text
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    visitor.post(path, data={"csrf_token": csrf, "new_password": BETTER, "again": BETTER})
    assert hers.get("/account").status_code == 302


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"sign_in": "boss"}, 409, "已有人使用"),
        ({"sign_in": "a b"}, 422, "不含空格"),
        ({"name": " "}, 422, "姓名"),
        ({"role": "king"}, 422, "选择一个角色"),
        ({"unit": XIHU}, 422, "没有这个机构"),
        ({"unit": "火星局"}, 422, "没有这个机构"),
    ],
)
def test_a_form_for_someone_new_is_refused_and_kept(world, post, changed, status, said) -> None:
    good = {"sign_in": "anna", "name": "安娜", "role": "inspector", "unit": SHENHE}
    answer = post("/staff/new", **(good | changed))
    assert answer.status_code == status
    assert said in answer.text
    kept = (good | changed)["name"]
    assert f'name="name" maxlength="80" value="{kept}"' in answer.text
    with world.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Staff)) == 1


def test_roles_are_given_and_taken_in_the_own_tree_only(world, post, boss) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    path = f"/staff/{anna.staff_id}"
    unit = world.unit(SHENYANG)
    assert post(f"{path}/roles", role="statistician", unit=unit.name).status_code == 302
    assert post(f"{path}/roles", role="statistician", unit=SHENYANG).status_code == 409
    assert post(f"{path}/roles", role="statistician", unit=XIHU).status_code == 422
    assert post(f"{path}/roles", role="statistician", unit="210000").status_code == 422
    with world.database.reading() as session:
        rows = session.scalars(select(StaffRole).where(StaffRole.staff_id == anna.staff_id)).all()
    given = next(row for row in rows if row.role == "statistician")
    kept = next(row for row in rows if row.role == "inspector")
    assert post(f"{path}/roles/{given.id}/take").status_code == 302
    assert post(f"{path}/roles/{given.id}/take").status_code == 404
    last = post(f"{path}/roles/{kept.id}/take")
    assert last.status_code == 409
    assert "最后一个角色" in last.text
    done = [action for action, _, actor in actions(world, anna.staff_id) if actor == boss.staff_id]
    assert done == ["role_given", "role_taken"]


def test_an_account_with_roles_elsewhere_is_managed_by_who_is_over_all_of_them(world, post) -> None:
    both = world.person("both", (Role.INSPECTOR, SHENHE), (Role.BUREAU_HEAD, XIHU))
    path = f"/staff/{both.staff_id}"
    page = post.client.get(path).text
    assert "管辖以外还有角色" in page
    assert world.unit(XIHU).name not in page
    for act in ("link", "second-factor/reset", "sessions/end", "tokens"):
        assert post(f"{path}/{act}", name="x").status_code == 403, act
    assert post(f"{path}/active", active="0").status_code == 403
    with world.database.reading() as session:
        assert session.get_one(Staff, both.staff_id).is_active
        foreign, own = (
            session.scalars(select(StaffRole).where(StaffRole.unit_id == world.unit(code).id)).one()
            for code in (XIHU, SHENHE)
        )
    assert post(f"{path}/roles/{foreign.id}/take").status_code == 404
    # The role here may be taken, and then the person is no longer to be seen.
    answer = post(f"{path}/roles/{own.id}/take")
    assert answer.status_code == 302
    assert post.client.get(path).status_code == 404


def test_nobody_manages_their_own_account(world, post, boss) -> None:
    path = f"/staff/{boss.staff_id}"
    assert "自己的帐号" in post.client.get(path).text
    assert post(f"{path}/roles", role="bureau_head", unit=SHENYANG).status_code == 403
    assert post(f"{path}/active", active="0").status_code == 403
    assert post(f"{path}/link").status_code == 403
    with world.database.reading() as session:
        held = signed_in_as(session, staff_id=boss.staff_id).held
    assert [each.role for each in held] == [Role.ADMINISTRATOR]


def test_who_leaves_is_out_at_once_and_comes_back_only_when_let(
    world, post, browse, visitor
) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    hers, token = browse(anna), {"Authorization": f"Bearer {world.token(anna)}"}
    path = f"/staff/{anna.staff_id}"
    assert post(f"{path}/active", active="0").status_code == 302
    assert hers.get("/account").status_code == 302
    assert visitor.get("/api/v1/cases", headers=token).status_code == 401
    assert "已停用" in post.client.get("/staff").text
    assert post(f"{path}/active", active="1").status_code == 302
    assert visitor.get("/api/v1/cases", headers=token).status_code == 200
    assert hers.get("/account").status_code == 302
    assert post(f"{path}/active", active="x").status_code == 404
    names = [action for action, _, _ in actions(world, anna.staff_id)]
    assert {"staff_deactivated", "staff_activated", "sessions_ended"} <= set(names)


def test_a_lost_second_factor_is_reset_and_all_sessions_end(world, post, browse, boss) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    secret, now = new_secret(), now_utc()
    with world.database.writing() as session:
        enrol(
            session,
            staff=session.get_one(Staff, anna.staff_id),
            sealer=Sealer(world.settings),
            secret=secret,
            code=pyotp.TOTP(secret).at(now),
            now=now,
        )
    hers = browse(anna)
    path = f"/staff/{anna.staff_id}"
    assert "重置两步验证" in post.client.get(path).text
    assert post(f"{path}/second-factor/reset").status_code == 302
    assert hers.get("/account").status_code == 302
    with world.database.reading() as session:
        assert session.get_one(Staff, anna.staff_id).sealed_totp is None
    assert ("second_factor_removed", "staff", boss.staff_id) in actions(world, anna.staff_id)


def test_an_administrator_ends_all_sessions_of_someone(world, post, browse) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    browsers = [browse(anna), browse(anna)]
    path = f"/staff/{anna.staff_id}"
    assert post.client.get(path).text.count("其他浏览器") == 2
    assert post(f"{path}/sessions/end").status_code == 302
    assert [client.get("/account").status_code for client in browsers] == [302, 302]
    with world.database.reading() as session:
        standing = select(func.count()).where(
            StaffSession.staff_id == anna.staff_id, StaffSession.ended_at.is_(None)
        )
        assert session.scalar(standing) == 0


def test_a_token_for_someone_is_shown_once_narrowed_and_revoked(world, post, visitor, boss) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENYANG))
    case = world.case()
    path = f"/staff/{anna.staff_id}"
    made = post(f"{path}/tokens", name="看板", role="inspector", unit=SHENHE)
    token = re.search(r'class="secret">(staff_[\w-]+)<', made.text)[1]
    bearer = {"Authorization": f"Bearer {token}"}
    assert case.number in visitor.get("/api/v1/cases", headers=bearer).text
    page = post.client.get(path).text
    assert token not in page
    revoke = re.search(rf'action="({path}/tokens/[0-9a-f-]+/revoke)"', page)[1]
    assert post(revoke).status_code == 302
    assert visitor.get("/api/v1/cases", headers=bearer).status_code == 401
    assert post(revoke).status_code == 404
    with world.database.reading() as session:
        entries = session.scalars(
            select(AuditEntry).where(AuditEntry.subject_kind == "staff_token")
        ).all()
    assert [entry.action for entry in entries] == ["staff_token_added", "staff_token_revoked"]
    assert {entry.actor_id for entry in entries} == {boss.staff_id}
    assert post(f"{path}/tokens", name="看板", role="auditor").status_code == 422


def test_a_locked_account_is_said_so(world, post) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    with world.database.writing() as session:
        session.get_one(Staff, anna.staff_id).locked_until = now_utc() + timedelta(minutes=9)
    assert "连续输错，锁定到" in post.client.get(f"/staff/{anna.staff_id}").text


def test_a_code_of_several_departments_asks_for_the_full_name(world, post) -> None:
    with world.database.writing() as session:
        urban = add_unit(session, department=Department.URBAN, division=divisions()[SHENHE])
        urban.parent_id = world.unit(SHENYANG).id
        urban.path = f"{world.unit(SHENYANG).path}{urban.id.hex}/"
    answer = post("/staff/new", sign_in="anna", name="安娜", role="inspector", unit=SHENHE)
    assert answer.status_code == 422
    assert "填机构全称" in answer.text
    full = world.unit(SHENHE).name
    made = post("/staff/new", sign_in="anna", name="安娜", role="inspector", unit=full)
    assert made.status_code == 200

"""The reward officer's pages and API: what is shown, who decides, and what nobody learns there."""

import re
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from intake.rewards.awards import settle_case
from intake.rewards.ledger import balance_of, open_accounts
from review_ui.rewards.honours import read_period
from schemas.access import Role
from schemas.audit import PIPELINE
from schemas.database import now_utc
from schemas.lifecycle import State
from schemas.points import AccountKind
from schemas.tables import Case, CaseHistory, PointAccount, PointAward, Report, Rider
from schemas.workdays import local_date

SHENHE, SHENYANG, XIHU = "210103", "210100", "330106"
pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
END = {"code": "fraud", "reason": "照片是从网上下载的"}


@pytest.fixture
def signers(world):
    return [world.person(name, (Role.INSPECTOR, SHENHE)) for name in ("anna", "bob")]


@pytest.fixture
def verified(world, signers):
    """A verified case of three tips: nobody's, then two riders'; with its award."""
    riders = [None, world.rider()[0], world.rider()[0]]
    reports = tuple(
        world.report(rider_id=rider, received_at=world.now - timedelta(hours=9 - place))
        for place, rider in enumerate(riders)
    )
    case = world.case(reports=reports, state=State.VERIFYING)
    with world.database.writing() as session:
        session.add(
            CaseHistory(
                case_id=case.id, version=3, from_state="verifying", to_state="verified",
                unit_id=case.unit_id, actor_id=signers[0].staff_id,
                second_actor_id=signers[1].staff_id,
            )
        )  # fmt: skip
        settle_case(session, case=session.get_one(Case, case.id), actor=PIPELINE, now=world.now)
        award = session.scalars(select(PointAward)).one()
    assert award.rider_id == riders[1]
    return case, award, riders


@pytest.fixture
def officer(world, browse):
    return browse(world.person("rita", (Role.REWARD_OFFICER, SHENYANG)))


def send(client, path, **fields):
    page = client.get("/rewards").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    return client.post(path, data={"csrf_token": token} | fields, follow_redirects=True)


def held(world, rider, kind=AccountKind.RIDER):
    with world.database.reading() as session:
        return balance_of(session, rider_id=rider, kind=kind)


def test_an_award_waits_on_the_officers_first_page_and_is_approved(
    world, officer, verified
) -> None:
    _, award, riders = verified
    assert str(award.id) in officer.get("/", follow_redirects=True).text
    page = officer.get(f"/rewards/{award.id}").text
    assert "Anna" in page
    assert "Bob" in page
    # Who qualifies, in the order of receipt, and why not the first.
    ranks = re.findall(r"<li>(.*?)</li>", re.search(r'class="ranks">(.*?)</ol>', page, re.S)[1])
    assert [re.sub(r"<[^>]+>", "", each).strip() for each in ranks] == [
        "匿名举报", "得分", "有效，但收到在后",
    ]  # fmt: skip
    done = send(officer, f"/rewards/{award.id}/approval")
    assert "已审核通过" in done.text
    assert held(world, riders[1]) == 50
    again = send(officer, f"/rewards/{award.id}/approval")
    assert again.status_code == 409
    assert held(world, riders[1]) == 50


def test_a_reversal_needs_a_reason_keeps_what_was_typed_and_passes_the_points_on(
    world, officer, verified
) -> None:
    _, award, riders = verified
    send(officer, f"/rewards/{award.id}/approval")
    refused = send(officer, f"/rewards/{award.id}/end", code="fraud", reason=" ")
    assert refused.status_code == 422
    assert "请写明理由" in refused.text
    assert '<option value="fraud" selected>' in refused.text
    done = send(officer, f"/rewards/{award.id}/end", **END)
    assert "已冲回" in done.text
    assert [held(world, riders[1]), held(world, riders[2], AccountKind.PENDING)] == [0, 50]
    assert "弄虚作假" in done.text
    assert END["reason"] in done.text
    restored = send(officer, f"/rewards/{award.id}/restoration")
    assert "已恢复资格" in restored.text
    assert held(world, riders[1], AccountKind.PENDING) == 50


def test_who_verified_is_offered_no_decision_and_refused_one(world, browse, verified) -> None:
    _, award, _ = verified
    with world.database.reading() as session:
        signer = session.scalars(
            select(CaseHistory.actor_id).where(CaseHistory.to_state == "verified")
        ).one()
    both = world.person("both", (Role.REWARD_OFFICER, SHENYANG), (Role.INSPECTOR, SHENHE))
    with world.database.writing() as session:
        row = session.scalars(select(PointAward)).one()
        row.made_by = both.staff_id
    client = browse(both)
    page = client.get(f"/rewards/{award.id}").text
    assert "须由另一名奖励专员审核" in page
    for action in ("approval", "end", "restoration"):
        assert f'action="/rewards/{award.id}/{action}"' not in page
        answer = send(client, f"/rewards/{award.id}/{action}", **END)
        assert answer.status_code == 403
    assert signer != both.staff_id


def test_nothing_tells_who_the_rider_is_which_shop_or_which_tip(world, officer, verified) -> None:
    case, award, riders = verified
    with world.database.reading() as session:
        account = session.scalars(
            select(PointAccount).where(
                PointAccount.rider_id == riders[1], PointAccount.kind == "rider"
            )
        ).one()
        reports = session.scalars(select(Report)).all()
        rows = [session.get_one(Rider, each) for each in riders if each]
    olga = world.person("olga", (Role.REWARD_OFFICER, SHENHE))
    token = {"Authorization": f"Bearer {world.token(olga)}"}
    texts = [
        officer.get(path).text
        for path in (
            "/rewards?status=all",
            f"/rewards/{award.id}",
            f"/rewards/accounts/{account.pseudonym}",
        )
    ] + [
        officer.get(f"/api/v1/rewards/{path}", headers=token).text
        for path in ("awards", f"awards/{award.id}", f"accounts/{account.pseudonym}")
    ]
    secrets = [
        case.number, str(case.id), case.premises_name, "骑手-1Q1", "李小勇", "13800001234",
        *(each.number for each in reports), *(str(each.id) for each in reports),
        *(str(each.id) for each in rows),
    ]  # fmt: skip
    for text in texts:
        assert account.pseudonym in text
        assert [each for each in secrets if each in text] == []
        # Days are enough: the hour of a receipt could tell who was there.
        assert not re.search(r"\d\d:\d\d", text)


def test_another_area_sees_nothing_of_it(world, browse, verified) -> None:
    _, award, _ = verified
    there = browse(world.person("xena", (Role.REWARD_OFFICER, XIHU)))
    assert str(award.id) not in there.get("/rewards?status=all").text
    assert there.get(f"/rewards/{award.id}").status_code == 404
    assert send(there, f"/rewards/{award.id}/approval").status_code == 404


def test_the_ledger_of_an_account_says_what_came_and_went(officer, verified) -> None:
    _, award, _ = verified
    send(officer, f"/rewards/{award.id}/approval")
    send(officer, f"/rewards/{award.id}/end", **END)
    page = officer.get(f"/rewards/{award.id}").text
    path = re.search(r'href="(/rewards/accounts/[^"]+)"', page)[1]
    ledger = officer.get(path).text
    assert re.findall(r'<td class="num">([+-]\d+)</td>', ledger) == ["-50", "+50", "+50"]
    assert officer.get("/rewards/accounts/0000-0000").status_code == 404


def test_a_supervisors_task_is_awarded_on_the_page_and_refusals_are_said(
    world, officer, browse
) -> None:
    rider, _ = world.rider()
    with world.database.writing() as session:
        account = session.get_one(
            PointAccount, open_accounts(session, rider_id=rider)[AccountKind.RIDER]
        ).pseudonym
        session.get_one(Rider, rider).is_supervisor = True
    wish = {"account": account.lower(), "task": "随机访餐厅〔2026〕3号", "unit": SHENHE}
    assert send(officer, "/rewards/tasks", **wish | {"account": "x"}).status_code == 422
    assert send(officer, "/rewards/tasks", **wish | {"unit": XIHU}).status_code == 422
    made = send(officer, "/rewards/tasks", **wish)
    assert "等另一名奖励专员审核" in made.text
    assert send(officer, "/rewards/tasks", **wish).status_code == 409
    with world.database.reading() as session:
        award = session.scalars(select(PointAward)).one()
    assert send(officer, f"/rewards/{award.id}/approval").status_code == 403
    olga = browse(world.person("olga", (Role.REWARD_OFFICER, SHENHE)))
    assert "已审核通过" in send(olga, f"/rewards/{award.id}/approval").text
    assert held(world, rider) == 20


def test_programs_list_decide_and_award_by_the_same_rules(world, app, verified, signers) -> None:
    _, award, riders = verified
    client = app.test_client()
    rita = world.person("rita", (Role.REWARD_OFFICER, SHENYANG))
    token = {"Authorization": f"Bearer {world.token(rita)}"}
    (item,) = client.get("/api/v1/rewards/awards", headers=token).json["items"]
    assert (item["status"], item["points"]) == ("pending", 50)
    path = f"/api/v1/rewards/awards/{award.id}"
    assert [each["earns"] for each in client.get(path, headers=token).json["candidates"]] == [
        False,
        True,
        False,
    ]
    assert client.post(f"{path}/approval", headers=token).json["status"] == "approved"
    unknown = client.post(f"{path}/end", json=END | {"code": "x"}, headers=token)
    assert (unknown.status_code, unknown.json["type"].rsplit(":")[-1]) == (
        422, "exclusion-unknown",
    )  # fmt: skip
    ended = client.post(f"{path}/end", json=END | {"bar_rider": True}, headers=token).json
    assert (ended["status"], ended["reason"]) == ("reversed", END["reason"])
    account = client.get(f"/api/v1/rewards/accounts/{item['account']}", headers=token).json
    assert (account["balance"], account["is_barred"]) == (0, True)
    assert held(world, riders[1]) == 0


def test_a_long_list_is_paged_by_what_has_waited_longest(world, officer) -> None:
    case = world.case()
    made = [world.award(case)["award_id"] for _ in range(52)]
    page = officer.get("/rewards").text
    assert [UUID(each) for each in re.findall(r'href="/rewards/([0-9a-f-]{36})"', page)] == made[
        :50
    ]
    after = re.search(r"after=([0-9a-f-]{36})", page)[1]
    rest = officer.get(f"/rewards?after={after}").text
    assert [UUID(each) for each in re.findall(r'href="/rewards/([0-9a-f-]{36})"', rest)] == made[
        50:
    ]
    assert officer.get("/rewards?after=nonsense").status_code == 200


def test_honours_count_what_was_approved_less_what_was_reversed(
    world, officer, verified, browse
) -> None:
    _, award, _ = verified
    case = world.case()
    others = [world.award(case) for _ in range(2)]
    for each in (award.id, *(other["award_id"] for other in others)):
        send(officer, f"/rewards/{each}/approval")
    month = f"{local_date(now_utc()):%Y-%m}"
    page = officer.get(f"/rewards/honours?period={month}").text
    ranks = re.findall(r'<tr><td class="num">(\d+)</td>.*?<td class="num">(\d+)</td>', page, re.S)
    assert ranks == [("1", "50")] * 3
    send(officer, f"/rewards/{award.id}/end", **END)
    page = officer.get("/rewards/honours").text
    assert all(other["pseudonym"] in page for other in others)
    assert page.count('<tr><td class="num">') == 2
    assert "还没有" in officer.get("/rewards/honours?period=2025-Q4").text
    assert officer.get("/rewards/honours?period=2026-13").status_code == 422
    there = browse(world.person("xena", (Role.REWARD_OFFICER, XIHU)))
    assert others[0]["pseudonym"] not in there.get("/rewards/honours").text


@pytest.mark.parametrize(
    ("name", "first", "end"),
    [
        ("2026-11", date(2026, 11, 1), date(2026, 12, 1)),
        ("2026-12", date(2026, 12, 1), date(2027, 1, 1)),
        ("2026-Q1", date(2026, 1, 1), date(2026, 4, 1)),
        ("2026-Q4", date(2026, 10, 1), date(2027, 1, 1)),
        ("2026", date(2026, 1, 1), date(2027, 1, 1)),
    ],
)
def test_a_period_is_half_open_in_local_days(dialect, name, first, end) -> None:
    period = read_period(name)
    assert (period.first, period.end) == (first, end)
    assert period.bounds[0].utcoffset() == timedelta(hours=8)


def test_programs_read_the_honours(world, app, verified) -> None:
    client = app.test_client()
    rita = world.person("rita", (Role.REWARD_OFFICER, SHENYANG))
    token = {"Authorization": f"Bearer {world.token(rita)}"}
    _, award, _ = verified
    client.post(f"/api/v1/rewards/awards/{award.id}/approval", headers=token)
    (item,) = client.get("/api/v1/rewards/honours", headers=token).json["items"]
    assert (item["rank"], item["points"], item["awards"]) == (1, 50, 1)
    assert client.get("/api/v1/rewards/honours?period=x", headers=token).status_code == 422

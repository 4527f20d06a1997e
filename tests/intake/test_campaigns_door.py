"""Campaigns at the rider's door: invited riders only, and a tip that is never lost for a task."""

import re
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from intake.identity.entrance import COOKIE
from intake.notices import add_campaign_notices
from intake.riders.registering import RiderProfile, add_rider, issue_token
from schemas.campaigns import FEWEST_RIDERS
from schemas.database import now_utc
from schemas.tables import (
    Campaign,
    CampaignInvitation,
    CampaignShop,
    CampaignTask,
    CampaignTip,
    PointAward,
    Report,
    Rider,
    RiderToken,
    Staff,
    Unit,
)
from schemas.workdays import local_date

NOBODYS = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def dialect() -> str:
    """What the database judges is tried on both in tests/review_ui/test_campaigns.py."""
    return "sqlite"


@pytest.fixture
def campaign(door, token):
    """A campaign that the token's rider was asked to, and others have accepted; its id."""
    with door.database.writing() as session:
        staff = Staff(sign_in="dora", name="孙丽", password_hash="x")
        session.add(staff)
        session.flush()
        today = local_date(now_utc())
        row = Campaign(
            unit_id=session.scalars(select(Unit.id)).first(), kind="holiday_check",
            name="元旦检查", starts_on=today, ends_on=today + timedelta(days=6), made_by=staff.id,
        )  # fmt: skip
        session.add(row)
        session.flush()
        for position, name in enumerate(("老王麻辣烫", "小李烧烤"), start=1):
            shop = CampaignShop(
                campaign_id=row.id, position=position, name=name, address="热闹路 12 号",
                latitude=41.7961, longitude=123.4421,
            )  # fmt: skip
            session.add(shop)
            session.flush()
            session.add(CampaignTask(campaign_id=row.id, shop_id=shop.id, status="open"))
        me = session.scalars(select(Rider)).one()
        me.is_supervisor = True
        session.add(CampaignInvitation(campaign_id=row.id, rider_id=me.id))
        for number in range(FEWEST_RIDERS):
            other = Rider(sealed_profile=b"x", phone_digest=f"{number:064d}", is_supervisor=True)
            session.add(other)
            session.flush()
            session.add(CampaignInvitation(campaign_id=row.id, rider_id=other.id, accepted=True))
        return row.id


@pytest.fixture
def ask(client, token):
    """Ask the API as the rider; without a body it is a GET, unless `post` says otherwise."""

    def call(path="/campaigns", body=None, *, code=200, post=False):
        headers = {"Authorization": f"Bearer {token}"}
        method = client.post if post or body is not None else client.get
        given = {} if body is None else {"json": body}
        answer = method(f"/api/v1/me{path}", headers=headers, **given)
        assert answer.status_code == code, answer.text
        return answer.json

    return call


@pytest.fixture
def held(ask, campaign):
    """Accept, and take the first shop; returns the task's id."""
    (offered,) = ask(f"/campaigns/{campaign}/answer", {"accept": True})["items"]
    task = offered["tasks"][0]["id"]
    ask(f"/tasks/{task}/take", post=True)
    return task


def code_of(problem) -> str:
    return problem["type"].rsplit(":", 1)[1]


def one(door, table):
    with door.database.reading() as session:
        return session.scalars(select(table)).one_or_none()


def test_a_rider_accepts_takes_a_task_reports_from_it_and_earns(
    ask, campaign, send, token, door
) -> None:
    (offered,) = ask()["items"]
    assert (offered["accepted"], offered["tasks"]) == (None, [])
    (offered,) = ask(f"/campaigns/{campaign}/answer", {"accept": True})["items"]
    assert [(task["name"], task["state"]) for task in offered["tasks"]] == [
        ("老王麻辣烫", "open"), ("小李烧烤", "open"),
    ]  # fmt: skip
    task = offered["tasks"][0]["id"]
    (offered,) = ask(f"/tasks/{task}/take", post=True)["items"]
    assert [each["mine"] for each in offered["tasks"]] == [True, False]
    sent = send(token=token, task=task, premises_name="老王麻辣烫")
    assert sent.status_code == 201
    (offered,) = ask()["items"]
    assert offered["tasks"][0]["state"] == "found"
    assert (one(door, CampaignTip).report_id, str(one(door, CampaignTip).task_id)) == (
        one(door, Report).id, task,
    )  # fmt: skip
    assert one(door, PointAward).points == 20
    points = ask("/points")
    assert points["pending"] == 20
    assert points["waiting"][0]["report_number"] is None


def test_a_repeat_of_the_same_tip_earns_once(ask, held, send, token, door) -> None:
    key = "0195e2a4-7d3c-7b1a-9c55-2f6f0a1b2c3d"
    first, second = (send(token=token, task=held, key=key) for _ in range(2))
    assert (first.status_code, first.json) == (201, second.json)
    assert one(door, PointAward).points == 20
    # The task belongs to what the key compares.
    other = send(token=token, key=key)
    assert code_of(other.json) == "idempotency-key-reused"


@pytest.mark.parametrize("task", [NOBODYS, "other's", "nobody"])
def test_a_tip_is_taken_whatever_became_of_its_task(send, token, held, door, task, ask) -> None:
    """Of an unknown task, of one handed back, and sent without a name."""
    if task == "other's":
        ask(f"/tasks/{held}/hand-back", post=True)
    named = {} if task == "nobody" else {"token": token}
    assert send(**named, task=held if task != NOBODYS else NOBODYS).status_code == 201
    assert one(door, CampaignTip) is None
    assert one(door, PointAward) is None


def test_a_task_that_is_no_id_is_refused(send, token) -> None:
    assert code_of(send(token=token, task="first").json) == "value-invalid"


def test_nothing_found_compares_the_place_and_keeps_none_of_it(ask, held, door) -> None:
    near = {"latitude": 41.7962, "longitude": 123.4422, "accuracy_m": 20.0}
    (offered,) = ask(f"/tasks/{held}/visit", near)["items"]
    (mine,) = [each for each in offered["tasks"] if each["mine"]]
    assert (mine["state"], mine["at_the_shop"]) == ("clean", True)
    assert one(door, PointAward).points == 20
    # A repeat that a bad line made changes nothing.
    ask(f"/tasks/{held}/visit", near)
    assert one(door, PointAward).points == 20


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (f"/campaigns/{NOBODYS}/answer", {"accept": True}, 404, "campaign-unknown"),
        (f"/tasks/{NOBODYS}/take", None, 404, "task-unknown"),
        (f"/tasks/{NOBODYS}/hand-back", None, 404, "task-unknown"),
        (f"/tasks/{NOBODYS}/visit", {}, 404, "task-unknown"),
        ("/tasks/{held}/visit", {"obstacle": "lazy"}, 422, "obstacle-unknown"),
        ("/tasks/{held}/visit", {"latitude": 41.0}, 422, "place-incomplete"),
        ("/campaigns/{campaign}/answer", {"accept": "yes"}, 422, "value-invalid"),
    ],
)
def test_what_will_not_do_is_refused(ask, campaign, held, path, body, status, code) -> None:
    path = path.format(held=held, campaign=campaign)
    assert code_of(ask(path, body, code=status, post=True)) == code


def test_the_page_works_without_a_script(client, door, token, campaign) -> None:
    with door.database.writing() as session:
        session.scalars(select(RiderToken)).one().kind = "browser"
    client.set_cookie(COOKIE, token)
    page = client.get("/me/campaigns").text
    assert "元旦检查" in page
    assert "老王麻辣烫" not in page

    def press(path, **fields):
        csrf = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/me/campaigns").text)[1]
        return client.post(path, data={"csrf_token": csrf} | fields, follow_redirects=True)

    page = press(f"/me/campaigns/{campaign}/answer", accept="1").text
    tasks = re.findall(r"/me/tasks/([0-9a-f-]{36})/take", page)
    assert len(tasks) == 2
    page = press(f"/me/tasks/{tasks[0]}/take").text
    form = client.get(re.search(r'href="(/\?task=[^"#]+)', page)[1]).text
    assert f'name="task" value="{tasks[0]}"' in form
    assert 'value="老王麻辣烫"' in form
    assert "未能走访" in press(f"/me/tasks/{tasks[0]}/visit", obstacle="closed").text
    again = press(f"/me/tasks/{tasks[0]}/hand-back")
    assert (again.status_code, "不在您手上" in again.text) == (409, True)
    # A task that is not held fills no form in.
    assert 'name="task"' not in client.get(f"/?task={tasks[0]}").text
    assert 'name="task"' not in client.get("/?task=x").text


@pytest.fixture
def other_rider(door) -> str:
    """The token of another rider, who was not asked."""
    with door.database.writing() as session:
        rider = add_rider(
            session, sealer=door.sealer, profile=RiderProfile("王小五", "13800002222", "美团")
        )
        return issue_token(session, rider_id=rider.id)


def test_whoever_is_asked_reads_it_among_their_notices_and_nobody_else_does(
    client, door, token, campaign, other_rider
) -> None:
    with door.database.writing() as session:
        row = session.get_one(Campaign, campaign)
        row.starts_on, row.ends_on = date(2026, 12, 28), date(2027, 1, 3)
        riders = session.scalars(select(CampaignInvitation.rider_id)).all()
        add_campaign_notices(session, campaign=row, riders=riders, now=now_utc())

    def notices(who, language="zh-CN"):
        headers = {"Authorization": f"Bearer {who}", "Accept-Language": language}
        return client.get("/api/v1/me/notices", headers=headers).json

    (told,) = notices(token)["notices"]
    assert told["text"] == "请您参加走访活动“元旦检查”（12月28日至1月3日），去不去由您定。"
    assert (told["about"], told["code"], told["number"]) == ("campaign", "campaign_offered", "")
    assert (told["premises_name"], told["department"], told["read"]) == ("", None, False)
    (told,) = notices(token, "en")["notices"]
    assert told["text"].startswith("You are asked to take part in «元旦检查», 28 December to 3 Jan")
    assert notices(other_rider) == {"notices": [], "unread": 0, "next": None}
    page = client.get("/me/notices", headers={"Authorization": f"Bearer {token}"}).text
    assert "请您参加走访活动“元旦检查”" in page
    assert 'href="/me/campaigns">看活动' in page
    assert "老王麻辣烫" not in page

"""Campaigns on both databases: made, offered, visited, awarded; and who may not know what."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select

from intake.campaigns import visiting
from intake.campaigns.awarding import settle_task
from intake.campaigns.reading import campaigns_of
from intake.campaigns.visiting import Visit
from intake.rewards.ledger import balance_of
from intake.riders.erasure import erase_rider
from review_ui.campaigns import making
from review_ui.campaigns.inviting import invite
from review_ui.campaigns.looking import look_at
from review_ui.campaigns.making import Wish
from review_ui.campaigns.shops import read_shops
from review_ui.rewards import decisions
from schemas import audit
from schemas.access import Role
from schemas.campaigns import FEWEST_RIDERS, LATE_FOR, TaskState
from schemas.errors import Conflict, InvalidInput, NotAllowed, NotFound
from schemas.lifecycle import State
from schemas.places import Datum, Point
from schemas.points import AccountKind
from schemas.sealing import Sealer
from schemas.tables import (
    Campaign,
    CampaignEvent,
    CampaignInvitation,
    CampaignTask,
    CampaignTip,
    Case,
    CaseHistory,
    Delivery,
    MessengerLink,
    Notice,
    PointAccount,
    PointAward,
    PointEntry,
    Rider,
)
from schemas.workdays import local_date

SHENHE, SHENYANG, XIHU = "210103", "210100", "330106"
SHOPS = """老王麻辣烫, 热闹路 12 号, 41.7961, 123.4421
小李烧烤, 青年大街 3 号, 41.7970, 123.4400
张记包子"""
# What the database does not judge is tried on the quicker one.
ON_SQLITE = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
AT_THE_SHOP = Visit(place=Point(41.7962, 123.4422), accuracy_m=15.0)


@pytest.fixture
def dora(world):
    return world.person("dora", (Role.DISPATCHER, SHENYANG))


@pytest.fixture
def made(world, dora):
    """A campaign with three shops, and so many supervisors who take part."""
    found = SimpleNamespace(world=world, staff=dora, riders=[])
    with world.database.writing() as session:
        found.id = making.make_campaign(session, staff=dora, wish=wish(world), now=world.now).id
        found.tasks = tasks_of(session, found.id)
    for _ in range(FEWEST_RIDERS):
        found.riders.append(supervisor(world, found.id, accepts=True))
    return found


def wish(world, **change):
    today = local_date(world.now)
    fields = {
        "unit": SHENHE, "kind": "random_visit", "name": "元旦前随机访餐厅", "purpose": "",
        "starts_on": today, "ends_on": today + timedelta(days=6), "riders_per_shop": 1,
        "shops": tuple(read_shops(SHOPS)),
    }  # fmt: skip
    return Wish(**fields | change)


def tasks_of(session, campaign_id):
    rows = select(CampaignTask.id).where(CampaignTask.campaign_id == campaign_id)
    return list(session.scalars(rows.order_by(CampaignTask.id)))


def supervisor(world, campaign_id, *, accepts=None):
    rider_id, _ = world.rider()
    with world.database.writing() as session:
        session.get_one(Rider, rider_id).is_supervisor = True
        session.add(
            CampaignInvitation(campaign_id=campaign_id, rider_id=rider_id, invited_at=world.now)
        )
        session.flush()
        if accepts is not None:
            visiting.answer(
                session, campaign_id=campaign_id, rider_id=rider_id, accepts=accepts, now=world.now
            )
    return rider_id


def take(made, *, rider=0, task=0, now=None):
    with made.world.database.writing() as session:
        return visiting.take(
            session, task_id=made.tasks[task], rider_id=made.riders[rider],
            now=now or made.world.now,
        )  # fmt: skip


def visit(made, *, rider=0, task=0, said=AT_THE_SHOP, now=None):
    with made.world.database.writing() as session:
        return visiting.visit(
            session, task_id=made.tasks[task], rider_id=made.riders[rider], found=said,
            now=now or made.world.now,
        )  # fmt: skip


def tip(made, *, rider=0, task=0, now=None, rider_id=None):
    report_id = made.world.report(rider_id=made.riders[rider])
    with made.world.database.writing() as session:
        counts = visiting.finish_by_tip(
            session, task_id=made.tasks[task], rider_id=rider_id or made.riders[rider],
            report_id=report_id, now=now or made.world.now,
        )  # fmt: skip
    return report_id, counts


def reject(made, *, task=0, code="fraud", staff=None, now=None):
    with made.world.database.writing() as session:
        return making.reject_visit(
            session, campaign_id=made.id, task_id=made.tasks[task], staff=staff or made.staff,
            code=code, now=now or made.world.now,
        )  # fmt: skip


def awards(world):
    with world.database.reading() as session:
        return session.scalars(select(PointAward).order_by(PointAward.id)).all()


def sums(world):
    """The sum of every account, which is zero over all of them."""
    with world.database.reading() as session:
        rows = session.scalars(select(PointEntry)).all()
    found = {}
    for row in rows:
        found[row.from_account_id] = found.get(row.from_account_id, 0) - row.points
        found[row.to_account_id] = found.get(row.to_account_id, 0) + row.points
    return found


def test_a_task_is_taken_a_tip_comes_of_it_and_it_earns_once(made) -> None:
    take(made)
    report_id, counts = tip(made)
    assert counts
    with made.world.database.reading() as session:
        assert session.get_one(CampaignTask, made.tasks[0]).status == TaskState.FOUND
        assert session.scalars(select(CampaignTip.report_id)).all() == [report_id]
        kinds = session.scalars(select(CampaignEvent.kind).order_by(CampaignEvent.id)).all()
        assert kinds == ["made", "taken", "found"]
        (offered,) = campaigns_of(session, rider_id=made.riders[0], now=made.world.now)
    assert [(each.state, each.is_mine) for each in offered.mine] == [(TaskState.FOUND, True)]
    (award,) = awards(made.world)
    assert (award.points, award.status, award.rider_id) == (20, "pending", made.riders[0])
    # The officer reads the campaign's name; nothing of the award leads to shop, report or case.
    assert award.note == "元旦前随机访餐厅"
    assert (award.report_id, award.case_id, award.incident_id) == (None, None, None)


def test_nothing_found_earns_where_the_phone_was_at_the_shop(made) -> None:
    take(made)
    assert visit(made).is_near is True
    take(made, rider=1, task=1)
    far = Visit(place=Point(41.80, 123.45), accuracy_m=15.0)
    assert visit(made, rider=1, task=1, said=far).is_near is False
    take(made, rider=2, task=2)
    # A shop without a place on record, and so nothing to compare the phone's with.
    assert visit(made, rider=2, task=2).is_near is None
    assert [each.rider_id for each in awards(made.world)] == [made.riders[0]]


# A square's middle; it is a hundredth of a degree wide and high, and at its edges a metre is
# 0.000009° north and 0.000012° east.
MIDDLE = Point(41.795, 123.455)


@ON_SQLITE
@pytest.mark.parametrize(
    ("is_square", "place", "accuracy_m", "is_near"),
    [
        (True, Point(41.7999, 123.4599), 5.0, True),
        (True, Point(41.7901, 123.4501), 5.0, True),
        # Twenty metres beyond the northern and the eastern edge.
        (True, Point(41.80018, 123.455), 15.0, False),
        (True, Point(41.80018, 123.455), 25.0, True),
        (True, Point(41.795, 123.46024), 15.0, False),
        (True, Point(41.795, 123.46024), 25.0, True),
        # Beyond a corner, 28 metres away.
        (True, Point(41.80018, 123.46024), 25.0, False),
        (True, Point(41.80018, 123.46024), 32.0, True),
        (True, MIDDLE, 201.0, None),
        (True, MIDDLE, None, None),
        # A shop in the same place: 300 metres, whatever the accuracy.
        (False, Point(41.79768, 123.455), 5.0, True),
        (False, Point(41.79772, 123.455), 150.0, False),
        (False, Point(41.7999, 123.4599), 5.0, False),
    ],
)
def test_a_square_is_visited_inside_it_and_a_shop_within_300_metres(
    world, dora, is_square, place, accuracy_m, is_near
) -> None:
    line = "沈河区一带,,41.795,123.455" + (",方格" if is_square else "")
    found = SimpleNamespace(world=world, riders=[])
    with world.database.writing() as session:
        wanted = wish(world, shops=tuple(read_shops(line)))
        found.id = making.make_campaign(session, staff=dora, wish=wanted, now=world.now).id
        found.tasks = tasks_of(session, found.id)
    for _ in range(FEWEST_RIDERS):
        found.riders.append(supervisor(world, found.id, accepts=True))
    take(found)
    assert visit(found, said=Visit(place=place, accuracy_m=accuracy_m)).is_near is is_near
    assert len(awards(world)) == (is_near is True)


def test_a_square_is_read_as_the_map_wrote_it_whatever_the_datum_beside() -> None:
    square, shop = read_shops("一带,,41.795,123.455,方格\n店,,41.795,123.455", datum=Datum.GCJ02)
    assert (square.is_square, square.place) == (True, MIDDLE)
    assert (shop.is_square, shop.place == MIDDLE) == (False, False)
    (square,) = read_shops(",,41.795,123.455,Square")
    assert square.is_square


@pytest.mark.parametrize(
    "line", ["店,,,,方格", "店,,41.795,123.455,大", "店,,41.795,123.455,方格,方格"]
)
def test_a_square_without_a_place_or_another_kind_of_place_is_refused(line) -> None:
    with pytest.raises(InvalidInput, match="shop-line-invalid"):
        read_shops(line)


@ON_SQLITE
def test_a_vague_place_confirms_nothing(made) -> None:
    take(made)
    vague = Visit(place=AT_THE_SHOP.place, accuracy_m=900.0)
    assert visit(made, said=vague).is_near is None
    assert awards(made.world) == []


@ON_SQLITE
def test_what_could_not_be_visited_is_noted_and_earns_nothing(made) -> None:
    take(made)
    task = visit(made, said=Visit(obstacle="closed", place=AT_THE_SHOP.place, accuracy_m=5.0))
    assert (task.status, task.obstacle) == (TaskState.NOT_VISITED, "closed")
    assert awards(made.world) == []
    with pytest.raises(InvalidInput, match="obstacle-unknown"):
        visit(made, said=Visit(obstacle="no_time"))


def test_a_rejected_visit_gives_its_points_back_by_the_counter_entry(made) -> None:
    take(made)
    visit(made)
    (award,) = awards(made.world)
    rita = made.world.person("rita", (Role.REWARD_OFFICER, SHENYANG))
    with made.world.database.writing() as session:
        decisions.approve(session, award_id=award.id, staff_id=rita.staff_id, now=made.world.now)
        assert balance_of(session, rider_id=made.riders[0]) == 20
    reject(made)
    with made.world.database.reading() as session:
        assert balance_of(session, rider_id=made.riders[0]) == 0
        kinds = session.scalars(select(PointEntry.kind).order_by(PointEntry.id)).all()
    assert kinds == ["earned", "approved", "reversed"]
    assert sum(sums(made.world).values()) == 0
    (award,) = awards(made.world)
    assert (award.status, award.ended_code) == ("reversed", "task")
    with pytest.raises(Conflict, match="task-not-visited"):
        reject(made)


@ON_SQLITE
def test_who_runs_the_campaign_does_not_approve_its_points(made) -> None:
    take(made)
    visit(made)
    (award,) = awards(made.world)
    with made.world.database.writing() as session, pytest.raises(NotAllowed, match="own-verif"):
        decisions.approve(
            session, award_id=award.id, staff_id=made.staff.staff_id, now=made.world.now
        )


@ON_SQLITE
def test_an_excluded_rider_earns_nothing_for_a_task(made) -> None:
    take(made)
    visit(made)
    rita = made.world.person("rita", (Role.REWARD_OFFICER, SHENYANG))
    (award,) = awards(made.world)
    with made.world.database.writing() as session:
        decisions.end_award(
            session, award_id=award.id, staff_id=rita.staff_id, code="fraud", reason="作弊",
            bar_rider=True, now=made.world.now,
        )  # fmt: skip
    take(made, task=1)
    tip(made, task=1)
    assert [each.status for each in awards(made.world)] == ["refused"]


def test_settling_a_task_again_and_again_is_as_once(made) -> None:
    take(made)
    visit(made)

    def again(_) -> None:
        with made.world.database.writing() as session:
            settle_task(
                session, task=session.get_one(CampaignTask, made.tasks[0]),
                campaign=session.get_one(Campaign, made.id), actor=audit.PIPELINE,
                now=made.world.now,
            )  # fmt: skip

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(again, range(16)))
    assert len(awards(made.world)) == 1
    with made.world.database.reading() as session:
        assert session.scalar(select(func.count(PointEntry.id))) == 1
        pending = balance_of(session, rider_id=made.riders[0], kind=AccountKind.PENDING)
    assert pending == 20


def test_of_many_who_want_one_task_one_gets_it_and_the_others_are_told(made) -> None:
    riders = [supervisor(made.world, made.id, accepts=True) for _ in range(9)]

    def want(rider_id) -> str:
        try:
            with made.world.database.writing() as session:
                visiting.take(session, task_id=made.tasks[0], rider_id=rider_id, now=made.world.now)
        except Conflict as error:
            return error.code
        return "taken"

    with ThreadPoolExecutor(9) as pool:
        answers = list(pool.map(want, riders))
    assert sorted(answers) == ["taken"] + ["task-taken"] * 8


@ON_SQLITE
def test_who_was_not_invited_finds_neither_campaign_nor_task(made) -> None:
    stranger, _ = made.world.rider()
    with made.world.database.writing() as session:
        for call in (visiting.take, visiting.hand_back):
            with pytest.raises(NotFound, match="task-unknown"):
                call(session, task_id=made.tasks[0], rider_id=stranger, now=made.world.now)
        with pytest.raises(NotFound, match="campaign-unknown"):
            visiting.answer(
                session, campaign_id=made.id, rider_id=stranger, accepts=True, now=made.world.now
            )
        assert campaigns_of(session, rider_id=stranger, now=made.world.now) == []


@ON_SQLITE
def test_shops_are_shown_to_those_who_accepted_and_only_once_there_are_enough(world, dora) -> None:
    with world.database.writing() as session:
        campaign_id = making.make_campaign(session, staff=dora, wish=wish(world), now=world.now).id
        task = tasks_of(session, campaign_id)[0]
    riders = [supervisor(world, campaign_id, accepts=True) for _ in range(FEWEST_RIDERS - 1)]
    silent = supervisor(world, campaign_id)

    def seen(rider_id) -> int:
        with world.database.reading() as session:
            (offered,) = campaigns_of(session, rider_id=rider_id, now=world.now)
            return len(offered.tasks)

    assert seen(riders[0]) == 0
    with world.database.writing() as session, pytest.raises(Conflict, match="campaign-too-few"):
        visiting.take(session, task_id=task, rider_id=riders[0], now=world.now)
    with world.database.writing() as session, pytest.raises(Conflict, match="not-accepted"):
        visiting.take(session, task_id=task, rider_id=silent, now=world.now)
    supervisor(world, campaign_id, accepts=True)
    assert (seen(riders[0]), seen(silent)) == (3, 0)


@ON_SQLITE
def test_a_campaign_opens_on_its_first_day_and_ends_with_its_last(made) -> None:
    today = local_date(made.world.now)
    with made.world.database.writing() as session:
        later = making.make_campaign(
            session, staff=made.staff, now=made.world.now,
            wish=wish(made.world, starts_on=today + timedelta(days=2)),
        ).id  # fmt: skip
        task = tasks_of(session, later)[0]
        for rider_id in made.riders:
            session.add(
                CampaignInvitation(
                    campaign_id=later, rider_id=rider_id, invited_at=made.world.now, accepted=True
                )
            )
    with made.world.database.writing() as session, pytest.raises(Conflict, match="not-begun"):
        visiting.take(session, task_id=task, rider_id=made.riders[0], now=made.world.now)
    take(made)
    over = made.world.now + timedelta(days=8)
    with pytest.raises(Conflict, match="campaign-over"):
        take(made, rider=1, task=1, now=over)
    with pytest.raises(Conflict, match="campaign-over"):
        visit(made, now=over)


@ON_SQLITE
def test_a_tip_that_waited_for_signal_still_counts_a_little_after_the_end(made) -> None:
    take(made)
    take(made, rider=1, task=1)
    with made.world.database.writing() as session:
        making.close_campaign(
            session, campaign_id=made.id, staff=made.staff, reason="节日已过", now=made.world.now
        )
    assert tip(made, now=made.world.now + LATE_FOR - timedelta(minutes=1))[1] is True
    assert tip(made, rider=1, task=1, now=made.world.now + LATE_FOR)[1] is False


@ON_SQLITE
def test_a_tip_for_another_riders_task_counts_for_nobodys(made) -> None:
    take(made)
    assert tip(made, rider=1)[1] is False
    assert tip(made, rider=1, task=1)[1] is False
    with made.world.database.reading() as session:
        assert session.get_one(CampaignTask, made.tasks[0]).status == TaskState.TAKEN
    assert awards(made.world) == []


def test_nobody_visits_a_shop_twice_or_holds_more_than_a_few(world, dora) -> None:
    many = tuple(read_shops("\n".join(f"店 {number}" for number in range(7))))
    with world.database.writing() as session:
        campaign_id = making.make_campaign(
            session, staff=dora, wish=wish(world, shops=many, riders_per_shop=2), now=world.now
        ).id
        tasks = tasks_of(session, campaign_id)
    riders = [supervisor(world, campaign_id, accepts=True) for _ in range(FEWEST_RIDERS)]
    made = SimpleNamespace(world=world, tasks=tasks, riders=riders)
    take(made, task=0)
    with pytest.raises(Conflict, match="task-shop-taken"):
        take(made, task=1)
    for task in (2, 4, 6, 8):
        take(made, task=task)
    with pytest.raises(Conflict, match="tasks-too-many"):
        take(made, task=10)
    with world.database.writing() as session:
        visiting.hand_back(session, task_id=tasks[0], rider_id=riders[0], now=world.now)
        with pytest.raises(Conflict, match="task-not-held"):
            visiting.hand_back(session, task_id=tasks[0], rider_id=riders[0], now=world.now)
    take(made, task=1)


@ON_SQLITE
def test_declining_hands_back_what_was_held(made) -> None:
    take(made)
    with made.world.database.writing() as session:
        visiting.answer(
            session, campaign_id=made.id, rider_id=made.riders[0], accepts=False,
            now=made.world.now,
        )  # fmt: skip
        task = session.get_one(CampaignTask, made.tasks[0])
        assert (task.status, task.rider_id) == (TaskState.OPEN, None)


@ON_SQLITE
def test_who_is_no_supervisor_any_more_does_not_accept(made) -> None:
    rider_id = supervisor(made.world, made.id)
    with made.world.database.writing() as session:
        session.get_one(Rider, rider_id).is_supervisor = False
        with pytest.raises(Conflict, match="not-a-supervisor"):
            visiting.answer(
                session, campaign_id=made.id, rider_id=rider_id, accepts=True, now=made.world.now
            )


@ON_SQLITE
def test_a_foreign_campaign_is_not_found(made) -> None:
    foreign = made.world.person("xena", (Role.DISPATCHER, XIHU))
    with made.world.database.writing() as session:
        with pytest.raises(NotFound):
            look_at(session, campaign_id=made.id, staff=foreign, now=made.world.now, small_cell=5)
        with pytest.raises(NotFound):
            making.close_campaign(
                session, campaign_id=made.id, staff=foreign, reason="x", now=made.world.now
            )


def test_the_erasure_of_a_rider_leaves_visits_that_are_nobodys(made) -> None:
    take(made)
    visit(made)
    take(made, task=1)
    with made.world.database.writing() as session:
        erase_rider(
            session, rider_id=made.riders[0], reason="x", now=made.world.now, actor=audit.OPERATOR
        )
        done, held = (session.get_one(CampaignTask, each) for each in made.tasks[:2])
        assert (done.status, done.rider_id) == (TaskState.CLEAN, None)
        assert (held.status, held.rider_id) == (TaskState.OPEN, None)
        assert made.riders[0] not in session.scalars(select(CampaignInvitation.rider_id)).all()


@ON_SQLITE
def test_supervisors_are_asked_by_number_phone_or_station_and_nobody_is_named(world, dora) -> None:
    sealer = Sealer(world.settings)
    with world.database.writing() as session:
        campaign_id = making.make_campaign(session, staff=dora, wish=wish(world), now=world.now).id
        ids = []
        for number, is_supervisor in enumerate((True, True, True, False)):
            phone = f"1390000000{number}"
            row = Rider(
                sealed_profile=sealer.seal({"name": "某某", "phone": phone, "station": "北站"}),
                phone_digest=sealer.digest("phone", phone),
                is_supervisor=is_supervisor,
            )
            session.add(row)
            session.flush()
            ids.append(row.id)
        session.add(PointAccount(kind="rider", rider_id=ids[1], pseudonym="AAAA-BBBB"))

    def ask(**who):
        with world.database.writing() as session:
            return invite(
                session, sealer=sealer, campaign_id=campaign_id, staff=dora, now=world.now, **who
            )

    made = ask(numbers="13900000000 aaaa-bbbb\n13900000003")
    assert (made.asked, made.before, made.unknown) == (2, 0, 1)
    made = ask(station="北站")
    assert (made.asked, made.before, made.unknown) == (1, 2, 0)
    for who, code in (
        ({}, "nobody-named"),
        ({"station": "南站"}, "no-supervisors"),
        ({"numbers": "13900000003"}, "no-supervisors"),
        ({"numbers": " ".join(str(number) for number in range(501))}, "invited-too-many"),
    ):
        with pytest.raises(InvalidInput, match=code):
            ask(**who)


def test_what_was_found_is_told_as_sums_after_the_end_and_never_in_small_numbers(made) -> None:
    def sight(now):
        with made.world.database.reading() as session:
            return look_at(session, campaign_id=made.id, staff=made.staff, now=now, small_cell=5)

    take(made)
    report_id, _ = tip(made)
    verify(made.world, report_id)
    running = sight(made.world.now)
    assert running.results is None
    assert [row.is_visited for row in running.rows] == [True, False, False]
    results = sight(made.world.now + timedelta(days=10)).results
    assert (results.visited, results.found, results.verified) == (1, None, None)
    assert set(results.categories.values()) == {None}


@ON_SQLITE
def test_larger_numbers_are_told(world, dora) -> None:
    many = tuple(read_shops("\n".join(f"店 {number}" for number in range(12))))
    with world.database.writing() as session:
        campaign_id = making.make_campaign(
            session, staff=dora, wish=wish(world, shops=many), now=world.now
        ).id
        tasks = tasks_of(session, campaign_id)
    riders = [supervisor(world, campaign_id, accepts=True) for _ in range(FEWEST_RIDERS)]
    made = SimpleNamespace(world=world, tasks=tasks, riders=riders, id=campaign_id)
    for number in range(12):
        take(made, rider=number % 3, task=number)
        if number % 2:
            visit(made, rider=number % 3, task=number)
        else:
            verify(world, tip(made, rider=number % 3, task=number)[0])
    with world.database.reading() as session:
        results = look_at(
            session, campaign_id=campaign_id, staff=dora, now=world.now + timedelta(days=10),
            small_cell=5,
        ).results  # fmt: skip
    assert (results.visited, results.found, results.verified, results.share) == (12, 6, 6, 50)


def verify(world, report_id) -> None:
    """Open a case of a report and verify it."""
    case = world.case(reports=(report_id,), state=State.VERIFYING)
    with world.database.writing() as session:
        session.add(
            CaseHistory(
                case_id=case.id, version=3, from_state=State.VERIFYING.value,
                to_state=State.VERIFIED.value, unit_id=case.unit_id, occurred_at=world.now,
            )
        )  # fmt: skip
        session.get_one(Case, case.id).state = State.VERIFIED.value


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"kind": "party"}, "campaign-kind-unknown"),
        ({"name": " "}, "campaign-name-missing"),
        ({"riders_per_shop": 3}, "riders-per-shop-invalid"),
        ({"unit": XIHU}, "unit-unknown"),
    ],
)
@ON_SQLITE
def test_a_campaign_that_will_not_do_is_refused(world, dora, change, code) -> None:
    with world.database.writing() as session, pytest.raises(InvalidInput, match=code):
        making.make_campaign(session, staff=dora, wish=wish(world, **change), now=world.now)


@ON_SQLITE
def test_days_that_are_over_or_turned_round_are_refused(world, dora) -> None:
    today = local_date(world.now)
    for first, last in ((today, today - timedelta(days=1)), (today, today + timedelta(days=92))):
        with world.database.writing() as session, pytest.raises(InvalidInput, match="days-invalid"):
            making.make_campaign(
                session, staff=dora, wish=wish(world, starts_on=first, ends_on=last), now=world.now
            )


def phone_of(number):
    return f"1380000000{number}"


@pytest.fixture
def office(world, dora):
    """A campaign, and supervisors with phones whom its office may ask; each has a messenger."""
    sealer = Sealer(world.settings)
    found = SimpleNamespace(world=world, sealer=sealer, riders=[])
    with world.database.writing() as session:
        found.id = making.make_campaign(session, staff=dora, wish=wish(world), now=world.now).id
        for number in range(3):
            row = Rider(
                sealed_profile=sealer.seal({"station": "北站"}),
                phone_digest=sealer.digest("phone", phone_of(number)),
                is_supervisor=True,
            )
            session.add(row)
            session.flush()
            session.add(MessengerLink(rider_id=row.id, sealed_recipient=sealer.seal("to_x")))
            found.riders.append(row.id)

    def ask(*numbers, now=None):
        with world.database.writing() as session:
            return invite(
                session, sealer=sealer, campaign_id=found.id, staff=dora, now=now or world.now,
                numbers=" ".join(phone_of(number) for number in numbers),
            ).asked  # fmt: skip

    found.ask = ask
    return found


def told(world):
    """Who was told of a campaign, and who is on the way to be woken, each in order."""
    with world.database.reading() as session:
        notices = session.execute(
            select(Notice.rider_id, Notice.code, Notice.campaign_id).order_by(Notice.id)
        ).all()
        woken = session.scalars(select(Delivery.target_id).order_by(Delivery.id)).all()
    return [tuple(each) for each in notices], list(woken)


def test_whoever_is_asked_is_told_once_and_so_is_whoever_is_added_later(office) -> None:
    assert office.ask(0, 1) == 2
    first, second, third = office.riders
    offered = [(each, "campaign_offered", office.id) for each in sorted((first, second))]
    notices, woken = told(office.world)
    assert (sorted(notices), sorted(woken)) == (offered, sorted((first, second)))
    assert office.ask(0, 1) == 0
    assert office.ask(0, 1, 2) == 1
    notices, woken = told(office.world)
    assert notices[2:] == [(third, "campaign_offered", office.id)]
    assert woken[2:] == [third]


def test_who_declined_is_not_told_again(office) -> None:
    office.ask(0)
    with office.world.database.writing() as session:
        visiting.answer(
            session, campaign_id=office.id, rider_id=office.riders[0], accepts=False,
            now=office.world.now,
        )  # fmt: skip
    assert office.ask(0) == 0
    assert len(told(office.world)[0]) == 1


@ON_SQLITE
def test_nobody_is_told_of_a_campaign_that_is_over(office, dora) -> None:
    with pytest.raises(Conflict, match="campaign-over"):
        office.ask(0, now=office.world.now + timedelta(days=8))
    with office.world.database.writing() as session:
        making.close_campaign(
            session, campaign_id=office.id, staff=dora, reason="下雪", now=office.world.now
        )
    with pytest.raises(Conflict, match="campaign-over"):
        office.ask(0)
    assert told(office.world) == ([], [])


def test_two_who_ask_the_same_rider_at_once_tell_them_once(office) -> None:
    with ThreadPoolExecutor(4) as pool:
        asked = list(pool.map(lambda _: office.ask(0), range(4)))
    assert sorted(asked) == [0, 0, 0, 1]
    assert len(told(office.world)[0]) == 1


def test_with_a_riders_data_goes_what_told_them_of_campaigns(office) -> None:
    office.ask(0, 1)
    first, second, _ = office.riders
    with office.world.database.writing() as session:
        erase_rider(session, rider_id=first, reason="x", now=office.world.now, actor=audit.OPERATOR)
    assert told(office.world) == ([(second, "campaign_offered", office.id)], [second])

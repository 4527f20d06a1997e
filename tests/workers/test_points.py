"""What the machine does to points: a tip examined late may be the first, and time may approve."""

from dataclasses import replace
from datetime import timedelta

import pytest

from intake.identity.stations import add_station
from intake.rewards.awards import Earned, award, settle_case
from intake.rewards.ledger import balance_of, lock_awards
from intake.rewards.mall import redeem
from schemas.audit import PIPELINE
from schemas.database import new_id, now_utc
from schemas.points import AccountKind, PointRule
from schemas.sealing import Sealer
from schemas.tables import Case, CaseHistory, PointAward, PointOffer, Staff
from schemas.workdays import local_date
from workers.points import keep_points
from workers.schedule import tasks


def verify(machine, case, *, ago=timedelta(0)):
    """Let inspectors find a case true, so long ago."""
    moment = now_utc() - ago
    with machine.database.writing() as session:
        row = session.get_one(Case, case.id)
        row.verified_at = moment
        session.add(
            CaseHistory(
                case_id=case.id, version=9, from_state="verifying", to_state="verified",
                unit_id=case.unit_id, occurred_at=moment,
            )
        )  # fmt: skip
        settle_case(session, case=row, actor=PIPELINE, now=moment)


def held(machine, rider, kind):
    with machine.database.reading() as session:
        return balance_of(session, rider_id=rider, kind=kind)


def test_a_tip_received_first_and_examined_late_takes_the_points_over(machine, tips) -> None:
    first, second = tips.rider(), tips.rider()
    photo, place = tips.photo(1), tips.inside()
    early = tips.send(photo, at=place, rider=first, received_at=now_utc() - timedelta(hours=2))
    late = tips.send(photo, at=place, rider=second, received_at=now_utc() - timedelta(hours=1))
    tips.process(late)
    verify(machine, tips.case(late))
    assert held(machine, second, AccountKind.PENDING) == 50
    tips.process(early)
    assert tips.case(early).id == tips.case(late).id
    assert [held(machine, each, AccountKind.PENDING) for each in (first, second)] == [50, 0]


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("days", "approved"), [(0, 0), (7, 0), (2, 50)])
def test_the_clock_approves_only_what_policy_lets_it(machine, tips, days, approved) -> None:
    rider = tips.rider()
    report = tips.send(tips.photo(1), at=tips.inside(), rider=rider)
    tips.process(report)
    verify(machine, tips.case(report), ago=timedelta(days=3))
    settings = machine.settings.model_copy(update={"points_automatic_days": days})
    for _ in range(2):
        keep_points(replace(machine, settings=settings))
    assert held(machine, rider, AccountKind.RIDER) == approved
    with machine.database.reading() as session:
        award = session.query(PointAward).one()
        assert award.decided_by is None
    assert any(task.run is keep_points for task in tasks())


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_time_is_no_second_officer_for_an_award_made_by_hand(machine, tips) -> None:
    rider = tips.rider()
    report = tips.send(tips.photo(1), at=tips.inside(), rider=rider)
    tips.process(report)
    long_ago = now_utc() - timedelta(days=30)
    with machine.database.writing() as session:
        staff = Staff(sign_in="rita", name="孙丽", password_hash="x")
        session.add(staff)
        session.flush()
        lock_awards(session)
        earned = Earned(
            rule=PointRule.SUPERVISOR_TASK, cause=f"{rider.hex}/夜查", rider_id=rider,
            unit_id=tips.case(report).unit_id, earned_at=long_ago, made_by=staff.id, note="夜查",
        )  # fmt: skip
        assert award(session, earned=earned, actor=PIPELINE, now=long_ago)
    settings = machine.settings.model_copy(update={"points_automatic_days": 1})
    keep_points(replace(machine, settings=settings))
    assert held(machine, rider, AccountKind.RIDER) == 0
    assert held(machine, rider, AccountKind.PENDING) == 20


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_the_clock_takes_back_what_nobody_collected(machine, tips) -> None:
    rider = tips.rider()
    report = tips.send(tips.photo(1), at=tips.inside(), rider=rider)
    tips.process(report)
    verify(machine, tips.case(report), ago=timedelta(days=3))
    eager = replace(
        machine, settings=machine.settings.model_copy(update={"points_automatic_days": 1})
    )
    keep_points(eager)
    today = local_date(now_utc())
    with machine.database.writing() as session:
        station, _ = add_station(session, name="驿站", place="某街 1 号", now=now_utc())
        staff = Staff(sign_in="rita", name="孙丽", password_hash="x")
        session.add(staff)
        session.flush()
        offer = PointOffer(
            station_id=station.id, unit_id=tips.case(report).unit_id, title="热饭一份",
            price_points=50, stock=1, starts_on=today - timedelta(days=9), ends_on=today,
            hold_days=1, made_by=staff.id,
        )  # fmt: skip
        session.add(offer)
        session.flush()
        redeem(
            session, sealer=Sealer(machine.settings), rider_id=rider, offer_id=offer.id,
            key=new_id(), now=now_utc() - timedelta(days=3),
        )  # fmt: skip
    assert held(machine, rider, AccountKind.RIDER) == 0
    for _ in range(2):
        keep_points(machine)
    assert held(machine, rider, AccountKind.RIDER) == 50
    with machine.database.reading() as session:
        assert session.get_one(PointOffer, offer.id).taken == 0

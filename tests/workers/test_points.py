"""What the machine does to points: a tip examined late may be the first, and time may approve."""

from dataclasses import replace
from datetime import timedelta

import pytest

from intake.rewards.awards import settle_case
from intake.rewards.ledger import balance_of
from schemas.audit import PIPELINE
from schemas.database import now_utc
from schemas.points import AccountKind
from schemas.tables import Case, CaseHistory, PointAward
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

"""Points come and go with the steps of a case, in the transaction of the step."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from intake.rewards.approving import approve_due
from intake.rewards.ledger import balance_of, open_accounts
from review_ui.casework.advancing import advance, confirm
from review_ui.casework.case_links import link_report, standing_links
from review_ui.casework.links import accept_suggestion, unlink_report
from review_ui.rewards.decisions import approve, award_task, end_award, restore
from schemas.access import Role
from schemas.database import now_utc
from schemas.deadlines import VERIFY_WORKING_DAYS
from schemas.errors import Conflict, InvalidInput, NotAllowed
from schemas.lifecycle import State
from schemas.points import AccountKind, edition_on
from schemas.tables import (
    AuditEntry,
    Case,
    CaseReport,
    PointAccount,
    PointAward,
    PointEntry,
    Rider,
    Supplement,
)
from schemas.workdays import due_date, local_date

SHENHE, SHENYANG = "210103", "210100"
sqlite_only = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
VISIT = ("visited_on", "visit_place", "findings", "actual_address")


@pytest.fixture
def staff(world):
    """Two inspectors, a dispatcher, two bureau heads and a reward officer."""
    return {
        name: world.person(name, (role, SHENYANG))
        for name, role in (
            ("anna", Role.INSPECTOR),
            ("bob", Role.INSPECTOR),
            ("dora", Role.DISPATCHER),
            ("hanna", Role.BUREAU_HEAD),
            ("hugo", Role.BUREAU_HEAD),
            ("rita", Role.REWARD_OFFICER),
        )
    }


def step(world, case, person, to=None, record=None):
    """Propose or make a move; without a target, sign what was proposed."""
    with world.database.writing() as session:
        given = {
            "case_id": case.id, "staff": person, "version": world.fresh(case).version,
            "now": now_utc(),
        }  # fmt: skip
        if to is None:
            return confirm(session, **given)
        return advance(session, to=to, record=record or {}, **given)


def verify(world, case, staff, record, **more):
    step(world, case, staff["anna"], State.VERIFIED, {name: record[name] for name in VISIT} | more)
    step(world, case, staff["bob"])


def riders_reports(world, count=2):
    """Tips of as many riders, in the order of receipt."""
    riders = [world.rider()[0] for _ in range(count)]
    reports = [
        world.report(rider_id=rider, received_at=world.now - timedelta(hours=9 - place))
        for place, rider in enumerate(riders)
    ]
    return riders, reports


def standing(world):
    with world.database.reading() as session:
        return session.scalars(select(PointAward).where(PointAward.ended_at.is_(None))).all()


def held(world, rider, kind=AccountKind.PENDING):
    with world.database.reading() as session:
        return balance_of(session, rider_id=rider, kind=kind)


def decide(world, work, award, person, **more):
    with world.database.writing() as session:
        return work(session, award_id=award.id, staff_id=person.staff_id, now=now_utc(), **more)


def test_the_second_signature_awards_the_first_receipt(world, staff, record) -> None:
    riders, reports = riders_reports(world)
    # The links are made in another order than the tips came in.
    case = world.case(reports=tuple(reversed(reports)), state=State.VERIFYING)
    step(world, case, staff["anna"], State.VERIFIED, {name: record[name] for name in VISIT})
    assert standing(world) == []
    step(world, case, staff["bob"])
    (award,) = standing(world)
    assert (award.rider_id, award.report_id) == (riders[0], reports[0])
    assert (award.status, award.points) == ("pending", 50)
    assert [held(world, rider) for rider in riders] == [50, 0]
    assert held(world, riders[0], AccountKind.RIDER) == 0
    with world.database.reading() as session:
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "points_earned")
        ).one()
        # Whose it is stands in the award, and in no log that others read.
        assert str(riders[0]) not in str(entry.after)


@sqlite_only
def test_a_signature_that_is_refused_writes_no_points(world, staff, record) -> None:
    _, reports = riders_reports(world)
    case = world.case(reports=tuple(reports), state=State.VERIFYING)
    step(world, case, staff["anna"], State.VERIFIED, {name: record[name] for name in VISIT})
    with pytest.raises(NotAllowed, match="own-signature"):
        step(world, case, staff["anna"])
    assert standing(world) == []


@sqlite_only
def test_a_reversed_conclusion_takes_back_what_was_given(world, staff, record) -> None:
    riders, reports = riders_reports(world, 1)
    case = world.case(reports=tuple(reports), state=State.VERIFYING)
    verify(world, case, staff, record)
    (award,) = standing(world)
    decide(world, approve, award, staff["rita"])
    assert held(world, riders[0], AccountKind.RIDER) == 50
    for to in (State.NOT_FILED, State.CLOSED, State.REOPENED):
        wanted = {name: record[name] for name in ("approval_number", "filing_ground")}
        step(
            world, case, staff["hanna"], to,
            wanted if to is State.NOT_FILED else {"reason": "有新情况"},
        )  # fmt: skip
        step(world, case, staff["hugo"])
    # Nothing is decided yet, so nothing is taken.
    assert held(world, riders[0], AccountKind.RIDER) == 50
    step(world, case, staff["anna"], State.VERIFYING)
    step(world, case, staff["anna"], State.UNFOUNDED, {name: record[name] for name in VISIT})
    step(world, case, staff["bob"])
    assert standing(world) == []
    assert held(world, riders[0], AccountKind.RIDER) == 0
    with world.database.reading() as session:
        last = session.scalars(select(PointEntry).order_by(PointEntry.id.desc())).first()
        assert (last.kind, last.reason_code, last.points) == ("reversed", "conclusion", 50)


@sqlite_only
def test_while_a_case_is_taken_up_again_its_points_wait(world, staff, record) -> None:
    _, reports = riders_reports(world, 1)
    case = world.case(reports=tuple(reports), state=State.VERIFYING)
    verify(world, case, staff, record)
    (award,) = standing(world)
    for to in (State.NOT_FILED, State.CLOSED, State.REOPENED):
        wanted = {name: record[name] for name in ("approval_number", "filing_ground")}
        step(
            world, case, staff["hanna"], to,
            wanted if to is State.NOT_FILED else {"reason": "有新情况"},
        )  # fmt: skip
        step(world, case, staff["hugo"])
    with pytest.raises(Conflict, match="case-under-review"):
        decide(world, approve, award, staff["rita"])
    with world.database.writing() as session:
        assert approve_due(session, now=now_utc() + timedelta(days=30), after_days=7) == 0
    step(world, case, staff["anna"], State.VERIFYING)
    verify(world, case, staff, record)
    decide(world, approve, award, staff["rita"])
    assert [each.status for each in standing(world)] == ["approved"]


def test_a_report_taken_out_passes_the_points_to_the_next(world, staff, record) -> None:
    riders, reports = riders_reports(world)
    case = world.case(reports=tuple(reports), state=State.VERIFYING)
    verify(world, case, staff, record)
    with world.database.writing() as session:
        link = session.scalars(select(CaseReport).where(CaseReport.report_id == reports[0])).one()
        unlink_report(
            session, case_id=case.id, link_id=link.id, staff=staff["anna"],
            version=world.fresh(case).version, now=now_utc(),
        )  # fmt: skip
    (award,) = standing(world)
    assert award.rider_id == riders[1]
    assert [held(world, rider) for rider in riders] == [0, 50]
    with world.database.reading() as session:
        ended = session.scalars(select(PointAward).where(PointAward.ended_at.is_not(None))).one()
        assert (ended.status, ended.ended_code) == ("reversed", "moved")


def test_a_link_undone_and_made_again_restores_rank_clock_and_points(world, staff, record) -> None:
    riders = [world.rider()[0] for _ in range(2)]
    began = [world.now - timedelta(days=days) for days in (9, 2)]
    reports = [
        world.report(rider_id=rider, received_at=moment)
        for rider, moment in zip(riders, began, strict=True)
    ]
    case = world.case(reports=tuple(reports), state=State.VERIFYING, received_at=began[0])
    verify(world, case, staff, record)
    due = [due_date(local_date(moment), VERIFY_WORKING_DAYS).date for moment in began]
    assert due[0] < due[1]

    def facts():
        with world.database.reading() as session:
            now = session.get_one(Case, case.id)
            ranked = [link.report_id for link in standing_links(session, case.id)]
            return now.received_at, now.due_on, ranked, [held(world, rider) for rider in riders]

    together = (began[0], due[0], reports, [50, 0])
    assert facts() == together
    other = world.case()
    with world.database.writing() as session:
        link = next(
            each for each in standing_links(session, case.id) if each.report_id == reports[0]
        )
        unlink_report(
            session, case_id=case.id, link_id=link.id, staff=staff["anna"],
            version=world.fresh(case).version, now=now_utc(),
        )  # fmt: skip
    assert facts() == (began[1], due[1], reports[1:], [0, 50])
    # What was taken out finds another case, from which it is taken back.
    with world.database.writing() as session:
        ended = session.scalars(select(CaseReport).where(CaseReport.report_id == reports[0])).one()
        link_report(
            session, report_id=reports[0], like=ended, into=session.get_one(Case, other.id),
            staff=staff["anna"], now=now_utc(), kind="same_incident",
        )  # fmt: skip
    match = world.match(*reports)
    with world.database.writing() as session:
        accept_suggestion(
            session, case_id=case.id, match_id=match, staff=staff["dora"],
            version=world.fresh(case).version, now=now_utc(),
        )  # fmt: skip
    assert facts() == together


def test_an_earlier_receipt_that_is_linked_later_is_the_first(world, staff, record) -> None:
    riders, reports = riders_reports(world)
    late = world.case(reports=(reports[1],), state=State.VERIFYING)
    early = world.case(reports=(reports[0], world.report()))
    match = world.match(reports[0], reports[1])
    verify(world, late, staff, record)
    assert held(world, riders[1]) == 50
    with world.database.writing() as session:
        accept_suggestion(
            session, case_id=late.id, match_id=match, staff=staff["dora"],
            version=world.fresh(late).version, now=now_utc(),
        )  # fmt: skip
    assert [held(world, rider) for rider in riders] == [50, 0]
    assert world.fresh(early).version == 3


@sqlite_only
def test_who_verified_does_not_decide_whatever_else_they_are(world, staff, record) -> None:
    _, reports = riders_reports(world, 1)
    case = world.case(reports=tuple(reports), state=State.VERIFYING)
    verify(world, case, staff, record)
    (award,) = standing(world)
    for name in ("anna", "bob"):
        for work, more in (
            (approve, {}),
            (end_award, {"code": "fraud", "reason": "照片是摆拍"}),
            (restore, {}),
        ):
            with pytest.raises(NotAllowed, match="own-verification"):
                decide(world, work, award, staff[name], **more)
    assert [each.status for each in standing(world)] == ["pending"]


def test_a_fraud_passes_to_the_next_receipt_and_can_be_taken_back(world, staff, record) -> None:
    riders, reports = riders_reports(world)
    case = world.case(reports=tuple(reports), state=State.VERIFYING)
    verify(world, case, staff, record)
    (award,) = standing(world)
    decide(world, approve, award, staff["rita"])
    decide(world, end_award, award, staff["rita"], code="fraud", reason="照片是摆拍")
    assert held(world, riders[0], AccountKind.RIDER) == 0
    assert held(world, riders[1]) == 50
    with pytest.raises(Conflict, match="award-decided"):
        decide(world, end_award, award, staff["rita"], code="fraud", reason="照片是摆拍")
    decide(world, restore, award, staff["rita"])
    assert [held(world, rider) for rider in riders] == [50, 0]
    with pytest.raises(Conflict, match="not-excluded"):
        decide(world, restore, award, staff["rita"])


@sqlite_only
def test_a_rider_who_is_barred_earns_no_more_and_keeps_what_was_verified(
    world, staff, record
) -> None:
    riders, reports = riders_reports(world, 1)
    kept = world.case(reports=(world.report(rider_id=riders[0]),), state=State.VERIFYING)
    verify(world, kept, staff, record)
    case = world.case(reports=tuple(reports), state=State.VERIFYING)
    verify(world, case, staff, record)
    award = next(each for each in standing(world) if each.case_id == case.id)
    decide(world, end_award, award, staff["rita"], code="staff", reason="是协管员", bar_rider=True)
    later = world.case(reports=(world.report(rider_id=riders[0]),), state=State.VERIFYING)
    verify(world, later, staff, record)
    assert [each.case_id for each in standing(world)] == [kept.id]
    assert held(world, riders[0]) == 50


@sqlite_only
@pytest.mark.parametrize(
    ("code", "reason", "refusal"),
    [("fraud", " ", "reason-missing"), ("because", "理由", "exclusion-unknown")],
)
def test_no_award_ends_without_a_reason(world, staff, record, code, reason, refusal) -> None:
    _, reports = riders_reports(world, 1)
    case = world.case(reports=tuple(reports), state=State.VERIFYING)
    verify(world, case, staff, record)
    (award,) = standing(world)
    with pytest.raises(InvalidInput, match=refusal):
        decide(world, end_award, award, staff["rita"], code=code, reason=reason)
    assert [each.status for each in standing(world)] == ["pending"]


@sqlite_only
def test_what_has_waited_long_enough_is_approved_by_policy(world, staff, record) -> None:
    riders, reports = riders_reports(world, 1)
    case = world.case(reports=tuple(reports), state=State.VERIFYING)
    verify(world, case, staff, record)
    for days, approved in ((6, 0), (8, 1), (9, 0)):
        with world.database.writing() as session:
            now = now_utc() + timedelta(days=days)
            assert approve_due(session, now=now, after_days=7) == approved
    assert held(world, riders[0], AccountKind.RIDER) == 50
    (award,) = standing(world)
    assert (award.status, award.decided_by) == ("approved", None)


@sqlite_only
def test_beyond_the_months_cap_an_award_is_cut_and_stays_with_its_rider(
    world, staff, record
) -> None:
    riders, reports = riders_reports(world)
    cap = edition_on(world.now.date()).monthly_cap_points
    with world.database.writing() as session:
        for number in range(cap // 50):
            session.add(
                PointAward(
                    rule="first_report", edition="points-2026-11", cause=f"{number}",
                    rider_id=riders[0], unit_id=world.unit().id, points=50 - (number == 0) * 30,
                    uncapped_points=50, status="pending", earned_at=world.now,
                )
            )  # fmt: skip
    first = world.case(reports=tuple(reports), state=State.VERIFYING)
    verify(world, first, staff, record)
    second = world.case(
        reports=(world.report(rider_id=riders[0]), world.report(rider_id=riders[1])),
        state=State.VERIFYING,
    )
    verify(world, second, staff, record)
    cut = {each.case_id: each for each in standing(world) if each.case_id}
    assert (cut[first.id].points, cut[first.id].status) == (30, "pending")
    assert (cut[second.id].points, cut[second.id].status) == (0, "capped")
    assert {each.rider_id for each in cut.values()} == {riders[0]}
    assert [held(world, rider) for rider in riders] == [30, 0]


@sqlite_only
def test_the_addition_that_decided_a_case_earns_for_another_rider(world, staff, record) -> None:
    riders, reports = riders_reports(world)
    case = world.case(reports=tuple(reports), state=State.VERIFYING)
    own = world.case(reports=(world.report(rider_id=riders[0]),), state=State.VERIFYING)
    # Only who added something to a report of this very case can have decided it.
    with pytest.raises(InvalidInput, match="no-such-addition"):
        verify(world, case, staff, record, deciding_addition="骑手-1Q1")
    with world.database.writing() as session:
        links = session.scalars(select(CaseReport)).all()
        session.add_all([Supplement(report_id=each.report_id) for each in links])
    verify(world, case, staff, record, deciding_addition="骑手-1Q1")
    assert [held(world, rider) for rider in riders] == [50, 20]
    # The first receipt's own addition brings nothing beside the first's points.
    verify(world, own, staff, record, deciding_addition="骑手-0Q0")
    assert [held(world, rider) for rider in riders] == [100, 20]


@sqlite_only
def test_a_supervisors_task_is_awarded_once_and_approved_by_another(world, staff) -> None:
    rider, _ = world.rider()
    olga = world.person("olga", (Role.REWARD_OFFICER, SHENYANG))
    with world.database.writing() as session:
        open_accounts(session, rider_id=rider)
        account = session.scalars(
            select(PointAccount.pseudonym).where(PointAccount.kind == "rider")
        ).one()

    def give(person=olga, pseudonym=account, task="随机访餐厅〔2026〕3号"):
        with world.database.writing() as session:
            return award_task(
                session, pseudonym=pseudonym, task=task, unit_id=world.unit().id,
                staff_id=person.staff_id, now=now_utc(),
            )  # fmt: skip

    with pytest.raises(InvalidInput, match="not-a-supervisor"):
        give()
    with world.database.writing() as session:
        session.get_one(Rider, rider).is_supervisor = True
    with pytest.raises(InvalidInput, match="account-unknown"):
        give(pseudonym="积分-0000-0000")
    made = give()
    with pytest.raises(Conflict, match="task-awarded"):
        give()
    with pytest.raises(NotAllowed, match="own-verification"):
        decide(world, approve, made, olga)
    decide(world, approve, made, staff["rita"])
    assert held(world, rider, AccountKind.RIDER) == 20

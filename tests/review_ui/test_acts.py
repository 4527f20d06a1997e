"""What is done while the state stays: extensions, pauses, disputes, orders, splits."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from review_ui.casework.advancing import act, advance, confirm
from review_ui.casework.clocks import clock_of
from review_ui.casework.explaining import clock_views
from review_ui.casework.orders import rectification_orders
from schemas.access import Role
from schemas.acts import ActCode
from schemas.database import now_utc
from schemas.deadlines import facts_of
from schemas.divisions import divisions
from schemas.errors import Conflict, InvalidInput, NotAllowed
from schemas.lifecycle import State
from schemas.tables import AuditEntry, Case, CaseAct, CaseReport
from schemas.taxonomy import Department
from schemas.units import add_unit
from schemas.workdays import NO_OVERRIDES, CalendarOverrides, due_date, local_date

SHENHE, HUNNAN, SHENYANG = "210103", "210112", "210100"
sqlite_only = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
TODAY = local_date(now_utc())


def do(world, case, staff, what, record=None, work=act):
    """Do an act, a move or a signature in a transaction of its own."""
    given = {
        act: {"code": what, "record": record or {}},
        advance: {"to": what, "record": record or {}},
        confirm: {},
    }[work]
    with world.database.writing() as session:
        return work(
            session, case_id=case.id, staff=staff, version=world.fresh(case).version,
            now=now_utc(), **given,
        )  # fmt: skip


def facts(world, case):
    with world.database.reading() as session:
        return facts_of(session, case=session.get_one(Case, case.id))


def explained(world, case, calendar=NO_OVERRIDES):
    views = clock_views(world.fresh(case), facts=facts(world, case), today=TODAY, calendar=calendar)
    return ["\n".join(sentence.zh for sentence in view.sentences) for view in views]


def staff_of(world):
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    head = world.person("hanna", (Role.BUREAU_HEAD, SHENHE))
    return anna, head


def test_a_clock_is_extended_once_and_by_somebody_elses_approval(world) -> None:
    anna, head = staff_of(world)
    case = world.case()
    before = world.fresh(case).due_on
    assert do(world, case, anna, ActCode.EXTEND, {"reason": "需要检测"}).proposal is not None
    assert world.fresh(case).due_on == before
    with pytest.raises(NotAllowed, match="own-signature"):
        do(world, case, anna, None, work=confirm)
    do(world, case, head, None, work=confirm)
    after = world.fresh(case)
    assert after.state == "assigned"
    assert after.due_on == due_date(local_date(case.received_at), 30).date
    with world.database.reading() as session:
        row = session.scalars(select(CaseAct)).one()
        assert (row.actor_id, row.second_actor_id) == (anna.staff_id, head.staff_id)
        assert row.record["clock"] == "verify"
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "case_acted")).one()
        assert entry.before["due_on"] == before.isoformat()
    assert "共 30 个工作日" in explained(world, case)[0]
    assert "延长 15 个工作日" in explained(world, case)[0]
    with pytest.raises(Conflict, match="extended-already"):
        do(world, case, anna, ActCode.EXTEND, {"reason": "再来一次"})


@sqlite_only
def test_a_clock_that_ran_out_is_not_extended_even_if_it_was_proposed_in_time(world) -> None:
    anna, head = staff_of(world)
    case = world.case(received_at=world.now - timedelta(days=60), due_on=TODAY)
    do(world, case, anna, ActCode.EXTEND, {"reason": "需要检测"})
    with world.database.writing() as session:
        session.get_one(Case, case.id).due_on = TODAY - timedelta(days=1)
    with pytest.raises(Conflict, match="clock-ran-out"):
        do(world, case, head, None, work=confirm)


@sqlite_only
def test_the_decisions_clock_has_an_extension_of_its_own(world) -> None:
    anna, head = staff_of(world)
    case = world.case(state=State.FILED)
    do(world, case, anna, ActCode.EXTEND, {"reason": "案情复杂"})
    do(world, case, head, None, work=confirm)
    filed_on = local_date(world.fresh(case).filed_at)
    assert world.fresh(case).due_on == filed_on + timedelta(days=120)
    assert "共 120 天" in explained(world, case)[0]


def test_pauses_are_not_counted_and_an_open_one_stops_the_clock(world, record) -> None:
    anna, _ = staff_of(world)
    received = world.now - timedelta(days=10)
    case = world.case(received_at=received)
    begun = local_date(received)
    first, last = begun + timedelta(days=1), begun + timedelta(days=3)
    closed = {"pause_kind": "testing", "reason": "送检", "pause_from": first.isoformat()}
    do(world, case, anna, ActCode.PAUSE, closed | {"pause_to": last.isoformat()})
    assert world.fresh(case).due_on == due_date(begun, 15, paused=[(first, last)]).date
    with pytest.raises(InvalidInput, match="pause-overlaps"):
        do(world, case, anna, ActCode.PAUSE, closed)
    again = begun + timedelta(days=5)
    do(world, case, anna, ActCode.PAUSE, closed | {"pause_from": again.isoformat()})
    clock = clock_of(world.fresh(case), today=TODAY, calendar=NO_OVERRIDES)
    assert clock.paused_since == again
    long_after = clock_of(
        world.fresh(case), today=TODAY + timedelta(days=200), calendar=NO_OVERRIDES
    )
    assert (long_after.left, long_after.is_overdue) == (clock.left, False)
    assert "起因检测、检验、检疫暂停（送检）" in explained(world, case)[0]
    with pytest.raises(Conflict, match="paused-already"):
        do(world, case, anna, ActCode.PAUSE, closed)
    with pytest.raises(InvalidInput, match="pause-overlaps"):
        do(world, case, anna, ActCode.RESUME, {"pause_to": first.isoformat()})
    do(world, case, anna, ActCode.RESUME, {"pause_to": TODAY.isoformat()})
    spans = [(first, last), (again, TODAY)]
    assert world.fresh(case).due_on == due_date(begun, 15, paused=spans).date
    assert world.fresh(case).paused_since is None
    with pytest.raises(Conflict, match="not-paused"):
        do(world, case, anna, ActCode.RESUME, {"pause_to": TODAY.isoformat()})


@sqlite_only
def test_a_pause_ends_with_the_clock_that_it_held(world, record) -> None:
    anna, _ = staff_of(world)
    bob = world.person("bob", (Role.INSPECTOR, SHENHE))
    case = world.case(state=State.VERIFYING)
    pause = {"pause_kind": "testing", "reason": "送检", "pause_from": TODAY.isoformat()}
    do(world, case, anna, ActCode.PAUSE, pause)
    do(world, case, anna, State.UNVERIFIABLE, {"findings": "店已搬走"}, work=advance)
    do(world, case, bob, None, work=confirm)
    assert world.fresh(case).paused_since is None
    assert facts(world, case).all[-1].act == "resume"


@sqlite_only
def test_a_due_date_says_which_holidays_and_make_up_days_it_counted(world) -> None:
    sunday, holiday = date(2026, 9, 27), date(2026, 9, 28)
    calendar = CalendarOverrides({sunday: True, holiday: False})
    case = world.case()
    with world.database.writing() as session:
        received = now_utc().replace(year=2026, month=9, day=21, hour=2)
        session.get_one(Case, case.id).received_at = received
    (said,) = explained(world, case, calendar)
    assert "2026年9月21日（周一）收到举报，当天不算，共 15 个工作日" in said
    assert "调休上班日计入：2026年9月27日（周日）" in said
    assert "2026年9月28日（周一）" in said
    due = due_date(date(2026, 9, 21), 15, overrides=calendar).date
    assert f"到{due.year}年{due.month}月{due.day}日" in said


def test_an_order_runs_beside_a_filing_and_its_re_inspection_keeps_it(world, record) -> None:
    anna, head = staff_of(world)
    bob = world.person("bob", (Role.INSPECTOR, SHENHE))
    case = world.case(state=State.VERIFIED)
    order = {"order_number": "责改〔2026〕1号", "rectify_by": "2099-01-01"}
    do(world, case, anna, State.RECTIFYING, order, work=advance)
    filing = {"approval_number": "立〔2026〕1号", "filing_ground": "依据"}
    do(world, case, anna, State.FILED, filing, work=advance)
    do(world, case, head, None, work=confirm)
    (running,) = rectification_orders(facts(world, case))
    assert (running.number, running.is_running) == ("责改〔2026〕1号", True)
    with pytest.raises(Conflict, match="order-running"):
        do(world, case, anna, ActCode.ORDER, order)
    seen = {"reinspection_result": "not-corrected", "visited_on": record["visited_on"]}
    do(world, case, anna, ActCode.REINSPECT, seen)
    do(world, case, bob, None, work=confirm)
    with pytest.raises(Conflict, match="no-order"):
        do(world, case, anna, ActCode.REINSPECT, seen)
    do(world, case, anna, ActCode.ORDER, order | {"order_number": "责改〔2026〕2号"})
    after = world.fresh(case)
    assert after.state == "filed"
    assert after.filed_at is not None
    assert after.rectification_ordered_at is not None
    results = [each.result for each in rectification_orders(facts(world, case))]
    assert results == ["not-corrected", None]


def test_a_dispute_has_seven_days_and_ends_by_a_written_designation(world, record) -> None:
    dora = world.person("dora", (Role.DISPATCHER, SHENYANG))
    case = world.case(code=SHENYANG, state=State.DISPATCH)
    dispute = {name: record[name] for name in ("disputing_units", "dispute_since", "reason")}
    do(world, case, dora, ActCode.DISPUTE, dispute)
    views = clock_views(
        world.fresh(case), facts=facts(world, case), today=TODAY, calendar=NO_OVERRIDES
    )
    assert [view.kind for view in views] == ["verify", "dispute"]
    assert views[1].clock.due_on == due_date(TODAY, 7).date
    with pytest.raises(Conflict, match="dispute-standing"):
        do(world, case, dora, ActCode.DISPUTE, dispute)
    unit = {"unit_id": str(world.unit(HUNNAN).id)}
    with pytest.raises(InvalidInput, match="record-incomplete") as refusal:
        do(world, case, dora, State.ASSIGNED, unit, work=advance)
    assert refusal.value.facts["missing"] == ["designation_number"]
    designated = unit | {"designation_number": record["designation_number"]}
    do(world, case, dora, State.ASSIGNED, designated, work=advance)
    assert len(explained(world, case)) == 1


def test_a_split_opens_a_case_at_the_other_department_with_the_same_clock(world) -> None:
    anna, _ = staff_of(world)
    with world.database.writing() as session:
        add_unit(session, department=Department.FIRE, division=divisions()[SHENHE])
    case = world.case(state=State.VERIFYING)
    wanted = {"split_categories": ["FIRE_SAFETY", "GAS_SAFETY"], "reason": "现场另有隐患"}
    do(world, case, anna, ActCode.SPLIT, wanted)
    with world.database.reading() as session:
        made = {
            each.department: each
            for each in session.scalars(select(Case).where(Case.incident_id == case.incident_id))
        }
        assert made.keys() == {"market", "fire", "housing"}
        assert (made["fire"].state, made["fire"].unit_id) == (
            "assigned", world.unit(SHENHE, "fire").id,
        )  # fmt: skip
        assert made["housing"].state == "dispatch"
        assert made["fire"].categories == ["FIRE_SAFETY"]
        links = session.scalars(
            select(CaseReport).where(CaseReport.department.in_(["market", "fire"]))
        ).all()
        assert len({link.report_id for link in links}) == 1
        assert len({link.pseudonym for link in links}) == 2
        assert made["fire"].received_at == made["market"].received_at
        assert made["fire"].due_on == made["market"].due_on
    with pytest.raises(Conflict, match="split-exists"):
        do(world, case, anna, ActCode.SPLIT, wanted)
    with pytest.raises(InvalidInput, match="split-own-department"):
        do(world, case, anna, ActCode.SPLIT, {"split_categories": ["PEST"], "reason": "x"})
    assert world.fresh(case).state == "verifying"

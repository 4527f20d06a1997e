"""advance() against the table of transitions: the full product, signatures, stale screens."""

import threading
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from review_ui.access.staff import signed_in_as
from review_ui.casework.advancing import advance, confirm, send_back, standing_proposal
from schemas.access import Role
from schemas.acts import ACTS
from schemas.database import now_utc
from schemas.divisions import divisions
from schemas.errors import Conflict, InvalidInput, NotAllowed, NotFound, SuishoupaiError
from schemas.lifecycle import TRANSITIONS, State, transition
from schemas.tables import AuditEntry, Case, CaseDecision, CaseHistory, CaseProposal, StaffRole
from schemas.taxonomy import Department
from schemas.units import add_unit
from schemas.workdays import due_date, local_date

SHENHE, HUNNAN, SHENYANG, XIHU = "210103", "210112", "210100", "330106"
sqlite_only = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


def full_record(move, record, world):
    known = record | {"unit_id": str(world.unit(HUNNAN).id)}
    return {name: known.get(name, "系统") for name in move.required}


def approved(world, case, to, record):
    """Let one bureau head propose and another approve."""
    world.made += 1
    heads = [
        world.person(f"head-{world.made}-{number}", (Role.BUREAU_HEAD, SHENYANG))
        for number in (1, 2)
    ]
    step(world, case, heads[0], to, record)
    return step(world, case, heads[1], None, None, work=confirm)


def step(world, case, staff, to, record, version=None, work=advance, **options):
    """Do one step in a transaction of its own and return what came out."""
    with world.database.writing() as session:
        arguments = {"to": to, "record": record} if work is advance else {}
        return work(
            session,
            case_id=case.id,
            staff=staff,
            version=world.fresh(case).version if version is None else version,
            now=now_utc(),
            **arguments,
            **options,
        )


def test_a_move_writes_state_history_audit_and_milestone_together(world, record) -> None:
    inspector = world.person("anna", (Role.INSPECTOR, SHENHE))
    case = world.case(state=State.VERIFIED)
    wanted = {"order_number": "沈河市监责改〔2026〕8号", "rectify_by": "2099-01-01"}
    step(world, case, inspector, State.RECTIFYING, wanted)
    after = world.fresh(case)
    assert (after.state, after.version) == ("rectifying", 3)
    assert after.rectification_ordered_at is not None
    with world.database.reading() as session:
        row = session.scalars(
            select(CaseHistory).where(CaseHistory.case_id == case.id, CaseHistory.version == 3)
        ).one()
        assert (row.from_state, row.to_state) == ("verified", "rectifying")
        assert (row.actor_id, row.second_actor_id) == (inspector.staff_id, None)
        assert row.record == wanted
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "case_advanced")
        ).one()
        assert entry.actor_id == inspector.staff_id
        assert (entry.before["state"], entry.after["state"]) == ("verified", "rectifying")


def test_a_refused_move_leaves_nothing_behind(world) -> None:
    inspector = world.person("anna", (Role.INSPECTOR, SHENHE))
    case = world.case(state=State.VERIFIED)
    with pytest.raises(InvalidInput, match="record-incomplete") as refusal:
        step(world, case, inspector, State.RECTIFYING, {"order_number": "8号"})
    assert refusal.value.facts["missing"] == ["rectify_by"]
    assert (world.fresh(case).state, world.fresh(case).version) == ("verified", 2)


def test_two_different_inspectors_sign_a_conclusion(world, record) -> None:
    first = world.person("anna", (Role.INSPECTOR, SHENHE))
    second = world.person("bob", (Role.INSPECTOR, SHENYANG))
    case = world.case(state=State.VERIFYING)
    move = transition(State.VERIFYING, State.VERIFIED)
    outcome = step(world, case, first, State.VERIFIED, full_record(move, record, world))
    assert outcome.proposal is not None
    assert world.fresh(case).state == "verifying"
    with pytest.raises(NotAllowed, match="own-signature"):
        step(world, case, first, None, None, work=confirm)
    step(world, case, second, None, None, work=confirm)
    after = world.fresh(case)
    assert after.state == "verified"
    assert after.verified_at is not None
    with world.database.reading() as session:
        row = session.scalars(
            select(CaseHistory).where(CaseHistory.case_id == case.id, CaseHistory.version == 4)
        ).one()
        assert (row.actor_id, row.second_actor_id) == (first.staff_id, second.staff_id)
        assert row.record["findings"] == record["findings"]
        proposal = session.scalars(select(CaseProposal)).one()
        assert (proposal.outcome, proposal.decided_by) == ("confirmed", second.staff_id)


@sqlite_only
def test_a_proposal_is_sent_back_with_a_reason(world, record) -> None:
    first = world.person("anna", (Role.INSPECTOR, SHENHE))
    second = world.person("bob", (Role.INSPECTOR, SHENHE))
    case = world.case(state=State.VERIFYING)
    step(world, case, first, State.UNVERIFIABLE, {"findings": "店已搬走"})
    with pytest.raises(InvalidInput, match="record-incomplete"):
        step(world, case, second, None, None, work=send_back, reason="  ")
    step(world, case, second, None, None, work=send_back, reason="请再去一次")
    with world.database.reading() as session:
        proposal = session.scalars(select(CaseProposal)).one()
        assert (proposal.outcome, proposal.reason) == ("sent_back", "请再去一次")
        assert standing_proposal(session, case_id=case.id) is None
    with pytest.raises(Conflict, match="nothing-to-sign"):
        step(world, case, second, None, None, work=confirm)
    assert world.fresh(case).state == "verifying"


@sqlite_only
def test_a_dispatcher_can_neither_sign_nor_send_back(world) -> None:
    first = world.person("anna", (Role.INSPECTOR, SHENHE))
    dispatcher = world.person("dora", (Role.DISPATCHER, SHENHE))
    case = world.case(state=State.VERIFYING)
    step(world, case, first, State.UNVERIFIABLE, {"findings": "店已搬走"})
    with pytest.raises(NotAllowed, match="move-not-yours"):
        step(world, case, dispatcher, None, None, work=confirm)
    with pytest.raises(NotAllowed, match="move-not-yours"):
        step(world, case, dispatcher, None, None, work=send_back, reason="不对")


@sqlite_only
def test_one_proposal_stands_at_a_time(world) -> None:
    first = world.person("anna", (Role.INSPECTOR, SHENHE))
    case = world.case(state=State.VERIFYING)
    step(world, case, first, State.UNVERIFIABLE, {"findings": "店已搬走"})
    with pytest.raises(Conflict, match="signature-pending"):
        step(world, case, first, State.UNVERIFIABLE, {"findings": "真的搬走了"})


@sqlite_only
def test_a_case_that_moves_otherwise_supersedes_the_proposal(world) -> None:
    first = world.person("anna", (Role.INSPECTOR, SHENHE))
    case = world.case(state=State.VERIFYING)
    step(world, case, first, State.UNVERIFIABLE, {"findings": "店已搬走"})
    step(world, case, first, State.DISPATCH, {"reason": "已搬到浑南区"})
    with world.database.reading() as session:
        assert session.scalars(select(CaseProposal)).one().outcome == "superseded"


@sqlite_only
def test_who_confirms_must_have_seen_this_very_proposal(world) -> None:
    first = world.person("anna", (Role.INSPECTOR, SHENHE))
    second = world.person("bob", (Role.INSPECTOR, SHENHE))
    case = world.case(state=State.VERIFYING)
    step(world, case, first, State.UNVERIFIABLE, {"findings": "店已搬走"})
    seen = world.fresh(case).version
    step(world, case, first, None, None, work=send_back, reason="写错了")
    step(world, case, first, State.UNVERIFIABLE, {"findings": "完全另一回事"})
    with pytest.raises(Conflict, match="case-changed"):
        step(world, case, second, None, None, version=seen, work=confirm)


@sqlite_only
def test_a_stale_screen_is_told_what_changed_since(world) -> None:
    inspector = world.person("anna", (Role.INSPECTOR, SHENHE))
    case = world.case(state=State.ASSIGNED)
    step(world, case, inspector, State.VERIFYING, {})
    with pytest.raises(Conflict, match="case-changed") as refusal:
        step(world, case, inspector, State.DISPATCH, {"reason": "不归我们"}, version=2)
    assert refusal.value.facts["version"] == 3
    (change,) = refusal.value.facts["changes"]
    assert (change["what"], change["to"], change["role"]) == (
        "case_advanced", "verifying", "inspector",
    )  # fmt: skip
    assert "核查中" in refusal.value.words.zh
    assert "Being verified" in refusal.value.words.en


def test_of_two_at_once_the_second_is_refused(world) -> None:
    inspector = world.person("anna", (Role.INSPECTOR, SHENYANG))
    case = world.case(state=State.ASSIGNED)
    start = threading.Barrier(2)
    answers: list[str] = []

    def move(to: State, record: dict[str, str]) -> None:
        start.wait()
        try:
            step(world, case, inspector, to, record, version=2)
            answers.append("done")
        except Conflict as error:
            answers.append(error.code)

    threads = [
        threading.Thread(target=move, args=(State.VERIFYING, {})),
        threading.Thread(target=move, args=(State.DISPATCH, {"reason": "不归我们"})),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["case-changed", "done"]
    assert world.fresh(case).version == 3


def test_who_waits_while_the_case_goes_to_another_desk_is_told_so(world) -> None:
    """PostgreSQL checks conditions on other tables against the row as it was before the wait."""
    inspector = world.person("anna", (Role.INSPECTOR, SHENYANG))
    case = world.case(state=State.ASSIGNED)
    begun = threading.Event()
    answers: list[str] = []

    def wait_for_the_row() -> None:
        begun.set()
        try:
            step(world, case, inspector, State.VERIFYING, {}, version=2)
        except SuishoupaiError as error:
            answers.append(error.code)

    waiting = threading.Thread(target=wait_for_the_row)
    with world.database.writing() as session:
        advance(
            session,
            case_id=case.id,
            staff=inspector,
            to=State.DISPATCH,
            version=2,
            record={"reason": "不归我们"},
            now=now_utc(),
        )
        waiting.start()
        begun.wait()
    waiting.join()
    assert answers == ["case-changed"]


@sqlite_only
def test_a_foreign_unit_finds_no_case(world) -> None:
    stranger = world.person("carl", (Role.INSPECTOR, XIHU))
    case = world.case()
    with pytest.raises(NotFound):
        step(world, case, stranger, State.VERIFYING, {})
    with pytest.raises(NotFound):
        step(world, case, stranger, None, None, work=confirm)


@sqlite_only
def test_a_case_that_is_returned_goes_to_the_desk_above(world) -> None:
    inspector = world.person("anna", (Role.INSPECTOR, SHENHE))
    case = world.case()
    step(world, case, inspector, State.DISPATCH, {"reason": "在浑南区"})
    assert world.fresh(case).unit_id == world.unit(SHENYANG).id
    with pytest.raises(NotFound):
        step(world, case, inspector, State.ASSIGNED, {})


@sqlite_only
def test_a_dispatcher_assigns_inside_their_own_tree_only(world) -> None:
    dispatcher = world.person("dora", (Role.DISPATCHER, SHENYANG))
    case = world.case(code=SHENYANG, state=State.DISPATCH)
    foreign = {"unit_id": str(world.unit(XIHU).id)}
    with pytest.raises(InvalidInput, match="unit-not-possible"):
        step(world, case, dispatcher, State.ASSIGNED, foreign)
    with pytest.raises(InvalidInput, match="unit-not-possible"):
        step(world, case, dispatcher, State.ASSIGNED, {"unit_id": str(case.id)})
    step(world, case, dispatcher, State.ASSIGNED, {"unit_id": str(world.unit(HUNNAN).id)})
    after = world.fresh(case)
    assert (after.unit_id, after.county_code) == (world.unit(HUNNAN).id, HUNNAN)


@sqlite_only
def test_another_departments_unit_is_chosen_by_its_ground(world) -> None:
    with world.database.writing() as session:
        for code in (HUNNAN, XIHU):
            add_unit(session, department=Department.URBAN, division=divisions()[code])
    dispatcher = world.person("dora", (Role.DISPATCHER, SHENYANG))
    case = world.case(code=SHENYANG, state=State.DISPATCH, categories=("STREET_OCCUPATION",))
    for unit in (world.unit(HUNNAN), world.unit(XIHU, "urban")):
        with pytest.raises(InvalidInput, match="unit-not-possible"):
            step(world, case, dispatcher, State.ASSIGNED, {"unit_id": str(unit.id)})
    step(world, case, dispatcher, State.ASSIGNED, {"unit_id": str(world.unit(HUNNAN, "urban").id)})
    assert world.fresh(case).state == "assigned"


def penalty(record):
    move = transition(State.FILED, State.PENALISED)
    return {name: record[name] for name in move.required}


def test_a_decision_number_is_used_once_by_an_authority(world, record) -> None:
    head = world.person("hanna", (Role.BUREAU_HEAD, SHENYANG))
    first, second = world.case(state=State.FILED), world.case(state=State.FILED)
    elsewhere = world.case(state=State.FILED, code=HUNNAN)
    approved(world, first, State.PENALISED, penalty(record))
    with pytest.raises(Conflict, match="decision-number-taken") as refusal:
        step(world, second, head, State.PENALISED, penalty(record))
    assert refusal.value.field == "decision_number"
    assert world.fresh(second).state == "filed"
    approved(world, elsewhere, State.PENALISED, penalty(record))
    with world.database.reading() as session:
        decision = session.scalars(
            select(CaseDecision).where(CaseDecision.case_id == first.id)
        ).one()
        assert (decision.fine_fen, str(decision.decided_on)) == (500000, record["decided_on"])


@sqlite_only
def test_of_two_proposals_with_one_number_the_later_approved_is_refused(world, record) -> None:
    heads = [world.person(name, (Role.BUREAU_HEAD, SHENHE)) for name in ("hanna", "greta")]
    cases = [world.case(state=State.FILED) for _ in range(2)]
    for case in cases:
        step(world, case, heads[0], State.PENALISED, penalty(record))
    step(world, cases[0], heads[1], None, None, work=confirm)
    with pytest.raises(Conflict, match="decision-number-taken"):
        step(world, cases[1], heads[1], None, None, work=confirm)
    assert world.fresh(cases[1]).state == "filed"


def test_a_station_shares_the_numbers_of_its_issuing_bureau(world, record) -> None:
    head = world.person("hanna", (Role.BUREAU_HEAD, SHENYANG))
    bureau, station = world.case(state=State.FILED), world.case(state=State.FILED, code=HUNNAN)
    with world.database.writing() as session:
        unit = session.merge(world.unit(HUNNAN))
        unit.issuing_unit_id = world.unit(SHENHE).id
    approved(world, bureau, State.PENALISED, penalty(record))
    with pytest.raises(Conflict, match="decision-number-taken"):
        step(world, station, head, State.PENALISED, penalty(record))


@sqlite_only
def test_filing_starts_the_ninety_days_of_the_decision(world, record) -> None:
    case = world.case(state=State.VERIFIED)
    wanted = {"approval_number": record["approval_number"], "filing_ground": "依据"}
    approved(world, case, State.FILED, wanted)
    after = world.fresh(case)
    assert after.due_on == local_date(after.filed_at) + timedelta(days=90)


@sqlite_only
def test_a_reopened_case_is_not_closed_and_has_a_new_clock(world) -> None:
    case = world.case(state=State.PENALISED, due_on=date(2026, 1, 5))
    approved(world, case, State.CLOSED, {"reason": "已缴清"})
    assert world.fresh(case).closed_at is not None
    approved(world, case, State.REOPENED, {"reason": "新线索"})
    after = world.fresh(case)
    assert after.closed_at is None
    assert after.due_on == due_date(local_date(now_utc()), 15).date


@sqlite_only
def test_a_re_inspection_keeps_the_date_of_verification(world, record) -> None:
    first = world.person("anna", (Role.INSPECTOR, SHENHE))
    second = world.person("bob", (Role.INSPECTOR, SHENHE))
    case = world.case(state=State.RECTIFYING)
    verified = now_utc() - timedelta(days=3)
    with world.database.writing() as session:
        session.get_one(Case, case.id).verified_at = verified
    step(
        world, case, first, State.VERIFIED,
        {"reinspection_result": "corrected", "visited_on": record["visited_on"]},
    )  # fmt: skip
    step(world, case, second, None, None, work=confirm)
    assert world.fresh(case).state == "verified"
    assert world.fresh(case).verified_at == verified


@sqlite_only
def test_roles_of_two_units_do_not_leak_into_each_other(world) -> None:
    """An inspector here who is a bureau head elsewhere is an inspector here."""
    both = world.person("ida", (Role.INSPECTOR, SHENHE), (Role.BUREAU_HEAD, XIHU))
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    case = world.case(state=State.PENALISED)
    step(world, case, anna, State.CLOSED, {"reason": "已缴清"})
    with pytest.raises(NotAllowed, match="move-not-yours"):
        step(world, case, both, None, None, work=confirm)


@sqlite_only
def test_every_move_of_the_table_has_fields_that_a_record_can_fill(world, record) -> None:
    known = set(record) | {"unit_id", "route_reasons", "boundary_version", "merged_into"}
    known |= {"deciding_addition", "published_name"}
    for move in (*TRANSITIONS, *ACTS):
        assert set(move.required) | set(move.optional) <= known


@sqlite_only
def test_a_role_that_was_taken_away_counts_no_more(world) -> None:
    inspector = world.person("anna", (Role.INSPECTOR, SHENHE))
    case = world.case()
    with world.database.writing() as session:
        session.delete(session.scalars(select(StaffRole)).one())
    with world.database.reading() as session:
        now_without = signed_in_as(session, staff_id=inspector.staff_id)
    with pytest.raises(SuishoupaiError, match="not-found"):
        step(world, case, now_without, State.VERIFYING, {})

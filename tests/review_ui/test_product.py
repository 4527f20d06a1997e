"""The full product against the tables: state, state, role, and whether the proposer signs."""

import pytest

from review_ui.access.staff import signed_in_as
from review_ui.casework.advancing import act, advance, confirm, send_back
from schemas.access import RIGHTS, Right, Role
from schemas.acts import ACTS
from schemas.database import now_utc
from schemas.errors import InvalidInput, NotAllowed, NotFound, SuishoupaiError
from schemas.lifecycle import State, transition
from schemas.tables import StaffRole

SHENYANG, HUNNAN = "210100", "210112"
WORKERS = RIGHTS[Right.WORK_CASES]

sqlite_only = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


@pytest.fixture
def people(world):
    """Return two people for each role."""
    made = {}
    for role in Role:
        made[role] = [world.person(f"{role.value}-{n}", (role, SHENYANG)) for n in (1, 2)]
    return made


def answer(work, session, **arguments) -> str:
    """Return how a step came out, and undo it."""
    savepoint = session.begin_nested()
    try:
        outcome = work(session, **arguments)
    except SuishoupaiError as error:
        return error.code
    else:
        return f"{outcome.case.state}{'?' if outcome.proposal else ''}"
    finally:
        savepoint.rollback()
        session.expire_all()


def expected(source, target, role):
    move = transition(source, target)
    if role not in WORKERS:
        return "not-found"
    if move is None:
        return "move-not-possible"
    if role not in move.proposers:
        return "move-not-yours"
    return f"{source}?" if move.approvers else target.value


@sqlite_only
def test_every_state_to_every_state_by_every_role(world, record, people) -> None:
    older = world.case(received_at=world.now.replace(year=world.now.year - 1))
    known = record | {"unit_id": str(world.unit(HUNNAN).id), "merged_into": older.number}
    cases = {state: world.case(state=state) for state in State}
    wrong = {}
    with world.database.write() as session:
        session.begin()
        for source, case in cases.items():
            for target in State:
                move = transition(source, target)
                fields = {name: known.get(name, "系统") for name in move.required} if move else {}
                if "merged_into" in fields:
                    fields["reason_code"] = "merged"
                for role in Role:
                    found = answer(
                        advance, session, case_id=case.id, staff=people[role][0], to=target,
                        version=2, record=fields, now=now_utc(),
                    )  # fmt: skip
                    if found != expected(source, target, role):
                        wrong[source, target, role] = found
        session.rollback()
    assert wrong == {}


@sqlite_only
def test_every_proposal_by_every_role_of_the_same_and_of_another(world, record, people) -> None:
    """Whoever proposed never signs; another signs by the table alone; both may send back."""
    wrong, asked = {}, 0
    with world.database.write() as session:
        session.begin()
        for source in State:
            case = world_case(world, session, source)
            for target in State:
                move = transition(source, target)
                if move is None or not move.approvers:
                    continue
                fields = {name: record[name] for name in move.required}
                for proposer_role in sorted(move.proposers):
                    savepoint = session.begin_nested()
                    proposer = people[proposer_role][0]
                    advance(
                        session, case_id=case.id, staff=proposer, to=target, version=2,
                        record=fields, now=now_utc(),
                    )  # fmt: skip
                    for signer in (proposer, *(people[role][1] for role in Role)):
                        asked += 1
                        (role,) = {held.role for held in signer.held}
                        given = {"case_id": case.id, "version": 3, "now": now_utc()}
                        signed = answer(confirm, session, staff=signer, **given)
                        back = answer(send_back, session, staff=signer, reason="再看", **given)
                        if role not in WORKERS:
                            right = ("not-found", "not-found")
                        elif signer is proposer:
                            right = ("own-signature", source.value)
                        elif role in move.approvers:
                            right = (target.value, source.value)
                        else:
                            right = ("move-not-yours", "move-not-yours")
                        if (signed, back) != right:
                            wrong[source, target, proposer_role, role] = (signed, back)
                    savepoint.rollback()
                    session.expire_all()
        session.rollback()
    assert wrong == {}
    assert asked > 200


def world_case(world, session, state):
    session.commit()
    made = world.case(state=state)
    session.begin()
    return made


@sqlite_only
def test_an_inspector_who_became_bureau_head_still_approves_nothing_of_their_own(
    world, record, people
) -> None:
    proposer = people[Role.INSPECTOR][0]
    case = world.case(state=State.VERIFIED)
    fields = {name: record[name] for name in ("approval_number", "filing_ground")}
    with world.database.writing() as session:
        advance(
            session, case_id=case.id, staff=proposer, to=State.FILED, version=2, record=fields,
            now=now_utc(),
        )  # fmt: skip
        unit_id = world.unit(SHENYANG).id
        session.add(StaffRole(staff_id=proposer.staff_id, unit_id=unit_id, role="bureau_head"))
        session.flush()
        promoted = signed_in_as(session, staff_id=proposer.staff_id)
        with pytest.raises(NotAllowed, match="own-signature"):
            confirm(session, case_id=case.id, staff=promoted, version=3, now=now_utc())


@sqlite_only
def test_every_act_in_every_state_by_every_role(world, record, people) -> None:
    """What the facts forbid is tried elsewhere; here an act outside its table is refused."""
    with world.database.write() as session:
        session.begin()
        for state in State:
            case = world_case(world, session, state)
            for each in ACTS:
                fields = {name: record[name] for name in each.required}
                for role in Role:
                    given = {
                        "case_id": case.id, "staff": people[role][0], "code": each.code,
                        "version": 2, "record": fields, "now": now_utc(),
                    }  # fmt: skip
                    if role not in WORKERS:
                        with pytest.raises(NotFound):
                            act(session, **given)
                    elif state not in each.states:
                        with pytest.raises(InvalidInput, match="act-not-possible"):
                            act(session, **given)
                    elif role not in each.proposers:
                        with pytest.raises(NotAllowed, match="move-not-yours"):
                            act(session, **given)
                    else:
                        found = answer(act, session, **given)
                        assert found.removesuffix("?") == state or found in FACTS, (each, found)
        session.rollback()


FACTS = {"not-paused", "no-order"}

"""The database keeps each case's pile, its place in the tree and its square by itself."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select, update

from schemas.cells import Box, cell_of, centre_of, ranges_of
from schemas.database import new_id
from schemas.lifecycle import State
from schemas.stages import Stage, stage_of
from schemas.tables import Case, CaseProposal, Staff, Unit

SHENHE, XIHU = "210103", "330106"
NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)


def add_case(session, *, state=State.ASSIGNED, code=SHENHE, place=(41.7961, 123.4421)):
    unit = session.scalars(select(Unit).where(Unit.division_code == code)).one()
    case = Case(
        number=f"AJ{new_id().hex[-20:]}", incident_id=new_id(), department="market",
        unit_id=unit.id, state=state.value, categories=["PEST"], severity=4, county_code=code,
        latitude=place[0] if place else None, longitude=place[1] if place else None,
        received_at=NOW, due_on=date(2026, 12, 1),
    )  # fmt: skip
    session.add(case)
    session.flush()
    session.refresh(case)
    return case, unit


def trees_of(case):
    return [case.tree_1, case.tree_2, case.tree_3, case.tree_4]


def test_every_state_lies_on_the_pile_that_the_table_says(database) -> None:
    with database.writing() as session:
        staff = Staff(sign_in="anna", name="Anna", password_hash="")
        session.add(staff)
        session.flush()
        for state in State:
            lies_where_it_should(session, state, staff)


def lies_where_it_should(session, state, staff) -> None:
    case, _ = add_case(session, state=state)
    assert case.stage == stage_of(state)
    proposal = CaseProposal(case_id=case.id, to_state="verified", proposed_by=staff.id)
    session.add(proposal)
    session.flush()
    session.refresh(case)
    assert case.stage == stage_of(state, is_proposed=True)
    proposal.decided_at = NOW
    session.flush()
    session.refresh(case)
    assert case.stage == stage_of(state)


def test_a_case_stands_under_every_unit_above_it_and_moves_with_its_unit(database) -> None:
    with database.writing() as session:
        case, unit = add_case(session)
        above = unit.path.strip("/").split("/")
        assert [each.hex for each in trees_of(case)] == above
        city = session.get_one(Unit, unit.parent_id)
        case.unit_id = city.id
        session.flush()
        session.refresh(case)
        assert [each and each.hex for each in trees_of(case)] == [*above[:3], None]
        other = session.scalars(select(Unit).where(Unit.division_code == XIHU)).one()
        # Not by way of the model either.
        session.execute(update(Case).values(unit_id=other.id))
        session.refresh(case)
        assert case.tree_4 == other.id


def test_the_database_finds_the_same_square_as_the_map(database) -> None:
    with database.writing() as session:
        for place in ((-33.86, -70.66), (0.0, 0.0), (41.85, 123.45), (41.7961, 123.4421)):
            case, _ = add_case(session, place=place)
            assert case.open_cell == cell_of(*place)
        case.state = State.CLOSED.value
        session.flush()
        session.refresh(case)
        assert (case.stage, case.open_cell) == (Stage.ENDED, None)


def test_a_case_without_a_place_has_no_square(database) -> None:
    with database.writing() as session:
        case, _ = add_case(session, place=None)
        assert case.open_cell is None


def test_a_box_is_one_run_of_squares_for_each_row() -> None:
    box = Box(south=41.76, west=123.41, north=41.84, east=123.49)
    runs = ranges_of(box)
    assert len(runs) == 2
    for latitude, longitude in ((41.76, 123.41), (41.84, 123.49), (41.8, 123.45)):
        cell = cell_of(latitude, longitude)
        assert any(first <= cell <= last for first, last in runs)
    assert not any(first <= cell_of(41.8, 123.51) <= last for first, last in runs)
    middle = centre_of(cell_of(41.76, 123.41))
    assert middle == pytest.approx((41.775, 123.425))

"""The clock counts a territory's weeks ahead, and again when something has come in."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from schemas.access import Role
from schemas.database import now_utc
from schemas.tables import BulletinDraft, Staff, StaffRole
from schemas.units import find_unit
from workers.bulletins import count_bulletins, territories, weeks_until
from workers.schedule import tasks

sqlite_only = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


def appoint(database, code: str) -> None:
    with database.writing() as session:
        staff = Staff(sign_in=f"stan-{code}", name="统计员", password_hash="x")
        session.add(staff)
        session.flush()
        unit = find_unit(session, department="market", code=code)
        session.add(StaffRole(staff_id=staff.id, role=Role.STATISTICIAN.value, unit_id=unit.id))


def totals(database) -> dict[str, int]:
    with database.reading() as session:
        rows = session.scalars(select(BulletinDraft).order_by(BulletinDraft.week))
        return {row.week: row.totals["received"] for row in rows}


@sqlite_only
def test_the_clock_counts_what_was_touched_and_nothing_else(machine, tips) -> None:
    appoint(machine.database, "210100")
    assert count_bulletins(machine) == {}
    now = now_utc()
    before, present = weeks_until(now)[-2:]
    old = tips.send(at=tips.inside(), received_at=before.begins_at + timedelta(days=1))
    tips.process(old)
    assert count_bulletins(machine) == {"210100": 2}
    assert totals(machine.database) == {before.name: 1, present.name: 0}
    # As if the week before had been counted long ago: nothing came in since.
    with machine.database.writing() as session:
        session.execute(update(BulletinDraft).values(checked_at=now + timedelta(minutes=9)))
    assert count_bulletins(machine) == {"210100": 1}
    new = tips.send(at=tips.inside(), received_at=before.begins_at + timedelta(days=2))
    tips.process(new)
    assert count_bulletins(machine) == {"210100": 2}
    assert totals(machine.database)[before.name] == 2


@sqlite_only
def test_territories_are_those_that_have_a_statistician(machine) -> None:
    for code in ("210100", "210103"):
        appoint(machine.database, code)
    with machine.database.writing() as session:
        session.execute(update(Staff).where(Staff.sign_in == "stan-210103").values(is_active=False))
    with machine.database.reading() as session:
        assert territories(session) == ["210100"]


def test_the_clock_counts_bulletins_beside_its_other_work() -> None:
    task = next(task for task in tasks() if task.run is count_bulletins)
    assert task.aside

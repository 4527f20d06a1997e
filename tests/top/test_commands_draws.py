"""Random draws by the command line: listed, and done again."""

from typing import Any

import pytest
from sqlalchemy import select, text

from schemas.database import Database, new_id, now_utc
from schemas.draws.algorithm import Item, tickets_of
from schemas.draws.keeping import Plan, draw_now, prepare
from schemas.sealing import Sealer
from schemas.settings import Settings
from schemas.tables import Staff, Unit

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


def test_draws_are_listed_and_done_again(run: Any, database: Database, settings: Settings) -> None:
    assert run("draws", "verify", "--json").document == {"verified": 0, "difference": None}
    sealer = Sealer(settings)
    with database.writing() as session:
        people = [Staff(sign_in=f"s{n}", name=f"S{n}", password_hash="x") for n in range(2)]
        session.add_all(people)
        session.flush()
        plan = Plan(
            unit_id=session.scalars(select(Unit.id).limit(1)).one(),
            kind="list",
            origin="",
            tickets=tickets_of((Item(f"k{n}", f"店{n}"), 1) for n in range(4)),
            title="节前随机访餐厅",
            size=2,
        )
        one, other = (each.id for each in people)
        draw_id = prepare(session, plan=plan, staff_id=one, sealer=sealer, now=now_utc()).id
    with database.writing() as session:
        draw_now(
            session, draw_id=draw_id, staff_id=other, public_value="", sealer=sealer, now=now_utc()
        )
    listed = run("draws", "list", "--json").document["draws"]
    assert [(each["id"], each["attempt"]) for each in listed] == [(str(draw_id), 1)]
    assert run("draws", "verify", str(draw_id)).code == 0
    assert run("draws", "verify", str(new_id())).code == 1
    with database.writing() as session:
        session.execute(text("DROP TRIGGER draws_no_update"))
        session.execute(text("UPDATE draws SET size = 1"))
    broken = run("draws", "verify", "--json")
    assert (broken.code, broken.document["difference"]["what"]) == (1, "drawn 2")
    assert "(entry 2)" in run("draws", "verify").out

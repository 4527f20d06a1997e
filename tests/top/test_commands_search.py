"""`reindex` and `migrate` make cases findable that came from before there was a search."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import delete, select

from schemas.database import Database, new_id, now_utc
from schemas.tables import Case, CaseWords, Unit

Run = Callable[..., Any]


@pytest.mark.parametrize("command", ["reindex", "migrate"])
def test_cases_without_words_get_them(run: Run, database: Database, command: str) -> None:
    with database.writing() as session:
        unit = session.scalars(select(Unit).where(Unit.division_code == "210103")).one()
        session.add(
            Case(
                number="AJ20261121-7KQ4MX-3", incident_id=new_id(), department="market",
                unit_id=unit.id, state="assigned", categories=["PEST"], severity=4,
                premises_name="老王麻辣烫", received_at=now_utc(), due_on=date(2026, 12, 1),
            )
        )  # fmt: skip
    with database.writing() as session:
        session.execute(delete(CaseWords))
    done = run(command, "--lang", "en")
    assert done.code == 0, done.err
    if command == "reindex":
        assert "1 cases were indexed anew." in done.out
    with database.reading() as session:
        assert "老王麻辣烫" in session.scalars(select(CaseWords.text)).one()

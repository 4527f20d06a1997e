from datetime import UTC, datetime

import pytest

from schemas.lifecycle import State
from schemas.measures import provisional_due_dates, step_seconds
from schemas.tables import Case


def test_the_seconds_of_every_step_are_counted_and_summed(tips, machine):
    with machine.database.reading() as session:
        assert step_seconds(session) == []
    tips.process(*(tips.send(tips.photo(n), at=tips.inside()) for n in range(2)))
    with machine.database.reading() as session:
        found = {each.step: each for each in step_seconds(session)}
    assert set(found) == {"examine", "match", "route"}
    assert all(each.count == 2 for each in found.values())
    assert found["examine"].seconds > 0


@pytest.mark.parametrize(("state", "expected"), [(State.VERIFYING, 1), (State.CLOSED, 0)])
def test_running_clocks_on_unconfirmed_calendars_are_counted(tips, machine, state, expected):
    late = datetime(2026, 12, 28, tzinfo=UTC)
    soon = datetime(2026, 11, 2, tzinfo=UTC)
    reports = [
        tips.send(tips.photo(n), at=tips.inside(), received_at=moment)
        for n, moment in ((1, late), (2, soon))
    ]
    tips.process(*reports)
    with machine.database.writing() as session:
        session.get_one(Case, tips.case(reports[0]).id).state = state
    with machine.database.reading() as session:
        assert provisional_due_dates(session) == expected

"""One case's clocks in a bulletin are those that the case page explains."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest

from schemas.acts import ActCode
from schemas.bulletins.facts import Bond, CaseFile, Deed, Move, Tip
from schemas.bulletins.lives import Life
from schemas.bulletins.working_days import WorkingDays
from schemas.deadlines import Fact, Facts, deadline
from schemas.lifecycle import State
from schemas.workdays import NO_OVERRIDES

UNIT = UUID(int=7)
# Before the Spring Festival of 2026, with its holidays and make-up days in the clock.
BEGIN = datetime(2026, 1, 26, 2, tzinfo=UTC)
DAYS = WorkingDays(NO_OVERRIDES, first_year=2025, last_year=2028)
_S = State


def day(number: float) -> datetime:
    return BEGIN + timedelta(days=number)


def file_of(*steps: tuple) -> CaseFile:
    """A case of steps: (day, state) is a move, (day, act, record) an act."""
    case_id, moves, deeds, source = uuid4(), [], [], None
    for version, (when, what, *record) in enumerate(steps, start=1):
        known = dict(record[0]) if record else {}
        if isinstance(what, State):
            moves.append(Move(version, source, what, UNIT, known, day(when), day(when)))
            source = what
        else:
            deeds.append(Deed(version, what.value, known, day(when), day(when)))
    bond = Bond(case_id, uuid4(), "market", "first", BEGIN, None)
    tip = Tip(bond.report_id, None, ("PEST",), "", BEGIN, (bond,))
    return CaseFile(case_id, "AJ1", "market", tuple(moves), tuple(deeds), (tip,))


OPENED = ((0, _S.RECEIVED), (0.1, _S.ASSIGNED), (1, _S.VERIFYING))
EXTENDED = (3, ActCode.EXTEND, {"clock": "verify"})
TESTING = {"pause_kind": "testing", "reason": "x", "pause_from": "2026-01-30"}
PAUSED = (4, ActCode.PAUSE, TESTING | {"pause_to": "2026-02-04"})
LIVES = [
    OPENED,
    (*OPENED, EXTENDED),
    (*OPENED, PAUSED, EXTENDED),
    (*OPENED, (4, ActCode.PAUSE, TESTING), (9, ActCode.RESUME, {"pause_to": "2026-02-05"})),
    (*OPENED, (5, _S.UNFOUNDED), (6, _S.CLOSED), (40, _S.REOPENED), (41, _S.VERIFYING)),
    (*OPENED, EXTENDED, (5, _S.UNFOUNDED), (6, _S.CLOSED), (40, _S.REOPENED)),
    (*OPENED, (5, _S.VERIFIED), (6, _S.FILED)),
    (*OPENED, PAUSED, (5, _S.VERIFIED), (6, _S.FILED), (9, ActCode.EXTEND, {"clock": "decision"})),
    ((0, _S.RECEIVED), (1, _S.DISPATCH), (2, _S.INVALID), (5, _S.DISPATCH)),
]  # fmt: skip


@pytest.mark.parametrize("steps", LIVES)
def test_what_is_owed_is_due_when_the_case_page_says(steps) -> None:
    file = file_of(*steps)
    life = Life(file, until=day(90), days=DAYS)
    filed = [move.occurred_at for move in file.moves if move.target is _S.FILED]
    case = SimpleNamespace(
        state=life.state, received_at=BEGIN, filed_at=filed[-1] if filed else None
    )
    facts = [
        *(Fact(m.version, None, m.source, m.target, m.record, m.occurred_at) for m in file.moves),
        *(Fact(d.version, d.code, None, None, d.record, d.occurred_at) for d in file.deeds),
    ]
    ordered = Facts(tuple(sorted(facts, key=lambda fact: fact.version)))
    shown = deadline(case, facts=ordered, calendar=NO_OVERRIDES)
    owed = life.owed[-1]
    assert owed.done_at is None
    assert (owed.kind, owed.begun_on, owed.due_on) == (shown.kind, shown.begun_on, shown.due.date)


def test_a_case_that_was_filed_late_was_done_late_against_its_extended_date() -> None:
    plain = file_of(*OPENED, (31, _S.VERIFIED), (32, _S.FILED))
    assert Life(plain, until=day(90), days=DAYS).owed[0].is_late
    extended = file_of(*OPENED, EXTENDED, (31, _S.VERIFIED), (32, _S.FILED))
    assert not Life(extended, until=day(90), days=DAYS).owed[0].is_late


def test_a_conclusion_falls_when_the_case_is_taken_up_again() -> None:
    file = file_of(*OPENED, (5, _S.UNFOUNDED), (6, _S.CLOSED), (40, _S.REOPENED))
    assert Life(file, until=day(20), days=DAYS).conclusion is _S.UNFOUNDED
    assert Life(file, until=day(50), days=DAYS).conclusion is None
    assert Life(file, until=day(50), days=DAYS).is_open

"""One case as it stood at the end of a week: state, unit, conclusion and what it owed; pure.

Everything is a function of the file as it was known and of the moment `until`, before
which it has to have happened.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from itertools import pairwise
from typing import Any
from uuid import UUID

from schemas.acts import ActCode
from schemas.bulletins.facts import CaseFile, Deed, Move, Tip
from schemas.bulletins.working_days import WorkingDays
from schemas.deadlines import (
    DECISION_DAYS,
    DECISION_EXTENSION_DAYS,
    VERIFY_EXTENSION_WORKING_DAYS,
    VERIFY_WORKING_DAYS,
    ClockKind,
)
from schemas.lifecycle import OPEN_STATES, State
from schemas.workdays import Span, calendar_due_date, local_date

CONCLUSIONS = frozenset({State.VERIFIED, State.UNFOUNDED, State.UNVERIFIABLE})
# A case in one of these is nobody's to verify any more, whatever it was.
LEFT = frozenset({State.INVALID, State.TRANSFERRED})


@dataclass(frozen=True, slots=True)
class Owed:
    """Something that was due on a day: `done_at` when it was done, `is_paused` while it waits."""

    kind: ClockKind
    begun_on: date
    due_on: date
    done_at: datetime | None
    is_paused: bool

    @property
    def done_on(self) -> date | None:
        """The local day on which it was done."""
        return local_date(self.done_at) if self.done_at else None

    @property
    def is_late(self) -> bool:
        """Whether it was done, but after its day."""
        return self.done_on is not None and self.done_on > self.due_on


class Life:
    """A case as known, until a moment.

    `moves` are those before it by the time at which they happened, `tips` the reports
    that stand in the case and were received before it, the first one first.
    """

    def __init__(self, file: CaseFile, *, until: datetime, days: WorkingDays) -> None:
        self.id = file.id
        self.number = file.number
        self.department = file.department
        self.until = until
        self._days = days
        self._first_move = file.moves[0] if file.moves else None
        self.moves: list[Move] = sorted(
            (each for each in file.moves if each.occurred_at < until),
            key=lambda each: (each.occurred_at, each.version),
        )
        self.deeds: list[Deed] = [each for each in file.deeds if each.occurred_at < until]
        self.tips: list[Tip] = [each for each in file.tips if each.received_at < until]

    @property
    def counts(self) -> bool:
        """Whether a report stands in it: what was merged away or unlinked is no case."""
        return bool(self.tips) and self._first_move is not None

    @property
    def state(self) -> State | None:
        """The state at the moment; None before the case was opened."""
        return self.moves[-1].target if self.moves else None

    @property
    def unit_id(self) -> UUID:
        """Whose it was; before it was opened, whose it became."""
        move = self.moves[-1] if self.moves else self._first_move
        if move is None:
            raise LookupError(f"case {self.number} has no history")
        return move.unit_id

    @property
    def received_at(self) -> datetime:
        """When the first of its reports was received, from which its clock runs."""
        return self.tips[0].received_at

    @property
    def born(self) -> Mapping[str, Any]:
        """What was recorded when it was opened."""
        return self._first_move.record if self._first_move else {}

    @property
    def is_open(self) -> bool:
        """Whether somebody still owed an answer."""
        return self.state in OPEN_STATES

    @cached_property
    def conclusion(self) -> State | None:
        """The last conclusion, unless it was taken up again since."""
        found = None
        for move in self.moves:
            if is_conclusion(move):
                found = move.target
            elif move.target is State.REOPENED:
                found = None
        return found

    @cached_property
    def owed(self) -> list[Owed]:
        """What the case owed by its clocks, the oldest first (schemas.deadlines)."""
        found: list[Owed] = []
        begun: tuple[ClockKind, Move] | None = None
        for move in self.moves:
            if begun and (move.target not in OPEN_STATES or move.target is State.FILED):
                found.append(self._owed(*begun, done_at=move.occurred_at))
                begun = None
            if move.target is State.FILED:
                begun = (ClockKind.DECISION, move)
            elif move.target in OPEN_STATES and begun is None:
                begun = (ClockKind.VERIFY, move)
        if begun:
            found.append(self._owed(*begun, done_at=None))
        return found

    def _owed(self, kind: ClockKind, begun: Move, *, done_at: datetime | None) -> Owed:
        life = self._life_of(begun)
        since = life.version if life else 0
        deeds = [
            each
            for each in self.deeds
            if each.version > since and (done_at is None or each.occurred_at <= done_at)
        ]
        pauses, is_paused = _pauses(deeds)
        is_extended = any(
            each.code == ActCode.EXTEND and each.record["clock"] == kind.value for each in deeds
        )
        if kind is ClockKind.DECISION:
            first = local_date(begun.occurred_at)
            length = DECISION_DAYS + (DECISION_EXTENSION_DAYS if is_extended else 0)
            due_on = calendar_due_date(first, length, paused=pauses).date
        else:
            first = local_date(life.occurred_at if life else self.received_at)
            length = VERIFY_WORKING_DAYS + (VERIFY_EXTENSION_WORKING_DAYS if is_extended else 0)
            due_on = self._days.due_on(first, length, paused=pauses)
        return Owed(kind, first, due_on, done_at, is_paused and done_at is None)

    def _life_of(self, move: Move) -> Move | None:
        """Return the move by which the case had begun anew when `move` was made, if it had."""
        found = [
            each
            for each in self.moves
            if each.target is State.REOPENED and each.version <= move.version
        ]
        return found[-1] if found else None

    def handling_days(self, closed: Move) -> int:
        """Return the working days from receipt, or from being reopened, to a closing."""
        life = self._life_of(closed)
        first = local_date(life.occurred_at if life else self.received_at)
        return self._days.between(first, local_date(closed.occurred_at))


def is_conclusion(move: Move) -> bool:
    """Whether a move concludes a verification; a re-inspection after an order does not."""
    return move.target in CONCLUSIONS and move.source is State.VERIFYING


def _pauses(deeds: Sequence[Deed]) -> tuple[list[Span], bool]:
    """Return the pauses that have ended, and whether one goes on."""
    steps = [each for each in deeds if each.code in (ActCode.PAUSE, ActCode.RESUME)]
    ended: list[Span] = []
    goes_on = False
    for step, following in pairwise([*steps, None]):
        if step is None or step.code != ActCode.PAUSE:
            continue
        last = step.record.get("pause_to")
        if not last and following is not None:
            last = following.record.get("pause_to")
        if last:
            ended.append((date.fromisoformat(step.record["pause_from"]), date.fromisoformat(last)))
        else:
            goes_on = True
    return ended, goes_on

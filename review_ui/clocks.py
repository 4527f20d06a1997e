"""How much time is left: due dates in working days, and which of them are still owed."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement

from schemas.lifecycle import OPEN_STATES, State
from schemas.tables import Case
from schemas.workdays import CalendarOverrides, local_date, working_days_between


@dataclass(frozen=True, slots=True)
class Clock:
    """A due date that is still owed: what is left of how much, in working days.

    `left` is negative when the day is past. A provisional date reaches a year whose
    calendar is not yet published.
    """

    due_on: date
    left: int
    whole: int
    provisional: bool

    @property
    def is_overdue(self) -> bool:
        """Whether the due day is over."""
        return self.left < 0

    @property
    def share_left(self) -> float:
        """What is left, from 0 to 1."""
        return min(1.0, max(0.0, self.left / self.whole)) if self.whole else 0.0


def clock_of(case: Case, *, today: date, calendar: CalendarOverrides) -> Clock | None:
    """Return the case's clock, or None where nothing is owed any more."""
    if State(case.state) not in OPEN_STATES:
        return None
    begun = case.filed_at if case.state == State.FILED and case.filed_at else case.received_at
    left = working_days_between(today, case.due_on, overrides=calendar)
    if left == 0 and case.due_on < today:
        # Only free days lie between: it is overdue all the same.
        left = -1
    whole = working_days_between(local_date(begun), case.due_on, overrides=calendar)
    return Clock(case.due_on, left, max(whole, 1), case.due_provisional)


def is_overdue(today: date) -> ColumnElement[bool]:
    """Return the condition on Case that something is owed and its day is over."""
    return Case.state.in_([state.value for state in OPEN_STATES]) & (Case.due_on < today)

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
    calendar is not yet published. While `paused_since` is set nothing runs out.
    """

    due_on: date
    left: int
    whole: int
    provisional: bool
    paused_since: date | None = None

    @property
    def is_overdue(self) -> bool:
        """Whether the due day is over."""
        return self.left < 0 and self.paused_since is None

    @property
    def share_left(self) -> float:
        """What is left, from 0 to 1."""
        return min(1.0, max(0.0, self.left / self.whole)) if self.whole else 0.0


def clock_of(case: Case, *, today: date, calendar: CalendarOverrides) -> Clock | None:
    """Return the case's clock, or None where nothing is owed any more."""
    if State(case.state) not in OPEN_STATES:
        return None
    begun = case.filed_at if case.state == State.FILED and case.filed_at else case.received_at
    # What was left when a pause began is still left.
    counted_from = min(today, case.paused_since) if case.paused_since else today
    left = days_left(case.due_on, today=counted_from, calendar=calendar)
    whole = working_days_between(local_date(begun), case.due_on, overrides=calendar)
    return Clock(case.due_on, left, max(whole, 1), case.due_provisional, case.paused_since)


def days_left(due_on: date, *, today: date, calendar: CalendarOverrides) -> int:
    """Return the working days that are left until a day; negative when it is over."""
    left = working_days_between(today, due_on, overrides=calendar)
    # Where only free days lie between, it is overdue all the same.
    return -1 if left == 0 and due_on < today else left


def is_overdue(today: date) -> ColumnElement[bool]:
    """Return the condition on Case that something is owed and its day is over."""
    return (
        Case.state.in_([state.value for state in OPEN_STATES])
        & (Case.due_on < today)
        & Case.paused_since.is_(None)
    )

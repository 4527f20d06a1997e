"""What the database can tell an operator's monitoring, as plain numbers for any exposition."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from schemas.lifecycle import OPEN_STATES
from schemas.tables import Case, ReportStep


@dataclass(frozen=True, slots=True)
class StepSeconds:
    """How often a pipeline step has run, and how many seconds that took in all."""

    step: str
    count: int
    seconds: float


def step_seconds(session: Session) -> list[StepSeconds]:
    """Return count and sum of each step's seconds since the beginning, by step.

    Both only ever grow, as a Prometheus summary has to, whichever process is asked.
    """
    rows = session.execute(
        select(ReportStep.step, func.count(), func.sum(ReportStep.duration_s))
        .group_by(ReportStep.step)
        .order_by(ReportStep.step)
    )
    return [StepSeconds(step, count, float(seconds or 0.0)) for step, count, seconds in rows]


def provisional_due_dates(session: Session) -> int:
    """Return how many running clocks end on a date that no published calendar confirms."""
    return int(
        session.scalar(
            select(func.count())
            .select_from(Case)
            .where(
                Case.due_provisional.is_(True),
                Case.state.in_([state.value for state in OPEN_STATES]),
            )
        )
        or 0
    )

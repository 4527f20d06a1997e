"""What the database can tell an operator's monitoring, as plain numbers for any exposition."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from schemas.lifecycle import OPEN_STATES
from schemas.tables import AuditVerification, Case, NightlyRun, ReportStep


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


@dataclass(frozen=True, slots=True)
class NightWork:
    """What the nights' work last found: the audit log's chain, and riders kept too long.

    Moments are None, and numbers 0, for what was never done. `fault` is the slug of what
    is wrong with the chain, `fault_sequence` the link where.
    """

    verified_at: datetime | None
    fault: str | None
    fault_sequence: int | None
    retention_ran_at: datetime | None
    due_for_erasure: int

    def hours_since_verification(self, now: datetime) -> int:
        """Return how many whole hours ago the chain was verified; -1 for never."""
        if self.verified_at is None:
            return -1
        return int((now - self.verified_at).total_seconds() // 3600)


def night_work(session: Session) -> NightWork:
    """Return what the last verification and the last retention run found."""
    verified = session.scalars(
        select(AuditVerification).order_by(AuditVerification.id.desc()).limit(1)
    ).first()
    retention = session.get(NightlyRun, "retention")
    return NightWork(
        verified_at=verified.verified_at if verified else None,
        fault=verified.fault if verified else None,
        fault_sequence=verified.fault_sequence if verified else None,
        retention_ran_at=retention.ran_at if retention else None,
        due_for_erasure=int(retention.facts.get("due", 0)) if retention else 0,
    )

"""Count the due dates of running cases anew, after an official calendar was loaded."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from schemas import audit
from schemas.database import Database
from schemas.deadlines import renew
from schemas.lifecycle import OPEN_STATES
from schemas.tables import Case
from schemas.workdays import CalendarOverrides

BATCH = 200


@dataclass(frozen=True, slots=True)
class Renewal:
    """How many running cases were looked at, and how many of them have another date now."""

    seen: int
    changed: int


def renew_due_dates(
    database: Database,
    *,
    base: CalendarOverrides,
    first_day: date,
    tick: Callable[[int, int], None],
) -> Renewal:
    """Count every date anew that is provisional or could reach `first_day`, some hundred at a time.

    `base` is the operator's WORKDAYS_FILE, over which the loaded calendars lie. Each
    batch is a transaction of its own, so that the doors go on working; run again, it
    changes nothing.
    """
    with database.reading() as session:
        wanted = _wanted(first_day)
        total = session.scalar(select(func.count()).select_from(Case).where(wanted)) or 0
    seen = changed = 0
    last: UUID | None = None
    while True:
        with database.writing() as session:
            batch = _next(session, first_day, last)
            changed += sum(_renew(session, case, base) for case in batch)
        if not batch:
            return Renewal(seen, changed)
        last = batch[-1].id
        seen += len(batch)
        # A case that came in meanwhile makes it one more than was counted.
        tick(seen, max(total, seen))


def _wanted(first_day: date) -> ColumnElement[bool]:
    return Case.state.in_([state.value for state in OPEN_STATES]) & (
        Case.due_provisional.is_(True) | (Case.due_on >= first_day)
    )


def _next(session: Session, first_day: date, last: UUID | None) -> list[Case]:
    query = select(Case).where(_wanted(first_day)).order_by(Case.id).limit(BATCH)
    if last is not None:
        query = query.where(Case.id > last)
    return list(session.scalars(query.with_for_update()))


def _renew(session: Session, case: Case, base: CalendarOverrides) -> bool:
    before = {
        "due_on": case.due_on.isoformat(),
        "due_provisional": case.due_provisional,
        "version": case.version,
    }
    if not renew(session, case=case, calendar=base):
        return False
    # A screen that shows the date before must not be taken for the present one.
    case.version += 1
    audit.record(
        session,
        actor=audit.OPERATOR,
        action="case_due_changed",
        subject=("case", case.id),
        before=before,
        after={
            "due_on": case.due_on.isoformat(),
            "due_provisional": case.due_provisional,
            "version": case.version,
        },
    )
    session.flush()
    return True

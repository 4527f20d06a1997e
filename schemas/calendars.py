"""The official calendars that an operator loaded, as every process sees them."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from threading import Lock

from sqlalchemy import select
from sqlalchemy.orm import Session

from schemas import audit
from schemas.database import Database
from schemas.tables import LoadedCalendar
from schemas.workdays import NO_OVERRIDES, CalendarOverrides, merged, read_calendar

# How long a page may still count with the calendar before: nothing is written with it.
FRESH_FOR_S = 5.0


def store_calendar(session: Session, *, path: Path) -> LoadedCalendar:
    """Store an operator's calendar file, with an audit entry.

    Raises InvalidInput `calendar-file-invalid` (schemas.workdays.read_calendar).
    """
    read = read_calendar(path)
    row = LoadedCalendar(
        source=path.name[:200],
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        years=sorted(read.years),
        days={day.isoformat(): works for day, works in sorted(read.days.items())},
    )
    session.add(row)
    session.flush()
    audit.record(
        session,
        actor=audit.OPERATOR,
        action="calendar_loaded",
        subject=("calendar", row.id),
        after={"source": row.source, "sha256": row.sha256, "years": row.years, "days": row.days},
    )
    return row


def present_calendar(
    session: Session, *, base: CalendarOverrides = NO_OVERRIDES
) -> CalendarOverrides:
    """Return the calendar that holds now: what was loaded, in order, over `base`."""
    found = base
    for row in session.scalars(
        select(LoadedCalendar).order_by(LoadedCalendar.loaded_at, LoadedCalendar.id)
    ):
        days = {date.fromisoformat(day): works for day, works in row.days.items()}
        found = merged(found, CalendarOverrides(days, frozenset(row.years)))
    return found


@dataclass
class LiveCalendar:
    """The calendar for showing what is left, read again after a few seconds.

    A process that was running when a calendar was loaded needs no restart.
    """

    database: Database
    base: CalendarOverrides = NO_OVERRIDES
    clock: Callable[[], float] = time.monotonic
    _known: CalendarOverrides | None = None
    _read_at: float = 0.0
    _lock: Lock = field(default_factory=Lock)

    def now(self) -> CalendarOverrides:
        """Return the calendar as it was at most `FRESH_FOR_S` seconds ago."""
        with self._lock:
            if self._known is None or self.clock() - self._read_at > FRESH_FOR_S:
                with self.database.reading() as session:
                    self._known = present_calendar(session, base=self.base)
                self._read_at = self.clock()
            return self._known

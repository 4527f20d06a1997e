"""What the clock does for the bulletin: drafts of the weeks that facts have touched.

Counted for every territory that has a statistician. A turn looks first whether anything
was recorded; where nothing was, it costs some look-ups in indexes. On Monday the week
that is over is counted once more, and the first turn of a new territory counts a year.
"""

from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from schemas.access import RIGHTS, Right
from schemas.bulletins.computing import compute
from schemas.bulletins.issues import keep_draft
from schemas.bulletins.parameters import Parameters, present_parameters
from schemas.bulletins.rollups import mark_checked, stale
from schemas.database import now_utc
from schemas.tables import BulletinIssue, Staff, StaffRole, Unit
from schemas.weeks import Week, week_of
from workers.machine import Machine

log = structlog.get_logger()

# A year's page and the same week of the year before it.
WEEKS_KEPT = 54
# How often the running week is counted anew; a page shows when that was.
COUNTED_EVERY_S = 600.0


def count_bulletins(machine: Machine) -> dict[str, int]:
    """Count the drafts anew that were touched, and return how many of each territory."""
    now = now_utc()
    parameters = present_parameters(
        small_cell=machine.settings.bulletin_small_cell, calendar=machine.calendar
    )
    with machine.database.reading() as session:
        scopes = territories(session)
    weeks = weeks_until(now)
    found: dict[str, int] = {}
    for scope in scopes:
        counted = _count(machine, scope, weeks, now=now, parameters=parameters)
        if counted:
            found[scope] = counted
    if found:
        log.info("bulletins_counted", weeks=sum(found.values()), territories=len(found))
    return found


def _count(
    machine: Machine, scope: str, weeks: list[Week], *, now: datetime, parameters: Parameters
) -> int:
    """Count one territory's weeks; nothing is locked while it is counted, only to keep it."""
    with machine.database.reading() as session:
        wanted = stale(session, scope=scope, weeks=weeks)
    for week in wanted:
        with machine.database.reading() as session:
            counted = compute(session, week=week, scope=scope, known_at=now, parameters=parameters)
        with machine.database.writing() as session:
            keep_draft(session, counted)
    with machine.database.writing() as session:
        mark_checked(session, scope=scope, weeks=weeks, now=now)
    return len(wanted)


def territories(session: Session) -> Sequence[str]:
    """Return the division codes that have a statistician, or were published already."""
    appointed = session.scalars(
        select(Unit.division_code)
        .join(StaffRole, StaffRole.unit_id == Unit.id)
        .join(Staff, Staff.id == StaffRole.staff_id)
        .where(
            StaffRole.role.in_([role.value for role in RIGHTS[Right.PUBLISH_BULLETINS]]),
            Staff.is_active,
        )
    )
    published = session.scalars(select(BulletinIssue.scope_code).distinct())
    return sorted(code for code in {*appointed, *published} if len(code) == 6)


def weeks_until(now: datetime) -> list[Week]:
    """Return the weeks that are kept counted, the present one last."""
    present = week_of(now)
    return [present.after(-back) for back in range(WEEKS_KEPT - 1, -1, -1)]

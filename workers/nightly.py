"""What the clock does once a night: verify the audit log, erase what was kept long enough.

The night begins at three in the morning, Asia/Shanghai. What was done stands in the
database, so that a clock that was down, or is started again, does each once.
"""

from contextlib import suppress
from datetime import datetime

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intake.riders.erasure import count_due, due_for_erasure, erase_rider
from schemas import audit
from schemas.audit import Actor, Verification
from schemas.database import Database, now_utc
from schemas.errors import Conflict
from schemas.tables import AuditVerification, NightlyRun
from schemas.workdays import last_night
from workers.machine import Machine

log = structlog.get_logger()

BATCH = 100
RETENTION = "retention"


def verify_chain(machine: Machine) -> Verification | None:
    """Verify the audit log unless somebody did since last night; keep and tell what was found."""
    with machine.database.reading() as session:
        last = session.scalar(select(func.max(AuditVerification.verified_at)))
        if last is not None and last >= last_night(now_utc()):
            return None
        found = audit.verify(session)
    with machine.database.writing() as session:
        audit.keep_verification(session, found=found)
    if found.fault is None:
        log.info("audit_chain_whole", sealed=found.sealed, unsealed=found.unsealed, head=found.head)
    else:
        log.error(
            "audit_chain_broken",
            fault=found.fault,
            fault_sequence=found.fault_sequence,
            fault_entry=str(found.fault_entry) if found.fault_entry else None,
            whole_before=found.sealed,
        )
    return found


def run_retention(machine: Machine) -> int | None:
    """Erase what is due as RETENTION_NIGHTLY says and return how many riders; None if not due.

    The first night of a product only counts, so that whoever set RETENTION_YEARS too low
    sees the number in /readyz and the metrics before anything is gone.
    """
    mode, now = machine.settings.retention_nightly, now_utc()
    if mode == "off":
        return None
    with machine.database.writing() as session:
        is_first = _take_turn(session, now)
    if is_first is None:
        return None
    years = machine.settings.retention_years
    erased = 0
    if mode == "erase" and not is_first:
        erased = erase_due(machine.database, now=now, years=years, actor=audit.PIPELINE)
    with machine.database.writing() as session:
        due = count_due(session, now=now, years=years)
        run = session.get_one(NightlyRun, RETENTION)
        run.facts = {"erased": erased, "due": due, "years": years, "mode": mode}
    log.info("retention_ran", erased=erased, due=due, years=years, mode=mode)
    return erased


def erase_due(database: Database, *, now: datetime, years: int, actor: Actor) -> int:
    """Erase every rider whose retention is over, each for itself, and return how many.

    Who can't be erased, since a case of theirs was held a moment ago, stays and keeps
    nobody else.
    """
    erased, last = 0, None
    while True:
        with database.reading() as session:
            due = due_for_erasure(session, now=now, years=years, limit=BATCH, after=last)
        for rider_id in due:
            with suppress(Conflict), database.writing() as session:
                erase_rider(session, rider_id=rider_id, reason=RETENTION, now=now, actor=actor)
                erased += 1
        if len(due) < BATCH:
            return erased
        last = due[-1]


def _take_turn(session: Session, now: datetime) -> bool | None:
    """Note that retention runs now; whether it is the first time, None if it ran since last night.

    The row is locked, so that of two clocks one goes on.
    """
    run = session.get(NightlyRun, RETENTION, with_for_update=True)
    if run is None:
        session.add(NightlyRun(task=RETENTION, ran_at=now))
        return True
    if run.ran_at >= last_night(now):
        return None
    run.ran_at = now
    return False

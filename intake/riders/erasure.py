"""Removes riders' sealed personal data and leaves a tombstone, with the audit chain whole.

A report is evidence and stays, as that of somebody who can no longer be named. What
was sealed is gone with its tokens and stored answers; its hash stays, so that a copy
that turns up elsewhere can be told (PIPL art. 47; the audit log never held the data).
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Exists, delete, exists, func, select
from sqlalchemy.orm import Session

from intake.campaigns import forgetting
from intake.rewards.honouring import stop_being_named
from intake.subscriptions import forget_rider
from schemas import audit
from schemas.errors import Conflict, InvalidInput, NotFound
from schemas.lifecycle import OPEN_STATES
from schemas.numbers import CASE_PREFIX, read_number
from schemas.tables import (
    Case,
    CaseReport,
    IdempotencyKey,
    LegalHold,
    PersonalCode,
    Report,
    ReportRisk,
    Rider,
    RiderToken,
    SignInCode,
    StationVisit,
    Upload,
)
from schemas.words import Words

DAYS_PER_YEAR = 365.2425


def erase_rider(
    session: Session, *, rider_id: UUID, reason: str, now: datetime, actor: audit.Actor
) -> str:
    """Erase who a rider is and return the tombstone: SHA-256 (hex) of the sealed bytes.

    Raises NotFound `rider-unknown`, Conflict `rider-erased`, or Conflict `legal-hold`
    while a case of theirs is held.
    """
    rider = session.scalars(
        select(Rider)
        .where(Rider.id == rider_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if rider is None:
        raise NotFound("rider-unknown", Words("没有这名骑手。", "There is no such rider."))
    if rider.erased_at is not None:
        raise Conflict(
            "rider-erased",
            Words("这名骑手的个人信息已经删除。", "This rider's data was erased already."),
        )
    _check_not_held(session, rider_id)
    # While the digest still says which: codes that were asked for this phone.
    session.execute(delete(SignInCode).where(SignInCode.phone_digest == rider.phone_digest))
    rider.tombstone = hashlib.sha256(rider.sealed_profile).hexdigest()
    # The row stays, since reports point to it; these two may not be empty or equal.
    rider.sealed_profile, rider.phone_digest = b"", f"erased:{rider.id.hex}"
    rider.erased_at = now
    for table in (RiderToken, PersonalCode, StationVisit):
        session.execute(delete(table).where(table.rider_id == rider_id))
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.scope == str(rider_id)))
    # Their bytes are strays from now on, which the clock removes.
    session.execute(delete(Upload).where(Upload.rider_id == rider_id))
    # What was found unusual about somebody who is nobody now helps no inspector.
    theirs = select(Report.id).where(Report.rider_id == rider_id)
    session.execute(delete(ReportRisk).where(ReportRisk.report_id.in_(theirs)))
    forget_rider(session, rider_id=rider_id, now=now)
    forgetting.forget_rider(session, rider_id=rider_id, now=now)
    stop_being_named(session, rider_id=rider_id, now=now)
    audit.record(
        session,
        actor=actor,
        action="rider.erased",
        subject=("rider", rider_id),
        after={"tombstone": rider.tombstone, "reason": reason},
    )
    session.flush()
    return rider.tombstone


def due_for_erasure(
    session: Session, *, now: datetime, years: int, limit: int, after: UUID | None = None
) -> Sequence[UUID]:
    """Return riders whose retention is over: no registration and no report within `years`.

    Who has a report in an open or a held case is left out. `after` is the last one of the
    page before.
    """
    further = () if after is None else (Rider.id > after,)
    return session.scalars(
        select(Rider.id).where(*_is_due(now, years), *further).order_by(Rider.id).limit(limit)
    ).all()


def count_due(session: Session, *, now: datetime, years: int) -> int:
    """Return how many riders' retention is over."""
    return session.scalar(select(func.count(Rider.id)).where(*_is_due(now, years))) or 0


def _is_due(now: datetime, years: int) -> tuple[ColumnElement[bool], ...]:
    before = now - timedelta(days=years * DAYS_PER_YEAR)
    standing = (
        select(CaseReport.id)
        .join(Report, Report.id == CaseReport.report_id)
        .join(Case, Case.id == CaseReport.case_id)
        .where(
            Report.rider_id == Rider.id,
            Case.state.in_([state.value for state in OPEN_STATES]) | _is_held(),
        )
    )
    return (
        Rider.erased_at.is_(None),
        Rider.registered_at < before,
        ~exists().where(Report.rider_id == Rider.id, Report.received_at >= before),
        ~standing.exists(),
    )


def hold_case(session: Session, *, number: str, reason: str, actor: audit.Actor) -> LegalHold:
    """Put a legal hold on a case: its reporters' data is kept until the hold is ended.

    Raises InvalidInput for a number or reason that won't do, NotFound, and Conflict
    `case-held` when it is held already.
    """
    case, reason = _case(session, number), " ".join(reason.split())
    if not reason:
        raise InvalidInput(
            "reason-missing", Words("请写明理由。", "Give a reason."), field="reason"
        )
    if _hold(session, case) is not None:
        raise Conflict("case-held", Words("这个案件已要求保留。", "This case is held already."))
    hold = LegalHold(case_id=case.id, reason=reason, held_by=actor.id)
    session.add(hold)
    session.flush()
    audit.record(
        session,
        actor=actor,
        action="case_held",
        subject=("case", case.id),
        after={"reason": reason},
    )
    return hold


def release_case(
    session: Session, *, number: str, reason: str = "", now: datetime, actor: audit.Actor
) -> LegalHold:
    """End the legal hold on a case; raises NotFound, and Conflict `case-not-held`."""
    case = _case(session, number)
    hold = _hold(session, case)
    if hold is None:
        raise Conflict("case-not-held", Words("这个案件没有要求保留。", "This case is not held."))
    hold.released_at, hold.released_by, hold.release_reason = now, actor.id, reason
    audit.record(
        session,
        actor=actor,
        action="case_released",
        subject=("case", case.id),
        after={"reason": reason},
    )
    session.flush()
    return hold


def _check_not_held(session: Session, rider_id: UUID) -> None:
    numbers = session.scalars(
        select(Case.number)
        .join(CaseReport, CaseReport.case_id == Case.id)
        .join(Report, Report.id == CaseReport.report_id)
        .where(Report.rider_id == rider_id, _is_held())
        .distinct()
        .order_by(Case.number)
    ).all()
    if numbers:
        raise Conflict(
            "legal-hold",
            Words(
                f"不能删除：案件 {'、'.join(numbers)} 要求保留。",
                f"Not erased: there is a legal hold on {', '.join(numbers)}.",
            ),
            numbers=list(numbers),
        )


def _is_held() -> Exists:
    return exists().where(LegalHold.case_id == Case.id, LegalHold.released_at.is_(None))


def _hold(session: Session, case: Case) -> LegalHold | None:
    return session.scalars(
        select(LegalHold).where(LegalHold.case_id == case.id, LegalHold.released_at.is_(None))
    ).one_or_none()


def _case(session: Session, number: str) -> Case:
    canonical = read_number(CASE_PREFIX, number)
    case = session.scalars(
        select(Case).where(Case.number == canonical).with_for_update()
    ).one_or_none()
    if case is None:
        raise NotFound(
            "number-unknown",
            Words(f"没有编号为 {canonical} 的案件。", f"There is no case {canonical}."),
            field="number",
        )
    return case

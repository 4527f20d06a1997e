"""Legal holds set and ended from the room: the case's sealed data stays while one stands.

A hold changes nothing of the case, so it counts no version up; it stands in the audit
log with its reason and is shown on the case's page.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.riders.erasure import hold_case, release_case
from review_ui.access.scope import find_case, visible_cases
from review_ui.access.staff import SignedIn
from review_ui.evidence.unsealing import hide_personal
from schemas.access import Right
from schemas.audit import Actor
from schemas.errors import InvalidInput
from schemas.tables import Case, LegalHold, Staff
from schemas.words import Words

REASON_LENGTHS = range(2, 501)
MOST_SHOWN = 500


@dataclass(frozen=True, slots=True)
class HeldCase:
    """A hold that stands, its case and who set it; `by` is None where the operator did."""

    hold: LegalHold
    case: Case
    by: str | None


def standing_holds(session: Session, *, staff: SignedIn) -> tuple[HeldCase, ...]:
    """Return the holds that stand in the person's tree, the latest first."""
    rows = session.execute(
        select(LegalHold, Case, Staff.name)
        .join(Case, Case.id == LegalHold.case_id)
        .outerjoin(Staff, Staff.id == LegalHold.held_by)
        .where(LegalHold.released_at.is_(None), visible_cases(staff, Right.HOLD_CASES))
        .order_by(LegalHold.held_at.desc(), LegalHold.id)
        .limit(MOST_SHOWN)
    )
    return tuple(HeldCase(hold, case, by) for hold, case, by in rows)


def hold(session: Session, *, number: str, reason: str, staff: SignedIn) -> LegalHold:
    """Put a legal hold on a case of the person's tree.

    Raises NotFound outside of their right, InvalidInput `reason-missing`, and Conflict
    `case-held` when one stands already.
    """
    case = find_case(session, number=number, staff=staff, right=Right.HOLD_CASES)
    return hold_case(session, number=case.number, reason=_kept(reason), actor=_actor(staff))


def release(
    session: Session, *, number: str, reason: str, staff: SignedIn, now: datetime
) -> LegalHold:
    """End the legal hold on a case of the person's tree.

    Raises NotFound outside of their right, InvalidInput `reason-missing`, and Conflict
    `case-not-held`.
    """
    case = find_case(session, number=number, staff=staff, right=Right.RELEASE_CASES)
    return release_case(
        session, number=case.number, reason=_kept(reason), now=now, actor=_actor(staff)
    )


def _actor(staff: SignedIn) -> Actor:
    return Actor("staff", staff.staff_id)


def _kept(reason: str) -> str:
    """Return a reason as the log keeps it, which can't forget: without phone numbers."""
    plain = " ".join(reason.replace("\0", " ").split())
    if len(plain) not in REASON_LENGTHS:
        raise InvalidInput(
            "reason-missing",
            Words(
                "请写明理由（2 到 500 个字），例如诉讼或复议的案号。",
                "Give the reason (2 to 500 characters), such as the number of the court's case.",
            ),
            field="reason",
        )
    return hide_personal(plain)

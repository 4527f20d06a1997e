"""Approval of awards: what it does, when it has to wait, and what time approves by policy.

Who may approve by hand is the reward officers' room's to say (review_ui.rewards).
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.rewards.awards import move, note
from intake.rewards.earning import Verdict, findings_of
from intake.rewards.ledger import lock_awards
from schemas import audit
from schemas.points import AccountKind, AwardStatus, EntryKind
from schemas.tables import PointAward

AT_ONCE = 500


def grant(session: Session, *, found: PointAward, actor: audit.Actor, now: datetime) -> None:
    """Let the rider have what an award holds; whoever decides has checked that it may be."""
    move(
        session, award=found, kind=EntryKind.APPROVED, source=AccountKind.PENDING,
        target=AccountKind.RIDER, actor=actor, now=now,
    )  # fmt: skip
    found.status, found.decided_at = AwardStatus.APPROVED.value, now
    found.decided_by = actor.id if actor.kind == "staff" else None
    session.flush()
    note(session, found, "points_approved", actor)


def approve_due(session: Session, *, now: datetime, after_days: int) -> int:
    """Approve what has waited for so many days, by policy and not by a person; returns how many.

    An award whose case is taken up again goes on waiting, and so does one that an officer
    made by hand: no time stands in for the second officer whom it needs.
    """
    lock_awards(session)
    waiting = session.scalars(
        select(PointAward)
        .where(
            PointAward.status == AwardStatus.PENDING.value,
            PointAward.made_by.is_(None),
            PointAward.made_at <= now - timedelta(days=after_days),
        )
        .order_by(PointAward.id)
        .limit(AT_ONCE)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    done = 0
    for each in waiting:
        if not is_under_review(session, found=each):
            grant(session, found=each, actor=audit.PIPELINE, now=now)
            done += 1
    return done


def is_under_review(session: Session, *, found: PointAward) -> bool:
    """Whether no case of an award's incident is verified now, as while one is taken up again."""
    if found.incident_id is None:
        return False
    verdicts = {each.verdict for each in findings_of(session, incident_id=found.incident_id)}
    return Verdict.TRUE not in verdicts

"""Awards follow the facts: settle_incident() compares what stands with what is due.

It is called in the transaction of whatever changed a fact (a step of a case, a link, an
officer's decision) and posts the difference. So the order of events does not matter, a
second call finds nothing to do, and a reversal is the exact counter-entry of its award.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intake.inserting import insert_if_new
from intake.rewards.earning import Due, Finding, dues_of, findings_of, links_of
from intake.rewards.ledger import Posting, lock_awards, open_accounts, post
from schemas import audit
from schemas.database import new_id
from schemas.numbers import LOCAL_ZONE
from schemas.points import AccountKind, AwardStatus, EntryKind, PointRule, edition_on
from schemas.tables import Case, PointAward
from schemas.workdays import local_date


@dataclass(frozen=True, slots=True, kw_only=True)
class Earned:
    """Something that earns points: the rule, its cause, and whose it is."""

    rule: PointRule
    cause: str
    rider_id: UUID
    unit_id: UUID
    earned_at: datetime
    incident_id: UUID | None = None
    case_id: UUID | None = None
    report_id: UUID | None = None
    made_by: UUID | None = None
    note: str = ""


def settle_case(session: Session, *, case: Case, actor: audit.Actor, now: datetime) -> None:
    """Bring the awards of a case's incident in line with the facts."""
    settle_incident(session, incident_id=case.incident_id, actor=actor, now=now)


def settle_incident(
    session: Session, *, incident_id: UUID, actor: audit.Actor, now: datetime
) -> None:
    """Reverse what is no longer due for an incident and award what is; twice is as once."""
    session.flush()
    lock_awards(session)
    findings = findings_of(session, incident_id=incident_id)
    dues = {due.rule: due for due in dues_of(session, findings=findings)}
    standing = _standing(session, incident_id)
    gone = [each for each in standing if not _is_due(each, dues.get(PointRule(each.rule)))]
    for each in gone:
        code = _why_gone(session, each, findings)
        reverse(session, award=each, code=code, actor=actor, now=now)
    kept = {PointRule(each.rule) for each in standing if each not in gone}
    for rule, due in dues.items():
        if rule not in kept and due.is_settled:
            award(session, earned=_earned(incident_id, due), actor=actor, now=now)


def award(
    session: Session, *, earned: Earned, actor: audit.Actor, now: datetime
) -> PointAward | None:
    """Make an award that waits for a reward officer; None where it stands already.

    What goes beyond the rider's cap of the local month is cut off; an award of nothing
    is kept too, so that the incident does not pass to somebody else. The caller holds
    `lock_awards`.
    """
    edition = edition_on(local_date(earned.earned_at))
    uncapped = edition.points[earned.rule]
    room = edition.monthly_cap_points - _made_in_month(session, earned.rider_id, now)
    points = max(0, min(uncapped, room))
    status = AwardStatus.PENDING if points else AwardStatus.CAPPED
    row = {
        "id": new_id(),
        "rule": earned.rule.value,
        "edition": edition.code,
        "cause": earned.cause,
        "rider_id": earned.rider_id,
        "unit_id": earned.unit_id,
        "incident_id": earned.incident_id,
        "case_id": earned.case_id,
        "report_id": earned.report_id,
        "points": points,
        "uncapped_points": uncapped,
        "status": status.value,
        "earned_at": earned.earned_at,
        "made_at": now,
        "made_by": earned.made_by,
        "note": earned.note,
    }
    # The index is asked and not only the rows that were read: it is what holds whoever writes.
    made = insert_if_new(
        session, PointAward, [row], conflict=("rule", "cause"), where="ended_at IS NULL"
    )
    if not made:
        return None
    found = session.get_one(PointAward, row["id"])
    # An award of nothing is listed by its account too.
    open_accounts(session, rider_id=earned.rider_id)
    if points:
        move(
            session, award=found, kind=EntryKind.EARNED, source=AccountKind.ISSUE,
            target=AccountKind.PENDING, actor=actor, now=now,
        )  # fmt: skip
    note(session, found, "points_earned", actor)
    return found


def reverse(
    session: Session,
    *,
    award: PointAward,
    code: str,
    actor: audit.Actor,
    now: datetime,
    reason: str = "",
) -> None:
    """End an award with the exact counter-entry, out of the account in which its points are.

    `code` is of schemas.points.ENDINGS. An award that has ended already is left alone.
    """
    if award.ended_at is not None:
        return
    status = AwardStatus(award.status)
    is_pending = status is AwardStatus.PENDING
    refused = is_pending and code == "excluded"
    if status is not AwardStatus.CAPPED:
        move(
            session,
            award=award,
            kind=EntryKind.REFUSED if refused else EntryKind.REVERSED,
            source=AccountKind.PENDING if is_pending else AccountKind.RIDER,
            target=AccountKind.ISSUE,
            actor=actor,
            now=now,
            reason_code=code,
            reason=reason,
        )
    award.status = (AwardStatus.REFUSED if refused else AwardStatus.REVERSED).value
    award.ended_at, award.ended_code, award.reason = now, code, reason
    award.ended_by = actor.id if actor.kind == "staff" else None
    session.flush()
    note(session, award, "points_refused" if refused else "points_reversed", actor)


def move(
    session: Session,
    *,
    award: PointAward,
    kind: EntryKind,
    source: AccountKind,
    target: AccountKind,
    actor: audit.Actor,
    now: datetime,
    reason_code: str | None = None,
    reason: str = "",
) -> None:
    """Post an entry for an award: each kind once, whoever asks and however often."""
    post(
        session,
        Posting(
            # Refused and reversed are both its end, of which there is one.
            key=f"award/{award.id}/{'ended' if target is AccountKind.ISSUE else kind.value}",
            kind=kind,
            rider_id=award.rider_id,
            source=source,
            target=target,
            points=award.points,
            actor=actor,
            now=now,
            award_id=award.id,
            reason_code=reason_code,
            reason=reason,
        ),
    )


def note(session: Session, award: PointAward, action: str, actor: audit.Actor) -> None:
    """Write the audit entry of a change of an award; whose it is stands in the award alone."""
    audit.record(
        session,
        actor=actor,
        action=action,
        subject=("award", award.id),
        after={
            "rule": award.rule,
            "points": award.points,
            "status": award.status,
            "ended_code": award.ended_code,
        },
    )
    session.flush()


def _standing(session: Session, incident_id: UUID) -> list[PointAward]:
    return list(
        session.scalars(
            select(PointAward)
            .where(PointAward.incident_id == incident_id, PointAward.ended_at.is_(None))
            .order_by(PointAward.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def _is_due(standing: PointAward, due: Due | None) -> bool:
    # Of two tips of one rider it is the rider's that counts: the award stays as it is.
    return due is not None and standing.rider_id == due.rider_id


def _why_gone(session: Session, gone: PointAward, findings: Iterable[Finding]) -> str:
    """Return the code of schemas.points.ENDINGS that says why an award is no longer due."""
    if not any(each.counts for each in findings):
        return "conclusion"
    theirs = [
        link
        for link in links_of(session, findings=findings)
        if link.rider_id == gone.rider_id and link.kind != "legal_duplicate"
    ]
    return "rank" if theirs else "moved"


def _earned(incident_id: UUID, due: Due) -> Earned:
    return Earned(
        rule=due.rule,
        cause=incident_id.hex,
        rider_id=due.rider_id,
        unit_id=due.unit_id,
        earned_at=due.earned_at,
        incident_id=incident_id,
        case_id=due.case_id,
        report_id=due.report_id,
    )


def _made_in_month(session: Session, rider_id: UUID, now: datetime) -> int:
    """Return the points of the awards of a rider's present local month that stand."""
    first = now.astimezone(LOCAL_ZONE).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return int(
        session.execute(
            select(func.coalesce(func.sum(PointAward.points), 0)).where(
                PointAward.rider_id == rider_id,
                PointAward.made_at >= first,
                PointAward.ended_at.is_(None),
            )
        ).scalar_one()
    )

"""What riders read of their points: the balance, what waits, and why each line came.

Of other reporters nothing is said, nor that there are any (domain §7): a reason is the
rule's, never an officer's text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.rewards.ledger import balance_of
from schemas.points import (
    ENDINGS,
    ENTRY_NAMES,
    RULE_NAMES,
    STATUS_NAMES,
    AccountKind,
    AwardStatus,
    Edition,
    EntryKind,
    PointRule,
    edition_on,
)
from schemas.tables import (
    PointAccount,
    PointAward,
    PointEntry,
    PointOffer,
    PointRedemption,
    Report,
)
from schemas.words import Words
from schemas.workdays import local_date

LINES_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Line:
    """Something that happened to the points: by how many the balance changed, and why."""

    on: date
    points: int
    words: Words
    report_number: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Points that are earned and wait for a reward officer."""

    since: date
    points: int
    words: Words
    report_number: str | None


@dataclass(frozen=True, slots=True)
class Statement:
    """A rider's points; `account` is what reward officers call the rider."""

    account: str | None
    balance: int
    pending: int
    waiting: tuple[Waiting, ...]
    lines: tuple[Line, ...]
    edition: Edition


def statement_of(session: Session, *, rider_id: UUID, now: datetime) -> Statement:
    """Return a rider's points: what can be spent, what waits, and the latest lines."""
    accounts = {
        row.kind: row
        for row in session.scalars(select(PointAccount).where(PointAccount.rider_id == rider_id))
    }
    own = accounts.get(AccountKind.RIDER)
    awards = session.execute(
        select(PointAward, Report.number)
        .outerjoin(Report, Report.id == PointAward.report_id)
        .where(
            PointAward.rider_id == rider_id,
            PointAward.status.in_([AwardStatus.PENDING.value, AwardStatus.CAPPED.value]),
        )
        .order_by(PointAward.id.desc())
        .limit(LINES_SHOWN)
    ).all()
    lines = _entries(session, [each.id for each in accounts.values()], own)
    lines += [_capped(award, number) for award, number in awards if award.status == "capped"]
    return Statement(
        account=own.pseudonym if own else None,
        balance=balance_of(session, rider_id=rider_id),
        pending=balance_of(session, rider_id=rider_id, kind=AccountKind.PENDING),
        waiting=tuple(
            Waiting(
                local_date(award.made_at), award.points, RULE_NAMES[PointRule(award.rule)], number
            )
            for award, number in awards
            if award.status == "pending"
        ),
        lines=tuple(sorted(lines, key=lambda line: line.on, reverse=True)),
        edition=edition_on(local_date(now)),
    )


def _entries(session: Session, account_ids: Sequence[UUID], own: PointAccount | None) -> list[Line]:
    rows = session.execute(
        select(PointEntry, PointAward, Report.number, PointOffer.title)
        .outerjoin(PointAward, PointAward.id == PointEntry.award_id)
        .outerjoin(Report, Report.id == PointAward.report_id)
        .outerjoin(PointRedemption, PointRedemption.id == PointEntry.redemption_id)
        .outerjoin(PointOffer, PointOffer.id == PointRedemption.offer_id)
        .where(
            PointEntry.from_account_id.in_(account_ids) | PointEntry.to_account_id.in_(account_ids),
            # What is earned is told among what waits, and once more when it is decided.
            PointEntry.kind != EntryKind.EARNED.value,
        )
        .order_by(PointEntry.id.desc())
        .limit(LINES_SHOWN)
    )
    return [
        Line(local_date(entry.posted_at), _change(entry, own), _why(entry, award, title), number)
        for entry, award, number, title in rows
    ]


def _change(entry: PointEntry, own: PointAccount | None) -> int:
    """Return by how many an entry changed what can be spent."""
    if own and entry.to_account_id == own.id:
        return entry.points
    return -entry.points if own and entry.from_account_id == own.id else 0


def _why(entry: PointEntry, award: PointAward | None, title: str | None) -> Words:
    kind = EntryKind(entry.kind)
    if award is None:
        name = ENTRY_NAMES[kind]
        return Words(f"{name.zh}：{title}", f"{name.en}: {title}") if title else name
    rule = RULE_NAMES[PointRule(award.rule)]
    task = f"：{award.note}" if award.note else ""
    if kind is EntryKind.APPROVED:
        return Words(f"{rule.zh}{task}", f"{rule.en}{task.replace('：', ': ')}")
    ending = ENDINGS[entry.reason_code] if entry.reason_code else rule
    name = ENTRY_NAMES[kind]
    return Words(f"{name.zh}：{ending.zh}", f"{name.en}: {ending.en}")


def _capped(award: PointAward, number: str | None) -> Line:
    return Line(local_date(award.made_at), 0, STATUS_NAMES[AwardStatus.CAPPED], number)

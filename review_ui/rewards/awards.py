"""What reward officers read: awards of their own tree, by pseudonym, with who qualifies and why.

An officer needs no single case (Order 121 art. 37): neither its number nor the shop, the
report or the hour of a receipt stands here, only what tells whether the rules were kept.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from intake.doorway import not_found
from intake.rewards.earning import Verdict, findings_of, links_of, why_ineligible
from intake.rewards.ledger import account_balance, balance_of
from review_ui.access.staff import SignedIn
from review_ui.rewards.decisions import verifiers_of
from schemas.access import Right
from schemas.points import (
    ENDINGS,
    ENTRY_NAMES,
    EXCLUSIONS,
    INELIGIBLE,
    RULE_NAMES,
    STATUS_NAMES,
    AccountKind,
    AwardStatus,
    EntryKind,
    PointRule,
)
from schemas.tables import (
    Case,
    PointAccount,
    PointAward,
    PointEntry,
    PointExclusion,
    Staff,
    Unit,
)
from schemas.units import below
from schemas.words import Words
from schemas.workdays import local_date

PAGE_SIZE = 50
EARNS = Words("得分", "Earns")
LATER = Words("有效，但收到在后", "Valid, but received later")


@dataclass(frozen=True, slots=True)
class AwardLine:
    """One award in a list; days only, since a minute could tell whose tip it was."""

    id: UUID
    pseudonym: str
    rule: Words
    status: AwardStatus
    status_name: Words
    points: int
    uncapped_points: int
    unit_name: str
    earned_on: date
    made_on: date
    note: str
    ended: Words | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One report of the incident in the order of receipt, and what the rules say of it."""

    rank: int
    says: Words
    earns: bool


@dataclass(frozen=True, slots=True)
class EntryLine:
    """One entry as an account's holder has it: points that came in, or went out below zero."""

    id: UUID
    on: date
    name: Words
    points: int
    is_pending: bool
    reason: str
    award_id: UUID | None


@dataclass(frozen=True, slots=True)
class AwardFile:
    """One award with all that a decision needs; `is_own` for whoever took part in verifying."""

    line: AwardLine
    categories: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    verified_by: tuple[str, ...]
    decided_by: str | None
    decided_on: date | None
    entries: tuple[EntryLine, ...]
    exclusion: Words | None
    reason: str
    is_own: bool
    is_under_review: bool

    @property
    def may_approve(self) -> bool:
        """Whether it waits for an approval that this person may give now."""
        pending = self.line.status is AwardStatus.PENDING
        return pending and not self.is_own and not self.is_under_review

    @property
    def may_end(self) -> bool:
        """Whether this person may refuse or reverse it now."""
        standing = (AwardStatus.PENDING, AwardStatus.APPROVED, AwardStatus.CAPPED)
        return self.line.status in standing and not self.is_own

    @property
    def may_restore(self) -> bool:
        """Whether this person may let the tip earn again."""
        return self.exclusion is not None and not self.is_own


@dataclass(frozen=True, slots=True)
class Account:
    """One rider's account by its pseudonym."""

    pseudonym: str
    balance: int
    pending: int
    entries: tuple[EntryLine, ...]
    is_barred: bool


@dataclass(frozen=True, slots=True)
class AwardPage:
    """A page of awards, the newest first; `next_after` is None on the last."""

    lines: tuple[AwardLine, ...]
    next_after: str | None


def page_of_awards(
    session: Session,
    *,
    staff: SignedIn,
    status: AwardStatus | None,
    after: UUID | None = None,
) -> AwardPage:
    """Return the awards of the person's trees; what has waited longest comes first."""
    oldest_first = status is AwardStatus.PENDING
    found = select(PointAward, PointAccount.pseudonym, Unit.name).where(_in_reach(staff))
    found = found.join(
        PointAccount,
        (PointAccount.rider_id == PointAward.rider_id) & (PointAccount.kind == "rider"),
    ).join(Unit, Unit.id == PointAward.unit_id)
    if status:
        found = found.where(PointAward.status == status.value)
    if after:
        found = found.where(PointAward.id > after if oldest_first else PointAward.id < after)
    order = PointAward.id if oldest_first else PointAward.id.desc()
    rows = session.execute(found.order_by(order).limit(PAGE_SIZE + 1)).all()
    lines = tuple(
        _line(award, pseudonym or "", unit) for award, pseudonym, unit in rows[:PAGE_SIZE]
    )
    return AwardPage(lines, str(lines[-1].id) if len(rows) > PAGE_SIZE else None)


def find_award(session: Session, *, award_id: UUID, staff: SignedIn) -> PointAward:
    """Return an award of the person's trees; raises NotFound for any other."""
    found = session.scalars(
        select(PointAward).where(PointAward.id == award_id, _in_reach(staff))
    ).one_or_none()
    if found is None:
        raise not_found()
    return found


def read_award(session: Session, *, award_id: UUID, staff: SignedIn) -> AwardFile:
    """Return an award with all that a decision needs; raises NotFound."""
    award = find_award(session, award_id=award_id, staff=staff)
    pseudonym = _pseudonym(session, award.rider_id)
    unit = session.get_one(Unit, award.unit_id)
    case = session.get(Case, award.case_id) if award.case_id else None
    verifiers = verifiers_of(session, found=award)
    findings = findings_of(session, incident_id=award.incident_id) if award.incident_id else []
    names = _names(session, {*verifiers, award.decided_by, award.ended_by})
    decider = award.ended_by or award.decided_by
    ended_or_decided = award.ended_at or award.decided_at
    return AwardFile(
        line=_line(award, pseudonym, unit.name),
        categories=tuple(case.categories) if case else (),
        candidates=_candidates(session, award),
        verified_by=tuple(sorted(names[each] for each in verifiers)),
        decided_by=names.get(decider) if decider else None,
        decided_on=local_date(ended_or_decided) if ended_or_decided else None,
        entries=_entries(session, award=award),
        exclusion=_exclusion(session, award),
        reason=award.reason,
        is_own=staff.staff_id in verifiers,
        is_under_review=bool(findings)
        and not any(each.verdict is Verdict.TRUE for each in findings),
    )


def read_account(session: Session, *, pseudonym: str, staff: SignedIn) -> Account:
    """Return an account by its pseudonym; raises NotFound where nothing of it is in reach."""
    account = find_account(session, pseudonym=pseudonym, staff=staff)
    rider_id = rider_of(account)
    barred = select(PointExclusion.id).where(
        PointExclusion.rider_id == rider_id, PointExclusion.ended_at.is_(None)
    )
    return Account(
        pseudonym=pseudonym,
        balance=account_balance(session, account_id=account.id),
        pending=balance_of(session, rider_id=rider_id, kind=AccountKind.PENDING),
        entries=_entries(session, rider_id=rider_id),
        is_barred=session.scalar(barred.limit(1)) is not None,
    )


def find_account(session: Session, *, pseudonym: str, staff: SignedIn) -> PointAccount:
    """Return the row of an account; raises NotFound where nothing of it is in reach."""
    account = session.scalars(
        select(PointAccount).where(PointAccount.pseudonym == pseudonym)
    ).one_or_none()
    if account is None or account.rider_id is None:
        raise not_found()
    theirs = select(PointAward.id).where(PointAward.rider_id == account.rider_id, _in_reach(staff))
    if session.scalar(theirs.limit(1)) is None:
        raise not_found()
    return account


def rider_of(account: PointAccount) -> UUID:
    """Return whose account it is; raises NotFound for one of the product's own."""
    if account.rider_id is None:
        raise not_found()
    return account.rider_id


def _in_reach(staff: SignedIn) -> ColumnElement[bool]:
    return below(PointAward.unit_id, list(staff.paths(Right.MANAGE_REWARDS)))


def _line(award: PointAward, pseudonym: str, unit_name: str) -> AwardLine:
    status = AwardStatus(award.status)
    return AwardLine(
        id=award.id,
        pseudonym=pseudonym,
        rule=RULE_NAMES[PointRule(award.rule)],
        status=status,
        status_name=STATUS_NAMES[status],
        points=award.points,
        uncapped_points=award.uncapped_points,
        unit_name=unit_name,
        earned_on=local_date(award.earned_at),
        made_on=local_date(award.made_at),
        note=award.note,
        ended=ENDINGS[award.ended_code] if award.ended_code else None,
    )


def _candidates(session: Session, award: PointAward) -> tuple[Candidate, ...]:
    """Return the reports of an award's incident in the order of receipt, each once."""
    if award.incident_id is None:
        return ()
    findings = findings_of(session, incident_id=award.incident_id)
    lines: dict[UUID, Words] = {}
    earners = _earners(session, award.incident_id)
    for link in links_of(session, findings=findings):
        code = why_ineligible(link)
        says = INELIGIBLE[code] if code else EARNS if link.report_id in earners else LATER
        if says is EARNS or link.report_id not in lines:
            lines[link.report_id] = says
    return tuple(
        Candidate(rank, says, says is EARNS) for rank, says in enumerate(lines.values(), start=1)
    )


def _earners(session: Session, incident_id: UUID) -> set[UUID | None]:
    return set(
        session.scalars(
            select(PointAward.report_id).where(
                PointAward.incident_id == incident_id, PointAward.ended_at.is_(None)
            )
        )
    )


def _entries(
    session: Session, *, award: PointAward | None = None, rider_id: UUID | None = None
) -> tuple[EntryLine, ...]:
    """Return the entries of an award, or of all of a rider's accounts, the newest first."""
    owner = award.rider_id if award else rider_id
    rows = session.execute(
        select(PointAccount.id, PointAccount.kind).where(PointAccount.rider_id == owner)
    )
    accounts = dict(rows.all())
    touched = PointEntry.from_account_id.in_(accounts) | PointEntry.to_account_id.in_(accounts)
    found = select(PointEntry).where(touched)
    if award:
        found = found.where(PointEntry.award_id == award.id)
    entries = session.scalars(found.order_by(PointEntry.id.desc()).limit(200))
    return tuple(_entry(each, accounts) for each in entries)


def _entry(entry: PointEntry, accounts: dict[UUID, str]) -> EntryLine:
    # What is approved goes from one of the rider's accounts to the other.
    comes_in = entry.to_account_id in accounts
    kinds = {accounts.get(entry.from_account_id), accounts.get(entry.to_account_id)}
    return EntryLine(
        id=entry.id,
        on=local_date(entry.posted_at),
        name=ENTRY_NAMES[EntryKind(entry.kind)],
        points=entry.points if comes_in else -entry.points,
        is_pending=AccountKind.RIDER not in kinds,
        reason=entry.reason,
        award_id=entry.award_id,
    )


def _exclusion(session: Session, award: PointAward) -> Words | None:
    code = session.scalar(
        select(PointExclusion.code)
        .where(PointExclusion.report_id == award.report_id, PointExclusion.ended_at.is_(None))
        .limit(1)
    )
    return EXCLUSIONS[code] if code and award.ended_code == "excluded" else None


def _pseudonym(session: Session, rider_id: UUID) -> str:
    found = select(PointAccount.pseudonym).where(
        PointAccount.rider_id == rider_id, PointAccount.kind == AccountKind.RIDER.value
    )
    return session.scalars(found).one() or ""


def _names(session: Session, staff_ids: Iterable[UUID | None]) -> dict[UUID, str]:
    wanted: Sequence[UUID] = [each for each in staff_ids if each]
    rows = session.execute(select(Staff.id, Staff.name).where(Staff.id.in_(wanted)))
    return dict(rows.all())

"""The audit log as an auditor reads it: own tree, newest first, in plain words.

Who reported does not stand in it: a rider is «a rider», and what happens by itself
within seconds of a tip is shown by the hour, since its exact moment could tell the
shop who was there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.orm import Session

from review_ui.access.scope import find_case, visible_cases
from review_ui.access.staff import SignedIn
from schemas.access import RIGHTS, Right
from schemas.audit_words import ACTOR_NAMES, UNSEALINGS, told
from schemas.errors import ConfigurationError, InvalidInput, NotFound
from schemas.sealing import Sealer
from schemas.tables import (
    AuditEntry,
    AuditSeal,
    AuditVerification,
    AuditWaiting,
    Case,
    CaseReport,
    Staff,
    StaffRole,
    StaffToken,
)
from schemas.units import NATION, below
from schemas.words import Words
from schemas.workdays import SHANGHAI

PAGE_SIZE = 50
MOST_PEOPLE = 20
# Moments of these are those of people at work; all others follow a tip by themselves.
_EXACT = ("staff", "operator")
# Whose reasons an auditor reads on the page.
_WITH_REASON = (*UNSEALINGS, "case_held", "case_released")


@dataclass(frozen=True, slots=True)
class LogFilters:
    """What an auditor looks for; empty fields filter nothing. Days are Asia/Shanghai."""

    only_unsealings: bool = True
    action: str = ""
    person: str = ""
    case_number: str = ""
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One entry: who did what to what, and when: by the hour where `is_exact` is false.

    `whom` is the colleague whose account it is about, None where it is one's own.
    """

    entry_id: UUID
    at: datetime
    is_exact: bool
    who: str | None
    whom: str | None
    actor: Words
    what: Words
    pseudonym: str
    case_number: str | None
    reason_code: str
    reason: str
    is_unsealing: bool


@dataclass(frozen=True, slots=True)
class LogPage:
    """A page of the log; `next_cursor` is None on the last."""

    lines: tuple[LogLine, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class ChainState:
    """How the hash chain stands, so that its head can be compared with one that was kept."""

    sealed: int
    head: str | None
    sealed_at: datetime | None
    waiting: int
    verified: AuditVerification | None


def read_log(
    session: Session, *, staff: SignedIn, filters: LogFilters, cursor: str | None, sealer: Sealer
) -> LogPage:
    """Return a page of what happened in the person's tree, newest first.

    The cursor is sealed: an entry's key holds the moment of what may be a tip. Raises
    InvalidInput `cursor-invalid`.
    """
    conditions = [_in_reach(staff), *_matching(session, staff, filters)]
    if cursor:
        conditions.append(AuditEntry.id < _cursor(cursor, sealer))
    entries = session.scalars(
        select(AuditEntry).where(*conditions).order_by(AuditEntry.id.desc()).limit(PAGE_SIZE + 1)
    ).all()
    shown = entries[:PAGE_SIZE]
    more = sealer.seal(shown[-1].id.hex).decode() if len(entries) > PAGE_SIZE else None
    return LogPage(_lines(session, shown), more)


def chain_state(session: Session) -> ChainState:
    """Return how the chain stands; whether it is whole is for `verify-audit` to say."""
    last = session.scalars(select(AuditSeal).order_by(AuditSeal.sequence.desc()).limit(1)).first()
    verified = session.scalars(
        select(AuditVerification).order_by(AuditVerification.id.desc()).limit(1)
    ).first()
    return ChainState(
        sealed=last.sequence if last else 0,
        head=last.entry_hash if last else None,
        sealed_at=last.sealed_at if last else None,
        waiting=session.scalars(select(func.count()).select_from(AuditWaiting)).one(),
        verified=verified,
    )


def _in_reach(staff: SignedIn) -> ColumnElement[bool]:
    """Return the condition that an entry is about the person's tree, or made by its staff."""
    if NATION in {h.division_code for h in staff.held if h.role in RIGHTS[Right.SEE_AUDIT]}:
        # The whole log, with what belongs to no unit: riders, boundaries, the operator.
        return true()
    paths = staff.paths(Right.SEE_AUDIT)
    cases = visible_cases(staff, Right.SEE_AUDIT)
    people = select(StaffRole.staff_id).where(below(StaffRole.unit_id, paths))
    reports = select(CaseReport.report_id).join(Case, Case.id == CaseReport.case_id).where(cases)
    tokens = select(StaffToken.id).where(StaffToken.staff_id.in_(people))
    kind, subject = AuditEntry.subject_kind, AuditEntry.subject_id
    return or_(
        and_(kind == "case", subject.in_(select(Case.id).where(cases))),
        and_(kind == "report", subject.in_(reports)),
        and_(kind == "staff", subject.in_(people)),
        and_(kind == "staff_token", subject.in_(tokens)),
        and_(AuditEntry.actor_kind == "staff", AuditEntry.actor_id.in_(people)),
    )


def _matching(
    session: Session, staff: SignedIn, filters: LogFilters
) -> Iterable[ColumnElement[bool]]:
    if filters.only_unsealings:
        yield AuditEntry.action.in_(UNSEALINGS)
    if filters.action:
        yield AuditEntry.action == filters.action
    if filters.person:
        people = select(Staff.id).where(
            or_(
                Staff.name.contains(filters.person, autoescape=True),
                Staff.sign_in == filters.person.casefold(),
            )
        )
        yield and_(
            AuditEntry.actor_kind == "staff", AuditEntry.actor_id.in_(people.limit(MOST_PEOPLE))
        )
    if filters.case_number:
        yield from _of_case(session, staff, filters.case_number)
    if filters.first_day:
        yield AuditEntry.recorded_at >= _midnight(filters.first_day)
        yield AuditEntry.id >= _first_id(_midnight(filters.first_day) - timedelta(days=1))
    if filters.last_day:
        end = _midnight(filters.last_day + timedelta(days=1))
        yield AuditEntry.recorded_at < end
        yield AuditEntry.id < _first_id(end + timedelta(days=1))


def _of_case(session: Session, staff: SignedIn, number: str) -> Iterable[ColumnElement[bool]]:
    try:
        case = find_case(session, number=number, staff=staff, right=Right.SEE_AUDIT)
    except NotFound:
        # Foreign and unknown look alike: nothing is found.
        yield AuditEntry.subject_id == UUID(int=0)
        return
    reports = select(CaseReport.report_id).where(CaseReport.case_id == case.id)
    yield or_(AuditEntry.subject_id == case.id, AuditEntry.subject_id.in_(reports))


def _lines(session: Session, entries: Sequence[AuditEntry]) -> tuple[LogLine, ...]:
    actors = {e.actor_id for e in entries if e.actor_kind == "staff" and e.actor_id}
    cases = {e.subject_id for e in entries if e.subject_kind == "case"}
    actors |= {e.subject_id for e in entries if e.subject_kind == "staff"}
    names = dict(session.execute(select(Staff.id, Staff.name).where(Staff.id.in_(actors))).all())
    numbers = dict(session.execute(select(Case.id, Case.number).where(Case.id.in_(cases))).all())
    return tuple(_line(entry, names, numbers) for entry in entries)


def _line(entry: AuditEntry, names: dict[UUID, str], numbers: dict[UUID, str]) -> LogLine:
    is_exact = entry.actor_kind in _EXACT
    at = entry.recorded_at
    return LogLine(
        entry_id=entry.id,
        at=at if is_exact else at.replace(minute=0, second=0, microsecond=0),
        is_exact=is_exact,
        who=names.get(entry.actor_id) if entry.actor_id else None,
        whom=names.get(entry.subject_id) if entry.subject_id != entry.actor_id else None,
        actor=ACTOR_NAMES.get(entry.actor_kind, Words(entry.actor_kind, entry.actor_kind)),
        what=told(entry.action, entry.after),
        pseudonym=str(entry.after.get("pseudonym", "")),
        case_number=numbers.get(entry.subject_id),
        reason_code=str(entry.after.get("reason_code", "")),
        reason=str(entry.after.get("reason", "")) if entry.action in _WITH_REASON else "",
        is_unsealing=entry.action in UNSEALINGS,
    )


def _cursor(text: str, sealer: Sealer) -> UUID:
    try:
        return UUID(sealer.open(text.encode()))
    except (ValueError, TypeError, AttributeError, ConfigurationError):
        raise InvalidInput(
            "cursor-invalid",
            Words(
                "翻页的位置无效，请回到第一页。", "This page does not exist: go back to the first."
            ),
            field="cursor",
        ) from None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI).astimezone(UTC)


def _first_id(moment: datetime) -> UUID:
    """Return the least UUIDv7 of a moment (RFC 9562 §5.7), by which a range of days is a range
    of keys.
    """
    milliseconds = max(0, int(moment.timestamp() * 1000))
    return UUID(int=milliseconds << 80)

"""The same step for several cases: each in a transaction of its own, by the version it showed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from review_ui.access.scope import find_case, tops
from review_ui.access.staff import SignedIn
from review_ui.casework.assignment import Colleague
from review_ui.casework.locking import lock_case
from schemas import audit
from schemas.access import RIGHTS, Right
from schemas.database import Database
from schemas.errors import Conflict, InvalidInput, NotAllowed, NotFound
from schemas.tables import Case, CaseReport, Match, Report, Staff, StaffRole, Unit
from schemas.words import Words

AT_ONCE = 100
COLLEAGUES_SHOWN = 300
_POLICY = "staff-suggested"

Step = Callable[[Session, Case, int], object]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A case as somebody ticked it: its number and the version that the list showed."""

    number: str
    version: int


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one ticked case; `refusal` says why nothing did."""

    number: str
    refusal: Words | None = None


def read_chosen(values: Iterable[str]) -> tuple[Chosen, ...]:
    """Return the ticked cases of a form, each written as number:version.

    Raises InvalidInput `nothing-chosen` or `too-many-chosen`.
    """
    found = []
    for value in dict.fromkeys(values):
        number, _, version = value.partition(":")
        if version.isascii() and version.isdigit() and len(version) < 10:
            found.append(Chosen(number[:40], int(version)))
    if not found:
        raise InvalidInput(
            "nothing-chosen",
            Words("请先勾选案件。", "Tick some cases first."),
            field="case",
        )
    if len(found) > AT_ONCE:
        raise InvalidInput(
            "too-many-chosen",
            Words(f"一次最多 {AT_ONCE} 个案件。", f"At most {AT_ONCE} cases at once."),
            field="case",
        )
    return tuple(found)


def each_by_itself(
    database: Database, *, chosen: Iterable[Chosen], staff: SignedIn, step: Step
) -> tuple[Result, ...]:
    """Do a step for each case; one that is refused stops no other."""
    return tuple(_one(database, each, staff, step) for each in chosen)


def _one(database: Database, chosen: Chosen, staff: SignedIn, step: Step) -> Result:
    try:
        with database.writing() as session:
            step(session, find_case(session, number=chosen.number, staff=staff), chosen.version)
    except (InvalidInput, Conflict, NotAllowed, NotFound) as error:
        return Result(chosen.number, error.words)
    return Result(chosen.number)


def people_to_choose(session: Session, *, staff: SignedIn) -> tuple[Colleague, ...]:
    """Return who works on cases in the person's trees or above them, by name."""
    near = [
        or_(
            Unit.path.startswith(path, autoescape=True),
            func.substr(path, 1, func.length(Unit.path)) == Unit.path,
        )
        for path in tops(staff, Right.WORK_CASES)
    ]
    if not near:
        return ()
    rows = session.execute(
        select(Staff.id, Staff.name)
        .join(StaffRole, StaffRole.staff_id == Staff.id)
        .join(Unit, Unit.id == StaffRole.unit_id)
        .where(
            Staff.is_active,
            StaffRole.role.in_([role.value for role in RIGHTS[Right.WORK_CASES]]),
            or_(*near),
        )
        .distinct()
        .order_by(Staff.name, Staff.id)
        .limit(COLLEAGUES_SHOWN)
    )
    return tuple(Colleague(key, name) for key, name in rows)


def suggest_same_incident(
    session: Session,
    *,
    case: Case,
    version: int,
    first: Case,
    staff: SignedIn,
    now: datetime,
) -> Match:
    """Suggest that a case is one incident with another, which whoever works on it decides.

    The suggestion stands on both case pages as one of the machine's does. Raises NotFound,
    Conflict `case-changed` or `already-suggested`, InvalidInput `other-department`.
    """
    case = lock_case(session, case_id=case.id, staff=staff, version=version)
    if case.department != first.department:
        raise InvalidInput(
            "other-department",
            Words(
                f"与 {first.number} 不属同一部门，不能并为一案。",
                f"It is another department's than {first.number}: they can't be one case.",
            ),
        )
    here, there = _first_report(session, case.id), _first_report(session, first.id)
    match = session.scalars(
        select(Match).where(
            Match.kind == "same_incident",
            or_(
                (Match.report_id == here) & (Match.other_report_id == there),
                (Match.report_id == there) & (Match.other_report_id == here),
            ),
        )
    ).first()
    if match and "rejected_by" not in match.facts:
        raise Conflict(
            "already-suggested",
            Words(
                f"已提示过与 {first.number} 可能是同一线索，请在案件页确认。",
                f"It is already suggested to be one incident with {first.number}: decide on "
                "the case page.",
            ),
        )
    facts = {"suggested_by": str(staff.staff_id)}
    if match:
        match.facts = facts
    else:
        match = Match(
            report_id=here, other_report_id=there, kind="same_incident", facts=facts,
            policy=_POLICY, found_at=now,
        )  # fmt: skip
        session.add(match)
    session.flush()
    audit.record(
        session,
        actor=audit.Actor("staff", staff.staff_id),
        action="incident_suggested",
        subject=("match", match.id),
        after={"case_id": str(case.id), "other_case_id": str(first.id)},
    )
    session.flush()
    return match


def _first_report(session: Session, case_id: UUID) -> UUID:
    return session.scalars(
        select(CaseReport.report_id)
        .join(Report, Report.id == CaseReport.report_id)
        .where(CaseReport.case_id == case_id, CaseReport.unlinked_at.is_(None))
        .order_by(Report.received_at, Report.id)
        .limit(1)
    ).one()

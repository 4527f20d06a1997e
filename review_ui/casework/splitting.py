"""What turns out to be another department's hazard becomes a case there, of the same incident."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from review_ui.access.staff import SignedIn
from review_ui.casework.case_links import link_report, recount, standing_links
from schemas import audit
from schemas.database import hourly_id
from schemas.deadlines import renew
from schemas.divisions import NATION_CODE
from schemas.errors import Conflict, InvalidInput
from schemas.lifecycle import State
from schemas.numbers import CASE_PREFIX, new_number
from schemas.tables import Case, CaseHistory
from schemas.taxonomy import DEPARTMENT_NAMES, Department, by_department, severity_of
from schemas.units import dispatch_desk, find_unit
from schemas.words import Words
from schemas.workdays import CalendarOverrides


def open_split_cases(
    session: Session,
    *,
    case: Case,
    record: dict[str, Any],
    staff: SignedIn,
    now: datetime,
    calendar: CalendarOverrides,
) -> list[Case]:
    """Open a case for each other department that the record's categories belong to.

    Each keeps the incident, the reports and their clock. Raises InvalidInput
    `split-own-department`, Conflict `split-exists`.
    """
    groups = by_department(record["split_categories"])
    own = Department(case.department)
    if own in groups:
        raise InvalidInput(
            "split-own-department",
            Words(
                f"{DEPARTMENT_NAMES[own].zh}的问题就在本案办理，请只选其他部门的问题。",
                f"Hazards of {DEPARTMENT_NAMES[own].en.lower()} stay in this case: choose only "
                "those of other departments.",
            ),
            field="split_categories",
        )
    return [
        _open(
            session, case, department, codes, staff=staff, now=now, calendar=calendar
        )
        for department, codes in groups.items()
    ]  # fmt: skip


def _open(
    session: Session,
    case: Case,
    department: Department,
    codes: tuple[str, ...],
    *,
    staff: SignedIn,
    now: datetime,
    calendar: CalendarOverrides,
) -> Case:
    """Open one case: at the department's own unit, or in dispatch where it has none here."""
    home = case.county_code or NATION_CODE
    unit = find_unit(session, department=department, code=home)
    state = State.ASSIGNED if unit else State.DISPATCH
    unit_id = unit.id if unit else dispatch_desk(session, (home,)).id
    made = Case(
        id=hourly_id(),
        number=_free_number(session, now),
        incident_id=case.incident_id,
        department=department.value,
        unit_id=unit_id,
        state=state.value,
        version=2,
        categories=list(codes),
        severity=severity_of(codes),
        premises_name=case.premises_name,
        county_code=case.county_code,
        latitude=case.latitude,
        longitude=case.longitude,
        accuracy_m=case.accuracy_m,
        flags=list(case.flags),
        received_at=case.received_at,
        opened_at=now,
        due_on=case.due_on,
        due_provisional=case.due_provisional,
    )
    session.add(made)
    session.flush()
    for version, to in ((1, State.RECEIVED), (2, state)):
        session.add(
            CaseHistory(
                case_id=made.id,
                version=version,
                from_state=None if version == 1 else State.RECEIVED.value,
                to_state=to.value,
                unit_id=unit_id,
                actor_id=staff.staff_id,
                record={"split_categories": list(codes)} if version == 1 else {},
                occurred_at=now,
            )
        )
    _share_reports(session, case, made, staff=staff, now=now)
    recount(session, made)
    renew(session, case=made, calendar=calendar)
    audit.record(
        session,
        actor=audit.Actor("staff", staff.staff_id),
        action="case_opened",
        subject=("case", made.id),
        after={
            "number": made.number,
            "state": made.state,
            "unit_id": str(unit_id),
            "department": made.department,
            "categories": list(made.categories),
            "split_from": str(case.id),
            "version": made.version,
        },
    )
    session.flush()
    return made


def _share_reports(
    session: Session, case: Case, made: Case, *, staff: SignedIn, now: datetime
) -> None:
    """Let every report of the case stand in the new one as well, each with its rank."""
    try:
        # The index over standing links decides: a report has one case at a department.
        with session.begin_nested():
            for link in standing_links(session, case.id):
                link_report(
                    session, report_id=link.report_id, like=link, into=made, staff=staff,
                    now=now, kind=link.kind,
                )  # fmt: skip
    except IntegrityError:
        name = DEPARTMENT_NAMES[Department(made.department)]
        raise Conflict(
            "split-exists",
            Words(
                f"这些举报在{name.zh}部门已有案件。",
                f"These reports have a case already at the department of {name.en.lower()}.",
            ),
            field="split_categories",
        ) from None


def _free_number(session: Session, moment: datetime) -> str:
    while True:
        number = new_number(CASE_PREFIX, moment)
        if session.scalar(select(Case.id).where(Case.number == number)) is None:
            return number

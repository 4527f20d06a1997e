"""The list of cases: whose, in which order, how many, one page at a time by key.

A page begins after the last case of the one before, so the thousandth costs what
the first does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Text, Uuid, cast, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session

from review_ui.clocks import Clock, clock_of, is_overdue
from review_ui.scope import visible_cases
from review_ui.staff import SignedIn
from schemas.errors import InvalidInput
from schemas.lifecycle import TRANSITIONS, State
from schemas.tables import (
    Case,
    CaseProposal,
    CaseReport,
    Photo,
    PhotoExamination,
    Report,
    Staff,
    Unit,
)
from schemas.units import below
from schemas.words import Words
from schemas.workdays import CalendarOverrides, local_date

PAGE_SIZE = 30
ENDED = (State.CLOSED, State.INVALID, State.TRANSFERRED)
_SIGNING_ROLES = frozenset(
    role for move in TRANSITIONS if move.signatures == 2 for role in move.roles
)


class Tab(StrEnum):
    """Which part of the cases in scope a list shows."""

    UNIT = "unit"
    MINE = "mine"
    DISPATCH = "dispatch"
    OVERDUE = "overdue"
    SIGN = "sign"


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; a state names also ended cases, which are else left out."""

    state: State | None = None
    category: str | None = None
    county: str | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One case in the list; `thumbnail` is the id of a photo that may be shown."""

    case: Case
    unit: Unit
    assignee: str | None
    clock: Clock | None
    age_days: int
    thumbnail: UUID | None
    report_count: int
    awaits_signature: bool


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the list, and the cursor of the next one, if there is one."""

    rows: Sequence[Row] = field(default_factory=tuple)
    next_cursor: str | None = None


def tab_counts(session: Session, *, staff: SignedIn, today: date) -> dict[Tab, int]:
    """Return how many cases each tab holds, unfiltered."""
    counts = [func.count().filter(_in_tab(tab, staff, today)) for tab in Tab]
    row = session.execute(select(*counts).select_from(Case).where(visible_cases(staff))).one()
    return dict(zip(Tab, row, strict=True))


def counties(session: Session, *, staff: SignedIn) -> list[str]:
    """Return the codes of the counties in which the person has cases."""
    rows = session.scalars(
        select(Case.county_code)
        .where(visible_cases(staff), Case.county_code.is_not(None))
        .distinct()
        .order_by(Case.county_code)
    )
    return [code for code in rows if code]


def page_of_cases(
    session: Session,
    *,
    staff: SignedIn,
    tab: Tab,
    filters: Filters,
    cursor: str | None,
    today: date,
    calendar: CalendarOverrides,
    size: int = PAGE_SIZE,
) -> Page:
    """Return a page of cases ordered by due date, after `cursor` if one is given.

    Raises InvalidInput `cursor-invalid`.
    """
    conditions = [visible_cases(staff), *_conditions(tab, filters, staff, today)]
    if cursor:
        due_on, key = _read_cursor(cursor)
        conditions.append(
            tuple_(Case.due_on, Case.id) > tuple_(literal(due_on, Date), literal(key, Uuid))
        )
    rows = _rows(session, conditions, today=today, calendar=calendar, limit=size + 1)
    shown = rows[:size]
    return Page(shown, _cursor(shown[-1].case) if len(rows) > size else None)


def row_of(session: Session, *, case: Case, today: date, calendar: CalendarOverrides) -> Row:
    """Return one case, which the caller has checked to be in scope, as the list shows it."""
    (row,) = _rows(session, [Case.id == case.id], today=today, calendar=calendar, limit=1)
    return row


def _rows(
    session: Session,
    conditions: Sequence[ColumnElement[bool]],
    *,
    today: date,
    calendar: CalendarOverrides,
    limit: int,
) -> tuple[Row, ...]:
    found = session.execute(
        select(Case, Unit, Staff.name, _awaits_signature())
        .join(Unit, Unit.id == Case.unit_id)
        .outerjoin(Staff, Staff.id == Case.assignee_id)
        .where(*conditions)
        .order_by(Case.due_on, Case.id)
        .limit(limit)
    ).all()
    thumbnails, report_counts = _pictures(session, [row[0].id for row in found])
    return tuple(
        Row(
            case=case,
            unit=unit,
            assignee=assignee,
            clock=clock_of(case, today=today, calendar=calendar),
            age_days=(today - local_date(case.received_at)).days,
            thumbnail=thumbnails.get(case.id),
            report_count=report_counts.get(case.id, 0),
            awaits_signature=awaits,
        )
        for case, unit, assignee, awaits in found
    )


def _conditions(
    tab: Tab, filters: Filters, staff: SignedIn, today: date
) -> list[ColumnElement[bool]]:
    found = [] if tab is Tab.UNIT and filters.state else [_in_tab(tab, staff, today)]
    if filters.state:
        found.append(Case.state == filters.state.value)
    if filters.category:
        # The codes are capital letters and _, so that quoting them is exact on both databases.
        found.append(cast(Case.categories, Text).contains(f'"{filters.category}"', autoescape=True))
    if filters.county:
        found.append(Case.county_code == filters.county)
    if filters.words:
        number = "".join(filters.words.upper().split())
        found.append(
            or_(
                Case.premises_name.contains(filters.words, autoescape=True),
                Case.number.contains(number, autoescape=True),
            )
        )
    return found


def _in_tab(tab: Tab, staff: SignedIn, today: date) -> ColumnElement[bool]:
    not_ended = Case.state.not_in([state.value for state in ENDED])
    match tab:
        case Tab.UNIT:
            return not_ended
        case Tab.MINE:
            return (Case.assignee_id == staff.staff_id) & not_ended
        case Tab.DISPATCH:
            return Case.state == State.DISPATCH.value
        case Tab.OVERDUE:
            return is_overdue(today)
        case Tab.SIGN:
            signs = [held.unit_path for held in staff.held if held.role in _SIGNING_ROLES]
            mine_to_sign = (
                select(CaseProposal.id)
                .where(
                    CaseProposal.case_id == Case.id,
                    CaseProposal.decided_at.is_(None),
                    CaseProposal.proposed_by != staff.staff_id,
                )
                .exists()
            )
            return mine_to_sign & (below(Case.unit_id, signs) if signs else literal(value=False))


def _awaits_signature() -> ColumnElement[bool]:
    return (
        select(CaseProposal.id)
        .where(CaseProposal.case_id == Case.id, CaseProposal.decided_at.is_(None))
        .exists()
    )


def _pictures(
    session: Session, case_ids: Sequence[UUID]
) -> tuple[dict[UUID, UUID], dict[UUID, int]]:
    """Return each case's first photo that may be shown, and its number of reports."""
    rows = session.execute(
        select(
            CaseReport.case_id, CaseReport.report_id, Photo.id, PhotoExamination.derivative_sizes
        )
        .join(Report, Report.id == CaseReport.report_id)
        .outerjoin(Photo, Photo.report_id == CaseReport.report_id)
        .outerjoin(PhotoExamination, PhotoExamination.photo_id == Photo.id)
        .where(CaseReport.case_id.in_(case_ids), CaseReport.unlinked_at.is_(None))
        .order_by(Report.received_at, Report.id, Photo.supplement_id.is_not(None), Photo.position)
    )
    thumbnails: dict[UUID, UUID] = {}
    reports: dict[UUID, set[UUID]] = {}
    for case_id, report_id, photo_id, sizes in rows:
        reports.setdefault(case_id, set()).add(report_id)
        if photo_id and sizes:
            thumbnails.setdefault(case_id, photo_id)
    return thumbnails, {key: len(found) for key, found in reports.items()}


def _cursor(case: Case) -> str:
    return f"{case.due_on.isoformat()}_{case.id.hex}"


def _read_cursor(text: str) -> tuple[date, UUID]:
    day, _, key = text.partition("_")
    try:
        return date.fromisoformat(day), UUID(key)
    except ValueError:
        raise InvalidInput(
            "cursor-invalid",
            Words("翻页位置有误，请回到第一页。", "This page can't be found: go to the first one."),
            field="cursor",
        ) from None

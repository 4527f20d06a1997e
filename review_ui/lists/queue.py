"""The list of cases: whose, in which order, how many, one page at a time by key.

A page begins after the last case of the one before, so the thousandth costs what the
first does. Each tree and pile is one range of an index in the list's own order; a page
takes the first of each and merges them. With words it is a search, newest first.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from review_ui.access.scope import trees, visible_cases
from review_ui.access.staff import SignedIn
from review_ui.casework.clocks import Clock, clock_of, is_overdue
from review_ui.casework.signatures import waits_for
from review_ui.lists.filters import Filters, Tab, conditions, stages_of
from review_ui.lists.finding import Key, in_order, searched
from schemas.acts import ACTS
from schemas.lifecycle import TRANSITIONS, State
from schemas.stages import Stage
from schemas.tables import (
    Case,
    CaseReport,
    Photo,
    PhotoExamination,
    Report,
    Staff,
    Unit,
)
from schemas.workdays import CalendarOverrides, local_date

PAGE_SIZE = 30
# A tab that holds more is shown as «999+», so that counting costs the same at any size.
COUNTED_TO = 1000
_SIGNING_ROLES = frozenset(role for step in (*TRANSITIONS, *ACTS) for role in step.approvers)


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
    """One page of the list, its keys, and the cursor of the next one, if there is one."""

    rows: Sequence[Row] = field(default_factory=tuple)
    keys: Sequence[Key] = field(default_factory=tuple)
    next_cursor: str | None = None


def tab_counts(session: Session, *, staff: SignedIn, today: date) -> dict[Tab, int]:
    """Return how many cases each tab holds, unfiltered; COUNTED_TO where it holds no fewer."""
    nothing = Filters()
    branches = {tab: _branches(tab, nothing, staff, today) for tab in Tab}
    counts = [
        select(func.count())
        .select_from(select(Case.id).where(branch).limit(COUNTED_TO).subquery())
        .scalar_subquery()
        for tab in Tab
        for branch in branches[tab]
    ]
    if not counts:
        return dict.fromkeys(Tab, 0)
    found = iter(session.execute(select(*counts)).one())
    return {tab: min(COUNTED_TO, sum(next(found) for _ in branches[tab])) for tab in Tab}


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
    """Return a page of cases after `cursor`, by due date, or newest first where words are asked.

    Words look through ended cases too in the unit's tab. Raises InvalidInput `cursor-invalid`.
    """
    keys = keys_of_page(
        session, staff=staff, tab=tab, filters=filters, cursor=cursor, today=today, limit=size + 1
    )
    shown = keys[:size]
    rows = _rows(session, [key.case_id for key in shown], today=today, calendar=calendar)
    return Page(rows, shown, shown[-1].cursor if len(keys) > size else None)


def keys_of_page(
    session: Session,
    *,
    staff: SignedIn,
    tab: Tab,
    filters: Filters,
    cursor: str | None,
    today: date,
    limit: int,
) -> list[Key]:
    """Return the keys of a page in its order, at most `limit`; raises as `page_of_cases` does."""
    if filters.words:
        narrowed = [visible_cases(staff), *conditions(filters)]
        if tab is not Tab.UNIT:
            narrowed.append(in_tab(tab, staff, today))
        return searched(
            session, staff=staff, filters=filters, narrowed=narrowed,
            is_unended=tab is not Tab.UNIT, cursor=cursor, limit=limit,
        )  # fmt: skip
    return in_order(
        session, staff=staff, filters=filters, branches=_branches(tab, filters, staff, today),
        is_unended=Stage.ENDED not in stages_of(tab, filters.state), cursor=cursor, limit=limit,
    )  # fmt: skip


def pulse_of(keys: Sequence[Key], counts: Mapping[Tab, int]) -> str:
    """Return a digest of what a page shows: it changes when a case or a count does."""
    told = [f"{key.case_id}:{key.version}" for key in keys]
    told += [f"{tab}:{count}" for tab, count in counts.items()]
    return hashlib.sha256(" ".join(told).encode()).hexdigest()[:32]


def row_of(session: Session, *, case: Case, today: date, calendar: CalendarOverrides) -> Row:
    """Return one case, which the caller has checked to be in scope, as the list shows it."""
    (row,) = _rows(session, [case.id], today=today, calendar=calendar)
    return row


def _rows(
    session: Session,
    case_ids: Sequence[UUID],
    *,
    today: date,
    calendar: CalendarOverrides,
) -> tuple[Row, ...]:
    """Return cases as the list shows them, in the order of their ids as given."""
    if not case_ids:
        return ()
    found = session.execute(
        select(Case, Unit, Staff.name, Case.stage == Stage.SIGNING)
        .join(Unit, Unit.id == Case.unit_id)
        .outerjoin(Staff, Staff.id == Case.assignee_id)
        .where(Case.id.in_(case_ids))
    ).all()
    places = {case_id: place for place, case_id in enumerate(case_ids)}
    thumbnails, report_counts = _pictures(session, case_ids)
    return tuple(
        Row(
            case=case,
            unit=unit,
            assignee=assignee,
            clock=clock_of(case, today=today, calendar=calendar),
            age_days=(today - local_date(case.received_at)).days,
            thumbnail=thumbnails.get(case.id),
            report_count=report_counts.get(case.id, 0),
            awaits_signature=bool(awaits),
        )
        for case, unit, assignee, awaits in sorted(found, key=lambda row: places[row[0].id])
    )


def _branches(
    tab: Tab, filters: Filters, staff: SignedIn, today: date
) -> list[ColumnElement[bool]]:
    """Return the conditions whose cases together are a list; each is one range of an index.

    What the list is narrowed to, other than its state's pile, is not yet in them.
    """
    if tab is Tab.MINE:
        wholes: Sequence[ColumnElement[bool]] = (
            and_(Case.assignee_id == staff.staff_id, visible_cases(staff)),
        )
    elif tab is Tab.SIGN:
        wholes = trees(_signer(staff))
    else:
        wholes = trees(staff)
    return [
        and_(whole, Case.stage == stage, *_rest(tab, stage, staff, today))
        for whole in wholes
        for stage in stages_of(tab, filters.state)
    ]


def _rest(tab: Tab, stage: Stage, staff: SignedIn, today: date) -> list[ColumnElement[bool]]:
    """Return what a tab asks of a case beyond the pile that it lies on."""
    if tab is Tab.OVERDUE:
        # On the other piles something is owed by every case; the index alone knows its day.
        return [is_overdue(today) if stage is Stage.SIGNING else Case.due_on < today]
    if tab is Tab.DISPATCH:
        return [Case.state == State.DISPATCH.value] if stage is Stage.SIGNING else []
    return [waits_for(staff)] if tab is Tab.SIGN else []


def in_tab(tab: Tab, staff: SignedIn, today: date) -> ColumnElement[bool]:
    """Return the condition of a tab for a case that was found otherwise."""
    match tab:
        case Tab.UNIT:
            return Case.stage != Stage.ENDED
        case Tab.MINE:
            return (Case.assignee_id == staff.staff_id) & (Case.stage != Stage.ENDED)
        case Tab.DISPATCH:
            return Case.state == State.DISPATCH.value
        case Tab.OVERDUE:
            return is_overdue(today)
        case Tab.SIGN:
            return visible_cases(_signer(staff)) & waits_for(staff)


def _signer(staff: SignedIn) -> SignedIn:
    """Return the person with those of their roles that may sign."""
    held = tuple(each for each in staff.held if each.role in _SIGNING_ROLES)
    return replace(staff, held=held)


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

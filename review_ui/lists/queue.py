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

from sqlalchemy import (
    ColumnElement,
    Date,
    Uuid,
    and_,
    func,
    literal,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.orm import Session

from review_ui.access.scope import tops, trees, unit_of, visible_cases
from review_ui.access.staff import SignedIn
from review_ui.casework.clocks import Clock, clock_of, is_overdue
from review_ui.casework.signatures import waits_for
from review_ui.lists.filters import Filters, Tab, conditions, stages_of
from schemas.acts import ACTS
from schemas.errors import InvalidInput
from schemas.lifecycle import TRANSITIONS, State
from schemas.numbers import CASE_PREFIX, read_number
from schemas.searching import found_by, newest_first, words_of
from schemas.stages import Stage
from schemas.tables import (
    Case,
    CaseReport,
    CaseWords,
    Photo,
    PhotoExamination,
    Report,
    Staff,
    Unit,
)
from schemas.words import Words
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
class Key:
    """A case in a list: its id, its version, and the cursor of the page that follows it."""

    case_id: UUID
    version: int
    cursor: str


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
        return _searched(session, staff, tab, filters, cursor, today, limit)
    branches = _branches(tab, filters, staff, today)
    if cursor:
        due_on, key = _read_cursor(cursor)
        after = tuple_(literal(due_on, Date), literal(key, Uuid))
        branches = [branch & (tuple_(Case.due_on, Case.id) > after) for branch in branches]
    if not branches:
        return []
    order = Case.due_on, Case.id
    parts = [
        select(*order, Case.version).where(branch).order_by(*order).limit(limit).subquery()
        for branch in branches
    ]
    merged = union_all(*(select(part) for part in parts)).subquery()
    rows = session.execute(select(merged).order_by(merged.c.due_on, merged.c.id).limit(limit))
    return [
        Key(case_id, version, f"{due_on.isoformat()}_{case_id.hex}")
        for due_on, case_id, version in rows
    ]


def _searched(
    session: Session,
    staff: SignedIn,
    tab: Tab,
    filters: Filters,
    cursor: str | None,
    today: date,
    limit: int,
) -> list[Key]:
    """Return the keys of a page of a search; a whole case number is looked up by itself."""
    narrowed = [visible_cases(staff), *conditions(filters)]
    if tab is not Tab.UNIT:
        narrowed.append(in_tab(tab, staff, today))
    number = _as_number(filters.words)
    if number:
        rows = session.execute(
            select(Case.id, Case.version).where(Case.number == number, *narrowed)
        )
        return [] if cursor else [Key(*row, cursor="") for row in rows]
    words, units = words_of(filters.words), [unit_of(path) for path in tops(staff)]
    if not words or not units:
        return []
    order = newest_first(session)
    statement = (
        found_by(session, words=words, unit_ids=units)
        .join(Case, Case.id == CaseWords.case_id)
        .add_columns(Case.version)
        .where(*narrowed)
        .order_by(order.desc())
        .limit(limit)
    )
    if cursor:
        statement = statement.where(order < _read_place(cursor))
    return [
        Key(case_id, version, f"found_{place}")
        for place, case_id, version in session.execute(statement)
    ]


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
    """Return the conditions whose cases together are a list; each is one range of an index."""
    narrowed = conditions(filters)
    if tab is Tab.MINE:
        wholes: Sequence[ColumnElement[bool]] = (
            and_(Case.assignee_id == staff.staff_id, visible_cases(staff)),
        )
    elif tab is Tab.SIGN:
        wholes = trees(_signer(staff))
    else:
        wholes = trees(staff)
    return [
        and_(whole, Case.stage == stage, *_rest(tab, stage, staff, today), *narrowed)
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


def _as_number(words: str) -> str | None:
    try:
        return read_number(CASE_PREFIX, words)
    except InvalidInput:
        return None


def _read_cursor(text: str) -> tuple[date, UUID]:
    day, _, key = text.partition("_")
    try:
        return date.fromisoformat(day), UUID(key)
    except ValueError:
        raise _cursor_invalid() from None


def _read_place(text: str) -> int:
    place = text.removeprefix("found_")
    if place == text or not place.isascii() or not place.isdigit() or len(place) > 18:
        raise _cursor_invalid()
    return int(place)


def _cursor_invalid() -> InvalidInput:
    return InvalidInput(
        "cursor-invalid",
        Words("翻页位置有误，请回到第一页。", "This page can't be found: go to the first one."),
        field="cursor",
    )

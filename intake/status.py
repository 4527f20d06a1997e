"""What became of a report, as its reporter may read it: status_of().

Told are states, days and departments. Never told: who inspects, which unit's people,
the case's number, other reporters, nor that there are any. Where a report was linked
to a case that others had reported before, its history begins with its own receipt.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from schemas.lifecycle import OPEN_STATES, PUBLIC_STATUS, State
from schemas.tables import (
    Case,
    CaseHistory,
    CaseReport,
    Photo,
    PhotoExamination,
    Report,
    Supplement,
    Withdrawal,
)
from schemas.taxonomy import DEPARTMENT_NAMES, Department
from schemas.words import Words
from schemas.workdays import NO_OVERRIDES, CalendarOverrides, due_date, local_date

# Verification and the decision on filing (Order on penalty procedure art. 18).
VERIFY_WORKING_DAYS = 15

RECEIVED = Words("已收到，谢谢您。", "Received. Thank you.")
SEVERAL = Words("由几个部门分别办理，见下。", "Several departments handle it; see below.")
WITHDRAWN = Words(
    "您已撤回这条举报。隐患如果属实，部门仍可能继续核查。",
    "You took this report back. The department may still follow up if the hazard is real.",
)
SUPPLEMENTED = Words("您补充了情况。", "You added something.")
UNREADABLE = Words(
    "这张照片打不开，没有用上；其他照片照常处理。可以重新拍一张，作为补充发来。",
    "This photo can't be opened and was not used; the others are. You may take it again and "
    "send it as a supplement.",
)
NONE_READABLE = Words(
    "照片都打不开，已转工作人员处理。可以重新拍一张，作为补充发来。",
    "None of the photos can be opened; a person looks after the report. You may take one again "
    "and send it as a supplement.",
)


@dataclass(frozen=True)
class Handling:
    """How far one department is; `due_on` is None once it has decided."""

    department: Words
    state: State
    since: date
    due_on: date | None
    due_provisional: bool


@dataclass(frozen=True)
class Happening:
    """Something that happened on a local day."""

    on: date
    words: Words
    department: Words | None = None


@dataclass(frozen=True)
class PhotoState:
    """One photo; `readable` is None while it waits to be examined."""

    sha256: str
    readable: bool | None


@dataclass(frozen=True)
class ReportState:
    """Everything that a reporter may know of the report."""

    number: str
    received_at: datetime
    code: str
    words: Words
    withdrawn_at: datetime | None
    handling: tuple[Handling, ...]
    history: tuple[Happening, ...]
    photos: tuple[PhotoState, ...]


@dataclass(frozen=True)
class _Standing:
    """A link that stands, its case, and the case's changes in order."""

    link: CaseReport
    case: Case
    changes: Sequence[CaseHistory]


def status_of(
    session: Session, *, report: Report, overrides: CalendarOverrides = NO_OVERRIDES
) -> ReportState:
    """Return what became of a report; `overrides` are the operator's calendar."""
    withdrawal = session.get(Withdrawal, report.id)
    standing = _standing(session, report.id)
    handling = tuple(_handling(item, report, overrides) for item in standing)
    photos = _photos(session, report.id)
    code, words = _overall(handling, photos, withdrawn=withdrawal is not None)
    return ReportState(
        number=report.number,
        received_at=report.received_at,
        code=code,
        words=words,
        withdrawn_at=withdrawal.withdrawn_at if withdrawal else None,
        handling=handling,
        history=_history(session, report, standing, withdrawal),
        photos=photos,
    )


def _standing(session: Session, report_id: UUID) -> list[_Standing]:
    links = session.execute(
        select(CaseReport, Case)
        .join(Case, Case.id == CaseReport.case_id)
        .where(CaseReport.report_id == report_id, CaseReport.unlinked_at.is_(None))
        .order_by(CaseReport.department)
    ).all()
    return [
        _Standing(
            link,
            case,
            session.scalars(
                select(CaseHistory)
                .where(CaseHistory.case_id == case.id)
                .order_by(CaseHistory.version)
            ).all(),
        )
        for link, case in links
    ]


def _handling(item: _Standing, report: Report, overrides: CalendarOverrides) -> Handling:
    state = State(item.case.state)
    events = _told(item, report)
    due_on, provisional = None, False
    if state in OPEN_STATES:
        due_on, provisional = item.case.due_on, item.case.due_provisional
        # A case that somebody reported earlier is due earlier. A date before one's own
        # fifteen days would tell that there was somebody.
        own = due_date(local_date(report.received_at), VERIFY_WORKING_DAYS, overrides=overrides)
        if own.date > due_on:
            due_on, provisional = own.date, own.provisional
    return Handling(
        department=DEPARTMENT_NAMES[Department(item.case.department)],
        state=state,
        since=events[-1].on if events else local_date(report.received_at),
        due_on=due_on,
        due_provisional=provisional,
    )


def _told(item: _Standing, report: Report) -> list[Happening]:
    """Return a case's changes as far as this reporter may know them.

    What happened before the report came in is told as the state it was then linked
    to, on the day of receipt.
    """
    department = DEPARTMENT_NAMES[Department(item.case.department)]
    received_on = local_date(report.received_at)
    earlier = [change for change in item.changes if change.occurred_at < report.received_at]
    later = [change for change in item.changes if change.occurred_at >= report.received_at]
    told = [
        Happening(
            max(local_date(change.occurred_at), received_on),
            PUBLIC_STATUS[State(change.to_state)],
            department,
        )
        for change in (*earlier[-1:], *later)
    ]
    return list(_without_repeats(told))


def _without_repeats(happenings: Iterable[Happening]) -> Iterable[Happening]:
    previous: Words | None = None
    for happening in happenings:
        if happening.words != previous:
            yield happening
        previous = happening.words


def _photos(session: Session, report_id: UUID) -> tuple[PhotoState, ...]:
    rows = session.execute(
        select(Photo.sha256, PhotoExamination.photo_id, PhotoExamination.unreadable_reason)
        .outerjoin(PhotoExamination, PhotoExamination.photo_id == Photo.id)
        .where(Photo.report_id == report_id)
        .order_by(Photo.position, Photo.id)
    )
    return tuple(
        PhotoState(sha256, None if examined is None else reason is None)
        for sha256, examined, reason in rows
    )


def _overall(
    handling: Sequence[Handling], photos: Sequence[PhotoState], *, withdrawn: bool
) -> tuple[str, Words]:
    if withdrawn:
        return "withdrawn_by_reporter", WITHDRAWN
    states = {item.state for item in handling}
    nobody_has_looked = states <= {State.RECEIVED, State.DISPATCH}
    if nobody_has_looked and photos and all(photo.readable is False for photo in photos):
        return "photos_unreadable", NONE_READABLE
    if not states:
        return "received", RECEIVED
    if len(states) > 1:
        return "several", SEVERAL
    state = states.pop()
    return state.value, PUBLIC_STATUS[state]


def _history(
    session: Session,
    report: Report,
    standing: Sequence[_Standing],
    withdrawal: Withdrawal | None,
) -> tuple[Happening, ...]:
    happenings = [Happening(local_date(report.received_at), RECEIVED)]
    for item in standing:
        happenings += _told(item, report)
    for moment in session.scalars(
        select(Supplement.received_at).where(Supplement.report_id == report.id)
    ):
        happenings.append(Happening(local_date(moment), SUPPLEMENTED))
    if withdrawal:
        happenings.append(Happening(local_date(withdrawal.withdrawn_at), WITHDRAWN))
    # A stable sort: what happened on one day stays in the order in which it is told.
    return tuple(sorted(happenings, key=lambda happening: happening.on))

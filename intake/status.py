"""What became of a report, as its reporter may read it: status_of().

Told are states, days and departments. Never told: who inspects, which unit's people,
the case's number, other reporters, nor that there are any. Where a report was linked
to a case that others had reported before, its history begins with its own receipt.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from schemas.database import now_utc
from schemas.deadlines import (
    BASIS,
    BASIS_ELSEWHERE,
    FEEDBACK_WORKING_DAYS,
    VERIFY_WORKING_DAYS,
    ClockKind,
)
from schemas.lifecycle import OPEN_STATES, PUBLIC_STATUS, State, thanks_for
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
from schemas.workdays import (
    NO_OVERRIDES,
    CalendarOverrides,
    due_date,
    local_date,
    working_days_between,
)

RECEIVED = Words("已收到，谢谢您。", "Received. Thank you.")
SEVERAL = Words("由几个部门分别办理，见下。", "Several departments handle it; see below.")
WITHDRAWN = Words(
    "您已撤回这条举报。隐患如果属实，部门仍可能继续核查。",
    "You took this report back. The department may still follow up if the hazard is real.",
)
SUPPLEMENTED = Words("您补充了情况。", "You added something.")
NONE_READABLE = Words(
    "照片都打不开，已转工作人员处理。可以重新拍一张，作为补充发来。",
    "None of the photos can be opened; a person looks after the report. You may take one again "
    "and send it as a supplement.",
)
PHOTOS_UNREADABLE = "photos_unreadable"


class Action(StrEnum):
    """What the reporter may do with the report now."""

    SUPPLEMENT = "supplement"
    WITHDRAW = "withdraw"


@dataclass(frozen=True)
class AnswerDue:
    """By when an answer is owed: local days; `left` in working days, negative when late.

    `feedback_on` is by when the reporter is told of it, by this service's own policy.
    """

    on: date
    left: int
    provisional: bool
    basis: Words
    feedback_on: date


@dataclass(frozen=True)
class Handling:
    """How far one department is; `due` is None once it has decided."""

    department: Words
    state: State
    since: date
    due: AnswerDue | None


@dataclass(frozen=True)
class Happening:
    """Something that happened on a local day."""

    on: date
    words: Words
    department: Words | None = None


@dataclass(frozen=True)
class PhotoState:
    """One photo; `readable` is None while it waits to be examined.

    `reason` is why it is not readable, a code of schemas.photo_words.
    """

    sha256: str
    readable: bool | None
    reason: str | None = None


@dataclass(frozen=True)
class ReportState:
    """Everything that a reporter may know of the report."""

    number: str
    received_at: datetime
    categories: tuple[str, ...]
    premises_name: str
    code: str
    words: Words
    withdrawn_at: datetime | None
    handling: tuple[Handling, ...]
    history: tuple[Happening, ...]
    photos: tuple[PhotoState, ...]
    thanks: Words | None
    actions: tuple[Action, ...]

    @property
    def due(self) -> AnswerDue | None:
        """The last answer that is still owed, where several departments owe one."""
        owed = [item.due for item in self.handling if item.due]
        return max(owed, key=lambda due: due.on, default=None)


@dataclass(frozen=True)
class Standing:
    """A link that stands, its case, and the case's changes in order."""

    link: CaseReport
    case: Case
    changes: Sequence[CaseHistory]


@dataclass(frozen=True)
class _Rows:
    """What was read for some reports, by the report's id."""

    standing: Mapping[UUID, Sequence[Standing]]
    photos: Mapping[UUID, Sequence[PhotoState]]
    supplemented_at: Mapping[UUID, Sequence[datetime]]
    withdrawals: Mapping[UUID, Withdrawal]


def status_of(
    session: Session, *, report: Report, overrides: CalendarOverrides = NO_OVERRIDES
) -> ReportState:
    """Return what became of a report; `overrides` are the operator's calendar."""
    return statuses_of(session, reports=[report], overrides=overrides)[0]


def statuses_of(
    session: Session, *, reports: Sequence[Report], overrides: CalendarOverrides = NO_OVERRIDES
) -> list[ReportState]:
    """Return what became of some reports, in their order, by a fixed number of statements."""
    ids = [report.id for report in reports]
    rows = _Rows(
        standing=standing_of(session, ids),
        photos=_photos(session, ids),
        supplemented_at=_supplemented_at(session, ids),
        withdrawals={
            row.report_id: row
            for row in session.scalars(select(Withdrawal).where(Withdrawal.report_id.in_(ids)))
        },
    )
    return [_state(report, rows, overrides) for report in reports]


def standing_of(session: Session, report_ids: Sequence[UUID]) -> Mapping[UUID, list[Standing]]:
    """Return the links of reports that stand, with their cases, by report."""
    links = session.execute(
        select(CaseReport, Case)
        .join(Case, Case.id == CaseReport.case_id)
        .where(CaseReport.report_id.in_(report_ids), CaseReport.unlinked_at.is_(None))
        .order_by(CaseReport.department)
    ).all()
    changes: dict[UUID, list[CaseHistory]] = defaultdict(list)
    for change in session.scalars(
        select(CaseHistory)
        .where(CaseHistory.case_id.in_({case.id for _, case in links}))
        .order_by(CaseHistory.version)
    ):
        changes[change.case_id].append(change)
    found: dict[UUID, list[Standing]] = defaultdict(list)
    for link, case in links:
        found[link.report_id].append(Standing(link, case, changes[case.id]))
    return found


def told_changes(item: Standing, received_at: datetime) -> list[CaseHistory]:
    """Return a case's changes as far as the reporter of a report received then may know them.

    Of what happened before only the last is told: the state that the report was linked to.
    """
    earlier = [change for change in item.changes if change.occurred_at < received_at]
    later = [change for change in item.changes if change.occurred_at >= received_at]
    return [*earlier[-1:], *later]


def _state(report: Report, rows: _Rows, overrides: CalendarOverrides) -> ReportState:
    withdrawal = rows.withdrawals.get(report.id)
    standing = rows.standing.get(report.id, ())
    photos = tuple(rows.photos.get(report.id, ()))
    handling = tuple(_handling(item, report, overrides) for item in standing)
    code, words = _overall(handling, photos, withdrawn=withdrawal is not None)
    seen = [State(each.to_state) for item in standing for each in _told_of(item, report)]
    return ReportState(
        number=report.number,
        received_at=report.received_at,
        categories=tuple(report.categories),
        premises_name=report.premises_name,
        code=code,
        words=words,
        withdrawn_at=withdrawal.withdrawn_at if withdrawal else None,
        handling=handling,
        history=_history(report, standing, rows.supplemented_at.get(report.id, ()), withdrawal),
        photos=photos,
        thanks=None if withdrawal else thanks_for(seen),
        actions=_actions(handling, withdrawn=withdrawal is not None),
    )


def _told_of(item: Standing, report: Report) -> list[CaseHistory]:
    return told_changes(item, report.received_at)


def _handling(item: Standing, report: Report, overrides: CalendarOverrides) -> Handling:
    state, department = State(item.case.state), Department(item.case.department)
    events = _happenings(item, report)
    return Handling(
        department=DEPARTMENT_NAMES[department],
        state=state,
        since=events[-1].on if events else local_date(report.received_at),
        due=_due(item.case, report, overrides) if state in OPEN_STATES else None,
    )


def _due(case: Case, report: Report, overrides: CalendarOverrides) -> AnswerDue:
    on, provisional = case.due_on, case.due_provisional
    # A case that somebody reported earlier is due earlier. A date before one's own
    # fifteen days would tell that there was somebody.
    own = due_date(local_date(report.received_at), VERIFY_WORKING_DAYS, overrides=overrides)
    if own.date > on:
        on, provisional = own.date, own.provisional
    kind = ClockKind.DECISION if case.state == State.FILED else ClockKind.VERIFY
    is_bound = case.department == Department.MARKET
    feedback = due_date(on, FEEDBACK_WORKING_DAYS, overrides=overrides)
    return AnswerDue(
        on=on,
        left=working_days_between(local_date(now_utc()), on, overrides=overrides),
        provisional=provisional or feedback.provisional,
        basis=BASIS[kind] if is_bound else BASIS_ELSEWHERE,
        feedback_on=feedback.date,
    )


def _actions(handling: Sequence[Handling], *, withdrawn: bool) -> tuple[Action, ...]:
    """What is over can't be taken back, but something new may still be added to it."""
    if withdrawn:
        return ()
    is_open = not handling or any(item.state in OPEN_STATES for item in handling)
    return (Action.SUPPLEMENT, Action.WITHDRAW) if is_open else (Action.SUPPLEMENT,)


def _happenings(item: Standing, report: Report) -> list[Happening]:
    """Return what is told of a case; what was before the report came, on the day it came."""
    department = DEPARTMENT_NAMES[Department(item.case.department)]
    received_on = local_date(report.received_at)
    told = [
        Happening(
            max(local_date(change.occurred_at), received_on),
            PUBLIC_STATUS[State(change.to_state)],
            department,
        )
        for change in _told_of(item, report)
    ]
    return list(_without_repeats(told))


def _without_repeats(happenings: Iterable[Happening]) -> Iterable[Happening]:
    previous: Words | None = None
    for happening in happenings:
        if happening.words != previous:
            yield happening
        previous = happening.words


def _photos(session: Session, report_ids: Sequence[UUID]) -> Mapping[UUID, list[PhotoState]]:
    rows = session.execute(
        select(
            Photo.report_id,
            Photo.sha256,
            PhotoExamination.photo_id,
            PhotoExamination.unreadable_reason,
        )
        .outerjoin(PhotoExamination, PhotoExamination.photo_id == Photo.id)
        .where(Photo.report_id.in_(report_ids))
        .order_by(Photo.position, Photo.id)
    )
    found: dict[UUID, list[PhotoState]] = defaultdict(list)
    for report_id, sha256, examined, reason in rows:
        readable = None if examined is None else reason is None
        found[report_id].append(PhotoState(sha256, readable, reason))
    return found


def _supplemented_at(session: Session, report_ids: Sequence[UUID]) -> Mapping[UUID, list[datetime]]:
    found: dict[UUID, list[datetime]] = defaultdict(list)
    for row in session.scalars(select(Supplement).where(Supplement.report_id.in_(report_ids))):
        found[row.report_id].append(row.received_at)
    return found


def _overall(
    handling: Sequence[Handling], photos: Sequence[PhotoState], *, withdrawn: bool
) -> tuple[str, Words]:
    if withdrawn:
        return "withdrawn_by_reporter", WITHDRAWN
    states = {item.state for item in handling}
    nobody_has_looked = states <= {State.RECEIVED, State.DISPATCH}
    if nobody_has_looked and photos and all(photo.readable is False for photo in photos):
        return PHOTOS_UNREADABLE, NONE_READABLE
    if not states:
        return "received", RECEIVED
    if len(states) > 1:
        return "several", SEVERAL
    state = states.pop()
    return state.value, PUBLIC_STATUS[state]


def _history(
    report: Report,
    standing: Sequence[Standing],
    supplemented_at: Sequence[datetime],
    withdrawal: Withdrawal | None,
) -> tuple[Happening, ...]:
    happenings = [Happening(local_date(report.received_at), RECEIVED)]
    for item in standing:
        happenings += _happenings(item, report)
    happenings += [Happening(local_date(moment), SUPPLEMENTED) for moment in supplemented_at]
    if withdrawal:
        happenings.append(Happening(local_date(withdrawal.withdrawn_at), WITHDRAWN))
    # A stable sort: what happened on one day stays in the order in which it is told.
    return tuple(sorted(happenings, key=lambda happening: happening.on))


def own_reports(
    session: Session,
    *,
    rider_id: UUID,
    before: Report | None = None,
    size: int,
    overrides: CalendarOverrides = NO_OVERRIDES,
) -> tuple[list[ReportState], str | None]:
    """Return a rider's own reports, the newest first, and where the next ones begin.

    `before` is one of them; keys sort by time of receipt, so that pages neither repeat
    nor miss one while further reports come in.
    """
    statement = (
        select(Report).where(Report.rider_id == rider_id).order_by(Report.id.desc()).limit(size + 1)
    )
    if before:
        statement = statement.where(Report.id < before.id)
    rows = session.scalars(statement).all()
    states = statuses_of(session, reports=rows[:size], overrides=overrides)
    return states, states[-1].number if len(rows) > size else None

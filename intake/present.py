"""How answers look over the wire: from the core's dataclasses to the models, in one language."""

from collections.abc import Sequence
from typing import Literal

from intake.answers import Answer
from intake.notices import NoticeLine, NoticePage
from intake.status import (
    RECEIVED,
    WITHDRAWN,
    Action,
    AnswerDue,
    Handling,
    Happening,
    PhotoState,
    ReportState,
)
from schemas.deadlines import FEEDBACK_POLICY
from schemas.lifecycle import PUBLIC_STATUS
from schemas.photo_words import words_for_riders
from schemas.tables import Notice, Suggestion, Withdrawal
from schemas.taxonomy import CATEGORIES, DEPARTMENT_NAMES, category
from schemas.wire import notices as wire_notices
from schemas.wire import reports as wire
from schemas.wire.reports import (
    CategoryInfo,
    CategoryList,
    HandlingStatus,
    HistoryEntry,
    PhotoStatus,
    PhotoSum,
    ReportAccepted,
    ReportPage,
    ReportStatus,
    ReportSummary,
    Status,
    SupplementAccepted,
    WithdrawalAccepted,
)
from schemas.words import Words
from schemas.workdays import local_date

ACTION_NAMES: dict[Action, Words] = {
    Action.SUPPLEMENT: Words("补充情况或照片", "Add something, or photos"),
    Action.WITHDRAW: Words("撤回这条举报", "Take this report back"),
}


def report_accepted(answer: Answer, locale: str) -> ReportAccepted:
    """Return the answer to a tip; a repeat gets the very same one."""
    return ReportAccepted(
        number=answer.number,
        receipt_code=answer.receipt_code,
        status=Status(code="received", text=RECEIVED.say(locale)),
        received_at=answer.received_at,
        photos=[PhotoSum(sha256=sha256) for sha256 in answer.photo_sha256],
    )


def supplement_accepted(answer: Answer) -> SupplementAccepted:
    """Return the answer to an addition."""
    return SupplementAccepted(
        number=answer.number,
        received_at=answer.received_at,
        photos=[PhotoSum(sha256=sha256) for sha256 in answer.photo_sha256],
    )


def withdrawal_accepted(number: str, withdrawal: Withdrawal, locale: str) -> WithdrawalAccepted:
    """Return the answer to a withdrawal."""
    return WithdrawalAccepted(
        number=number,
        status=Status(code="withdrawn_by_reporter", text=WITHDRAWN.say(locale)),
        withdrawn_at=withdrawal.withdrawn_at,
    )


def report_status(state: ReportState, locale: str) -> ReportStatus:
    """Return what became of a report, in the reader's language."""
    return ReportStatus(
        number=state.number,
        received_at=state.received_at,
        status=Status(code=state.code, text=state.words.say(locale)),
        withdrawn_at=state.withdrawn_at,
        handling=[_handling(item, locale) for item in state.handling],
        history=[_happening(item, locale) for item in state.history],
        photos=[_photo(item, locale) for item in state.photos],
        thanks=state.thanks.say(locale) if state.thanks else None,
        actions=_actions(state, locale),
    )


def report_page(states: Sequence[ReportState], before: str | None, locale: str) -> ReportPage:
    """Return a page of a rider's own reports; `before` is where the next one begins."""
    return ReportPage(reports=[_summary(state, locale) for state in states], next=before)


def _summary(state: ReportState, locale: str) -> ReportSummary:
    return ReportSummary(
        number=state.number,
        received_at=state.received_at,
        categories=[category(code).words.say(locale) for code in state.categories],
        premises_name=state.premises_name,
        status=Status(code=state.code, text=state.words.say(locale)),
        due=_due(state.due, locale),
        last=_happening(state.history[-1], locale),
        thanks=state.thanks.say(locale) if state.thanks else None,
        actions=_actions(state, locale),
    )


def _actions(state: ReportState, locale: str) -> list[wire.Action]:
    return [wire.Action(code=each, text=ACTION_NAMES[each].say(locale)) for each in state.actions]


def _due(due: AnswerDue | None, locale: str) -> wire.AnswerDue | None:
    if due is None:
        return None
    return wire.AnswerDue(
        on=due.on,
        left=due.left,
        provisional=due.provisional,
        basis=due.basis.say(locale),
        feedback_on=due.feedback_on,
        feedback_basis=FEEDBACK_POLICY.say(locale),
    )


def _handling(item: Handling, locale: str) -> HandlingStatus:
    return HandlingStatus(
        department=item.department.say(locale),
        status=Status(code=item.state.value, text=PUBLIC_STATUS[item.state].say(locale)),
        since=item.since,
        due_on=item.due.on if item.due else None,
        due_provisional=item.due.provisional if item.due else False,
        due=_due(item.due, locale),
    )


def _happening(item: Happening, locale: str) -> HistoryEntry:
    return HistoryEntry(
        on=item.on,
        text=item.words.say(locale),
        department=item.department.say(locale) if item.department else None,
    )


def _photo(item: PhotoState, locale: str) -> PhotoStatus:
    return PhotoStatus(
        sha256=item.sha256,
        readable=item.readable,
        reason=item.reason,
        note=words_for_riders(item.reason).say(locale) if item.reason else None,
    )


def category_list(locale: str) -> CategoryList:
    """Return the taxonomy in one language."""
    return CategoryList(
        categories=[
            CategoryInfo(
                code=item.code,
                name=item.words.say(locale),
                department=DEPARTMENT_NAMES[item.department].say(locale),
                severity=item.severity,
            )
            for item in CATEGORIES
        ]
    )


def notice_list(page: NoticePage, locale: str) -> wire_notices.NoticeList:
    """Return a page of notices, in the reader's language."""
    return wire_notices.NoticeList(
        notices=[notice(line, locale) for line in page.lines], unread=page.unread, next=page.before
    )


def notice(line: NoticeLine, locale: str) -> wire_notices.NoticeAnswer:
    """Return one notice, in the reader's language."""
    row = line.notice
    return wire_notices.NoticeAnswer(
        id=row.id,
        code=row.code,
        text=line.words.say(locale),
        about=_about(row),
        number=line.number,
        premises_name=line.premises_name,
        department=line.department.say(locale) if line.department else None,
        created_at=row.created_at,
        read=row.read_at is not None,
    )


def _about(row: Notice) -> Literal["report", "suggestion", "campaign"]:
    if row.campaign_id:
        return "campaign"
    return "report" if row.report_id else "suggestion"


def suggestion_answer(row: Suggestion) -> wire_notices.SuggestionAnswer:
    """Return a rider's own suggestion with its answer."""
    return wire_notices.SuggestionAnswer(
        number=row.number,
        kind=row.kind,
        body=row.body,
        received_on=local_date(row.received_at),
        answer=row.answer,
        answered_on=local_date(row.answered_at) if row.answered_at else None,
    )

"""How answers look over the wire: from the core's dataclasses to the models, in one language."""

from intake.answers import Answer
from intake.status import (
    RECEIVED,
    UNREADABLE,
    WITHDRAWN,
    Handling,
    Happening,
    PhotoState,
    ReportState,
)
from schemas.lifecycle import PUBLIC_STATUS
from schemas.tables import Withdrawal
from schemas.taxonomy import CATEGORIES, DEPARTMENT_NAMES
from schemas.wire.reports import (
    CategoryInfo,
    CategoryList,
    HandlingStatus,
    HistoryEntry,
    PhotoStatus,
    PhotoSum,
    ReportAccepted,
    ReportStatus,
    Status,
    SupplementAccepted,
    WithdrawalAccepted,
)


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
    )


def _handling(item: Handling, locale: str) -> HandlingStatus:
    return HandlingStatus(
        department=item.department.say(locale),
        status=Status(code=item.state.value, text=PUBLIC_STATUS[item.state].say(locale)),
        since=item.since,
        due_on=item.due_on,
        due_provisional=item.due_provisional,
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
        note=UNREADABLE.say(locale) if item.readable is False else None,
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

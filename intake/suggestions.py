"""Suggestions and requests (微事我言): a rider's short word to the office, and its answer.

Kept apart from tips: nothing here is evidence, starts a case or has a legal deadline. The
office never learns who wrote; each suggestion stands under a pseudonym of its own, so
that several of one rider can't be laid side by side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intake.inserting import insert_if_new
from schemas import audit
from schemas.database import new_id
from schemas.errors import Conflict, InvalidInput, NotFound, TooMany
from schemas.numbers import SUGGESTION_PREFIX, new_number, read_number
from schemas.tables import Suggestion
from schemas.words import Words

KINDS: dict[str, Words] = {
    "suggestion": Words("建议", "Suggestion"),
    "request": Words("诉求", "Request"),
}
# More in a day is no longer a word to the office.
MOST_PER_DAY = 5
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class SuggestionPage:
    """Some suggestions in their list's order; `more` is where the next ones begin."""

    rows: tuple[Suggestion, ...]
    more: str | None


def suggest(
    session: Session, *, rider_id: UUID, key: UUID, kind: str, body: str, now: datetime
) -> Suggestion:
    """Take a suggestion, or return the one that stands for its Idempotency-Key.

    Raises TooMany `suggestions-too-many` beyond MOST_PER_DAY, and Conflict
    `idempotency-key-reused` when the key stands for another text.
    """
    standing = _by_key(session, rider_id, key)
    if standing is None:
        _check_limit(session, rider_id, now)
        _insert(session, rider_id, key, kind, body, now)
        standing = _by_key(session, rider_id, key)
    if standing is None or (standing.kind, standing.body) != (kind, body):
        raise Conflict(
            "idempotency-key-reused",
            Words(
                "这个 Idempotency-Key 已经用于另一份内容：新的建议请换一个新的。",
                "This Idempotency-Key stands for other content: use a new one for a new "
                "suggestion.",
            ),
            field="Idempotency-Key",
        )
    return standing


def _by_key(session: Session, rider_id: UUID, key: UUID) -> Suggestion | None:
    return session.scalars(
        select(Suggestion).where(Suggestion.rider_id == rider_id, Suggestion.request_key == key)
    ).one_or_none()


def _insert(
    session: Session, rider_id: UUID, key: UUID, kind: str, body: str, now: datetime
) -> None:
    row = {
        "id": new_id(),
        "number": new_number(SUGGESTION_PREFIX, now),
        "rider_id": rider_id,
        "request_key": key,
        "kind": kind,
        "body": body,
        "received_at": now,
    }
    for made in insert_if_new(session, Suggestion, [row], conflict=("rider_id", "request_key")):
        audit.record(
            session,
            actor=audit.Actor("rider", rider_id),
            action="suggestion.received",
            subject=("suggestion", made),
        )


def _check_limit(session: Session, rider_id: UUID, now: datetime) -> None:
    sent = session.scalars(
        select(Suggestion.received_at)
        .where(Suggestion.rider_id == rider_id, Suggestion.received_at > now - _DAY)
        .order_by(Suggestion.received_at)
    ).all()
    if len(sent) < MOST_PER_DAY:
        return
    wait_s = max(1, round((sent[-MOST_PER_DAY] + _DAY - now).total_seconds()))
    hours = max(1, round(wait_s / 3600))
    raise TooMany(
        "suggestions-too-many",
        Words(
            f"一天最多提 {MOST_PER_DAY} 条，请 {hours} 小时后再写。隐患请用“拍照举报”，不受影响。",
            f"At most {MOST_PER_DAY} a day: write again in {hours} hours. Tips about hazards are "
            "not affected.",
        ),
        retry_after_s=wait_s,
    )


def own_suggestions(
    session: Session, *, rider_id: UUID, before: str | None = None, size: int
) -> SuggestionPage:
    """Return a rider's own suggestions, the newest first; `before` is one of their numbers."""
    statement = (
        select(Suggestion)
        .where(Suggestion.rider_id == rider_id)
        .order_by(Suggestion.id.desc())
        .limit(size + 1)
    )
    if before:
        last = find_suggestion(session, number=before, rider_id=rider_id)
        statement = statement.where(Suggestion.id < last.id)
    return _page(session.scalars(statement).all(), size)


def office_suggestions(
    session: Session, *, is_answered: bool, after: str | None = None, size: int
) -> SuggestionPage:
    """Return the office's list: what waits, the oldest first, or what was answered, the last first.

    Raises InvalidInput `number-invalid` and NotFound `suggestion-not-found` for `after`.
    """
    statement = select(Suggestion).limit(size + 1)
    last = find_suggestion(session, number=after) if after else None
    if is_answered:
        statement = statement.where(Suggestion.answered_at.is_not(None)).order_by(
            Suggestion.answered_at.desc(), Suggestion.id.desc()
        )
        if last and last.answered_at:
            statement = statement.where(
                (Suggestion.answered_at < last.answered_at)
                | ((Suggestion.answered_at == last.answered_at) & (Suggestion.id < last.id))
            )
    else:
        statement = statement.where(Suggestion.answered_at.is_(None)).order_by(Suggestion.id)
        if last:
            statement = statement.where(Suggestion.id > last.id)
    return _page(session.scalars(statement).all(), size)


def _page(rows: Sequence[Suggestion], size: int) -> SuggestionPage:
    more = rows[size - 1].number if len(rows) > size else None
    return SuggestionPage(tuple(rows[:size]), more)


def waiting_count(session: Session) -> int:
    """Return how many suggestions have no answer yet."""
    return (
        session.scalar(
            select(func.count()).select_from(Suggestion).where(Suggestion.answered_at.is_(None))
        )
        or 0
    )


def find_suggestion(session: Session, *, number: str, rider_id: UUID | None = None) -> Suggestion:
    """Return a suggestion by its number, a rider's own where a rider asks.

    Raises NotFound `suggestion-not-found`, for another's as for one that is not.
    """
    try:
        canonical = read_number(SUGGESTION_PREFIX, number)
    except InvalidInput:
        raise _not_found() from None
    found = session.scalars(select(Suggestion).where(Suggestion.number == canonical)).one_or_none()
    if found is None or (rider_id is not None and found.rider_id != rider_id):
        raise _not_found()
    return found


def _not_found() -> NotFound:
    return NotFound(
        "suggestion-not-found",
        Words("没有找到这条建议或诉求。", "There is no such suggestion."),
    )

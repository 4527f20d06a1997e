"""Suggestions as the office has them: answered once, and the rider told, in one transaction."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from intake.notices import add_answer_notice
from intake.suggestions import find_suggestion
from schemas import audit
from schemas.errors import Conflict, InvalidInput
from schemas.sealing import hide_phones
from schemas.tables import Suggestion
from schemas.words import Words


def answer_suggestion(
    session: Session, *, number: str, answer: str, staff_id: UUID, now: datetime
) -> Suggestion:
    """Answer a suggestion, once, and tell its rider.

    Raises NotFound `suggestion-not-found`, InvalidInput `answer-missing`, and Conflict
    `suggestion-answered` when somebody was first: what was sent is not changed.
    """
    if not answer.strip():
        raise InvalidInput(
            "answer-missing", Words("请写回复内容。", "Write an answer."), field="answer"
        )
    suggestion = find_suggestion(session, number=number)
    taken = session.execute(
        update(Suggestion)
        .where(Suggestion.id == suggestion.id, Suggestion.answered_at.is_(None))
        .values(answer=answer.strip(), answered_at=now, answered_by=staff_id)
        .returning(Suggestion.id)
    ).all()
    if not taken:
        raise Conflict(
            "suggestion-answered",
            Words(
                "这一条刚才已经有同事回复了，骑手已收到；您写的没有发出。",
                "A colleague answered this one a moment ago and the rider has it; yours was not "
                "sent.",
            ),
        )
    session.refresh(suggestion)
    audit.record(
        session,
        actor=audit.Actor("staff", staff_id),
        action="suggestion.answered",
        subject=("suggestion", suggestion.id),
    )
    add_answer_notice(session, suggestion=suggestion, now=now)
    return suggestion


def pseudonym_of(suggestion: Suggestion) -> str:
    """Return what the office calls the writer: good for this one suggestion."""
    return suggestion.number.split("-")[1]


def shown_body(suggestion: Suggestion) -> str:
    """Return the text as the office reads it: a phone number in it would say who wrote."""
    return hide_phones(suggestion.body)

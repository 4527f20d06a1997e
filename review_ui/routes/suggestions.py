"""Suggestions and requests of riders: the office's two lists and the answer, by page and by API."""

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request
from flask import url_for as address_of
from werkzeug.wrappers import Response as WerkzeugResponse

from intake.bodies import as_json, read_body
from intake.doorway import Entry, enters
from intake.suggestions import KINDS, office_suggestions, waiting_count
from review_ui.presenting import say
from review_ui.room import moment, person, room
from review_ui.suggestions import answer_suggestion, pseudonym_of, shown_body
from schemas.errors import Conflict, InvalidInput, NotFound, SuishoupaiError
from schemas.tables import Suggestion
from schemas.wire.notices import (
    MOST_ANSWER,
    AnswerRequest,
    OfficeSuggestion,
    OfficeSuggestionList,
)
from schemas.wire.openapi import Answered, Described, Given, describes
from schemas.wire.problems import status_of
from schemas.words import Words
from schemas.workdays import local_date

suggestions = Blueprint("suggestions", __name__, url_prefix="/suggestions")
suggestions_api = Blueprint("suggestions_api", __name__, url_prefix="/api/v1")

PAGE = 20
NEW, ANSWERED = "new", "answered"
_REFERENCE = Given("reference", "path", "the suggestion's number, such as JY20261122-7KQ4MX-3")
_AWAY = {401: "token-unknown", 404: "not-found, suggestion-not-found", 503: "database-away"}


@suggestions.get("")
@enters(Entry.ANSWER_SUGGESTIONS)
def show_suggestions() -> str:
    """Show what waits for an answer, or what was answered."""
    return _page()


@suggestions.post("/<reference>")
@enters(Entry.ANSWER_SUGGESTIONS)
def send_answer(reference: str) -> WerkzeugResponse:
    """Send the office's answer; a refusal shows the page again with what was typed."""
    typed = request.form.get("answer", "").replace("\0", "").replace("\r\n", "\n")
    try:
        _check_length(typed)
        with room().database.writing() as db:
            answer_suggestion(
                db, number=reference, answer=typed, staff_id=person().staff_id, now=moment()
            )
    except (InvalidInput, Conflict) as error:
        page = _page(refusal=error, refused=reference, typed=typed)
        return make_response(page, status_of(error))
    flash(say(Words("回复已发出，骑手会收到通知。", "The answer is sent; the rider is told.")))
    return redirect(address_of("suggestions.show_suggestions"))


@suggestions_api.get("/suggestions")
@enters(Entry.ANSWER_SUGGESTIONS)
@describes(
    Described(
        summary="What riders suggest or ask for, under pseudonyms",
        given=(
            Given("tab", "query", "new (the oldest first) or answered (the last first)"),
            Given("after", "query", "`next` of the page before"),
        ),
        answer=Answered(200, "A page of the list", OfficeSuggestionList),
        refusals=_AWAY,
        security=("staff",),
    )
)
def list_suggestions() -> Response:
    """List suggestions for a program."""
    with room().database.reading() as db:
        page = office_suggestions(
            db, is_answered=_is_answered(), after=request.args.get("after"), size=PAGE
        )
    return as_json(
        OfficeSuggestionList(suggestions=[_shown(row) for row in page.rows], next=page.more)
    )


@suggestions_api.post("/suggestions/<reference>/answer")
@enters(Entry.ANSWER_SUGGESTIONS)
@describes(
    Described(
        summary="Answer a suggestion, once; the rider is told",
        body=AnswerRequest,
        given=(_REFERENCE,),
        answer=Answered(200, "The suggestion with its answer", OfficeSuggestion),
        refusals={
            **_AWAY,
            400: "body-unreadable",
            409: "suggestion-answered",
            413: "too-large",
            415: "content-type-unsupported",
            422: "field-unknown, field-missing, text-too-long, text-invalid, value-invalid",
        },
        security=("staff",),
    )
)
def answer_by_program(reference: str) -> Response:
    """Answer a suggestion for a program."""
    wanted = read_body(AnswerRequest)
    with room().database.writing() as db:
        row = answer_suggestion(
            db, number=reference, answer=wanted.answer, staff_id=person().staff_id, now=moment()
        )
        shown = _shown(row)
    return as_json(shown)


def _is_answered() -> bool:
    return request.args.get("tab") == ANSWERED


def _page(*, refusal: SuishoupaiError | None = None, refused: str = "", typed: str = "") -> str:
    is_answered = _is_answered()
    with room().database.reading() as db:
        try:
            page = office_suggestions(
                db, is_answered=is_answered, after=request.args.get("after"), size=PAGE
            )
        except NotFound:
            page = office_suggestions(db, is_answered=is_answered, size=PAGE)
        waiting = waiting_count(db)
    return render_template(
        "suggestions.html",
        rows=[_shown(row) for row in page.rows],
        more=page.more,
        tab=ANSWERED if is_answered else NEW,
        waiting=waiting,
        kinds=KINDS,
        most=MOST_ANSWER,
        refusal=refusal,
        refused=refused,
        typed=typed,
    )


def _shown(row: Suggestion) -> OfficeSuggestion:
    return OfficeSuggestion(
        number=row.number,
        pseudonym=pseudonym_of(row),
        kind=row.kind,
        body=shown_body(row),
        received_on=local_date(row.received_at),
        answer=row.answer,
        answered_on=local_date(row.answered_at) if row.answered_at else None,
    )


def _check_length(text: str) -> None:
    if len(text) > MOST_ANSWER:
        raise InvalidInput(
            "text-too-long",
            Words(
                f"回复最多 {MOST_ANSWER} 字，现在有 {len(text)} 字。",
                f"An answer has at most {MOST_ANSWER} characters; this one has {len(text)}.",
            ),
            field="answer",
        )

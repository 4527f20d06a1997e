"""The JSON API of the inspectors' room, version 1: the same rules as the pages."""

from collections.abc import Callable

from flask import Blueprint, Response, jsonify, request
from sqlalchemy.orm import Session

from intake.bodies import as_json
from intake.bodies import read_body as _body
from intake.doorway import Entry, enters, request_locale
from review_ui.access.scope import find_case
from review_ui.answers import case_detail, case_list, week_answer
from review_ui.casefile.reading import open_casefile
from review_ui.casework.advancing import Outcome, act, advance, confirm, send_back
from review_ui.document import document
from review_ui.lists.counts import week_counts
from review_ui.lists.filters import Tab, read_filters_strictly
from review_ui.lists.queue import page_of_cases, row_of
from review_ui.room import moment, person, room, today
from schemas.errors import InvalidInput
from schemas.tables import Case
from schemas.weeks import read_week, week_of
from schemas.wire.cases import (
    ActRequest,
    CaseDetail,
    CaseList,
    SignatureRequest,
    TransitionRequest,
    WeekAnswer,
)
from schemas.wire.openapi import Answered, Described, Given, describes
from schemas.words import Words

api = Blueprint("api_v1", __name__)
PAGE_SIZE = 100

NUMBER = Given("number", "path", "the case's number, such as AJ20261121-7KQ4MX-3")
FILTERS = (
    Given("tab", "query", "unit (all that is not ended), mine, dispatch, overdue or sign"),
    Given("state", "query", "only cases in this state; ended ones are else left out"),
    Given("category", "query", "a hazard category's code"),
    Given("severity", "query", "1 to 5"),
    Given("county", "query", "GB/T 2260 code of a county, city or province"),
    Given("platform", "query", "part of a delivery platform's name"),
    Given("flag", "query", "the code of what looks suspicious"),
    Given("received_from", "query", "first day of receipt, Asia/Shanghai", format="date"),
    Given("received_to", "query", "last day of receipt, Asia/Shanghai", format="date"),
    Given("due_from", "query", "first day due", format="date"),
    Given("due_to", "query", "last day due", format="date"),
    Given(
        "q",
        "query",
        "words in number, shop, address or findings, of two characters at least; the "
        "answer is then newest first and holds ended cases too",
    ),
)
CURSOR = Given("cursor", "query", "`next_cursor` of the page before")
WEEK = Given("week", "query", "an ISO 8601 week such as 2026-W47; the present one if left out")
STAFF = ("staff",)
AWAY = {401: "token-unknown", 503: "database-away"}
BODY_REFUSALS = {
    400: "body-unreadable",
    413: "too-large",
    415: "content-type-unsupported",
}
STEP_REFUSALS = {
    **BODY_REFUSALS,
    **AWAY,
    403: "move-not-yours, own-signature",
    404: "not-found",
    409: "case-changed, signature-pending, nothing-to-sign, decision-number-taken, "
    "clock-ran-out, extended-already, paused-already, not-paused, order-running, no-order, "
    "dispute-standing, split-exists, merge-not-undone",
    422: "move-not-possible, act-not-possible, record-incomplete, record-field-unknown, "
    "record-field-invalid, record-days-reversed, unit-not-possible, pause-overlaps, "
    "merge-not-possible, merge-into-older, merge-reason-needed, split-own-department, "
    "field-unknown, field-missing, value-invalid",
}


@api.get("/api/v1/cases")
@enters(Entry.SEE_CASES)
@describes(
    Described(
        summary="The cases of the caller's units, by due date; with words, newest first",
        given=(*FILTERS, CURSOR),
        answer=Answered(200, "A page of cases", CaseList),
        refusals={**AWAY, 404: "not-found", 422: "cursor-invalid, value-invalid"},
        security=STAFF,
    )
)
def list_cases() -> Response:
    """List cases, one page at a time."""
    with room().database.reading() as db:
        page = page_of_cases(
            db,
            staff=person(),
            tab=_tab(),
            filters=read_filters_strictly(request.args),
            cursor=request.args.get("cursor"),
            today=today(),
            calendar=room().calendar,
            size=PAGE_SIZE,
        )
    return as_json(case_list(page.rows, page.next_cursor))


@api.get("/api/v1/cases/<number>")
@enters(Entry.SEE_CASES)
@describes(
    Described(
        summary="One case, with what was reported and what may be done now",
        given=(NUMBER,),
        answer=Answered(200, "The case", CaseDetail),
        refusals={**AWAY, 404: "not-found"},
        security=STAFF,
    )
)
def show_case(number: str) -> Response:
    """Show one case."""
    with room().database.reading() as db:
        return _detail(db, find_case(db, number=number, staff=person()))


@api.post("/api/v1/cases/<number>/transitions")
@enters(Entry.WORK_CASES)
@describes(
    Described(
        summary="Move a case, or propose the move where two have to sign it",
        body=TransitionRequest,
        given=(NUMBER,),
        answer=Answered(200, "The case as it is now; `proposal` if it waits", CaseDetail),
        refusals=STEP_REFUSALS,
        security=STAFF,
    )
)
def move_case(number: str) -> Response:
    """Move a case."""
    wanted = _body(TransitionRequest)
    return _step(
        number,
        lambda db, case: advance(
            db,
            case_id=case.id,
            staff=person(),
            to=wanted.to,
            version=wanted.version,
            record=wanted.record,
            now=moment(),
            calendar=room().calendar,
        ),
    )


@api.post("/api/v1/cases/<number>/acts")
@enters(Entry.WORK_CASES)
@describes(
    Described(
        summary="Do something that leaves the state: extend, pause, order, dispute, split",
        body=ActRequest,
        given=(NUMBER,),
        answer=Answered(200, "The case as it is now; `proposal` if it waits", CaseDetail),
        refusals=STEP_REFUSALS,
        security=STAFF,
    )
)
def act_on_case(number: str) -> Response:
    """Do something with a case that leaves its state."""
    wanted = _body(ActRequest)
    return _step(
        number,
        lambda db, case: act(
            db,
            case_id=case.id,
            staff=person(),
            code=wanted.act,
            version=wanted.version,
            record=wanted.record,
            now=moment(),
            calendar=room().calendar,
        ),
    )


@api.post("/api/v1/cases/<number>/signatures")
@enters(Entry.WORK_CASES)
@describes(
    Described(
        summary="Sign what a colleague proposed, or send it back",
        body=SignatureRequest,
        given=(NUMBER,),
        answer=Answered(200, "The case as it is now", CaseDetail),
        refusals=STEP_REFUSALS,
        security=STAFF,
    )
)
def sign_case(number: str) -> Response:
    """Sign a proposal, or send it back."""
    wanted = _body(SignatureRequest)
    return _step(number, lambda db, case: _decide(db, case, wanted))


@api.get("/api/v1/counts/week")
@enters(Entry.SEE_COUNTS)
@describes(
    Described(
        summary="One week in numbers, by county",
        given=(WEEK,),
        answer=Answered(200, "The figures and their definitions", WeekAnswer),
        refusals={**AWAY, 404: "not-found", 422: "week-invalid"},
        security=STAFF,
    )
)
def show_week() -> Response:
    """Count one week."""
    name = request.args.get("week")
    week = read_week(name) if name else week_of(moment())
    with room().database.reading() as db:
        counts = week_counts(db, staff=person(), week=week)
    return as_json(week_answer(counts, "en" if request_locale() == "en" else "zh"))


@api.get("/openapi.json")
@enters(Entry.PUBLIC)
def show_document() -> Response:
    """Return the OpenAPI document of these routes."""
    return jsonify(document())


def _decide(db: Session, case: Case, wanted: SignatureRequest) -> Outcome:
    if wanted.decision == "confirm":
        return confirm(
            db,
            case_id=case.id,
            staff=person(),
            version=wanted.version,
            now=moment(),
            calendar=room().calendar,
        )
    return send_back(
        db,
        case_id=case.id,
        staff=person(),
        version=wanted.version,
        reason=wanted.reason,
        now=moment(),
    )


def _step(number: str, act: Callable[[Session, Case], Outcome]) -> Response:
    """Do one step in one transaction and answer with the case as it is then."""
    with room().database.writing() as db:
        outcome = act(db, find_case(db, number=number, staff=person()))
        return _detail(db, outcome.case)


def _detail(db: Session, case: Case) -> Response:
    file = open_casefile(db, case=case, today=today(), calendar=room().calendar)
    row = row_of(db, case=case, today=today(), calendar=room().calendar)
    return as_json(
        case_detail(
            db,
            file=file,
            row=row,
            staff=person(),
            today=today(),
            calendar=room().calendar,
            locale="en" if request_locale() == "en" else "zh",
        )
    )


def _tab() -> Tab:
    text = request.args.get("tab", Tab.UNIT)
    if text not in set(Tab):
        raise InvalidInput(
            "value-invalid",
            Words(f"没有“{text[:40]}”这个分类。", f"There is no tab “{text[:40]}”."),
            field="tab",
        )
    return Tab(text)

"""Legal holds: the list of those that stand, setting one and ending one, by page and by API."""

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request
from flask import url_for as address_of
from werkzeug.wrappers import Response as WerkzeugResponse

from intake.bodies import as_json, read_body
from intake.doorway import Entry, enters
from review_ui.evidence.holds import hold, release, standing_holds
from review_ui.presenting import say
from review_ui.room import moment, person, room
from schemas.errors import Conflict, InvalidInput, NotFound, SuishoupaiError
from schemas.tables import LegalHold, Staff
from schemas.wire.evidence import HoldAnswer, HoldList, HoldRequest
from schemas.wire.openapi import Answered, Described, Given, describes
from schemas.wire.problems import status_of
from schemas.words import Words

holds = Blueprint("holds", __name__, url_prefix="/holds")
holds_api = Blueprint("holds_api", __name__, url_prefix="/api/v1")

_NUMBER = Given("number", "path", "the case's number, such as AJ20261121-7KQ4MX-3")
_AWAY = {401: "token-unknown", 503: "database-away"}
_REFUSALS = {
    400: "body-unreadable",
    **_AWAY,
    404: "not-found",
    413: "too-large",
    415: "content-type-unsupported",
    422: "reason-missing, field-unknown, field-missing, value-invalid",
}
_UNKNOWN = InvalidInput(
    "number-unknown",
    Words(
        "您的辖区内没有这个案件，请核对案号。",
        "There is no such case in your area: check its number.",
    ),
    field="number",
)


@holds.get("")
@enters(Entry.HOLD_CASES)
def show_holds() -> str:
    """Show the holds that stand, and the form for another."""
    return _page(number=request.args.get("case", "").replace("\0", "").strip()[:40])


@holds.post("")
@enters(Entry.HOLD_CASES)
def set_hold() -> WerkzeugResponse:
    """Put a hold on a case."""
    number, reason = request.form.get("number", ""), request.form.get("reason", "")
    try:
        with room().database.writing() as db:
            hold(db, number=number, reason=reason, staff=person())
    except NotFound:
        # It was typed into a form: foreign and mistyped ones are told alike, in its words.
        return _refused(_UNKNOWN, number=number, reason=reason)
    except (InvalidInput, Conflict) as error:
        return _refused(error, number=number, reason=reason)
    return _back(Words("已要求保留。", "The case is held from now on."))


@holds.post("/<number>/release")
@enters(Entry.RELEASE_CASES)
def end_hold(number: str) -> WerkzeugResponse:
    """End the hold on a case."""
    reason = request.form.get("reason", "")
    try:
        with room().database.writing() as db:
            release(db, number=number, reason=reason, staff=person(), now=moment())
    except (InvalidInput, Conflict) as error:
        return _refused(error, ending=number)
    return _back(Words("已解除保留。", "The hold is ended."))


@holds_api.get("/holds")
@enters(Entry.HOLD_CASES)
@describes(
    Described(
        summary="The legal holds that stand in the caller's tree, at most the latest 500",
        answer=Answered(200, "The holds, the latest first", HoldList),
        refusals={**_AWAY, 404: "not-found"},
        security=("staff",),
    )
)
def list_holds() -> Response:
    """List the holds that stand."""
    with room().database.reading() as db:
        found = standing_holds(db, staff=person())
    items = [_answer(each.hold, each.case.number, each.by) for each in found]
    return as_json(HoldList(items=items))


@holds_api.post("/cases/<number>/hold")
@enters(Entry.HOLD_CASES)
@describes(
    Described(
        summary="Put a legal hold on a case: its reporters' sealed data is kept; audited",
        body=HoldRequest,
        given=(_NUMBER,),
        answer=Answered(200, "The hold", HoldAnswer),
        refusals={**_REFUSALS, 409: "case-held"},
        security=("staff",),
    )
)
def set_hold_by_program(number: str) -> Response:
    """Put a hold on a case."""
    wanted = read_body(HoldRequest)
    with room().database.writing() as db:
        row = hold(db, number=number, reason=wanted.reason, staff=person())
        return as_json(_answer(row, number, db.get_one(Staff, person().staff_id).name))


@holds_api.post("/cases/<number>/hold/release")
@enters(Entry.RELEASE_CASES)
@describes(
    Described(
        summary="End the legal hold on a case; audited",
        body=HoldRequest,
        given=(_NUMBER,),
        answer=Answered(200, "The hold as it was ended", HoldAnswer),
        refusals={**_REFUSALS, 409: "case-not-held"},
        security=("staff",),
    )
)
def end_hold_by_program(number: str) -> Response:
    """End the hold on a case."""
    wanted = read_body(HoldRequest)
    with room().database.writing() as db:
        row = release(db, number=number, reason=wanted.reason, staff=person(), now=moment())
        holder = db.get_one(Staff, row.held_by).name if row.held_by else None
        return as_json(_answer(row, number, holder))


def _answer(row: LegalHold, number: str, by: str | None) -> HoldAnswer:
    return HoldAnswer(
        number=number,
        reason=row.reason,
        held_at=row.held_at,
        held_by=by,
        released_at=row.released_at,
        release_reason=row.release_reason,
    )


def _back(words: Words) -> WerkzeugResponse:
    flash(say(words))
    return redirect(address_of("holds.show_holds"))


def _refused(error: SuishoupaiError, **facts: str) -> WerkzeugResponse:
    room().metrics.observe_refusal(error.code)
    return make_response(_page(refusal=error, **facts), status_of(error))


def _page(**facts: object) -> str:
    with room().database.reading() as db:
        found = standing_holds(db, staff=person())
    given = {"refusal": None, "number": "", "reason": "", "ending": ""} | facts
    return render_template("holds.html", holds=found, **given)

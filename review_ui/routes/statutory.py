"""Statutory rewards in the room: decided on by one right, paid by another; pages and API."""

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, Response, flash, make_response, redirect, render_template, url_for
from flask import request as asked
from sqlalchemy.orm import Session

from intake.bodies import as_json, read_body
from intake.doorway import Entry, enters, not_found
from review_ui.presenting import say
from review_ui.rewards import statutory as core
from review_ui.rewards.offers import read_day
from review_ui.rewards.statutory import ClaimFile
from review_ui.room import moment, person, room, today
from schemas.access import Right
from schemas.errors import Conflict, InvalidInput, NotAllowed, SuishoupaiError
from schemas.record_fields import PENALTY_KINDS
from schemas.statutory import CLAIM_NAMES, ClaimStatus
from schemas.tables import RewardClaim
from schemas.wire.openapi import Answered, Described, Given, describes
from schemas.wire.points import (
    ClaimAnswer,
    ClaimApproval,
    ClaimList,
    ClaimReason,
    GradeOffer,
    PaymentAnswer,
    PaymentList,
    PaymentRequest,
)
from schemas.wire.problems import status_of
from schemas.words import Words
from schemas.workdays import local_date

statutory = Blueprint("statutory", __name__, url_prefix="/rewards")
statutory_api = Blueprint("statutory_api", __name__, url_prefix="/api/v1/rewards")
Work = Callable[[Session], RewardClaim]

_CLAIM = Given("claim_id", "path", "the application's id", format="uuid")
_AWAY = {401: "token-unknown", 404: "not-found", 503: "database-away"}
_BODY = {400: "body-unreadable", 413: "too-large", 415: "content-type-unsupported"}
_OWN = {403: "own-verification"}
_FIELDS = "field-unknown, field-missing, value-invalid"
_TO_PAY = (ClaimStatus.APPROVED, ClaimStatus.PAID)


@statutory.get("/statutory")
@enters(Entry.DECIDE_STATUTORY)
def list_claims() -> str:
    """Show the applications of the person's trees."""
    return _claims_page()


@statutory.post("/statutory/<uuid:claim_id>/approval")
@enters(Entry.DECIDE_STATUTORY)
def approve(claim_id: UUID) -> Response:
    """Approve an application by a grade."""
    typed = asked.form.get("grade", "")
    grade = int(typed) if typed in ("1", "2", "3") else 0
    return _decided(
        lambda db: core.approve(db, claim_id=claim_id, staff=person(), grade=grade, now=moment()),
        Words("已批准，待发放。", "Approved; it is to be paid."),
    )


@statutory.post("/statutory/<uuid:claim_id>/refusal")
@enters(Entry.DECIDE_STATUTORY)
def refuse(claim_id: UUID) -> Response:
    """Refuse an application."""
    reason = asked.form.get("reason", "")
    return _decided(
        lambda db: core.refuse(db, claim_id=claim_id, staff=person(), reason=reason, now=moment()),
        Words("未批准，骑手能看到理由。", "Refused; the rider reads the reason."),
    )


@statutory.post("/statutory/<uuid:claim_id>/reversal")
@enters(Entry.DECIDE_STATUTORY)
def reverse(claim_id: UUID) -> Response:
    """Reverse an approval that was not paid."""
    reason = asked.form.get("reason", "")
    return _decided(
        lambda db: core.reverse(db, claim_id=claim_id, staff=person(), reason=reason, now=moment()),
        Words("批准已撤销。", "The approval is reversed."),
    )


@statutory.get("/payments")
@enters(Entry.PAY_STATUTORY)
def list_payments() -> str:
    """Show what is to be paid, and what was."""
    return _payments_page()


@statutory.post("/payments/<uuid:claim_id>")
@enters(Entry.PAY_STATUTORY)
def pay(claim_id: UUID) -> Response:
    """Record a payment by its document."""

    def work(db: Session) -> RewardClaim:
        return core.pay(
            db,
            claim_id=claim_id,
            staff=person(),
            document_number=asked.form.get("document_number", ""),
            paid_on=read_day(asked.form.get("paid_on", ""), "paid_on"),
            now=moment(),
        )

    words = Words("发放已登记。", "The payment is recorded.")
    return _done(work, words, "statutory.list_payments", _payments_page)


@statutory_api.get("/claims")
@enters(Entry.DECIDE_STATUTORY)
@describes(
    Described(
        summary="Applications for statutory rewards in one's own area, where they are switched on",
        answer=Answered(200, "The applications, the oldest first", ClaimList),
        refusals=_AWAY,
        security=("staff",),
    )
)
def list_claims_for_program() -> Response:
    """List the applications."""
    return as_json(ClaimList(items=[_claim(each) for each in _files(Right.DECIDE_STATUTORY)]))


@statutory_api.post("/claims/<uuid:claim_id>/approval")
@enters(Entry.DECIDE_STATUTORY)
@describes(
    Described(
        summary="Approve an application by a grade of its rule",
        body=ClaimApproval,
        given=(_CLAIM,),
        answer=Answered(200, "The application as it is now", ClaimAnswer),
        refusals={
            **_AWAY,
            **_BODY,
            **_OWN,
            409: "claim-decided, case-under-review",
            422: f"grade-unknown, {_FIELDS}",
        },
        security=("staff",),
    )
)
def approve_by_program(claim_id: UUID) -> Response:
    """Approve an application."""
    grade = read_body(ClaimApproval).grade
    return _claim_answer(
        lambda db: core.approve(db, claim_id=claim_id, staff=person(), grade=grade, now=moment())
    )


@statutory_api.post("/claims/<uuid:claim_id>/refusal")
@enters(Entry.DECIDE_STATUTORY)
@describes(
    Described(
        summary="Refuse an application, with a reason that the rider reads",
        body=ClaimReason,
        given=(_CLAIM,),
        answer=Answered(200, "The application as it is now", ClaimAnswer),
        refusals={
            **_AWAY,
            **_BODY,
            **_OWN,
            409: "claim-decided",
            422: f"reason-missing, {_FIELDS}",
        },
        security=("staff",),
    )
)
def refuse_by_program(claim_id: UUID) -> Response:
    """Refuse an application."""
    reason = read_body(ClaimReason).reason
    return _claim_answer(
        lambda db: core.refuse(db, claim_id=claim_id, staff=person(), reason=reason, now=moment())
    )


@statutory_api.post("/claims/<uuid:claim_id>/reversal")
@enters(Entry.DECIDE_STATUTORY)
@describes(
    Described(
        summary="Reverse an approval that was not paid, by its counter-entry",
        body=ClaimReason,
        given=(_CLAIM,),
        answer=Answered(200, "The application as it is now", ClaimAnswer),
        refusals={
            **_AWAY,
            **_BODY,
            **_OWN,
            409: "claim-decided",
            422: f"reason-missing, {_FIELDS}",
        },
        security=("staff",),
    )
)
def reverse_by_program(claim_id: UUID) -> Response:
    """Reverse an approval."""
    reason = read_body(ClaimReason).reason
    return _claim_answer(
        lambda db: core.reverse(db, claim_id=claim_id, staff=person(), reason=reason, now=moment())
    )


@statutory_api.get("/payments")
@enters(Entry.PAY_STATUTORY)
@describes(
    Described(
        summary="Statutory rewards of one's own area that are to be paid, and those that were",
        answer=Answered(200, "The rewards, the oldest first", PaymentList),
        refusals=_AWAY,
        security=("staff",),
    )
)
def list_payments_for_program() -> Response:
    """List the payments."""
    files = _files(Right.PAY_STATUTORY, _TO_PAY)
    return as_json(PaymentList(items=[_payment(each) for each in files]))


@statutory_api.post("/payments/<uuid:claim_id>")
@enters(Entry.PAY_STATUTORY)
@describes(
    Described(
        summary="Record a payment by the number of its document",
        body=PaymentRequest,
        given=(_CLAIM,),
        answer=Answered(200, "The reward as it is now", PaymentAnswer),
        refusals={
            **_AWAY,
            **_BODY,
            403: "own-approval",
            409: "claim-decided, case-under-review",
            422: f"document-number-missing, payment-day-invalid, {_FIELDS}",
        },
        security=("staff",),
    )
)
def pay_by_program(claim_id: UUID) -> Response:
    """Record a payment."""
    wanted = read_body(PaymentRequest)
    _require_on()
    with room().database.writing() as db:
        claim = core.pay(
            db,
            claim_id=claim_id,
            staff=person(),
            document_number=wanted.document_number,
            paid_on=wanted.paid_on,
            now=moment(),
        )
        return as_json(_payment(core.file_of(db, claim=claim)))


def _require_on() -> None:
    if not room().settings.statutory_rewards:
        raise not_found()


def _files(right: Right, statuses: tuple[ClaimStatus, ...] = tuple(ClaimStatus)) -> list[ClaimFile]:
    _require_on()
    with room().database.reading() as db:
        return core.claims_within(db, staff=person(), right=right, statuses=statuses)


def _decided(work: Work, words: Words) -> Response:
    return _done(work, words, "statutory.list_claims", _claims_page)


def _done(work: Work, words: Words, back: str, page: Callable[..., str]) -> Response:
    _require_on()
    try:
        with room().database.writing() as db:
            work(db)
    except (InvalidInput, Conflict, NotAllowed) as error:
        room().metrics.observe_refusal(error.code)
        return make_response(page(refusal=error), status_of(error))
    flash(say(words))
    return make_response(redirect(url_for(back), 303))


def _claims_page(*, refusal: SuishoupaiError | None = None) -> str:
    files = _files(Right.DECIDE_STATUTORY)
    return render_template(
        "statutory.html",
        files=files,
        names=CLAIM_NAMES,
        kinds=PENALTY_KINDS,
        refusal=refusal,
    )


def _payments_page(*, refusal: SuishoupaiError | None = None) -> str:
    return render_template(
        "payments.html",
        files=_files(Right.PAY_STATUTORY, _TO_PAY),
        today=today(),
        refusal=refusal,
    )


def _claim_answer(work: Work) -> Response:
    _require_on()
    with room().database.writing() as db:
        return as_json(_claim(core.file_of(db, claim=work(db))))


def _claim(file: ClaimFile) -> ClaimAnswer:
    claim = file.claim
    return ClaimAnswer(
        id=claim.id,
        account=file.account,
        unit=file.unit,
        status=claim.status,
        rule=claim.rule,
        categories=list(file.categories),
        penalty_kinds=list(file.penalty_kinds),
        base_fen=claim.base_fen,
        offers=[GradeOffer(grade=each, amount_fen=fen) for each, fen in file.offers.items()],
        applied_on=local_date(claim.applied_at),
        grade=claim.grade,
        amount_fen=claim.amount_fen,
        reason=claim.reason,
    )


def _payment(file: ClaimFile) -> PaymentAnswer:
    claim = file.claim
    return PaymentAnswer(
        id=claim.id,
        account=file.account,
        unit=file.unit,
        status=claim.status,
        amount_fen=claim.amount_fen or 0,
        approved_on=local_date(claim.decided_at or claim.applied_at),
        document_number=claim.document_number,
        paid_on=claim.paid_on,
    )

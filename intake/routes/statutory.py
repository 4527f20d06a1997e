"""Statutory rewards at the rider's door: what can be applied for, and what became of it."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from intake.bodies import as_json, read_body
from intake.door import present_door
from intake.doorway import Entry, enters, not_found, request_locale
from intake.identity import entrance
from intake.rewards import statutory as core
from intake.routes.riders_api import BODY_CODES, BODY_REFUSALS, RIDER, WHO_REFUSALS, WRITE_REFUSALS
from intake.routes.signing import MAX_FORM_BYTES
from schemas.database import now_utc
from schemas.errors import SuishoupaiError
from schemas.statutory import CLAIM_NAMES, RULES, ClaimStatus
from schemas.wire.openapi import Answered, Described, describes
from schemas.wire.points import RewardChance, RewardLine, RewardStatement, RewardWanted
from schemas.workdays import local_date

statutory = Blueprint("statutory", __name__)
statutory_api = Blueprint("statutory_api", __name__, url_prefix="/api/v1/me")
entrance.guard_forms(statutory, max_bytes=MAX_FORM_BYTES)

_OFF = {404: "not-found"}


@statutory.get("/points/rewards")
@enters(Entry.RIDER)
def show_rewards() -> str:
    """Show what the rider can apply for, and what became of it."""
    return _page()


@statutory.post("/points/rewards")
@enters(Entry.RIDER)
def apply_on_page() -> Response:
    """Apply for the reward of a report."""
    _apply(request.form.get("report_number", "")[:40])
    return redirect(url_for("statutory.show_rewards"), 303)


@statutory_api.get("/rewards")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="The rider's statutory rewards, where the operator has them switched on",
        answer=Answered(200, "What can be applied for, and the applications", RewardStatement),
        refusals=WHO_REFUSALS | _OFF,
        security=RIDER,
    )
)
def tell_rewards() -> Response:
    """Tell the rider's statutory rewards."""
    return as_json(_statement())


@statutory_api.post("/rewards")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="Apply for the reward of a report; a second time changes nothing",
        body=RewardWanted,
        answer=Answered(200, "The rider's statutory rewards as they are now", RewardStatement),
        refusals=BODY_REFUSALS
        | WRITE_REFUSALS
        | {404: "reward-unknown, not-found", 409: "reward-too-late", 422: BODY_CODES},
        security=RIDER,
    )
)
def apply_by_program() -> Response:
    """Apply for the reward of a report."""
    _apply(read_body(RewardWanted).report_number)
    return as_json(_statement())


def page_for(error: SuishoupaiError) -> str | None:
    """Return a refusal of these pages as a page."""
    is_ours = request.endpoint == "statutory.apply_on_page" and error.code.startswith("reward-")
    return _page(error=error) if is_ours else None


def _apply(report_number: str) -> None:
    _require_on()
    rider_id = entrance.rider_of_request()
    present_door().commit(
        lambda session: core.apply_for(
            session, rider_id=rider_id, report_number=report_number.strip(), now=now_utc()
        )
    )


def _require_on() -> None:
    if not present_door().settings.statutory_rewards:
        raise not_found()


def _statement() -> RewardStatement:
    _require_on()
    rider_id, locale, today = entrance.rider_of_request(), request_locale(), local_date(now_utc())
    with present_door().database.reading() as session:
        chances = core.chances_of(session, rider_id=rider_id)
        claims = core.claims_of(session, rider_id=rider_id)
    return RewardStatement(
        chances=[
            RewardChance(
                report_number=each.report_number, until=each.until, is_over=each.until < today
            )
            for each in chances
        ],
        claims=[
            RewardLine(
                report_number=number,
                status=claim.status,
                text=CLAIM_NAMES[ClaimStatus(claim.status)].say(locale),
                applied_on=local_date(claim.applied_at),
                amount_fen=claim.amount_fen,
                reason=claim.reason,
                paid_on=claim.paid_on,
            )
            for claim, number in claims
        ],
    )


def _page(*, error: SuishoupaiError | None = None) -> str:
    return render_template("rewards.html", statement=_statement(), rule=RULES[-1], error=error)

"""The reward officer's pages: awards to decide on, an account's ledger, tasks of supervisors."""

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from intake.doorway import Entry, enters
from review_ui.access.forms_of_staff import read_unit
from review_ui.access.scope import units_within
from review_ui.presenting import say
from review_ui.rewards import decisions
from review_ui.rewards.awards import find_award, page_of_awards, read_account, read_award
from review_ui.rewards.honours import honours, periods_of, read_period
from review_ui.rewards.thanks import FEWEST, MOST, rolls_within
from review_ui.room import moment, person, room, today
from schemas.access import Right
from schemas.errors import Conflict, InvalidInput, NotAllowed, SuishoupaiError
from schemas.points import (
    EXCLUSIONS,
    INELIGIBLE,
    RULE_NAMES,
    RULE_TERMS,
    STATUS_NAMES,
    AwardStatus,
    edition_on,
)
from schemas.tables import PointAward
from schemas.wire.problems import status_of
from schemas.words import Words

rewards = Blueprint("rewards", __name__, url_prefix="/rewards")
Decide = Callable[[Session, PointAward], object]


@rewards.get("")
@enters(Entry.MANAGE_REWARDS)
def list_awards() -> str:
    """List awards: those that wait for a decision first."""
    return _list_page()


@rewards.post("/tasks")
@enters(Entry.MANAGE_REWARDS)
def award_task() -> Response:
    """Award a supervisor's task; another officer approves it."""
    try:
        with room().database.writing() as db:
            unit = read_unit(db, request.form, paths=_paths())
            made = decisions.award_task(
                db,
                pseudonym=request.form.get("account", ""),
                task=request.form.get("task", ""),
                unit_id=unit.id,
                staff_id=person().staff_id,
                now=moment(),
            )
    except (InvalidInput, Conflict) as error:
        room().metrics.observe_refusal(error.code)
        return make_response(_list_page(refusal=error), status_of(error))
    flash(say(Words("已记一笔，等另一名奖励专员审核。", "Awarded; a colleague has to approve it.")))
    return redirect(url_for("rewards.show_award", award_id=made.id), 303)


@rewards.get("/<uuid:award_id>")
@enters(Entry.MANAGE_REWARDS)
def show_award(award_id: UUID) -> str:
    """Show one award with who qualifies."""
    return _award_page(award_id)


@rewards.post("/<uuid:award_id>/approval")
@enters(Entry.MANAGE_REWARDS)
def approve(award_id: UUID) -> Response:
    """Approve an award."""

    def decide(db: Session, award: PointAward) -> object:
        return decisions.approve(db, award_id=award.id, staff_id=person().staff_id, now=moment())

    return _decided(award_id, decide, Words("已审核通过。", "Approved."))


@rewards.post("/<uuid:award_id>/end")
@enters(Entry.MANAGE_REWARDS)
def end(award_id: UUID) -> Response:
    """Refuse or reverse an award."""

    def decide(db: Session, award: PointAward) -> object:
        return decisions.end_award(
            db,
            award_id=award.id,
            staff_id=person().staff_id,
            code=request.form.get("code", ""),
            reason=request.form.get("reason", ""),
            bar_rider=request.form.get("bar_rider") == "1",
            now=moment(),
        )

    return _decided(
        award_id,
        decide,
        Words(
            "已冲回。如另有符合条件的举报，已按规则转记。",
            "Reversed. Where another report qualifies, it was awarded by the rules.",
        ),
    )


@rewards.post("/<uuid:award_id>/restoration")
@enters(Entry.MANAGE_REWARDS)
def restore(award_id: UUID) -> Response:
    """Let a tip earn points again."""

    def decide(db: Session, award: PointAward) -> object:
        return decisions.restore(db, award_id=award.id, staff_id=person().staff_id, now=moment())

    return _decided(
        award_id,
        decide,
        Words("已恢复资格，并按规则重新记分。", "It may earn again and was awarded by the rules."),
    )


@rewards.get("/accounts/<pseudonym>")
@enters(Entry.MANAGE_REWARDS)
def show_account(pseudonym: str) -> str:
    """Show the ledger of one account."""
    with room().database.reading() as db:
        account = read_account(db, pseudonym=pseudonym.replace("\0", ""), staff=person())
    return render_template("rewards_account.html", account=account)


@rewards.get("/honours")
@enters(Entry.MANAGE_REWARDS)
def show_honours() -> str:
    """Show who earned most in a period."""
    return honours_page()


def honours_page(*, refusal: SuishoupaiError | None = None) -> str:
    """Return the page of honours: who earned most, and what was published of it."""
    running = periods_of(today())
    # What a form wanted and could not have is refused, and its page is that of today.
    period = read_period((not refusal and request.args.get("period", "")) or running[0])
    with room().database.reading() as db:
        rows = honours(db, staff=person(), period=period)
        rolls = rolls_within(db, staff=person())
        units = units_within(db, paths=_paths())
    return render_template(
        "honours.html",
        period=period,
        periods=running,
        rows=rows,
        rolls=rolls,
        units=units,
        fewest=FEWEST,
        most=MOST,
        address=f"{room().settings.rider_address}/honours",
        typed=request.form,
        refusal=refusal,
    )


def read_status() -> AwardStatus | None:
    """Return which awards the query asks for; None for all of them."""
    wanted = request.args.get("status", AwardStatus.PENDING.value)
    return AwardStatus(wanted) if wanted in set(AwardStatus) else None


def read_after() -> UUID | None:
    """Return where the query's page begins; what is no id begins at the first."""
    try:
        return UUID(request.args.get("after", ""))
    except ValueError:
        return None


def _decided(award_id: UUID, decide: Decide, words: Words) -> Response:
    try:
        with room().database.writing() as db:
            decide(db, find_award(db, award_id=award_id, staff=person()))
    except (InvalidInput, Conflict, NotAllowed) as error:
        room().metrics.observe_refusal(error.code)
        return make_response(_award_page(award_id, refusal=error), status_of(error))
    flash(say(words))
    return redirect(url_for("rewards.show_award", award_id=award_id), 303)


def _award_page(award_id: UUID, *, refusal: SuishoupaiError | None = None) -> str:
    with room().database.reading() as db:
        file = read_award(db, award_id=award_id, staff=person())
    return render_template(
        "reward.html", file=file, exclusions=EXCLUSIONS, typed=request.form, refusal=refusal
    )


def _list_page(*, refusal: SuishoupaiError | None = None) -> str:
    status = read_status()
    with room().database.reading() as db:
        page = page_of_awards(db, staff=person(), status=status, after=read_after())
        units = units_within(db, paths=_paths())
    return render_template(
        "rewards.html",
        page=page,
        status=status,
        statuses=STATUS_NAMES,
        is_first=not request.args.get("after"),
        edition=edition_on(today()),
        automatic_days=room().settings.points_automatic_days,
        rule_names=RULE_NAMES,
        rule_terms=RULE_TERMS,
        ineligible=INELIGIBLE,
        units=units,
        typed=request.form,
        refusal=refusal,
    )


def _paths() -> tuple[str, ...]:
    return person().paths(Right.MANAGE_REWARDS)

"""Supplies for outstanding riders, and lists of honour published: pages and API."""

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, Response, flash, make_response, redirect, render_template, url_for
from flask import request as asked
from sqlalchemy.orm import Session

from intake.bodies import as_json, read_body
from intake.doorway import Entry, enters
from review_ui.access.scope import unit_by_text, units_within
from review_ui.presenting import say
from review_ui.rewards import thanks as core
from review_ui.rewards.offers import read_day, read_number
from review_ui.rewards.thanks import Gift
from review_ui.room import moment, person, room, today
from review_ui.routes.rewards import honours_page
from schemas.access import Right
from schemas.errors import Conflict, InvalidInput, NotFound, SuishoupaiError
from schemas.tables import HonourRoll, PointAccount, Supply, Unit
from schemas.wire.openapi import Answered, Described, Given, describes
from schemas.wire.points import (
    CancelRequest,
    RollAnswer,
    RollList,
    RollRequest,
    SupplyAnswer,
    SupplyList,
    SupplyRequest,
)
from schemas.wire.problems import status_of
from schemas.words import Words
from schemas.workdays import local_date

thanks = Blueprint("thanks", __name__, url_prefix="/rewards")
thanks_api = Blueprint("thanks_api", __name__, url_prefix="/api/v1/rewards")

_SUPPLY = Given("supply_id", "path", "the record's id", format="uuid")
_ROLL = Given("roll_id", "path", "the list's id", format="uuid")
_AWAY = {401: "token-unknown", 404: "not-found", 503: "database-away"}
_BODY = {400: "body-unreadable", 413: "too-large", 415: "content-type-unsupported"}
_FIELDS = "unit-unknown, unit-ambiguous, field-unknown, field-missing, value-invalid"
_REFUSED = (InvalidInput, Conflict)


@thanks.get("/supplies")
@enters(Entry.MANAGE_REWARDS)
def list_supplies() -> str:
    """Show what was given in the person's trees."""
    return _supplies_page()


@thanks.post("/supplies")
@enters(Entry.MANAGE_REWARDS)
def give() -> Response:
    """Record supplies that were given."""

    def work(db: Session) -> object:
        form = asked.form
        gift = Gift(
            account=form.get("account", "").strip().upper().replace("\0", ""),
            unit_id=_unit(db, form.get("unit", "")).id,
            title=form.get("title", ""),
            quantity=read_number(form.get("quantity", ""), "quantity"),
            occasion=form.get("occasion", ""),
            given_on=read_day(form.get("given_on", ""), "given_on"),
        )
        try:
            return core.give(db, staff=person(), gift=gift, now=moment())
        except NotFound:
            # Somebody typed it: the page stays, with what else was typed.
            raise InvalidInput(
                "account-unknown",
                Words("您管辖内没有这个积分户。", "There is no such account in your area."),
                field="account",
            ) from None

    return _done(work, Words("已登记。", "It is recorded."), "thanks.list_supplies", _supplies_page)


@thanks.post("/supplies/<uuid:supply_id>/cancel")
@enters(Entry.MANAGE_REWARDS)
def cancel(supply_id: UUID) -> Response:
    """Cancel a record that was a mistake."""
    return _done(
        lambda db: core.cancel(
            db, supply_id=supply_id, staff=person(), reason=asked.form.get("reason", ""),
            now=moment(),
        ),
        Words("已作废。", "It is cancelled."),
        "thanks.list_supplies",
        _supplies_page,
    )  # fmt: skip


@thanks.post("/honours/published")
@enters(Entry.MANAGE_REWARDS)
def publish() -> Response:
    """Publish a list of honour."""
    return _done(
        lambda db: core.publish(
            db,
            staff=person(),
            unit=_unit(db, asked.form.get("unit", "")),
            period=asked.form.get("period", ""),
            size=read_number(asked.form.get("size", ""), "size"),
            now=moment(),
        ),
        Words("光荣榜已公布。", "The list is public."),
        "rewards.show_honours",
        honours_page,
    )


@thanks.post("/honours/<uuid:roll_id>/end")
@enters(Entry.MANAGE_REWARDS)
def take_down(roll_id: UUID) -> Response:
    """Take a list down."""
    return _done(
        lambda db: core.take_down(db, roll_id=roll_id, staff=person(), now=moment()),
        Words("已撤下。", "It is taken down."),
        "rewards.show_honours",
        honours_page,
    )


@thanks_api.get("/supplies")
@enters(Entry.MANAGE_REWARDS)
@describes(
    Described(
        summary="Supplies given to outstanding riders in one's own area",
        answer=Answered(200, "The records, the last first", SupplyList),
        refusals=_AWAY,
        security=("staff",),
    )
)
def list_supplies_for_program() -> Response:
    """List the supplies."""
    with room().database.reading() as db:
        rows = core.supplies_within(db, staff=person())
        return as_json(SupplyList(items=[_supply(*row) for row in rows]))


@thanks_api.post("/supplies")
@enters(Entry.MANAGE_REWARDS)
@describes(
    Described(
        summary="Record supplies that were given",
        body=SupplyRequest,
        answer=Answered(201, "The record", SupplyAnswer),
        refusals={
            **_AWAY,
            **_BODY,
            422: f"supply-title-missing, supply-number-invalid, supply-day-invalid, {_FIELDS}",
        },
        security=("staff",),
    )
)
def give_by_program() -> Response:
    """Record supplies."""
    wanted = read_body(SupplyRequest)

    def work(db: Session) -> Supply:
        gift = Gift(
            account=wanted.account.replace("\0", ""),
            unit_id=_unit(db, wanted.unit).id,
            title=wanted.title,
            quantity=wanted.quantity,
            occasion=wanted.occasion,
            given_on=wanted.given_on,
        )
        return core.give(db, staff=person(), gift=gift, now=moment())

    return _supply_answer(work, 201)


@thanks_api.post("/supplies/<uuid:supply_id>/cancel")
@enters(Entry.MANAGE_REWARDS)
@describes(
    Described(
        summary="Cancel a record that was a mistake",
        body=CancelRequest,
        given=(_SUPPLY,),
        answer=Answered(200, "The record as it is now", SupplyAnswer),
        refusals={
            **_AWAY,
            **_BODY,
            409: "supply-cancelled",
            422: f"reason-missing, {_FIELDS}",
        },
        security=("staff",),
    )
)
def cancel_by_program(supply_id: UUID) -> Response:
    """Cancel a record."""
    reason = read_body(CancelRequest).reason
    return _supply_answer(
        lambda db: core.cancel(db, supply_id=supply_id, staff=person(), reason=reason, now=moment())
    )


@thanks_api.get("/rolls")
@enters(Entry.MANAGE_REWARDS)
@describes(
    Described(
        summary="The published lists of honour of one's own area",
        answer=Answered(200, "The newest first", RollList),
        refusals=_AWAY,
        security=("staff",),
    )
)
def list_rolls() -> Response:
    """List the published lists."""
    with room().database.reading() as db:
        rows = core.rolls_within(db, staff=person())
        return as_json(RollList(items=[_roll(*row) for row in rows]))


@thanks_api.post("/rolls")
@enters(Entry.MANAGE_REWARDS)
@describes(
    Described(
        summary="Publish the list of honour of a unit's tree for a period that is over",
        body=RollRequest,
        answer=Answered(201, "The list", RollAnswer),
        refusals={
            **_AWAY,
            **_BODY,
            409: "honours-too-few, honours-published",
            422: f"period-invalid, period-not-over, honours-size-invalid, {_FIELDS}",
        },
        security=("staff",),
    )
)
def publish_by_program() -> Response:
    """Publish a list."""
    wanted = read_body(RollRequest)
    return _roll_answer(
        lambda db: core.publish(
            db,
            staff=person(),
            unit=_unit(db, wanted.unit),
            period=wanted.period,
            size=wanted.size,
            now=moment(),
        ),
        201,
    )


@thanks_api.post("/rolls/<uuid:roll_id>/end")
@enters(Entry.MANAGE_REWARDS)
@describes(
    Described(
        summary="Take a list down",
        given=(_ROLL,),
        answer=Answered(200, "The list as it is now", RollAnswer),
        refusals={**_AWAY, 409: "honours-ended"},
        security=("staff",),
    )
)
def take_down_by_program(roll_id: UUID) -> Response:
    """Take a list down."""
    return _roll_answer(
        lambda db: core.take_down(db, roll_id=roll_id, staff=person(), now=moment())
    )


def _unit(db: Session, text: str) -> Unit:
    return unit_by_text(db, paths=_paths(), text=text.replace("\0", ""))


def _paths() -> tuple[str, ...]:
    return person().paths(Right.MANAGE_REWARDS)


def _done(
    work: Callable[[Session], object],
    words: Words,
    back: str,
    page: Callable[..., str],
) -> Response:
    try:
        with room().database.writing() as db:
            work(db)
    except _REFUSED as error:
        room().metrics.observe_refusal(error.code)
        return make_response(page(refusal=error), status_of(error))
    flash(say(words))
    return make_response(redirect(url_for(back), 303))


def _supplies_page(*, refusal: SuishoupaiError | None = None) -> str:
    with room().database.reading() as db:
        rows = core.supplies_within(db, staff=person())
        units = units_within(db, paths=_paths())
    return render_template(
        "supplies.html",
        rows=rows,
        units=units,
        today=today(),
        account=asked.form.get("account", "") or asked.args.get("account", "")[:20],
        typed=asked.form,
        refusal=refusal,
    )


def _supply_answer(work: Callable[[Session], Supply], status: int = 200) -> Response:
    with room().database.writing() as db:
        supply = work(db)
        account = db.get_one(PointAccount, supply.account_id).pseudonym or ""
        return as_json(_supply(supply, account, db.get_one(Unit, supply.unit_id).name), status)


def _supply(supply: Supply, account: str, unit: str) -> SupplyAnswer:
    return SupplyAnswer(
        id=supply.id,
        account=account,
        unit=unit,
        title=supply.title,
        quantity=supply.quantity,
        occasion=supply.occasion,
        given_on=supply.given_on,
        cancelled=supply.cancelled_at is not None,
        reason=supply.reason,
    )


def _roll_answer(work: Callable[[Session], HonourRoll], status: int = 200) -> Response:
    with room().database.writing() as db:
        roll = work(db)
        return as_json(_roll(roll, db.get_one(Unit, roll.unit_id).name), status)


def _roll(roll: HonourRoll, unit: str) -> RollAnswer:
    return RollAnswer(
        id=roll.id,
        unit=unit,
        period=roll.period,
        published_on=local_date(roll.made_at),
        ended=roll.ended_at is not None,
    )

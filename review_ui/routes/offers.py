"""The offers of the points mall, on a page and over the API."""

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, Response, flash, make_response, redirect, render_template, url_for
from flask import request as asked
from sqlalchemy.orm import Session

from intake.bodies import as_json, read_body
from intake.doorway import Entry, enters
from intake.rewards.mall import offer_fields
from review_ui.access.scope import unit_by_text, units_within
from review_ui.presenting import say
from review_ui.rewards import offers as core
from review_ui.rewards.offers import Wish, read_day, read_number
from review_ui.room import moment, person, room, today
from schemas.access import Right
from schemas.errors import Conflict, InvalidInput, SuishoupaiError
from schemas.tables import PointOffer, Station, Unit
from schemas.wire.openapi import Answered, Described, Given, describes
from schemas.wire.points import OfferRequest, StaffOffer, StaffOfferList, StockRequest
from schemas.wire.problems import status_of
from schemas.words import Words

offers = Blueprint("offers", __name__, url_prefix="/rewards/offers")
offers_api = Blueprint("offers_api", __name__, url_prefix="/api/v1/rewards/offers")
Work = Callable[[Session], PointOffer]

_OFFER = Given("offer_id", "path", "the offer's id", format="uuid")
_AWAY = {401: "token-unknown", 404: "not-found", 503: "database-away"}
_BODY = {400: "body-unreadable", 413: "too-large", 415: "content-type-unsupported"}
_FIELDS = "field-unknown, field-missing, value-invalid"


@offers.get("")
@enters(Entry.MANAGE_REWARDS)
def list_offers() -> str:
    """Show the offers of the person's trees."""
    return _page()


@offers.post("")
@enters(Entry.MANAGE_REWARDS)
def make_offer() -> Response:
    """Make an offer."""

    def work(db: Session) -> PointOffer:
        form = asked.form
        wish = Wish(
            station=form.get("station", ""),
            unit_id=unit_by_text(db, paths=_paths(), text=form.get("unit", "")).id,
            title=form.get("title", ""),
            terms=form.get("terms", ""),
            price_points=read_number(form.get("points", ""), "points"),
            stock=read_number(form.get("stock", ""), "stock"),
            starts_on=read_day(form.get("starts_on", ""), "starts_on"),
            ends_on=read_day(form.get("ends_on", ""), "ends_on"),
            hold_days=read_number(form.get("collect_within_days", ""), "collect_within_days"),
        )
        return core.make_offer(db, staff=person(), wish=wish, now=moment())

    return _done(work, Words("已上架。", "The offer is made."))


@offers.post("/<uuid:offer_id>/stock")
@enters(Entry.MANAGE_REWARDS)
def restock(offer_id: UUID) -> Response:
    """Say how many there are."""
    return _done(
        lambda db: core.restock(
            db, offer_id=offer_id, staff=person(),
            stock=read_number(asked.form.get("stock", ""), "stock"),
        ),
        Words("库存已更新。", "The stock is updated."),
    )  # fmt: skip


@offers.post("/<uuid:offer_id>/end")
@enters(Entry.MANAGE_REWARDS)
def end_offer(offer_id: UUID) -> Response:
    """End an offer."""
    return _done(
        lambda db: core.end_offer(db, offer_id=offer_id, staff=person(), now=moment()),
        Words("已下架；已经兑换的仍可领取。", "Ended; what was taken can still be collected."),
    )


@offers_api.get("")
@enters(Entry.MANAGE_REWARDS)
@describes(
    Described(
        summary="The offers of one's own area",
        answer=Answered(200, "The offers, the newest first", StaffOfferList),
        refusals=_AWAY,
        security=("staff",),
    )
)
def list_for_program() -> Response:
    """List the offers."""
    with room().database.reading() as db:
        rows = core.offers_of(db, staff=person())
    return as_json(StaffOfferList(items=[_answer(*row) for row in rows]))


@offers_api.post("")
@enters(Entry.MANAGE_REWARDS)
@describes(
    Described(
        summary="Make an offer of a station",
        body=OfferRequest,
        answer=Answered(201, "The offer", StaffOffer),
        refusals={
            **_AWAY,
            **_BODY,
            422: "station-unknown, unit-unknown, unit-ambiguous, offer-title-missing, "
            f"offer-number-invalid, offer-days-invalid, {_FIELDS}",
        },
        security=("staff",),
    )
)
def make_by_program() -> Response:
    """Make an offer."""
    wanted = read_body(OfferRequest)

    def work(db: Session) -> PointOffer:
        wish = Wish(
            station=wanted.station,
            unit_id=unit_by_text(db, paths=_paths(), text=wanted.unit.replace("\0", "")).id,
            title=wanted.title,
            terms=wanted.terms,
            price_points=wanted.points,
            stock=wanted.stock,
            starts_on=wanted.starts_on,
            ends_on=wanted.ends_on,
            hold_days=wanted.collect_within_days,
        )
        return core.make_offer(db, staff=person(), wish=wish, now=moment())

    return _answered(work, 201)


@offers_api.post("/<uuid:offer_id>/stock")
@enters(Entry.MANAGE_REWARDS)
@describes(
    Described(
        summary="Say how many pieces there are in all, those that were taken included",
        body=StockRequest,
        given=(_OFFER,),
        answer=Answered(200, "The offer as it is now", StaffOffer),
        refusals={**_AWAY, **_BODY, 409: "offer-ended", 422: f"offer-number-invalid, {_FIELDS}"},
        security=("staff",),
    )
)
def restock_by_program(offer_id: UUID) -> Response:
    """Say how many there are."""
    wanted = read_body(StockRequest)
    return _answered(
        lambda db: core.restock(db, offer_id=offer_id, staff=person(), stock=wanted.stock)
    )


@offers_api.post("/<uuid:offer_id>/end")
@enters(Entry.MANAGE_REWARDS)
@describes(
    Described(
        summary="End an offer; what is held for riders can still be collected",
        given=(_OFFER,),
        answer=Answered(200, "The offer as it is now", StaffOffer),
        refusals={**_AWAY, 409: "offer-ended"},
        security=("staff",),
    )
)
def end_by_program(offer_id: UUID) -> Response:
    """End an offer."""
    return _answered(lambda db: core.end_offer(db, offer_id=offer_id, staff=person(), now=moment()))


def _paths() -> tuple[str, ...]:
    return person().paths(Right.MANAGE_REWARDS)


def _done(work: Work, words: Words) -> Response:
    try:
        with room().database.writing() as db:
            work(db)
    except (InvalidInput, Conflict) as error:
        room().metrics.observe_refusal(error.code)
        return make_response(_page(refusal=error), status_of(error))
    flash(say(words))
    return make_response(redirect(url_for("offers.list_offers"), 303))


def _answered(work: Work, status: int = 200) -> Response:
    with room().database.writing() as db:
        offer = work(db)
        station, unit = db.get_one(Station, offer.station_id), db.get_one(Unit, offer.unit_id)
        return as_json(_answer(offer, station, unit), status)


def _answer(offer: PointOffer, station: Station, unit: Unit) -> StaffOffer:
    return StaffOffer(
        **offer_fields(offer, station),
        unit=unit.name,
        stock=offer.stock,
        taken=offer.taken,
        starts_on=offer.starts_on,
        ended=offer.ended_at is not None,
    )


def _page(*, refusal: SuishoupaiError | None = None) -> str:
    with room().database.reading() as db:
        rows = core.offers_of(db, staff=person())
        stations = core.station_names(db)
        units = units_within(db, paths=_paths())
    return render_template(
        "offers.html",
        rows=rows,
        stations=stations,
        units=units,
        today=today(),
        typed=asked.form,
        refusal=refusal,
    )

"""The points mall at the rider's door, and the terminal that hands things out."""

from uuid import UUID, uuid4

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from intake.bodies import as_json, read_body
from intake.door import present_door
from intake.doorway import Entry, enters, not_found, request_locale
from intake.drawing import qr_code
from intake.identity import entrance
from intake.rewards import mall as core
from intake.rewards.ledger import balance_of
from intake.rewards.mall import Taken
from intake.routes.api_v1 import KEY
from intake.routes.riders_api import (
    BODY_CODES,
    BODY_REFUSALS,
    RIDER,
    WHO_REFUSALS,
    WRITE_REFUSALS,
)
from intake.routes.signing import MAX_FORM_BYTES
from intake.sending import read_key
from schemas.database import now_utc
from schemas.errors import SuishoupaiError
from schemas.tables import PointOffer
from schemas.wire.openapi import Answered, Described, Given, describes
from schemas.wire.points import (
    Collected,
    CollectRequest,
    OfferAnswer,
    OfferList,
    RedemptionAnswer,
    RedemptionList,
    RedemptionRequest,
)
from schemas.words import Words

mall = Blueprint("mall", __name__)
mall_api = Blueprint("mall_api", __name__, url_prefix="/api/v1")
entrance.guard_forms(mall, max_bytes=MAX_FORM_BYTES)

_REDEMPTION = Given("redemption_id", "path", "the redemption's id", format="uuid")


@mall.get("/points/mall")
@enters(Entry.RIDER)
def show_offers() -> str:
    """Show what can be had for points."""
    return _offers_page()


@mall.post("/points/redemptions")
@enters(Entry.RIDER)
def redeem() -> WerkzeugResponse:
    """Take one piece of an offer."""
    made = _redeem(_uuid(request.form.get("offer", "")), read_key(request.form.get("key")))
    return redirect(url_for("mall.show_redemption", redemption_id=made), 303)


@mall.get("/points/redemptions/<uuid:redemption_id>")
@enters(Entry.RIDER)
def show_redemption(redemption_id: UUID) -> str:
    """Show a redemption with its code as a QR."""
    taken = _find(redemption_id)
    return render_template(
        "redemption.html", taken=taken, qr=qr_code(taken.code) if taken.code else None
    )


@mall.post("/points/redemptions/<uuid:redemption_id>/return")
@enters(Entry.RIDER)
def give_back(redemption_id: UUID) -> WerkzeugResponse:
    """Give a piece back that was not collected."""
    _give_back(redemption_id)
    return redirect(url_for("mall.show_redemption", redemption_id=redemption_id), 303)


@mall.get("/station/redemptions")
@enters(Entry.STATION)
def show_counter() -> str:
    """Wait for a redemption's code at the terminal."""
    return _counter()


@mall.post("/station/redemptions")
@enters(Entry.STATION)
def hand_out() -> str:
    """Hand out what a code stands for."""
    return _counter(said=_words(_collect(request.form.get("code", "")[:40])))


@mall_api.get("/me/offers")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="What stations offer for points now",
        answer=Answered(200, "The offers", OfferList),
        refusals=WHO_REFUSALS,
        security=RIDER,
    )
)
def list_offers() -> Response:
    """List the offers."""
    with present_door().database.reading() as session:
        offers = core.open_offers(session, now=now_utc())
        balance = balance_of(session, rider_id=entrance.rider_of_request())
    items = [OfferAnswer(**core.offer_fields(offer, station)) for offer, station in offers]
    return as_json(OfferList(balance=balance, items=items))


@mall_api.get("/me/redemptions")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="What the rider took for points, with the codes to collect it",
        answer=Answered(200, "The redemptions, the newest first", RedemptionList),
        refusals=WHO_REFUSALS,
        security=RIDER,
    )
)
def list_redemptions() -> Response:
    """List the rider's redemptions."""
    door = present_door()
    with door.database.reading() as session:
        found = core.redemptions_of(
            session, sealer=door.sealer, rider_id=entrance.rider_of_request()
        )
    return as_json(RedemptionList(items=[_answer(each) for each in found]))


@mall_api.post("/me/redemptions")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="Take one piece of an offer; a repeat with the same key is the same piece",
        body=RedemptionRequest,
        given=(KEY,),
        answer=Answered(201, "It is held until expires_at", RedemptionAnswer),
        refusals=BODY_REFUSALS
        | WRITE_REFUSALS
        | {
            400: "body-unreadable, idempotency-key-missing, idempotency-key-invalid",
            404: "offer-unknown",
            409: "offer-sold-out, offer-over, points-not-enough, idempotency-key-reused",
            422: BODY_CODES,
        },
        security=RIDER,
    )
)
def create_redemption() -> Response:
    """Take one piece."""
    wanted = read_body(RedemptionRequest)
    made = _redeem(wanted.offer_id, read_key(request.headers.get("Idempotency-Key")))
    return as_json(_answer(_find(made)), 201)


@mall_api.delete("/me/redemptions/<uuid:redemption_id>")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="Give back what was not collected; the points come back with it",
        given=(_REDEMPTION,),
        answer=Answered(200, "It went back", RedemptionAnswer),
        refusals=WRITE_REFUSALS
        | {404: "redemption-unknown, not-found", 409: "redemption-collected"},
        security=RIDER,
    )
)
def return_redemption(redemption_id: UUID) -> Response:
    """Give a piece back."""
    _give_back(redemption_id)
    return as_json(_answer(_find(redemption_id)))


@mall_api.post("/station/redemptions")
@enters(Entry.STATION)
@describes(
    Described(
        summary="Hand out what a rider's code stands for, once",
        body=CollectRequest,
        answer=Answered(200, "Hand it out", Collected),
        refusals=BODY_REFUSALS
        | {
            401: "station-token-unknown",
            409: "redemption-collected, redemption-over, redemption-elsewhere",
            422: f"redemption-code-unknown, {BODY_CODES}",
        },
        security=("station",),
    )
)
def collect() -> Response:
    """Hand out what a code stands for."""
    offer = _collect(read_body(CollectRequest).code)
    return as_json(Collected(title=offer.title, text=_words(offer).say(request_locale())))


def page_for(error: SuishoupaiError) -> str | None:
    """Return a refusal of these pages as a page."""
    if request.endpoint == "mall.redeem" and entrance.is_rider_known():
        return _offers_page(error=error)
    if request.endpoint == "mall.hand_out" and "station" in g:
        return _counter(error=error)
    return None


def _redeem(offer_id: UUID, key: UUID) -> UUID:
    door, rider_id = present_door(), entrance.rider_of_request()
    return door.commit(
        lambda session: (
            core.redeem(
                session, sealer=door.sealer, rider_id=rider_id, offer_id=offer_id, key=key,
                now=now_utc(),
            ).id
        )
    )  # fmt: skip


def _give_back(redemption_id: UUID) -> None:
    rider_id = entrance.rider_of_request()
    present_door().commit(
        lambda session: core.give_back(
            session, rider_id=rider_id, redemption_id=redemption_id, now=now_utc()
        )
    )


def _collect(code: str) -> PointOffer:
    station_id = g.station.id
    return present_door().commit(
        lambda session: core.collect(session, station_id=station_id, code=code, now=now_utc())
    )


def _find(redemption_id: UUID) -> Taken:
    door = present_door()
    with door.database.reading() as session:
        return core.find_redemption(
            session,
            sealer=door.sealer,
            rider_id=entrance.rider_of_request(),
            redemption_id=redemption_id,
        )


def _answer(taken: Taken) -> RedemptionAnswer:
    return RedemptionAnswer(
        id=taken.redemption.id,
        title=taken.offer.title,
        station=taken.station.name,
        place=taken.station.place,
        points=taken.redemption.points,
        status=taken.redemption.status,
        code=taken.code,
        expires_at=taken.redemption.expires_at,
    )


def _words(offer: PointOffer) -> Words:
    return Words(f"有效，请发放：{offer.title}", f"Valid, hand out: {offer.title}")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise not_found() from None


def _offers_page(*, error: SuishoupaiError | None = None) -> str:
    door, rider_id = present_door(), entrance.rider_of_request()
    with door.database.reading() as session:
        offers = core.open_offers(session, now=now_utc())
        balance = balance_of(session, rider_id=rider_id)
        taken = core.redemptions_of(session, sealer=door.sealer, rider_id=rider_id)
    return render_template(
        "mall.html", offers=offers, balance=balance, taken=taken, new_key=uuid4, error=error
    )


def _counter(*, said: Words | None = None, error: SuishoupaiError | None = None) -> str:
    return render_template("counter.html", station=g.station.name, said=said, error=error)

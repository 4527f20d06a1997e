"""Who is sent the bulletin of an area, and how the last sending went."""

from uuid import UUID

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from intake.bodies import as_json, read_body
from intake.bulletins.subscribers import (
    CHANNEL_NAMES,
    Standing,
    channels,
    standings,
    subscribe,
    unsigned,
    unsubscribe,
)
from intake.doorway import Entry, enters, not_found
from review_ui.bulletins.showing import allowed_scope
from review_ui.presenting import say
from review_ui.room import moment, person, room
from schemas.access import Right
from schemas.errors import InvalidInput, SuishoupaiError
from schemas.sealing import Sealer
from schemas.tables import BulletinSubscriber
from schemas.wire.bulletins import SubscriberAnswer, SubscriberList, SubscriberRequest
from schemas.wire.openapi import Answered, Described, Given, describes
from schemas.wire.problems import status_of
from schemas.words import Words

bulletin_subscribers = Blueprint(
    "bulletin_subscribers", __name__, url_prefix="/bulletins/subscribers"
)
bulletin_subscribers_api = Blueprint(
    "bulletin_subscribers_api", __name__, url_prefix="/api/v1/bulletins/subscribers"
)
_SCOPE = Given("scope", "query", "GB/T 2260 code of the area; the caller's own if left out")
_AWAY = {401: "token-unknown", 404: "not-found", 503: "database-away"}


@bulletin_subscribers.get("")
@enters(Entry.PUBLISH_BULLETINS)
def list_subscribers() -> str:
    """Show who is sent the bulletin."""
    return _page(_scope(request.args.get("scope")))


@bulletin_subscribers.post("")
@enters(Entry.PUBLISH_BULLETINS)
def add_subscriber() -> Response:
    """Add somebody."""
    form = request.form
    scope = _scope(form.get("scope"))
    try:
        with room().database.writing() as db:
            subscribe(
                db,
                settings=room().settings,
                scope=scope,
                channel=form.get("channel", ""),
                name=form.get("name", ""),
                address=form.get("address", ""),
                is_internal=form.get("is_internal") == "1",
                staff_id=person().staff_id,
                now=moment(),
            )
    except InvalidInput as error:
        room().metrics.observe_refusal(error.code)
        return make_response(_page(scope, error), status_of(error))
    flash(say(Words("已添加。", "Added.")))
    return redirect(url_for("bulletin_subscribers.list_subscribers", scope=scope), 303)


@bulletin_subscribers.post("/<uuid:subscriber_id>/end")
@enters(Entry.PUBLISH_BULLETINS)
def end_subscriber(subscriber_id: UUID) -> Response:
    """Send them nothing more."""
    with room().database.writing() as db:
        scope = _end(db, subscriber_id).scope_code
    flash(say(Words("不再发送。", "They are sent nothing more.")))
    return redirect(url_for("bulletin_subscribers.list_subscribers", scope=scope), 303)


@bulletin_subscribers_api.get("")
@enters(Entry.PUBLISH_BULLETINS)
@describes(
    Described(
        summary="Who is sent an area's bulletin, with how the last sending went",
        given=(_SCOPE,),
        answer=Answered(200, "The subscribers", SubscriberList),
        refusals=_AWAY,
        security=("staff",),
    )
)
def list_for_program() -> Response:
    """List the subscribers."""
    scope = _scope(request.args.get("scope"))
    with room().database.reading() as db:
        rows = standings(db, settings=room().settings, scope=scope)
    return as_json(SubscriberList(subscribers=[_answer(each) for each in rows]))


@bulletin_subscribers_api.post("")
@enters(Entry.PUBLISH_BULLETINS)
@describes(
    Described(
        summary="Send an area's bulletin to somebody from now on",
        body=SubscriberRequest,
        answer=Answered(201, "The subscriber", SubscriberAnswer),
        refusals={
            **_AWAY,
            400: "body-unreadable",
            413: "too-large",
            415: "content-type-unsupported",
            422: "subscriber-name-missing, channel-not-set-up, address-invalid, field-unknown, "
            "field-missing, text-too-long, value-invalid",
        },
        security=("staff",),
    )
)
def add_by_program() -> Response:
    """Add somebody."""
    wanted = read_body(SubscriberRequest)
    scope = _scope(wanted.scope)
    with room().database.writing() as db:
        row = subscribe(
            db,
            settings=room().settings,
            scope=scope,
            channel=wanted.channel,
            name=wanted.name,
            address=wanted.address,
            is_internal=wanted.is_internal,
            staff_id=person().staff_id,
            now=moment(),
        )
        return as_json(_answer(Standing(row, wanted.address.strip(), None)), 201)


@bulletin_subscribers_api.post("/<uuid:subscriber_id>/end")
@enters(Entry.PUBLISH_BULLETINS)
@describes(
    Described(
        summary="Send somebody nothing more; twice is as once",
        given=(Given("subscriber_id", "path", "the subscriber's id", format="uuid"),),
        answer=Answered(200, "The subscriber as it was", SubscriberAnswer),
        refusals=_AWAY,
        security=("staff",),
    )
)
def end_by_program(subscriber_id: UUID) -> Response:
    """Send them nothing more."""
    with room().database.writing() as db:
        row = _end(db, subscriber_id)
        address = str(Sealer(room().settings).open(row.sealed_address))
        return as_json(_answer(Standing(row, address, None)))


def _end(db: Session, subscriber_id: UUID) -> BulletinSubscriber:
    row = db.get(BulletinSubscriber, subscriber_id)
    if row is None:
        raise not_found()
    _scope(row.scope_code)
    unsubscribe(db, row=row, staff_id=person().staff_id, now=moment())
    return row


def _answer(found: Standing) -> SubscriberAnswer:
    row, last = found.row, found.last
    return SubscriberAnswer(
        id=row.id,
        scope=row.scope_code,
        channel=row.channel,
        name=row.name,
        address=found.address,
        is_internal=row.is_internal,
        created_at=row.created_at,
        ended_at=row.ended_at,
        last_outcome=(last.outcome or "waiting") if last else None,
        last_error=last.last_error if last else None,
    )


def _scope(code: str | None) -> str:
    return allowed_scope(person(), code, Right.PUBLISH_BULLETINS)


def _page(scope: str, refusal: SuishoupaiError | None = None) -> str:
    with room().database.reading() as db:
        rows = standings(db, settings=room().settings, scope=scope)
        waits = scope in unsigned(db, now=moment())
    return render_template(
        "bulletin_subscribers.html",
        scope=scope,
        rows=rows,
        waits=waits,
        ways=channels(room().settings),
        channel_names={channel.value: words for channel, words in CHANNEL_NAMES.items()},
        form=request.form,
        refusal=refusal,
    )

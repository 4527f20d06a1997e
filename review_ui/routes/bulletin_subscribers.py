"""Who is sent the bulletin of an area, and how the last sending went."""

from uuid import UUID

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from intake.bulletins.subscribers import (
    CHANNEL_NAMES,
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
from schemas.tables import BulletinSubscriber
from schemas.wire.problems import status_of
from schemas.words import Words

bulletin_subscribers = Blueprint(
    "bulletin_subscribers", __name__, url_prefix="/bulletins/subscribers"
)


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
        row = db.get(BulletinSubscriber, subscriber_id)
        if row is None:
            raise not_found()
        scope = _scope(row.scope_code)
        unsubscribe(db, row=row, staff_id=person().staff_id, now=moment())
    flash(say(Words("不再发送。", "They are sent nothing more.")))
    return redirect(url_for("bulletin_subscribers.list_subscribers", scope=scope), 303)


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

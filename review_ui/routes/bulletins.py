"""The weekly bulletin: the figures with their definitions, and its signing."""

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from intake.doorway import Entry, enters
from review_ui.bulletins.figures import changed, figure
from review_ui.bulletins.showing import allowed_scope, shown
from review_ui.presenting import say
from review_ui.room import moment, person, room
from schemas.access import Right
from schemas.bulletins.definitions import HEADLINES, INDICATORS
from schemas.bulletins.indicators import GROUP_NAMES, NATURE_NAMES
from schemas.bulletins.issues import draft, publish
from schemas.bulletins.parameters import Parameters, present_parameters
from schemas.bulletins.territory import TABLE_NAMES, Table
from schemas.errors import Conflict, NotAllowed, SuishoupaiError
from schemas.weeks import Week, read_week, week_of
from schemas.wire.problems import status_of
from schemas.words import Words

bulletins = Blueprint("bulletins", __name__, url_prefix="/bulletins")


@bulletins.get("")
@enters(Entry.SEE_COUNTS)
def show_bulletin() -> str:
    """Show one week's bulletin of a territory."""
    return _page()


@bulletins.post("/draft")
@enters(Entry.PUBLISH_BULLETINS)
def count_again() -> Response:
    """Count a week anew."""
    scope = allowed_scope(person(), request.form.get("scope"), Right.PUBLISH_BULLETINS)
    week = read_week(request.form.get("week", ""))
    with room().database.writing() as db:
        draft(db, week=week, scope=scope, now=moment(), parameters=_parameters())
    flash(say(Words("已重新统计。", "Counted anew.")))
    return redirect(url_for("bulletins.show_bulletin", scope=scope, week=week.name), 303)


@bulletins.post("/issues")
@enters(Entry.PUBLISH_BULLETINS)
def sign() -> Response:
    """Sign and publish a week's bulletin, or its next revision."""
    scope = allowed_scope(person(), request.form.get("scope"), Right.PUBLISH_BULLETINS)
    week = read_week(request.form.get("week", ""))
    try:
        with room().database.writing() as db:
            row = publish(
                db,
                week=week,
                scope=scope,
                signer_id=person().staff_id,
                now=moment(),
                parameters=_parameters(),
            )
    except (Conflict, NotAllowed) as error:
        room().metrics.observe_refusal(error.code)
        return make_response(_page(scope=scope, week=week, refusal=error), status_of(error))
    flash(say(Words(f"已签发 {row.number}。", f"Published {row.number}.")))
    return redirect(url_for("bulletins.show_bulletin", scope=scope, week=week.name), 303)


def _page(
    *,
    scope: str | None = None,
    week: Week | None = None,
    refusal: SuishoupaiError | None = None,
) -> str:
    present = week_of(moment())
    name = request.args.get("week")
    chosen = week or (min(read_week(name), present) if name else present)
    code = scope or allowed_scope(person(), request.args.get("scope"))
    with room().database.reading() as db:
        found = shown(db, week=chosen, scope=code, now=moment(), parameters=_parameters())
    return render_template(
        "bulletin.html",
        shown=found,
        bulletin=found.bulletin,
        present=present,
        indicators=INDICATORS,
        headlines=HEADLINES,
        groups=GROUP_NAMES,
        natures=NATURE_NAMES,
        table_names={table.value: TABLE_NAMES[table] for table in Table},
        figure=figure,
        changed=changed,
        may_sign=person().may(Right.PUBLISH_BULLETINS),
        refusal=refusal,
    )


def _parameters() -> Parameters:
    return present_parameters(
        small_cell=room().settings.bulletin_small_cell, calendar=room().calendars.base
    )

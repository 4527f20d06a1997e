"""What was published of the bulletin, and its signing: seen before it is signed."""

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from intake.bulletins.figures import figure
from intake.doorway import Entry, enters
from review_ui.bulletins.deltas import prospect
from review_ui.bulletins.showing import allowed_scope, counted_with, issues_of, may_at
from review_ui.presenting import say
from review_ui.room import moment, person, room
from review_ui.routes.bulletins import asked_week
from schemas.access import Right
from schemas.bulletins.definitions import HEADLINES, INDICATORS
from schemas.bulletins.issues import draft, publish
from schemas.errors import Conflict, NotAllowed, SuishoupaiError
from schemas.weeks import Week, read_week
from schemas.wire.problems import status_of
from schemas.words import Words

bulletin_issues = Blueprint("bulletin_issues", __name__, url_prefix="/bulletins")
MOST_ISSUES = 200


@bulletin_issues.get("/issues")
@enters(Entry.SEE_COUNTS)
def list_issues() -> str:
    """List what was published of a territory, the latest first."""
    scope = allowed_scope(person(), request.args.get("scope"))
    with room().database.reading() as db:
        rows = issues_of(db, scope=scope, limit=MOST_ISSUES)
    return render_template(
        "bulletin_issues.html",
        scope=scope,
        rows=rows,
        may_sign=may_at(person(), scope, Right.PUBLISH_BULLETINS),
    )


@bulletin_issues.get("/sign")
@enters(Entry.PUBLISH_BULLETINS)
def ask_to_sign() -> str:
    """Show what would be signed, and what differs from what was."""
    scope = allowed_scope(person(), request.args.get("scope"), Right.PUBLISH_BULLETINS)
    return _page(scope=scope, week=asked_week())


@bulletin_issues.post("/draft")
@enters(Entry.PUBLISH_BULLETINS)
def count_again() -> Response:
    """Count a week anew."""
    scope = allowed_scope(person(), request.form.get("scope"), Right.PUBLISH_BULLETINS)
    week = read_week(request.form.get("week", ""))
    with room().database.writing() as db:
        draft(db, week=week, scope=scope, now=moment(), parameters=counted_with())
    flash(say(Words("已重新统计。", "Counted anew.")))
    return redirect(url_for("bulletins.show_bulletin", scope=scope, week=week.name), 303)


@bulletin_issues.post("/issues")
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
                parameters=counted_with(),
            )
    except (Conflict, NotAllowed) as error:
        room().metrics.observe_refusal(error.code)
        return make_response(_page(scope=scope, week=week, refusal=error), status_of(error))
    flash(say(Words(f"已签发 {row.number}。", f"Published {row.number}.")))
    return redirect(url_for("bulletins.show_bulletin", scope=scope, week=week.name), 303)


def _page(*, scope: str, week: Week, refusal: SuishoupaiError | None = None) -> str:
    with room().database.reading() as db:
        found = prospect(db, week=week, scope=scope, now=moment(), parameters=counted_with())
    return render_template(
        "bulletin_sign.html",
        found=found,
        scope=scope,
        week=week,
        refusal=refusal,
        headlines=HEADLINES,
        indicators=INDICATORS,
        figure=figure,
    )

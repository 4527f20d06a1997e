"""The list of cases, which is the front page of whoever works on cases."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from intake.doorway import Entry, enters
from review_ui.queue import Filters, Tab, counties, page_of_cases, tab_counts
from review_ui.room import person, room, today
from schemas.access import Right
from schemas.lifecycle import State
from schemas.taxonomy import CATEGORIES

queue = Blueprint("queue", __name__)


@queue.get("/")
@enters(Entry.SIGNED_IN)
def front() -> str | Response:
    """Show the queue; who only counts is sent to the week, who does neither is told so."""
    staff = person()
    if not staff.may(Right.SEE_CASES):
        if staff.may(Right.SEE_COUNTS):
            return redirect(url_for("week.show_week"))
        return render_template("no_work.html")
    tab, filters = read_tab(request.args.get("tab", "")), read_filters()
    with room().database.reading() as db:
        page = page_of_cases(
            db,
            staff=staff,
            tab=tab,
            filters=filters,
            cursor=request.args.get("after"),
            today=today(),
            calendar=room().calendar,
        )
        return render_template(
            "queue.html",
            page=page,
            tab=tab,
            filters=filters,
            counts=tab_counts(db, staff=staff, today=today()),
            counties=counties(db, staff=staff),
            tabs=list(Tab),
            states=list(State),
            categories=CATEGORIES,
            is_first=not request.args.get("after"),
        )


def read_tab(text: str) -> Tab:
    """Return the tab of a query; an unknown one is the unit's."""
    return Tab(text) if text in set(Tab) else Tab.UNIT


def read_filters() -> Filters:
    """Return the filters of the present query; what can't be a filter filters nothing."""
    state = request.args.get("state", "")
    codes = {category.code for category in CATEGORIES}
    category = request.args.get("category", "")
    return Filters(
        state=State(state) if state in set(State) else None,
        category=category if category in codes else None,
        county=request.args.get("county", "")[:6] or None,
        words=request.args.get("q", "").replace("\0", "").strip()[:80],
    )

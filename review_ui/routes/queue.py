"""The list of cases, which is the front page of whoever works on cases."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from intake.doorway import Entry, enters
from review_ui.choices import filter_choices
from review_ui.filters import Tab, read_filters
from review_ui.queue import COUNTED_TO, page_of_cases, tab_counts
from review_ui.room import person, room, today
from schemas.access import Right

queue = Blueprint("queue", __name__)


@queue.get("/")
@enters(Entry.SIGNED_IN)
def front() -> str | Response:
    """Show the queue; who only counts is sent to the week, who does neither is told so."""
    staff = person()
    if not staff.may(Right.SEE_CASES):
        if staff.may(Right.SEE_COUNTS):
            return redirect(url_for("week.show_week"))
        if staff.may(Right.SEE_AUDIT):
            return redirect(url_for("audit_log.show_log"))
        return render_template("no_work.html")
    tab, filters = read_tab(), read_filters(request.args)
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
            counted_to=COUNTED_TO,
            tabs=list(Tab),
            **filter_choices(staff=staff, filters=filters),
            is_first=not request.args.get("after"),
        )


def read_tab() -> Tab:
    """Return the tab of the present query; an unknown one is the unit's."""
    text = request.args.get("tab", "")
    return Tab(text) if text in set(Tab) else Tab.UNIT

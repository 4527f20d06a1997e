"""The list of cases, which is the front page of whoever works on cases."""

from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from intake.doorway import Entry, enters
from review_ui.casefile.choices import filter_choices
from review_ui.lists.bulk import people_to_choose
from review_ui.lists.filters import Tab, read_filters
from review_ui.lists.queue import (
    COUNTED_TO,
    PAGE_SIZE,
    keys_of_page,
    page_of_cases,
    pulse_of,
    tab_counts,
)
from review_ui.lists.views import views_of
from review_ui.room import person, room, today
from schemas.access import Right
from schemas.records import REASON_CODES

queue = Blueprint("queue", __name__)
# Where the front page leads who works on no cases: by the first of these rights that they have.
ELSEWHERE = (
    (Right.SEE_COUNTS, "week.show_week"),
    (Right.MANAGE_REWARDS, "rewards.list_awards"),
    (Right.SEE_AUDIT, "audit_log.show_log"),
    (Right.MANAGE_STAFF, "staff.list_staff"),
)


@queue.get("/")
@enters(Entry.SIGNED_IN)
def front() -> str | Response:
    """Show the queue; who only counts is sent to the week, who does neither is told so."""
    staff = person()
    if not staff.may(Right.SEE_CASES):
        for right, endpoint in ELSEWHERE:
            if staff.may(right):
                return redirect(url_for(endpoint))
        return render_template("no_work.html")
    with room().database.reading() as db:
        views = views_of(db, staff=staff)
    first = next((view for view in views if view.is_default), None)
    if first and not request.args:
        return redirect(f"{url_for('queue.front')}?{first.query}")
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
        counts = tab_counts(db, staff=staff, today=today())
        return render_template(
            "queue.html",
            page=page,
            tab=tab,
            filters=filters,
            query=read_query(),
            views=views,
            counts=counts,
            pulse=pulse_of(page.keys, counts),
            colleagues=people_to_choose(db, staff=staff),
            reason_codes=REASON_CODES,
            counted_to=COUNTED_TO,
            tabs=list(Tab),
            **filter_choices(staff=staff, filters=filters),
            is_first=not request.args.get("after"),
        )


@queue.get("/cases/pulse")
@enters(Entry.SEE_CASES, by_itself=True)
def show_pulse() -> Response:
    """Say whether the present page of the list has changed; costs two statements, no rows."""
    with room().database.reading() as db:
        keys = keys_of_page(
            db,
            staff=person(),
            tab=read_tab(),
            filters=read_filters(request.args),
            cursor=request.args.get("after"),
            today=today(),
            limit=PAGE_SIZE + 1,
        )
        counts = tab_counts(db, staff=person(), today=today())
    answer = make_response("", 204)
    answer.set_etag(pulse_of(keys[:PAGE_SIZE], counts))
    return answer.make_conditional(request)


def read_tab() -> Tab:
    """Return the tab of the present query; an unknown one is the unit's."""
    text = request.args.get("tab", "")
    return Tab(text) if text in set(Tab) else Tab.UNIT


def read_query() -> dict[str, Any]:
    """Return the present list's address: its tab and its filters, without the page."""
    return {"tab": read_tab().value} | read_filters(request.args).as_query()

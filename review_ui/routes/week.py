"""The present week and the ones before it, by county."""

from flask import Blueprint, render_template, request

from intake.doorway import Entry, enters
from review_ui.lists.counts import FIGURES, week_counts
from review_ui.room import moment, person, room
from schemas.weeks import read_week, week_of

week = Blueprint("week", __name__)
WEEKS_BEFORE = 5


@week.get("/week")
@enters(Entry.SEE_COUNTS)
def show_week() -> str:
    """Show one week by county, and the sums of the weeks before it."""
    present = week_of(moment())
    name = request.args.get("week")
    chosen = min(read_week(name), present, key=lambda each: each.monday) if name else present
    with room().database.reading() as db:
        counts = week_counts(db, staff=person(), week=chosen)
        earlier = [
            week_counts(db, staff=person(), week=chosen.after(-weeks))
            for weeks in range(1, WEEKS_BEFORE + 1)
        ]
    return render_template(
        "week.html",
        counts=counts,
        earlier=earlier,
        figures=FIGURES,
        present=present,
        is_running=chosen == present,
    )

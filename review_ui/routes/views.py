"""Saved views: kept, opened first, forgotten."""

from uuid import UUID

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from intake.doorway import Entry, enters
from review_ui.lists.views import delete_view, open_first, save_view
from review_ui.room import person, room
from review_ui.routes.queue import read_query

views = Blueprint("views", __name__, url_prefix="/views")


@views.post("")
@enters(Entry.SEE_CASES)
def keep() -> Response:
    """Keep the present list under a name and show it."""
    query = read_query()
    with room().database.writing() as db:
        save_view(
            db,
            staff=person(),
            name=request.form.get("name", ""),
            query=query,
            is_default="is_default" in request.form,
        )
    return redirect(url_for("queue.front", **query))


@views.post("/<uuid:view_id>/first")
@enters(Entry.SEE_CASES)
def choose_first(view_id: UUID) -> Response:
    """Open this view first from now on, or open none first."""
    with room().database.writing() as db:
        chosen = view_id if request.form.get("is_default") == "1" else None
        open_first(db, staff=person(), view_id=chosen)
    return redirect(url_for("queue.front", **read_query()))


@views.post("/<uuid:view_id>/delete")
@enters(Entry.SEE_CASES)
def forget(view_id: UUID) -> Response:
    """Forget a view."""
    with room().database.writing() as db:
        delete_view(db, staff=person(), view_id=view_id)
    return redirect(url_for("queue.front", **read_query()))

"""What is done with a whole list: several cases at once, and the list as a file."""

from uuid import UUID

from flask import Blueprint, Response, render_template, request, url_for

from intake.doorway import Entry, enters, not_found
from review_ui.access.scope import find_case
from review_ui.casework.advancing import advance
from review_ui.casework.assignment import assign
from review_ui.lists.bulk import Step, each_by_itself, read_chosen, suggest_same_incident
from review_ui.lists.exporting import TYPES, Format, note_export, rows_of_list, write_file
from review_ui.lists.filters import read_filters
from review_ui.room import moment, person, room, today
from review_ui.routes.queue import read_query, read_tab
from schemas.errors import SuishoupaiError
from schemas.lifecycle import State
from schemas.words import Words

bulk = Blueprint("bulk", __name__)
_DONE = {
    "assign": Words("已交给经办人", "given to the person"),
    "invalid": Words("已记为不属举报", "marked as no report"),
    "link": Words("已提示为同一线索", "suggested to be one incident"),
}


@bulk.post("/cases/bulk")
@enters(Entry.WORK_CASES)
def do_for_several() -> str:
    """Do one step for every ticked case and say what became of each."""
    action = request.form.get("action", "")
    if action not in _DONE:
        raise not_found()
    chosen = read_chosen(request.form.getlist("case"))
    if action == "link":
        # The first of the list is the earliest due: the others are suggested to join it.
        first, *chosen_others = chosen
        step = _linking(first.number)
        results = each_by_itself(room().database, chosen=chosen_others, staff=person(), step=step)
    else:
        step = _assigning() if action == "assign" else _invalidating()
        results = each_by_itself(room().database, chosen=chosen, staff=person(), step=step)
    for result in results:
        if result.refusal:
            room().metrics.observe_refusal("bulk-step-refused")
    return render_template(
        "bulk.html",
        done=[each for each in results if not each.refusal],
        refused=[each for each in results if each.refusal],
        what=_DONE[action],
        back=url_for("queue.front", **read_query()),
    )


@bulk.post("/cases/export.<kind>")
@enters(Entry.SEE_CASES)
def export(kind: str) -> Response:
    """Give the present list as a file."""
    if kind not in set(Format):
        raise not_found()
    form = Format(kind)
    tab, filters = read_tab(), read_filters(request.args)
    with room().database.reading() as db:
        rows = list(
            rows_of_list(
                db,
                staff=person(),
                tab=tab,
                filters=filters,
                today=today(),
                calendar=room().calendar,
            )
        )
    content = write_file(rows, kind=form)
    # Before the file leaves: what is not in the log was not given.
    with room().database.writing() as db:
        note_export(db, staff=person(), tab=tab, filters=filters, kind=form, count=len(rows))
    answer = Response(content, content_type=TYPES[form])
    name = f"cases-{today().isoformat()}.{kind}"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _assigning() -> Step:
    assignee_id = _uuid(request.form.get("assignee_id", ""))
    return lambda db, case, version: assign(
        db, case_id=case.id, staff=person(), version=version, assignee_id=assignee_id
    )


def _invalidating() -> Step:
    record = {"reason_code": request.form.get("reason_code", "")}
    return lambda db, case, version: advance(
        db,
        case_id=case.id,
        staff=person(),
        to=State.INVALID,
        version=version,
        record=record,
        now=moment(),
        calendar=room().calendar,
    )


def _linking(first_number: str) -> Step:
    return lambda db, case, version: suggest_same_incident(
        db,
        case=case,
        version=version,
        first=find_case(db, number=first_number, staff=person()),
        staff=person(),
        now=moment(),
    )


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise SuishoupaiError(
            "body-unreadable", Words("请求的格式读不懂。", "The request can't be read.")
        ) from None

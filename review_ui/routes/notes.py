"""Notes, their files and tasks on a case page, templates for findings, and what waits for one."""

from pathlib import Path
from uuid import UUID

from flask import Blueprint, Response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from intake.doorway import Entry, enters, not_found, request_id
from review_ui.access.scope import find_case
from review_ui.casefile.attachments import MAX_BODY_BYTES, PDF, find_attachment, keep_files
from review_ui.casefile.forms import Typed, typed_values
from review_ui.casefile.notes import count_of_mine, mentions_of, put_aside, write_note
from review_ui.casefile.reading import open_casefile
from review_ui.casefile.tasks import add_task, finish_task, tasks_of
from review_ui.casefile.wording import (
    add_template,
    end_template,
    inserted,
    may_keep,
    own_templates,
    wording_for,
)
from review_ui.room import moment, person, room, today
from review_ui.routes.stepping import do_step, refused, show_page, uuid_or_nobody
from schemas.errors import InvalidInput, NotAllowed, SuishoupaiError
from schemas.finding_templates import SHIPPED
from schemas.jobs import EXAMINE_ATTACHMENT
from schemas.lifecycle import State
from schemas.tables import Case, CaseAttachment
from schemas.taxonomy import CATEGORIES
from schemas.wire.problems import status_of
from schemas.words import Words

notes = Blueprint("notes", __name__)


@notes.url_value_preprocessor
def _let_files_in(_endpoint: str | None, _values: object) -> None:
    # Before anything reads the form, whose token is looked for in the body.
    if request.method == "POST" and request.endpoint == "notes.add_note":
        request.max_content_length = MAX_BODY_BYTES


@notes.post("/cases/<number>/notes")
@enters(Entry.WORK_CASES)
def add_note(number: str) -> WerkzeugResponse:
    """Write a note, with files beside it if some were chosen."""
    body = request.form.get("body", "")
    with room().database.reading() as db:
        find_case(db, number=number, staff=person())
    try:
        # Before the transaction: no lock may wait for a disk or for another machine.
        files = keep_files(request.files.getlist("files"), store=room().store, directory=incoming())
    except SuishoupaiError as error:
        return refused(number, error, form="note", values={"body": body})
    written: list[UUID] = []

    def act(db: Session, case: Case, version: int) -> Words:
        note = write_note(
            db, case_id=case.id, staff=person(), version=version, body=body, files=files,
            now=moment(),
        )  # fmt: skip
        written.append(note.id)
        return Words("备注已写入。", "The note is written.")

    answer = do_step(number, act, form="note", values={"body": body})
    if answer.status_code < 400:
        have_examined(written[0])
    return answer


def have_examined(note_id: UUID) -> None:
    """Queue the photos beside a note that is committed; what is not taken the sweep finds."""
    with room().database.reading() as db:
        waiting = db.scalars(
            select(CaseAttachment.id).where(
                CaseAttachment.note_id == note_id, CaseAttachment.examined_at.is_(None)
            )
        ).all()
    for key in waiting:
        room().queue.put(EXAMINE_ATTACHMENT, key, request_id=request_id() or "")


@notes.post("/cases/<number>/tasks")
@enters(Entry.WORK_CASES)
def add_reinspection(number: str) -> WerkzeugResponse:
    """Ask a colleague to look again."""
    days = request.form.get("working_days", "")

    def act(db: Session, case: Case, version: int) -> Words:
        add_task(
            db,
            case_id=case.id,
            staff=person(),
            version=version,
            what=request.form.get("what", ""),
            assignee_id=uuid_or_nobody(request.form.get("assignee_id", "")),
            working_days=int(days) if days.isascii() and days.isdigit() and len(days) < 6 else 0,
            now=moment(),
            calendar=room().calendar,
        )
        return Words("复查任务已安排。", "The task is set.")

    return do_step(number, act, form="task", values=_typed("what", "assignee_id", "working_days"))


@notes.post("/cases/<number>/tasks/<uuid:task_id>/done")
@enters(Entry.WORK_CASES)
def finish_reinspection(number: str, task_id: UUID) -> WerkzeugResponse:
    """Write down what the re-inspection found."""

    def act(db: Session, case: Case, version: int) -> Words:
        finish_task(
            db,
            case_id=case.id,
            task_id=task_id,
            staff=person(),
            version=version,
            result=request.form.get("result", ""),
            outcome=request.form.get("outcome", ""),
            now=moment(),
        )
        return Words("复查结果已登记。", "The result is recorded.")

    return do_step(number, act, form=f"task-{task_id}", values=_typed("result", "outcome"))


@notes.post("/cases/<number>/wording")
@enters(Entry.WORK_CASES)
def insert_wording(number: str) -> str:
    """Show the page again with a template put into the findings; everything typed is kept."""
    target = request.form.get("to", "")
    if target not in set(State):
        raise not_found()
    with room().database.reading() as db:
        case = find_case(db, number=number, staff=person())
        file = open_casefile(db, case=case, today=today(), calendar=room().calendar)
        known = {
            each.key: each for each in wording_for(db, unit=file.unit, categories=case.categories)
        }
    chosen = known.get(request.form.get("wording", ""))
    values = typed_values(request.form)
    if chosen:
        values["findings"] = inserted(str(values.get("findings", "")), chosen.body)
    return show_page(number, typed=Typed(target, values))


@notes.get("/attachments/<uuid:attachment_id>/<int:size>.jpg")
@enters(Entry.SEE_CASES)
def show_attachment(attachment_id: UUID, size: int) -> Response:
    """Serve a derivative of a site photo, without metadata."""
    with room().database.reading() as db:
        found = find_attachment(db, attachment_id=attachment_id, staff=person())
    data = room().store.read_derivative(found.id, size) if size in found.derivative_sizes else None
    if data is None:
        raise not_found()
    answer = Response(data, content_type="image/jpeg")
    answer.headers["Content-Disposition"] = 'inline; filename="photo.jpg"'
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Cache-Control"] = "private, max-age=604800, immutable"
    return answer


@notes.get("/attachments/<uuid:attachment_id>/file.pdf")
@enters(Entry.SEE_CASES)
def download_attachment(attachment_id: UUID) -> Response:
    """Hand out a PDF to be saved; no browser may show it within this site."""
    with room().database.reading() as db:
        found = find_attachment(db, attachment_id=attachment_id, staff=person())
    if found.content_type != PDF:
        raise not_found()
    with room().store.local_copy(found.sha256) as path:
        data = path.read_bytes()
    answer = Response(data, content_type=PDF)
    # The name that somebody gave it stays on the page: a header is no place for it.
    answer.headers["Content-Disposition"] = f'attachment; filename="{found.id.hex[-8:]}.pdf"'
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


@notes.get("/my-work")
@enters(Entry.WORK_CASES)
def my_work() -> str:
    """Show what waits for the person: tasks of re-inspection, and notes that call them."""
    with room().database.reading() as db:
        return render_template(
            "work.html",
            tasks=tasks_of(db, staff=person()),
            mentions=mentions_of(db, staff=person()),
            today=today(),
        )


@notes.get("/my-work/count")
@enters(Entry.WORK_CASES, by_itself=True)
def count_work() -> str:
    """Return how much waits for the person, as the small mark beside «My work»."""
    with room().database.reading() as db:
        count = count_of_mine(db, staff=person())
    return render_template("_work_count.html", count=count)


@notes.post("/my-work/mentions/<uuid:note_id>/seen")
@enters(Entry.WORK_CASES)
def see_mention(note_id: UUID) -> WerkzeugResponse:
    """Put a mention aside."""
    with room().database.writing() as db:
        put_aside(db, note_id=note_id, staff=person(), now=moment())
    return redirect(url_for("notes.my_work"))


@notes.get("/templates")
@enters(Entry.WORK_CASES)
def show_templates() -> str:
    """Show the templates for findings: shipped ones and the units' own."""
    return _templates_page()


@notes.post("/templates")
@enters(Entry.WORK_CASES)
def new_template() -> WerkzeugResponse | tuple[str, int]:
    """Add a template to a unit that the person heads."""
    try:
        with room().database.writing() as db:
            add_template(
                db,
                staff=person(),
                unit_id=uuid_or_nobody(request.form.get("unit_id", "")),
                category=request.form.get("category") or None,
                title=request.form.get("title", ""),
                body=request.form.get("body", ""),
                now=moment(),
            )
    except (InvalidInput, NotAllowed) as error:
        room().metrics.observe_refusal(error.code)
        return _templates_page(error), status_of(error)
    return redirect(url_for("notes.show_templates"))


@notes.post("/templates/<uuid:template_id>/end")
@enters(Entry.WORK_CASES)
def remove_template(template_id: UUID) -> WerkzeugResponse:
    """Take a template out of use."""
    with room().database.writing() as db:
        end_template(db, template_id=template_id, staff=person(), now=moment())
    return redirect(url_for("notes.show_templates"))


def incoming() -> Path:
    """Return where files lie while they are checked, on the disk of a local store."""
    return room().settings.data_dir / "incoming"


def _templates_page(refusal: SuishoupaiError | None = None) -> str:
    with room().database.reading() as db:
        return render_template(
            "templates.html",
            own=own_templates(db, staff=person()),
            shipped=SHIPPED,
            kept=may_keep(person()),
            categories=CATEGORIES,
            refusal=refusal,
        )


def _typed(*names: str) -> dict[str, str]:
    return {name: request.form.get(name, "") for name in names}

"""Notes, files and tasks of a case for other programs: the same rules as on the page."""

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.bodies import as_json, read_body, read_form
from intake.doorway import Entry, enters
from review_ui.access.scope import find_case
from review_ui.access.staff import normal_sign_in
from review_ui.casefile.attachments import MAX_BODY_BYTES, keep_files
from review_ui.casefile.notes import NoteView, notes_of, staff_of, write_note
from review_ui.casefile.tasks import add_task, finish_task
from review_ui.room import moment, person, room
from review_ui.routes.notes import have_examined, incoming
from schemas.tables import Case, CaseAttachment, Staff
from schemas.wire.notes import (
    AttachmentAnswer,
    AttachmentForm,
    AttachmentList,
    NoteAnswer,
    NoteList,
    NoteRequest,
    TaskAnswer,
    TaskList,
    TaskRequest,
    TaskResult,
)
from schemas.wire.openapi import FORM, Answered, Described, Given, describes

notes_api = Blueprint("notes_api", __name__, url_prefix="/api/v1/cases")

_NUMBER = Given("number", "path", "the case's number, such as AJ20261121-7KQ4MX-3")
_TASK = Given("task_id", "path", "the task's id", format="uuid")
_AWAY = {401: "token-unknown", 404: "not-found", 503: "database-away"}
_REFUSALS = {
    **_AWAY,
    400: "body-unreadable",
    409: "case-changed",
    413: "too-large",
    415: "content-type-unsupported",
    422: "note-empty, note-too-long, field-unknown, field-missing, value-invalid",
}


@notes_api.get("/<number>/notes")
@enters(Entry.SEE_CASES)
@describes(
    Described(
        summary="The notes of a case, the newest first",
        given=(_NUMBER,),
        answer=Answered(200, "The notes", NoteList),
        refusals=_AWAY,
        security=("staff",),
    )
)
def list_notes(number: str) -> Response:
    """List a case's notes."""
    with room().database.reading() as db:
        return _notes(db, find_case(db, number=number, staff=person()))


@notes_api.post("/<number>/notes")
@enters(Entry.WORK_CASES)
@describes(
    Described(
        summary="Write a note on a case; @name calls a colleague",
        body=NoteRequest,
        given=(_NUMBER,),
        answer=Answered(200, "The notes as they are now", NoteList),
        refusals=_REFUSALS,
        security=("staff",),
    )
)
def add_note(number: str) -> Response:
    """Write a note."""
    wanted = read_body(NoteRequest)

    def act(db: Session, case: Case) -> Response:
        write_note(
            db, case_id=case.id, staff=person(), version=wanted.version, body=wanted.body,
            now=moment(),
        )  # fmt: skip
        return _notes(db, case)

    return _done(number, act)


@notes_api.get("/<number>/attachments")
@enters(Entry.SEE_CASES)
@describes(
    Described(
        summary="The files beside the notes of a case",
        given=(_NUMBER,),
        answer=Answered(200, "The files", AttachmentList),
        refusals=_AWAY,
        security=("staff",),
    )
)
def list_attachments(number: str) -> Response:
    """List a case's attachments."""
    with room().database.reading() as db:
        return _attachments(db, find_case(db, number=number, staff=person()))


@notes_api.post("/<number>/attachments")
@enters(Entry.WORK_CASES)
@describes(
    Described(
        summary="Put site photos and PDFs on a case, beside a note; photos are examined afterwards",
        body=AttachmentForm,
        body_type=FORM,
        given=(_NUMBER,),
        answer=Answered(200, "The files as they are now", AttachmentList),
        refusals={
            **_REFUSALS,
            413: "too-large, photo-too-large, attachment-too-large, attachments-too-many",
            422: f"{_REFUSALS[422]}, text-too-long, attachment-damaged, photo-not-an-image, "
            "photo-truncated and the other refusals of photos",
            503: "database-away, store-away",
        },
        security=("staff",),
    )
)
def add_attachments(number: str) -> Response:
    """Put files on a case."""
    with room().database.reading() as db:
        find_case(db, number=number, staff=person())
    wanted = read_form(AttachmentForm, files="files", max_bytes=MAX_BODY_BYTES)
    # Before the transaction: no lock may wait for a disk or for another machine.
    kept = keep_files(wanted.files, store=room().store, directory=incoming())
    written: list[UUID] = []

    def act(db: Session, case: Case) -> Response:
        note = write_note(
            db, case_id=case.id, staff=person(), version=wanted.version, body=wanted.body,
            files=kept, now=moment(),
        )  # fmt: skip
        written.append(note.id)
        return _attachments(db, case)

    answer = _done(number, act)
    have_examined(written[0])
    return answer


@notes_api.get("/<number>/tasks")
@enters(Entry.SEE_CASES)
@describes(
    Described(
        summary="The tasks of re-inspection of a case",
        given=(_NUMBER,),
        answer=Answered(200, "The tasks", TaskList),
        refusals=_AWAY,
        security=("staff",),
    )
)
def list_tasks(number: str) -> Response:
    """List a case's tasks."""
    with room().database.reading() as db:
        return _tasks(db, find_case(db, number=number, staff=person()))


@notes_api.post("/<number>/tasks")
@enters(Entry.WORK_CASES)
@describes(
    Described(
        summary="Ask a colleague to look again",
        body=TaskRequest,
        given=(_NUMBER,),
        answer=Answered(200, "The tasks as they are now", TaskList),
        refusals={**_REFUSALS, 422: f"{_REFUSALS[422]}, assignee-not-possible"},
        security=("staff",),
    )
)
def set_task(number: str) -> Response:
    """Set a task."""
    wanted = read_body(TaskRequest)

    def act(db: Session, case: Case) -> Response:
        sign_in = normal_sign_in(wanted.assignee.replace("\0", ""))
        known = db.scalar(select(Staff.id).where(Staff.sign_in == sign_in))
        add_task(
            db,
            case_id=case.id,
            staff=person(),
            version=wanted.version,
            what=wanted.what,
            assignee_id=known or UUID(int=0),
            working_days=wanted.working_days,
            now=moment(),
            calendar=room().calendar,
        )
        return _tasks(db, case)

    return _done(number, act)


@notes_api.post("/<number>/tasks/<uuid:task_id>/result")
@enters(Entry.WORK_CASES)
@describes(
    Described(
        summary="Record what a re-inspection found",
        body=TaskResult,
        given=(_NUMBER, _TASK),
        answer=Answered(200, "The tasks as they are now", TaskList),
        refusals={**_REFUSALS, 409: "case-changed, task-done"},
        security=("staff",),
    )
)
def finish(number: str, task_id: UUID) -> Response:
    """Record a task's result."""
    wanted = read_body(TaskResult)

    def act(db: Session, case: Case) -> Response:
        finish_task(
            db,
            case_id=case.id,
            task_id=task_id,
            staff=person(),
            version=wanted.version,
            result=wanted.result,
            outcome=wanted.outcome,
            now=moment(),
        )
        return _tasks(db, case)

    return _done(number, act)


def _done(number: str, act: Callable[[Session, Case], Response]) -> Response:
    with room().database.writing() as db:
        return act(db, find_case(db, number=number, staff=person()))


def _notes(db: Session, case: Case) -> Response:
    views, names = _with_names(db, case)
    items = [
        NoteAnswer(
            id=view.note.id,
            author=names[view.note.author_id],
            body=view.note.body,
            written_at=view.note.written_at,
            attachments=[_attachment(file) for file in view.attachments],
            task=_task(view, names),
        )
        for view in views
    ]
    return as_json(NoteList(version=case.version, items=items))


def _tasks(db: Session, case: Case) -> Response:
    views, names = _with_names(db, case)
    items = [task for task in (_task(view, names) for view in views) if task]
    return as_json(TaskList(version=case.version, items=items))


def _attachments(db: Session, case: Case) -> Response:
    views = notes_of(db, case_id=case.id)
    files = [_attachment(file) for view in views for file in view.attachments]
    return as_json(AttachmentList(version=case.version, items=files))


def _with_names(db: Session, case: Case) -> tuple[tuple[NoteView, ...], dict[UUID, str]]:
    views = notes_of(db, case_id=case.id)
    rows = db.execute(select(Staff.id, Staff.name).where(Staff.id.in_(staff_of(views) - {None})))
    return views, dict(rows.all())


def _task(view: NoteView, names: dict[UUID, str]) -> TaskAnswer | None:
    if view.task is None:
        return None
    return TaskAnswer(
        id=view.note.id,
        what=view.note.body,
        set_by=names[view.note.author_id],
        assignee=names[view.task.assignee_id],
        due_on=view.task.due_on,
        due_provisional=view.task.due_provisional,
        done_at=view.task.done_at,
        done_by=names[view.task.done_by] if view.task.done_by else None,
        result=view.task.result,
        outcome=view.task.outcome,
    )


def _attachment(file: CaseAttachment) -> AttachmentAnswer:
    return AttachmentAnswer(
        id=file.id,
        note_id=file.note_id,
        name=file.name,
        content_type=file.content_type,
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        sizes=file.derivative_sizes,
        is_examined=file.examined_at is not None,
        is_unreadable=file.unreadable_reason is not None,
        received_at=file.received_at,
    )

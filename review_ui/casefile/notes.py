"""Notes on a case: append-only, with colleagues called by name, files and a task beside them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intake.doorway import not_found
from review_ui.access.scope import roles_over, visible_cases
from review_ui.access.staff import SignedIn
from review_ui.casefile.attachments import KeptFile
from review_ui.casework.assignment import Colleague, colleagues
from review_ui.casework.locking import lock_case
from schemas import audit
from schemas.errors import InvalidInput
from schemas.tables import Case, CaseAttachment, CaseMention, CaseNote, CaseTask, Staff
from schemas.words import Words

MOST_CHARS = 4_000
MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class NoteView:
    """A note with what stands beside it: files in their order, and a task if it sets one."""

    note: CaseNote
    attachments: tuple[CaseAttachment, ...]
    task: CaseTask | None


@dataclass(frozen=True, slots=True)
class Mentioned:
    """A note that calls someone, whose it is and on which case, which is in their tree."""

    note: CaseNote
    case: Case
    author: str


def write_note(
    session: Session,
    *,
    case_id: UUID,
    staff: SignedIn,
    version: int,
    body: str,
    files: Sequence[KeptFile] = (),
    now: datetime,
    action: str = "case_noted",
) -> CaseNote:
    """Write a note on a case, call those whom it names by @name, and put files beside it.

    A note says something or has a file. Raises NotFound, Conflict `case-changed`,
    InvalidInput `note-empty`, `note-too-long`.
    """
    body = body.replace("\r\n", "\n").replace("\0", "").strip()
    if not body and not files:
        raise InvalidInput(
            "note-empty",
            Words("请写点内容，或者选一个附件。", "Write something, or choose a file."),
            field="body",
        )
    if len(body) > MOST_CHARS:
        raise InvalidInput(
            "note-too-long",
            Words(
                f"备注最多 {MOST_CHARS} 字，现在有 {len(body)} 字，请分两次写。",
                f"A note has at most {MOST_CHARS} characters; this one has {len(body)}. Write two.",
            ),
            field="body",
        )
    case = lock_case(session, case_id=case_id, staff=staff, version=version)
    note = CaseNote(case_id=case.id, author_id=staff.staff_id, body=body, written_at=now)
    session.add(note)
    session.flush()
    called = mentioned_in(body, colleagues(session, unit_id=case.unit_id))
    session.add_all(
        CaseMention(note_id=note.id, staff_id=each.staff_id)
        for each in called
        if each.staff_id != staff.staff_id
    )
    session.add_all(
        CaseAttachment(
            note_id=note.id,
            position=position,
            name=file.name,
            sha256=file.sha256,
            size_bytes=file.size_bytes,
            content_type=file.content_type,
            received_at=now,
            # A PDF is never opened here, so that nothing is left to examine.
            examined_at=None if file.is_photo else now,
        )
        for position, file in enumerate(files)
    )
    note_change(
        session,
        case=case,
        staff=staff,
        action=action,
        after={
            "note_id": str(note.id),
            "mentions": [str(each.staff_id) for each in called],
            "files": [file.sha256 for file in files],
        },
    )
    return note


def note_change(
    session: Session, *, case: Case, staff: SignedIn, action: str, after: dict[str, Any]
) -> None:
    """Count a change of a case that is not one of its state, and write it into the log."""
    case.version += 1
    role = min(roles_over(session, staff=staff, unit_id=case.unit_id))
    audit.record(
        session,
        actor=audit.Actor("staff", staff.staff_id),
        action=action,
        subject=("case", case.id),
        after={**after, "version": case.version, "role": role.value},
    )
    session.flush()


def mentioned_in(body: str, known: Iterable[Colleague]) -> list[Colleague]:
    """Return the colleagues whom a text calls by @name, the longest name first.

    «@王小明» does not call «王小»: what a longer name has taken is no longer there.
    """
    found = []
    for each in sorted(known, key=lambda one: (-len(one.name), one.name)):
        if f"@{each.name}" in body:
            found.append(each)
            body = body.replace(f"@{each.name}", " ")
    return found


def notes_of(session: Session, *, case_id: UUID) -> tuple[NoteView, ...]:
    """Return a case's latest notes with files and tasks, the newest first, in one statement."""
    latest = (
        select(CaseNote.id)
        .where(CaseNote.case_id == case_id)
        .order_by(CaseNote.written_at.desc(), CaseNote.id.desc())
        .limit(MOST_SHOWN)
        .subquery()
    )
    rows = session.execute(
        select(CaseNote, CaseAttachment, CaseTask)
        .join(latest, latest.c.id == CaseNote.id)
        .outerjoin(CaseAttachment, CaseAttachment.note_id == CaseNote.id)
        .outerjoin(CaseTask, CaseTask.note_id == CaseNote.id)
        .order_by(CaseNote.written_at.desc(), CaseNote.id.desc(), CaseAttachment.position)
    ).all()
    notes: dict[UUID, list[Any]] = {}
    for note, attachment, task in rows:
        files = notes.setdefault(note.id, [note, task, []])[2]
        if attachment is not None:
            files.append(attachment)
    return tuple(NoteView(note, tuple(files), task) for note, task, files in notes.values())


def staff_of(notes: Iterable[NoteView]) -> set[UUID | None]:
    """Return everybody whose name the notes need."""
    found: set[UUID | None] = set()
    for each in notes:
        found.add(each.note.author_id)
        if each.task:
            found |= {each.task.assignee_id, each.task.done_by}
    return found


def mentions_of(session: Session, *, staff: SignedIn) -> tuple[Mentioned, ...]:
    """Return the notes that call someone and that they have not put aside, the newest first."""
    rows = session.execute(
        select(CaseNote, Case, Staff.name)
        .join(CaseMention, CaseMention.note_id == CaseNote.id)
        .join(Case, Case.id == CaseNote.case_id)
        .join(Staff, Staff.id == CaseNote.author_id)
        .where(
            CaseMention.staff_id == staff.staff_id,
            CaseMention.seen_at.is_(None),
            visible_cases(staff),
        )
        .order_by(CaseNote.id.desc())
        .limit(MOST_SHOWN)
    )
    return tuple(Mentioned(note, case, author) for note, case, author in rows)


def count_of_mine(session: Session, *, staff: SignedIn) -> int:
    """Return how many mentions and tasks wait for someone."""
    mentions = (
        select(func.count())
        .select_from(CaseMention)
        .join(CaseNote, CaseNote.id == CaseMention.note_id)
        .join(Case, Case.id == CaseNote.case_id)
        .where(
            CaseMention.staff_id == staff.staff_id,
            CaseMention.seen_at.is_(None),
            visible_cases(staff),
        )
    )
    tasks = (
        select(func.count())
        .select_from(CaseTask)
        .join(CaseNote, CaseNote.id == CaseTask.note_id)
        .join(Case, Case.id == CaseNote.case_id)
        .where(
            CaseTask.assignee_id == staff.staff_id,
            CaseTask.done_at.is_(None),
            visible_cases(staff),
        )
    )
    counted = mentions.scalar_subquery() + tasks.scalar_subquery()
    return int(session.scalars(select(counted)).one())


def put_aside(session: Session, *, note_id: UUID, staff: SignedIn, now: datetime) -> None:
    """Take a mention off someone's list; raises NotFound for one that is not theirs."""
    mention = session.scalars(
        select(CaseMention)
        .join(CaseNote, CaseNote.id == CaseMention.note_id)
        .join(Case, Case.id == CaseNote.case_id)
        .where(
            CaseMention.note_id == note_id,
            CaseMention.staff_id == staff.staff_id,
            visible_cases(staff),
        )
    ).one_or_none()
    if mention is None:
        raise not_found()
    mention.seen_at = mention.seen_at or now

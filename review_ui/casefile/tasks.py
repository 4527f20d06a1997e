"""Tasks of re-inspection: who is to look again by which day, and what they found."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.doorway import not_found
from review_ui.access.scope import visible_cases
from review_ui.access.staff import SignedIn
from review_ui.casefile.notes import MOST_CHARS, note_change, write_note
from review_ui.casework.assignment import colleagues
from review_ui.casework.locking import lock_case
from schemas.errors import Conflict, InvalidInput
from schemas.records import REINSPECTION_RESULTS
from schemas.tables import Case, CaseNote, CaseTask, Staff
from schemas.words import Words
from schemas.workdays import NO_OVERRIDES, CalendarOverrides, due_date, local_date

LONGEST_WORKING_DAYS = 250


@dataclass(frozen=True, slots=True)
class MyTask:
    """A task that waits for someone, what is to be done, by whom it was set and on which case."""

    task: CaseTask
    note: CaseNote
    case: Case
    set_by: str


def add_task(
    session: Session,
    *,
    case_id: UUID,
    staff: SignedIn,
    version: int,
    what: str,
    assignee_id: UUID,
    working_days: int,
    now: datetime,
    calendar: CalendarOverrides = NO_OVERRIDES,
) -> CaseTask:
    """Ask a colleague to look again within so many working days from today.

    Raises as `write_note` does, InvalidInput `working-days-out-of-range` or
    `assignee-not-possible` for someone who does not work on this unit's cases.
    """
    if not 1 <= working_days <= LONGEST_WORKING_DAYS:
        raise InvalidInput(
            "working-days-out-of-range",
            Words(
                f"期限须为 1 到 {LONGEST_WORKING_DAYS} 个工作日。",
                f"The time has 1 to {LONGEST_WORKING_DAYS} working days.",
            ),
            field="working_days",
        )
    note = write_note(
        session, case_id=case_id, staff=staff, version=version, body=what, now=now,
        action="case_task_added",
    )  # fmt: skip
    unit_id = session.get_one(Case, case_id).unit_id
    if assignee_id not in {each.staff_id for each in colleagues(session, unit_id=unit_id)}:
        raise InvalidInput(
            "assignee-not-possible",
            Words(
                "此人不办理本机构的案件，请另选一人。",
                "That person does not work on this unit's cases: choose somebody else.",
            ),
            field="assignee_id",
        )
    due = due_date(local_date(now), working_days, overrides=calendar)
    task = CaseTask(
        note_id=note.id, assignee_id=assignee_id, due_on=due.date, due_provisional=due.provisional
    )
    session.add(task)
    session.flush()
    return task


def finish_task(
    session: Session,
    *,
    case_id: UUID,
    task_id: UUID,
    staff: SignedIn,
    version: int,
    result: str,
    outcome: str,
    now: datetime,
) -> CaseTask:
    """Write down what the re-inspection found; `task_id` is the id of its note.

    Raises NotFound, Conflict `case-changed` or `task-done`, InvalidInput
    `record-field-invalid`, `note-too-long`.
    """
    case = lock_case(session, case_id=case_id, staff=staff, version=version)
    task = session.scalars(
        select(CaseTask)
        .join(CaseNote, CaseNote.id == CaseTask.note_id)
        .where(CaseTask.note_id == task_id, CaseNote.case_id == case.id)
    ).one_or_none()
    if task is None:
        raise not_found()
    if task.done_at is not None:
        raise Conflict(
            "task-done",
            Words("这项复查已经登记过结果。", "The result of this task is recorded already."),
        )
    outcome = outcome.replace("\r\n", "\n").replace("\0", "").strip()
    if result not in REINSPECTION_RESULTS:
        raise InvalidInput(
            "record-field-invalid",
            Words("请选择复查结果。", "Choose the result of the re-inspection."),
            field="result",
        )
    if len(outcome) > MOST_CHARS:
        raise InvalidInput(
            "note-too-long",
            Words(f"说明最多 {MOST_CHARS} 字。", f"At most {MOST_CHARS} characters."),
            field="outcome",
        )
    task.done_at, task.done_by = now, staff.staff_id
    task.result, task.outcome = result, outcome
    note_change(
        session,
        case=case,
        staff=staff,
        action="case_task_done",
        after={"note_id": str(task.note_id), "result": result},
    )
    return task


def tasks_of(session: Session, *, staff: SignedIn) -> tuple[MyTask, ...]:
    """Return the tasks that wait for someone, the most urgent first."""
    rows = session.execute(
        select(CaseTask, CaseNote, Case, Staff.name)
        .join(CaseNote, CaseNote.id == CaseTask.note_id)
        .join(Case, Case.id == CaseNote.case_id)
        .join(Staff, Staff.id == CaseNote.author_id)
        .where(
            CaseTask.assignee_id == staff.staff_id,
            CaseTask.done_at.is_(None),
            visible_cases(staff),
        )
        .order_by(CaseTask.due_on, CaseTask.note_id)
    )
    return tuple(MyTask(task, note, case, name) for task, note, case, name in rows)

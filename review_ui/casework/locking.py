"""Take a case in hand for a change: locked, in scope, and as the person's screen showed it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.doorway import not_found
from review_ui.access.staff import SignedIn
from schemas.access import ROLE_NAMES, Right, Role
from schemas.audit_words import told
from schemas.errors import Conflict
from schemas.numbers import LOCAL_ZONE
from schemas.tables import AuditEntry, Case, Unit
from schemas.words import Words

# The audited actions that change what a case's screen shows; each counts the version up.
CHANGES = frozenset(
    {
        "case_advanced",
        "case_proposed",
        "case_sent_back",
        "case_acted",
        "case_due_changed",
        "case_merged",
        "case_unmerged",
        "case_assigned",
        "case_linked",
        "case_unlinked",
        "case_noted",
        "case_task_added",
        "case_task_done",
    }
)


def lock_case(session: Session, *, case_id: UUID, staff: SignedIn, version: int) -> Case:
    """Lock a case's row until the transaction ends and return it.

    Raises NotFound when it is not in the person's tree, Conflict `case-changed` when
    it is no longer as their screen showed it; the sentence says what changed.
    """
    # Locked by its key alone: PostgreSQL checks a condition on another table against the
    # row as it was before the wait, and would not find a case that was moved meanwhile.
    case = session.scalars(
        select(Case)
        .where(Case.id == case_id)
        .with_for_update()
        # The session may hold the row as it was before the lock was waited for.
        .execution_options(populate_existing=True)
    ).one_or_none()
    if case is None or not _is_theirs(session, case, staff):
        raise not_found()
    if case.version != version:
        raise _changed(session, case, version)
    return case


def what_changed(session: Session, *, case_id: UUID, since_version: int) -> list[dict[str, Any]]:
    """Return the changes of a case after a version, oldest first: what, to, act, role, at, version.

    It names the role and not the person: the answer may be kept by other programs.
    """
    entries = session.scalars(
        select(AuditEntry)
        .where(AuditEntry.subject_kind == "case", AuditEntry.subject_id == case_id)
        .order_by(AuditEntry.id.desc())
        .limit(50)
    ).all()
    return [
        {
            "what": entry.action,
            "to": entry.after.get("state"),
            "act": entry.after.get("act"),
            "role": entry.after.get("role"),
            "at": _shown(entry).isoformat(),
            "version": entry.after["version"],
        }
        for entry in reversed(entries)
        if entry.action in CHANGES and entry.after.get("version", 0) > since_version
    ]


def describe_change(change: dict[str, Any], entry_at: str) -> Words:
    """Return one change of `what_changed` as a sentence; `entry_at` is its local time."""
    role = ROLE_NAMES[Role(change["role"])] if change["role"] else Words("系统", "the system")
    what = told(change["what"], {"state": change["to"], "act": change["act"]})
    return Words(
        f"{entry_at}，{role.zh}{what.zh}",
        f"{entry_at}, {role.en.lower()} {what.en}",
    )


def _is_theirs(session: Session, case: Case, staff: SignedIn) -> bool:
    path = session.get_one(Unit, case.unit_id).path
    return path.startswith(staff.paths(Right.WORK_CASES))


def _changed(session: Session, case: Case, version: int) -> Conflict:
    changes = what_changed(session, case_id=case.id, since_version=version)
    sentences = [describe_change(change, _local(change["at"])) for change in changes]
    zh = "；".join(sentence.zh for sentence in sentences) or "系统更新了案件"
    en = "; ".join(sentence.en for sentence in sentences) or "the system updated it"
    return Conflict(
        "case-changed",
        Words(
            f"您打开页面后，案件有了变化：{zh}。您填写的内容没有丢，请看过后再提交。",
            f"The case changed after you opened it: {en}. What you typed is kept: look at "
            "the case and send it again.",
        ),
        version=case.version,
        state=case.state,
        changes=changes,
    )


def _shown(entry: AuditEntry) -> datetime:
    """Return when it was; the machine links a report within seconds of its receipt, so to the hour.

    The exact moment of a tip could tell the shop who was there.
    """
    if entry.actor_kind == "staff":
        return entry.recorded_at
    return entry.recorded_at.replace(minute=0, second=0, microsecond=0)


def _local(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone(LOCAL_ZONE).strftime("%m-%d %H:%M")

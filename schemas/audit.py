"""The append-only log: record a change, seal it into one hash chain, verify the chain.

Entries are written in the transaction of the change; the clock seals the committed
ones every few seconds, so that no writer waits for another. A link's hash is
SHA-256 over the previous link's hash and the entry's canonical JSON (sorted keys,
no spaces, UTF-8), so an altered, removed or reordered entry breaks it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from schemas.tables.audit import AuditEntry, AuditSeal

GENESIS = "0" * 64
_SEAL_LOCK = 0x55_41_55_44


@dataclass(frozen=True)
class Actor:
    """Who made a change: `kind` is rider, anonymous, staff, pipeline or operator."""

    kind: str
    id: UUID | None = None


PIPELINE = Actor("pipeline")
OPERATOR = Actor("operator")
ANONYMOUS = Actor("anonymous")


def record(
    session: Session,
    *,
    actor: Actor,
    action: str,
    subject: tuple[str, UUID],
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Write one entry into the caller's transaction; `subject` is (kind, id).

    The request id of the log context goes with it, so that a change can be
    followed back to the request or job that made it.
    """
    entry = AuditEntry(
        actor_kind=actor.kind,
        actor_id=actor.id,
        action=action,
        subject_kind=subject[0],
        subject_id=subject[1],
        before=dict(before or {}),
        after=dict(after or {}),
        request_id=structlog.contextvars.get_contextvars().get("request_id"),
    )
    session.add(entry)
    return entry


def entry_hash(previous_hash: str, entry: AuditEntry) -> str:
    """Return the chain's hash (hex) of `entry` standing after `previous_hash`."""
    content = {
        "id": str(entry.id),
        "recorded_at": entry.recorded_at.isoformat(timespec="microseconds"),
        "actor_kind": entry.actor_kind,
        "actor_id": str(entry.actor_id) if entry.actor_id else None,
        "action": entry.action,
        "subject_kind": entry.subject_kind,
        "subject_id": str(entry.subject_id),
        "before": entry.before,
        "after": entry.after,
        "request_id": entry.request_id,
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{previous_hash}{canonical}".encode()).hexdigest()


def seal(session: Session, *, limit: int = 5000) -> int:
    """Append up to `limit` committed entries to the chain and return how many.

    One sealer at a time: SQLite's write transaction and PostgreSQL's advisory lock
    see to it. An entry that commits late is simply sealed later; its place in the
    chain is the order of sealing.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SEAL_LOCK})
    last = session.scalars(select(AuditSeal).order_by(AuditSeal.sequence.desc()).limit(1)).first()
    sequence, previous = (last.sequence, last.entry_hash) if last else (0, GENESIS)
    waiting = session.scalars(
        select(AuditEntry)
        .outerjoin(AuditSeal, AuditSeal.entry_id == AuditEntry.id)
        .where(AuditSeal.entry_id.is_(None))
        .order_by(AuditEntry.id)
        .limit(limit)
    ).all()
    for entry in waiting:
        sequence += 1
        link = AuditSeal(
            sequence=sequence,
            entry_id=entry.id,
            previous_hash=previous,
            entry_hash=entry_hash(previous, entry),
        )
        session.add(link)
        previous = link.entry_hash
    return len(waiting)


@dataclass(frozen=True)
class Verification:
    """What a walk over the whole chain found; `fault` is None when it is whole."""

    sealed: int
    unsealed: int
    head: str
    fault: str | None = None
    fault_sequence: int | None = None
    fault_entry: UUID | None = None


def verify(session: Session) -> Verification:
    """Walk the chain from its start and name the first altered, missing or reordered entry."""
    statement = (
        select(AuditSeal, AuditEntry)
        .outerjoin(AuditEntry, AuditEntry.id == AuditSeal.entry_id)
        .order_by(AuditSeal.sequence)
        .execution_options(yield_per=1000)
    )
    unsealed = _count_unsealed(session)
    previous, expected = GENESIS, 1
    # Closed by `with` also when a fault ends the walk: PostgreSQL streams by a cursor.
    with session.execute(statement) as rows:
        for link, entry in rows:
            fault = _fault(link, entry, previous, expected)
            if fault:
                return Verification(
                    expected - 1, unsealed, previous, fault, expected, link.entry_id
                )
            previous, expected = link.entry_hash, expected + 1
    return Verification(expected - 1, unsealed, previous)


def _fault(link: AuditSeal, entry: AuditEntry | None, previous: str, expected: int) -> str | None:
    if link.sequence != expected:
        return "link-missing"
    if link.previous_hash != previous:
        return "link-reordered-or-altered"
    if entry is None:
        return "entry-missing"
    if entry_hash(previous, entry) != link.entry_hash:
        return "entry-altered"
    return None


def _count_unsealed(session: Session) -> int:
    return int(
        session.execute(
            text(
                "SELECT count(*) FROM audit_entries e "
                "LEFT JOIN audit_seals s ON s.entry_id = e.id WHERE s.entry_id IS NULL"
            )
        ).scalar_one()
    )

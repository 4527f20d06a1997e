"""The append-only log: record a change, seal it into one hash chain, verify the chain.

Entries are written in the transaction of the change; the clock seals the committed
ones every few seconds, so that no writer waits for another. A link's hash is
SHA-256 over the previous link's hash and the entry's canonical JSON (sorted keys,
no spaces, UTF-8), so an altered, removed or reordered entry breaks it.

What waits for the chain stands in audit_waiting, where a trigger puts each entry in
its own transaction: a row becomes visible to the sealer at the very commit that makes
its entry visible, however late that is and whatever its id or time. So sealing looks
at what waits and never at the log, and costs the same at a million entries.

A chain whose end was cut off together with its entries is whole by itself: only a
head that was written down elsewhere tells. Each verification keeps the head it met,
and `verify` must meet it again; whoever can alter that table too is found by a head
that was printed and kept outside.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from sqlalchemy import String, case, cast, delete, func, insert, select, text
from sqlalchemy.orm import Session

from schemas.database import new_id, now_utc
from schemas.tables.audit import AuditEntry, AuditSeal, AuditVerification, AuditWaiting

GENESIS = "0" * 64
_SEAL_LOCK = 0x55_41_55_44


@dataclass(frozen=True)
class Actor:
    """Who made a change: `kind` is rider, anonymous, station, staff, pipeline or operator."""

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


def record_each(
    session: Session, *, actor: Actor, action: str, subjects: Iterable[tuple[str, UUID]]
) -> None:
    """Write one entry for each subject at once, for lists of thousands."""
    now, request_id = now_utc(), structlog.contextvars.get_contextvars().get("request_id")
    rows: list[dict[str, Any]] = [
        {
            "id": new_id(),
            "recorded_at": now,
            "actor_kind": actor.kind,
            "actor_id": actor.id,
            "action": action,
            "subject_kind": kind,
            "subject_id": subject_id,
            "before": {},
            "after": {},
            "request_id": request_id,
        }
        for kind, subject_id in subjects
    ]
    if rows:
        session.connection().execute(insert(AuditEntry), rows)


class ChainRow(NamedTuple):
    """One link of the chain beside its entry, whose fields are None when the entry is gone."""

    sequence: int
    entry_id: UUID
    previous_hash: str
    entry_hash: str
    id: UUID | None
    recorded_at: datetime
    actor_kind: str
    actor_id: UUID | None
    action: str
    subject_kind: str
    subject_id: UUID
    before: dict[str, Any]
    after: dict[str, Any]
    request_id: str | None


class Position(NamedTuple):
    """How far a walk has come: the number of whole links and the hash of the last."""

    sealed: int = 0
    head: str = GENESIS


START = Position()


class ChainBroken(Exception):
    """A walk met its first broken link: what is wrong, where, and at which entry."""

    def __init__(self, fault: str, at: Position, entry_id: UUID | None) -> None:
        super().__init__(fault)
        self.fault, self.at, self.entry_id = fault, at, entry_id


def canonical(entry: AuditEntry | ChainRow) -> str:
    """Return an entry's canonical JSON: sorted keys, no spaces."""
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
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def link_hash(previous_hash: str, canonical_entry: str) -> str:
    """Return the chain's hash (SHA-256, hex) of an entry standing after `previous_hash`."""
    return hashlib.sha256(f"{previous_hash}{canonical_entry}".encode()).hexdigest()


def seal(session: Session, *, limit: int = 5000) -> int:
    """Append up to `limit` committed entries to the chain and return how many.

    One sealer at a time: SQLite's write transaction and PostgreSQL's advisory lock
    see to it. An entry that commits late is simply sealed later; its place in the
    chain is the order of sealing.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SEAL_LOCK})
    waiting = session.scalars(
        select(AuditWaiting.entry_id).order_by(AuditWaiting.entry_id).limit(limit)
    ).all()
    if not waiting:
        return 0
    last = session.scalars(select(AuditSeal).order_by(AuditSeal.sequence.desc()).limit(1)).first()
    sequence, previous = (last.sequence, last.entry_hash) if last else START
    # Asked for by their keys, so that no statistics lead the planner through the whole log.
    entries = session.scalars(
        select(AuditEntry).where(AuditEntry.id.in_(waiting)).order_by(AuditEntry.id)
    )
    for number, entry in enumerate(entries, start=sequence + 1):
        link = AuditSeal(
            sequence=number,
            entry_id=entry.id,
            previous_hash=previous,
            entry_hash=link_hash(previous, canonical(entry)),
        )
        session.add(link)
        previous = link.entry_hash
    session.execute(delete(AuditWaiting).where(AuditWaiting.entry_id.in_(waiting)))
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


def verify(session: Session, *, kept_head: str | None = None) -> Verification:
    """Walk the chain from its start and name the first altered, missing or reordered entry.

    Rows are streamed, so the length of the log costs time and no memory. The chain must
    also meet the head of the last verification that found it whole, and `kept_head`,
    a head that somebody wrote down, if one is given.
    """
    before = session.scalars(
        select(AuditVerification)
        .where(AuditVerification.fault.is_(None))
        .order_by(AuditVerification.id.desc())
        .limit(1)
    ).first()
    # Asked before the walk: what is sealed meanwhile then stands in the walk.
    unsealed, unwatched = _unsealed(session)
    at, is_kept_met = START, kept_head in (None, GENESIS)
    try:
        # Closed by `with` also when a fault ends the walk: PostgreSQL streams by a cursor.
        with session.execute(_chain()) as rows:
            for at in _meeting(before, check_links(ChainRow._make(row) for row in rows)):
                is_kept_met = is_kept_met or at.head == kept_head
    except ChainBroken as broken:
        return Verification(
            broken.at.sealed,
            unsealed,
            broken.at.head,
            broken.fault,
            broken.at.sealed + (broken.fault != "head-changed"),
            broken.entry_id,
        )
    if before and at.sealed < before.sealed:
        return Verification(*_ended(at, unsealed), "end-missing", at.sealed + 1)
    if not is_kept_met:
        return Verification(*_ended(at, unsealed), "kept-head-unknown")
    if unwatched:
        return Verification(
            *_ended(at, unsealed), "entry-unwatched", at.sealed + 1, fault_entry=unwatched
        )
    return Verification(*_ended(at, unsealed))


def _meeting(before: AuditVerification | None, positions: Iterable[Position]) -> Iterator[Position]:
    """Pass positions on; raises ChainBroken where an earlier verification met another head."""
    for at in positions:
        if before and at.sealed == before.sealed and at.head != before.head:
            raise ChainBroken("head-changed", at, None)
        yield at


def _ended(at: Position, unsealed: int) -> tuple[int, int, str]:
    return at.sealed, unsealed, at.head


def check_links(rows: Iterable[ChainRow], *, start: Position = START) -> Iterator[Position]:
    """Walk links that follow `start` in their order and yield the position after each whole one.

    Raises ChainBroken at the first link that is not whole: `link-missing`,
    `link-reordered-or-altered`, `entry-missing` or `entry-altered`.
    """
    at = start
    for row in rows:
        fault = _fault(row, at)
        if fault:
            raise ChainBroken(fault, at, row.entry_id)
        at = Position(row.sequence, row.entry_hash)
        yield at


def _fault(row: ChainRow, at: Position) -> str | None:
    if row.sequence != at.sealed + 1:
        return "link-missing"
    if row.previous_hash != at.head:
        return "link-reordered-or-altered"
    if row.id is None:
        return "entry-missing"
    if link_hash(at.head, canonical(row)) != row.entry_hash:
        return "entry-altered"
    return None


def keep_verification(session: Session, *, found: Verification) -> AuditVerification:
    """Write down what a verification found, so that the next one must meet its head again."""
    row = AuditVerification(
        sealed=found.sealed,
        head=found.head,
        fault=found.fault,
        fault_sequence=found.fault_sequence,
    )
    session.add(row)
    session.flush()
    return row


def chain_rows(session: Session) -> Iterator[ChainRow]:
    """Yield the whole chain in its order, streamed."""
    with session.execute(_chain()) as rows:
        yield from map(ChainRow._make, rows)


def _chain() -> Any:
    return (
        select(
            AuditSeal.sequence,
            AuditSeal.entry_id,
            AuditSeal.previous_hash,
            AuditSeal.entry_hash,
            AuditEntry.id,
            AuditEntry.recorded_at,
            AuditEntry.actor_kind,
            AuditEntry.actor_id,
            AuditEntry.action,
            AuditEntry.subject_kind,
            AuditEntry.subject_id,
            AuditEntry.before,
            AuditEntry.after,
            AuditEntry.request_id,
        )
        .outerjoin(AuditEntry, AuditEntry.id == AuditSeal.entry_id)
        .order_by(AuditSeal.sequence)
        .execution_options(yield_per=1000)
    )


def _unsealed(session: Session) -> tuple[int, UUID | None]:
    """Return how many entries are in no link, and the first of those that nothing waits for.

    One statement and so one moment: the sealer takes an entry out of what waits in the
    transaction that puts it into the chain.
    """
    count, watched, first = session.execute(
        select(
            func.count(),
            func.count(AuditWaiting.entry_id),
            func.min(case((AuditWaiting.entry_id.is_(None), cast(AuditEntry.id, String)))),
        )
        .select_from(AuditEntry)
        .outerjoin(AuditSeal, AuditSeal.entry_id == AuditEntry.id)
        .outerjoin(AuditWaiting, AuditWaiting.entry_id == AuditEntry.id)
        .where(AuditSeal.entry_id.is_(None))
    ).one()
    return count, UUID(first) if count > watched else None

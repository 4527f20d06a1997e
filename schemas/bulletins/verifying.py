"""Proves every published issue: its seal, its place in the chain, its figures, counted anew,
what it says it changed, and the form that anybody may see.

Issues are looked at one by one, and of each one's cases some hundred at a time, so that
memory does not grow with the number of issues or of cases.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from schemas.bulletins.causes import deltas_between
from schemas.bulletins.computing import compute
from schemas.bulletins.documents import Bulletin, canonical_json, read_bulletin
from schemas.bulletins.issues import (
    GENESIS,
    PUBLISHED,
    count_issues,
    issue,
    public_document_of,
    seal_of,
)
from schemas.bulletins.methods import METHODS
from schemas.tables import AuditEntry, BulletinIssue

_AT_A_TIME = 20


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing that is wrong: in which issue, of what kind, and where.

    `kind`: seal, chain, figures, deltas, public (the form that anybody may see), method
    (one that this program does not know), signed (the audit log knows another hash) or
    missing (the audit log knows of an issue that is not there). `path` names the figure;
    `published` and `counted` are its two values.
    """

    number: str
    kind: str
    path: str = ""
    published: object = None
    counted: object = None


@dataclass(frozen=True, slots=True)
class Proof:
    """How many issues were found right, and the first that was not, if any."""

    verified: int
    fault: Fault | None


def verify(
    session: Session,
    *,
    scope: str | None = None,
    limit: int | None = None,
    tick: Callable[[int, int], None] = lambda _done, _total: None,
) -> Proof:
    """Verify all issues, or those of one scope, or the first so many, as they were published."""
    total, done = count_issues(session, scope=scope), 0
    previous: dict[str, tuple[int, str]] = {}
    after: tuple[str, int] = ("", 0)
    while batch := _next(session, after, scope):
        for row in batch:
            if done == limit:
                return Proof(done, None)
            fault = _check(session, row, previous.get(row.scope_code)) or _signed(session, row)
            if fault:
                return Proof(done, fault)
            previous = {row.scope_code: (row.sequence, row.sha256)}
            after = (row.scope_code, row.sequence)
            done += 1
            tick(done, total)
        session.expunge_all()
    return Proof(done, None if limit is not None else _missing(session, scope))


def _next(session: Session, after: tuple[str, int], scope: str | None) -> list[BulletinIssue]:
    code, sequence = after
    query = select(BulletinIssue).where(
        (BulletinIssue.scope_code > code)
        | ((BulletinIssue.scope_code == code) & (BulletinIssue.sequence > sequence))
    )
    if scope:
        query = query.where(BulletinIssue.scope_code == scope)
    ordered = query.order_by(BulletinIssue.scope_code, BulletinIssue.sequence)
    return list(session.scalars(ordered.limit(_AT_A_TIME)))


def _check(session: Session, row: BulletinIssue, previous: tuple[int, str] | None) -> Fault | None:
    sequence, sha256 = previous or (0, GENESIS)
    if (row.sequence, row.previous_sha256) != (sequence + 1, sha256):
        return Fault(row.number, "chain", "previous_sha256", row.previous_sha256, sha256)
    published = read_bulletin(row.document)
    method = METHODS.get(published.method)
    if method is None:
        return Fault(row.number, "method", "method", published.method, sorted(METHODS))
    counted = compute(
        session,
        week=published.week,
        scope=published.scope,
        known_at=published.known_at,
        parameters=published.parameters,
        method=method,
    )
    # What differs is named before the seal is looked at: it says more than a hash.
    path = first_difference(json.loads(row.document), json.loads(counted.canonical))
    if path:
        return Fault(row.number, "figures", *path)
    fault = _check_derived(session, row, counted)
    if fault:
        return fault
    if canonical_json(json.loads(row.document)) != row.document or row.sha256 != seal_of(row):
        return Fault(row.number, "seal", "sha256", row.sha256, seal_of(row))
    return None


def _check_derived(session: Session, row: BulletinIssue, counted: Bulletin) -> Fault | None:
    """Make anew what a revision says it changed, and the form that anybody may see."""
    before = (
        issue(session, week=counted.week, scope=row.scope_code, revision=row.revision - 1)
        if row.revision > 1
        else None
    )
    deltas = deltas_between(session, read_bulletin(before.document), counted) if before else {}
    path = first_difference(json.loads(row.deltas), deltas)
    if path:
        return Fault(row.number, "deltas", *path)
    # The log's ids rise with time, and publishing is done one at a time.
    entry = session.scalar(
        select(AuditEntry.id)
        .where(AuditEntry.subject_id == row.id, AuditEntry.action == PUBLISHED)
        .order_by(AuditEntry.id)
        .limit(1)
    )
    public = public_document_of(
        session,
        counted,
        revision=row.revision,
        earlier=before.public_document if before else None,
        signed_before=entry,
    )
    path = first_difference(json.loads(row.public_document), json.loads(canonical_json(public)))
    return Fault(row.number, "public", *path) if path else None


def _signed(session: Session, row: BulletinIssue) -> Fault | None:
    """Compare with what the audit log, which has a chain of its own, knows was signed.

    Whoever alters the last issue and seals it anew leaves the chain of issues whole.
    """
    entries = session.scalars(
        select(AuditEntry.after).where(
            AuditEntry.subject_id == row.id, AuditEntry.action == PUBLISHED
        )
    ).all()
    known = [after.get("sha256") for after in entries]
    if known == [row.sha256]:
        return None
    return Fault(row.number, "signed", "sha256", row.sha256, known[0] if known else None)


def _missing(session: Session, scope: str | None) -> Fault | None:
    """Return the first issue that the audit log knows of and that is not there any more."""
    entries = session.scalars(
        select(AuditEntry.after)
        .where(
            AuditEntry.action == PUBLISHED,
            ~exists().where(BulletinIssue.id == AuditEntry.subject_id),
        )
        .order_by(AuditEntry.id)
    )
    numbers = (str(after.get("number")) for after in entries)
    gone = next((each for each in numbers if scope is None or f"-{scope}-" in each), None)
    return Fault(gone, "missing", "number", gone, None) if gone else None


def first_difference(
    published: Any, counted: Any, path: str = ""
) -> tuple[str, object, object] | None:
    """Return (path, published, counted) of the first value in which two documents differ."""
    if isinstance(published, Mapping) and isinstance(counted, Mapping):
        for key in sorted({*published, *counted}):
            inner = first_difference(
                published.get(key), counted.get(key), f"{path}.{key}" if path else key
            )
            if inner:
                return inner
        return None
    if isinstance(published, list) and isinstance(counted, list):
        if len(published) == len(counted):
            pairs = enumerate(zip(published, counted, strict=True))
            found = (first_difference(*pair, f"{path}[{at}]") for at, pair in pairs)
            return next((each for each in found if each), None)
        return path, len(published), len(counted)
    return None if published == counted else (path, published, counted)

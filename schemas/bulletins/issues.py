"""The life of a bulletin: a draft, counted at will; then published, frozen; then revised.

An issue is never altered. When facts that came late change a figure, the next revision
says by how much and because of which cases; when they change none, there is none.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from schemas import audit
from schemas.access import RIGHTS, Right
from schemas.bulletins.causes import deltas_between
from schemas.bulletins.computing import compute
from schemas.bulletins.documents import Bulletin, canonical_json, digest, read_bulletin
from schemas.bulletins.methods import PRESENT, method_of
from schemas.bulletins.parameters import Parameters
from schemas.bulletins.public import public_form
from schemas.bulletins.territory import prefix_of
from schemas.database import new_id
from schemas.errors import Conflict, NotAllowed, NotFound
from schemas.tables import AuditEntry, BulletinDraft, BulletinIssue, Staff, StaffRole, Unit
from schemas.weeks import Week
from schemas.words import Words

GENESIS = "0" * 64
_PUBLISH_LOCK = 0x42_55_4C_4C
# What the audit log calls the signing of an issue.
PUBLISHED = "bulletin_published"
# Whoever records a fact takes its moment first and commits a little later: nothing takes
# longer than this between the two, or the request would have been broken off.
SETTLES_WITHIN = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Latest:
    """A week's latest published issue, read."""

    issue: BulletinIssue
    bulletin: Bulletin


def draft(
    session: Session, *, week: Week, scope: str, now: datetime, parameters: Parameters
) -> Bulletin:
    """Count a week as it is known now and keep it as the draft that pages show."""
    found = compute(session, week=week, scope=scope, known_at=now, parameters=parameters)
    keep_draft(session, found)
    return found


def keep_draft(session: Session, found: Bulletin) -> None:
    """Keep what was counted as the week's draft, in place of the one before."""
    row = session.get(BulletinDraft, (found.scope, found.week.name)) or BulletinDraft(
        scope_code=found.scope, week=found.week.name
    )
    row.known_at = row.checked_at = found.known_at
    row.totals, row.document = dict(found.totals), found.canonical
    session.add(row)
    session.flush()


def read_draft(session: Session, *, week: Week, scope: str) -> Bulletin | None:
    """Return the draft that was counted last, or None."""
    row = session.get(BulletinDraft, (scope, week.name))
    return read_bulletin(row.document) if row else None


def latest(session: Session, *, week: Week, scope: str) -> Latest | None:
    """Return the latest revision of a week that was published, or None."""
    row = session.scalars(
        select(BulletinIssue)
        .where(BulletinIssue.scope_code == scope, BulletinIssue.week == week.name)
        .order_by(BulletinIssue.revision.desc())
        .limit(1)
    ).one_or_none()
    return Latest(row, read_bulletin(row.document)) if row else None


def issue(session: Session, *, week: Week, scope: str, revision: int) -> BulletinIssue:
    """Return one published revision; raises NotFound `bulletin-unknown`."""
    row = session.scalars(
        select(BulletinIssue).where(
            BulletinIssue.scope_code == scope,
            BulletinIssue.week == week.name,
            BulletinIssue.revision == revision,
        )
    ).one_or_none()
    if row is None:
        raise NotFound(
            "bulletin-unknown",
            Words("没有这一期周报。", "There is no such issue of the bulletin."),
        )
    return row


def publish(
    session: Session,
    *,
    week: Week,
    scope: str,
    signer_id: UUID,
    now: datetime,
    parameters: Parameters,
    known_at: datetime | None = None,
) -> BulletinIssue:
    """Freeze a week's bulletin, signed: the first issue, or the next revision.

    `known_at` is by default the last moment of which everything has come in. Raises
    NotAllowed `not-the-statistician`, Conflict `week-running`, and Conflict
    `bulletin-unchanged` where the latest issue says the same.
    """
    signer = _signer(session, signer_id=signer_id, scope=scope)
    known_at = known_at or settled_at(session, now=now)
    if known_at < week.ends_at:
        raise Conflict(
            "week-running",
            Words(
                f"{week.name} 这一周还没有结束，不能签发；结束后几分钟即可。",
                f"The week {week.name} is not over: it can be published some minutes after.",
            ),
        )
    _lock(session)
    before, found = counted_next(
        session, week=week, scope=scope, known_at=known_at, parameters=parameters
    )
    if before and figures_of(before.bulletin) == figures_of(found):
        raise Conflict(
            "bulletin-unchanged",
            Words(
                f"与第 {before.issue.revision} 版没有差别，不需要再签发。",
                f"Nothing differs from revision {before.issue.revision}: there is nothing to "
                "publish.",
            ),
        )
    row = _sealed(session, found, before, signer, now)
    session.add(row)
    session.flush()
    audit.record(
        session,
        actor=audit.Actor("staff", signer.id),
        action=PUBLISHED,
        subject=("bulletin", row.id),
        after={"number": row.number, "revision": row.revision, "sha256": row.sha256},
    )
    session.flush()
    return row


def counted_next(
    session: Session, *, week: Week, scope: str, known_at: datetime, parameters: Parameters
) -> tuple[Latest | None, Bulletin]:
    """Return a week's latest issue, if any, and what its next one would say.

    What a published week was counted with, and how, stays: only facts make a revision.
    """
    before, method = latest(session, week=week, scope=scope), PRESENT
    if before:
        parameters, method = before.bulletin.parameters, method_of(before.bulletin.method)
    found = compute(
        session, week=week, scope=scope, known_at=known_at, parameters=parameters, method=method
    )
    return before, found


def figures_of(bulletin: Bulletin) -> dict[str, object]:
    """Return what two bulletins of a week are compared by: the week's own figures.

    A changed figure of another week is that week's to publish.
    """
    document = bulletin.document()
    return {name: document[name] for name in ("totals", "tables", "cohorts")}


def settled_at(session: Session, *, now: datetime) -> datetime:
    """Return the last moment of which all that was recorded by then is sure to be there.

    A transaction that began before and is still open may yet bring a fact of its time.
    """
    moment = now
    if session.get_bind().dialect.name == "postgresql":
        oldest = session.scalar(
            text(
                "SELECT min(xact_start) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND backend_xid IS NOT NULL"
            )
        )
        moment = min(moment, oldest.astimezone(UTC)) if oldest else moment
    return moment - SETTLES_WITHIN


def seal_of(row: BulletinIssue) -> str:
    """Return SHA-256 (hex) over everything that an issue says, and the issue before it."""
    return digest(
        canonical_json(
            {
                "previous": row.previous_sha256,
                "number": row.number,
                "scope": row.scope_code,
                "sequence": row.sequence,
                "week": row.week,
                "revision": row.revision,
                "known_at": row.known_at.astimezone(UTC).isoformat(timespec="microseconds"),
                "published_at": row.published_at.astimezone(UTC).isoformat(timespec="microseconds"),
                "signer_id": str(row.signer_id),
                "signer_name": row.signer_name,
                "document": digest(row.document),
                "deltas": digest(row.deltas),
                "public_document": digest(row.public_document),
            }
        )
    )


def _sealed(
    session: Session, found: Bulletin, before: Latest | None, signer: Staff, now: datetime
) -> BulletinIssue:
    last = session.execute(
        select(BulletinIssue.sequence, BulletinIssue.sha256)
        .where(BulletinIssue.scope_code == found.scope)
        .order_by(BulletinIssue.sequence.desc())
        .limit(1)
    ).one_or_none()
    revision = before.issue.revision + 1 if before else 1
    row = BulletinIssue(
        id=new_id(),
        number=f"ZB-{found.scope}-{found.week.name}-{revision}",
        scope_code=found.scope,
        sequence=last.sequence + 1 if last else 1,
        week=found.week.name,
        revision=revision,
        known_at=found.known_at,
        published_at=now,
        signer_id=signer.id,
        signer_name=signer.name[:80],
        document=found.canonical,
        deltas=canonical_json(deltas_between(session, before.bulletin, found) if before else {}),
        public_document=canonical_json(
            public_document_of(
                session,
                found,
                revision=revision,
                earlier=before.issue.public_document if before else None,
            )
        ),
        previous_sha256=last.sha256 if last else GENESIS,
    )
    row.sha256 = seal_of(row)
    return row


def public_document_of(
    session: Session,
    found: Bulletin,
    *,
    revision: int,
    earlier: str | None,
    signed_before: UUID | None = None,
) -> dict[str, Any]:
    """Return the public form, with what was public before in view.

    `earlier` is the public document of the revision before. `signed_before` is the audit
    log's entry of an issue that is proved: only what was signed before it was in view then.
    """
    weeks = [each.week for each in (found.previous, found.last_year) if each]
    others = {}
    for week in weeks:
        other = session.scalar(
            _signed_until(signed_before, BulletinIssue.public_document)
            .where(BulletinIssue.scope_code == found.scope, BulletinIssue.week == week.name)
            .order_by(BulletinIssue.revision.desc())
            .limit(1)
        )
        if other:
            others[week.name] = json.loads(other)
    return public_form(
        found,
        revision=revision,
        earlier=json.loads(earlier) if earlier else None,
        others=others,
        is_elsewhere=_is_elsewhere(session, found, signed_before),
    )


def _signed_until(entry: UUID | None, *columns: Any) -> Select[Any]:
    """Return a query of issues: of all, or of those signed before an entry of the audit log."""
    query = select(*columns)
    if entry is None:
        return query
    signed = select(AuditEntry.id).where(
        AuditEntry.subject_id == BulletinIssue.id,
        AuditEntry.action == PUBLISHED,
        AuditEntry.id < entry,
    )
    return query.where(signed.exists())


def _is_elsewhere(session: Session, found: Bulletin, signed_before: UUID | None) -> bool:
    """Whether this week was opened for an area around this one or within it."""
    prefix = prefix_of(found.scope)
    rows = session.execute(
        _signed_until(signed_before, BulletinIssue.scope_code, BulletinIssue.public_document).where(
            BulletinIssue.week == found.week.name, BulletinIssue.scope_code != found.scope
        )
    )
    return any(
        (prefix.startswith(prefix_of(code)) or prefix_of(code).startswith(prefix))
        and json.loads(public)["totals"]
        for code, public in rows
    )


def _signer(session: Session, *, signer_id: UUID, scope: str) -> Staff:
    """Return who signs: an active member of staff with the right over the whole territory."""
    prefix = prefix_of(scope)
    held = session.execute(
        select(Staff, StaffRole.role, Unit.division_code)
        .join(StaffRole, StaffRole.staff_id == Staff.id)
        .join(Unit, Unit.id == StaffRole.unit_id)
        .where(Staff.id == signer_id)
    )
    for staff, role, code in held:
        covers = prefix.startswith(prefix_of(code))
        if role in RIGHTS[Right.PUBLISH_BULLETINS] and covers and staff.is_active:
            return staff
    raise NotAllowed(
        "not-the-statistician",
        Words(
            "签发周报须由本区域或上级区域的统计员签名。",
            "A bulletin is signed by a statistician of its area or of one above it.",
        ),
    )


def _lock(session: Session) -> None:
    """Let one at a time publish, so that the issues of a scope stand in one row."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _PUBLISH_LOCK})


def count_issues(session: Session, *, scope: str | None = None) -> int:
    """Return how many issues were published, of one scope or of all."""
    query = select(func.count(BulletinIssue.id))
    if scope:
        query = query.where(BulletinIssue.scope_code == scope)
    return session.scalar(query) or 0

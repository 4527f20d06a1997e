"""Answers that stand: what was said to an Idempotency-Key is said again to its repeats.

A rider in a lift shaft repeats until an answer comes through; the key is what makes
that one report and not nine.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from intake.inserting import insert_if_new
from schemas import audit
from schemas.errors import Conflict
from schemas.sealing import Sealer
from schemas.tables import IdempotencyKey
from schemas.words import Words


@dataclass(frozen=True)
class Reporter:
    """Who sends: a rider by id, with a browser's session or a token, or somebody anonymous."""

    rider_id: UUID | None = None
    by_browser: bool = False

    @property
    def scope(self) -> str:
        """Whose Idempotency-Keys these are."""
        return str(self.rider_id) if self.rider_id else "anonymous"

    @property
    def actor(self) -> audit.Actor:
        """How the audit log names the sender."""
        return audit.Actor("rider", self.rider_id) if self.rider_id else audit.ANONYMOUS


@dataclass(frozen=True)
class Answer:
    """What the sender is told, the first time and every time the same key comes again.

    `subject_id` is the report's id, or the supplement's. `is_new` is false for a repeat.
    """

    subject_id: UUID
    number: str
    receipt_code: str
    received_at: datetime
    photo_sha256: tuple[str, ...]
    is_new: bool = True


def digest_of(content: Any) -> str:
    """Return SHA-256 (hex) over the canonical JSON of a request's content."""
    canonical = json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def key_is_known(session: Session, *, reporter: Reporter, key: UUID) -> bool:
    """Whether something was already answered to this key."""
    return session.get(IdempotencyKey, (reporter.scope, key)) is not None


def claim_key(
    session: Session,
    sealer: Sealer,
    reporter: Reporter,
    key: UUID,
    digest: str,
    answer: Answer,
    report_id: UUID,
) -> bool:
    """Whether the key is ours now; if not, another request with it was first and committed."""
    sealed = {
        "subject_id": str(answer.subject_id),
        "number": answer.number,
        "receipt_code": answer.receipt_code,
        "received_at": answer.received_at.isoformat(),
        "photo_sha256": list(answer.photo_sha256),
    }
    row = {
        "scope": reporter.scope,
        "key": key,
        "request_digest": digest,
        "report_id": report_id,
        "sealed_answer": sealer.seal(sealed),
        "created_at": answer.received_at,
    }
    return bool(insert_if_new(session, IdempotencyKey, [row], conflict=("scope", "key")))


def winning_answer(
    session: Session, sealer: Sealer, reporter: Reporter, key: UUID, digest: str
) -> Answer:
    """Return what stands for a key that is taken: the answer of whoever was first with it.

    Raises Conflict `idempotency-key-reused` when it stands for other content.
    """
    row = session.get_one(IdempotencyKey, (reporter.scope, key))
    if row.request_digest != digest:
        raise Conflict(
            "idempotency-key-reused",
            Words(
                "这个 Idempotency-Key 已经用于另一份内容：新的举报请换一个新的。",
                "This Idempotency-Key stands for other content: use a new one for a new tip.",
            ),
            field="Idempotency-Key",
        )
    sealed: dict[str, Any] = sealer.open(row.sealed_answer)
    return Answer(
        subject_id=UUID(sealed["subject_id"]),
        number=sealed["number"],
        receipt_code=sealed["receipt_code"],
        received_at=datetime.fromisoformat(sealed["received_at"]),
        photo_sha256=tuple(sealed["photo_sha256"]),
        is_new=False,
    )

"""Site photos of staff: examined in the limited child, as riders' photos are."""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import select

from schemas.database import now_utc
from schemas.errors import NotFound
from schemas.jobs import EXAMINE_ATTACHMENT
from schemas.tables import CaseAttachment
from workers.examine import Examination, examine_photos
from workers.findings import DIGEST_MISMATCH, NOT_EXAMINED
from workers.machine import Machine

log = structlog.get_logger()

PATIENCE = timedelta(seconds=30)
GIVEN_UP = timedelta(hours=6)
BATCH = 1_000


def examine(attachment_id: UUID, *, machine: Machine) -> None:
    """Decode one photo, keep its derivatives and note what was found; once is enough.

    Raises Unavailable while the store is away; the sweep comes back to it.
    """
    with machine.database.reading() as session:
        attachment = session.get(CaseAttachment, attachment_id)
    if attachment is None or attachment.examined_at is not None:
        return
    try:
        with machine.store.local_copy(attachment.sha256) as path:
            (found,) = examine_photos(
                [path],
                limits=machine.limits_of(EXAMINE_ATTACHMENT),
                do_in_child=machine.do_in_child,
            )
    except NotFound:
        _settle(machine, attachment_id, reason=NOT_EXAMINED, sizes=[])
        return
    if found.sha256 != attachment.sha256:
        log.error("original_altered", attachment_id=str(attachment_id))
        found = Examination(
            sha256=found.sha256, size_bytes=found.size_bytes, unreadable_reason=DIGEST_MISMATCH
        )
    machine.store.put_derivatives(attachment_id, found.derivatives)
    _settle(machine, attachment_id, reason=found.unreadable_reason, sizes=sorted(found.derivatives))


def stuck(machine: Machine, *, now: datetime) -> list[tuple[UUID, bool]]:
    """Return photos that wait for longer than they should, and whether to stop trying."""
    with machine.database.reading() as session:
        rows = session.execute(
            select(CaseAttachment.id, CaseAttachment.received_at)
            .where(
                CaseAttachment.examined_at.is_(None),
                CaseAttachment.received_at <= now - PATIENCE,
            )
            .order_by(CaseAttachment.id)
            .limit(BATCH)
        ).all()
    return [(key, received_at <= now - GIVEN_UP) for key, received_at in rows]


def give_up(attachment_id: UUID, *, machine: Machine) -> None:
    """Mark a photo that could never be examined, so that the page says so."""
    log.error("attachment_given_up", attachment_id=str(attachment_id))
    _settle(machine, attachment_id, reason=NOT_EXAMINED, sizes=[])


def _settle(machine: Machine, attachment_id: UUID, *, reason: str | None, sizes: list[int]) -> None:
    with machine.database.writing() as session:
        row = session.get_one(CaseAttachment, attachment_id, with_for_update=True)
        if row.examined_at is None:
            row.examined_at = now_utc()
            row.unreadable_reason, row.derivative_sizes = reason, sizes

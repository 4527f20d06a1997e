"""What became of uploads that nobody goes on with: their bytes go first, their rows later."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import delete, select, update

from intake.uploads.staging import Staging
from schemas.database import Database
from schemas.tables import Upload

log = structlog.get_logger()
BATCH = 500
# So long a phone that comes back is told «expired» and not «unknown».
TOMBSTONES_KEPT = timedelta(days=7)


def sweep_uploads(database: Database, staging: Staging, *, now: datetime) -> int:
    """Remove the bytes of uploads that expired or were used, and return how many those were.

    The row says first that they are gone, so that no connection can add to an upload whose
    file is being removed; a file that a killed sweep left is a stray.
    """
    cleared = 0
    while batch := _clear(database, now):
        for upload_id in batch:
            staging.remove(upload_id)
        cleared += len(batch)
    if cleared:
        log.info("uploads_swept", cleared=cleared)
    return cleared


def tidy_uploads(
    database: Database, staging: Staging, *, now: datetime, used_kept: timedelta
) -> int:
    """Remove stray files and rows that tell nobody anything more; return how many files.

    `used_kept`: how long the answer to a report may be asked for again.
    """
    with database.writing() as session:
        session.execute(
            delete(Upload).where(
                Upload.used_at.is_(None), Upload.cleared_at < now - TOMBSTONES_KEPT
            )
        )
        session.execute(delete(Upload).where(Upload.used_at < now - used_kept))
    removed, waiting = 0, list(staging.strays())
    for first in range(0, len(waiting), BATCH):
        some = waiting[first : first + BATCH]
        with database.reading() as session:
            standing = session.scalars(
                select(Upload.id).where(Upload.id.in_(some), Upload.cleared_at.is_(None))
            ).all()
        for upload_id in set(some) - set(standing):
            staging.remove(upload_id)
            removed += 1
    if removed:
        log.info("stray_uploads_removed", files=removed)
    return removed


def _clear(database: Database, now: datetime) -> Sequence[UUID]:
    """Mark some uploads whose time is over, so that nobody writes to them any more."""
    with database.writing() as session:
        batch = session.scalars(
            select(Upload.id)
            .where(Upload.cleared_at.is_(None), Upload.expires_at <= now)
            .order_by(Upload.expires_at)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        ).all()
        session.execute(
            update(Upload)
            .where(Upload.id.in_(batch))
            .values(cleared_at=now, turn=None, address_digest="", sealed_metadata=b"")
        )
        return batch

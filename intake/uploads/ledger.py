"""The rows of uploads: whose they are, how far they came, and whose turn it is to write.

An offset moves by compare-and-set only: where it stood, and under the turn of the
connection that wrote the bytes. So a connection that was given up, by the phone or by
the network, can neither block the next one nor add to what that one has sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, CursorResult, delete, func, select, update
from sqlalchemy.orm import Session

from intake.answers import Reporter
from intake.gate.inspecting import MAX_BYTES
from intake.limits import network_of
from intake.refusals import MEBIBYTE
from intake.uploads import refusals
from intake.uploads.protocol import Metadata
from schemas.errors import SuishoupaiError
from schemas.sealing import Sealer, new_token, token_hash
from schemas.settings import Settings
from schemas.tables import Upload

TOKEN_PREFIX = "up"  # noqa: S105 - what a token begins with, not a token

# A repeat of the same report that comes at the same moment may still read the bytes.
USED_BYTES_KEPT = timedelta(minutes=5)


@dataclass(frozen=True)
class Turn:
    """The right to write behind `offset_bytes`, until somebody else takes it."""

    upload_id: UUID
    turn: UUID
    offset_bytes: int
    length_bytes: int | None
    expires_at: datetime


def create(
    session: Session,
    *,
    sealer: Sealer,
    settings: Settings,
    reporter: Reporter,
    address: str,
    length_bytes: int | None,
    metadata: Metadata,
    now: datetime,
) -> tuple[Upload, str]:
    """Make room for one photo; return its row and the capability that its address holds.

    Raises TooMany `uploads-open-too-many`.
    """
    digests = sealer.digests("upload-address", network_of(address))
    _check_room(
        session,
        settings,
        reporter,
        digests,
        MAX_BYTES if length_bytes is None else length_bytes,
        now,
    )
    token = new_token(TOKEN_PREFIX)
    upload = Upload(
        token_hash=token_hash(token),
        rider_id=reporter.rider_id,
        address_digest=digests[0],
        sealed_metadata=sealer.seal(metadata.raw),
        length_bytes=length_bytes,
        offset_bytes=0,
        created_at=now,
        expires_at=now + timedelta(hours=settings.upload_hours),
    )
    session.add(upload)
    session.flush()
    return upload, token


def find(session: Session, *, token: str, reporter: Reporter, now: datetime) -> Upload:
    """Return the upload at an address, if it is open and the reporter's to go on with.

    An anonymous one belongs to whoever holds its address. Raises NotFound
    `upload-unknown`, `upload-used`, `upload-expired`.
    """
    upload = find_any(session, token=token, reporter=reporter)
    if upload.used_at is not None:
        raise refusals.used()
    if upload.cleared_at is not None or upload.expires_at <= now:
        raise refusals.expired()
    return upload


def find_any(session: Session, *, token: str, reporter: Reporter) -> Upload:
    """Return the reporter's upload at an address, whatever became of it.

    Raises NotFound `upload-unknown`.
    """
    upload = session.scalars(
        select(Upload)
        .where(Upload.token_hash == token_hash(token))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if upload is None or upload.rider_id not in (None, reporter.rider_id):
        raise refusals.unknown()
    return upload


def take_turn(
    session: Session, *, upload: Upload, offset_bytes: int | None, length_bytes: int | None
) -> Turn:
    """Take the right to write; whoever had it stops at its next write.

    `offset_bytes` is where the caller means to go on, None to be told. `length_bytes`
    is the length where the caller says it. Raises Conflict `upload-offset-differs`,
    InvalidInput `upload-length-fixed`, and NotFound for one that ended meanwhile.
    """
    known = upload.length_bytes
    if length_bytes is not None and (
        length_bytes < upload.offset_bytes or known not in (None, length_bytes)
    ):
        raise refusals.length_fixed(upload.offset_bytes if known is None else known)
    length = length_bytes if known is None else known
    turn = uuid4()
    found = session.execute(
        update(Upload)
        .where(*_open(upload.id))
        .where(*(() if offset_bytes is None else (Upload.offset_bytes == offset_bytes,)))
        # Of two that say a length at the same moment the first one's stands.
        .where(*(() if length == known else (Upload.length_bytes.is_(None),)))
        .values(turn=turn, length_bytes=length)
        .returning(Upload.offset_bytes)
    ).one_or_none()
    if found is None:
        raise _why_no_turn(session, upload.id, length_bytes)
    return Turn(upload.id, turn, found[0], length, upload.expires_at)


def _why_no_turn(session: Session, upload_id: UUID, length_bytes: int | None) -> SuishoupaiError:
    now = session.get(Upload, upload_id, populate_existing=True)
    if now is None:
        return refusals.unknown()
    if now.used_at is not None:
        return refusals.used()
    if now.cleared_at is not None:
        return refusals.expired()
    if length_bytes is not None and now.length_bytes not in (None, length_bytes):
        return refusals.length_fixed(now.length_bytes)
    return refusals.offset_differs(now.offset_bytes)


def holds_turn(session: Session, turn: Turn) -> bool:
    """Whether nobody has taken the turn since."""
    return (
        session.scalar(select(Upload.id).where(Upload.turn == turn.turn, *_open(turn.upload_id)))
        is not None
    )


def advance(
    session: Session, *, turn: Turn, old_bytes: int, new_bytes: int, expires_at: datetime
) -> bool:
    """Move the offset over bytes that are durable; false when it is not one's turn any more."""
    return _changes(
        session,
        update(Upload)
        .where(Upload.turn == turn.turn, Upload.offset_bytes == old_bytes, *_open(turn.upload_id))
        .values(offset_bytes=new_bytes, expires_at=expires_at),
    )


def use(session: Session, *, used: Sequence[tuple[UUID, str]], now: datetime) -> None:
    """Let a report have its uploads (ids with the SHA-256 of each), once.

    What told the sender's address, and what the phone called the photo, goes at once.
    Raises NotFound `upload-used` where another report was first.
    """
    for upload_id, sha256 in used:
        if not _changes(
            session,
            update(Upload)
            .where(*_open(upload_id))
            .values(
                used_at=now,
                sha256=sha256,
                turn=None,
                address_digest="",
                sealed_metadata=b"",
                expires_at=now + USED_BYTES_KEPT,
            ),
        ):
            raise refusals.used()


def end(session: Session, *, upload_id: UUID) -> None:
    """Forget an upload that no report has used; its bytes are the caller's to remove."""
    session.execute(delete(Upload).where(Upload.id == upload_id, Upload.used_at.is_(None)))


def _open(upload_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return (Upload.id == upload_id, Upload.used_at.is_(None), Upload.cleared_at.is_(None))


def _changes(session: Session, statement: Any) -> bool:
    result: CursorResult[Any] = session.execute(  # type: ignore[assignment]  # of an UPDATE it is
        statement.execution_options(synchronize_session=False)
    )
    return result.rowcount == 1


def _check_room(
    session: Session,
    settings: Settings,
    reporter: Reporter,
    digests: Sequence[str],
    more_bytes: int,
    now: datetime,
) -> None:
    """Raise TooMany where a rider or an address would have too much open at once.

    Two that begin at the same moment may both find the last room: the limit is there
    against hundreds, and one more does no harm.
    """
    limits: list[tuple[ColumnElement[bool], int, int]] = [
        (
            Upload.address_digest.in_(digests),
            settings.address_open_uploads,
            settings.address_open_upload_mb,
        )
    ]
    if reporter.rider_id is not None:
        limits.append(
            (
                Upload.rider_id == reporter.rider_id,
                settings.rider_open_uploads,
                settings.rider_open_upload_mb,
            )
        )
    for whose, most, most_mb in limits:
        count, size_bytes = session.execute(
            select(
                func.count(),
                func.coalesce(func.sum(func.coalesce(Upload.length_bytes, MAX_BYTES)), 0),
            ).where(
                whose,
                Upload.used_at.is_(None),
                Upload.cleared_at.is_(None),
                Upload.expires_at > now,
            )
        ).one()
        if count >= most or size_bytes + more_bytes > most_mb * MEBIBYTE:
            raise refusals.too_many_open()

"""From finished uploads to the photos of a report: checked, lent, used once."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from intake.answers import Reporter
from intake.door import Door
from intake.form import MAX_PHOTOS_BYTES, ReceivedPhoto
from intake.refusals import photos_too_large
from intake.uploads import ledger, refusals
from intake.uploads.protocol import Metadata, read_metadata
from schemas.database import now_utc
from schemas.errors import SuishoupaiError
from schemas.tables import Upload
from schemas.words import Words

log = structlog.get_logger()
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,80}", re.ASCII)


@dataclass(frozen=True)
class Found:
    """The uploads that a request names, in its order; each is open or used already."""

    uploads: tuple[Upload, ...]

    @property
    def are_used(self) -> bool:
        """Whether a report has one of them already."""
        return any(upload.used_at is not None for upload in self.uploads)

    @property
    def sums(self) -> tuple[str, ...]:
        """The SHA-256 (hex) of each photo that was used; empty for the others."""
        return tuple(upload.sha256 or "" for upload in self.uploads)

    def used_refusal(self) -> SuishoupaiError:
        """Return the refusal for the first that was used."""
        places = [p for p, upload in enumerate(self.uploads, start=1) if upload.used_at]
        return _naming(refusals.used(), places[0], len(self.uploads))


def token_of(address: str) -> str:
    """Return the capability in an upload's address, or the address if it is nothing else.

    Raises NotFound `upload-unknown`.
    """
    token = urlsplit(address.strip()).path.rstrip("/").rpartition("/")[2]
    if not _TOKEN.fullmatch(token):
        raise refusals.unknown()
    return token


def find_named(door: Door, *, addresses: Sequence[str], reporter: Reporter) -> Found:
    """Return the uploads that a request names.

    Raises NotFound `upload-unknown`, `upload-expired`; Conflict `upload-unfinished`;
    InvalidInput `upload-named-twice`. Each says which photo it is.
    """
    found: list[Upload] = []
    with door.database.reading() as session:
        for place, address in enumerate(addresses, start=1):
            try:
                upload = _find_one(session, address, reporter, place)
            except SuishoupaiError as error:
                raise _naming(error, place, len(addresses)) from None
            if any(other.id == upload.id for other in found):
                raise refusals.twice(place)
            found.append(upload)
    return Found(tuple(found))


def lend(door: Door, found: Found) -> list[ReceivedPhoto]:
    """Return finished uploads as photos that came in, each with the sum of its bytes.

    The files stay until the sweep takes them, so that a repeat at the same moment finds
    them too. Raises TooLarge `photos-too-large-together`, NotFound `upload-lost`, and
    InvalidInput `upload-sum-mismatch` where the bytes are not those that the phone
    summed, and ends that upload.
    """
    if sum(upload.offset_bytes for upload in found.uploads) > MAX_PHOTOS_BYTES:
        raise photos_too_large(MAX_PHOTOS_BYTES)
    photos = []
    for place, upload in enumerate(found.uploads, start=1):
        try:
            photos.append(_lend(door, upload))
        except SuishoupaiError as error:
            raise _naming(error, place, len(found.uploads)) from None
    return photos


def use(session: Session, *, found: Found, photo_sha256: Sequence[str]) -> None:
    """Let a report have its uploads, in the transaction in which it is made.

    Raises NotFound `upload-used` where another report was first.
    """
    if found.uploads:
        ids = [upload.id for upload in found.uploads]
        ledger.use(session, used=list(zip(ids, photo_sha256, strict=True)), now=now_utc())


def check_sum(door: Door, upload: Upload, *, length_bytes: int) -> str:
    """Return the SHA-256 (hex) of a whole upload, if it is what the phone has.

    Raises InvalidInput `upload-sum-mismatch`: then the upload is ended, since nothing
    tells which of its bytes are wrong. Raises NotFound `upload-lost`.
    """
    with door.staging.opened(upload.id, offset_bytes=length_bytes) as file, file.locked():
        sha256 = file.close_at(length_bytes)
    if metadata_of(door, upload).sha256 not in (None, sha256):
        log.warning("upload_sum_mismatch", upload_id=str(upload.id), length_bytes=length_bytes)
        end(door, upload.id)
        raise refusals.sum_mismatch()
    return sha256


def metadata_of(door: Door, upload: Upload) -> Metadata:
    """Return what the phone said of the photo."""
    return read_metadata(door.sealer.open(upload.sealed_metadata))


def end(door: Door, upload_id: UUID) -> None:
    """Forget an upload and remove its bytes."""
    door.commit(lambda session: ledger.end(session, upload_id=upload_id))
    door.staging.remove(upload_id)


def _find_one(session: Session, address: str, reporter: Reporter, place: int) -> Upload:
    upload = ledger.find_any(session, token=token_of(address), reporter=reporter)
    if upload.used_at is not None:
        return upload
    if upload.cleared_at is not None or upload.expires_at <= now_utc():
        raise refusals.expired()
    if upload.offset_bytes != upload.length_bytes:
        raise refusals.unfinished(place, upload.offset_bytes, upload.length_bytes)
    return upload


def _lend(door: Door, upload: Upload) -> ReceivedPhoto:
    return ReceivedPhoto(
        door.staging.path_of(upload.id),
        check_sum(door, upload, length_bytes=upload.offset_bytes),
        upload.offset_bytes,
        metadata_of(door, upload).content_type,
    )


def _naming(error: SuishoupaiError, place: int, photos: int) -> SuishoupaiError:
    """Say of which photo a refusal speaks."""
    if photos > 1 and "photo" not in error.facts:
        error.words = Words(
            f"第 {place} 张照片：{error.words.zh}", f"Photo {place}: {error.words.en}"
        )
    error.facts["photo"] = place
    return error

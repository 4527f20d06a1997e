"""Writes what the examination of a photo found: its facts, claims, and search keys."""

from dataclasses import replace
from typing import Any, cast

import structlog
from sqlalchemy import Table, bindparam, delete
from sqlalchemy.orm import Session

from intake.inserting import insert_rows
from schemas.places import Datum, to_wgs84
from schemas.tables import Claim, Photo, PhotoExamination, PhotoHash, PhotoRegions
from workers.examine import Examination
from workers.fingerprints import PARTS
from workers.metadata import Metadata

log = structlog.get_logger()

# Reasons that are found here and not by the decoders.
DIGEST_MISMATCH, NOT_EXAMINED = "digest-mismatch", "examination-failed"

# How an EXIF map datum says that a phone wrote shifted coordinates.
_SHIFTED = {"GCJ02": Datum.GCJ02, "BD09": Datum.BD09, "BD09LL": Datum.BD09}


_GIVEN_UP = delete(cast(Table, PhotoExamination.__table__)).where(
    PhotoExamination.photo_id == bindparam("given_up"),
    PhotoExamination.unreadable_reason == NOT_EXAMINED,
)


def verified(photo: Photo, examination: Examination) -> Examination:
    """Return the examination, emptied and marked when the bytes are not those received.

    Evidence that has changed in the store is worth nothing, whatever it shows.
    """
    if examination.sha256 == photo.sha256:
        return examination
    log.error(
        "original_altered",
        photo_id=str(photo.id),
        expected_sha256=photo.sha256,
        found_sha256=examination.sha256,
        found_bytes=examination.size_bytes,
    )
    return replace(
        Examination(sha256=examination.sha256, size_bytes=examination.size_bytes),
        unreadable_reason=DIGEST_MISMATCH,
    )


def store_examination(session: Session, *, photo: Photo, examination: Examination) -> None:
    """Write one photo's examination with its claims and search keys, in the caller's transaction.

    It takes the place of a row that says the photo was given up unexamined.
    """
    session.flush()
    session.connection().execute(_GIVEN_UP, {"given_up": photo.id})
    row = {
        "photo_id": photo.id,
        "unreadable_reason": examination.unreadable_reason,
        "content_type": examination.content_type,
        "width": examination.width,
        "height": examination.height,
        "orientation": examination.orientation,
        "facts": _facts(examination),
        "notes": list(examination.notes),
        "derivative_sizes": sorted(examination.derivatives),
    }
    insert_rows(session, PhotoExamination, [row])
    if examination.metadata:
        insert_rows(session, Claim, _claims(photo, examination.metadata))
    # Of those that mean nothing, no search finds any; they are kept to say why. Parts are
    # only asked with: one messenger's frame stored from two screenshots would be a match.
    hashes = [
        {"photo_id": photo.id, "variant": each.variant, "pdq": each.pdq, "quality": each.quality}
        for each in examination.fingerprints
        if each.variant not in PARTS
    ]
    insert_rows(session, PhotoHash, hashes)
    if examination.derivatives or examination.regions:
        # Also where there are none: so that nobody looks for them again.
        stored, data = examination.regions_stored, examination.regions
        insert_rows(session, PhotoRegions, [{"photo_id": photo.id, "stored": stored, "data": data}])


def give_up_on(session: Session, *, photo: Photo) -> None:
    """Mark a photo that the pipeline never managed to examine."""
    session.add(PhotoExamination(photo_id=photo.id, unreadable_reason=NOT_EXAMINED))
    session.flush()


def _facts(examination: Examination) -> dict[str, Any]:
    said = examination.metadata or Metadata()
    facts = {
        "sha256": examination.sha256,
        "make": said.make,
        "model": said.model,
        "software": said.software,
        "lens": said.lens,
        "place_name": said.place_name,
        "altitude_m": said.altitude_m,
        "direction_deg": said.direction_deg,
        "map_datum": said.map_datum,
        "exif_orientation": said.orientation,
        "detail": examination.detail or None,
        "screen_grid": examination.screen_grid or None,
        "screen_share": examination.bezel and examination.bezel.share,
        "screen_slant_deg": examination.bezel and examination.bezel.slant_deg,
        "exif_differences": list(said.differences) or None,
        # Kept because a search asks with all eight, and a crash may lie in between.
        "dihedral": {
            each.variant: b"".join(each.dihedral).hex()
            for each in examination.fingerprints
            if each.matchable
        }
        or None,
    }
    return {name: value for name, value in facts.items() if value is not None}


# Rows that are inserted together have the same columns.
_RAW = ("raw_latitude", "raw_longitude", "datum")
_NO_CLAIM = dict.fromkeys((*_RAW, "latitude", "longitude", "accuracy_m", "moment"))


def _claims(photo: Photo, said: Metadata) -> list[dict[str, Any]]:
    claims: list[dict[str, Any]] = []
    if said.latitude is not None and said.longitude is not None:
        written = "".join(letter for letter in said.map_datum or "" if letter.isalnum()).upper()
        # EXIF coordinates are WGS-84 unless the phone itself says otherwise.
        datum = _SHIFTED.get(written, Datum.WGS84)
        point = to_wgs84(said.latitude, said.longitude, datum)
        claims.append(
            {
                "kind": "place",
                "source": "exif_gps",
                "raw_latitude": said.latitude,
                "raw_longitude": said.longitude,
                "datum": datum.value,
                "latitude": point.latitude,
                "longitude": point.longitude,
                "accuracy_m": said.accuracy_m,
            }
        )
    if said.taken_at_utc is not None:
        claims.append(
            {
                "kind": "time",
                "source": "exif_time",
                "moment": said.taken_at_utc,
                "offset_assumed": said.offset_assumed,
            }
        )
    if said.gps_at_utc is not None:
        claims.append({"kind": "time", "source": "gps_time", "moment": said.gps_at_utc})
    own = {"report_id": photo.report_id, "photo_id": photo.id, "offset_assumed": False}
    return [{**_NO_CLAIM, **own, **claim} for claim in claims]

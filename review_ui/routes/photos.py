"""Pictures of cases: derivatives without metadata, never the original file."""

from uuid import UUID

from flask import Blueprint, Response
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute

from intake.doorway import Entry, enters, not_found
from review_ui.access.scope import visible_cases
from review_ui.room import person, room
from schemas.tables import Case, CaseReport, Match, Photo, PhotoExamination
from schemas.tables.photos import EVIDENCE_EDGE

photos = Blueprint("photos", __name__)


@photos.get("/photos/<uuid:photo_id>/<int:size>.jpg")
@enters(Entry.SEE_CASES)
def show_photo(photo_id: UUID, size: int) -> Response:
    """Serve a derivative of a photo whose report stands in a case of the person's."""
    with room().database.reading() as db:
        sizes = db.scalar(
            select(PhotoExamination.derivative_sizes)
            .join(Photo, Photo.id == PhotoExamination.photo_id)
            .where(Photo.id == photo_id, _is_theirs(Photo.report_id))
        )
    return _picture(room().store.read_derivative(photo_id, size) if size in (sizes or ()) else None)


@photos.get("/photos/evidence/<uuid:match_id>.jpg")
@enters(Entry.SEE_CASES)
def show_evidence(match_id: UUID) -> Response:
    """Serve the picture of a match's evidence, which holds a photo of each of two reports.

    For those only in whose cases both reports stand.
    """
    with room().database.reading() as db:
        is_theirs = db.scalar(
            select(Match.id).where(
                Match.id == match_id, _is_theirs(Match.report_id), _is_theirs(Match.other_report_id)
            )
        )
    return _picture(room().store.read_derivative(match_id, EVIDENCE_EDGE) if is_theirs else None)


def _is_theirs(report_id: InstrumentedAttribute[UUID]) -> ColumnElement[bool]:
    """Return the condition that a report stands in a case of the person's."""
    return (
        select(CaseReport.id)
        .join(Case, Case.id == CaseReport.case_id)
        .where(
            CaseReport.report_id == report_id,
            CaseReport.unlinked_at.is_(None),
            visible_cases(person()),
        )
        .exists()
    )


def _picture(data: bytes | None) -> Response:
    if data is None:
        raise not_found()
    answer = Response(data, content_type="image/jpeg")
    answer.headers["Content-Disposition"] = 'inline; filename="photo.jpg"'
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    # A derivative never changes; the browser's own cache is as private as the page.
    answer.headers["Cache-Control"] = "private, max-age=604800, immutable"
    return answer

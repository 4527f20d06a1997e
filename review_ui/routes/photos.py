"""Pictures of cases: derivatives without metadata, never the original file."""

from uuid import UUID

from flask import Blueprint, Response
from sqlalchemy import select

from intake.doorway import Entry, enters, not_found
from review_ui.access.scope import visible_cases
from review_ui.room import person, room
from schemas.tables import Case, CaseReport, Photo, PhotoExamination

photos = Blueprint("photos", __name__)


@photos.get("/photos/<uuid:photo_id>/<int:size>.jpg")
@enters(Entry.SEE_CASES)
def show_photo(photo_id: UUID, size: int) -> Response:
    """Serve a derivative of a photo whose report stands in a case of the person's."""
    with room().database.reading() as db:
        sizes = db.scalar(
            select(PhotoExamination.derivative_sizes)
            .join(Photo, Photo.id == PhotoExamination.photo_id)
            .where(
                Photo.id == photo_id,
                select(CaseReport.id)
                .join(Case, Case.id == CaseReport.case_id)
                .where(
                    CaseReport.report_id == Photo.report_id,
                    CaseReport.unlinked_at.is_(None),
                    visible_cases(person()),
                )
                .exists(),
            )
        )
    data = room().store.read_derivative(photo_id, size) if sizes and size in sizes else None
    if data is None:
        raise not_found()
    answer = Response(data, content_type="image/jpeg")
    answer.headers["Content-Disposition"] = 'inline; filename="photo.jpg"'
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    # A derivative never changes; the browser's own cache is as private as the page.
    answer.headers["Cache-Control"] = "private, max-age=604800, immutable"
    return answer

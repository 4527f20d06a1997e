"""Finds the regions of photos that were examined before regions were found."""

import io
from collections.abc import Sequence
from uuid import UUID

from PIL import Image
from sqlalchemy import select

from intake.inserting import insert_if_new
from intake.photos import PhotoStore
from schemas.database import Database
from schemas.tables import PhotoExamination, PhotoRegions
from workers.regions.finding import find_regions, pack

# Of the derivatives, which our own encoder has made: nothing that came from outside is opened.
LOOKED_AT = 1280


def keep_missing(database: Database, store: PhotoStore, *, photo_ids: Sequence[UUID]) -> int:
    """Store the regions of those of the photos that have none; return how many were looked at.

    They come from the copy that is served: of what the rider brushed over, none is found.
    """
    with database.reading() as session:
        missing = session.scalars(
            select(PhotoExamination.photo_id)
            .outerjoin(PhotoRegions, PhotoRegions.photo_id == PhotoExamination.photo_id)
            .where(PhotoExamination.photo_id.in_(photo_ids), PhotoRegions.id.is_(None))
        ).all()
    rows = []
    for photo_id in missing:
        data = store.read_derivative(photo_id, LOOKED_AT)
        if data:
            found, stored = find_regions(Image.open(io.BytesIO(data)).convert("RGB"))
            rows.append({"photo_id": photo_id, "stored": stored, "data": pack(found)})
    if rows:
        with database.writing() as session:
            insert_if_new(session, PhotoRegions, rows, conflict=("photo_id",))
    return len(rows)

"""Which photos to compare closely with those of a report: of what is near, and of all."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from schemas.tables import Report
from workers.closely.scope import related_photos
from workers.policy import POLICY, MatchPolicy
from workers.regions.searching import Candidate, photos_with_parts
from workers.seen.memory import Memory


def candidates_of(
    session: Session,
    *,
    report: Report,
    photo_ids: Sequence[UUID],
    policy: MatchPolicy = POLICY,
    memory: Memory | None = None,
) -> list[Candidate]:
    """Return photos of other reports, the likeliest first, each once a way that it may lie.

    First those that share regions with ours wherever they came from, then those that share
    shop, rider, spot or moment.
    """
    parts = photos_with_parts(
        session, report_id=report.id, photo_ids=photo_ids, policy=policy, memory=memory
    )
    related = [Candidate(*each) for each in related_photos(session, report=report)]
    return list(dict.fromkeys([*parts, *related]))

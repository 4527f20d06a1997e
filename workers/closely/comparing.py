"""Finds other reports with an altered copy, a part, or another shot of one of our photos.

Candidates come from what shares a shop, rider, spot or moment (`workers.closely.scope`). Each
is compared by its corners; what those align is compared pixel by pixel. The result is a
suggestion with its score, its reason and a picture of the evidence.
"""

import math
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

import cv2
import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from intake.photos import PhotoStore
from schemas.database import random_id
from schemas.tables import Report
from schemas.tables.photos import EVIDENCE_EDGE
from workers.closely.alignment import Alignment, Likeness, align, likeness
from workers.closely.drawing import draw_evidence
from workers.closely.features import STORED_AS, Features, unpack
from workers.match import insert_matches, match_row, where_and_when
from workers.policy import POLICY, MatchPolicy

ALTERED_PICTURE, SAME_SCENE = "altered_picture", "same_scene"
# By the clock, for all photos of a tip: the nearest come first, and a tip doesn't wait.
MOST_SECONDS = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseMatch:
    """Another report with a photo that shows what ours shows, in part or from elsewhere.

    `match_id` is the match's id to be, under which its evidence lies in the store; `spots`
    how many distinct spots align; `score` how alike what lies on each other is (0–1), and
    `common` which share of the other picture that is.
    """

    match_id: UUID
    kind: str
    other_report_id: UUID
    photo_id: UUID
    other_photo_id: UUID
    spots: int
    score: float
    common: float

    def facts(self) -> dict[str, float]:
        """Return the numbers that are stored with the match."""
        return {
            "spots": self.spots,
            # Down, so that what is stored stands on the same side of a threshold.
            "score": math.floor(1_000 * self.score) / 1_000,
            "common": round(self.common, 3),
        }


def compare_closely(
    store: PhotoStore,
    *,
    photo_ids: Sequence[UUID],
    candidates: Sequence[tuple[UUID, UUID]],
    known: Collection[UUID] = (),
    policy: MatchPolicy = POLICY,
) -> list[CloseMatch]:
    """Return the best close match with each other report, and keep its evidence in the store.

    `candidates` are photo and report, the likeliest first; reports in `known` are left out.
    """
    until = time.monotonic() + MOST_SECONDS
    ours = {photo_id: _features(store, photo_id) for photo_id in photo_ids}
    best: dict[UUID, tuple[Alignment, CloseMatch]] = {}
    for other_photo_id, other_report_id in candidates:
        if other_report_id in known:
            continue
        if time.monotonic() > until:
            break
        theirs = _features(store, other_photo_id)
        for photo_id, features in ours.items():
            aligned = align(features, theirs)
            if aligned is None or aligned.spots < policy.fewest_spots:
                continue
            found = _judged(store, (photo_id, other_photo_id, other_report_id), aligned, policy)
            if found and _is_better(found[1], best.get(other_report_id)):
                best[other_report_id] = found
    for aligned, match in best.values():
        _keep_evidence(store, match, aligned)
    return [match for _, match in best.values()]


def store_close(
    session: Session, *, report: Report, found: Sequence[CloseMatch], policy: MatchPolicy = POLICY
) -> int:
    """Write the close matches that are not known yet, in either direction; return how many."""
    others = where_and_when(session, report=report, others={each.other_report_id for each in found})
    rows = [
        match_row(
            report,
            (each.other_report_id, others[each.other_report_id].received_at),
            kind=each.kind,
            policy=policy,
            photo_id=each.photo_id,
            other_photo_id=each.other_photo_id,
            distance_m=others[each.other_report_id].distance_m,
            facts=each.facts(),
        )
        | {"id": each.match_id}
        for each in found
    ]
    return insert_matches(session, report.id, rows) if rows else 0


def _is_better(one: CloseMatch, known: tuple[Alignment, CloseMatch] | None) -> bool:
    return known is None or (one.kind == ALTERED_PICTURE, one.score) > (
        known[1].kind == ALTERED_PICTURE,
        known[1].score,
    )


def _judged(
    store: PhotoStore, ids: tuple[UUID, UUID, UUID], aligned: Alignment, policy: MatchPolicy
) -> tuple[Alignment, CloseMatch] | None:
    photo_id, other_photo_id, other_report_id = ids
    one, other = _picture(store, photo_id, 1280), _picture(store, other_photo_id, 1280)
    if one is None or other is None:
        return None
    alike = likeness(_grey(one), _grey(other), aligned.perspective)
    kind = kind_of(aligned, alike, policy)
    if kind is None:
        return None
    match = CloseMatch(
        match_id=random_id(),
        kind=kind,
        other_report_id=other_report_id,
        photo_id=photo_id,
        other_photo_id=other_photo_id,
        spots=aligned.spots,
        score=alike.score,
        common=alike.common,
    )
    return aligned, match


def kind_of(aligned: Alignment, alike: Likeness, policy: MatchPolicy = POLICY) -> str | None:
    """Return what two pictures are to one another by how they align, None if nothing."""
    return kind_by(aligned.spots, alike.score, policy)


def kind_by(spots: int, score: float, policy: MatchPolicy) -> str | None:
    """Return the kind of a close match by its numbers, None if it is none."""
    if spots < policy.fewest_spots:
        return None
    if score >= policy.copy_likeness:
        return ALTERED_PICTURE
    if score >= policy.scene_likeness and spots >= policy.scene_spots:
        return SAME_SCENE
    return None


def _features(store: PhotoStore, photo_id: UUID) -> tuple[Features, ...]:
    """Return the features of a photo; none where they were never stored or make no sense."""
    packed = store.read_derivative(photo_id, STORED_AS)
    try:
        return unpack(packed) if packed else ()
    except ValueError:
        # Of an older version: the pictures' hashes still find it.
        return ()


def _picture(store: PhotoStore, photo_id: UUID, size: int) -> NDArray[np.uint8] | None:
    data = store.read_derivative(photo_id, size)
    if data is None:
        return None
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return None if picture is None else np.asarray(picture, np.uint8)


def _grey(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def _keep_evidence(store: PhotoStore, match: CloseMatch, aligned: Alignment) -> None:
    one = _picture(store, match.photo_id, 1280)
    other = _picture(store, match.other_photo_id, 1280)
    if one is not None and other is not None:
        data = draw_evidence(one, other, aligned)
        store.put_derivative(match.match_id, EVIDENCE_EDGE, data)

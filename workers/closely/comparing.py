"""Finds other reports with an altered copy, a part, or another shot of one of our photos.

Candidates come from what shares a shop, rider, spot or moment (`workers.closely.scope`). Each
is compared by its corners; what those align is compared pixel by pixel. The result is a
suggestion with its score, its reason and a picture of the evidence.
"""

import math
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import cv2
import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from intake.photos import PhotoStore
from schemas.database import random_id
from schemas.tables import Report
from schemas.tables.photos import EVIDENCE_EDGE
from workers.closely.alignment import Alignment, Likeness, align, likeness, overlaid
from workers.closely.detail import Box, compare_detail
from workers.closely.drawing import draw_evidence
from workers.closely.features import STORED_AS, Features, find_features, unpack
from workers.match import (
    ALTERED_PICTURE,
    Resemblance,
    insert_matches,
    match_row,
    where_and_when,
)
from workers.policy import POLICY, MatchPolicy
from workers.regions.searching import Candidate

SAME_SCENE = "same_scene"
# By the clock, for all photos of a tip: the nearest come first, and a tip doesn't wait.
MOST_SECONDS = 8.0
SHOWN_EDGE = 1280
# Of a photographed screen nearly all detail differs, and boxes everywhere show nothing.
MOST_MARKED = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseMatch:
    """Another report with a photo that shows what ours shows, in part or from elsewhere.

    `match_id` is the match's id to be, under which its evidence lies in the store; `spots`
    how many distinct spots align; `score` how alike what lies on each other is (0–1),
    `common` which share of the other picture that is, and `reach` over which share of it the
    spots spread. `mirrored` says that ours had to be mirrored left to right first, `differing`
    how much of the detail of an altered one differs (0–1), None where nobody looked, and
    `boxes` how many are drawn around that.
    """

    match_id: UUID
    kind: str
    other_report_id: UUID
    photo_id: UUID
    other_photo_id: UUID
    spots: int
    score: float
    common: float
    reach: float
    mirrored: bool = False
    differing: float | None = None
    boxes: int = 0

    def facts(self) -> dict[str, float]:
        """Return the numbers that are stored with the match."""
        known: dict[str, float] = {"mirrored": True} if self.mirrored else {}
        if self.differing is not None:
            known |= {"differing": round(self.differing, 4), "boxes": self.boxes}
        return known | {
            "spots": self.spots,
            # Down, so that what is stored stands on the same side of a threshold.
            "score": math.floor(1_000 * self.score) / 1_000,
            "reach": math.floor(1_000 * self.reach) / 1_000,
            "common": round(self.common, 3),
        }


def compare_closely(
    store: PhotoStore,
    *,
    photo_ids: Sequence[UUID],
    candidates: Sequence[Candidate],
    known: Collection[UUID] = (),
    policy: MatchPolicy = POLICY,
) -> list[CloseMatch]:
    """Return the best close match with each other report, and keep its evidence in the store.

    `candidates` come in their order, the likeliest first; reports in `known` are left out.
    """
    until = time.monotonic() + MOST_SECONDS
    ours = {photo_id: _features(store, photo_id) for photo_id in photo_ids}
    backwards: dict[UUID, tuple[Features, ...]] = {}
    best: dict[UUID, tuple[Alignment, CloseMatch]] = {}
    for candidate in candidates:
        if candidate.report_id in known:
            continue
        if time.monotonic() > until:
            break
        if candidate.mirrored and not backwards:
            backwards = {photo_id: _features_backwards(store, photo_id) for photo_id in photo_ids}
        theirs = _features(store, candidate.photo_id)
        for photo_id, features in (backwards if candidate.mirrored else ours).items():
            aligned = align(features, theirs)
            if aligned is None or aligned.spots < policy.fewest_spots:
                continue
            found = _judged(store, photo_id, candidate, aligned, policy)
            if found and _is_better(found[1], best.get(candidate.report_id)):
                best[candidate.report_id] = found
    nearest = sorted(best.values(), key=lambda each: -each[1].score)
    return [
        _with_evidence(store, match, aligned, policy, looks=number < policy.suggested)
        for number, (aligned, match) in enumerate(nearest)
    ]


def without_shown_closely(
    found: Sequence[Resemblance], close: Sequence[CloseMatch]
) -> list[Resemblance]:
    """Return the resemblances but those for which a close match of their kind has evidence."""
    shown = {(each.kind, each.other_report_id) for each in close}
    return [each for each in found if (each.kind, each.other_report_id) not in shown]


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
    store: PhotoStore,
    photo_id: UUID,
    candidate: Candidate,
    aligned: Alignment,
    policy: MatchPolicy,
) -> tuple[Alignment, CloseMatch] | None:
    one = _picture(store, photo_id, mirrored=candidate.mirrored)
    other = _picture(store, candidate.photo_id)
    if one is None or other is None:
        return None
    alike = likeness(_grey(one), _grey(other), aligned)
    kind = kind_of(aligned, alike, policy)
    if kind is None:
        return None
    match = CloseMatch(
        match_id=random_id(),
        kind=kind,
        other_report_id=candidate.report_id,
        photo_id=photo_id,
        other_photo_id=candidate.photo_id,
        mirrored=candidate.mirrored,
        spots=aligned.spots,
        score=alike.score,
        common=alike.common,
        reach=alike.reach,
    )
    return aligned, match


def kind_of(aligned: Alignment, alike: Likeness, policy: MatchPolicy = POLICY) -> str | None:
    """Return what two pictures are to one another by how they align, None if nothing."""
    return kind_by(aligned.spots, alike.score, alike.reach, policy)


def kind_by(spots: int, score: float, reach: float, policy: MatchPolicy) -> str | None:
    """Return the kind of a close match by its numbers, None if it is none."""
    if spots < policy.fewest_spots:
        return None
    if score >= policy.copy_likeness:
        return ALTERED_PICTURE
    is_scene = spots >= policy.scene_spots and reach >= policy.scene_reach
    if is_scene and score >= policy.scene_likeness:
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


def _features_backwards(store: PhotoStore, photo_id: UUID) -> tuple[Features, ...]:
    """Return the features of a photo as a mirror shows it: they can't be told from its own."""
    picture = _picture(store, photo_id, mirrored=True)
    if picture is None:
        return ()
    return find_features(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8))


def _picture(
    store: PhotoStore, photo_id: UUID, *, mirrored: bool = False
) -> NDArray[np.uint8] | None:
    data = store.read_derivative(photo_id, SHOWN_EDGE)
    if data is None:
        return None
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        return None
    return np.asarray(cv2.flip(picture, 1) if mirrored else picture, np.uint8)


def _grey(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def _with_evidence(
    store: PhotoStore, match: CloseMatch, aligned: Alignment, policy: MatchPolicy, *, looks: bool
) -> CloseMatch:
    """Draw both photos with their spots, and with what differs in the detail of an altered one.

    Two forms of one template align, too: what was written into them says that they are two.
    """
    one = _picture(store, match.photo_id, mirrored=match.mirrored)
    other = _picture(store, match.other_photo_id)
    if one is None or other is None:
        return match
    boxes: Sequence[Box] = ()
    if looks and match.kind == ALTERED_PICTURE:
        ground = _grey(other)
        laid, there = overlaid(_grey(one), ground.shape, aligned.perspective)
        told = compare_detail(
            laid,
            ground,
            least_alike=policy.detail_likeness,
            there=there.astype(np.uint8) * np.uint8(255),
        )
        boxes = told.boxes if told.differing <= MOST_MARKED else ()
        match = replace(match, differing=told.differing, boxes=len(boxes))
    data = draw_evidence(one, other, aligned, boxes)
    store.put_derivatives(match.match_id, {EVIDENCE_EDGE: data})
    return match

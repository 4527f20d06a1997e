"""Whether pictures with one hash are one picture: what may link is compared in its detail.

A hash is as near for two shops' licences of one template as for two copies of one photo.
What a copy would not have keeps the pair from being the same picture: it becomes an altered
one, which a person decides on, with a picture of where the two differ.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

import cv2
import numpy as np
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from intake.photos import PhotoStore
from schemas.tables import Match, Photo, PhotoExamination
from schemas.tables.photos import EVIDENCE_EDGE
from workers.closely.comparing import SHOWN_EDGE
from workers.closely.detail import EDGE, Detail, compare_detail
from workers.closely.drawing import draw_differences
from workers.fingerprints import (
    MAX_DISTANCE,
    SCREENS,
    Variant,
    box_of,
    distance,
    screen_of,
    turned,
)
from workers.match import ALTERED_PICTURE, SAME_PICTURE, Resemblance, hashes_of
from workers.policy import POLICY, MatchPolicy
from workers.views import Pixels, View

# By the clock, for all photos of a tip; what is left then is suggested.
MOST_SECONDS = 4.0
VIEWS_KEPT = 8
STORED: tuple[Variant, ...] = ("plain", "trimmed")

_EXAMINED = PhotoExamination.__table__
_SIDES = (
    select(_EXAMINED.c.photo_id, _EXAMINED.c.facts, Photo.masks)
    .join(Photo, Photo.id == _EXAMINED.c.photo_id)
    .where(_EXAMINED.c.photo_id.in_(bindparam("photo_ids", expanding=True)))
)


@dataclass(frozen=True, slots=True)
class Side:
    """One photo of a pair: its hashes, eight of each variant, and whether it was brushed over."""

    hashes: Mapping[Variant, tuple[bytes, ...]]
    is_brushed: bool = False


class Way(NamedTuple):
    """How two photos have one hash: which part of ours, in which orientation, which of theirs."""

    ours: Variant
    turn: int
    theirs: Variant


class _Laid(NamedTuple):
    """Two parts of one hash, ours turned to lie like theirs, and how their detail agrees."""

    detail: Detail
    ours: Pixels
    theirs: Pixels


def sides_of(session: Session, found: Collection[Resemblance]) -> dict[UUID, Side]:
    """Return what is known of the photos of these pairs."""
    wanted = {key for each in found for key in (each.photo_id, each.other_photo_id)}
    if not wanted:
        return {}
    return {
        row.photo_id: Side(hashes_of(row.facts), is_brushed=bool(row.masks))
        for row in session.execute(_SIDES, {"photo_ids": list(wanted)})
    }


def supposed_pair(match: Match) -> Resemblance | None:
    """Return the pair of photos that a match is about, None where they are gone."""
    if match.photo_id is None or match.other_photo_id is None:
        return None
    return Resemblance(
        kind=match.kind,
        other_report_id=match.other_report_id,
        photo_id=match.photo_id,
        other_photo_id=match.other_photo_id,
        distance_bits=match.distance_bits or 0,
    )


class Confirmer:
    """Compares pairs of photos in their detail; of what it opened it keeps the last few.

    A pair of which a picture is missing can't be told, and is not the same picture.
    """

    def __init__(
        self, store: PhotoStore, sides: Mapping[UUID, Side], policy: MatchPolicy = POLICY
    ) -> None:
        self._store, self._sides, self._policy = store, sides, policy
        self._view = lru_cache(VIEWS_KEPT)(self._opened)
        self._details: dict[tuple[UUID, UUID, Way], Detail] = {}

    def confirmed(self, found: Sequence[Resemblance]) -> list[Resemblance]:
        """Return one resemblance of each other report, the same picture only where it is one.

        `found` has the pairs of a report beside one another, the nearest first, and so have the
        answers. Of altered ones the nearest `policy.suggested` are left: what thousands of
        forms of one template resemble is not worth more.
        """
        until = time.monotonic() + MOST_SECONDS
        left, altered = [], 0
        for _, pairs in groupby(found, key=lambda each: each.other_report_id):
            best = self._best(list(pairs), until)
            # What there was no time for is not left out for what was looked at.
            altered += best.kind == ALTERED_PICTURE and time.monotonic() < until
            if best.kind != ALTERED_PICTURE or altered <= self._policy.suggested:
                left.append(best)
        return left

    def with_evidence(self, found: Sequence[Resemblance]) -> list[Resemblance]:
        """Keep a picture of each pair, one laid on the other, and of where they differ.

        It goes to the store, and the facts say so. Of one picture that everybody has sent only
        the nearest few are drawn, and files of the same bytes need nothing to be seen by.
        """
        left, drawn = dict.fromkeys((ALTERED_PICTURE, SAME_PICTURE), self._policy.suggested), []
        for each in found:
            draws = left.get(each.kind, 0) > 0
            left[each.kind] = left.get(each.kind, 0) - 1
            drawn.append(self._drawn(each) if draws else each)
        return drawn

    def is_same(self, pair: Resemblance) -> bool | None:
        """Tell whether two photos are one picture in their detail; None if it can't be seen."""
        if self._is_brushed(pair):
            return None
        laid = self._laid(pair, _way(self._sides, pair, but=SCREENS))
        if laid is None or not (laid.detail.is_same or laid.detail.differing):
            return None
        return laid.detail.is_same

    def _is_brushed(self, pair: Resemblance) -> bool:
        # Riders brush over just what tells two licences apart, and it is not to be seen there.
        known = (self._sides.get(key) for key in (pair.photo_id, pair.other_photo_id))
        return any(side is not None and side.is_brushed for side in known)

    def _best(self, pairs: Sequence[Resemblance], until: float) -> Resemblance:
        unlike = None
        for pair in pairs:
            if pair.kind != SAME_PICTURE:
                # The same bytes are one, what a screen shows is an altered one without a look.
                return unlike or pair
            laid = None
            if time.monotonic() < until and not self._is_brushed(pair):
                laid = self._laid(pair, _way(self._sides, pair, but=SCREENS))
            facts = {"differing": round(laid.detail.differing, 4) if laid else 0.0}
            if laid and laid.detail.is_same:
                return replace(pair, facts=facts)
            unlike = unlike or replace(pair, kind=ALTERED_PICTURE, facts=facts)
        return unlike or pairs[0]

    def _drawn(self, pair: Resemblance) -> Resemblance:
        # What was compared in its detail is drawn as it was compared; of a screen glare, moiré
        # and blur leave next to nothing of its detail as it was.
        is_told = "differing" in pair.facts
        laid = self._laid(pair, _way(self._sides, pair, but=SCREENS if is_told else ()))
        if laid is None:
            return pair
        boxes = laid.detail.boxes if pair.facts.get("differing") else ()
        data = draw_differences(laid.ours, laid.theirs, laid.detail.laid, boxes)
        self._store.put_derivatives(pair.match_id, {EVIDENCE_EDGE: data})
        return replace(pair, facts={**pair.facts, "boxes": len(boxes)})

    def _laid(self, pair: Resemblance, way: Way | None) -> _Laid | None:
        """Return the parts that have one hash, and how they agree in detail."""
        if way is None:
            return None
        ours = self._cut(pair.photo_id, way.ours, way.turn)
        theirs = self._cut(pair.other_photo_id, way.theirs, 0)
        if ours is None or theirs is None:
            return None
        compared = pair.photo_id, pair.other_photo_id, way
        if compared not in self._details:
            self._details[compared] = compare_detail(
                _grey(ours), _grey(theirs), least_alike=self._policy.detail_likeness
            )
        return _Laid(self._details[compared], ours, theirs)

    def _cut(self, photo_id: UUID, variant: Variant, turn: int) -> Pixels | None:
        """Return a part of a photo, turned; None where it is not found in the kept copy."""
        seen = self._view(photo_id)
        if seen is None:
            return None
        if variant in SCREENS:
            shown = screen_of(seen, variant, EDGE)
            return None if shown is None else turned(shown, turn)
        box = box_of(seen, variant)
        if box is None:
            return None
        left, top, right, bottom = box
        return turned(seen.pixels[top:bottom, left:right], turn)

    def _opened(self, photo_id: UUID) -> View | None:
        data = self._store.read_derivative(photo_id, SHOWN_EDGE)
        picture = data and cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
        if picture is None or isinstance(picture, bytes):
            return None
        return View(np.asarray(picture, np.uint8))


def _way(
    sides: Mapping[UUID, Side], pair: Resemblance, *, but: Sequence[Variant] = ()
) -> Way | None:
    """Return the way in which two photos have the nearest hashes; None where one has none.

    The whole of both where these are near enough: what a trimmed border held may tell.
    """
    if not {pair.photo_id, pair.other_photo_id} <= sides.keys():
        return None
    ours, theirs = sides[pair.photo_id].hashes, sides[pair.other_photo_id].hashes
    ways = {
        Way(variant, turn, other): distance(asked, theirs[other][0])
        for other in STORED
        if other in theirs
        for variant in ours
        if variant not in but
        for turn, asked in enumerate(ours[variant])
    }
    whole = {way: bits for way, bits in ways.items() if way.ours == way.theirs == "plain"}
    if whole and min(whole.values()) <= MAX_DISTANCE:
        ways = whole
    return min(ways, key=ways.__getitem__) if ways else None


def _grey(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY), np.uint8)

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
from typing import Any, NamedTuple, cast
from uuid import UUID

import cv2
import numpy as np
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from intake.photos import PhotoStore
from schemas.masks import Mask, from_row
from schemas.tables import Match, Photo, PhotoExamination
from schemas.tables.photos import EVIDENCE_EDGE
from workers.closely.detail import EDGE, Detail, compare_detail
from workers.closely.drawing import draw_differences
from workers.copies import SEEN_EITHER_WAY, masked
from workers.fingerprints import (
    HASH_BYTES,
    MAX_DISTANCE,
    SCREENS,
    Variant,
    box_of,
    distance,
    screen_of,
    turned,
)
from workers.match import ALTERED_PICTURE, SAME_PICTURE, Resemblance
from workers.policy import POLICY, MatchPolicy
from workers.views import Pixels, View

SHOWN_EDGE = 1280
# By the clock, for all photos of a tip; what is left then is suggested.
MOST_SECONDS = 4.0
VIEWS_KEPT = 8
STORED: tuple[Variant, ...] = ("plain", "trimmed")

_EXAMINED = PhotoExamination.__table__
_SIDES = (
    select(
        _EXAMINED.c.photo_id,
        _EXAMINED.c.facts,
        _EXAMINED.c.content_type,
        _EXAMINED.c.orientation,
        Photo.masks,
    )
    .join(Photo, Photo.id == _EXAMINED.c.photo_id)
    .where(_EXAMINED.c.photo_id.in_(bindparam("photo_ids", expanding=True)))
)


@dataclass(frozen=True, slots=True)
class Side:
    """What is known of one photo of a pair: its hashes by variant, and what was brushed over.

    Of each variant there are eight hashes, as in `fingerprints.dihedral`. `seen_as` is the
    orientation that a browser may not have carried out for whoever brushed.
    """

    hashes: Mapping[Variant, tuple[bytes, ...]]
    mask: Mask
    seen_as: int


class Way(NamedTuple):
    """How two photos have one hash: which part of ours, in which orientation, which of theirs."""

    ours: Variant
    turn: int
    theirs: Variant


def sides_of(session: Session, found: Collection[Resemblance]) -> dict[UUID, Side]:
    """Return what is known of the photos of these pairs."""
    wanted = {key for each in found for key in (each.photo_id, each.other_photo_id)}
    if not wanted:
        return {}
    return {
        row.photo_id: Side(
            hashes=_hashes(row.facts),
            mask=from_row(row.masks),
            seen_as=(row.orientation or 1) if row.content_type in SEEN_EITHER_WAY else 1,
        )
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
        told = self._compared(pair, _way(self._sides, pair, but=SCREENS))
        return told and self._says_same(pair, told[0])

    def _says_same(self, pair: Resemblance, told: Detail) -> bool:
        # Riders brush over just what tells two licences apart, and it is not to be seen there.
        brushed = any(self._sides[key].mask for key in (pair.photo_id, pair.other_photo_id))
        return not brushed and told.is_same(self._policy.unlike_share)

    def _best(self, pairs: Sequence[Resemblance], until: float) -> Resemblance:
        unlike = None
        for pair in pairs:
            if pair.kind != SAME_PICTURE:
                # The same bytes are one, what a screen shows is an altered one without a look.
                return unlike or pair
            told = None
            if time.monotonic() < until:
                told = self._compared(pair, _way(self._sides, pair, but=SCREENS))
            facts = {"differing": round(told[0].differing, 4) if told else 0.0}
            if told and self._says_same(pair, told[0]):
                return replace(pair, facts=facts)
            unlike = unlike or replace(pair, kind=ALTERED_PICTURE, facts=facts)
        return unlike or pairs[0]

    def _drawn(self, pair: Resemblance) -> Resemblance:
        # What was compared in its detail is drawn as it was compared.
        way = _way(self._sides, pair, but=SCREENS if "differing" in pair.facts else ())
        told = self._compared(pair, way)
        if told is None or way is None:
            return pair
        detail, ours, theirs = told
        # Glare, moiré and blur leave next to nothing of a screen's detail as it was.
        boxes = () if way.ours in SCREENS else detail.boxes
        data = draw_differences(ours, theirs, detail.laid, boxes)
        self._store.put_derivatives(pair.match_id, {EVIDENCE_EDGE: data})
        return replace(pair, facts={**pair.facts, "drawn": True})

    def _compared(self, pair: Resemblance, way: Way | None) -> tuple[Detail, Pixels, Pixels] | None:
        """Return how the parts that have one hash agree in detail, and both of them."""
        if way is None:
            return None
        ours = self._cut(pair.photo_id, way.ours, way.turn)
        theirs = self._cut(pair.other_photo_id, way.theirs, 0)
        if ours is None or theirs is None:
            return None
        detail = compare_detail(
            _grey(ours[0]),
            _grey(theirs[0]),
            least_alike=self._policy.detail_likeness,
            hidden=(ours[1], theirs[1]),
        )
        return detail, ours[0], theirs[0]

    def _cut(
        self, photo_id: UUID, variant: Variant, turn: int
    ) -> tuple[Pixels, Pixels | None] | None:
        """Return a part of a photo, turned, and by 0 where it was brushed over, if it was."""
        opened = self._view(photo_id)
        if opened is None:
            return None
        seen, hidden = opened
        if variant in SCREENS:
            shown = screen_of(seen, variant, EDGE)
            return None if shown is None else (turned(shown, turn), None)
        box = box_of(seen, variant)
        if box is None:
            return None
        left, top, right, bottom = box
        part = turned(seen.pixels[top:bottom, left:right], turn)
        return part, None if hidden is None else turned(hidden[top:bottom, left:right], turn)

    def _opened(self, photo_id: UUID) -> tuple[View, Pixels | None] | None:
        data, side = self._store.read_derivative(photo_id, SHOWN_EDGE), self._sides[photo_id]
        picture = data and cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
        if picture is None or isinstance(picture, bytes):
            return None
        pixels = np.asarray(picture, np.uint8)
        if not side.mask:
            return View(pixels), None
        brushed = masked(np.full_like(pixels, 255), side.mask, perhaps_seen_as=side.seen_as)
        return View(pixels), brushed[:, :, 0]


def _hashes(facts: Mapping[str, Any] | None) -> dict[Variant, tuple[bytes, ...]]:
    """Return the hashes that facts hold; what is not eight of them is left out."""
    found: dict[Variant, tuple[bytes, ...]] = {}
    for variant, text in ((facts or {}).get("dihedral") or {}).items():
        try:
            whole = bytes.fromhex(text)
        except (TypeError, ValueError):
            continue
        if len(whole) == 8 * HASH_BYTES:
            found[cast("Variant", variant)] = tuple(
                whole[at : at + HASH_BYTES] for at in range(0, len(whole), HASH_BYTES)
            )
    return found


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

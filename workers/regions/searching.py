"""Among all photos, those of which a few regions are regions of ours.

Many strangers share one region nearly, hardly any share two in the same arrangement: one that
lies on ours by the same shift and scale. The most telling photos are read as rows and judged
by that; `workers.closely` then compares the pictures themselves.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, Select, bindparam, select
from sqlalchemy.orm import Session

from schemas.tables import Photo, PhotoRegions, RegionBlock, RegionSegment
from workers.policy import POLICY, MatchPolicy
from workers.regions.finding import BITS, HASH_BYTES, Regions, mirrored, unpack
from workers.regions.listing import Lookups, Near, compared, joined, lookups
from workers.seen.memory import Memory
from workers.seen.packing import among, listed, read_block
from workers.seen.searching import read_lists
from workers.seen.shelves import REGIONS

# A region that so many photos show is a sticker or an app's frame, and leads to none of them.
COMMON = 100
MOST_READ = 300
# Two regions are in the same arrangement where they lie on ours by nearly the same scale, and
# by a shift that differs by less than this part of the region's side.
SAME_SCALE, SAME_PLACE = 1.3, 0.25

_ROWS, _BLOCKS = PhotoRegions.__table__, RegionBlock.__table__
_SEGMENTS = RegionSegment.__table__
_UNPACKED = select(_ROWS.c.id, _ROWS.c.stored, _ROWS.c.data).where(_ROWS.c.block_id.is_(None))
_OWN = select(_ROWS.c.photo_id, _ROWS.c.data).where(
    _ROWS.c.photo_id.in_(bindparam("photo_ids", expanding=True))
)
_BLOCKS_AFTER = select(_BLOCKS.c.id).where(_BLOCKS.c.id > bindparam("after"))
_READY = (
    select(_SEGMENTS)
    .where(_SEGMENTS.c.ready_at.is_not(None), _SEGMENTS.c.retired_at.is_(None))
    .order_by(_SEGMENTS.c.first_block)
)


class Sharing(NamedTuple):
    """A photo that shares regions with one of ours; the more telling, the higher the score.

    `mirrored` says that it shares them with ours as a mirror shows it.
    """

    photo_id: UUID
    score: float
    mirrored: bool = False


class Candidate(NamedTuple):
    """A photo, and its report, to compare closely; ours is mirrored first where that is said."""

    photo_id: UUID
    report_id: UUID
    mirrored: bool = False


def photos_with_parts(
    session: Session,
    *,
    report_id: UUID,
    photo_ids: Sequence[UUID],
    policy: MatchPolicy = POLICY,
    memory: Memory | None = None,
) -> list[Candidate]:
    """Return the photos of others that may show a part of ours, the likeliest first."""
    if not policy.regions_compared:
        return []
    found: dict[UUID, Sharing] = {}
    rows = session.execute(_OWN, {"photo_ids": photo_ids}).all()
    for photo_id, data in rows:
        own = (*photo_ids, photo_id)
        for each in search(session, unpack(data), but=own, policy=policy, memory=memory):
            known = found.get(each.photo_id)
            if known is None or each.score > known.score:
                found[each.photo_id] = each
    if not found:
        return []
    reports = session.execute(
        select(Photo.id, Photo.report_id).where(Photo.id.in_(found), Photo.report_id != report_id)
    ).all()
    likeliest = sorted(reports, key=lambda row: (-found[row[0]].score, row[0]))
    return [Candidate(photo, other, found[photo].mirrored) for photo, other in likeliest]


def search(
    session: Session,
    asked: Regions,
    *,
    but: Sequence[UUID] = (),
    policy: MatchPolicy = POLICY,
    memory: Memory | None = None,
) -> list[Sharing]:
    """Return the photos that share the most telling regions, `policy.regions_compared` at most.

    They are asked for as they are, and as a mirror shows them.
    """
    both = np.concatenate([asked, mirrored(asked)])
    judged = _judged(session, asked, rows_to_judge(session, both, policy, memory), policy)
    kept = [each for each in judged if each.photo_id not in but]
    kept.sort(key=lambda each: (-each.score, each.photo_id))
    return kept[: policy.regions_compared]


def rows_to_judge(
    session: Session, asked: Regions, policy: MatchPolicy = POLICY, memory: Memory | None = None
) -> list[int]:
    """Return the rows of photo_regions that share enough to be read, the most telling first."""
    if not len(asked):
        return []
    # In this order: a region only ever moves on from rows to blocks to segments.
    parts = [_in_rows(session, asked, policy)]
    segments = session.execute(_READY).all()
    covered = max((segment.last_block for segment in segments), default=0)
    parts.append(_in_blocks(session, asked, policy, covered, memory))
    wanted = {shift: lookups(asked, shift=shift) for shift in {each.shift for each in segments}}
    parts += [_in_segment(session, each, wanted[each.shift], policy, memory) for each in segments]
    return likely(joined(parts), len(asked), policy)


def _in_rows(session: Session, asked: Regions, policy: MatchPolicy) -> Near:
    rows = session.execute(_UNPACKED).all()
    ids, keys = REGIONS.keys_of(rows)
    hashes = np.frombuffer(keys, np.uint8).reshape(-1, HASH_BYTES)
    return compared(hashes, np.array(ids, np.int64), asked, most_bits=policy.region_bits)


def _in_blocks(
    session: Session, asked: Regions, policy: MatchPolicy, after: int, memory: Memory | None
) -> Near:
    """Compare what is in a block and in no segment yet: only what the clock is just packing."""
    numbers = session.scalars(_BLOCKS_AFTER, {"after": after}).all()
    parts = []
    for number in numbers:
        kept = memory.block(REGIONS, number) if memory else None
        if kept is None:
            data = session.scalars(select(_BLOCKS.c.data).where(_BLOCKS.c.id == number)).one()
            kept = read_block(data, key_bytes=HASH_BYTES)
        parts.append(compared(kept[1], kept[0], asked, most_bits=policy.region_bits))
    return joined(parts)


def _in_segment(
    session: Session, segment: Row[Any], wanted: Lookups, policy: MatchPolicy, memory: Memory | None
) -> Near:
    kept = memory.segment(REGIONS, segment.id, segment.ready_at) if memory else None
    if kept:
        near = wanted.pick(kept, wanted.keys, most_bits=policy.region_bits)
    else:
        keys, places = np.unique(wanted.keys, return_inverse=True)
        lists = read_lists(session, REGIONS, segment.id, keys)
        near = wanted.pick(lists, places, most_bits=policy.region_bits)
    return Near(near.asked, near.owners + segment.base_id, near.bits)


def _weight(bits: NDArray[np.int64], policy: MatchPolicy) -> NDArray[np.int64]:
    """Return what a region tells: six bits nearer are ten times rarer among strangers."""
    return policy.region_bits + 8 - bits


def likely(near: Near, asked: int, policy: MatchPolicy) -> list[int]:
    """Return the rows of the photos that share one region very nearly, or two, or more."""
    same = near.bits <= policy.region_bits_alone
    telling = np.bincount(near.asked[same], minlength=asked) <= COMMON
    kept = telling[near.asked]
    owners, who = np.unique(near.owners[kept], return_inverse=True)
    if not len(owners):
        return []
    best = np.full((len(owners), asked), policy.region_bits + 8, np.int64)
    np.minimum.at(best, (who, near.asked[kept]), near.bits[kept])
    shared = (best <= policy.region_bits).sum(axis=1)
    alone = best.min(axis=1) <= policy.region_bits_alone
    score = _weight(best, policy).sum(axis=1)
    (places,) = np.nonzero((shared > 1) | alone)
    places = places[np.argsort(-score[places], kind="stable")][:MOST_READ]
    return [int(owner) for owner in owners[places]]


@cache
def _read(dialect: str) -> Select[Any]:
    return select(_ROWS.c.photo_id, _ROWS.c.data).where(among(_ROWS.c.id, "ids", dialect=dialect))


def _judged(session: Session, asked: Regions, ids: list[int], policy: MatchPolicy) -> list[Sharing]:
    """Read the rows, and return those whose regions tell enough, each with its score."""
    if not ids:
        return []
    dialect = session.get_bind().dialect.name
    rows = session.execute(_read(dialect), {"ids": listed(ids, dialect=dialect)})
    ways = asked, mirrored(asked)
    found = []
    for photo_id, data in rows:
        score, is_mirrored = better_way(*ways, unpack(data), policy)
        if score:
            found.append(Sharing(photo_id, score, is_mirrored))
    return found


def better_way(
    asked: Regions, backwards: Regions, theirs: Regions, policy: MatchPolicy
) -> tuple[float, bool]:
    """Return how telling theirs are for ours as they are or mirrored, and whether mirrored."""
    straight, turned = (score_of(each, theirs, policy) for each in (asked, backwards))
    return max(straight, turned), turned > straight


def score_of(asked: Regions, theirs: Regions, policy: MatchPolicy) -> float:
    """Return how telling the regions in one arrangement are; 0 where they are not enough."""
    one = np.ascontiguousarray(asked["hash"]).view(np.uint64)
    other = np.ascontiguousarray(theirs["hash"]).view(np.uint64)
    # Half by half: to sum along an axis would take six times as long.
    bits = np.bitwise_count(one[:, :1] ^ other[:, 0])
    bits += np.bitwise_count(one[:, 1:] ^ other[:, 1])
    ours, there = np.nonzero(bits <= policy.region_bits)
    apart = bits[ours, there].astype(np.int64)
    if len(ours) < 2:
        # Most strangers share but one: nothing has to be arranged.
        return float(_weight(apart[apart <= policy.region_bits_alone], policy).sum())
    agree = _agreeing(asked[ours], theirs[there])
    # A region counts once, whichever of theirs it is nearest to.
    each_of_ours = np.flatnonzero(np.diff(ours, prepend=-1))
    told = np.maximum.reduceat(agree * _weight(apart, policy), each_of_ours, axis=1)
    nearest = np.where(agree, apart, BITS).min(axis=1)
    enough = (np.count_nonzero(told, axis=1) > 1) | (nearest <= policy.region_bits_alone)
    return float(told.sum(axis=1)[enough].max(initial=0))


def _agreeing(ours: Regions, theirs: Regions) -> NDArray[np.bool_]:
    """Return for each pair of regions which pairs lie on each other by the same shift and scale."""
    scale = theirs["side"] / ours["side"].astype(np.float64)
    agree = np.abs(np.log(scale[:, None] / scale[None])) < np.log(SAME_SCALE)
    for axis in ("x", "y"):
        one, other = ours[axis].astype(np.float64), theirs[axis].astype(np.float64)
        expected = other[:, None] + scale[:, None] * (one[None] - one[:, None])
        side = np.maximum(theirs["side"][:, None], theirs["side"][None])
        agree &= np.abs(expected - other[None]) < SAME_PLACE * side
    return np.asarray(agree)

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
from sqlalchemy import LargeBinary, Row, Select, bindparam, func, select
from sqlalchemy.orm import Session

from schemas.tables import Photo, PhotoRegions, RegionBlock
from workers.flat import within
from workers.policy import POLICY, MatchPolicy
from workers.regions.finding import BITS, HASH_BYTES, REGION, Regions, mirrored, unpack
from workers.regions.listing import Lookups, Near, compared, joined, lookups
from workers.seen.memory import Memory
from workers.seen.packing import among, listed, read_block
from workers.seen.searching import read_lists
from workers.seen.shelves import REGIONS, blocks_after, ready_segments

# A region that so many photos show is a sticker or an app's frame, and leads to none of them.
COMMON = 100
MOST_READ = 300
# Two regions are in the same arrangement where they lie on ours by nearly the same scale, and
# by a shift that differs by less than this part of the region's side.
SAME_SCALE, SAME_PLACE = 1.3, 0.25

_ROWS, _BLOCKS = PhotoRegions.__table__, RegionBlock.__table__
# Of each row what is stored for others, which is its first third.
_UNPACKED = select(
    _ROWS.c.id,
    func.substr(_ROWS.c.data, 1, _ROWS.c.stored * REGION.itemsize, type_=LargeBinary()),
).where(
    _ROWS.c.block_id.is_(None),
    # Of a picture of one colour nothing is stored, and a part of nothing is NULL on SQLite.
    _ROWS.c.stored > 0,
    _ROWS.c.photo_id.not_in(bindparam("but", expanding=True)),
)
_OWN = select(_ROWS.c.photo_id, _ROWS.c.data).where(
    _ROWS.c.photo_id.in_(bindparam("photo_ids", expanding=True))
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
    ids = rows_to_judge(session, both, but=but, policy=policy, memory=memory)
    kept = [each for each in _judged(session, asked, ids, policy) if each.photo_id not in but]
    kept.sort(key=lambda each: (-each.score, each.photo_id))
    return kept[: policy.regions_compared]


def rows_to_judge(
    session: Session,
    asked: Regions,
    *,
    but: Sequence[UUID] = (),
    policy: MatchPolicy = POLICY,
    memory: Memory | None = None,
) -> list[int]:
    """Return the rows of photo_regions that share enough to be read, the most telling first."""
    if not len(asked):
        return []
    # In this order: a region only ever moves on from rows to blocks to segments.
    parts = [_in_rows(session, asked, but, policy)]
    segments = session.execute(ready_segments(REGIONS)).all()
    covered = max((segment.last_block for segment in segments), default=0)
    parts.append(_in_blocks(session, asked, policy, covered, memory))
    wanted = {shift: lookups(asked, shift=shift) for shift in {each.shift for each in segments}}
    parts += [_in_segment(session, each, wanted[each.shift], policy, memory) for each in segments]
    return likely(joined(parts), len(asked), policy)


def _in_rows(session: Session, asked: Regions, but: Sequence[UUID], policy: MatchPolicy) -> Near:
    rows = session.execute(_UNPACKED, {"but": but}).all()
    parts = [data for _, data in rows]
    counts = np.fromiter(map(len, parts), np.int64, len(parts)) // REGION.itemsize
    ids = np.repeat(np.array([key for key, _ in rows], np.int64), counts)
    hashes = np.frombuffer(b"".join(parts), REGION)["hash"]
    return compared(hashes, ids, asked, most_bits=policy.region_bits)


def _in_blocks(
    session: Session, asked: Regions, policy: MatchPolicy, after: int, memory: Memory | None
) -> Near:
    """Compare what is in a block and in no segment yet: only what the clock is just packing."""
    blocks = session.execute(blocks_after(REGIONS), {"after": after}).all()
    parts = []
    for number, made_at in blocks:
        kept = memory.block(REGIONS, number, made_at) if memory else None
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
        near = wanted.pick(kept.lists, wanted.keys, most_bits=policy.region_bits)
    else:
        lists, places = read_lists(session, REGIONS, segment.id, wanted.keys)
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
    rows = session.execute(_read(dialect), {"ids": listed(ids, dialect=dialect)}).all()
    ways = better_ways(asked, [unpack(data) for _, data in rows], policy)
    return [
        Sharing(photo_id, score, is_mirrored)
        for (photo_id, _), (score, is_mirrored) in zip(rows, ways, strict=True)
        if score
    ]


def better_ways(
    asked: Regions, theirs: Sequence[Regions], policy: MatchPolicy
) -> list[tuple[float, bool]]:
    """Return how telling each photo's regions are for ours, and whether for ours mirrored.

    The score is 0 where they are not enough.
    """
    if not theirs:
        return []
    both, all_theirs = np.concatenate([asked, mirrored(asked)]), np.concatenate(theirs)
    near = within(all_theirs["hash"], both["hash"], most_bits=policy.region_bits)
    whose = np.repeat(np.arange(len(theirs)), [len(each) for each in theirs])[near.stored]
    # Each photo has two groups of pairs: those with ours as they are, and mirrored.
    group = 2 * whose + (near.asked >= len(asked))
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    scores = np.zeros((len(theirs), 2))
    for pairs in np.split(order, starts[1:]) if len(order) else ():
        own, there = near.asked[pairs], near.stored[pairs]
        scores.flat[group[pairs[0]]] = _score(
            own, both[own], all_theirs[there], near.bits[pairs], policy
        )
    return [(float(max(each)), bool(each[1] > each[0])) for each in scores]


def _score(
    asked: NDArray[np.int64], ours: Regions, theirs: Regions, bits: NDArray[np.int64],
    policy: MatchPolicy,
) -> float:  # fmt: skip
    """Return how telling the pairs in one arrangement are; `asked` numbers ours, in order."""
    if len(asked) < 2:
        # Most strangers share but one: nothing has to be arranged.
        return float(_weight(bits[bits <= policy.region_bits_alone], policy).sum())
    agree = _agreeing(ours, theirs)
    # A region counts once, whichever of theirs it is nearest to.
    each_of_ours = np.flatnonzero(np.diff(asked, prepend=-1))
    told = np.maximum.reduceat(agree * _weight(bits, policy), each_of_ours, axis=1)
    nearest = np.where(agree, bits, BITS).min(axis=1)
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

"""What a report resembles: the same bytes, the same picture, the same shop, the same spot.

A match never decides anything by itself; workers.linking reads them. Hashes are
committed before anybody searches, so of two reports that are matched at the same
moment at least one finds the other, and matches are read in both directions.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import nsmallest
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Integer, bindparam, or_, select
from sqlalchemy.orm import Session

from intake.inserting import insert_if_new
from schemas.database import random_id
from schemas.places import distance_m
from schemas.tables import (
    Match,
    Photo,
    PhotoExamination,
    Report,
)
from workers.claims import choose_place, load_places
from workers.fingerprints import HASH_BYTES, SCREENS, Variant
from workers.policy import POLICY, MatchPolicy
from workers.seen.memory import Memory
from workers.seen.searching import search

SAME_BYTES, SAME_PICTURE, ALTERED_PICTURE = "same_bytes", "same_picture", "altered_picture"
PICTURE_KINDS = (SAME_BYTES, SAME_PICTURE)
MOST_ALIKE = 1_000
PAIRS_A_REPORT = 4

# Made once: for each photo anew, making them took longer than their answers.
_PHOTOS, _EXAMINED = Photo.__table__, PhotoExamination.__table__
_OTHER = _PHOTOS.alias()
_SAME_BYTES = (
    select(_PHOTOS.c.id, _OTHER.c.id, _OTHER.c.report_id)
    .join(_OTHER, _OTHER.c.sha256 == _PHOTOS.c.sha256)
    .where(
        _PHOTOS.c.id.in_(bindparam("photo_ids", expanding=True)),
        _OTHER.c.report_id != bindparam("report_id"),
    )
    .order_by(_OTHER.c.received_at, _OTHER.c.id)
    .limit(bindparam("most", type_=Integer))
)
_EXAMINATIONS = select(_EXAMINED.c.photo_id, _EXAMINED.c.facts).where(
    _EXAMINED.c.photo_id.in_(bindparam("photo_ids", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Resemblance:
    """One other report with a picture like one of ours, and by how many bits it differs.

    It is an altered picture, which a person decides on, where only what a photographed screen
    shows is like it: two forms in frames differ as little. That one is the same picture is
    only supposed until `workers.closely.confirming` has compared the two in their detail, and
    said in `facts` what it found; its evidence lies in the store under `match_id`.
    """

    kind: str
    other_report_id: UUID
    photo_id: UUID
    other_photo_id: UUID
    distance_bits: int
    facts: Mapping[str, Any] = field(default_factory=dict)
    match_id: UUID = field(default_factory=random_id)


def find_pictures(
    session: Session,
    *,
    report_id: UUID,
    photo_ids: Collection[UUID],
    policy: MatchPolicy = POLICY,
    memory: Memory | None = None,
) -> list[Resemblance]:
    """Return pairs of photos with the same bytes or picture, the nearest of each other report.

    The nearest report comes first, with a few pairs each: of two tips with several photos the
    nearest pair may be one form, filled in twice, and the next one the same picture. The
    answer is the same with `memory` and without.
    """
    pairs: dict[UUID, list[Resemblance]] = {}
    for found in (
        *_same_bytes(session, report_id, photo_ids, policy),
        *_same_pictures(session, report_id, photo_ids, policy, memory),
    ):
        pairs.setdefault(found.other_report_id, []).append(found)
    for each in pairs.values():
        # The same bytes come first and have distance 0, so that they stand.
        each.sort(key=_likeness)
        del each[1 if each[0].kind == SAME_BYTES else PAIRS_A_REPORT :]
    nearest = sorted(pairs, key=lambda other: (*_likeness(pairs[other][0]), other))
    return [pair for other in nearest[: policy.kept] for pair in pairs[other]]


def _likeness(one: Resemblance) -> tuple[bool, int]:
    return one.kind == ALTERED_PICTURE, one.distance_bits


def _same_bytes(
    session: Session, report_id: UUID, photo_ids: Collection[UUID], policy: MatchPolicy
) -> list[Resemblance]:
    # A picture that went round by messenger may have come in thousands of reports.
    most = policy.kept * 9
    asked = {"photo_ids": photo_ids, "report_id": report_id, "most": most}
    rows = session.execute(_SAME_BYTES, asked)
    return [
        Resemblance(SAME_BYTES, other_report_id, photo_id, other_photo_id, 0)
        for photo_id, other_photo_id, other_report_id in rows
    ]


def _same_pictures(
    session: Session,
    report_id: UUID,
    photo_ids: Collection[UUID],
    policy: MatchPolicy,
    memory: Memory | None,
) -> list[Resemblance]:
    alike: list[tuple[UUID, UUID, str, int]] = []
    for photo_id, facts in session.execute(_EXAMINATIONS, {"photo_ids": photo_ids}).all():
        for kind, questions in questions_of(facts).items():
            found = search(session, questions, but=photo_ids, memory=memory)
            alike += [
                (photo_id, each.photo_id, kind, each.bits)
                for each in found
                if each.bits <= policy.picture_bits
            ]
    # A picture that everybody has sent resembles thousands; far fewer are ever shown.
    alike = nsmallest(MOST_ALIKE, alike, key=lambda each: each[3])
    if not alike:
        return []
    others = session.execute(
        select(Photo.id, Photo.report_id).where(
            Photo.id.in_({other for _, other, _, _ in alike}), Photo.report_id != report_id
        )
    )
    reports = dict(others.all())
    return [
        Resemblance(kind, reports[other], photo_id, other, bits)
        for photo_id, other, kind, bits in alike
        if other in reports
    ]


def questions_of(facts: Mapping[str, Any]) -> dict[str, list[bytes]]:
    """Return by the kind of match that they lead to the hashes to ask with for a photo.

    They are those of its matchable variants, eight of each.
    """
    found: dict[str, list[bytes]] = {}
    for variant, hashes in hashes_of(facts).items():
        kind = ALTERED_PICTURE if variant in SCREENS else SAME_PICTURE
        found.setdefault(kind, []).extend(hashes)
    return found


def hashes_of(facts: Mapping[str, Any] | None) -> dict[Variant, tuple[bytes, ...]]:
    """Return the eight hashes of each variant that facts hold; what is no such text is left out."""
    found: dict[Variant, tuple[bytes, ...]] = {}
    for variant, text in ((facts or {}).get("dihedral") or {}).items():
        try:
            whole = bytes.fromhex(text)
        except (TypeError, ValueError):
            continue
        if len(whole) == 8 * HASH_BYTES:
            found[variant] = tuple(
                whole[at : at + HASH_BYTES] for at in range(0, len(whole), HASH_BYTES)
            )
    return found


def store_pictures(
    session: Session,
    *,
    report: Report,
    found: Sequence[Resemblance],
    policy: MatchPolicy = POLICY,
) -> int:
    """Write the resemblances that are not known yet, in either direction; return how many.

    There is one of each other report.
    """
    others = where_and_when(session, report=report, others={each.other_report_id for each in found})
    rows = [
        match_row(
            report,
            (each.other_report_id, others[each.other_report_id].received_at),
            kind=each.kind,
            policy=policy,
            photo_id=each.photo_id,
            other_photo_id=each.other_photo_id,
            distance_bits=each.distance_bits,
            distance_m=others[each.other_report_id].distance_m,
            facts=dict(each.facts),
        )
        | {"id": each.match_id}
        for each in found
    ]
    return insert_matches(session, report.id, rows) if rows else 0


class Other(NamedTuple):
    """When another report was received and how far away, None where a place is unknown."""

    received_at: datetime
    distance_m: float | None


def where_and_when(
    session: Session, *, report: Report, others: Collection[UUID]
) -> dict[UUID, Other]:
    """Return when each of the other reports was received, and how far from this one."""
    if not others:
        return {}
    places = {
        key: choose_place(claims)
        for key, claims in load_places(session, report_ids={*others, report.id}).items()
    }
    here = places[report.id]
    rows = session.execute(select(Report.id, Report.received_at).where(Report.id.in_(others)))
    found = {}
    for other_id, received_at in rows:
        there = places[other_id]
        apart = distance_m(here.claim.point, there.claim.point) if here and there else None
        found[other_id] = Other(received_at, apart)
    return found


def picture_matches(
    session: Session, *, report_id: UUID, kinds: Collection[str] = PICTURE_KINDS
) -> dict[UUID, Match]:
    """Return the picture matches of a report by the other report's id, whoever found them.

    One that staff have rejected is left out.
    """
    rows = session.scalars(
        select(Match)
        .where(
            or_(Match.report_id == report_id, Match.other_report_id == report_id),
            Match.kind.in_(kinds),
        )
        .order_by(Match.distance_bits.desc(), Match.found_at.desc(), Match.id.desc())
    )
    return {
        row.other_report_id if row.report_id == report_id else row.report_id: row
        for row in rows
        if "rejected_by" not in row.facts
    }


def match_row(
    report: Report,
    other: tuple[UUID, datetime],
    *,
    kind: str,
    policy: MatchPolicy,
    **found: object,
) -> dict[str, object]:
    """Return a match as a row to insert; `other` is the other report's id and receipt."""
    other_report_id, received_at = other
    return {
        "id": random_id(),
        "report_id": report.id,
        "other_report_id": other_report_id,
        "kind": kind,
        "hours_apart": abs((report.received_at - received_at).total_seconds()) / 3600,
        "policy": policy.version,
        **found,
    }


def insert_matches(session: Session, report_id: UUID, rows: Sequence[dict[str, object]]) -> int:
    """Insert matches but those that the other report has found already."""
    known = set(
        session.execute(
            select(Match.report_id, Match.kind).where(
                Match.other_report_id == report_id,
                Match.report_id.in_([row["other_report_id"] for row in rows]),
            )
        ).all()
    )
    fresh = [row for row in rows if (row["other_report_id"], row["kind"]) not in known]
    conflict = ("report_id", "other_report_id", "kind")
    return len(insert_if_new(session, Match, fresh, conflict=conflict))

"""What a case resembles: pictures and incidents seen before, and the same shop's other cases."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, or_, select
from sqlalchemy import case as either
from sqlalchemy.orm import Session, aliased

from review_ui.access.scope import visible_cases
from review_ui.access.staff import SignedIn
from review_ui.casefile.reading import CaseFile, case_point
from schemas.lifecycle import OPEN_STATES, State
from schemas.places import METRES_PER_DEGREE, Point, distance_m
from schemas.tables import Case, CaseReport, Match, PhotoExamination, Report

# Of the eight ways in which a photo may lie, the one that a mirror shows.
MIRRORED = 5
NEARBY_M = 200.0
MOST_SHOWN = 20
# A PDQ hash has 256 bits.
_HEX_OF_A_HASH = 64


@dataclass(frozen=True, slots=True)
class LookAlike:
    """A resemblance between a report of this case and another one.

    `case` is the other's case where it lies in the person's tree, else None and with
    it every picture. `other_photo` may then be served. It is named by its case and never
    by who reported there, whose pseudonym holds within that case. `is_suggestion` says that
    staff may take the other report over; `is_same_case`, that it was linked already.
    `turn` is how the photo must be turned to lie like the other (0–7): as it is, turned
    by 90, 180 and 270 degrees counter-clockwise, mirrored upside down, mirrored left to
    right, transposed and anti-transposed. `spots` and `score` (0–1) say at how many spots two
    photos align and how alike they are there, `is_mirrored` that one had to be mirrored left to
    right for it; `has_evidence` that a picture shows it, and
    `is_ours_left` on which side of it ours is.
    """

    match_id: UUID
    kind: str
    photo: UUID | None
    other_photo: UUID | None
    turn: int
    distance_bits: int | None
    spots: int | None
    score: float | None
    unlike: float | None
    boxes: int
    is_mirrored: bool
    has_evidence: bool
    is_ours_left: bool
    distance_m: float | None
    received_at: datetime
    case: Case | None
    other_county: str | None
    is_within: bool
    is_same_case: bool
    is_suggestion: bool
    is_rejected: bool

    @property
    def unlike_percent(self) -> str:
        """How much of the detail differs, with a decimal where it is under one in a hundred."""
        percent = 100 * (self.unlike or 0.0)
        return f"{percent:.0f}" if percent >= 1 else f"{max(percent, 0.1):.1f}"


@dataclass(frozen=True, slots=True)
class ShopCase:
    """Another case of the same shop, or of one near by, and how far away in metres.

    `mark` is its number in the lists of the page and on the map.
    """

    mark: int
    case: Case
    same_premises: bool
    distance_m: float | None


def look_alikes(session: Session, *, file: CaseFile, staff: SignedIn) -> tuple[LookAlike, ...]:
    """Return the resemblances of a case's reports, pictures first, the nearest first."""
    own = {report.report_id for report in file.reports}
    if not own:
        return ()
    found: dict[UUID, LookAlike] = {}
    for row in session.execute(_resembling(own, file, staff)):
        # Where a report stands in cases of several departments, the last one is kept.
        found[row.Match.id] = _look_alike(row, own=own, file=file)
    return tuple(sorted(found.values(), key=lambda each: each.is_within))


def shop_cases(session: Session, *, case: Case, staff: SignedIn) -> tuple[ShopCase, ...]:
    """Return other cases of the same premises, then those within 200 m, in the person's tree.

    Each list has its nearest first, at most `MOST_SHOWN`.
    """
    centre = case_point(case)
    conditions = []
    if case.premises_name:
        conditions.append(Case.premises_name == case.premises_name)
    if centre:
        north = NEARBY_M / METRES_PER_DEGREE
        east = north / max(math.cos(math.radians(centre.latitude)), 0.01)
        conditions.append(
            Case.latitude.between(centre.latitude - north, centre.latitude + north)
            & Case.longitude.between(centre.longitude - east, centre.longitude + east)
        )
    if not conditions:
        return ()
    same, near = [], []
    for other in session.scalars(
        select(Case)
        .where(or_(*conditions), Case.id != case.id, visible_cases(staff))
        # A chain has branches everywhere: the near ones are not to be crowded out.
        .order_by(*_nearest_first(centre), Case.received_at.desc(), Case.id)
        .limit(10 * MOST_SHOWN)
    ):
        there = case_point(other)
        apart_m = distance_m(centre, there) if centre and there else None
        if case.premises_name and other.premises_name == case.premises_name:
            same.append((other, True, apart_m))
        # The box of the query has corners farther away than its sides.
        elif apart_m is not None and apart_m <= NEARBY_M:
            near.append((other, False, apart_m))
    shown = same[:MOST_SHOWN] + near[:MOST_SHOWN]
    return tuple(ShopCase(mark, *each) for mark, each in enumerate(shown, start=1))


def _nearest_first(centre: Point | None) -> list[ColumnElement[Any]]:
    """Return what cases are sorted by: degrees apart, those without a place last."""
    if centre is None:
        return []
    east = math.cos(math.radians(centre.latitude))
    apart = func.abs(Case.latitude - centre.latitude) + func.abs(
        (Case.longitude - centre.longitude) * east
    )
    return [apart.nulls_last()]


def _resembling(own: set[UUID], file: CaseFile, staff: SignedIn) -> Select[Any]:
    """Return the nearest matches, each with the other report, its case and its photos."""
    nearest = (Match.distance_bits.nulls_last(), Match.distance_m.nulls_last(), Match.id)
    other_id = either((Match.report_id.in_(own), Match.other_report_id), else_=Match.report_id)
    matches = (
        select(Match.id, other_id.label("other_id"))
        .where(or_(Match.report_id.in_(own), Match.other_report_id.in_(own)))
        .order_by(*nearest)
        .limit(MOST_SHOWN)
        .subquery()
    )
    left, right = aliased(PhotoExamination), aliased(PhotoExamination)
    return (
        select(
            Match,
            Report.id.label("other_id"),
            Report.received_at,
            Case,
            visible_cases(staff).label("is_theirs"),
            left.facts.label("facts"),
            left.derivative_sizes.label("sizes"),
            right.facts.label("other_facts"),
            right.derivative_sizes.label("other_sizes"),
        )
        .join(matches, matches.c.id == Match.id)
        .join(Report, Report.id == matches.c.other_id)
        .outerjoin(
            CaseReport, (CaseReport.report_id == Report.id) & CaseReport.unlinked_at.is_(None)
        )
        .outerjoin(Case, Case.id == CaseReport.case_id)
        .outerjoin(left, left.photo_id == Match.photo_id)
        .outerjoin(right, right.photo_id == Match.other_photo_id)
        .order_by(*nearest, Case.department == file.case.department, Case.id)
    )


def _look_alike(row: Row[Any], *, own: set[UUID], file: CaseFile) -> LookAlike:
    match, case = row.Match, row.Case
    ends = [
        _End(match.photo_id, bool(row.sizes), row.facts or {}),
        _End(match.other_photo_id, bool(row.other_sizes), row.other_facts or {}),
    ]
    if row.other_id == match.report_id:
        ends.reverse()
    mine, theirs = ends
    is_theirs = bool(case and row.is_theirs)
    is_same_case = case is not None and case.id == file.case.id
    rejected = "rejected_by" in match.facts
    return LookAlike(
        match_id=match.id,
        kind=match.kind,
        photo=mine.photo_id if mine.is_shown else None,
        other_photo=theirs.photo_id if is_theirs and theirs.is_shown else None,
        turn=MIRRORED if match.facts.get("mirrored") else turn_between(mine.facts, theirs.facts),
        distance_bits=match.distance_bits,
        spots=match.facts.get("spots"),
        score=match.facts.get("score"),
        unlike=match.facts.get("differing"),
        boxes=match.facts.get("boxes", 0),
        is_mirrored=bool(match.facts.get("mirrored")),
        # It shows both photos, so that it is for those who may see both.
        has_evidence=(
            ("spots" in match.facts or "boxes" in match.facts)
            and is_theirs
            and mine.is_shown
            and theirs.is_shown
        ),
        is_ours_left=row.other_id != match.report_id,
        distance_m=match.distance_m,
        received_at=row.received_at,
        case=case if is_theirs else None,
        other_county=case.county_code if case else None,
        is_within=row.other_id in own,
        is_same_case=is_same_case,
        is_suggestion=(
            is_theirs
            and not is_same_case
            and not rejected
            and case.department == file.case.department
            and State(file.case.state) in OPEN_STATES
        ),
        is_rejected=rejected,
    )


@dataclass(frozen=True, slots=True)
class _End:
    """One side of a match: its photo if the match is one of pictures, and what was found in it."""

    photo_id: UUID | None
    is_shown: bool
    facts: dict[str, Any]


def turn_between(mine: dict[str, Any], theirs: dict[str, Any]) -> int:
    """Return how one picture must be turned to lie like the other, 0 to 7 as in LookAlike.

    The eight PDQ hashes of ours, with and without its border, are compared with the
    upright ones of theirs; what is not known is taken to lie alike.
    """
    apart = {
        (int(ours, 16) ^ int(other[:_HEX_OF_A_HASH], 16)).bit_count(): turn
        for other in (theirs.get("dihedral") or {}).values()
        for hashes in (mine.get("dihedral") or {}).values()
        # Later ones take the place of equal ones: what lies as it is comes last.
        for turn, ours in reversed(list(enumerate(_hashes(hashes))))
    }
    return apart[min(apart)] if apart else 0


def _hashes(text: str) -> list[str]:
    return [text[at : at + _HEX_OF_A_HASH] for at in range(0, len(text), _HEX_OF_A_HASH)]

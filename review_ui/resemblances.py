"""What a case resembles: pictures and incidents seen before, and the same shop's other cases."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from review_ui.casefile import CaseFile, case_point
from review_ui.scope import visible_cases
from review_ui.staff import SignedIn
from schemas.lifecycle import OPEN_STATES, State
from schemas.places import METRES_PER_DEGREE, distance_m
from schemas.tables import Case, CaseReport, Match, PhotoExamination, Report

NEARBY_M = 200.0
MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class LookAlike:
    """A resemblance between a report of this case and another one.

    `case` is the other's case where it lies in the person's tree, else None and with
    it every picture. `other_photo` may then be served. `is_suggestion` says that
    staff may take the other report over; `is_same_case`, that it was linked already.
    """

    match_id: UUID
    kind: str
    photo: UUID | None
    other_photo: UUID | None
    distance_bits: int | None
    distance_m: float | None
    received_at: datetime
    case: Case | None
    other_county: str | None
    is_same_case: bool
    is_suggestion: bool
    is_rejected: bool


@dataclass(frozen=True, slots=True)
class ShopCase:
    """Another case of the same shop, or of one near by, and how far away in metres."""

    case: Case
    same_premises: bool
    distance_m: float | None


def look_alikes(session: Session, *, file: CaseFile, staff: SignedIn) -> tuple[LookAlike, ...]:
    """Return the resemblances of a case's reports, pictures first, the nearest first."""
    own = {report.report_id for report in file.reports}
    matches = session.scalars(
        select(Match)
        .where(or_(Match.report_id.in_(own), Match.other_report_id.in_(own)))
        .order_by(Match.distance_bits.nulls_last(), Match.distance_m.nulls_last(), Match.id)
        .limit(MOST_SHOWN)
    ).all()
    outside = [match for match in matches if _other_end(match, own).report_id not in own]
    inside = [match for match in matches if _other_end(match, own).report_id in own]
    others = _others(session, {_other_end(match, own).report_id for match in matches}, file, staff)
    shown = _showable(session, matches)
    return tuple(
        _look_alike(match, own=own, file=file, others=others, shown=shown)
        for match in (*outside, *inside)
    )


def shop_cases(session: Session, *, case: Case, staff: SignedIn) -> tuple[ShopCase, ...]:
    """Return other cases of the same premises or within 200 m, in the person's tree."""
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
    found = []
    for other in session.scalars(
        select(Case)
        .where(or_(*conditions), Case.id != case.id, visible_cases(staff))
        .order_by(Case.received_at.desc(), Case.id)
        .limit(5 * MOST_SHOWN)
    ):
        there = case_point(other)
        apart_m = distance_m(centre, there) if centre and there else None
        same = bool(case.premises_name) and other.premises_name == case.premises_name
        # The box of the query has corners farther away than its sides.
        if same or (apart_m is not None and apart_m <= NEARBY_M):
            found.append(ShopCase(other, same, apart_m))
    return tuple(found[:MOST_SHOWN])


@dataclass(frozen=True, slots=True)
class _End:
    """One side of a match: the report, and its photo if the match is one of pictures."""

    report_id: UUID
    photo_id: UUID | None


@dataclass(frozen=True, slots=True)
class _Other:
    """The other report of a match: when it came, and the case in which it stands."""

    received_at: datetime
    case: Case | None
    is_theirs: bool


def _other_end(match: Match, own: set[UUID]) -> _End:
    if match.report_id in own:
        return _End(match.other_report_id, match.other_photo_id)
    return _End(match.report_id, match.photo_id)


def _others(
    session: Session, reports: set[UUID], file: CaseFile, staff: SignedIn
) -> dict[UUID, _Other]:
    rows = session.execute(
        select(Report.id, Report.received_at, Case, visible_cases(staff).label("is_theirs"))
        .outerjoin(
            CaseReport, (CaseReport.report_id == Report.id) & CaseReport.unlinked_at.is_(None)
        )
        .outerjoin(Case, Case.id == CaseReport.case_id)
        .where(Report.id.in_(reports))
        # Where a report stands in cases of several departments, the last one is kept.
        .order_by(Case.department == file.case.department, Case.id)
    )
    return {
        report_id: _Other(received_at, case, bool(case and is_theirs))
        for report_id, received_at, case, is_theirs in rows
    }


def _showable(session: Session, matches: Sequence[Match]) -> set[UUID]:
    """Return the photos of the matches that have derivatives to show."""
    photos = {each for match in matches for each in (match.photo_id, match.other_photo_id) if each}
    rows = session.execute(
        select(PhotoExamination.photo_id, PhotoExamination.derivative_sizes).where(
            PhotoExamination.photo_id.in_(photos)
        )
    )
    return {photo_id for photo_id, sizes in rows if sizes}


def _look_alike(
    match: Match,
    *,
    own: set[UUID],
    file: CaseFile,
    others: dict[UUID, _Other],
    shown: set[UUID],
) -> LookAlike:
    end = _other_end(match, own)
    photo_id = match.photo_id if end.report_id == match.other_report_id else match.other_photo_id
    other = others[end.report_id]
    is_same_case = other.case is not None and other.case.id == file.case.id
    rejected = "rejected_by" in match.facts
    return LookAlike(
        match_id=match.id,
        kind=match.kind,
        photo=photo_id if photo_id in shown else None,
        other_photo=end.photo_id if other.is_theirs and end.photo_id in shown else None,
        distance_bits=match.distance_bits,
        distance_m=match.distance_m,
        received_at=other.received_at,
        case=other.case if other.is_theirs else None,
        other_county=other.case.county_code if other.case else None,
        is_same_case=is_same_case,
        is_suggestion=(
            other.is_theirs
            and not is_same_case
            and not rejected
            and other.case is not None
            and other.case.department == file.case.department
            and State(file.case.state) in OPEN_STATES
        ),
        is_rejected=rejected,
    )

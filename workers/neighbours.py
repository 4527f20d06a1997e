"""Which cases are near a report's place and about the same: the same shop, the same spot."""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from schemas.places import METRES_PER_DEGREE, Point, distance_m
from schemas.shop_names import plain_name
from schemas.tables import Case, CaseReport, Match, Report
from workers.match import insert_matches, match_row
from workers.policy import POLICY, MatchPolicy

SAME_PREMISES, SAME_INCIDENT = "same_premises", "same_incident"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An open or recent case of the same department and category near a place."""

    case: Case
    distance_m: float
    same_premises: bool


def find_neighbours(
    session: Session,
    *,
    report: Report,
    department: str,
    categories: Collection[str],
    place: Point,
    policy: MatchPolicy = POLICY,
) -> list[Neighbour]:
    """Return the cases of this department and category nearby within the window, nearest first.

    Nearby is 60 m, or 300 m for a shop of the same name; those come first.
    """
    reach = policy.premises_m / METRES_PER_DEGREE
    # A degree of longitude shortens towards the poles, where nobody delivers food.
    across = reach / max(0.01, math.cos(math.radians(place.latitude)))
    cases = session.scalars(
        select(Case).where(
            Case.latitude.between(place.latitude - reach, place.latitude + reach),
            Case.longitude.between(place.longitude - across, place.longitude + across),
            Case.department == department,
            Case.received_at.between(
                report.received_at - policy.window, report.received_at + policy.window
            ),
        )
    )
    name = plain_name(report.premises_name)
    found = []
    for case in cases:
        if case.latitude is None or case.longitude is None:
            continue
        apart = distance_m(place, Point(case.latitude, case.longitude))
        same_premises = bool(name) and name == plain_name(case.premises_name)
        near = policy.premises_m if same_premises else policy.incident_m
        if apart <= near and not set(categories).isdisjoint(case.categories):
            found.append(Neighbour(case, apart, same_premises))
    nearest = sorted(found, key=lambda each: (each.distance_m, each.case.opened_at))
    # A street where everybody reports has hundreds; a person looks at the nearest.
    return [each for each in nearest if each.same_premises] + [
        each for each in nearest if not each.same_premises
    ][: policy.suggested]


def store_neighbours(
    session: Session,
    *,
    report: Report,
    found: Sequence[Neighbour],
    policy: MatchPolicy = POLICY,
) -> dict[UUID, UUID]:
    """Write one match with each neighbouring case, by the first report that stands in it.

    Returns the matches' ids by the cases'.
    """
    nearby = {each.case.id: each for each in found}
    rows, cases = [], {}
    for case_id, other_report_id, received_at in _first_reports(session, nearby, but=report.id):
        cases[other_report_id] = case_id
        rows.append(
            match_row(
                report,
                (other_report_id, received_at),
                kind=SAME_PREMISES if nearby[case_id].same_premises else SAME_INCIDENT,
                policy=policy,
                distance_m=nearby[case_id].distance_m,
            )
        )
    if not rows:
        return {}
    insert_matches(session, report.id, rows)
    stored = session.execute(
        select(Match.id, Match.report_id, Match.other_report_id).where(
            Match.kind.in_((SAME_PREMISES, SAME_INCIDENT)),
            or_(
                (Match.report_id == report.id) & Match.other_report_id.in_(cases),
                (Match.other_report_id == report.id) & Match.report_id.in_(cases),
            ),
        )
    )
    return {cases[other if one == report.id else one]: match_id for match_id, one, other in stored}


def _first_reports(
    session: Session, case_ids: Collection[UUID], *, but: UUID
) -> Iterator[tuple[UUID, UUID, datetime]]:
    """Yield case, report and receipt of the first report that stands in each case, if any does."""
    rows = session.execute(
        select(CaseReport.case_id, Report.id, Report.received_at)
        .join(Report, Report.id == CaseReport.report_id)
        .where(
            CaseReport.case_id.in_(case_ids),
            CaseReport.unlinked_at.is_(None),
            Report.id != but,
        )
        .order_by(CaseReport.case_id, Report.received_at, Report.id)
    )
    for _, of_one_case in groupby(rows, key=lambda row: row[0]):
        case_id, report_id, received_at = next(of_one_case)
        yield case_id, report_id, received_at

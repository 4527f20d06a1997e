"""Which case a report belongs to, if any: the linking policy as one table.

A link made here is marked as the machine's and can be undone; one that staff ended is
never made again for that pair. What resembles without meeting a rule stays a match
and, where it is suspicious, becomes a flag.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from schemas.lifecycle import OPEN_STATES, State
from schemas.places import Point, distance_m
from schemas.shop_names import plain_name
from schemas.tables import Case, CaseReport, Match, Report
from workers.neighbours import Neighbour
from workers.policy import POLICY, MatchPolicy
from workers.route import Place

LEGAL_DUPLICATE, SAME_INCIDENT = "legal_duplicate", "same_incident"
# A case in one of these gets no more work, so a late tip must not vanish in it.
ENDED_STATES = frozenset({State.CLOSED, State.INVALID, State.TRANSFERRED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One case that resembles a report, with everything the rules ask.

    `distance_m` is between the report's place and the case's, None while one is
    unknown; `apart` between the two receipts; `picture_match` the nearest picture
    match with a report of the case; `same_reporter` that the same rider already
    stands in it with one of these categories; `place_doubted` that the claims of either
    disagree or that the two lie in different counties.
    """

    case_id: UUID
    state: State
    distance_m: float | None
    apart: timedelta
    picture_match_id: UUID | None = None
    shares_category: bool = False
    same_premises: bool = False
    other_premises: bool = False
    same_reporter: bool = False
    place_doubted: bool = False
    policy: MatchPolicy = POLICY

    @property
    def is_recent(self) -> bool:
        """Received within the matching window of each other."""
        return self.apart <= self.policy.window

    @property
    def is_elsewhere(self) -> bool:
        """Both places are known and too far apart to be one.

        Where a place is in doubt a person decides which kitchen it was, so that only
        what was sent from the very same spot goes together.
        """
        reach_m = self.policy.incident_m if self.place_doubted else self.policy.place_m
        return self.distance_m is not None and self.distance_m > reach_m

    @property
    def has_ended(self) -> bool:
        """Nobody works on the case any more and its time is over."""
        return self.state in ENDED_STATES and not self.is_recent

    def within(self, metres: float) -> bool:
        """Whether both places are known and at most so far apart."""
        return self.distance_m is not None and self.distance_m <= metres


@dataclass(frozen=True, slots=True)
class Link:
    """A case to link a report to: how, by which rule, and the match it rests on."""

    case_id: UUID
    kind: str
    rule: str
    match_id: UUID | None


def _same_picture(one: Candidate) -> bool:
    return one.picture_match_id is not None and not one.is_elsewhere and not one.has_ended


def _same_premises(one: Candidate) -> bool:
    # An undecided case only: a new tip about a shop that was cleared is news.
    return (
        one.same_premises
        and one.shares_category
        and one.within(one.policy.premises_m)
        and one.is_recent
        and one.state in OPEN_STATES
    )


def _same_spot(one: Candidate) -> bool:
    # Alone it links no two reporters: a food street has twenty shops within sixty metres.
    return (
        one.same_reporter
        and not one.other_premises
        and one.within(one.policy.incident_m)
        and one.is_recent
        and one.state in OPEN_STATES
    )


# The first rule that any case meets makes the link, strongest evidence first. Same
# facts and same target by the same reporter is a legal duplicate (Order 121 art. 35).
RULES: tuple[tuple[str, Callable[[Candidate], bool]], ...] = (
    ("same-picture", _same_picture),
    ("same-premises", _same_premises),
    ("same-spot", _same_spot),
)


def choose_link(candidates: Sequence[Candidate]) -> Link | None:
    """Return the link that the first fitting rule makes, or None.

    Of several cases the reporter's own is taken, then the nearest, then the oldest.
    """
    for rule, holds in RULES:
        fitting = [one for one in candidates if holds(one)]
        if fitting:
            best = min(fitting, key=_preference)
            kind = LEGAL_DUPLICATE if best.same_reporter else SAME_INCIDENT
            return Link(best.case_id, kind, rule, best.picture_match_id)
    return None


def _preference(one: Candidate) -> tuple[bool, bool, float, UUID]:
    # Keys of version 7 sort by age.
    return not one.same_reporter, one.distance_m is None, one.distance_m or 0.0, one.case_id


def suspicions(
    candidates: Sequence[Candidate],
    pictures: Iterable[Match],
    *,
    policy: MatchPolicy = POLICY,
) -> set[str]:
    """Return the flags that like pictures raise beyond any link."""
    flags = set()
    if any((match.distance_m or 0.0) > policy.place_m for match in pictures) or any(
        one.picture_match_id is not None and one.is_elsewhere for one in candidates
    ):
        flags.add("near-duplicate-elsewhere")
    if any(one.picture_match_id is not None and one.has_ended for one in candidates):
        flags.add("picture-seen-before")
    return flags


def find_candidates(
    session: Session,
    *,
    report: Report,
    department: str,
    categories: Collection[str],
    place: Place,
    pictures: Mapping[UUID, Match],
    neighbours: Sequence[Neighbour],
    policy: MatchPolicy = POLICY,
) -> list[Candidate]:
    """Return the department's cases that resemble the report, without those staff took it out of.

    `pictures` are its picture matches by the other report's id. The cases' rows are
    locked, so that none is concluded between this look and the link.
    """
    by_picture = _cases_of(session, pictures, department)
    near = {each.case.id: each for each in neighbours}
    ended = _ended_by_staff(session, report.id)
    wanted = (by_picture.keys() | near.keys()) - ended
    cases = session.scalars(
        select(Case)
        .where(Case.id.in_(wanted))
        .order_by(Case.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    mine = _cases_of_reporter(session, report, wanted, categories)
    return [
        _candidate(
            case,
            report=report,
            categories=categories,
            place=place,
            picture_match_id=by_picture.get(case.id),
            same_reporter=case.id in mine,
            policy=policy,
        )
        for case in cases
    ]


def _candidate(
    case: Case,
    *,
    report: Report,
    categories: Collection[str],
    place: Place,
    picture_match_id: UUID | None,
    same_reporter: bool,
    policy: MatchPolicy,
) -> Candidate:
    apart_m = None
    if place.chosen and case.latitude is not None and case.longitude is not None:
        apart_m = distance_m(place.chosen.claim.point, Point(case.latitude, case.longitude))
    county = place.location.code if place.location else None
    ours, theirs = plain_name(report.premises_name), plain_name(case.premises_name)
    return Candidate(
        case_id=case.id,
        state=State(case.state),
        distance_m=apart_m,
        apart=abs(report.received_at - case.received_at),
        picture_match_id=picture_match_id,
        shares_category=not set(categories).isdisjoint(case.categories),
        same_premises=bool(ours) and ours == theirs,
        other_premises=bool(ours and theirs) and ours != theirs,
        same_reporter=same_reporter,
        place_doubted=bool(place.disagreements)
        or "claims-disagree-place" in case.flags
        or bool(county and case.county_code and county != case.county_code),
        policy=policy,
    )


def _cases_of(
    session: Session, pictures: Mapping[UUID, Match], department: str
) -> dict[UUID, UUID]:
    """Return the best picture match's id by the case in which its report stands."""
    rows = session.execute(
        select(CaseReport.case_id, CaseReport.report_id).where(
            CaseReport.report_id.in_(pictures.keys()),
            CaseReport.department == department,
            CaseReport.unlinked_at.is_(None),
        )
    )
    best: dict[UUID, Match] = {}
    for case_id, other_report_id in rows:
        match = pictures[other_report_id]
        known = best.get(case_id)
        if known is None or (match.distance_bits or 0) < (known.distance_bits or 0):
            best[case_id] = match
    return {case_id: match.id for case_id, match in best.items()}


def _ended_by_staff(session: Session, report_id: UUID) -> set[UUID]:
    return set(
        session.scalars(
            select(CaseReport.case_id).where(
                CaseReport.report_id == report_id, CaseReport.unlinked_by.is_not(None)
            )
        )
    )


def _cases_of_reporter(
    session: Session, report: Report, case_ids: Collection[UUID], categories: Collection[str]
) -> set[UUID]:
    """Return the cases in which the same rider stands with one of these categories."""
    if report.rider_id is None:
        # Nobody knows whether two anonymous tips are of one person.
        return set()
    rows = session.execute(
        select(CaseReport.case_id, Report.categories)
        .join(Report, Report.id == CaseReport.report_id)
        .where(
            CaseReport.case_id.in_(case_ids),
            CaseReport.unlinked_at.is_(None),
            Report.rider_id == report.rider_id,
            Report.id != report.id,
        )
    )
    return {case_id for case_id, theirs in rows if not set(categories).isdisjoint(theirs)}

"""Settles one report: for each department that has power, a case is opened or linked to.

Called with the routing lock held, in one transaction; a share of the report that
stands in a case already is left as it is, so that running it twice changes nothing.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from schemas.database import random_id
from schemas.devices import device_of
from schemas.tables import (
    Claim,
    Match,
    Photo,
    PhotoExamination,
    Report,
    Supplement,
    Withdrawal,
)
from schemas.taxonomy import Department, by_department
from schemas.workdays import CalendarOverrides
from workers.claims import load_times
from workers.linking import Candidate, Link, choose_link, find_candidates, suspicions
from workers.match import ALTERED_PICTURE, picture_matches
from workers.neighbours import Neighbour, find_neighbours, store_neighbours
from workers.opening import Share, link_report, open_case, standing_cases, write_decision
from workers.policy import POLICY, MatchPolicy
from workers.risk import FLAG, assess
from workers.route import Place, decide, read_facts
from workers.suspicion import (
    PhotoFinding,
    flags_of_devices,
    flags_of_photos,
    flags_of_place,
    flags_of_time,
)

# Of the reporter's other photos, the newest.
PHOTOS_LOOKED_AT = 30


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one department's share: the case and how the report came into it."""

    department: str
    case_number: str
    outcome: str


def settle(
    session: Session,
    *,
    report: Report,
    place: Place,
    calendar: CalendarOverrides,
    now: datetime,
    failures: int = 0,
    policy: MatchPolicy = POLICY,
) -> list[Settled]:
    """Open or link a case for each department of a report; return what became of each share.

    `failures` is how often the pipeline failed on it, when a person has to take over.
    """
    findings = read_findings(session, report_id=report.id)
    flags = _flags(session, report, place, findings, failures)
    if assess(session, report=report, now=now):
        flags.add(FLAG)
    pictures = picture_matches(session, report_id=report.id)
    if picture_matches(session, report_id=report.id, kinds=(ALTERED_PICTURE,)):
        flags.add("altered-copy")
    standing = {case.department: case for case in standing_cases(session, report_id=report.id)}
    incident_id = next((case.incident_id for case in standing.values()), None)
    settled = []
    for department, categories in by_department(report.categories).items():
        if department in standing:
            continue
        facts = read_facts(
            session,
            department=department,
            categories=categories,
            place=place,
            readable_photos=sum(each.is_readable for each in findings),
            failures=failures,
        )
        candidates, neighbours = _resembling(
            session, report, department, categories, place, pictures, policy
        )
        link = choose_link(candidates)
        link, is_similar = _store(session, report, neighbours, link, policy)
        raised = flags | suspicions(candidates, pictures.values(), policy=policy)
        share = Share(
            report=report,
            department=department,
            categories=categories,
            place=place,
            decision=decide(facts),
            flags=frozenset(raised | ({"similar-nearby"} if is_similar else set())),
        )
        case = (
            link_report(session, share=share, link=link, calendar=calendar, now=now)
            if link
            else open_case(
                session,
                share=share,
                incident_id=incident_id or random_id(),
                calendar=calendar,
                now=now,
            )
        )
        # Cases of one report in several departments are one incident.
        incident_id = incident_id or case.incident_id
        row = write_decision(session, share=share, case=case, linked=link is not None, now=now)
        settled.append(Settled(department, case.number, row.outcome))
    return settled


def _resembling(
    session: Session,
    report: Report,
    department: Department,
    categories: tuple[str, ...],
    place: Place,
    pictures: dict[UUID, Match],
    policy: MatchPolicy,
) -> tuple[list[Candidate], list[Neighbour]]:
    """Return the cases to choose a link from, and which are near and about the same."""
    point = place.chosen.claim.point if place.chosen else None
    neighbours = (
        find_neighbours(
            session,
            report=report,
            department=department,
            categories=categories,
            place=point,
            policy=policy,
        )
        if point
        else []
    )
    candidates = find_candidates(
        session,
        report=report,
        department=department,
        categories=categories,
        place=place,
        pictures=pictures,
        neighbours=neighbours,
        policy=policy,
    )
    return candidates, neighbours


def _store(
    session: Session,
    report: Report,
    neighbours: list[Neighbour],
    link: Link | None,
    policy: MatchPolicy,
) -> tuple[Link | None, bool]:
    """Store the neighbours as matches; return the link with its match, and whether any is left.

    What a picture links already needs no suggestion beside it.
    """
    by_picture = link.case_id if link and link.match_id else None
    matches = store_neighbours(
        session,
        report=report,
        found=[each for each in neighbours if each.case.id != by_picture],
        policy=policy,
    )
    if link is None:
        return None, bool(matches)
    return replace(link, match_id=link.match_id or matches.get(link.case_id)), False


def read_findings(session: Session, *, report_id: UUID) -> list[PhotoFinding]:
    """Return what the examination of the report's own photos found, in their order."""
    examinations = session.scalars(
        select(PhotoExamination)
        .join(Photo, Photo.id == PhotoExamination.photo_id)
        .where(Photo.report_id == report_id, Photo.supplement_id.is_(None))
        .order_by(Photo.position)
    )
    said_something = set(
        session.scalars(
            select(Claim.photo_id).where(Claim.report_id == report_id, Claim.photo_id.is_not(None))
        )
    )
    return [
        PhotoFinding(
            unreadable_reason=each.unreadable_reason,
            notes=frozenset(each.notes),
            software=each.facts.get("software"),
            has_place_or_time=each.photo_id in said_something,
            screen_grid=each.facts.get("screen_grid", 0.0),
            has_bezel="screen_share" in each.facts,
            device=device_of(each.facts),
        )
        for each in examinations
    ]


def _other_devices(session: Session, report: Report) -> set[str]:
    """Return what took the newest photos of the reporter's other reports; none of a stranger's."""
    if report.rider_id is None:
        return set()
    facts = session.scalars(
        select(PhotoExamination.facts)
        .join(Photo, Photo.id == PhotoExamination.photo_id)
        .join(Report, Report.id == Photo.report_id)
        .where(Report.rider_id == report.rider_id, Report.id != report.id)
        .order_by(Report.received_at.desc(), Photo.id)
        .limit(PHOTOS_LOOKED_AT)
    )
    return {device for each in facts if (device := device_of(each))}


def _flags(
    session: Session,
    report: Report,
    place: Place,
    findings: list[PhotoFinding],
    failures: int,
) -> set[str]:
    flags = flags_of_photos(findings) | flags_of_place(place)
    flags |= flags_of_devices(findings, others=_other_devices(session, report))
    times = load_times(session, report_id=report.id)
    flags |= flags_of_time(times, received_at=report.received_at)
    if failures:
        # Unexamined is not unreadable: nobody has looked.
        flags = (flags - {"photo-unreadable"}) | {"pipeline-failed"}
    if session.get(Withdrawal, report.id):
        flags.add("withdrawn")
    # A supplement that was examined before the case was there could flag nothing.
    if session.scalar(
        select(Supplement.id)
        .where(Supplement.report_id == report.id, Supplement.examined_at.is_not(None))
        .limit(1)
    ):
        flags.add("supplemented")
    return flags

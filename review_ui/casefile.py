"""Everything a case page shows of what was reported, by pseudonym and never by person."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import combinations
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from review_ui.clocks import Clock, clock_of
from schemas.places import Point, distance_m
from schemas.tables import (
    Case,
    CaseReport,
    Claim,
    Photo,
    PhotoExamination,
    Report,
    Staff,
    Supplement,
    Unit,
    Withdrawal,
)
from schemas.workdays import CalendarOverrides


@dataclass(frozen=True, slots=True)
class PhotoView:
    """A photo and the sizes in which it may be served; none while it can't be shown."""

    photo_id: UUID
    pseudonym: str
    sizes: tuple[int, ...]
    is_examined: bool
    is_unreadable: bool
    of_supplement: bool


@dataclass(frozen=True, slots=True)
class PlaceClaim:
    """One statement of where, in WGS-84 degrees, and how far it lies from the case's place."""

    pseudonym: str
    source: str
    point: Point | None
    datum: str | None
    accuracy_m: float | None
    address: str | None
    distance_m: float | None


@dataclass(frozen=True, slots=True)
class TimeClaim:
    """One statement of when, and by how much it comes before the server's receipt."""

    pseudonym: str
    source: str
    moment: datetime
    before_receipt: timedelta
    offset_assumed: bool


@dataclass(frozen=True, slots=True)
class Addition:
    """What a reporter sent later."""

    received_at: datetime
    description: str


@dataclass(frozen=True, slots=True)
class ReportView:
    """A report as staff see it; `rank` is the order of receipt among those that stand."""

    link_id: UUID
    report_id: UUID
    rank: int
    kind: str
    by_machine: bool
    pseudonym: str
    received_at: datetime
    categories: tuple[str, ...]
    description: str
    premises_name: str
    premises_address: str
    platform: str
    additions: tuple[Addition, ...]
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case with its reports, photos and claims; `places_apart_m` is the widest gap of places."""

    case: Case
    unit: Unit
    assignee: str | None
    clock: Clock | None
    reports: tuple[ReportView, ...]
    photos: tuple[PhotoView, ...]
    places: tuple[PlaceClaim, ...]
    times: tuple[TimeClaim, ...]
    places_apart_m: float | None


def open_casefile(
    session: Session, *, case: Case, today: date, calendar: CalendarOverrides
) -> CaseFile:
    """Read a case that the caller has checked to be in the person's scope."""
    unit = session.get_one(Unit, case.unit_id)
    assignee = session.get(Staff, case.assignee_id) if case.assignee_id else None
    rows = session.execute(
        select(CaseReport, Report)
        .join(Report, Report.id == CaseReport.report_id)
        .where(CaseReport.case_id == case.id, CaseReport.unlinked_at.is_(None))
        .order_by(Report.received_at, Report.id)
    ).all()
    pairs = [(link, report) for link, report in rows]
    pseudonyms = {report.id: link.pseudonym for link, report in pairs}
    places, times = _claims(session, case, pseudonyms, {r.id: r.received_at for _, r in pairs})
    points = [claim.point for claim in places if claim.point]
    gaps = [distance_m(a, b) for a, b in combinations(points, 2)]
    return CaseFile(
        case=case,
        unit=unit,
        assignee=assignee.name if assignee else None,
        clock=clock_of(case, today=today, calendar=calendar),
        reports=_reports(session, pairs),
        photos=_photos(session, pseudonyms),
        places=places,
        times=times,
        places_apart_m=max(gaps, default=None),
    )


def _reports(
    session: Session, pairs: Sequence[tuple[CaseReport, Report]]
) -> tuple[ReportView, ...]:
    ids = [report.id for _, report in pairs]
    additions: dict[UUID, list[Addition]] = defaultdict(list)
    for supplement in session.scalars(
        select(Supplement)
        .where(Supplement.report_id.in_(ids))
        .order_by(Supplement.received_at, Supplement.id)
    ):
        additions[supplement.report_id].append(
            Addition(supplement.received_at, supplement.description)
        )
    withdrawn = {
        row.report_id: row.withdrawn_at
        for row in session.scalars(select(Withdrawal).where(Withdrawal.report_id.in_(ids)))
    }
    return tuple(
        ReportView(
            link_id=link.id,
            report_id=report.id,
            rank=rank,
            kind=link.kind,
            by_machine=link.linked_by is None,
            pseudonym=link.pseudonym,
            received_at=report.received_at,
            categories=tuple(report.categories),
            description=report.description,
            premises_name=report.premises_name,
            premises_address=report.premises_address,
            platform=report.platform,
            additions=tuple(additions[report.id]),
            withdrawn_at=withdrawn.get(report.id),
        )
        for rank, (link, report) in enumerate(pairs, start=1)
    )


def _photos(session: Session, pseudonyms: dict[UUID, str]) -> tuple[PhotoView, ...]:
    rows = session.execute(
        select(Photo, PhotoExamination)
        .outerjoin(PhotoExamination, PhotoExamination.photo_id == Photo.id)
        .where(Photo.report_id.in_(pseudonyms))
        .order_by(Photo.received_at, Photo.supplement_id.is_not(None), Photo.position)
    )
    return tuple(
        PhotoView(
            photo_id=photo.id,
            pseudonym=pseudonyms[photo.report_id],
            sizes=tuple(found.derivative_sizes) if found else (),
            is_examined=found is not None,
            is_unreadable=bool(found and found.unreadable_reason),
            of_supplement=photo.supplement_id is not None,
        )
        for photo, found in rows
    )


def _claims(
    session: Session,
    case: Case,
    pseudonyms: dict[UUID, str],
    receipts: dict[UUID, datetime],
) -> tuple[tuple[PlaceClaim, ...], tuple[TimeClaim, ...]]:
    centre = case_point(case)
    places, times = [], []
    for claim in session.scalars(
        select(Claim)
        .where(Claim.report_id.in_(pseudonyms))
        .order_by(Claim.report_id, Claim.kind, Claim.source, Claim.id)
    ):
        who = pseudonyms[claim.report_id]
        if claim.kind == "place":
            places.append(_place(claim, who, centre))
        elif claim.moment and claim.source != "server_receipt":
            before = receipts[claim.report_id] - claim.moment
            times.append(TimeClaim(who, claim.source, claim.moment, before, claim.offset_assumed))
    return tuple(places), tuple(times)


def _place(claim: Claim, pseudonym: str, centre: Point | None) -> PlaceClaim:
    point = None
    if claim.latitude is not None and claim.longitude is not None:
        point = Point(claim.latitude, claim.longitude)
    return PlaceClaim(
        pseudonym=pseudonym,
        source=claim.source,
        point=point,
        datum=claim.datum,
        accuracy_m=claim.accuracy_m,
        address=claim.address,
        distance_m=distance_m(point, centre) if point and centre else None,
    )


def case_point(case: Case) -> Point | None:
    """Return the place that the case goes by, if one is known."""
    if case.latitude is None or case.longitude is None:
        return None
    return Point(case.latitude, case.longitude)

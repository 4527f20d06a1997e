"""Everything a case page shows of what was reported, by pseudonym and never by person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import combinations
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from review_ui.casework.clocks import Clock, clock_of
from schemas.devices import device_of
from schemas.photo_words import note_words, unreadable_words
from schemas.places import Point, distance_m
from schemas.risks import CLOSER_LOOK
from schemas.tables import (
    Case,
    CaseProposal,
    CaseReport,
    Claim,
    LegalHold,
    Photo,
    PhotoExamination,
    Report,
    ReportRisk,
    RouteDecision,
    Staff,
    Supplement,
    Unit,
    Withdrawal,
)
from schemas.words import Words
from schemas.workdays import CalendarOverrides

Entity = TypeVar("Entity")


@dataclass(frozen=True, slots=True)
class PhotoView:
    """A photo and the sizes in which it may be served; none while it can't be shown.

    `software` is the program that its EXIF says saved it, `screen_grid` how strong a regular
    grain it has (workers.screens); `screen_share` is how much of it a frame encloses, slanting
    by `screen_slant_deg` (workers.bezels). `device` is compared and never shown. `reason` and
    `codes` are what `unreadable` and `notes` say in words, `differences` names what two readers
    of its EXIF read differently. `sha256` is the digest at receipt and at examination.
    """

    photo_id: UUID
    pseudonym: str
    sizes: tuple[int, ...]
    is_examined: bool
    unreadable: Words | None
    of_supplement: bool
    is_masked: bool
    notes: tuple[Words, ...] = ()
    software: str | None = None
    screen_grid: float = 0.0
    screen_share: float | None = None
    screen_slant_deg: float = 0.0
    device: str | None = None
    reason: str | None = None
    codes: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    sha256: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class PlaceClaim:
    """One statement of where, in WGS-84 degrees, and how far it lies from the case's place.

    `photo_id` is the photo that says so, if one does; `of_supplement`, that it was sent later.
    """

    pseudonym: str
    source: str
    photo_id: UUID | None
    of_supplement: bool
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
    photo_id: UUID | None
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
class RiskView:
    """What was unusual about who sent a report, as codes of schemas.risks."""

    pseudonym: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case with its reports, photos and claims; `places_apart_m` is the widest gap of places.

    `links` are all that ever stood, `decisions` why the machine sent the reports here,
    the first one first; `proposal` waits for its second signature; `hold` stands now.
    """

    case: Case
    unit: Unit
    assignee: str | None
    clock: Clock | None
    links: tuple[CaseReport, ...]
    decisions: tuple[RouteDecision, ...]
    proposal: CaseProposal | None
    hold: LegalHold | None
    reports: tuple[ReportView, ...]
    photos: tuple[PhotoView, ...]
    places: tuple[PlaceClaim, ...]
    times: tuple[TimeClaim, ...]
    places_apart_m: float | None
    risks: tuple[RiskView, ...]


def open_casefile(
    session: Session, *, case: Case, today: date, calendar: CalendarOverrides
) -> CaseFile:
    """Read a case that the caller has checked to be in the person's scope."""
    rows = _everything_reported(session, case)
    unit, assignee, proposal, hold = rows[0][:4]
    links = _each_once([row.CaseReport for row in rows])
    reports = {row.Report.id: row.Report for row in rows if row.Report}
    standing = [(link, reports[link.report_id]) for link in links if link.unlinked_at is None]
    standing.sort(key=lambda pair: (pair[1].received_at, pair[1].id))
    pseudonyms = {report.id: link.pseudonym for link, report in standing}
    places, times = _claims(session, case, pseudonyms, {r.id: r.received_at for _, r in standing})
    points = [claim.point for claim in places if claim.point]
    gaps = [distance_m(a, b) for a, b in combinations(points, 2)]
    decisions = _each_once([row.RouteDecision for row in rows])
    return CaseFile(
        case=case,
        unit=unit,
        assignee=assignee,
        clock=clock_of(case, today=today, calendar=calendar),
        links=tuple(sorted(links, key=lambda link: (link.linked_at, link.id))),
        decisions=tuple(sorted(decisions, key=lambda each: (each.decided_at, each.id))),
        proposal=proposal,
        hold=hold,
        reports=_reports(
            standing,
            additions=_each_once([row.Supplement for row in rows]),
            withdrawn=_each_once([row.Withdrawal for row in rows]),
        ),
        photos=_photos(session, pseudonyms),
        places=places,
        times=times,
        places_apart_m=max(gaps, default=None),
        risks=tuple(
            RiskView(pseudonyms[row.report_id], tuple(row.reasons))
            for row in _each_once([row.ReportRisk for row in rows])
            if row.report_id in pseudonyms and row.score >= CLOSER_LOOK
        ),
    )


def _everything_reported(session: Session, case: Case) -> Sequence[Any]:
    """Return the case's unit, assignee and proposal, beside each report with what belongs to it.

    One statement, whose first row is there also where no report is.
    """
    return session.execute(
        select(
            Unit,
            Staff.name,
            CaseProposal,
            LegalHold,
            CaseReport,
            Report,
            Withdrawal,
            Supplement,
            RouteDecision,
            ReportRisk,
        )
        .select_from(Case)
        .join(Unit, Unit.id == Case.unit_id)
        .outerjoin(Staff, Staff.id == Case.assignee_id)
        .outerjoin(
            CaseProposal, (CaseProposal.case_id == Case.id) & CaseProposal.decided_at.is_(None)
        )
        .outerjoin(LegalHold, (LegalHold.case_id == Case.id) & LegalHold.released_at.is_(None))
        .outerjoin(CaseReport, CaseReport.case_id == Case.id)
        .outerjoin(Report, Report.id == CaseReport.report_id)
        .outerjoin(Withdrawal, Withdrawal.report_id == Report.id)
        .outerjoin(Supplement, Supplement.report_id == Report.id)
        .outerjoin(
            RouteDecision,
            (RouteDecision.report_id == Report.id) & (RouteDecision.case_id == Case.id),
        )
        .outerjoin(ReportRisk, ReportRisk.report_id == Report.id)
        .where(Case.id == case.id)
    ).all()


def _each_once(found: Sequence[Entity | None]) -> list[Entity]:
    """Return what a join repeats, each once; one session holds a row as one object."""
    return list({id(each): each for each in found if each is not None}.values())


def _reports(
    standing: Sequence[tuple[CaseReport, Report]],
    *,
    additions: Sequence[Supplement],
    withdrawn: Sequence[Withdrawal],
) -> tuple[ReportView, ...]:
    taken_back = {row.report_id: row.withdrawn_at for row in withdrawn}
    additions = sorted(additions, key=lambda each: (each.received_at, each.id))
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
            additions=tuple(
                Addition(each.received_at, each.description)
                for each in additions
                if each.report_id == report.id
            ),
            withdrawn_at=taken_back.get(report.id),
        )
        for rank, (link, report) in enumerate(standing, start=1)
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
            unreadable=unreadable_words(found.unreadable_reason)
            if found and found.unreadable_reason
            else None,
            notes=note_words(found.notes if found else ()),
            of_supplement=photo.supplement_id is not None,
            is_masked=bool(photo.masks),
            software=found.facts.get("software") if found else None,
            **(_measured(photo, found) if found else {}),
        )
        for photo, found in rows
    )


def _measured(photo: Photo, found: PhotoExamination) -> dict[str, Any]:
    """Return what the examination of a photo measured, as a PhotoView has it."""
    return {
        "screen_grid": found.facts.get("screen_grid", 0.0),
        "screen_share": found.facts.get("screen_share"),
        "screen_slant_deg": found.facts.get("screen_slant_deg", 0.0),
        "device": device_of(found.facts),
        "reason": found.unreadable_reason,
        "codes": tuple(found.notes),
        "differences": tuple(found.facts.get("exif_differences", ())),
        "sha256": (photo.sha256, found.facts.get("sha256", "")),
    }


def _claims(
    session: Session,
    case: Case,
    pseudonyms: dict[UUID, str],
    receipts: dict[UUID, datetime],
) -> tuple[tuple[PlaceClaim, ...], tuple[TimeClaim, ...]]:
    centre = case_point(case)
    places, times = [], []
    # The reports in the order of their receipt, as everywhere else on the page.
    rank = {report_id: number for number, report_id in enumerate(pseudonyms)}
    rows = session.execute(
        select(Claim, Photo.position, Photo.supplement_id)
        .outerjoin(Photo, Photo.id == Claim.photo_id)
        .where(Claim.report_id.in_(pseudonyms))
    ).all()
    for claim, _, supplement_id in sorted(rows, key=lambda row: _claim_order(row, rank)):
        who = pseudonyms[claim.report_id]
        if claim.kind == "place":
            places.append(_place(claim, who, centre, of_supplement=supplement_id is not None))
        elif claim.moment and claim.source != "server_receipt":
            before = receipts[claim.report_id] - claim.moment
            times.append(
                TimeClaim(
                    who, claim.source, claim.photo_id, claim.moment, before, claim.offset_assumed
                )
            )
    return tuple(places), tuple(times)


def _claim_order(row: Any, rank: dict[UUID, int]) -> tuple[object, ...]:
    claim, position, supplement_id = row
    is_later = supplement_id is not None
    return rank[claim.report_id], claim.kind, claim.source, is_later, position or 0, claim.id


def _place(
    claim: Claim, pseudonym: str, centre: Point | None, *, of_supplement: bool
) -> PlaceClaim:
    point = None
    if claim.latitude is not None and claim.longitude is not None:
        point = Point(claim.latitude, claim.longitude)
    return PlaceClaim(
        pseudonym=pseudonym,
        source=claim.source,
        photo_id=claim.photo_id,
        of_supplement=of_supplement,
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

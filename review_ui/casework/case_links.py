"""The links of reports to cases, as the steps that move them share it."""

import secrets
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from review_ui.access.staff import SignedIn
from schemas.lifecycle import State
from schemas.numbers import ALPHABET
from schemas.tables import Case, CaseHistory, CaseReport, Report
from schemas.taxonomy import by_department, severity_of


def standing_links(session: Session, case_id: UUID) -> list[CaseReport]:
    """Return the links of a case that stand, in the order of receipt, which is the rank."""
    return list(
        session.scalars(
            select(CaseReport)
            .join(Report, Report.id == CaseReport.report_id)
            .where(CaseReport.case_id == case_id, CaseReport.unlinked_at.is_(None))
            .order_by(Report.received_at, Report.id)
        )
    )


def move_link(
    session: Session,
    *,
    link: CaseReport,
    into: Case,
    staff: SignedIn,
    now: datetime,
    kind: str = "same_incident",
    match_id: UUID | None = None,
) -> CaseReport:
    """End a link and make one in another case; the old one stays on record."""
    end_link(link, staff, now)
    session.flush()
    return link_report(
        session, report_id=link.report_id, like=link, into=into, staff=staff, now=now,
        kind=kind, match_id=match_id,
    )  # fmt: skip


def link_report(
    session: Session,
    *,
    report_id: UUID,
    like: CaseReport,
    into: Case,
    staff: SignedIn,
    now: datetime,
    kind: str,
    match_id: UUID | None = None,
) -> CaseReport:
    """Link a report to a case, by hand; `like` is a link of the same report elsewhere."""
    made = CaseReport(
        case_id=into.id,
        report_id=report_id,
        department=into.department,
        kind=kind,
        pseudonym=_pseudonym(session, into, like),
        match_id=match_id,
        linked_at=now,
        linked_by=staff.staff_id,
    )
    session.add(made)
    session.flush()
    return made


def end_link(link: CaseReport, staff: SignedIn, now: datetime) -> None:
    """End a link; it is never deleted, so that it can be undone and explained."""
    link.unlinked_at, link.unlinked_by = now, staff.staff_id


def recount(session: Session, case: Case) -> None:
    """Make the case's categories and severity those of the reports that stand in it.

    What staff named when they split it off belongs to it as well.
    """
    rows = session.scalars(
        select(Report)
        .join(CaseReport, CaseReport.report_id == Report.id)
        .where(CaseReport.case_id == case.id, CaseReport.unlinked_at.is_(None))
        .order_by(Report.received_at, Report.id)
    )
    codes = dict.fromkeys(
        code
        for report in rows
        for department, group in by_department(report.categories).items()
        if department == case.department
        for code in group
    )
    birth = session.scalars(
        select(CaseHistory).where(
            CaseHistory.case_id == case.id, CaseHistory.to_state == State.RECEIVED
        )
    ).first()
    codes.update(dict.fromkeys(birth.record.get("split_categories", ()) if birth else ()))
    if codes:
        case.categories = list(codes)
        case.severity = severity_of(codes)


def earliest_receipt(session: Session, case: Case) -> datetime:
    """Return when the first of the reports that stand in a case was received."""
    found = session.scalars(
        select(Report.received_at)
        .join(CaseReport, CaseReport.report_id == Report.id)
        .where(CaseReport.case_id == case.id, CaseReport.unlinked_at.is_(None))
        .order_by(Report.received_at)
        .limit(1)
    ).first()
    return found or case.received_at


def _pseudonym(session: Session, case: Case, link: CaseReport) -> str:
    """Return what the reporter is called in this case: as before if they stand in it already.

    Another case has another pseudonym, so that nobody follows a rider from shop to shop.
    """
    rider_id = session.get_one(Report, link.report_id).rider_id
    rows = session.execute(
        select(Report.rider_id, Report.id, CaseReport.pseudonym)
        .join(CaseReport, CaseReport.report_id == Report.id)
        .where(CaseReport.case_id == case.id)
    ).all()
    for theirs, report_id, pseudonym in rows:
        if report_id == link.report_id or (rider_id is not None and theirs == rider_id):
            return str(pseudonym)
    taken = {pseudonym for _, _, pseudonym in rows}
    word = link.pseudonym.partition("-")[0]
    while True:
        drawn = f"{word}-{''.join(secrets.choice(ALPHABET) for _ in range(3))}"
        if drawn not in taken:
            return drawn

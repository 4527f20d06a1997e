"""A small world of the inspectors' room: its cases, and all else that is beside them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from intake.identity.invitations import make_invitation
from intake.identity.stations import add_station
from intake.rewards.awards import Earned, award
from intake.rewards.ledger import open_accounts
from intake.suggestions import suggest
from review_ui.access.staff import SignedIn
from review_ui.risk.lists import of_text
from schemas.audit import PIPELINE
from schemas.bulletins.issues import publish
from schemas.bulletins.parameters import present_parameters
from schemas.database import new_id, now_utc
from schemas.draws.algorithm import tickets_of
from schemas.draws.keeping import Plan, prepare
from schemas.lifecycle import State
from schemas.points import AccountKind, PointRule
from schemas.sealing import Sealer
from schemas.tables import (
    BulletinSubscriber,
    Campaign,
    CampaignShop,
    CampaignTask,
    Case,
    HonourPlace,
    HonourRoll,
    PointAccount,
    PointOffer,
    RewardClaim,
    Staff,
    StationProfile,
    Supply,
    Unit,
)
from schemas.weeks import week_of
from schemas.workdays import local_date
from tests.review_ui.cases import SHENHE, SHENYANG, Cases


@dataclass
class World(Cases):
    """With bulletins, rewards, stations, campaigns and draws."""

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

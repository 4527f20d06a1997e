"""A small city in rows: reports, cases and what happened to them, at moments of one's choice."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from schemas.access import Role
from schemas.bulletins.computing import compute
from schemas.bulletins.documents import Bulletin
from schemas.bulletins.parameters import Parameters, present_parameters
from schemas.database import Database, new_id
from schemas.lifecycle import State
from schemas.tables import (
    Case,
    CaseAct,
    CaseHistory,
    CaseReport,
    Report,
    Rider,
    ShopFinding,
    Staff,
    StaffRole,
    Unit,
)
from schemas.taxonomy import Department, severity_of
from schemas.weeks import Week

SHENYANG, SHENHE, HUNNAN, HEPING, NATION = "210100", "210103", "210112", "210102", "000000"
WEEK = Week(date(2026, 9, 7))
_numbers = count(1)


@dataclass
class City:
    """Writes rows as the pipeline and the inspectors' room do, at given moments."""

    database: Database
    units: dict[str, UUID] = field(default_factory=dict)
    versions: dict[UUID, int] = field(default_factory=dict)
    states: dict[UUID, State] = field(default_factory=dict)

    session: Session | None = None

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Write in a transaction of its own, or in the one that `together` has opened."""
        if self.session is not None:
            yield self.session
            self.session.flush()
            return
        with self.database.writing() as session:
            yield session

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let everything within be one transaction: much faster on a disk."""
        with self.database.writing() as self.session:
            yield
        self.session = None

    def unit(self, code: str) -> UUID:
        if code not in self.units:
            with self.database.reading() as session:
                self.units[code] = session.scalars(
                    select(Unit.id).where(
                        Unit.division_code == code, Unit.department == Department.MARKET.value
                    )
                ).one()
        return self.units[code]

    def signer(self, code: str = SHENYANG, role: Role = Role.STATISTICIAN) -> UUID:
        with self.writing() as session:
            staff = Staff(sign_in=f"s{next(_numbers)}", name="统计员", password_hash="x")
            session.add(staff)
            session.flush()
            session.add(StaffRole(staff_id=staff.id, role=role.value, unit_id=self.unit(code)))
            return staff.id

    def rider(self) -> UUID:
        with self.writing() as session:
            number = next(_numbers)
            rider = Rider(sealed_profile=b"x", phone_digest=f"p{number}")
            session.add(rider)
            session.flush()
            return rider.id

    def report(
        self,
        at: datetime,
        *,
        categories: Sequence[str] = ("PEST",),
        platform: str = "饿了么",
        rider: UUID | None = None,
        shop: str = "",
    ) -> UUID:
        number = next(_numbers)
        with self.writing() as session:
            made = Report(
                number=f"JB{number:08d}",
                receipt_hash=f"{number:064d}",
                rider_id=rider,
                categories=list(categories),
                platform=platform,
                premises_name=shop,
                received_at=at,
            )
            session.add(made)
            session.flush()
            return made.id

    def case(
        self,
        at: datetime,
        *,
        code: str = SHENHE,
        report: UUID | None = None,
        categories: Sequence[str] = ("PEST",),
        department: str = "market",
        recorded_at: datetime | None = None,
        incident: UUID | None = None,
        **facts: Any,
    ) -> UUID:
        """Open a case for a report that was received at `at`, assigned a second later."""
        report = report or self.report(at, categories=categories, **facts)
        known = recorded_at or at + timedelta(seconds=1)
        number = next(_numbers)
        with self.writing() as session:
            case = Case(
                id=new_id(),
                number=f"AJ{number:08d}",
                incident_id=incident or new_id(),
                department=department,
                unit_id=self.unit(code),
                state=State.ASSIGNED.value,
                categories=list(categories),
                severity=severity_of(categories),
                county_code=code,
                received_at=at,
                opened_at=known,
                due_on=at.date() + timedelta(days=21),
            )
            session.add(case)
            session.flush()
            self.states[case.id], self.versions[case.id] = State.ASSIGNED, 2
            for version, source, target, moment in (
                (1, None, State.RECEIVED, at),
                (2, State.RECEIVED, State.ASSIGNED, known),
            ):
                session.add(
                    CaseHistory(
                        case_id=case.id, version=version, from_state=source,
                        to_state=target.value, unit_id=self.unit(code), occurred_at=moment,
                        recorded_at=known,
                    )
                )  # fmt: skip
        self.link(case.id, report, at=known, kind="first", department=department)
        return case.id

    def link(
        self,
        case_id: UUID,
        report_id: UUID,
        *,
        at: datetime,
        kind: str = "same_incident",
        department: str = "market",
    ) -> UUID:
        with self.writing() as session:
            made = CaseReport(
                case_id=case_id, report_id=report_id, department=department, kind=kind,
                pseudonym="骑手-0Q0", linked_at=at,
            )  # fmt: skip
            session.add(made)
            session.flush()
            return made.id

    def unlink(self, link_id: UUID, *, at: datetime) -> None:
        with self.writing() as session:
            session.get_one(CaseReport, link_id).unlinked_at = at

    def move(
        self,
        case_id: UUID,
        target: State,
        at: datetime,
        *,
        recorded_at: datetime | None = None,
        code: str | None = None,
        **record: Any,
    ) -> None:
        """Make one move; what the present columns say follows, since nothing may rest on it."""
        with self.writing() as session:
            case = session.get_one(Case, case_id)
            self.versions[case_id] += 1
            if code:
                case.unit_id = self.unit(code)
            session.add(
                CaseHistory(
                    case_id=case_id, version=self.versions[case_id],
                    from_state=self.states[case_id].value, to_state=target.value,
                    unit_id=case.unit_id, record=record, occurred_at=at,
                    recorded_at=recorded_at or at,
                )
            )  # fmt: skip
            case.state = target.value
            self.states[case_id] = target

    def found(self, case_id: UUID, shop: str, at: datetime, recorded_at: datetime) -> None:
        """Note the shop of the case's last move, as the inspectors' room does."""
        with self.writing() as session:
            session.add(
                ShopFinding(
                    case_id=case_id, version=self.versions[case_id], shop_key=shop,
                    unit_id=session.get_one(Case, case_id).unit_id, occurred_at=at,
                    recorded_at=recorded_at,
                )
            )  # fmt: skip

    def act(
        self, case_id: UUID, code: str, at: datetime, recorded_at: datetime | None = None,
        **record: Any,
    ) -> None:  # fmt: skip
        with self.writing() as session:
            self.versions[case_id] += 1
            session.add(
                CaseAct(
                    case_id=case_id, version=self.versions[case_id], act=code, record=record,
                    occurred_at=at, recorded_at=recorded_at or at,
                )
            )  # fmt: skip

    def verified(self, case_id: UUID, at: datetime, **record: Any) -> None:
        self.move(case_id, State.VERIFYING, at - timedelta(hours=1))
        self.move(case_id, State.VERIFIED, at, **record)

    def count(
        self, week: Week = WEEK, *, scope: str = SHENYANG, known_at: datetime | None = None
    ) -> Bulletin:
        with self.database.reading() as session:
            return compute(
                session,
                week=week,
                scope=scope,
                known_at=known_at or week.ends_at + timedelta(hours=8),
                parameters=parameters(),
            )


def parameters(small_cell: int = 5) -> Parameters:
    return present_parameters(small_cell=small_cell)


def moment(day: int, hour: int = 10, week: Week = WEEK) -> datetime:
    """An hour of a day of the week, Monday being 0, by the clock of Shanghai, in UTC."""
    return (week.begins_at + timedelta(days=day, hours=hour)).astimezone(UTC)


@pytest.fixture
def city(database: Database) -> City:
    return City(database)


@pytest.fixture(name="at")
def _at() -> Any:
    return moment


@pytest.fixture(name="week")
def _week() -> Week:
    return WEEK


@pytest.fixture(name="parameters")
def _parameters() -> Parameters:
    return parameters()

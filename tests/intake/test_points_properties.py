"""Whatever happens, in whatever order and however often: points are given once and taken exactly.

Histories are made up of facts (verified, refuted, reopened, linked, unlinked, withdrawn,
excluded, approved) and compared after every step with a model that knows nothing of the
ledger's own code.
"""

import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DBAPIError

from intake.rewards.awards import settle_incident
from intake.rewards.ledger import account_balance, balance_of
from review_ui.rewards.decisions import approve, end_award, restore
from schemas import audit
from schemas.database import new_id
from schemas.errors import Conflict
from schemas.points import AccountKind
from schemas.tables import (
    Case,
    CaseHistory,
    CaseReport,
    PointAccount,
    PointAward,
    PointEntry,
    Report,
    Rider,
    Staff,
    Unit,
    Withdrawal,
)

START = datetime(2026, 11, 2, 8, tzinfo=UTC)
OFFICER = audit.Actor("pipeline")


class Incident:
    """One incident of two departments with four tips: of two riders twice each, or nobody's."""

    def __init__(self, session, whose=(0, 1, 0, None)) -> None:
        self.session, self.clock = session, START
        self.id = new_id()
        unit = session.scalars(select(Unit).where(Unit.division_code == "210103")).first()
        staff = [Staff(sign_in=uuid4().hex, name="某人", password_hash="x") for _ in range(2)]
        self.riders = [Rider(sealed_profile=b"x", phone_digest=uuid4().hex) for _ in range(2)]
        session.add_all([*staff, *self.riders])
        session.flush()
        self.inspector, self.officer = staff
        self.cases = [
            Case(
                number=uuid4().hex[:24], incident_id=self.id, department=department,
                unit_id=unit.id, state="verifying", categories=["PEST"], severity=4,
                received_at=START, due_on=START.date(),
            )
            for department in ("market", "fire")
        ]  # fmt: skip
        self.reports = [
            Report(
                number=uuid4().hex[:24], receipt_hash=uuid4().hex, categories=["PEST"],
                rider_id=None if rider is None else self.riders[rider].id,
                received_at=START + timedelta(minutes=place),
            )
            for place, rider in enumerate(whose)
        ]  # fmt: skip
        session.add_all([*self.cases, *self.reports])
        session.flush()
        # What the model knows: verdicts, who stands where as what, who is out since when.
        self.verdict = ["open", "open"]
        self.verified_at: list[datetime | None] = [None, None]
        self.links: dict[tuple[int, int], str] = {}
        self.out: set[int] = set()
        self.withdrawn: dict[int, datetime] = {}
        self.versions = [0, 0]

    def now(self) -> datetime:
        self.clock += timedelta(hours=1)
        return self.clock

    def move(self, case: int, state: str) -> None:
        self.versions[case] += 1
        now = self.now()
        self.session.add(
            CaseHistory(
                case_id=self.cases[case].id, version=self.versions[case], from_state="verifying",
                to_state=state, unit_id=self.cases[case].unit_id, occurred_at=now,
                actor_id=self.inspector.id,
            )
        )  # fmt: skip
        if state == "verified":
            self.verdict[case], self.verified_at[case] = "true", now
        elif state == "reopened":
            self.verdict[case] = "review" if self.verdict[case] in ("true", "review") else "open"
        else:
            self.verdict[case] = "refuted"

    def link(self, case: int, report: int, kind: str) -> None:
        if (case, report) not in self.links:
            self.session.add(
                CaseReport(
                    case_id=self.cases[case].id, report_id=self.reports[report].id,
                    department=self.cases[case].department, kind=kind, pseudonym="骑手-ABC",
                )
            )  # fmt: skip
            self.links[case, report] = kind

    def unlink(self, case: int, report: int) -> None:
        if self.links.pop((case, report), None):
            self.session.flush()
            row = self.session.scalars(
                select(CaseReport).where(
                    CaseReport.case_id == self.cases[case].id,
                    CaseReport.report_id == self.reports[report].id,
                    CaseReport.unlinked_at.is_(None),
                )
            ).one()
            row.unlinked_at, row.unlinked_by = self.now(), self.inspector.id

    def withdraw(self, report: int) -> None:
        if report not in self.withdrawn:
            self.withdrawn[report] = self.now()
            self.session.add(Withdrawal(report_id=self.reports[report].id, withdrawn_at=self.clock))

    def settle(self) -> None:
        settle_incident(self.session, incident_id=self.id, actor=OFFICER, now=self.now())

    def standing(self) -> PointAward | None:
        return self.session.scalars(
            select(PointAward).where(
                PointAward.incident_id == self.id, PointAward.ended_at.is_(None)
            )
        ).one_or_none()

    def decide(self, what: str) -> None:
        self.settle()
        award = self.standing()
        if what == "restore":
            award = self.session.scalars(
                select(PointAward).where(PointAward.incident_id == self.id)
            ).first()
        if award is None:
            return
        choice = {"award_id": award.id, "staff_id": self.officer.id, "now": self.now()}
        report = next(
            place for place, each in enumerate(self.reports) if each.id == award.report_id
        )
        try:
            if what == "approve":
                approve(self.session, **choice)
            elif what == "restore":
                restore(self.session, **choice)
                self.out.discard(report)
            else:
                end_award(self.session, code="fraud", reason="照片是摆拍", **choice)
                self.out.add(report)
        except Conflict:
            # Decided already, under review again, or not excluded: then nothing happens.
            return

    def due(self) -> tuple[UUID | None, bool]:
        """Return who earns, and whether it is settled, in the plainest way there is."""
        barred = {self.reports[each].rider_id for each in self.out}
        for place in range(len(self.reports)):
            rider = self.reports[place].rider_id
            mine = [
                (case, report)
                for case, report in self.links
                if self.reports[report].rider_id == rider
                and self.verdict[case] in ("true", "review")
            ]
            good = [
                case
                for case, report in mine
                if self.links[case, report] != "legal_duplicate"
                and not (
                    report in self.withdrawn and self.withdrawn[report] <= self.verified_at[case]
                )
            ]
            # Whose earliest tip this is.
            if mine and min(report for _, report in mine) != place:
                continue
            if rider and good and rider not in barred and any(r == place for _, r in mine):
                return rider, any(self.verdict[case] == "true" for case in good)
        return None, False

    def check(self, before: UUID | None) -> UUID | None:
        rider, is_settled = self.due()
        award = self.standing()
        if rider is not None and (is_settled or before == rider):
            assert award is not None
            assert award.rider_id == rider
        else:
            assert award is None
        self.check_ledger(award)
        return award.rider_id if award else None

    def check_ledger(self, award: PointAward | None) -> None:
        accounts = self.session.scalars(select(PointAccount.id)).all()
        sums = [account_balance(self.session, account_id=each) for each in accounts]
        assert sum(sums) == 0
        for each in self.riders:
            held = [
                balance_of(self.session, rider_id=each.id, kind=kind)
                for kind in (AccountKind.PENDING, AccountKind.RIDER)
            ]
            # A reversal is exact: who has no award that stands has nothing, to the point.
            is_theirs = award is not None and award.rider_id == each.id
            wanted = [50, 0] if is_theirs and award.status == "pending" else [0, 50]
            assert held == (wanted if is_theirs else [0, 0])


CASES, REPORTS = st.integers(0, 1), st.integers(0, 3)
KINDS = st.sampled_from(["same_incident", "same_incident", "legal_duplicate"])
STEPS = st.one_of(
    st.tuples(
        st.just("move"),
        CASES,
        st.sampled_from(["verified", "verified", "reopened", "unfounded", "invalid"]),
    ),
    st.tuples(st.just("link"), CASES, REPORTS, KINDS),
    st.tuples(st.just("link"), CASES, REPORTS, KINDS),
    st.tuples(st.just("unlink"), CASES, REPORTS),
    st.tuples(st.just("withdraw"), REPORTS),
    st.tuples(st.just("decide"), st.sampled_from(["approve", "end", "restore"])),
)
EXAMPLES = {"sqlite": 20, "postgresql": 5}


def test_no_history_gives_twice_or_takes_inexactly(database, dialect) -> None:
    met = set()

    @settings(
        max_examples=EXAMPLES[dialect], deadline=None, derandomize=True, database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(
        whose=st.lists(st.sampled_from([0, 1, None]), min_size=4, max_size=4),
        steps=st.lists(STEPS, min_size=6, max_size=16),
    )
    def live(whose, steps) -> None:
        with database.write() as session:
            incident = Incident(session, whose)
            incident.link(0, 0, "first")
            incident.move(0, "verified")
            before = None
            for name, *arguments in steps:
                getattr(incident, name)(*arguments)
                incident.settle()
                made = session.scalar(select(func.count()).select_from(PointEntry))
                # The same news again, as often as it comes, changes nothing.
                incident.settle()
                assert session.scalar(select(func.count()).select_from(PointEntry)) == made
                before = incident.check(before)
                met.add(before is not None)
            session.rollback()

    live()
    assert met == {True, False}


def test_news_that_comes_at_once_is_one_award(database) -> None:
    with database.writing() as session:
        incident = Incident(session)
        for report in range(3):
            incident.link(0, report, "same_incident" if report else "first")
            incident.link(1, report, "same_incident")
        incident.move(0, "verified")
        incident.move(1, "verified")
        key, rider = incident.id, incident.riders[0].id
    start = threading.Barrier(8)
    faults = []

    def settle() -> None:
        start.wait()
        try:
            with database.writing() as session:
                settle_incident(session, incident_id=key, actor=OFFICER, now=START)
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            faults.append(error)

    threads = [threading.Thread(target=settle) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    with database.reading() as session:
        award = session.scalars(select(PointAward)).one()
        assert award.rider_id == rider
        assert session.scalars(select(PointEntry)).one().points == 50
        assert balance_of(session, rider_id=rider, kind=AccountKind.PENDING) == 50


def test_two_officers_at_once_approve_an_award_once(database) -> None:
    with database.writing() as session:
        incident = Incident(session)
        incident.link(0, 0, "first")
        incident.move(0, "verified")
        incident.settle()
        award, officer = incident.standing().id, incident.officer.id
        rider = incident.riders[0].id
    start, answers = threading.Barrier(4), []

    def decide() -> None:
        start.wait()
        try:
            with database.writing() as session:
                approve(session, award_id=award, staff_id=officer, now=START)
            answers.append("approved")
        except Conflict as refusal:
            answers.append(refusal.code)

    threads = [threading.Thread(target=decide) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["approved", *["award-decided"] * 3]
    with database.reading() as session:
        assert balance_of(session, rider_id=rider) == 50
        assert balance_of(session, rider_id=rider, kind=AccountKind.PENDING) == 0


def test_the_database_refuses_to_alter_an_entry(database) -> None:
    with database.writing() as session:
        incident = Incident(session)
        incident.link(0, 0, "first")
        incident.move(0, "verified")
        incident.settle()
    for change in (
        update(PointEntry).values(points=PointEntry.points + 1),
        update(PointEntry).values(to_account_id=PointEntry.from_account_id),
        delete(PointEntry),
    ):
        with database.engine.connect() as connection:
            with pytest.raises(DBAPIError, match="append-only"):
                connection.execute(change)
            connection.rollback()

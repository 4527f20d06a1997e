"""What is unusual about who reports: each reason, its threshold, and that it decides nothing."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from intake.riders.registering import RiderProfile, add_rider
from schemas.database import Database, new_id
from schemas.places import Point
from schemas.risks import CLOSER_LOOK, POLICY, REASONS, say_reasons, score_of
from schemas.sealing import Sealer
from schemas.settings import Settings
from schemas.tables import (
    AuditEntry,
    Case,
    CaseHistory,
    CaseReport,
    Claim,
    Match,
    Report,
    ReportRisk,
    Unit,
    Withdrawal,
)
from workers.risk import FLAG, RULES, assess, find_reasons

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


@pytest.fixture
def rider(database: Database, settings: Settings) -> uuid.UUID:
    with database.writing() as session:
        profile = RiderProfile("李小四", "13800001111")
        return add_rider(session, sealer=Sealer(settings), profile=profile).id


@pytest.fixture
def other(database: Database, settings: Settings) -> uuid.UUID:
    with database.writing() as session:
        profile = RiderProfile("王五", "13800002222")
        return add_rider(session, sealer=Sealer(settings), profile=profile).id


@pytest.fixture
def past(database: Database) -> Callable[..., uuid.UUID]:
    """Write a report of the past."""

    def write(rider_id: uuid.UUID | None, *, ago: timedelta) -> uuid.UUID:
        with database.writing() as session:
            report = Report(
                number=f"JB-{uuid.uuid4().hex[:12]}",
                receipt_hash=uuid.uuid4().hex,
                rider_id=rider_id,
                categories=["PEST"],
                received_at=NOW - ago,
            )
            session.add(report)
            session.flush()
            return report.id

    return write


Past = Callable[..., uuid.UUID]


def reasons(database: Database, report_id: uuid.UUID) -> list[str]:
    with database.reading() as session:
        return find_reasons(session, report=session.get_one(Report, report_id))


def withdraw(database: Database, *report_ids: uuid.UUID) -> None:
    with database.writing() as session:
        session.add_all(Withdrawal(report_id=each) for each in report_ids)


def conclude(database: Database, report_id: uuid.UUID, *states: str) -> None:
    with database.writing() as session:
        unit = session.scalars(select(Unit).where(Unit.division_code == "210103")).one()
        case = Case(
            number=f"AJ-{uuid.uuid4().hex[:12]}",
            incident_id=new_id(),
            department="market",
            unit_id=unit.id,
            state=states[-1],
            categories=["PEST"],
            severity=3,
            received_at=NOW,
            due_on=NOW.date(),
        )
        session.add(case)
        session.flush()
        link = CaseReport(
            case_id=case.id,
            report_id=report_id,
            department="market",
            kind="first",
            pseudonym="举报人 A",
        )
        session.add(link)
        for version, state in enumerate(states, start=1):
            session.add(
                CaseHistory(
                    case_id=case.id,
                    version=version,
                    to_state=state,
                    unit_id=unit.id,
                    record={},
                    occurred_at=NOW,
                )
            )


def test_a_first_report_and_a_busy_riders_are_not_unusual(
    database: Database, rider: uuid.UUID, past: Past
) -> None:
    assert reasons(database, past(rider, ago=timedelta(0))) == []
    for number in range(RULES.burst - 2):
        past(rider, ago=timedelta(minutes=number))
    assert reasons(database, past(rider, ago=timedelta(0))) == ["many-at-once"]
    # Somebody else's reports are not theirs, and yesterday's are not at once.
    later = past(rider, ago=-timedelta(hours=2))
    assert reasons(database, later) == []


def test_most_reports_taken_back_are_unusual_and_half_of_them_are_not(
    database: Database, rider: uuid.UUID, past: Past
) -> None:
    old = [past(rider, ago=timedelta(days=day)) for day in range(2, 6)]
    withdraw(database, *old[:2])
    latest = past(rider, ago=timedelta(0))
    assert reasons(database, latest) == []
    withdraw(database, old[2])
    assert reasons(database, latest) == ["often-withdrawn"]
    past(rider, ago=timedelta(days=1))
    assert reasons(database, latest) == []


def test_reports_that_mostly_do_not_hold_are_unusual(
    database: Database, rider: uuid.UUID, past: Past
) -> None:
    old = [past(rider, ago=timedelta(days=day)) for day in range(2, 7)]
    for report in old[:3]:
        conclude(database, report, "received", "unfounded", "closed")
    conclude(database, past(rider, ago=timedelta(days=8)), "received", "assigned")
    latest = past(rider, ago=timedelta(0))
    # What is still being checked counts for neither side.
    assert reasons(database, latest) == ["often-unfounded"]
    for report in old[3:]:
        conclude(database, report, "received", "verified", "filed")
    assert reasons(database, latest) == ["often-unfounded"]
    good = past(rider, ago=timedelta(days=1))
    conclude(database, good, "verified")
    assert reasons(database, latest) == []


def test_what_is_older_than_the_window_is_forgotten(
    database: Database, rider: uuid.UUID, past: Past
) -> None:
    withdraw(database, *(past(rider, ago=RULES.window + timedelta(days=1)) for _ in range(3)))
    assert reasons(database, past(rider, ago=timedelta(0))) == []


def test_pictures_that_others_sent_before_are_unusual_and_ones_own_are_not(
    database: Database, rider: uuid.UUID, other: uuid.UUID, past: Past
) -> None:
    first = past(other, ago=timedelta(days=9))
    own = past(rider, ago=timedelta(days=8))
    nameless = past(None, ago=timedelta(days=8))
    mine = [past(rider, ago=timedelta(days=day)) for day in (2, 1)]
    latest = past(rider, ago=timedelta(0))

    def alike(report: uuid.UUID, earlier: uuid.UUID) -> None:
        with database.writing() as session:
            session.add(
                Match(
                    report_id=report,
                    other_report_id=earlier,
                    kind="same_bytes",
                    policy="match-2026-11",
                )
            )

    alike(mine[0], first)
    alike(mine[1], own)
    alike(latest, nameless)
    assert reasons(database, latest) == []
    alike(mine[1], first)
    assert reasons(database, latest) == ["pictures-of-others"]


def test_leaps_that_nobody_can_ride_are_unusual_by_the_phones_own_clock(
    database: Database, rider: uuid.UUID, past: Past
) -> None:
    def at(report: uuid.UUID, moment: datetime | None, place: Point) -> None:
        with database.writing() as session:
            session.add(
                Claim(
                    report_id=report,
                    kind="place",
                    source="device_gps",
                    latitude=place.latitude,
                    longitude=place.longitude,
                )
            )
            if moment:
                session.add(
                    Claim(report_id=report, kind="time", source="device_clock", moment=moment)
                )

    here, far = Point(41.80, 123.43), Point(41.90, 123.43)
    # All were sent together when there was signal again.
    sent = [past(rider, ago=timedelta(minutes=number)) for number in range(3)]
    for number, report in enumerate(sent):
        at(report, NOW - timedelta(hours=number), far if number % 2 else here)
    assert reasons(database, sent[0]) == []
    soon = [past(rider, ago=timedelta(minutes=5)) for _ in range(3)]
    for number, report in enumerate(soon):
        at(report, NOW + timedelta(minutes=number), far if number % 2 else here)
    latest = past(rider, ago=timedelta(0))
    at(latest, None, far)
    assert reasons(database, latest) == ["far-apart"]


def test_every_reason_has_words_without_numbers_and_one_alone_or_two_ask_for_a_look() -> None:
    for reason in REASONS.values():
        for words in (reason.words.zh, reason.words.en):
            assert not any(sign.isdigit() for sign in words)
    assert score_of(["often-unfounded"]) == CLOSER_LOOK
    assert score_of(["many-at-once", "often-withdrawn"]) == CLOSER_LOOK
    assert score_of(["far-apart"]) < CLOSER_LOOK
    assert score_of(["of-another-version"]) == 0
    assert say_reasons(["of-another-version"])[0].zh == "of-another-version"


def test_a_report_is_assessed_once_and_nobody_without_a_name(
    database: Database, rider: uuid.UUID, past: Past
) -> None:
    nameless = past(None, ago=timedelta(0))
    old = [past(rider, ago=timedelta(days=day)) for day in range(2, 5)]
    for report in old:
        conclude(database, report, "unfounded")
    latest = past(rider, ago=timedelta(0))
    with database.writing() as session:
        assert not assess(session, report=session.get_one(Report, nameless), now=NOW)
        assert assess(session, report=session.get_one(Report, latest), now=NOW)
        assert assess(session, report=session.get_one(Report, latest), now=NOW)
        row = session.scalars(select(ReportRisk)).one()
    assert (row.policy, row.score, row.reasons) == (POLICY, 3, ["often-unfounded"])


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_an_unusual_report_is_routed_like_any_other_and_flagged(
    tips: Any, rider: uuid.UUID, past: Past, database: Database
) -> None:
    for day in range(2, 5):
        conclude(database, past(rider, ago=timedelta(days=day)), "unfounded")
    place = tips.inside("210103")
    report = tips.send(tips.photo(1, place=place), at=place, rider=rider, received_at=NOW)
    tips.process(report)
    case = tips.case(report)
    assert case.flags == [FLAG]
    assert case.state == "assigned"
    # Neither the flag nor its reasons say who it is.
    with database.reading() as session:
        risk = session.scalars(select(ReportRisk)).one()
        entries = session.scalars(select(AuditEntry).where(AuditEntry.subject_id == case.id))
        assert all(str(rider) not in str(entry.after) for entry in entries)
    assert risk.reasons == ["often-unfounded"]

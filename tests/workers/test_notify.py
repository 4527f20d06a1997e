"""From a case's history to notices: each public change once, whatever happens to the clock."""

import threading
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from intake.answers import Reporter
from intake.reports import withdraw
from intake.status import PHOTOS_UNREADABLE
from schemas.database import new_id, now_utc
from schemas.lifecycle import State
from schemas.tables import (
    Case,
    CaseHistory,
    CaseNews,
    CaseReport,
    Notice,
    Photo,
    PhotoExamination,
    Report,
    Unit,
)
from workers.notify import _tell_some, tell

NOON = datetime(2026, 11, 2, 4, tzinfo=UTC)


sqlite_only = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


@pytest.fixture
def file_room(machine, tips):
    return FileRoom(machine, tips)


class FileRoom:
    """Writes cases, their changes and links, as the pipeline and the inspectors do."""

    def __init__(self, machine, tips):
        self.machine, self.tips = machine, tips

    def report(self, rider=None, received_at=NOON, photos=()):
        return self.tips.send(*photos, rider=rider, received_at=received_at)

    def case(self, *states, department="market", at=NOON):
        with self.machine.database.writing() as session:
            unit = session.scalars(select(Unit).limit(1)).one()
            case = Case(
                number=f"AJ-{uuid.uuid4().hex[:12]}",
                incident_id=new_id(),
                department=department,
                unit_id=unit.id,
                state=State.RECEIVED.value,
                version=0,
                categories=["PEST"],
                severity=4,
                received_at=at,
                due_on=at.date(),
            )
            session.add(case)
            session.flush()
            for state in (State.RECEIVED, *states):
                advance(session, case, state, at)
        return case.id

    def move(self, case_id, *states, at=None):
        for state in states:
            with self.machine.database.writing() as session:
                case = session.get_one(Case, case_id, with_for_update=True)
                advance(session, case, state, at or now_utc())

    def link(self, case_id, *report_ids, at=NOON):
        with self.machine.database.writing() as session:
            department = session.get_one(Case, case_id).department
            for report_id in report_ids:
                session.add(
                    CaseReport(
                        case_id=case_id,
                        report_id=report_id,
                        department=department,
                        kind="first",
                        pseudonym="举报人 A",
                        linked_at=at,
                    )
                )

    def unlink(self, report_id):
        with self.machine.database.writing() as session:
            link = session.scalars(
                select(CaseReport).where(
                    CaseReport.report_id == report_id, CaseReport.unlinked_at.is_(None)
                )
            ).one()
            link.unlinked_at = now_utc()

    def told(self, report_id):
        with self.machine.database.reading() as session:
            return list(
                session.scalars(
                    select(Notice.code).where(Notice.report_id == report_id).order_by(Notice.id)
                )
            )

    def waiting(self):
        with self.machine.database.reading() as session:
            return session.scalar(select(func.count()).select_from(CaseNews))


def advance(session, case, state, at):
    case.state, case.version = state.value, case.version + 1
    session.add(
        CaseHistory(
            case_id=case.id,
            version=case.version,
            to_state=state.value,
            unit_id=case.unit_id,
            occurred_at=at,
        )
    )


def test_each_change_of_the_public_status_is_told_once(file_room, machine):
    report = file_room.report()
    case = file_room.case(State.ASSIGNED)
    file_room.link(case, report)
    assert tell(machine) == 1
    assert tell(machine) == 0
    file_room.move(case, State.VERIFYING, State.VERIFIED)
    file_room.move(case, State.RECTIFYING)
    assert tell(machine) == 3
    assert tell(machine) == 0
    assert file_room.told(report) == ["assigned", "verifying", "verified", "rectifying"]
    assert file_room.waiting() == 0


@sqlite_only
def test_two_departments_are_told_apart(file_room, machine):
    report = file_room.report()
    for department in ("market", "fire"):
        file_room.link(file_room.case(State.ASSIGNED, department=department), report)
    tell(machine)
    with machine.database.reading() as session:
        told = session.execute(select(Notice.department, Notice.code)).all()
    assert sorted(tuple(each) for each in told) == [("fire", "assigned"), ("market", "assigned")]


@sqlite_only
def test_who_joins_an_older_case_learns_only_how_it_stands(file_room, machine):
    first, later = file_room.report(), file_room.report(received_at=NOON + timedelta(days=4))
    case = file_room.case(State.ASSIGNED, State.VERIFYING)
    file_room.link(case, first)
    file_room.link(case, later, at=NOON + timedelta(days=4))
    tell(machine)
    assert file_room.told(later) == ["verifying"]
    file_room.move(case, State.UNFOUNDED)
    tell(machine)
    assert file_room.told(later) == ["verifying", "unfounded"]
    assert file_room.told(first)[-1] == "unfounded"


@sqlite_only
def test_a_report_that_moves_to_another_case_in_the_same_state_hears_nothing(file_room, machine):
    report = file_room.report()
    file_room.link(file_room.case(State.ASSIGNED), report)
    tell(machine)
    file_room.unlink(report)
    other = file_room.case(State.ASSIGNED, at=NOON + timedelta(days=1))
    file_room.link(other, report, at=NOON + timedelta(days=2))
    assert tell(machine) == 0
    file_room.move(other, State.VERIFYING)
    assert tell(machine) == 1
    assert file_room.told(report) == ["assigned", "verifying"]


@sqlite_only
def test_who_took_a_report_back_hears_no_more_of_it(file_room, machine):
    report = file_room.report()
    case = file_room.case(State.ASSIGNED)
    file_room.link(case, report)
    with machine.database.writing() as session:
        row = session.get_one(Report, report)
        withdraw(session, reporter=Reporter(), report=row, reason="", now=now_utc())
    file_room.move(case, State.VERIFYING)
    assert tell(machine) == 0
    assert file_room.waiting() == 0


@sqlite_only
def test_photos_that_will_not_open_are_told_instead_of_the_desk(file_room, machine, tips):
    report = file_room.report(photos=[tips.photo(1)])
    with machine.database.writing() as session:
        photo = session.scalars(select(Photo)).one()
        session.add(PhotoExamination(photo_id=photo.id, unreadable_reason="truncated"))
    file_room.link(file_room.case(State.DISPATCH), report)
    tell(machine)
    assert file_room.told(report) == [PHOTOS_UNREADABLE]


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_a_change_that_commits_late_is_not_missed(file_room, machine):
    slow, quick = file_room.report(), file_room.report()
    cases = [file_room.case(State.ASSIGNED) for _ in range(2)]
    for case, report in zip(cases, (slow, quick), strict=True):
        file_room.link(case, report)
    tell(machine)
    with machine.database.writing() as session:
        advance(session, session.get_one(Case, cases[0]), State.VERIFYING, now_utc())
        session.flush()
        file_room.move(cases[1], State.VERIFYING)
        tell(machine)
        assert file_room.told(quick) == ["assigned", "verifying"]
        assert file_room.told(slow) == ["assigned"]
    tell(machine)
    assert file_room.told(slow) == ["assigned", "verifying"]


def test_several_clocks_at_once_tell_everything_once(file_room, machine):
    reports = [file_room.report() for _ in range(6)]
    for report in reports:
        file_room.link(file_room.case(State.ASSIGNED, State.VERIFYING), report)
    failed = []

    def run():
        try:
            tell(machine)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            failed.append(error)

    clocks = [threading.Thread(target=run) for _ in range(4)]
    for clock in clocks:
        clock.start()
    for clock in clocks:
        clock.join()
    assert failed == []
    assert [file_room.told(report) for report in reports] == [["verifying"]] * 6


def test_a_clock_that_dies_before_its_commit_told_nothing_and_the_next_tells_all(
    file_room, machine
):
    report = file_room.report()
    file_room.link(file_room.case(State.ASSIGNED), report)

    class KilledError(BaseException):
        pass

    def die():
        with machine.database.writing() as session:
            assert _tell_some(session, now_utc()) == (3, 1)
            raise KilledError

    with pytest.raises(KilledError):
        die()
    assert file_room.told(report) == []
    assert tell(machine) == 1
    assert file_room.told(report) == ["assigned"]

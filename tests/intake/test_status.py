import json
import uuid
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from intake.answers import Answer, Reporter
from intake.reports import ClaimedPlace, KeptPhoto, Tip, find_report, submit, withdraw
from intake.status import ReportState, status_of
from schemas.database import Database
from schemas.lifecycle import PUBLIC_STATUS, State
from schemas.places import Datum
from schemas.sealing import Sealer
from schemas.settings import Settings
from schemas.tables import (
    CaseReport,
    Photo,
    PhotoExamination,
    Report,
)

OpenCase = Callable[..., str]
RECEIVED_AT = datetime(2026, 11, 2, 4, 0, tzinfo=UTC)


@pytest.fixture
def sealer(settings: Settings) -> Sealer:
    return Sealer(settings)


@pytest.fixture
def answer(database: Database, sealer: Sealer) -> Answer:
    """A tip of 2 November 2026, noon in Shanghai."""
    with database.writing() as session:
        return submit(
            session,
            sealer=sealer,
            reporter=Reporter(),
            key=uuid.uuid4(),
            tip=Tip(
                categories=("PEST", "FIRE_SAFETY"),
                device_place=ClaimedPlace(41.8, 123.4, Datum.WGS84),
            ),
            photos=(
                KeptPhoto("ab" * 32, 1, "image/jpeg", 1, 1),
                KeptPhoto("cd" * 32, 1, "image/jpeg", 1, 1),
            ),
            now=RECEIVED_AT,
        )


def ask(database: Database, answer: Answer) -> ReportState:
    with database.reading() as session:
        return status_of(session, report=session.get_one(Report, answer.subject_id))


def at(day: int, hour: int = 4) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def test_a_new_report_is_received_and_nothing_more(database: Database, answer: Answer) -> None:
    state = ask(database, answer)
    assert state.code == "received"
    assert state.handling == ()
    assert [(item.on, item.words.en) for item in state.history] == [
        (date(2026, 11, 2), "Received. Thank you.")
    ]
    assert [photo.readable for photo in state.photos] == [None, None]


def test_a_case_is_told_with_days_and_due_date(
    database: Database, answer: Answer, open_case: OpenCase
) -> None:
    open_case(
        answer.subject_id,
        # 17:30 in UTC is already the next day in Shanghai.
        states=((State.ASSIGNED, at(2, 5)), (State.VERIFYING, at(4, 17))),
    )
    state = ask(database, answer)
    assert state.code == "verifying"
    assert state.words == PUBLIC_STATUS[State.VERIFYING]
    (handling,) = state.handling
    assert handling.department.zh == "市场监管"
    assert handling.since == date(2026, 11, 5)
    assert handling.due
    assert handling.due.on == date(2026, 11, 23)
    assert [item.on for item in state.history] == [
        date(2026, 11, 2),
        date(2026, 11, 2),
        date(2026, 11, 5),
    ]


def test_once_decided_nothing_is_due(
    database: Database, answer: Answer, open_case: OpenCase
) -> None:
    open_case(answer.subject_id, states=((State.ASSIGNED, at(2, 5)), (State.UNFOUNDED, at(9))))
    (handling,) = ask(database, answer).handling
    assert handling.due is None


def test_every_state_of_a_case_has_words_for_the_reporter(
    database: Database, answer: Answer
) -> None:
    assert set(PUBLIC_STATUS) == set(State)


def test_several_departments_are_told_apart(
    database: Database, answer: Answer, open_case: OpenCase
) -> None:
    open_case(answer.subject_id, states=((State.VERIFIED, at(5)),))
    open_case(answer.subject_id, department="fire", states=((State.ASSIGNED, at(3)),))
    state = ask(database, answer)
    assert state.code == "several"
    assert {(item.department.en, item.state) for item in state.handling} == {
        ("Market regulation", State.VERIFIED),
        ("Fire and rescue", State.ASSIGNED),
    }
    assert [item.on.day for item in state.history] == [2, 3, 5]


def test_what_others_reported_before_is_not_told(
    database: Database, answer: Answer, open_case: OpenCase
) -> None:
    early = datetime(2026, 10, 12, 4, tzinfo=UTC)
    open_case(
        answer.subject_id,
        kind="same_incident",
        due_on=date(2026, 11, 3),
        states=(
            (State.ASSIGNED, early),
            (State.VERIFYING, early + timedelta(days=3)),
            (State.VERIFIED, at(6)),
        ),
    )
    state = ask(database, answer)
    assert [(item.on.day, item.on.month) for item in state.history] == [
        (2, 11),
        (2, 11),
        (6, 11),
    ]
    assert PUBLIC_STATUS[State.ASSIGNED] not in [item.words for item in state.history]
    # Fifteen working days from their own receipt, as for everybody.
    assert state.due
    assert state.due.on == date(2026, 11, 23)


def test_a_link_that_was_undone_is_not_told(
    database: Database, answer: Answer, open_case: OpenCase
) -> None:
    open_case(answer.subject_id, states=((State.ASSIGNED, at(2, 5)),))
    with database.writing() as session:
        session.scalars(select(CaseReport)).one().unlinked_at = at(3)
    assert ask(database, answer).code == "received"


def test_neither_inspectors_nor_case_numbers_nor_records_are_told(
    database: Database, answer: Answer, open_case: OpenCase
) -> None:
    number = open_case(
        answer.subject_id, states=((State.ASSIGNED, at(2, 5)), (State.VERIFIED, at(6)))
    )
    told = json.dumps(asdict(ask(database, answer)), default=str, ensure_ascii=False)
    for secret in (number, "赵检查", "鼠迹", "绝密", "举报人", "沈河区"):
        assert secret not in told


def examine(database: Database, answer: Answer, *reasons: str | None) -> None:
    with database.writing() as session:
        photos = session.scalars(select(Photo).order_by(Photo.position)).all()
        for photo, reason in zip(photos, reasons, strict=True):
            session.add(PhotoExamination(photo_id=photo.id, unreadable_reason=reason))


def test_a_photo_that_could_not_be_opened_is_told(database: Database, answer: Answer) -> None:
    examine(database, answer, None, "decoder-crashed")
    state = ask(database, answer)
    assert [photo.readable for photo in state.photos] == [True, False]
    assert [photo.reason for photo in state.photos] == [None, "decoder-crashed"]
    assert state.code == "received"


def test_when_no_photo_can_be_opened_the_rider_is_asked_for_another(
    database: Database, answer: Answer, open_case: OpenCase
) -> None:
    examine(database, answer, "truncated", "decoder-crashed")
    open_case(answer.subject_id, states=((State.DISPATCH, at(2, 5)),))
    assert ask(database, answer).code == "photos_unreadable"
    open_case(answer.subject_id, department="fire", states=((State.VERIFIED, at(5)),))
    assert ask(database, answer).code == "several"


def test_a_withdrawal_is_told_before_everything_else(
    database: Database, answer: Answer, open_case: OpenCase
) -> None:
    open_case(answer.subject_id, states=((State.VERIFYING, at(3)),))
    with database.writing() as session:
        report = find_report(
            session, number=answer.number, rider_id=None, receipt_code=answer.receipt_code
        )
        withdraw(session, reporter=Reporter(), report=report, reason="", now=at(4))
    state = ask(database, answer)
    assert state.code == "withdrawn_by_reporter"
    assert state.withdrawn_at == at(4)
    assert state.history[-1].on == date(2026, 11, 4)

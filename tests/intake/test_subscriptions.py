"""How long a browser that waits for news of one report is remembered."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from intake.answers import Answer, Reporter
from intake.reports import KeptPhoto, Tip, submit, withdraw
from intake.riders.registering import RiderProfile, add_rider
from intake.subscriptions import MOST_KEPT, QUIET_FOR, subscribe, sweep_subscriptions
from schemas.database import Database
from schemas.lifecycle import State
from schemas.sealing import Sealer
from schemas.settings import Settings
from schemas.tables import PushSubscription, Report

RECEIVED_AT = datetime(2026, 1, 5, 4, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def sealer(settings: Settings) -> Sealer:
    return Sealer(settings)


@pytest.fixture
def answer(database: Database, sealer: Sealer) -> Answer:
    """A report, one browser that waits for its news, and one that waits for a rider's."""
    with database.writing() as session:
        made = submit(
            session,
            sealer=sealer,
            reporter=Reporter(),
            key=uuid.uuid4(),
            tip=Tip(categories=("PEST",), premises_address="青年大街 1 号"),
            photos=(KeptPhoto("ab" * 32, 1, "image/jpeg", 1, 1),),
            now=RECEIVED_AT,
        )
        rider = add_rider(session, sealer=sealer, profile=RiderProfile("李", "13900000001"))
        for owner_id in (made.subject_id, rider.id):
            kept = {"endpoint": f"https://push.example/{owner_id}", "p256dh": "", "auth": ""}
            subscribe(session, sealer=sealer, owner_id=owner_id, kept=kept, now=RECEIVED_AT)
    return made


def sweep(database: Database, now: datetime) -> int:
    with database.writing() as session:
        return sweep_subscriptions(session, now=now)


def test_a_browser_waits_while_the_case_is_open_but_not_for_ever(
    database: Database, answer: Answer, open_case: Callable[..., str]
) -> None:
    open_case(answer.subject_id, states=((State.ASSIGNED, RECEIVED_AT),))
    assert sweep(database, RECEIVED_AT + MOST_KEPT) == 0
    assert sweep(database, RECEIVED_AT + MOST_KEPT + DAY) == 1
    with database.reading() as session:
        # A rider's own goes with the rider.
        assert session.scalar(select(func.count()).select_from(PushSubscription)) == 1


def test_a_browser_is_let_go_a_month_after_the_last_word(
    database: Database, answer: Answer, open_case: Callable[..., str]
) -> None:
    said = RECEIVED_AT + 60 * DAY
    open_case(answer.subject_id, states=((State.VERIFYING, RECEIVED_AT), (State.UNFOUNDED, said)))
    # The history of these rows was recorded when the test ran.
    today = datetime.now(UTC)
    assert sweep(database, today + QUIET_FOR - DAY) == 0
    assert sweep(database, today + QUIET_FOR + DAY) == 1


def test_a_browser_is_let_go_when_the_report_is_taken_back(
    database: Database, answer: Answer
) -> None:
    assert sweep(database, RECEIVED_AT + DAY) == 0
    with database.writing() as session:
        report = session.get_one(Report, answer.subject_id)
        withdraw(session, reporter=Reporter(), report=report, reason="", now=RECEIVED_AT)
    assert sweep(database, RECEIVED_AT + DAY) == 1


def test_a_browser_whose_report_never_got_a_case_is_let_go(
    database: Database, answer: Answer
) -> None:
    assert sweep(database, RECEIVED_AT + QUIET_FOR) == 0
    assert sweep(database, RECEIVED_AT + QUIET_FOR + DAY) == 1

"""Campaigns in the bulletin: counted as known, as totals, withheld when small, leading nowhere."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from schemas.bulletins.behind import has_cases
from schemas.bulletins.computing import compute
from schemas.bulletins.definitions import INDICATORS
from schemas.bulletins.indicators import Group
from schemas.bulletins.issues import publish
from schemas.bulletins.methods import METHODS, PRESENT
from schemas.bulletins.public import public_form
from schemas.bulletins.verifying import verify
from schemas.lifecycle import State
from schemas.tables import (
    Campaign,
    CampaignEvent,
    CampaignShop,
    CampaignTask,
    CampaignTip,
    CaseReport,
)

KEYS = [key for key, each in INDICATORS.items() if each.group is Group.CAMPAIGNS]


class Visits:
    """A campaign of a city's county with so many tasks, and what becomes of them."""

    def __init__(self, city, week, tasks: int = 12, code: str = "210103") -> None:
        self.city, self.tasks, staff_id = city, [], city.signer()
        self.unit_id = city.unit(code)
        with city.database.writing() as session:
            campaign = Campaign(
                unit_id=self.unit_id, kind="random_visit", name="走访",
                starts_on=week.monday, ends_on=week.sunday, made_by=staff_id,
                made_at=week.begins_at,
            )  # fmt: skip
            session.add(campaign)
            session.flush()
            for position in range(1, tasks + 1):
                shop = CampaignShop(campaign_id=campaign.id, position=position, name=str(position))
                session.add(shop)
                session.flush()
                task = CampaignTask(campaign_id=campaign.id, shop_id=shop.id, status="open")
                session.add(task)
                session.flush()
                self.tasks.append(task.id)
        self.id = campaign.id
        self.note("made", week.begins_at, due_at=week.ends_at - timedelta(seconds=1), tasks=tasks)

    def note(self, kind, moment, *, task=None, recorded_at=None, **more) -> None:
        with self.city.database.writing() as session:
            session.add(
                CampaignEvent(
                    campaign_id=self.id, task_id=self.tasks[task] if task is not None else None,
                    unit_id=self.unit_id, kind=kind, occurred_at=moment,
                    recorded_at=recorded_at or moment, **more,
                )
            )  # fmt: skip

    def tip(self, task, case_id, moment) -> None:
        with self.city.database.writing() as session:
            report_id = session.scalar(
                select(CaseReport.report_id).where(CaseReport.case_id == case_id)
            )
            session.add(
                CampaignTip(task_id=self.tasks[task], report_id=report_id, recorded_at=moment)
            )


def figures(bulletin):
    return {key.removeprefix("campaign_"): bulletin.totals.get(key) for key in KEYS}


@pytest.fixture
def visits(city, at, week):
    """Nine visits: four found something, of which one was rejected; two cases are verified."""
    made = Visits(city, week)
    for task in range(9):
        made.note("found" if task < 4 else "clean", at(1, task), task=task)
    made.note("rejected", at(2), task=3)
    for task in range(2):
        case = city.case(at(1, task), code="210103")
        city.move(case, State.VERIFYING, at(2))
        city.move(case, State.VERIFIED, at(3, task))
        made.tip(task, case, at(1, task))
    return made


def test_a_week_of_visits_is_counted(city, visits) -> None:
    found = figures(city.count())
    assert found == {
        "due": 12, "visited": 8, "found": 3, "clean": 5, "share": 3750, "verified": 2,
    }  # fmt: skip


def test_a_report_in_cases_of_two_departments_counts_in_both(city, at, week) -> None:
    made, report = Visits(city, week), city.report(at(1), categories=("PEST", "WASTE"))
    for department in ("market", "urban"):
        case = city.case(at(1), code="210103", report=report, department=department)
        city.move(case, State.VERIFYING, at(2))
        city.move(case, State.VERIFIED, at(3))
    made.tip(0, case, at(1))
    assert figures(city.count())["verified"] == 2


def test_no_row_and_no_case_tells_of_a_campaign(city, visits) -> None:
    for rows in city.count().tables.values():
        for row in rows.values():
            assert not set(KEYS) & row.keys()
    assert not any(has_cases(key) for key in KEYS)


def test_what_is_recorded_later_changes_no_week_as_it_was_known(city, visits, at, week) -> None:
    before = figures(city.count(known_at=week.ends_at))
    visits.note("clean", at(4), task=10, recorded_at=week.ends_at + timedelta(days=1))
    # A rejection after the week's end is the next week's.
    visits.note("rejected", week.ends_at + timedelta(hours=1), task=0)
    assert figures(city.count(known_at=week.ends_at)) == before
    later = figures(city.count(known_at=week.ends_at + timedelta(days=2)))
    assert (later["visited"], later["clean"]) == (before["visited"] + 1, before["clean"] + 1)


def test_a_campaign_that_was_closed_is_due_when_it_was_closed(city, at, week) -> None:
    made = Visits(city, week.after(1), tasks=7)
    assert figures(city.count())["due"] == 0
    made.note("closed", at(4), due_at=at(4), tasks=7)
    assert figures(city.count())["due"] == 7


def test_a_foreign_campaign_is_not_counted(city, at, week) -> None:
    made = Visits(city, week, code="330106")
    made.note("clean", at(1), task=0)
    assert figures(city.count())["visited"] == 0


def test_small_numbers_are_withheld_from_the_public(city, visits, at) -> None:
    for hour in range(9):
        city.case(at(0, hour), code="210103")
    public = public_form(city.count(), revision=1)
    assert public["totals"]["campaign_due"] == 12
    assert {"campaign_found", "campaign_share", "campaign_verified"} <= set(
        public["withheld_totals"]
    )


def test_an_older_method_counts_no_campaign_and_is_still_proved(
    city, visits, week, parameters
) -> None:
    older = METHODS["bulletin-2026-11.2"]
    now = week.ends_at + timedelta(hours=4)
    with city.database.reading() as session:
        found = compute(
            session, week=week, scope="210100", known_at=now, parameters=parameters, method=older
        )
    assert not set(KEYS) & found.totals.keys()
    signer = city.signer()
    with city.database.writing() as session:
        row = publish(
            session, week=week, scope="210100", signer_id=signer, now=now, parameters=parameters
        )
        assert PRESENT.name in row.document
    with city.database.reading() as session:
        proof = verify(session)
    assert (proof.verified, proof.fault) == (1, None)

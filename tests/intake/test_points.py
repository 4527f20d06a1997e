"""A rider's own points, on the page and over the API: each line says why it came."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import select

from intake.identity.entrance import COOKIE
from intake.rewards.awards import settle_case
from intake.riders.registering import issue_token
from review_ui.rewards.decisions import approve, end_award
from schemas.audit import PIPELINE
from schemas.lifecycle import State
from schemas.tables import Case, PointAward, Report, Rider, RiderToken, Staff

VERIFIED = datetime(2026, 11, 12, 4, tzinfo=UTC)


@pytest.fixture
def dialect() -> str:
    """The ledger itself is tried on both databases."""
    return "sqlite"


@pytest.fixture
def verified(door, send, token, open_case):
    """A rider's tip that was found true, and its award."""
    number = send(token=token).json["number"]
    with door.database.reading() as session:
        report = session.scalars(select(Report).where(Report.number == number)).one()
    states = ((State.RECEIVED, VERIFIED), (State.VERIFYING, VERIFIED), (State.VERIFIED, VERIFIED))
    open_case(report.id, states=states)
    with door.database.writing() as session:
        settle_case(session, case=session.scalars(select(Case)).one(), actor=PIPELINE, now=VERIFIED)
        award = session.scalars(select(PointAward)).one()
        officer = Staff(sign_in="rita", name="孙丽", password_hash="x")
        session.add(officer)
        session.flush()
        return number, award.id, officer.id


def points(client, token):
    return client.get("/api/v1/me/points", headers={"Authorization": f"Bearer {token}"}).json


def decide(door, work, award: UUID, officer: UUID, **more):
    with door.database.writing() as session:
        work(session, award_id=award, staff_id=officer, now=VERIFIED, **more)


def test_points_wait_are_approved_and_say_for_which_report(client, door, token, verified) -> None:
    number, award, officer = verified
    said = points(client, token)
    assert (said["balance"], said["pending"], said["lines"]) == (0, 50, [])
    me = client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).json
    assert said["account"] == me["account"]
    assert said["waiting"] == [
        {"since": "2026-11-12", "points": 50, "text": "举报经核查属实", "report_number": number}
    ]
    decide(door, approve, award, officer)
    said = points(client, token)
    assert (said["balance"], said["pending"], said["waiting"]) == (50, 0, [])
    (line,) = said["lines"]
    assert (line["points"], line["report_number"]) == (50, number)
    assert said["monthly_cap"] == 1000
    assert [rule["points"] for rule in said["rules"]] == [50, 20, 20]


def test_a_reversal_is_told_by_the_rule_and_not_in_the_officers_words(
    client, door, token, verified
) -> None:
    _, award, officer = verified
    decide(door, approve, award, officer)
    decide(door, end_award, award, officer, code="fraud", reason="另一位骑手说照片是他的")
    said = points(client, token)
    assert (said["balance"], [line["points"] for line in said["lines"]]) == (0, [-50, 50])
    assert said["lines"][0]["text"] == "冲回：审核后不符合计分条件"
    assert "另一位" not in str(said)


def test_a_refusal_changes_no_balance_and_is_told(client, door, token, verified) -> None:
    _, award, officer = verified
    decide(door, end_award, award, officer, code="other", reason="重复领取")
    said = points(client, token)
    assert (said["balance"], said["pending"]) == (0, 0)
    assert [(line["points"], line["text"]) for line in said["lines"]] == [
        (0, "审核未通过：审核后不符合计分条件")
    ]


def test_what_the_months_cap_cut_off_is_told(client, door, token, verified) -> None:
    with door.database.writing() as session:
        rider = session.scalars(select(Rider)).one()
        session.add(
            PointAward(
                rule="first_report", edition="points-2026-11", cause="x", rider_id=rider.id,
                unit_id=session.scalars(select(Case)).one().unit_id, points=0, uncapped_points=50,
                status="capped", earned_at=VERIFIED,
            )
        )  # fmt: skip
    (line,) = points(client, token)["lines"]
    assert (line["points"], line["text"]) == (0, "本月已达上限")


def test_the_page_shows_the_same_in_both_languages(client, door, token, verified) -> None:
    number, award, officer = verified
    with door.database.writing() as session:
        session.scalars(select(RiderToken)).one().kind = "browser"
    client.set_cookie(COOKIE, token)
    page = client.get("/points").text
    assert "+50" in page
    assert number in page
    decide(door, approve, award, officer)
    assert "<b>50</b>" in client.get("/points").text
    client.set_cookie("locale", "en")
    assert "A report that was found true" in client.get("/points").text


def test_nobody_sees_points_without_signing_in(client, code_of) -> None:
    refused = client.get("/api/v1/me/points")
    assert (refused.status_code, code_of(refused)) == (401, "sign-in-needed")
    page = client.get("/points", headers={"Accept": "text/html"})
    assert (page.status_code, page.location) == (302, "/sign-in?next=/points")


def test_another_riders_points_stay_theirs(client, door, token, verified) -> None:
    with door.database.writing() as session:
        other = Rider(
            sealed_profile=door.sealer.seal({"name": "x", "phone": "y"}), phone_digest="z"
        )
        session.add(other)
        session.flush()
        foreign = issue_token(session, rider_id=other.id)
    said = points(client, foreign)
    assert (said["balance"], said["pending"], said["waiting"], said["lines"]) == (0, 0, [], [])

"""Statutory rewards: who may apply, who decides, who pays, and a ledger that comes to nothing."""

import random
import re
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from intake.rewards.awards import settle_case
from intake.rewards.statutory import apply_for, chances_of
from review_ui.app import create_app
from review_ui.rewards import statutory as core
from schemas.access import Role
from schemas.audit import PIPELINE
from schemas.errors import Conflict, NotAllowed, NotFound, SuishoupaiError
from schemas.lifecycle import State
from schemas.statutory import RULES, MoneyAccount, amount_fen, rule_on
from schemas.tables import (
    AuditEntry,
    Case,
    CaseDecision,
    CaseHistory,
    Report,
    RewardClaim,
    RewardEntry,
)
from schemas.workdays import local_date

SHENHE, SHENYANG, XIHU = "210103", "210100", "330106"
SQLITE = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
STEPS = (State.VERIFIED, State.FILED, State.PENALISED, State.CLOSED)


@pytest.fixture
def people(world):
    """An officer, the two who verified, and the head of the office."""
    return {
        "rita": world.person("rita", (Role.REWARD_OFFICER, SHENYANG)),
        "anna": world.person("anna", (Role.INSPECTOR, SHENHE), (Role.REWARD_OFFICER, SHENHE)),
        "bob": world.person("bob", (Role.INSPECTOR, SHENHE)),
        "head": world.person("head", (Role.BUREAU_HEAD, SHENYANG), (Role.REWARD_OFFICER, SHENYANG)),
    }


@pytest.fixture
def close_case(world, people):
    """Return a function that takes a rider's tip to a penalty and its closing."""

    def close(*, steps=STEPS, days_ago=3, fine_fen=20_000_000):
        rider_id = world.rider()[0]
        first, second = world.report(rider_id=rider_id), world.report(rider_id=world.rider()[0])
        case = world.case(reports=(first, second), state=State.VERIFYING)
        signers = people["anna"].staff_id, people["bob"].staff_id
        with world.database.writing() as session:
            row = session.get_one(Case, case.id)
            for version, (before, state) in enumerate(
                zip((State.VERIFYING, *steps), steps, strict=False), start=3
            ):
                session.add(
                    CaseHistory(
                        case_id=row.id, version=version, from_state=before.value,
                        to_state=state.value, unit_id=row.unit_id, actor_id=signers[0],
                        second_actor_id=signers[1],
                        record={"penalty_kinds": ["fine"]} if state is State.PENALISED else {},
                    )
                )  # fmt: skip
                if state is State.VERIFIED:
                    session.flush()
                    settle_case(session, case=row, actor=PIPELINE, now=world.now)
            if State.PENALISED in steps:
                session.add(
                    CaseDecision(
                        case_id=row.id, issuing_unit_id=row.unit_id,
                        decision_number=f"沈河市监罚〔2026〕{world.made}号",
                        decided_on=local_date(world.now), fine_fen=fine_fen, confiscation_fen=5,
                    )
                )  # fmt: skip
            row.state = steps[-1].value
            row.closed_at = world.now - timedelta(days=days_ago)
            number = session.get_one(Report, first).number
        return rider_id, number, row.id

    return close


@pytest.fixture
def applied(world, close_case):
    """An application that waits; returns its id, its rider and its case."""
    rider_id, number, case_id = close_case()
    with world.database.writing() as session:
        (claim,) = apply_for(session, rider_id=rider_id, report_number=number, now=world.now)
    return claim.id, rider_id, case_id


def do(world, work, **named):
    with world.database.writing() as session:
        return work(session, now=world.now, **named)


def balances(world):
    """Return what each account of the ledger holds, in fen."""
    with world.database.reading() as session:
        rows = session.scalars(select(RewardEntry)).all()
    held = dict.fromkeys(MoneyAccount, 0)
    for row in rows:
        held[MoneyAccount(row.from_account)] -= row.amount_fen
        held[MoneyAccount(row.to_account)] += row.amount_fen
    return held


@pytest.mark.parametrize(
    ("grade", "base_fen", "fen"),
    [
        (1, 20_000_000, 1_000_000),
        (2, 20_000_000, 600_000),
        (3, 20_000_000, 200_000),
        (1, 0, 500_000),
        (3, 9_999_999, 100_000),
        (3, 10_000_050, 100_001),
        (1, 10**12, 100_000_000),
    ],
)
def test_a_grade_gives_its_percent_between_floor_and_cap(grade, base_fen, fen) -> None:
    assert amount_fen(RULES[0], grade=grade, base_fen=base_fen) == fen


def test_before_the_first_rule_there_is_none() -> None:
    assert rule_on(date(2021, 11, 30)) is None
    assert rule_on(date(2021, 12, 1)) is RULES[0]


def test_a_reward_is_applied_for_approved_and_paid_by_different_people(
    world, people, applied
) -> None:
    claim_id, rider_id, _ = applied
    rita, head = people["rita"], people["head"]
    with pytest.raises(NotAllowed):
        do(world, core.approve, claim_id=claim_id, staff=people["anna"], grade=1)
    claim = do(world, core.approve, claim_id=claim_id, staff=rita, grade=1)
    assert (claim.rider_id, claim.amount_fen) == (rider_id, 1_000_000)
    paid = {"document_number": " 沈财付〔2026〕118号 ", "paid_on": local_date(world.now)}
    claim = do(world, core.pay, claim_id=claim_id, staff=head, **paid)
    assert (claim.status, claim.document_number) == ("paid", "沈财付〔2026〕118号")
    assert balances(world) == {
        MoneyAccount.BUDGET: -1_000_000, MoneyAccount.PAYABLE: 0, MoneyAccount.PAID: 1_000_000,
    }  # fmt: skip
    for work, more in (
        (core.approve, {"grade": 1}), (core.refuse, {"reason": "x"}), (core.pay, paid),
        (core.reverse, {"reason": "x"}),
    ):  # fmt: skip
        with pytest.raises(Conflict):
            do(world, work, claim_id=claim_id, staff=head, **more)
    with world.database.reading() as session:
        entries = session.scalars(
            select(AuditEntry.action)
            .where(AuditEntry.subject_id == claim_id)
            .order_by(AuditEntry.id)
        ).all()
    assert list(entries) == ["claim_applied", "claim_approved", "claim_paid"]


def test_the_database_refuses_to_alter_an_entry(world, people, applied) -> None:
    do(world, core.approve, claim_id=applied[0], staff=people["rita"], grade=3)
    with pytest.raises(DBAPIError), world.database.writing() as session:
        session.scalars(select(RewardEntry)).one().amount_fen = 1


def test_who_approved_does_not_record_the_payment(world, people, applied) -> None:
    head = people["head"]
    do(world, core.approve, claim_id=applied[0], staff=head, grade=3)
    day = local_date(world.now)
    with pytest.raises(NotAllowed):
        do(world, core.pay, claim_id=applied[0], staff=head, document_number="1号", paid_on=day)


def test_nothing_is_decided_or_paid_while_the_case_is_taken_up_again(
    world, people, applied
) -> None:
    claim_id, _, case_id = applied
    rita, head = people["rita"], people["head"]

    def reopen(state):
        with world.database.writing() as session:
            session.get_one(Case, case_id).state = state.value

    reopen(State.REOPENED)
    with pytest.raises(Conflict):
        do(world, core.approve, claim_id=claim_id, staff=rita, grade=1)
    reopen(State.CLOSED)
    do(world, core.approve, claim_id=claim_id, staff=rita, grade=1)
    reopen(State.REOPENED)
    day = local_date(world.now)
    with pytest.raises(Conflict):
        do(world, core.pay, claim_id=claim_id, staff=head, document_number="1号", paid_on=day)
    do(world, core.reverse, claim_id=claim_id, staff=rita, reason="案件重新办理")
    assert set(balances(world).values()) == {0}


def test_the_first_rider_alone_applies_once_and_in_time(world, close_case) -> None:
    rider_id, number, _ = close_case()
    late_rider, late_number, _ = close_case(days_ago=62)
    with world.database.writing() as session:
        for _ in range(2):
            found = apply_for(session, rider_id=rider_id, report_number=number, now=world.now)
            assert len(found) == 1
        for who, what in ((late_rider, number), (rider_id, "JB20261122-000000-0")):
            with pytest.raises(NotFound):
                apply_for(session, rider_id=who, report_number=what, now=world.now)
        with pytest.raises(Conflict):
            apply_for(session, rider_id=late_rider, report_number=late_number, now=world.now)
    with world.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(RewardClaim)) == 1


@SQLITE
@pytest.mark.parametrize(
    "steps",
    [
        STEPS[:3],
        (State.VERIFIED, State.FILED, State.NO_PENALTY, State.CLOSED),
        (*STEPS, State.REOPENED),
        (*STEPS, State.REOPENED, State.VERIFYING, State.UNFOUNDED, State.CLOSED),
    ],
    ids=lambda steps: steps[-1] + str(len(steps)),
)
def test_only_a_closed_case_that_ended_in_a_penalty_is_rewarded(world, close_case, steps) -> None:
    rider_id, _, _ = close_case(steps=steps)
    with world.database.reading() as session:
        assert chances_of(session, rider_id=rider_id) == []


@SQLITE
@pytest.mark.parametrize("seed", range(6))
def test_the_ledger_comes_to_nothing_after_any_history(world, people, close_case, seed) -> None:
    dice = random.Random(seed)
    staff = [people[name] for name in ("rita", "anna", "head")]
    claims = []
    for _ in range(4):
        rider_id, number, _ = close_case(fine_fen=dice.randrange(10**9))
        with world.database.writing() as session:
            claims += apply_for(session, rider_id=rider_id, report_number=number, now=world.now)
    for _ in range(40):
        work, more = dice.choice(
            [
                (core.approve, {"grade": dice.choice([0, 1, 2, 3])}),
                (core.refuse, {"reason": dice.choice(["", "不符合"])}),
                (core.reverse, {"reason": "复核"}),
                (core.pay, {"document_number": "1号", "paid_on": local_date(world.now)}),
            ]
        )
        try:
            do(world, work, claim_id=dice.choice(claims).id, staff=dice.choice(staff), **more)
        except SuishoupaiError:
            continue
    held = balances(world)
    assert sum(held.values()) == 0
    with world.database.reading() as session:
        rows = session.scalars(select(RewardClaim)).all()
    by_status = {
        status: sum(row.amount_fen or 0 for row in rows if row.status == status)
        for status in ("approved", "paid")
    }
    # What the ledger says is what the applications say.
    assert held[MoneyAccount.PAYABLE] == by_status["approved"]
    assert held[MoneyAccount.PAID] == by_status["paid"]


def send(client, home, path, **fields):
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(home).text)[1]
    return client.post(path, data={"csrf_token": token} | fields, follow_redirects=True)


@SQLITE
def test_the_pages_show_sums_and_neither_shop_nor_rider(world, browse, people, applied) -> None:
    claim_id, _, case_id = applied
    officer, home = browse(people["rita"]), "/rewards/statutory"
    page = officer.get(home).text
    with world.database.reading() as session:
        case = session.get_one(Case, case_id)
    assert "10,000" in page
    assert case.premises_name not in page
    assert case.number not in page
    path = f"/rewards/statutory/{claim_id}"
    assert send(officer, home, f"{path}/approval", grade="9").status_code == 422
    assert "已批准" in send(officer, home, f"{path}/approval", grade="2").text
    assert send(officer, home, f"{path}/refusal", reason="不符合").status_code == 409
    head, home = browse(people["head"]), "/rewards/payments"
    assert "登记发放" in head.get(home).text
    pay = f"/rewards/payments/{claim_id}"
    day = local_date(world.now).isoformat()
    for wrong in (
        {"document_number": " ", "paid_on": day},
        {"document_number": "1号", "paid_on": "2020-01-01"},
        {"document_number": "1号", "paid_on": ""},
    ):
        assert send(head, home, pay, **wrong).status_code == 422
    assert "发放已登记" in send(head, home, pay, document_number="1号", paid_on=day).text
    # Each right has its own pages.
    assert officer.get("/rewards/payments").status_code == 404
    assert browse(people["bob"]).get("/rewards/statutory").status_code == 404


@SQLITE
def test_programs_decide_and_pay_by_the_same_rules(world, app, people, applied) -> None:
    client, claim_id = app.test_client(), applied[0]
    rita, head = (
        {"Authorization": f"Bearer {world.token(people[name])}"} for name in ("rita", "head")
    )
    (item,) = client.get("/api/v1/rewards/claims", headers=rita).json["items"]
    assert item["offers"][0] == {"grade": 1, "amount_fen": 1_000_000}
    path = f"/api/v1/rewards/claims/{claim_id}"
    done = client.post(f"{path}/approval", json={"grade": 2}, headers=rita)
    assert (done.json["status"], done.json["amount_fen"]) == ("approved", 600_000)
    again = client.post(f"{path}/refusal", json={"reason": "不符合"}, headers=rita)
    assert (again.status_code, again.json["type"].split(":")[-1]) == (409, "claim-decided")
    (due,) = client.get("/api/v1/rewards/payments", headers=head).json["items"]
    assert "report_number" not in due
    body = {"document_number": "1号", "paid_on": local_date(world.now).isoformat()}
    paid = client.post(f"/api/v1/rewards/payments/{claim_id}", json=body, headers=head)
    assert (paid.status_code, paid.json["status"]) == (200, "paid")
    reversal = client.post(f"{path}/reversal", json={"reason": "复核"}, headers=rita)
    assert reversal.status_code == 409


@SQLITE
def test_it_is_off_unless_it_is_switched_on(world, people, settings) -> None:
    app = create_app(settings.model_copy(update={"statutory_rewards": False}))
    client = app.test_client()
    for name, paths in (("rita", ["claims"]), ("head", ["payments"])):
        token = {"Authorization": f"Bearer {world.token(people[name])}"}
        for path in paths:
            assert client.get(f"/api/v1/rewards/{path}", headers=token).status_code == 404
    app.extensions["room"].database.close()

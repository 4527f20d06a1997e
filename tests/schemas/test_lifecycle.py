"""The table of transitions says what domain.md §5 says, and nothing else."""

from datetime import date

import pytest

from schemas.access import Role
from schemas.errors import InvalidInput
from schemas.lifecycle import (
    OPEN_STATES,
    PUBLIC_STATUS,
    STATE_NAMES,
    TRANSITIONS,
    State,
    moves_from,
    transition,
)
from schemas.records import FIELDS, PENALTY_KINDS, check_record
from schemas.taxonomy import CATEGORIES, liability_articles

TODAY = date(2026, 11, 21)
S = State


def move(source: State, target: State):
    found = transition(source, target)
    assert found is not None
    return found


def test_every_state_has_both_names_and_a_public_sentence() -> None:
    assert set(STATE_NAMES) == set(State) == set(PUBLIC_STATUS)
    assert all(words.zh and words.en for words in (*STATE_NAMES.values(), *PUBLIC_STATUS.values()))


def test_no_pair_of_states_stands_twice() -> None:
    pairs = [(m.source, m.target) for m in TRANSITIONS]
    assert len(pairs) == len(set(pairs))


def test_every_recorded_field_is_known() -> None:
    assert {n for m in TRANSITIONS for n in (*m.required, *m.optional)} <= set(FIELDS)


def test_every_state_can_be_reached_and_closed_only_after_a_decision() -> None:
    reached = {S.RECEIVED}
    for _ in State:
        reached |= {m.target for m in TRANSITIONS if m.source in reached}
    assert reached == set(State)
    decided = {m.source for m in TRANSITIONS if m.target is S.CLOSED}
    assert decided.isdisjoint(OPEN_STATES)


def test_conclusions_need_two_inspectors_and_decisions_a_bureau_head() -> None:
    for target in (S.VERIFIED, S.UNFOUNDED, S.UNVERIFIABLE):
        found = move(S.VERIFYING, target)
        assert (found.signatures, found.proposers, found.approvers) == (
            2, {Role.INSPECTOR}, {Role.INSPECTOR},
        )  # fmt: skip
    assert move(S.RECTIFYING, S.VERIFIED).approvers == {Role.INSPECTOR}
    decisions = {
        S.FILED, S.NOT_FILED, S.PENALISED, S.NO_PENALTY, S.WITHDRAWN, S.CLOSED, S.REOPENED,
    }  # fmt: skip
    for each in TRANSITIONS:
        if each.target in decisions:
            assert (each.signatures, each.approvers) == (2, {Role.BUREAU_HEAD}), each


def test_nobody_may_close_what_is_still_being_verified() -> None:
    assert transition(S.VERIFYING, S.CLOSED) is None
    assert transition(S.VERIFIED, S.PENALISED) is None


def test_a_role_sees_its_own_moves_only() -> None:
    assert {m.target for m in moves_from(S.DISPATCH, frozenset({Role.INSPECTOR}))} == set()
    assert {m.target for m in moves_from(S.DISPATCH, frozenset({Role.DISPATCHER}))} == {
        S.ASSIGNED,
        S.TRANSFERRED,
        S.INVALID,
    }


VERIFIED = {
    "visited_on": "2026-11-20",
    "visit_place": "沈河区某路 1 号",
    "findings": "后厨地面积水,见鼠迹。",
    "actual_address": "沈河区某路 1 号",
}


def test_a_complete_record_is_accepted_and_cleaned() -> None:
    record = check_record(
        move(S.VERIFYING, S.VERIFIED),
        VERIFIED | {"shop_credit_code": " 91110000600037341L ", "note": ""},
        today=TODAY,
    )
    assert record["shop_credit_code"] == "91110000600037341L"
    assert "note" not in record


def test_every_missing_field_is_named() -> None:
    with pytest.raises(InvalidInput, match="record-incomplete") as refusal:
        check_record(move(S.VERIFYING, S.VERIFIED), {"findings": "x"}, today=TODAY)
    assert refusal.value.facts["missing"] == ["visited_on", "visit_place", "actual_address"]


def test_a_field_that_the_step_does_not_record_is_refused() -> None:
    with pytest.raises(InvalidInput, match="record-field-unknown"):
        check_record(move(S.ASSIGNED, S.VERIFYING), {"fine_fen": 5}, today=TODAY)


PENALTY = {
    "decision_number": "沈河市监罚〔2026〕12号",
    "decided_on": "2026-11-20",
    "law_article": "《食品安全法》第 126 条",
    "penalty_kinds": ["fine", "warning"],
    "fine_fen": 500000,
    "confiscation_fen": "0",
    "published_on": "2026-11-21",
}


def test_a_penalty_is_recorded_in_fen() -> None:
    record = check_record(move(S.FILED, S.PENALISED), PENALTY, today=TODAY)
    assert (record["fine_fen"], record["confiscation_fen"]) == (500000, 0)
    assert set(record["penalty_kinds"]) <= set(PENALTY_KINDS)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("decision_number", "12号"),
        ("decided_on", "2026-11-22"),
        ("decided_on", "yesterday"),
        ("fine_fen", -1),
        ("fine_fen", 12.5),
        ("fine_fen", True),
        ("penalty_kinds", ["prison"]),
        ("law_article", "x" * 201),
        ("law_article", 7),
        ("law_article", "第 126 条"),
        ("law_article", "《食品安全法》"),
        ("published_on", "2026-11-19"),
    ],
)
def test_a_value_that_cannot_be_right_is_refused(field: str, value: object) -> None:
    with pytest.raises(InvalidInput, match=r"record-(field-invalid|days-reversed)") as refusal:
        check_record(move(S.FILED, S.PENALISED), PENALTY | {field: value}, today=TODAY)
    assert refusal.value.field == field


def test_a_credit_code_with_a_wrong_check_character_is_refused() -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_record(
            move(S.VERIFYING, S.VERIFIED),
            VERIFIED | {"shop_credit_code": "91110000600037341M"},
            today=TODAY,
        )
    assert refusal.value.field == "shop_credit_code"


def test_a_deadline_in_the_past_is_refused() -> None:
    with pytest.raises(InvalidInput):
        check_record(
            move(S.VERIFIED, S.RECTIFYING),
            {"order_number": "责改1号", "rectify_by": "2026-11-20"},
            today=TODAY,
        )


def test_a_deadline_comes_after_the_day_of_the_order() -> None:
    order = {"order_number": "责改1号", "rectify_by": "2026-11-21"}
    step = move(S.VERIFIED, S.RECTIFYING)
    with pytest.raises(InvalidInput, match="record-days-reversed") as refusal:
        check_record(step, order, today=TODAY)
    assert refusal.value.field == "rectify_by"
    check_record(step, order | {"ordered_on": "2026-11-20"}, today=TODAY)


@pytest.mark.parametrize(
    ("pair", "field", "known"),
    [
        ((S.DISPATCH, S.TRANSFERRED), "notice_date", "received_on"),
        ((S.FILED, S.PENALISED), "decided_on", "filed_on"),
        ((S.VERIFYING, S.VERIFIED), "visited_on", "received_on"),
    ],
)
def test_a_day_before_what_it_follows_is_refused(pair, field, known) -> None:
    given = PENALTY | VERIFIED | {
        "receiving_department": "城管局", "document_number": "1号", "notice_date": "2026-11-20",
    }  # fmt: skip
    step = move(*pair)
    record = {name: given[name] for name in step.required}
    with pytest.raises(InvalidInput, match="record-days-reversed") as refusal:
        check_record(step, record, today=TODAY, known={known: TODAY})
    assert refusal.value.field == field
    check_record(step, record, today=TODAY, known={known: date(2026, 11, 20)})


def test_the_articles_on_liability_are_read_from_the_taxonomy() -> None:
    assert liability_articles(["PEST"]) == (
        "《食品安全法》第一百二十六条第一款第十三项",
        "《食品安全法》第一百二十四条第一款第四项",
    )
    assert liability_articles(["NO_BUSINESS_LICENCE"]) == ("《无证无照经营查处办法》第十三条",)
    assert liability_articles(["SEAL_BROKEN", "FOOD_WASTE"]) == ()
    read = FIELDS["law_article"].read
    for code in CATEGORIES:
        for article in liability_articles([code.code]):
            assert read(article, TODAY) == article

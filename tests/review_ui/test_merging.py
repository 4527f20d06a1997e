"""Two cases of one incident: the younger joins the older, and can be taken out again."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from review_ui.casework.advancing import advance
from schemas.access import Role
from schemas.database import now_utc
from schemas.errors import Conflict, InvalidInput
from schemas.lifecycle import State
from schemas.tables import Case, CaseReport
from schemas.workdays import due_date, local_date

SHENHE, SHENYANG, XIHU = "210103", "210100", "330106"
sqlite_only = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


def move(world, case, staff, to, record):
    with world.database.writing() as session:
        return advance(
            session, case_id=case.id, staff=staff, to=to, version=world.fresh(case).version,
            record=record, now=now_utc(),
        )  # fmt: skip


def standing(world, case):
    with world.database.reading() as session:
        return [
            (link.report_id, link.kind, link.pseudonym)
            for link in session.scalars(
                select(CaseReport)
                .where(CaseReport.case_id == case.id, CaseReport.unlinked_at.is_(None))
                .order_by(CaseReport.linked_at)
            )
        ]


def two_cases(world):
    """Return an older and a younger case, each with the receipt of its report."""
    days = [world.now - timedelta(days=n) for n in (4, 1)]
    reports = [
        world.report(received_at=days[0]),
        world.report(received_at=days[1], categories=("PEST",)),
    ]
    older = world.case(reports=(reports[0],), received_at=days[0])
    younger = world.case(
        reports=(reports[1],), received_at=days[1], categories=("PEST",), state=State.VERIFYING
    )
    return older, younger


MERGED = {"reason_code": "merged"}


def test_the_younger_joins_the_older_and_comes_back_as_it_was(world) -> None:
    dora = world.person("dora", (Role.DISPATCHER, SHENYANG))
    older, younger = two_cases(world)
    before = {each.id: (standing(world, each), world.fresh(each)) for each in (older, younger)}
    move(world, younger, dora, State.INVALID, MERGED | {"merged_into": older.number.lower()})
    assert world.fresh(younger).state == "invalid"
    assert standing(world, younger) == []
    assert len(standing(world, older)) == 2
    after = world.fresh(older)
    assert set(after.categories) == {"DIRTY_KITCHEN", "PEST"}
    assert after.due_on == due_date(local_date(older.received_at), 15).date
    assert after.version == 3
    move(world, younger, dora, State.DISPATCH, {"reason": "不是同一家"})
    for case in (older, younger):
        links, was = before[case.id]
        now = world.fresh(case)
        assert standing(world, case) == links
        assert (now.received_at, now.due_on, now.categories) == (
            was.received_at, was.due_on, was.categories,
        )  # fmt: skip
    assert world.fresh(younger).state == "dispatch"


@sqlite_only
def test_an_older_case_never_joins_a_younger_one(world) -> None:
    dora = world.person("dora", (Role.DISPATCHER, SHENYANG))
    older, younger = two_cases(world)
    with pytest.raises(InvalidInput, match="merge-into-older") as refusal:
        move(world, older, dora, State.INVALID, MERGED | {"merged_into": younger.number})
    assert younger.number in refusal.value.words.zh
    assert len(standing(world, older)) == 1


@sqlite_only
def test_a_merge_needs_its_reason_and_a_case_that_can_take_it(world) -> None:
    dora = world.person("dora", (Role.DISPATCHER, SHENYANG))
    older, younger = two_cases(world)
    ended, foreign = world.case(state=State.CLOSED), world.case(code=XIHU)
    for number in (ended.number, foreign.number, younger.number):
        with pytest.raises(InvalidInput, match="merge-not-possible"):
            move(world, younger, dora, State.INVALID, MERGED | {"merged_into": number})
    with pytest.raises(InvalidInput, match="merge-reason-needed"):
        move(
            world, younger, dora, State.INVALID,
            {"reason_code": "test", "merged_into": older.number},
        )  # fmt: skip
    assigned = world.case()
    with pytest.raises(InvalidInput, match="record-incomplete"):
        move(world, assigned, dora, State.INVALID, MERGED)


@sqlite_only
def test_a_merge_is_not_undone_once_the_older_case_is_concluded(world) -> None:
    dora = world.person("dora", (Role.DISPATCHER, SHENYANG))
    older, younger = two_cases(world)
    move(world, younger, dora, State.INVALID, MERGED | {"merged_into": older.number})
    with world.database.writing() as session:
        session.get_one(Case, older.id).state = "closed"
    with pytest.raises(Conflict, match="merge-not-undone"):
        move(world, younger, dora, State.DISPATCH, {"reason": "不是同一家"})


@sqlite_only
def test_what_was_no_report_is_taken_up_again_with_its_own_reports(world) -> None:
    dora = world.person("dora", (Role.DISPATCHER, SHENYANG))
    case = world.case()
    move(world, case, dora, State.INVALID, {"reason_code": "test"})
    move(world, case, dora, State.DISPATCH, {"reason": "看错了"})
    assert world.fresh(case).state == "dispatch"
    assert world.fresh(case).unit_id == case.unit_id
    assert len(standing(world, case)) == 1

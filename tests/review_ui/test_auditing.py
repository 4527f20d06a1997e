"""The auditor reads what happened in their own tree, unsealings first, and no reporter in it."""

import ast
import re
from datetime import timedelta
from pathlib import Path

import pytest

from review_ui.evidence.auditing import PAGE_SIZE, LogFilters, chain_state, read_log
from review_ui.evidence.unsealing import Reason, open_identity
from schemas import audit
from schemas.access import Role
from schemas.audit_words import ACTIONS, UNSEALINGS, told
from schemas.errors import InvalidInput
from schemas.sealing import Sealer
from schemas.workdays import local_date

SHENHE, SHENYANG, XIHU, NATION = "210103", "210100", "330106", "000000"
ROOT = Path(__file__).parents[2]
sqlite_only = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
ALL = LogFilters(only_unsealings=False)


@pytest.fixture
def auditor(world):
    return world.person("audrey", (Role.AUDITOR, SHENYANG))


@pytest.fixture
def head(world):
    return world.person("hanna", (Role.BUREAU_HEAD, SHENHE), name="韩局长")


def unsealed(world, head, case):
    with world.database.writing() as session:
        open_identity(
            session, case=case, pseudonym="骑手-0Q0", staff=head,
            sealer=Sealer(world.settings), reason=Reason("reward", "发放奖励"),
        )  # fmt: skip


def note(world, action, subject, actor=audit.PIPELINE, **after):
    with world.database.writing() as session:
        entry = audit.record(session, actor=actor, action=action, subject=subject, after=after)
        session.flush()
        return entry


def log(world, staff, filters=ALL, cursor=None):
    with world.database.reading() as session:
        return read_log(
            session, staff=staff, filters=filters, cursor=cursor, sealer=Sealer(world.settings)
        )


def words_in_code():
    """Return every action that some code of ours gives to the log, read from the syntax."""
    found = set()
    for room in ("schemas", "intake", "workers", "review_ui", "suishoupai"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.keyword) and node.arg == "action":
                    found.add(getattr(node.value, "value", None))
    return {
        name
        for name in found
        if isinstance(name, str) and re.fullmatch(r"[a-z]+[._][a-z._]+", name)
    }


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_every_action_that_code_writes_has_plain_words(dialect) -> None:
    found = words_in_code()
    assert "case_advanced" in found
    assert found - ACTIONS.keys() == set()
    assert set(UNSEALINGS) <= ACTIONS.keys()


def test_an_unsealing_is_the_first_thing_that_the_auditor_sees(
    world, auditor, head, browse
) -> None:
    case = world.case(reports=(world.report(rider_id=world.rider()[0]),))
    unsealed(world, head, case)
    note(world, "case_assigned", ("case", case.id), audit.Actor("staff", head.staff_id))
    client = browse(auditor)
    assert client.get("/").location == "/audit"
    page = client.get("/audit").text
    assert "韩局长" in page
    assert "查看了 骑手-0Q0 的身份" in page
    assert "核发举报奖励 — 发放奖励" in page
    assert case.number in page
    assert "改了经办人" not in page[page.index('class="log"') :]
    assert "李小勇" not in page
    both = client.get("/audit?tab=all").text
    assert "改了经办人" in both[both.index('class="log"') :]
    english = client.get("/audit", headers={"Accept-Language": "en"}).text
    assert "opened who Rider-0Q0 is" in english
    assert "Pay out a reward" in english


def test_only_the_own_tree_is_there_and_the_nations_auditor_sees_all(world, head) -> None:
    mine, foreign = world.case(), world.case(code=XIHU)
    for case in (mine, foreign):
        note(world, "case_opened", ("case", case.id))
    note(world, "rider.registered", ("rider", head.staff_id), audit.OPERATOR)
    local = world.person("audrey", (Role.AUDITOR, SHENHE))
    seen = log(world, local).lines
    assert {line.case_number for line in seen if line.case_number} == {mine.number}
    assert all("骑手" not in line.what.zh for line in seen)
    # Somebody who audits elsewhere and works here does not audit here.
    other = world.person("otto", (Role.AUDITOR, XIHU), (Role.INSPECTOR, SHENHE))
    assert {line.case_number for line in log(world, other).lines} & {mine.number} == set()
    whole = log(world, world.person("nat", (Role.AUDITOR, NATION))).lines
    assert {mine.number, foreign.number} <= {line.case_number for line in whole}
    assert any("骑手" in line.what.zh for line in whole)


@sqlite_only
def test_the_log_is_filtered_by_action_person_case_and_day(world, auditor, head) -> None:
    one, other = world.case(), world.case()
    me = audit.Actor("staff", head.staff_id)
    note(world, "case_assigned", ("case", one.id), me)
    note(world, "case_opened", ("case", other.id))

    def found(**filters):
        page = log(world, auditor, LogFilters(only_unsealings=False, **filters))
        return {(line.case_number, line.what.en) for line in page.lines if line.case_number}

    assigned = (one.number, "changed who has it in hand")
    opened = (other.number, "opened the case")
    assert found() == {assigned, opened}
    assert found(action="case_opened") == {opened}
    assert found(person="韩") == found(person="HANNA") == {assigned}
    assert found(person="nobody") == set()
    assert found(case_number=one.number.lower()) == {assigned}
    assert found(case_number="AJ1") == set()
    today = local_date(world.now)
    assert found(first_day=today, last_day=today) == {assigned, opened}
    assert found(last_day=today - timedelta(days=1)) == set()
    assert found(first_day=today + timedelta(days=1)) == set()


@sqlite_only
def test_pages_follow_one_another_without_gap_or_repeat(world, auditor, browse) -> None:
    case = world.case()
    for version in range(PAGE_SIZE + 3):
        note(world, "case_assigned", ("case", case.id), version=version)
    first = log(world, auditor)
    second = log(world, auditor, cursor=first.next_cursor)
    ids = [line.entry_id for line in (*first.lines, *second.lines)]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == len(ids) >= PAGE_SIZE + 3
    assert second.next_cursor is None
    client = browse(auditor)
    onward = re.search(r"after=([^&\"]+)", client.get("/audit?tab=all").text)[1]
    assert log(world, auditor, cursor=onward).lines == second.lines
    assert client.get("/audit?after=nonsense").status_code == 422
    with pytest.raises(InvalidInput, match="cursor-invalid"):
        log(world, auditor, cursor="x")


@sqlite_only
@pytest.mark.parametrize("query", ["from=9999-12-31&to=0001-01-01", "from=x", "action=x&case=%00"])
def test_a_filter_that_is_none_filters_nothing_and_breaks_nothing(
    world, auditor, browse, query
) -> None:
    assert browse(auditor).get(f"/audit?tab=all&{query}").status_code == 200


@sqlite_only
def test_the_head_is_printed_and_a_broken_chain_is_shouted(world, auditor, browse) -> None:
    client = browse(auditor)
    assert "还没有核验过" in client.get("/audit").text
    with world.database.writing() as session:
        audit.seal(session)
    with world.database.reading() as session:
        found = audit.verify(session)
        assert chain_state(session).head == found.head
    with world.database.writing() as session:
        audit.keep_verification(session, found=found)
    page = client.get("/audit").text
    assert page.count(found.head) == 2
    assert "条完整" in page
    with world.database.writing() as session:
        broken = audit.Verification(0, 0, audit.GENESIS, "entry-altered", 1)
        audit.keep_verification(session, found=broken)
    assert "审计链有误" in client.get("/audit").text


@sqlite_only
def test_what_happens_by_itself_is_told_by_the_hour(world, auditor, head) -> None:
    case = world.case()
    note(world, "case_opened", ("case", case.id))
    note(world, "case_assigned", ("case", case.id), audit.Actor("staff", head.staff_id))
    by_action = {line.what.en: line for line in log(world, auditor).lines if line.case_number}
    machine = by_action["opened the case"].at
    assert (machine.minute, machine.second, machine.microsecond) == (0, 0, 0)
    assert by_action["changed who has it in hand"].is_exact


@sqlite_only
def test_nobody_but_the_auditor_comes_in(world, head, browse) -> None:
    assert browse(head).get("/audit").status_code == 404


@pytest.mark.parametrize(
    ("after", "zh"),
    [({"state": "filed"}, "提出“立案”"), ({"state": None, "act": "extend"}, "提出“延长")],
)
def test_a_proposed_state_or_act_is_named(after: dict[str, str | None], zh: str) -> None:
    words = told("case_proposed", after)
    assert words.zh.startswith(zh)
    assert "{" not in words.en


@sqlite_only
def test_what_is_done_to_an_account_names_whose_it_is(world, auditor, browse) -> None:
    chief = world.person("chief", (Role.ADMINISTRATOR, SHENYANG), name="周主任")
    added = world.person("neu", (Role.INSPECTOR, SHENHE), name="新来的")
    by = audit.Actor("staff", chief.staff_id)
    note(world, "staff_added", ("staff", added.staff_id), actor=by)
    note(world, "password_changed", ("staff", chief.staff_id), actor=by)
    page = browse(auditor).get("/audit?tab=all&action=staff_added&person=chief").text
    assert re.search(r"周主任</strong>\s+添加了工作人员\s+<strong>新来的</strong>", page)
    own = browse(auditor).get("/audit?tab=all&action=password_changed").text
    assert own.count("<strong>周主任</strong>") == 1, "one's own account needs no second name"

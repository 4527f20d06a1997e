"""Links of reports to cases: undone, taken over, refused; and who has a case in hand."""

import threading

import pytest
from sqlalchemy import select, text

from review_ui.casework.assignment import assign, colleagues
from review_ui.casework.links import accept_suggestion, reject_suggestion, unlink_report
from schemas.access import Role
from schemas.database import now_utc
from schemas.errors import Conflict, InvalidInput, NotAllowed, NotFound
from schemas.lifecycle import State
from schemas.routing_lock import lock_routing
from schemas.tables import AuditEntry, CaseReport, Match, ReportProgress
from workers.opening import flag_cases

SHENHE, HUNNAN, SHENYANG, XIHU = "210103", "210112", "210100", "330106"

sqlite_only = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


def links_of(world, case, *, standing=True):
    with world.database.reading() as session:
        rows = session.scalars(
            select(CaseReport).where(CaseReport.case_id == case.id).order_by(CaseReport.linked_at)
        ).all()
    return [row for row in rows if (row.unlinked_at is None) == standing]


def do(world, work, case, staff, version=None, **options):
    with world.database.writing() as session:
        return work(
            session,
            case_id=case.id,
            staff=staff,
            version=world.fresh(case).version if version is None else version,
            **options,
        )


def test_a_machines_link_is_undone_and_the_report_waits_for_the_pipeline(world) -> None:
    inspector = world.person("anna", (Role.INSPECTOR, SHENHE))
    first, second = world.report(), world.report(categories=("PEST",))
    case = world.case(reports=(first, second), categories=("DIRTY_KITCHEN", "PEST"))
    link = links_of(world, case)[1]
    report_id = do(world, unlink_report, case, inspector, link_id=link.id, now=now_utc())
    assert report_id == second
    (ended,) = links_of(world, case, standing=False)
    assert ended.unlinked_by == inspector.staff_id
    after = world.fresh(case)
    assert (after.categories, after.severity, after.version) == (["DIRTY_KITCHEN"], 2, 3)
    with world.database.reading() as session:
        progress = session.get_one(ReportProgress, second)
        assert (progress.routed_at, progress.finished_at) == (None, None)
        assert progress.examined_at is not None
        assert session.scalars(select(AuditEntry).where(AuditEntry.action == "case_unlinked")).one()


@sqlite_only
def test_the_last_report_of_a_case_stays(world) -> None:
    inspector = world.person("anna", (Role.INSPECTOR, SHENHE))
    case = world.case()
    with pytest.raises(InvalidInput, match="last-report"):
        do(
            world,
            unlink_report,
            case,
            inspector,
            link_id=links_of(world, case)[0].id,
            now=now_utc(),
        )


@sqlite_only
def test_a_link_of_another_case_is_not_found(world) -> None:
    inspector = world.person("anna", (Role.INSPECTOR, SHENHE))
    case, other = world.case(), world.case()
    with pytest.raises(NotFound):
        do(
            world,
            unlink_report,
            case,
            inspector,
            link_id=links_of(world, other)[0].id,
            now=now_utc(),
        )


def test_a_suggested_report_is_taken_over_and_the_emptied_case_ends_as_merged(world) -> None:
    dispatcher = world.person("dora", (Role.DISPATCHER, SHENYANG))
    mine, theirs = world.report(), world.report(categories=("PEST",))
    case = world.case(reports=(mine,))
    other = world.case(reports=(theirs,), categories=("PEST",))
    match_id = world.match(mine, theirs)
    do(world, accept_suggestion, case, dispatcher, match_id=match_id, now=now_utc())
    standing = links_of(world, case)
    assert [link.report_id for link in standing] == [mine, theirs]
    assert standing[1].linked_by == dispatcher.staff_id
    assert world.fresh(other).state == "invalid"
    after = world.fresh(case)
    assert set(after.categories) == {"DIRTY_KITCHEN", "PEST"}
    assert after.received_at == case.received_at
    assert after.due_on == case.due_on


@sqlite_only
def test_one_reporter_keeps_one_pseudonym_in_a_case_and_another_in_another(world) -> None:
    dispatcher = world.person("dora", (Role.DISPATCHER, SHENYANG))
    rider_id, _ = world.rider()
    mine, theirs = world.report(rider_id=rider_id), world.report(rider_id=rider_id)
    case, other = world.case(reports=(mine,)), world.case(reports=(theirs,))
    own = links_of(world, case)[0].pseudonym
    do(
        world, accept_suggestion, case, dispatcher,
        match_id=world.match(mine, theirs), now=now_utc(),
    )  # fmt: skip
    assert {link.pseudonym for link in links_of(world, case)} == {own}
    stranger = world.report()
    third = world.case(reports=(stranger,))
    before = links_of(world, third)[0].pseudonym
    do(
        world, accept_suggestion, case, dispatcher,
        match_id=world.match(mine, stranger), now=now_utc(),
    )  # fmt: skip
    fresh = next(link for link in links_of(world, case) if link.report_id == stranger)
    assert fresh.pseudonym not in {own, before}
    assert other.number != case.number


@sqlite_only
def test_an_inspector_may_not_empty_another_case(world) -> None:
    inspector = world.person("anna", (Role.INSPECTOR, SHENYANG))
    mine, theirs = world.report(), world.report()
    case, other = world.case(reports=(mine,)), world.case(reports=(theirs,))
    with pytest.raises(NotAllowed, match="merge-not-yours"):
        do(
            world, accept_suggestion, case, inspector,
            match_id=world.match(mine, theirs), now=now_utc(),
        )  # fmt: skip
    assert world.fresh(other).state == "assigned"
    assert len(links_of(world, other)) == 1


@sqlite_only
def test_a_case_under_way_is_not_emptied(world) -> None:
    dispatcher = world.person("dora", (Role.DISPATCHER, SHENYANG))
    mine, theirs = world.report(), world.report()
    case, other = world.case(reports=(mine,)), world.case(reports=(theirs,), state=State.VERIFIED)
    with pytest.raises(Conflict, match="other-case-under-way") as refusal:
        do(
            world, accept_suggestion, case, dispatcher,
            match_id=world.match(mine, theirs), now=now_utc(),
        )  # fmt: skip
    assert other.number in refusal.value.words.zh


@sqlite_only
def test_one_of_several_reports_moves_and_the_other_case_goes_on(world) -> None:
    inspector = world.person("anna", (Role.INSPECTOR, SHENHE))
    mine, theirs, stays = world.report(), world.report(), world.report()
    case = world.case(reports=(mine,))
    other = world.case(reports=(stays, theirs), state=State.VERIFYING)
    do(
        world, accept_suggestion, case, inspector,
        match_id=world.match(mine, theirs), now=now_utc(),
    )  # fmt: skip
    assert world.fresh(other).state == "verifying"
    assert [link.report_id for link in links_of(world, other)] == [stays]


@sqlite_only
def test_nothing_joins_a_case_that_has_ended(world) -> None:
    dispatcher = world.person("dora", (Role.DISPATCHER, SHENYANG))
    mine, theirs = world.report(), world.report()
    case = world.case(reports=(mine,), state=State.CLOSED)
    world.case(reports=(theirs,))
    with pytest.raises(Conflict, match="case-ended"):
        do(
            world, accept_suggestion, case, dispatcher,
            match_id=world.match(mine, theirs), now=now_utc(),
        )  # fmt: skip


@sqlite_only
def test_a_report_of_a_foreign_case_can_not_be_taken_over(world) -> None:
    dispatcher = world.person("dora", (Role.DISPATCHER, SHENYANG))
    mine, theirs, unrelated = world.report(), world.report(), world.report()
    case = world.case(reports=(mine,))
    world.case(reports=(theirs,), code=XIHU)
    world.case(reports=(unrelated,))
    for match_id in (world.match(mine, theirs), world.match(theirs, unrelated), case.id):
        with pytest.raises(NotFound):
            do(world, accept_suggestion, case, dispatcher, match_id=match_id, now=now_utc())


@sqlite_only
def test_a_suggestion_that_was_rejected_says_so(world) -> None:
    inspector = world.person("anna", (Role.INSPECTOR, SHENHE))
    mine, theirs = world.report(), world.report()
    case = world.case(reports=(mine,))
    world.case(reports=(theirs,))
    match_id = world.match(mine, theirs)
    do(world, reject_suggestion, case, inspector, match_id=match_id, now=now_utc())
    with world.database.reading() as session:
        facts = session.get_one(Match, match_id).facts
        assert facts["rejected_by"] == str(inspector.staff_id)
    with pytest.raises(NotFound):
        do(world, reject_suggestion, case, inspector, match_id=case.id, now=now_utc())


@sqlite_only
def test_a_case_is_taken_or_given_to_a_colleague(world) -> None:
    anna = world.person("anna", (Role.INSPECTOR, SHENHE))
    bob = world.person("bob", (Role.INSPECTOR, SHENYANG))
    stranger = world.person("carl", (Role.INSPECTOR, HUNNAN))
    world.person("stan", (Role.STATISTICIAN, SHENHE))
    case = world.case()
    with world.database.reading() as session:
        names = [each.name for each in colleagues(session, unit_id=case.unit_id)]
    assert names == ["Anna", "Bob"]
    do(world, assign, case, anna, assignee_id=bob.staff_id)
    assert world.fresh(case).assignee_id == bob.staff_id
    with pytest.raises(InvalidInput, match="assignee-not-possible"):
        do(world, assign, case, anna, assignee_id=stranger.staff_id)
    with pytest.raises(Conflict, match="case-changed") as refusal:
        do(world, assign, case, bob, version=2, assignee_id=anna.staff_id)
    assert "经办人" in refusal.value.words.zh


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_what_is_added_while_staff_move_a_report_is_told_where_it_then_stands(world) -> None:
    dispatcher = world.person("dora", (Role.DISPATCHER, SHENYANG))
    mine, theirs = world.report(), world.report()
    case, other = world.case(reports=(mine,)), world.case(reports=(theirs,))
    match_id = world.match(mine, theirs)

    def add() -> None:
        with world.database.writing() as pipeline:
            lock_routing(pipeline)
            flag_cases(pipeline, report_id=theirs, flag="supplemented", action="case_supplemented")

    adding = threading.Thread(target=add)
    with world.database.writing() as session:
        accept_suggestion(
            session, case_id=case.id, match_id=match_id, staff=dispatcher,
            version=case.version, now=now_utc(),
        )  # fmt: skip
        adding.start()
        waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        while not session.scalar(waits):
            adding.join(0.02)
            assert adding.is_alive(), "it has to wait for who moves the report"
    adding.join(30)
    assert "supplemented" in world.fresh(case).flags
    assert "supplemented" not in world.fresh(other).flags


def test_what_looks_odd_about_a_report_goes_with_it_into_the_older_case(world) -> None:
    dispatcher = world.person("dora", (Role.DISPATCHER, SHENYANG))
    mine, theirs = world.report(), world.report()
    case = world.case(reports=(mine,), flags=("no-exif",))
    world.case(reports=(theirs,), flags=("supplemented", "digest-mismatch"))
    match_id = world.match(mine, theirs)
    do(world, accept_suggestion, case, dispatcher, match_id=match_id, now=now_utc())
    assert set(world.fresh(case).flags) == {"no-exif", "supplemented", "digest-mismatch"}

"""Comparing anew: what the machine said changes, what a person decided does not."""

import io
from dataclasses import replace
from datetime import timedelta

import pytest
from PIL import Image
from sqlalchemy import select, update

from schemas.database import now_utc
from schemas.lifecycle import State
from schemas.places import METRES_PER_DEGREE, Point
from schemas.tables import AuditEntry, Case, CaseReport, Match, ReportStep, Staff
from schemas.tables.photos import EVIDENCE_EDGE
from workers.policy import POLICY
from workers.rematch import DOUBTED, NEW, Rematched, rematch
from workers.seen.memory import Memory

SINCE = now_utc() - timedelta(days=1)
STRICT = replace(POLICY, version="match-strict", picture_bits=0, incident_m=10.0, fewest_spots=800)


def copy_of(data):
    """Return the picture once more, by bytes and bits another one."""
    target = io.BytesIO()
    image = Image.open(io.BytesIO(data)).convert("RGB")
    image.crop((14, 0, image.width, image.height - 10)).save(target, "JPEG", quality=35)
    return target.getvalue()


def north(point, metres):
    return Point(point.latitude + metres / METRES_PER_DEGREE, point.longitude)


@pytest.fixture
def far_copies(tips):
    """Two tips of one picture from places too far apart to be linked."""
    place, photo = tips.inside(), tips.photo(41)
    reports = [tips.send(photo, at=place), tips.send(copy_of(photo), at=north(place, 6_000))]
    tips.process(*reports)
    return reports


@pytest.fixture
def linked(tips):
    """Two tips of one picture that the machine has linked by it."""
    place, photo = tips.inside(), tips.photo(42)
    reports = [tips.send(photo, at=place), tips.send(copy_of(photo), at=north(place, 100))]
    tips.process(*reports)
    return reports


def matches(machine):
    with machine.database.reading() as session:
        return session.scalars(select(Match).order_by(Match.id)).all()


def run(machine, policy=STRICT, since=SINCE, **options):
    return rematch(machine.database, store=machine.store, since=since, policy=policy, **options)


def fresh(machine, case):
    with machine.database.reading() as session:
        return session.get_one(Case, case.id)


def a_person(machine):
    with machine.database.writing() as session:
        person = Staff(sign_in="anna", name="安娜", password_hash="-")
        session.add(person)
        session.flush()
        return person.id


def test_what_holds_no_longer_goes_and_comes_again_with_a_hint(tips, machine, far_copies):
    (match,) = matches(machine)
    assert (match.kind, match.policy) == ("same_picture", POLICY.version)
    assert match.distance_bits > 0
    assert run(machine) == Rematched(seen=2, withdrawn=1)
    assert matches(machine) == []
    before = [tips.case(report) for report in far_copies]
    memory = Memory()
    assert run(machine, POLICY, memory=memory) == Rematched(seen=2, found=1)
    (again,) = matches(machine)
    assert (again.kind, again.distance_bits) == (match.kind, match.distance_bits)
    assert (again.policy, again.report_id) == (POLICY.version, far_copies[0])
    cases = [fresh(machine, case) for case in before]
    assert [NEW in case.flags for case in cases] == [True, False]
    assert [case.state for case in cases] == [case.state for case in before]
    assert tips.case(far_copies[0]).id != tips.case(far_copies[1]).id
    with machine.database.reading() as session:
        entries = session.scalars(
            select(AuditEntry)
            .where(AuditEntry.action == "report.rematched")
            .order_by(AuditEntry.id)
        ).all()
    assert [len(entry.before["matches"]) for entry in entries] == [1, 0]
    assert entries[0].before["matches"][0]["distance_bits"] == match.distance_bits


def test_what_still_holds_carries_the_new_version(tips, machine, far_copies):
    other = replace(POLICY, version="match-other", place_m=1.0)
    assert run(machine, other) == Rematched(seen=2)
    assert [match.policy for match in matches(machine)] == ["match-other"]


def test_a_link_by_the_machine_is_pointed_out_and_not_undone(tips, machine, linked):
    first, second = linked
    before = tips.link(second)
    assert before.match_id is not None
    done = run(machine)
    assert (done.seen, done.withdrawn, done.doubted) == (2, 0, 2)
    after = tips.link(second)
    assert (after.id, after.case_id, after.match_id) == (before.id, before.case_id, before.match_id)
    case = tips.case(first)
    assert DOUBTED in case.flags
    assert NEW not in case.flags


def test_what_was_broken_off_goes_on_where_it_was(tips, machine, far_copies):
    def stop(done, _total):
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(machine, tick=stop)
    ticks = []
    done = run(machine, tick=lambda *given: ticks.append(given))
    assert (done.seen, done.known) == (2, 1)
    assert ticks == [(1, 2), (2, 2)]
    assert run(machine) == Rematched(seen=2, known=2)
    with machine.database.reading() as session:
        steps = session.scalars(select(ReportStep).where(ReportStep.step == "rematch")).all()
    assert [step.facts["policy"] for step in steps] == [STRICT.version] * 2


def test_what_a_person_rejected_or_linked_or_unlinked_stays(tips, machine, far_copies, linked):
    person, link = a_person(machine), tips.link(linked[1])
    apart = next(match for match in matches(machine) if match.report_id == far_copies[1])
    with machine.database.writing() as session:
        session.get_one(Match, apart.id).facts = {"rejected_by": str(person)}
        session.execute(
            update(CaseReport)
            .where(CaseReport.report_id == linked[1])
            .values(unlinked_at=now_utc(), unlinked_by=person)
        )
    decided = {apart.id, link.match_id}
    rows = [(each.id, each.policy, each.facts) for each in matches(machine) if each.id in decided]
    with machine.database.reading() as session:
        links = session.execute(select(CaseReport.__table__).order_by(CaseReport.id)).all()
    done = run(machine, replace(STRICT, fewest_spots=8))
    assert (done.withdrawn, done.doubted, done.found) == (0, 0, 0)
    after = [(each.id, each.policy, each.facts) for each in matches(machine) if each.id in decided]
    assert after == rows
    assert len(rows) == 2
    with machine.database.reading() as session:
        assert session.execute(select(CaseReport.__table__).order_by(CaseReport.id)).all() == links


def test_cases_with_a_conclusion_stay_as_they_are(tips, machine, far_copies):
    cases = [tips.case(report) for report in far_copies]
    with machine.database.writing() as session:
        session.execute(update(Case).where(Case.id == cases[0].id).values(state=State.UNFOUNDED))
    before = fresh(machine, cases[0])
    done = run(machine, replace(STRICT, fewest_spots=8))
    assert (done.seen, done.left, done.withdrawn) == (2, 1, 0)
    assert len(matches(machine)) == 1
    after = fresh(machine, cases[0])
    assert (after.version, after.flags, after.state) == (before.version, before.flags, before.state)


def test_what_is_not_through_the_pipeline_is_left_to_it(tips, machine):
    tips.send(tips.photo(43))
    assert run(machine) == Rematched(seen=1, left=1)


def test_a_wider_reach_suggests_what_is_near_and_links_nothing(tips, machine):
    place = tips.inside()
    reports = [
        tips.send(tips.photo(seed), at=north(place, metres))
        for seed, metres in ((44, 0), (45, 100))
    ]
    tips.process(*reports)
    assert matches(machine) == []
    wide = replace(POLICY, version="match-wide", incident_m=200.0)
    assert run(machine, wide) == Rematched(seen=2, found=1)
    (match,) = matches(machine)
    assert (match.kind, match.policy) == ("same_incident", "match-wide")
    assert tips.case(reports[0]).id != tips.case(reports[1]).id
    assert run(machine, POLICY) == Rematched(seen=2, withdrawn=1)


@pytest.fixture
def parts(tips):
    """Two tips from one spot, of which one shows the half of the other's photo."""
    place, photo = tips.inside(), tips.photo(31)
    image = Image.open(io.BytesIO(photo)).convert("RGB")
    target = io.BytesIO()
    image.crop((150, 60, image.width - 80, image.height - 110)).save(target, "JPEG", quality=80)
    reports = [
        tips.send(photo, at=place),
        tips.send(target.getvalue(), at=place, categories=("UNLICENSED",)),
    ]
    tips.process(*reports)
    return reports


def close(machine):
    return [each for each in matches(machine) if "spots" in each.facts]


def test_close_matches_are_judged_and_looked_for_by_the_new_thresholds(tips, machine, parts):
    (before,) = close(machine)
    assert before.kind == "altered_picture"
    assert run(machine, STRICT).withdrawn == 1
    assert close(machine) == []
    likelier = replace(POLICY, version="match-alike", copy_likeness=1.0, scene_likeness=1.0)
    assert run(machine, likelier).found == 0
    assert run(machine, replace(POLICY, version="match-again")).found == 1
    (again,) = close(machine)
    assert (again.kind, again.policy) == ("altered_picture", "match-again")
    assert machine.store.read_derivative(again.id, EVIDENCE_EDGE)
    assert NEW in {flag for report in parts for flag in tips.case(report).flags}


def test_a_close_match_that_holds_or_was_rejected_is_not_looked_for_again(tips, machine, parts):
    (before,) = close(machine)
    assert run(machine, replace(POLICY, version="match-a", scene_spots=9)).found == 0
    (after,) = close(machine)
    assert (after.id, after.policy) == (before.id, "match-a")
    person = a_person(machine)
    with machine.database.writing() as session:
        match = session.get_one(Match, before.id)
        match.facts = {**match.facts, "rejected_by": str(person)}
    assert run(machine, replace(POLICY, version="match-b", fewest_spots=800)).withdrawn == 0
    assert [(each.id, each.policy) for each in close(machine)] == [(before.id, "match-a")]


def test_only_what_came_since_is_compared(tips, machine, far_copies):
    assert (
        rematch(
            machine.database,
            store=machine.store,
            since=now_utc() + timedelta(days=1),
            policy=STRICT,
        )
        == Rematched()
    )

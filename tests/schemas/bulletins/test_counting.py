"""What each figure counts, against cases laid out by hand."""

from datetime import date, timedelta
from uuid import uuid4

from schemas.bulletins.definitions import INDICATORS
from schemas.bulletins.documents import change, read_bulletin
from schemas.bulletins.platforms import platform_of
from schemas.lifecycle import State
from schemas.weeks import read_week


def test_a_report_is_received_accepted_and_followed_to_where_it_stands(city, at) -> None:
    first = city.case(at(0), rider=city.rider())
    city.verified(first, at(1))
    city.move(first, State.NOT_FILED, at(2))
    second = city.case(at(0), code="210112")
    city.move(second, State.VERIFYING, at(1))
    city.case(at(3))
    gone = city.case(at(3))
    city.move(gone, State.VERIFYING, at(4))
    city.move(gone, State.UNFOUNDED, at(5))
    found = city.count().totals
    assert found["received"] == found["accepted"] == 4
    assert found["received_done"] == 1
    assert found["received_under_way"] == 1
    assert found["received_waiting"] == 1
    assert found["received_other"] == 1
    assert (found["verified"], found["unfounded"], found["concluded"]) == (1, 1, 2)
    assert found["verification_rate"] == 5000
    assert found["active_riders"] == 1
    assert found["open"] == 2
    rows = city.count().tables["county"]
    assert (rows["210103"]["received"], rows["210112"]["received"]) == (3, 1)


def test_a_week_is_half_open_and_late_facts_count_where_they_belong(city, at, week) -> None:
    tick = timedelta(microseconds=1)
    for moment in (week.begins_at - tick, week.begins_at, week.ends_at - tick, week.ends_at):
        city.case(moment)
    assert city.count().totals["received"] == 2
    late = city.case(at(6), recorded_at=week.ends_at + timedelta(days=3))
    assert city.count().totals["received"] == 2
    known = week.ends_at + timedelta(days=4)
    assert city.count(known_at=known).totals["received"] == 3
    # What became of it after the week is that week's to tell.
    city.move(late, State.VERIFYING, week.ends_at + timedelta(days=3, hours=1))
    assert city.count(known_at=known).totals["received_under_way"] == 0


def test_linked_reports_are_one_incident_and_duplicates_are_told_apart(city, at, week) -> None:
    rider = city.rider()
    case = city.case(at(0), rider=rider)
    city.link(case, city.report(at(1), rider=rider), at=at(1), kind="legal_duplicate")
    other = city.link(case, city.report(at(2), categories=["RECYCLED"]), at=at(2))
    found = city.count()
    assert [found.totals[key] for key in ("received", "accepted", "legal_duplicates")] == [3, 2, 1]
    assert (found.totals["incidents"], found.totals["active_riders"]) == (1, 1)
    assert found.tables["severity"]["5"]["opened"] == 1
    # Unlinked afterwards, the third was never of this case, nor as severe as it made it.
    city.unlink(other, at=week.ends_at + timedelta(days=1))
    later = city.count(known_at=week.ends_at + timedelta(days=2))
    assert later.totals["received"] == 2
    assert later.tables["severity"]["4"]["opened"] == 1
    assert city.count().totals == found.totals


def test_a_report_of_two_departments_counts_once(city, at) -> None:
    incident, report = uuid4(), city.report(at(0), categories=["PEST", "FIRE_SAFETY"])
    city.case(at(0), report=report, incident=incident)
    city.case(
        at(0), report=report, incident=incident, department="fire", categories=["FIRE_SAFETY"]
    )
    found = city.count()
    assert (found.totals["received"], found.totals["opened"]) == (1, 2)
    assert {row: each["opened"] for row, each in found.tables["category"].items()} == {
        "PEST": 1,
        "FIRE_SAFETY": 1,
    }


def test_penalties_orders_and_closings_are_sums_and_working_days(city, at, week) -> None:
    # Received on Friday before the week: the weekend is no working day.
    case = city.case(week.begins_at - timedelta(days=2, hours=14))
    city.verified(case, at(0))
    city.move(case, State.FILED, at(1))
    city.act(case, "order", at(1, 12), order_number="1")
    city.move(
        case, State.PENALISED, at(2), fine_fen=500_000, confiscation_fen=7,
        penalty_kinds=["fine", "suspension"],
    )  # fmt: skip
    city.move(case, State.CLOSED, at(3))
    found = city.count().totals
    assert (found["fines_fen"], found["confiscated_fen"], found["shops_shut"]) == (500_000, 7, 1)
    assert (found["rectifications"], found["filed"], found["penalised"]) == (1, 1, 1)
    # Monday to Thursday.
    assert (found["closed"], found["handling_mean"], found["handling_median"]) == (1, 400, 400)
    assert found["received"] == 0


def test_overdue_is_what_waits_and_what_came_late(city, week) -> None:
    long_ago = week.begins_at - timedelta(days=26)
    city.case(long_ago)
    late = city.case(long_ago)
    city.verified(late, week.begins_at + timedelta(days=1))
    city.move(late, State.NOT_FILED, week.begins_at + timedelta(days=2))
    extended = city.case(long_ago)
    city.act(extended, "extend", long_ago + timedelta(days=5), clock="verify")
    paused = city.case(long_ago)
    city.act(
        paused, "pause", long_ago + timedelta(days=5),
        pause_from=(long_ago + timedelta(days=5)).date().isoformat(),
    )  # fmt: skip
    found = city.count().totals
    assert (found["overdue_open"], found["done_late"], found["overdue"]) == (1, 1, 2)
    assert found["open"] == 3


def test_the_cohort_of_a_week_is_followed_up(city, at, week) -> None:
    before = week.after(-3)
    true, untrue, waiting = (city.case(at(0, 10, before)) for _ in range(3))
    city.verified(true, at(1))
    city.move(untrue, State.VERIFYING, at(1))
    city.move(untrue, State.UNFOUNDED, at(2))
    (cohort,) = (each for each in city.count().cohorts if each.week == before)
    assert cohort.figures["cohort_cases"] == 3
    assert cohort.figures["cohort_pending"] == 1
    assert cohort.figures["cohort_rate"] == 5000
    assert city.count(before).totals["cohort_pending"] == 3
    assert city.states[waiting] is State.ASSIGNED


def test_a_shop_that_was_verified_before_is_a_repeated_one(city, at, week) -> None:
    for monday in (week, week.after(-10), week.after(-70)):
        case = city.case(at(0, 10, monday))
        city.verified(case, at(1, 10, monday))
        city.found(case, "uscc:1", at(1, 10, monday), at(1, 10, monday))
    once = city.case(at(0))
    city.verified(once, at(1))
    city.found(once, "uscc:2", at(1), at(1))
    found = city.count()
    assert found.totals["repeat_shops"] == 1
    assert found.tables["county"]["210103"]["repeat_shops"] == 1
    assert city.count(week.after(-10)).totals["repeat_shops"] == 0


def test_changes_are_reckoned_from_the_week_before_and_the_same_week_of_last_year(
    city, at, week
) -> None:
    for monday, number in ((week, 3), (week.after(-1), 2), (week.year_before(), 4)):
        for _ in range(number):
            city.case(at(0, 10, monday))
    found = city.count()
    assert change("received", found.totals["received"], found.previous.totals["received"]) == 5000
    assert change("received", found.totals["received"], found.last_year.totals["received"]) == -2500
    assert change("received", 3, 0) is None
    assert change("verification_rate", 5000, 2500) == 2500
    assert change("verification_rate", None, 2500) is None
    # 2026 has a week 53 and 2025 has none.
    assert read_week("2026-W53").year_before() is None
    assert read_week("2025-W01").year_before().monday == date(2024, 1, 1)


def test_the_country_counts_what_stands_in_no_case_yet(city, at) -> None:
    city.report(at(1))
    city.case(at(1))
    found = city.count(scope="000000")
    assert (found.totals["received"], found.totals["unprocessed"]) == (2, 1)
    assert found.tables["province"]["210000"]["received"] == 1
    assert city.count().totals["received"] == 1


def test_a_bulletin_reads_back_as_it_was_written(city, at) -> None:
    city.case(at(1))
    found = city.count()
    assert read_bulletin(found.canonical).canonical == found.canonical
    assert read_bulletin(found.canonical).totals == found.totals


def test_what_a_rider_typed_as_platform_is_brought_to_a_few_rows() -> None:
    typed = ("饿了么", "ELEME ", "美团外卖", "", "王小二跑腿")
    assert [platform_of(each) for each in typed] == ["eleme", "eleme", "meituan", "none", "other"]


def test_every_definition_is_whole() -> None:
    for key, each in INDICATORS.items():
        assert each.key == key
        assert all((each.words.zh, each.words.en, each.definition.zh, each.definition.en))
        assert (each.part is None) is (each.whole is None)
        assert {each.part, each.whole} - {None} <= INDICATORS.keys()

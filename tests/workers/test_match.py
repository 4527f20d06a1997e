import io
import threading
from dataclasses import replace

import pytest
from PIL import Image, ImageFilter
from sqlalchemy import select

from schemas.database import connect
from schemas.places import METRES_PER_DEGREE, Point
from schemas.shop_names import plain_name
from schemas.tables import Case, Match, PhotoHash
from workers import pipeline
from workers.fingerprints import distance
from workers.policy import POLICY
from workers.seen.memory import Memory


def matches(machine, **where):
    with machine.database.reading() as session:
        return session.scalars(select(Match).filter_by(**where).order_by(Match.found_at)).all()


def again(data, change):
    """Return a JPEG of a photo after `change`, without any metadata."""
    target = io.BytesIO()
    change(Image.open(io.BytesIO(data)).convert("RGB")).save(target, "JPEG", quality=80)
    return target.getvalue()


def north(point, metres):
    return Point(point.latitude + metres / METRES_PER_DEGREE, point.longitude)


def search(machine, report):
    pipeline.examine(report, machine)
    pipeline.match(report, machine)


def test_the_same_bytes_in_another_report_are_found(tips, machine):
    place, photo = tips.inside(), tips.photo(1)
    first = tips.send(photo, at=place)
    tips.process(first)
    second = tips.send(photo, at=north(place, 500))
    search(machine, second)
    (match,) = matches(machine)
    assert (match.report_id, match.other_report_id) == (second, first)
    assert (match.kind, match.distance_bits, match.policy) == ("same_bytes", 0, POLICY.version)
    assert match.distance_m == pytest.approx(500, abs=1)
    assert match.hours_apart < 1


@pytest.mark.parametrize(
    ("how", "change"),
    [
        ("resaved", lambda image: image),
        ("shrunk", lambda image: image.resize((480, 360))),
        ("turned", lambda image: image.transpose(Image.Transpose.ROTATE_90)),
        ("upside down", lambda image: image.transpose(Image.Transpose.ROTATE_180)),
        ("mirrored", lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
        ("grey", lambda image: image.convert("L").convert("RGB")),
    ],
)
def test_a_changed_copy_of_a_picture_is_found(tips, machine, how, change):
    original = tips.photo(2, place=tips.inside())
    first, second = tips.send(original), tips.send(again(original, change))
    tips.process(first)
    search(machine, second)
    (match,) = matches(machine)
    assert match.kind == "same_picture", how
    assert match.distance_bits <= POLICY.picture_bits


def test_a_screenshot_with_bars_is_found_by_what_lies_between_them(tips, machine):
    original = tips.photo(3)

    def with_bars(image):
        screen = Image.new("RGB", (image.width, image.height + 500), "black")
        screen.paste(image, (0, 250))
        return screen

    first, second = tips.send(original), tips.send(again(original, with_bars))
    search(machine, first)
    search(machine, second)
    assert [match.kind for match in matches(machine)] == ["same_picture"]


def test_other_pictures_are_not_taken_for_one_another(tips, machine):
    reports = [tips.send(tips.photo(seed)) for seed in range(100, 112)]
    for report in reports:
        search(machine, report)
    assert matches(machine) == []


def test_blurred_pictures_resemble_nothing_however_near_their_hashes(tips, machine):
    def blurred(image):
        return image.filter(ImageFilter.GaussianBlur(40))

    first, second = (
        tips.send(again(tips.photo(4, quality=quality), blurred)) for quality in (95, 60)
    )
    search(machine, first)
    search(machine, second)
    assert matches(machine) == []
    with machine.database.reading() as session:
        one, other = session.scalars(select(PhotoHash)).all()
    assert max(one.quality, other.quality) < 50
    assert distance(one.pdq, other.pdq) <= POLICY.picture_bits


def test_two_photos_of_one_report_are_no_match(tips, machine):
    photo = tips.photo(5)
    report = tips.send(photo, again(photo, lambda image: image), photo)
    search(machine, report)
    assert matches(machine) == []


@pytest.mark.parametrize("same_bytes", [True, False])
@pytest.mark.parametrize("waits_at", ["the examination", "the search"])
def test_of_two_workers_with_the_same_picture_at_once_at_least_one_sees_the_other(
    tips, machine, waits_at, same_bytes
):
    photo, place = tips.photo(8), tips.inside()
    copy = photo if same_bytes else again(photo, lambda image: image.resize((480, 360)))
    reports = [tips.send(each, at=place, rider=tips.rider()) for each in (photo, copy)]
    barrier, faults = threading.Barrier(2), []
    # A process has one thread that decodes: two that both found no fork server would start two.
    pipeline.examine(tips.send(tips.photo(9), at=place), machine)
    if waits_at == "the search":
        for report in reports:
            pipeline.examine(report, machine)

    def work(report, index):
        # As on two hosts: neither the connections nor what is kept in memory is shared.
        own = replace(machine, database=connect(machine.settings), memory=index)
        try:
            barrier.wait()
            pipeline.process(report, machine=own)
        except Exception as fault:  # noqa: BLE001 - a thread's error has to be carried out
            faults.append(fault)
        finally:
            own.database.close()

    threads = [
        threading.Thread(target=work, args=(report, index))
        for report, index in zip(reports, (None, Memory()), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert matches(machine)
    assert tips.case(reports[0]).id == tips.case(reports[1]).id
    with machine.database.reading() as session:
        assert len(session.scalars(select(Case)).all()) == 1


def test_a_match_found_from_the_other_side_links_as_well(tips, machine):
    photo = tips.photo(9)
    first, second = tips.send(photo, at=tips.inside()), tips.send(photo, at=tips.inside())
    search(machine, first)
    search(machine, second)
    # The first one found the second, which now has to see that from its own side.
    assert [match.report_id for match in matches(machine)] == [first]
    tips.process(first, second)
    assert tips.case(first).id == tips.case(second).id
    pairs = {(match.report_id, match.other_report_id) for match in matches(machine)}
    assert len(pairs) == 1


def test_the_nearest_of_very_many_copies_are_kept(tips, machine):
    photo = tips.photo(10)
    reports = [tips.send(photo) for _ in range(POLICY.kept + 5)]
    search(machine, reports[-1])
    assert len(matches(machine, report_id=reports[-1])) == POLICY.kept


def test_names_of_shops_are_compared_without_what_people_write_differently():
    assert plain_name("张记 饺子馆（青年店）") == plain_name("张记饺子馆(青年店) ")
    assert plain_name("ＫＦＣ") == plain_name("kfc")
    assert plain_name(" · ") == ""
    assert plain_name("张记饺子馆") != plain_name("李记饺子馆")

"""The hints that a photo shows a screen's frame, or comes from another device."""

import io
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps
from sqlalchemy import select

from schemas.tables import Match, PhotoExamination, PhotoHash
from schemas.tables.photos import EVIDENCE_EDGE
from workers.bezels import find_screen, shown_on
from workers.fingerprints import MAX_DISTANCE, SCREENS, distance, fingerprints
from workers.holding import holds
from workers.policy import POLICY
from workers.views import View


def on_a_table(image, *, frame=(14, 14, 14), table=(120, 105, 90)):
    """Photograph a screen that shows the picture, a little from the side."""
    shown = ImageOps.expand(image.resize((760, 570)), 24, frame)
    room = Image.new("RGB", (960, 760), table)
    room.paste(shown, (70, 60))
    across = (1.02, 0.05, -20, 0.02, 1.03, -15, 0.00004, 0.00003)
    return room.transform(room.size, Image.Transform.PERSPECTIVE, across, Image.Resampling.BICUBIC)


def as_jpeg(image):
    target = io.BytesIO()
    image.save(target, "JPEG", quality=85)
    return target.getvalue()


def opened(data):
    return Image.open(io.BytesIO(data)).convert("RGB")


@pytest.mark.parametrize("frame", [(14, 14, 14), (240, 238, 235)], ids=["dark", "light"])
def test_a_screens_frame_is_found_with_its_share_and_slant(tips, frame):
    found = View(on_a_table(opened(tips.photo(70)), frame=frame)).screen.bezel
    assert 0.4 < found.share < 0.75
    assert 0.5 < found.slant_deg < 8


def darkened(image, box):
    """Return the picture, wider than high, with a black band: night, a dark floor, a corner."""
    made = image.resize((760, 430))
    made.paste((10, 10, 10), box)
    return made


def handed(image, *, frame=(14, 14, 14), turned=0):
    """Photograph a screen that somebody holds, turned by so many degrees."""
    shown = ImageOps.expand(image, 24, frame)
    room = Image.new("RGB", (1100, 1100), (120, 105, 90))
    room.paste(shown, ((1100 - shown.width) // 2, (1100 - shown.height) // 2))
    room = room.rotate(turned, Image.Resampling.BICUBIC, fillcolor=(120, 105, 90))
    across = (1.02, 0.03, -20, 0.02, 1.03, -15, 0.00003, 0.00002)
    return room.transform(room.size, Image.Transform.PERSPECTIVE, across, Image.Resampling.BICUBIC)


def bits_apart(photographed, picture):
    """Return by how many bits what the screen shows differs, as it lies and turned otherwise."""
    (original, *_) = fingerprints(picture)
    ways = np.array(
        [
            [distance(asked, original.pdq) for asked in each.dihedral]
            for each in fingerprints(photographed)
            if each.variant in SCREENS
        ]
    ).min(axis=0)
    return int(ways[0]), int(ways[1:].min())


DARK = {
    "nothing": (0, 0, 0, 0),
    "a corner": (0, 300, 300, 430),
    "the whole upper side": (0, 0, 760, 70),
    "the whole left side": (0, 0, 100, 430),
}


@pytest.mark.parametrize("where", DARK)
@pytest.mark.parametrize("frame", [(14, 14, 14), (240, 238, 235)], ids=["dark", "light"])
def test_what_a_photographed_screen_shows_has_the_pictures_own_hash(tips, where, frame):
    picture = darkened(opened(tips.photo(74)), DARK[where])
    seen = opened(as_jpeg(handed(picture, frame=frame)))
    as_it_lies, otherwise = bits_apart(seen, picture)
    assert as_it_lies <= 20 < MAX_DISTANCE < otherwise
    (original, *_) = fingerprints(picture)
    others = [each for each in fingerprints(seen) if each.variant not in SCREENS]
    assert min(distance(asked, original.pdq) for o in others for asked in o.dihedral) > MAX_DISTANCE


@pytest.mark.parametrize("turned", [0, 20, 46, 90, 180, 250])
def test_a_screen_is_straightened_however_it_is_held(tips, turned):
    picture = darkened(opened(tips.photo(75)), DARK["nothing"])
    assert min(bits_apart(handed(picture, turned=turned), picture)) <= 20


def test_a_frame_is_found_within_a_border_that_a_program_put_around_it(tips):
    picture = darkened(opened(tips.photo(77)), DARK["nothing"])
    assert bits_apart(ImageOps.expand(handed(picture), 90, (0, 0, 0)), picture)[0] <= 20


RIM = np.array([(40, 30), (350, 44), (344, 350), (36, 344)], np.int32)


def framed(*, below=190, finger=0):
    """Draw a frame with that rim, in 200ths of it; a finger covers as many of its upper side."""
    grey = np.full((380, 384), 120, np.uint8)
    cv2.fillPoly(grey, [RIM], 10)
    warp = cv2.getPerspectiveTransform(
        np.array([(0, 0), (200, 0), (200, 200), (0, 200)], np.float32), RIM.astype(np.float32)
    )
    glass = [(10, 10), (190, 10), (190, below), (10, below)]
    covered = [(60, -2), (60 + finger, -2), (60 + finger, 12), (60, 12)]
    for box, colour in ((glass, 200), (covered, 150))[: 2 if finger else 1]:
        there = cv2.perspectiveTransform(np.array([box], np.float32), warp)[0]
        cv2.fillPoly(grey, [there.astype(np.int32)], colour)
    return grey


@pytest.mark.parametrize("finger", [0, 16])
def test_a_frames_corners_are_where_its_sides_cross_though_a_finger_is_upon_it(finger):
    found = find_screen(framed(finger=finger))
    assert found is not None
    assert np.abs(found.rim * 384 - RIM).max() < 2
    assert found.widths == pytest.approx((0.05,) * 4, abs=0.015)
    assert len(list(shown_on(found, framed(), 180))) == 1


@pytest.mark.parametrize("broken", [{"finger": 40}, {"below": 120}], ids=["gap", "thick"])
def test_what_has_a_gap_or_is_thick_on_one_side_is_no_frame(broken):
    assert find_screen(framed(**broken)) is None


def test_a_frame_wider_below_is_cut_off_as_wide_as_it_is():
    grey = framed(below=150)
    found = find_screen(grey)
    assert found is not None
    assert found.widths == pytest.approx((0.05, 0.05, 0.25, 0.05), abs=0.015)
    as_it_is, even = shown_on(found, grey, 180)
    assert as_it_is.shape == pytest.approx((140, 180), abs=4)
    assert (as_it_is > 150).mean() > 0.95
    assert even.shape == pytest.approx((180, 180), abs=4)


def page(chance, *, paper=244, ink=40):
    """Print a page of justified lines, each of other signs."""
    made = np.full((840, 640), paper, np.uint8)
    for top in range(80, 740, 38):
        for left in range(60, 60 + 24 * int(chance.choice([22, 22, 22, 9])), 24):
            signs = chance.integers(0, 2, (6, 6), np.uint8)
            made[top : top + 18, left : left + 18][np.kron(signs, np.ones((3, 3))) > 0] = ink
    return Image.fromarray(made).convert("RGB")


@pytest.mark.parametrize(("paper", "ink"), [(244, 40), (30, 230)], ids=["paper", "blackboard"])
def test_a_printed_page_on_a_table_is_no_frame(paper, ink):
    chance = np.random.default_rng(5)
    for _ in range(5):
        sheet = page(chance, paper=paper, ink=ink)
        room = Image.new("RGB", (800, 1000), (120, 120, 120))
        room.paste(sheet, (80, 80))
        slanted = room.transform(
            room.size, Image.Transform.PERSPECTIVE, (1.02, 0.03, -9, 0.02, 1.03, -9, 0, 0)
        )
        assert View(slanted).screen is None


def matches_of(machine):
    with machine.database.reading() as session:
        return session.scalars(select(Match)).all()


def test_what_a_screen_shows_is_suggested_and_never_linked_by_itself(tips, machine):
    place = tips.inside()
    first = tips.send(tips.photo(75), at=place)
    shown = as_jpeg(on_a_table(opened(tips.photo(75))))
    again = tips.send(shown, at=place)
    tips.process(first, again)
    (match,) = [each for each in matches_of(machine) if each.kind == "altered_picture"]
    assert {each.kind for each in matches_of(machine)}.isdisjoint({"same_picture", "same_bytes"})
    assert tips.case(first).id != tips.case(again).id
    assert {"altered-copy", "screen-frame"} <= set(tips.case(again).flags)
    assert match.distance_bits <= MAX_DISTANCE
    with machine.database.reading() as session:
        stored = session.scalars(
            select(PhotoHash.variant).where(PhotoHash.photo_id == tips.photo_id(again))
        ).all()
    assert set(stored) <= {"plain", "trimmed"}


def test_what_only_its_screen_tells_is_found_without_any_place_and_holds_by_its_bits(tips, machine):
    """Nothing aligns: the copy's corners are gone, as a blurred screen's are."""
    first = tips.send(tips.photo(78))
    again = tips.send(as_jpeg(on_a_table(opened(tips.photo(78)).filter(ImageFilter.BoxBlur(12)))))
    tips.process(first, again)
    (match,) = matches_of(machine)
    assert (match.kind, match.facts) == ("altered_picture", {"boxes": 0})
    evidence = opened(machine.store.read_derivative(match.id, EVIDENCE_EDGE))
    shown, original = (
        np.asarray(evidence.crop(box).resize((40, 30)).convert("L"), float)
        for box in (
            (0, 0, evidence.width // 2 - 10, evidence.height),
            (evidence.width // 2 + 10, 0, evidence.width, evidence.height),
        )
    )
    # Straightened, what the screen shows lies like the photo beside it.
    assert np.corrcoef(shown.ravel(), original.ravel())[0, 1] > 0.95
    assert match.distance_bits <= MAX_DISTANCE
    assert tips.case(first).id != tips.case(again).id
    assert holds(match, POLICY)
    assert not holds(match, replace(POLICY, picture_bits=match.distance_bits - 1))


def test_two_photographed_screens_are_not_one_picture(tips, machine):
    shop = tips.inside()
    for seed in (79, 80):
        tips.process(tips.send(as_jpeg(on_a_table(opened(tips.photo(seed)))), at=shop))
    kinds = {each.kind for each in matches_of(machine)}
    assert kinds.isdisjoint({"altered_picture", "same_picture"})


def test_a_plain_photo_a_border_by_a_program_and_a_frame_without_rim_are_none(tips):
    photo = opened(tips.photo(71))
    level = ImageOps.expand(photo, 60, (14, 14, 14))
    round_one = Image.new("RGB", photo.size, (14, 14, 14))
    round_one.paste(
        photo, mask=Image.radial_gradient("L").resize(photo.size).point(lambda p: 255 * (p < 150))
    )
    for each in (photo, level, round_one):
        assert View(each).screen is None


def test_a_frame_is_hinted_at_with_its_numbers_and_changes_no_state(tips, machine):
    plain = tips.send(tips.photo(72))
    framed = tips.send(as_jpeg(on_a_table(opened(tips.photo(73)))))
    tips.process(plain, framed)
    assert "screen-frame" not in tips.case(plain).flags
    assert "screen-frame" in tips.case(framed).flags
    assert tips.case(framed).state == tips.case(plain).state
    with machine.database.reading() as session:
        facts = session.get_one(PhotoExamination, tips.photo_id(framed)).facts
    assert 0.4 < facts["screen_share"] < 0.75
    assert facts["screen_slant_deg"] > 0.5


def test_another_device_than_of_the_reporters_other_photos_is_hinted_at(tips):
    taken, rider = "2026:11:21 10:00:00", tips.rider()
    first, same, other, stranger = (
        tips.send(tips.photo(80 + number, taken=taken, make=make), rider=who)
        for number, (make, who) in enumerate(
            [("HUAWEI", rider), ("huawei ", rider), ("Xiaomi", rider), ("Xiaomi", tips.rider())]
        )
    )
    tips.process(first, same, other, stranger)
    flagged = [
        "device-differs" in tips.case(report).flags for report in (first, same, other, stranger)
    ]
    assert flagged == [False, False, True, False]
    anonymous = tips.send(
        tips.photo(84, taken=taken, make="HUAWEI"), tips.photo(85, taken=taken, make="Xiaomi")
    )
    unsaid = tips.send(tips.photo(86, taken=taken, make="HUAWEI"), tips.photo(87))
    tips.process(anonymous, unsaid)
    assert "device-differs" in tips.case(anonymous).flags
    assert "device-differs" not in tips.case(unsaid).flags

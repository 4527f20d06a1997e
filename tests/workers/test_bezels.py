"""The hints that a photo shows a screen's frame, or comes from another device."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps
from sqlalchemy import select

from schemas.tables import Match, PhotoExamination, PhotoHash
from workers.bezels import find_bezel, shown_within
from workers.fingerprints import MAX_DISTANCE, distance, fingerprints
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
    found = View(on_a_table(opened(tips.photo(70)), frame=frame)).bezel
    assert found is not None
    assert 0.4 < found.share < 0.75
    assert 0.5 < found.slant_deg < 8


def darkened(image, box):
    """Return the picture with a black band in it: night, a dark floor, an unlit corner."""
    made = image.resize((760, 570))
    made.paste((10, 10, 10), box)
    return made


DARK = {
    "nothing": (0, 0, 0, 0),
    "a corner": (0, 400, 300, 570),
    "the whole upper side": (0, 0, 760, 90),
    "the whole left side": (0, 0, 100, 570),
}


@pytest.mark.parametrize("where", DARK)
def test_what_a_photographed_screen_shows_has_the_pictures_own_hash(tips, where):
    picture = darkened(opened(tips.photo(74)), DARK[where])
    (original, *_) = fingerprints(picture)
    seen = fingerprints(opened(as_jpeg(on_a_table(picture))))
    near = [
        each.variant
        for each in seen
        if min(distance(asked, original.pdq) for asked in each.dihedral) <= MAX_DISTANCE
    ]
    assert {"plain", "trimmed"}.isdisjoint(near)
    assert near
    assert all(variant.startswith("screen") for variant in near)


def test_a_frame_wider_below_is_cut_off_as_wide_as_it_is():
    grey = np.full((380, 380), 120, np.uint8)
    rim = np.array([(40, 30), (350, 44), (344, 350), (36, 344)], np.int32)
    cv2.fillPoly(grey, [rim], 10)
    warp = cv2.getPerspectiveTransform(
        np.array([(0, 0), (200, 0), (200, 200), (0, 200)], np.float32), rim.astype(np.float32)
    )
    glass = np.array([[(10, 10), (190, 10), (190, 150), (10, 150)]], np.float32)
    cv2.fillPoly(grey, [cv2.perspectiveTransform(glass, warp)[0].astype(np.int32)], 200)
    found = find_bezel(grey)
    assert found is not None
    assert found.widths == pytest.approx((0.05, 0.05, 0.25, 0.05), abs=0.015)
    as_it_is, even = shown_within(grey, found, 180)
    assert as_it_is.shape == pytest.approx((140, 180), abs=4)
    assert (as_it_is > 150).mean() > 0.95
    assert even.shape == pytest.approx((180, 180), abs=4)


def test_a_photographed_screen_is_the_same_picture_and_its_straightened_hash_is_not_stored(
    tips, machine
):
    first = tips.send(tips.photo(75))
    again = tips.send(as_jpeg(on_a_table(opened(tips.photo(75)))))
    tips.process(first, again)
    with machine.database.reading() as session:
        kinds = session.scalars(select(Match.kind)).all()
        stored = session.scalars(
            select(PhotoHash.variant).where(PhotoHash.photo_id == tips.photo_id(again))
        ).all()
    assert "same_picture" in kinds
    assert not [variant for variant in stored if variant.startswith("screen")]
    assert "screen-frame" in tips.case(again).flags


def test_a_plain_photo_a_border_by_a_program_and_a_frame_without_rim_are_none(tips):
    photo = opened(tips.photo(71))
    level = ImageOps.expand(photo, 60, (14, 14, 14))
    round_one = Image.new("RGB", photo.size, (14, 14, 14))
    round_one.paste(
        photo, mask=Image.radial_gradient("L").resize(photo.size).point(lambda p: 255 * (p < 150))
    )
    for each in (photo, level, round_one):
        assert View(each).bezel is None


def test_a_frame_is_hinted_at_with_its_numbers_and_nothing_else_comes_of_it(tips, machine):
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

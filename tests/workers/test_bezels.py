"""The hints that a photo shows a screen's frame, or comes from another device."""

import io

import pytest
from PIL import Image, ImageOps

from schemas.tables import PhotoExamination
from workers.bezels import find_bezel
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
    found = find_bezel(View(on_a_table(opened(tips.photo(70)), frame=frame)))
    assert found is not None
    assert 0.4 < found.share < 0.75
    assert 0.5 < found.slant_deg < 8


def test_a_plain_photo_a_border_by_a_program_and_a_frame_without_rim_are_none(tips):
    photo = opened(tips.photo(71))
    level = ImageOps.expand(photo, 60, (14, 14, 14))
    round_one = Image.new("RGB", photo.size, (14, 14, 14))
    round_one.paste(
        photo, mask=Image.radial_gradient("L").resize(photo.size).point(lambda p: 255 * (p < 150))
    )
    for each in (photo, level, round_one):
        assert find_bezel(View(each)) is None


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

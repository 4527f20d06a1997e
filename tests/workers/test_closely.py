"""Parts of pictures, altered copies and other shots, found by what two photos have in common."""

import io
import uuid
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw
from sqlalchemy import select

from schemas.places import METRES_PER_DEGREE, Point
from schemas.tables import Match
from schemas.tables.photos import EVIDENCE_EDGE
from workers import pipeline
from workers.closely.alignment import Alignment, Likeness, align, likeness
from workers.closely.comparing import CloseMatch, kind_of, without_shown_closely
from workers.closely.features import MOST_FEATURES, STORED_AS, find_features, pack, unpack
from workers.closely.panes import find_panes
from workers.match import Resemblance
from workers.policy import POLICY


def opened(data):
    return Image.open(io.BytesIO(data)).convert("RGB")


def as_jpeg(image, quality=80):
    target = io.BytesIO()
    image.save(target, "JPEG", quality=quality)
    return target.getvalue()


def cropped(image):
    """Cut three tenths off both edges."""
    width, height = image.size
    return image.crop(
        (round(width * 0.2), round(height * 0.1), round(width * 0.9), round(height * 0.8))
    )


def in_a_chat(image):
    screen = Image.new("RGB", (1080, 2340), (237, 237, 237))
    pen = ImageDraw.Draw(screen)
    for top in (180, 320):
        pen.rectangle((40, top, 130, top + 90), fill=(160, 120, 90))
        pen.rectangle((160, top, 640, top + 90), fill="white")
    pen.rectangle((40, 460, 130, 550), fill=(90, 120, 190))
    screen.paste(image.resize((540, 405)), (160, 460))
    pen.rectangle((460, 920, 920, 1010), fill=(120, 236, 149))
    return screen


def slanting(image):
    """Photograph the picture from the side, on a table."""
    width, height = image.size
    room = Image.new("RGB", (width + 120, height + 100), (120, 100, 90))
    room.paste(image, (60, 50))
    across = (1.08, 0.06, -60, 0.03, 1.05, -30, 0.00006, 0.00004)
    return room.transform(room.size, Image.Transform.PERSPECTIVE, across, Image.Resampling.BICUBIC)


def covered(image):
    width, height = image.size
    ImageDraw.Draw(image).rectangle((0, height * 0.8, width, height), fill=(230, 220, 210))
    return image.crop((60, 0, width, height))


def close_matches(machine):
    with machine.database.reading() as session:
        rows = session.scalars(select(Match).where(Match.facts.is_not(None))).all()
        return [row for row in rows if "spots" in row.facts]


@pytest.mark.parametrize("change", [cropped, slanting, covered])
def test_an_altered_copy_from_the_same_spot_is_suggested_with_its_evidence(tips, machine, change):
    place, photo = tips.inside(), tips.photo(31)
    near = Point(place.latitude + 200 / METRES_PER_DEGREE, place.longitude)
    first = tips.send(photo, at=place)
    second = tips.send(as_jpeg(change(opened(photo))), at=near, categories=("UNLICENSED",))
    tips.process(first, second)
    (match,) = close_matches(machine)
    assert (match.report_id, match.other_report_id) == (second, first)
    assert match.kind == "altered_picture"
    assert match.facts["score"] >= 0.97
    assert match.facts["spots"] >= 8
    assert match.distance_m == pytest.approx(200, abs=1)
    evidence = machine.store.read_derivative(match.id, EVIDENCE_EDGE)
    assert opened(evidence).width == EVIDENCE_EDGE
    # It is a suggestion: a person decides, and sees why on the case.
    assert tips.case(first).id != tips.case(second).id
    assert "altered-copy" in tips.case(second).flags
    assert "altered-copy" not in tips.case(first).flags


@pytest.mark.parametrize(
    ("spots", "score", "reach", "kind"),
    [
        (8, 0.97, 0.0, "altered_picture"),
        (90, 0.96, 0.05, "same_scene"),
        (90, 0.96, 0.049, None),
        (14, 0.6, 0.05, "same_scene"),
        (13, 0.9, 0.9, None),
        (90, 0.59, 0.9, None),
    ],
)
def test_pictures_that_align_and_are_not_quite_alike_are_another_shot(spots, score, reach, kind):
    points = np.zeros((spots, 2), np.float32)
    aligned = Alignment(spots, np.eye(3), points, points)
    assert kind_of(aligned, Likeness(score, 0.9, reach)) == kind


def test_photos_that_bear_one_logo_and_nothing_else_are_no_shots_of_one_scene():
    chance = np.random.default_rng(5)
    logo = Image.fromarray(chance.integers(0, 256, (14, 20, 3), np.uint8)).resize((200, 140), 0)

    def room(corner, slope):
        """A wall lit from one side, with something of its own in one corner."""
        down, across = np.mgrid[0:720, 0:960]
        light = np.repeat((210 - 0.2 * down - slope * across)[:, :, None], 3, axis=2)
        picture = Image.fromarray(light.astype(np.uint8))
        own = Image.fromarray(chance.integers(0, 256, (9, 12, 3), np.uint8)).resize((240, 180))
        picture.paste(own, corner)
        picture.paste(logo, (740, 560))
        return np.asarray(picture)

    one, other = room((40, 30), 0.0), room((300, 260), 0.05)
    aligned = align(find_features(one), find_features(other))
    alike = likeness(one[:, :, 0], other[:, :, 0], aligned)
    assert aligned.spots >= POLICY.scene_spots
    assert alike.score >= POLICY.scene_likeness
    # The logo takes four hundredths of what is seen.
    assert 0.005 < alike.reach < 0.04 < POLICY.scene_reach
    # Two such walls are so alike that nothing but another bound lets the logo alone count.
    strict = replace(POLICY, copy_likeness=1.0)
    assert kind_of(aligned, alike, strict) is None
    assert kind_of(aligned, alike, replace(strict, scene_reach=0.005)) == "same_scene"


@pytest.mark.parametrize("left", [0, 240, 480])
def test_the_spots_of_a_part_reach_over_all_that_it_shows(tips, left):
    whole = np.asarray(opened(tips.photo(41)))
    height, width = whole.shape[:2]
    part = np.ascontiguousarray(whole[: height * 3 // 4, left : left + width // 2])
    aligned = align(find_features(part), find_features(whole))
    alike = likeness(part[:, :, 1], whole[:, :, 1], aligned)
    assert alike.common > 0.9
    spread = np.ptp(aligned.ours, axis=0).prod() / (
        part.shape[0] * part.shape[1] / max(part.shape) ** 2
    )
    assert 0.4 * spread < alike.reach <= spread


def test_a_photo_in_a_screenshot_of_a_chat_is_found_without_any_place(tips, machine):
    photo = tips.photo(48)
    first = tips.send(photo)
    second = tips.send(as_jpeg(in_a_chat(opened(photo))))
    for report in (first, second):
        pipeline.examine(report, machine)
    pipeline.match(second, machine)
    with machine.database.reading() as session:
        (match,) = session.scalars(select(Match)).all()
    assert match.kind == "altered_picture"


def test_two_screenshots_of_one_messenger_are_not_one_picture(tips, machine):
    shop = tips.inside()
    for seed in (49, 50):
        report = tips.send(as_jpeg(in_a_chat(opened(tips.photo(seed)))), at=shop)
        pipeline.examine(report, machine)
        pipeline.match(report, machine)
    with machine.database.reading() as session:
        assert session.scalars(select(Match)).all() == []


def test_of_two_ways_to_find_an_altered_picture_the_one_with_evidence_stands():
    one, other = uuid.uuid4(), uuid.uuid4()
    by_screen = [
        Resemblance("altered_picture", report, uuid.uuid4(), uuid.uuid4(), 12)
        for report in (one, other)
    ]
    picture = Resemblance("same_picture", one, uuid.uuid4(), uuid.uuid4(), 3)
    aligned = CloseMatch(
        match_id=uuid.uuid4(), kind="altered_picture", other_report_id=one,
        photo_id=uuid.uuid4(), other_photo_id=uuid.uuid4(),
        spots=40, score=0.99, common=0.9, reach=0.4,
    )  # fmt: skip
    scene = replace(aligned, kind="same_scene", other_report_id=other)
    left = without_shown_closely([*by_screen, picture], [aligned, scene])
    assert left == [by_screen[1], picture]


def test_different_photos_of_one_shop_are_not_suggested(tips, machine):
    place = tips.inside()
    reports = [tips.send(tips.photo(seed), at=place, premises="老王烧烤") for seed in (33, 34, 35)]
    tips.process(*reports)
    assert close_matches(machine) == []


def test_what_is_found_as_the_same_picture_is_not_found_once_more(tips, machine):
    place, photo = tips.inside(), tips.photo(36)
    first = tips.send(photo, at=place)
    second = tips.send(as_jpeg(opened(photo).resize((512, 384))), at=place)
    tips.process(first, second)
    assert close_matches(machine) == []


def test_a_picture_too_plain_for_a_hash_is_found_by_the_little_it_shows(tips, machine):
    shade = np.linspace(150, 210, 1024, dtype=np.uint8)
    wall = Image.fromarray(np.broadcast_to(shade[None, :, None], (768, 1024, 3)).copy())
    wall.paste(opened(tips.photo(37)).resize((150, 110)), (610, 420))
    first = tips.send(as_jpeg(wall, 95), at=tips.inside())
    second = tips.send(as_jpeg(wall.crop((300, 200, 1000, 700)), 70), at=tips.inside())
    tips.process(first, second)
    assert [match.kind for match in close_matches(machine)] == ["altered_picture"]


def test_of_two_that_come_at_once_one_finds_the_other(tips, machine):
    photo = tips.photo(38)
    first, second = tips.send(photo), tips.send(as_jpeg(cropped(opened(photo))))
    for report in (first, second):
        pipeline.examine(report, machine)
    for report in (first, second):
        pipeline.match(report, machine)
    (match,) = close_matches(machine)
    assert (match.report_id, match.other_report_id) == (first, second)


def test_a_photo_without_stored_features_is_passed_over(tips, machine):
    place, photo = tips.inside(), tips.photo(39)
    first, second = tips.send(photo, at=place), tips.send(as_jpeg(cropped(opened(photo))), at=place)
    tips.process(first)
    pipeline.examine(second, machine)
    machine.store.put_derivatives(tips.photo_id(first), {STORED_AS: b"\x63of an older version"})
    pipeline.match(second, machine)
    assert close_matches(machine) == []


def test_features_come_back_as_they_were_stored(tips):
    found = find_features(opened(tips.photo(40)))
    (back,) = unpack(pack(found))
    assert len(back) == len(found[0]) == MOST_FEATURES
    assert np.array_equal(back.descriptors, found[0].descriptors)
    assert np.abs(back.points - found[0].points).max() < 1e-4


@pytest.mark.parametrize(
    "data", [b"", b"\x02\x00", b"\x01\x01\xff\xff", b"\x01\x00more", b"\x01\x01\x00\x05"]
)
def test_bytes_that_are_no_features_are_refused(data):
    with pytest.raises(ValueError, match=r"features|buffer"):
        unpack(data)


def test_a_picture_of_one_colour_has_no_features_and_aligns_with_nothing(tips):
    nothing = find_features(Image.new("RGB", (640, 480), "white"))
    assert [len(each) for each in nothing] == [0]
    assert align(nothing, find_features(opened(tips.photo(41)))) is None


def test_the_panes_of_a_collage_are_found(tips):
    sheet = Image.new("L", (208, 208), 255)
    for place, seed in enumerate(range(42, 46)):
        pane = opened(tips.photo(seed)).convert("L").resize((96, 96))
        sheet.paste(pane, (5 + place % 2 * 102, 5 + place // 2 * 102))
    found = find_panes(np.asarray(sheet))
    assert sorted((left // 50, top // 50) for left, top, _, _ in found) == [
        (0, 0),
        (0, 2),
        (2, 0),
        (2, 2),
    ]


@pytest.mark.parametrize("size", [(1280, 1), (1, 1280), (1280, 2), (3, 1280), (1, 1), (1280, 24)])
def test_a_strip_of_a_picture_has_no_features_and_breaks_nothing(size):
    (found,) = find_features(Image.effect_noise(size, 80).convert("RGB"))
    assert len(found) == 0 or min(size) == 1
    assert [len(each) for each in unpack(pack((found,)))] == [len(found)]

"""Forms of one template are one picture to a hash, and are two by their detail."""

import io
import uuid
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageOps
from sqlalchemy import select, update

from schemas.masks import Stroke, to_row
from schemas.places import METRES_PER_DEGREE, Point
from schemas.tables import CaseReport, Match, Photo, PhotoExamination
from schemas.tables.photos import EVIDENCE_EDGE
from workers import pipeline
from workers.closely import confirming
from workers.closely.confirming import Confirmer, Side
from workers.closely.detail import FEWEST_TELLING, LEAST_EDGE, Detail, compare_detail
from workers.fingerprints import MAX_DISTANCE, fingerprints, turned
from workers.match import Resemblance
from workers.policy import POLICY
from workers.rematch import DOUBTED, Rematched, rematch

WIDTH, HEIGHT = 1200, 860
# Left, top and how many signs: a name, numbers, an address over two lines, a date.
FIELDS = ((300, 300, 14), (300, 370, 18), (300, 440, 20), (300, 510, 20), (760, 700, 9))


def sign(dice):
    """Return something like a written sign, white on nothing."""
    strokes = Image.fromarray((dice.random((6, 6)) < 0.5).astype(np.uint8) * 255)
    return strokes.resize((24, 24), Image.Resampling.NEAREST)


def form(holder, *, template=0):
    """Return a licence: all of one template have frame, seal, title and labels in common."""
    printed, written = np.random.default_rng(template), np.random.default_rng(1_000 + holder)
    paper = Image.new("RGB", (WIDTH, HEIGHT), (250, 246, 232))
    pen = ImageDraw.Draw(paper)
    for inset, width in ((18, 26), (60, 6)):
        pen.rectangle(
            (inset, inset, WIDTH - inset, HEIGHT - inset), outline=(150, 120, 60), width=width
        )
    pen.ellipse((520, 60, 680, 170), fill=(190, 40, 40))
    pen.ellipse((880, 560, 1080, 760), outline=(200, 30, 30), width=14)
    for at in range(8):
        paper.paste((30, 30, 30), (330 + 70 * at, 190), sign(printed).resize((60, 60)))
    for top in range(300, 700, 70):
        for at in range(5):
            paper.paste((60, 60, 60), (90 + 34 * at, top), sign(printed))
    for left, top, signs in FIELDS:
        for at in range(signs):
            paper.paste((15, 15, 15), (left + 30 * at, top), sign(written))
    return paper


def photographed(paper, seed, *, light=1.0):
    """Photograph a form so that it fills the picture: a little askew, unevenly lit, with noise."""
    dice = np.random.default_rng(seed)
    askew = dice.uniform(-0.002, 0.002, 4)
    across = (1 + askew[0], askew[1], 1.0, askew[2], 1 + askew[3], -1.0, 0.0, 0.0)
    seen = paper.transform(
        paper.size, Image.Transform.PERSPECTIVE, across, Image.Resampling.BICUBIC,
        fillcolor=(250, 246, 232),
    )  # fmt: skip
    slope = np.linspace(0.9, 1.0, WIDTH)[None, :, None]
    noisy = np.asarray(seen) * slope * light + dice.normal(0, 3, (HEIGHT, WIDTH, 1))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def as_jpeg(image, quality=85):
    target = io.BytesIO()
    image.save(target, "JPEG", quality=quality)
    return target.getvalue()


def opened(data):
    return Image.open(io.BytesIO(data)).convert("RGB")


def bits_apart(one, other):
    """Return by how many bits the hashes of two whole pictures differ."""
    first, second = (
        int.from_bytes(next(each.pdq for each in fingerprints(image) if each.variant == "plain"))
        for image in (one, other)
    )
    return (first ^ second).bit_count()


def matches(machine, **where):
    with machine.database.reading() as session:
        return session.scalars(select(Match).filter_by(**where).order_by(Match.found_at)).all()


def near(point, metres=150):
    return Point(point.latitude + metres / METRES_PER_DEGREE, point.longitude)


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch):
    """A slow machine is no reason to tell two forms less well."""
    monkeypatch.setattr(confirming, "MOST_SECONDS", 600.0)


TWO = photographed(form(1), 1), photographed(form(2), 2)


@pytest.mark.parametrize("light", [1.0, 0.5], ids=["bright", "dark"])
def test_licences_of_two_shops_are_suggested_with_what_differs_and_never_linked(
    tips, machine, light
):
    ours, theirs = photographed(form(1), 1, light=light), photographed(form(2), 2)
    assert bits_apart(ours, theirs) <= MAX_DISTANCE
    place = tips.inside()
    first = tips.send(as_jpeg(theirs), at=place)
    second = tips.send(as_jpeg(ours), at=near(place), categories=("UNLICENSED",))
    tips.process(first, second)
    assert tips.case(first).id != tips.case(second).id
    assert not matches(machine, kind="same_picture")
    found = matches(machine, kind="altered_picture")
    assert [(each.report_id, each.other_report_id) for each in found] == [(second, first)]
    assert machine.store.read_derivative(found[0].id, EVIDENCE_EDGE)


def test_licences_that_align_and_have_other_hashes_say_what_differs(tips, machine):
    table = Image.new("RGB", (1500, 1120), (120, 100, 90))
    table.paste(TWO[0], (230, 160))
    place = tips.inside()
    first = tips.send(as_jpeg(TWO[1]), at=place)
    second = tips.send(as_jpeg(table), at=near(place), categories=("UNLICENSED",))
    tips.process(first, second)
    (match,) = matches(machine)
    assert (match.kind, match.distance_bits) == ("altered_picture", None)
    assert match.facts["spots"] >= POLICY.fewest_spots
    assert match.facts["differing"] > 0.02
    assert match.facts["boxes"] > 0
    assert tips.case(first).id != tips.case(second).id


def test_where_two_licences_differ_is_marked_where_they_were_filled_in():
    ours, theirs = (np.asarray(each.convert("L")) for each in TWO)
    told = compare_detail(ours, theirs, least_alike=0.5)
    assert not told.is_same
    assert told.unlike > 20
    marked = np.zeros((HEIGHT, WIDTH), bool)
    for left, top, right, bottom in told.boxes:
        marked[int(top * HEIGHT) : int(bottom * HEIGHT), int(left * WIDTH) : int(right * WIDTH)] = 1
    written = np.zeros((HEIGHT, WIDTH), bool)
    for left, top, signs in FIELDS:
        written[top : top + 24, left : left + 30 * signs] = True
        assert marked[top : top + 24, left : left + 30 * signs].mean() > 0.6
    # A place is some 19 pixels wide here, at half the size twice that; lines of one text are
    # marked together.
    around = np.asarray(Image.fromarray(written).convert("L").resize((60, 43))) > 0
    outside = ~np.asarray(Image.fromarray(around).resize((WIDTH, HEIGHT), 0))
    outside[280:560, 280:960] = False
    assert marked[outside].mean() < 0.05


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image,
        lambda image: image.resize((600, 430)),
        lambda image: image.resize((500, 358)),
        lambda image: image.point(lambda value: value * 0.6),
        lambda image: ImageOps.expand(image, 120, (0, 0, 0)),
        lambda image: image.transpose(Image.Transpose.ROTATE_90),
        lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        lambda image: image.transpose(Image.Transpose.TRANSVERSE),
    ],
    ids=["recompressed", "half", "small", "darker", "bordered", "turned", "mirrored", "transverse"],
)
def test_a_copy_of_one_licence_is_the_same_picture(tips, machine, change):
    place = tips.inside()
    first = tips.send(as_jpeg(TWO[0]), at=place)
    second = tips.send(
        as_jpeg(change(opened(as_jpeg(TWO[0]))), quality=40),
        at=near(place), categories=("UNLICENSED",),
    )  # fmt: skip
    tips.process(first, second)
    (match,) = matches(machine, report_id=second, other_report_id=first)
    assert match.kind == "same_picture"
    assert match.facts == {"differing": 0.0, "boxes": 0}
    evidence = opened(machine.store.read_derivative(match.id, EVIDENCE_EDGE)).convert("L")
    width, height = (evidence.width - 20) // 2, evidence.height
    left, right = (
        np.asarray(evidence.crop((start, 0, start + width, height)), float).ravel()
        for start in (0, evidence.width - width)
    )
    # However it was turned, ours lies on theirs beside it.
    assert np.corrcoef(left, right)[0, 1] > 0.9
    assert tips.case(first).id == tips.case(second).id


def test_every_orientation_is_turned_as_its_hash_says():
    picture = np.asarray(TWO[0])
    (whole, *_) = fingerprints(TWO[0])
    for turn, said in enumerate(whole.dihedral):
        as_it_lies = Image.fromarray(np.ascontiguousarray(turned(picture, turn)))
        (found, *_) = fingerprints(as_it_lies)
        assert (int.from_bytes(found.pdq) ^ int.from_bytes(said)).bit_count() <= 6, turn


def test_a_photo_that_was_brushed_over_confirms_nothing(tips, machine):
    """Riders hide names, and nothing but the name may tell two licences apart."""
    place, stroke = tips.inside(), Stroke(0.05, ((0.25, 0.37), (0.4, 0.37)))
    first = tips.send(as_jpeg(TWO[0]), at=place)
    second = tips.send(
        as_jpeg(TWO[0], quality=60), at=near(place), categories=("UNLICENSED",), masks=((stroke,),)
    )
    tips.process(first, second)
    assert {each.kind for each in matches(machine)} == {"altered_picture"}
    assert tips.case(first).id != tips.case(second).id
    black = opened(machine.store.read_derivative(tips.photo_id(second), 1280))
    assert max(black.getpixel((round(0.3 * WIDTH), round(0.37 * HEIGHT)))) < 20


def test_what_a_trimmed_border_held_is_compared_too(tips, machine):
    ours, theirs = (ImageOps.expand(TWO[0], 60, (255, 255, 255)) for _ in range(2))
    ImageDraw.Draw(theirs).rectangle((500, 20, 620, 34), fill=(30, 30, 30))
    place = tips.inside()
    first = tips.send(as_jpeg(ours), at=place)
    second = tips.send(as_jpeg(theirs), at=near(place), categories=("UNLICENSED",))
    tips.process(first, second)
    assert "same_picture" not in {each.kind for each in matches(machine)}


@pytest.mark.parametrize("size", [(1000, 12), (1000, 4), (12, 1000), (3, 3), (1, 1), (1280, 63)])
def test_of_strips_and_specks_nothing_is_told(size):
    grey = np.random.default_rng(1).integers(0, 256, size, np.uint8)
    told = compare_detail(grey, grey, least_alike=0.5)
    assert not told.is_same


def test_of_a_nights_picture_nothing_is_told():
    dark = np.asarray(TWO[0].point(lambda value: value * 0.15).convert("L"))
    assert not compare_detail(dark, dark, least_alike=0.5).is_same


@pytest.mark.parametrize("text", ["xyz", "ab", "", 7, None, "00" * 255])
def test_hashes_that_make_no_sense_are_left_out(tips, machine, text):
    first = tips.send(as_jpeg(TWO[0]), at=tips.inside())
    second = tips.send(as_jpeg(TWO[0], quality=60), at=tips.inside())
    tips.process(first)
    with machine.database.writing() as session:
        row = session.get_one(PhotoExamination, tips.photo_id(first))
        row.facts = {**row.facts, "dihedral": {"plain": text}}
    tips.process(second)
    assert {each.kind for each in matches(machine)} - {"same_incident"} == {"altered_picture"}


def test_of_several_photos_the_one_that_is_the_same_tells_though_a_form_is_nearer(tips, machine):
    place, kitchen = tips.inside(), opened(tips.photo(31))
    again = ImageOps.expand(kitchen.resize((500, 375)), 60, (0, 0, 0))
    first = tips.send(as_jpeg(TWO[0]), as_jpeg(kitchen), at=place)
    second = tips.send(
        as_jpeg(photographed(form(2), 1)), as_jpeg(again, quality=20),
        at=near(place), categories=("UNLICENSED",),
    )  # fmt: skip
    tips.process(first, second)
    assert tips.case(first).id == tips.case(second).id
    (match,) = matches(machine, kind="same_picture")
    with machine.database.reading() as session:
        photo = session.get_one(Photo, match.photo_id)
    assert photo.position == 1


def test_a_picture_that_is_gone_can_confirm_nothing(tips, machine, monkeypatch):
    place = tips.inside()
    first, second = (
        tips.send(as_jpeg(TWO[0], quality=quality), at=place, rider=tips.rider())
        for quality in (85, 60)
    )
    tips.process(first)
    pipeline.examine(second, machine)
    gone, read = tips.photo_id(first), machine.store.read_derivative
    monkeypatch.setattr(
        machine.store, "read_derivative",
        lambda photo_id, size: None if photo_id == gone else read(photo_id, size),
    )  # fmt: skip
    tips.process(second)
    (match,) = matches(machine, kind="altered_picture")
    assert match.facts == {"differing": 0.0}
    assert tips.case(first).id != tips.case(second).id


def test_too_little_detail_and_too_small_pictures_confirm_nothing():
    def told(image):
        grey = np.asarray(image.convert("L"))
        return compare_detail(grey, grey, least_alike=0.5)

    plain = Image.linear_gradient("L").resize((600, 600))
    assert told(plain).telling < FEWEST_TELLING
    assert not told(plain).is_same
    small = TWO[0].resize((LEAST_EDGE - 8, 166))
    assert told(small).unlike == 0
    assert not told(small).is_same
    assert told(TWO[0]).is_same


def test_a_heading_in_common_is_not_the_picture():
    whole = np.asarray(TWO[0].convert("L"))
    heading = whole[: HEIGHT // 2]
    below = np.concatenate([heading, np.full_like(heading, 245)])
    told = compare_detail(
        below, whole, least_alike=0.5, there=np.where(below == 245, 0, 255).astype(np.uint8)
    )
    assert (told.unlike, told.seen < 0.9) == (0, True)
    assert not told.is_same


def test_licences_that_are_so_blurred_that_their_strokes_are_gone_are_told_apart():
    ours, theirs = (
        np.asarray(each.filter(ImageFilter.GaussianBlur(5)).convert("L")) for each in TWO
    )
    assert compare_detail(ours, ours, least_alike=0.5).is_same
    assert not compare_detail(ours, theirs, least_alike=0.5).is_same


def test_two_checklists_with_other_ticks_are_told_apart():
    dice, ticks = np.random.default_rng(8), []
    for _ in range(2):
        sheet = form(1)
        pen = ImageDraw.Draw(sheet)
        for row, column in product(range(12), range(20)):
            left, top = 560 + 28 * column, 250 + 26 * row
            pen.ellipse((left, top, left + 16, top + 16), outline=(60, 60, 60), width=2)
        row, column = (int(each) for each in dice.integers(0, 12, 2))
        left, top = 560 + 28 * column, 250 + 26 * row
        pen.ellipse((left + 3, top + 3, left + 13, top + 13), fill=(40, 40, 40))
        ticks.append(np.asarray(opened(as_jpeg(sheet, 70)).convert("L")))
    told = compare_detail(*ticks, least_alike=0.5)
    assert told.marked > 0
    assert not told.is_same
    recompressed = Image.fromarray(ticks[0]).convert("RGB")
    again = np.asarray(opened(as_jpeg(recompressed, 30)).convert("L"))
    assert compare_detail(ticks[0], again, least_alike=0.5).is_same


def test_one_field_that_was_painted_over_keeps_two_from_being_the_same():
    blank = TWO[0].copy()
    ImageDraw.Draw(blank).rectangle((295, 295, 730, 330), fill=(240, 236, 222))
    ours, theirs = (np.asarray(each.convert("L")) for each in (blank, TWO[0]))
    assert not compare_detail(ours, theirs, least_alike=0.5).is_same


@pytest.mark.parametrize(("seconds", "left"), [(600.0, POLICY.suggested), (0.0, 13)])
def test_of_what_resembles_hundreds_of_forms_the_nearest_few_are_suggested(
    machine, monkeypatch, seconds, left
):
    """What there was no time for is suggested unseen: a copy may be among it."""
    monkeypatch.setattr(confirming, "MOST_SECONDS", seconds)
    store = machine.store
    data, ids = as_jpeg(TWO[0]), [uuid.uuid4() for _ in range(POLICY.suggested + 4)]
    sides = {}
    for number, key in enumerate(ids):
        image = opened(as_jpeg(photographed(form(50 + number), 3))) if number else opened(data)
        store.put_derivatives(key, {1280: as_jpeg(image)})
        hashes = {each.variant: each.dihedral for each in fingerprints(image)}
        sides[key] = Side(hashes)
    found = [
        Resemblance("same_picture", uuid.uuid4(), ids[0], other, bits)
        for bits, other in enumerate(ids[1:])
    ]
    kept = Confirmer(store, sides).confirmed(found)
    assert [each.kind for each in kept] == ["altered_picture"] * left
    assert [each.distance_bits for each in kept] == list(range(left))


LOOSE = replace(POLICY, version="match-loose")


@pytest.fixture
def linked_forms(tips, machine, monkeypatch):
    """Two licences that a machine of before, which asked their hashes alone, has linked."""
    before, place = replace(machine, policy=LOOSE), tips.inside()
    reports = [
        tips.send(as_jpeg(image), at=at, categories=(category,))
        for image, at, category in zip(
            TWO, (place, near(place)), ("PEST", "UNLICENSED"), strict=True
        )
    ]
    with monkeypatch.context() as patch:
        patch.setattr(Detail, "is_same", property(lambda _told: True))
        for report in reports:
            pipeline.process(report, machine=before)
    assert tips.case(reports[0]).id == tips.case(reports[1]).id
    return reports


def compare_again(machine):
    since = min(each.found_at for each in matches(machine)).replace(hour=0, minute=0)
    return rematch(machine.database, store=machine.store, since=since, policy=POLICY)


def test_rematch_doubts_a_link_of_before_by_a_form(tips, machine, linked_forms):
    done = compare_again(machine)
    assert done.doubted == 2
    case = tips.case(linked_forms[1])
    assert DOUBTED in case.flags
    assert tips.case(linked_forms[0]).id == case.id


def test_rematch_withdraws_a_match_of_before_by_a_form_and_suggests_it_anew(
    tips, machine, linked_forms
):
    with machine.database.writing() as session:
        session.execute(update(CaseReport).values(match_id=None))
    done = compare_again(machine)
    assert done.withdrawn == 1
    assert [each.kind for each in matches(machine)] == ["altered_picture"]


def test_rematch_leaves_a_match_of_a_photo_that_was_brushed_over(tips, machine, linked_forms):
    with machine.database.writing() as session:
        photo = session.get_one(Photo, tips.photo_id(linked_forms[1]))
        photo.masks = to_row((Stroke(0.05, ((0.25, 0.37),)),))
    assert compare_again(machine) == Rematched(seen=2)
    assert [each.kind for each in matches(machine)] == ["same_picture"]


def test_rematch_leaves_a_match_of_which_a_picture_is_gone(machine, linked_forms, monkeypatch):
    monkeypatch.setattr(machine.store, "read_derivative", lambda _photo_id, _size: None)
    assert compare_again(machine) == Rematched(seen=2)
    assert [each.kind for each in matches(machine)] == ["same_picture"]

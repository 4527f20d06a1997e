"""Parts and altered copies found among all photos, without a hint of place or time."""

import io
import threading
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps
from sqlalchemy import delete, select

from schemas.database import connect, now_utc
from schemas.tables import Match, PhotoRegions, RegionSegment
from schemas.tables.photos import EVIDENCE_EDGE
from workers import pipeline
from workers.policy import POLICY
from workers.regions import finding, listing, searching
from workers.regions.finding import (
    MOST_REGIONS,
    REGION,
    STORED,
    find_regions,
    mirrored,
    pack,
    unpack,
)
from workers.regions.searching import search
from workers.rematch import rematch
from workers.seen import packing
from workers.seen.memory import Memory
from workers.seen.shelves import REGIONS

YEAR_AGO = now_utc() - timedelta(days=365)


def opened(data):
    return Image.open(io.BytesIO(data)).convert("RGB")


def as_jpeg(image, quality=80):
    target = io.BytesIO()
    image.save(target, "JPEG", quality=quality)
    return target.getvalue()


def part(image):
    """Cut three tenths off both edges."""
    width, height = image.size
    return image.crop(
        (round(width * 0.2), round(height * 0.1), round(width * 0.9), round(height * 0.8))
    )


def tilted(image):
    left, top = round(image.width * 0.08), round(image.height * 0.1)
    turned = image.rotate(5, Image.Resampling.BICUBIC)
    return turned.crop((left, top, image.width - left, image.height - top))


def close_matches(machine):
    with machine.database.reading() as session:
        return [row for row in session.scalars(select(Match)) if "spots" in row.facts]


def test_a_part_that_was_mirrored_is_suggested_and_says_so(tips, machine):
    photo = tips.photo(61)
    first = tips.send(photo, received_at=YEAR_AGO)
    second = tips.send(as_jpeg(ImageOps.mirror(part(opened(photo)))), at=tips.inside())
    tips.process(first, second)
    (match,) = close_matches(machine)
    assert (match.report_id, match.other_report_id) == (second, first)
    assert match.kind == "altered_picture"
    assert match.facts["mirrored"] is True
    assert match.facts["score"] >= POLICY.copy_likeness
    evidence = machine.store.read_derivative(match.id, EVIDENCE_EDGE)
    assert Image.open(io.BytesIO(evidence)).size[0] == EVIDENCE_EDGE


def test_mirrored_regions_are_those_of_the_mirrored_picture(tips):
    picture = opened(tips.photo(64))
    (found, _), (backwards, _) = find_regions(picture), find_regions(ImageOps.mirror(picture))
    expected = mirrored(found)
    assert len(expected) == min(len(found), finding.ASKED_MIRRORED)
    apart = np.bitwise_count(expected["hash"][:, None] ^ backwards["hash"][None]).sum(axis=2)
    assert np.median(apart.min(axis=1)) <= POLICY.region_bits_alone
    ((score, is_mirrored),) = searching.better_ways(found, [backwards], POLICY)
    assert score > 0
    assert is_mirrored
    assert searching.better_ways(expected, [backwards], POLICY) == [(score, False)]
    assert (mirrored(expected)["x"] == found["x"][: len(expected)]).all()


@pytest.mark.parametrize("change", [part, tilted])
def test_a_part_of_a_photo_of_a_year_ago_is_suggested_with_nothing_in_common(tips, machine, change):
    photo = tips.photo(61)
    first = tips.send(photo, received_at=YEAR_AGO)
    second = tips.send(as_jpeg(change(opened(photo))), at=tips.inside())
    tips.process(first, second)
    (match,) = close_matches(machine)
    assert (match.report_id, match.other_report_id) == (second, first)
    assert match.kind == "altered_picture"
    assert match.policy == POLICY.version
    assert tips.case(first).id != tips.case(second).id
    assert "altered-copy" in tips.case(second).flags


def in_a_chat(photo):
    """Show a photo at half of a phone's width, between two messages."""
    screen = Image.new("RGB", (540, 1170), (237, 237, 237))
    pen = ImageDraw.Draw(screen)
    pen.rectangle((80, 90, 300, 140), fill="white")
    screen.paste(photo.resize((270, 202), Image.Resampling.LANCZOS), (80, 170))
    pen.rectangle((230, 420, 460, 470), fill=(120, 236, 149))
    return screen


def in_a_collage(photo, others):
    """Show the middle of a photo in one of four panes."""
    made = Image.new("RGB", (824, 824), "white")
    for at, each in enumerate((others[0], photo, *others[1:])):
        middle = each.crop((128, 0, 896, 768)).resize((400, 400), Image.Resampling.LANCZOS)
        made.paste(middle, (8 + at % 2 * 408, 8 + at // 2 * 408))
    return made


def test_a_pane_of_a_collage_and_a_photo_in_a_chat_lead_to_the_photo(tips, machine, monkeypatch):
    photo = opened(tips.photo(65))
    pipeline.examine(tips.send(tips.photo(65), received_at=YEAR_AGO), machine)
    others = [opened(tips.photo(seed)) for seed in (71, 72, 73)]
    made = in_a_chat(photo), in_a_collage(photo, others)
    seen = [find_regions(each) for each in made]
    monkeypatch.setattr(finding, "MOST_PANES", 0)
    of_the_wholes = [find_regions(each)[0] for each in made]
    with machine.database.reading() as session:
        (photo_id,) = session.scalars(select(PhotoRegions.photo_id)).all()
        for (regions, stored), whole in zip(seen, of_the_wholes, strict=True):
            # Those of the whole come first, and only they are stored.
            assert stored <= len(whole) < len(regions)
            panes = regions[len(whole) :]
            assert [each.photo_id for each in search(session, panes)] == [photo_id]


def test_a_photo_without_a_region_is_in_nobodys_way(tips, machine):
    tips.process(tips.send(as_jpeg(Image.new("RGB", (640, 480), "grey")), received_at=YEAR_AGO))
    with machine.database.reading() as session:
        assert session.scalars(select(PhotoRegions.stored)).all() == [0]
    photo = tips.photo(61)
    tips.process(tips.send(photo, received_at=YEAR_AGO))
    tips.process(tips.send(as_jpeg(part(opened(photo)))))
    assert len(close_matches(machine)) == 1


def test_where_none_is_to_be_compared_no_part_is_looked_for(tips, machine):
    photo = tips.photo(61)
    tips.process(tips.send(photo, received_at=YEAR_AGO))
    second = tips.send(as_jpeg(part(opened(photo))))
    nothing = replace(machine, policy=replace(POLICY, regions_compared=0))
    for step in (pipeline.examine, pipeline.match):
        step(second, nothing)
    assert close_matches(machine) == []


def test_of_two_workers_with_parts_of_one_photo_at_once_at_least_one_sees_the_other(tips, machine):
    photo = tips.photo(65)
    # Two years apart, so that nothing but the regions leads from one to the other.
    reports = [
        tips.send(photo, received_at=YEAR_AGO), tips.send(as_jpeg(part(opened(photo)))),
    ]  # fmt: skip
    barrier, faults = threading.Barrier(2), []
    pipeline.examine(tips.send(tips.photo(63)), machine)

    def work(report, index):
        own = replace(machine, database=connect(machine.settings), memory=index)
        try:
            barrier.wait()
            pipeline.process(report, machine=own)
        except Exception as fault:  # noqa: BLE001 - a thread's error has to be carried out
            faults.append(fault)
        finally:
            own.database.close()

    threads = [
        threading.Thread(target=work, args=pair)
        for pair in zip(reports, (None, Memory()), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    pairs = {frozenset((each.report_id, each.other_report_id)) for each in close_matches(machine)}
    assert pairs == {frozenset(reports)}


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of four photos and segments of one and two blocks."""
    small = replace(REGIONS, block=4, shifts={1: 8, 2: 6})
    monkeypatch.setattr(packing, "SHELVES", (small,))


def test_what_is_packed_is_found_in_lists_in_memory_and_in_rows_alike(tips, machine, small_blocks):
    reports = [tips.send(*(tips.photo(seed) for seed in range(70 + at, 73 + at))) for at in (0, 3)]
    for report in reports:
        pipeline.examine(report, machine)
    with machine.database.reading() as session:
        rows = session.scalars(select(PhotoRegions).order_by(PhotoRegions.id)).all()
        asked = {row.photo_id: unpack(row.data) for row in rows}

    def found(memory=None):
        with machine.database.reading() as session:
            return {
                photo_id: search(session, regions, memory=memory)[0].photo_id
                for photo_id, regions in asked.items()
            }

    itself = {photo_id: photo_id for photo_id in asked}
    assert found() == itself
    assert packing.pack(machine.database) == 1
    assert found() == itself
    memory = Memory()
    with machine.database.reading() as session:
        memory.follow(session)
        (segment,) = session.scalars(select(RegionSegment)).all()
    assert memory.segment(REGIONS, segment.id, segment.ready_at) is not None
    assert found(memory) == itself
    # Two blocks become one segment, which takes the place of the first one.
    pipeline.examine(tips.send(tips.photo(76), tips.photo(77)), machine)
    assert packing.pack(machine.database) == 1
    assert found() == found(memory) == itself
    packing.pack(machine.database, now=now_utc() + 2 * packing.KEPT_WHEN_RETIRED)
    with machine.database.reading() as session:
        runs = session.execute(select(RegionSegment.first_block, RegionSegment.last_block)).all()
    assert runs == [(1, 2)]
    assert found() == itself


def test_a_sticker_that_many_photos_show_leads_to_none_of_them():
    photos = np.arange(searching.COMMON + 1)
    for count, found in ((len(photos) - 1, True), (len(photos), False)):
        nothing = np.zeros(count, np.int64)
        near = listing.Near(asked=nothing, owners=photos[:count], bits=nothing)
        assert bool(searching.likely(near, 2, POLICY)) is found


def test_a_region_alone_has_to_be_nearer_than_two_in_one_arrangement():
    far = POLICY.region_bits_alone + 1
    for owners, asked, bits, found in (
        ([4], [0], [POLICY.region_bits_alone], [4]),
        ([4], [0], [far], []),
        ([4, 4], [0, 1], [far, POLICY.region_bits], [4]),
        ([4, 4], [0, 0], [far, far], []),
        ([4, 5], [0, 1], [far, far], []),
    ):
        near = listing.Near(*(np.array(each, np.int64) for each in (asked, owners, bits)))
        assert searching.likely(near, 2, POLICY) == found


def test_two_regions_that_lie_elsewhere_in_theirs_tell_nothing():
    asked = np.zeros(2, REGION)
    asked["hash"][0], asked["hash"][1] = 0b01010101, 0b00110011
    asked["side"], asked["x"], asked["y"] = 8_000, (20_000, 40_000), (20_000, 30_000)
    theirs = asked.copy()
    theirs["hash"][:, :3] ^= 0xFF
    for name in ("side", "x", "y"):
        theirs[name] = theirs[name] * 0.7 + (0 if name == "side" else 9_000)
    moved = theirs.copy()
    moved["x"][1] += 9_000
    (near, _), (elsewhere, _) = searching.better_ways(asked, [theirs, moved], POLICY)
    assert near > 0
    assert elsewhere == 0


@pytest.mark.parametrize("size", [(640, 480), (1280, 1), (1, 1280), (1, 1), (1280, 24)])
def test_a_picture_of_one_colour_or_a_strip_has_no_regions(size):
    found, stored = find_regions(Image.new("RGB", size, "grey"))
    assert (len(found), stored) == (0, 0)
    found, _ = find_regions(Image.effect_noise(size, 90).convert("RGB"))
    assert len(found) <= MOST_REGIONS


def test_regions_come_back_as_they_were_stored(tips):
    found, stored = find_regions(opened(tips.photo(85)))
    assert 0 < stored <= STORED
    assert unpack(pack(found)).tobytes() == found.tobytes()
    assert (found["side"] > 0.09 * finding.FULL_SCALE).all()


@pytest.mark.parametrize("data", [b"x", bytes(REGION.itemsize * (MOST_REGIONS + 1))])
def test_bytes_that_are_no_regions_are_refused(data):
    with pytest.raises(ValueError, match=r"regions|buffer"):
        unpack(data)


def test_lists_hold_a_region_where_its_doubtful_bits_say():
    dice = np.random.default_rng(3)
    stored = np.zeros(200, REGION)
    stored["hash"] = dice.integers(0, 256, (200, 16), np.uint8)
    asked = stored.copy()
    asked["doubtful"] = np.uint32(1) << 31 - 4
    # The fifth bit is doubtful, and was the other way in the stored one.
    asked["hash"][:, 0] ^= 1 << 3
    for shift in (*{*REGIONS.shifts.values()}, 12):
        (lists,) = listing.lists_of(stored["hash"], np.arange(200, dtype=np.uint32), shift=shift)
        wanted = listing.lookups(asked, shift=shift)
        near = wanted.pick(lists, wanted.keys, most_bits=4)
        assert near.owners.tolist() == near.asked.tolist()
        assert sorted(near.owners.tolist()) == list(range(200))
        assert set(near.bits.tolist()) == {1}


def test_what_too_many_regions_begin_with_is_not_looked_into(monkeypatch):
    monkeypatch.setattr(listing, "MOST_LISTED", 10)
    asked = np.zeros(1, REGION)
    for count, found in ((10, 10), (11, 0)):
        hashes = np.zeros((count, 16), np.uint8)
        (lists,) = listing.lists_of(hashes, np.arange(count, dtype=np.uint32), shift=11)
        wanted = listing.lookups(asked, shift=11)
        assert len(wanted.pick(lists, wanted.keys, most_bits=4).owners) == found


def test_rematch_finds_parts_of_photos_that_were_examined_before_there_were_regions(tips, machine):
    photo = tips.photo(61)
    reports = [
        tips.send(photo, received_at=YEAR_AGO), tips.send(as_jpeg(part(opened(photo)))),
    ]  # fmt: skip
    tips.process(*reports)
    with machine.database.writing() as session:
        session.execute(delete(PhotoRegions))
        session.execute(delete(Match))
    policy = replace(POLICY, version="match-other")
    rematch(machine.database, store=machine.store, since=YEAR_AGO, policy=policy)
    (match,) = close_matches(machine)
    assert {match.report_id, match.other_report_id} == set(reports)
    with machine.database.reading() as session:
        assert len(session.scalars(select(PhotoRegions)).all()) == 2

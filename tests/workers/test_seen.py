"""The search by hashes: exact whatever is packed, with memory and without, on both databases."""

import io
import math
import random
import re
import uuid
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import delete, event, func, select, update

from schemas.database import now_utc, random_id
from schemas.tables import HashBlock, HashList, HashSegment, Photo, PhotoHash, Report
from workers.fingerprints import HASH_BYTES, MAX_DISTANCE, MIN_QUALITY, distance, fingerprints
from workers.machine import make_memory
from workers.seen import packing
from workers.seen.bands import BAND_ORDER, Lists, fewest_bits, hashes_of, lists_of, lookups, near
from workers.seen.memory import Memory
from workers.seen.packing import KEPT_WHEN_RETIRED, pack
from workers.seen.searching import search
from workers.seen.shelves import HASHES, SEGMENT_BITS, first_list


def away(pdq, bits, chance):
    """Return a hash that differs by so many bits."""
    value = int.from_bytes(pdq)
    for bit in chance.sample(range(256), bits):
        value ^= 1 << bit
    return value.to_bytes(32)


def test_no_hash_within_31_bits_escapes_whatever_the_lists_leave_out():
    chance = random.Random(31)
    stored = [chance.randbytes(32) for _ in range(400)]
    hashes = hashes_of(b"".join(stored))
    numbers = np.arange(len(stored), dtype=np.uint32)
    for shift in {*HASHES.shifts.values(), 8}:
        bands = list(lists_of(hashes, numbers, shift=shift))
        entries = np.concatenate([band.entries for band in bands])
        ends = np.cumsum([0, *(len(band.entries) for band in bands)])
        starts = [band.starts[:-1] + end for band, end in zip(bands, ends, strict=False)]
        lists = Lists(np.concatenate([*starts, ends[-1:]]), entries)
        for number, pdq in enumerate(stored):
            asked = hashes_of(away(pdq, chance.choice((0, 15, 30, 31, 31)), chance))
            wanted = lookups(asked, shift=shift)
            assert number in wanted.pick(lists, wanted.keys)


def test_thirty_one_bits_in_the_worst_places_are_found():
    # One bit in one band and two in each other: the chain begins at exactly one band.
    for lone in range(16):
        pdq = bytearray(32)
        for band in range(16):
            pdq[2 * band] = 0 if band == lone else 0x80
            pdq[2 * band + 1] = 0x01
        (lists,) = [
            band
            for number, band in enumerate(
                lists_of(hashes_of(bytes(32)), np.zeros(1, np.uint32), shift=0)
            )
            if number == lone
        ]
        asked = np.zeros(256, np.uint8)
        asked[BAND_ORDER] = np.unpackbits(np.frombuffer(pdq, np.uint8))
        wanted = lookups(np.packbits(asked)[None], shift=0)
        mine = wanted.keys >> 16 == lone
        own = type(wanted)(wanted.keys[mine], wanted.following[mine], wanted.apart[mine])
        assert own.pick(lists, own.keys - (lone << 16)).tolist() == [0]


def test_the_eight_ways_a_photo_may_lie_look_into_the_same_lists_as_far_as_they_can(tips):
    questions = hashes_of(
        b"".join(fingerprints(Image.open(io.BytesIO(tips.photo(5))).convert("RGB"))[0].dihedral)
    )
    lists = np.unique(lookups(questions, shift=0).keys)
    others = hashes_of(random.Random(8).randbytes(8 * 32))
    assert len(lists) < 0.8 * len(np.unique(lookups(others, shift=0).keys))


def test_comparing_all_finds_what_comparing_one_by_one_finds():
    chance = random.Random(5)
    stored = [chance.randbytes(32) for _ in range(300)]
    asked = [away(stored[0], 31, chance), away(stored[1], 32, chance), chance.randbytes(32)]
    rows, questions = hashes_of(b"".join(stored)), hashes_of(b"".join(asked))
    bits = [min(distance(one, other) for other in asked) for one in stored]
    assert (
        fewest_bits(rows, questions)
        == {0: 31}
        == {place: apart for place, apart in enumerate(bits) if apart <= 31}
    )
    assert fewest_bits(rows, questions[:0]) == {}
    assert near(rows, questions).tolist() == [0]
    assert near(rows[:0], questions).tolist() == []
    assert near(rows, questions[:0]).tolist() == []


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of eight hashes, segments of two, four and eight blocks: all in a hundred rows."""
    small = replace(HASHES, block=8, shifts={2: 8, 4: 3, 8: 0})
    monkeypatch.setattr(packing, "SHELVES", (small,))


class Stored:
    """Photos in a database by nothing but their hashes."""

    def __init__(self, database):
        self.database = database
        self.chance = random.Random(7)
        self.hashes = {}

    def add(self, count, *, quality=100):
        with self.database.writing() as session:
            return [self.photo(session, self.chance.randbytes(32), quality) for _ in range(count)]

    def photo(self, session, pdq, quality=100):
        report = Report(
            number=uuid.uuid4().hex[:20], receipt_hash=uuid.uuid4().hex, categories=["PEST"],
            received_at=now_utc(),
        )  # fmt: skip
        session.add(report)
        session.flush()
        photo = Photo(
            id=random_id(), report_id=report.id, position=0, sha256=uuid.uuid4().hex * 2,
            size_bytes=1, content_type="image/jpeg", width=1, height=1,
        )  # fmt: skip
        session.add(photo)
        session.flush()
        session.add(PhotoHash(photo_id=photo.id, variant="plain", pdq=pdq, quality=quality))
        session.flush()
        self.hashes[photo.id] = pdq
        return photo.id

    def find(self, *questions, memory=None):
        with self.database.reading() as session:
            return {each.photo_id: each.bits for each in search(session, questions, memory=memory)}

    def expected(self, question):
        bits = {photo: distance(pdq, question) for photo, pdq in self.hashes.items()}
        return {photo: each for photo, each in bits.items() if each <= MAX_DISTANCE}

    def states(self):
        """Return how many rows, blocks and segments a search has to look at."""
        with self.database.reading() as session:
            last = session.scalar(
                select(func.max(HashSegment.last_block)).where(HashSegment.retired_at.is_(None))
            )
            count = select(func.count())
            return (
                session.scalar(count.where(PhotoHash.block_id.is_(None))),
                session.scalar(count.where(HashBlock.id > (last or 0))),
                session.scalar(count.where(HashSegment.retired_at.is_(None))),
            )


@pytest.fixture
def stored(database):
    return Stored(database)


def test_every_hash_is_found_while_it_moves_from_rows_to_blocks_to_segments(stored, small_blocks):
    memory, seen = Memory(), set()
    for count in (5, 8, 12, 30, 24):
        stored.add(count)
        for _ in range(2):
            seen.add(tuple(value > 0 for value in stored.states()))
            for photo, pdq in stored.hashes.items():
                question = away(pdq, 31, stored.chance)
                assert stored.find(question, memory=memory) == {photo: 31}
            sample = stored.chance.sample(sorted(stored.hashes), 5)
            for photo in sample:
                question = away(stored.hashes[photo], 30, stored.chance)
                assert stored.find(question) == {photo: 30} == stored.expected(question)
                assert stored.find(away(stored.hashes[photo], 32, stored.chance)) == {}
            pack(stored.database)
        with stored.database.reading() as session:
            memory.follow(session)
    assert {(True, False, False), (True, True, False), (True, True, True)} <= seen
    assert memory.size_bytes > 0


def test_memory_that_follows_no_more_still_answers_with_all_that_there_is(stored, small_blocks):
    stored.add(40)
    pack(stored.database)
    memory = Memory()
    with stored.database.reading() as session:
        memory.follow(session)
    (late,) = stored.add(1)
    stored.add(60)
    pack(stored.database)
    for photo in (late, *stored.chance.sample(sorted(stored.hashes), 10)):
        question = away(stored.hashes[photo], 20, stored.chance)
        assert stored.find(question, memory=memory) == stored.find(question) == {photo: 20}


def test_memory_keeps_no_more_than_it_may_and_answers_the_same(stored, small_blocks):
    stored.add(13 * 8)
    pack(stored.database)

    def kept(most_bytes):
        memory = Memory(most_bytes)
        with stored.database.reading() as session:
            memory.follow(session)
        for photo in stored.chance.sample(sorted(stored.hashes), 10):
            question = away(stored.hashes[photo], 31, stored.chance)
            assert stored.find(question, memory=memory) == {photo: 31}
        return memory

    everything = kept(math.inf)
    with stored.database.reading() as session:
        ready = session.scalars(select(HashSegment).where(HashSegment.retired_at.is_(None))).all()
    sizes = [everything.segment(HASHES, each.id, each.ready_at).size_bytes for each in ready]
    assert sorted(each.hashes for each in ready) == [32, 64]
    (short, long), block = sorted(sizes), 8 * (HASH_BYTES + 8)
    assert everything.size_bytes == block + short + long
    for most_bytes, expected in (
        (block - 1, 0), (block, block), (block + short - 1, block), (block + short, block + short),
        (block + short + long - 1, block + short), (block + short + long, block + short + long),
    ):  # fmt: skip
        assert kept(most_bytes).size_bytes == expected


def test_the_settings_say_how_much_memory_keeps(settings):
    assert make_memory(settings).most_bytes == 512 << 20
    assert make_memory(settings.model_copy(update={"photo_index_mb": 1})).most_bytes == 1 << 20
    assert make_memory(settings.model_copy(update={"photo_index_mb": 0})) is None


def test_memory_that_may_keep_less_lets_go_of_the_longest(stored, small_blocks):
    stored.add(12 * 8)
    pack(stored.database)
    memory = Memory()
    with stored.database.reading() as session:
        memory.follow(session)
        both = memory.size_bytes
        memory.most_bytes = both - 1
        memory.follow(session)
    assert 0 < memory.size_bytes < both / 2


@pytest.fixture
def asked(database):
    """All statements that the database is asked from now on, with their parameters."""
    found = []

    def note(_connection, _cursor, statement, parameters, *_more):
        found.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    yield found
    event.remove(database.engine, "before_cursor_execute", note)


def test_of_what_is_in_memory_only_the_row_of_what_is_near_is_read(stored, small_blocks, asked):
    stored.add(64)
    pack(stored.database)
    memory, photo = Memory(), stored.chance.choice(sorted(stored.hashes))
    with stored.database.reading() as session:
        memory.follow(session)
        key = session.scalar(select(PhotoHash.id).where(PhotoHash.photo_id == photo))
    near_one, near_none = away(stored.hashes[photo], 31, stored.chance), bytes(32)
    for question, rows, found in ((near_none, [], {}), (near_one, [[str(key)]], {photo: 31})):
        asked.clear()
        assert stored.find(question, memory=memory) == found
        assert not any("hash_lists" in statement for statement, _ in asked)
        read = [given for statement, given in asked if "photo_hashes.photo_id," in statement]
        assert [re.findall(r"\d+", str(given)) for given in read] == rows
    asked.clear()
    stored.find(near_one)
    assert any("hash_lists" in statement for statement, _ in asked)


# PostgreSQL gives no number again.
@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_row_that_was_given_the_id_of_one_that_is_gone_is_found(stored, small_blocks):
    photos = stored.add(8)
    pack(stored.database)
    with stored.database.writing() as session:
        gone = session.scalars(select(PhotoHash).where(PhotoHash.photo_id == photos[-1])).one()
        key = gone.id
        session.delete(gone)
    again = stored.add(8)
    pack(stored.database)
    memory = Memory()
    with stored.database.reading() as session:
        assert session.get_one(PhotoHash, key).photo_id == again[0]
        memory.follow(session)
    question = away(stored.hashes[again[0]], 31, stored.chance)
    assert stored.find(question, memory=memory) == stored.find(question) == {again[0]: 31}
    assert stored.find(stored.hashes[photos[-1]], memory=memory) == {}


def test_a_block_of_a_restored_database_is_not_taken_for_the_one_of_before(stored, small_blocks):
    stored.add(8)
    pack(stored.database)
    memory = Memory()
    with stored.database.reading() as session:
        memory.follow(session)
    with stored.database.writing() as session:
        session.execute(delete(PhotoHash))
        session.execute(delete(HashBlock))
    stored.hashes.clear()
    stored.add(8)
    pack(stored.database)
    for _ in range(2):
        for photo, pdq in stored.hashes.items():
            assert stored.find(pdq, memory=memory) == {photo: 0}
        with stored.database.reading() as session:
            memory.follow(session)


@pytest.mark.parametrize("what", [HashBlock, HashList])
def test_a_segment_that_is_not_all_there_is_not_kept(stored, small_blocks, what):
    stored.add(32)
    pack(stored.database)
    with stored.database.writing() as session:
        ids = session.scalars(select(what.id).order_by(what.id)).all()
        session.execute(delete(what).where(what.id == ids[1]))
    memory = Memory()
    with stored.database.reading() as session, pytest.raises(ValueError, match="32 keys"):
        memory.follow(session)
    assert memory.size_bytes == 0


# SQLite has one writer, whose rows are committed in the order of their ids.
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_a_row_that_is_committed_late_is_found_whatever_its_id(stored, small_blocks):
    memory = Memory()
    late = stored.database.write()
    photo = stored.photo(late, stored.chance.randbytes(32))
    question = away(stored.hashes[photo], 31, stored.chance)
    stored.add(40)
    pack(stored.database)
    with stored.database.reading() as session:
        memory.follow(session)
        packed = session.scalar(select(func.max(PhotoHash.id)).where(PhotoHash.block_id > 0))
    assert stored.find(question, memory=memory) == {}
    late.commit()
    late.close()
    with stored.database.reading() as session:
        assert session.scalar(select(PhotoHash.id).where(PhotoHash.photo_id == photo)) < packed
    assert stored.find(question, memory=memory) == stored.find(question) == {photo: 31}
    stored.add(40)
    pack(stored.database)
    with stored.database.reading() as session:
        memory.follow(session)
        assert session.scalar(select(PhotoHash.block_id).where(PhotoHash.photo_id == photo)) > 5
    assert stored.find(question, memory=memory) == stored.find(question) == {photo: 31}


def test_what_means_nothing_is_packed_away_and_never_found(stored, small_blocks):
    photos = stored.add(8, quality=MIN_QUALITY - 1)
    good = stored.add(9)
    for _ in range(2):
        assert all(stored.find(stored.hashes[photo]) == {} for photo in photos)
        assert all(stored.find(stored.hashes[photo]) == {photo: 0} for photo in good)
        pack(stored.database)
    assert stored.states()[0] == 1


def test_several_questions_give_each_photo_once_with_its_fewest_bits(stored, small_blocks):
    photos = stored.add(20)
    pack(stored.database)
    one, other = (stored.hashes[photo] for photo in photos[:2])
    questions = [away(one, 9, stored.chance), away(one, 4, stored.chance), other, other]
    assert stored.find(*questions) == {photos[0]: 4, photos[1]: 0}
    assert stored.find() == {}


def test_a_segment_whose_making_broke_off_is_made_again(stored, small_blocks, monkeypatch):
    photos = stored.add(16)
    breaks = packing._finish_segment

    def broken(*_given):
        raise ConnectionError

    monkeypatch.setattr(packing, "_finish_segment", broken)
    with pytest.raises(ConnectionError):
        pack(stored.database)
    assert stored.find(stored.hashes[photos[0]]) == {photos[0]: 0}
    monkeypatch.setattr(packing, "_finish_segment", breaks)
    pack(stored.database)
    assert stored.states() == (0, 0, 1)
    assert all(stored.find(stored.hashes[photo]) == {photo: 0} for photo in photos)


def test_lists_go_away_only_when_no_search_can_be_reading_them(stored, small_blocks):
    stored.add(16)
    pack(stored.database)
    stored.add(16)
    pack(stored.database)
    with stored.database.reading() as session:
        old = session.scalars(select(HashSegment).where(HashSegment.retired_at.is_not(None))).one()
        belongs = HashList.id.between(first_list(old.id), first_list(old.id + 1))
        assert session.scalar(select(func.count()).where(belongs)) > 0
    pack(stored.database, now=now_utc() + KEPT_WHEN_RETIRED / 2)
    with stored.database.reading() as session:
        assert session.get(HashSegment, old.id) is not None
    pack(stored.database, now=now_utc() + 2 * KEPT_WHEN_RETIRED)
    with stored.database.reading() as session:
        assert session.get(HashSegment, old.id) is None
        left = session.scalars(select(HashList.id)).all()
        assert left
        assert not any(key >> SEGMENT_BITS == old.id for key in left)


def test_a_hash_whose_row_is_gone_is_not_found(stored, small_blocks):
    photos = stored.add(16)
    pack(stored.database)
    with stored.database.writing() as session:
        session.delete(
            session.scalars(select(PhotoHash).where(PhotoHash.photo_id == photos[3])).one()
        )
    assert stored.find(stored.hashes[photos[3]]) == {}


def test_two_that_pack_at_once_put_no_hash_twice(stored, small_blocks):
    stored.add(20)
    with stored.database.writing() as session:
        # As if another clock had just made the block with the next number.
        session.add(HashBlock(id=1, hashes=0, data=b""))
    pack(stored.database)
    with stored.database.reading() as session:
        blocks = session.scalars(select(HashBlock).order_by(HashBlock.id)).all()
        assert [(block.id, block.hashes) for block in blocks] == [(1, 0), (2, 8), (3, 8)]
        ids = [
            key
            for block in blocks
            for key in packing.read_block(block.data, key_bytes=HASH_BYTES)[0].tolist()
        ]
    assert len(ids) == len(set(ids)) == 16


def test_ids_too_far_apart_for_a_list_stop_the_packing_and_not_the_search(stored, small_blocks):
    photos = stored.add(15)
    with stored.database.writing() as session:
        session.execute(
            update(PhotoHash).where(PhotoHash.photo_id == photos[14]).values(id=1 << 33)
        )
    stored.add(1)
    with pytest.raises(ValueError, match="too far apart"):
        pack(stored.database)
    assert all(stored.find(stored.hashes[photo]) == {photo: 0} for photo in photos)

"""Random draws: fair, reckoned by a published method, kept, and done again by `verify`."""

import shutil
import subprocess
from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, literal_column, select, text, update
from sqlalchemy.exc import DBAPIError

from schemas.database import Database, new_id
from schemas.draws.algorithm import (
    MOST_ITEMS,
    Item,
    as_text,
    drawn_from,
    items_of,
    lines_of,
    new_seed,
    sha256,
    tickets_of,
)
from schemas.draws.checking import commands
from schemas.draws.keeping import Plan, draw_now, find_draw, prepare
from schemas.draws.verifying import verify
from schemas.errors import Conflict, InvalidInput, NotAllowed, NotFound
from schemas.sealing import Sealer
from schemas.settings import Settings
from schemas.tables import AuditEntry, Draw, DrawFrame, DrawResult, DrawSeed, Staff, Unit

NOW = datetime(2026, 11, 20, 2, tzinfo=UTC)
SHOPS = [(Item(f"name:210103:店{n}", f"店{n}", f"中街路 {n} 号"), 1) for n in range(10)]
SQLITE = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
# χ² of 9 degrees of freedom exceeds this once in a thousand times; the seeds are fixed.
MOST_CHI_SQUARE = 27.88


class Office:
    """A unit with two people who may draw."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database, self.sealer = database, Sealer(settings)
        with database.writing() as session:
            self.unit = session.scalars(
                select(Unit.id).where(Unit.division_code == "210103")
            ).first()
            people = [Staff(sign_in=f"s{n}", name=f"S{n}", password_hash="x") for n in range(2)]
            session.add_all(people)
            session.flush()
            self.one, self.other = (each.id for each in people)

    def prepare(self, *, tickets: str = "", size: int = 3, source: str = "") -> UUID:
        plan = Plan(
            unit_id=self.unit,
            kind="list",
            origin="许可证名录",
            tickets=tickets or tickets_of(SHOPS),
            title="节前随机访餐厅",
            size=size,
            public_source=source,
        )
        with self.database.writing() as session:
            return prepare(session, plan=plan, staff_id=self.one, sealer=self.sealer, now=NOW).id

    def draw(self, draw_id: UUID, *, value: str = "", by: UUID | None = None) -> list[Item]:
        with self.database.writing() as session:
            draw_now(
                session, draw_id=draw_id, staff_id=by or self.other, public_value=value,
                sealer=self.sealer, now=NOW,
            )  # fmt: skip
        with self.database.reading() as session:
            return list(find_draw(session, draw_id).items)

    def proof(self, draw_id: UUID | None = None):
        with self.database.reading() as session:
            return verify(session, draw_id=draw_id)

    def disarm(self, table: str) -> None:
        """Do what only somebody who has the database in hand can do."""
        with self.database.writing() as session:
            if session.get_bind().dialect.name == "sqlite":
                for action in ("update", "delete"):
                    session.execute(text(f"DROP TRIGGER {table}_no_{action}"))
            else:
                session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER {table}_append_only"))


@pytest.fixture
def office(database, settings):
    return Office(database, settings)


def seeds(number: int) -> list[str]:
    return [sha256(f"seed {each}") for each in range(number)]


def chi_square(counts: Counter[str], expected: dict[str, float]) -> float:
    return sum((counts[key] - each) ** 2 / each for key, each in expected.items())


def keys(drawn: tuple[str, ...]) -> list[str]:
    return [item.key for item in items_of("".join(f"1|{each}\n" for each in drawn))]


def test_every_shop_is_drawn_equally_often() -> None:
    tickets, counts, firsts = tickets_of(SHOPS), Counter(), Counter()
    for seed in seeds(2000):
        drawn = keys(drawn_from(tickets, seed=seed, public_value="", size=3))
        assert len(set(drawn)) == 3
        counts.update(drawn)
        firsts.update(drawn[:1])
    # Of three drawn without return each count varies a little less than χ² supposes.
    assert chi_square(counts, {item.key: 600 for item, _ in SHOPS}) < MOST_CHI_SQUARE
    assert chi_square(firsts, {item.key: 200 for item, _ in SHOPS}) < MOST_CHI_SQUARE


def test_with_weights_a_shop_is_drawn_first_as_often_as_it_has_tickets() -> None:
    weighted = [(item, number % 3 + 1) for number, (item, _) in enumerate(SHOPS)]
    tickets, firsts, total = tickets_of(weighted), Counter(), sum(each for _, each in weighted)
    for seed in seeds(2000):
        firsts.update(keys(drawn_from(tickets, seed=seed, public_value="", size=1)))
    expected = {item.key: 2000 * number / total for item, number in weighted}
    assert chi_square(firsts, expected) < MOST_CHI_SQUARE
    assert len(items_of(tickets)) == 10


@given(st.permutations(SHOPS), st.binary(min_size=32, max_size=32))
def test_the_order_of_the_list_changes_nothing(shops, seed) -> None:
    assert tickets_of(shops) == tickets_of(SHOPS)
    drawn = drawn_from(tickets_of(shops), seed=seed.hex(), public_value="", size=10)
    assert sorted(keys(drawn)) == sorted(item.key for item, _ in SHOPS)


def test_another_seed_or_public_value_draws_otherwise_and_the_same_one_alike() -> None:
    tickets, (one, two) = tickets_of(SHOPS), seeds(2)
    drawn = drawn_from(tickets, seed=one, public_value="", size=10)
    assert drawn == drawn_from(tickets, seed=one, public_value="", size=10)
    assert drawn != drawn_from(tickets, seed=two, public_value="", size=10)
    assert drawn != drawn_from(tickets, seed=one, public_value="7 12", size=10)
    assert len(new_seed()) == 64
    assert new_seed() != new_seed()


def test_a_shop_named_twice_is_on_the_list_once_and_an_odd_name_is_one_line() -> None:
    odd = Item("k", "a\u2028b\x85c|d\\n'$x'")
    tickets = tickets_of([(odd, 1), (odd, 1), (Item("k", "zz"), 1)])
    assert items_of(tickets) == (odd,)
    assert len(lines_of(tickets)) == 1


@pytest.mark.parametrize(
    ("count", "code"), [(0, "draw-list-empty"), (MOST_ITEMS + 1, "draw-list-long")]
)
def test_an_empty_and_a_too_long_list_are_refused(count, code) -> None:
    with pytest.raises(InvalidInput) as refused:
        tickets_of([(Item(f"{n}", f"{n}"), 1) for n in range(count)])
    assert refused.value.code == code


def test_what_the_page_says_to_type_gives_the_same_draw(tmp_path) -> None:
    # A weight, and names that a shell could take for something else.
    odd = [(Item("k1", "老王 \\n `麻辣烫`"), 3), (Item("k2", "a'b\"c|d $HOME %s"), 2)]
    tickets, seed = tickets_of([*SHOPS, *odd]), seeds(1)[0]
    (tmp_path / "list.txt").write_bytes(tickets.encode())
    script = commands(seed=seed, public_value="03 11 27", size=5, file="list.txt")
    shell = shutil.which("sh")
    assert shell
    done = subprocess.run([shell, "-c", script], cwd=tmp_path, capture_output=True, check=True)
    hashed, committed, *drawn = done.stdout.decode().splitlines()
    assert hashed.split()[0] == sha256(tickets)
    assert committed.split()[0] == sha256(seed)
    assert tuple(drawn) == drawn_from(tickets, seed=seed, public_value="03 11 27", size=5)


def test_one_prepares_and_another_draws_and_all_of_it_is_kept(office) -> None:
    draw_id = office.prepare(source="双色球 2026-11-22")
    with office.database.reading() as session:
        kept = session.get_one(DrawSeed, draw_id).sealed_seed
        commitment = session.get_one(Draw, draw_id).commitment
    seed = office.sealer.open(kept)
    assert sha256(seed) == commitment
    assert seed.encode() not in kept
    drawn = office.draw(draw_id, value=" 03  11 27 ")
    with office.database.reading() as session:
        result, draw = session.get_one(DrawResult, draw_id), session.get_one(Draw, draw_id)
        assert (result.seed, result.public_value) == (seed, "03 11 27")
        assert session.get(DrawSeed, draw_id) is None
        logged = session.scalars(
            select(AuditEntry.action).where(AuditEntry.subject_id == draw.id)
        ).all()
    assert len(drawn) == 3
    assert {each.key for each in drawn} <= {item.key for item, _ in SHOPS}
    assert sorted(logged) == ["draw_made", "draw_prepared"]
    assert office.proof().difference is None


def test_refusals_name_what_to_do(office) -> None:
    plain = office.prepare()
    for refusal, kind, attempt in (
        ("draw-same-person", NotAllowed, lambda: office.draw(plain, by=office.one)),
        ("draw-public-value-invalid", InvalidInput, lambda: office.draw(plain, value="3")),
        ("draw-unknown", NotFound, lambda: office.draw(new_id())),
        ("draw-waiting", Conflict, office.prepare),
        ("draw-size-invalid", InvalidInput, lambda: office.prepare(size=11)),
    ):
        with pytest.raises(kind) as refused:
            attempt()
        assert refused.value.code == refusal
    with office.database.reading() as session, pytest.raises(Conflict) as waits:
        find_draw(session, plain)
    with office.database.reading() as session, pytest.raises(NotFound):
        find_draw(session, new_id())
    assert waits.value.code == "draw-not-drawn"
    office.draw(plain)
    with pytest.raises(Conflict) as again:
        office.draw(plain)
    assert again.value.code == "draw-done"
    agreed = office.prepare(source="双色球")
    for value in ("", "3|4"):
        with pytest.raises(InvalidInput):
            office.draw(agreed, value=value)


def test_drawing_again_from_a_list_is_numbered_and_nothing_goes_away(office) -> None:
    for _ in range(2):
        office.draw(office.prepare())
    with office.database.reading() as session:
        assert session.scalars(select(Draw.attempt).order_by(Draw.attempt)).all() == [1, 2]
        assert session.scalar(select(func.count()).select_from(DrawFrame)) == 1
    for table in ("draws", "draw_frames", "draw_results"):
        for change in (f"DELETE FROM {table}", f"UPDATE {table} SET {_a_column(table)}"):
            with pytest.raises(DBAPIError, match="append-only"), office.database.writing() as db:
                db.execute(text(change))


def _a_column(table: str) -> str:
    return {"draws": "size = 1", "draw_frames": "kind = 'x'", "draw_results": "seed = 'x'"}[table]


ALTERATIONS = (
    ("draw_frames", "tickets = tickets || '1|{}'", "frame"),
    ("draw_frames", "item_count = 9", "items"),
    ("draws", "size = 2", "drawn 3"),
    ("draws", "attempt = 2", "attempt"),
    ("draws", "public_source = '别的'", "logged"),
    ("draw_results", "seed = replace(seed, substr(seed, 1, 1), 'x')", "commitment"),
    # Where the first of them differs is chance; that all ten stay in their places is none.
    ("draw_results", "public_value = '1'", "drawn "),
    ("draw_results", "drawn = drawn || 'x'", "drawn"),
)


def test_verification_finds_an_altered_row_and_names_what_differs(office) -> None:
    ids = [
        office.prepare(tickets=tickets_of([*SHOPS, (Item(f"{n}", f"{n}"), 1)]), size=10)
        for n in range(len(ALTERATIONS))
    ]
    for draw_id in ids:
        office.draw(draw_id)
    for table in ("draws", "draw_frames", "draw_results"):
        office.disarm(table)
    for draw_id, (table, change, what) in zip(ids, ALTERATIONS, strict=True):
        key = {"draws": Draw.id, "draw_frames": DrawFrame.id, "draw_results": DrawResult.draw_id}
        assert office.proof(draw_id).difference is None
        with office.database.writing() as session:
            row = session.get_one(Draw, draw_id).frame_id if table == "draw_frames" else draw_id
            model = key[table].class_
            session.execute(update(model).where(key[table] == row).values(_value(change)))
        difference = office.proof(draw_id).difference
        assert difference is not None
        assert (difference.draw_id, difference.what[: len(what)]) == (draw_id, what)
    assert office.proof().verified == 0


def _value(change: str) -> dict[str, object]:
    column, _, value = change.partition(" = ")
    return {column: literal_column(value)}


def test_verification_finds_a_draw_that_was_made_to_fit_and_one_that_is_gone(office) -> None:
    draw_id = office.prepare()
    office.draw(draw_id)
    # Another seed with all that follows from it: only the audit log knows better.
    seed = seeds(1)[0]
    drawn = as_text(drawn_from(tickets_of(SHOPS), seed=seed, public_value="", size=3))
    for table in ("draws", "draw_results"):
        office.disarm(table)
    with office.database.writing() as session:
        session.execute(update(DrawResult).values(seed=seed, drawn=drawn))
        session.execute(update(Draw).values(commitment=sha256(seed)))
    assert office.proof().difference.what == "logged"
    with office.database.writing() as session:
        session.execute(text("DELETE FROM draw_results"))
        session.execute(text("DELETE FROM draws"))
    assert (office.proof().difference.what, office.proof().difference.draw_id) == (
        "missing",
        draw_id,
    )


@SQLITE
def test_one_draw_is_verified_by_its_id(office) -> None:
    first = office.prepare()
    office.draw(first)
    second = office.prepare()
    office.draw(second)
    ticks: list[tuple[int, int]] = []
    with office.database.reading() as session:
        proof = verify(session, draw_id=second, tick=lambda *each: ticks.append(each))
    assert (proof.verified, proof.difference, ticks) == (1, None, [(1, 1)])

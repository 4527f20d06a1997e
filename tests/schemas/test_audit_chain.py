"""Every alteration of a long log is found, what commits late is sealed, and sealing stays cheap."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import event, select, text

from schemas import audit
from schemas.audit import START, ChainBroken, ChainRow, Position, check_links, verify
from schemas.database import Database, new_id, now_utc
from schemas.tables import AuditEntry, AuditSeal, AuditWaiting

LENGTH = 10_000


def entry(index: int) -> ChainRow:
    """Return an entry that stands in no link yet."""
    return ChainRow(
        sequence=0, entry_id=new_id(), previous_hash="", entry_hash="", id=None,
        recorded_at=now_utc() + timedelta(milliseconds=index), actor_kind="staff",
        actor_id=new_id() if index % 3 else None, action="case_advanced", subject_kind="case",
        subject_id=new_id(), before={"state": "assigned"}, after={"version": index, "说明": "查实"},
        request_id=None,
    )  # fmt: skip


@pytest.fixture(scope="module")
def chain() -> list[ChainRow]:
    """A whole chain of ten thousand links, as the sealer makes them."""
    rows, at = [], START
    for index in range(LENGTH):
        row = entry(index)
        row = row._replace(id=row.entry_id, sequence=at.sealed + 1, previous_hash=at.head)
        row = row._replace(entry_hash=audit.link_hash(at.head, audit.canonical(row)))
        rows.append(row)
        at = Position(row.sequence, row.entry_hash)
    return rows


@pytest.fixture(scope="module")
def positions(chain: list[ChainRow]) -> list[Position]:
    """Where a walk over the whole chain stands before each link, and at its end."""
    return [START, *check_links(chain)]


def first_fault(rows: list[ChainRow], start: Position) -> tuple[str, int]:
    """Walk on from where a walk over the links before these would stand.

    A walk carries nothing from link to link but its position, so this is what the walk
    from the very start says, without hashing the same thousands of links again.
    """
    with pytest.raises(ChainBroken) as broken:
        list(check_links(rows, start=start))
    return broken.value.fault, broken.value.at.sealed + 1


def test_a_walk_is_the_same_from_any_link_on(chain, positions) -> None:
    for index in (0, 1, 4_711, LENGTH - 1):
        rest = list(check_links(chain[index:], start=positions[index]))
        assert rest == positions[index + 1 :]
    assert positions[-1] == Position(LENGTH, chain[-1].entry_hash)


FIELDS = {
    "recorded_at": lambda row: row.recorded_at + timedelta(microseconds=1),
    "actor_kind": lambda row: "stafg",
    "actor_id": lambda row: new_id(),
    "action": lambda row: "case_advancee",
    "subject_kind": lambda row: "cate",
    "subject_id": lambda row: new_id(),
    "before": lambda row: {"state": "assignee"},
    "after": lambda row: row.after | {"version": row.after["version"] + 1},
    "request_id": lambda row: "0",
    "id": lambda row: new_id(),
}


@pytest.mark.parametrize("field", FIELDS)
def test_an_altered_byte_in_any_of_ten_thousand_entries_is_found(chain, positions, field) -> None:
    for index, row in enumerate(chain):
        altered = row._replace(**{field: FIELDS[field](row)})
        found = first_fault([altered, *chain[index + 1 : index + 2]], positions[index])
        assert found == ("entry-altered", index + 1)


@pytest.mark.parametrize("field", ["previous_hash", "entry_hash"])
def test_an_altered_byte_in_any_of_ten_thousand_links_is_found(chain, positions, field) -> None:
    for index, row in enumerate(chain):
        digits = getattr(row, field)
        altered = row._replace(**{field: digits[:9] + f"{int(digits[9], 16) ^ 1:x}" + digits[10:]})
        fault, where = first_fault([altered, *chain[index + 1 : index + 2]], positions[index])
        assert where == index + 1
        assert fault in ("entry-altered", "link-reordered-or-altered")


def test_any_of_ten_thousand_deleted_rows_is_found(chain, positions) -> None:
    for index, row in enumerate(chain):
        gone = row._replace(id=None)
        assert first_fault([gone], positions[index]) == ("entry-missing", index + 1)
        # The end of a chain is cut off without a trace in it; see the test of kept heads.
        if index + 1 < LENGTH:
            assert first_fault([chain[index + 1]], positions[index]) == ("link-missing", index + 1)


def test_any_two_rows_of_ten_thousand_that_changed_places_are_found(chain, positions) -> None:
    for index in range(LENGTH - 1):
        one, other = chain[index], chain[(index * 7 + 13) % (LENGTH - 1 - index) + index + 1]
        # The links stay and their entries change places, then the links themselves do.
        entries = one._replace(**{name: getattr(other, name) for name in FIELDS})
        assert first_fault([entries], positions[index]) == ("entry-altered", index + 1)
        links = other._replace(sequence=one.sequence)
        assert first_fault([links], positions[index]) == ("link-reordered-or-altered", index + 1)


def write(database: Database, count: int) -> None:
    with database.writing() as session:
        for _ in range(count):
            audit.record(session, actor=audit.OPERATOR, action="tried", subject=("case", new_id()))


def seal_all(database: Database) -> None:
    with database.writing() as session:
        audit.seal(session)


def without_guards(database: Database, dialect: str, *statements: str) -> None:
    """Alter rows as somebody with the database's own powers could: no triggers, no keys."""
    if dialect == "postgresql":
        with database.engine.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in statements:
                connection.execute(text(statement))
        return
    raw = database.engine.raw_connection()
    cursor = raw.cursor()
    cursor.execute("PRAGMA foreign_keys=OFF")
    kept = cursor.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'audit%'"
    ).fetchall()
    for name, _ in kept:
        cursor.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        cursor.execute(statement)
    for _, sql in kept:
        cursor.execute(sql)
    cursor.execute("PRAGMA foreign_keys=ON")
    raw.close()


ENTRY = "(SELECT entry_id FROM audit_seals WHERE sequence = {0})"
HARM = {
    "altered": ["UPDATE audit_entries SET action = 'tricd' WHERE id = " + ENTRY],
    "deleted entry": ["DELETE FROM audit_entries WHERE id = " + ENTRY],
    "deleted link": ["DELETE FROM audit_seals WHERE sequence = {0}"],
    "deleted both": [
        "DELETE FROM audit_entries WHERE id = " + ENTRY,
        "DELETE FROM audit_seals WHERE sequence = {0}",
    ],
    "swapped": [
        "UPDATE audit_seals SET sequence = 1000 WHERE sequence = {0}",
        "UPDATE audit_seals SET sequence = {0} WHERE sequence = {1}",
        "UPDATE audit_seals SET sequence = {1} WHERE sequence = 1000",
    ],
}


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("row", [1, 4, 7])
def test_each_harm_to_a_row_in_the_database_is_named(database, dialect, harm, row) -> None:
    write(database, 7)
    seal_all(database)
    with database.reading() as session:
        found = verify(session)
        assert found.fault is None
    with database.writing() as session:
        audit.keep_verification(session, found=found)
    other = 3 if row != 3 else 5
    without_guards(database, dialect, *(each.format(row, other) for each in HARM[harm]))
    with database.reading() as session:
        broken = verify(session)
    assert broken.fault is not None
    first = min(row, other) if harm == "swapped" else row
    assert broken.fault_sequence == first
    assert broken.sealed == first - 1


def test_an_end_that_was_cut_off_is_told_by_a_head_that_was_kept(database, dialect) -> None:
    write(database, 3)
    seal_all(database)
    with database.reading() as session:
        head = verify(session).head
    without_guards(database, dialect, *(each.format(3) for each in HARM["deleted both"]))
    with database.reading() as session:
        # By itself what is left is a whole chain; nothing in it says that there was more.
        assert verify(session).fault is None
        assert verify(session, kept_head=head).fault == "kept-head-unknown"


def test_a_chain_that_was_made_anew_does_not_meet_the_kept_head(database, dialect) -> None:
    write(database, 4)
    seal_all(database)
    with database.reading() as session:
        found = verify(session)
    with database.writing() as session:
        audit.keep_verification(session, found=found)
    without_guards(
        database,
        dialect,
        "UPDATE audit_entries SET action = 'else' WHERE id = " + ENTRY.format(2),
        "INSERT INTO audit_waiting (entry_id) SELECT id FROM audit_entries",
        "DELETE FROM audit_seals",
    )
    seal_all(database)
    with database.reading() as session:
        broken = verify(session)
    assert (broken.fault, broken.fault_sequence) == ("head-changed", 4)


def test_an_entry_that_neither_stands_nor_waits_is_found(database, dialect) -> None:
    write(database, 2)
    seal_all(database)
    write(database, 1)
    without_guards(database, dialect, "DELETE FROM audit_waiting")
    with database.reading() as session:
        found = verify(session)
        hidden = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
    assert (found.fault, found.fault_entry) == ("entry-unwatched", hidden.id)
    assert found.unsealed == 1


def test_an_entry_that_commits_late_is_sealed_after_newer_ones(database, dialect) -> None:
    if dialect == "sqlite":
        # SQLite knows one writer at a time, so late here means: with an old id and time.
        with database.writing() as session:
            late = audit.record(
                session, actor=audit.OPERATOR, action="late", subject=("case", new_id())
            )
            late.id, late.recorded_at = new_id(), now_utc() - timedelta(days=2)
            session.expunge(late)
        write(database, 3)
        seal_all(database)
        with database.writing() as session:
            session.add(late)
    else:
        with database.writing() as slow:
            late = audit.record(
                slow, actor=audit.OPERATOR, action="late", subject=("case", new_id())
            )
            slow.flush()
            write(database, 3)
            seal_all(database)
            with database.reading() as session:
                assert verify(session).sealed == 3
    seal_all(database)
    with database.reading() as session:
        found = verify(session)
        assert (found.sealed, found.unsealed, found.fault) == (4, 0, None)
        last = session.scalars(select(AuditSeal).where(AuditSeal.sequence == 4)).one()
        assert session.get_one(AuditEntry, last.entry_id).action == "late"
        assert session.scalars(select(AuditWaiting)).all() == []


def test_nobody_misses_an_entry_while_many_write_and_seal(database) -> None:
    done = threading.Event()

    def go_on_sealing() -> None:
        while not done.is_set():
            seal_all(database)

    sealer = threading.Thread(target=go_on_sealing)
    sealer.start()
    writers = [threading.Thread(target=write, args=(database, 5)) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    done.set()
    sealer.join()
    seal_all(database)
    with database.reading() as session:
        found = verify(session)
    assert (found.sealed, found.unsealed, found.fault) == (40, 0, None)


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_sealing_looks_at_what_waits_and_never_through_the_log(database) -> None:
    write(database, 300)
    seal_all(database)
    write(database, 2)
    plans: list[str] = []

    @event.listens_for(database.engine, "before_cursor_execute")
    def note(_connection, cursor, statement, parameters, *_rest) -> None:
        if statement.startswith(("SELECT", "DELETE")):
            rows = cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            plans.extend(row[3] for row in rows)

    seal_all(database)
    event.remove(database.engine, "before_cursor_execute", note)
    scanned = {plan.split()[1] for plan in plans if plan.startswith("SCAN")}
    # The last link is found from the end of its key, which SQLite also calls a scan.
    assert scanned == {"audit_waiting", "audit_seals"}


def test_a_verification_reads_the_log_in_small_parts(database) -> None:
    write(database, 2500)
    seal_all(database)
    with database.reading() as session:
        rows = audit.chain_rows(session)
        for _ in range(10):
            next(rows)
        assert len(session.identity_map) == 0
        rows.close()
        assert verify(session).sealed == 2500

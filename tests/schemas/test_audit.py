"""The log is append-only, and its chain finds what was altered, removed or reordered."""

import threading

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from schemas import audit
from schemas.database import Database, new_id
from schemas.tables import AuditEntry, AuditSeal


def write(database: Database, count: int) -> None:
    with database.writing() as session:
        for index in range(count):
            audit.record(
                session,
                actor=audit.OPERATOR,
                action="tried",
                subject=("case", new_id()),
                after={"字": index, "none": None},
            )


def seal_all(database: Database) -> None:
    with database.writing() as session:
        audit.seal(session)


def check(database: Database) -> audit.Verification:
    with database.reading() as session:
        return audit.verify(session)


def tamper(database: Database, dialect: str, *statements: str) -> None:
    """Alter rows as somebody with the database's own powers could."""
    with database.engine.begin() as connection:
        if dialect == "sqlite":
            connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
            for table in ("audit_entries", "audit_seals"):
                for action in ("update", "delete"):
                    connection.execute(text(f"DROP TRIGGER {table}_no_{action}"))
        else:
            connection.execute(text("SET session_replication_role = replica"))
        for statement in statements:
            connection.execute(text(statement))


def test_a_sealed_chain_is_whole_and_its_head_moves_on(database: Database) -> None:
    write(database, 3)
    assert check(database) == audit.Verification(sealed=0, unsealed=3, head=audit.GENESIS)
    seal_all(database)
    first = check(database)
    assert (first.sealed, first.unsealed, first.fault) == (3, 0, None)
    write(database, 1)
    seal_all(database)
    assert check(database).head != first.head


def test_two_sealers_at_once_make_one_chain(database: Database) -> None:
    write(database, 40)
    barrier = threading.Barrier(4)

    def run() -> None:
        barrier.wait()
        with database.writing() as session:
            audit.seal(session, limit=15)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (check(database).sealed, check(database).fault) == (40, None)


@pytest.mark.parametrize("table", ["audit_entries", "audit_seals"])
@pytest.mark.parametrize("statement", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}"])
def test_the_database_refuses_to_change_the_log(
    database: Database, table: str, statement: str
) -> None:
    write(database, 1)
    seal_all(database)
    column = "action" if table == "audit_entries" else "entry_hash"
    with pytest.raises(DBAPIError, match="append-only"), database.writing() as session:
        session.execute(text(statement.format(table, column)))


def test_an_altered_entry_is_named(database: Database, dialect: str) -> None:
    write(database, 5)
    seal_all(database)
    with database.reading() as session:
        third = session.scalars(select(AuditSeal).where(AuditSeal.sequence == 3)).one()
        entry = session.get_one(AuditEntry, third.entry_id)
    hexed = entry.id.hex if dialect == "sqlite" else str(entry.id)
    tamper(database, dialect, f"UPDATE audit_entries SET action = 'tricd' WHERE id = '{hexed}'")
    found = check(database)
    assert (found.fault, found.fault_sequence) == ("entry-altered", 3)
    assert found.fault_entry == entry.id


def test_a_removed_entry_is_named(database: Database, dialect: str) -> None:
    write(database, 5)
    seal_all(database)
    if dialect == "sqlite":
        with database.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            for action in ("update", "delete"):
                connection.exec_driver_sql(f"DROP TRIGGER audit_entries_no_{action}")
            connection.exec_driver_sql(
                "DELETE FROM audit_entries WHERE id = "
                "(SELECT entry_id FROM audit_seals WHERE sequence = 2)"
            )
            connection.exec_driver_sql("PRAGMA foreign_keys=ON")
            connection.exec_driver_sql("BEGIN")
    else:
        tamper(
            database,
            dialect,
            "DELETE FROM audit_entries WHERE id = "
            "(SELECT entry_id FROM audit_seals WHERE sequence = 2)",
        )
    assert (check(database).fault, check(database).fault_sequence) == ("entry-missing", 2)


def test_a_removed_link_is_named(database: Database, dialect: str) -> None:
    write(database, 5)
    seal_all(database)
    tamper(database, dialect, "DELETE FROM audit_seals WHERE sequence = 4")
    assert (check(database).fault, check(database).fault_sequence) == ("link-missing", 4)


def test_two_links_that_changed_places_are_named(database: Database, dialect: str) -> None:
    write(database, 5)
    seal_all(database)
    tamper(
        database,
        dialect,
        "UPDATE audit_seals SET sequence = 100 WHERE sequence = 2",
        "UPDATE audit_seals SET sequence = 2 WHERE sequence = 3",
        "UPDATE audit_seals SET sequence = 3 WHERE sequence = 100",
    )
    assert check(database).fault == "link-reordered-or-altered"
    assert check(database).fault_sequence == 2

"""Triggers: the database itself refuses to alter the append-only tables, and notes what waits.

Every entry of the audit log is put among those that wait for the chain in its own
transaction, whoever inserts it, so that none is missed that commits late. In the same way
every change of a case that its reporters may have to be told of is put into case_news.
"""

from sqlalchemy import DDL, Table, event

from schemas.database import Base
from schemas.tables.audit import AuditEntry, AuditSeal, AuditVerification
from schemas.tables.bulletins import BulletinIssue, ShopFinding
from schemas.tables.calendars import LoadedCalendar
from schemas.tables.campaigns import CampaignEvent, CampaignTip
from schemas.tables.cases import CaseAct, CaseHistory, CaseReport
from schemas.tables.draws import Draw, DrawFrame, DrawResult
from schemas.tables.notes import CaseNote
from schemas.tables.reports import Report
from schemas.tables.rewards import PointEntry
from schemas.tables.statutory import RewardEntry

APPEND_ONLY = (
    AuditEntry.__tablename__,
    AuditSeal.__tablename__,
    AuditVerification.__tablename__,
    BulletinIssue.__tablename__,
    CampaignEvent.__tablename__,
    CampaignTip.__tablename__,
    CaseAct.__tablename__,
    CaseHistory.__tablename__,
    CaseNote.__tablename__,
    Draw.__tablename__,
    DrawFrame.__tablename__,
    DrawResult.__tablename__,
    LoadedCalendar.__tablename__,
    PointEntry.__tablename__,
    Report.__tablename__,
    RewardEntry.__tablename__,
    ShopFinding.__tablename__,
)

POSTGRESQL_FUNCTION = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$
"""

SQLITE_WAITING = (
    "CREATE TRIGGER audit_entries_wait AFTER INSERT ON audit_entries "
    "BEGIN INSERT INTO audit_waiting (entry_id) VALUES (NEW.id); END"
)
POSTGRESQL_WAITING_FUNCTION = """
CREATE OR REPLACE FUNCTION note_waiting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit_waiting (entry_id) VALUES (NEW.id);
  RETURN NULL;
END $$
"""
POSTGRESQL_WAITING = (
    "CREATE TRIGGER audit_entries_wait AFTER INSERT ON audit_entries "
    "FOR EACH ROW EXECUTE FUNCTION note_waiting()"
)

NEWS = (CaseHistory.__tablename__, CaseReport.__tablename__)
POSTGRESQL_NEWS_FUNCTION = """
CREATE OR REPLACE FUNCTION note_news() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO case_news (case_id) VALUES (NEW.case_id);
  RETURN NULL;
END $$
"""


def sqlite_news(table: str) -> str:
    """Return the statement that notes a row of `table` for the reporters on SQLite."""
    return (
        f"CREATE TRIGGER {table}_news AFTER INSERT ON {table} "  # noqa: S608 - a table of ours
        "BEGIN INSERT INTO case_news (case_id) VALUES (NEW.case_id); END"
    )


def postgresql_news(table: str) -> str:
    """Return the statement that notes a row of `table` for the reporters on PostgreSQL."""
    return (
        f"CREATE TRIGGER {table}_news AFTER INSERT ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION note_news()"
    )


def sqlite_triggers(table: str) -> tuple[str, ...]:
    """Return the statements that make `table` append-only on SQLite."""
    return tuple(
        f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for action in ("UPDATE", "DELETE")
    )


def postgresql_trigger(table: str) -> str:
    """Return the statement that makes `table` append-only on PostgreSQL."""
    return (
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _attach(table: Table, statement: str, dialect: str) -> None:
    # `%` is DDL's own marker for its context, hence the doubling.
    ddl = DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
    event.listen(table, "after_create", ddl.execute_if(dialect=dialect))


for _name in APPEND_ONLY:
    _table = Base.metadata.tables[_name]
    for _statement in sqlite_triggers(_name):
        _attach(_table, _statement, "sqlite")
    for _statement in (POSTGRESQL_FUNCTION, postgresql_trigger(_name)):
        _attach(_table, _statement, "postgresql")
_attach(Base.metadata.tables[AuditEntry.__tablename__], SQLITE_WAITING, "sqlite")
for _statement in (POSTGRESQL_WAITING_FUNCTION, POSTGRESQL_WAITING):
    _attach(Base.metadata.tables[AuditEntry.__tablename__], _statement, "postgresql")
for _name in NEWS:
    _attach(Base.metadata.tables[_name], sqlite_news(_name), "sqlite")
    for _statement in (POSTGRESQL_NEWS_FUNCTION, postgresql_news(_name)):
        _attach(Base.metadata.tables[_name], _statement, "postgresql")

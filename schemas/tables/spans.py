"""From when to when something happened to a case, and with which units: kept by triggers.

A bulletin counts what happened; this says where to look for it, so that a week of ten
million cases costs what the week costs. It is wider than need be and never narrower:
what is found is counted from the facts themselves.
"""

from uuid import UUID

from sqlalchemy import DDL, ForeignKey, Index, SmallInteger, Table, event
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base
from schemas.lifecycle import OPEN_STATES
from schemas.tables.cases import CaseHistory, CaseReport

# The longest span of each class in days; an open case has no end and a class of its own.
CLASS_DAYS = (7, 14, 28, 56, 112, 224, 448, 896, 1792)
LONGEST_CLASS = len(CLASS_DAYS)
OPEN_CLASS = -1


class CaseSpan(Base):
    """A case's span, once for each unit that it ever stood with.

    Days are counted from 1970 in UTC. `latest_day` is the last day on which anything
    happened or was recorded; `length_class` the first of CLASS_DAYS that holds the span, so
    that spans which touch a week are found by a few ranges of an index.
    """

    __tablename__ = "case_spans"
    __table_args__ = (
        Index("ix_case_spans_unit", "unit_id", "length_class", "first_day", "latest_day"),
    )

    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("units.id"), primary_key=True)
    first_day: Mapped[int]
    latest_day: Mapped[int]
    length_class: Mapped[int] = mapped_column(SmallInteger)


def _class(is_open: str) -> str:
    lengths = " ".join(
        f"WHEN latest_day - first_day <= {days} THEN {at}" for at, days in enumerate(CLASS_DAYS)
    )
    return f"CASE WHEN {is_open} THEN {OPEN_CLASS} {lengths} ELSE {LONGEST_CLASS} END"


_OPEN = ", ".join(f"'{state.value}'" for state in sorted(OPEN_STATES))
_LINKED_DAY = (
    "(SELECT min({day}) FROM case_reports JOIN reports ON reports.id = case_reports.report_id "
    "WHERE case_reports.case_id = NEW.case_id)"
)
_RECEIVED_DAY = "(SELECT {day} FROM reports WHERE reports.id = NEW.report_id)"


def _statements(day: dict[str, str], least: str, most: str) -> tuple[str, str]:
    """Return the bodies of the two triggers; `day` gives a moment's day in the dialect."""
    linked = _LINKED_DAY.format(day=day["received"])
    received = _RECEIVED_DAY.format(day=day["received"])
    occurred, recorded = day["occurred"], day["recorded"]
    moved = (
        "INSERT INTO case_spans (case_id, unit_id, first_day, latest_day, length_class) "  # noqa: S608
        f"SELECT NEW.case_id, NEW.unit_id, coalesce(min(first_day), {linked}, {occurred}), "
        f"coalesce(max(latest_day), {recorded}), 0 FROM case_spans WHERE case_id = NEW.case_id "
        # SQLite would take ON CONFLICT for a join without a WHERE; it has one.
        "ON CONFLICT (case_id, unit_id) DO NOTHING; "
        f"UPDATE case_spans SET first_day = {least}(first_day, {occurred}), "
        f"latest_day = {most}(latest_day, {occurred}, {recorded}) WHERE case_id = NEW.case_id; "
        f"UPDATE case_spans SET length_class = {_class(f'NEW.to_state IN ({_OPEN})')} "
        "WHERE case_id = NEW.case_id; "
    )
    was_open = f"length_class = {OPEN_CLASS}"
    linked_to = (
        f"UPDATE case_spans SET first_day = {least}(first_day, {received}), "  # noqa: S608
        f"latest_day = {most}(latest_day, {received}, {day['linked']}) "
        "WHERE case_id = NEW.case_id; "
        f"UPDATE case_spans SET length_class = {_class(was_open)} WHERE case_id = NEW.case_id; "
    )
    return moved, linked_to


def _days(pattern: str) -> dict[str, str]:
    columns = {
        "occurred": "NEW.occurred_at",
        "recorded": "NEW.recorded_at",
        "linked": "NEW.linked_at",
        "received": "reports.received_at",
    }
    return {name: pattern.format(column) for name, column in columns.items()}


_SQLITE = _statements(_days("CAST(strftime('%s', {}) AS INTEGER) / 86400"), "min", "max")
_POSTGRESQL = _statements(_days("floor(extract(epoch FROM {}) / 86400)::int"), "least", "greatest")
_WATCHED = (CaseHistory.__tablename__, CaseReport.__tablename__)

SQLITE_SPANS = tuple(
    f"CREATE TRIGGER {table}_span AFTER INSERT ON {table} BEGIN {body}END"
    for table, body in zip(_WATCHED, _SQLITE, strict=True)
)
POSTGRESQL_SPANS = tuple(
    statement
    for table, body in zip(_WATCHED, _POSTGRESQL, strict=True)
    for statement in (
        (
            f"CREATE OR REPLACE FUNCTION span_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN {body}RETURN NULL; END $$"
        ),
        (
            f"CREATE TRIGGER {table}_span AFTER INSERT ON {table} FOR EACH ROW "
            f"EXECUTE FUNCTION span_{table}()"
        ),
    )
)

SPAN_TRIGGERS = tuple(f"{table}_span" for table in _WATCHED)


def written_anew(dialect: str) -> tuple[str, ...]:
    """Return the statements that write the spans of all cases, for rows that came in bulk."""
    is_sqlite = dialect == "sqlite"
    day = "CAST(strftime('%s', {}) AS INTEGER) / 86400"
    if not is_sqlite:
        day = "floor(extract(epoch FROM {}) / 86400)::int"
    least, most = ("min", "max") if is_sqlite else ("least", "greatest")
    occurred, recorded, received, linked = (
        day.format(name) for name in ("occurred_at", "recorded_at", "received_at", "linked_at")
    )
    moves = "FROM case_history WHERE case_history.case_id = case_spans.case_id"
    links = (
        "FROM case_reports JOIN reports ON reports.id = case_reports.report_id "
        "WHERE case_reports.case_id = case_spans.case_id"
    )
    state = "(SELECT state FROM cases WHERE cases.id = case_spans.case_id)"
    written = (
        # Case by case, by the indexes: joined as wholes SQLite compares all with all.
        "INSERT INTO case_spans (case_id, unit_id, first_day, latest_day, length_class) "  # noqa: S608
        f"SELECT case_id, unit_id, min({occurred}), max({recorded}), 0 "
        "FROM case_history GROUP BY case_id, unit_id"
    )
    widened = (
        f"UPDATE case_spans SET first_day = {least}((SELECT min({occurred}) {moves}), "  # noqa: S608
        f"coalesce((SELECT min({received}) {links}), first_day)), "
        f"latest_day = {most}((SELECT max({most}({occurred}, {recorded})) {moves}), "
        f"coalesce((SELECT max({most}({received}, {linked})) {links}), latest_day))"
    )
    classed = f"UPDATE case_spans SET length_class = {_class(f'{state} IN ({_OPEN})')}"  # noqa: S608
    return written, widened, classed


# What a figure of the past rests on and no other rule keeps as it was.
_KEPT: dict[str, tuple[str, tuple[str, ...]]] = {
    "cases": ("", ("number", "incident_id", "department")),
    "case_reports": (
        " OR OLD.unlinked_at IS NOT NULL",
        ("case_id", "report_id", "department", "kind", "linked_at"),
    ),
}


def _kept_sqlite(table: str) -> str:
    further, columns = _KEPT[table]
    changed = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in columns)
    return (
        f"CREATE TRIGGER {table}_kept BEFORE UPDATE ON {table} WHEN {changed}{further} "
        f"BEGIN SELECT RAISE(ABORT, '{table}: a fact of the past is kept'); END"
    )


def _kept_postgresql(table: str) -> tuple[str, str]:
    further, columns = _KEPT[table]
    changed = " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in columns)
    return (
        (
            "CREATE OR REPLACE FUNCTION refuse_another_past() RETURNS trigger LANGUAGE plpgsql "
            "AS $$ BEGIN RAISE EXCEPTION '%: a fact of the past is kept', TG_TABLE_NAME; END $$"
        ),
        (
            f"CREATE TRIGGER {table}_kept BEFORE UPDATE ON {table} FOR EACH ROW "
            f"WHEN ({changed}{further}) EXECUTE FUNCTION refuse_another_past()"
        ),
    )


KEPT_SQLITE = tuple(_kept_sqlite(table) for table in _KEPT)
KEPT_POSTGRESQL = tuple(statement for table in _KEPT for statement in _kept_postgresql(table))


def _attach(table: Table, statement: str, dialect: str) -> None:
    # `%` is DDL's own marker for its context, hence the doubling.
    ddl = DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
    event.listen(table, "after_create", ddl.execute_if(dialect=dialect))


# These stand on several tables: made when the last of them is.
_last = Base.metadata.tables[CaseSpan.__tablename__]
for _statement in (*SQLITE_SPANS, *KEPT_SQLITE):
    _attach(_last, _statement, "sqlite")
for _statement in (*POSTGRESQL_SPANS, *KEPT_POSTGRESQL):
    _attach(_last, _statement, "postgresql")

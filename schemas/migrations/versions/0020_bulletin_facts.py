"""Where a bulletin looks: spans of cases, shops as they were found, and a past that is kept."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
ENDED = sa.text("unlinked_at IS NOT NULL")
APPEND_ONLY = ("loaded_calendars", "shop_findings")
OPEN = (
    "'assigned', 'dispatch', 'filed', 'received', 'rectifying', 'reopened', 'verified', 'verifying'"
)
LENGTHS = (7, 14, 28, 56, 112, 224, 448, 896, 1792)
KEPT = {
    "cases": ("", ("number", "incident_id", "department")),
    "case_reports": (
        " OR OLD.unlinked_at IS NOT NULL",
        ("case_id", "report_id", "department", "kind", "linked_at"),
    ),
}


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    _tables()
    # Nothing rests on a draft: they are counted anew.
    op.drop_table("bulletin_drafts")
    _drafts(
        sa.Column("checked_at", MOMENT, nullable=False),
        sa.Column("totals", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
    )
    op.create_index("ix_case_history_recorded_at", "case_history", ["recorded_at"])
    op.create_index("ix_case_acts_recorded_at", "case_acts", ["recorded_at"])
    op.create_index("ix_case_reports_linked_at", "case_reports", ["linked_at"])
    op.create_index(
        "ix_case_reports_unlinked_at", "case_reports", ["unlinked_at"],
        sqlite_where=ENDED, postgresql_where=ENDED,
    )  # fmt: skip
    _backfill(is_sqlite=is_sqlite)
    _find_shops()
    for statement in (*_span_triggers(is_sqlite=is_sqlite), *_kept_triggers(is_sqlite=is_sqlite)):
        op.execute(statement)
    for table in APPEND_ONLY:
        _refuse_changes(table, is_sqlite=is_sqlite)


def downgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for trigger, table in (
        ("case_history_span", "case_history"),
        ("case_reports_span", "case_reports"),
        ("cases_kept", "cases"),
        ("case_reports_kept", "case_reports"),
    ):
        op.execute(f"DROP TRIGGER {trigger}" + ("" if is_sqlite else f" ON {table}"))
    if is_sqlite:
        for action in ("update", "delete"):
            op.execute(f"DROP TRIGGER loaded_calendars_no_{action}")
    else:
        op.execute("DROP TRIGGER loaded_calendars_append_only ON loaded_calendars")
        for name in ("span_case_history", "span_case_reports", "refuse_another_past"):
            op.execute(f"DROP FUNCTION {name}()")
    for name, table in (
        ("ix_case_reports_unlinked_at", "case_reports"),
        ("ix_case_reports_linked_at", "case_reports"),
        ("ix_case_acts_recorded_at", "case_acts"),
        ("ix_case_history_recorded_at", "case_history"),
    ):
        op.drop_index(name, table_name=table)
    op.drop_table("bulletin_drafts")
    _drafts()
    op.drop_table("shop_findings")
    op.drop_table("case_spans")


def _tables() -> None:
    op.create_table(
        "case_spans",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("first_day", sa.Integer(), nullable=False),
        sa.Column("latest_day", sa.Integer(), nullable=False),
        sa.Column("length_class", sa.SmallInteger(), nullable=False),
        _to("case_spans", "case_id", "cases"),
        _to("case_spans", "unit_id", "units"),
        sa.PrimaryKeyConstraint("case_id", "unit_id", name="pk_case_spans"),
    )
    op.create_index(
        "ix_case_spans_unit", "case_spans", ["unit_id", "length_class", "first_day", "latest_day"]
    )
    op.create_table(
        "shop_findings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("shop_key", sa.String(length=120), nullable=False),
        sa.Column("occurred_at", MOMENT, nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        _to("shop_findings", "case_id", "cases"),
        _to("shop_findings", "unit_id", "units"),
        sa.PrimaryKeyConstraint("id", name="pk_shop_findings"),
        sa.UniqueConstraint("case_id", "version", name="uq_shop_findings_case_id_version"),
    )
    op.create_index("ix_shop_findings_shop_key", "shop_findings", ["shop_key", "occurred_at"])
    op.create_index("ix_shop_findings_occurred_at", "shop_findings", ["occurred_at"])


def _drafts(*further: sa.Column[object]) -> None:
    op.create_table(
        "bulletin_drafts",
        sa.Column("scope_code", sa.String(length=6), nullable=False),
        sa.Column("week", sa.String(length=8), nullable=False),
        sa.Column("known_at", MOMENT, nullable=False),
        *further,
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("scope_code", "week", name="pk_bulletin_drafts"),
    )


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{table}_{column}_{other}")


def _day(column: str, *, is_sqlite: bool) -> str:
    if is_sqlite:
        return f"CAST(strftime('%s', {column}) AS INTEGER) / 86400"
    return f"floor(extract(epoch FROM {column}) / 86400)::int"


def _class(is_open: str) -> str:
    lengths = " ".join(
        f"WHEN latest_day - first_day <= {days} THEN {at}" for at, days in enumerate(LENGTHS)
    )
    return f"CASE WHEN {is_open} THEN -1 {lengths} ELSE {len(LENGTHS)} END"


def _backfill(*, is_sqlite: bool) -> None:
    """Write the spans of the cases that are there, case by case by the indexes."""
    least, most = ("min", "max") if is_sqlite else ("least", "greatest")
    occurred, recorded, received, linked = (
        _day(name, is_sqlite=is_sqlite)
        for name in ("occurred_at", "recorded_at", "received_at", "linked_at")
    )
    moves = "FROM case_history WHERE case_history.case_id = case_spans.case_id"
    links = (
        "FROM case_reports JOIN reports ON reports.id = case_reports.report_id "
        "WHERE case_reports.case_id = case_spans.case_id"
    )
    state = "(SELECT state FROM cases WHERE cases.id = case_spans.case_id)"
    op.execute(
        "INSERT INTO case_spans (case_id, unit_id, first_day, latest_day, length_class) "
        f"SELECT case_id, unit_id, min({occurred}), max({recorded}), 0 "
        "FROM case_history GROUP BY case_id, unit_id"
    )
    op.execute(
        f"UPDATE case_spans SET first_day = {least}((SELECT min({occurred}) {moves}), "
        f"coalesce((SELECT min({received}) {links}), first_day)), "
        f"latest_day = {most}((SELECT max({most}({occurred}, {recorded})) {moves}), "
        f"coalesce((SELECT max({most}({received}, {linked})) {links}), latest_day))"
    )
    op.execute(f"UPDATE case_spans SET length_class = {_class(f'{state} IN ({OPEN})')}")


def _find_shops() -> None:
    """Note the shops of the verifications that there are, by the code that was recorded."""
    history = sa.table(
        "case_history",
        sa.column("case_id", sa.Uuid()),
        sa.column("version", sa.Integer()),
        sa.column("from_state", sa.String()),
        sa.column("to_state", sa.String()),
        sa.column("unit_id", sa.Uuid()),
        sa.column("record", sa.JSON().with_variant(JSONB(), "postgresql")),
        sa.column("occurred_at", MOMENT),
        sa.column("recorded_at", MOMENT),
    )
    names = ("id", "case_id", "version", "unit_id", "shop_key", "occurred_at", "recorded_at")
    findings = sa.table("shop_findings", *(sa.column(name) for name in names))
    findings.c.id.type = findings.c.case_id.type = findings.c.unit_id.type = sa.Uuid()
    bind = op.get_bind()
    rows = bind.execute(
        sa.select(history).where(
            history.c.from_state == "verifying", history.c.to_state == "verified"
        )
    )
    for batch in rows.mappings().partitions(1000):
        found = [
            {
                "id": uuid4(),
                "shop_key": f"uscc:{row['record']['shop_credit_code']}",
                **{name: row[name] for name in names if name in row},
            }
            for row in batch
            if row["record"].get("shop_credit_code")
        ]
        if found:
            bind.execute(sa.insert(findings), found)


def _span_triggers(*, is_sqlite: bool) -> tuple[str, ...]:
    """Return what keeps the spans; schemas.tables.spans has the same."""
    least, most = ("min", "max") if is_sqlite else ("least", "greatest")
    occurred, recorded = (
        _day("NEW.occurred_at", is_sqlite=is_sqlite),
        _day("NEW.recorded_at", is_sqlite=is_sqlite),
    )
    received, linked = (
        _day("reports.received_at", is_sqlite=is_sqlite),
        _day("NEW.linked_at", is_sqlite=is_sqlite),
    )
    of_links = (
        f"(SELECT min({received}) FROM case_reports JOIN reports ON reports.id = "
        "case_reports.report_id WHERE case_reports.case_id = NEW.case_id)"
    )
    of_report = f"(SELECT {received} FROM reports WHERE reports.id = NEW.report_id)"
    moved = (
        "INSERT INTO case_spans (case_id, unit_id, first_day, latest_day, length_class) "
        f"SELECT NEW.case_id, NEW.unit_id, coalesce(min(first_day), {of_links}, {occurred}), "
        f"coalesce(max(latest_day), {recorded}), 0 FROM case_spans WHERE case_id = NEW.case_id "
        "ON CONFLICT (case_id, unit_id) DO NOTHING; "
        f"UPDATE case_spans SET first_day = {least}(first_day, {occurred}), "
        f"latest_day = {most}(latest_day, {occurred}, {recorded}) WHERE case_id = NEW.case_id; "
        f"UPDATE case_spans SET length_class = {_class(f'NEW.to_state IN ({OPEN})')} "
        "WHERE case_id = NEW.case_id; "
    )
    linked_to = (
        f"UPDATE case_spans SET first_day = {least}(first_day, {of_report}), "
        f"latest_day = {most}(latest_day, {of_report}, {linked}) WHERE case_id = NEW.case_id; "
        f"UPDATE case_spans SET length_class = {_class('length_class = -1')} "
        "WHERE case_id = NEW.case_id; "
    )
    found: list[str] = []
    for table, body in (("case_history", moved), ("case_reports", linked_to)):
        if is_sqlite:
            found.append(f"CREATE TRIGGER {table}_span AFTER INSERT ON {table} BEGIN {body}END")
            continue
        found.append(
            f"CREATE OR REPLACE FUNCTION span_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN {body}RETURN NULL; END $$"
        )
        found.append(
            f"CREATE TRIGGER {table}_span AFTER INSERT ON {table} FOR EACH ROW "
            f"EXECUTE FUNCTION span_{table}()"
        )
    return tuple(found)


def _kept_triggers(*, is_sqlite: bool) -> tuple[str, ...]:
    """Return what keeps facts of the past that stand in a case and in a link."""
    differs = "IS NOT" if is_sqlite else "IS DISTINCT FROM"
    found: list[str] = []
    if not is_sqlite:
        found.append(
            "CREATE OR REPLACE FUNCTION refuse_another_past() RETURNS trigger LANGUAGE plpgsql "
            "AS $$ BEGIN RAISE EXCEPTION '%: a fact of the past is kept', TG_TABLE_NAME; END $$"
        )
    for table, (further, columns) in KEPT.items():
        changed = " OR ".join(f"NEW.{name} {differs} OLD.{name}" for name in columns) + further
        found.append(
            f"CREATE TRIGGER {table}_kept BEFORE UPDATE ON {table} WHEN {changed} "
            f"BEGIN SELECT RAISE(ABORT, '{table}: a fact of the past is kept'); END"
            if is_sqlite
            else f"CREATE TRIGGER {table}_kept BEFORE UPDATE ON {table} FOR EACH ROW "
            f"WHEN ({changed}) EXECUTE FUNCTION refuse_another_past()"
        )
    return tuple(found)


def _refuse_changes(table: str, *, is_sqlite: bool) -> None:
    """Make a table append-only in the database itself."""
    if is_sqlite:
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )

"""Casework at depth: approvals, clocks that pause, disputes, loaded calendars."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column("cases", sa.Column("paused_since", sa.Date(), nullable=True))
    op.add_column("case_proposals", sa.Column("act", sa.String(length=20), nullable=True))
    op.add_column("case_proposals", sa.Column("signer_role", sa.String(length=20), nullable=True))
    # Until now only inspectors' conclusions were proposed.
    op.execute("UPDATE case_proposals SET signer_role = 'inspector'")
    op.create_table(
        "case_acts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(length=20), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("second_actor_id", sa.Uuid(), nullable=True),
        sa.Column("record", JSON, nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["staff.id"], name=op.f("fk_case_acts_actor_id_staff")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_acts_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["second_actor_id"], ["staff.id"], name=op.f("fk_case_acts_second_actor_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_acts")),
        sa.UniqueConstraint("case_id", "version", name=op.f("uq_case_acts_case_id_version")),
    )
    op.create_table(
        "loaded_calendars",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("years", JSON, nullable=False),
        sa.Column("days", JSON, nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loaded_calendars")),
    )
    _refuse_changes("case_acts")


def downgrade() -> None:
    op.drop_table("loaded_calendars")
    op.drop_table("case_acts")
    op.drop_column("case_proposals", "signer_role")
    op.drop_column("case_proposals", "act")
    op.drop_column("cases", "paused_since")


def _refuse_changes(table: str) -> None:
    """Make a table append-only in the database itself."""
    if op.get_bind().dialect.name == "sqlite":
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

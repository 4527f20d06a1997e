"""The weekly bulletin: issues that nobody can alter, drafts, and what they are counted by."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "bulletin_issues",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("scope_code", sa.String(length=6), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("week", sa.String(length=8), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("known_at", MOMENT, nullable=False),
        sa.Column("published_at", MOMENT, nullable=False),
        sa.Column("signer_id", sa.Uuid(), nullable=False),
        sa.Column("signer_name", sa.String(length=80), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("deltas", sa.Text(), nullable=False),
        sa.Column("public_document", sa.Text(), nullable=False),
        sa.Column("previous_sha256", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["signer_id"], ["staff.id"], name="fk_bulletin_issues_signer_id_staff"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_bulletin_issues"),
        sa.UniqueConstraint("number", name="uq_bulletin_issues_number"),
        sa.UniqueConstraint(
            "scope_code", "sequence", name="uq_bulletin_issues_scope_code_sequence"
        ),
        sa.UniqueConstraint(
            "scope_code", "week", "revision", name="uq_bulletin_issues_scope_code_week_revision"
        ),
    )
    op.create_index("ix_bulletin_issues_week", "bulletin_issues", ["week", "scope_code"])
    op.create_table(
        "bulletin_drafts",
        sa.Column("scope_code", sa.String(length=6), nullable=False),
        sa.Column("week", sa.String(length=8), nullable=False),
        sa.Column("known_at", MOMENT, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("scope_code", "week", name="pk_bulletin_drafts"),
    )
    # A report's links, those that were ended too, and the points of a week.
    op.create_index("ix_case_reports_report_id", "case_reports", ["report_id"])
    op.create_index("ix_point_entries_posted_at", "point_entries", ["posted_at"])
    _refuse_changes("bulletin_issues")


def downgrade() -> None:
    op.drop_index("ix_point_entries_posted_at", table_name="point_entries")
    op.drop_index("ix_case_reports_report_id", table_name="case_reports")
    op.drop_table("bulletin_drafts")
    op.drop_table("bulletin_issues")


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

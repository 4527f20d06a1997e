"""Notes, mentions, attachments, templates and tasks of re-inspection."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "case_notes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("written_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["author_id"], ["staff.id"], name=op.f("fk_case_notes_author_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name=op.f("fk_case_notes_case_id_cases")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_notes")),
    )
    op.create_index(op.f("ix_case_notes_case_id"), "case_notes", ["case_id"])
    _mentions_and_attachments()
    _tasks_and_templates()
    _refuse_changes()


def downgrade() -> None:
    for table in ("finding_templates", "case_tasks", "case_attachments", "case_mentions"):
        op.drop_table(table)
    op.drop_table("case_notes")


def _mentions_and_attachments() -> None:
    op.create_table(
        "case_mentions",
        sa.Column("note_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("seen_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["note_id"], ["case_notes.id"], name=op.f("fk_case_mentions_note_id_case_notes")
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_case_mentions_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("note_id", "staff_id", name=op.f("pk_case_mentions")),
    )
    op.create_index("ix_case_mentions_work", "case_mentions", ["staff_id", "seen_at", "note_id"])
    op.create_table(
        "case_attachments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("note_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("content_type", sa.String(length=20), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("examined_at", MOMENT, nullable=True),
        sa.Column("unreadable_reason", sa.String(length=40), nullable=True),
        sa.Column("derivative_sizes", JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ["note_id"], ["case_notes.id"], name=op.f("fk_case_attachments_note_id_case_notes")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_attachments")),
    )
    op.create_index(op.f("ix_case_attachments_note_id"), "case_attachments", ["note_id"])
    op.create_index(op.f("ix_case_attachments_examined_at"), "case_attachments", ["examined_at"])


def _tasks_and_templates() -> None:
    op.create_table(
        "case_tasks",
        sa.Column("note_id", sa.Uuid(), nullable=False),
        sa.Column("assignee_id", sa.Uuid(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("due_provisional", sa.Boolean(), nullable=False),
        sa.Column("done_at", MOMENT, nullable=True),
        sa.Column("done_by", sa.Uuid(), nullable=True),
        sa.Column("result", sa.String(length=16), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["assignee_id"], ["staff.id"], name=op.f("fk_case_tasks_assignee_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["done_by"], ["staff.id"], name=op.f("fk_case_tasks_done_by_staff")
        ),
        sa.ForeignKeyConstraint(
            ["note_id"], ["case_notes.id"], name=op.f("fk_case_tasks_note_id_case_notes")
        ),
        sa.PrimaryKeyConstraint("note_id", name=op.f("pk_case_tasks")),
    )
    op.create_index("ix_case_tasks_work", "case_tasks", ["assignee_id", "done_at", "due_on"])
    op.create_table(
        "finding_templates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("category", sa.String(length=24), nullable=True),
        sa.Column("title", sa.String(length=60), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["made_by"], ["staff.id"], name=op.f("fk_finding_templates_made_by_staff")
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["units.id"], name=op.f("fk_finding_templates_unit_id_units")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding_templates")),
    )
    op.create_index(op.f("ix_finding_templates_unit_id"), "finding_templates", ["unit_id"])


def _refuse_changes() -> None:
    """Make the notes append-only in the database itself."""
    if op.get_bind().dialect.name == "sqlite":
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER case_notes_no_{action.lower()} BEFORE {action} ON case_notes "
                "BEGIN SELECT RAISE(ABORT, 'case_notes is append-only'); END"
            )
        return
    op.execute(
        "CREATE TRIGGER case_notes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON case_notes "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )

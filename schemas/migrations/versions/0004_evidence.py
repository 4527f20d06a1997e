"""Sealed reporters, retention tombstones and evidence packages."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_audit_entries_action", "audit_entries", ["action", "id"])
    op.create_index("ix_audit_entries_actor", "audit_entries", ["actor_id", "id"])
    op.create_table(
        "audit_waiting",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["audit_entries.id"], name="fk_audit_waiting_entry_id_audit_entries"
        ),
        sa.PrimaryKeyConstraint("entry_id", name="pk_audit_waiting"),
    )
    op.execute(
        "INSERT INTO audit_waiting (entry_id) SELECT e.id FROM audit_entries e "
        "LEFT JOIN audit_seals s ON s.entry_id = e.id WHERE s.entry_id IS NULL"
    )
    op.create_table(
        "audit_verifications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.Column("fault", sa.String(length=40), nullable=True),
        sa.Column("fault_sequence", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit_verifications"),
    )
    op.create_table(
        "legal_holds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_legal_holds_case_id_cases"),
        sa.PrimaryKeyConstraint("id", name="pk_legal_holds"),
    )
    op.create_index(
        "uq_legal_holds_standing",
        "legal_holds",
        ["case_id"],
        unique=True,
        sqlite_where=sa.text("released_at IS NULL"),
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.add_column("riders", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("riders", sa.Column("tombstone", sa.String(length=64), nullable=True))
    _add_triggers()


def downgrade() -> None:
    op.execute(
        "DROP TRIGGER audit_entries_wait"
        + (" ON audit_entries" if op.get_bind().dialect.name == "postgresql" else "")
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION note_waiting()")
    op.drop_column("riders", "tombstone")
    op.drop_column("riders", "erased_at")
    op.drop_index("uq_legal_holds_standing", table_name="legal_holds")
    op.drop_table("legal_holds")
    op.drop_table("audit_verifications")
    op.drop_table("audit_waiting")
    op.drop_index("ix_audit_entries_actor", table_name="audit_entries")
    op.drop_index("ix_audit_entries_action", table_name="audit_entries")


def _add_triggers() -> None:
    """Refuse changes of verifications, and note each entry that waits for the chain."""
    if op.get_bind().dialect.name == "sqlite":
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_verifications_no_{action.lower()} BEFORE {action} "
                "ON audit_verifications "
                "BEGIN SELECT RAISE(ABORT, 'audit_verifications is append-only'); END"
            )
        op.execute(
            "CREATE TRIGGER audit_entries_wait AFTER INSERT ON audit_entries "
            "BEGIN INSERT INTO audit_waiting (entry_id) VALUES (NEW.id); END"
        )
        return
    op.execute(
        "CREATE TRIGGER audit_verifications_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
        "ON audit_verifications FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE FUNCTION note_waiting() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN INSERT INTO audit_waiting (entry_id) VALUES (NEW.id); RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_entries_wait AFTER INSERT ON audit_entries "
        "FOR EACH ROW EXECUTE FUNCTION note_waiting()"
    )

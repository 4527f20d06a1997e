"""Random draws: lists, draws, their sealed seeds and results; an index of verifications."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
VERIFIED = sa.text("from_state = 'verifying' AND to_state = 'verified'")


def upgrade() -> None:
    op.create_table(
        "draw_frames",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("origin", sa.String(length=200), nullable=False),
        sa.Column("tickets", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("item_count", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        _to("draw_frames", "unit_id", "units"),
        _to("draw_frames", "made_by", "staff"),
        sa.PrimaryKeyConstraint("id", name="pk_draw_frames"),
        sa.UniqueConstraint("unit_id", "sha256", name="uq_draw_frames_unit_id_sha256"),
    )
    op.create_table(
        "draws",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("frame_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("public_source", sa.String(length=200), nullable=False),
        sa.Column("commitment", sa.String(length=64), nullable=False),
        sa.Column("prepared_by", sa.Uuid(), nullable=False),
        sa.Column("prepared_at", MOMENT, nullable=False),
        sa.CheckConstraint("size > 0", name=op.f("ck_draws_size_positive")),
        _to("draws", "frame_id", "draw_frames"),
        _to("draws", "unit_id", "units"),
        _to("draws", "prepared_by", "staff"),
        sa.PrimaryKeyConstraint("id", name="pk_draws"),
        sa.UniqueConstraint("frame_id", "attempt", name="uq_draws_frame_id_attempt"),
    )
    op.create_index("ix_draws_unit", "draws", ["unit_id", "prepared_at"])
    op.create_table(
        "draw_seeds",
        sa.Column("draw_id", sa.Uuid(), nullable=False),
        sa.Column("sealed_seed", sa.LargeBinary(), nullable=False),
        _to("draw_seeds", "draw_id", "draws"),
        sa.PrimaryKeyConstraint("draw_id", name="pk_draw_seeds"),
    )
    op.create_table(
        "draw_results",
        sa.Column("draw_id", sa.Uuid(), nullable=False),
        sa.Column("seed", sa.String(length=64), nullable=False),
        sa.Column("public_value", sa.String(length=80), nullable=False),
        sa.Column("drawn", sa.Text(), nullable=False),
        sa.Column("drawn_by", sa.Uuid(), nullable=False),
        sa.Column("drawn_at", MOMENT, nullable=False),
        _to("draw_results", "draw_id", "draws"),
        _to("draw_results", "drawn_by", "staff"),
        sa.PrimaryKeyConstraint("draw_id", name="pk_draw_results"),
    )
    for table in ("draw_frames", "draws", "draw_results"):
        _refuse_changes(table)
    op.create_index(
        "ix_case_history_verified",
        "case_history",
        ["occurred_at", "case_id", "version"],
        sqlite_where=VERIFIED,
        postgresql_where=VERIFIED,
    )


def downgrade() -> None:
    op.drop_index("ix_case_history_verified", "case_history")
    for table in ("draw_results", "draw_seeds", "draws", "draw_frames"):
        op.drop_table(table)


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{table}_{column}_{other}")


def _refuse_changes(table: str) -> None:
    """Make a table append-only in the database itself."""
    if op.get_bind().dialect.name == "sqlite":
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} "
                f"ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
        f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )

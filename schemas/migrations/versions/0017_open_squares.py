"""How many open cases lie in each square, so that a country's map is not counted at each look."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "open_squares",
        sa.Column("tree_id", sa.Uuid(), nullable=False),
        sa.Column("square", sa.Integer(), nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("latitude_sum", sa.Float(), nullable=False),
        sa.Column("longitude_sum", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tree_id"], ["units.id"], name=op.f("fk_open_squares_tree_id_units")
        ),
        sa.PrimaryKeyConstraint("tree_id", "square", name=op.f("pk_open_squares")),
    )
    op.create_table(
        "open_squares_counts",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_open_squares_counts")),
    )
    op.execute("INSERT INTO open_squares_counts (id, counted_at) VALUES (1, '2000-01-01 00:00:00')")


def downgrade() -> None:
    op.drop_table("open_squares_counts")
    op.drop_table("open_squares")

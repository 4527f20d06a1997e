"""Indexes that alone tell what a list or the map asks, and words for what lists are narrowed to."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

LISTED = ("tree_1", "tree_2", "tree_3", "tree_4", "unit_id", "assignee_id")


def upgrade() -> None:
    _index_anew("received_at", "state")
    op.drop_index(op.f("ix_cases_open_cell"), table_name="cases")
    op.create_index(
        "ix_cases_map",
        "cases",
        ["open_cell", "tree_1", "tree_2", "tree_3", "latitude", "longitude"],
        sqlite_where=sa.text("open_cell IS NOT NULL"),
        postgresql_where=sa.text("open_cell IS NOT NULL"),
    )
    # `migrate` writes the words anew where there are none: they hold more than before.
    op.execute("DELETE FROM case_words")


def downgrade() -> None:
    op.drop_index("ix_cases_map", table_name="cases")
    op.create_index(op.f("ix_cases_open_cell"), "cases", ["open_cell"])
    _index_anew()


def _index_anew(*further: str) -> None:
    for column in LISTED:
        name = f"ix_cases_{column.removesuffix('_id')}"
        op.drop_index(name, table_name="cases")
        op.create_index(name, "cases", [column, "stage", "due_on", "id", *further])

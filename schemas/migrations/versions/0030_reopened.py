"""An index of the few rows of a case's history by which it was taken up again."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_REOPENED = sa.text("to_state = 'reopened'")


def upgrade() -> None:
    op.create_index(
        "ix_case_history_reopened",
        "case_history",
        ["case_id", "version"],
        sqlite_where=_REOPENED,
        postgresql_where=_REOPENED,
    )


def downgrade() -> None:
    op.drop_index("ix_case_history_reopened", table_name="case_history")

"""Places of campaigns that are whole squares of the map of risk, and not shops."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "campaign_shops",
        sa.Column("is_square", sa.Boolean(), nullable=False, server_default=sa.false()),
    )


def downgrade() -> None:
    op.drop_column("campaign_shops", "is_square")

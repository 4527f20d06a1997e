"""Notices of the campaigns that a rider is asked to take part in."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_FOREIGN = "fk_notices_campaign_id_campaigns"
_OFFERED = sa.text("campaign_id IS NOT NULL")


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        # In place: a copy of the table would leave its deliveries without it for a moment.
        op.execute(
            "ALTER TABLE notices ADD COLUMN campaign_id CHAR(32) "
            f"CONSTRAINT {_FOREIGN} REFERENCES campaigns (id)"
        )
    else:
        op.add_column("notices", sa.Column("campaign_id", sa.Uuid(), nullable=True))
        op.create_foreign_key(_FOREIGN, "notices", "campaigns", ["campaign_id"], ["id"])
    op.create_index(
        "uq_notices_campaign",
        "notices",
        ["campaign_id", "rider_id"],
        unique=True,
        sqlite_where=_OFFERED,
        postgresql_where=_OFFERED,
    )


def downgrade() -> None:
    op.drop_index("uq_notices_campaign", table_name="notices")
    # What they say has no words any more.
    told = "SELECT id FROM notices WHERE campaign_id IS NOT NULL"
    op.execute(f"DELETE FROM deliveries WHERE notice_id IN ({told})")
    op.execute("DELETE FROM notices WHERE campaign_id IS NOT NULL")
    op.drop_column("notices", "campaign_id")

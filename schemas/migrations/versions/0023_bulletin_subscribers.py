"""Subscribers of the bulletin, and each issue on its way to each of them."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "bulletin_subscribers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("scope_code", sa.String(length=6), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("sealed_address", sa.LargeBinary(), nullable=False),
        sa.Column("is_internal", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["created_by"], ["staff.id"], name="fk_bulletin_subscribers_created_by_staff"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_bulletin_subscribers"),
    )
    op.create_index("ix_bulletin_subscribers_scope", "bulletin_subscribers", ["scope_code"])
    op.create_table(
        "bulletin_deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column("issue_id", sa.Uuid(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("outcome", sa.String(length=8), nullable=True),
        sa.Column("last_error", sa.String(length=40), nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["bulletin_subscribers.id"],
            name="fk_bulletin_deliveries_subscriber_id_bulletin_subscribers",
        ),
        sa.ForeignKeyConstraint(
            ["issue_id"],
            ["bulletin_issues.id"],
            name="fk_bulletin_deliveries_issue_id_bulletin_issues",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_bulletin_deliveries"),
        sa.UniqueConstraint(
            "subscriber_id", "issue_id", name="uq_bulletin_deliveries_subscriber_id_issue_id"
        ),
    )
    op.create_index("ix_bulletin_deliveries_due", "bulletin_deliveries", ["due_at"])


def downgrade() -> None:
    op.drop_table("bulletin_deliveries")
    op.drop_table("bulletin_subscribers")

"""Browser sessions of riders, and the one-time codes they begin with."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("rider_tokens") as batch:
        batch.add_column(
            sa.Column("kind", sa.String(length=8), nullable=False, server_default="bearer")
        )
        batch.add_column(sa.Column("device", sa.String(length=40), nullable=True))
        batch.add_column(sa.Column("last_used_on", sa.Date(), nullable=True))
        batch.add_column(sa.Column("expires_at", MOMENT, nullable=True))
        batch.create_check_constraint("kind_known", "kind in ('bearer', 'browser')")
    op.create_table(
        "sign_in_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("phone_digest", sa.String(length=64), nullable=False),
        sa.Column("code_digest", sa.String(length=64), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.Column("sealed_message", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_codes")),
    )
    op.create_index(op.f("ix_sign_in_codes_phone_digest"), "sign_in_codes", ["phone_digest"])
    op.create_index(op.f("ix_sign_in_codes_asked_at"), "sign_in_codes", ["asked_at"])


def downgrade() -> None:
    op.drop_table("sign_in_codes")
    with op.batch_alter_table("rider_tokens") as batch:
        batch.drop_constraint("kind_known", type_="check")
        for column in ("expires_at", "last_used_on", "device", "kind"):
            batch.drop_column(column)

"""Invitations of riders that a unit makes for its own area, and can print again."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("invitations") as batch:
        batch.add_column(sa.Column("unit_id", sa.Uuid(), nullable=True))
        batch.add_column(sa.Column("made_by", sa.Uuid(), nullable=True))
        batch.add_column(sa.Column("ended_by", sa.Uuid(), nullable=True))
        batch.add_column(sa.Column("sealed_token", sa.LargeBinary(), nullable=True))
        for column, target in (
            ("unit_id", "units"),
            ("made_by", "staff"),
            ("ended_by", "staff"),
        ):
            batch.create_foreign_key(
                op.f(f"fk_invitations_{column}_{target}"), target, [column], ["id"]
            )
    op.create_index(op.f("ix_invitations_unit_id"), "invitations", ["unit_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_invitations_unit_id"), "invitations")
    with op.batch_alter_table("invitations") as batch:
        for column, target in (
            ("ended_by", "staff"),
            ("made_by", "staff"),
            ("unit_id", "units"),
        ):
            batch.drop_constraint(op.f(f"fk_invitations_{column}_{target}"), type_="foreignkey")
        for column in ("sealed_token", "ended_by", "made_by", "unit_id"):
            batch.drop_column(column)

"""Supplies that were given, published lists of honour, and riders' consents to be named."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "supplies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(length=80), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("occasion", sa.String(length=120), nullable=False),
        sa.Column("given_on", sa.Date(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("cancelled_at", MOMENT, nullable=True),
        sa.Column("cancelled_by", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_supplies_quantity_positive")),
        _to("supplies", "account_id", "point_accounts"),
        _to("supplies", "unit_id", "units"),
        _to("supplies", "made_by", "staff"),
        _to("supplies", "cancelled_by", "staff"),
        sa.PrimaryKeyConstraint("id", name="pk_supplies"),
    )
    op.create_index("ix_supplies_account_id", "supplies", ["account_id"])
    op.create_index("ix_supplies_unit", "supplies", ["unit_id", "given_on"])
    op.create_table(
        "honour_rolls",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("period", sa.String(length=8), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        _to("honour_rolls", "unit_id", "units"),
        _to("honour_rolls", "made_by", "staff"),
        _to("honour_rolls", "ended_by", "staff"),
        sa.PrimaryKeyConstraint("id", name="pk_honour_rolls"),
    )
    _one_standing("honour_rolls", ["unit_id", "period"], "ended_at IS NULL")
    op.create_table(
        "honour_places",
        sa.Column("roll_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        _to("honour_places", "roll_id", "honour_rolls"),
        _to("honour_places", "account_id", "point_accounts"),
        sa.PrimaryKeyConstraint("roll_id", "account_id", name="pk_honour_places"),
    )
    op.create_index("ix_honour_places_account_id", "honour_places", ["account_id"])
    op.create_table(
        "honour_consents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rider_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.String(length=10), nullable=False),
        sa.Column("sealed_name", sa.LargeBinary(), nullable=False),
        sa.Column("given_at", MOMENT, nullable=False),
        sa.Column("withdrawn_at", MOMENT, nullable=True),
        _to("honour_consents", "rider_id", "riders"),
        sa.PrimaryKeyConstraint("id", name="pk_honour_consents"),
    )
    _one_standing("honour_consents", ["rider_id"], "withdrawn_at IS NULL")


def downgrade() -> None:
    op.drop_table("honour_consents")
    op.drop_table("honour_places")
    op.drop_table("honour_rolls")
    op.drop_table("supplies")


def _one_standing(table: str, columns: list[str], condition: str) -> None:
    stands = sa.text(condition)
    op.create_index(
        f"uq_{table}_standing",
        table,
        columns,
        unique=True,
        sqlite_where=stands,
        postgresql_where=stands,
    )


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{table}_{column}_{other}")

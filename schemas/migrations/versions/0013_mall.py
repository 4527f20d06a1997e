"""The points mall: offers with a stock, and redemptions by a one-time code."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "point_offers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(length=80), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("price_points", sa.Integer(), nullable=False),
        sa.Column("stock", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("hold_days", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        _check("taken_within_stock", "taken >= 0 AND taken <= stock"),
        _check("price_positive", "price_points > 0"),
        _check("days_in_order", "starts_on <= ends_on"),
        _to("point_offers", "station_id", "stations"),
        _to("point_offers", "unit_id", "units"),
        _to("point_offers", "made_by", "staff"),
        _to("point_offers", "ended_by", "staff"),
        sa.PrimaryKeyConstraint("id", name="pk_point_offers"),
    )
    op.create_index("ix_point_offers_open", "point_offers", ["ended_at", "ends_on"])
    op.create_table(
        "point_redemptions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("rider_id", sa.Uuid(), nullable=False),
        sa.Column("request_key", sa.Uuid(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("sealed_code", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("settled_at", MOMENT, nullable=True),
        _to("point_redemptions", "offer_id", "point_offers"),
        _to("point_redemptions", "rider_id", "riders"),
        sa.PrimaryKeyConstraint("id", name="pk_point_redemptions"),
        sa.UniqueConstraint("code_hash", name="uq_point_redemptions_code_hash"),
    )
    op.create_index("ix_point_redemptions_offer_id", "point_redemptions", ["offer_id"])
    op.create_index(
        "uq_point_redemptions_request",
        "point_redemptions",
        ["rider_id", "request_key"],
        unique=True,
    )
    op.create_index("ix_point_redemptions_due", "point_redemptions", ["status", "expires_at"])
    op.add_column("point_entries", sa.Column("redemption_id", sa.Uuid(), nullable=True))
    op.create_index("ix_point_entries_redemption_id", "point_entries", ["redemption_id"])


def downgrade() -> None:
    op.drop_index("ix_point_entries_redemption_id", table_name="point_entries")
    op.drop_column("point_entries", "redemption_id")
    op.drop_table("point_redemptions")
    op.drop_table("point_offers")


def _check(name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_point_offers_{name}"))


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{table}_{column}_{other}")

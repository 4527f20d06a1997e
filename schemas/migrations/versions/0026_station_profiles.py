"""Where stations lie and what they offer."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "station_profiles",
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("county_code", sa.String(length=6), nullable=False),
        sa.Column("latitude", sa.Float(precision=53), nullable=True),
        sa.Column("longitude", sa.Float(precision=53), nullable=True),
        sa.Column("services", JSON, nullable=False),
        sa.Column("hours", JSON, nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name="fk_station_profiles_station_id_stations"
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["units.id"], name="fk_station_profiles_unit_id_units"
        ),
        sa.PrimaryKeyConstraint("station_id", name="pk_station_profiles"),
    )
    op.create_index("ix_station_profiles_unit_id", "station_profiles", ["unit_id"])


def downgrade() -> None:
    op.drop_table("station_profiles")

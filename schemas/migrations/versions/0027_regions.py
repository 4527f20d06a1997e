"""Large regions of photos and the lists in which they are looked up.

Photos that were examined before get theirs by `rematch`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_UNPACKED = sa.text("block_id IS NULL")


def upgrade() -> None:
    op.create_table(
        "photo_regions",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("photo_id", sa.Uuid(), nullable=False),
        sa.Column("stored", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("block_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["photo_id"], ["photos.id"], name=op.f("fk_photo_regions_photo_id_photos")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_photo_regions")),
        sa.UniqueConstraint("photo_id", name=op.f("uq_photo_regions_photo_id")),
    )
    op.create_index(
        "ix_photo_regions_unpacked",
        "photo_regions",
        ["id"],
        sqlite_where=_UNPACKED,
        postgresql_where=_UNPACKED,
    )
    op.create_table(
        "region_blocks",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_region_blocks")),
    )
    op.create_table(
        "region_segments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("first_block", sa.Integer(), nullable=False),
        sa.Column("last_block", sa.Integer(), nullable=False),
        sa.Column("shift", sa.Integer(), nullable=False),
        sa.Column("base_id", _BIG, nullable=False),
        sa.Column("hashes", sa.Integer(), nullable=False),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["first_block"],
            ["region_blocks.id"],
            name=op.f("fk_region_segments_first_block_region_blocks"),
        ),
        sa.ForeignKeyConstraint(
            ["last_block"],
            ["region_blocks.id"],
            name=op.f("fk_region_segments_last_block_region_blocks"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_region_segments")),
        sa.UniqueConstraint(
            "first_block", "last_block", name=op.f("uq_region_segments_first_block_last_block")
        ),
    )
    op.create_table(
        "region_lists",
        sa.Column("id", _BIG, autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_region_lists")),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Bits of pictures have nothing that could be compressed; trying takes time.
        for table in ("photo_regions", "region_blocks", "region_lists"):
            op.execute(f"ALTER TABLE {table} ALTER COLUMN data SET STORAGE EXTERNAL")


def downgrade() -> None:
    for table in ("region_lists", "region_segments", "region_blocks"):
        op.drop_table(table)
    op.drop_index("ix_photo_regions_unpacked", table_name="photo_regions")
    op.drop_table("photo_regions")

"""Hashes in blocks and lists that both databases search alike, in place of a key a row.

What was stored before is packed by the clock; until then searches read it row by row.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_UNPACKED = sa.text("block_id IS NULL")
_BATCH = 5_000


def upgrade() -> None:
    op.create_table(
        "hash_blocks",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hash_blocks")),
    )
    op.create_table(
        "hash_segments",
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
            ["hash_blocks.id"],
            name=op.f("fk_hash_segments_first_block_hash_blocks"),
        ),
        sa.ForeignKeyConstraint(
            ["last_block"], ["hash_blocks.id"], name=op.f("fk_hash_segments_last_block_hash_blocks")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hash_segments")),
        sa.UniqueConstraint(
            "first_block", "last_block", name=op.f("uq_hash_segments_first_block_last_block")
        ),
    )
    op.create_table(
        "hash_lists",
        sa.Column("id", _BIG, autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hash_lists")),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Hashes have nothing that could be compressed; trying takes longer than reading.
        op.execute("ALTER TABLE hash_blocks ALTER COLUMN data SET STORAGE EXTERNAL")
        op.drop_index("ix_photo_hashes_bands", table_name="photo_hashes")
    else:
        op.drop_table("photo_bands")
    op.drop_column("photo_hashes", "bands")
    op.add_column("photo_hashes", sa.Column("block_id", sa.Integer(), nullable=True))
    op.create_index(
        "ix_photo_hashes_unpacked",
        "photo_hashes",
        ["id"],
        sqlite_where=_UNPACKED,
        postgresql_where=_UNPACKED,
    )


def downgrade() -> None:
    op.drop_index("ix_photo_hashes_unpacked", table_name="photo_hashes")
    op.drop_column("photo_hashes", "block_id")
    op.add_column(
        "photo_hashes",
        sa.Column("bands", postgresql.ARRAY(sa.Integer()).with_variant(sa.JSON(), "sqlite")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.create_index("ix_photo_hashes_bands", "photo_hashes", ["bands"], postgresql_using="gin")
    else:
        op.create_table(
            "photo_bands",
            sa.Column("band", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("hash_id", _BIG, autoincrement=False, nullable=False),
            sa.ForeignKeyConstraint(
                ["hash_id"], ["photo_hashes.id"], name=op.f("fk_photo_bands_hash_id_photo_hashes")
            ),
            sa.PrimaryKeyConstraint("band", "hash_id", name=op.f("pk_photo_bands")),
            sqlite_with_rowid=False,
        )
    _write_bands()
    op.drop_table("hash_lists")
    op.drop_table("hash_segments")
    op.drop_table("hash_blocks")


def _write_bands() -> None:
    """Give every hash that means something its sixteen keys again, as revision 0015 reads them."""
    connection, last = op.get_bind(), 0
    hashes = sa.text(
        "SELECT id, pdq FROM photo_hashes WHERE id > :last AND quality >= 50 "
        "ORDER BY id LIMIT :most"
    )
    while rows := connection.execute(hashes, {"last": last, "most": _BATCH}).all():
        last = rows[-1][0]
        keys = {
            key: [n << 16 | int.from_bytes(pdq[2 * n : 2 * n + 2], "big") for n in range(16)]
            for key, pdq in rows
        }
        if connection.dialect.name == "postgresql":
            statement = "UPDATE photo_hashes SET bands = :bands WHERE id = :id"
            given = [{"id": key, "bands": bands} for key, bands in keys.items()]
        else:
            statement = "INSERT INTO photo_bands (band, hash_id) VALUES (:band, :id)"
            given = [{"id": key, "band": each} for key, bands in keys.items() for each in bands]
        connection.execute(sa.text(statement), given)

"""Second factors, sessions that wait for one, sign-in links, narrowed staff tokens."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Columns = dict[str, sa.types.TypeEngine[Any]]
UTC = sa.DateTime(timezone=True)
OF_STAFF: Columns = {
    "password_changed_at": UTC,
    "sealed_totp": sa.LargeBinary(),
    "totp_since": UTC,
    "totp_last_step": sa.BigInteger(),
}
OF_SESSIONS: Columns = {"awaits": sa.String(20), "browser": sa.String(40)}


def upgrade() -> None:
    for table, columns in (("staff", OF_STAFF), ("staff_sessions", OF_SESSIONS)):
        for name, kind in columns.items():
            op.add_column(table, sa.Column(name, kind))
    op.create_table(
        "staff_recovery_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("used_at", UTC),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_staff_recovery_codes_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_recovery_codes")),
    )
    op.create_index(op.f("ix_staff_recovery_codes_staff_id"), "staff_recovery_codes", ["staff_id"])
    op.create_table(
        "staff_links",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("expires_at", UTC, nullable=False),
        sa.Column("ended_at", UTC),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_staff_links_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_staff_links_token_hash")),
    )
    op.create_index(op.f("ix_staff_links_staff_id"), "staff_links", ["staff_id"])
    # SQLite adds a foreign key only by making the table anew.
    with op.batch_alter_table("staff_tokens") as batch:
        batch.add_column(sa.Column("name", sa.String(80)))
        batch.add_column(sa.Column("role", sa.String(20)))
        batch.add_column(sa.Column("unit_id", sa.Uuid()))
        batch.add_column(sa.Column("seen_at", UTC))
        batch.create_foreign_key(
            op.f("fk_staff_tokens_unit_id_units"), "units", ["unit_id"], ["id"]
        )


def downgrade() -> None:
    with op.batch_alter_table("staff_tokens") as batch:
        batch.drop_constraint(op.f("fk_staff_tokens_unit_id_units"), type_="foreignkey")
        for name in ("seen_at", "unit_id", "role", "name"):
            batch.drop_column(name)
    op.drop_table("staff_links")
    op.drop_table("staff_recovery_codes")
    for table, columns in (("staff_sessions", OF_SESSIONS), ("staff", OF_STAFF)):
        for name in columns:
            op.drop_column(table, name)

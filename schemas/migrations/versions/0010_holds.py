"""Who holds and releases a case and why, what the clock does at night, cases by their shop."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)
BY = ("held_by", "released_by")


def upgrade() -> None:
    with op.batch_alter_table("legal_holds") as batch:
        for name in BY:
            batch.add_column(sa.Column(name, sa.Uuid(), nullable=True))
            batch.create_foreign_key(op.f(f"fk_legal_holds_{name}_staff"), "staff", [name], ["id"])
        batch.add_column(sa.Column("release_reason", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "nightly_runs",
        sa.Column("task", sa.String(length=20), nullable=False),
        sa.Column("ran_at", MOMENT, nullable=False),
        sa.Column("facts", JSON, nullable=False),
        sa.PrimaryKeyConstraint("task", name=op.f("pk_nightly_runs")),
    )
    op.create_index("ix_cases_premises_name", "cases", ["premises_name"])


def downgrade() -> None:
    op.drop_index("ix_cases_premises_name", table_name="cases")
    op.drop_table("nightly_runs")
    with op.batch_alter_table("legal_holds") as batch:
        batch.drop_column("release_reason")
        for name in BY:
            batch.drop_constraint(op.f(f"fk_legal_holds_{name}_staff"), type_="foreignkey")
            batch.drop_column(name)

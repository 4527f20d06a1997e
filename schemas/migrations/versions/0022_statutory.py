"""Statutory rewards: applications, and their ledger in fen."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "reward_claims",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("rider_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.String(length=24), nullable=False),
        sa.Column("base_fen", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("applied_at", MOMENT, nullable=False),
        sa.Column("grade", sa.Integer(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("document_number", sa.String(length=80), nullable=True),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("paid_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("base_fen >= 0", name=op.f("ck_reward_claims_base_not_negative")),
        sa.CheckConstraint(
            "amount_fen IS NULL OR amount_fen > 0",
            name=op.f("ck_reward_claims_amount_positive"),
        ),
        _to("reward_claims", "case_id", "cases"),
        _to("reward_claims", "report_id", "reports"),
        _to("reward_claims", "rider_id", "riders"),
        _to("reward_claims", "unit_id", "units"),
        _to("reward_claims", "decided_by", "staff"),
        _to("reward_claims", "paid_by", "staff"),
        sa.PrimaryKeyConstraint("id", name="pk_reward_claims"),
        sa.UniqueConstraint("case_id", name="uq_reward_claims_case_id"),
    )
    op.create_index("ix_reward_claims_rider_id", "reward_claims", ["rider_id"])
    op.create_index("ix_reward_claims_unit", "reward_claims", ["unit_id", "status", "id"])
    op.create_table(
        "reward_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("from_account", sa.String(length=8), nullable=False),
        sa.Column("to_account", sa.String(length=8), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("actor_kind", sa.String(length=12), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("posted_at", MOMENT, nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_reward_entries_amount_positive")),
        sa.CheckConstraint(
            "from_account <> to_account", name=op.f("ck_reward_entries_two_accounts")
        ),
        _to("reward_entries", "claim_id", "reward_claims"),
        sa.PrimaryKeyConstraint("id", name="pk_reward_entries"),
        sa.UniqueConstraint("key", name="uq_reward_entries_key"),
    )
    op.create_index("ix_reward_entries_claim_id", "reward_entries", ["claim_id"])
    _refuse_changes("reward_entries")


def downgrade() -> None:
    op.drop_table("reward_entries")
    op.drop_table("reward_claims")


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{table}_{column}_{other}")


def _refuse_changes(table: str) -> None:
    """Make a table append-only in the database itself."""
    if op.get_bind().dialect.name == "sqlite":
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} "
                f"ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
        f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )

"""Points: accounts, awards, entries that nobody can alter, and who earns none."""

from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _accounts()
    _awards()
    _entries()
    _exclusions()
    _refuse_changes()


def downgrade() -> None:
    for table in ("point_exclusions", "point_entries", "point_awards", "point_accounts"):
        op.drop_table(table)


def _accounts() -> None:
    accounts = op.create_table(
        "point_accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("rider_id", sa.Uuid(), nullable=True),
        sa.Column("pseudonym", sa.String(length=20), nullable=True),
        sa.Column("opened_at", MOMENT, nullable=False),
        _to("point_accounts", "rider_id", "riders"),
        sa.PrimaryKeyConstraint("id", name="pk_point_accounts"),
        sa.UniqueConstraint("pseudonym", name="uq_point_accounts_pseudonym"),
    )
    op.create_index("uq_point_accounts_rider", "point_accounts", ["rider_id", "kind"], unique=True)
    # The product's own accounts, under keys that are the same everywhere.
    key = "00000000-0000-7000-8000-00000000000"
    for number, kind in enumerate(("issue", "held", "spent"), start=1):
        op.execute(
            accounts.insert().values(
                id=UUID(f"{key}{number}"),
                kind=kind,
                opened_at=sa.func.current_timestamp(),
            )
        )


def _awards() -> None:
    op.create_table(
        "point_awards",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.String(length=24), nullable=False),
        sa.Column("edition", sa.String(length=24), nullable=False),
        sa.Column("cause", sa.String(length=120), nullable=False),
        sa.Column("rider_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=True),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("report_id", sa.Uuid(), nullable=True),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("uncapped_points", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("earned_at", MOMENT, nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_code", sa.String(length=24), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "points >= 0 AND points <= uncapped_points",
            name=op.f("ck_point_awards_points_within_rule"),
        ),
        _to("point_awards", "rider_id", "riders"),
        _to("point_awards", "unit_id", "units"),
        _to("point_awards", "case_id", "cases"),
        _to("point_awards", "report_id", "reports"),
        *(_to("point_awards", name, "staff") for name in ("made_by", "decided_by", "ended_by")),
        sa.PrimaryKeyConstraint("id", name="pk_point_awards"),
    )
    stands = sa.text("ended_at IS NULL")
    for name, columns in (
        ("standing", ["rule", "cause"]),
        ("incident", ["incident_id", "rider_id"]),
    ):
        op.create_index(
            f"uq_point_awards_{name}", "point_awards", columns, unique=True,
            sqlite_where=stands, postgresql_where=stands,
        )  # fmt: skip
    op.create_index("ix_point_awards_queue", "point_awards", ["unit_id", "status", "id"])
    op.create_index("ix_point_awards_month", "point_awards", ["rider_id", "made_at"])
    for column in ("incident_id", "report_id"):
        op.create_index(f"ix_point_awards_{column}", "point_awards", [column])


def _entries() -> None:
    op.create_table(
        "point_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("from_account_id", sa.Uuid(), nullable=False),
        sa.Column("to_account_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("award_id", sa.Uuid(), nullable=True),
        sa.Column("reason_code", sa.String(length=24), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor_kind", sa.String(length=12), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("posted_at", MOMENT, nullable=False),
        sa.CheckConstraint("points > 0", name=op.f("ck_point_entries_points_positive")),
        sa.CheckConstraint(
            "from_account_id <> to_account_id", name=op.f("ck_point_entries_two_accounts")
        ),
        _to("point_entries", "from_account_id", "point_accounts"),
        _to("point_entries", "to_account_id", "point_accounts"),
        _to("point_entries", "award_id", "point_awards"),
        sa.PrimaryKeyConstraint("id", name="pk_point_entries"),
        sa.UniqueConstraint("key", name="uq_point_entries_key"),
    )
    op.create_index("ix_point_entries_from", "point_entries", ["from_account_id", "id"])
    op.create_index("ix_point_entries_to", "point_entries", ["to_account_id", "id"])
    op.create_index("ix_point_entries_award_id", "point_entries", ["award_id"])


def _exclusions() -> None:
    op.create_table(
        "point_exclusions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=True),
        sa.Column("rider_id", sa.Uuid(), nullable=True),
        sa.Column("code", sa.String(length=24), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(report_id IS NULL) <> (rider_id IS NULL)",
            name=op.f("ck_point_exclusions_one_subject"),
        ),
        _to("point_exclusions", "report_id", "reports"),
        _to("point_exclusions", "rider_id", "riders"),
        _to("point_exclusions", "made_by", "staff"),
        _to("point_exclusions", "ended_by", "staff"),
        sa.PrimaryKeyConstraint("id", name="pk_point_exclusions"),
    )
    for column in ("report_id", "rider_id"):
        op.create_index(f"ix_point_exclusions_{column}", "point_exclusions", [column])


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{table}_{column}_{other}")


def _refuse_changes() -> None:
    """Make the entries append-only in the database itself."""
    if op.get_bind().dialect.name == "sqlite":
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER point_entries_no_{action.lower()} BEFORE {action} "
                "ON point_entries BEGIN SELECT RAISE(ABORT, 'point_entries is append-only'); END"
            )
        return
    op.execute(
        "CREATE TRIGGER point_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
        "ON point_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )

"""Campaigns: shops to visit, invitations, tasks, and what happened, append-only."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
HELD = sa.text("rider_id IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "campaigns",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("close_reason", sa.Text(), nullable=False),
        sa.CheckConstraint("starts_on <= ends_on", name=op.f("ck_campaigns_days_in_order")),
        _to("campaigns", "unit_id", "units"),
        _to("campaigns", "made_by", "staff"),
        _to("campaigns", "closed_by", "staff"),
        sa.PrimaryKeyConstraint("id", name="pk_campaigns"),
    )
    op.create_index("ix_campaigns_unit", "campaigns", ["unit_id", "id"])
    op.create_table(
        "campaign_shops",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=300), nullable=False),
        sa.Column("latitude", sa.Float(53), nullable=True),
        sa.Column("longitude", sa.Float(53), nullable=True),
        _to("campaign_shops", "campaign_id", "campaigns"),
        sa.PrimaryKeyConstraint("id", name="pk_campaign_shops"),
    )
    op.create_index("uq_campaign_shops", "campaign_shops", ["campaign_id", "position"], unique=True)
    op.create_table(
        "campaign_invitations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("rider_id", sa.Uuid(), nullable=False),
        sa.Column("invited_at", MOMENT, nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=True),
        sa.Column("answered_at", MOMENT, nullable=True),
        _to("campaign_invitations", "campaign_id", "campaigns"),
        _to("campaign_invitations", "rider_id", "riders"),
        sa.PrimaryKeyConstraint("id", name="pk_campaign_invitations"),
    )
    op.create_index(
        "uq_campaign_invitations", "campaign_invitations", ["campaign_id", "rider_id"], unique=True
    )
    op.create_index("ix_campaign_invitations_rider", "campaign_invitations", ["rider_id"])
    op.create_table(
        "campaign_tasks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("rider_id", sa.Uuid(), nullable=True),
        sa.Column("is_near", sa.Boolean(), nullable=True),
        sa.Column("obstacle", sa.String(length=12), nullable=True),
        sa.Column("rejection", sa.String(length=12), nullable=True),
        sa.Column("rejected_by", sa.Uuid(), nullable=True),
        _to("campaign_tasks", "campaign_id", "campaigns"),
        _to("campaign_tasks", "shop_id", "campaign_shops"),
        _to("campaign_tasks", "rider_id", "riders"),
        _to("campaign_tasks", "rejected_by", "staff"),
        sa.PrimaryKeyConstraint("id", name="pk_campaign_tasks"),
    )
    op.create_index("ix_campaign_tasks_campaign", "campaign_tasks", ["campaign_id", "status"])
    op.create_index("ix_campaign_tasks_rider", "campaign_tasks", ["rider_id"])
    op.create_index(
        "uq_campaign_tasks_rider",
        "campaign_tasks",
        ["shop_id", "rider_id"],
        unique=True,
        sqlite_where=HELD,
        postgresql_where=HELD,
    )
    _events()


def downgrade() -> None:
    for table in (
        "campaign_tips",
        "campaign_events",
        "campaign_tasks",
        "campaign_invitations",
        "campaign_shops",
        "campaigns",
    ):
        op.drop_table(table)


def _events() -> None:
    op.create_table(
        "campaign_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("tasks", sa.Integer(), nullable=True),
        sa.Column("occurred_at", MOMENT, nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        _to("campaign_events", "campaign_id", "campaigns"),
        _to("campaign_events", "task_id", "campaign_tasks"),
        _to("campaign_events", "unit_id", "units"),
        sa.PrimaryKeyConstraint("id", name="pk_campaign_events"),
    )
    for name, columns in (
        ("ix_campaign_events_occurred", ["occurred_at"]),
        ("ix_campaign_events_recorded", ["recorded_at"]),
        ("ix_campaign_events_due", ["due_at"]),
        ("ix_campaign_events_campaign", ["campaign_id", "kind"]),
        ("ix_campaign_events_task_id", ["task_id"]),
    ):
        op.create_index(name, "campaign_events", columns)
    op.create_table(
        "campaign_tips",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        _to("campaign_tips", "task_id", "campaign_tasks"),
        _to("campaign_tips", "report_id", "reports"),
        sa.PrimaryKeyConstraint("task_id", name="pk_campaign_tips"),
        sa.UniqueConstraint("report_id", name="uq_campaign_tips_report_id"),
    )
    for table in ("campaign_events", "campaign_tips"):
        _refuse_changes(table)


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

"""Notices to riders with their ways out, and suggestions."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NEWS = ("case_history", "case_reports")


def upgrade() -> None:
    _suggestions()
    _notices()
    _ways_out()
    # What riders could read before there were notices is no news to them.
    op.execute(
        "INSERT INTO report_news (report_id, department, case_id, version, state) "
        "SELECT r.report_id, r.department, c.id, c.version, c.state "
        "FROM case_reports r JOIN cases c ON c.id = r.case_id WHERE r.unlinked_at IS NULL"
    )
    _note_news()


def downgrade() -> None:
    for table in NEWS:
        on = f" ON {table}" if op.get_bind().dialect.name == "postgresql" else ""
        op.execute(f"DROP TRIGGER {table}_news{on}")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION note_news()")
    for table in ("deliveries", "messenger_links", "push_subscriptions", "notices"):
        op.drop_table(table)
    for table in ("suggestions", "report_news", "case_news"):
        op.drop_table(table)


def _suggestions() -> None:
    op.create_table(
        "suggestions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=24), nullable=False),
        sa.Column("rider_id", sa.Uuid(), nullable=False),
        sa.Column("request_key", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_at", MOMENT, nullable=True),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["answered_by"], ["staff.id"], name=op.f("fk_suggestions_answered_by_staff")
        ),
        sa.ForeignKeyConstraint(
            ["rider_id"], ["riders.id"], name=op.f("fk_suggestions_rider_id_riders")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suggestions")),
        sa.UniqueConstraint("number", name=op.f("uq_suggestions_number")),
        sa.UniqueConstraint(
            "rider_id", "request_key", name=op.f("uq_suggestions_rider_id_request_key")
        ),
    )
    op.create_index("ix_suggestions_list", "suggestions", ["answered_at", "id"])


def _notices() -> None:
    op.create_table(
        "case_news",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_news_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_news")),
    )
    op.create_table(
        "report_news",
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("department", sa.String(length=12), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=14), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name=op.f("fk_report_news_case_id_cases")
        ),
        sa.ForeignKeyConstraint(
            ["report_id"], ["reports.id"], name=op.f("fk_report_news_report_id_reports")
        ),
        sa.PrimaryKeyConstraint("report_id", "department", name=op.f("pk_report_news")),
    )
    op.create_table(
        "notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rider_id", sa.Uuid(), nullable=True),
        sa.Column("report_id", sa.Uuid(), nullable=True),
        sa.Column("suggestion_id", sa.Uuid(), nullable=True),
        sa.Column("history_id", sa.Uuid(), nullable=True),
        sa.Column("department", sa.String(length=12), nullable=True),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("read_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["history_id"], ["case_history.id"], name=op.f("fk_notices_history_id_case_history")
        ),
        sa.ForeignKeyConstraint(
            ["report_id"], ["reports.id"], name=op.f("fk_notices_report_id_reports")
        ),
        sa.ForeignKeyConstraint(
            ["rider_id"], ["riders.id"], name=op.f("fk_notices_rider_id_riders")
        ),
        sa.ForeignKeyConstraint(
            ["suggestion_id"], ["suggestions.id"], name=op.f("fk_notices_suggestion_id_suggestions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint(
            "report_id", "history_id", name=op.f("uq_notices_report_id_history_id")
        ),
        sa.UniqueConstraint("suggestion_id", name=op.f("uq_notices_suggestion_id")),
    )
    op.create_index("ix_notices_rider", "notices", ["rider_id", "id"])


def _ways_out() -> None:
    op.create_table(
        "push_subscriptions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_hash", sa.String(length=64), nullable=False),
        sa.Column("sealed_subscription", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_push_subscriptions")),
        sa.UniqueConstraint(
            "owner_id", "endpoint_hash", name=op.f("uq_push_subscriptions_owner_id_endpoint_hash")
        ),
    )
    op.create_index(
        op.f("ix_push_subscriptions_endpoint_hash"), "push_subscriptions", ["endpoint_hash"]
    )
    op.create_table(
        "messenger_links",
        sa.Column("rider_id", sa.Uuid(), nullable=False),
        sa.Column("sealed_recipient", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["rider_id"], ["riders.id"], name=op.f("fk_messenger_links_rider_id_riders")
        ),
        sa.PrimaryKeyConstraint("rider_id", name=op.f("pk_messenger_links")),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("target_id", sa.Uuid(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("outcome", sa.String(length=8), nullable=True),
        sa.Column("last_error", sa.String(length=40), nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["notices.id"], name=op.f("fk_deliveries_notice_id_notices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint(
            "notice_id",
            "channel",
            "target_id",
            name=op.f("uq_deliveries_notice_id_channel_target_id"),
        ),
    )
    op.create_index("ix_deliveries_due", "deliveries", ["due_at"])
    op.create_index("ix_deliveries_outcome", "deliveries", ["outcome", "ended_at"])
    op.create_index(op.f("ix_deliveries_target_id"), "deliveries", ["target_id"])


def _note_news() -> None:
    """Put every change that a reporter may be told of among what waits to be told."""
    if op.get_bind().dialect.name == "sqlite":
        for table in NEWS:
            op.execute(
                f"CREATE TRIGGER {table}_news AFTER INSERT ON {table} "
                "BEGIN INSERT INTO case_news (case_id) VALUES (NEW.case_id); END"
            )
        return
    op.execute(
        """
        CREATE FUNCTION note_news() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          INSERT INTO case_news (case_id) VALUES (NEW.case_id);
          RETURN NULL;
        END $$
        """
    )
    for table in NEWS:
        op.execute(
            f"CREATE TRIGGER {table}_news AFTER INSERT ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION note_news()"
        )

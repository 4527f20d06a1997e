"""Search, saved views and what the queue needs to stay fast at a million cases."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TREES = ("tree_1", "tree_2", "tree_3", "tree_4")
LISTED = (*TREES, "unit_id", "assignee_id")

# `{}` is the row: `cases` on SQLite, NEW on PostgreSQL.
STAGE = """CASE
    WHEN {0}.state IN ('closed', 'invalid', 'transferred') THEN 4
    WHEN EXISTS (SELECT 1 FROM case_proposals AS proposal
                 WHERE proposal.case_id = {0}.id AND proposal.decided_at IS NULL) THEN 2
    WHEN {0}.state = 'dispatch' THEN 0
    WHEN {0}.state IN ('unfounded', 'unverifiable', 'not_filed', 'penalised', 'no_penalty',
                       'withdrawn') THEN 3
    ELSE 1 END"""


def upgrade() -> None:
    for name in TREES:
        op.add_column("cases", sa.Column(name, sa.Uuid(), nullable=True))
    op.add_column("cases", sa.Column("stage", sa.SmallInteger(), nullable=True))
    op.add_column("cases", sa.Column("open_cell", sa.Integer(), nullable=True))
    op.create_table(
        "case_words",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column(
            "tokens", postgresql.ARRAY(sa.Text()).with_variant(sa.Text(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name=op.f("fk_case_words_case_id_cases")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_words")),
        sa.UniqueConstraint("case_id", name=op.f("uq_case_words_case_id")),
    )
    op.create_table(
        "saved_views",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("query", sa.String(length=800), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_saved_views_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
        sa.UniqueConstraint("staff_id", "name", name=op.f("uq_saved_views_staff_id_name")),
    )
    if op.get_bind().dialect.name == "sqlite":
        _keep_on_sqlite()
    else:
        _keep_on_postgresql()
    # The cases that are there already: a change that changes nothing wakes the triggers.
    op.execute("UPDATE cases SET state = state")
    op.drop_index("ix_cases_queue", table_name="cases")
    op.drop_index(op.f("ix_cases_assignee_id"), table_name="cases")
    for column in LISTED:
        op.create_index(_index(column), "cases", [column, "stage", "due_on", "id"])
    op.create_index(op.f("ix_cases_open_cell"), "cases", ["open_cell"])
    op.create_index(op.f("ix_cases_opened_at"), "cases", ["opened_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_cases_opened_at"), table_name="cases")
    op.drop_index(op.f("ix_cases_open_cell"), table_name="cases")
    for column in LISTED:
        op.drop_index(_index(column), table_name="cases")
    if op.get_bind().dialect.name == "sqlite":
        for name in ("cases_inserted", "cases_moved", "proposals_inserted", "proposals_decided"):
            op.execute(f"DROP TRIGGER {name}_place")
        op.execute("DROP TABLE case_pairs")
    else:
        op.execute("DROP TRIGGER cases_place ON cases")
        op.execute("DROP TRIGGER proposals_place ON case_proposals")
        op.execute("DROP FUNCTION place_case()")
        op.execute("DROP FUNCTION place_proposed_case()")
    op.drop_table("saved_views")
    op.drop_table("case_words")
    for name in ("open_cell", "stage", *reversed(TREES)):
        op.drop_column("cases", name)
    op.create_index(op.f("ix_cases_assignee_id"), "cases", ["assignee_id"])
    op.create_index("ix_cases_queue", "cases", ["unit_id", "state", "due_on", "id"])


def _index(column: str) -> str:
    return f"ix_cases_{column.removesuffix('_id')}"


def _keep_on_sqlite() -> None:
    # A unit's path is /id/id/…, each id 32 digits: the n-th begins at 2 + 33(n - 1).
    trees = ", ".join(
        f"{name} = (SELECT NULLIF(substr(path, {2 + 33 * depth}, 32), '') "
        "FROM units WHERE units.id = cases.unit_id)"
        for depth, name in enumerate(TREES)
    )
    stage = STAGE.format("cases")
    cell = (
        "CASE WHEN state NOT IN ('closed', 'invalid', 'transferred') THEN "
        "CAST((latitude + 90) * 20 AS INTEGER) * 10000 + CAST((longitude + 180) * 20 AS INTEGER) "
        "END"
    )
    placed = f"UPDATE cases SET {trees}, stage = {stage}, open_cell = {cell} WHERE id = NEW.id;"
    woken = "UPDATE cases SET state = state WHERE id = NEW.case_id;"
    for name, when, done in (
        ("cases_inserted", "INSERT ON cases", placed),
        ("cases_moved", "UPDATE OF unit_id, state, latitude, longitude ON cases", placed),
        ("proposals_inserted", "INSERT ON case_proposals", woken),
        ("proposals_decided", "UPDATE OF decided_at ON case_proposals", woken),
    ):
        op.execute(f"CREATE TRIGGER {name}_place AFTER {when} BEGIN {done} END")
    # The pairs come ready made: nothing is folded, and only whether a case has one is kept.
    op.execute(
        "CREATE VIRTUAL TABLE case_pairs USING fts5(tokens, content='case_words', "
        "content_rowid='id', detail='none', columnsize=0, tokenize='unicode61 remove_diacritics 0')"
    )
    take = (
        "INSERT INTO case_pairs (case_pairs, rowid, tokens) VALUES ('delete', OLD.id, OLD.tokens);"
    )
    put = "INSERT INTO case_pairs (rowid, tokens) VALUES (NEW.id, NEW.tokens);"
    for name, when, done in (
        ("inserted", "INSERT", put),
        ("deleted", "DELETE", take),
        ("changed", "UPDATE OF tokens", take + put),
    ):
        op.execute(f"CREATE TRIGGER case_words_{name} AFTER {when} ON case_words BEGIN {done} END")


def _keep_on_postgresql() -> None:
    # The name of the index says what it is for; case_words is small beside its index.
    op.create_index("ix_case_words_tokens", "case_words", ["tokens"], postgresql_using="gin")
    trees = "\n".join(
        f"NEW.{name} := NULLIF(substr(way, {2 + 33 * depth}, 32), '')::uuid;"
        for depth, name in enumerate(TREES)
    )
    stage = STAGE.format("NEW")
    op.execute(
        f"""
        CREATE FUNCTION place_case() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE way text;
        BEGIN
          SELECT path INTO way FROM units WHERE units.id = NEW.unit_id;
          {trees}
          NEW.stage := {stage};
          NEW.open_cell := CASE WHEN NEW.stage <> 4 THEN
            floor((NEW.latitude + 90) * 20)::integer * 10000
            + floor((NEW.longitude + 180) * 20)::integer END;
          RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER cases_place BEFORE INSERT OR UPDATE OF unit_id, state, latitude, "
        "longitude ON cases FOR EACH ROW EXECUTE FUNCTION place_case()"
    )
    op.execute(
        """
        CREATE FUNCTION place_proposed_case() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          UPDATE cases SET state = state WHERE id = NEW.case_id;
          RETURN NULL;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER proposals_place AFTER INSERT OR UPDATE OF decided_at ON case_proposals "
        "FOR EACH ROW EXECUTE FUNCTION place_proposed_case()"
    )

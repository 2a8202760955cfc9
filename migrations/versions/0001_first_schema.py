"""first schema"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# The index of the lead search, on words (`search_text` has them apart by single spaces). It is
# each database's own, so it is no part of the models. Whoever rebuilds the table `leads` on SQLite
# (batch_alter_table) drops its triggers and has to create them again.
SEARCH_ON_SQLITE = (
    """
    CREATE VIRTUAL TABLE leads_search USING fts5(
        search_text, content='leads', content_rowid='key',
        tokenize='ascii', prefix='1 2 3', detail='none', columnsize=0
    )
    """,
    """
    CREATE TRIGGER leads_search_added AFTER INSERT ON leads BEGIN
        INSERT INTO leads_search (rowid, search_text) VALUES (new.key, new.search_text);
    END
    """,
    """
    CREATE TRIGGER leads_search_removed AFTER DELETE ON leads BEGIN
        INSERT INTO leads_search (leads_search, rowid, search_text)
        VALUES ('delete', old.key, old.search_text);
    END
    """,
    """
    CREATE TRIGGER leads_search_changed AFTER UPDATE OF search_text ON leads BEGIN
        INSERT INTO leads_search (leads_search, rowid, search_text)
        VALUES ('delete', old.key, old.search_text);
        INSERT INTO leads_search (rowid, search_text) VALUES (new.key, new.search_text);
    END
    """,
)
SEARCH_ON_POSTGRESQL = (
    """
    CREATE INDEX leads_search ON leads
    USING gin (array_to_tsvector(string_to_array(search_text, ' ')))
    """,
)


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("key", KEY, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("last_four", sa.String(length=4), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_keys_digest")),
    )
    op.create_table(
        "audit_entries",
        sa.Column("key", KEY, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("action", sa.String(length=50), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_audit_entries")),
    )
    with op.batch_alter_table("audit_entries") as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_entries_at"), ["at"])

    op.create_table(
        "runs",
        sa.Column("key", KEY, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("trigger", sa.String(length=50), nullable=False),
        sa.Column("requested_by", sa.String(length=200), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_by", sa.String(length=100), nullable=True),
        sa.Column("n_attempts", sa.Integer(), nullable=False),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("stage", sa.String(length=200), nullable=False),
        sa.Column("task", sa.JSON(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('training', 'import', 'rescoring', 'sync')", name=op.f("ck_runs_kind_known")
        ),
        sa.CheckConstraint(
            "state IN ('requested', 'running', 'succeeded', 'failed')",
            name=op.f("ck_runs_state_known"),
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_runs")),
    )
    with op.batch_alter_table("runs") as batch_op:
        batch_op.create_index("ix_runs_kind_key", ["kind", "key"])
        batch_op.create_index(
            "uq_runs_open_kind",
            ["kind"],
            unique=True,
            sqlite_where=sa.text("finished_at IS NULL"),
            postgresql_where=sa.text("finished_at IS NULL"),
        )

    op.create_table(
        "users",
        sa.Column("key", KEY, nullable=False),
        sa.Column("email", sa.String(length=200), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("session_epoch", sa.Integer(), nullable=False),
        sa.Column("n_failed_sign_ins", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("role IN ('rep', 'manager', 'admin')", name=op.f("ck_users_role_known")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_table(
        "idempotent_answers",
        sa.Column("key", KEY, nullable=False),
        sa.Column("api_key_key", KEY, nullable=False),
        sa.Column("path", sa.String(length=100), nullable=False),
        sa.Column("idempotency_key", sa.String(length=255), nullable=False),
        sa.Column("body_digest", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claim", sa.String(length=32), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("n_rows_done", sa.Integer(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["api_key_key"],
            ["api_keys.key"],
            name=op.f("fk_idempotent_answers_api_key_key_api_keys"),
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_idempotent_answers")),
        sa.UniqueConstraint(
            "api_key_key", "path", "idempotency_key", name=op.f("uq_idempotent_answers_api_key_key")
        ),
    )
    with op.batch_alter_table("idempotent_answers") as batch_op:
        batch_op.create_index(batch_op.f("ix_idempotent_answers_started_at"), ["started_at"])

    op.create_table(
        "idempotent_parts",
        sa.Column("answer_key", KEY, nullable=False),
        sa.Column("first_row", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["answer_key"],
            ["idempotent_answers.key"],
            name=op.f("fk_idempotent_parts_answer_key_idempotent_answers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("answer_key", "first_row", name=op.f("pk_idempotent_parts")),
    )
    op.create_table(
        "leads",
        sa.Column("key", KEY, nullable=False),
        sa.Column("lead_id", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("company", sa.String(length=200), nullable=True),
        sa.Column("email", sa.String(length=200), nullable=True),
        sa.Column("phone", sa.String(length=200), nullable=True),
        sa.Column("owner", sa.String(length=200), nullable=True),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("sort_name", sa.String(length=200), nullable=False),
        sa.Column("crm_id", sa.String(length=18), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("merged_into_key", KEY, nullable=True),
        sa.Column("age", sa.Double(), nullable=True),
        sa.Column("location", sa.String(length=100), nullable=True),
        sa.Column("industry", sa.String(length=100), nullable=True),
        sa.Column("email_opens", sa.Double(), nullable=True),
        sa.Column("website_visits", sa.Double(), nullable=True),
        sa.Column("content_downloads", sa.Double(), nullable=True),
        sa.Column("days_since_contact", sa.Double(), nullable=True),
        sa.Column("lead_source", sa.String(length=100), nullable=True),
        sa.Column("own_fields", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.Boolean(), nullable=True),
        sa.Column("outcome_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counted_by_run", KEY, nullable=True),
        sa.Column("counted_outcome", sa.Boolean(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("scored_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["counted_by_run"], ["runs.key"], name=op.f("fk_leads_counted_by_run_runs")
        ),
        sa.ForeignKeyConstraint(
            ["merged_into_key"], ["leads.key"], name=op.f("fk_leads_merged_into_key_leads")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_leads")),
        sa.UniqueConstraint("crm_id", name=op.f("uq_leads_crm_id")),
        sa.UniqueConstraint("lead_id", name=op.f("uq_leads_lead_id")),
    )
    with op.batch_alter_table("leads") as batch_op:
        batch_op.create_index(batch_op.f("ix_leads_counted_by_run"), ["counted_by_run"])
        batch_op.create_index(batch_op.f("ix_leads_merged_into_key"), ["merged_into_key"])
        batch_op.create_index("ix_leads_outcome_key", ["outcome", "key"])
        batch_op.create_index("ix_leads_scored_at_key", ["scored_at", "key"])
        batch_op.create_index("ix_leads_sort_name_key", ["sort_name", "key"])
        batch_op.create_index(
            "ix_leads_uncounted",
            ["key"],
            sqlite_where=sa.text("outcome IS NOT NULL AND counted_by_run IS NULL"),
            postgresql_where=sa.text("outcome IS NOT NULL AND counted_by_run IS NULL"),
        )

    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SEARCH_ON_SQLITE if is_sqlite else SEARCH_ON_POSTGRESQL:
        op.execute(statement)

    op.create_table(
        "model_versions",
        sa.Column("key", KEY, nullable=False),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_key", KEY, nullable=True),
        sa.Column("parent_key", KEY, nullable=True),
        sa.Column("family", sa.String(length=50), nullable=False),
        sa.Column("scorecard", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("training", sa.JSON(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("decision", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_key"],
            ["model_versions.key"],
            name=op.f("fk_model_versions_parent_key_model_versions"),
        ),
        sa.ForeignKeyConstraint(
            ["run_key"], ["runs.key"], name=op.f("fk_model_versions_run_key_runs")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_model_versions")),
        sa.UniqueConstraint("name", name=op.f("uq_model_versions_name")),
        sa.UniqueConstraint("run_key", name=op.f("uq_model_versions_run_key")),
    )
    op.create_table(
        "model_aliases",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("version_key", KEY, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_key"],
            ["model_versions.key"],
            name=op.f("fk_model_aliases_version_key_model_versions"),
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_model_aliases")),
    )
    op.create_table(
        "outcomes",
        sa.Column("key", KEY, nullable=False),
        sa.Column("lead_key", KEY, nullable=False),
        sa.Column("result", sa.String(length=20), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("rule", sa.String(length=100), nullable=True),
        sa.Column("idempotency_key", sa.String(length=255), nullable=True),
        sa.CheckConstraint(
            "result IN ('converted', 'lost', 'withdrawn')", name=op.f("ck_outcomes_result_known")
        ),
        sa.CheckConstraint(
            "source IN ('api', 'rep', 'csv', 'salesforce')", name=op.f("ck_outcomes_source_known")
        ),
        sa.ForeignKeyConstraint(
            ["lead_key"], ["leads.key"], name=op.f("fk_outcomes_lead_key_leads")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_outcomes")),
        sa.UniqueConstraint("lead_key", "idempotency_key", name=op.f("uq_outcomes_lead_key")),
    )
    with op.batch_alter_table("outcomes") as batch_op:
        batch_op.create_index("ix_outcomes_lead_key_happened_at", ["lead_key", "happened_at"])

    op.create_table(
        "scores",
        sa.Column(
            "version_key",
            KEY,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("lead_key", KEY, autoincrement=False, nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("lead_source", sa.String(length=100), nullable=False),
        sa.Column("industry", sa.String(length=100), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.CheckConstraint(
            "status IN ('open', 'converted', 'lost')", name=op.f("ck_scores_status_known")
        ),
        sa.ForeignKeyConstraint(["lead_key"], ["leads.key"], name=op.f("fk_scores_lead_key_leads")),
        sa.ForeignKeyConstraint(
            ["version_key"],
            ["model_versions.key"],
            name=op.f("fk_scores_version_key_model_versions"),
        ),
        sa.PrimaryKeyConstraint("version_key", "lead_key", name=op.f("pk_scores")),
    )
    with op.batch_alter_table("scores") as batch_op:
        batch_op.create_index(batch_op.f("ix_scores_lead_key"), ["lead_key"])
        batch_op.create_index(
            "ix_scores_queue", ["version_key", "status", "probability", "lead_key"]
        )
        for facet, *others in (
            ("lead_source", "industry", "owner"),
            ("industry", "lead_source", "owner"),
            ("owner", "lead_source", "industry"),
        ):
            batch_op.create_index(
                f"ix_scores_queue_{facet}",
                ["version_key", "status", facet, "probability", "lead_key", *others],
            )

    op.create_table(
        "snapshots",
        sa.Column("key", KEY, nullable=False),
        sa.Column("lead_key", KEY, nullable=False),
        sa.Column("version_key", KEY, nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("inputs", sa.JSON(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("came_with_outcome", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["lead_key"], ["leads.key"], name=op.f("fk_snapshots_lead_key_leads")
        ),
        sa.ForeignKeyConstraint(
            ["version_key"],
            ["model_versions.key"],
            name=op.f("fk_snapshots_version_key_model_versions"),
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_snapshots")),
    )
    with op.batch_alter_table("snapshots") as batch_op:
        batch_op.create_index("ix_snapshots_lead_key_taken_at", ["lead_key", "taken_at"])


def downgrade() -> None:
    op.drop_table("snapshots")
    op.drop_table("scores")
    op.drop_table("outcomes")
    op.drop_table("model_aliases")
    op.drop_table("model_versions")
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE leads_search")
    op.drop_table("leads")
    op.drop_table("idempotent_parts")
    op.drop_table("idempotent_answers")
    op.drop_table("users")
    op.drop_table("runs")
    op.drop_table("audit_entries")
    op.drop_table("api_keys")

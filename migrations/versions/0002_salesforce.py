"""salesforce"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "crm_connections",
        sa.Column("key", KEY, nullable=False),
        sa.Column("method", sa.String(length=30), nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("username", sa.String(length=200), nullable=False),
        sa.Column("sealed_secrets", sa.Text(), nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.String(length=200), nullable=False),
        sa.Column("described", sa.JSON(), nullable=False),
        sa.Column("described_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("breaker_case", sa.String(length=60), nullable=True),
        sa.Column("breaker_detail", sa.String(length=500), nullable=False),
        sa.Column("breaker_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("n_failures", sa.Integer(), nullable=False),
        sa.Column("calls_on", sa.String(length=10), nullable=False),
        sa.Column("n_calls", sa.Integer(), nullable=False),
        sa.Column("n_used", sa.Integer(), nullable=True),
        sa.Column("n_limit", sa.Integer(), nullable=True),
        sa.Column("hinted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reconciled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settle_after_id", sa.String(length=18), nullable=True),
        sa.Column("compared_through_key", KEY, nullable=False),
        sa.Column("offered_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("offered_version_key", KEY, nullable=True),
        sa.Column("offered_through_key", KEY, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_crm_connections")),
    )
    op.create_table(
        "crm_field_maps",
        sa.Column("field", sa.String(length=63), nullable=False),
        sa.Column("crm_field", sa.String(length=80), nullable=True),
        sa.Column("transform", sa.String(length=20), nullable=False),
        sa.Column("constant", sa.String(length=100), nullable=True),
        sa.Column("fallback", sa.String(length=100), nullable=True),
        sa.Column("is_stable", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "transform IN ('as_is', 'days_since', 'boolean', 'constant')",
            name=op.f("ck_crm_field_maps_transform_known"),
        ),
        sa.PrimaryKeyConstraint("field", name=op.f("pk_crm_field_maps")),
    )
    op.create_table(
        "crm_opportunities",
        sa.Column("id", sa.String(length=18), nullable=False),
        sa.Column("stamp", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.String(length=40), nullable=False),
        sa.Column("stage_changed_at", sa.String(length=40), nullable=True),
        sa.Column("is_closed", sa.Boolean(), nullable=False),
        sa.Column("is_won", sa.Boolean(), nullable=False),
        sa.Column("is_deleted", sa.Boolean(), nullable=False),
        sa.Column("has_source", sa.Boolean(), nullable=False),
        sa.Column("is_readable", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_opportunities")),
    )
    op.create_table(
        "crm_windows",
        sa.Column("object", sa.String(length=40), nullable=False),
        sa.Column("done_until", sa.String(length=40), nullable=True),
        sa.Column("start", sa.String(length=40), nullable=True),
        sa.Column("end", sa.String(length=40), nullable=True),
        sa.Column("after_stamp", sa.String(length=40), nullable=True),
        sa.Column("after_id", sa.String(length=18), nullable=False),
        sa.PrimaryKeyConstraint("object", name=op.f("pk_crm_windows")),
    )
    op.create_table(
        "crm_leads",
        sa.Column("id", sa.String(length=18), nullable=False),
        sa.Column("lead_key", KEY, nullable=True),
        sa.Column("stamp", sa.String(length=40), nullable=False),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("inputs_digest", sa.String(length=32), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.String(length=40), nullable=False),
        sa.Column("active_on", sa.String(length=10), nullable=True),
        sa.Column("status", sa.String(length=255), nullable=True),
        sa.Column("is_converted", sa.Boolean(), nullable=False),
        sa.Column("converted_on", sa.String(length=10), nullable=True),
        sa.Column("opportunity_id", sa.String(length=18), nullable=True),
        sa.Column("contact_id", sa.String(length=18), nullable=True),
        sa.Column("is_deleted", sa.Boolean(), nullable=False),
        sa.Column("merged_into", sa.String(length=18), nullable=True),
        sa.Column("linked_opportunity_id", sa.String(length=18), nullable=True),
        sa.Column("said", sa.String(length=20), nullable=True),
        sa.Column("rule", sa.String(length=10), nullable=True),
        sa.Column("source_id", sa.String(length=18), nullable=True),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_inferred", sa.Boolean(), nullable=False),
        sa.Column("is_unscorable", sa.Boolean(), nullable=False),
        sa.Column("is_to_be_read", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["lead_key"], ["leads.key"], name=op.f("fk_crm_leads_lead_key_leads")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crm_leads")),
        sa.UniqueConstraint("lead_key", name=op.f("uq_crm_leads_lead_key")),
    )
    with op.batch_alter_table("crm_leads") as batch_op:
        batch_op.create_index(batch_op.f("ix_crm_leads_contact_id"), ["contact_id"])
        batch_op.create_index(batch_op.f("ix_crm_leads_is_to_be_read"), ["is_to_be_read"])
        batch_op.create_index(
            batch_op.f("ix_crm_leads_linked_opportunity_id"), ["linked_opportunity_id"]
        )
        batch_op.create_index(batch_op.f("ix_crm_leads_merged_into"), ["merged_into"])
        batch_op.create_index(batch_op.f("ix_crm_leads_opportunity_id"), ["opportunity_id"])

    op.create_table(
        "crm_outbox",
        sa.Column("lead_key", KEY, autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("n_attempts", sa.Integer(), nullable=False),
        sa.Column("case", sa.String(length=60), nullable=True),
        sa.Column("detail", sa.String(length=500), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_score", sa.Double(), nullable=True),
        sa.Column("sent_band", sa.String(length=10), nullable=True),
        sa.Column("sent_version", sa.String(length=20), nullable=True),
        sa.CheckConstraint(
            "state IN ('due', 'sent', 'dead', 'stopped')", name=op.f("ck_crm_outbox_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["lead_key"], ["leads.key"], name=op.f("fk_crm_outbox_lead_key_leads")
        ),
        sa.PrimaryKeyConstraint("lead_key", name=op.f("pk_crm_outbox")),
    )
    with op.batch_alter_table("crm_outbox") as batch_op:
        batch_op.create_index("ix_crm_outbox_state_due_at", ["state", "due_at"])

    op.create_table(
        "crm_unmatched",
        sa.Column("opportunity_id", sa.String(length=18), nullable=False),
        sa.Column("reason", sa.String(length=30), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("n_tries", sa.Integer(), nullable=False),
        sa.Column("lead_key", KEY, nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'linked', 'ignored', 'settled')",
            name=op.f("ck_crm_unmatched_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["lead_key"], ["leads.key"], name=op.f("fk_crm_unmatched_lead_key_leads")
        ),
        sa.PrimaryKeyConstraint("opportunity_id", name=op.f("pk_crm_unmatched")),
    )
    with op.batch_alter_table("crm_unmatched") as batch_op:
        batch_op.create_index(batch_op.f("ix_crm_unmatched_lead_key"), ["lead_key"])
        batch_op.create_index("ix_crm_unmatched_state_first_seen_at", ["state", "first_seen_at"])

    op.create_table(
        "crm_conflicts",
        sa.Column("key", KEY, nullable=False),
        sa.Column("lead_key", KEY, nullable=False),
        sa.Column("rep_outcome_key", KEY, nullable=False),
        sa.Column("crm_outcome_key", KEY, nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.String(length=200), nullable=True),
        sa.Column("kept", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(
            ["crm_outcome_key"],
            ["outcomes.key"],
            name=op.f("fk_crm_conflicts_crm_outcome_key_outcomes"),
        ),
        sa.ForeignKeyConstraint(
            ["lead_key"], ["leads.key"], name=op.f("fk_crm_conflicts_lead_key_leads")
        ),
        sa.ForeignKeyConstraint(
            ["rep_outcome_key"],
            ["outcomes.key"],
            name=op.f("fk_crm_conflicts_rep_outcome_key_outcomes"),
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_crm_conflicts")),
    )
    with op.batch_alter_table("crm_conflicts") as batch_op:
        batch_op.create_index(batch_op.f("ix_crm_conflicts_crm_outcome_key"), ["crm_outcome_key"])
        batch_op.create_index(batch_op.f("ix_crm_conflicts_lead_key"), ["lead_key"])
        batch_op.create_index(batch_op.f("ix_crm_conflicts_rep_outcome_key"), ["rep_outcome_key"])
        batch_op.create_index("ix_crm_conflicts_settled_at_key", ["settled_at", "key"])
        batch_op.create_index(
            "uq_crm_conflicts_open_lead",
            ["lead_key"],
            unique=True,
            sqlite_where=sa.text("settled_at IS NULL"),
            postgresql_where=sa.text("settled_at IS NULL"),
        )

    op.create_table(
        "crm_roles",
        sa.Column("crm_lead_id", sa.String(length=18), nullable=False),
        sa.Column("opportunity_id", sa.String(length=18), nullable=False),
        sa.ForeignKeyConstraint(
            ["crm_lead_id"], ["crm_leads.id"], name=op.f("fk_crm_roles_crm_lead_id_crm_leads")
        ),
        sa.PrimaryKeyConstraint("crm_lead_id", "opportunity_id", name=op.f("pk_crm_roles")),
    )
    with op.batch_alter_table("crm_roles") as batch_op:
        batch_op.create_index(batch_op.f("ix_crm_roles_opportunity_id"), ["opportunity_id"])


def downgrade() -> None:
    op.drop_table("crm_roles")
    op.drop_table("crm_conflicts")
    op.drop_table("crm_unmatched")
    op.drop_table("crm_outbox")
    op.drop_table("crm_leads")
    op.drop_table("crm_windows")
    op.drop_table("crm_opportunities")
    op.drop_table("crm_field_maps")
    op.drop_table("crm_connections")

"""Webhooks: endpoints, events that are written with what happened, and their deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0037"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
PENDING = sa.text("state = 'pending'")


def upgrade() -> None:
    endpoints()
    events()
    deliveries()
    tries()


def endpoints() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("key", KEY, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("shown_url", sa.String(200), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("min_points", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(200), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("disabled_at", TIME, nullable=True),
        sa.Column("disabled_reason", sa.String(300), nullable=True),
        sa.Column("n_failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("failing_since", TIME, nullable=True),
        sa.Column("paused_until", TIME, nullable=True),
        sa.Column("claimed_by", sa.String(100), nullable=True),
        sa.Column("claimed_until", TIME, nullable=True),
        sa.CheckConstraint(
            "kind IN ('webhook', 'slack', 'teams')", name=op.f("ck_webhook_endpoints_kind_known")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_webhook_endpoints")),
    )


def events() -> None:
    op.create_table(
        "webhook_events",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("occurred_at", TIME, nullable=False),
        sa.Column("lead_key", KEY, nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["lead_key"],
            ["leads.key"],
            name=op.f("fk_webhook_events_lead_key_leads"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_events")),
    )
    op.create_index("ix_webhook_events_occurred_at", "webhook_events", ["occurred_at"])
    op.create_index("ix_webhook_events_lead_key", "webhook_events", ["lead_key"])


def deliveries() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("key", KEY, nullable=False),
        sa.Column("event_id", sa.String(40), nullable=False),
        sa.Column("endpoint_key", KEY, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("queued_at", TIME, nullable=False),
        sa.Column("n_tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", TIME, nullable=False),
        sa.Column("finished_at", TIME, nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'delivered', 'failed')",
            name=op.f("ck_webhook_deliveries_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["endpoint_key"],
            ["webhook_endpoints.key"],
            name=op.f("fk_webhook_deliveries_endpoint_key_webhook_endpoints"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["webhook_events.id"],
            name=op.f("fk_webhook_deliveries_event_id_webhook_events"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_webhook_deliveries")),
        sa.UniqueConstraint(
            "event_id", "endpoint_key", name=op.f("uq_webhook_deliveries_event_id")
        ),
    )
    op.create_index(
        "ix_webhook_deliveries_pending",
        "webhook_deliveries",
        ["endpoint_key", "next_try_at", "key"],
        sqlite_where=PENDING,
        postgresql_where=PENDING,
    )
    op.create_index(
        "ix_webhook_deliveries_endpoint_key_key", "webhook_deliveries", ["endpoint_key", "key"]
    )


def tries() -> None:
    op.create_table(
        "webhook_tries",
        sa.Column("key", KEY, nullable=False),
        sa.Column("delivery_key", KEY, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(200), nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery_key"],
            ["webhook_deliveries.key"],
            name=op.f("fk_webhook_tries_delivery_key_webhook_deliveries"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_webhook_tries")),
    )
    op.create_index("ix_webhook_tries_delivery_key", "webhook_tries", ["delivery_key"])


def downgrade() -> None:
    for table in ("tries", "deliveries", "events", "endpoints"):
        op.drop_table(f"webhook_{table}")

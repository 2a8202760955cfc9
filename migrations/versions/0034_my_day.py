"""What My day asks: a person's latest outcomes, and the leads that came last."""

from alembic import op

revision = "0034"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_outcomes_actor_happened_at", "outcomes", ["actor", "happened_at"])
    op.create_index("ix_leads_created_at_key", "leads", ["created_at", "key"])


def downgrade() -> None:
    op.drop_index("ix_leads_created_at_key", "leads")
    op.drop_index("ix_outcomes_actor_happened_at", "outcomes")

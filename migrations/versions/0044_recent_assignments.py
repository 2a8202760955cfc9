"""Find what a person gave away lately by an index."""

from alembic import op

revision = "0044"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_assignments_actor_at", "assignments", ["actor", "at"])


def downgrade() -> None:
    op.drop_index("ix_assignments_actor_at", table_name="assignments")

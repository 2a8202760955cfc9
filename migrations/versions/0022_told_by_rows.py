"""What rows of an import have told is found by their keys: an undo goes through them in steps."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TABLES = ("outcomes", "waiting_outcomes")


def upgrade() -> None:
    for table in TABLES:
        op.create_index(f"ix_{table}_idempotency_key", table, ["idempotency_key"])


def downgrade() -> None:
    for table in TABLES:
        op.drop_index(f"ix_{table}_idempotency_key", table)

"""Whose scores moved, and when, is told by their index: scores of others are not read."""

from alembic import op

revision = "0059"
down_revision = "0056"
branch_labels = None
depends_on = None

BEFORE = ["version_key", "status", "moved", "lead_key"]


def upgrade() -> None:
    replace([*BEFORE, "owner", "moved_at"])


def downgrade() -> None:
    replace(BEFORE)


def replace(columns: list[str]) -> None:
    op.drop_index("ix_scores_moved", "scores")
    op.create_index("ix_scores_moved", "scores", columns)

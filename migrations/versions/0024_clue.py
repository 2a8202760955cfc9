"""What the lead of an unmatched deal may be known by, for people who look for it."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("crm_unmatched", sa.Column("clue", sa.String(100), nullable=True))


def downgrade() -> None:
    op.drop_column("crm_unmatched", "clue")

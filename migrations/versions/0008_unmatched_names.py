"""Unmatched opportunities have a name and a stage, for people who look for their leads."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

NAMES = ("name", "stage")


def upgrade() -> None:
    for name in NAMES:
        op.add_column("crm_unmatched", sa.Column(name, sa.String(200), nullable=True))


def downgrade() -> None:
    for name in NAMES:
        op.drop_column("crm_unmatched", name)

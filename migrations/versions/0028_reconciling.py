"""How far the daily look at everything has got, where it takes more than one run."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "crm_connections",
        sa.Column("reconciling", sa.JSON(), server_default="{}", nullable=False),
    )


def downgrade() -> None:
    op.drop_column("crm_connections", "reconciling")

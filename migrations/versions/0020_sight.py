"""Where the dates of the CRM are days, and what of it could be read before and cannot now."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("crm_connections", sa.Column("time_zone", sa.String(40), nullable=True))
    op.add_column(
        "crm_connections", sa.Column("sight", sa.JSON(), server_default="{}", nullable=False)
    )


def downgrade() -> None:
    for name in ("sight", "time_zone"):
        op.drop_column("crm_connections", name)

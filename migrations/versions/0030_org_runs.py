"""Which runs were of the org that is connected: those after this one."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    column = sa.Column("org_runs_after_key", KEY, nullable=False, server_default="0")
    op.add_column("crm_connections", column)


def downgrade() -> None:
    op.drop_column("crm_connections", "org_runs_after_key")

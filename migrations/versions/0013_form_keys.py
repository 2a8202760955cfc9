"""Keys that stand in forms of other sites: their origins, and what they sent in a minute."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("api_keys") as table:
        table.add_column(sa.Column("origins", sa.JSON(), nullable=False, server_default="[]"))
        table.add_column(sa.Column("minute", sa.DateTime(timezone=True)))
        table.add_column(sa.Column("n_in_minute", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    with op.batch_alter_table("api_keys") as table:
        table.drop_column("n_in_minute")
        table.drop_column("minute")
        table.drop_column("origins")

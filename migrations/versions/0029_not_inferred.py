"""That one of several deals decides is told by its reason, not marked on the lead."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("crm_leads", "is_inferred")


def downgrade() -> None:
    column = sa.Column("is_inferred", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("crm_leads", column)

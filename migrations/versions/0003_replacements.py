"""Single values of a Salesforce picklist may stand for others of a field."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("crm_field_maps") as batch_op:
        batch_op.add_column(
            sa.Column("replacements", sa.JSON(), server_default=sa.text("'{}'"), nullable=False)
        )


def downgrade() -> None:
    with op.batch_alter_table("crm_field_maps") as batch_op:
        batch_op.drop_column("replacements")

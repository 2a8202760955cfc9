"""Up to when an object of the CRM was read at least once, also while some is read again.

What was read again last night shows as reached from the next run on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("crm_windows", sa.Column("reached", sa.String(40), nullable=True))
    op.execute("UPDATE crm_windows SET reached = done_until")


def downgrade() -> None:
    op.drop_column("crm_windows", "reached")

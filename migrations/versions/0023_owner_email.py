"""The e-mail address of a lead's owner in the CRM, by which the owner's account here is found.

It is known of a lead once the lead is read again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("crm_leads", sa.Column("owner_email", sa.String(200), nullable=True))
    op.create_index(op.f("ix_crm_leads_owner_email"), "crm_leads", ["owner_email"])


def downgrade() -> None:
    op.drop_index(op.f("ix_crm_leads_owner_email"), "crm_leads")
    op.drop_column("crm_leads", "owner_email")

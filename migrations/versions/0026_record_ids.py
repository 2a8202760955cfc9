"""Ids of records have up to 64 characters: not every CRM's are as short as Salesforce's 18.

SQLite holds no text to a length, so its tables stay as they are. Going down fails where a longer
id has come in meanwhile, and leaves all as it was.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

COLUMNS = (
    ("leads", "crm_id"),
    ("crm_connections", "settle_after_id"),
    ("crm_windows", "after_id"),
    ("crm_leads", "id"),
    ("crm_leads", "contact_id"),
    ("crm_leads", "merged_into"),
    ("crm_leads", "source_id"),
    ("crm_deals", "id"),
    ("crm_links", "crm_lead_id"),
    ("crm_links", "deal_id"),
    ("crm_unmatched", "deal_id"),
)


def upgrade() -> None:
    _hold_to(64)


def downgrade() -> None:
    _hold_to(18)


def _hold_to(length: int) -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table, column in COLUMNS:
            op.alter_column(table, column, type_=sa.String(length))

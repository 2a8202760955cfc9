"""Indexes of labels by training, chosen by SQLite for what they are made for.

It took the one of counted labels to find those not counted yet, and so looked at all leads.
"""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0049"
branch_labels = None
depends_on = None

COUNTED = sa.text("counted_by_run IS NOT NULL")
UNCOUNTED = sa.text("outcome IS NOT NULL AND counted_by_run IS NULL")


def upgrade() -> None:
    replace("ix_leads_counted_by_run", ["counted_by_run"], COUNTED)
    replace("ix_leads_uncounted", ["counted_by_run", "key"], UNCOUNTED)


def downgrade() -> None:
    replace("ix_leads_counted_by_run", ["counted_by_run"], None)
    replace("ix_leads_uncounted", ["key"], UNCOUNTED)


def replace(name: str, columns: list[str], where: sa.TextClause | None) -> None:
    op.drop_index(name, "leads")
    op.create_index(name, "leads", columns, sqlite_where=where, postgresql_where=where)

"""The list of reasons why leads are lost, with the usual ones to begin with."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0040"
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
USUAL = ("No budget", "No need", "Bad timing", "Chose a competitor", "No reply", "Wrong contact")


def upgrade() -> None:
    table = op.create_table(
        "lost_reasons",
        sa.Column("key", Key, primary_key=True),
        sa.Column("name", sa.String(100), nullable=False, unique=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.bulk_insert(table, [{"name": name} for name in USUAL])


def downgrade() -> None:
    op.drop_table("lost_reasons")

"""Notes that people write on a lead."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0033"
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "notes",
        sa.Column("key", Key, primary_key=True),
        sa.Column("lead_key", Key, sa.ForeignKey("leads.key"), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("written_at", Time, nullable=False),
        sa.Column("edited_at", Time, nullable=True),
    )
    op.create_index("ix_notes_lead_key_written_at", "notes", ["lead_key", "written_at"])


def downgrade() -> None:
    op.drop_table("notes")

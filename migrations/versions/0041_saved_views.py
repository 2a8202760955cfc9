"""Saved views of the lead table, and what each person sees of it."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0036"
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "saved_views",
        sa.Column("key", Key, primary_key=True),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("author", "name"),
    )
    view = sa.ForeignKey("saved_views.key", ondelete="SET NULL")
    op.create_table(
        "table_settings",
        sa.Column("email", sa.String(200), primary_key=True),
        sa.Column("columns", sa.JSON(), nullable=True),
        sa.Column("start_view", Key, view, nullable=True),
    )


def downgrade() -> None:
    op.drop_table("table_settings")
    op.drop_table("saved_views")

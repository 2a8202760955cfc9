"""In which language, number and date format and time zone pages are written for a person."""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("language", sa.String(20), nullable=True))
    op.add_column("users", sa.Column("formats", sa.String(20), nullable=True))
    op.add_column("users", sa.Column("time_zone", sa.String(64), nullable=True))


def downgrade() -> None:
    op.drop_column("users", "time_zone")
    op.drop_column("users", "formats")
    op.drop_column("users", "language")

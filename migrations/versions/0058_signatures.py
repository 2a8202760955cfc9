"""Model versions are signed with a key that is not in the database."""

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("model_versions", sa.Column("signature", sa.String(64), nullable=True))


def downgrade() -> None:
    op.drop_column("model_versions", "signature")
